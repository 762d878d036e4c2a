"""What benches measure with: a network, hubs that are members of it, and records of about 405 bytes on the wire.

    world = World(hubs=16)
    records = world.records(4_000)          # all by hub 1, each in a place of its own
    async with running_hub(world, 2, folder) as hub: ...

Real records, signed now, because a bench runs with the machine's own clock. A hub here is the real engine on a real
store behind the real peers' door; only doors for people, discovery and dialling are left out. Who calls: the benches.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hartig_node.clock import Clock
from hartig_node.engine import Engine
from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.dialing import dial
from hartig_node.net.gate import GateLimits
from hartig_node.net.links import Link
from hartig_node.net.peer_server import PeerServer
from hartig_node.store.opening import open_store
from hartig_node.store.sqlite import SqliteStore
from hartig_node.tasks import Tasks
from hartig_protocol.encoding import encode
from hartig_protocol.hub import Hub
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.keys import PREFIX_RECORD_SIGNATURE, SigningKey
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync.state import load_state
from support.records import Network, charter, head, post_body, seeded

FIRST_PLACE = 1_000  # those below are for cards
PLACES = FIRST_PLACE + 100_000  # of every hub; as many as any bench asks for
RECORD_BYTES = 405  # head, signature and body with their three lengths in msgpack, as the goals say
HUBS_OF_A_MESH = 12  # above this many, every link is one of a tree and carries records unasked
_TEXT = "Twelve bottles of one and a half litres, unopened, at the side door until the evening. " * 2
_TEXT_CHARACTERS = 96  # so that a record has RECORD_BYTES; `test_bench` looks
LOOPBACK = "127.0.0.1"
# All hubs of a bench dial from one address.
_GATE = GateLimits(per_address_max=64, per_loopback_max=64)


@dataclass
class World:
    """A network whose first hub has written something."""

    hubs: int = 2
    network: Network = field(default_factory=Network)
    now_ms: int = field(default_factory=lambda: Clock("trusted").now().wall_ms)

    def __post_init__(self) -> None:
        # A grant gives no more places than its author has, and a seat has those of the charter.
        defaults = {"places": PLACES}
        self.network.charter = charter([self.network.seat], seed=self.network.seed, defaults=defaults)

    def proofs(self) -> list[Record]:
        """The charter, and for each hub its grant and its card, proofs first."""
        records = [self.network.charter]
        for number in range(1, self.hubs + 1):
            hub = self.key(number)
            grant = self.network.grant(hub.public, place=number, places=PLACES, stamp=self.now_ms)
            nodes = [self.identity(number).node_id]
            records += [grant, self.network.card(hub, name=f"Hub {number}", nodes=nodes, stamp=self.now_ms)]
        return records

    def records(self, count: int, *, author: int = 1, first_place: int = 0, spread: int | None = None) -> list[Record]:
        """Return needs of one hub, or with `spread` of as many hubs in turn."""
        return [
            self._need(self.key(1 + index % spread if spread else author), FIRST_PLACE + first_place + index)
            for index in range(count)
        ]

    def _need(self, author: SigningKey, place: int) -> Record:
        """Sign a need without verifying it, as `Network.need` does: that is what is measured."""
        title = f"Drinking water {place:06}"
        body = post_body(title, _TEXT[:_TEXT_CHARACTERS])
        made = head(
            self.network.id,
            Kind.NEED,
            author.public,
            place=place,
            subject=seeded(f"nonce {place}", 16),
            fixed=["water.drinking", "dr5rs", "C62", 1],
            facts={"quantity": 12},
            stamp=self.now_ms,
            expires=self.now_ms + 14 * DAY_MS,
            body=body,
        )
        head_bytes = encode(made.as_list())
        signature = author.sign(PREFIX_RECORD_SIGNATURE + head_bytes)
        return open_record((head_bytes, signature, body), verify_signature=False)

    def key(self, number: int) -> SigningKey:
        return self.network.hub(number)

    def identity(self, number: int) -> NodeIdentity:
        return NodeIdentity.from_seed(seeded(f"node {number} of {self.network.seed}", 32))


def wire_bytes(record: Record) -> int:
    """What a record takes in a frame: its three parts and their lengths."""
    return 1 + sum(2 + (len(part) > 255) + len(part) for part in record.wire if part is not None)


@dataclass
class BenchHub:
    """A running hub and its parts."""

    engine: Engine
    store: SqliteStore
    tasks: Tasks
    identity: NodeIdentity
    port: int = 0
    links: list[Link] = field(default_factory=list)  # every one that ever was

    async def connect(self, node: bytes, port: int) -> Link:
        """Dial another hub and serve the link from here on."""
        link = await dial(self.identity, LOOPBACK, port, node)
        self.tasks.start(self.serve(link), "bench link")
        return link

    async def serve(self, link: Link) -> None:
        self.links.append(link)
        await self.engine.run_link(link)

    def bytes_out(self) -> int:
        """All bytes of frames, with their lengths, that this hub has sent; TLS adds 22 to each 16 KiB or packet."""
        return sum(link.bytes_out for link in self.links)

    async def publish(self, records: Sequence[Record], batch: int = 64) -> None:
        for start in range(0, len(records), batch):
            refusals = await self.engine.publish(records[start : start + batch])
            assert not any(refusals), refusals


@asynccontextmanager
async def running_hub(world: World, number: int, folder: Path, *, proofs: bool = True) -> AsyncIterator[BenchHub]:
    """Run hub `number` on a store in `folder`, with the peers' door open on a free port of loopback."""
    clock = Clock("trusted")
    failures: list[str] = []
    tasks = Tasks(lambda name, error: failures.append(f"{name}: {error!r}"))
    identity = world.identity(number)
    async with AsyncExitStack() as stack:
        store = await open_store(folder, now_ms=lambda: clock.now().wall_ms, random_bytes=secrets.token_bytes)
        stack.push_async_callback(store.close)
        stack.push_async_callback(tasks.close)
        state = load_state(world.network.id, world.key(number), identity.node_id, await store.load())
        engine = Engine(Hub(state, clock.now()), store, clock, tasks, secrets.token_bytes)
        stack.callback(engine.close)
        engine.start()
        hub = BenchHub(engine, store, tasks, identity)
        server = PeerServer(identity, hub.serve, gate_limits=_GATE)
        server.open([(LOOPBACK, 0)])
        stack.push_async_callback(server.close)
        hub.port = server.addresses[0][1]
        if proofs:
            await hub.publish(world.proofs())
        yield hub
    assert not failures, failures


async def dial_as(world: World, number: int, hub: BenchHub) -> Link:
    """Return a link to a hub that speaks as hub `number`'s node."""
    return await dial(world.identity(number), LOOPBACK, hub.port, hub.identity.node_id)
