"""The only place where asyncio tasks are made: every task has a holder that sees its error.

Who calls: the daemon makes one `Tasks` for each part with a life of its own and closes it when that part ends.
A task that ends with an error other than `RemoteError` or `OSError` is our bug: the holder hands it to `on_failure`,
which by default ends the process's main task, because a half-dead daemon is worse than one that restarts.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from hartig_protocol.errors import RemoteError

logger = logging.getLogger(__name__)

FailureHandler = Callable[[str, BaseException], None]


class Tasks:
    """Holds running tasks, reports their errors, cancels and awaits them on close."""

    def __init__(self, on_failure: FailureHandler | None = None) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure

    def __repr__(self) -> str:
        return f"<Tasks {sorted(task.get_name() for task in self._running)}>"

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `work` as a task called `name` and keep hold of it until it ends."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if isinstance(error, RemoteError | OSError):
            logger.debug("%s ended: %s", task.get_name(), error)
            return
        self.fail(task.get_name(), error)

    def fail(self, name: str, error: BaseException) -> None:
        """Report an error that is our own bug, in a task or out of one."""
        logger.critical("%s failed", name, exc_info=error)
        if self._on_failure is not None:
            self._on_failure(name, error)

    async def close(self) -> None:
        """Cancel every task that still runs and wait until all have ended."""
        running = [task for task in self._running if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
