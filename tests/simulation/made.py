"""The records that worlds publish: the same in all worlds, so that signing them costs little.

In: small numbers that a seed has chosen. Out: records, and rows of a disk as a hub that lies hands them on.
"""

from functools import cache

from hartig_protocol.encoding import encode
from hartig_protocol.limits import DAY_MS, MINUTE_MS
from hartig_protocol.records.record import Record, Wire
from simulation.world import NETWORK, TRUE_START_MS
from support.records import seeded

CARD_PLACE = 400


@cache
def made_record(kind: str, number: int, place: int, nonce: int, seq: int) -> Record:
    """Make one of the records that worlds publish; the same in all worlds, so that signing costs little."""
    hub = NETWORK.hub(number)
    stamp = TRUE_START_MS + nonce * 1_000
    lives = {
        "short": (stamp - 40 * DAY_MS, TRUE_START_MS - 35 * DAY_MS + (1 + nonce % 4) * MINUTE_MS // 2),
        "faded": (stamp - 10 * DAY_MS, TRUE_START_MS - 7 * DAY_MS + (nonce % 4) * MINUTE_MS // 2),
    }
    stamp, expires = lives.get(kind, (stamp, stamp + (10 + (nonce * 7 + seq) % 13) * DAY_MS))
    title = f"{'PRIVATE' if kind == 'private' else 'shared'} {number} {place} {nonce}"
    audience = "hub" if kind == "private" else "network"
    if kind == "unknown":
        return NETWORK.unknown(hub, place=place, nonce=nonce, seq=seq, stamp=stamp, expires=expires)
    return NETWORK.post(
        hub,
        place=place,
        nonce=nonce,
        seq=seq,
        stamp=stamp,
        expires=expires,
        title=title,
        audience=audience,
        ends=kind == "ends",
    )


@cache
def made_step(number: int, place: int, nonce: int, seq: int, branch: int) -> Record:
    """Make a step of the thread that `made_record` begins as "plain"; another branch is a fork."""
    before = made_step(number, place, nonce, seq - 1, 0) if seq > 1 else None
    register = made_record("plain", number, place, nonce, 1)
    body = encode({"sealed": seeded(f"{nonce} {seq} {branch}", 9)})
    return NETWORK.step(NETWORK.hub(number), register, before, facts={"branch": branch}, body=body)


@cache
def proofs(number: int) -> tuple[Record, ...]:
    """What a founding member begins with: the charter, its grant and its card."""
    hub = NETWORK.hub(number)
    return (
        NETWORK.charter,
        NETWORK.grant(hub.public, place=number, invites=60, stamp=TRUE_START_MS - DAY_MS),
        NETWORK.card(hub, place=CARD_PLACE, stamp=TRUE_START_MS - DAY_MS),
    )


@cache
def revocation(number: int) -> Record:
    """What takes a hub's rights away."""
    return NETWORK.revoke(NETWORK.hub(number).public, stamp=TRUE_START_MS)


def without_bodies(rows: tuple[Wire, ...]) -> tuple[Wire, ...]:
    """What a hub hands on that has thrown bodies away."""
    return tuple((head, signature, None) for head, signature, _ in rows)


def forged(rows: tuple[Wire, ...]) -> tuple[Wire, ...]:
    """The same records with wrong signatures."""
    return tuple((head, signature[:-1] + bytes([signature[-1] ^ 1]), body) for head, signature, body in rows)
