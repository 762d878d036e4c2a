"""A whole board on a real engine and core, with the store's twin, a clock that stands still and seeded randomness."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from hartig_node.board.board import Board
from hartig_node.board.context import Context, Settings
from hartig_node.board.sealing import BoxKey
from hartig_node.board.signing import Pen
from hartig_node.clock import Clock
from hartig_node.daemon.founding import Founding, found
from hartig_node.engine import Engine
from hartig_node.reckoning import ClockTrust
from hartig_node.store.memory import MemoryStore
from hartig_node.store.memory_disk import MemoryDisk
from hartig_node.tasks import Tasks
from hartig_protocol.hub import Hub
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.sync.state import load_state
from support.records import NOW_MS, Network, random_bytes_from

ALL = 1 << 40  # more records, bytes and arrivals than any test has


@dataclass
class StillClock:
    """Seconds that only the test moves."""

    wall_s: float = NOW_MS / 1000
    steady_s: float = 1000.0

    def advance(self, seconds: float) -> None:
        """Let both clocks go on."""
        self.wall_s += seconds
        self.steady_s += seconds


@dataclass
class Bench:
    """A board and everything under it that a test may want to reach."""

    board: Board
    engine: Engine
    store: MemoryStore
    time: StillClock
    founding: Founding
    key: SigningKey
    failures: list[str] = field(default_factory=list)


def node_id_of(seed: int) -> bytes:
    """Return the node id of a test's hub."""
    return SigningKey(random_bytes_from(f"node {seed}")(32)).public


def box_key_of(seed: int) -> BoxKey:
    """Return the box key of a test's hub."""
    return BoxKey(random_bytes_from(f"box {seed}")(32))


@asynccontextmanager
async def running_board(
    disk: MemoryDisk | None = None,
    *,
    seed: int = 1,
    founded: bool = True,
    trusted: bool = True,
    synchronised: bool = False,
    may_fail: bool = False,
    is_open: bool = False,
    seats: int = 1,
    store: Any = None,
    time: StillClock | None = None,
) -> AsyncIterator[Bench]:
    """Run a board; `founded` false gives a hub that belongs to no network yet. The same seed gives the same hub.

    `store` may be one on a real disk; who opened it closes it.
    """
    time = time or StillClock()
    failures: list[str] = []
    tasks = Tasks(lambda name, error: failures.append(f"{name}: {error!r}"))
    key, recovery = (SigningKey(random_bytes_from(f"{what} {seed}")(32)) for what in ("hub", "recovery"))
    founding = found("Test", key, recovery, NOW_MS, random_bytes_from("founding"), seats=seats, is_open=is_open)
    store = store or MemoryStore(disk or MemoryDisk())
    said: ClockTrust = "auto" if synchronised else "trusted" if trusted else "untrusted"
    clock = Clock(said, wall=lambda: time.wall_s, steady=lambda: time.steady_s, synchronised=lambda: synchronised)
    state = load_state(founding.network, key, node_id_of(seed), await store.load())
    random_bytes = random_bytes_from(f"random {seed}")
    engine = Engine(Hub(state, clock.now()), store, clock, tasks, random_bytes)
    pen = Pen(key, founding.network, state.catalog, clock, random_bytes)
    settings = Settings("Test hub" if seed == 1 else f"Test hub {seed}", "/nowhere", 4279, 4278, 8080, version="0")
    board = Board(Context(engine, store, pen, clock, state.node_id, settings, random_bytes, box_key_of(seed)))
    engine.node_side = board.membership
    engine.start()
    bench = Bench(board, engine, store, time, founding, key, failures)
    try:
        if founded:
            await engine.publish([founding.charter.wire, founding.grant.wire])
            await board.membership.start()
        yield bench
    finally:
        engine.close()
        await tasks.close()
    assert may_fail or not failures


# --- Several boards, and word that travels only when a test says so


@asynccontextmanager
async def running_boards(count: int) -> AsyncIterator[list[Bench]]:
    """Run boards of one network that know of each other; from then on they are cut off until they `meet`."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running_board(seed=1))
        benches = [first]
        for seed in range(2, count + 1):
            bench = await stack.enter_async_context(running_board(seed=seed, founded=False))
            network = Network()
            network.charter = first.founding.charter
            grant = network.grant(bench.key.public, author=first.key, place=seed, places=50, invites=0)
            await bench.engine.publish([first.founding.charter.wire, first.founding.grant.wire, grant.wire])
            await bench.board.membership.start()
            benches.append(bench)
        await meet(*benches)
        for bench in benches:
            await bench.board.membership.learn_names()
        yield benches


async def meet(*benches: Bench) -> None:
    """Let boards give each other all that they may share, until nobody has anything new."""
    held = -1
    while held != (held := sum(len(bench.store.disk.numbers) for bench in benches)):
        for one, other in permutations(benches, 2):
            await tell(one, other)


async def tell(one: Bench, other: Bench) -> None:
    """Let one board give another all that it may share; nothing comes back."""
    for governance in (True, False):
        wires, _ = await one.store.read_arrivals(0, ALL, ALL, ALL, governance=governance)
        await other.engine.publish(wires)
