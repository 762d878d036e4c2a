"""A bounded line of things to look up: a flood of announcements costs a fixed amount of work and memory.

Who calls: `mdns.py` for announcements that came without all their records. Real hubs announce everything in
one packet and never stand in this line; the rest is asked for the newest first, so a flood delays mostly
itself.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from hartig_node.tasks import Tasks

AT_ONCE_MAX = 32
WAITING_MAX = 512  # a flood of 6,000 packets made 48,000 call-backs; a neighbourhood has some dozen hubs


class Resolver:
    """Looks names up, so many at once, and lets so many wait."""

    def __init__(
        self,
        look_up: Callable[[str], Coroutine[Any, Any, None]],
        tasks: Tasks,
        at_once_max: int = AT_ONCE_MAX,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """Prepare; `look_up` ends within a bounded time, whether it found something or not."""
        self._look_up = look_up
        self._tasks = tasks
        self._at_once_max = at_once_max
        self._waiting_max = waiting_max
        self._waiting: dict[str, None] = {}  # in order of arrival
        self._running: set[str] = set()
        self.dropped = 0

    def __repr__(self) -> str:
        return f"<Resolver {len(self._running)} running, {len(self._waiting)} waiting, {self.dropped} dropped>"

    def ask(self, name: str) -> None:
        """Look `name` up, now or when others are done; the one that has waited longest may be dropped for it."""
        if name in self._running:
            return
        self._waiting.pop(name, None)
        self._waiting[name] = None
        if len(self._waiting) > self._waiting_max:
            del self._waiting[next(iter(self._waiting))]
            self.dropped += 1
        self._next()

    def forget(self, name: str) -> None:
        """Do not look `name` up any more, if it still waits."""
        self._waiting.pop(name, None)

    def _next(self) -> None:
        while self._waiting and len(self._running) < self._at_once_max:
            name, _none = self._waiting.popitem()
            self._running.add(name)
            self._tasks.start(self._run(name), "resolves an announcement")

    async def _run(self, name: str) -> None:
        try:
            await self._look_up(name)
        finally:
            self._running.discard(name)
        self._next()
