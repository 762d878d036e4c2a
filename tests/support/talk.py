"""What tests of the stream say again and again: meet, greet, send, and look at cursors."""

from dataclasses import replace
from typing import Any

from hartig_protocol.events import Cursor
from hartig_protocol.limits import SHORT_BYTES
from hartig_protocol.records.record import Record
from hartig_protocol.sync.greeting import join_proof
from hartig_protocol.sync.messages import ANSWER, BEHIND, LIVE, Have, Join, Message, Records, Through
from support.cores import Core
from support.records import seeded
from support.wire import Puppet, Wire

CHECK = seeded("check", 16)


def needs(wire: Wire, core: Core, count: int, start: int = 0) -> list[Record]:
    return [wire.network.need(core.key, place=start + i, nonce=start + i) for i in range(count)]


def meet(wire: Wire, a: Core, b: Core) -> int:
    link = wire.connect(a, b)
    wire.deliver()
    return link


def opened(wire: Wire, core: Core, number: int = 2, **hello: Any) -> Puppet:
    puppet = Puppet(wire, number, core)
    puppet.say(puppet.hello(**hello))
    return puppet


def stream(*records: Record, through: int = 10, why: int = BEHIND, final: bool = True) -> tuple[Message, ...]:
    """Records of a stream and "complete through", or, with ANSWER, an answer."""
    wires = tuple(record.wire for record in records)
    if why == ANSWER:
        return (Records(why, wires, final),)
    return (Records(why, wires, final=False), Through(through, CHECK, final))


def live(*records: Record) -> Records:
    """Records that were just accepted where they come from."""
    return Records(LIVE, tuple(record.wire for record in records), final=False)


def have(*records: Record) -> Have:
    """The names of records."""
    return Have(b"".join(record.id[:SHORT_BYTES] for record in records), now=False)


def cursors(wire: Wire, core: Core) -> list[Cursor]:
    return [cursor for commit in wire.commits[core] for cursor in commit.cursors]


def bodiless(record: Record) -> Record:
    return record.without_body()


def joined(wire: Wire, puppet: Puppet, **changes: object) -> Join:
    """A good join, or another."""
    core = puppet.core
    join = Join(
        lowest=1,
        highest=1,
        network=wire.network.id,
        own_node=puppet.node,
        peer_node=core.node,
        secret=seeded("secret", 16),
        hub=puppet.hub_key.public,
        recovery=None,
        proof=puppet.hub_key.sign(join_proof(wire.network.id, puppet.node, core.node)),
        records=(),
    )
    return replace(join, **changes)
