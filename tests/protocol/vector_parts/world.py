"""A small network to make vectors in: two seats, an organiser, two hubs, a member, and a stranger.

In: what should differ from the usual. Out: `Made` records. Every kind has one good draft here, which the tests of
fields take apart one by one.
"""

from typing import Any

from protocol.vector_parts.composing import (
    DAY_MS,
    STAMP,
    Fields,
    Made,
    Signer,
    digest,
    prefix,
    seal,
    signer,
)

SEAT, SECOND_SEAT = signer("seat"), signer("second seat")
ORGANISER, HUB, OTHER_HUB = signer("organiser"), signer("hub"), signer("other hub")
MEMBER, STRANGER, RECOVERY = signer("member"), signer("stranger"), signer("recovery")
NODE, OTHER_NODE = signer("node").public, signer("other node").public

RECOVERY_HASH = digest("recovery key", RECOVERY.public)
DEFAULTS = {"places": 100, "invites": 10, "retention_days": 90, "open": False, "languages": ["en", "ht"]}


def charter_fields(**changes: Any) -> Fields:
    """A first charter, signed by the first of two seats."""
    facts = {
        "name": "Cité Nord".encode(),
        "seats": [[SEAT.public, RECOVERY_HASH], [SECOND_SEAT.public, bytes(32)]],
        "threshold": 1,
        "signers": [SEAT.public],
        "defaults": DEFAULTS,
    }
    fields = {
        "version": 1,
        "network": bytes(16),
        "kind": 1,
        "author": bytes(32),
        "place": None,
        "subject": digest("nonce", b"charter")[:16],
        "fixed": [],
        "seq": 1,
        "prev": None,
        "stamp": STAMP,
        "expires": None,
        "audience": "network",
        "facts": facts,
    }
    return fields | changes


CHARTER = seal(charter_fields(), [SEAT])
NETWORK = CHARTER.id[:16]


def version(before: Made, *signers: Signer, name: str = "", facts: Fields | None = None, **changes: Any) -> Made:
    """The charter after another one, signed by the first seat unless others are named; it says the same."""
    by = sorted(signers or (SEAT,), key=lambda one: one.public)
    said = before.fields["facts"] | {"signers": [one.public for one in by]} | (facts or {})
    fields = {"network": NETWORK, "seq": before.fields["seq"] + 1, "prev": before.id, "facts": said}
    subject = digest("nonce", f"charter {name}".encode())[:16]
    return seal(charter_fields(**({"subject": subject} | fields | changes)), by)


def fields_of(author: Signer, kind: int, **changes: Any) -> Fields:
    """What every register but a charter has."""
    fields = {
        "version": 1,
        "network": NETWORK,
        "kind": kind,
        "author": author.public,
        "place": 0,
        "subject": b"",
        "fixed": [],
        "seq": 1,
        "prev": None,
        "stamp": STAMP,
        "expires": STAMP + 60 * DAY_MS,
        "audience": "network",
        "facts": {},
    }
    return fields | changes


def grant_fields(giver: Signer, to: Signer, place: int, **facts: Any) -> Fields:
    """A grant of rank hub, for 300 days, unless told otherwise."""
    expires = STAMP + 300 * DAY_MS
    given = {"rank": "hub", "places": 50, "invites": 3} | facts
    return fields_of(giver, 2, place=place, subject=to.public, facts=given, expires=expires)


def grant(
    giver: Signer, to: Signer, place: int, *, days: int = 300, seq: int = 1, network: bytes = NETWORK, **facts: Any
) -> Made:
    """A signed grant."""
    more = {"expires": STAMP + days * DAY_MS, "seq": seq, "network": network}
    fields = grant_fields(giver, to, place, **facts) | more
    return seal(fields, [giver])


def consent(key: Signer, recovery_hash: bytes = RECOVERY_HASH) -> list[bytes]:
    """The fact `recovery` of a grant, with the granted key's own signature."""
    return [recovery_hash, key.sign(prefix("recovery consent") + NETWORK + key.public + recovery_hash)]


def by_kit(author: Signer, subject: Signer, facts: Fields | None = None, **changes: Any) -> Made:
    """A revocation by a recovery key to which the subject consented."""
    _, agreed = consent(subject, digest("recovery key", author.public))
    return revoke(author, subject, facts={"consent": agreed} | (facts or {}), **({"fixed": ["consent"]} | changes))


def handed(author: Signer, subject: Signer, to: Signer, recovery: list[bytes] | None = None, **changes: Any) -> Made:
    """The same; it names who comes after the subject, and that one's own recovery key."""
    facts = {"successor": to.public} | ({} if recovery is None else {"recovery": recovery})
    return by_kit(author, subject, facts, **changes)


def revoke_fields(author: Signer, subject: Signer, **changes: Any) -> Fields:
    """A revocation that lasts as long as one may."""
    life = {"place": None, "subject": subject.public, "expires": STAMP + 435 * DAY_MS}
    return fields_of(author, 3, **(life | changes))


def revoke(author: Signer, subject: Signer, **changes: Any) -> Made:
    """A signed revocation."""
    return seal(revoke_fields(author, subject, **changes), [author])


CARD_FACTS = {"type": "hub", "nodes": [NODE], "addresses": ["192.168.1.4:4279"], "box": bytes(32), "languages": ["ht"]}
CARD_BODY = {"name": "Hub Nò", "about": {"ht": "Nan lekòl la"}, "hours": {"en": "10 to 4"}}


def card_fields(author: Signer = HUB, node: bytes = NODE, **changes: Any) -> Fields:
    """A hub's card."""
    facts = CARD_FACTS | {"nodes": [node]}
    return fields_of(author, 32, **({"subject": author.public, "facts": facts} | changes))


def card(author: Signer = HUB, node: bytes = NODE, **changes: Any) -> Made:
    """A signed card of a hub."""
    return seal(card_fields(author, node, **changes), [author], CARD_BODY)


PARTNER, THIRD = digest("nonce", b"partner network")[:16], digest("nonce", b"third network")[:16]
PACT_FACTS: Fields = {"kinds": ["offer"], "categories": ["food", "water"], "areas": ["d7m"], "retention_days": 30}


def pact_fields(author: Signer = ORGANISER, partner: bytes = PARTNER, **changes: Any) -> Fields:
    """One side of an agreement: some offers, from near the sea."""
    fields = {"place": 1, "subject": partner, "audience": partner, "facts": PACT_FACTS}
    return fields_of(author, 4, **(fields | changes))


def pact(author: Signer = ORGANISER, partner: bytes = PARTNER, **changes: Any) -> Made:
    """A signed pact."""
    return seal(pact_fields(author, partner, **changes), [author])


NEED_FACTS = {
    "mode": "give",
    "urgency": "high",
    "rule": "ask",
    "quantity": 20,
    "people": 6,
    "reach": 5,
    "best_before": STAMP + 9 * DAY_MS,
    "parent": bytes(16),
    "window": [STAMP, STAMP + DAY_MS],
    "dates": [STAMP, STAMP + DAY_MS],
}
POST_BODY = {
    "title": {"en": "Drinking water", "ht": "Dlo pou bwè"},
    "text": {"en": "For six people."},
    "requires": ["access.step-free"],
    "avoids": ["allergen.milk"],
    "satisfies": [],
    "contains": [],
    "unknown": ["allergen.nuts"],
    "source": "a note on the door",
}
FIXED = ["water", "d7mp", "LTR", 1]


def nonce(name: object) -> bytes:
    """16 bytes that follow from a name."""
    return digest("nonce", str(name).encode())[:16]


def post_fields(author: Signer = HUB, kind: int = 16, name: object = 1, **changes: Any) -> Fields:
    """A need (or, with kind 17, an offer) in place 1."""
    fields = {"place": 1, "subject": nonce(name), "fixed": FIXED, "facts": {"quantity": 20}}
    return fields_of(author, kind, **(fields | changes))


def post(author: Signer = HUB, kind: int = 16, name: object = 1, **changes: Any) -> Made:
    """A signed need or offer."""
    return seal(post_fields(author, kind, name, **changes), [author], POST_BODY)


def step_fields(register: Made, seq: int, prev: Made | None, word: str = "", **changes: Any) -> Fields:
    """A step on a register's chain; steps with different words differ."""
    fields = {
        "kind": 129,
        "seq": seq,
        "prev": None if prev is None else prev.id,
        "subject": b"",
        "fixed": [],
        "expires": None,
        "facts": {"say": word},
    }
    kept = ("version", "network", "author", "thread", "place", "stamp", "audience")
    return {name: register.fields[name] for name in kept} | fields | changes


def step(register: Made, seq: int, prev: Made | None, word: str = "", author: Signer = HUB, **changes: Any) -> Made:
    """A signed step without a body."""
    return seal(step_fields(register, seq, prev, word, **({"author": author.public} | changes)), [author])


HUB_GRANT = grant(SEAT, HUB, 0)
OTHER_GRANT = grant(SEAT, OTHER_HUB, 1)
ORGANISER_GRANT = grant(SEAT, ORGANISER, 2, rank="organiser")
MEMBER_GRANT = grant(SEAT, MEMBER, 3, rank="member", invites=0)
PROOFS = (CHARTER, HUB_GRANT, OTHER_GRANT)
