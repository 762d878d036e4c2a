"""A hub of a big neighbourhood: a real core on a disk that shares with all others what all hold from the start.

In: what `Village` (see `village`) hands to it. Out: what the core wants done. A thousand of them fit into one process.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hartig_node.ports import Loaded
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import (
    Action,
    ArrivalsRead,
    Commit,
    Cursor,
    Event,
    Now,
    ReadArrivals,
    ReadRecords,
    RecordsRead,
)
from hartig_protocol.hub import Hub
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Kind, Wire
from hartig_protocol.sync.state import load_state
from support.records import Network, key, seeded

_PROOFS = frozenset({Kind.CHARTER, Kind.GRANT, Kind.REVOKE})
CARD_PLACE = 900


@dataclass(frozen=True)
class Row:
    """A record on a disk."""

    n: int
    id: bytes
    kind: int
    wire: Wire


@dataclass(frozen=True)
class Common:
    """What every hub holds when a neighbourhood begins: the charter, and a grant and a card for each hub."""

    network: Network
    loaded: Loaded
    rows: tuple[Row, ...]
    by_id: dict[bytes, Row]

    @classmethod
    def of(cls, network: Network, count: int, stamp: int) -> "Common":
        """Let one catalog judge the proofs of hubs 1 to `count`; the others start from its rows."""
        records = [network.charter]
        for number in range(1, count + 1):
            hub = network.hub(number)
            records.append(network.grant(hub.public, place=number - 1, invites=0, stamp=stamp))
            records.append(network.card(hub, place=CARD_PLACE, stamp=stamp, nodes=[node_of(hub)]))
        catalog, commit = Catalog(network.id), Commit()
        catalog.take(records[:1], Now(stamp, 0), commit)
        catalog.take(records[1:], Now(stamp, 0), commit)
        rows = tuple(Row(entry.n, entry.id, entry.kind, record.wire) for entry, record in commit.added)
        assert len(rows) == len(records), "some proof was refused"
        entries = [entry for entry, _ in commit.added]
        cursors = [
            Cursor(network.hub(number).public, epoch_of(number), catalog.last_n, catalog.running)
            for number in range(1, count + 1)
        ]
        starting = {row.id: row.wire for row in rows}
        loaded = Loaded(b"", catalog.last_n, catalog.running, entries, starting, cursors, [])
        return cls(network, loaded, rows, {row.id: row for row in rows})


def node_of(hub: SigningKey) -> bytes:
    return key(f"node of {hub.public.hex()}").public


def epoch_of(number: int) -> bytes:
    return seeded(f"epoch {number} 0", 16)


@dataclass(eq=False)
class Neighbour:
    """One hub, alive or not."""

    number: int
    common: Common
    hub: Hub = field(init=False)
    is_up: bool = False
    life: int = 0
    steps: deque[list[Action]] = field(default_factory=deque)
    is_committing: bool = False
    links: dict[int, "Neighbour"] = field(default_factory=dict)  # link -> who is at its other end
    wanted: tuple[bytes, ...] | None = None
    failures: dict[bytes, int] = field(default_factory=dict)  # node -> dials in a row that failed
    dialling: set[bytes] = field(default_factory=set)
    timer_ms: int | None = None
    rows: list[Row] = field(default_factory=list)  # beyond the common ones
    own: dict[bytes, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = self.common.network.hub(self.number)
        self.node = node_of(self.key)
        self.seed = seeded(f"seed {self.number}", 32)

    def __repr__(self) -> str:
        return f"<Neighbour {self.number} {'up' if self.is_up else 'down'} {len(self.links)} links>"

    def start(self, now: Now) -> list[Action]:
        """Begin a life on what is common; what came later is gone, as after the first start."""
        loaded = replace(self.common.loaded, epoch=epoch_of(self.number))
        state = load_state(self.common.network.id, self.key, self.node, loaded, seed=self.seed)
        self.hub = Hub(state, now)
        self.is_up = True
        self.life += 1
        return self.hub.start(now)

    def apply(self, commit: Commit) -> list[bytes]:
        """Make a commit durable; return the ids that it added."""
        added = [Row(entry.n, entry.id, entry.kind, record.wire) for entry, record in commit.added]
        self.rows.extend(added)
        self.own.update((row.id, row) for row in added)
        for record_id in commit.removed:
            self.own.pop(record_id, None)
        return [row.id for row in added]

    def answer(self, action: Action) -> Event | None:
        """Answer a reading; None for any other action."""
        match action:
            case ReadArrivals(link, after, upto, governance, records_max, bytes_max):
                wires, through = self._arrivals(after, upto, records_max, bytes_max, governance=governance)
                return ArrivalsRead(link, after, through, tuple(wires))
            case ReadRecords(link, ids):
                rows = (self.own.get(one) or self.common.by_id.get(one) for one in dict.fromkeys(ids))
                return RecordsRead(link, tuple(row.wire for row in rows if row is not None))
            case _:
                return None

    def _arrivals(
        self, after: int, upto: int, records_max: int, bytes_max: int, *, governance: bool
    ) -> tuple[Sequence[Wire], int]:
        first = len(self.common.rows)
        rows = [*self.common.rows[after:], *self.rows] if after < first else self.rows[max(0, after - first) :]
        last = self.rows[-1].n if self.rows else first
        through = max(after, min(upto, last))
        wires: list[Wire] = []
        room = bytes_max
        for row in rows:
            if not after < row.n <= through or (governance and row.kind not in _PROOFS):
                continue
            size = sum(len(part) for part in row.wire if part is not None)
            if wires and (len(wires) >= records_max or size > room):
                return wires, row.n - 1
            wires.append(row.wire)
            room -= size
        return wires, through
