"""What tests of the audit say again and again: hubs that differ, puppets that know the sketch, peers that feed."""

from collections.abc import Iterable
from typing import Any

from hartig_protocol.catalog.fingerprint import next_hour_ms
from hartig_protocol.events import Commit, Now
from hartig_protocol.limits import (
    HOUR_MS,
)
from hartig_protocol.records.record import Record
from hartig_protocol.sync.messages import (
    Ack,
    Audit,
    List,
    Records,
    Sketch,
    Through,
)
from hartig_protocol.sync.sketch import (
    SYMBOL_BYTES,
    TALLY_BYTES,
    first_flight,
    join_shorts,
    sketch_key,
)
from hartig_protocol.sync.sketch_coding import Encoder
from support.cores import Core
from support.records import NOW_MS, seeded
from support.wire import Puppet, Wire

H = HOUR_MS


def slip_in(core: Core, *records: Record) -> None:
    """Let a core accept records of which it tells nobody, as if messages had been lost."""
    commit = Commit()
    core.hub.catalog.take(list(records), Now(NOW_MS + H, 0), commit)
    core.apply(commit)
    for session in core.hub.state.open_sessions():
        session.out.sent = session.out.told = core.hub.catalog.last_n


def dialled(wire: Wire, core: Core) -> Puppet:
    """A puppet that the core has dialled, so that the core begins the audits."""
    puppet = Puppet(wire, 2, core, dials=False)
    puppet.say(puppet.hello(epoch=seeded("e", 16)))
    return puppet


def settle(puppet: Puppet) -> None:
    """Acknowledge all, and say that there is nothing more."""
    puppet.say(Ack(puppet.session.out.weight))
    if puppet.closed is None:
        puppet.say(Through(1, bytes(16), True))


def greeted(wire: Wire, core: Core) -> Puppet:
    puppet = Puppet(wire, 2, core)
    puppet.say(puppet.hello())
    settle(puppet)
    puppet.heard.clear()
    return puppet


def needs(wire: Wire, count: int, start: int = 0, number: int = 1) -> list[Record]:
    hub = wire.network.hub(number)
    return [wire.network.need(hub, place=place, nonce=place) for place in range(start, start + count)]


def hour(wire: Wire) -> int:
    return next_hour_ms(wire.now.wall_ms)


def begun(wire: Wire, *needs: Record) -> tuple[Core, Puppet, int]:
    """A core that has asked for an audit, and waits for the answer."""
    a = wire.member(1, *needs)
    puppet = dialled(wire, a)
    settle(puppet)
    (asked,) = puppet.all_heard(Audit)
    puppet.heard.clear()
    return a, puppet, asked.as_of


def wrong(wire: Wire, count: int = 5) -> Audit:
    """An audit that cannot be equal."""
    return Audit(hour(wire), True, hour(wire), count, bytes(16))


def coder(puppet: Puppet, ids: Iterable[bytes]) -> Encoder:
    """An encoder of a puppet's made-up set, with the key of its link."""
    session = puppet.session
    nonces = [session.nonce, session.peer_nonce]
    return Encoder([b"".join(sorted(ids))], sketch_key(*(nonces if session.opened_by_us else reversed(nonces))))


def symbols(puppet: Puppet, ids: Iterable[bytes], first: int, upto: int) -> bytes:
    parts: list[bytes] = []
    job = coder(puppet, ids).flight(first, upto, parts)
    while not job.step():
        pass
    return b"".join(parts)


def shorts(puppet: Puppet, *ids: bytes) -> bytes:
    return join_shorts([coder(puppet, []).short_of(one) for one in ids])


def rows(puppet: Puppet) -> list[tuple[Any, ...]]:
    return [tuple(row) for message in puppet.all_heard(Records) for row in message.records]


def phantoms(count: int) -> list[bytes]:
    return sorted(seeded(f"phantom {number}", 32) for number in range(count))


def assert_closed(puppet: Puppet, code: str) -> None:
    assert puppet.closed is not None
    assert puppet.closed[0] == code


def garbage(puppet: Puppet, as_of: int, count: int) -> None:
    """Symbols that never decode."""
    length = TALLY_BYTES + SYMBOL_BYTES * first_flight(len(puppet.core.ids), count)
    puppet.say(Sketch(as_of, count, 0, b"\xa5" * length))


def listing(wire: Wire, *needs: Record) -> tuple[Core, Puppet, int]:
    """A core that has asked for the full list."""
    a, puppet, as_of = begun(wire, *needs)
    garbage(puppet, as_of, len(a.ids))
    assert puppet.heard == [List(as_of)]
    puppet.heard.clear()
    return a, puppet, as_of
