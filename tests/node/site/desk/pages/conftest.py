"""Shared by the tests of the desk: two real boards of one network, and a paired browser at the first one's desk."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hartig_node.board.belonging.pairing import DeskReport
from hartig_node.site.desk.app import make_desk
from node.site.desk.pages.desks import DeskBrowser, People
from support.boards import Bench, running_boards


@pytest.fixture
async def benches() -> AsyncIterator[list[Bench]]:
    async with running_boards(2) as running:
        yield running


@pytest.fixture
def ours(benches: list[Bench]) -> Bench:
    return benches[0]


@pytest.fixture
def people(benches: list[Bench]) -> People:
    return People(*benches)


@pytest.fixture
async def desk(ours: Bench) -> AsyncIterator[DeskBrowser]:
    async def look() -> DeskReport:
        return DeskReport("shut")

    pairing = ours.board.pairing
    pairing.look_at_door = look
    secret = await pairing.pair((await pairing.make_code()).code, "phone at the desk")
    assert secret is not None
    client: TestClient[Any, Any]
    async with TestClient(TestServer(make_desk(ours.board, ours.engine.clock.now))) as client:
        yield DeskBrowser(client, secret)
