"""The needs through which partner networks are asked: a need of ours never leaves the network, its child does.

A *child need* says what is asked of one partner network for one need of this hub: the same title, category and unit,
what it must have and must not have, and how much. It has no other text, and says of no people for how many it is. Its
account is its own, and what is asked and arrives in it counts for the need that it is a part of.

In: own needs. Out: their children; drafts of new ones. Who calls: `needing`, `showing`, `keeping`.
"""

from collections.abc import Sequence
from typing import Any

from hartig_node.board.accounts.books import Book
from hartig_node.board.accounts.kin import is_child_abroad
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.context import Context
from hartig_node.board.drafts.merging import draft_of
from hartig_node.board.drafts.views import quantity_text
from hartig_node.board.posts.posts import Posts
from hartig_node.board.times import rfc3339
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.record import Head

# What a partner network reads of a need: what has to be known to help, and nothing of the people who need it.
_CROSSES = (
    "kind", "category", "area", "unit", "smallest_part", "title", "mode", "urgency", "window", "best_before",
    "requires", "avoids",
)  # fmt: skip


class ChildNeeds:
    """Finds and makes the children of own needs."""

    def __init__(self, context: Context, ledger: Ledger, posts: Posts) -> None:
        self._context, self._ledger, self._posts = context, ledger, posts

    async def of(self, need: Head) -> Sequence[Book]:
        """Return all children of an own need that are held."""
        threads = await self._posts.progressing.kin.parts_of(need.author, need.thread)
        books = [await self._ledger.book(thread) for thread in threads]
        return [book for book in books if book is not None and is_child_abroad(book.post.head)]

    async def standing(self, need: Head, network: bytes, date: int | None) -> Book | None:
        """Return the child through which one network can still be asked for a date."""
        for child in await self.of(need):
            head = child.post.head
            dates = head.facts.get("dates", [None])
            if head.audience == network and dates == [date] and not child.chain.is_over:
                return child
        return None

    async def asked(self, need: Head, date: int | None) -> int:
        """Return how much partner networks are asked for, or have given, of what a need is about, in its parts."""
        chains = [child.chain for child in await self.of(need)]
        accounts = [chain.accounts.get(date) for chain in chains if isinstance(chain, NeedChain)]
        return sum(one.open + one.received for one in accounts if one is not None)

    async def make(self, need: Book, network: bytes, date: int | None, parts: int) -> bytes:
        """Publish a child that asks a network for so much; return its id."""
        record, reading = need.post, self._context.clock.reading()
        draft: dict[str, Any] = {name: said for name, said in draft_of(record).items() if name in _CROSSES}
        head = record.head
        end_ms = self._posts.asked.end_of(head.thread, head.expires or 0)
        draft |= {
            "audience": network.hex(),
            "parent": head.thread.hex(),
            "quantity": quantity_text(parts, head.fixed[3]),
            # One that stands on, because something is open in it, lasts a while.
            "expires_at": rfc3339(max(end_ms, reading.wall_ms + DAY_MS)),
            "contact": await self._posts.contact_texts.of(head.thread),
        }
        if date is not None:
            draft["dates"] = [rfc3339(date)]
        view = await self._posts.publish_counted(draft, self._context.pen.nonce(), None, lambda _record: ())
        return bytes.fromhex(view.id)
