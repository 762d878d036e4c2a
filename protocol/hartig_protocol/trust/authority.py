"""Authority as a pure function of the set of governance records (SPEC, part A).

In: the charter, every authentic grant and revocation that is known, in any order. Out: an `Authority`: who stands, how
long, with how many places and invites, and which of the grants and revocations are proven.

How it works. Seats stand by the charter. Grants are settled best first (rank, places, invites, later expiry, lower
id), as in Dijkstra's algorithm: a grant never gives as much as its author has (places no more, invites always fewer),
so what is settled first can never be improved by what comes later. Seats and organisers settle before any hub, so
their revocations are known before the ranks below are looked at. A key that consented to its own revocation never
settles, whoever grants it how much; the grant then settles whoever comes after it by the recovery key that the grant
names. So every verdict rests on earlier ones alone, and what is not proven has no influence: leaving it out changes
nothing. It runs once over all grants, since a grant proves its key's revocations even after it expired, and once over
those proven that have not expired, which says who may act.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hartig_protocol.limits import GRANTS_DEEP_MAX, INTEGER_MAX, REVOKES_MAX, SUCCESSIONS_MAX
from hartig_protocol.records.governance import GRANTED_RANKS, Charter, Rank
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.record import Head, Kind, Record
from hartig_protocol.values import value

_CHARTER, _GRANT, _REVOKE = map(int, (Kind.CHARTER, Kind.GRANT, Kind.REVOKE))  # looked up once: an enum is slow at it
_MEMBER, _HUB, _ORGANISER, _SEAT = Rank
_PACT = int(Kind.PACT)
_GOVERNANCE = frozenset({_CHARTER, _GRANT, _REVOKE, _PACT})
_MEMBER_KINDS = frozenset({33, 34})  # notes and marks


@value
class Standing:
    """What a key may do.

    `until_ms` is the earliest expiry on its path, `depth` counts the grants on it and `handed` the successions; `grant`
    is None for a seat. `via` are the revocations by which the key came after the one that the grant names (SPEC A9).
    """

    rank: Rank
    places: int
    invites: int
    gateway: bool
    until_ms: int
    grant: bytes | None
    depth: int = 0
    via: tuple[bytes, ...] = ()
    handed: int = 0


@value
class Authority:
    """The verdict on a set of governance records; `reached` are the keys that are void by a recovery key (SPEC A6)."""

    standings: Mapping[bytes, Standing] = field(default_factory=dict)
    proven: frozenset[bytes] = frozenset()
    revoked: Mapping[bytes, Rank] = field(default_factory=dict)
    reached: frozenset[bytes] = frozenset()

    def standing(self, key: bytes) -> Standing | None:
        """Return what the key may do, or None."""
        return self.standings.get(key)

    def may_write(self, key: bytes, kind: int, place: int | None) -> bool:
        """Tell whether the key may fill this place with a record of this kind (SPEC A7).

        Judged for everything but governance records, which `proven` lists.
        """
        standing = self.standings.get(key)
        if standing is None or place is None or place >= standing.places:
            return False
        return standing.rank >= (_MEMBER if kind in _MEMBER_KINDS else _HUB)


@value
class _Revokes:
    """Revocations by author, of each at most `REVOKES_MAX`; and those with consent by subject and author's hash.

    Those come first whose subject is somebody, then those that last longest.
    """

    by_author: Mapping[bytes, list[Record]]
    consented: Mapping[bytes, Mapping[bytes, Record]]

    def proven_by_consent(self, reached: Iterable[bytes], named: set[bytes]) -> set[bytes]:
        """Return those that count of the keys that were reached: the named ones, and the highest of the others."""
        others = (
            next((one.id for one in self.consented[key].values() if one.id not in named), None) for key in reached
        )
        return named.union(one for one in others if one is not None)


@dataclass
class _Settling:
    """One run from the charter downward.

    `reached` holds the keys that their own recovery keys revoked, as far as a grant or a succession leads to them;
    `named` the revocations by those recovery keys that this grant, or the revocation before, names.
    """

    grants: Mapping[bytes, list[list[Record]]]
    revokes: _Revokes
    revoked: dict[bytes, Rank]
    reached: set[bytes] = field(default_factory=set)
    named: set[bytes] = field(default_factory=set)
    standings: dict[bytes, Standing] = field(default_factory=dict)
    proven: set[bytes] = field(default_factory=set)
    heap: list[tuple[tuple[int, int, int, int, bytes], Record, Standing]] = field(default_factory=list)

    def run(self, charter: Charter) -> "_Settling":
        defaults = charter.defaults
        seat = Standing(_SEAT, defaults.places, defaults.invites, False, INTEGER_MAX, None)
        self.standings = {key: seat for key, _ in charter.seats}
        for key, _ in charter.seats:
            self._settle(key, seat)
        while self.heap:
            _, grant, standing = heapq.heappop(self.heap)
            self.proven.add(grant.id)
            found = self._settled_by(grant, standing)
            if found is not None:
                self._settle(*found)
        return self

    def _settled_by(self, grant: Record, standing: Standing) -> tuple[bytes, Standing] | None:
        """Return whom a grant settles: its key, or whoever comes after that one by recovery keys (SPEC A9)."""
        key = grant.head.subject
        via: list[bytes] = []
        passed = {key}
        revoke = self._reach(key, grant)
        while key not in self.standings and self.revoked.get(key, 0) <= standing.rank:
            if key not in self.revokes.consented:
                return key, replace(standing, via=tuple(via), handed=standing.handed + len(via)) if via else standing
            successor = revoke.head.facts.get("successor") if revoke else None
            if revoke is None or successor is None or successor in passed:
                return None
            if standing.handed + len(via) >= SUCCESSIONS_MAX:
                return None
            key = successor
            via.append(revoke.id)
            passed.add(key)
            revoke = self._reach(key, revoke)
        return None

    def _reach(self, key: bytes, naming: Record) -> Record | None:
        """Let the revocations count to which this key consented; return that by the recovery key named (SPEC A6)."""
        consented = self.revokes.consented.get(key)
        if consented is None:
            return None
        self.reached.add(key)
        recovery = naming.head.facts.get("recovery")
        found = consented.get(recovery[0]) if recovery else None
        if found is not None:
            self.named.add(found.id)
        return found

    def _settle(self, key: bytes, standing: Standing) -> None:
        self.standings[key] = standing
        if standing.rank >= _ORGANISER:
            for revoke in self.revokes.by_author.get(key, ()):
                self.proven.add(revoke.id)
                subject = revoke.head.subject
                self.revoked[subject] = max(self.revoked.get(subject, standing.rank), standing.rank)
        if standing.rank >= _HUB:
            self._offer_grants(key, standing)

    def _offer_grants(self, author: bytes, giver: Standing) -> None:
        """Go through an author's grants by invite number; each uses one invite and takes what it passes on."""
        left = giver.invites
        for versions in self.grants.get(author, ()):
            grant = next((one for one in versions if _may_give(giver, one)), None)
            if grant is None:
                continue
            head = grant.head
            if head.ends:
                self.proven.add(grant.id)
                self._reach(head.subject, grant)
                continue
            if left < 1:
                continue
            deep = giver.depth + 1
            passed_on = min(head.facts["invites"], left - 1) if deep < GRANTS_DEEP_MAX else 0
            left -= 1 + passed_on
            standing = Standing(
                GRANTED_RANKS[head.facts["rank"]],
                min(head.facts["places"], giver.places),
                passed_on,
                head.facts.get("gateway", False),
                min(head.expires or 0, giver.until_ms),
                grant.id,
                deep,
                handed=giver.handed,
            )
            order = (-standing.rank, -standing.places, -passed_on, -(head.expires or 0), grant.id)
            heapq.heappush(self.heap, (order, grant, standing))


def _may_give(giver: Standing, grant: Record) -> bool:
    """Whether somebody who stands so may author this grant; what may not be given displaces nothing (SPEC A3)."""
    head = grant.head
    if head.place is None or head.place >= giver.invites:
        return False
    if head.ends:
        return True
    rank = GRANTED_RANKS[head.facts["rank"]]
    return rank < giver.rank if giver.rank == _SEAT else rank <= _HUB


def authority_of(charter: Charter | None, records: Iterable[Record], expired_at_ms: int | None) -> Authority:
    """Compute who may say what from the charter and any authentic grants and revocations.

    `expired_at_ms`: grants that expire at or before this moment let nobody act; None where the clock is not trusted.
    """
    if charter is None:
        return Authority()
    known, seats = list(records), frozenset(key for key, _ in charter.seats)
    revokes = _revokes(known, seats)
    ever = _Settling(_grants_by_author(known), revokes, {}).run(charter)
    proven = frozenset(ever.proven | revokes.proven_by_consent(ever.reached, ever.named))
    revoked, reached = {**ever.revoked, **dict.fromkeys(sorted(ever.reached), _SEAT)}, frozenset(ever.reached)
    if expired_at_ms is None or not _some_expired(known, expired_at_ms):
        return Authority(ever.standings, proven | _pacts(known, ever.standings), revoked, reached)
    acting = [one for one in known if one.id in proven and not _is_over(one.head, expired_at_ms)]
    today = _Settling(_grants_by_author(acting), _revokes(acting, seats), dict(ever.revoked)).run(charter)
    return Authority(today.standings, proven | _pacts(known, today.standings), revoked, reached)


def _pacts(records: Iterable[Record], standings: Mapping[bytes, Standing]) -> set[bytes]:
    """Return the pacts of those who may speak for the network about agreements, in their places (SPEC X2)."""
    return {
        record.id
        for record in records
        if record.head.kind == _PACT
        and (standing := standings.get(record.head.author)) is not None
        and (standing.rank >= _ORGANISER and (record.head.place or 0) < standing.places)
    }


def _some_expired(records: Iterable[Record], at_ms: int) -> bool:
    """Whether a grant lets nobody act any more; else who acted ever acts today, and one run tells both."""
    return any(_is_over(record.head, at_ms) for record in records)


def _is_over(head: Head, at_ms: int) -> bool:
    """Whether this is a grant past its time; an ended version goes on hiding those below it."""
    return head.kind == _GRANT and not head.ends and (head.expires or 0) <= at_ms


def _grants_by_author(records: Iterable[Record]) -> dict[bytes, list[list[Record]]]:
    """Return each author's grants by rising invite number; for each number its versions, the highest first."""
    registers: dict[tuple[bytes, int], list[Record]] = {}
    for record in records:
        if record.head.kind == _GRANT:
            registers.setdefault((record.head.author, record.head.place or 0), []).append(record)
    by_author: dict[bytes, list[list[Record]]] = {}
    for register in sorted(registers):
        versions = registers[register]
        if len(versions) > 1:
            versions.sort(key=_order, reverse=True)
        by_author.setdefault(register[0], []).append(versions)
    return by_author


def _order(record: Record) -> tuple[int, int, bytes]:
    return (record.head.expires or 0, record.head.seq, record.id)


def _revokes(records: Iterable[Record], seats: frozenset[bytes]) -> _Revokes:
    """Sort the revocations; of several versions of one, the highest. No recovery key voids a seat.

    What names keys that nobody ever let in pushes no revocation out that keeps a key from standing.
    """
    registers: dict[bytes, Record] = {}
    somebody = set[bytes]()
    for record in records:
        if record.head.kind == _GRANT:
            somebody.add(record.head.subject)
        elif record.head.kind == _REVOKE:
            if record.head.fixed and record.head.facts.get("successor"):
                somebody.add(record.head.facts["successor"])
            held = registers.get(record.head.thread)
            if held is None or _order(record) > _order(held):
                registers[record.head.thread] = record
    by_author: dict[bytes, list[Record]] = {}
    consented: dict[bytes, dict[bytes, Record]] = {}
    for record in sorted(registers.values(), key=lambda one: (one.head.subject in somebody, _order(one)), reverse=True):
        head = record.head
        given = by_author.setdefault(head.author, [])
        if len(given) < REVOKES_MAX:
            given.append(record)
        if head.fixed and head.subject not in seats:
            consented.setdefault(head.subject, {})[recovery_hash(head.author)] = record
    return _Revokes(by_author, consented)


def is_governance(kind: int) -> bool:
    """Whether records of this kind are proven by authority, as a set, and not one by one."""
    return kind in _GOVERNANCE
