"""Floods: ways to keep a hub's doors busy from outside, each an attempt that many hands make again and again.

    async with flooding(FLOODS["half TLS, peers"], port): ...        # until the block ends
    await attempts(FLOODS["deep frame, peers"], port, count=20)      # so many, each to its end

Nobody here is anybody: no key that the hub knows, no token, no session; and every hand calls from another address of
loopback, so that caps for one address are no help. A slow hand gives up nothing until the hub does.
Who calls: `test_floods`, `bench.flooder`.
"""

import asyncio
import gzip
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from attack.hostile import LOOPBACK, Node, bare_context, own_address
from hartig_protocol.limits import FRAME_BYTES_MAX

DRIP_S = 0.25  # between two bytes
HANDS = 24
HAND_S_MAX = 45.0  # twice what any door allows
HANDS_HELD = 160  # more than any door takes
_HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
_READ_BYTES = 65_536

Attempt = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Flood:
    """One way: at which door, what one hand does at a port, and how many hands do it at once."""

    door: str
    attempt: Attempt
    hands: int = HANDS


# --- One connection


async def _connected(port: int) -> socket.socket:
    call = socket.socket()
    try:
        call.setblocking(False)
        call.bind((own_address(), 0))
        await asyncio.get_running_loop().sock_connect(call, (LOOPBACK, port))
    except BaseException:
        call.close()
        raise
    return call


async def _until_closed(call: socket.socket) -> None:
    while await asyncio.get_running_loop().sock_recv(call, _READ_BYTES):
        pass


def _saying(data: bytes, pace: int | None = None) -> Attempt:
    """Connect, send this (with a pace: so many bytes, then a pause), and hold on until the hub hangs up."""

    async def drip(call: socket.socket) -> None:
        loop, step = asyncio.get_running_loop(), pace or max(len(data), 1)
        for start in range(0, len(data), step):
            await loop.sock_sendall(call, data[start : start + step])
            if pace:
                await asyncio.sleep(DRIP_S)

    async def attempt(port: int) -> None:
        with await _connected(port) as call:
            await _together(drip(call), _until_closed(call))

    return attempt


async def _together(sending: Coroutine[Any, Any, None], hearing: Awaitable[None]) -> None:
    """Send until the other side hangs up, whatever is left to say."""
    sender = asyncio.get_running_loop().create_task(sending)
    try:
        await hearing
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _touch(port: int) -> None:
    (await _connected(port)).close()


def _over_tls(data: bytes, context: Callable[[], ssl.SSLContext], pace: int | None = None) -> Attempt:
    """Do the same behind a whole handshake."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        step = pace or max(len(data), 1)
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])
            await writer.drain()
            if pace:
                await asyncio.sleep(DRIP_S)

    async def hear(reader: asyncio.StreamReader) -> None:
        while await reader.read(_READ_BYTES):
            pass

    async def attempt(port: int) -> None:
        reader, writer = await asyncio.open_connection(
            LOOPBACK, port, ssl=context(), server_hostname="", local_addr=(own_address(), 0)
        )
        try:
            await _together(drip(writer), hear(reader))
        finally:
            writer.transport.abort()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    return attempt


def _first_flight() -> bytes:
    """The first words of a handshake, as any client says them."""
    heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = bare_context().wrap_bio(heard, said)
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return said.read()


def _frame(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def _node() -> ssl.SSLContext:
    return Node(secrets.token_bytes(32)).context()


def _browser() -> ssl.SSLContext:
    return bare_context(alpn="http/1.1")


# --- What is said

_DEEP = b"\x91" * (FRAME_BYTES_MAX - 1) + b"\xc0"  # arrays in arrays
_MAPS = b"\xdd" + (FRAME_BYTES_MAX - 5).to_bytes(4, "big") + b"\x80" * (FRAME_BYTES_MAX - 5)
_PROMISED = b"\xdd\xff\xff\xff\xff" + b"\xc0" * 1_000  # four thousand million items, it says
_BOMB = gzip.compress(bytes(16 * 1024 * 1024))


def _post(path: str, body: bytes, *more: str, length: int | None = None) -> bytes:
    fields = [
        "Host: 127.0.0.1",
        f"Content-Length: {len(body) if length is None else length}",
        "Connection: close",
        *more,
    ]
    return "\r\n".join([f"POST {path} HTTP/1.1", *fields, "", ""]).encode() + body


def _http(door: str, path: str, form: str) -> dict[str, bytes]:
    """What is bad to hear for whoever speaks HTTP, by name."""
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + "A" * 24
    frame = b"\xc1\xff" + (2**40).to_bytes(8, "big") + bytes(4) + _BOMB  # compressed, and of a million megabytes
    return {
        f"gzip bomb, {door}": _post(path, _BOMB, "Content-Encoding: gzip", f"Content-Type: {form}"),
        f"deep JSON, {door}": _post(path, b"[" * 60_000, "Content-Type: application/json"),
        f"endless body, {door}": _post(path, b"x" * 400_000, f"Content-Type: {form}", length=2**40),
        f"many fields, {door}": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
        f"WebSocket bomb, {door}": f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{upgrade}\r\n\r\n".encode() + frame,
    }


_FORM = "application/x-www-form-urlencoded"
_DRIPPED = _HEAD + b"x" * 4_000
_PAGES = _http("site", "/need", _FORM), _http("desk", "/pair", _FORM), _http("api", "/api/v1/posts", "application/json")

FLOODS: dict[str, Flood] = {
    **{f"open, {door}": Flood(door, _touch) for door in ("peers", "site", "desk", "api")},
    **{f"idle, {door}": Flood(door, _saying(b""), HANDS_HELD) for door in ("peers", "site", "desk", "api")},
    **{f"half TLS, {door}": Flood(door, _saying(_first_flight())) for door in ("peers", "desk")},
    **{f"slow TLS, {door}": Flood(door, _saying(_first_flight(), 8), HANDS_HELD) for door in ("peers", "desk")},
    **{f"slow head, {door}": Flood(door, _saying(_DRIPPED, 1), HANDS_HELD) for door in ("site", "api")},
    "slow head, desk": Flood("desk", _over_tls(_DRIPPED, _browser, 1)),
    "slow body, site": Flood("site", _saying(_post("/need", b"x" * 9_000, f"Content-Type: {_FORM}"), 200), HANDS_HELD),
    "slow frame, peers": Flood("peers", _over_tls(_frame(_MAPS), _node, 1_000)),
    "deep frame, peers": Flood("peers", _over_tls(_frame(_DEEP), _node)),
    "frame of maps, peers": Flood("peers", _over_tls(_frame(_MAPS), _node)),
    "frame of promises, peers": Flood("peers", _over_tls(_frame(_PROMISED), _node)),
    "oversize frame, peers": Flood("peers", _over_tls(b"\xff" * 4 + bytes(100_000), _node)),
    **{name: Flood("site", _saying(data)) for name, data in _PAGES[0].items()},
    **{name: Flood("desk", _over_tls(data, _browser)) for name, data in _PAGES[1].items()},
    **{name: Flood("api", _saying(data)) for name, data in _PAGES[2].items()},
}


# --- Many hands


@dataclass
class Toll:
    """How many attempts have ended, however they did."""

    attempts: int = 0


async def attempts(flood: Flood, port: int, count: int) -> None:
    """Make so many attempts at once, each until the hub has ended it."""
    await asyncio.gather(*[_try(flood, port) for _ in range(count)])


async def _try(flood: Flood, port: int) -> None:
    # The hub does not like it: that is what it is for. A call that found the kernel's queue full may look open to the
    # caller for ever and was never the hub's; what is the hub's shows in its descriptors.
    with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(HAND_S_MAX):
            await flood.attempt(port)


@asynccontextmanager
async def flooding(flood: Flood, port: int) -> AsyncIterator[Toll]:
    """Keep all hands at it until the block ends."""
    toll = Toll()

    async def hand() -> None:
        while True:
            await _try(flood, port)
            toll.attempts += 1
            await asyncio.sleep(0)  # the other hands

    loop = asyncio.get_running_loop()
    hands = [loop.create_task(hand()) for _ in range(flood.hands)]
    try:
        yield toll
    finally:
        for one in hands:
            one.cancel()
        await asyncio.gather(*hands, return_exceptions=True)
