"""Another hub of a test board's network, whose records the test signs itself."""

from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Kind, Record
from support.boards import Bench
from support.records import Network

OTHER_PLACE = 7  # the invite by which the board's hub lets it in


def network_of(bench: Bench) -> Network:
    """Return a maker of records of the board's network."""
    network = Network(seat=bench.founding.seats[0].key)
    network.charter = bench.founding.charter
    return network


async def let_in(bench: Bench, hub: SigningKey) -> None:
    """Let another hub in, by the board's."""
    grant = network_of(bench).grant(hub.public, author=bench.key, place=OTHER_PLACE, places=50, invites=0)
    assert await bench.engine.publish([grant.wire]) == (None,)


def said(bench: Bench, hub: SigningKey, on: Record, before: Record | None, verb: str, **facts: object) -> Record:
    """Return a step of another hub."""
    return network_of(bench).step(hub, on, before, kind=Kind.STEP, facts={"verb": verb, **facts})
