"""The only thread that writes: group commit, one repeat, and what a full disk means.

In: changes and other work from coroutines, in order. Out: feed lines, after COMMIT returned. `sqlite` calls.

    waiting changes --> BEGIN --> each in its SAVEPOINT --> COMMIT --> all answered
         a change that cannot be right (a bug) -----------> rolled back to its savepoint, its caller is told
         the disk is full --------------------------------> rolled back; the reserve is dropped; what only frees room
                                                            is tried again, the rest is told so
         any other error, of COMMIT too: what happened is *unknown* -> rolled back if possible, all repeated once
         an error again ----------------------------------> the store has failed: everybody is told, now and later

Writes are idempotent and feed lines keep the numbers of the first try, so the repeat is safe when the first COMMIT
that raised had happened (of 840 injected errors, 378 had).
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass

from hartig_node.ports import StoreError, StoreFullError
from hartig_node.store import remains
from hartig_node.store.applying import EXPIRED_PER_COMMIT_MAX, apply, expire_private, trim_feed
from hartig_node.store.connection import is_full
from hartig_node.store.reserve import Reserve
from hartig_node.store.rows import Change, FeedLines
from hartig_node.store.workers import Answer, Explain, Job, Result, answer_all, call, wait_for_thread
from hartig_protocol.errors import LocalError

logger = logging.getLogger(__name__)

COMMITS_WAITING_MAX = 10_000  # then callers wait before they are let into the queue
BUSY_MS = 5_000  # as Python sets it: for how long SQLite waits for who looks at the file from outside
COMMITS_PER_TRANSACTION_MAX = 512  # bounds how long the first of them waits
FULL_PROBLEM = (
    "the disk is full: nothing new is stored. Make room (about 20 MB) on the disk that holds the folder; "
    "storing goes on by itself, and what was refused comes again from the neighbours"
)

# What SQLite or its binding says of values that no retry will make right.
_BUGS = (
    LocalError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    OverflowError,
    UnicodeError,
    TypeError,
    ValueError,
)

_NO_LINES = FeedLines(1, ())


@dataclass
class _Waiting:
    """A change in the queue, with the feed lines it was given and what became of it."""

    change: Change
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[FeedLines]
    items: FeedLines = _NO_LINES
    error: BaseException | None = None


class Writer:
    """Owns the connection that writes, from the job that opens it (`adopt`) until `stop`."""

    def __init__(
        self,
        reserve: Reserve,
        now_ms: Callable[[], int | None],
        on_failure: Callable[[BaseException], None] | None,
    ) -> None:
        self._reserve = reserve
        self.now_ms = now_ms
        self._on_failure = on_failure
        self._queue: queue.SimpleQueue[_Waiting | Job | None] = queue.SimpleQueue()
        self._put_back: list[_Waiting | Job | None] = []
        self._room = asyncio.Semaphore(COMMITS_WAITING_MAX)
        self._connection: sqlite3.Connection | None = None
        self._last_seq = 0
        self.failure: BaseException | None = None
        self._has_deleted = False  # something, since the log was emptied
        self._log_remembers = True  # it may hold what is deleted; also that of an earlier run
        self._stopped = False
        # A daemon thread, so that a process that must end (`on_failure`) is not held by a disk that hangs.
        self._thread = threading.Thread(target=self._run, name="hartig store writer", daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether the disk was full when this store, or another with the same reserve, wrote last."""
        return self._reserve.is_full

    def __repr__(self) -> str:
        state = "failed" if self.failure else "full" if self.is_full else "ready"
        return f"<Writer {state}, about {self._queue.qsize()} waiting>"

    # --- From the loop

    async def commit(self, change: Change) -> FeedLines:
        """Make a change durable and return its feed lines.

        Whoever is cancelled while waiting for the answer has not undone it. Raises `StoreFullError`, or `StoreError`
        once the store has failed.
        """
        await self._room.acquire()
        self._check_running()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(change, loop, loop.create_future())
        waiting.future.add_done_callback(lambda _: self._room.release())
        self._queue.put(waiting)
        return await waiting.future

    async def do(self, work: Callable[[], Result], explain: Explain) -> Result:
        """Have something else done by the writing thread, in its turn."""
        self._check_running()
        job = Job(work, explain)
        self._queue.put(job)
        result: Result = await job.future
        return result

    async def stop(self) -> None:
        """End the thread, and the connection with it, after what was asked until now."""
        self._stopped = True
        self._queue.put(None)
        await wait_for_thread(self._thread)

    def _check_running(self) -> None:
        if self._stopped:
            raise StoreError("the store is closed")

    # --- In the thread

    def adopt(self, connection: sqlite3.Connection, last_seq: int) -> None:
        """Take over an open connection; `last_seq` is the highest number the feed ever gave."""
        self._connection = connection
        self._last_seq = last_seq

    def connection(self) -> sqlite3.Connection:
        """Return the connection, or raise for a store that has failed or is not open."""
        if self.failure is not None:
            raise StoreError(f"the store failed and must be opened again: {self.failure}")
        if self._connection is None:
            raise StoreError("the store is not open")
        return self._connection

    def forget(self) -> None:
        """Let no file hold what is deleted: empty the log, and after a while write the database anew (`remains`).

        While somebody reads, or the disk does not let it, the next call tries again.
        """
        connection, now_ms = self.connection(), self.now_ms()
        connection.execute("PRAGMA busy_timeout=0")  # commits wait for this thread
        try:
            self._log_remembers = self._log_remembers or self._has_deleted
            if self._has_deleted and now_ms is not None:
                remains.note(connection, now_ms)
                self._has_deleted = False
            if remains.are_due(connection, now_ms, remains.REMADE_RUNNING_BYTES_MAX):
                remains.remake(connection)
                self._log_remembers = True
            if self._log_remembers:
                self._log_remembers = bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
        except sqlite3.OperationalError as error:
            logger.info("what is deleted leaves the files later: %s", error)
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")

    def _run(self) -> None:
        while (item := self._next()) is not None:
            if isinstance(item, Job):
                item.run()
            else:
                self._commit(self._gather(item))
        if self._connection is not None:
            self._connection.close()

    def _next(self) -> "_Waiting | Job | None":
        return self._put_back.pop() if self._put_back else self._queue.get()

    def _gather(self, first: _Waiting) -> list[_Waiting]:
        """Take in whatever else waits to be committed, up to the next job."""
        batch = [first]
        while len(batch) < COMMITS_PER_TRANSACTION_MAX:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if not isinstance(item, _Waiting):
                self._put_back.append(item)
                break
            batch.append(item)
        return batch

    def _commit(self, batch: list[_Waiting]) -> None:
        for waiting in batch:
            waiting.items = FeedLines(self._last_seq + 1, waiting.change.notices)
            self._last_seq += len(waiting.items)
        try:
            self._write_or_free(self._let_in(batch))
        except StoreError as error:
            _refuse(batch, error)
        except (sqlite3.Error, OSError) as error:  # also of the reserve, which is made again when there is room
            _refuse(batch, self._fail(error, batch[0].loop))
        _answer(batch)

    def _let_in(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Return all of the batch, or while the disk is full what only frees room."""
        if self.is_full and self._reserve.make():
            logger.info("there is room on the disk again")
        return _only_freeing(batch) if self.is_full else batch

    def _write_or_free(self, batch: list[_Waiting]) -> None:
        try:
            self._write_twice(batch)
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            logger.error("%s", FULL_PROBLEM)  # noqa: TRY400 - where it happened is plain
            self._reserve.release()
            self._free(_only_freeing(batch))

    def _free(self, batch: list[_Waiting]) -> None:
        try:
            self._write_twice(batch)
        except sqlite3.Error as error:
            if not is_full(error):
                raise
            _refuse(batch, StoreFullError(FULL_PROBLEM))

    def _write_twice(self, batch: list[_Waiting]) -> None:
        """Write a batch; after an error, which leaves open what happened, once more."""
        if not batch:
            return
        connection = self.connection()
        try:
            self._write(connection, batch)
        except sqlite3.Error as error:
            logger.warning("a commit failed (%s) and is repeated", error)
            _roll_back(connection)
            try:
                self._write(connection, batch)
            except sqlite3.Error:
                _roll_back(connection)
                raise

    def _write(self, connection: sqlite3.Connection, batch: list[_Waiting]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for waiting in batch:
            waiting.error = None
            connection.execute("SAVEPOINT one")
            try:
                apply(connection, waiting.change, waiting.items)
            except _BUGS as error:
                connection.execute("ROLLBACK TO one")
                waiting.error = error
            connection.execute("RELEASE one")
        expired = expire_private(connection, self.now_ms(), EXPIRED_PER_COMMIT_MAX)
        trim_feed(connection, self._last_seq)
        connection.execute("COMMIT")
        self._has_deleted = self._has_deleted or bool(expired) or any(one.change.forgets for one in batch)

    def _fail(self, error: sqlite3.Error | OSError, loop: asyncio.AbstractEventLoop) -> StoreError:
        """From now on there is no answer but an error: only a new start from disk knows what is true."""
        self.failure = error
        logger.critical("the store failed: %s", error)
        on_failure = self._on_failure
        if on_failure is not None:
            call(loop, lambda: on_failure(error))
        return StoreError(f"the store failed and must be opened again: {error}")


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _only_freeing(batch: list[_Waiting]) -> list[_Waiting]:
    """Return those that only free room, and refuse the others; nothing overtakes what was refused of the same."""
    freeing, refused = [], []
    touched: set[object] = set()
    for waiting in batch:
        if waiting.change.only_frees and touched.isdisjoint(waiting.change.touched):
            freeing.append(waiting)
        else:
            refused.append(waiting)
            touched |= waiting.change.touched
    _refuse(refused, StoreFullError(FULL_PROBLEM))
    return freeing


def _refuse(batch: list[_Waiting], error: StoreError) -> None:
    for waiting in batch:
        waiting.error = error


def _answer(batch: list[_Waiting]) -> None:
    answers: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for waiting in batch:
        answers.setdefault(waiting.loop, []).append((waiting.future, waiting.items, waiting.error))
    for loop, some in answers.items():
        answer_all(loop, some)
