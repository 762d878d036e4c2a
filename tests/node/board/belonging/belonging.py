"""Who belongs, for tests: ranks that the founder's seat gives, and hubs that invited others."""

from typing import Any

from hartig_protocol.records.governance import Charter
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Record
from hartig_protocol.records.writing import charter_head
from support.boards import Bench
from support.records import NOW_MS, Network, key, seeded

ANA, BEN, CAM, DAN = (key(f"hub {number}") for number in range(1, 5))


def network_of(bench: Bench) -> Network:
    """The network of a bench, whose seat signs."""
    network = Network(seat=bench.founding.seats[0].key)
    network.charter = bench.founding.charter
    return network


async def publish(bench: Bench, *records: Record) -> None:
    """Hand records in; all of them are accepted."""
    assert await bench.engine.publish(records) == (None,) * len(records)


async def become(bench: Bench, rank: str, **more: int) -> None:
    """Let the bench's hub have another rank, by the seat."""
    given = network_of(bench).grant(bench.key.public, rank=rank, place=1, **{"places": 900, "invites": 90, **more})
    await publish(bench, given)


async def invite(
    bench: Bench, inviter: SigningKey | None, *keys: SigningKey, rank: str = "hub", first: int = 5, invites: int = 20
) -> None:
    """Let somebody (None: the seat) invite others."""
    network, place = network_of(bench), 10 if inviter is None else first
    given = [
        network.grant(one.public, author=inviter, rank=rank, place=place + at, places=50, invites=invites)
        for at, one in enumerate(keys)
    ]
    await publish(bench, *given)


def next_rules(
    bench: Bench, before: Record, signers: list[SigningKey], seats: list[tuple[bytes, bytes]] | None = None, **more: Any
) -> Record:
    """The next version of the rules: as before, but for what is said here; signed by these."""
    rules = Charter.of(before.head)
    fields = {"name": rules.name, "threshold": rules.threshold, "defaults": rules.defaults, **more}
    head = charter_head(
        seats=rules.seats if seats is None else seats,
        signers=[one.public for one in signers],
        nonce=seeded(repr(more), 16),
        stamp=NOW_MS,
        network=bench.founding.network,
        seq=before.head.seq + 1,
        prev=before.id,
        **fields,
    )
    return sign_record(head, None, sorted(signers, key=lambda one: one.public))
