"""The search index: a trigram index over `texts`, filled after the commit and exact all the same.

A post that came in is listed in `unindexed`, in the commit that stored it. `index_some` takes a few from there, keeps
their normalised texts and indexes them, in one transaction, so a crash in between repeats or loses nothing. Whoever
searches looks into the index for what is indexed and scans what is not (`posts`).

The index keeps for every three characters the posts that hold them, and nothing about where (`detail=none`: a third
of the size); every hit is checked against the text.

While much comes in, as when a newcomer fetches everything, indexing waits for its `Turn`: it takes the same thread and
the same lock of the interpreter as what is being stored.

Before SQLite 3.42 the index only marks what is deleted, so pieces of three characters outlive a text until the index
is merged. `index_some` merges it, a bounded piece at a time, when there is enough to gain.
"""

import sqlite3
from collections.abc import Sequence

from hartig_node.searching import FORM, body_text
from hartig_node.store.schema import SECURE_SEARCH_SINCE, meta_get, meta_set
from hartig_protocol.encoding import decode
from hartig_protocol.errors import EncodingError
from hartig_protocol.limits import BODY_BYTES_MAX

INDEX_BATCH = 64  # about 20 ms of the writing thread, so that commits wait no longer than that
MUCH = 32  # records stored between two calls, which are 20 ms and more apart: more than people write
QUIET_CALLS = 5  # so many without that, and it is over
YIELDS_MAX = 500  # some 10 to 15 s; an endless stream must not keep texts out of the index
_FORGOTTEN_MIN = 256  # merging rewrites the index: not for a handful of texts
_FORGOTTEN_SHARE = 8  # nor for less than an eighth of them
_MERGE_PAGES = 64  # of the index, a step
_FREE_SHARE = 8  # free pages are given back when they are more than an eighth of the file
_FREE_PAGES_A_STEP = 128


class Turn:
    """Whether texts may be indexed now, or what is being stored comes first. Counts, and looks at no clock."""

    def __init__(self) -> None:
        self._stored = 0  # records since the last call
        self._calls_since_much = QUIET_CALLS
        self._goes_on = False  # much has come, and soon much again
        self._yields = 0

    def stored(self, count: int) -> None:
        """Say that records are being stored."""
        self._stored += count

    def has_come(self) -> bool:
        """Tell it; each call counts."""
        was_recent = self._calls_since_much < QUIET_CALLS
        if self._stored >= MUCH:
            self._goes_on, self._calls_since_much = was_recent, 0
        else:
            self._calls_since_much += 1
            self._goes_on = self._goes_on and was_recent
        self._stored = 0
        self._yields = self._yields + 1 if self._goes_on else 0
        return not 0 < self._yields <= YIELDS_MAX


def note_unindexed(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """List posts whose text is to be indexed; a repeated commit may name some that are, or whose body went since."""
    connection.executemany(
        "INSERT OR IGNORE INTO unindexed SELECT r.n FROM records r WHERE r.n = ? AND r.body IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM texts t WHERE t.n = r.n)",
        [(n,) for n in numbers],
    )


def forget_text(connection: sqlite3.Connection, n: int) -> None:
    """Take a post's text out of the search, wherever it is by now."""
    connection.execute("DELETE FROM unindexed WHERE n = ?", (n,))
    row = connection.execute("SELECT text FROM texts WHERE n = ?", (n,)).fetchone()
    if row is None:
        return
    connection.execute("INSERT INTO search(search, rowid, text) VALUES ('delete', ?, ?)", (n, row[0]))
    connection.execute("DELETE FROM texts WHERE n = ?", (n,))
    meta_set(connection, "forgotten", _number(connection, "forgotten") + 1)


def index_batch(connection: sqlite3.Connection, count_max: int = INDEX_BATCH) -> int:
    """Index the text of the oldest posts that wait, inside a transaction; return how many are left."""
    rows = connection.execute(
        "SELECT u.n, r.body FROM unindexed u CROSS JOIN records r ON r.n = u.n ORDER BY u.n LIMIT ?", (count_max,)
    ).fetchall()
    texts = [(n, stored_text(body)) for n, body in rows]
    connection.executemany("INSERT INTO texts VALUES (?, ?)", texts)
    connection.executemany("INSERT INTO search(rowid, text) VALUES (?, ?)", texts)
    connection.executemany("DELETE FROM unindexed WHERE n = ?", [(n,) for n, _ in texts])
    return count_unindexed(connection)


def count_unindexed(connection: sqlite3.Connection) -> int:
    """Return how many posts wait."""
    return int(connection.execute("SELECT count(*) FROM unindexed").fetchone()[0])


def stored_text(body: bytes | None) -> str:
    """Return the normalised text of a stored body; one that cannot be read has none (`verify` names it)."""
    if body is None:
        return ""
    try:
        return body_text(decode(body, BODY_BYTES_MAX))
    except EncodingError:
        return ""


# --- Keeping it small and true


def tidy(connection: sqlite3.Connection) -> None:
    """Do one bounded step of what may wait: merge the index, give free pages back. Inside a transaction."""
    if _wants_merge(connection):
        before = connection.total_changes
        connection.execute("INSERT INTO search(search, rank) VALUES ('merge', ?)", (-_MERGE_PAGES,))
        if connection.total_changes - before < 2:  # FTS5's own sign that nothing is left to merge
            meta_set(connection, "forgotten", None)
    free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    if free * _FREE_SHARE > pages and free > _FREE_PAGES_A_STEP:
        connection.execute(f"PRAGMA incremental_vacuum({_FREE_PAGES_A_STEP})").fetchall()


def _wants_merge(connection: sqlite3.Connection) -> bool:
    forgotten = _number(connection, "forgotten")
    if forgotten < _FORGOTTEN_MIN or sqlite3.sqlite_version_info >= SECURE_SEARCH_SINCE:
        return False
    texts = connection.execute("SELECT count(*) FROM texts").fetchone()[0]
    return forgotten * _FORGOTTEN_SHARE >= int(texts)


def is_true(connection: sqlite3.Connection) -> bool:
    """Tell whether the index fits the texts."""
    try:
        connection.execute("INSERT INTO search(search, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError:
        return False
    return True


def rebuild(connection: sqlite3.Connection) -> None:
    """Empty the index and list every post with a body anew, inside a transaction."""
    connection.execute("DROP TABLE search")
    connection.execute("DELETE FROM texts")
    connection.execute(
        "CREATE VIRTUAL TABLE search USING fts5(text, content='texts', content_rowid='n', "
        "tokenize='trigram case_sensitive 1', detail=none, columnsize=0)"
    )
    if sqlite3.sqlite_version_info >= SECURE_SEARCH_SINCE:
        connection.execute("INSERT INTO search(search, rank) VALUES ('secure-delete', 1)")
    connection.execute(
        "INSERT OR IGNORE INTO unindexed SELECT p.n FROM posts p JOIN records r ON r.n = p.n WHERE r.body IS NOT NULL"
    )
    meta_set(connection, "search_form", FORM)
    meta_set(connection, "forgotten", None)


def keep_form(connection: sqlite3.Connection) -> None:
    """Index everything again when texts are normalised otherwise than before, inside a transaction."""
    known = meta_get(connection, "search_form")
    if known is None:
        meta_set(connection, "search_form", FORM)
    elif known != FORM:
        rebuild(connection)


def _number(connection: sqlite3.Connection, key: str) -> int:
    value = meta_get(connection, key)
    return value if isinstance(value, int) else 0
