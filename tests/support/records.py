"""Records for tests: keys, charters, grants, revocations, cards, needs, offers, unknown kinds and steps.

Everything follows from small integer seeds, so a failing test fails again. All records are real: signed, and checked by
`sign_record` as strictly as those of a neighbour.

    network = Network()                              # a charter with one seat
    hub = network.hub(1)                             # a key with a grant (rank hub) and a card
    record = network.need(hub, place=0, title={"en": "Water"})
    later = network.revise(hub, record, body=...)    # the next version in the same place
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from hartig_protocol.encoding import encode
from hartig_protocol.limits import DAY_MS, HOUR_MS
from hartig_protocol.records.governance import Defaults
from hartig_protocol.records.keys import SigningKey, recovery_consent, recovery_hash, verify
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Head, Kind, Record, body_hash, committed_thread_id, thread_id
from hartig_protocol.records.writing import charter_head, recovery_of, revoke_head

NOW_MS = 1_795_392_000_000  # 2026-11-23, in the middle of a test's world
UNKNOWN_REGISTER = 100
UNKNOWN_STEP = 200
DEFAULTS = {"places": 20_000, "invites": 1_000, "retention_days": 90, "open": False, "languages": ("en", "es")}


def random_bytes_from(seed: int | str) -> "SeededBytes":
    """Return a source of bytes that gives the same for the same seed."""
    return SeededBytes(str(seed))


class SeededBytes:
    """Called like `os.urandom`."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    def __call__(self, length: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(f"{self._seed}/{self._count}".encode()).digest(length)


def seeded(seed: int | str, length: int) -> bytes:
    """Return bytes that follow from a seed."""
    return hashlib.shake_256(str(seed).encode()).digest(length)


@cache
def key(seed: int | str) -> SigningKey:
    """Return the key with this seed."""
    return SigningKey(seeded(f"key {seed}", 32))


def head(
    network: bytes,
    kind: int,
    author: bytes,
    *,
    place: int | None,
    subject: bytes = b"",
    fixed: Sequence[Any] = (),
    seq: int = 1,
    prev: bytes | None = None,
    stamp: int = NOW_MS,
    expires: int | None = None,
    audience: str | bytes = "network",
    facts: Mapping[str, Any] | None = None,
    body: bytes | None = None,
    thread: bytes | None = None,
) -> Head:
    """Return a head; its thread is computed unless given (steps repeat their register's)."""
    kind, fixed = int(kind), list(fixed)
    computed = thread_id(network, kind, author, audience, place, subject, fixed) if thread is None else thread
    return Head(
        version=1,
        network=network,
        kind=kind,
        author=author,
        thread=computed,
        place=place,
        subject=subject,
        fixed=fixed,
        seq=seq,
        prev=prev,
        stamp=stamp,
        expires=expires,
        audience=audience,
        facts=dict(facts or {}),
        body_hash=None if body is None else body_hash(body),
    )


def charter(
    seats: Sequence[SigningKey] | None = None,
    *,
    name: str = "Maple Street",
    threshold: int = 1,
    signers: Sequence[SigningKey] | None = None,
    defaults: Mapping[str, Any] | None = None,
    seed: int = 0,
    stamp: int = NOW_MS - DAY_MS,
    after: Record | None = None,
) -> Record:
    """Return a charter; by default one seat, `key("seat 0")`, which signs.

    `after` is the version before it, whose seats have to be among `signers`.
    """
    seats = [key("seat 0")] if seats is None else list(seats)
    signers = seats[:threshold] if signers is None else list(signers)
    made = charter_head(
        name=name,
        seats=[(seat.public, recovery_hash(seat_recovery(seat).public)) for seat in seats],
        threshold=threshold,
        signers=[signer.public for signer in signers],
        defaults=Defaults(**{**DEFAULTS, **(defaults or {})}),
        nonce=seeded(f"charter {seed}", 16),
        stamp=stamp,
    )
    if after is not None:
        network = after.id[:16] if after.head.seq == 1 else after.head.network
        facts = {"network": network, "seq": after.head.seq + 1, "prev": after.id}
        made = replace(made, **facts)
        made = replace(made, thread=committed_thread_id(made))
    return sign_record(made, None, signers)


def consented_recovery(head: Head) -> bytes | None:
    """Return the hash of the recovery key that a grant names for its key, a revocation for the successor that it names.

    Only if that key itself agreed (SPEC G8).
    """
    hash_, consent = head.facts.get("recovery") or (b"", b"")
    key_ = head.subject if head.kind == Kind.GRANT else head.facts["successor"]
    return hash_ if verify(key_, recovery_consent(head.network, key_, hash_), consent) else None


def seat_recovery(seat: SigningKey) -> SigningKey:
    """Return the key that recovers a seat."""
    return key(f"recovery {seat.public.hex()}")


def post_body(
    title: Mapping[str, str] | str = "Water",
    text: Mapping[str, str] | str | None = None,
    **more: Any,
) -> bytes:
    """Return the body of a need or an offer; a plain string is English, `more` are other fields."""
    body: dict[str, Any] = {"title": {"en": title} if isinstance(title, str) else dict(title)}
    if text is not None:
        body["text"] = {"en": text} if isinstance(text, str) else dict(text)
    return encode({**body, **more})


@dataclass
class Network:
    """A network with one founder. `seed` tells networks apart."""

    seed: int = 0
    seat: SigningKey = field(default_factory=lambda: key("seat 0"))
    charter: Record = field(init=False)

    def __post_init__(self) -> None:
        self.charter = charter([self.seat], seed=self.seed)

    @property
    def id(self) -> bytes:
        """The network's id: the first bytes of its charter's."""
        return self.charter.id[:16]

    # --- Governance

    def grant(
        self,
        subject: bytes,
        *,
        author: SigningKey | None = None,
        rank: str = "hub",
        place: int = 0,
        places: int = 1_000,
        invites: int = 10,
        recovery_of: SigningKey | None = None,
        seq: int = 1,
        stamp: int = NOW_MS,
        expires: int | None = None,
        ends: bool = False,
        **facts: Any,
    ) -> Record:
        """Return a grant for a key, by the seat unless `author` says otherwise; `place` is the invite number."""
        said: dict[str, Any] = {"rank": rank, "places": places, "invites": invites, **facts}
        if recovery_of is not None:
            hash_ = recovery_hash(key(f"recovery of {recovery_of.public.hex()}").public)
            said["recovery"] = [hash_, recovery_of.sign(recovery_consent(self.id, subject, hash_))]
        if ends:
            said = {"ends": True}
        signer = self.seat if author is None else author
        until = stamp + 365 * DAY_MS if expires is None else expires
        made = head(
            self.id,
            Kind.GRANT,
            signer.public,
            place=place,
            subject=subject,
            facts=said,
            seq=seq,
            stamp=stamp,
            expires=until,
        )
        return sign_record(made, None, [signer])

    def revoke(
        self,
        subject: bytes,
        *,
        author: SigningKey | None = None,
        successor: bytes | None = None,
        recovery: tuple[bytes, bytes] | None = None,
        consenting: SigningKey | None = None,
        seq: int = 1,
        stamp: int = NOW_MS,
        expires: int | None = None,
    ) -> Record:
        """Return a revocation of a key, by the seat unless `author` says otherwise.

        `consenting`: the revoked key itself, which agrees that the author is its recovery key.
        """
        signer = self.seat if author is None else author
        made = revoke_head(
            network=self.id,
            author=signer.public,
            subject=subject,
            stamp=stamp,
            expires=stamp + 400 * DAY_MS if expires is None else expires,
            seq=seq,
            successor=successor,
            recovery=recovery,
            consent=consenting and recovery_of(consenting, self.id, recovery_hash(signer.public))[1],
        )
        return sign_record(made, None, [signer])

    def card(
        self,
        author: SigningKey,
        *,
        name: str = "Corner hub",
        nodes: Sequence[bytes] | None = None,
        addresses: Sequence[str] = (),
        place: int = 999,
        seq: int = 1,
        stamp: int = NOW_MS,
        expires: int | None = None,
        audience: str | bytes = "network",
    ) -> Record:
        """Return a hub's card; without `nodes` it names `key("node of ...")`."""
        named = [key(f"node of {author.public.hex()}").public] if nodes is None else list(nodes)
        body = encode({"name": name})
        made = head(
            self.id,
            Kind.CARD,
            author.public,
            place=place,
            subject=author.public,
            facts={"type": "hub", "nodes": named, "addresses": list(addresses), "languages": ["en"]},
            seq=seq,
            stamp=stamp,
            expires=stamp + 365 * DAY_MS if expires is None else expires,
            audience=audience,
            body=body,
        )
        return sign_record(made, body, [author])

    def hub(self, number: int) -> SigningKey:
        """Return the key of hub `number`; `grants` and `card` prove it."""
        return key(f"hub {self.seed} {number}")

    def founding(self, hubs: int = 1) -> list[Record]:
        """Return the charter and for each hub from 1 on its grant and its card, proofs first."""
        records = [self.charter]
        for number in range(1, hubs + 1):
            hub = self.hub(number)
            records += [self.grant(hub.public, place=number), self.card(hub, name=f"Hub {number}")]
        return records

    # --- Needs, offers, and what a newer version may bring

    def post(
        self,
        author: SigningKey,
        kind: int = Kind.NEED,
        *,
        place: int = 0,
        title: Mapping[str, str] | str = "Water",
        text: Mapping[str, str] | str | None = None,
        category: str = "food",
        area: str = "dr5rs",
        unit: str = "C62",
        smallest_part: int = 1,
        nonce: int | str = 0,
        seq: int = 1,
        stamp: int = NOW_MS,
        expires: int | None = None,
        audience: str | bytes = "network",
        ends: bool = False,
        body: Mapping[str, Any] | None = None,
        **facts: Any,
    ) -> Record:
        """Return a need or an offer. `nonce` tells threads in one place apart; other names become facts."""
        content = None if ends else post_body(title, text, **(body or {}))
        made = head(
            self.id,
            kind,
            author.public,
            place=place,
            subject=seeded(f"nonce {nonce}", 16),
            fixed=[category, area, unit, smallest_part],
            facts={**facts, "ends": True} if ends else facts,
            seq=seq,
            stamp=stamp,
            expires=stamp + 14 * DAY_MS if expires is None else expires,
            audience=audience,
            body=content,
        )
        return sign_record(made, content, [author])

    def need(self, author: SigningKey, **fields: Any) -> Record:
        """Return a need; see `post`."""
        return self.post(author, Kind.NEED, **fields)

    def offer(self, author: SigningKey, **fields: Any) -> Record:
        """Return an offer; see `post`."""
        return self.post(author, Kind.OFFER, **fields)

    def revise(
        self,
        author: SigningKey,
        before: Record,
        *,
        body: bytes | None = None,
        facts: Mapping[str, Any] | None = None,
        ends: bool = False,
        stamp: int | None = None,
        expires: int | None = None,
    ) -> Record:
        """Return the next version of a register: same thread, seq one higher, living an hour longer."""
        old = before.head
        content = None if ends else (before.body_bytes if body is None else body)
        said = dict(old.facts if facts is None else facts)
        if ends:
            said = {"ends": True}
        made = head(
            old.network,
            old.kind,
            author.public,
            place=old.place,
            subject=old.subject,
            fixed=old.fixed,
            facts=said,
            seq=old.seq + 1,
            stamp=old.stamp + 1 if stamp is None else stamp,
            expires=(old.expires or old.stamp) + HOUR_MS if expires is None else expires,
            audience=old.audience,
            body=content,
        )
        return sign_record(made, content, [author])

    def unknown(
        self,
        author: SigningKey,
        *,
        kind: int = UNKNOWN_REGISTER,
        place: int = 0,
        nonce: int | str = 0,
        body: bytes | None = None,
        audience: str | bytes = "network",
        seq: int = 1,
        stamp: int = NOW_MS,
        expires: int | None = None,
    ) -> Record:
        """Return a register of a kind that this version does not know."""
        content = encode({"something": "new"}) if body is None else body
        made = head(
            self.id,
            kind,
            author.public,
            place=place,
            subject=seeded(f"nonce {nonce}", 16),
            fixed=["whatever", 7],
            facts={"new": True},
            seq=seq,
            stamp=stamp,
            expires=stamp + 30 * DAY_MS if expires is None else expires,
            audience=audience,
            body=content,
        )
        return sign_record(made, content, [author])

    def step(
        self,
        author: SigningKey,
        register: Record,
        before: Record | None = None,
        *,
        kind: int = UNKNOWN_STEP,
        facts: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        stamp: int | None = None,
    ) -> Record:
        """Return a step on a register's thread, after the step `before`."""
        seq = 1 if before is None else before.head.seq + 1
        made = head(
            register.head.network,
            kind,
            author.public,
            place=register.head.place,
            seq=seq,
            prev=None if before is None else before.id,
            stamp=register.head.stamp + seq if stamp is None else stamp,
            audience=register.head.audience,
            facts=facts,
            body=body,
            thread=register.head.thread,
        )
        return sign_record(made, body, [author])
