"""Deals: who asks, who promises, what is handed over, what arrives. The door to all that is said in accounts.

In: ids and quantities as people and programs write them. Out: views, after what was said is durable. Who calls: API,
site, and `keeper` for what a hub does by itself.

Ids of posts have 32 hexadecimal digits, ids of deals (that of what was asked) and of what was set aside 64. A quantity
is a number or decimal text in the unit of the post that it belongs to; a date is RFC 3339 text, and is left out where
a post has no dates, or one only that lies ahead.

All are idempotent: the same said again about the same deal answers what stands and writes nothing. What names no deal
yet, or adds to what was said (`hand_over` without a deal, `set_aside`, `surrender`, `count` with a reason, a part that
is given back), is said anew each time; the API's Idempotency-Key is for those.

All raise `BoardError`: `not_found`, `not_yours`, `bad_request`, `chain_ended`, `stopped_signing`, `disk_full`, and
`not_allowed` with the `rule` (SPEC, part D, or `refusing.Rule`) and a `hint` that says what would be allowed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.context import Context, thread_of
from hartig_node.board.deals.allotting import Allotting
from hartig_node.board.deals.children import ChildNeeds
from hartig_node.board.deals.counting import Counting
from hartig_node.board.deals.desk import Desk
from hartig_node.board.deals.giving import Giving
from hartig_node.board.deals.needing import Needing
from hartig_node.board.deals.reading import DealReading
from hartig_node.board.deals.showing import Showing
from hartig_node.board.deals.views import BookView, DealPage, DealView, SetAsidePage
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import Posts

Quantity = str | int | float


class Deals:
    """The use cases of deals."""

    def __init__(self, context: Context, ledger: Ledger, posts: Posts) -> None:
        children = ChildNeeds(context, ledger, posts)
        self.desk = Desk(context, ledger, Showing(context, ledger, posts.progressing, children))
        self._needing, self._giving = Needing(self.desk, children), Giving(self.desk)
        self._counting = Counting(self.desk, posts, children)
        self._allotting, self._reading = Allotting(self.desk, posts), DealReading(self.desk)

    # --- For who needs

    async def ask(
        self,
        need: str,
        lot: str,
        quantity: Quantity | None = None,
        date: str | None = None,
        lot_date: str | None = None,
    ) -> DealView:
        """Ask an offer for what an own need is about; by default what is still needed, at most what is free there."""
        return await self._needing.ask(need, lot, quantity, date, lot_date)

    async def cancel(self, claim: str) -> DealView:
        """Say that what was asked is not needed any more."""
        return await self._needing.cancel(claim)

    async def receive(self, claim: str, how: str = "ok", quantity: Quantity | None = None) -> DealView:
        """Say that it arrived: `ok`, `short` (`quantity` says how much came good) or `bad` (by default nothing)."""
        return await self._needing.receive(claim, how, quantity)

    async def give_back(self, claim: str, quantity: Quantity | None = None) -> DealView:
        """Say that what was lent goes back; by default all that is still here."""
        return await self._needing.give_back(claim, quantity)

    async def need_count(self, need: str, quantity: Quantity, dates: Sequence[str] | None = None) -> BookView:
        """Say how much is needed, for each date that lies ahead or for those named."""
        return await self._counting.need_count(need, quantity, dates)

    # --- For who holds it

    async def promise(self, claim: str, quantity: Quantity | None = None) -> DealView:
        """Promise what was asked; by default all of it, or what is free."""
        return await self._giving.promise(claim, quantity)

    async def decline(self, claim: str) -> DealView:
        """Say that nothing will be promised."""
        return await self._giving.decline(claim)

    async def release(self, claim: str, why: str = "cancelled") -> DealView:
        """Take a promise back; what it held is free again."""
        return await self._giving.release(claim, why)

    async def hand_over(
        self,
        claim: str | None,
        quantity: Quantity | None = None,
        lot: str | None = None,
        date: str | None = None,
    ) -> DealView | BookView:
        """Say that it was handed over, for a deal (by default what was promised), or, with `lot`, to whoever came."""
        if claim is not None:
            return await self._giving.hand_over(claim, quantity)
        if lot is None:
            raise BoardError("bad_request", "what was handed over?", "name a deal, or an offer", "/lot")
        return await self._giving.hand_out(lot, quantity, date)

    async def returned(self, claim: str, quantity: Quantity | None = None) -> DealView:
        """Count what was lent and came back; by default what was said to go back, else all that is still away."""
        return await self._giving.returned(claim, quantity)

    async def count(
        self, post: str, quantity: Quantity, why: str | None = None, dates: Sequence[str] | None = None
    ) -> BookView:
        """Count what is there (of an offer), or say how much is needed (of a need).

        Without `why` an offer's quantity is what stands on the shelf now, promised or not: the first count opens its
        account, a later one writes what was found or lost since. With `why` (opened, found, restocked, lost) it is what
        came or went.
        """
        return await self._counting.count(post, quantity, why, dates)

    async def set_aside(self, lot: str, hub: str, quantity: Quantity, date: str | None = None) -> BookView:
        """Set stock aside for a hub, which promises from it itself, also while cut off."""
        return await self._allotting.set_aside(lot, hub, quantity, date)

    def hubs(self) -> Sequence[tuple[str, str]]:
        """Return the other hubs for which stock can be set aside: id and name, by name."""
        return self._allotting.hubs()

    async def accept(self, allotment: str, overrides: Mapping[str, Any] | None = None) -> BookView:
        """Make an offer of what was set aside for this hub, once. `overrides` are fields of its draft."""
        return await self._allotting.accept(allotment, overrides)

    async def surrender(self, lot: str, quantity: Quantity | None = None, date: str | None = None) -> BookView:
        """Give stock back to the hub that had set it aside; by default all that is free."""
        return await self._allotting.surrender(lot, quantity, date)

    async def count_surrendered(self, child: bytes) -> int:
        """Count, once each, what the offer `child` gave back to an own one; return how many were counted now."""
        return await self._allotting.count_surrendered(child)

    # --- For both

    async def close(self, thread: str) -> BookView:
        """End an account in good order; nothing may be promised or asked for in it."""
        return await self._counting.close(thread)

    async def deal(self, claim: str) -> DealView:
        """Return a deal."""
        return await self.desk.shown(await self.desk.deal(claim))

    async def deals(
        self, role: str | None = None, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> DealPage:
        """List deals of own posts. `role`: giving, receiving. `state`: one of a deal's, or open, or over."""
        return await self._reading.deals(role, state, limit, cursor)

    async def book_view(self, thread: str) -> BookView:
        """Return the account of a post."""
        return await self.desk.book_view(thread_of(thread))

    async def set_aside_for_us(self, limit: int = 50, cursor: str | None = None) -> SetAsidePage:
        """List what other hubs set aside for this one, newest last."""
        return await self._allotting.set_aside_for_us(limit, cursor)
