"""How quickly a hub takes in what a neighbour sends, beside the bare loop and beside verification alone.

One process and one event loop hold everything: a hub with all of it on (TLS, strictness, authority, catalog, commit,
forwarding), a neighbour that sends, and one to which the hub forwards. The time runs from the first frame until the
last record is durable and has come in at the second neighbour. The network has more hubs than a full mesh, so the hub
forwards unasked, as the bare loop does. Each round measures all three, one after the other; figures are medians.
"""

import asyncio
import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import bare
from bench.machine import middle
from bench.puppets import frames_of, greeted
from bench.world import HUBS_OF_A_MESH, World, running_hub
from hartig_node import frugal
from hartig_node.tasks import Tasks
from hartig_protocol.records.record import Record

BATCHES = (1, 256)
RECORDS, ROUNDS = 4_096, 5
_RECORDS_QUICK, _ROUNDS_QUICK = 128, 1


def rows(quick: bool = False) -> list[dict[str, Any]]:
    """One row for each number of records in a frame."""
    count, rounds = (_RECORDS_QUICK, _ROUNDS_QUICK) if quick else (RECORDS, ROUNDS)
    world = World(hubs=HUBS_OF_A_MESH + 1)
    records = world.records(count)
    with _frugal():
        return [_row(world, records, batch, rounds) for batch in BATCHES]


@contextmanager
def _frugal() -> Iterator[None]:
    """Treat memory as the daemon does, and as the workers of the other benches do; the bare loop gets it, too."""
    before = gc.get_threshold()
    frugal.begin()
    frugal.settle()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def _row(world: World, records: Sequence[Record], batch: int, rounds: int) -> dict[str, Any]:
    ours, bares, raws = [], [], []
    for _ in range(rounds):
        raws.append(len(records) / bare.raw_verify_s(records))
        with tempfile.TemporaryDirectory() as folder:
            gc.collect()
            bares.append(len(records) / asyncio.run(bare.ingest_s(records, batch, Path(folder))))
        with tempfile.TemporaryDirectory() as folder:
            gc.collect()
            ours.append(len(records) / asyncio.run(hub_ingest_s(world, records, batch, Path(folder))))
    return {
        "batch": batch,
        "records_per_s": middle(ours),
        "bare_loop_per_s": middle(bares),
        "raw_verify_per_s": middle(raws),
        "ratio_to_bare": middle([our / one for our, one in zip(ours, bares, strict=True)], 3),
    }


async def hub_ingest_s(world: World, records: Sequence[Record], batch: int, folder: Path) -> float:
    """Seconds from the first frame sent until the last record is durable and was forwarded."""
    frames = frames_of(records, batch)
    async with running_hub(world, 2, folder) as hub:
        tasks = Tasks()
        sender = await greeted(world, 1, hub, tasks)
        receiver = await greeted(world, 3, hub, tasks)
        proofs = len(world.proofs())
        for puppet in (sender, receiver):
            await puppet.until(lambda puppet=puppet: puppet.records_heard >= proofs)
        begun_s = time.perf_counter()
        await sender.send(frames, batch)
        # What is forwarded is durable: nothing is sent before it is stored.
        await receiver.until(lambda: receiver.records_heard >= proofs + len(records))
        took_s = time.perf_counter() - begun_s
        await tasks.close()
        for puppet in (sender, receiver):
            puppet.link.abort("measured")
    return took_s
