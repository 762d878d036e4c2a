"""The ledger: what every need and offer has come to, kept up to date, and the one way to write into own chains.

In: commits, from the engine, once they are durable; from use cases what is to be said. Out: books and deals, as they
are on disk. Books that were asked for stay in memory, up to a bound, and take each further step as it comes; all others
are read from the store when somebody asks. Nothing is read at the start.

The catalog is ahead of the disk and books are not. So who writes waits until both are level: then the next step is
judged after all that was ever signed, and is durable before the one after it is judged (rule 3 of the design).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

from hartig_node.board.accounts.books import (
    Asked,
    Book,
    Deal,
    claim_in,
    deal_of,
    follow,
    gone_with,
    has_lost,
)
from hartig_node.board.accounts.shelves import Shelves
from hartig_node.board.context import Context, refused
from hartig_node.board.ending import has_ended
from hartig_node.board.errors import BoardError
from hartig_node.board.signing import BEFORE_THE_FIRST, Signed
from hartig_protocol.catalog.entry import POSTS
from hartig_protocol.errors import LocalError
from hartig_protocol.events import Commit, PrivateRow
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.rules import Broken
from hartig_protocol.exchange.step import Step
from hartig_protocol.limits import KIND_CHAIN_LOWEST
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.records.steps import Verb

logger = logging.getLogger(__name__)

BOOKS_MAX = 1_024
WEIGHT_MAX = 32_768  # of all books, in steps: eight of the longest chains, about 20 MB
ASKED_MAX = 8_192  # claims on one offer that are kept in mind, 2 MB; of more, all are read each time
NEEDS_KNOWN_MAX = 16_384  # claims of which the need is known without reading, 4 MB
LOOK_AGAIN_S = 1.0

Said = tuple[Mapping[str, Any], dict[str, Any] | None]  # facts of a step, and its body


class Ledger:
    """The books of one hub. `on_touched` is told which posts changed, and which offers new claims ask."""

    def __init__(self, context: Context) -> None:
        self._context, self.shelves = context, Shelves(context)
        self._books: dict[bytes, Book] = {}  # what was asked for longest ago stands first
        self._weights: dict[bytes, int] = {}
        self._weight = 0
        self._need_of: dict[bytes, bytes] = {}  # by claim, for good: its id says it; the oldest goes first
        self._reading: list[list[Commit]] = []  # of each thread that is being read, what was committed meanwhile
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._next_commit: asyncio.Event = asyncio.Event()
        self.on_touched: Callable[[set[bytes]], None] = lambda _threads: None

    def __repr__(self) -> str:
        return f"<Ledger {len(self._books)} books, weight {self._weight}>"

    # --- Asking

    async def book(self, thread: bytes) -> Book | None:
        """Return the book of a need or an offer that is held, as it is on disk; ask anew after each await."""
        book = self._books.pop(thread, None)
        if book is None:
            return await self._fetch(thread)
        self._books[thread] = book  # now it was asked for last
        return book

    async def deal(self, claim_id: bytes) -> Deal | None:
        """Return what became of a claim; None where it is not here, or its chain does not allow it."""
        thread = self._need_of.get(claim_id) or await self._read_need_of(claim_id)
        claim = None if thread is None else claim_in(await self.book(thread), claim_id)
        if thread is None or claim is None:
            return None
        lot = _offer(await self.book(claim.lot))
        need = await self.book(thread)
        claim = claim_in(need, claim_id)
        return None if need is None or claim is None else deal_of(claim, need, lot)

    async def _read_need_of(self, claim_id: bytes) -> bytes | None:
        record = await self.shelves.record(claim_id)
        if record is None or record.head.kind != Kind.STEP or record.head.facts["verb"] != Verb.CLAIM:
            return None
        self._know(claim_id, record.head.thread)
        return record.head.thread

    def _know(self, claim_id: bytes, need: bytes) -> None:
        self._need_of[claim_id] = need
        if len(self._need_of) > NEEDS_KNOWN_MAX:
            del self._need_of[next(iter(self._need_of))]

    async def deals_of(self, thread: bytes) -> list[Deal]:
        """Return the deals of a need (in the order of its claims), or of an offer (in that of their arrival)."""
        book = await self.book(thread)
        if book is None:
            return []
        if isinstance(book.chain, NeedChain):
            return await self._deals_of_need(book, book.chain)
        return await self._deals_of_lot(book)

    async def _deals_of_need(self, need: Book, chain: NeedChain) -> list[Deal]:
        claims = list(chain.claims.values())
        lots = {lot: _offer(await self.book(lot)) for lot in {claim.lot: None for claim in claims}}
        return [deal_of(claim, need, lots[claim.lot]) for claim in claims]

    async def _deals_of_lot(self, lot: Book) -> list[Deal]:
        asked = await self.asked(lot)
        needs = {need: await self.book(need) for need in dict.fromkeys(asked.values())}
        found = [(needs[need], claim_in(needs[need], claim_id)) for claim_id, need in asked.items()]
        return [deal_of(claim, need, lot) for need, claim in found if need is not None and claim is not None]

    async def asked(self, lot: Book) -> Mapping[bytes, bytes]:
        """Return who asks of an offer: needs by claim, in the order of arrival. Only what came since is read.

        What they ask may not be allowed by their chain, or may have gone since.
        """
        asked = lot.asked
        async for one in self.shelves.claims_since(lot.post.head, asked.after):
            asked.take(one.id, one.head.thread)
        if len(asked.needs) > ASKED_MAX:
            lot.asked = Asked()
        if self._books.get(lot.thread) is lot:
            self._weigh(lot)
        return dict(asked.needs)

    # --- Writing

    def writing(self, thread: bytes) -> asyncio.Lock:
        """Return the lock of a post: whoever judges and writes in its chain holds it from before the judging."""
        lock = self._locks.get(thread)
        if lock is None:
            lock = self._locks[thread] = asyncio.Lock()
        return lock

    async def write(
        self,
        thread: bytes,
        facts: Mapping[str, Any],
        body: dict[str, Any] | None = None,
        private: Sequence[PrivateRow] = (),
    ) -> Record:
        """Say one thing in the chain of an own post, under its lock; it is durable and in its book on return.

        Raises `BoardError`: `not_found`, `not_yours`, `chain_ended`, `not_allowed` (with the rule that it would break
        and what would be allowed), `stopped_signing`, `refused`, `disk_full`.
        """
        (record,) = await self.write_all(thread, [(facts, body)], private)
        return record

    async def write_all(
        self, thread: bytes, said: Sequence[Said], private: Sequence[PrivateRow] = ()
    ) -> Sequence[Record]:
        """Say several things, one after the other, in one commit; all of them, or with an error none."""
        if not self.writing(thread).locked():
            raise LocalError("a chain is written under its lock alone")
        book = await self.level_book(thread)
        signed = _signed(self._context, book, said)
        rows = [row for one in signed for row in one.private]
        refusals = await self._context.publish([one.record for one in signed], [*rows, *private])
        for refusal in refusals:
            if refusal is not None:
                raise refused(refusal)
        return [one.record for one in signed]

    async def level_book(self, thread: bytes) -> Book:
        """Return an own book that holds all that was ever signed in its chain, and whose chain goes on.

        What was handed in before may still be on its way to the disk, when whoever did it was cancelled.
        """
        while True:
            book = await self.book(thread)
            if book is None:
                raise BoardError("not_found", "there is no such post here", "it may be over, or not have arrived yet")
            if not book.is_mine:
                raise BoardError("not_yours", "another hub posted this", "only that hub can write about it")
            ended = book.ended
            if ended is not None:
                raise has_ended(ended, book.kind)
            if book.is_level():
                return book
            await self._wait_for_commit()

    async def _wait_for_commit(self) -> None:
        if self._context.engine.stuck is not None:
            detail = "the disk is full: what was said before waits in memory"
            raise BoardError("disk_full", detail, "free some space on the hub's disk; nothing was lost")
        self._next_commit.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._next_commit.wait()

    # --- Keeping up

    def committed(self, commit: Commit) -> None:
        """Take what has become durable, of whatever network (engine.on_committed, and that of its partners)."""
        self._next_commit.set()
        for meanwhile in self._reading:
            meanwhile.append(commit)
        touched: set[bytes] = set()
        for entry, record in commit.added:
            if entry.kind < KIND_CHAIN_LOWEST and entry.kind not in POSTS:
                continue
            touched.add(entry.thread)
            if entry.kind == Kind.STEP and record.head.facts["verb"] == Verb.CLAIM:
                touched.add(record.head.facts["lot"])
                self._know(entry.id, entry.thread)
            book = self._books.get(entry.thread)
            if book is not None:
                if book.take(entry, record):
                    self._weigh(book)
                else:
                    self._drop(entry.thread)
        touched.update(self._let_go(commit))
        if touched:
            self.on_touched(touched)

    def left(self, network: bytes) -> None:
        """Forget all that was read of a partner network's set, which is here no more, or begins anew."""
        own = self._context.pen.network
        gone = [thread for thread, book in self._books.items() if book.post.head.network == network]
        for thread in gone:
            self._drop(thread)
        for book in self._books.values():
            if book.post.head.network == own:
                book.asked = Asked()
        self.on_touched(set(gone))

    def _let_go(self, commit: Commit) -> list[bytes]:
        """Drop the books of which something has gone, or whose post has lost or found its text; return which."""
        gone = gone_with(commit)
        dropped = [thread for thread, book in self._books.items() if has_lost(book, gone)] if gone else []
        for thread in dropped:
            self._drop(thread)
        return dropped

    # --- Reading

    async def _fetch(self, thread: bytes) -> Book | None:
        while True:
            meanwhile: list[Commit] = []
            self._reading.append(meanwhile)
            try:
                book = await self.shelves.book(thread)
            finally:
                self._reading = [one for one in self._reading if one is not meanwhile]
            if thread in self._books:
                return self._books[thread]  # another caller was quicker
            if book is None:
                return None
            if all(follow(book, commit) for commit in meanwhile):
                self._keep(book)
                return book

    # --- What stays in memory

    def _keep(self, book: Book) -> None:
        self._books[book.thread] = book
        self._weigh(book)
        if self._is_too_much():
            for thread in [one for one in self._books if one != book.thread and not self._is_locked(one)]:
                self._drop(thread)
                if not self._is_too_much():
                    return

    def _is_too_much(self) -> bool:
        return len(self._books) > BOOKS_MAX or self._weight > WEIGHT_MAX

    def _is_locked(self, thread: bytes) -> bool:
        lock = self._locks.get(thread)
        return lock is not None and lock.locked()

    def _weigh(self, book: Book) -> None:
        weight = book.weight
        self._weight += weight - self._weights.get(book.thread, 0)
        self._weights[book.thread] = weight

    def _drop(self, thread: bytes) -> None:
        del self._books[thread]
        self._weight -= self._weights.pop(thread)


def _offer(book: Book | None) -> Book | None:
    """Return the book of an offer; a claim may name anything."""
    return book if book is not None and book.kind == Kind.OFFER else None


def _signed(context: Context, book: Book, said: Sequence[Said]) -> list[Signed]:
    """Sign what the chain allows. Several are tried on a copy: the book changes when they are durable."""
    chain = book.chain if len(said) == 1 else book.chain.copied()
    after = book.last or BEFORE_THE_FIRST
    signed: list[Signed] = []
    for facts, body in said:
        one = context.pen.step(book.post, facts, body, after)
        step = Step.of(one.record)
        broken = chain.judge(step) if len(said) == 1 else chain.apply(step)
        if broken is not None:
            raise not_allowed(broken)
        after = (step.seq, step.id)
        signed.append(one)
    return signed


def not_allowed(broken: Broken) -> BoardError:
    """Say which rule stops it, and what would be allowed."""
    detail = "what was said about this post before does not allow it"
    return BoardError("not_allowed", detail, broken.allowed, rule=broken.rule, most=broken.most)
