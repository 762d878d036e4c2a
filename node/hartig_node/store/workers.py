"""A thread with a queue that owns one connection, and the way back to the event loop.

In: functions of a connection, from coroutines. Out: their results, in the order asked. `sqlite` has two of these: the
one that reads does each job in a read transaction of its own; the one that writes is `writer.Writer`.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from hartig_node.ports import StoreError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]
Answer = tuple[asyncio.Future[Any], Any, BaseException | None]
Explain = Callable[[sqlite3.Error], StoreError]


class Job:
    """Something to do in the thread, and who waits for it. `explain` says what an error of SQLite means to them."""

    def __init__(self, work: Callable[[], Any], explain: Explain) -> None:
        self._work = work
        self._explain = explain
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def run(self) -> None:
        """Do it and answer."""
        try:
            result = self._work()
        except sqlite3.Error as error:
            self.answer(None, self._explain(error))
        except Exception as error:  # noqa: BLE001 - it is raised again where the caller awaits the answer
            self.answer(None, error)
        else:
            self.answer(result, None)

    def answer(self, result: Any, error: BaseException | None) -> None:
        """Hand the outcome to whoever waits; from any thread."""
        answer_all(self._loop, [(self.future, result, error)])


def answer_all(loop: asyncio.AbstractEventLoop, answers: Iterable[Answer]) -> None:
    """Settle futures in their loop; those whose caller has gone stay as they are."""

    def settle() -> None:
        for future, result, error in answers:
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    call(loop, settle)


def call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Call something in the loop; a loop that has closed meanwhile needs no answer."""
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        if not loop.is_closed():
            raise
        logger.debug("the event loop closed before the store answered")


class Worker:
    """One thread that looks things up in order, with the connection that `connect` opens in it."""

    def __init__(self, name: str, connect: Callable[[], sqlite3.Connection], explain: Explain) -> None:
        self._connect = connect
        self._explain = explain
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._stopped = False
        # A daemon thread, so that a process that must end (`on_failure`) is not held by a disk that hangs.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def ask(self, work: Work[Result]) -> Result:
        """Have one look-up done and return its result."""
        if self._stopped:
            raise StoreError("the store is closed")
        job = Job(lambda: self._look(work), self._explain)
        self._jobs.put(job)
        result: Result = await job.future
        return result

    def _look(self, work: Work[Result]) -> Result:
        """One snapshot for all that a look-up reads."""
        if self._connection is None:
            self._connection = self._connect()
        self._connection.execute("BEGIN")
        try:
            return work(self._connection)
        finally:
            self._connection.execute("ROLLBACK")

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
            del job  # it holds its answer, which at the start is as much as all that the catalog makes of it
        if self._connection is not None:
            self._connection.close()

    async def stop(self) -> None:
        """Do what was asked until now, close the connection, end the thread."""
        self._stopped = True
        self._jobs.put(None)
        await wait_for_thread(self._thread)


async def wait_for_thread(thread: threading.Thread) -> None:
    """Wait for a thread that is about to end, without holding the loop."""
    if thread.ident is None:
        return
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def watch() -> None:
        thread.join()
        answer_all(loop, [(ended, None, None)])

    threading.Thread(target=watch, name=f"{thread.name} watch", daemon=True).start()
    await ended
