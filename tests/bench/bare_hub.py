"""The bare loop behind a door of its own, so that several can stand around as processes. Who calls: `worker`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import web

from bench.bare import BareLoop, frames_of
from hartig_protocol.records.record import Record

_HOST = "127.0.0.1"
_FRAME_BYTES_MAX = 2**20


class BareHub:
    """A bare loop that others can dial, and that can dial others."""

    def __init__(self, loop: BareLoop, session: aiohttp.ClientSession, port: int) -> None:
        self.loop, self.port = loop, port
        self._session = session

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator[Self]:
        folder.mkdir(parents=True, exist_ok=True)
        loop = BareLoop(folder / "bare.db")
        app = web.Application()
        app.router.add_get("/hub", loop.serve)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, _HOST, 0).start()
        async with aiohttp.ClientSession() as session:
            yield cls(loop, session, runner.addresses[0][1])
        await runner.cleanup()
        loop.close()

    async def connect(self, port: int) -> None:
        """From here to there: what this one has goes to that one."""
        url = f"http://{_HOST}:{port}/hub"
        self.loop.neighbours.append(await self._session.ws_connect(url, max_msg_size=_FRAME_BYTES_MAX))

    async def publish(self, records: Sequence[Record], batch: int) -> None:
        wires = [record.wire for record in records]
        for start, frame in enumerate(frames_of(records, batch)):
            self.loop.take(wires[start * batch : (start + 1) * batch])
            for neighbour in self.loop.neighbours:
                await neighbour.send_bytes(frame)
        self.loop.insert()
