"""What a hub's node writes by itself in its own chains: promises, releases, cancels, and what to end after a restore.

In: chains, and facts that only the hub has: which claims came in which order, how long it was powered on since, the
time. Out: drafts, which the board signs and publishes. Nothing here is a rule of validity: another hub judges what was
written by the chain alone. Who calls publishes the drafts of one call in one commit: a crash leaves all or none.

Nothing is written in a chain that is closed, has ended, or that a newer version has gone on with: there a step would be
invalid, or (rule 3 of the design) must not be. A chain that is nearly full makes no promise that it could not settle.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import Claim, ClaimState, NeedChain
from hartig_protocol.exchange.sharing import fair_shares
from hartig_protocol.limits import STEPS_MAX
from hartig_protocol.records.steps import Verb, Why
from hartig_protocol.values import value


@value
class Draft:
    """A step to be written."""

    thread: bytes
    verb: Verb
    facts: Mapping[str, Any]

    @property
    def head_facts(self) -> dict[str, Any]:
        """The facts of the step's head, in plain types."""
        return {"verb": self.verb.value, **self.facts}


@value
class Asked:
    """A claim on a lot of this hub; `asks` is in smallest parts of the lot, `arrival` its number in this store."""

    claim: bytes
    asks: int
    lot_date: int | None
    arrival: int


@value
class Anew:
    """A thread to be ended after a restore, and what a person is to count or confirm, by date."""

    thread: bytes
    quantities: Mapping[int | None, int] = field(default_factory=dict)


def answers(
    lot: LotChain,
    rule: str,
    closes_ms: int | None,
    waiting: Sequence[Asked],
    now_ms: int,
    hold_min: int,
) -> list[Draft]:
    """Return the promises that an offer's rule makes by itself (SPEC N2); `hold_min` is how long each holds.

    `first` answers in the order of arrival, wholly or with what is free. `fair` shares once, when it closes: after a
    promise that was made since, all else is for a person. `ask` and `open` make none. A claim is answered once: what
    was promised, declined or handed over before is left to people.
    """
    if not _is_writable(lot):
        return []
    fresh = sorted((asked for asked in waiting if not _is_answered(lot, asked.claim)), key=lambda asked: asked.arrival)
    if rule == "first":
        quantities = _first_come(lot, fresh)
    elif rule == "fair" and closes_ms is not None and closes_ms <= now_ms and not _has_shared(lot, closes_ms):
        quantities = _shared(lot, fresh)
    else:
        return []
    promised = [asked for asked in fresh if quantities[asked.claim]][: _promises_left(lot)]
    return [_promise(lot, asked, quantities[asked.claim], hold_min) for asked in promised]


def lapsed(lot: LotChain, powered_min: Mapping[bytes, int]) -> list[Draft]:
    """Return releases of the promises whose hold is over; `powered_min` is for how long each has held, by its id."""
    if not _is_writable(lot):
        return []
    over = [
        promise
        for promise in map(lot.promises.__getitem__, lot.open_promise_of.values())
        if powered_min.get(promise.id, 0) >= promise.hold_min
    ][: STEPS_MAX - lot.seq]
    return [Draft(lot.thread, Verb.RELEASE, {"of": promise.id, "why": Why.LAPSED.value}) for promise in over]


def given_up(
    need: NeedChain,
    powered_min: Mapping[bytes, int],
    hold_min: int,
    lots: Mapping[bytes, LotChain | None],
) -> list[Draft]:
    """Return cancels of the claims that nothing will come of.

    `powered_min` is for how long each claim has waited, by its id; `lots` are the chains that claims name, None where
    one is not here. What was handed over is on its way, and is never given up here.
    """
    if not _is_writable(need):
        return []
    return [
        Draft(need.thread, Verb.CANCEL, {"of": claim.id})
        for claim in need.claims.values()
        if claim.state is ClaimState.OPEN
        and _is_hopeless(claim, lots.get(claim.lot), waited=powered_min.get(claim.id, 0) >= hold_min)
    ][: STEPS_MAX - need.seq]


def after_restore(chains: Mapping[bytes, LotChain | NeedChain]) -> list[Anew]:
    """Return what to end after a restore: every offer of our own, and every need that has steps (design, section 4).

    An offer without steps is ended, too: it may have been counted and promised from after the backup, and a count would
    begin a second life of its chain. `chains` must hold those. A need promises nothing, so one without steps goes on.

    Of a lot, what should still be on the shelf is for a person to count anew: what was free or promised. Of a need,
    what had not arrived is for a person to confirm. Closed ones have nothing to count, and are ended all the same: what
    was written after the backup may have been another step in that place.
    """
    return [
        Anew(thread, {} if chain.is_closed else _remaining(chain))
        for thread, chain in sorted(chains.items())
        if chain.ended is None and (chain.seq or isinstance(chain, LotChain))
    ]


def _is_writable(chain: LotChain | NeedChain) -> bool:
    return not chain.is_over and chain.stopped is None


def _promises_left(lot: LotChain) -> int:
    """A promise takes three steps: itself, a contact, its end. Room is kept for those that are open, and a close."""
    return max(0, (STEPS_MAX - lot.seq - 1 - 2 * len(lot.open_promise_of)) // 3)


def _is_answered(lot: LotChain, claim: bytes) -> bool:
    return claim in lot.open_promise_of or claim in lot.declined or claim in lot.handed_over_to


def _first_come(lot: LotChain, asked: Sequence[Asked]) -> dict[bytes, int]:
    free = {date: account.free for date, account in lot.accounts.items()}
    quantities: dict[bytes, int] = {}
    for one in asked:
        quantities[one.claim] = min(one.asks, free.get(one.lot_date, 0))
        if quantities[one.claim]:
            free[one.lot_date] -= quantities[one.claim]
    return quantities


def _has_shared(lot: LotChain, closes_ms: int) -> bool:
    return any(promise.stamp_ms >= closes_ms for promise in lot.promises.values())


def _shared(lot: LotChain, asked: Sequence[Asked]) -> dict[bytes, int]:
    by_date: defaultdict[int | None, dict[bytes, int]] = defaultdict(dict)
    for one in asked:
        by_date[one.lot_date][one.claim] = one.asks
    quantities: dict[bytes, int] = {}
    for date, asks in by_date.items():
        account = lot.accounts.get(date)
        quantities |= fair_shares(0 if account is None else account.free, asks)
    return quantities


def _promise(lot: LotChain, asked: Asked, quantity: int, hold_min: int) -> Draft:
    facts: dict[str, Any] = {"claim": asked.claim, "quantity": quantity, "hold": hold_min}
    if asked.lot_date is not None:
        facts["date"] = asked.lot_date
    return Draft(lot.thread, Verb.PROMISE, facts)


def _is_hopeless(claim: Claim, lot: LotChain | None, *, waited: bool) -> bool:
    if lot is None:
        return waited
    if claim.id in lot.handed_over_to:
        return False
    if lot.is_over or claim.id in lot.declined:
        return True
    return waited and claim.id not in lot.open_promise_of


def _remaining(chain: LotChain | NeedChain) -> dict[int | None, int]:
    if isinstance(chain, LotChain):
        return {date: account.free + account.promised for date, account in chain.accounts.items()}
    return {date: account.count - account.received for date, account in chain.accounts.items()}
