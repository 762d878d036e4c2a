"""What a daemon does at its start about a store that is not what it was: nothing signed before goes on."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgpack
import pytest

from hartig_node.board.signing import KEY_RESTORES, KEY_SEQ_FLOOR, SEQ_RAISE, SPACE_SETTING
from hartig_node.daemon.config import Config
from hartig_node.daemon.folder import HubFolder, NetworkFile
from hartig_node.daemon.node import Node
from hartig_node.store.opening import open_store
from hartig_node.store.sqlite import SqliteStore
from hartig_protocol.limits import NETWORK_ID_BYTES
from support.records import NOW_MS, key


@asynccontextmanager
async def stored(path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(path, now_ms=lambda: NOW_MS, random_bytes=secrets.token_bytes)
    try:
        yield store
    finally:
        await store.close()


async def floor_after_a_start(path: Path, store: SqliteStore) -> int:
    folder = HubFolder(path)
    folder.make()
    if not folder.has_key("hub"):
        folder.write_key("hub", key("hub").seed)
    node = Node(folder, Config())
    try:
        await node._keep_identity(store, key("hub"), NetworkFile(bytes(NETWORK_ID_BYTES), None))
    finally:
        await node.stop()
    floor = await store.private_get(SPACE_SETTING, KEY_SEQ_FLOOR)
    return 0 if floor is None else int(msgpack.unpackb(floor))


async def test_what_is_whole_goes_on(tmp_path: Path) -> None:
    async with stored(tmp_path) as store:
        assert await floor_after_a_start(tmp_path, store) == 0


@pytest.mark.parametrize("note", ["restored", "damaged"])
async def test_what_was_restored_or_damaged_does_not(tmp_path: Path, note: str) -> None:
    async with stored(tmp_path) as store:
        await store.meta_set(note, "hartig.db.damaged-1")
        assert await floor_after_a_start(tmp_path, store) == SEQ_RAISE
        assert await store.meta_get("restored") is None


@pytest.mark.parametrize("note", ["restored", "damaged"])
async def test_a_restore_is_counted_and_damage_is_not(tmp_path: Path, note: str) -> None:
    async with stored(tmp_path) as store:
        for when in (1, 2):
            await store.meta_set(note, when)
            await floor_after_a_start(tmp_path, store)
        row = await store.private_get(SPACE_SETTING, KEY_RESTORES)
        times = None if row is None else msgpack.unpackb(row)[0]
        assert times == {"restored": 2, "damaged": None}[note]
