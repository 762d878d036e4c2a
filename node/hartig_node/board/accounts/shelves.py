"""All shelves of this hub: its own network's records, and beside them what each partner network shares.

In: ids. Out: books and records wherever they are held, and who asks of an offer, ours before those of partner networks.
What asks or is asked across networks needs no other path: whoever reads here does not mind whose it is. A set whose
store has just been closed or has failed counts as empty; it is opened anew by itself.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from hartig_node.board.accounts.books import Abroad, Book, Shelf, book_of
from hartig_node.board.context import Context
from hartig_node.board.partners.held import given_up, open_sets
from hartig_node.ports import Store, StoredPost
from hartig_protocol.catalog.entry import POSTS
from hartig_protocol.errors import RecordError
from hartig_protocol.exchange.step import head_of_stored_step
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Head, Record, record_id

logger = logging.getLogger(__name__)

CLAIMS_A_PAGE = 256
OPENED_AT_ONCE = 256  # steps, about 4 ms; then everything else has its turn


Arrivals = dict[bytes, int]  # by network, through which arrival number something was read


class StoredStep(NamedTuple):
    """A step of the store, as far as a chain needs it."""

    id: bytes
    head: Head


class Shelves:
    """Reads what is held, of whatever network."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __repr__(self) -> str:
        return f"<Shelves of {1 + len(self._context.partners)} networks>"

    async def book(self, thread: bytes) -> Book | None:
        """Return the book of a post, as it is on disk."""
        book = await read_book(self._context.store, thread, self._context.pen)
        for network, (catalog, store) in open_sets(self._context.partners) if book is None else ():
            with given_up(network):
                book = book or await read_book(store, thread, Abroad(catalog, self._context.clock))
        return book

    async def record(self, record_id: bytes) -> Record | None:
        """Return a record by its id."""
        stored = await self._context.store.read_record(record_id)
        for network, (catalog, store) in open_sets(self._context.partners) if stored is None else ():
            if record_id in catalog.entries:
                with given_up(network):
                    stored = await store.read_record(record_id)
        return None if stored is None else open_record(stored.wire, verify_signature=False)

    def has_account(self, thread: bytes) -> bool:
        """Tell whether anything was said about a post; nothing is read for that."""
        if thread in self._context.pen.catalog.chains:
            return True
        return any(thread in catalog.chains for _, (catalog, _store) in open_sets(self._context.partners))

    # --- Who asks

    async def claims_since(self, lot: Head, after: Arrivals) -> AsyncIterator[Record | StoredStep]:
        """Yield what is asked of an offer since `after`, which moves on with each: by network, as it arrived.

        What a network asks with which the offer is not shared is none of it: nobody there could read an answer.
        """
        for network, store in self._stores():
            is_all = network != lot.network and lot.audience not in ("partners", network)
            with self._guarding(network):
                while not is_all:
                    page = await store.claims_on(lot.thread, after.get(network, 0), CLAIMS_A_PAGE)
                    is_all = len(page) < CLAIMS_A_PAGE
                    for stored, one in zip(page, await _opened(page), strict=True):
                        if stored.n > after.get(network, 0):  # another caller may have been quicker
                            after[network] = stored.n
                            yield one

    async def is_asked(self, lot: bytes) -> bool:
        """Tell whether anybody asks of an offer."""
        for network, store in self._stores():
            with self._guarding(network):
                if await store.claims_on(lot, 0, 1):
                    return True
        return False

    async def lots_asked(self) -> set[bytes]:
        """Return the offers of which anybody asks, whosever and whether held or not."""
        asked: set[bytes] = set()
        for network, store in self._stores():
            with self._guarding(network):
                asked.update(await store.lots_asked())
        return asked

    def _stores(self) -> list[tuple[bytes, Store]]:
        abroad = [(network, store) for network, (_, store) in open_sets(self._context.partners)]
        return [(self._context.pen.network, self._context.store), *abroad]

    def _guarding(self, network: bytes) -> AbstractContextManager[None]:
        """Return what lets a partner's set fail; without our own store nothing goes on."""
        return nullcontext() if network == self._context.pen.network else given_up(network)


async def read_book(store: Store, thread: bytes, shelf: Shelf) -> Book | None:
    """Read the book of a post as a store has it; None where there is none that can be read."""
    try:
        opened = await _opened(await store.read_thread(thread))
    except RecordError as error:
        # Taken in by an older version, which knew less of what may be in it.
        logger.warning("post %s cannot be read, so it has no book: %s", thread.hex(), error)
        return None
    post = next((one for one in opened if isinstance(one, Record) and one.head.kind in POSTS), None)
    steps = ((one.id, one.head) for one in opened if isinstance(one, StoredStep))
    return None if post is None else book_of(post, steps, shelf)


async def _opened(page: Sequence[StoredPost]) -> list[Record | StoredStep]:
    """Open records of the store; after some of them everything else has its turn."""
    opened: list[Record | StoredStep] = []
    for number, stored in enumerate(page, 1):
        head = head_of_stored_step(stored.wire[0])
        if head is None:
            opened.append(open_record(stored.wire, verify_signature=False))
        else:
            opened.append(StoredStep(record_id(stored.wire[0]), head))
        if number % OPENED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return opened
