"""The set as of an agreed hour, and its fingerprint (SPEC, part F).

What is stamped at or after that hour, what is due to go by then, and what never leaves this hub is outside, so two
hubs that have exchanged until quiet name the same set although their clocks differ. `ids_as_of` says it in the plain
words of the definition; `AuditSet` keeps it up and hands out snapshots, which the audit works on.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from hartig_protocol.catalog.as_of import SLICE_WORK, View, bucket_digest, split_ids
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import CHARTER, Body, Entry
from hartig_protocol.catalog.index import BUCKETS, bucket_of
from hartig_protocol.catalog.jobs import Job
from hartig_protocol.limits import HOUR_MS
from hartig_protocol.records.keys import PREFIX_FINGERPRINT, sha256
from hartig_protocol.trust.authority import Authority, is_governance
from hartig_protocol.trust.lasting import left_as_of
from hartig_protocol.values import value

FINGERPRINT_BYTES = 16
_VIEWS_MAX = 2  # neighbours agree on this hub's hour, or on one beside it; each view takes 200 KiB
_PATIENCE = 2  # passes over everything; then slices grow, so that a job ends however much comes in meanwhile


def next_hour_ms(wall_ms: int) -> int:
    """Return the next full hour after a moment, in ms."""
    return (wall_ms // HOUR_MS + 1) * HOUR_MS


# --- The definition


def ids_as_of(catalog: Catalog, hour_ms: int) -> list[bytes]:
    """Return the ids that belong to the set as of an hour, sorted."""
    authority, gone = left_as_of(catalog.charter, catalog.governance.values(), hour_ms)
    return sorted(
        entry.id
        for entry in catalog.entries.values()
        if not entry.is_private
        and (entry.stamp < hour_ms or entry.kind == CHARTER)
        and (entry.id not in gone if is_governance(entry.kind) else _is_inside(catalog, authority, entry, hour_ms))
    )


def _is_inside(catalog: Catalog, authority: Authority, entry: Entry, hour_ms: int) -> bool:
    """Judge thread, body and proof by that hour, whatever this hub's own clock says."""
    register, has_ended = entry, False
    if entry.is_chain and entry.register is not None:
        register = catalog.registers[entry.register]
        has_ended = register.ends
    if register.thread_due is not None and register.thread_due <= hour_ms:
        return False
    dues = (register.body_due, catalog.contact_due_ms(entry.id))
    is_body_due = has_ended or any(due_ms is not None and due_ms <= hour_ms for due_ms in dues)
    if entry.body is Body.GONE and not is_body_due:
        return False
    return authority.may_write(entry.author, entry.kind, entry.place)


def fingerprint(ids: Iterable[bytes], hour_ms: int) -> bytes:
    """Return the fingerprint of a sorted list of ids as of an hour."""
    buckets: list[list[bytes]] = [[] for _ in range(BUCKETS)]
    for record_id in ids:
        buckets[bucket_of(record_id)].append(record_id)
    return _fingerprint(b"".join(bucket_digest(b"".join(bucket)) for bucket in buckets), hour_ms)


def _fingerprint(digests: bytes, hour_ms: int) -> bytes:
    """Return the hash over the digests of all buckets (SPEC F2).

    A sum of hashes would be quicker to keep up but could be met by chosen records (Wagner, CRYPTO 2002); this cannot.
    """
    return sha256(PREFIX_FINGERPRINT, hour_ms.to_bytes(8, "big"), digests)[:FINGERPRINT_BYTES]


# --- Kept up


@value
class Snapshot:
    """The set as of an hour, at one moment. It never changes; the catalog may.

    `n` and `running`: the last arrival number at that moment, and the running hash there. `buckets[k]`: the ids of the
    set whose first 12 bits are k, sorted and joined. `outside`: the ids of shareable records with arrival number at
    most `n` that are not in the set, sorted.
    """

    hour_ms: int
    n: int
    running: bytes
    count: int
    fingerprint: bytes
    buckets: Sequence[bytes]
    outside: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"<Snapshot {self.count} records as of {self.hour_ms}, {len(self.outside)} outside, through {self.n}>"

    def ids(self) -> list[bytes]:
        """Return all ids of the set, sorted."""
        return [record_id for bucket in self.buckets if bucket for record_id in split_ids(bucket)]


class AuditSet:
    """Hands out snapshots as of any hour, so that ten neighbours who ask at once cost one computation.

    What a snapshot needs is mostly there: where it is not, `job` does it in slices, and `snapshot` at once.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._views: OrderedDict[int, View] = OrderedDict()
        self._snapshots: dict[int, tuple[int, Snapshot]] = {}

    def job(self, hour_ms: int) -> Job | None:
        """Return what makes the snapshot as of an hour ready, or None where it is, or where that took one slice."""
        if self._is_made(hour_ms):
            return None
        view = self._view(hour_ms)
        return None if view.advance(SLICE_WORK) else _Judging(self, view)

    def snapshot(self, hour_ms: int) -> Snapshot:
        """Return the set as of an hour as it is now."""
        view = self._view(hour_ms)
        if not self._is_made(hour_ms):
            view.advance(None)
            self._snapshots[hour_ms] = (self._catalog.generation, self._taken(view))
        return self._snapshots[hour_ms][1]

    def _is_made(self, hour_ms: int) -> bool:
        made = self._snapshots.get(hour_ms)
        return made is not None and made[0] == self._catalog.generation

    def as_of(self, hour_ms: int) -> tuple[list[bytes], bytes]:
        """Return the sorted ids and their fingerprint as of an hour."""
        snapshot = self.snapshot(hour_ms)
        return snapshot.ids(), snapshot.fingerprint

    def stamp_of(self, record_id: bytes) -> int | None:
        """Return the stamp (ms) of a record that is held still."""
        held = self._catalog.held
        row = held.index.find(record_id)
        return held.rows.stamps[row] if row >= 0 else None

    def keep(self, view: View) -> None:
        """Keep a view among the newest ones."""
        self._views[view.hour_ms] = view
        self._views.move_to_end(view.hour_ms)
        while len(self._views) > _VIEWS_MAX:
            hour_ms, _ = self._views.popitem(last=False)
            self._snapshots.pop(hour_ms, None)

    def _view(self, hour_ms: int) -> View:
        view = self._views.get(hour_ms)
        if view is None:
            nearest = min(self._views, key=lambda other: abs(other - hour_ms), default=None)
            view = View(self._catalog, hour_ms) if nearest is None else self._views[nearest].moved_to(hour_ms)
        self.keep(view)
        return view

    def _taken(self, view: View) -> Snapshot:
        outside = (split_ids(view.outside[bucket]) for bucket in sorted(view.outside))
        return Snapshot(
            view.hour_ms,
            self._catalog.last_n,
            self._catalog.running,
            view.count,
            _fingerprint(bytes(view.digests), view.hour_ms),
            tuple(view.buckets),
            tuple(record_id for ids in outside for record_id in ids),
        )


class _Judging:
    """The job that brings a view up to date; what changes while it runs is stale again and is caught up with."""

    def __init__(self, audit_set: AuditSet, view: View) -> None:
        self._audit_set = audit_set
        self._view = view
        self._pass_slices = view.work() // SLICE_WORK + 1
        self._slices = 0

    def step(self) -> bool:
        """Judge one slice of buckets; at the end the snapshot is ready to be taken."""
        growth = 1 + self._slices // (_PATIENCE * self._pass_slices)
        self._slices += 1
        is_done = self._view.advance(SLICE_WORK * growth)
        if is_done:
            self._audit_set.keep(self._view)
        return is_done
