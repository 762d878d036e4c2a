"""Chains that have grown long: how quickly the real daemon starts with many steps held, and what one more costs.

Pairs of an offer and a need, each with a chain of 1,000: the need claims, the offer promises. `start_s` is from the
launch of `hartig run` until it says that it is ready, `start_cpu_s` what it had used of a processor by then; modules
are compiled already, as where a wheel was installed. A hub does not verify what it holds again, so what fills
the store is not even signed: that is most of what making it would take.

`apply_ms` is the processor time of one more step from its bytes to its book: opened, verified, judged by the catalog,
and, once it is durable, taken by the ledger; half of the steps are claims, half promises. `publish_ms` is all that the
process does for it, with the commit of its own on SQLite. `book_ms` is what it takes to read a book of 1,000 steps that
is not in memory. Medians.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.machine import middle
from bench.memory import _found, _store
from bench.world import LOOPBACK, BenchHub, World, running_hub
from end_to_end.daemons import Daemon
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.context import Context, Settings
from hartig_node.board.sealing import BoxKey
from hartig_node.board.signing import Pen
from hartig_node.clock import Clock
from hartig_node.daemon.folder import HubFolder
from hartig_node.store.opening import open_store
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.encoding import encode
from hartig_protocol.events import Commit
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.keys import PREFIX_RECORD_SIGNATURE, SigningKey
from hartig_protocol.records.record import Kind, Record, record_id, record_of
from support.records import head, seeded

SIZES = (100_000,)
_QUICK = (40,)
_CHAIN_STEPS = 1_000
_BATCH = 500
_MORE = 400  # steps that are applied one by one
_RUNS = 3
_UNSIGNED = bytes(64)


def rows(quick: bool = False) -> list[dict[str, Any]]:
    """One row for each number of steps."""
    return [_row(steps, quick=quick) for steps in (_QUICK if quick else SIZES)]


def _row(steps: int, *, quick: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hartig-bench-") as name:
        folder = HubFolder(Path(name) / "hub")
        world = World(hubs=1)
        chain_steps = 10 if quick else _CHAIN_STEPS
        pairs = [_Pair(world, number, chain_steps) for number in range(steps // (2 * chain_steps))]
        _found(folder, world)
        asyncio.run(_fill(folder, world, pairs, chain_steps))
        started = [_started(folder, Path(name)) for _ in range(1 if quick else 1 + _RUNS)][-_RUNS:]
        more = asyncio.run(_apply(world, folder, pairs, 10 if quick else _MORE))
    walls, processors = zip(*started, strict=True)
    return {"steps": steps, "start_s": middle(walls, 2), "start_cpu_s": middle(processors, 2), **more}


class _Pair:
    """An offer and a need of one hub, and what is said of them in turn."""

    def __init__(self, world: World, number: int, chain_steps: int) -> None:
        self._key: SigningKey = world.key(1)
        stamp, until_ms, unit = world.now_ms, world.now_ms + 14 * DAY_MS, ["food.bread", "dr5rs", "C62", 1]
        self.posts = [
            world.network.post(
                self._key,
                kind,
                place=1 + 2 * number + at,
                stamp=stamp,
                expires=until_ms,
                category=unit[0],
                area=unit[1],
            )
            for at, kind in enumerate((Kind.NEED, Kind.OFFER))
        ]
        self._last: list[Record | None] = [None, None]
        need, offer = self.posts
        self._network = world.network.id
        enough = 2 * chain_steps + 4 * _MORE
        self.opened = [
            self._say(need, 0, {"quantity": enough, "verb": "count", "why": "needed"}),
            self._say(offer, 1, {"quantity": enough, "verb": "count", "why": "opened"}),
        ]

    def next(self, *, signed: bool) -> tuple[Record, Record]:
        """Return one more claim and the promise of it."""
        need, offer = self.posts
        asked = {"asks": 1, "lot": offer.head.thread, "quantity": 1, "verb": "claim"}
        claim = self._say(need, 0, asked, signed=signed)
        promised = {"claim": claim.id, "hold": 2_880, "quantity": 1, "verb": "promise"}
        return claim, self._say(offer, 1, promised, signed=signed)

    def _say(self, post: Record, at: int, facts: dict[str, Any], *, signed: bool = False) -> Record:
        before = self._last[at]
        made = head(
            self._network, Kind.STEP, self._key.public, place=post.head.place, thread=post.head.thread,
            seq=1 if before is None else before.head.seq + 1, prev=None if before is None else before.id,
            stamp=post.head.stamp, facts=facts,
        )  # fmt: skip
        head_bytes = encode(made.as_list())
        signature = self._key.sign(PREFIX_RECORD_SIGNATURE + head_bytes) if signed else _UNSIGNED
        record = self._last[at] = record_of(record_id(head_bytes), made, head_bytes, signature, None)
        return record


async def _fill(folder: HubFolder, world: World, pairs: list[_Pair], chain_steps: int) -> None:
    clock = Clock("trusted")
    store = await open_store(folder.path, now_ms=lambda: clock.now().wall_ms, random_bytes=lambda n: seeded("epoch", n))
    catalog = Catalog(world.network.id)
    try:
        await _store(store, catalog, world.proofs(), clock)
        batch: list[Record] = []
        for record in _all(pairs, chain_steps):
            batch.append(record)
            if len(batch) == _BATCH:
                await _store(store, catalog, batch, clock)
                batch = []
        if batch:
            await _store(store, catalog, batch, clock)
        while await store.index_some():
            pass
    finally:
        await store.close()


def _all(pairs: list[_Pair], chain_steps: int) -> Iterator[Record]:
    for pair in pairs:
        yield from (*pair.posts, *pair.opened)
        for _ in range(chain_steps - 1):
            yield from pair.next(signed=False)


# --- Starting


def _started(folder: HubFolder, compiled: Path) -> tuple[float, float]:
    """Start the daemon and end it; return how long it took, and how much of a processor. The first start compiles."""
    settings = {"PYTHONPYCACHEPREFIX": str(compiled), "PYTHONDONTWRITEBYTECODE": ""}
    with Daemon(folder.path, settings=settings) as daemon:
        begun_s = time.monotonic()
        daemon.launch()
        daemon.wait_ready()
        figures = (time.monotonic() - begun_s, _processor_s(daemon.pid))
        daemon.stop()  # a start after a clean end, like most
        return figures


def _processor_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- One more


async def _apply(world: World, folder: HubFolder, pairs: list[_Pair], count: int) -> dict[str, float]:
    async with running_hub(world, 1, folder.path, proofs=False) as hub:
        ledger = _ledger_of(world, hub)
        some = pairs[: max(1, min(8, len(pairs)))]
        books_ms = []
        for pair in some:
            for post in pair.posts:
                begun_s = time.process_time()
                book = await ledger.book(post.head.thread)
                books_ms.append((time.process_time() - begun_s) * 1000)
                assert book is not None
                assert not book.chain.broken
        taken_ms = _watched(hub, ledger)
        heard_ms, published_ms = [], []
        for number in range(count // 2):
            for record in some[number % len(some)].next(signed=True):
                begun_s, begun_thread_s = time.process_time(), time.thread_time()
                answer = hub.engine.start_publish([record.wire])
                heard_ms.append((time.thread_time() - begun_thread_s) * 1000)
                assert await answer == (None,)
                published_ms.append((time.process_time() - begun_s) * 1000)
        assert all(book.is_level() for book in ledger._books.values())
    applied_ms = [heard + taken for heard, taken in zip(heard_ms, taken_ms, strict=True)]
    return {
        "apply_ms": middle(applied_ms, 3),
        "publish_ms": middle(published_ms, 3),
        "book_ms": middle(books_ms, 1),
    }


def _watched(hub: BenchHub, ledger: Ledger) -> list[float]:
    """Let the ledger take every commit from now on; return the list of how long each took."""
    taken_ms: list[float] = []

    def committed(commit: Commit) -> None:
        begun_s = time.thread_time()
        ledger.committed(commit)
        taken_ms.append((time.thread_time() - begun_s) * 1000)

    hub.engine.on_committed = committed
    return taken_ms


def _ledger_of(world: World, hub: BenchHub) -> Ledger:
    clock = hub.engine.clock
    pen = Pen(world.key(1), world.network.id, hub.engine.hub.state.catalog, clock, lambda n: seeded("pen", n))
    settings = Settings("Bench", LOOPBACK, 0, 0, 0)
    node = hub.identity.node_id
    box = BoxKey(seeded("box", 32))
    return Ledger(Context(hub.engine, hub.store, pen, clock, node, settings, lambda n: seeded("context", n), box))
