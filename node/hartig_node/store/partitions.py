"""The stores of partner networks' records: FOLDER/partners/<network id>/, each with a database of its own.

In: networks. Out: open stores, small ones (`CACHE_KIB`), that share the reserve of the home store, and what that knows
of the disk. All that they hold others hold, too: what is damaged is made anew, and no backup has any of it.

    <network id>            the store of one network
    <network id>.going      one that was dropped, while its files are deleted; a start finds what a power cut has left
"""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from hartig_node.files import sync_folder
from hartig_node.ports import StoreError, StoreFullError
from hartig_node.store.connection import ConnectionFactory
from hartig_node.store.opening import make_folder, open_store
from hartig_node.store.reserve import Reserve
from hartig_node.store.sqlite import SqliteStore
from hartig_node.store.workers import Result
from hartig_protocol.limits import NETWORK_ID_BYTES

logger = logging.getLogger(__name__)

FOLDER_NAME = "partners"
GOING = ".going"
CACHE_KIB = 256  # an eighth of what the home store has: a partner shares less, and it is looked at less


def folders(folder: Path) -> dict[bytes, Path]:
    """Return the folders of all partitions in a hub's folder, by network; no others, and nothing that is a link."""
    found: dict[bytes, Path] = {}
    within = folder / FOLDER_NAME
    for path in sorted(within.iterdir()) if within.is_dir() and not within.is_symlink() else ():
        name = _name_of(path)
        if name is not None and path.is_dir() and not path.is_symlink():
            found[name] = path
    return found


def _name_of(path: Path) -> bytes | None:
    try:
        name = bytes.fromhex(path.name)
    except ValueError:
        return None
    return name if len(name) == NETWORK_ID_BYTES and name.hex() == path.name else None


class SqlitePartitions:
    """Implements `hartig_node.ports.Partitions` in a hub's folder, beside its store."""

    def __init__(
        self,
        folder: Path,
        reserve: Reserve,
        *,
        now_ms: Callable[[], int | None],
        random_bytes: Callable[[int], bytes],
        connection_factory: ConnectionFactory = sqlite3.Connection,
    ) -> None:
        """Begin with none open; whoever calls holds the folder, and closes these before the home store."""
        self._hub, self._folder = folder, folder / FOLDER_NAME
        self._reserve, self._now_ms, self._random_bytes = reserve, now_ms, random_bytes
        self._factory = connection_factory
        self._open: dict[bytes, SqliteStore] = {}

    def __repr__(self) -> str:
        return f"<SqlitePartitions {self._folder}, {len(self._open)} open>"

    async def open(self, name: bytes) -> SqliteStore:
        """Return the store of a network's records, made where there is none and made anew where it is damaged."""
        if name in self._open:
            return self._open[name]
        try:
            self._open[name] = await self._open_one(name)
        except StoreFullError:
            raise
        except StoreError as error:
            logger.warning("%s; it is made anew, and filled by other hubs", error)
            await self.drop(name)
            self._open[name] = await self._open_one(name)
        return self._open[name]

    async def _open_one(self, name: bytes) -> SqliteStore:
        make_folder(self._folder)
        return await open_store(
            self._folder / name.hex(),
            now_ms=self._now_ms,
            random_bytes=self._random_bytes,
            reserve=self._reserve,
            cache_kib=CACHE_KIB,
            is_replaceable=True,
            connection_factory=self._factory,
        )

    async def drop(self, name: bytes) -> None:
        """Close and delete a store, if there is one; a power cut in the middle does not bring it back."""
        store = self._open.pop(name, None)
        if store is not None:
            await store.close()
        await _in_thread(self._delete, self._folder / name.hex())

    async def names(self) -> list[bytes]:
        """Return the networks of which something is kept, sorted, and delete what was dropped before."""
        return await _in_thread(self._look)

    async def close(self) -> None:
        """Close all stores."""
        for name in sorted(self._open):
            await self._open.pop(name).close()

    # --- In a thread

    def _look(self) -> list[bytes]:
        for going in self._folder.glob(f"*{GOING}"):
            _delete_all(going)
        return sorted(folders(self._hub))

    def _delete(self, path: Path) -> None:
        going = path.with_name(path.name + GOING)
        _delete_all(going)
        if path.is_dir() and not path.is_symlink():
            path.rename(going)
            sync_folder(self._folder)  # from here on it is dropped
            _delete_all(going)


def _delete_all(going: Path) -> None:
    if going.is_symlink() or not going.exists():
        return
    shutil.rmtree(going)
    sync_folder(going.parent)


async def _in_thread(work: Callable[..., Result], *arguments: Path) -> Result:
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        raise StoreError(f"cannot change {error.filename}: {error.strerror}") from error
