"""A new network: seats for the trustees, the charter that they sign, and the founder's first grant.

In: names and choices of a person. Out: records, and key files to be handed to the trustees.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hartig_protocol.limits import (
    INVITES_DEFAULT,
    LIFE_LONG_MS_MAX,
    NETWORK_ID_BYTES,
    NONCE_BYTES,
    PLACES_DEFAULT,
    VERSION_HIGHEST,
)
from hartig_protocol.records.keys import SigningKey, recovery_consent, recovery_hash
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import NO_KEY, NO_NETWORK, Head, Kind, Record, thread_id

RETENTION_DAYS_DEFAULT = 90


@dataclass(frozen=True)
class Seat:
    """A trustee's key and the key that can replace it."""

    key: SigningKey
    recovery: SigningKey


@dataclass(frozen=True)
class Founding:
    """What a founder has in hand: the charter, the first grant, and the seats to give away."""

    charter: Record
    grant: Record
    seats: tuple[Seat, ...]

    @property
    def network(self) -> bytes:
        """The network's id: the first 16 bytes of the charter's (SPEC)."""
        return self.charter.id[:NETWORK_ID_BYTES]


def found(
    name: str,
    hub: SigningKey,
    hub_recovery: SigningKey,
    now_ms: int,
    random_bytes: Callable[[int], bytes],
    *,
    seats: int = 3,
    threshold: int | None = None,
    languages: tuple[str, ...] = ("en",),
) -> Founding:
    """Found a network. The threshold is a majority of the seats unless it is given."""
    made = tuple(Seat(SigningKey(random_bytes(32)), SigningKey(random_bytes(32))) for _ in range(seats))
    threshold = threshold or seats // 2 + 1
    charter = _charter(name, made, threshold, languages, now_ms, random_bytes)
    grant = _first_grant(charter.id[:NETWORK_ID_BYTES], made[0].key, hub, hub_recovery, now_ms)
    return Founding(charter, grant, made)


def _charter(
    name: str,
    seats: tuple[Seat, ...],
    threshold: int,
    languages: tuple[str, ...],
    now_ms: int,
    random_bytes: Callable[[int], bytes],
) -> Record:
    facts = {
        "name": name.encode(),
        "seats": [[seat.key.public, recovery_hash(seat.recovery.public)] for seat in seats],
        "threshold": threshold,
        "signers": list(range(threshold)),
        "defaults": {
            "places": PLACES_DEFAULT,
            "invites": INVITES_DEFAULT,
            "retention_days": RETENTION_DAYS_DEFAULT,
            "open": False,
            "languages": list(languages),
        },
    }
    nonce = random_bytes(NONCE_BYTES)
    thread = thread_id(NO_NETWORK, Kind.CHARTER, NO_KEY, "network", None, nonce, [])
    head = Head(
        VERSION_HIGHEST, NO_NETWORK, Kind.CHARTER, NO_KEY, thread, None, nonce, [], 1, None, now_ms, None, "network",
        facts, None,
    )  # fmt: skip
    return sign_record(head, None, [seat.key for seat in seats[:threshold]])


def _first_grant(network: bytes, seat: SigningKey, hub: SigningKey, hub_recovery: SigningKey, now_ms: int) -> Record:
    hash_ = recovery_hash(hub_recovery.public)
    facts = {
        "rank": "hub",
        "places": PLACES_DEFAULT,
        "invites": INVITES_DEFAULT - 1,
        "recovery": [hash_, hub.sign(recovery_consent(network, hub.public, hash_))],
    }
    thread = thread_id(network, Kind.GRANT, seat.public, "network", 0, hub.public, [])
    head = Head(
        VERSION_HIGHEST, network, Kind.GRANT, seat.public, thread, 0, hub.public, [], 1, None, now_ms,
        now_ms + LIFE_LONG_MS_MAX, "network", facts, None,
    )  # fmt: skip
    return sign_record(head, None, [seat])
