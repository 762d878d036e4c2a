"""Stores that are closed when the test ends, whatever happened."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hartig_node.store.memory import MemoryStore
from hartig_node.store.opening import open_store
from hartig_node.store.sqlite import SqliteStore
from support.records import NOW_MS, random_bytes_from

Opener = Callable[..., Awaitable[SqliteStore]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    """Open a store in a folder of this test (or another one); further arguments go to `open_store`."""
    stores: list[SqliteStore] = []

    async def opener(folder: Path | None = None, **options: Any) -> SqliteStore:
        settings = {"now_ms": lambda: NOW_MS, "random_bytes": random_bytes_from(len(stores)), **options}
        store = await open_store(tmp_path / "hub" if folder is None else folder, **settings)
        stores.append(store)
        return store

    yield opener
    for store in stores:
        await store.close()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, opened: Opener) -> AsyncIterator[MemoryStore | SqliteStore]:
    """An empty store of either kind."""
    made = MemoryStore(now_ms=lambda: NOW_MS) if request.param == "memory" else await opened()
    yield made
    await made.close()
