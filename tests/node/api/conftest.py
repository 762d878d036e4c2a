"""Shared by the tests of the API: a board in memory behind real doors, with real sockets and real gates."""

import asyncio
import functools
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hartig_node.api.door import Door, loopback_door, unix_door
from hartig_node.api.server import ApiServer
from hartig_node.board.board import Board
from hartig_node.net.gate import Gate, GateLimits
from hartig_node.net.sockets import open_listeners, open_unix_listener
from hartig_node.ports import DoorCaps, ProtocolFactory
from node.api.fake_board import FakeBoard

PATIENCE_S = 20.0
SOON_S = 0.05  # a deadline that a test wants to see pass


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """End a test that hangs; nothing is measured by it. (A time-out in a fixture would not reach the test's task.)"""
    here = str(Path(__file__).parent)
    for item in items:
        if isinstance(item, pytest.Function) and str(item.path).startswith(here):
            item.obj = _patient(item.obj) if inspect.iscoroutinefunction(item.obj) else item.obj


def _patient(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def limited(*arguments: Any, **named: Any) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await test(*arguments, **named)

    return limited


@pytest.fixture
def board() -> FakeBoard:
    return FakeBoard()


@dataclass
class Api:
    """The API at both doors, and a client for each."""

    board: Any
    server: ApiServer
    gates: list[Gate]
    path: Path
    tcp: aiohttp.ClientSession
    unix: aiohttp.ClientSession
    door: Door
    unix_door: Door

    @property
    def port(self) -> int:
        return self.gates[0].addresses[0][1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, aiohttp.ClientResponse]:
        """Ask over the Unix socket, where no token is needed."""
        async with self.unix.request(method, f"http://localhost{path}", **options) as response:
            body = await response.read()
            return response.status, await response.json(content_type=None) if body else None, response

    async def problem(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Ask over the Unix socket and expect a problem."""
        status, data, response = await self.ask(method, path, **options)
        assert response.content_type == "application/problem+json", data
        assert status == data["status"]
        assert data["type"] == f"urn:hartig:problem:{data['code']}"
        assert data["title"]
        assert data["detail"]
        found: dict[str, Any] = data
        return found

    async def token(self, *scopes: str, days: float | None = None) -> dict[str, str]:
        """Return the header of a new token."""
        _view, secret = await self.board.tokens.add("test", scopes or ("read",), days)
        return {"Authorization": f"Bearer {secret}"}

    async def raw(self, data: bytes) -> bytes:
        """Send bytes to the loopback door and return one answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            return head + await reader.readexactly(int(length[1]) if length else 0)
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)


MakeApi = Callable[..., Awaitable[Api]]


@pytest.fixture
async def make_api(board: FakeBoard, tmp_path: Path) -> AsyncIterator[MakeApi]:
    """Return what opens the API at both doors; all of it ends with the test."""
    async with AsyncExitStack() as stack:

        async def make(first_head_s: float = 3600.0, board: Board = board, **options: Any) -> Api:
            gates: list[Gate] = []

            def make_gate(name: str, factory: ProtocolFactory, caps: DoorCaps) -> Gate:
                most = caps.connections_max
                limits = GateLimits(most, caps.per_address_max, caps.per_loopback_max, first_head_s=first_head_s)
                gates.append(Gate(name, limits, factory))
                return gates[-1]

            server, path = ApiServer(board, make_gate, **options), tmp_path / "api.sock"
            doors = loopback_door(), unix_door()
            await server.open(doors[0], open_listeners([("127.0.0.1", 0)]))
            await server.open(doors[1], [open_unix_listener(path)])
            stack.push_async_callback(server.close)
            tcp = await stack.enter_async_context(aiohttp.ClientSession())
            unix = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))))
            return Api(board, server, gates, path, tcp, unix, *doors)

        yield make


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    return await make_api()
