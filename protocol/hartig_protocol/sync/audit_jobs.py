"""The long parts of an audit beside the sketch itself, in slices (SPEC F8).

In: a snapshot, and what the peer listed. Out: frames with our list, and what is missing on either side.
"""

from collections.abc import Callable, Collection, Container, Iterator, Sequence
from heapq import merge
from itertools import chain, islice

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import Body
from hartig_protocol.catalog.fingerprint import Snapshot
from hartig_protocol.limits import IDS_PER_FRAME_MAX, SKETCH_ID_BYTES
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.messages import (
    Ids,
)
from hartig_protocol.sync.sketch_coding import IDS_PER_SLICE, Encoder, SlicedJob, sliced
from hartig_protocol.sync.state import SyncState

COMPARED_PER_SLICE = 2_000
ORDERED_PER_SLICE = 1_000
SINCE_MAX = 4_096  # records accepted since the snapshot that are looked at; more are rare, and come twice


class Listing(SlicedJob):
    """Packs all ids of a set into `frames`, one at a time."""

    def __init__(self, as_of: int, buckets: Sequence[bytes]) -> None:
        super().__init__(lambda: self._packed(as_of, buckets))
        self.frames: list[bytes] = []

    def _packed(self, as_of: int, buckets: Sequence[bytes]) -> Iterator[float]:
        left = sum(map(len, buckets))
        for ids in sliced(buckets, IDS_PER_FRAME_MAX):
            left -= sum(map(len, ids))
            self.frames.append(pack(Ids(as_of, tuple(ids), not left)))
            yield len(ids) / IDS_PER_FRAME_MAX
        if not self.frames:
            self.frames.append(pack(Ids(as_of, (), final=True)))


class Comparing(SlicedJob):
    """Compares our set with a peer's list, both rising: `lacking` (short ids, joined), `missing_there` (ids)."""

    def __init__(
        self, buckets: Sequence[bytes], listed: Sequence[bytes], encoder: Encoder, is_missing: Callable[[bytes], bool]
    ) -> None:
        super().__init__(lambda: self._compared(buckets, listed))
        self.lacking = bytearray()
        self.missing_there: list[bytes] = []
        self._short, self._is_missing = encoder.short_of, is_missing

    def _compared(self, buckets: Sequence[bytes], listed: Sequence[bytes]) -> Iterator[float]:
        at = 0
        for ids in sliced(buckets, COMPARED_PER_SLICE):
            for own in ids:
                while at < len(listed) and listed[at] < own:
                    self._lacks(listed[at])
                    at += 1
                    if at % IDS_PER_SLICE == 0:
                        yield 1.0
                if at < len(listed) and listed[at] == own:
                    at += 1
                else:
                    self.missing_there.append(own)
            yield len(ids) / COMPARED_PER_SLICE
        for start in range(at, len(listed), IDS_PER_SLICE):
            some = listed[start : start + IDS_PER_SLICE]
            for one in some:
                self._lacks(one)
            yield len(some) / IDS_PER_SLICE

    def _lacks(self, record_id: bytes) -> None:
        if self._is_missing(record_id):
            self.lacking += self._short(record_id).to_bytes(SKETCH_ID_BYTES, "big")


class Finding(SlicedJob):
    """Gathers in `found` the ids of a set whose short ids are wanted, with these."""

    def __init__(self, encoder: Encoder, wanted: Container[int]) -> None:
        super().__init__(lambda: self._looked_at(encoder, wanted))
        self.found: list[tuple[bytes, int]] = []

    def _looked_at(self, encoder: Encoder, wanted: Container[int]) -> Iterator[float]:
        for items in encoder.items(COMPARED_PER_SLICE):
            self.found += [item for item in items if item[1] in wanted]
            yield len(items) / COMPARED_PER_SLICE


class Ordering(SlicedJob):
    """Brings into `ids` those of these that are held, in the order in which they are to be sent."""

    def __init__(self, catalog: Catalog, ids: Collection[bytes]) -> None:
        super().__init__(lambda: self._ordered(catalog, ids))
        self.ids: list[bytes] = []

    def _ordered(self, catalog: Catalog, ids: Collection[bytes]) -> Iterator[float]:
        runs, left = [], iter(ids)
        while some := list(islice(left, ORDERED_PER_SLICE)):
            runs.append(catalog.ranked(some))
            yield len(some) / ORDERED_PER_SLICE
        merged = merge(*runs)
        while ranked := list(islice(merged, ORDERED_PER_SLICE)):
            self.ids += [one for *_, one in ranked]
            yield len(ranked) / ORDERED_PER_SLICE


class HeldOutside(SlicedJob):
    """Gathers in `shorts` what we hold although it is not in our snapshot, so that it is not asked for."""

    def __init__(self, state: SyncState, snapshot: Snapshot, encoder: Encoder) -> None:
        super().__init__(lambda: self._gathered(state, snapshot, encoder))
        self.shorts: set[int] = set()

    def _gathered(self, state: SyncState, snapshot: Snapshot, encoder: Encoder) -> Iterator[float]:
        since = (one for _, one in state.catalog.ids_after(snapshot.n, SINCE_MAX))
        for number, record_id in enumerate(chain(snapshot.outside, since), 1):
            held = state.catalog.entries.get(record_id)
            if held is not None and held.body is not Body.GONE:
                self.shorts.add(encoder.short_of(record_id))
            if number % IDS_PER_SLICE == 0:
                yield 1.0
