"""The audit: it finds every difference, agrees on an hour, and always ends (SPEC F3, F4)."""

import pytest

from hartig_protocol.events import LinkClosed, TimePassed
from hartig_protocol.limits import (
    ASKED_PER_SESSION_MAX,
    AUDIT_EVERY_MS,
    AUDITS_PER_MINUTE_MAX,
    DAY_MS,
    MINUTE_MS,
)
from hartig_protocol.sync import audit_jobs, feeding
from hartig_protocol.sync.audit import (
    ATTEMPT_MS_MAX,
    DEFERRED_MS_MAX,
    UNSETTLED_MS_MAX,
    agreed_hour_ms,
    next_due_ms,
    resume,
)
from hartig_protocol.sync.audit_run import BEGUN_PER_MINUTE_MAX
from hartig_protocol.sync.audit_work import work
from hartig_protocol.sync.messages import (
    ANSWER,
    BEHIND,
    Audit,
    Equal,
    Have,
    Ids,
    Lack,
    List,
    More,
    Pong,
    Records,
    Sketch,
    Through,
)
from hartig_protocol.sync.sketch import (
    FIRST_FLIGHT,
    first_flight,
)
from hartig_protocol.sync.state import Step
from support.auditing import (
    H,
    assert_closed,
    begun,
    dialled,
    greeted,
    hour,
    listing,
    needs,
    rows,
    settle,
    slip_in,
    symbols,
    wrong,
)
from support.cores import Core
from support.records import NOW_MS, seeded
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.mark.parametrize(
    ("mine", "mine_trusted", "theirs", "theirs_trusted", "agreed"),
    [
        (5 * H, True, 5 * H, True, 5 * H),
        (5 * H, True, 7 * H, False, 7 * H),
        (7 * H, True, 5 * H, True, 7 * H),
        (5 * H, True, 8 * H, False, 5 * H),
        (5 * H, False, 8 * H, True, 8 * H),
        (5 * H, True, 8 * H, True, 5 * H),
        (5 * H, False, 8 * H, False, 8 * H),
    ],
)
def test_both_sides_agree_on_the_hour(
    mine: int, mine_trusted: bool, theirs: int, theirs_trusted: bool, agreed: int
) -> None:
    assert agreed_hour_ms(mine, mine_trusted, theirs, theirs_trusted) == agreed
    assert agreed_hour_ms(theirs, theirs_trusted, mine, mine_trusted) == agreed


def test_equal_sets_are_proven_equal_in_one_round_trip_of_few_bytes(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    wire.forget_said()
    wire.pass_time(AUDIT_EVERY_MS + UNSETTLED_MS_MAX)
    assert len(wire.said(a, Audit)) == len(wire.said(b, Equal)) >= 1
    assert not any(wire.said(core, kind) for core in (a, b) for kind in (Sketch, Ids, Lack))
    for core in (a, b):
        assert core.hub.state.open_sessions()[0].audit.as_of is None


@pytest.mark.parametrize("who", ["dialler", "acceptor", "both"])
@pytest.mark.parametrize("count", [1, 12])
def test_a_difference_is_mended_within_one_audit(wire: Wire, who: str, count: int) -> None:
    a, b = wire.member(1, *needs(wire, 100)), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    wire.forget_said()
    for core, other in ((a, "acceptor"), (b, "dialler")):
        if who != other:
            slip_in(core, *needs(wire, count, start=200, number=core.number))
    assert a.ids != b.ids
    wire.pass_time(AUDIT_EVERY_MS + UNSETTLED_MS_MAX)
    assert a.ids == b.ids
    assert wire.said(b, Ids) == []
    assert a.hub.state.feeding is None


def test_a_large_difference_takes_another_flight(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    both = [wire.network.need(a.key, place=place, nonce=place) for place in range(200)]
    wire.publish(a, *both)
    wire.connect(a, b)
    wire.deliver()
    for core in (a, b):
        slip_in(core, *(wire.network.need(core.key, place=place, nonce=place) for place in range(300, 330)))
    wire.pass_time(AUDIT_EVERY_MS + UNSETTLED_MS_MAX)
    assert len(wire.said(a, More)) >= 1
    assert wire.said(a, List) == []
    assert a.ids == b.ids


def test_what_costs_more_symbols_than_a_list_is_listed(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_jobs, "IDS_PER_FRAME_MAX", 4)
    a, b = wire.member(1), wire.member(2)
    for place in range(9):
        wire.publish(a, wire.network.need(a.key, place=place, nonce=place))
    wire.connect(a, b)
    wire.deliver()
    for core in (a, b):
        slip_in(core, *(wire.network.need(core.key, place=place, nonce=place) for place in range(10, 30)))
    wire.pass_time(AUDIT_EVERY_MS + UNSETTLED_MS_MAX)
    assert len(wire.said(a, List)) == 1
    parts = wire.said(b, Ids)
    assert [len(part.ids) for part in parts] == [4] * 8 + [2]
    assert [part.final for part in parts] == [False] * 8 + [True]
    assert a.ids == b.ids


def test_an_audit_goes_on_although_something_waits(wire: Wire) -> None:
    a = wire.member(1)
    puppet = dialled(wire, a)
    settle(puppet)
    puppet.heard.clear()
    unproven = wire.network.need(wire.network.hub(77))
    for _ in range(12):
        puppet.say(Records(BEHIND, (unproven.wire,), False), Through(3, bytes(16), True))
        wire.pass_time(30_000)
    assert len(puppet.all_heard(Audit)) >= 1


def test_the_other_sides_later_hour_is_taken(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.set_clock(b, H)
    wire.connect(a, b)
    wire.deliver()
    wire.pass_time(UNSETTLED_MS_MAX)
    asked, answered = wire.said(a, Audit)[0], wire.said(b, Audit)[0]
    assert answered.as_of == asked.as_of + H
    assert wire.said(a, Equal)[0] == Equal(answered.as_of)


def test_the_side_that_was_dialled_can_repair_too(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.set_clock(b, H)
    wire.connect(a, b)
    wire.deliver()
    slip_in(a, wire.network.need(a.key))
    slip_in(b, wire.network.need(b.key))
    wire.pass_time(AUDIT_EVERY_MS + UNSETTLED_MS_MAX)
    assert len(wire.said(a, Sketch)) == len(wire.said(b, Lack)) == 1
    assert a.ids == b.ids


def test_a_hub_in_1970_uses_the_trusted_hour(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.set_clock(a, -NOW_MS, trusted=False)
    wire.connect(a, b)
    wire.deliver()
    wire.pass_time(UNSETTLED_MS_MAX)
    assert wire.said(b, Audit)[0].as_of == hour(wire)
    assert wire.said(a, Equal)[0] == Equal(hour(wire))


def test_what_still_waits_from_a_peer_with_the_same_set_may_go(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    stale = wire.network.step(puppet.hub_key, wire.network.need(puppet.hub_key))
    puppet.say(Records(BEHIND, (stale.wire,), False), Through(4, bytes(16), True))
    assert len(a.hub.state.waiting) == 1
    ids, print_ = a.hub.state.audit_set.as_of(hour(wire))
    puppet.say(Audit(hour(wire), True, hour(wire), len(ids), print_))
    assert puppet.all_heard(Equal) == [Equal(hour(wire))]
    assert len(a.hub.state.waiting) == 0
    assert a.disk.cursors[puppet.hub_key.public].n == 4


def test_a_stream_that_waited_for_the_audit_goes_on_once_the_peer_has_named_what_it_lacks(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    puppet.session.out.held = True
    puppet.say(wrong(wire))
    assert puppet.session.out.held
    puppet.say(Lack(hour(wire), b"", True))
    assert puppet.session.audit.attempt is None
    assert puppet.all_heard(Records) == []
    wire.publish(a, wire.network.need(a.key))
    wire.pass_time(3_000)
    assert puppet.all_heard(Records) or puppet.all_heard(Have)


def test_audits_again_and_again_cost_the_link(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    ids, print_ = a.hub.state.audit_set.as_of(hour(wire))
    for _turn in range(AUDITS_PER_MINUTE_MAX):
        puppet.say(Audit(hour(wire), True, hour(wire), len(ids), print_))
    assert puppet.closed is None
    puppet.say(Audit(hour(wire), True, hour(wire), len(ids), print_))
    assert_closed(puppet, "too_often")


def test_audits_are_welcome_again_after_a_minute(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    ids, print_ = a.hub.state.audit_set.as_of(hour(wire))
    for _minute in range(3):
        for _turn in range(AUDITS_PER_MINUTE_MAX):
            puppet.say(Audit(hour(wire), True, hour(wire), len(ids), print_))
        for _ in range(4):
            wire.pass_time(MINUTE_MS // 3)
            puppet.say(Pong(0))
    assert puppet.closed is None


def test_an_hour_that_does_not_follow_costs_the_link_at_the_second_time(wire: Wire) -> None:
    puppet = greeted(wire, wire.member(1))
    strange = Audit(hour(wire), True, hour(wire) + 30 * DAY_MS // H * H, 0, bytes(16))
    puppet.say(strange)
    assert [m.as_of for m in puppet.all_heard(Audit)] == [hour(wire)]
    puppet.say(strange)
    assert_closed(puppet, "bad_message")


# --- Time, other peers, and links that end


def test_phantom_ids_cost_one_question_in_each_audit(wire: Wire) -> None:
    assert ASKED_PER_SESSION_MAX == 65_536
    a, puppet, as_of = begun(wire)
    theirs = a.ids | {seeded("phantom", 32)}
    joined = symbols(puppet, theirs, 0, first_flight(len(a.ids), len(theirs)))
    puppet.say(Sketch(as_of, len(theirs), 0, joined), Records(ANSWER, (), True))
    assert len(puppet.all_heard(Lack)) == 1
    for _ in range(11):
        wire.pass_time(30_000)
        puppet.say(Pong(0))
    assert len(puppet.all_heard(Lack)) == 1
    as_of = puppet.all_heard(Audit)[-1].as_of
    puppet.say(Sketch(as_of, len(theirs), 0, joined))
    assert len(puppet.all_heard(Lack)) == 2


def test_a_peer_that_never_answers_an_audit_holds_nothing_up(wire: Wire) -> None:
    a, puppet, _ = begun(wire)
    for _ in range(24):
        wire.pass_time(30_000)
        puppet.say(Pong(0))
    assert len(puppet.all_heard(Audit)) == 2
    wire.publish(a, wire.network.need(a.key))
    assert len(puppet.all_heard(Records)[-1].records) == 1


def test_an_audit_that_gets_no_further_is_forgotten(wire: Wire) -> None:
    _, puppet, _ = begun(wire)
    assert next_due_ms(puppet.session) <= wire.now.steady_ms + ATTEMPT_MS_MAX
    for _ in range(3):
        wire.pass_time(ATTEMPT_MS_MAX // 3)
        puppet.say(Pong(0))
    assert puppet.session.audit.attempt is None


def busy(wire: Wire, core: Core) -> Puppet:
    """Another peer, that feeds this core."""
    other = Puppet(wire, 3, core)
    other.say(other.hello())
    if not feeding.claim(core.hub.state, other.session, Step(wire.clock(core))):
        core.hub.state.feeding = None
        assert feeding.claim(core.hub.state, other.session, Step(wire.clock(core)))
    return other


def test_an_audit_waits_while_another_peer_feeds_us(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    other = busy(wire, a)
    puppet.say(wrong(wire))
    assert puppet.all_heard(Sketch) == []
    resume(a.hub.state, Step(wire.clock(a)))
    assert puppet.session.audit.deferred is not None
    assert other.session.audit.deferred is None
    feeding.release(a.hub.state, other.session, Step(wire.clock(a)))
    wire.handle(a, TimePassed())
    step = Step(wire.clock(a))
    resume(a.hub.state, step)
    wire._carry_out(a, step.actions())
    wire.deliver()
    assert len(puppet.all_heard(Sketch)) == 1


def test_an_audit_waits_for_half_a_minute_at_most(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    other = busy(wire, a)
    puppet.say(wrong(wire))
    assert next_due_ms(puppet.session) == wire.now.steady_ms + DEFERRED_MS_MAX
    for _ in range(10):
        wire.pass_time(DEFERRED_MS_MAX // 10)
        a.hub.state.feeding = None
        assert feeding.claim(a.hub.state, other.session, Step(wire.clock(a)))
        puppet.say(Pong(0))
        other.say(Pong(0))
    assert len(puppet.all_heard(Sketch)) == 1


def test_repair_waits_for_its_turn_if_another_peer_has_begun_to_feed_us(wire: Wire) -> None:
    only_here = wire.network.need(wire.network.hub(1))
    a, puppet, as_of = begun(wire, only_here)
    other = busy(wire, a)
    settle(puppet)
    puppet.heard.clear()
    for turn in range(1, BEGUN_PER_MINUTE_MAX + 1):
        attempt = puppet.session.audit.attempt
        assert attempt is not None
        assert attempt.snapshot is not None
        theirs = (set(attempt.snapshot.ids()) - {only_here.id}) | {seeded("phantom", 32)}
        puppet.say(Sketch(as_of, len(theirs), 0, symbols(puppet, theirs, 0, FIRST_FLIGHT)))
        assert puppet.all_heard(Lack) == []
        assert rows(puppet).count(only_here.wire) == turn
        assert len(puppet.all_heard(Audit)) == turn - 1
        feeding.release(a.hub.state, other.session, Step(wire.clock(a)))
        wire.pass_time(3_000)
        settle(puppet)
        assert feeding.claim(a.hub.state, other.session, Step(wire.clock(a)))
    assert len(puppet.all_heard(Audit)) == BEGUN_PER_MINUTE_MAX - 1


def test_work_for_a_link_that_is_gone_ends(wire: Wire) -> None:
    a, puppet, _ = begun(wire, *needs(wire, 20))
    state, attempt = a.hub.state, puppet.session.audit.attempt
    assert attempt is not None
    steps: list[str] = []

    class Endless:
        def step(self) -> bool:
            steps.append("step")
            return False

    step = Step(wire.clock(a))
    work(state, puppet.session, step, attempt, Endless(), lambda _: steps.append("then"))
    state.continue_jobs(Step(wire.clock(a)))
    assert attempt.working
    wire.handle(a, LinkClosed(puppet.link, "cut"))
    for _ in range(5):
        state.continue_jobs(Step(wire.clock(a)))
    assert steps == ["step"]
    assert not state.jobs


def test_messages_of_a_working_audit_are_passed_over_or_cost_the_link(wire: Wire) -> None:
    _, puppet, as_of = listing(wire)
    assert puppet.session.audit.attempt is not None
    puppet.session.audit.attempt.working = True
    puppet.say(Ids(as_of, (seeded("phantom", 32),), True))
    assert puppet.heard == []
    assert puppet.session.audit.attempt.listed == []
