"""The neighbours' door: real sockets, behind the gate."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from hartig_node.net.gate import Gate, GateLimits
from hartig_node.net.sockets import ListenError, open_listeners
from hartig_node.ports import DoorCaps, GateMaker, ProtocolFactory
from hartig_node.site.app import make_site
from hartig_node.site.server import SITE_CAPS, PageServer
from node.site.fakes import BoardInMemory, TurnedClock
from node.site.reading import read

PATIENCE_S = 20.0


def make_gate(name: str, factory: ProtocolFactory, caps: DoorCaps) -> Gate:
    return Gate(name, GateLimits(caps.connections_max, caps.per_address_max, caps.per_loopback_max), factory)


def make_impatient_gate(name: str, factory: ProtocolFactory, _caps: DoorCaps) -> Gate:
    return Gate(name, GateLimits(first_head_s=0.0), factory)


def site_server(board: BoardInMemory, clock: TurnedClock, gates: GateMaker = make_gate) -> PageServer:
    return PageServer("neighbours' pages", make_site(board, clock), SITE_CAPS, gates)


async def test_pages_are_served_and_nothing_is_left_when_the_door_closes(
    board: BoardInMemory, clock: TurnedClock
) -> None:
    server = site_server(board, clock)
    await server.open(open_listeners([("127.0.0.1", 0)]))
    (address,) = server.addresses
    async with asyncio.timeout(PATIENCE_S):
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{address[1]}/") as response:
            assert response.status == 200
        await server.close()
    assert server.addresses == []
    await server.close()  # twice does no harm


async def test_a_door_that_could_not_open_leaves_nothing_behind(board: BoardInMemory, clock: TurnedClock) -> None:
    ended = []

    async def end(_app: web.Application) -> None:
        ended.append("the pages")

    def no_gate(*_: object) -> Gate:
        raise ListenError("no room")

    pages = make_site(board, clock)
    pages.on_cleanup.append(end)
    server = PageServer("neighbours' pages", pages, SITE_CAPS, no_gate)
    with pytest.raises(ListenError):
        await server.open([])
    await server.close()
    assert ended == ["the pages"]


async def test_who_says_nothing_is_let_go(board: BoardInMemory, clock: TurnedClock) -> None:
    server = site_server(board, clock, make_impatient_gate)
    await server.open(open_listeners([("127.0.0.1", 0)]))
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        assert await reader.read() == b""
        writer.close()
        await server.close()


async def test_a_request_that_came_in_time_keeps_its_connection(board: BoardInMemory, clock: TurnedClock) -> None:
    server = site_server(board, clock)
    await server.open(open_listeners([("127.0.0.1", 0)]))
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        for _request in range(2):
            writer.write(b"GET /icon.svg HTTP/1.1\r\nHost: hub\r\n\r\n")
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200")
            await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        (admission,) = server._gate._admissions.values()  # type: ignore[union-attr]
        assert admission.seen
        assert admission.deadline is None
        writer.close()
        await server.close()


async def test_no_address_of_a_neighbour_stands_in_the_log(
    board: BoardInMemory, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    server = site_server(board, clock)
    await server.open(open_listeners([("127.0.0.1", 0)]))
    board.posts.fails_with = ZeroDivisionError("our bug")  # type: ignore[assignment]
    async with asyncio.timeout(PATIENCE_S):
        for request, status in ((b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n", b"500"), (b"GET \x00\r\n\r\n", b"400")):
            reader, writer = await asyncio.open_connection(*server.addresses[0])
            writer.write(request)
            assert (await reader.readline()).split()[1] == status
            writer.close()
        await server.close()
    assert [record.message for record in caplog.records] == ["pages: a request failed"]
    assert "our bug" in caplog.text
    assert "127.0.0.1" not in caplog.text


async def test_an_address_that_looks_like_another_host_leads_nowhere(board: BoardInMemory, clock: TurnedClock) -> None:
    server = site_server(board, clock)
    await server.open(open_listeners([("127.0.0.1", 0)]))
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(*server.addresses[0])
        for method in (b"GET", b"POST"):
            writer.write(method + b" //evil.example/ HTTP/1.1\r\nHost: hub\r\nOrigin: http://hub\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 404")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            read((await reader.readexactly(length)).decode())
        writer.close()
        await server.close()
