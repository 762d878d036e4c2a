"""Networks with a hub each: real cores on real engines, each with its board, and a store for what a partner shares.

async with running(one), running(other):
    await agree(one, other)
    async with linked(one, other):
        await rest(one, other)               # until nobody has anything to do
        await one.board.deals.ask(...)
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hartig_node.board.board import Board
from hartig_node.board.context import Context, Settings
from hartig_node.board.partners.held import HeldSets
from hartig_node.board.signing import Pen
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
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Record
from hartig_protocol.sync.state import load_state
from support.boards import StillClock, box_key_of, node_id_of
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
    boards: list[Board] = field(default_factory=list)
    places: list[MemoryPartitions] = field(default_factory=list)
    time: StillClock = field(default_factory=StillClock)

    @property
    def key(self) -> SigningKey:
        """The key of the town's hub."""
        return self.network.hub(1)

    @property
    def node(self) -> bytes:
        """The node of the town's hub."""
        return node_id_of(self.network.seed)

    @property
    def engine(self) -> Engine:
        """What runs now, or ran last."""
        return self.running[-1]

    @property
    def board(self) -> Board:
        """The board of what runs."""
        return self.boards[-1]

    async def held(self, partner: "Town") -> list[bytes]:
        """The posts of a partner that are stored here, newest first."""
        store = self.engine.stores.get(partner.network.id)
        page = None if store is None else await store.posts(PostFilter(NOW_MS), None, 50)
        return [] if page is None else [open_record(post.wire).head.thread for post in page.posts]

    async def lines(self) -> list[str]:
        """The names of what partner networks have brought into the feed, but for proofs and cards."""
        return [item.name for item in await self.engine.store.feed(0, 1000) if item.name.startswith("partner.post.")]


def towns(count: int = 2) -> list[Town]:
    """Make some, of different networks."""
    seeds = range(51, 51 + count)
    return [Town(Network(seed=seed), MemoryDisk(epoch=seeded(f"town {seed}", 16))) for seed in seeds]


@asynccontextmanager
async def running(town: Town) -> AsyncIterator[Engine]:
    """Run a town's hub until the end of the block, and then stop it as a crash would."""
    failures: list[str] = []
    tasks = Tasks(lambda name, error: failures.append(f"{name}: {error!r}"))
    time, store, places = town.time, MemoryStore(town.home), MemoryPartitions(town.disks)
    clock = Clock("trusted", wall=lambda: time.wall_s, steady=lambda: time.steady_s, synchronised=lambda: False)
    state = load_state(town.network.id, town.key, town.node, await store.load(), seed=seeded(town.network.seed, 32))
    core, random_bytes = Federation(Hub(state, clock.now())), random_bytes_from(town.network.seed)
    engine = Engine(core, store, clock, tasks, random_bytes, places)
    pen = Pen(town.key, town.network.id, state.catalog, clock, random_bytes)
    settings = Settings(f"Hub of {town.network.seed}", "/nowhere", 4279, 4278, 8080, version="0")
    context = Context(engine, store, pen, clock, town.node, settings, random_bytes, box_key_of(town.network.seed))
    context.partners = HeldSets(core.partners, engine.stores)
    town.running.append(engine)
    town.boards.append(Board(context))
    town.places.append(places)
    engine.node_side = town.board.membership
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
    assert not any(await town.engine.publish([network.charter, grant]))
    await town.board.membership.start()
    await say(town, partner, **terms)
    town.engine.handle(PartnerNamed(partner.network.id, (partner.node,)))


async def say(town: Town, partner: Town, **terms: object) -> None:
    """Publish a town's side of an agreement."""
    pact = pact_of(town.network, partner.network.id, town.key, **terms)  # type: ignore[arg-type]
    assert not any(await town.engine.publish([pact]))


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


async def rest(*some: Town, turns: int = 500) -> None:
    """Let everything go on for a while; boards look after their own posts in between."""
    for _ in range(3 if some else 1):
        for _ in range(turns):
            await asyncio.sleep(0)
        for town in some:
            await town.board.keeper.look()


def offer(town: Town, place: int = 0, audience: str = "partners") -> Record:
    """An offer of a town's hub; place 0 is that of its card."""
    return town.network.offer(town.key, place=place + 1, audience=audience)
