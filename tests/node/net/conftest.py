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
    """End a test that hangs; nothing is measured by it."""
    async with asyncio.timeout(PATIENCE_S):
        yield
