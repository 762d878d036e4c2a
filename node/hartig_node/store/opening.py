"""A folder -> an open store: lock, check, migrate; or set damage aside and begin anew.

In: the folder, a clock and a source of random bytes. Out: a `SqliteStore`. Called by the daemon at its start. All work
on the file is done by the writing thread, so the daemon can answer `/readyz` meanwhile.

    new file ------------------------------------------> tables, an epoch
    closed cleanly ------(small: checked all the same)--> migrated
    not closed cleanly --> SQLite's check, our own ------> migrated; the search index is checked too
    any of it finds damage -----------------------------> set aside; a new file, a new epoch, the private rows
    anything else that fails (no room, no rights) -------> StoreError, and nothing is changed
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hartig_node.files import sync_folder
from hartig_node.ports import StoreDamagedError, StoreError
from hartig_node.store import remains
from hartig_node.store.applying import expire_private
from hartig_node.store.checking import find_broken_promises, find_structure_problems, find_unreadable_governance
from hartig_node.store.connection import (
    APPLICATION_ID,
    CACHE_KIB,
    DATABASE_NAME,
    ConnectionFactory,
    as_store_error,
    connect_writer,
    is_damage,
    is_full,
)
from hartig_node.store.damage import carry_private, newest_aside, set_aside
from hartig_node.store.indexing import is_true, keep_form, rebuild
from hartig_node.store.lock import FolderLock
from hartig_node.store.reserve import Reserve
from hartig_node.store.row_seal import RowSeal
from hartig_node.store.schema import (
    MIGRATIONS,
    Migration,
    Progress,
    application_of,
    check_version,
    meta_get,
    meta_set,
    migrate,
    version_of,
)
from hartig_node.store.sqlite import Opened, SqliteStore
from hartig_node.store.workers import call
from hartig_node.store.writer import Writer
from hartig_protocol.limits import EPOCH_BYTES

logger = logging.getLogger(__name__)

CHECKED_ANYWAY_BYTES_MAX = 32 * 1024 * 1024  # about 50 ms: damage to a cleanly closed file is found at once
EXPIRED_AT_START_MAX = 10_000


class _DamagedError(Exception):
    """The file is not what SQLite wrote; the message says how that shows."""


@dataclass
class _Plan:
    """What the opening job needs to know."""

    folder: Path
    now_ms: Callable[[], int | None]
    random_bytes: Callable[[int], bytes]
    factory: ConnectionFactory
    migrations: Sequence[Migration]
    on_progress: Progress | None
    reserve: Reserve
    cache_kib: int
    is_replaceable: bool
    row_seal: RowSeal | None

    @property
    def path(self) -> Path:
        """The database."""
        return self.folder / DATABASE_NAME

    def progress(self, what: str, done: int, total: int) -> None:
        """Tell whoever waits for the start."""
        if self.on_progress is not None:
            self.on_progress(what, done, total)


async def open_store(
    folder: Path,
    *,
    now_ms: Callable[[], int | None],
    random_bytes: Callable[[int], bytes],
    on_progress: Progress | None = None,
    on_failure: Callable[[BaseException], None] | None = None,
    connection_factory: ConnectionFactory = sqlite3.Connection,
    migrations: Sequence[Migration] = MIGRATIONS,
    reserve: Reserve | None = None,
    cache_kib: int = CACHE_KIB,
    is_replaceable: bool = False,
    row_seal: RowSeal | None = None,
) -> SqliteStore:
    """Open the store of a folder, making both where there is none.

    Args:
        folder: holds the database, its log, the lock and the reserve; made with mode 0700.
        now_ms: milliseconds since 1970, or None while the clock is not trusted (then nothing expires).
        random_bytes: the system's source, for the epoch.
        on_progress: called in the loop with what is done, steps done and steps in all.
        on_failure: called in the loop once, when only a new start from disk can tell what is true.
        connection_factory: the class of the connection that writes (tests plant faults in it).
        migrations: the way to the newest tables (tests add a step).
        reserve: that of another store on this disk, to be shared; one of its own is made if none is given.
        cache_kib: what each of its two connections may keep in memory.
        is_replaceable: others hold all that is in it, so nothing damaged is set aside.
        row_seal: seals private rows, also those that were written without.

    Raises:
        StoreDamagedError: it is damaged, and replaceable; nothing is changed.
        StoreFullError: there is no room for a new one.
        StoreError: the folder is in use, cannot be written, or its store is of a newer program.
    """
    loop = asyncio.get_running_loop()
    make_folder(folder)
    lock = FolderLock(folder)
    lock.acquire()
    reserve = Reserve(folder) if reserve is None else reserve
    writer = Writer(reserve, now_ms, on_failure)
    tell = None if on_progress is None else _in_loop(loop, on_progress)
    plan = _Plan(
        folder, now_ms, random_bytes, connection_factory, migrations, tell, reserve, cache_kib, is_replaceable, row_seal
    )
    try:
        opened = await writer.do(lambda: _open(plan, writer), partial(as_store_error, plan.path))
    except BaseException:
        await writer.stop()
        lock.release()
        raise
    return SqliteStore(plan.path, lock, reserve, writer, opened, cache_kib, row_seal)


def make_folder(folder: Path) -> None:
    """Make the folder, for its owner alone, where there is none."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {folder}: {error.strerror}") from error


def _in_loop(loop: asyncio.AbstractEventLoop, on_progress: Progress) -> Progress:
    return lambda what, done, total: call(loop, lambda: on_progress(what, done, total))


# --- In the writing thread


def _open(plan: _Plan, writer: Writer) -> Opened:
    try:
        opened = _open_or_set_aside(plan, writer)
    except OSError as error:
        raise StoreError(f"cannot write {error.filename or plan.path}: {error.strerror}") from error
    if not writer.is_full and not plan.reserve.make():
        opened.problems.append("the disk is nearly full: there is no room for the reserve of 4 MiB. Make room")
    sync_folder(plan.folder)
    return opened


def _open_or_set_aside(plan: _Plan, writer: Writer) -> Opened:
    try:
        return _open_checked(plan, writer)
    except _DamagedError as error:
        if plan.is_replaceable:
            raise StoreDamagedError(f"{plan.path} is damaged: {error}") from error
        why = str(error)
    aside = set_aside(plan.folder, "damaged")
    logger.error("the store's file was damaged (%s) and set aside as %s", why, aside)
    opened = _open_checked(plan, writer)
    opened.clean_start = False
    opened.problems.append(
        f"the store's file was damaged ({why}) and set aside as {aside}; what can be read of it is taken over, "
        "the rest comes again from the neighbours, or from a backup by `hartig restore`. The damaged file goes by "
        "itself after a week, or after five while something in it waits to be proven"
    )
    return opened


def _open_checked(plan: _Plan, writer: Writer) -> Opened:
    """Open the file; raise `_DamagedError` where it is not what it should be, with the connection closed."""
    connection: sqlite3.Connection | None = None
    try:
        is_new = not plan.path.exists() or plan.path.stat().st_size == 0
        connection = connect_writer(plan.path, plan.factory, plan.cache_kib)
        clean = is_new or _look(plan, connection)
        migrate(connection, plan.migrations, plan.progress)
        _begin(plan, connection, clean=clean)
        _refuse_damage(find_unreadable_governance(connection))
        if not clean:
            _refuse_damage(find_broken_promises(connection))
        _clear_remains(plan, connection)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
            raise _DamagedError(str(error)) from error
        raise
    last_seq = connection.execute("SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'feed'").fetchone()[0]
    writer.adopt(connection, int(last_seq))
    return Opened(clean, [])


def _look(plan: _Plan, connection: sqlite3.Connection) -> bool:
    """Check an existing file where there is reason to, and tell whether it was closed cleanly."""
    version = version_of(connection)
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
        return True  # a power cut came before the first tables
    if application_of(connection) != APPLICATION_ID:
        raise _DamagedError("it is not a store of this program")
    check_version(connection, plan.migrations)
    clean = meta_get(connection, "clean") == 1
    if not clean or plan.path.stat().st_size <= CHECKED_ANYWAY_BYTES_MAX:
        plan.progress("checking the store", 0, 1)
        _refuse_damage(find_structure_problems(connection, thorough=False))
        plan.progress("checking the store", 1, 1)
    return clean


def _refuse_damage(problems: list[str]) -> None:
    if problems:
        raise _DamagedError("; ".join(problems[:3]))


def _begin(plan: _Plan, connection: sqlite3.Connection, *, clean: bool) -> None:
    """Note that the store is open; on a full disk with the help of the reserve."""
    try:
        _note_open(plan, connection, clean=clean)
    except sqlite3.OperationalError as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if not is_full(error):
            raise
        plan.reserve.release()
        _note_open(plan, connection, clean=clean)


def _clear_remains(plan: _Plan, connection: sqlite3.Connection) -> None:
    """Write the database anew where remains of deleted texts are due to go; on a full disk another time."""
    if not remains.are_due(connection, plan.now_ms()):
        return
    plan.progress("clearing away what was deleted", 0, 1)
    try:
        remains.remake(connection)
    except sqlite3.OperationalError as error:
        logger.warning("what was deleted is cleared away another time: %s", error)
    plan.progress("clearing away what was deleted", 1, 1)


def _note_open(plan: _Plan, connection: sqlite3.Connection, *, clean: bool) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if meta_get(connection, "epoch") is None:
        if connection.execute("SELECT 1 FROM records").fetchone() is not None:
            raise _DamagedError("notes about this store are missing")
        meta_set(connection, "epoch", plan.random_bytes(EPOCH_BYTES))
        meta_set(connection, "created_ms", plan.now_ms() or 0)
        _carry_over(plan, connection)
    meta_set(connection, "clean", 0)
    keep_form(connection)
    if not clean and not is_true(connection):
        logger.warning("the search index did not fit the texts and is made anew")
        rebuild(connection)
    expire_private(connection, plan.now_ms(), EXPIRED_AT_START_MAX)
    if plan.row_seal is not None:
        plan.row_seal.seal_all(connection)
    connection.execute("COMMIT")


def _carry_over(plan: _Plan, connection: sqlite3.Connection) -> None:
    """Take over what a damaged file says, in the transaction that begins the new one.

    So a power cut anywhere since it was set aside leaves a file that has not begun, and the next start comes here.
    """
    aside = newest_aside(plan.folder, "damaged")
    if aside is None or connection.execute("SELECT 1 FROM private").fetchone() is not None:
        return  # nothing was damaged, or this is another file with an epoch to come, such as a backup put back
    carried = carry_private(aside, connection)
    meta_set(connection, "damaged", aside.name)
    logger.warning("%d private rows were carried over; records are read from %s", carried, aside)
