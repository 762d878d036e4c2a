"""When sessions want to be looked at, as pure functions of the steady clock."""

from collections import deque
from dataclasses import replace

import pytest

from hartig_protocol.limits import HELLO_TIMEOUT_MS, PING_AFTER_MS, PING_LATE_MS, SILENCE_MS_MAX
from hartig_protocol.sync.session import Inbound, Outbound, Phase, Question, Session
from hartig_protocol.sync.state import SyncState
from hartig_protocol.sync.timers import Timers, session_due_ms
from support.records import seeded
from support.town import lone_state
from support.wire import Wire

FAR_MS = 10**9


def session(**changes: object) -> Session:
    return replace(Session(1, seeded("node", 32), False, seeded("n", 16), 100, 100, 100), **changes)


def state_with(*sessions: Session) -> SyncState:
    state = lone_state(0)
    for one in sessions:
        state.sessions[one.link] = one
    return state


@pytest.mark.parametrize(
    ("changes", "due_ms"),
    [
        ({}, 100 + HELLO_TIMEOUT_MS),
        ({"phase": Phase.JOINING, "heard_ms": 5_000}, 100 + HELLO_TIMEOUT_MS),
        ({"phase": Phase.OPEN}, 100 + PING_LATE_MS),
        ({"phase": Phase.OPEN, "opened_by_us": True}, 100 + PING_AFTER_MS),
        ({"phase": Phase.OPEN, "pinged_ms": 70_000}, 100 + SILENCE_MS_MAX),
        ({"phase": Phase.OPEN, "pinged_ms": 70_000, "heard_ms": 69_000}, 70_000 + PING_LATE_MS),
        ({"phase": Phase.OPEN, "opened_by_us": True, "pinged_ms": 50_000, "heard_ms": 50_000}, 30_000),
        ({"phase": Phase.OPEN, "into": Inbound(questions=deque([Question("want")]), answered_ms=-50_000)}, 10_000),
        ({"phase": Phase.OPEN, "out": Outbound(named_due_ms=900, through_due_ms=800)}, 800),
        ({"phase": Phase.OPEN, "into": Inbound(ack_due_ms=700)}, 700),
    ],
)
def test_when_a_session_wants_to_be_looked_at(changes: dict[str, object], due_ms: int) -> None:
    assert session_due_ms(session(**changes)) == due_ms


def test_without_sessions_nothing_is_due() -> None:
    assert Timers().soonest_ms(state_with()) > FAR_MS


def test_the_soonest_of_all_is_due_first() -> None:
    state = state_with(session(), session(link=2, opened_ms=50))
    timers = Timers()
    assert timers.soonest_ms(state) == 50 + HELLO_TIMEOUT_MS


def test_what_was_touched_is_looked_up_again_and_nothing_else() -> None:
    one, other = session(), session(link=2)
    state, timers = state_with(one, other), Timers()
    before = timers.soonest_ms(state)
    one.opened_ms, other.opened_ms = 40, 50
    assert timers.soonest_ms(state) == before
    timers.touched([other.link])
    assert timers.soonest_ms(state) == 50 + HELLO_TIMEOUT_MS
    timers.all_touched()
    assert timers.soonest_ms(state) == 40 + HELLO_TIMEOUT_MS


def test_a_session_that_is_gone_is_forgotten_when_it_was_touched() -> None:
    state, timers = state_with(session(), session(link=2, opened_ms=300)), Timers()
    timers.soonest_ms(state)
    del state.sessions[1]
    timers.touched([1])
    assert timers.soonest_ms(state) == 300 + HELLO_TIMEOUT_MS


def test_only_those_whose_moment_has_come_are_taken_and_in_the_order_of_their_links() -> None:
    first, second, third = session(link=3), session(link=2), session(link=1, opened_ms=300)
    state, timers = state_with(first, second, third), Timers()
    assert timers.due(state, 99 + HELLO_TIMEOUT_MS) == []
    assert timers.due(state, 100 + HELLO_TIMEOUT_MS) == [second, first]
    first.opened_ms = second.opened_ms = 500
    assert timers.soonest_ms(state) == 300 + HELLO_TIMEOUT_MS


def test_a_hub_never_wakes_later_than_one_of_its_sessions_wants() -> None:
    wire = Wire()
    a, b, c = wire.member(1), wire.member(2), wire.member(3)
    wire.connect(a, b)
    wire.connect(a, c)
    wire.deliver()
    wire.pass_time(SILENCE_MS_MAX)
    due_ms = min(session_due_ms(one) for one in a.hub.state.sessions.values())
    assert wire.now.steady_ms < a.hub.next_timer_ms() <= due_ms
