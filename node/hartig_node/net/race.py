"""Several ways to one end, tried one after the other without waiting out each: the first that works wins.

The idea is RFC 8305 ("Happy Eyeballs"): the next attempt starts when the one before has failed, or has kept
us waiting for a moment. An address that is heard of meanwhile is tried at once: it is the freshest there is.
Who calls: `dialer.py`, with one attempt for each address of a node.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from hartig_node.tasks import Tasks
from hartig_protocol.errors import RemoteError

Won = TypeVar("Won")
Attempt = Callable[[], Coroutine[Any, Any, Won]]


async def race(
    attempts: Sequence[Attempt[Won]],
    *,
    stagger_s: float,
    at_once_max: int,
    discard: Callable[[Won], None],
    more: Callable[[], Coroutine[Any, Any, Sequence[Attempt[Won]]]] | None = None,
) -> Won | None:
    """Return the result of the first attempt that succeeds, or None when all failed.

    Args:
        attempts: what to try, best first; each fails by `RemoteError` or `OSError`.
        stagger_s: how long to wait for an attempt before the next one starts beside it.
        at_once_max: how many may run beside each other, and one more of those that `more` brings.
        discard: is given what a later winner made, when two succeed in the same moment.
        more: waits for further attempts while others run; these come first.
    """
    run = _Race(attempts, at_once_max, more)
    try:
        while run.waiting or run.running:
            run.begin()
            winners = await run.wait(stagger_s)
            if winners:
                run.finished.discard(winners[0])
                return winners[0].result()
        return None
    finally:
        await run.tasks.close()
        for task in run.finished | run.running:
            if not task.cancelled() and task.exception() is None:
                discard(task.result())


class _Race(Generic[Won]):
    """What runs, what waits, and an ear for what is heard of meanwhile."""

    def __init__(
        self,
        attempts: Sequence[Attempt[Won]],
        at_once_max: int,
        more: Callable[[], Coroutine[Any, Any, Sequence[Attempt[Won]]]] | None,
    ) -> None:
        self.tasks = Tasks()
        self.waiting = list(attempts)
        self.running: set[asyncio.Task[Won]] = set()
        self.finished: set[asyncio.Task[Won]] = set()
        self._at_once_max, self._more = at_once_max, more
        self._heard = 0  # how many of those that wait, the first ones, were heard of meanwhile
        self._ear: asyncio.Task[Any] | None = None

    def begin(self) -> None:
        """Start the next attempt where there is room."""
        if self._ear is None and self._more is not None:
            self._ear = self.tasks.start(self._more(), "an ear for more addresses")
        if self._may_begin():
            self._heard = max(0, self._heard - 1)
            self.running.add(self.tasks.start(self.waiting.pop(0)(), "one of several dials"))

    def _may_begin(self) -> bool:
        return bool(self.waiting) and len(self.running) < self._at_once_max + (self._heard > 0)

    async def wait(self, stagger_s: float) -> list[asyncio.Task[Won]]:
        """Wait until something has ended or was heard, or it is time for the next; return who has won."""
        timeout_s = None
        if self._may_begin():
            timeout_s = 0.0 if self._heard else stagger_s
        ears = set() if self._ear is None else {self._ear}
        done, _ = await asyncio.wait({*self.running, *ears}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if self._ear in done:
            self._listened(self._ear.result())
        ended = self.running & done
        self.running -= ended
        self.finished |= ended
        return [task for task in ended if _succeeded(task)]

    def _listened(self, found: Sequence[Attempt[Won]]) -> None:
        self._ear = None
        self.waiting[self._heard : self._heard] = found
        self._heard += len(found)


def _succeeded(task: asyncio.Task[Any]) -> bool:
    error = task.exception()
    if error is not None and not isinstance(error, RemoteError | OSError):
        raise error
    return error is None
