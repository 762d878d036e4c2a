"""The twin in dicts: the same port, for tests and simulations.

A `MemoryDisk` is what survives a crash; a `MemoryStore` is one life of a process on it. A test may hold commits back
(`hold`), let some become durable (`release`) and cut the power (`crash`): what was held is lost, its callers are told
nothing good, and the next `MemoryStore` on the same disk sees what was durable alone. Simulations that run the core
without asyncio call `MemoryDisk.apply` themselves.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from hartig_node.ports import (
    STEPS_ABOUT_MAX,
    FeedItem,
    Loaded,
    PostFilter,
    PostPage,
    StoredPost,
    StoreError,
    StoreStatus,
)
from hartig_node.searching import has_terms, wanted_terms
from hartig_node.store.facts import POST_KINDS, StepFacts, is_wanted
from hartig_node.store.indexing import INDEX_BATCH, stored_text
from hartig_node.store.memory_disk import MemoryDisk
from hartig_node.store.rows import Change, entry_of
from hartig_node.store.writer import FULL_PROBLEM
from hartig_protocol.catalog.contacts import NAMING
from hartig_protocol.errors import LocalError
from hartig_protocol.events import Commit
from hartig_protocol.limits import KIND_CHAIN_LOWEST
from hartig_protocol.records.record import Kind, Wire

_GOVERNANCE = frozenset(int(kind) for kind in (Kind.CHARTER, Kind.GRANT, Kind.REVOKE, Kind.PACT))
_STARTING = _GOVERNANCE | {int(Kind.CARD)}


@dataclass
class _Held:
    """A commit that is not durable yet."""

    change: Change
    future: "asyncio.Future[list[FeedItem]]"


class MemoryStore:
    """Implements `hartig_node.ports.Store` on a `MemoryDisk`."""

    def __init__(self, disk: MemoryDisk | None = None, *, now_ms: Callable[[], int | None] = lambda: None) -> None:
        self.disk = MemoryDisk() if disk is None else disk
        self._now_ms = now_ms
        self._clean_start = self.disk.was_closed
        self.disk.was_closed = False
        self._holding = False
        self._held: list[_Held] = []
        self._ended = ""

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self.disk.rows)} records, {len(self._held)} commits held {self._ended}>"

    # --- What a test does to it

    def hold(self) -> None:
        """From now on commits wait until `release`."""
        self._holding = True

    def release(self, count: int | None = None) -> None:
        """Make the oldest `count` commits that wait durable, or all, and then hold no more."""
        for held in self._held[:count]:
            self._settle(held)
        del self._held[:count]
        if count is None:
            self._holding = False

    def crash(self) -> None:
        """Cut the power: what waits is lost, and this store answers nothing any more."""
        self._ended = "the power was cut"
        for held in self._held:
            if not held.future.done():
                held.future.set_exception(StoreError(self._ended))
        self._held.clear()

    @property
    def held(self) -> int:
        """How many commits wait."""
        return len(self._held)

    def _settle(self, held: _Held) -> None:
        try:
            items = self.disk.apply(held.change, self._now_ms())
        except (StoreError, LocalError) as error:
            if not held.future.done():
                held.future.set_exception(error)
        else:
            if not held.future.done():
                held.future.set_result(items)

    def _alive(self) -> MemoryDisk:
        if self._ended:
            raise StoreError(f"the store is closed: {self._ended}")
        return self.disk

    # --- The port

    async def load(self) -> Loaded:
        """Return what the core starts from; the entries are its own."""
        disk = self._alive()
        rows = [disk.rows[n] for n in sorted(disk.rows)]
        return Loaded(
            disk.epoch,
            disk.last_n,
            disk.running,
            [entry_of(row[:14]) for row in rows],
            {row.id: row.wire for row in rows if row.kind in _STARTING},
            [disk.cursors[peer] for peer in sorted(disk.cursors)],
            [disk.told[key] for key in sorted(disk.told)],
            [(n, one.verb, one.about) for n, one in sorted(disk.steps.items()) if one.about and one.verb in NAMING],
        )

    async def commit(self, commit: Commit) -> Sequence[FeedItem]:
        """Make everything in it durable in one step; while commits are held, wait."""
        disk = self._alive()
        change = Change.of(commit)
        if not self._holding:
            return disk.apply(change, self._now_ms())
        held = _Held(change, asyncio.get_running_loop().create_future())
        self._held.append(held)
        return await held.future

    async def read_arrivals(
        self, after: int, upto: int, records_max: int, bytes_max: int, *, governance: bool
    ) -> tuple[Sequence[Wire], int]:
        """Return what may leave this hub of `after` < n <= `upto`, rising, and through which n was looked at."""
        disk = self._alive()
        through = max(after, min(upto, disk.last_n))
        wires: list[Wire] = []
        room, last = bytes_max, after
        for n in sorted(n for n in disk.rows if after < n <= through):
            row = disk.rows[n]
            if row.audience == "hub" or (governance and row.kind not in _GOVERNANCE):
                continue
            size = len(row.head) + len(row.signature) + len(row.body or b"")
            if wires and (len(wires) >= records_max or size > room):
                return wires, last
            wires.append(row.wire)
            room -= size
            last = n
        return wires, through

    async def read_records(self, ids: Sequence[bytes]) -> Sequence[Wire]:
        """Return those of the records that are held and not private, in the order asked for."""
        disk = self._alive()
        rows = (disk.rows[disk.numbers[record_id]] for record_id in dict.fromkeys(ids) if record_id in disk.numbers)
        return [row.wire for row in rows if row.audience != "hub"]

    async def read_record(self, record_id: bytes) -> StoredPost | None:
        """Return one record of any kind and audience by its id."""
        disk = self._alive()
        n = disk.numbers.get(record_id)
        return None if n is None else StoredPost(n, disk.rows[n].wire)

    async def read_thread(self, thread: bytes) -> Sequence[StoredPost]:
        """Return the standing version of a thread and its steps, rising."""
        rows = self._alive().rows
        return [StoredPost(n, rows[n].wire) for n in sorted(rows) if rows[n].thread == thread]

    async def claims_on(self, lot: bytes, after: int, count_max: int) -> Sequence[StoredPost]:
        """Return claims that ask this thread, with arrival numbers above `after`, rising."""
        return self._steps(lambda step: step.lot == lot and step.n > after, count_max)

    async def steps_about(self, record_id: bytes) -> Sequence[StoredPost]:
        """Return steps that name this record, rising by arrival, at most `STEPS_ABOUT_MAX`."""
        return self._steps(lambda step: step.about == record_id, STEPS_ABOUT_MAX)

    async def allotments_to(self, hub: bytes, after: int, count_max: int) -> Sequence[StoredPost]:
        """Return steps that set something aside for a hub, with arrival numbers above `after`, rising."""
        return self._steps(lambda step: step.hub == hub and step.n > after, count_max)

    def _steps(self, wanted: Callable[[StepFacts], bool], count_max: int) -> Sequence[StoredPost]:
        disk = self._alive()
        numbers = sorted(n for n, step in disk.steps.items() if wanted(step))[:count_max]
        return [StoredPost(n, disk.rows[n].wire) for n in numbers]

    async def chains_of(self, author: bytes) -> Sequence[tuple[bytes, int]]:
        """Return the threads of an author that have steps, sorted, each with the kind of its register."""
        disk = self._alive()
        threads = {step.thread for step in disk.steps.values()}
        rows = (row for row in disk.rows.values() if row.kind < KIND_CHAIN_LOWEST and row.thread in threads)
        return sorted({(row.thread, row.kind) for row in rows if row.author == author})

    async def lots_asked(self) -> Collection[bytes]:
        """Return the offers that claims ask for, whosever and whether held or not."""
        return {step.lot for step in self._alive().steps.values() if step.lot is not None}

    async def post(self, thread: bytes) -> StoredPost | None:
        """Return the held version of a need or an offer, standing or not."""
        rows = self._alive().rows
        found = [n for n in rows if rows[n].thread == thread and rows[n].kind in POST_KINDS]
        return StoredPost(max(found), rows[max(found)].wire) if found else None

    async def posts(self, wanted: PostFilter, after: int | None, count_max: int) -> PostPage:
        """List needs and offers, newest arrival first, by a plain scan."""
        disk = self._alive()
        numbers = list(islice(_scan(disk, wanted, after), count_max + 1))
        page = numbers[:count_max]
        posts = [StoredPost(n, disk.rows[n].wire) for n in page]
        return PostPage(posts, page[-1] if page and len(numbers) > count_max else None)

    async def feed(self, after: int, count_max: int) -> Sequence[FeedItem]:
        """Return feed lines with seq above `after`, rising."""
        lines = self._alive().feed
        return list(islice((lines[seq] for seq in sorted(lines) if seq > after), count_max))

    async def feed_bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest seq that the feed still holds; (0, 0) when it is empty."""
        lines = self._alive().feed
        return (min(lines, default=0), max(lines, default=0))

    async def private_get(self, space: str, key: bytes) -> bytes | None:
        """Return a private row's value, or None; rows past their expiry may be gone."""
        row = self._alive().private.get((space, key))
        return None if row is None else row[0]

    async def private_list(self, space: str) -> Sequence[tuple[bytes, bytes]]:
        """Return all keys and values of a space, sorted by key."""
        rows = self._alive().private
        return sorted((key, value) for (of, key), (value, _) in rows.items() if of == space)

    async def index_some(self) -> int:
        """Call some posts indexed; return how many are left. The twin scans either way."""
        disk = self._alive()
        if not disk.is_full:
            disk.unindexed.difference_update(sorted(disk.unindexed)[:INDEX_BATCH])
        return len(disk.unindexed)

    async def status(self) -> StoreStatus:
        """Return figures about the store."""
        disk = self._alive()
        used = sum(len(row.head) + len(row.signature) + len(row.body or b"") for row in disk.rows.values())
        problems = (FULL_PROBLEM,) if disk.is_full else ()
        return StoreStatus(len(disk.rows), len(disk.posts), len(disk.unindexed), used, self._clean_start, problems)

    async def meta_get(self, key: str) -> int | bytes | str | None:
        """Return one of the store's own notes."""
        disk = self._alive()
        return disk.epoch if key == "epoch" else disk.meta.get(key)

    async def meta_set(self, key: str, value: int | bytes | str | None) -> None:
        """Write one of the store's own notes; None deletes it."""
        disk = self._alive()
        if value is None:
            disk.meta.pop(key, None)
        else:
            disk.meta[key] = value

    async def salvaged(self) -> Sequence[Wire]:
        """Return nothing: this disk is never damaged."""
        self._alive()
        return ()

    async def backup(self, path: str) -> None:
        """Refuse: what is only in memory has no file to copy."""
        self._alive()
        raise StoreError(f"cannot write the backup {path}: this store is in memory only")

    async def close(self) -> None:
        """End cleanly; what is held becomes durable."""
        if self._ended:
            return
        self.release()
        self.disk.was_closed = True
        self._ended = "it was closed"


def _scan(disk: MemoryDisk, wanted: PostFilter, after: int | None) -> Iterator[int]:
    terms = wanted_terms(wanted.terms)
    for n in sorted(disk.posts, reverse=True):
        if after is not None and n >= after:
            continue
        row = disk.rows[n]
        if (wanted.unless_thread_in, row.thread) in disk.private or (
            wanted.unless_author_in,
            row.author,
        ) in disk.private:
            continue
        if is_wanted(disk.posts[n], row.author, wanted) and (not terms or has_terms(stored_text(row.body), terms)):
            yield n
