"""Shared by the tests of the net room: identities, and a patience that no healthy test ever needs."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from hartig_node.net.certificates import NodeIdentity

PATIENCE_S = 20.0


@pytest.fixture
def identity() -> Callable[[int], NodeIdentity]:
    """Make the identity number so and so: the same one each time."""
    return lambda number: NodeIdentity.from_seed(bytes([number]) * 32)


@pytest.fixture
async def patience() -> AsyncIterator[None]:
    """End a test that hangs; nothing is measured by it.

    The test runs in a task of its own, so a time-out around the `yield` would end only the fixture.
    """
    loop = asyncio.get_running_loop()

    def give_up() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel("the test hangs")

    giving_up = loop.call_later(PATIENCE_S, give_up)
    yield
    giving_up.cancel()
