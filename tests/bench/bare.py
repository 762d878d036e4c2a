"""The bare loop: what a hub cannot do without, in one straight line, and nothing else. All ratios are taken beside it.

Receive a frame over a WebSocket, unpack it, SHA-256 of each head, look it up, verify it with PyNaCl, insert into SQLite
in batches of 100, forward. No TLS, no strictness, no authority, no catalog, no answer. Sender and receiver run in the
same process and thread, as they do when a hub is measured. Who calls: `ingest`, `fanout`.
"""

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgpack
from aiohttp import web
from nacl.bindings import crypto_sign_open

from hartig_protocol.records.keys import PREFIX_RECORD_ID, PREFIX_RECORD_SIGNATURE
from hartig_protocol.records.record import Record, Wire

INSERTS_A_COMMIT = 100
AUTHOR = slice(23, 55)  # the fourth field of a head: after array, version, network (2 + 16), kind and its own length
_HOST = "127.0.0.1"
_TABLE = "CREATE TABLE records (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, head BLOB, signature BLOB, body BLOB)"


def frames_of(records: Sequence[Record], batch: int) -> list[bytes]:
    """Records as the bare loop sends them."""
    wires = [record.wire for record in records]
    return [msgpack.packb(wires[start : start + batch]) for start in range(0, len(wires), batch)]


class BareLoop:
    """One hub that only does the work."""

    def __init__(self, database: Path) -> None:
        self.held: set[bytes] = set()
        self.neighbours: list[aiohttp.ClientWebSocketResponse] = []
        self.waiting: list[tuple[bytes, bytes, bytes, bytes | None]] = []
        self.stored = 0
        self._database = sqlite3.connect(database, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(_TABLE)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=2**20)
        await socket.prepare(request)
        async for message in socket:
            fresh = self.take(msgpack.unpackb(message.data))
            if fresh:
                for neighbour in self.neighbours:
                    await neighbour.send_bytes(message.data)
        return socket

    def take(self, wires: Sequence[Wire]) -> int:
        fresh = 0
        for head, signature, body in wires:
            record_id = hashlib.sha256(PREFIX_RECORD_ID + head).digest()
            if record_id in self.held:
                continue
            crypto_sign_open(signature + PREFIX_RECORD_SIGNATURE + head, head[AUTHOR])
            self.held.add(record_id)
            self.waiting.append((record_id, head, signature, body))
            fresh += 1
            if len(self.waiting) >= INSERTS_A_COMMIT:
                self.insert()
        return fresh

    def insert(self) -> None:
        self._database.execute("BEGIN")
        sql = "INSERT OR IGNORE INTO records(id, head, signature, body) VALUES (?, ?, ?, ?)"
        self._database.executemany(sql, self.waiting)
        self._database.execute("COMMIT")
        self.stored += len(self.waiting)
        self.waiting.clear()

    def close(self) -> None:
        self._database.close()


async def ingest_s(records: Sequence[Record], batch: int, folder: Path) -> float:
    """Seconds from the first frame sent until the last is stored and has come in at a neighbour."""
    loop = BareLoop(folder / "bare.db")
    sink = _Sink(len(records))
    app = web.Application()
    app.router.add_get("/hub", loop.serve)
    app.router.add_get("/sink", sink.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, _HOST, 0)
    await site.start()
    port = runner.addresses[0][1]
    frames = frames_of(records, batch)
    async with aiohttp.ClientSession() as session:
        loop.neighbours.append(await session.ws_connect(f"http://{_HOST}:{port}/sink", max_msg_size=2**20))
        async with session.ws_connect(f"http://{_HOST}:{port}/hub", max_msg_size=2**20) as socket:
            begun_s = time.perf_counter()
            for frame in frames:
                await socket.send_bytes(frame)
            await sink.full.wait()
            loop.insert()
            took_s = time.perf_counter() - begun_s
        await loop.neighbours[0].close()
    await runner.cleanup()
    assert loop.stored == len(records)
    loop.close()
    return took_s


class _Sink:
    """The neighbour: counts what comes."""

    def __init__(self, wanted: int) -> None:
        self._left = wanted
        self.full = asyncio.Event()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=2**20)
        await socket.prepare(request)
        async for message in socket:
            self._left -= len(msgpack.unpackb(message.data))
            if self._left <= 0:
                self.full.set()
        return socket


def raw_verify_s(records: Sequence[Record]) -> float:
    """Seconds of PyNaCl alone for these records."""
    signed = [(one.signature + PREFIX_RECORD_SIGNATURE + one.head_bytes, one.head.author) for one in records]
    begun_s = time.perf_counter()
    for message, author in signed:
        crypto_sign_open(message, author)
    return time.perf_counter() - begun_s
