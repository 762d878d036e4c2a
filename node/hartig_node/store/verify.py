"""A second look at a store that is not in use, or at a backup: structure, promises, and every signature.

In: a folder or a backup file. Out: a `VerifyReport`; nothing is written. Called by `hartig verify`. What a folder holds
of partner networks is looked at, too, and told of apart: others hold all of it, so damage there costs nothing but time.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hartig_node.ports import StoreError
from hartig_node.store.checking import find_problems
from hartig_node.store.connection import DATABASE_NAME, connect
from hartig_node.store.lock import FolderLock
from hartig_node.store.partitions import folders
from hartig_node.store.rows import ENTRY_COLUMNS, WIRE_COLUMNS, entry_of
from hartig_node.store.schema import check_version
from hartig_protocol.catalog.entry import Entry
from hartig_protocol.errors import RecordError
from hartig_protocol.records.opening import open_record
from hartig_protocol.values import value

BAD_LISTED_MAX = 100
_PROGRESS_EVERY = 1_000


@value
class BadRecord:
    """A record that is not what its author signed, under the id that the store has for it."""

    id: bytes
    reason: str


@value
class VerifyReport:
    """What was looked at and what is wrong; `bad_records` lists the first hundred of `bad_count`."""

    path: Path
    records: int
    posts: int
    problems: tuple[str, ...]
    bad_count: int
    bad_records: tuple[BadRecord, ...]
    partners: tuple["VerifyReport", ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all is well with this store; what it holds of partner networks does not count."""
        return not self.problems and self.bad_count == 0


def verify(path: Path, on_progress: Callable[[str, int, int], None] | None = None) -> VerifyReport:
    """Check a backup file, or the store of a folder that is not in use; about 10,000 records a second.

    Raises `StoreError` where there is nothing to check or the folder is in use.
    """
    if path.is_dir():
        database = path / DATABASE_NAME
        _need(database)
        with FolderLock(path):
            report = _verify_database(database, on_progress)
            partners = (_verify_partner(held / DATABASE_NAME) for held in folders(path).values())
            return replace(report, partners=tuple(partners))
    _need(path)
    connection = _connect(path)
    try:
        return _verify(path, connection, on_progress)
    finally:
        connection.close()


def _verify_database(path: Path, on_progress: Callable[[str, int, int], None] | None) -> VerifyReport:
    with _undisturbed(path) as connection:
        return _verify(path, connection, on_progress)


def _verify_partner(path: Path) -> VerifyReport:
    try:
        _need(path)
        return _verify_database(path, None)
    except (StoreError, sqlite3.Error) as error:
        return VerifyReport(path, 0, 0, (str(error),), 0, ())


def _need(path: Path) -> None:
    if not path.is_file():
        raise StoreError(f"there is no store at {path}")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return connect(path, immutable=True)
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {path}: {error}") from error


@contextmanager
def _undisturbed(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a database of a folder that we hold, and leave everything as it was.

    After an unclean end its log belongs to it. Whoever reads that may not write it back, but needs an index beside it.
    """
    log, index = Path(f"{database}-wal"), Path(f"{database}-shm")
    has_log = log.exists() and log.stat().st_size > 0
    had_index = index.exists()
    connection = connect(database) if has_log else _connect(database)
    try:
        yield connection
    finally:
        connection.close()
        if not had_index:
            index.unlink(missing_ok=True)


def _verify(
    path: Path, connection: sqlite3.Connection, on_progress: Callable[[str, int, int], None] | None
) -> VerifyReport:
    problems = find_problems(connection, thorough=True)
    bad: list[BadRecord] = []
    bad_count = records = posts = 0
    try:
        check_version(connection)
        records = int(connection.execute("SELECT count(*) FROM records").fetchone()[0])
        posts = int(connection.execute("SELECT count(*) FROM posts").fetchone()[0])
        for looked, (record_id, reason) in enumerate(_judge(connection)):
            if on_progress is not None and looked % _PROGRESS_EVERY == 0:
                on_progress("verifying records", looked, records)
            if reason:
                bad_count += 1
                if len(bad) < BAD_LISTED_MAX:
                    bad.append(BadRecord(record_id, reason))
    except (sqlite3.Error, StoreError) as error:
        problems = [*problems, f"reading stopped: {error}"]
    return VerifyReport(path, records, posts, tuple(problems), bad_count, tuple(bad))


def _judge(connection: sqlite3.Connection) -> Iterator[tuple[bytes, str]]:
    """Return each record's id and what is wrong with it, or nothing."""
    rows = connection.execute(f"SELECT {WIRE_COLUMNS}, {ENTRY_COLUMNS} FROM records ORDER BY n")  # noqa: S608 - constants
    for row in rows:
        yield row[4], _reason(row)


def _reason(row: tuple[object, ...]) -> str:
    try:
        record = open_record(row[:3])
    except RecordError as error:
        return str(error)
    if record.id != row[4]:
        return "its id is not that of its head"
    try:
        stored = entry_of(row[3:])
    except ValueError as error:
        return f"its row cannot be read: {error}"
    said = Entry.of(record, stored.n, stored.running)
    return "" if said == stored else "its row says something else than its head"
