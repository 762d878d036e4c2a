"""The state of a deal: a table over the set of what was said (SPEC D9)."""

from itertools import chain, combinations
from pathlib import Path

import pytest

from hartig_protocol.exchange.deal import TABLE, DealState, Mark, marks_of, state_of
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.step import Step
from protocol.exchange.drawing import diagram_text, played, table_text
from support.steps import id_of, say, stands

SPEC = (Path(__file__).resolve().parents[3] / "protocol" / "SPEC.md").read_text(encoding="utf-8")
SETS = [frozenset(marks) for marks in chain.from_iterable(combinations(Mark, size) for size in range(len(Mark) + 1))]


def _first_rows(sets: list[frozenset[Mark]]) -> set[int]:
    return {next(at for at, (marks, _) in enumerate(TABLE) if marks <= held) for held in sets}


def test_every_set_of_marks_has_exactly_one_state() -> None:
    assert len(SETS) == 2 ** len(Mark)
    assert all(state_of(marks) in DealState for marks in SETS)
    assert {state_of(marks) for marks in SETS} == set(DealState)


def test_no_row_is_unreachable_and_chains_bring_about_all_but_the_last() -> None:
    assert _first_rows(SETS) == set(range(len(TABLE)))
    assert _first_rows([*played(is_loan=False)[0], *played(is_loan=True)[0]]) == set(range(len(TABLE) - 1))


def test_a_row_says_of_its_own_marks_alone_what_it_says() -> None:
    assert all(state_of(marks) is state for marks, state in TABLE)


def test_the_table_and_the_diagram_of_the_spec_are_drawn_from_the_table() -> None:
    assert table_text() in SPEC
    assert diagram_text() in SPEC


def test_every_state_stands_in_the_diagram() -> None:
    diagram = diagram_text()
    assert all(f"> {state}:" in diagram for state in DealState)


@pytest.mark.parametrize("is_loan", [False, True])
def test_the_state_looks_at_the_set_and_not_at_what_came_first(is_loan: bool) -> None:
    """Steps of the two chains may come in any order: whoever hears the last one hears the same."""
    _, ways = played(is_loan=is_loan)
    after = {(before, event): marks for before, event, marks in ways}
    of_need = {"cancel", "receive ok", "receive short", "receive bad", "give_back", "an end of the need"}
    tried = 0
    for (before, first), between in after.items():
        for second in {event for marks, event in after if marks == between}:
            if (first in of_need) == (second in of_need) or (before, second) not in after:
                continue
            other = after.get((after[before, second], first))
            # A count of what came back looks at its own chain alone; what it says depends on nothing before it.
            assert other == after[between, second], (before, first, second)
            tried += 1
    assert tried > 500


# --- What was said, as the chains tell it

OPEN = say("o", "count", quantity=9, why="opened")
COUNT = say("n", "count", quantity=9, why="needed")
CLAIM = say("a", "claim", lot="l", quantity=4, asks=4)
PROMISE = say("p", "promise", claim="a", quantity=4, hold=60)
ALL_OF_IT = say("r", "receive", of="a", how="ok", quantity=4)
SAID: list[tuple[str, list[Step], list[Step], set[Mark]]] = [
    ("asked", [], [], set()),
    ("promised", [PROMISE], [], {Mark.PROMISED}),
    ("a promise for another", [say("p", "promise", claim="b", quantity=4, hold=60)], [], set()),
    ("declined", [say("d", "release", of="a", why="declined")], [], {Mark.DECLINED}),
    ("lapsed", [PROMISE, say("d", "release", of="p", why="lapsed")], [], {Mark.LAPSED}),
    ("taken back", [PROMISE, say("d", "release", of="p", why="cancelled")], [], {Mark.TAKEN_BACK}),
    ("handed over", [PROMISE, say("h", "handover", of="p", quantity=1)], [], {Mark.HANDED_OVER}),
    ("handed over at once", [say("h", "handover", claim="a", quantity=1)], [], {Mark.HANDED_OVER}),
    ("cancelled", [], [say("x", "cancel", of="a")], {Mark.CANCELLED}),
    ("cancelled and received", [], [say("x", "cancel", of="a"), ALL_OF_IT], {Mark.RECEIVED}),
    ("short", [], [say("r", "receive", of="a", how="short", quantity=1)], {Mark.RECEIVED_SHORT}),
    ("bad", [], [say("r", "receive", of="a", how="bad", quantity=0)], {Mark.RECEIVED_BAD}),
    ("some given back", [], [ALL_OF_IT, say("g", "give_back", of="a", quantity=3)], {Mark.RECEIVED}),
    ("all given back", [], [ALL_OF_IT, say("g", "give_back", of="a", quantity=4)], {Mark.RECEIVED, Mark.GIVEN_BACK}),
    ("counted back by the claim", [say("c", "count", quantity=4, why="given_back", of="a")], [ALL_OF_IT],
     {Mark.RECEIVED, Mark.COUNTED_BACK}),
    ("counted back by what was given back", [say("c", "count", quantity=4, why="given_back", of="g")],
     [ALL_OF_IT, say("g", "give_back", of="a", quantity=4)], {Mark.RECEIVED, Mark.GIVEN_BACK, Mark.COUNTED_BACK}),
    ("counted back in part", [say("c", "count", quantity=4, why="given_back", of="g")],
     [ALL_OF_IT, say("g", "give_back", of="a", quantity=3), say("k", "give_back", of="a", quantity=1)],
     {Mark.RECEIVED, Mark.GIVEN_BACK}),
    ("some given back, and all of that counted", [say("c", "count", quantity=3, why="given_back", of="g")],
     [ALL_OF_IT, say("g", "give_back", of="a", quantity=3)], {Mark.RECEIVED}),
    ("closed", [say("x", "close")], [], {Mark.LOT_ENDED}),
]  # fmt: skip


@pytest.mark.parametrize(("of_lot", "of_need", "marks"), [case[1:] for case in SAID], ids=[case[0] for case in SAID])
def test_chains_tell_what_was_said(of_lot: list[Step], of_need: list[Step], marks: set[Mark]) -> None:
    lot, need = LotChain(), NeedChain()
    stands(lot, OPEN, *of_lot)
    stands(need, COUNT, CLAIM, *of_need)
    claim = need.claims[id_of("a")]
    assert marks_of(claim, lot, need_ended=False, is_loan=False) == {Mark.ASKED, *marks}


def test_without_the_chain_of_the_lot_the_need_tells_what_it_knows() -> None:
    need = NeedChain()
    stands(need, COUNT, CLAIM)
    marks = marks_of(need.claims[id_of("a")], None, need_ended=True, is_loan=True)
    assert marks == {Mark.ASKED, Mark.NEED_ENDED, Mark.IS_LOAN}
