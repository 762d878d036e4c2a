"""The symbols of our own set, made in slices and as many as it takes (SPEC F5 to F7).

In: the ids of a snapshot, and the key of the link. Out: symbols, and the ids behind short ids. For each id its short id
and where it goes next are kept in plain arrays, so that later symbols cost no second pass of hashing.
"""

from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import compress
from math import ceil, sqrt

from hartig_protocol.limits import RECORD_ID_BYTES
from hartig_protocol.sync.sketch import (
    COUNT_BITS,
    STATE_FACTOR,
    STATE_MASK,
    SYMBOLS_PER_FRAME_MAX,
    TALLY_LEVELS,
    first_state,
    item_of,
    pack_symbols,
    short_id,
    tally_place,
)

IDS_PER_SLICE = 500  # at most 22 places each: 4 ms
IDS_LOOKED_AT_PER_SLICE = 4_000  # when only a table is read


class SlicedJob:
    """A job whose slices are stretches of a generator, which yields after each what part of a slice it took.

    Several short ones are one slice: each slice costs the loop a turn, and most sets are small.
    """

    def __init__(self, stretches: Callable[[], Iterator[float]]) -> None:
        self._stretches = stretches()

    def step(self) -> bool:
        """Run until a slice is full; true at the end."""
        used = 0.0
        for part in self._stretches:
            used += part
            if used >= 1.0:
                return False
        return True


class Encoder:
    """Symbols of one set of ids under one key. Jobs of one encoder run one after the other."""

    def __init__(self, buckets: Sequence[bytes], key: bytes) -> None:
        """Take the set as joined sorted ids, in any number of buckets."""
        self.symbols: list[int] = []
        self.tally = [0] * TALLY_LEVELS
        self._buckets = [bucket for bucket in buckets if bucket]
        self._key = key
        self._shorts = array("Q")
        self._states = array("Q")
        self._next = array("Q")

    def __repr__(self) -> str:
        return f"<Encoder {len(self._shorts)} ids {len(self.symbols)} symbols>"

    def __len__(self) -> int:
        return sum(map(len, self._buckets)) // RECORD_ID_BYTES

    def extend(self, upto: int) -> SlicedJob:
        """Return the job that makes all symbols below `upto`."""
        return SlicedJob(lambda: self.extended(upto))

    def flight(self, first: int, upto: int, parts: list[bytes]) -> SlicedJob:
        """Return the job that makes the symbols from `first` to below `upto` and appends them to `parts`, by frame.

        The very first part begins with the tally.
        """
        return SlicedJob(lambda: self._packed(first, upto, parts))

    def short_of(self, record_id: bytes) -> int:
        """Return the short id of any record under this key."""
        return short_id(self._key, record_id)

    def items(self, count: int) -> Iterator[list[tuple[bytes, int]]]:
        """Cut the ids of the set, with the short ids that were made with the symbols, into lists of at most `count`."""
        at = 0
        for ids in sliced(self._buckets, count):
            yield list(zip(ids, self._shorts[at : at + len(ids)], strict=True))
            at += len(ids)

    def find(self, wanted: Container[int]) -> list[bytes]:
        """Return those ids of the set whose short ids are wanted, rising; one look at each takes 10 ms for 100,000."""
        positions = compress(range(len(self._shorts)), map(wanted.__contains__, self._shorts))
        found: list[bytes] = []
        start = 0
        position = next(positions, None)
        for bucket in self._buckets:
            end = start + len(bucket) // RECORD_ID_BYTES
            while position is not None and position < end:
                offset = (position - start) * RECORD_ID_BYTES
                found.append(bucket[offset : offset + RECORD_ID_BYTES])
                position = next(positions, None)
            start = end
        return found

    def extended(self, upto: int) -> Iterator[float]:
        """Make all symbols below `upto`, in stretches, as a part of a job."""
        self.symbols += [0] * (upto - len(self.symbols))
        if not self._shorts:
            for ids in sliced(self._buckets, IDS_PER_SLICE):
                start = len(self._shorts)
                shorts = [short_id(self._key, one) for one in ids]
                self._shorts.extend(shorts)
                self._count_in(shorts)
                self._states.extend([first_state(short) for short in shorts])
                self._next.extend([0] * len(shorts))
                self._add(range(start, len(self._shorts)), upto)
                yield len(ids) / IDS_PER_SLICE
            return
        for start in range(0, len(self._next), IDS_LOOKED_AT_PER_SLICE):
            stretch = self._next[start : start + IDS_LOOKED_AT_PER_SLICE]
            due = [start + offset for offset, index in enumerate(stretch) if index < upto]
            for at in range(0, len(due), IDS_PER_SLICE):
                some = due[at : at + IDS_PER_SLICE]
                self._add(some, upto)
                yield len(some) / IDS_PER_SLICE
            yield len(stretch) / IDS_LOOKED_AT_PER_SLICE

    def _count_in(self, shorts: Iterable[int]) -> None:
        for short in shorts:
            level, bit = tally_place(short)
            self.tally[level] ^= 1 << bit

    def _add(self, positions: Iterable[int], upto: int) -> None:
        """Add ids to the symbols below `upto` that hold them and were not there before (SPEC F6, written out)."""
        symbols, shorts, states, nexts = self.symbols, self._shorts, self._states, self._next
        for position in positions:
            added = item_of(shorts[position]) << COUNT_BITS | 1
            state, index = states[position], nexts[position]
            while index < upto:
                symbols[index] += added
                state = state * STATE_FACTOR & STATE_MASK
                index += ceil((index + 1.5) * (65536.0 / sqrt((state >> 32) + 0.5) - 1.0))
            states[position], nexts[position] = state, index

    def _packed(self, first: int, upto: int, parts: list[bytes]) -> Iterator[float]:
        yield from self.extended(upto)
        tally = b"".join(level.to_bytes(8, "big") for level in self.tally)
        for at in range(first, upto, SYMBOLS_PER_FRAME_MAX):
            some = self.symbols[at : min(at + SYMBOLS_PER_FRAME_MAX, upto)]
            parts.append(pack_symbols(some) if at else tally + pack_symbols(some))
            yield len(some) / SYMBOLS_PER_FRAME_MAX


def sliced(buckets: Sequence[bytes], count: int) -> Iterator[list[bytes]]:
    """Cut joined ids into lists of at most `count`, in order, many small buckets to a list."""
    ids: list[bytes] = []
    for bucket in buckets:
        for at in range(0, len(bucket), RECORD_ID_BYTES):
            ids.append(bucket[at : at + RECORD_ID_BYTES])
            if len(ids) == count:
                yield ids
                ids = []
    if ids:
        yield ids
