"""The records that are held in the order in which they came: from an arrival number to its row.

In segments of 4,096, so that closing the gaps of those that went never takes longer than one of them takes.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hartig_protocol.catalog.rows import Rows

SEGMENT_ROWS = 4_096


@dataclass(slots=True)
class _Segment:
    """Arrival numbers, rising, and their rows; `gone` of them are held no more."""

    numbers: "array[int]" = field(default_factory=lambda: array("Q"))
    rows: "array[int]" = field(default_factory=lambda: array("I"))
    gone: int = 0


class Arrivals:
    """Knows that a record is still held by its row: a row that is free or was given away has another number."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._segments: list[_Segment] = []
        self._starts: list[int] = []  # the first number that each segment was made for

    def append(self, n: int, row: int) -> None:
        """Remember the newest."""
        if not self._segments or len(self._segments[-1].numbers) >= SEGMENT_ROWS:
            self._segments.append(_Segment())
            self._starts.append(n)
        self._segments[-1].numbers.append(n)
        self._segments[-1].rows.append(row)

    def fill(self) -> None:
        """Remember all rows at once, where they are in the order of arrival and nothing was remembered before."""
        numbers = self._rows.numbers
        for at in range(0, len(numbers), SEGMENT_ROWS):
            some = numbers[at : at + SEGMENT_ROWS]
            self._segments.append(_Segment(some, array("I", range(at, at + len(some)))))
            self._starts.append(some[0])

    def forget(self, n: int) -> None:
        """Count a record as gone, whose row is free already."""
        at = bisect_right(self._starts, n) - 1
        segment = self._segments[at]
        segment.gone += 1
        if segment.gone * 2 <= len(segment.numbers):
            return
        alive = [pair for pair in zip(segment.numbers, segment.rows, strict=True) if self._is_held(*pair)]
        if alive:
            numbers, rows = zip(*alive, strict=True)
            self._segments[at] = _Segment(array("Q", numbers), array("I", rows))
        else:
            del self._segments[at], self._starts[at]

    def _is_held(self, n: int, row: int) -> bool:
        return self._rows.numbers[row] == n

    def find(self, n: int) -> int:
        """Return the row of an arrival number, or -1 where the record that took it is not held."""
        at = bisect_right(self._starts, n) - 1
        if at < 0:
            return -1
        segment = self._segments[at]
        index = bisect_left(segment.numbers, n)
        if index == len(segment.numbers) or segment.numbers[index] != n:
            return -1
        row = segment.rows[index]
        return row if self._is_held(n, row) else -1

    def after(self, n: int) -> Iterator[int]:
        """Return the rows of what came after an arrival number, in order; the set may change meanwhile."""
        held = self._rows.numbers
        first = max(bisect_right(self._starts, n) - 1, 0)
        for segment in self._segments[first:]:
            numbers, rows = segment.numbers, segment.rows
            for index in range(bisect_right(numbers, n), len(numbers)):
                if held[rows[index]] == numbers[index]:
                    yield rows[index]

    def newest_first(self) -> Iterator[int]:
        """Return all rows, the newest first."""
        for segment in reversed(self._segments):
            pairs: Iterable[tuple[int, int]] = zip(reversed(segment.numbers), reversed(segment.rows), strict=True)
            for n, row in pairs:
                if self._is_held(n, row):
                    yield row
