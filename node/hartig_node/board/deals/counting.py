"""Counting: how much is there, how much is needed, and the end of an account in good order.

In: a post, a quantity, why and for which dates. Out: its account, after what was said is durable. A date that has
passed stays as it was. Who calls: `deals`.

An offer is counted in two ways. With a reason, what came or went is said. Without one, somebody stands before the shelf
and says what is there: the account knows what should be (free and promised; what is set aside for a hub stands apart),
so what was found or lost is the difference, and the same count again changes nothing.
"""

import logging
from collections.abc import Sequence
from typing import Any

from hartig_node.board.accounts.books import Book
from hartig_node.board.accounts.quantities import read_parts
from hartig_node.board.accounts.refusing import is_broken
from hartig_node.board.context import thread_of
from hartig_node.board.deals.children import ChildNeeds
from hartig_node.board.deals.dates import the_dates
from hartig_node.board.deals.desk import Desk, Facts, count_facts, lot_of, need_of
from hartig_node.board.deals.views import BookView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import Posts
from hartig_protocol.exchange import rules
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import ClaimState
from hartig_protocol.records.record import Head, Kind
from hartig_protocol.records.steps import Verb, Why

logger = logging.getLogger(__name__)

REASONS = (Why.OPENED, Why.FOUND, Why.RESTOCKED, Why.LOST)  # what people count for; others follow from deals


class Counting:
    """Counts of needs and offers, and their close."""

    def __init__(self, desk: Desk, posts: Posts, children: ChildNeeds) -> None:
        self._desk, self._posts, self._children = desk, posts, children

    async def count(self, post: str, quantity: Any, why: str | None, dates: Sequence[str] | None) -> BookView:
        """Count; see `Deals.count`."""
        thread = thread_of(post)
        async with self._desk.ledger.writing(thread):
            book = await self._desk.ledger.level_book(thread)
            for_dates = the_dates(book, dates, self._desk.reading)
            if book.kind == Kind.NEED:
                said = self._needed(book, quantity, why, for_dates)
            else:
                said = self._counted(book, quantity, why, for_dates)
            if said:
                await self._write(book, said)
            head = book.post.head
        if "level" in head.facts:
            await self._say_level_anew(head)
        return await self._desk.book_view(thread)

    async def _say_level_anew(self, shelf: Head) -> None:
        """Let what was said of an open shelf be over: somebody has stood before it, and counted."""
        if not await self._posts.progressing.lows.of(shelf):
            return
        try:
            await self._posts.revise(shelf.thread.hex(), {"level": shelf.facts["level"]})
        except BoardError as error:  # the count is said, and must not be said twice
            logger.info("that shelf %s is nearly empty stands on: %s", shelf.thread.hex(), error)

    async def need_count(self, need: str, quantity: Any, dates: Sequence[str] | None) -> BookView:
        """Say how much is needed; see `Deals.need_count`."""
        return await self.count(need, quantity, Why.NEEDED.value, dates)

    async def close(self, post: str) -> BookView:
        """End an account in good order."""
        thread = thread_of(post)
        async with self._desk.ledger.writing(thread):
            book = await self._desk.ledger.level_book(thread)
            if not book.chain.is_closed:
                await self._check_abroad(book)
                await self._close(book)
        return await self._desk.book_view(thread)

    async def _check_abroad(self, book: Book) -> None:
        """Refuse to close a need for which a partner network is asked: its own account does not say so."""
        children = await self._children.of(book.post.head) if book.kind == Kind.NEED else ()
        claims = [claim for child in children for claim in need_of(child).claims.values()]
        asked = sum(claim.state is ClaimState.OPEN for claim in claims)
        if asked:
            raise is_broken(rules.still_asked(asked), book.post.head)

    async def _close(self, book: Book) -> None:
        try:
            await self._desk.write(book.post.head, [{"verb": Verb.CLOSE.value}])
        except BoardError as error:
            if error.rule == "not_opened":
                error.hint = "nothing was counted here yet: withdraw the post instead"
            raise

    async def _write(self, book: Book, said: list[Facts]) -> None:
        try:
            await self._desk.write(book.post.head, said)
        except BoardError as error:
            if error.rule == "not_free":  # only what is lost can break it
                error.hint = f"{error.hint}: take promises back before counting more as lost"
            raise

    # --- How much is needed

    def _needed(self, book: Book, quantity: Any, why: str | None, dates: Sequence[int | None]) -> list[Facts]:
        if why not in (None, Why.NEEDED):
            raise BoardError("bad_request", f"a need is not counted as {str(why)[:20]!r}", "leave why out", "/why")
        parts = read_parts(quantity, book.post.head, may_be_none=True)
        accounts = need_of(book).accounts
        changed = [date for date in dates if date not in accounts or accounts[date].count != parts]
        return [count_facts(parts, Why.NEEDED, changed)] if changed else []

    # --- How much is there

    def _counted(self, book: Book, quantity: Any, why: str | None, dates: Sequence[int | None]) -> list[Facts]:
        chain = lot_of(book)
        if why is None:
            parts = read_parts(quantity, book.post.head, may_be_none=True)
            return _found_there(chain, parts, dates)
        if why not in REASONS:
            hint = f"say {', '.join(REASONS)}, or leave it out to say what is there now"
            raise BoardError("bad_request", f"{str(why)[:20]!r} is no reason for a count", hint, "/why")
        parts = read_parts(quantity, book.post.head, may_be_none=why == Why.OPENED)
        if why == Why.OPENED:
            is_said = all(date in chain.accounts and chain.accounts[date].counted == parts for date in dates)
            return [] if is_said else [count_facts(parts, Why.OPENED, dates)]
        return [count_facts(-parts if why == Why.LOST else parts, Why(why), [date]) for date in dates]


def _found_there(lot: LotChain, parts: int, dates: Sequence[int | None]) -> list[Facts]:
    """Return what to say so that the account has what somebody has just counted."""
    new = [date for date in dates if date not in lot.accounts]
    said = [count_facts(parts, Why.OPENED, new)] if new else []
    for date in dates:
        account = lot.accounts.get(date)
        change = 0 if account is None else parts - account.free - account.promised
        if change:
            said.append(count_facts(change, Why.FOUND if change > 0 else Why.LOST, [date]))
    return said
