"""Who stands, said a second time: slowly, in the order of SPEC.md, with nothing taken over from the package.

In: records, of which only heads are read. Out: plain dicts. Everything is looked at anew for every key that settles; no
heap, no index, nothing remembered but what the rules themselves remember.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from hartig_protocol.records.keys import verify
from hartig_protocol.records.record import Head, Record

RANKS = {"member": 1, "hub": 2, "organiser": 3}
SEAT, ORGANISER, HUB = 4, 3, 2
FOR_EVER = 2**53 - 1


def key_hash(key: bytes) -> bytes:
    """G7."""
    return hashlib.sha256(b"hartig/1 recovery key\0" + key).digest()


def seats_signing(before: Head, head: Head) -> set[int] | None:
    """G2: the seats of a charter for which the signers of another sign; None where somebody signs for none."""
    seats = set()
    for signer in head.facts["signers"]:
        own = [index for index, (key, _) in enumerate(before.facts["seats"]) if key == signer]
        recovering = [index for index, (_, hash_) in enumerate(before.facts["seats"]) if hash_ == key_hash(signer)]
        if not own + recovering:
            return None
        seats.add((own + recovering)[0])
    return seats


def charter_path(charters: list[Record]) -> tuple[list[Record], list[Record]]:
    """G9: the path and the rivals."""
    path, rivals = [one for one in charters if one.head.seq == 1][:1], []
    while path:
        last, may = path[-1], []
        for one in charters:
            if one.head.prev == last.id and one.head.seq == last.head.seq + 1 and one.head.network == path[0].id[:16]:
                seats = seats_signing(last.head, one.head)
                if seats is not None and len(seats) >= last.head.facts["threshold"]:
                    may.append((-len(seats), one.id, one))
        if not may:
            break
        may.sort(key=lambda item: item[:2])
        path.append(may[0][2])
        rivals += [item[2] for item in may[1:2]]
    return path, rivals


def is_consented(head: Head) -> bool:
    """G8: whether the subject of a revocation agreed that its author may revoke it."""
    said = head.facts.get("consent")
    agreed = b"hartig/1 recovery consent\0" + head.network + head.subject + key_hash(head.author)
    return said is not None and verify(head.subject, agreed, said)


@dataclass
class Stand:
    """What a key may do."""

    rank: int
    places: int
    invites: int
    until: int
    depth: int
    via: tuple[bytes, ...]
    handed: int


@dataclass
class Run:
    """One of the two computations of A8."""

    charter: Head
    grants: list[Record]
    revokes: list[Record]
    settled: dict[bytes, Stand] = field(default_factory=dict)
    proven: set[bytes] = field(default_factory=set)
    voided: dict[bytes, set[int]] = field(default_factory=dict)
    reached: dict[bytes, set[bytes]] = field(default_factory=dict)  # key: the recovery keys' hashes named for it

    def done(self) -> "Run":
        """Settle everybody."""
        defaults, tried = self.charter.facts["defaults"], set[bytes]()
        for key, _ in self.charter.facts["seats"]:
            self.settled[key] = Stand(SEAT, defaults["places"], defaults["invites"], FOR_EVER, 0, (), 0)
        while True:
            self._note_revocations()
            offers = [offer for key in list(self.settled) for offer in self._given_by(key)]
            for grant, _ in offers:
                self.proven.add(grant.id)
                self._come_to(grant.head.subject, grant.head)
            offers = [(grant, stand) for grant, stand in offers if grant.id not in tried]
            if not offers:
                self._prove_consented()
                return self
            grant, stand = min(offers, key=_preference)
            tried.add(grant.id)
            self._settle_by(grant, stand)

    def _note_revocations(self) -> None:
        """A5 and A8: those of seats and organisers that stand."""
        for key, stand in self.settled.items():
            own = [one for one in self.revokes if one.head.author == key] if stand.rank >= ORGANISER else []
            for one in own:
                self.proven.add(one.id)
                self.voided.setdefault(one.head.subject, set()).add(stand.rank)

    def _given_by(self, author: bytes) -> list[tuple[Record, Stand]]:
        """A3: the grants of somebody who stands that count, with what each gives."""
        giver, found = self.settled[author], []
        left = giver.invites
        for number in sorted({one.head.place for one in self.grants if one.head.author == author}):
            versions = [one for one in self.grants if one.head.author == author and one.head.place == number]
            may = [one for one in versions if number < giver.invites and _may_give(giver.rank, one.head)]
            if not may or giver.rank < HUB:
                continue
            grant = max(may, key=lambda one: (one.head.expires, one.head.seq, one.id))
            if grant.head.facts.get("ends"):
                self.proven.add(grant.id)
                self._come_to(grant.head.subject, grant.head)
            elif left > 0:
                left -= 1
                passes = 0 if giver.depth + 1 >= 32 else min(grant.head.facts["invites"], left)
                left -= passes
                places = min(grant.head.facts["places"], giver.places)
                until = min(grant.head.expires, giver.until)
                rank = RANKS[grant.head.facts["rank"]]
                found.append((grant, Stand(rank, places, passes, until, giver.depth + 1, (), giver.handed)))
        return found

    def _consented(self, key: bytes) -> list[Record]:
        """A6: what voids a key that is no seat, the highest first."""
        seats = [seat for seat, _ in self.charter.facts["seats"]]
        found = [one for one in self.revokes if one.head.subject == key not in seats and is_consented(one.head)]
        return sorted(found, key=lambda one: (one.head.expires, one.head.seq, one.id), reverse=True)

    def _come_to(self, key: bytes, naming: Head) -> None:
        """A6: a grant, or a revocation before, comes to a key, and may name its recovery key."""
        said = naming.facts.get("recovery")
        self.reached.setdefault(key, set()).update([said[0]] if said else [])

    def _prove_consented(self) -> None:
        """A8: of each key the named ones, and the highest of the others."""
        for key, named in self.reached.items():
            mine = [one for one in self._consented(key) if key_hash(one.head.author) in named]
            others = [one for one in self._consented(key) if one not in mine]
            self.proven.update(one.id for one in (*mine, *others[:1]))

    def _settle_by(self, grant: Record, stand: Stand) -> None:
        """A4, A5 and A9."""
        key, naming, via = grant.head.subject, grant.head, list[Record]()
        passed = [key]
        while key not in self.settled and not any(rank > stand.rank for rank in self.voided.get(key, ())):
            if not self._consented(key):
                ids = tuple(one.id for one in via)
                self.settled[key] = Stand(**{**vars(stand), "via": ids, "handed": stand.handed + len(via)})
                return
            said = naming.facts.get("recovery")
            handing = [one for one in self._consented(key) if said and key_hash(one.head.author) == said[0]]
            if not handing or handing[0].head.facts.get("successor") is None:
                return
            via.append(handing[0])
            if stand.handed + len(via) > 16 or handing[0].head.facts["successor"] in passed:
                return
            key, naming = handing[0].head.facts["successor"], handing[0].head
            passed.append(key)
            self._come_to(key, naming)


def _preference(offer: tuple[Record, Stand]) -> tuple[Any, ...]:
    grant, stand = offer
    return (-stand.rank, -stand.places, -stand.invites, -grant.head.expires, grant.id)


def _may_give(rank: int, head: Head) -> bool:
    """A2, of which an end is always part."""
    return bool(head.facts.get("ends")) or RANKS[head.facts["rank"]] <= (ORGANISER if rank == SEAT else HUB)


def who_stands(records: list[Record], at_ms: int | None) -> tuple[dict[bytes, Stand], set[bytes], set[bytes]]:
    """Return who stands, the ids of what is proven, and the keys that are void; A8."""
    path, _ = charter_path([one for one in records if one.head.kind == 1])
    if not path:
        return {}, set(), set()
    grants = [one for one in records if one.head.kind == 2]
    latest: dict[bytes, Record] = {}
    for one in records:
        if one.head.kind == 3:
            held = latest.get(one.head.thread)
            if held is None or (one.head.expires, one.head.seq, one.id) > (held.head.expires, held.head.seq, held.id):
                latest[one.head.thread] = one
    ever = Run(path[-1].head, grants, list(latest.values())).done()
    void = set(ever.voided) | {key for key in ever.reached if ever._consented(key)}
    if at_ms is None:
        return ever.settled, ever.proven, void
    known = [one for one in grants if one.id in ever.proven]
    acting = [one for one in known if one.head.facts.get("ends") or one.head.expires > at_ms]
    kept = [one for one in latest.values() if one.id in ever.proven]
    today = Run(path[-1].head, acting, kept, voided=ever.voided).done()
    return today.settled, ever.proven, void
