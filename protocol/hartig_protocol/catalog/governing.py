"""Who may act, kept up: charters, grants and revocations come and go, and with them what they let others write.

In: authentic governance records in any order, and the time. Out: a verdict for each, and the changes written into the
commit of the step. Which charter stands and who stands by it is computed in `trust`, from the set alone; this keeps
the set, and lets go of what has lost its proof.
"""

from collections.abc import Iterable, Mapping

from hartig_protocol.catalog.commit import Commit, Now
from hartig_protocol.catalog.entry import CHARTER, GOVERNANCE, REVOKE
from hartig_protocol.catalog.rows import Rows
from hartig_protocol.catalog.stock import Stock
from hartig_protocol.catalog.verdict import ACCEPTED, KNOWN, Verdict, refused, waits
from hartig_protocol.limits import CHARTERS_LOST_MAX, STAMP_AHEAD_MS_MAX
from hartig_protocol.records.governance import Rank, signing_seats
from hartig_protocol.records.record import Head, Record
from hartig_protocol.trust.authority import Authority, authority_of
from hartig_protocol.trust.charters import charters_of, is_of
from hartig_protocol.trust.selection import Selection

EXPIRED = refused("expired", "it expired more than 35 days ago")
_OTHER_NETWORK = refused("other_network", "belongs to another network")
NOT_SHARED = refused("not_shared", "is not what the two networks have agreed to share")
_SUPERSEDED = refused("superseded", "a later version is held")


class Governing(Stock):
    """What one hub holds, and who may act by it."""

    def __init__(self, network: bytes, selection: Selection | None = None) -> None:
        super().__init__(network, selection)
        self.authorities_computed = 0  # so that whoever has it computed pays for it
        self._judged_at: tuple[int, int] | None = None  # the moments' key that `authority` is good for
        self._lost: dict[bytes, Head] = {}  # charters that can never stand: whatever follows them cannot, either

    def _take_governance(self, records: list[Record], now: Now, commit: Commit) -> list[tuple[Record, Verdict]]:
        """Judge charters, grants and revocations together: which are proven depends on the set, not on their order.

        What is due to go is taken all the same: what keeps it may come behind it (SPEC L7). The next sweep decides.
        """
        charters = [record for record in records if record.head.kind == CHARTER]
        verdicts = self._take_charters(charters, commit) if charters else []
        candidates: dict[bytes, Record] = {}
        for record in records:
            if record.head.kind != CHARTER:
                verdict = self._judge_governance_alone(record, now)
                if verdict is ACCEPTED:
                    candidates[record.id] = record
                else:
                    verdicts.append((record, verdict))
        if candidates:
            authority = self._authority(candidates.values(), now)
            rising_last = sorted(candidates.values(), key=order_of, reverse=True)
            verdicts.extend((record, self._judge_candidate(record, authority, commit)) for record in rising_last)
        self.refresh(now, commit)
        return verdicts

    def _take_charters(self, records: list[Record], commit: Commit) -> list[tuple[Record, Verdict]]:
        """Accept those that stand, and the best rival of each; what they leave behind goes at once."""
        before = self.charters.kept
        self.stand_by(charters_of(self.network, {**before, **{record.id: record for record in records}}.values()))
        for gone in sorted(before.keys() - self.charters.kept.keys()):
            self._forget(gone, commit)
            self._lose(before[gone])
        verdicts = []
        for record in sorted(records, key=lambda one: (one.head.seq, one.id)):
            verdict = KNOWN if self.held.index.find(record.id) >= 0 else self._judge_charter(record)
            if verdict is ACCEPTED:
                self._add(record, commit)
            verdicts.append((record, verdict))
        return verdicts

    def _judge_charter(self, record: Record) -> Verdict:
        head, charters = record.head, self.charters
        if record.id in charters.kept:
            return ACCEPTED
        if not is_of(self.network, record):
            return _OTHER_NETWORK
        assert head.prev is not None
        kept = charters.kept.get(head.prev)
        before = self._lost.get(head.prev) if kept is None else kept.head
        if before is None:
            return waits("record", head.prev, "the charter before it has not come")
        if not signing_seats(before, head):
            return refused("bad_charter", "is not signed by enough seats of the charter before it, or by others")
        self._lose(record)
        if kept in charters.path:
            return refused("superseded", "a charter that more seats signed, or with a lower id, stands in its place")
        return refused("bad_charter", "follows a charter that does not stand")

    def _lose(self, record: Record) -> None:
        """Remember a charter that might have stood; anybody can sign others, as many as they like."""
        self._lost[record.id] = record.head
        if len(self._lost) > CHARTERS_LOST_MAX:
            del self._lost[next(iter(self._lost))]

    def _judge_governance_alone(self, record: Record, now: Now) -> Verdict:
        if record.head.network != self.network:
            return _OTHER_NETWORK
        if self.selection is not None and not self.selection.crosses(record.head):
            return NOT_SHARED
        if self.held.index.find(record.id) >= 0:
            return KNOWN
        row = self.held.registers.find_for(record.head)
        if row >= 0 and self.held.rows.order(row) >= order_of(record):
            return _SUPERSEDED  # before authority is computed, which is dear: anybody can send old versions again
        return self._judge_stamp(record.head, now) or ACCEPTED

    def _judge_stamp(self, head: Head, now: Now) -> Verdict | None:
        if now.trusted and head.stamp > now.wall_ms + STAMP_AHEAD_MS_MAX:
            return refused("early", "its stamp lies more than ten minutes ahead of this hub's clock")
        return None

    def _judge_candidate(self, record: Record, authority: Authority, commit: Commit) -> Verdict:
        row = self.held.registers.find_for(record.head)
        if row >= 0 and self.held.rows.order(row) >= order_of(record):
            return _SUPERSEDED
        if record.id not in authority.proven:
            if record.head.fixed and record.head.subject in authority.reached:
                return _SUPERSEDED  # its subject is void by another recovery key, whose word lasts longer (SPEC A8)
            return waits("proof", record.head.author, "no grant that allows it has come")
        if row >= 0:  # for a pact it may be a post, whose steps go with it
            self._drop(row, commit, keep_steps=self.held.rows.thread(row) == record.head.thread)
        self._add(record, commit)
        return ACCEPTED

    def refresh(self, now: Now, commit: Commit) -> bool:
        """Compute authority anew, and let go of what has lost its proof; tell whether who may act has changed."""
        at_ms = now.wall_ms if now.trusted else None
        if self.moments.key(at_ms) == self._judged_at:
            return False
        before, is_first = self.authority, self._judged_at is None
        while True:
            self.authority = self._authority((), now)
            lost = [
                record.id
                for record in self.governance.values()
                if record.head.kind != CHARTER and record.id not in self.authority.proven
            ]
            if not lost:
                break
            for record_id in lost:
                self._forget(record_id, commit)
        self._judged_at = self.moments.key(at_ms)
        if self.authority.standings == before.standings:
            return self.authority.revoked != before.revoked
        self._drop_unproven(None if is_first else before, commit)
        return True

    def _drop_unproven(self, before: Authority | None, commit: Commit) -> None:
        """Let go of what its author may not write any more; only of those whose standing was another `before`."""
        rows = self.held.rows
        changed = None if before is None else _changed_authors(rows, before, self.authority)
        if changed is not None and not changed:
            return
        suspects = rows.beyond(self._free_below) if changed is None else rows.of_authors(changed)
        for row in suspects:
            if not rows.numbers[row]:
                continue  # it went with its register
            kind, place = rows.kinds[row], rows.places[row]
            if kind in GOVERNANCE or self.authority.may_write(rows.author(row), kind, place):
                continue
            if rows.is_chain(row):
                self._drop_steps(rows.thread(row), commit)  # one writer, one place: none of them is proven
            else:
                self._drop(row, commit, keep_steps=False)

    def _free_below(self, author: bytes) -> int:
        """Return below which place an author may write every kind; for who may not, -1."""
        standing = self.authority.standing(author)
        return -1 if standing is None or standing.rank < Rank.HUB else standing.places

    def _authority(self, more: Iterable[Record], now: Now) -> Authority:
        known = [*self.governance.values(), *more]
        self.authorities_computed += 1
        return authority_of(self.charter, known, now.wall_ms if now.trusted else None)


def _changed_authors(rows: Rows, before: Authority, after: Authority) -> set[int]:
    """Return by number the authors of records who have lost rank or places; who has gained loses no record."""
    changed = set()
    for key, standing in before.standings.items():
        now = after.standing(key)
        number = rows.authors.find(key)
        if number >= 0 and (now is None or now.rank < standing.rank or now.places < standing.places):
            changed.add(number)
    return changed


def provers_changed(before: Authority, after: Authority, accepted: Iterable[Record]) -> set[bytes]:
    """Return the keys whose records, or the records about which, may have another proof than before."""
    heads = [record.head for record in accepted if record.head.kind in GOVERNANCE]
    keys = {key for head in heads for key in (head.author, head.subject, _successor_of(head))}
    if after is not before:
        keys |= _differing(before.standings, after.standings) | _differing(before.revoked, after.revoked)
    return keys


def _successor_of(head: Head) -> bytes:
    """Return who comes after whom a revocation voids, else the author: in other kinds that fact may be anything."""
    successor: bytes | None = head.facts.get("successor") if head.kind == REVOKE else None
    return successor or head.author


def _differing(before: Mapping[bytes, object], after: Mapping[bytes, object]) -> set[bytes]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def order_of(record: Record) -> tuple[int, int, bytes]:
    """Return what decides which version stands in a register (SPEC R10)."""
    return (record.head.expires or 0, record.head.seq, record.id)
