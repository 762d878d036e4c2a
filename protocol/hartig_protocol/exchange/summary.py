"""What people see of a need or a lot as a whole: one word each, derived from the chains and never said by anybody.

In: chains. Out: `NeedState`, `LotState`, and how much of a need is covered. A need is covered by promises in other
chains, so what a page says of it depends on which of them are here; no verdict does (design, section 5).
"""

from collections.abc import Mapping
from enum import StrEnum

from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import Claim, ClaimState, NeedChain


class NeedState(StrEnum):
    """How far a need is covered."""

    OPEN = "open"
    PARTLY_PROMISED = "partly_promised"
    PROMISED = "promised"
    MET = "met"
    ENDED = "ended"


class LotState(StrEnum):
    """What is left of a lot. Stock that is set aside for a hub is neither free nor promised here."""

    AVAILABLE = "available"
    PARTLY_PROMISED = "partly_promised"
    ALL_PROMISED = "all_promised"
    GONE = "gone"
    ENDED = "ended"


def lot_state(lot: LotChain) -> LotState:
    """Return what is left of a lot; one without a count yet is as its offer says."""
    if lot.is_over:
        return LotState.ENDED
    stock = lot.total
    if lot.is_opened and stock.free == 0:
        return LotState.ALL_PROMISED if stock.promised else LotState.GONE
    return LotState.PARTLY_PROMISED if stock.promised else LotState.AVAILABLE


def need_state(need: NeedChain, lots: Mapping[bytes, LotChain | None]) -> NeedState:
    """Return how far a need is covered; `lots` are the chains that its claims name, by thread.

    A need that is met stays so when it is closed or expires.
    """
    total = need.total
    if need.is_opened and total.received >= total.count:
        return NeedState.MET
    if need.is_over:
        return NeedState.ENDED
    covered = total.received + promised_quantity(need, lots)
    if need.is_opened and covered >= total.count:
        return NeedState.PROMISED
    return NeedState.PARTLY_PROMISED if covered else NeedState.OPEN


def promised_quantity(need: NeedChain, lots: Mapping[bytes, LotChain | None]) -> int:
    """Return how much of a need is promised, or handed over and not yet received, in its own smallest parts."""
    open_claims = (claim for claim in need.claims.values() if claim.state is ClaimState.OPEN)
    return sum(covered_of(claim, lots.get(claim.lot)) for claim in open_claims)


def covered_of(claim: Claim, lot: LotChain | None) -> int:
    """Return how much of an open claim a lot covers: its share of what was asked, in whole parts of the need.

    An open promise counts while the lot's chain stands; what was handed over is on its way and counts always.
    """
    if lot is None:
        return 0
    covered = lot.handed_over_to.get(claim.id, 0)
    promise = lot.open_promise_of.get(claim.id)
    if promise is not None and not lot.is_over:
        covered += lot.promises[promise].quantity
    return claim.quantity * min(covered, claim.asks) // claim.asks
