"""The organisers' door of a test: on real sockets with real TLS, over a real board and a clock that only it moves."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookies import SimpleCookie

import aiohttp
import pytest

from hartig_node.api.server import ApiServer
from hartig_node.daemon.config import Config
from hartig_node.daemon.desk import OrganisersDoor
from hartig_node.daemon.folder import HubFolder
from hartig_node.site.desk.session import COOKIE
from support.boards import Bench

CONFIG = Config(interfaces=("127.0.0.1",), site_names=("hub.test",), desk_port=0)


@dataclass
class Running:
    """A door that runs, and what a test may want to reach of it."""

    bench: Bench
    door: OrganisersDoor
    folder: HubFolder
    api: ApiServer

    async def code(self, name: str = "") -> str:
        return (await self.bench.board.pairing.make_code(name)).code

    async def is_open(self) -> bool:
        """Whether somebody answers, after all that was to be opened or shut is."""
        port = self.door.port
        await self.door._settle()
        if self.door.port is None and port is not None:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
        return (await self.door.report()).state == "open"


Open = Callable[..., Awaitable[Running]]


@dataclass
class Device:
    """A device at the door: its session, and what it gets."""

    browser: aiohttp.ClientSession
    port: int | None
    secret: str = ""

    async def ask(self, method: str, path: str, **fields: str) -> aiohttp.ClientResponse:
        host = f"127.0.0.1:{self.port}"
        headers = {"Origin": f"https://{host}", "Cookie": f"{COOKIE}={self.secret}"}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"  # as browsers say, also of an empty form
        async with self.browser.request(
            method, f"https://{host}{path}", headers=headers, data=fields or None, allow_redirects=False
        ) as response:
            await response.read()
            return response

    async def pair(self, code: str) -> None:
        response = await self.ask("POST", "/pair", code=code, name="Phone")
        assert response.status == 303, response
        jar: SimpleCookie = SimpleCookie()
        jar.load(response.headers["Set-Cookie"])
        self.secret = jar[COOKIE].value
