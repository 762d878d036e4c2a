"""The gate with real sockets: on plain doors, on TLS doors, before aiohttp, on a Unix socket."""

import asyncio
import errno
import gc
import socket
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.gate import Gate, GateLimits
from hartig_node.net.sockets import open_listeners, open_unix_listener
from hartig_node.net.tls import make_context

pytestmark = pytest.mark.usefixtures("patience")

SOON_S = 0.05  # a deadline that a test wants to see pass
LATER_S = 0.5  # one that it wants to see pass, but not before it has done something on a busy machine
NEVER_S = 3600.0


class Echo(asyncio.Protocol):
    """Answers, and keeps its transports so that a test can end them."""

    gate: Gate | None = None

    def __init__(self, open_ones: set[asyncio.Transport]) -> None:
        self.open_ones = open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.open_ones.add(transport)

    def data_received(self, data: bytes) -> None:
        assert self.gate is not None
        self.gate.request_seen(self.transport)
        self.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.open_ones.discard(self.transport)


@asynccontextmanager
async def echo_door(
    limits: GateLimits,
    identity: NodeIdentity | None = None,
    listeners: list[socket.socket] | None = None,
    known: str = "",
) -> AsyncIterator[Gate]:
    open_ones: set[asyncio.Transport] = set()

    def factory() -> Echo:
        echo = Echo(open_ones)
        echo.gate = gate
        return echo

    tls = None if identity is None else make_context(identity, "server")
    gate = Gate("test", limits, factory, tls=tls, is_known=lambda address: address == known)
    gate.open(listeners or open_listeners([("127.0.0.1", 0)]))
    try:
        yield gate
    finally:
        await gate.close()
        for transport in list(open_ones):
            transport.abort()
        await gate.wait_empty()
        assert gate.counts().open == 0


class Client:
    """One plain connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, source: str = "127.0.0.1") -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)))

    async def is_served(self) -> bool:
        try:
            self.writer.write(b"x")
            return await self.reader.read(1) == b"x"
        except OSError:
            return False

    async def ended(self) -> None:
        """Return when the other side has closed."""
        try:
            while await self.reader.read(1000):
                pass
        except OSError:
            pass
        await self.close()

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


async def test_the_fifth_connection_of_an_address_is_closed_and_others_are_not() -> None:
    async with echo_door(GateLimits(per_loopback_max=4, first_head_s=NEVER_S)) as gate:
        port = gate.addresses[0][1]
        four = [await Client.connect(port) for _number in range(4)]
        assert [await one.is_served() for one in four] == [True] * 4
        fifth = await Client.connect(port)
        assert not await fifth.is_served()
        other = await Client.connect(port, "127.0.0.2")
        assert await other.is_served()
        assert (gate.counts().open, gate.counts().refused_address) == (5, 1)
        for one in (*four, fifth, other):
            await one.close()


async def test_a_closed_connection_makes_room_for_another() -> None:
    async with echo_door(GateLimits(per_loopback_max=1, first_head_s=NEVER_S)) as gate:
        first = await Client.connect(gate.addresses[0][1])
        assert await first.is_served()
        first.writer.write_eof()
        await first.ended()
        second = await Client.connect(gate.addresses[0][1])
        assert await second.is_served()
        await second.close()


async def test_above_the_total_everybody_is_closed_at_once() -> None:
    async with echo_door(GateLimits(connections_max=64, per_loopback_max=4, first_head_s=NEVER_S)) as gate:
        port = gate.addresses[0][1]
        inside = [await Client.connect(port, f"127.0.1.{number // 4 + 1}") for number in range(64)]
        assert [await one.is_served() for one in inside] == [True] * 64
        late = await Client.connect(port, "127.0.2.1")
        assert not await late.is_served()
        counts = gate.counts()
        assert (counts.open, counts.refused_total, counts.accepted) == (64, 1, 64)
        for one in (*inside, late):
            await one.close()


async def test_strangers_leave_room_for_those_who_are_awaited_and_they_for_each_other() -> None:
    limits = GateLimits(connections_max=4, kept_connections=2, per_loopback_max=9, first_head_s=NEVER_S)
    async with echo_door(limits, known="127.0.0.2") as gate:
        port = gate.addresses[0][1]
        strangers = [await Client.connect(port) for _number in range(2)]
        assert [await one.is_served() for one in strangers] == [True] * 2
        late = await Client.connect(port)
        assert not await late.is_served()
        awaited = [await Client.connect(port, "127.0.0.2") for _number in range(3)]
        assert [await one.is_served() for one in awaited] == [True, True, False]
        assert (gate.counts().open, gate.counts().refused_total) == (4, 2)
        for one in (*strangers, late, *awaited):
            await one.close()


async def test_half_open_handshakes_leave_room_for_those_who_are_awaited(
    identity: Callable[[int], NodeIdentity],
) -> None:
    limits = GateLimits(shaking_hands_max=2, kept_shaking_hands=1, per_loopback_max=9, handshake_s=NEVER_S)
    async with echo_door(limits, identity(1), known="127.0.0.2") as gate:
        port = gate.addresses[0][1]
        hanging = await Client.connect(port)
        context = make_context(identity(2), "client", identity(1).node_id)
        await (await Client.connect(port)).ended()
        streams = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="", local_addr=("127.0.0.2", 0)
        )
        awaited = Client(*streams)
        assert await awaited.is_served()
        assert gate.counts().refused_handshake == 1
        for one in (hanging, awaited):
            await one.close()


async def test_loopback_may_have_a_cap_of_its_own() -> None:
    limits = GateLimits(per_address_max=1, per_loopback_max=3, first_head_s=NEVER_S)
    async with echo_door(limits) as gate:
        clients = [await Client.connect(gate.addresses[0][1]) for _number in range(3)]
        assert [await one.is_served() for one in clients] == [True] * 3
        for one in clients:
            await one.close()


async def test_a_silent_connection_is_closed_and_a_speaking_one_is_not() -> None:
    async with echo_door(GateLimits(first_head_s=LATER_S)) as gate:
        speaking = await Client.connect(gate.addresses[0][1])
        assert await speaking.is_served()
        silent = await Client.connect(gate.addresses[0][1])
        await silent.ended()
        assert gate.counts().timed_out == 1
        assert await speaking.is_served()
        await speaking.close()


async def test_half_open_handshakes_are_bounded_in_number_and_in_time(
    identity: Callable[[int], NodeIdentity],
) -> None:
    limits = GateLimits(shaking_hands_max=2, handshake_s=LATER_S)
    async with echo_door(limits, identity(1)) as gate:
        port = gate.addresses[0][1]
        hanging = [await Client.connect(port), await Client.connect(port)]
        too_many = await Client.connect(port)
        await too_many.ended()
        assert gate.counts().refused_handshake == 1
        for one in hanging:
            await one.ended()
        await gate.wait_empty()
        assert gate.counts().timed_out == 2


async def test_a_dripping_handshake_is_closed_too(identity: Callable[[int], NodeIdentity]) -> None:
    async with echo_door(GateLimits(handshake_s=SOON_S), identity(1)) as gate:
        client = await Client.connect(gate.addresses[0][1])
        client.writer.write(b"\x16\x03\x01")  # the beginning of a TLS record
        await client.ended()
        await gate.wait_empty()
        assert gate.counts().timed_out == 1


async def test_junk_instead_of_a_handshake_is_counted(identity: Callable[[int], NodeIdentity]) -> None:
    async with echo_door(GateLimits(), identity(1)) as gate:
        client = await Client.connect(gate.addresses[0][1])
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await client.ended()
        await gate.wait_empty()
        assert gate.counts().failed_handshake == 1


async def test_a_finished_handshake_that_says_nothing_is_closed(identity: Callable[[int], NodeIdentity]) -> None:
    async with echo_door(GateLimits(first_head_s=SOON_S), identity(1)) as gate:
        context = make_context(identity(2), "client", identity(1).node_id)
        port = gate.addresses[0][1]
        client = Client(*await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=""))
        await client.ended()
        assert gate.counts().timed_out == 1


async def test_closing_ends_handshakes_under_way_and_ones_not_begun(identity: Callable[[int], NodeIdentity]) -> None:
    async with echo_door(GateLimits(handshake_s=NEVER_S), identity(1)) as gate:
        begun = await Client.connect(gate.addresses[0][1])
        begun.writer.write(b"\x16")
        refused = [await Client.connect(gate.addresses[0][1]) for _number in range(4)]
        await refused[-1].ended()  # above the cap: so all before it were accepted
        assert gate.counts().open == 4
        await gate.close()
        await gate.wait_empty()
        for client in (begun, *refused[:-1]):
            await client.ended()


async def test_closing_ends_a_handshake_whose_task_had_no_turn_yet(identity: Callable[[int], NodeIdentity]) -> None:
    (listener,) = open_listeners([("127.0.0.1", 0)])
    async with echo_door(GateLimits(), identity(1), listeners=[listener]) as gate:
        client = await Client.connect(gate.addresses[0][1])
        gate._on_readable(listener)
        assert gate.counts().open == 1
        await gate.close()
        assert gate.counts().open == 0
        await client.ended()


async def test_a_unix_socket_has_no_cap_per_address(tmp_path: Path) -> None:
    path = tmp_path / "door"
    limits = GateLimits(per_address_max=1, per_loopback_max=1, connections_max=5, first_head_s=NEVER_S)
    async with echo_door(limits, listeners=[open_unix_listener(path)]) as gate:
        clients = [Client(*await asyncio.open_unix_connection(path)) for _number in range(6)]
        assert [await one.is_served() for one in clients] == [True] * 5 + [False]
        assert gate.addresses == []
        for one in clients:
            await one.close()


async def test_several_listeners_share_the_caps() -> None:
    listeners = open_listeners([("127.0.0.1", 0), ("::1", 0)])
    async with echo_door(GateLimits(connections_max=1, first_head_s=NEVER_S), listeners=listeners) as gate:
        (_host4, port4), (host6, port6) = gate.addresses
        first = Client(*await asyncio.open_connection(host6, port6))
        assert await first.is_served()
        second = await Client.connect(port4)
        assert not await second.is_served()
        await first.close()
        await second.close()


class Listening:
    """A listener whose accept fails as told before it works."""

    def __init__(self, real: socket.socket, errors: list[OSError]) -> None:
        self.real, self.errors = real, errors
        self.family = real.family

    def accept(self) -> tuple[socket.socket, object]:
        if self.errors:
            raise self.errors.pop(0)
        return self.real.accept()

    def fileno(self) -> int:
        return self.real.fileno()

    def getsockname(self) -> object:
        return self.real.getsockname()

    def close(self) -> None:
        self.real.close()


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED])
async def test_a_failed_accept_is_tried_again_after_a_moment(code: int) -> None:
    (real,) = open_listeners([("127.0.0.1", 0)])
    failing = Listening(real, [OSError(code, "planted")] * 2)
    async with echo_door(GateLimits(first_head_s=NEVER_S), listeners=[failing]) as gate:  # type: ignore[list-item]
        client = await Client.connect(gate.addresses[0][1])
        assert await client.is_served()
        assert failing.errors == []
        await client.close()


async def test_a_gate_closes_while_a_listener_rests() -> None:
    (real,) = open_listeners([("127.0.0.1", 0)])
    failing = Listening(real, [OSError(errno.EMFILE, "planted")])
    async with echo_door(GateLimits(), listeners=[failing]) as gate:  # type: ignore[list-item]
        client = await Client.connect(gate.addresses[0][1])
        gate._on_readable(failing)  # type: ignore[arg-type]
        assert gate._pauses
        await gate.close()
        await client.ended()


@asynccontextmanager
async def web_door(limits: GateLimits) -> AsyncIterator[tuple[Gate, int]]:
    """An aiohttp application behind a gate, wired as the daemon wires it."""

    @web.middleware
    async def head_is_here(request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
        assert request.transport is not None
        gate.request_seen(request.transport)
        return await handler(request)  # type: ignore[no-any-return, misc]

    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application(middlewares=[head_is_here])
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    gate = Gate("web", limits, runner.server)
    gate.open(open_listeners([("127.0.0.1", 0)]))
    try:
        yield gate, gate.addresses[0][1]
    finally:
        await gate.close()
        await runner.cleanup()
        await gate.wait_empty()


async def test_a_slow_head_is_closed_on_an_http_door() -> None:
    async with web_door(GateLimits(first_head_s=SOON_S)) as (gate, port):
        client = await Client.connect(port)
        client.writer.write(b"GET / HTTP/1.1\r\nHost: hub\r\nX-Slow: ")
        await client.ended()
        assert gate.counts().timed_out == 1


async def test_an_http_connection_is_kept_after_its_first_head() -> None:
    async with web_door(GateLimits(first_head_s=LATER_S)) as (gate, port):
        client = await Client.connect(port)
        request = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"
        client.writer.write(request)
        assert b"200 OK" in await client.reader.readuntil(b"hello")
        silent = await Client.connect(port)
        await silent.ended()  # its deadline began later, so the first one's would have passed
        client.writer.write(request)
        assert b"200 OK" in await client.reader.readuntil(b"hello")
        assert gate.counts().timed_out == 1
        await client.close()


async def test_a_handshake_that_failed_leaves_nothing_for_the_collector(
    identity: Callable[[int], NodeIdentity],
) -> None:
    """With TLS a connection is 300 KiB, of which the collector counts next to nothing."""
    gc.collect()
    gc.disable()
    try:
        async with echo_door(GateLimits(), identity(1)) as gate:
            for _number in range(3):
                client = await Client.connect(gate.addresses[0][1])
                client.writer.write(b"no TLS at all")
                await client.ended()
            await gate.wait_empty()
            await asyncio.sleep(0)  # whoever served it hears of it
            assert gate.counts().failed_handshake == 3
        assert [one for one in gc.get_objects() if isinstance(one, SSLProtocol)] == []
    finally:
        gc.enable()
