"""Shared by the tests of the neighbours' pages."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hartig_node.site.app import make_site
from node.site.fakes import BoardInMemory, Browser, PostsInMemory, TurnedClock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def board(clock: TurnedClock) -> BoardInMemory:
    return BoardInMemory(PostsInMemory(clock))


@pytest.fixture
async def browser(board: BoardInMemory, clock: TurnedClock) -> AsyncIterator[Browser]:
    async with TestClient(TestServer(make_site(board, clock))) as client:
        yield Browser(client)
