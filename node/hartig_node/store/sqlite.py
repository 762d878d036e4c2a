"""The store on disk: the port's coroutines, answered by two threads.

In: calls of the engine, the board and the doors. Out: what `reading`, `posts` and `writer` find and do. Made by
`opening.open_store`. Commits go to the writing thread; look-ups to the reading one, so that a long list never delays a
commit. A look-up begun after a commit's answer sees that commit.
"""

import asyncio
import logging
import math
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from hartig_node.files import sync_folder
from hartig_node.ports import (
    FeedItem,
    Loaded,
    PostFilter,
    PostPage,
    StoredPost,
    StoreError,
    StoreStatus,
)
from hartig_node.store import indexing, posts, reading
from hartig_node.store.backup import copy_to
from hartig_node.store.connection import as_store_error, connect, is_damage
from hartig_node.store.damage import SALVAGE_WAITS, forget_aside, salvage
from hartig_node.store.lock import FolderLock
from hartig_node.store.reserve import Reserve
from hartig_node.store.row_seal import RowSeal, opened
from hartig_node.store.rows import Change
from hartig_node.store.schema import meta_get, meta_set
from hartig_node.store.workers import Result, Work, Worker
from hartig_node.store.writer import FULL_PROBLEM, Writer
from hartig_protocol.events import Commit
from hartig_protocol.records.record import Wire

logger = logging.getLogger(__name__)

LOG_EMPTIED_S = 10.0  # at most so often: each time writes the changed pages once more
SEARCH_PROBLEM = "the search index is damaged; searching is slow until it is made anew, which happens by itself"


@dataclass
class Opened:
    """How the opening went."""

    clean_start: bool
    problems: list[str]


class SqliteStore:
    """Implements `hartig_node.ports.Store`, and what the daemon needs beyond it."""

    def __init__(
        self,
        path: Path,
        lock: FolderLock,
        reserve: Reserve,
        writer: Writer,
        opened: Opened,
        cache_kib: int,
        seal: RowSeal | None = None,
    ) -> None:
        self.path, self.reserve = path, reserve
        self._lock = lock
        self._writer = writer
        self._opened = opened
        self._search_is_damaged = False
        self._index_turn = indexing.Turn()
        self._closed = False
        self._seal = seal
        self._emptied_s = -math.inf  # of the loop's clock
        self._explain = partial(as_store_error, path)
        self._reader = Worker("hartig store reader", partial(connect, path, cache_kib=cache_kib), self._explain)

    def __repr__(self) -> str:
        return f"<SqliteStore {self.path} {'closed' if self._closed else self._writer}>"

    # --- Commits

    async def commit(self, commit: Commit) -> Sequence[FeedItem]:
        """Make everything in it durable in one transaction; return its notices, numbered."""
        self._check_open()
        self._index_turn.stored(len(commit.added))
        change = Change.of(commit)
        if self._seal is not None and change.private:
            change = replace(change, private=tuple(self._seal.sealed_rows(change.private)))
        return await self._writer.commit(change)

    async def meta_get(self, key: str) -> int | bytes | str | None:
        """Return one of the store's own notes: `restored` (ms), `damaged` (a file's name), `epoch`, `created_ms`."""
        return await self._read(lambda connection: meta_get(connection, key))

    async def meta_set(self, key: str, value: int | bytes | str | None) -> None:
        """Write one of the store's own notes; None deletes it."""
        await self._write(lambda connection: meta_set(connection, key, value))

    async def index_some(self) -> int:
        """Index the text of some posts that the search does not know yet; return how many are left.

        With nothing left to index it keeps the file small, a bounded step each call, and lets the log forget. While
        much is being stored, or the disk is full, it does nothing.
        """
        if self._writer.is_full or not self._index_turn.has_come():
            return await self._read(indexing.count_unindexed)
        left = await self._write(self._index)
        now_s = asyncio.get_running_loop().time()
        if left == 0 and now_s - self._emptied_s >= LOG_EMPTIED_S:
            self._emptied_s = now_s
            await self._writer.do(self._writer.forget, self._explain)
            await self._write(partial(forget_aside, self.path.parent, self._writer.now_ms()))
        return left

    def _index(self, connection: sqlite3.Connection) -> int:
        if self._search_is_damaged:
            indexing.rebuild(connection)
            self._search_is_damaged = False
        left = indexing.index_batch(connection)
        if left == 0:
            indexing.tidy(connection)
        return left

    # --- Look-ups

    async def load(self) -> Loaded:
        """Return what the core starts from."""
        return await self._read(reading.load)

    async def read_arrivals(
        self, after: int, upto: int, records_max: int, bytes_max: int, *, governance: bool
    ) -> tuple[Sequence[Wire], int]:
        """Return what may leave this hub of `after` < n <= `upto`, rising, and through which n was looked at."""
        return await self._read(
            lambda connection: reading.read_arrivals(
                connection, after, upto, records_max, bytes_max, governance=governance
            )
        )

    async def read_records(self, ids: Sequence[bytes]) -> Sequence[Wire]:
        """Return those of the records that are held and not private, in the order asked for."""
        return await self._read(lambda connection: reading.read_records(connection, ids))

    async def read_record(self, record_id: bytes) -> StoredPost | None:
        """Return one record of any kind and audience by its id."""
        return await self._read(lambda connection: reading.read_record(connection, record_id))

    async def read_thread(self, thread: bytes) -> Sequence[StoredPost]:
        """Return the standing version of a thread and its steps, rising."""
        return await self._read(lambda connection: reading.read_thread(connection, thread))

    async def claims_on(self, lot: bytes, after: int, count_max: int) -> Sequence[StoredPost]:
        """Return claims that ask this thread, with arrival numbers above `after`, rising."""
        return await self._read(lambda connection: reading.claims_on(connection, lot, after, count_max))

    async def steps_about(self, record_id: bytes) -> Sequence[StoredPost]:
        """Return steps that name this record, rising by arrival, at most `STEPS_ABOUT_MAX`."""
        return await self._read(lambda connection: reading.steps_about(connection, record_id))

    async def allotments_to(self, hub: bytes, after: int, count_max: int) -> Sequence[StoredPost]:
        """Return steps that set something aside for a hub, with arrival numbers above `after`, rising."""
        return await self._read(lambda connection: reading.allotments_to(connection, hub, after, count_max))

    async def chains_of(self, author: bytes) -> Sequence[tuple[bytes, int]]:
        """Return the threads of an author that have steps, sorted, each with the kind of its register."""
        return await self._read(lambda connection: reading.chains_of(connection, author))

    async def lots_asked(self) -> Collection[bytes]:
        """Return the offers that claims ask for, whosever and whether held or not."""
        return await self._read(reading.lots_asked)

    async def post(self, thread: bytes) -> StoredPost | None:
        """Return the held version of a need or an offer, standing or not."""
        return await self._read(lambda connection: reading.post(connection, thread))

    async def posts(self, wanted: PostFilter, after: int | None, count_max: int) -> PostPage:
        """List needs and offers, newest arrival first, searching by `wanted.terms` where there are any."""
        return await self._read(lambda connection: self._posts(connection, wanted, after, count_max))

    def _posts(self, connection: sqlite3.Connection, wanted: PostFilter, after: int | None, count_max: int) -> PostPage:
        if not self._search_is_damaged:
            try:
                return posts.list_posts(connection, wanted, after, count_max)
            except sqlite3.DatabaseError as error:
                if not wanted.terms or not is_damage(error):
                    raise
                logger.error("%s (%s)", SEARCH_PROBLEM, error)  # noqa: TRY400 - where it happened is plain
                self._search_is_damaged = True
        return posts.scan_posts(connection, wanted, after, count_max)

    async def feed(self, after: int, count_max: int) -> Sequence[FeedItem]:
        """Return feed lines with seq above `after`, rising."""
        return await self._read(lambda connection: reading.feed(connection, after, count_max))

    async def feed_bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest seq that the feed still holds; (0, 0) when it is empty."""
        return await self._read(reading.feed_bounds)

    async def private_get(self, space: str, key: bytes) -> bytes | None:
        """Return a private row's value, or None; rows past their expiry may be gone."""
        value = await self._read(lambda connection: reading.private_get(connection, space, key))
        return None if value is None else opened(self._seal, space, key, value)

    async def private_list(self, space: str) -> Sequence[tuple[bytes, bytes]]:
        """Return all keys and values of a space, sorted by key."""
        rows = await self._read(lambda connection: reading.private_list(connection, space))
        meant = ((key, opened(self._seal, space, key, value)) for key, value in rows)
        return [(key, value) for key, value in meant if value is not None]

    async def status(self) -> StoreStatus:
        """Return figures about the store; the only call that a failed store still answers."""
        records, post_count, unindexed = await self._reader.ask(reading.counts)
        return StoreStatus(
            records, post_count, unindexed, self._bytes_used(), self._opened.clean_start, self._problems()
        )

    def _bytes_used(self) -> int:
        total = 0
        for path in (self.path, Path(f"{self.path}-wal"), Path(f"{self.path}-shm")):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
        return total

    def _problems(self) -> tuple[str, ...]:
        problems = list(self._opened.problems)
        if self._writer.is_full:
            problems.append(FULL_PROBLEM)
        if self._search_is_damaged:
            problems.append(SEARCH_PROBLEM)
        if self._writer.failure is not None:
            problems.append(f"the store failed ({self._writer.failure}) and takes nothing: start again")
        return tuple(problems)

    # --- Copies and the end

    async def backup(self, path: str) -> None:
        """Write a consistent copy to a new file; refuse to overwrite one. Commits go on meanwhile."""
        self._check_open()
        now_ms = self._writer.now_ms() or 0
        worker = Worker("hartig store backup", partial(connect, self.path), self._explain)
        try:
            await worker.ask(lambda connection: copy_to(connection, Path(path), now_ms))
        finally:
            await worker.stop()

    async def salvaged(self) -> Sequence[Wire]:
        """Return what can be read of the file that was last set aside as damaged, for the core to judge.

        When the core has taken it, `meta_set("damaged", None)` ends the matter, but for what waits (`SALVAGE_WAITS`).
        """
        name = await self.meta_get("damaged") or await self.meta_get(SALVAGE_WAITS)
        if not isinstance(name, str):
            return ()
        return await asyncio.to_thread(lambda: list(salvage(self.path.parent / name)))

    async def close(self) -> None:
        """End cleanly; afterwards every call raises `StoreError`."""
        if self._closed:
            return
        self._closed = True
        await self._reader.stop()
        try:
            if self._writer.failure is None:
                await self._writer.do(self._end, self._explain)
        except StoreError as error:
            logger.warning("the store could not be closed cleanly, so its next start checks it: %s", error)
        finally:
            await self._writer.stop()
            sync_folder(self.path.parent)
            self._lock.release()

    def _end(self) -> None:
        connection = self._writer.connection()
        connection.execute("BEGIN IMMEDIATE")
        meta_set(connection, "clean", 1)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # --- Helpers

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the store {self.path} is closed")
        if self._writer.failure is not None:
            raise StoreError(f"the store failed and must be opened again: {self._writer.failure}")

    async def _read(self, work: Work[Result]) -> Result:
        self._check_open()
        return await self._reader.ask(work)

    async def _write(self, work: Work[Result]) -> Result:
        self._check_open()
        return await self._writer.do(lambda: self._in_transaction(work), self._explain)

    def _in_transaction(self, work: Work[Result]) -> Result:
        connection = self._writer.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result
