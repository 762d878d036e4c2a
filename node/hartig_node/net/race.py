"""Several ways to one end, tried one after the other without waiting out each: the first that works wins.

The idea is RFC 8305 ("Happy Eyeballs"): the next attempt starts when the one before has failed, or has kept
us waiting for a moment. Who calls: `dialer.py`, with one attempt for each address of a node.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from hartig_node.tasks import Tasks
from hartig_protocol.errors import RemoteError

Won = TypeVar("Won")


async def race(
    attempts: Sequence[Callable[[], Coroutine[Any, Any, Won]]],
    *,
    stagger_s: float,
    at_once_max: int,
    discard: Callable[[Won], None],
) -> Won | None:
    """Return the result of the first attempt that succeeds, or None when all failed.

    Args:
        attempts: what to try, best first; each fails by `RemoteError` or `OSError`.
        stagger_s: how long to wait for an attempt before the next one starts beside it.
        at_once_max: how many may run beside each other.
        discard: is given what a later winner made, when two succeed in the same moment.
    """
    tasks = Tasks()
    waiting = list(attempts)
    running: set[asyncio.Task[Won]] = set()
    finished: set[asyncio.Task[Won]] = set()
    try:
        while waiting or running:
            if waiting and len(running) < at_once_max:
                running.add(tasks.start(waiting.pop(0)(), "one of several dials"))
            more = bool(waiting) and len(running) < at_once_max
            done, running = await asyncio.wait(
                running, timeout=stagger_s if more else None, return_when=asyncio.FIRST_COMPLETED
            )
            finished |= done
            winners = [task for task in done if _succeeded(task)]
            if winners:
                finished.discard(winners[0])
                return winners[0].result()
        return None
    finally:
        await tasks.close()
        for task in finished | running:
            if not task.cancelled() and task.exception() is None:
                discard(task.result())


def _succeeded(task: asyncio.Task[Won]) -> bool:
    error = task.exception()
    if error is not None and not isinstance(error, RemoteError | OSError):
        raise error
    return error is None
