from collections.abc import AsyncIterator

import pytest

from support.boards import Bench, running_board


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_board() as running:
        yield running
