"""One hub, or one bare loop, as a process that a bench commands by lines of JSON.

    python worker.py hub NUMBER HUBS NOW_MS FOLDER      -> {"port": ...}
    {"do": "connect", "to": [[number, port], ...]}      -> {"done": true}
    {"do": "prepare", "count": n, "first_place": m}     -> {"done": true}        records are signed, nothing else
    {"do": "publish", "batch": k}                       -> {"done": true}        all that was prepared
    {"do": "hold", "records": n}                        -> {"held": ..., "at_s": ..., "rss_mib": ..., "bytes_out": ...}
    {"do": "cut"}                                       -> {"done": true}        every link that this side dialled

`at_s` is the monotonic clock, which all processes of a machine share. Who calls: `crowd`.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.machine import rss_mib
from bench.world import BenchHub, World, running_hub
from hartig_node.net.links import Link
from hartig_protocol.records.record import Record

ASK_AGAIN_S = 0.002

Json = dict[str, Any]


class HubWorker:
    """Commands for a real hub."""

    def __init__(self, world: World, number: int, hub: BenchHub) -> None:
        self.world, self.number, self.hub = world, number, hub
        self.port = hub.port
        self.links: list[Link] = []
        self.prepared: list[Record] = []

    async def connect(self, to: list[tuple[int, int]]) -> Json:
        for number, port in to:
            self.links.append(await self.hub.connect(self.world.identity(number).node_id, port))
        return {"done": True}

    async def cut(self) -> Json:
        for link in self.links:
            link.abort("cut by the bench")
        self.links.clear()
        return {"done": True}

    async def prepare(self, count: int, first_place: int) -> Json:
        self.prepared = self.world.records(count, author=self.number, first_place=first_place)
        return {"done": True}

    async def publish(self, batch: int) -> Json:
        await self.hub.publish(self.prepared, batch)
        return {"done": True}

    async def hold(self, records: int) -> Json:
        """Wait until so many records are durable here."""
        catalog, store = self.hub.engine.hub.catalog, self.hub.store
        while len(catalog.entries) < records or (await store.status()).records < records:
            await asyncio.sleep(ASK_AGAIN_S)
        return _report(len(catalog.entries), self.hub.bytes_out())


class BareWorker:
    """The same commands for a bare loop."""

    def __init__(self, world: World, number: int, hub: Any) -> None:
        self.world, self.number, self.hub = world, number, hub
        self.port = hub.port
        self.prepared: list[Record] = []

    async def connect(self, to: list[tuple[int, int]]) -> Json:
        for _, port in to:
            await self.hub.connect(port)
        return {"done": True}

    async def prepare(self, count: int, first_place: int) -> Json:
        self.prepared = self.world.records(count, author=self.number, first_place=first_place)
        return {"done": True}

    async def publish(self, batch: int) -> Json:
        await self.hub.publish(self.prepared, batch)
        return {"done": True}

    async def hold(self, records: int) -> Json:
        while len(self.hub.loop.held) < records:
            await asyncio.sleep(ASK_AGAIN_S)
        self.hub.loop.insert()
        return _report(self.hub.loop.stored, 0)


def _report(held: int, bytes_out: int) -> Json:
    return {"held": held, "at_s": time.monotonic(), "rss_mib": rss_mib(), "bytes_out": bytes_out}


@asynccontextmanager
async def _worker(kind: str, world: World, number: int, folder: Path) -> AsyncIterator[HubWorker | BareWorker]:
    if kind == "bare":
        from bench.bare_hub import BareHub  # late: a hub without doors for people has no aiohttp in its memory

        async with BareHub.running(folder) as bare:
            yield BareWorker(world, number, bare)
    else:
        async with running_hub(world, number, folder) as hub:
            yield HubWorker(world, number, hub)


async def _main(kind: str, number: int, hubs: int, now_ms: int, folder: Path) -> None:
    async with _worker(kind, World(hubs, now_ms=now_ms), number, folder) as worker:
        _say({"port": worker.port})
        while command := json.loads(await asyncio.to_thread(sys.stdin.readline) or "null"):
            handler: Callable[..., Awaitable[Json]] = getattr(worker, command.pop("do"))
            _say(await handler(**command))


def _say(answer: Json) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _kind, _number, _hubs, _now_ms, _folder = sys.argv[1:]
    asyncio.run(_main(_kind, int(_number), int(_hubs), int(_now_ms), Path(_folder)))
