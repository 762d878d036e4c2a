"""Which answers are kept: for each asker names, times and sizes, the oldest first; says what has to go.

In: what was written. Out: the rows for which there is no room any more. Pure: `kept` reads and writes.
"""

from dataclasses import dataclass, field

ROWS_MAX = 4_096  # of one token: one every 21 seconds, all day
BYTES_MAX = 4 * 1024 * 1024  # of one token
ALL_BYTES_MAX = 16 * 1024 * 1024  # of all together; as much is read once, when the first key comes after a start
ASKER_BYTES = 8  # the first of a row's key; the same for all rows of one asker


@dataclass(slots=True)
class _Asker:
    """The rows of one asker: when, and how large."""

    size: int = 0
    rows: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    def put(self, row: bytes, at_ms: int, size: int) -> int:
        """Put a row last, or with a size of 0 take it out; return by how much all has grown."""
        _at_ms, before = self.rows.pop(row, (0, 0))
        if size:
            self.rows[row] = (at_ms, size)
        self.size += size - before
        return size - before

    def has_too_much(self, oldest_ms: int) -> bool:
        """Whether its oldest row must go."""
        if not self.rows:
            return False
        first_ms, _size = next(iter(self.rows.values()))
        return first_ms < oldest_ms or len(self.rows) > ROWS_MAX or self.size > BYTES_MAX


class KeptIndex:
    """The rows of all askers."""

    def __init__(self) -> None:
        self._askers: dict[bytes, _Asker] = {}
        self.size = 0

    def __repr__(self) -> str:
        return f"<KeptIndex {len(self)} rows of {len(self._askers)} askers, {self.size} bytes>"

    def __len__(self) -> int:
        return sum(len(asker.rows) for asker in self._askers.values())

    def put(self, row: bytes, at_ms: int, size: int, oldest_ms: int) -> list[bytes]:
        """Put a row, or with a size of 0 take it out; return which others go, now that it is there.

        Those from before `oldest_ms` go, then the oldest of this asker, then the oldest of whoever has most.
        """
        asker = self._askers.setdefault(row[:ASKER_BYTES], _Asker())
        self.size += asker.put(row, at_ms, size)
        gone = []
        while asker.has_too_much(oldest_ms):
            gone.append(self._pop(asker))
        while self.size > ALL_BYTES_MAX:
            gone.append(self._pop(max(self._askers.values(), key=lambda one: one.size)))
        self._askers = {key: one for key, one in self._askers.items() if one.rows}
        return gone

    def _pop(self, asker: _Asker) -> bytes:
        row = next(iter(asker.rows))
        self.size += asker.put(row, 0, 0)
        return row
