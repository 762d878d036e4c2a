"""What is left of a damaged store is taken over in an order in which it can be proven, or waits here."""

from collections.abc import Sequence

from hartig_node.daemon.salvaging import Salvage
from hartig_node.store.damage import SALVAGE_WAITS
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.record import Record, Wire
from support.boards import Bench, running_board
from support.records import NOW_MS, Network, key


class Salvaged:
    """The notes of a store that was set aside, and what can be read of it."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.wires: list[Wire] = [record.wire for record in records]
        self.notes: dict[str, object] = {"damaged": "hartig.db.damaged-1"}

    async def salvaged(self) -> Sequence[Wire]:
        return self.wires

    async def meta_get(self, name: str) -> object:
        return self.notes.get(name)

    async def meta_set(self, name: str, value: object) -> None:
        self.notes[name] = value


def _network(bench: Bench) -> Network:
    network = Network()
    network.charter = bench.founding.charter
    return network


async def test_what_comes_in_any_order_is_taken_over_whole() -> None:
    async with running_board() as first, running_board(seed=2, founded=False) as bench:
        net, hub = _network(first), bench.key
        offer = net.offer(hub, place=1, nonce="o", audience="hub")
        one = net.step(hub, offer, kind=128, facts={"verb": "count", "quantity": 5, "why": "opened"})
        two = net.step(hub, offer, one, kind=128, facts={"verb": "handover", "quantity": 1})
        private = [net.need(hub, place=10 + n, nonce=n, audience="hub") for n in range(200)]
        grant = net.grant(hub.public, author=first.key, place=2, places=500, expires=NOW_MS + 300 * DAY_MS)
        kept = [one, two, net.revise(hub, offer), *private, grant, first.founding.grant, first.founding.charter]
        store = Salvaged(kept)
        await Salvage(store, bench.engine).take()  # type: ignore[arg-type]
        assert {record.id for record in kept} <= set(bench.store.disk.numbers)
        assert not any(store.notes.values())


async def test_what_cannot_be_proven_yet_waits_here_and_is_noted() -> None:
    async with running_board() as first, running_board(seed=2, founded=False) as bench:
        net = _network(first)
        private = net.need(bench.key, audience="hub")
        store = Salvaged([private, net.need(key("nobody"))])
        store.wires.append((private.wire[0], bytes(64), None))
        salvage = Salvage(store, bench.engine)  # type: ignore[arg-type]
        await salvage.take()
        assert store.notes == {"damaged": None, SALVAGE_WAITS: "hartig.db.damaged-1"}
        grant = net.grant(bench.key.public, author=first.key, place=2, places=50)
        await bench.engine.publish([first.founding.charter.wire, first.founding.grant.wire, grant.wire])
        await salvage.again()
        assert private.id in bench.store.disk.numbers
        assert store.notes[SALVAGE_WAITS] is not None
