"""Two networks, each with a hub: real cores on real engines, and a store for what the partner shares."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from hartig_node import partitions
from hartig_node.clock import Clock
from hartig_node.engine import Engine
from hartig_node.ports import PostFilter
from hartig_node.store.memory import MemoryStore
from hartig_node.store.memory_disk import MemoryDisk
from hartig_node.store.memory_partitions import MemoryPartitions
from hartig_node.tasks import Tasks
from hartig_protocol.events import PartnerNamed
from hartig_protocol.hub import Hub
from hartig_protocol.partners.federation import Federation
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Record
from hartig_protocol.sync.state import load_state
from support.boards import StillClock, node_id_of
from support.federated import pact_of
from support.pipes import pipes
from support.records import NOW_MS, Network, random_bytes_from, seeded


@dataclass
class Town:
    """A network with one hub, what outlives its process, and what runs."""

    network: Network
    home: MemoryDisk
    disks: dict[bytes, MemoryDisk] = field(default_factory=dict)
    running: list[Engine] = field(default_factory=list)
    places: list[MemoryPartitions] = field(default_factory=list)

    @property
    def key(self) -> SigningKey:
        return self.network.hub(1)

    @property
    def node(self) -> bytes:
        return node_id_of(self.network.seed)

    @property
    def engine(self) -> Engine:
        return self.running[-1]

    async def held(self, partner: "Town") -> list[bytes]:
        """The posts of a partner that are stored here, newest first."""
        store = self.engine.stores.get(partner.network.id)
        page = None if store is None else await store.posts(PostFilter(NOW_MS), None, 50)
        return [] if page is None else [await _thread(store, post.wire) for post in page.posts]

    async def lines(self) -> list[str]:
        """The names of what partner networks have brought into the feed, but for proofs and cards."""
        return [item.name for item in await self.engine.store.feed(0, 1000) if item.name.startswith("partner.post.")]


async def _thread(_store: object, wire: tuple[bytes, bytes, bytes | None]) -> bytes:
    from hartig_protocol.records.opening import open_record

    return open_record(wire).head.thread


def towns() -> tuple[Town, Town]:
    made = [Town(Network(seed=seed), MemoryDisk(epoch=seeded(f"town {seed}", 16))) for seed in (51, 52)]
    return made[0], made[1]


@asynccontextmanager
async def running(town: Town) -> AsyncIterator[Engine]:
    """Run a town's hub until the end of the block, and then stop it as a crash would."""
    failures: list[str] = []
    tasks = Tasks(lambda name, error: failures.append(f"{name}: {error!r}"))
    time, store, places = StillClock(), MemoryStore(town.home), MemoryPartitions(town.disks)
    clock = Clock("trusted", wall=lambda: time.wall_s, steady=lambda: time.steady_s, synchronised=lambda: False)
    state = load_state(town.network.id, town.key, town.node, await store.load(), seed=seeded(town.network.seed, 32))
    engine = Engine(
        Federation(Hub(state, clock.now())), store, clock, tasks, random_bytes_from(town.network.seed), places
    )
    town.running.append(engine)
    town.places.append(places)
    engine.start()
    try:
        yield engine
    finally:
        engine.close()
        await tasks.close()
    assert not failures


async def found(town: Town, partner: Town, **terms: object) -> None:
    """Give a hub its proofs and our side of the agreement."""
    network, author = town.network, town.key
    grant = network.grant(author.public, place=1, rank="organiser", gateway=True)
    records = [network.charter, grant, network.card(author, nodes=[town.node])]
    pact = pact_of(network, partner.network.id, author, **terms)  # type: ignore[arg-type]
    refusals = await town.engine.publish([*records, pact])
    assert not any(refusals)
    town.engine.handle(PartnerNamed(partner.network.id, (partner.node,)))


@asynccontextmanager
async def linked(dialler: Town, acceptor: Town) -> AsyncIterator[None]:
    """Run a link between two hubs."""
    dialled, accepted = pipes(dialler.node, acceptor.node)
    tasks = Tasks()
    tasks.start(dialler.engine.run_link(dialled), "dialled")
    tasks.start(acceptor.engine.run_link(accepted), "accepted")
    yield
    dialled.close("done")
    accepted.close("done")
    await tasks.close()


async def until(is_so: Callable[[], bool], turns: int = 5_000) -> None:
    for _ in range(turns):
        if is_so():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come")


async def rest(turns: int = 500) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def offer(town: Town, place: int = 0, audience: str = "partners") -> Record:
    return town.network.offer(town.key, place=place, audience=audience)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "REOPEN_S_MAX", 0)


async def test_what_one_network_shares_is_stored_apart_at_the_other_and_told_in_its_feed() -> None:
    one, other = towns()
    async with running(one), running(other):
        await found(one, other)
        await found(other, one)
        shared, private = offer(one), offer(one, 1, "network")
        await one.engine.publish([shared, private])
        async with linked(one, other):
            await rest()
            assert await other.held(one) == [shared.head.thread]
            assert await other.lines() == ["partner.post.added"]
            later = offer(one, 2)
            await one.engine.publish([later])
            await rest()
            assert await other.held(one) == [later.head.thread, shared.head.thread]
            assert await one.held(other) == []
        assert not [row for row in other.home.rows.values() if row.author == one.key.public]


async def test_a_restart_has_what_was_there_and_tells_nothing_twice() -> None:
    one, other = towns()
    shared = offer(one)
    async with running(one), running(other):
        await found(one, other)
        await found(other, one)
        await one.engine.publish([shared])
        async with linked(one, other):
            await rest()
    async with running(one), running(other):
        await rest()
        assert await other.held(one) == [shared.head.thread]
        assert await other.lines() == ["partner.post.added"]
        async with linked(other, one):
            await rest()
            await one.engine.publish([offer(one, 1)])
            await rest()
            assert len(await other.held(one)) == 2
            assert await other.lines() == ["partner.post.added"] * 2


async def test_a_store_that_fails_is_filled_again_by_the_other_network() -> None:
    one, other = towns()
    shared = offer(one)
    async with running(one), running(other):
        await found(one, other)
        await found(other, one)
        await one.engine.publish([shared])
        async with linked(one, other):
            await rest()
            failed = other.engine.stores[one.network.id]
            other.places[-1].opened[one.network.id].crash()
            await one.engine.publish([offer(one, 1)])
            await rest()
            assert other.engine.stores[one.network.id] is not failed
            assert await other.held(one) == []
        async with linked(one, other):  # both ended the one before
            await rest()
            assert len(await other.held(one)) == 2


async def test_whoever_leaves_keeps_nothing_of_it() -> None:
    one, other = towns()
    async with running(one), running(other):
        await found(one, other)
        await found(other, one)
        await one.engine.publish([offer(one)])
        async with linked(one, other):
            await rest()
            assert one.network.id in other.disks
            await other.engine.publish([pact_of(other.network, one.network.id, other.key, seq=2, ends=True)])
            await rest()
            assert other.disks == {}
            assert other.engine.stores == {}
            assert len(one.engine.store.disk.rows) > 0  # type: ignore[attr-defined]
