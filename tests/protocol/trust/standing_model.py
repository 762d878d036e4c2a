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


def named_recovery(head: Head) -> bytes | None:
    """G8: the recovery key's hash that a grant or a revocation names, if the key that it is about has signed it."""
    said = head.facts.get("recovery")
    if said is None:
        return None
    key = head.subject if head.kind == 2 else head.facts["successor"]
    consent = b"hartig/1 recovery consent\0" + head.network + key + said[0]
    return said[0] if verify(key, consent, said[1]) else None


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
    recovered: dict[bytes, set[bytes]] = field(default_factory=dict)  # key: the hashes of recovery keys that voided it
    handing: dict[tuple[bytes, bytes], Record] = field(default_factory=dict)  # (key, hash): that revocation

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
                self._note_recovery(grant.head, grant.head.subject)
            offers = [(grant, stand) for grant, stand in offers if grant.id not in tried]
            if not offers:
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
            elif left > 0:
                left -= 1
                passes = 0 if giver.depth + 1 >= 32 else min(grant.head.facts["invites"], left)
                left -= passes
                places = min(grant.head.facts["places"], giver.places)
                until = min(grant.head.expires, giver.until)
                rank = RANKS[grant.head.facts["rank"]]
                found.append((grant, Stand(rank, places, passes, until, giver.depth + 1, (), giver.handed)))
        return found

    def _note_recovery(self, naming: Head, key: bytes) -> None:
        """A6: the recovery key that this names has voided its key, unless that one stands already."""
        for one in self.revokes if key not in self.settled else ():
            if one.head.subject == key and named_recovery(naming) == key_hash(one.head.author):
                self.proven.add(one.id)
                self.recovered.setdefault(key, set()).add(key_hash(one.head.author))
                self.handing[key, key_hash(one.head.author)] = one

    def _settle_by(self, grant: Record, stand: Stand) -> None:
        """A4, A5 and A9."""
        key, naming, via = grant.head.subject, grant.head, list[Record]()
        passed = [key]
        while key not in self.settled and not any(rank > stand.rank for rank in self.voided.get(key, ())):
            if key not in self.recovered:
                ids = tuple(one.id for one in via)
                self.settled[key] = Stand(**{**vars(stand), "via": ids, "handed": stand.handed + len(via)})
                return
            handing = self.handing.get((key, named_recovery(naming) or b""))
            if handing is None or handing.head.facts.get("successor") is None:
                return
            via.append(handing)
            if stand.handed + len(via) > 16 or handing.head.facts["successor"] in passed:
                return
            key, naming = handing.head.facts["successor"], handing.head
            passed.append(key)
            self._note_recovery(naming, key)


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
    void = set(ever.voided) | set(ever.recovered)
    if at_ms is None:
        return ever.settled, ever.proven, void
    acting = [one for one in grants if one.head.facts.get("ends") or one.head.expires > at_ms]
    today = Run(path[-1].head, acting, [], voided=ever.voided, recovered=ever.recovered, handing=ever.handing).done()
    return today.settled, ever.proven, void
