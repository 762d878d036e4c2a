"""What a neighbourhood does with its records: copies, hops, bytes, messages, and when each hub had each durably.

In: every frame that arrives, every commit that becomes durable. Out: `Tally.row()`, one line of the table.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hartig_protocol.records.record import Record
from hartig_protocol.sync.messages import Records
from simulation.remembered import unpack


@dataclass
class Track:
    """One record on its way. `turn` counts the records of its hub from 0; hubs are named by their numbers."""

    record: Record
    origin: int
    turn: int
    published_ms: int
    hops: dict[int, int] = field(default_factory=dict)
    durable_ms: dict[int, int] = field(default_factory=dict)
    copies: int = 0

    @property
    def delays_ms(self) -> list[int]:
        """How long after publishing each other hub held it durably."""
        return [at_ms - self.published_ms for hub, at_ms in self.durable_ms.items() if hub != self.origin]


class Tally:
    """Counts while it is `open`; what was said before or after is not counted."""

    def __init__(self) -> None:
        self.tracks: dict[bytes, Track] = {}
        self.by_head: dict[bytes, Track] = {}
        self.is_open = False
        self.frame_bytes = 0
        self.control: Counter[str] = Counter()

    def publish(self, record: Record, origin: int, turn: int, at_ms: int) -> None:
        track = Track(record, origin, turn, at_ms, hops={origin: 0})
        self.tracks[record.id] = self.by_head[record.head_bytes] = track

    def arrived(self, sender: int, receiver: int, frame: bytes) -> None:
        """A frame has come to a hub."""
        if self.is_open:
            self.frame_bytes += len(frame)
        message = unpack(frame)
        if type(message) is not Records:
            if self.is_open:
                self.control[type(message).__name__] += 1
            return
        for head_bytes, _, _ in message.records:
            track = self.by_head.get(head_bytes)
            if track is not None:
                track.copies += 1
                if receiver not in track.hops:
                    track.hops[receiver] = track.hops[sender] + 1

    def durable(self, hub: int, ids: Iterable[bytes], at_ms: int) -> None:
        for record in ids:
            track = self.tracks.get(record)
            if track is not None:
                track.durable_ms.setdefault(hub, at_ms)


@dataclass(frozen=True)
class Figures:
    """What some records cost and how long they took; `missing`: (record, hub) pairs that never met."""

    records: int
    copies: float
    hops: int
    p50_ms: int
    p99_ms: int
    last_ms: int
    missing: int

    @classmethod
    def of(cls, tracks: Sequence[Track], hubs: Sequence[int]) -> "Figures":
        """Sum up how some records came to some hubs; of these, those that did not publish them."""
        delays: list[int] = []
        hops = missing = pairs = 0
        for track in tracks:
            for hub in hubs:
                if hub == track.origin:
                    continue
                pairs += 1
                if hub in track.durable_ms:
                    delays.append(track.durable_ms[hub] - track.published_ms)
                    hops = max(hops, track.hops[hub])
                else:
                    missing += 1
        delays.sort()
        copies = sum(track.copies for track in tracks) / max(1, pairs)
        return cls(len(tracks), copies, hops, _part(delays, 0.5), _part(delays, 0.99), _part(delays, 1.0), missing)


def _part(rising: Sequence[int], part: float) -> int:
    return rising[min(len(rising) - 1, int(part * len(rising)))] if rising else 0
