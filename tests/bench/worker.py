"""One hub, or one bare loop, as a process that a bench commands by lines of JSON.

    python worker.py hub NUMBER HUBS NOW_MS FOLDER      -> {"port": ...}
    {"do": "connect", "to": [[number, port], ...]}      -> {"done": true}
    {"do": "prepare", "count": n, "first_place": m}     -> {"done": true}        records are signed, nothing else
    {"do": "publish", "batch": k}                       -> {"done": true}        all that was prepared
    {"do": "hold", "records": n}                        -> {"held": ..., "at_s": ..., "rss_mib": ..., "bytes_out": ...,
                                                           "cpu_s": ...}
    {"do": "settle"}                                    -> {"done": true}        links are open, audits done, all quiet
    {"do": "cut"}                                       -> {"done": true}        every link that this side dialled

`at_s` is the monotonic clock, which all processes of a machine share; `cpu_s` is what all threads of the worker have
used since its start. All workers, bare ones too, treat memory as the daemon does (`frugal`). Who calls: `crowd`.
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
from hartig_node import frugal
from hartig_node.net.links import Link
from hartig_protocol.records.record import Record
from hartig_protocol.sync import outbound
from hartig_protocol.sync.state import Session, SyncState

ASK_AGAIN_S = 0.005
SETTLED_AGAIN_S = 0.1

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

    async def settle(self) -> Json:
        """Wait until nothing is left to do that came with new links."""
        state = self.hub.engine.hub.state
        while state.jobs or not all(_is_quiet(state, one) for one in state.sessions.values()):
            await asyncio.sleep(SETTLED_AGAIN_S)
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


def _is_quiet(state: SyncState, session: Session) -> bool:
    audit = session.audit
    is_audited = audit.attempt is None and audit.deferred is None and bool(audit.begun_ms or audit.heard_ms)
    return session.is_open and is_audited and outbound.is_settled(state, session)


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
    at_s, cpu_s = time.monotonic(), time.process_time()
    return {"held": held, "at_s": at_s, "rss_mib": rss_mib(), "bytes_out": bytes_out, "cpu_s": cpu_s}


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
    frugal.begin()
    async with _worker(kind, World(hubs, now_ms=now_ms), number, folder) as worker:
        frugal.settle()
        _say({"port": worker.port})
        while command := json.loads(await asyncio.to_thread(sys.stdin.readline) or "null"):
            handler: Callable[..., Awaitable[Json]] = getattr(worker, command.pop("do"))
            _say(await handler(**command))


def _say(answer: Json) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _kind, _number, _hubs, _now_ms, _folder = sys.argv[1:]
    asyncio.run(_main(_kind, int(_number), int(_hubs), int(_now_ms), Path(_folder)))
