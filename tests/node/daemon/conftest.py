"""Shared by the tests of the organisers' door."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from hartig_node.api.server import ApiServer
from hartig_node.daemon.config import Config
from hartig_node.daemon.desk import OrganisersDoor
from hartig_node.daemon.doors import make_gate
from hartig_node.daemon.folder import HubFolder
from hartig_node.tasks import Tasks
from node.daemon.desks import CONFIG, Open, Running
from support.boards import running_board


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Run a door; `trusted` says whether its hub knows the time."""
    async with AsyncExitStack() as stack:

        async def run(config: Config = CONFIG, *, trusted: bool = True) -> Running:
            bench = await stack.enter_async_context(running_board(trusted=trusted))
            folder = HubFolder(tmp_path / "hub")
            folder.make()
            await bench.board.pairing.load()
            tasks = Tasks(lambda name, error: bench.failures.append(f"{name}: {error!r}"))
            stack.push_async_callback(tasks.close)
            api = ApiServer(bench.board, make_gate)
            stack.push_async_callback(api.close)
            door = OrganisersDoor(bench.board, bench.board.context.clock, folder, config, api)
            stack.push_async_callback(door.close)
            tasks.start(door.run(), "door")
            return Running(bench, door, folder, api)

        yield run


@pytest.fixture
async def running(opened: Open) -> Running:
    return await opened()


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that was told to go on; the cookies are the test's own business."""
    connector = aiohttp.TCPConnector(ssl=False, force_close=True)
    patience = aiohttp.ClientTimeout(20)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=patience
    ) as session:
        yield session
