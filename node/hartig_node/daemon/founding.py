"""A new network: seats for the trustees, the charter that they sign, and the founder's first grant.

In: names and choices of a person. Out: records, and key files to be handed to the trustees.
"""

from collections.abc import Callable

from hartig_protocol.limits import (
    INVITES_DEFAULT,
    LIFE_LONG_MS_MAX,
    NETWORK_ID_BYTES,
    NONCE_BYTES,
    PLACES_DEFAULT,
)
from hartig_protocol.records.governance import Defaults
from hartig_protocol.records.keys import SigningKey, recovery_hash
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Record
from hartig_protocol.records.writing import charter_head, grant_head, recovery_of
from hartig_protocol.values import value

RETENTION_DAYS_DEFAULT = 90


@value
class Seat:
    """A trustee's key and the key that can replace it."""

    key: SigningKey
    recovery: SigningKey


@value
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
    is_open: bool = False,
) -> Founding:
    """Found a network. The threshold is a majority of the seats unless it is given."""
    made = tuple(Seat(SigningKey(random_bytes(32)), SigningKey(random_bytes(32))) for _ in range(seats))
    threshold = threshold or seats // 2 + 1
    defaults = Defaults(PLACES_DEFAULT, INVITES_DEFAULT, RETENTION_DAYS_DEFAULT, is_open, languages)
    charter = _charter(name, made, threshold, defaults, now_ms, random_bytes)
    grant = _first_grant(charter.id[:NETWORK_ID_BYTES], made[0].key, hub, hub_recovery, now_ms)
    return Founding(charter, grant, made)


def _charter(
    name: str,
    seats: tuple[Seat, ...],
    threshold: int,
    defaults: Defaults,
    now_ms: int,
    random_bytes: Callable[[int], bytes],
) -> Record:
    signing = [seat.key for seat in seats[:threshold]]
    head = charter_head(
        name=name,
        seats=[(seat.key.public, recovery_hash(seat.recovery.public)) for seat in seats],
        threshold=threshold,
        signers=[key.public for key in signing],
        defaults=defaults,
        nonce=random_bytes(NONCE_BYTES),
        stamp=now_ms,
    )
    return sign_record(head, None, signing)


def _first_grant(network: bytes, seat: SigningKey, hub: SigningKey, hub_recovery: SigningKey, now_ms: int) -> Record:
    head = grant_head(
        network=network,
        author=seat.public,
        place=0,
        subject=hub.public,
        rank="hub",
        places=PLACES_DEFAULT,
        invites=INVITES_DEFAULT // 2,  # the trustee keeps the rest, for organisers and to give again
        stamp=now_ms,
        expires=now_ms + LIFE_LONG_MS_MAX,
        gateway=True,  # the first hub may speak with partner networks; a second one is let by people
        recovery=recovery_of(hub, network, recovery_hash(hub_recovery.public)),
    )
    return sign_record(head, None, [seat])
