"""Connections to the database: where it lies, how it is opened, and what its errors mean.

One connection writes and checkpoints; up to 3.51.2 SQLite can damage a file when two do so at once. Readers open with
`mode=ro` and can do neither.
"""

import os
import sqlite3
from pathlib import Path

from hartig_node.ports import StoreDamagedError, StoreError, StoreFullError

DATABASE_NAME = "hartig.db"
APPLICATION_ID = 0x48525447  # "HRTG"
LOG_PAGES = 500  # then the log goes into the database: 2 MB, so that a start after a crash is quick
LOG_BYTES_MAX = 8 * 1024 * 1024
CACHE_KIB = 2048  # of a connection: with half, 30,000 records take a tenth longer to fill in, with twice no less

ConnectionFactory = type[sqlite3.Connection]

# For each byte string that is bound Python looks for `__adapt__` and `__conform__`, in vain, unless its type has an
# adapter: that costs as much as to store it, and with the interpreter locked. This one gives back what it gets.
sqlite3.register_adapter(bytes, bytes)

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def connect(
    path: Path,
    factory: ConnectionFactory = sqlite3.Connection,
    *,
    mode: str = "ro",
    immutable: bool = False,
    cache_kib: int | None = None,
) -> sqlite3.Connection:
    """Open an existing database file; transactions are begun and ended by hand. A bound on the cache reads the file."""
    uri = f"{path.absolute().as_uri()}?mode={mode}{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, factory=factory, cached_statements=256)
    # Statement journals and sorts stay in memory: in a temporary file texts would lie outside the hub's folder.
    for pragma in ("mmap_size=0", "trusted_schema=OFF", "cell_size_check=ON", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    if cache_kib is not None:
        connection.execute(f"PRAGMA cache_size=-{cache_kib}")
    if mode == "ro":
        connection.execute("PRAGMA query_only=ON")
    return connection


def connect_writer(path: Path, factory: ConnectionFactory, cache_kib: int = CACHE_KIB) -> sqlite3.Connection:
    """Open the connection that writes; makes the file, readable by its owner alone, where there is none."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = connect(path, factory, mode="rw")
    try:
        _set_up(connection, path, cache_kib)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path, cache_kib: int) -> None:
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # heeded for a new file alone
    journal = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if journal != "wal":
        raise StoreError(f"{path}: this file system cannot hold the store (no shared memory): use a local disk")
    for pragma in (
        "synchronous=FULL",
        f"wal_autocheckpoint={LOG_PAGES}",
        f"journal_size_limit={LOG_BYTES_MAX}",
        "secure_delete=ON",
        f"cache_size=-{cache_kib}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def is_full(error: BaseException) -> bool:
    """Tell whether the disk was full."""
    return _code(error) == sqlite3.SQLITE_FULL


def is_damage(error: BaseException) -> bool:
    """Tell whether the file is not what SQLite wrote."""
    return _code(error) in _DAMAGE


def _code(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def as_store_error(path: Path, error: sqlite3.Error) -> StoreError:
    """Say what an error of SQLite means for whoever waits for an answer."""
    if is_damage(error):
        return StoreDamagedError(
            f"{path} is damaged ({error}): start again, which sets the file aside and keeps what can be read, "
            "or restore a backup"
        )
    if is_full(error):
        return StoreFullError(f"{path}: the disk is full: make room on the disk that holds the folder")
    return StoreError(f"{path}: {error}; see `hartig doctor`")


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
