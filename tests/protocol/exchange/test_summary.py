"""What people see of a need or a lot as a whole."""

from typing import Any

import pytest

from hartig_protocol.exchange.judging import EndReason
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.step import Step
from hartig_protocol.exchange.summary import LotState, NeedState, covered_of, lot_state, need_state, promised_quantity
from support.steps import id_of, say, stands, thread_of

OPEN = say("o", "count", quantity=10, why="opened")
COUNT = say("n", "count", quantity=10, why="needed")


def claim(name: str, quantity: int, asks: int | None = None, lot: str = "l") -> Step:
    return say(name, "claim", lot=lot, quantity=quantity, asks=asks or quantity)


def promise(claimed: str, quantity: int, **more: Any) -> Step:
    return say(f"promise {claimed}", "promise", claim=claimed, quantity=quantity, hold=60, **more)


def lot_of(*steps: Step) -> LotChain:
    lot = LotChain()
    stands(lot, *steps)
    return lot


def need_of(*steps: Step) -> NeedChain:
    need = NeedChain()
    stands(need, *steps)
    return need


LOTS: list[tuple[LotState, list[Step]]] = [
    (LotState.AVAILABLE, []),
    (LotState.AVAILABLE, [OPEN]),
    (LotState.AVAILABLE, [OPEN, say("s", "allot", hub="hub", quantity=9)]),
    (LotState.PARTLY_PROMISED, [OPEN, promise("a", 9)]),
    (LotState.ALL_PROMISED, [OPEN, say("h", "handover", quantity=1), promise("a", 9)]),
    (LotState.GONE, [OPEN, say("h", "handover", quantity=10)]),
    (LotState.GONE, [OPEN, say("s", "allot", hub="hub", quantity=10)]),
    (LotState.GONE, [say("o", "count", quantity=0, why="opened")]),
    (LotState.PARTLY_PROMISED, [OPEN, promise("a", 10), say("p", "count", quantity=1, why="opened", date=3)]),
    (LotState.ENDED, [OPEN, say("x", "close")]),
]


@pytest.mark.parametrize(("state", "steps"), LOTS)
def test_what_is_left_of_a_lot(state: LotState, steps: list[Step]) -> None:
    assert lot_state(lot_of(*steps)) is state


def test_a_lot_whose_chain_has_ended_has_nothing_to_give() -> None:
    lot = lot_of(OPEN)
    lot.end(EndReason.FORKED)
    assert lot_state(lot) is LotState.ENDED


HALF, WHOLE = lot_of(OPEN, promise("a", 5)), lot_of(OPEN, promise("a", 10))
RECEIVED = say("r", "receive", of="a", how="ok", quantity=10)
NEEDS: list[tuple[NeedState, list[Step], LotChain | None]] = [
    (NeedState.OPEN, [], None),
    (NeedState.OPEN, [COUNT], None),
    (NeedState.OPEN, [COUNT, claim("a", 10)], None),
    (NeedState.OPEN, [COUNT, claim("a", 10)], lot_of(OPEN)),
    (NeedState.PARTLY_PROMISED, [COUNT, claim("a", 10)], HALF),
    (NeedState.PROMISED, [COUNT, claim("a", 10)], WHOLE),
    (NeedState.OPEN, [COUNT, claim("a", 10), say("x", "cancel", of="a")], WHOLE),
    (NeedState.PARTLY_PROMISED, [COUNT, claim("a", 4), say("r", "receive", of="a", how="ok", quantity=4)], None),
    (NeedState.MET, [COUNT, claim("a", 10), RECEIVED], None),
    (NeedState.MET, [COUNT, claim("a", 10), RECEIVED, say("x", "close")], None),
    (NeedState.MET, [COUNT, say("m", "count", quantity=0, why="needed")], None),
    (NeedState.ENDED, [COUNT, say("x", "close")], None),
]


@pytest.mark.parametrize(("state", "steps", "lot"), NEEDS)
def test_how_far_a_need_is_covered(state: NeedState, steps: list[Step], lot: LotChain | None) -> None:
    assert need_state(need_of(*steps), {thread_of("l"): lot}) is state


def test_a_need_whose_chain_has_ended_before_it_was_met_has_ended() -> None:
    need = need_of(COUNT)
    need.end(EndReason.EXPIRED)
    assert need_state(need, {}) is NeedState.ENDED


def test_several_lots_cover_one_need() -> None:
    need = need_of(COUNT, claim("a", 4), claim("b", 6, lot="m"))
    lots: dict[bytes, LotChain | None] = {
        thread_of("l"): lot_of(OPEN, promise("a", 4)),
        thread_of("m"): lot_of(OPEN, promise("b", 5)),
    }
    assert promised_quantity(need, lots) == 9
    assert promised_quantity(need, {}) == 0


# Quantity in the need's parts, asked in the lot's parts, promised in the lot's parts, covered in the need's parts.
SHARES = [
    (10, 3, 1, 3),
    (10, 3, 2, 6),
    (10, 3, 3, 10),
    (10, 3, 9, 10),
    (1, 7, 6, 0),
    (7, 1, 1, 7),
    (10**12, 7, 5, 714285714285),
]


@pytest.mark.parametrize(("quantity", "asks", "promised", "covered"), SHARES)
def test_a_promise_covers_its_share_in_whole_parts(quantity: int, asks: int, promised: int, covered: int) -> None:
    need = need_of(say("n", "count", quantity=quantity, why="needed"), claim("a", quantity, asks))
    assert covered_of(need.claims[id_of("a")], lot_of(OPEN, promise("a", promised))) == covered


def test_what_is_on_its_way_covers_also_when_the_chain_has_ended_and_an_open_promise_does_not() -> None:
    made = need_of(COUNT, claim("a", 10)).claims[id_of("a")]
    lot = lot_of(
        OPEN,
        promise("a", 4),
        say("h", "handover", of="promise a", quantity=4),
        say("q", "promise", claim="a", quantity=6, hold=1),
    )
    assert covered_of(made, lot) == 10
    lot.end(EndReason.FORKED)
    assert covered_of(made, lot) == 4
