"""Charters, grants, revocations and cards: what each may say, and typed readings of them (SPEC, parts G and C)."""

from enum import IntEnum
from typing import Any

from hartig_protocol.limits import (
    ADDRESS_BYTES_MAX,
    ADDRESSES_MAX,
    CHARTERS_MAX,
    INVITES_MAX,
    KEY_BYTES,
    LANGUAGES_MAX,
    NAME_BYTES_MAX,
    NODES_MAX,
    NONCE_BYTES,
    PLACES_MAX,
    RECORD_ID_BYTES,
    SEATS_MAX,
    SIGNATURE_BYTES,
    TEXT_BYTES_MAX,
)
from hartig_protocol.records.fields import bytes_of, integer, language, listed, need, one_of, text, texts
from hartig_protocol.records.keys import is_strict_key, recovery_consent, recovery_hash, verify
from hartig_protocol.records.record import Head
from hartig_protocol.values import value

CARD_TYPES = frozenset({"hub", "place", "pool", "pseudonym"})
RETENTION_DAYS_MAX = 400
CONSENTED = ["consent"]  # what is fixed about a revocation to which its subject consented


class Rank(IntEnum):
    """Who may say what; a higher number may do more. A seat is a trustee named by the charter."""

    MEMBER = 1
    HUB = 2
    ORGANISER = 3
    SEAT = 4


GRANTED_RANKS = {"member": Rank.MEMBER, "hub": Rank.HUB, "organiser": Rank.ORGANISER}


@value
class Defaults:
    """What a charter says about those who join."""

    places: int
    invites: int
    retention_days: int
    open: bool
    languages: tuple[str, ...]


@value
class Charter:
    """A network's constitution, as its head says it."""

    name: str
    seats: tuple[tuple[bytes, bytes], ...]
    threshold: int
    defaults: Defaults

    @classmethod
    def of(cls, head: Head) -> "Charter":
        """Read a checked head."""
        facts = head.facts
        defaults = facts["defaults"]
        return cls(
            name=facts["name"].decode(),
            seats=tuple((key, recovery) for key, recovery in facts["seats"]),
            threshold=facts["threshold"],
            defaults=Defaults(
                defaults["places"],
                defaults["invites"],
                defaults["retention_days"],
                defaults["open"],
                tuple(defaults["languages"]),
            ),
        )


def check_charter(head: Head) -> None:
    """Check a version of a charter: seats, threshold, signers, defaults.

    Who has to sign a first charter stands in it; whether the signers of a later one may is for trust.
    """
    facts = head.facts
    need(head.seq <= CHARTERS_MAX, "seq", f"a network has at most {CHARTERS_MAX} versions of its charter")
    if head.seq == 1:
        need(head.prev is None, "prev", "a first charter has none")
    else:
        bytes_of("prev", head.prev, RECORD_ID_BYTES)
    need("ends" not in facts, "facts.ends", "a charter cannot be ended")
    need(head.audience == "network", "audience", "a charter is for its network")
    bytes_of("subject", head.subject, NONCE_BYTES)
    name = facts.get("name")
    need(type(name) is bytes and 1 <= len(name) <= NAME_BYTES_MAX, "facts.name", "must be 1 to 240 bytes")
    assert isinstance(name, bytes)
    need(_is_utf8(name), "facts.name", "must be UTF-8")
    _check_seats(facts.get("seats"))
    integer("facts.threshold", facts.get("threshold"), 1, len(facts["seats"]))
    _check_signers(facts.get("signers"))
    _check_defaults(facts.get("defaults"))
    need(head.seq > 1 or signing_seats(head, head) > 0, "facts.signers", "are not seats, or fewer than must sign")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_seats(seats: Any) -> None:
    listed("facts.seats", seats, SEATS_MAX)
    need(bool(seats), "facts.seats", "a network has at least one seat")
    keys = []
    for index, seat in enumerate(seats):
        field = f"facts.seats[{index}]"
        need(type(seat) is list and len(seat) == 2, field, "must be a key and a recovery key's hash")
        bytes_of(f"{field}[0]", seat[0], KEY_BYTES)
        bytes_of(f"{field}[1]", seat[1], RECORD_ID_BYTES)
        need(is_strict_key(seat[0]), f"{field}[0]", "is not a strict Ed25519 key")
        keys.append(seat[0])
    need(len(set(keys)) == len(keys), "facts.seats", "names a key twice")


def _check_signers(signers: Any) -> None:
    listed("facts.signers", signers, SEATS_MAX)
    need(bool(signers), "facts.signers", "somebody has to sign")
    for index, signer in enumerate(signers):
        bytes_of(f"facts.signers[{index}]", signer, KEY_BYTES)
        need(is_strict_key(signer), f"facts.signers[{index}]", "is not a strict Ed25519 key")
    need(signers == sorted(set(signers)), "facts.signers", "must rise")


def signing_seats(before: Head, head: Head) -> int:
    """Return how many seats of the charter `before` sign the next version; 0 where that is not valid (SPEC G2, G9).

    A key signs for the seat whose key it is, else for the first whose recovery key it is. A first charter is its own
    predecessor here.
    """
    if before is not head and head.seq != before.seq + 1:
        return 0
    seats = before.facts["seats"]
    by_key = {key: index for index, (key, _) in enumerate(seats)}
    by_hash = {hash_: index for index, (_, hash_) in reversed(list(enumerate(seats)))}
    signing = {by_key.get(key, by_hash.get(recovery_hash(key))) for key in head.facts["signers"]}
    return 0 if None in signing or len(signing) < before.facts["threshold"] else len(signing)


def _check_defaults(defaults: Any) -> None:
    need(type(defaults) is dict, "facts.defaults", "must be a map")
    integer("facts.defaults.places", defaults.get("places"), 1, PLACES_MAX)
    integer("facts.defaults.invites", defaults.get("invites"), 1, INVITES_MAX)
    integer("facts.defaults.retention_days", defaults.get("retention_days"), 1, RETENTION_DAYS_MAX)
    need(type(defaults.get("open")) is bool, "facts.defaults.open", "must be true or false")
    listed("facts.defaults.languages", defaults.get("languages"), LANGUAGES_MAX)
    for index, tag in enumerate(defaults["languages"]):
        language(f"facts.defaults.languages[{index}]", tag)


def check_grant(head: Head) -> None:
    """Check a grant: its subject is the key that may act.

    One that ends may leave out what it no longer gives; what it does say is checked all the same, because readers of
    a record rely on the types of its facts.
    """
    facts = {"rank": "member", "places": 0, "invites": 0, **head.facts} if head.ends else head.facts
    need(head.audience == "network", "audience", "a grant is for its network")
    bytes_of("subject", head.subject, KEY_BYTES)
    need(is_strict_key(head.subject), "subject", "is not a strict Ed25519 key")
    one_of("facts.rank", facts.get("rank"), frozenset(GRANTED_RANKS))
    need(type(facts.get("gateway", False)) is bool, "facts.gateway", "must be true or false")
    integer("facts.places", facts.get("places"), 0, PLACES_MAX)
    integer("facts.invites", facts.get("invites"), 0, INVITES_MAX)
    need("approx" not in facts or facts["approx"] is True, "facts.approx", "is true or left out")
    _check_recovery(facts.get("recovery"))


def _check_recovery(recovery: Any) -> None:
    if recovery is not None:
        need(type(recovery) is list and len(recovery) == 2, "facts.recovery", "must be a hash and a signature")
        bytes_of("facts.recovery[0]", recovery[0], RECORD_ID_BYTES)
        bytes_of("facts.recovery[1]", recovery[1], SIGNATURE_BYTES)


def check_revoke(head: Head) -> None:
    """Check a revocation: its subject is the key whose records are void.

    One with a consent has a thread of its own: no version without one takes its place.
    """
    need(head.audience == "network", "audience", "a revocation is for its network")
    bytes_of("subject", head.subject, KEY_BYTES)
    need("ends" not in head.facts, "facts.ends", "a revocation cannot be ended")
    successor = head.facts.get("successor")
    if successor is not None:
        bytes_of("facts.successor", successor, KEY_BYTES)
        need(is_strict_key(successor), "facts.successor", "is not a strict Ed25519 key")
    recovery = head.facts.get("recovery")
    need(recovery is None or successor is not None, "facts.recovery", "is a successor's, and none is named")
    _check_recovery(recovery)
    consent = head.facts.get("consent")
    if consent is not None:
        bytes_of("facts.consent", consent, SIGNATURE_BYTES)
    need(head.fixed == ([] if consent is None else CONSENTED), "fixed", "says whether there is a consent")


def is_consented(head: Head) -> bool:
    """Tell whether what a revocation says to be its subject's consent is that; there may be none (SPEC G8)."""
    consent = head.facts.get("consent")
    signed = recovery_consent(head.network, head.subject, recovery_hash(head.author))
    return consent is None or verify(head.subject, signed, consent)


def check_card(head: Head) -> None:
    """Check a card: of a hub (its subject is the author), a place, a pool or a pseudonym."""
    facts = {"type": "place", **head.facts} if head.ends else head.facts
    need(bool(head.subject), "subject", "a card says what it is the card of")
    need("approx" not in facts or facts["approx"] is True, "facts.approx", "is true or left out")
    one_of("facts.type", facts.get("type"), CARD_TYPES)
    listed("facts.nodes", facts.get("nodes", []), NODES_MAX)
    for index, node in enumerate(facts.get("nodes", [])):
        bytes_of(f"facts.nodes[{index}]", node, KEY_BYTES)
        need(is_strict_key(node), f"facts.nodes[{index}]", "is not a strict Ed25519 key")
    listed("facts.addresses", facts.get("addresses", []), ADDRESSES_MAX)
    for index, address in enumerate(facts.get("addresses", [])):
        text(f"facts.addresses[{index}]", address, ADDRESS_BYTES_MAX)
    if "box" in facts:
        bytes_of("facts.box", facts["box"], KEY_BYTES)
    listed("facts.languages", facts.get("languages", []), LANGUAGES_MAX)
    for index, tag in enumerate(facts.get("languages", [])):
        language(f"facts.languages[{index}]", tag)
    if facts["type"] == "hub":
        need(head.subject == head.author, "subject", "a hub's card is about its own key")
        need(head.ends or bool(facts.get("nodes")), "facts.nodes", "a hub's card names the node that speaks for it")


def check_card_body(body: dict[str, Any]) -> None:
    """Check what people read of a card."""
    text("body.name", body.get("name"), NAME_BYTES_MAX)
    texts("body.about", body.get("about", {}), TEXT_BYTES_MAX, at_least=0)
    if "hours" in body:
        texts("body.hours", body["hours"], TEXT_BYTES_MAX, at_least=0)
