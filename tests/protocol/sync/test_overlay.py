"""Whom a hub wants and whom it takes, rule by rule (SPEC, part O)."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from hartig_protocol.catalog.commit import Now
from hartig_protocol.events import Action, CloseLink, LinksWanted
from hartig_protocol.limits import (
    LINKS_AIM,
    LINKS_FEW,
    LINKS_FULL,
    LINKS_LOW,
    LINKS_VISITED_MAX,
    OVERLAY_LOOK_MS,
    PROBE_EVERY_MS,
    REDUNDANT_MS_MAX,
    SHED_EVERY_MS,
    TRIES_MAX,
    TRY_MS_MAX,
    TRY_SLOW_MS,
)
from hartig_protocol.records.governance import Rank
from hartig_protocol.sync import overlay
from hartig_protocol.sync.overlay_state import Setback, Try
from hartig_protocol.sync.session import Phase, Session
from hartig_protocol.sync.state import Joining, Step, SyncState
from hartig_protocol.trust.authority import Authority, Standing
from support.records import key
from support.town import STANDING, lone_state, standings_of


class Place:
    """One hub, number 0, among others that it knows; links open and close as the test says."""

    def __init__(self, others: int) -> None:
        self.at_ms = 1_000
        self.state: SyncState = lone_state(0)
        self.actions: list[Action] = []
        self._links = 0
        self.know(range(others + 1))

    def know(self, numbers: Iterable[int]) -> None:
        self.state.nodes_of_hub = {hub(number): frozenset({node(number)}) for number in numbers}
        self.state.catalog.authority = standings_of(self.state.nodes_of_hub)
        self.state.overlay.cards_changed()

    def do(self, what: Callable[..., Any], *arguments: Any) -> None:
        step = Step(Now(self.at_ms, self.at_ms))
        what(self.state, step, *arguments)
        self.actions += step.actions()

    def look(self) -> None:
        self.overlay.links_changed = True  # sessions come and go here as a test says
        self.do(overlay.refresh)

    def look_again(self) -> None:
        self.overlay.due_ms = 0
        self.look()

    def wait_for_a_try(self, span_ms: int) -> None:
        until_ms = self.at_ms + span_ms
        while not self.tried:
            assert self.at_ms < until_ms
            self.wait(100)

    def wait(self, span_ms: int) -> None:
        """Let time go by as `hub` does: a look whenever one is due."""
        until_ms = self.at_ms + span_ms
        while overlay.next_due_ms(self.state) <= until_ms:
            self.at_ms = max(self.at_ms, overlay.next_due_ms(self.state))
            self.look()
            assert overlay.next_due_ms(self.state) > self.at_ms
        self.at_ms = until_ms

    def link(self, number: int, *, by_us: bool = False, is_open: bool = True) -> Session:
        self._links += 1
        session = Session(self._links, node(number), by_us, bytes(16), self.at_ms, self.at_ms, self.at_ms)
        self.state.sessions[session.link] = session
        if is_open:
            session.peer_hub, session.phase = hub(number), Phase.OPEN
        self.look()
        return session

    def cut(self, session: Session) -> None:
        del self.state.sessions[session.link]
        self.look()

    @property
    def overlay(self) -> Any:
        return self.state.overlay

    @property
    def tried(self) -> set[int]:
        return {number for number in range(100) if node(number) in self.overlay.wanted}

    @property
    def closed(self) -> list[tuple[int, str]]:
        return [(action.link, action.code) for action in self.actions if isinstance(action, CloseLink)]


def hub(number: int) -> bytes:
    return key(f"hub {number!r}").public


def node(number: int) -> bytes:
    return key(f"node {number!r}").public


def crowd(place: Place, count: int) -> list[Session]:
    return [place.link(number) for number in range(1, count + 1)]


# --- Who is known


def test_a_newcomer_wants_its_inviter_alone() -> None:
    place = Place(3)
    place.state.catalog.authority = Authority()
    place.look()
    assert place.overlay.wanted == ()
    place.state.joining = Joining((node(2),), bytes(16))
    place.wait(OVERLAY_LOOK_MS)
    assert place.overlay.wanted == (node(2),)


@pytest.mark.parametrize(("others", "is_mesh"), [(0, True), (11, True), (12, False)])
def test_up_to_twelve_hubs_are_a_mesh(others: int, is_mesh: bool) -> None:
    place = Place(others)
    place.look()
    assert overlay.is_mesh(place.state) is is_mesh
    assert len(place.overlay.wanted) == (others if is_mesh else LINKS_FEW)


def test_a_hub_that_does_not_stand_as_one_or_has_no_node_is_not_wanted() -> None:
    place = Place(4)
    member = Standing(Rank.MEMBER, 1, 0, gateway=False, until_ms=1, grant=None)
    place.state.catalog.authority = Authority({hub(0): STANDING, hub(1): STANDING, hub(2): member, hub(3): STANDING})
    place.state.nodes_of_hub[hub(3)] = frozenset({node(0)})
    place.state.overlay.cards_changed()
    place.look()
    assert place.overlay.wanted == (node(1),)


def test_what_is_wanted_is_said_once_and_again_when_it_changes() -> None:
    place = Place(2)
    place.look()
    place.look()
    place.wait(3 * OVERLAY_LOOK_MS)
    assert place.actions == [LinksWanted(tuple(sorted((node(1), node(2)))))]
    place.know(range(2))
    place.look()
    assert place.actions[1:] == [LinksWanted((node(1),))]


def test_a_hub_that_is_no_longer_known_is_forgotten() -> None:
    place = Place(20)
    place.look()
    (lost, *_) = place.tried
    place.do(overlay.unreachable, node(lost))
    place.do(overlay.heard, node(lost))
    place.know(number for number in range(21) if number != lost)
    place.look()
    assert node(lost) not in {*place.overlay.setbacks, *place.overlay.near, *place.overlay.tries}


# --- Who is taken


def test_a_knock_is_taken_until_there_are_enough_links() -> None:
    place = Place(20)
    crowd(place, LINKS_AIM - 1)
    knock = place.link(15, is_open=False)
    assert overlay.admit(place.state, knock, False) is None
    place.link(16)
    refusal = overlay.admit(place.state, knock, False)
    assert refusal is not None
    assert refusal[0] == "crowded"
    assert overlay.admit(place.state, knock, True) is None


def test_our_own_dial_a_second_link_and_a_mesh_are_never_crowded() -> None:
    place = Place(20)
    crowd(place, LINKS_AIM)
    assert overlay.admit(place.state, place.link(15, by_us=True, is_open=False), False) is None
    assert overlay.admit(place.state, place.link(1, is_open=False), False) is None
    place.know(range(12))
    assert overlay.admit(place.state, place.link(11, is_open=False), False) is None


def test_where_all_is_full_who_asks_takes_the_place_of_one_who_has_had_it_for_a_while() -> None:
    place = Place(70)
    sessions = crowd(place, LINKS_FULL)
    knock = place.link(60, is_open=False)
    assert overlay.admit(place.state, knock, True) is not None
    place.at_ms += REDUNDANT_MS_MAX
    knock = place.link(61, is_open=False)
    assert overlay.admit(place.state, knock, False) is not None
    assert overlay.admit(place.state, knock, True) is None
    knock.peer_hub, knock.phase = hub(61), Phase.OPEN
    place.do(overlay.evict, knock)
    ((link, code),) = place.closed
    assert code == "crowded"
    assert link in {session.link for session in sessions}
    place.do(overlay.evict, knock)
    assert len(place.closed) == 1


def test_who_lacks_links_and_was_turned_away_asks_to_be_taken_in() -> None:
    place = Place(20)
    place.look()
    for _ in range(2):
        number = min(place.tried)
        session = place.link(number, by_us=True, is_open=False)
        assert not overlay.asks_in(place.state, session)
        place.cut(session)
    session = place.link(min(place.tried), by_us=True, is_open=False)
    assert overlay.asks_in(place.state, session)
    crowd(place, LINKS_FEW)
    assert not overlay.asks_in(place.state, session)


def test_in_a_mesh_who_has_no_link_asks_to_be_taken_in() -> None:
    place = Place(5)
    session = place.link(1, by_us=True, is_open=False)
    assert overlay.asks_in(place.state, session)
    place.link(2)
    assert not overlay.asks_in(place.state, session)


# --- Who is tried


def test_a_slow_dial_keeps_no_other_waiting_and_a_silent_one_fails_at_last() -> None:
    place = Place(60)
    place.look()
    first = place.tried
    assert len(first) == LINKS_FEW
    place.wait(TRY_SLOW_MS)
    assert first < place.tried
    place.wait(TRY_MS_MAX - 2 * TRY_SLOW_MS)
    assert len(place.tried) == TRIES_MAX
    place.wait(TRY_SLOW_MS)
    assert all(not place.overlay.setbacks[node(number)].refused for number in first)


def test_one_that_did_not_answer_is_not_tried_for_a_while_and_another_is() -> None:
    place = Place(20)
    place.look()
    lost = min(place.tried)
    place.do(overlay.unreachable, node(lost))
    place.do(overlay.unreachable, b"n" * 32)
    assert lost not in place.tried
    assert len(place.tried) == LINKS_FEW


def test_those_that_turned_us_away_are_tried_again_before_those_that_did_not_answer() -> None:
    place = Place(12)
    for number in range(1, 13):
        place.overlay.setbacks[node(number)] = Setback(1, 0, refused=number < 4)
    place.look()
    assert place.tried == {1, 2, 3}
    for number in range(1, 4):
        place.overlay.setbacks[node(number)] = Setback(1, place.at_ms + 10**9, refused=True)
    place.overlay.tries.clear()
    place.look_again()
    assert place.tried < set(range(4, 13))


def test_a_second_node_of_a_hub_that_is_linked_or_tried_is_left_alone() -> None:
    place = Place(12)
    place.state.nodes_of_hub[hub(1)] = frozenset({node(1), node(30)})
    place.state.overlay.cards_changed()
    place.link(1)
    place.overlay.setbacks = {node(number): Setback(1, 0, refused=True) for number in (30, *range(3, 13))}
    place.overlay.near[node(30)] = None
    for _ in range(20):
        place.overlay.tries.clear()
        place.look_again()
        assert 30 not in place.tried


def test_with_enough_links_nobody_is_tried_and_with_nearly_enough_one_at_a_time() -> None:
    place = Place(20)
    crowd(place, LINKS_LOW - 1)
    place.overlay.tries.clear()
    place.look_again()
    assert len(place.tried) == 1
    session = place.link(min(place.tried), by_us=True, is_open=False)
    place.cut(session)
    assert place.tried == set()
    assert place.overlay.rest_until_ms > place.at_ms
    place.wait(10_000)
    assert len(place.tried) >= 1
    place.link(19)
    assert place.tried == set()


# --- Hints and visits


def test_a_hint_is_tried_at_once_where_links_are_missing() -> None:
    place = Place(40)
    place.look()
    hinted = next(number for number in range(1, 41) if number not in place.tried)
    place.do(overlay.heard, node(hinted))
    assert hinted in place.tried
    for number in range(1, 41):
        place.do(overlay.heard, node(number))
    assert len(place.tried) <= LINKS_AIM


def test_a_hint_of_a_stranger_or_in_a_mesh_changes_nothing() -> None:
    place = Place(3)
    place.look()
    before = list(place.actions)
    place.do(overlay.heard, b"n" * 32)
    place.do(overlay.heard, node(1))
    assert place.actions == before


def test_one_that_could_not_be_reached_is_visited_when_it_is_heard_of_however_many_links_there_are() -> None:
    place = Place(20)
    place.overlay.setbacks[node(19)] = Setback(9, 10**9, refused=False)
    crowd(place, LINKS_AIM)
    place.do(overlay.heard, node(19))
    assert place.tried == {19}
    assert overlay.asks_in(place.state, place.link(19, by_us=True, is_open=False))


def test_one_that_is_heard_of_and_does_not_answer_all_the_same_is_not_visited_with_each_hint() -> None:
    place = Place(20)
    place.overlay.setbacks[node(19)] = Setback(9, 10**9, refused=False)
    crowd(place, LINKS_AIM)
    place.do(overlay.heard, node(19))
    place.do(overlay.unreachable, node(19))
    place.do(overlay.heard, node(19))
    assert place.tried == set()


def test_a_crowded_one_is_not_tried_again_because_it_is_heard_of() -> None:
    place = Place(20)
    place.overlay.setbacks[node(19)] = Setback(1, 10**9, refused=True)
    place.look()
    place.do(overlay.heard, node(19))
    assert 19 not in place.tried


def test_of_many_that_are_heard_of_for_the_first_time_a_few_are_visited_and_only_once() -> None:
    visited = 0
    for seed in range(40):
        place = Place(20)
        place.state.seed = bytes([seed]) * 32
        crowd(place, LINKS_AIM)
        for _ in range(5):
            place.do(overlay.heard, node(20))
        visited += place.tried == {20}
    assert 0 < visited < 20


def test_visits_are_few_at_once_and_none_where_there_are_many_links() -> None:
    place = Place(40)
    for number in range(20, 40):
        place.overlay.setbacks[node(number)] = Setback(1, 10**9, refused=False)
    crowd(place, LINKS_LOW)
    for number in range(20, 40):
        place.do(overlay.heard, node(number))
    assert len(place.tried) == min(4, LINKS_VISITED_MAX - LINKS_LOW)
    crowd(place, LINKS_VISITED_MAX)
    place.overlay.tries.clear()
    place.do(overlay.heard, node(39))
    assert place.tried == set()


def test_a_lost_one_is_tried_every_half_minute_and_when_it_is_back_all_lost_ones_are() -> None:
    place = Place(40)
    for number in range(30, 36):
        place.overlay.setbacks[node(number)] = Setback(5, 300_000, refused=False)
    place.overlay.setbacks[node(36)] = Setback(5, 10**9, refused=True)
    crowd(place, LINKS_LOW)
    place.wait_for_a_try(2 * PROBE_EVERY_MS)
    (back,) = place.tried
    assert 30 <= back < 36
    place.link(back, by_us=True)
    assert place.tried < set(range(30, 36))
    assert len(place.tried) >= 2
    for number in range(30, 36):
        place.overlay.setbacks.pop(node(number), None)
    place.overlay.tries.clear()
    place.look_again()
    assert place.overlay.probes_free == 0


def test_now_and_then_anybody_is_visited() -> None:
    place = Place(20)
    crowd(place, LINKS_LOW)
    place.wait(40 * OVERLAY_LOOK_MS)
    assert any(isinstance(action, LinksWanted) and len(action.nodes) == 1 for action in place.actions[-3:])


def test_nobody_is_visited_where_nobody_is_left() -> None:
    place = Place(12)
    for number in range(LINKS_LOW + 1, 13):
        place.overlay.setbacks[node(number)] = Setback(1, 10**9, refused=True)
    crowd(place, LINKS_LOW)
    place.actions.clear()
    place.wait(40 * OVERLAY_LOOK_MS)
    assert place.actions == []


# --- Letting go


def test_a_link_is_let_go_only_when_it_has_proven_redundant() -> None:
    place = Place(20)
    sessions = crowd(place, LINKS_AIM + 1)
    place.wait(5 * SHED_EVERY_MS)
    assert place.closed == []
    place.do(lambda state, step: overlay.seen_twice(state, sessions[2], step))
    place.wait(2 * SHED_EVERY_MS)
    assert place.closed == [(sessions[2].link, "crowded")]
    place.wait(5 * SHED_EVERY_MS)
    assert len(place.closed) == 1


def test_no_link_is_let_go_on_what_was_seen_before_another_ended() -> None:
    place = Place(20)
    sessions = crowd(place, LINKS_AIM + 2)
    place.wait(2 * REDUNDANT_MS_MAX)
    for session in sessions:
        place.do(lambda state, step, one=session: overlay.seen_twice(state, one, step))
    place.cut(sessions[0])
    place.wait(2 * REDUNDANT_MS_MAX)
    assert place.closed == []


def test_a_lost_link_is_missed_unless_it_was_redundant() -> None:
    place = Place(20)
    missed, redundant, *_ = crowd(place, LINKS_LOW + 2)
    place.do(lambda state, step: overlay.seen_twice(state, redundant, step))
    place.cut(redundant)
    place.cut(missed)
    assert place.overlay.setbacks == {missed.peer_node: place.overlay.setbacks[missed.peer_node]}
    place.wait_for_a_try(2 * PROBE_EVERY_MS)
    assert missed.peer_node in place.overlay.wanted
    stranger = place.link(50)
    place.cut(stranger)
    assert stranger.peer_node not in place.overlay.setbacks


def test_a_link_that_ends_unopened_counts_only_where_we_tried() -> None:
    place = Place(20)
    crowd(place, LINKS_LOW)
    place.cut(place.link(15, is_open=False))
    assert place.overlay.setbacks == {}


def test_a_full_table_of_tries_takes_no_hint() -> None:
    place = Place(40)
    place.overlay.tries = {node(number): Try(-TRY_SLOW_MS * 9) for number in range(1, TRIES_MAX + 1)}
    place.look()
    place.do(overlay.heard, node(40))
    assert 40 not in place.tried
