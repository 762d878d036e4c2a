"""Several ways to one end, tried one after the other without waiting out each: the first that works wins.

The idea is RFC 8305 ("Happy Eyeballs"): the next attempt starts when the one before has failed, or has kept
us waiting for a moment. An address that is heard of meanwhile is tried at once: it is the freshest there is.
When all have begun and none has won, those that hang, or hung and then failed, are begun again in turn: where packets
are lost, an attempt that lost one waits for the system to send it again, while a new one is as likely to get through as
the first was. Who calls: `dialer.py`, with one attempt for each address of a node, and `dialing.py`, with several
connections to one address.
"""

import asyncio
import math
from collections import Counter
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
    again_s: float = math.inf,
    again_for_s: float = 0.0,
) -> Won | None:
    """Return the result of the first attempt that succeeds, or None when all failed.

    Args:
        attempts: what to try, best first; each fails by `RemoteError` or `OSError`.
        stagger_s: how long to wait for an attempt before the next one starts beside it.
        at_once_max: how many may run beside each other, and one more of those that `more` brings.
        discard: is given what a later winner made, when two succeed in the same moment.
        more: waits for further attempts while others run; these come first.
        again_s: how long after the last beginning one that hangs is begun again; what fails sooner does not hang.
        again_for_s: for so long after the first beginning, and after `more` has brought word, of whatever.
    """
    run = _Race(attempts, at_once_max, more, again_s, again_for_s)
    won = kept = None
    try:
        while run.waiting or run.running:
            run.begin()
            winners = await run.wait(stagger_s)
            if winners:
                won = winners[0]
                return won.result()
        return None
    finally:
        try:
            await run.tasks.close()
            kept = won  # who is cancelled in that moment gets nothing
        finally:
            for task in run.finished | set(run.running):
                if task is not kept and task.done() and not task.cancelled() and task.exception() is None:
                    discard(task.result())


class _Race(Generic[Won]):
    """What runs, what waits, and an ear for what is heard of meanwhile."""

    def __init__(
        self,
        attempts: Sequence[Attempt[Won]],
        at_once_max: int,
        more: Callable[[], Coroutine[Any, Any, Sequence[Attempt[Won]]]] | None,
        again_s: float,
        again_for_s: float,
    ) -> None:
        self.tasks = Tasks()
        self.waiting = list(attempts)
        self.running: dict[asyncio.Task[Won], tuple[Attempt[Won], float]] = {}  # with when it began
        self.finished: set[asyncio.Task[Won]] = set()
        self._at_once_max, self._more = at_once_max, more
        self._heard = 0  # how many of those that wait, the first ones, were heard of meanwhile
        self._ear: asyncio.Task[Any] | None = None
        self._begun: Counter[Attempt[Won]] = Counter()  # those that have not failed at once, in order of beginning
        self._now_s = asyncio.get_running_loop().time
        self._begun_s = self._now_s()  # the last one
        self._again_s, self._again_for_s = again_s, again_for_s
        self._again_until_s = self._begun_s + again_for_s

    def begin(self) -> None:
        """Start the next attempt where there is room."""
        if self._ear is None and self._more is not None:
            self._ear = self.tasks.start(self._more(), "an ear for more addresses")
        if self._may_begin():
            self._heard = max(0, self._heard - 1)
            self._start(self.waiting.pop(0))
        elif (hanging := self._hanging()) is not None and self._again_in_s() <= 0:
            self._start(hanging)

    def _start(self, attempt: Attempt[Won]) -> None:
        self._begun_s = self._now_s()
        self.running[self.tasks.start(attempt(), "one of several dials")] = attempt, self._begun_s
        self._begun[attempt] += 1

    def _may_begin(self) -> bool:
        return bool(self.waiting) and len(self.running) < self._at_once_max + (self._heard > 0)

    def _hanging(self) -> Attempt[Won] | None:
        """Return what may be begun again, once it is time: the one least often begun."""
        if self.waiting or len(self.running) >= self._at_once_max or self._now_s() >= self._again_until_s:
            return None
        return min(self._begun, key=self._begun.__getitem__, default=None)

    def _again_in_s(self) -> float:
        return self._begun_s + self._again_s - self._now_s()

    async def wait(self, stagger_s: float) -> list[asyncio.Task[Won]]:
        """Wait until something has ended or was heard, or it is time for the next; return who has won."""
        timeout_s = None
        if self._may_begin():
            timeout_s = 0.0 if self._heard else stagger_s
        elif self._hanging() is not None:
            timeout_s = max(0.0, self._again_in_s())
        ears = set() if self._ear is None else {self._ear}
        done, _ = await asyncio.wait({*self.running, *ears}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if self._ear in done:
            self._listened(self._ear.result())
        ended = self.running.keys() & done
        for task in ended:
            attempt, begun_s = self.running.pop(task)
            if self._now_s() - begun_s < self._again_s:
                del self._begun[attempt]
        self.finished |= ended
        return [task for task in ended if _succeeded(task)]

    def _listened(self, found: Sequence[Attempt[Won]]) -> None:
        self._ear = None
        self._again_until_s = self._now_s() + self._again_for_s
        self.waiting[self._heard : self._heard] = found
        self._heard += len(found)


def _succeeded(task: asyncio.Task[Any]) -> bool:
    error = task.exception()
    if error is not None and not isinstance(error, RemoteError | OSError):
        raise error
    return error is None
