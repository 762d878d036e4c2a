"""The set as of one hour, kept up bucket by bucket while the catalog changes (SPEC F1, F2).

In: the rows of the catalog and the ticks at which its buckets changed last. Out, for each bucket: the ids that are
inside, their digest, and what lies outside. A change of one record costs one bucket. Of each bucket it is known for
which hours the verdict is the same, so another hour costs only those buckets in which something is due between the
two; and only when other keys may act as of that hour everything is judged anew. All of it can be done in slices: what
changes meanwhile is stale again, and comes up once more.
"""

from array import array

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import CHARTER, GOVERNANCE, Body
from hartig_protocol.catalog.index import BUCKETS, FIRST_TICK, bucket_of
from hartig_protocol.catalog.rows import BODY_BITS, CONTACT, ENDS, PRIVATE
from hartig_protocol.limits import BODY_KEPT_MS, KIND_CHAIN_LOWEST, RECORD_ID_BYTES, THREAD_KEPT_MS
from hartig_protocol.records.keys import PREFIX_BUCKET, sha256
from hartig_protocol.trust.authority import Authority
from hartig_protocol.trust.lasting import left_as_of

DIGEST_BYTES = 16
NO_DIGEST = bytes(DIGEST_BYTES)
SLICE_WORK = 512  # rows judged in one slice: one or two milliseconds, four times that on a small computer
_BUCKET_WORK = 4  # what a bucket costs beside its rows, in rows
_LATEST_MS = 2**63 - 1
_GONE = int(Body.GONE)


def bucket_digest(ids: bytes) -> bytes:
    """Return the digest of a bucket's ids, sorted and joined (SPEC F2)."""
    return sha256(PREFIX_BUCKET, ids)[:DIGEST_BYTES] if ids else NO_DIGEST


def split_ids(joined: bytes) -> list[bytes]:
    """Return the ids of a bucket one by one."""
    return [joined[at : at + RECORD_ID_BYTES] for at in range(0, len(joined), RECORD_ID_BYTES)]


class View:
    """The buckets as of one hour. `tick`: that of the catalog's index when all of them were good last."""

    def __init__(self, catalog: Catalog, hour_ms: int) -> None:
        self.hour_ms = hour_ms
        self.buckets = [b""] * BUCKETS
        self.outside: dict[int, bytes] = {}
        self.digests = bytearray(BUCKETS * DIGEST_BYTES)
        self.count = 0
        self._catalog = catalog
        self._good_at = array("Q", [FIRST_TICK]) * BUCKETS  # the tick up to which a bucket has been judged
        self._all_good_at = FIRST_TICK  # the tick up to which all of them have
        self._reset: dict[int, None] = {}  # those that are to be judged although they have not changed
        self._queue: list[int] = []  # those that were found stale when it was looked last, and are not judged yet
        self._since_ms = array("Q", [0]) * BUCKETS  # the verdict is the same for hours from here ...
        self._until_ms = array("Q", [_LATEST_MS]) * BUCKETS  # ... to before here
        self._authority = Authority()
        self._gone: set[bytes] = set()  # governance that is due by the hour, or has lost its proof by what is
        self._moment: tuple[int, int] | None = None

    def moved_to(self, hour_ms: int) -> "View":
        """Return the view as of another hour, which shares with this one whatever is the same."""
        view = View(self._catalog, hour_ms)
        view.buckets, view.outside = self.buckets.copy(), self.outside.copy()
        view.digests, view.count = self.digests.copy(), self.count
        view._good_at, view._since_ms, view._until_ms = self._good_at[:], self._since_ms[:], self._until_ms[:]
        view._authority, view._gone, view._moment = self._authority, self._gone, self._moment
        view._all_good_at, view._reset = self._all_good_at, self._reset.copy()
        for bucket, (since, until) in enumerate(zip(self._since_ms, self._until_ms, strict=True)):
            if not since <= hour_ms < until:
                view._judge_again(bucket)
        return view

    # --- What is to be done

    def stale(self) -> list[int]:
        """Return the buckets that are to be judged, after looking who may act as of the hour."""
        self._look_who_may_act()
        index = self._catalog.held.index
        changed, good_at = index.changed, self._good_at
        buckets = index.changed_since(self._all_good_at)
        if self._reset:
            buckets = sorted({*buckets, *self._reset})
        return [bucket for bucket in buckets if changed[bucket] > good_at[bucket]]

    def work(self) -> int:
        """How much there is to do, in rows."""
        rows = self._catalog.held.index.rows
        return sum(len(rows[bucket]) + _BUCKET_WORK for bucket in self.stale())

    def advance(self, work: int | None) -> bool:
        """Judge stale buckets, `work` rows or a little more (None: all); true when none is left."""
        self._look_who_may_act()
        rows = self._catalog.held.index.rows
        while self._queue or self._gather():
            if work is not None:
                if work <= 0:
                    return False
                work -= len(rows[self._queue[-1]]) + _BUCKET_WORK
            self._judge(self._queue.pop())
        return True

    def _gather(self) -> bool:
        """Queue what is stale; false where nothing is, so that all is good as of now."""
        self._queue = self.stale()
        if not self._queue:
            self._all_good_at = self._catalog.held.index.tick
            self._reset.clear()
        return bool(self._queue)

    def _look_who_may_act(self) -> None:
        key = self._catalog.moments.key(self.hour_ms)
        if key != self._moment:
            self._judge_governance()
            self._moment = key

    def _judge_governance(self) -> None:
        """Compute who may act as of the hour; where that changed for an author of records, all is to be judged."""
        catalog = self._catalog
        before, gone_before = self._authority, self._gone
        self._authority, self._gone = left_as_of(catalog.charter, catalog.governance.values(), self.hour_ms)
        if any(_may_do_other(before, self._authority, author) for author in catalog.held.rows.authors):
            self._good_at = array("Q", [FIRST_TICK]) * BUCKETS
            self._all_good_at = FIRST_TICK
        for record_id in gone_before ^ self._gone:
            self._judge_again(bucket_of(record_id))

    def _judge_again(self, bucket: int) -> None:
        self._good_at[bucket] = FIRST_TICK
        self._reset[bucket] = None

    # --- Judging

    def _judge(self, bucket: int) -> None:
        """Judge all rows of a bucket, and remember between which hours the verdict is the same."""
        index, rows, hour_ms = self._catalog.held.index, self._catalog.held.rows, self.hour_ms
        flags, ids = rows.flags, index.ids[bucket]
        inside: list[bytes] = []
        outside: list[bytes] = []
        since_ms, until_ms = 0, _LATEST_MS
        for row, record_id in zip(index.rows[bucket], split_ids(ids), strict=True):
            if flags[row] & PRIVATE:
                continue
            first_ms, last_ms = self._inside_ms(row)
            for border_ms in (first_ms, last_ms):
                if since_ms < border_ms <= hour_ms:
                    since_ms = border_ms
                elif hour_ms < border_ms < until_ms:
                    until_ms = border_ms
            is_inside = first_ms <= hour_ms < last_ms and self._is_proven(row, record_id)
            (inside if is_inside else outside).append(record_id)
        self._keep(bucket, ids if len(inside) * RECORD_ID_BYTES == len(ids) else b"".join(inside), outside)
        self._good_at[bucket] = index.changed[bucket]
        self._since_ms[bucket], self._until_ms[bucket] = since_ms, until_ms

    def _inside_ms(self, row: int) -> tuple[int, int]:
        """Return from which hour on and before which one a row is inside, if its author may write it then."""
        held = self._catalog.held
        rows = held.rows
        kind, first_ms = rows.kinds[row], rows.stamps[row] + 1
        if kind in GOVERNANCE:
            return (0 if kind == CHARTER else first_ms), _LATEST_MS
        register = row if kind < KIND_CHAIN_LOWEST else held.registers.find_of(row)
        expires_ms = rows.expires[register]
        if rows.flags[row] & BODY_BITS == _GONE and not (register != row and rows.flags[register] & ENDS):
            body_ms = expires_ms + BODY_KEPT_MS
            if rows.flags[row] & CONTACT and rows.said[row]:
                body_ms = min(body_ms, rows.said[row])
            first_ms = max(first_ms, body_ms)
        return first_ms, expires_ms + THREAD_KEPT_MS

    def _is_proven(self, row: int, record_id: bytes) -> bool:
        rows = self._catalog.held.rows
        kind = rows.kinds[row]
        if kind in GOVERNANCE:
            return record_id not in self._gone
        return self._authority.may_write(rows.author(row), kind, rows.places[row])

    def _keep(self, bucket: int, ids: bytes, outside: list[bytes]) -> None:
        self.count += (len(ids) - len(self.buckets[bucket])) // RECORD_ID_BYTES
        if ids != self.buckets[bucket]:
            at = bucket * DIGEST_BYTES
            self.digests[at : at + DIGEST_BYTES] = bucket_digest(ids)
        self.buckets[bucket] = ids
        if outside:
            self.outside[bucket] = b"".join(outside)
        else:
            self.outside.pop(bucket, None)


def _may_do_other(before: Authority, after: Authority, author: bytes) -> bool:
    one, other = before.standing(author), after.standing(author)
    if one is None or other is None:
        return one is not other
    return (one.rank, one.places) != (other.rank, other.places)
