"""Hubs whose stores lie on a real disk, in virtual time, and what of a text is left in any of their files.

async with hubs(tmp_path, 2) as (ana, ben):
    ...                                   # posts, deals; `meet(ana, ben)` carries word
    await ana.settle(); assert found_in(ana.folder, "a rare word") == []
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from hartig_node.store.opening import open_store
from hartig_node.store.row_seal import RowSeal
from hartig_node.store.sqlite import SqliteStore
from hartig_protocol.events import TimePassed
from support.boards import ALL, Bench, StillClock, running_board
from support.records import Network, random_bytes_from


@dataclass
class DiskHub:
    """One hub, its board and its folder."""

    bench: Bench
    store: SqliteStore
    folder: Path

    async def settle(self) -> None:
        """Do what a hub does by itself in the minutes that follow: sweep, index, let the log forget."""
        self.bench.engine.handle(TimePassed())
        await self.bench.engine.publish(())
        self.store._emptied_s = -1e9  # minutes later
        while await self.store.index_some():
            pass

    def pass_time(self, span_ms: float) -> None:
        """Let both clocks go on."""
        self.bench.time.advance(span_ms / 1000)


@asynccontextmanager
async def running_hub(
    folder: Path, seed: int = 1, *, founded: bool = True, row_seal: RowSeal | None = None
) -> AsyncIterator[DiskHub]:
    """Run a hub on a folder; the same seed gives the same hub."""
    time = StillClock()
    store = await open_store(
        folder, now_ms=lambda: int(time.wall_s * 1000), random_bytes=random_bytes_from(seed), row_seal=row_seal
    )
    try:
        async with running_board(seed=seed, founded=founded, store=store, time=time) as bench:
            yield DiskHub(bench, store, folder)
    finally:
        await store.close()


@asynccontextmanager
async def hubs(folder: Path, count: int) -> AsyncIterator[list[DiskHub]]:
    """Run hubs of one network that know of each other."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(running_hub(folder / f"hub {seed}", seed, founded=seed == 1))
            for seed in range(1, count + 1)
        ]
        first = made[0].bench
        network = Network()
        network.charter = first.founding.charter
        for seed, one in enumerate(made[1:], start=2):
            grant = network.grant(one.bench.key.public, author=first.key, place=seed, places=50, invites=0)
            await one.bench.engine.publish([first.founding.charter.wire, first.founding.grant.wire, grant.wire])
            await one.bench.board.membership.start()
        await meet(*made)
        for one in made:
            await one.bench.board.membership.learn_names()
        yield made


async def meet(*made: DiskHub) -> None:
    """Let hubs give each other all that they may share, until nobody has anything new."""
    held = -1
    while held != (held := sum([(await one.store.status()).records for one in made])):
        for one, other in permutations(made, 2):
            for governance in (True, False):
                wires, _ = await one.store.read_arrivals(0, ALL, ALL, ALL, governance=governance)
                await other.bench.engine.publish(wires)
    for one in made:
        await one.settle()


def found_in(folder: Path, *needles: str | bytes) -> list[str]:
    """Return in which files any of these stands, whatever kind of file it is."""
    wanted: Sequence[bytes] = [needle.encode() if isinstance(needle, str) else needle for needle in needles]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.name for path in files if any(needle in path.read_bytes() for needle in wanted)]
