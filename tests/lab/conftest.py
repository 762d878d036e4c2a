"""The fixture `lab`: an empty neighbourhood, where the machine can hold one."""

from collections.abc import AsyncIterator

import pytest

from lab.hosts import Lab
from lab.requirements import demand_all, what_is_missing


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    """A lab without hosts; skipped with the reason where the machine lacks something, except under CI."""
    demand_all(what_is_missing())
    async with Lab() as ready:
        yield ready
