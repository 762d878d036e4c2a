"""One change -> SQL, inside a transaction that `writer` holds. Idempotent: a repeated change changes nothing more.

The search index is not touched by additions (that costs more than all the rest; `indexing` does it later), but what
goes leaves the texts and the index in the same transaction.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any

from hartig_node.store.facts import PostFacts, StepFacts
from hartig_node.store.indexing import forget_text, note_unindexed
from hartig_node.store.rows import RECORD_COLUMNS, Added, Change, FeedLines, RecordRow
from hartig_node.store.schema import meta_get, meta_set
from hartig_protocol.catalog.entry import Body
from hartig_protocol.errors import LocalError
from hartig_protocol.limits import TOLD_PER_PEER_MAX

FEED_LINES_MAX = 10_000  # a browser that slept for a day catches up; beyond that it loads anew
EXPIRED_PER_COMMIT_MAX = 64  # private rows: keeps a commit's time bounded
_IDS_PER_QUERY = 500  # SQLite's bound on variables is 32,766; small statements are cached

# So many rows go into one statement. Each statement lets other threads run and waits for its turn afterwards, which
# costs more than a row does; 64, as many as a frame has mostly, are 1,088 variables in the widest table.
ROWS_TOGETHER = 64
_FEED_COLUMNS = "seq, name, at_ms, thread, record, kind, peer"


class Insertion:
    """An INSERT OR IGNORE of any number of rows, with two statements that SQLite compiles once."""

    def __init__(self, into: str, columns: int) -> None:
        marks = f"({', '.join('?' * columns)})"
        self._one = f"INSERT OR IGNORE INTO {into} VALUES {marks}"  # noqa: S608 - constants
        self._many = f"{self._one}, {', '.join([marks] * (ROWS_TOGETHER - 1))}"

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Insert rows and return how many were not there."""
        inserted = 0
        single = len(rows) % ROWS_TOGETHER
        for start in range(0, len(rows) - single, ROWS_TOGETHER):
            together = list(chain.from_iterable(rows[start : start + ROWS_TOGETHER]))
            inserted += connection.execute(self._many, together).rowcount
        if single:
            inserted += connection.executemany(self._one, rows[-single:]).rowcount
        return inserted


_RECORDS = Insertion(f"records({RECORD_COLUMNS})", len(RecordRow._fields))
_POSTS = Insertion("posts", len(PostFacts._fields))
_STEPS = Insertion("steps", len(StepFacts._fields))
_UNINDEXED = Insertion("unindexed", 1)
_FEED = Insertion(f"feed({_FEED_COLUMNS})", len(_FEED_COLUMNS.split(",")))


def apply(connection: sqlite3.Connection, change: Change, items: FeedLines) -> None:
    """Write one change; `items` are its notices, numbered. Raises `LocalError` for a change that cannot be right."""
    _records(connection, change)
    _bodies(connection, change)
    _cursors(connection, change)
    _private(connection, change)
    if items:
        _FEED.run(connection, items.rows())


# --- Records


def _records(connection: sqlite3.Connection, change: Change) -> None:
    held = _held(connection, [key for key in change.balance if key not in change.added or change.balance[key] < 1])
    adding = []
    for record_id, balance in change.balance.items():
        added = change.added.get(record_id)
        n = held.get(record_id)
        if added is not None and n == added.row.n:
            continue  # a repeat: it is done
        if n is not None and (added is None or balance <= 0):
            remove(connection, n)
        if added is not None and balance + (n is not None) > 0:
            adding.append(added)
    _add(connection, adding)
    if change.last is not None and change.last[0] > int(meta_get(connection, "last_n") or 0):
        meta_set(connection, "last_n", change.last[0])
        meta_set(connection, "running", change.last[1])


def _held(connection: sqlite3.Connection, ids: list[bytes]) -> dict[bytes, int]:
    """Return the arrival numbers of those ids that are held."""
    held: dict[bytes, int] = {}
    for at in range(0, len(ids), _IDS_PER_QUERY):
        some = ids[at : at + _IDS_PER_QUERY]
        marks = ", ".join("?" * len(some))
        held.update(connection.execute(f"SELECT id, n FROM records WHERE id IN ({marks})", some))  # noqa: S608 - question marks
    return held


def _add(connection: sqlite3.Connection, adding: list[Added]) -> None:
    if not adding:
        return
    all_new = _RECORDS.run(connection, [added.row for added in adding]) == len(adding)
    if not all_new:
        for added in adding:
            _check_same(connection, added.row)
    _POSTS.run(connection, [added.post for added in adding if added.post is not None])
    _STEPS.run(connection, [added.step for added in adding if added.step is not None])
    with_text = [added.row.n for added in adding if added.post is not None and added.row.body is not None]
    if all_new:
        _UNINDEXED.run(connection, [(n,) for n in with_text])
    else:
        note_unindexed(connection, with_text)


def _check_same(connection: sqlite3.Connection, row: RecordRow) -> None:
    """An insertion that was left out must be a repeat, or two records claim one arrival number."""
    found = connection.execute("SELECT n, id FROM records WHERE n = ? OR id = ?", (row.n, row.id)).fetchall()
    if found != [(row.n, row.id)]:
        held = ", ".join(f"{record_id.hex()[:12]} as {n}" for n, record_id in found)
        raise LocalError(f"record {row.id.hex()[:12]} cannot be arrival {row.n}: the store holds {held}")


def remove(connection: sqlite3.Connection, n: int) -> None:
    """Delete a record and all that follows from it."""
    forget_text(connection, n)
    connection.execute("DELETE FROM posts WHERE n = ?", (n,))
    connection.execute("DELETE FROM steps WHERE n = ?", (n,))
    connection.execute("DELETE FROM records WHERE n = ?", (n,))


# --- Bodies


def _bodies(connection: sqlite3.Connection, change: Change) -> None:
    for record_id, body in change.bodies_added:
        row = connection.execute(
            "UPDATE records SET body = ?, body_state = ? WHERE id = ? AND body IS NULL RETURNING n, kind",
            (body, int(Body.HERE), record_id),
        ).fetchone()
        if row is not None and _is_post(connection, row[0]):
            note_unindexed(connection, [row[0]])
    for record_id in change.bodies_removed:
        row = connection.execute(
            "UPDATE records SET body = NULL, body_state = ? WHERE id = ? AND body IS NOT NULL RETURNING n",
            (int(Body.GONE), record_id),
        ).fetchone()
        if row is not None:
            forget_text(connection, row[0])


def _is_post(connection: sqlite3.Connection, n: int) -> bool:
    return connection.execute("SELECT 1 FROM posts WHERE n = ?", (n,)).fetchone() is not None


# --- Cursors, private rows, and what is bounded


def _cursors(connection: sqlite3.Connection, change: Change) -> None:
    if not change.cursors and not change.told:
        return
    connection.executemany(
        "INSERT INTO cursors VALUES (?, ?, ?, ?) ON CONFLICT(peer) DO UPDATE SET "
        "epoch = excluded.epoch, n = excluded.n, running = excluded.running",
        [(cursor.peer, cursor.epoch, cursor.n, cursor.check) for cursor in change.cursors],
    )
    connection.executemany(
        "INSERT INTO told VALUES (?, ?, ?) ON CONFLICT(peer, n) DO UPDATE SET running = excluded.running",
        [(told.peer, told.n, told.check) for told in change.told],
    )
    for peer in {told.peer: None for told in change.told}:
        connection.execute(
            "DELETE FROM told WHERE peer = ?1 AND n <= "
            "(SELECT n FROM told WHERE peer = ?1 ORDER BY n DESC LIMIT 1 OFFSET ?2)",
            (peer, TOLD_PER_PEER_MAX),
        )


def _private(connection: sqlite3.Connection, change: Change) -> None:
    for row in change.private:
        if row.value is None:
            connection.execute("DELETE FROM private WHERE space = ? AND key = ?", (row.space, row.key))
        else:
            connection.execute(
                "INSERT INTO private VALUES (?, ?, ?, ?) ON CONFLICT(space, key) DO UPDATE SET "
                "value = excluded.value, expires_ms = excluded.expires_ms",
                (row.space, row.key, row.value, row.expires_ms),
            )


def expire_private(connection: sqlite3.Connection, now_ms: int | None, rows_max: int) -> int:
    """Delete private rows whose time is over, and return how many; without a trusted time nothing expires."""
    if now_ms is None:
        return 0
    return connection.execute(
        "DELETE FROM private WHERE rowid IN (SELECT rowid FROM private WHERE expires_ms < ? LIMIT ?)",
        (now_ms, rows_max),
    ).rowcount


def trim_feed(connection: sqlite3.Connection, last_seq: int) -> None:
    """Keep the newest lines of the feed."""
    connection.execute("DELETE FROM feed WHERE seq <= ?", (last_seq - FEED_LINES_MAX,))
