"""What a hub that speaks for its network serves of it to one partner: a second index over its own records.

The set is the home catalog through the agreement's selection, kept up with every commit; bytes stay in the home store,
from where they are read when a peer wants them. So a session with the partner is an ordinary one, with arrival numbers,
cursors and audits of its own, and nothing that was not selected can be asked for. In: the home catalog, its commits,
rows of the home store. Out: actions of the inner core; what is to be read. Who calls: `federation`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import GOVERNANCE, Body
from hartig_protocol.events import Action, ArrivalsRead, Commit, Now, ReadArrivals, ReadRecords, RecordsRead
from hartig_protocol.hub import Hub
from hartig_protocol.limits import RECORDS_PER_FRAME
from hartig_protocol.records.keys import PREFIX_PARTITION, sha256
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, Wire, record_id
from hartig_protocol.sync import inbound
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.state import Enclosure, Step, SyncState
from hartig_protocol.trust.selection import Selection

Rows = Sequence[Wire]
Then = Callable[[Rows, Now], list[Action]]
Read = Callable[[tuple[bytes, ...], Then], list[Action]]

_NEVER_ABROAD = frozenset({"hub", "network"})
_CARD = int(Kind.CARD)


class Serving:
    """What one partner is served of our own network's records. `read` orders rows of the home store."""

    def __init__(self, home: SyncState, selection: Selection, epoch: bytes, now: Now, read: Read) -> None:
        self._home, self._read = home, read
        catalog = Catalog(home.network, selection)
        state = SyncState(home.network, home.hub_key, home.node_id, epoch, catalog, Cursors())
        state.seed, state.enclosure = sha256(PREFIX_PARTITION, epoch, home.seed), Enclosure(home.catalog, takes=False)
        self.hub = Hub(state, now)
        self._left = deque(self._candidates())
        self.is_ready = False

    def __repr__(self) -> str:
        return f"<Serving {self.hub!r}{'' if self.is_ready else ', filling'}>"

    # --- Filling

    def start(self, now: Now) -> list[Action]:
        """Take the proofs, which are in memory, and order the first of the rest to be read."""
        return [*self._take(list(self._home.catalog.governance.values()), now), *self._fill()]

    def _candidates(self) -> list[bytes]:
        """Return the ids of cards and of what is meant for partners: registers, then steps, each as they came here.

        A register that was written anew has come after its steps, which need it all the same.
        """
        ordered = sorted(self._home.catalog.entries.values(), key=lambda one: (one.is_chain, one.n))
        return [one.id for one in ordered if one.kind not in GOVERNANCE and may_cross(one.kind, one.audience)]

    def _fill(self) -> list[Action]:
        if not self._left:
            self.is_ready = True
            return []
        ids = tuple(self._left.popleft() for _ in range(min(len(self._left), RECORDS_PER_FRAME)))
        return self._read(ids, self._filled)

    def _filled(self, rows: Rows, now: Now) -> list[Action]:
        records = [open_record(row, verify_signature=False) for row in rows]
        return [*self._take(records, now), *self._fill()]

    def _take(self, records: Sequence[Record], now: Now) -> list[Action]:
        return self.hub.change(now, lambda step: _ingest(self.hub.state, step, records))

    # --- Keeping up

    def follow(self, commit: Commit, now: Now) -> list[Action]:
        """Take what a commit of the home catalog changed."""
        news = [record for _, record in commit.added] + commit.bodies_added
        records = [one for one in news if may_cross(one.head.kind, one.head.audience)]
        gone = [one for one in commit.removed if one in self.hub.catalog.entries]
        if not self.is_ready:  # in its turn, behind what it may rest on
            proofs = [one for one in records if one.head.kind in GOVERNANCE]
            self._left.extend(one.id for one in records if one.head.kind not in GOVERNANCE)
            records = proofs
        if not records and not gone:
            return []

        def work(step: Step) -> None:
            _ingest(self.hub.state, step, records)
            self.hub.catalog.let_go(gone, step.commit)

        return self.hub.change(now, work)

    # --- Reading

    def read_arrivals(self, wanted: ReadArrivals, now: Now) -> list[Action]:
        """Answer the inner core as the store of a partition would, from its own index and the home store's rows."""
        found, through = self.arrivals(wanted.after, wanted.upto, wanted.records_max, governance=wanted.governance)

        def answer(rows: Rows, later: Now) -> list[Action]:
            said = ArrivalsRead(wanted.link, wanted.after, through, self.as_served(rows))
            return self.hub.handle(said, later)

        return self._read(found, answer) if found else answer((), now)

    def arrivals(self, after: int, upto: int, count_max: int, *, governance: bool) -> tuple[tuple[bytes, ...], int]:
        """Return the ids of the next arrivals, of proofs alone or of all, and through which number they reach."""
        catalog, found = self.hub.catalog, list[bytes]()
        for n, one in catalog.arrived_after(after):
            if n > upto:
                break
            if not governance or one in catalog.governance:
                found.append(one)
            if len(found) == count_max:
                return tuple(found), n
        return tuple(found), upto

    def read_records(self, wanted: ReadRecords) -> list[Action]:
        """Answer a question for ids with what is served of them."""

        def answer(rows: Rows, now: Now) -> list[Action]:
            return self.hub.handle(RecordsRead(wanted.link, self.as_served(rows)), now)

        return self._read(wanted.ids, answer)

    def as_served(self, rows: Iterable[Wire]) -> tuple[Wire, ...]:
        """Leave out what is not served, and the bodies that are not."""
        entries = self.hub.catalog.entries
        held = ((entries.get(record_id(row[0])), row) for row in rows)
        return tuple(row if one.body is Body.HERE else (row[0], row[1], None) for one, row in held if one is not None)


def may_cross(kind: int, audience: str | bytes) -> bool:
    """Tell whether records like this one cross to some partner; the selection decides to which."""
    return kind in GOVERNANCE or kind == _CARD or audience not in _NEVER_ABROAD


def _ingest(state: SyncState, step: Step, records: Sequence[Record]) -> None:
    inbound.ingest(state, step, records, None)
