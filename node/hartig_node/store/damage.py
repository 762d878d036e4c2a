"""What to do with a file that is not what it was: set it aside, keep what can be read.

In: a damaged database. Out: the same under `hartig.db.damaged-N` with its log beside it, its private rows carried over
into the new database, and, from `salvage`, the wires of all records that can still be read. The caller (the daemon)
hands those to the core, which opens and judges each like one from a stranger; so no damage gets in, and the new
database has an epoch of its own, under which every cursor of a peer is void. The old file holds texts that may have
been withdrawn since (design, P8), so it goes after a while (`forget_aside`), by a trusted clock.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from hartig_node.files import sync_folder
from hartig_node.store.connection import DATABASE_NAME, connect
from hartig_node.store.rows import WIRE_COLUMNS
from hartig_node.store.schema import meta_get, meta_set
from hartig_protocol.limits import BODY_KEPT_MS, THREAD_KEPT_MS
from hartig_protocol.records.record import Wire

logger = logging.getLogger(__name__)

SALVAGE_WAITS = "salvage_waits"  # the note that records of a damaged file cannot be proven yet
SET_ASIDE_MAX = 2  # each may be as large as the store
ASIDE_MS_MAX = BODY_KEPT_MS  # as long as the texts of what has expired
ASIDE_WAITS_MS_MAX = THREAD_KEPT_MS  # while records in it, which nobody else may have, cannot be proven yet
_SINCE = "aside_ms"
_LOST_IN_A_ROW_MAX = 10_000  # rows; a lost inner page covers fewer; then what is behind is given up, after a second
_LOST_BLINDLY_MAX = 500  # the same where not even the highest row is known
_SIDES = ("-wal", "-shm", "-journal")


def set_aside(folder: Path, why: str) -> Path:
    """Rename the database and its log to the next free `hartig.db.WHY-N`, and return the new path."""
    kept = _kept(folder, why)
    target = folder / f"{DATABASE_NAME}.{why}-{kept[-1][0] + 1 if kept else 1}"
    for side in _SIDES[:1]:
        _rename(folder / f"{DATABASE_NAME}{side}", Path(f"{target}{side}"))
    (folder / DATABASE_NAME).rename(target)
    for side in _SIDES[1:]:
        (folder / f"{DATABASE_NAME}{side}").unlink(missing_ok=True)
    for _, old in kept[: len(kept) + 1 - SET_ASIDE_MAX]:
        logger.warning("%s goes: only the newest %d are kept", old, SET_ASIDE_MAX)
        _remove(old)
    sync_folder(folder)
    return target


def forget_aside(folder: Path, now_ms: int | None, connection: sqlite3.Connection) -> None:
    """Delete what was set aside as damaged when its time is over; the first call begins that time."""
    kept = _kept(folder, "damaged")
    if not kept or now_ms is None:
        return
    since_ms = meta_get(connection, _SINCE)
    if not isinstance(since_ms, int):
        meta_set(connection, _SINCE, now_ms)
        return
    waits = meta_get(connection, "damaged") or meta_get(connection, SALVAGE_WAITS)
    if now_ms - since_ms < (ASIDE_WAITS_MS_MAX if waits else ASIDE_MS_MAX):
        return
    for _, old in kept:
        logger.warning("%s, which was damaged and set aside, goes: its time is over", old)
        _remove(old)
    sync_folder(folder)
    for note in (_SINCE, "damaged", SALVAGE_WAITS):
        meta_set(connection, note, None)


def _remove(old: Path) -> None:
    for path in (old, *(Path(f"{old}{side}") for side in _SIDES)):
        path.unlink(missing_ok=True)


def newest_aside(folder: Path, why: str) -> Path | None:
    """Return the database that was set aside last for this reason."""
    kept = _kept(folder, why)
    return kept[-1][1] if kept else None


def _rename(source: Path, target: Path) -> None:
    if source.exists():
        source.rename(target)


def _kept(folder: Path, why: str) -> list[tuple[int, Path]]:
    prefix = f"{DATABASE_NAME}.{why}-"
    numbered = ((path.name.removeprefix(prefix), path) for path in folder.glob(f"{prefix}*"))
    return sorted((int(number), path) for number, path in numbered if number.isdecimal())


def salvage(path: Path) -> Iterator[Wire]:
    """Return the wires of all records that can be read of a damaged database, in the order of arrival.

    Nothing is verified here: open each with `open_record`. Never raises for damage.
    """
    try:
        connection = connect(path)
    except sqlite3.Error:
        return
    try:
        for row in _each(connection, "records", "n", WIRE_COLUMNS):
            head, signature, body = row[1:]
            if isinstance(head, bytes) and isinstance(signature, bytes) and isinstance(body, bytes | None):
                yield (head, signature, body)
    finally:
        connection.close()


def _each(connection: sqlite3.Connection, table: str, key: str, columns: str) -> Iterator[tuple[object, ...]]:
    """Walk a table by row id, stepping over what cannot be read."""
    highest = _highest(connection, table, key)
    at, lost = 0, 0
    query = f"SELECT {key}, {columns} FROM {table} WHERE {key} > ? ORDER BY {key}"  # noqa: S608 - constants
    while lost < (_LOST_BLINDLY_MAX if highest is None else _LOST_IN_A_ROW_MAX):
        try:
            for row in connection.execute(query, (at,)):
                at, lost = row[0], 0
                yield row
            return
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if not _may_go_on(error):
                return
        at, lost = at + 1, lost + 1
        if highest is not None and at > highest:
            return
        row = _try(partial(_one, connection, table, key, columns, at))
        if isinstance(row, tuple):
            lost = 0
            yield row


def _may_go_on(error: Exception) -> bool:
    """Tell whether other rows may be readable: not in a file that is no database, or has no such table."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR)


def _one(connection: sqlite3.Connection, table: str, key: str, columns: str, at: int) -> object:
    sql = f"SELECT {key}, {columns} FROM {table} WHERE {key} = ?"  # noqa: S608 - constants
    return connection.execute(sql, (at,)).fetchone()


def _highest(connection: sqlite3.Connection, table: str, key: str) -> int | None:
    found: list[int] = []
    for look in (
        lambda: connection.execute(f"SELECT max({key}) FROM {table}").fetchone()[0],  # noqa: S608 - constants
        lambda: meta_get(connection, "last_n") if table == "records" else None,
    ):
        value = _try(look)
        if isinstance(value, int):
            found.append(value)
    return max(found, default=None)


def _try(look: Callable[[], object]) -> object:
    try:
        return look()
    except (sqlite3.Error, UnicodeDecodeError):
        return None


def carry_private(damaged: Path, target: sqlite3.Connection) -> int:
    """Copy what can be read of the private rows into a new database, inside a transaction; return how many."""
    try:
        source = connect(damaged)
    except sqlite3.Error:
        return 0
    carried = 0
    try:
        for row in _each(source, "private", "rowid", "space, key, value, expires_ms"):
            space, key, value, expires_ms = row[1:]
            whole = isinstance(space, str) and isinstance(key, bytes) and isinstance(value, bytes)
            if whole and isinstance(expires_ms, int | None):
                target.execute("INSERT OR REPLACE INTO private VALUES (?, ?, ?, ?)", row[1:])
                carried += 1
    finally:
        source.close()
    return carried
