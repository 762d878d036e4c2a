"""What all use cases of deals share: finding both sides, opening an account, writing, and the room that is left.

In: ids as people write them. Out: books and deals, or a `BoardError` that says what to do. Who calls: `needing`,
`giving`, `counting`, `allotting`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from hartig_node.board.accounts.books import Book, Deal
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.accounts.refusing import Rule, in_units_of, stopped
from hartig_node.board.context import Context
from hartig_node.board.deals.dates import dates_ahead
from hartig_node.board.deals.showing import FULL_FROM, Showing
from hartig_node.board.deals.views import BookView, DealView
from hartig_node.board.errors import BoardError
from hartig_node.reckoning import Reading
from hartig_protocol.events import PrivateRow
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.limits import HOUR_MS, MINUTE_MS, RECORD_ID_BYTES
from hartig_protocol.records import categories
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Head, Kind, Record
from hartig_protocol.records.steps import Verb, Why

Facts = dict[str, Any]

OPENED_AT_ONCE = 128  # records, about 5 ms; then everything else has its turn
HOLD_MIN = 48 * HOUR_MS // MINUTE_MS  # design, section 5
HOLD_PERISHABLE_MIN = 4 * HOUR_MS // MINUTE_MS
COUNT_AND_OFFER = "count what is left, and offer it anew"
POST_NEED_ANEW = "post what is still needed anew"


class Desk:
    """Finds, checks and writes."""

    def __init__(self, context: Context, ledger: Ledger, showing: Showing) -> None:
        self.context, self.ledger, self.showing = context, ledger, showing

    @property
    def reading(self) -> Reading:
        """What time it is, and who vouches for it."""
        return self.context.clock.reading()

    # --- Finding

    async def deal(self, claim: str) -> Deal:
        """Return a deal by the id that people write."""
        return await self.deal_by(id_of(claim))

    async def deal_by(self, claim_id: bytes) -> Deal:
        """Return a deal that is held here, with its need."""
        deal = await self.ledger.deal(claim_id)
        if deal is None:
            hint = "what was asked, or the need that it is for, has not arrived, or is over"
            raise BoardError("not_found", "no such deal is held here", hint)
        return deal

    async def own(self, thread: bytes, kind: Kind) -> Book:
        """Return the book of an own post whose account goes on; its lock is held."""
        book = await self.ledger.level_book(thread)
        if book.kind != kind:
            what = "need" if kind is Kind.NEED else "offer"
            raise BoardError("bad_request", f"this can be said of {_article(what)} alone", f"name {_article(what)}")
        return book

    async def giving(self, asked: Deal) -> tuple[Deal, Book, LotChain]:
        """Return a deal as it stands now, with the own offer that it asks; the offer's lock is held."""
        lot = await self.own(asked.claim.lot, Kind.OFFER)
        return await self.deal_by(asked.id), lot, lot_of(lot)

    async def receiving(self, asked: Deal) -> tuple[Deal, Book]:
        """Return a deal as it stands now, with the own need that it is for; the need's lock is held."""
        need = await self.own(asked.need.thread, Kind.NEED)
        return await self.deal_by(asked.id), need

    async def steps_of(self, chain: LotChain) -> list[Record]:
        """Return what was said in an account and counts, in its order."""
        steps = []
        for number, stored in enumerate(await self.context.store.read_thread(chain.thread), 1):
            record = open_record(stored.wire, verify_signature=False)
            if record.head.is_chain and record.id not in chain.broken:
                steps.append(record)
            if number % OPENED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return steps

    async def shown(self, deal: Deal) -> DealView:
        """Return what people see of a deal, as it stands now."""
        return await self.showing.deal(await self.deal_by(deal.id))

    async def book_view(self, thread: bytes) -> BookView:
        """Return the account of a post that is held."""
        book = await self.ledger.book(thread)
        if book is None:
            raise BoardError("not_found", "no such post is held here", "it may have ended, or not have arrived yet")
        return await self.showing.book(book)

    # --- Writing

    async def write(self, post: Head, said: Sequence[Facts], private: Sequence[PrivateRow] = ()) -> Sequence[Record]:
        """Say all of it in the account of a post, in one commit; a verdict against it speaks of the post's unit."""
        with in_units_of(post):
            return await self.ledger.write_all(post.thread, [(facts, None) for facts in said], private)

    def check_room(self, book: Book) -> None:
        """Refuse to begin anything new in an account that is nearly full."""
        written = book.chain.seq
        if written >= FULL_FROM:
            hint = POST_NEED_ANEW if book.kind == Kind.NEED else COUNT_AND_OFFER
            raise stopped(Rule.NEARLY_FULL, "nearly as much was said about this post as fits", hint)

    def opening(self, book: Book, date: int | None) -> list[Facts]:
        """Return the first count of an account, by what its post says; nothing where it is open for this date.

        The post says how much for each of its dates, so all that lie ahead are opened together.
        """
        accounts, head = book.chain.accounts, book.post.head
        quantity = head.facts.get("quantity")
        if date in accounts or quantity is None:
            return []
        dates: list[int] = []
        if date is not None:
            dates = sorted({date, *(one for one in dates_ahead(book, self.reading) if one not in accounts)})
        why = Why.NEEDED if head.kind == Kind.NEED else Why.OPENED
        return [count_facts(quantity, why, dates)]


def count_facts(quantity: int, why: Why, dates: Sequence[int | None] = (), of: bytes | None = None) -> Facts:
    """Return the facts of a count; only a first count may be for several dates."""
    facts: Facts = {"verb": Verb.COUNT.value, "quantity": quantity, "why": why.value}
    named = [date for date in dates if date is not None]
    if named:
        facts |= {"date": named[0]} if len(named) == 1 else {"dates": named}
    return facts if of is None else {**facts, "of": of}


def dated(facts: Facts, date: int | None, name: str = "date") -> Facts:
    """Return facts with a date, where there is one."""
    return facts if date is None else {**facts, name: date}


def hold_min_of(post: Head) -> int:
    """Return for how many powered-on minutes a promise from this offer holds."""
    return HOLD_PERISHABLE_MIN if categories.is_perishable(post.fixed[0]) else HOLD_MIN


def lot_of(book: Book) -> LotChain:
    """Return the chain of an offer."""
    chain = book.chain
    assert isinstance(chain, LotChain)
    return chain


def need_of(book: Book) -> NeedChain:
    """Return the chain of a need."""
    chain = book.chain
    assert isinstance(chain, NeedChain)
    return chain


def id_of(text: Any) -> bytes:
    """Read the id of a deal, or of what was set aside; raises `BoardError`."""
    try:
        record_id = bytes.fromhex(text)
    except (TypeError, ValueError):
        record_id = b""
    if len(record_id) != RECORD_ID_BYTES:
        hint = f"an id has {2 * RECORD_ID_BYTES} hexadecimal digits"
        raise BoardError("not_found", f"{str(text)[:70]!r} is no id of a deal", hint)
    return record_id


def _article(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"
