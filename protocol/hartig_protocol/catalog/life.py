"""When something is to be looked at: threads by the hour in which they are due, and governance records by moments.

So a sweep costs what is due, not what is held, and authority is computed anew only when time can have changed it.
"""

import heapq
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping

from hartig_protocol.limits import HOUR_MS
from hartig_protocol.records.record import Record, thread_due


class Calendar:
    """Arrival numbers by the hour in which their record is due, and those of the hour that has begun by the moment.

    What goes, or comes to live longer, stays in here until its time: whoever takes it out looks whether it is true.
    """

    def __init__(self) -> None:
        self._hours: dict[int, array[int]] = {}
        self._order: list[int] = []  # a heap of the hours above
        self._near: list[tuple[int, int]] = []  # a heap of (due, arrival number)

    def add(self, due_ms: int, n: int) -> None:
        """Have a record looked at from a moment on."""
        hour = due_ms // HOUR_MS
        numbers = self._hours.get(hour)
        if numbers is None:
            numbers = self._hours[hour] = array("Q")
            heapq.heappush(self._order, hour)
        numbers.append(n)

    def due(self, now_ms: int, due_of: Callable[[int], int | None], count: int) -> Iterator[int]:
        """Take out what is due at a moment, `count` at most; `due_of` says when, or None for what is not held."""
        for n in self._begun(now_ms // HOUR_MS, count):
            due_ms = due_of(n)
            if due_ms is not None:
                heapq.heappush(self._near, (due_ms, n))
        while count and self._near and self._near[0][0] <= now_ms:
            yield heapq.heappop(self._near)[1]
            count -= 1

    def _begun(self, hour: int, count: int) -> Iterator[int]:
        """Take out `count` at most of what is due before an hour is over."""
        while count and self._order and self._order[0] <= hour:
            numbers = self._hours[self._order[0]]
            yield numbers.pop()
            count -= 1
            if not numbers:
                del self._hours[heapq.heappop(self._order)]


class Moments:
    """The moments at which a governance record expires or is due to go.

    Between two of them authority does not change with time, so whatever is computed for one moment is good for all
    with the same key.
    """

    def __init__(self, governance: Mapping[bytes, Record]) -> None:
        self._governance = governance
        self._moments: list[int] | None = None
        self._version = 0

    def changed(self) -> None:
        """Say that the governance records are others now."""
        self._version += 1
        self._moments = None

    def key(self, at_ms: int | None) -> tuple[int, int]:
        """Return what names the verdict at a moment; None for a clock that is not trusted."""
        if self._moments is None:
            times = {record.head.expires for record in self._governance.values()}
            times |= {thread_due(expires) for expires in times}
            self._moments = sorted(time for time in times if time is not None)
        return (self._version, -1 if at_ms is None else bisect_right(self._moments, at_ms))
