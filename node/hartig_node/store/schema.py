"""The tables, and the numbered migrations that lead to them (`PRAGMA user_version`).

In: a connection that writes. Out: the same database at the newest version. Each migration is one transaction, so a
power cut in between leaves the version before. `opening` calls, and passes progress on to `/readyz`.

Row-id tables with a unique index on the id are smaller and about twice as quick to fill as WITHOUT ROWID ones.
"""

import sqlite3
from collections.abc import Callable, Sequence

from hartig_node.ports import StoreError
from hartig_node.store.connection import APPLICATION_ID
from hartig_node.store.facts import StepFacts, step_facts
from hartig_protocol.errors import RecordError
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind

Progress = Callable[[str, int, int], None]  # what is done, steps done, steps in all
Migration = Callable[[sqlite3.Connection], None]

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value);

CREATE TABLE records (
  n INTEGER PRIMARY KEY,          -- arrival number, never used again
  id BLOB NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  author BLOB NOT NULL,
  thread BLOB NOT NULL,
  place INTEGER,
  audience NOT NULL,              -- text, or a network's id as a blob
  seq INTEGER NOT NULL,
  prev BLOB,
  stamp INTEGER NOT NULL,
  expires INTEGER,
  ends INTEGER NOT NULL,
  body_state INTEGER NOT NULL,
  running BLOB NOT NULL,
  head BLOB NOT NULL,
  signature BLOB NOT NULL,
  body BLOB
);
CREATE INDEX records_thread ON records(thread);
CREATE INDEX records_governance ON records(n) WHERE kind IN (1, 2, 3, 32);
CREATE INDEX records_author_of_posts ON records(substr(author, 1, 8)) WHERE kind IN (16, 17);

CREATE TABLE posts (              -- what lists filter by; narrow, so that a scan stays quick
  n INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  family TEXT NOT NULL,           -- first segment of the category
  category TEXT NOT NULL,
  area TEXT NOT NULL,
  urgency TEXT NOT NULL,
  level TEXT,
  mode TEXT NOT NULL,
  ends INTEGER NOT NULL,
  expires INTEGER NOT NULL
);
CREATE INDEX posts_family ON posts(family);
CREATE INDEX posts_category ON posts(category);
CREATE INDEX posts_area ON posts(area);
CREATE INDEX posts_urgency ON posts(urgency) WHERE urgency <> 'normal';
CREATE INDEX posts_mode ON posts(mode) WHERE mode <> 'give';
CREATE INDEX posts_level ON posts(level) WHERE level IS NOT NULL;

CREATE TABLE unindexed (n INTEGER PRIMARY KEY);  -- posts whose text the search does not know yet
CREATE TABLE texts (n INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE VIRTUAL TABLE search USING fts5(
  text, content='texts', content_rowid='n', tokenize='trigram case_sensitive 1', detail=none, columnsize=0
);

CREATE TABLE cursors (peer BLOB PRIMARY KEY, epoch BLOB NOT NULL, n INTEGER NOT NULL, running BLOB NOT NULL);
CREATE TABLE told (peer BLOB NOT NULL, n INTEGER NOT NULL, running BLOB NOT NULL, PRIMARY KEY (peer, n));

CREATE TABLE feed (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  thread BLOB NOT NULL,
  record BLOB NOT NULL,
  kind INTEGER NOT NULL,
  peer BLOB NOT NULL
);

CREATE TABLE private (
  space TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, expires_ms INTEGER, PRIMARY KEY (space, key)
);
CREATE INDEX private_expires ON private(expires_ms) WHERE expires_ms IS NOT NULL;
"""

_STEPS = """
CREATE TABLE steps (              -- what steps are found by: the record, the offer or the hub that they name
  n INTEGER PRIMARY KEY,
  thread BLOB NOT NULL,
  verb TEXT NOT NULL,
  about BLOB,
  lot BLOB,
  hub BLOB
);
CREATE INDEX steps_about ON steps(about) WHERE about IS NOT NULL;
CREATE INDEX steps_lot ON steps(lot) WHERE lot IS NOT NULL;
CREATE INDEX steps_hub ON steps(hub) WHERE hub IS NOT NULL;
"""
# Threads are hashes, so each goes into another page: an index of their beginnings has fewer pages to write.
_BEGINNINGS = """
DROP INDEX records_thread;
CREATE INDEX records_thread ON records(substr(thread, 1, 8));
"""
# What a starting core reads whole: charters, grants, revocations, pacts and cards. Queries say it in these very words.
STARTING = "kind IN (1, 2, 3, 4, 32)"
_PACTS = f"""
DROP INDEX records_governance;
CREATE INDEX records_governance ON records(n) WHERE {STARTING};
"""
_FILLED_AT_ONCE = 1_000

SECURE_SEARCH_SINCE = (3, 42, 0)  # FTS5 learned then to overwrite what is deleted from it


def run_script(connection: sqlite3.Connection, script: str) -> None:
    """Run statements one by one; `executescript` would commit the transaction around them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


def _first(connection: sqlite3.Connection) -> None:
    run_script(connection, _TABLES)
    if sqlite3.sqlite_version_info >= SECURE_SEARCH_SINCE:
        connection.execute("INSERT INTO search(search, rank) VALUES ('secure-delete', 1)")


def _second(connection: sqlite3.Connection) -> None:
    run_script(connection, _STEPS)
    run_script(connection, _BEGINNINGS)
    after = 0
    while rows := connection.execute(
        "SELECT n, thread, head, signature, body FROM records WHERE kind = ? AND n > ? ORDER BY n LIMIT ?",
        (int(Kind.STEP), after, _FILLED_AT_ONCE),
    ).fetchall():
        connection.executemany("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?)", [_step_row(*row) for row in rows])
        after = rows[-1][0]


def _step_row(n: int, thread: bytes, *wire: bytes | None) -> StepFacts:
    """Return the row of a step that was taken in before its kind was known, and so may be malformed."""
    unreadable = StepFacts(n, thread, "", None, None, None)
    try:
        return step_facts(open_record(wire, verify_signature=False), n) or unreadable
    except RecordError:
        return unreadable


def _third(connection: sqlite3.Connection) -> None:
    run_script(connection, _PACTS)


MIGRATIONS: tuple[Migration, ...] = (_first, _second, _third)
STEPS_SINCE = 2  # the version that has the table of steps


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def application_of(connection: sqlite3.Connection) -> int:
    """Return which program's database this is; 0 for an empty file."""
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def check_version(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Return the version; raise `StoreError` for a database of a newer program."""
    version = version_of(connection)
    if version > len(migrations):
        raise StoreError(
            f"the store has version {version} and this program knows {len(migrations)}: install the newer hartig again"
        )
    return version


def migrate(
    connection: sqlite3.Connection,
    migrations: Sequence[Migration] = MIGRATIONS,
    on_progress: Progress | None = None,
) -> None:
    """Bring the tables to the newest version, each step in a transaction of its own."""
    version = check_version(connection, migrations)
    total = len(migrations)
    for number in range(version + 1, total + 1):
        if on_progress is not None:
            on_progress("migrating the store", number - 1, total)
        connection.execute("BEGIN IMMEDIATE")
        try:
            migrations[number - 1](connection)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    if on_progress is not None:
        on_progress("migrating the store", total, total)


def meta_get(connection: sqlite3.Connection, key: str) -> int | bytes | str | None:
    """Return a value of the store's own notes, or None."""
    row: tuple[int | bytes | str] | None = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def meta_set(connection: sqlite3.Connection, key: str, value: int | bytes | str | None) -> None:
    """Note a value; None deletes the note."""
    if value is None:
        connection.execute("DELETE FROM meta WHERE key = ?", (key,))
        return
    connection.execute(
        "INSERT INTO meta(key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
