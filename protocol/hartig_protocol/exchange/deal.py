"""What has become of a claim: one table over the set of all that was said of it, in both chains (SPEC D9).

In: a claim, the chain of the lot that it names if that is here, and what the caller knows of need and offer. Out: a
set of marks, and the state that people read. The two chains have two authors who may be cut off from each other, so
what they say crosses; the state looks at what was said and never at what was said first.

The table is read from the top; the first row whose marks are all there says the state. So a row means "and nothing
above". What the rows say, in words:

* What came back is said first: `returned` once the lender has counted it, `given_back` while only the borrower says so.
* What arrived is next, because whoever has it in hand knows best: it stands against a cancel, a release, an end. What
  is lent is `lent` until all of it is given back, also where it came short; what came `bad` is no loan.
* What was handed over is on its way, whatever ended meanwhile. If it was cancelled, too, the two have `crossed`: the
  people of both sides read that it comes although nobody waits for it.
* `cancelled` is the word of those who had asked, so it stands against a promise that is still open.
* A promise stands while both chains do. When one has ended it is `void`, and nobody need wait for it.
* Why there is no promise any more (declined, taken back, lapsed) says more than that a chain has ended since.
* A claim on a chain that has ended is `void`; any other is `asked`. Without a claim (a set that holds none of all this)
  there is nothing: `void`, too, so that every set has a state.
"""

from collections.abc import Iterator
from enum import StrEnum

from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import Claim, ClaimState
from hartig_protocol.records.steps import How, Why


class Mark(StrEnum):
    """What can be said of a claim."""

    ASKED = "asked"
    PROMISED = "promised"  # a promise is open
    DECLINED = "declined"
    LAPSED = "lapsed"
    TAKEN_BACK = "taken_back"
    HANDED_OVER = "handed_over"
    CANCELLED = "cancelled"
    RECEIVED = "received"
    RECEIVED_SHORT = "received_short"
    RECEIVED_BAD = "received_bad"
    GIVEN_BACK = "given_back"  # all of what arrived
    COUNTED_BACK = "counted_back"
    LOT_ENDED = "lot_ended"
    NEED_ENDED = "need_ended"
    IS_LOAN = "is_loan"


class DealState(StrEnum):
    """What people read of a claim."""

    ASKED = "asked"
    PROMISED = "promised"
    HANDED_OVER = "handed_over"
    ARRIVED = "arrived"
    ARRIVED_SHORT = "arrived_short"
    ARRIVED_BAD = "arrived_bad"
    LENT = "lent"
    GIVEN_BACK = "given_back"
    RETURNED = "returned"
    DECLINED = "declined"
    LAPSED = "lapsed"
    TAKEN_BACK = "taken_back"
    CANCELLED = "cancelled"
    CROSSED = "crossed"
    VOID = "void"


_ROWS: tuple[tuple[tuple[Mark, ...], DealState], ...] = (
    ((Mark.COUNTED_BACK,), DealState.RETURNED),
    ((Mark.GIVEN_BACK,), DealState.GIVEN_BACK),
    ((Mark.RECEIVED_BAD,), DealState.ARRIVED_BAD),
    ((Mark.RECEIVED_SHORT, Mark.IS_LOAN), DealState.LENT),
    ((Mark.RECEIVED_SHORT,), DealState.ARRIVED_SHORT),
    ((Mark.RECEIVED, Mark.IS_LOAN), DealState.LENT),
    ((Mark.RECEIVED,), DealState.ARRIVED),
    ((Mark.HANDED_OVER, Mark.CANCELLED), DealState.CROSSED),
    ((Mark.HANDED_OVER,), DealState.HANDED_OVER),
    ((Mark.CANCELLED,), DealState.CANCELLED),
    ((Mark.PROMISED, Mark.LOT_ENDED), DealState.VOID),
    ((Mark.PROMISED, Mark.NEED_ENDED), DealState.VOID),
    ((Mark.PROMISED,), DealState.PROMISED),
    ((Mark.DECLINED,), DealState.DECLINED),
    ((Mark.TAKEN_BACK,), DealState.TAKEN_BACK),
    ((Mark.LAPSED,), DealState.LAPSED),
    ((Mark.LOT_ENDED,), DealState.VOID),
    ((Mark.NEED_ENDED,), DealState.VOID),
    ((Mark.ASKED,), DealState.ASKED),
    ((), DealState.VOID),
)
TABLE = tuple((frozenset(marks), state) for marks, state in _ROWS)

_ARRIVED = {How.OK: Mark.RECEIVED, How.SHORT: Mark.RECEIVED_SHORT, How.BAD: Mark.RECEIVED_BAD}
_RELEASED = {Why.DECLINED: Mark.DECLINED, Why.LAPSED: Mark.LAPSED, Why.CANCELLED: Mark.TAKEN_BACK}


def state_of(marks: frozenset[Mark]) -> DealState:
    """Return the state of a claim of which all this was said."""
    return next(state for required, state in TABLE if required <= marks)


def marks_of(claim: Claim, lot: LotChain | None, *, need_ended: bool, is_loan: bool) -> frozenset[Mark]:
    """Return what was said of a claim; `lot` is the chain that it names, or None where that is not here.

    A need that was closed counts as ended like one whose chain has; so does a lot.
    """
    marks = {Mark.ASKED, *_said_by_need(claim)}
    if lot is not None:
        marks.update(_said_by_lot(claim, lot))
    if need_ended:
        marks.add(Mark.NEED_ENDED)
    if is_loan:
        marks.add(Mark.IS_LOAN)
    return frozenset(marks)


def _said_by_need(claim: Claim) -> Iterator[Mark]:
    if claim.state is ClaimState.CANCELLED:
        yield Mark.CANCELLED
    if claim.how is not None:
        yield _ARRIVED[claim.how]
    if _is_all_given_back(claim):
        yield Mark.GIVEN_BACK


def _said_by_lot(claim: Claim, lot: LotChain) -> Iterator[Mark]:
    if claim.id in lot.open_promise_of:
        yield Mark.PROMISED
    if claim.id in lot.declined:
        yield _RELEASED[lot.declined[claim.id]]
    if claim.id in lot.handed_over_to:
        yield Mark.HANDED_OVER
    if claim.id in lot.counted_back or (_is_all_given_back(claim) and lot.counted_back.issuperset(claim.returns)):
        yield Mark.COUNTED_BACK
    if lot.is_over:
        yield Mark.LOT_ENDED


def _is_all_given_back(claim: Claim) -> bool:
    return 0 < claim.received == claim.given_back
