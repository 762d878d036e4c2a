"""What accounts ask of changes to a post: nobody who was promised something loses it by an edit.

In: a post of this hub that is about to change or end, under the lock of its account. Out: nothing, or a `BoardError`
that says what to do instead; and the dates that must stay. Who calls: `posts`, and `drafts.dating` through it.
"""

from collections.abc import Collection
from typing import Any

from hartig_node.board.accounts.books import Deal, lot_chain
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.accounts.refusing import Rule, stopped
from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.drafts.views import pick
from hartig_node.board.errors import BoardError
from hartig_protocol.exchange.deal import DealState
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import ClaimState, NeedChain
from hartig_protocol.exchange.rules import still_promised
from hartig_protocol.records.record import Record

NAMED_MAX = 3  # promises that a refusal names


class DealGuard:
    """Looks at the account of a post before it changes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def bound(self, thread: bytes) -> Collection[int]:
        """Return the dates of a post for which something is asked, promised or set aside (`Dating.bound`)."""
        book = await self._ledger.book(thread)
        if book is None or "dates" not in book.post.head.facts:
            return ()
        chain = book.chain
        if isinstance(chain, NeedChain):
            return {one.date for one in chain.claims.values() if one.state is ClaimState.OPEN and one.date is not None}
        kept = {date for date, one in chain.accounts.items() if date is not None and (one.promised or one.allotted)}
        deals = await self._ledger.deals_of(thread)
        asked = {deal.claim.lot_date for deal in deals if deal.state in (DealState.ASKED, DealState.PROMISED)}
        return kept | {date for date in asked if date is not None}

    async def check_quantity(self, record: Record, facts: dict[str, Any]) -> None:
        """Refuse another quantity for a post whose account is open: there it is counted."""
        if facts.get("quantity") == record.head.facts.get("quantity"):
            return
        book = await self._ledger.book(record.head.thread)
        if book is not None and book.chain.is_opened:
            detail = "how much there is, or is needed, stands in the account of this post"
            raise stopped(Rule.COUNT_INSTEAD, detail, "count it instead, and leave the quantity as it was", "/quantity")

    async def is_open(self, record: Record) -> bool:
        """Tell whether something is open in the account of a post: a promise of an offer, what a need has asked for."""
        book = await self._ledger.book(record.head.thread)
        chain = None if book is None else book.chain
        if chain is None or chain.ended is not None:
            return False
        if isinstance(chain, LotChain):
            return bool(chain.open_promise_of)
        return any(claim.state is ClaimState.OPEN for claim in chain.claims.values())

    async def check_promises(self, record: Record) -> None:
        """Refuse to end an offer of which something is promised, and say to whom."""
        chain = lot_chain(await self._ledger.book(record.head.thread))
        if chain is None or chain.ended is not None or not chain.open_promise_of:
            return
        broken = still_promised(len(chain.open_promise_of))
        promised = [deal for deal in await self._ledger.deals_of(chain.thread) if _is_promised(deal, chain)]
        named = ", ".join(_named(deal) for deal in promised[:NAMED_MAX])
        detail = f"promised from this post: {named or len(chain.open_promise_of)}"
        hint = f"{broken.allowed}; or withdraw it all the same, and those who wait read that nothing comes"
        raise BoardError("not_allowed", detail, hint, rule=broken.rule)


def _is_promised(deal: Deal, lot: LotChain) -> bool:
    return deal.id in lot.open_promise_of


def _named(deal: Deal) -> str:
    title = (deal.need.post.body or {}).get("title", {})
    return f"“{clean_text(pick(title, 'en'))}”" if title else deal.need.thread.hex()
