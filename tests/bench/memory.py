"""How much memory the real daemon has in use when nothing happens: `hartig run`, every door open, nobody linked.

The store is filled beforehand, in this process, through the same catalog and with every text indexed. Resident memory
is read when it has stayed the same for a while after the start, and with listeners after each has had its stream's
first bytes.
"""

import asyncio
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.machine import rss_mib
from bench.world import World
from end_to_end.daemons import Daemon
from hartig_node.clock import Clock
from hartig_node.daemon.folder import HubFolder, NetworkFile
from hartig_node.store.opening import open_store
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import Commit
from support.records import seeded

SIZES = ((0, 0), (10_000, 0), (50_000, 50), (100_000, 0))
_QUICK = ((100, 2),)
_BATCH = 500
SETTLED_S, SETTLE_S_MAX, ASK_AGAIN_S = 3.0, 60.0, 0.25
_ASK = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


def rows(quick: bool = False) -> list[dict[str, Any]]:
    """One row for each number of records and of listeners."""
    return [_row(records, listeners, quick=quick) for records, listeners in (_QUICK if quick else SIZES)]


def _row(records: int, listeners: int, *, quick: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hartig-bench-") as name, ExitStack() as stack:
        folder = HubFolder(Path(name) / "hub")
        world = World(hubs=1)
        _found(folder, world)
        asyncio.run(_fill(folder, world, records))
        daemon = stack.enter_context(Daemon(folder.path))
        daemon.launch()
        daemon.wait_ready()
        for _ in range(listeners):
            stack.enter_context(_listener(folder))
        return {"records": records, "listeners": listeners, "rss_mib": _settled(daemon, 0.0 if quick else SETTLED_S)}


def _found(folder: HubFolder, world: World) -> None:
    folder.make()
    folder.write_key("hub", world.key(1).seed)
    folder.write_key("node", seeded(f"node 1 of {world.network.seed}", 32))
    folder.write_network(NetworkFile(world.network.id))


async def _fill(folder: HubFolder, world: World, count: int) -> None:
    clock = Clock("trusted")
    store = await open_store(folder.path, now_ms=lambda: clock.now().wall_ms, random_bytes=lambda n: seeded("epoch", n))
    catalog = Catalog(world.network.id)
    try:
        await _store(store, catalog, world.proofs(), clock)
        for start in range(0, count, _BATCH):
            batch = world.records(min(_BATCH, count - start), first_place=start)
            await _store(store, catalog, batch, clock)
        while await store.index_some():
            pass
    finally:
        await store.close()


async def _store(store: Any, catalog: Catalog, records: list[Any], clock: Clock) -> None:
    commit = Commit()
    catalog.take(records, clock.now(), commit)
    assert len(commit.added) == len(records), "a record of the bench was not accepted"
    await store.commit(commit)


def _listener(folder: HubFolder) -> socket.socket:
    """Open a stream of events and wait for its first bytes."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(str(folder.socket))
    connection.sendall(_ASK)
    answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    return connection


def _settled(daemon: Daemon, settled_s: float) -> float:
    """Return the memory in use once it has stayed within 0.2 MiB for a while."""
    ends_s = time.monotonic() + SETTLE_S_MAX
    figure, since_s = rss_mib(daemon.pid), time.monotonic()
    while time.monotonic() < min(since_s + settled_s, ends_s):
        time.sleep(ASK_AGAIN_S)
        now = rss_mib(daemon.pid)
        if abs(now - figure) > 0.2:
            figure, since_s = now, time.monotonic()
    return figure
