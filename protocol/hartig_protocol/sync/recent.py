"""What is recent: ids by the age of their records, so that late differences cost a short list (SPEC F9).

Hubs that lost sight of each other differ in what was written since. The asker sends, for each of 12 ages, the sum of
the short ids of all that is older; where the asked finds its own sum the same, the difference lies in what is younger,
and where that is little it is listed. In: an encoder with its short ids, and the stamps. Out: sums, lists, comparisons.
The sums are of keyed hashes, so nobody can write records that hide an older difference; a peer that lies about them
hides it from itself until the next audit.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from hartig_protocol.limits import HOUR_MS, LACKS_PER_FRAME_MAX, RECENT_AGES, SKETCH_ID_BYTES
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.messages import Recent
from hartig_protocol.sync.sketch import SYMBOL_BYTES, join_shorts, split_shorts
from hartig_protocol.sync.sketch_coding import Encoder, SlicedJob

OLDER_WORTH: Final = 64  # symbols still needed: then it costs little to say what is older, and may save all of them
AGED_PER_SLICE = 1_000
AGES_READ_PER_SLICE = 2_000  # when only the table of ages is read
_SUM_MASK = (1 << 8 * SKETCH_ID_BYTES) - 1


def age_of(stamp_ms: int, as_of_ms: int) -> int:
    """Return the age of a record: the least k with its stamp less than 2^k hours before T, at most `RECENT_AGES`."""
    return min(RECENT_AGES, (max(0, as_of_ms - 1 - stamp_ms) // HOUR_MS).bit_length())


def recent_max(symbols: int) -> int:
    """Return how many short ids may come in the place of so many symbols: as many as take no more bytes."""
    return symbols * SYMBOL_BYTES // SKETCH_ID_BYTES


class Ages(SlicedJob):
    """Finds the ages of all ids of an encoder that has made its symbols; then answers questions about them."""

    def __init__(self, encoder: Encoder, as_of_ms: int, stamp_of: Callable[[bytes], int | None]) -> None:
        super().__init__(lambda: self._found(as_of_ms, stamp_of))
        self._encoder = encoder
        self._ages = bytearray()
        self._counts = [0] * (RECENT_AGES + 1)
        self._sums = [0] * (RECENT_AGES + 1)

    def _found(self, as_of_ms: int, stamp_of: Callable[[bytes], int | None]) -> Iterator[float]:
        ages, counts, sums = self._ages, self._counts, self._sums
        for items in self._encoder.items(AGED_PER_SLICE):
            for record_id, short in items:
                stamp_ms = stamp_of(record_id)
                age = RECENT_AGES if stamp_ms is None else age_of(stamp_ms, as_of_ms)  # gone since the snapshot: old
                ages.append(age)
                counts[age] += 1
                sums[age] += short
            yield len(items) / AGED_PER_SLICE

    def older(self) -> tuple[int, ...]:
        """Return for each age below `RECENT_AGES` the sum of the short ids of all that is older."""
        return tuple(sum(self._sums[age + 1 :]) & _SUM_MASK for age in range(RECENT_AGES))

    def where_equal(self, older: bytes) -> int | None:
        """Return the least age beyond which both sets are the same, if there is one."""
        pairs = zip(self.older(), split_shorts(older), strict=True)
        return next((age for age, (ours, theirs) in enumerate(pairs) if ours == theirs), None)

    def count(self, age: int) -> int:
        """Return how many ids are of this age or younger."""
        return sum(self._counts[: age + 1])

    def younger(self, age: int) -> Iterator[list[tuple[bytes, int]]]:
        """Cut the ids of this age or younger, with their short ids, into one list for each slice."""
        at = 0
        for items in self._encoder.items(AGES_READ_PER_SLICE):
            ages = self._ages[at : at + len(items)]
            at += len(items)
            yield [item for item, own in zip(items, ages, strict=True) if own <= age]


class RecentListing(SlicedJob):
    """Packs the short ids of what is recent into `frames`."""

    def __init__(self, as_of: int, ages: Ages, age: int) -> None:
        super().__init__(lambda: self._packed(as_of, ages, age))
        self.frames: list[bytes] = []

    def _packed(self, as_of: int, ages: Ages, age: int) -> Iterator[float]:
        left, shorts = ages.count(age), []
        for items in ages.younger(age):
            shorts += [short for _, short in items]
            while len(shorts) >= LACKS_PER_FRAME_MAX and left > LACKS_PER_FRAME_MAX:
                part, shorts = shorts[:LACKS_PER_FRAME_MAX], shorts[LACKS_PER_FRAME_MAX:]
                left -= len(part)
                self.frames.append(pack(Recent(as_of, age, join_shorts(part), final=False)))
            yield 1.0
        self.frames.append(pack(Recent(as_of, age, join_shorts(shorts), final=True)))


class RecentComparing(SlicedJob):
    """Compares what is recent here with a peer's list: `lacking` (short ids), `missing_there` (ids)."""

    def __init__(self, ages: Ages, age: int, listed: Iterable[int]) -> None:
        super().__init__(lambda: self._compared(ages, age))
        self.lacking = dict.fromkeys(listed)
        self.missing_there: list[bytes] = []

    def _compared(self, ages: Ages, age: int) -> Iterator[float]:
        for items in ages.younger(age):
            for record_id, short in items:
                if short in self.lacking:
                    del self.lacking[short]
                else:
                    self.missing_there.append(record_id)
            yield 1.0
