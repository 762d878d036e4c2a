"""Authority as a pure function of the set of governance records (SPEC, part A).

In: the charter, every authentic grant and revocation that is known, in any order. Out: an `Authority`: who stands, how
long, with how many places and invites, and which of the grants and revocations are proven.

How it works. Seats stand by the charter. Grants are settled best first (rank, places, invites, later expiry, lower
id), as in Dijkstra's algorithm: a grant never gives as much as its author has (places no more, invites always fewer),
so what is settled first can never be improved by what comes later. Seats and organisers settle before any hub, so
their revocations are known before the ranks below are looked at; a key's own recovery key counts where a grant names
it whose author settles before that key, and that grant then settles whoever the recovery key names instead. So every
verdict rests on earlier ones alone, and what is not proven has no influence: leaving it out changes nothing. It runs
once over all grants, since a grant proves its key's revocations even after it expired, and once over those that have
not expired, which says who may act.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hartig_protocol.limits import GRANTS_DEEP_MAX, INTEGER_MAX, REVOKES_MAX, SUCCESSIONS_MAX
from hartig_protocol.records.governance import GRANTED_RANKS, Charter, Rank, consented_recovery
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.record import Kind, Record

_GOVERNANCE = frozenset({int(Kind.CHARTER), int(Kind.GRANT), int(Kind.REVOKE)})
_MEMBER_KINDS = frozenset({33, 34})  # notes and marks


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Authority:
    """The verdict on a set of governance records."""

    standings: Mapping[bytes, Standing] = field(default_factory=dict)
    proven: frozenset[bytes] = frozenset()
    revoked: Mapping[bytes, Rank] = field(default_factory=dict)

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
        return standing.rank >= (Rank.MEMBER if kind in _MEMBER_KINDS else Rank.HUB)


@dataclass
class _Settling:
    """One run from the charter downward.

    `recovered` holds the keys that their own recovery key revoked, `heirs` those revocations by the id of what named
    that recovery key; a second run is given those of the first.
    """

    grants: Mapping[bytes, list[list[Record]]]
    revokes: "_Revokes"
    revoked: dict[bytes, Rank]
    recovered: set[bytes] = field(default_factory=set)
    heirs: dict[bytes, Record] = field(default_factory=dict)
    standings: dict[bytes, Standing] = field(default_factory=dict)
    proven: set[bytes] = field(default_factory=set)
    heap: list[tuple[tuple[int, int, int, int, bytes], Record, Standing]] = field(default_factory=list)

    def run(self, charter: Charter) -> "_Settling":
        defaults = charter.defaults
        seat = Standing(Rank.SEAT, defaults.places, defaults.invites, False, INTEGER_MAX, None)
        self.standings = {key: seat for key, _ in charter.seats}  # all of them first: no recovery key voids a seat
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
        key, naming = grant.head.subject, grant
        via: list[bytes] = []
        passed = {key}
        while key not in self.standings and self.revoked.get(key, 0) <= standing.rank:
            if key not in self.recovered:
                return key, replace(standing, via=tuple(via), handed=standing.handed + len(via)) if via else standing
            revoke = self.heirs.get(naming.id)
            successor = revoke.head.facts.get("successor") if revoke else None
            if revoke is None or successor is None or successor in passed:
                return None
            if standing.handed + len(via) >= SUCCESSIONS_MAX:
                return None
            key, naming = successor, revoke
            via.append(revoke.id)
            passed.add(key)
            self._look_for_recovery(key, naming)
        return None

    def _settle(self, key: bytes, standing: Standing) -> None:
        self.standings[key] = standing
        if standing.rank >= Rank.ORGANISER:
            for revoke in self.revokes.by_author.get(key, ()):
                self.proven.add(revoke.id)
                subject = revoke.head.subject
                self.revoked[subject] = max(self.revoked.get(subject, standing.rank), standing.rank)
        if standing.rank >= Rank.HUB:
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
            self._look_for_recovery(head.subject, grant)

    def _look_for_recovery(self, key: bytes, naming: Record) -> None:
        """Void a key that is not settled yet if the recovery key that `naming` names for it says so (SPEC A6)."""
        candidates = self.revokes.by_subject.get(key)
        if not candidates or key in self.standings or naming.head.facts.get("recovery") is None:
            return
        named = naming.head.facts["recovery"][0]
        found = next((revoke for revoke in candidates if recovery_hash(revoke.head.author) == named), None)
        if found is not None and consented_recovery(naming.head) == named:
            self.proven.add(found.id)
            self.recovered.add(key)
            self.heirs[naming.id] = found


def _may_give(giver: Standing, grant: Record) -> bool:
    """Whether somebody who stands so may author this grant; what may not be given displaces nothing (SPEC A3)."""
    head = grant.head
    if head.place is None or head.place >= giver.invites:
        return False
    if head.ends:
        return True
    rank = GRANTED_RANKS[head.facts["rank"]]
    return rank < giver.rank if giver.rank == Rank.SEAT else rank <= Rank.HUB


def authority_of(charter: Charter | None, records: Iterable[Record], expired_at_ms: int | None) -> Authority:
    """Compute who may say what from the charter and any authentic grants and revocations.

    `expired_at_ms`: grants that expire at or before this moment let nobody act; None where the clock is not trusted.
    """
    if charter is None:
        return Authority()
    known = list(records)
    grants = _grants_by_author(known)
    ever = _Settling(grants, _revokes(known), {}).run(charter)
    revoked = {**ever.revoked, **dict.fromkeys(sorted(ever.recovered), Rank.SEAT)}
    if expired_at_ms is None or not _some_expired(known, expired_at_ms):
        return Authority(ever.standings, frozenset(ever.proven), revoked)
    acting = {author: [_acting(versions, expired_at_ms) for versions in given] for author, given in grants.items()}
    today = _Settling(acting, _Revokes(), dict(ever.revoked), set(ever.recovered), ever.heirs).run(charter)
    return Authority(today.standings, frozenset(ever.proven), revoked)


def _some_expired(records: Iterable[Record], at_ms: int) -> bool:
    """Whether a grant lets nobody act any more; else who acted ever acts today, and one run tells both."""
    heads = (record.head for record in records)
    return any(head.kind == Kind.GRANT and not head.ends and (head.expires or 0) <= at_ms for head in heads)


def _acting(versions: list[Record], expired_at_ms: int) -> list[Record]:
    """Leave out what has expired; an ended version goes on hiding those below it."""
    return [grant for grant in versions if grant.head.ends or (grant.head.expires or 0) > expired_at_ms]


def _grants_by_author(records: Iterable[Record]) -> dict[bytes, list[list[Record]]]:
    """Return each author's grants by rising invite number; for each number its versions, the highest first."""
    registers: dict[tuple[bytes, int], list[Record]] = {}
    for record in records:
        if record.head.kind == Kind.GRANT:
            registers.setdefault((record.head.author, record.head.place or 0), []).append(record)
    by_author: dict[bytes, list[list[Record]]] = {}
    for author, place in sorted(registers):
        by_author.setdefault(author, []).append(sorted(registers[author, place], key=_order, reverse=True))
    return by_author


def _order(record: Record) -> tuple[int, int, bytes]:
    return (record.head.expires or 0, record.head.seq, record.id)


@dataclass(frozen=True)
class _Revokes:
    """Revocations: of each author at most `REVOKES_MAX`, those that last longest; and all by the key they void."""

    by_author: Mapping[bytes, list[Record]] = field(default_factory=dict)
    by_subject: Mapping[bytes, list[Record]] = field(default_factory=dict)


def _revokes(records: Iterable[Record]) -> _Revokes:
    """Sort the revocations; of several versions of one, the highest."""
    registers: dict[bytes, Record] = {}
    for record in records:
        if record.head.kind == Kind.REVOKE:
            held = registers.get(record.head.thread)
            if held is None or _order(record) > _order(held):
                registers[record.head.thread] = record
    by_author: dict[bytes, list[Record]] = {}
    by_subject: dict[bytes, list[Record]] = {}
    for record in sorted(registers.values(), key=_order, reverse=True):
        given = by_author.setdefault(record.head.author, [])
        if len(given) < REVOKES_MAX:
            given.append(record)
        by_subject.setdefault(record.head.subject, []).append(record)
    return _Revokes(by_author, by_subject)


def is_governance(kind: int) -> bool:
    """Whether authority is computed from records of this kind."""
    return kind in _GOVERNANCE
