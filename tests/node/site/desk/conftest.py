"""Shared by the tests of the desk: pairing in memory, and a desk that is open to one browser."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hartig_node.site.desk.app import make_desk
from node.site.desk.paired import PairedBrowser, PairingInMemory
from node.site.fakes import TurnedClock


class OpenDesk(Protocol):
    """Opens a desk in front of a board, and returns the browser of a device that is paired, or is not."""

    async def __call__(
        self, board: Any, clock: TurnedClock, *, names: Collection[str] = (), is_paired: bool = True
    ) -> PairedBrowser: ...


@pytest.fixture
def pairing() -> PairingInMemory:
    return PairingInMemory()


@pytest.fixture
async def open_desk(pairing: PairingInMemory) -> AsyncIterator[OpenDesk]:
    async with AsyncExitStack() as stack:

        async def open_one(
            board: Any, clock: TurnedClock, *, names: Collection[str] = (), is_paired: bool = True
        ) -> PairedBrowser:
            board.pairing = pairing
            client: TestClient[Any, Any] = TestClient(TestServer(make_desk(board, clock, names)))
            await stack.enter_async_context(client)
            return PairedBrowser(client, pairing.add() if is_paired else "")

        yield open_one
