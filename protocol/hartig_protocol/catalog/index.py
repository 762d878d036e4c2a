"""From a record's id to its row: 4,096 buckets by the first 12 bits of the id, each one string of sorted ids.

At 100,000 records a bucket holds 25. Its ids are one immutable `bytes`, found in with one search and shared with the
snapshots of the audit, and its rows one small array beside it: about 40 bytes a record, where a dict takes 200.
`changed` says for each bucket at which tick something in it changed last, so that whoever has derived something from
it knows what to look at again.
"""

from array import array
from collections.abc import Iterable, Sequence

from hartig_protocol.limits import RECORD_ID_BYTES

BUCKETS = 4_096
TOUCHES_MAX = 4 * BUCKETS  # remembered in their order; whoever looks more seldom looks at all buckets
FIRST_TICK = 1  # that of a bucket in which nothing ever changed
_NO_ROWS = array("I")


def bucket_of(record_id: bytes) -> int:
    """Return the first 12 bits of an id."""
    return record_id[0] << 4 | record_id[1] >> 4


class Index:
    """`ids[k]`: the ids of bucket k, sorted and joined; `rows[k]`: the rows of the same, in the same order."""

    def __init__(self) -> None:
        self.ids = [b""] * BUCKETS
        self.rows = [_NO_ROWS] * BUCKETS
        self.changed = array("Q", [FIRST_TICK]) * BUCKETS
        self.tick = FIRST_TICK
        self._touches = array("H")  # the buckets of the newest ticks

    def find(self, record_id: bytes) -> int:
        """Return the row of an id, or -1."""
        if len(record_id) != RECORD_ID_BYTES:
            return -1
        bucket = record_id[0] << 4 | record_id[1] >> 4
        ids = self.ids[bucket]
        at = ids.find(record_id)
        while at % RECORD_ID_BYTES and at >= 0:  # never by accident: 32 bytes across two others
            at = ids.find(record_id, at + 1)
        return -1 if at < 0 else self.rows[bucket][at // RECORD_ID_BYTES]

    def beginning_with(self, prefix: bytes) -> list[int]:
        """Return the rows of the ids that begin with these bytes (two at least), in the order of the ids."""
        bucket = bucket_of(prefix)
        ids, found = self.ids[bucket], []
        at = ids.find(prefix)
        while at >= 0:
            if at % RECORD_ID_BYTES == 0:
                found.append(self.rows[bucket][at // RECORD_ID_BYTES])
            at = ids.find(prefix, at + 1)
        return found

    def add(self, record_id: bytes, row: int) -> None:
        """Remember an id that is not here."""
        bucket = record_id[0] << 4 | record_id[1] >> 4
        ids, rows = self.ids[bucket], self.rows[bucket]
        if ids:
            low, high = 0, len(rows)
            while low < high:
                middle = (low + high) // 2
                at = middle * RECORD_ID_BYTES
                if ids[at : at + RECORD_ID_BYTES] < record_id:
                    low = middle + 1
                else:
                    high = middle
            at = low * RECORD_ID_BYTES
            self.ids[bucket] = ids[:at] + record_id + ids[at:]
            rows.insert(low, row)
        else:
            self.ids[bucket] = record_id
            self.rows[bucket] = array("I", (row,))
        self._touch(bucket)

    def remove(self, record_id: bytes, row: int) -> None:
        """Forget an id."""
        bucket = bucket_of(record_id)
        ids, rows = self.ids[bucket], self.rows[bucket]
        position = rows.index(row)
        at = position * RECORD_ID_BYTES
        self.ids[bucket] = ids[:at] + ids[at + RECORD_ID_BYTES :]
        self.rows[bucket] = rows[:position] + rows[position + 1 :]
        self._touch(bucket)

    def touch(self, record_id: bytes) -> None:
        """Say that something about a record changed, while its id stays."""
        self._touch(bucket_of(record_id))

    def changed_since(self, tick: int) -> Iterable[int]:
        """Return the buckets that have changed after a tick, rising; all of them where that is too long ago."""
        count = self.tick - tick
        touches = self._touches
        return sorted(set(touches[len(touches) - count :])) if count <= len(touches) else range(BUCKETS)

    def _touch(self, bucket: int) -> None:
        self.tick += 1
        self.changed[bucket] = self.tick
        self._touches.append(bucket)
        if len(self._touches) > 2 * TOUCHES_MAX:
            del self._touches[:TOUCHES_MAX]

    def fill(self, ids: Sequence[bytes]) -> None:
        """Take the ids of all rows at once into an index that is empty."""
        filling: dict[int, list[int]] = {}
        for row, record_id in enumerate(ids):
            filling.setdefault(record_id[0] << 4 | record_id[1] >> 4, []).append(row)
        for bucket, rows in sorted(filling.items()):
            rows.sort(key=ids.__getitem__)
            self.ids[bucket] = b"".join([ids[row] for row in rows])
            self.rows[bucket] = array("I", rows)
            self._touch(bucket)
