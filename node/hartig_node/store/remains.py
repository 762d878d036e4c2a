"""What SQLite leaves of deleted texts in the corners of its pages, and how that goes too (design, P8).

`secure_delete` overwrites what is deleted. But where the tree is balanced, rows move to other pages, and the copy that
stays behind in the unused middle of a page is nobody's: of 300 texts, two were left so. And before SQLite 3.42 the
index for search only marks what is deleted. So a while after something was deleted all pages are written anew.

In: a connection that writes, and the time. Out: a database without remains. Who calls: `sqlite`, in a quiet moment, and
`opening`, since a large database takes longer than commits may wait.
"""

import sqlite3

from hartig_node.store.schema import meta_get, meta_set
from hartig_protocol.limits import DAY_MS

REMAINS_MS_MAX = 7 * DAY_MS  # from the first deletion: each time costs twice the size of the database
REMADE_RUNNING_BYTES_MAX = 32 * 1024 * 1024  # about a second of the writing thread
_KEY = "remains_ms"


def note(connection: sqlite3.Connection, now_ms: int) -> None:
    """Note that something was deleted, unless that is noted already."""
    if meta_get(connection, _KEY) is None:
        meta_set(connection, _KEY, now_ms)


def are_due(connection: sqlite3.Connection, now_ms: int | None, bytes_max: int | None = None) -> bool:
    """Tell whether there may be remains for long enough, in a database of at most so many bytes."""
    since_ms = meta_get(connection, _KEY)
    if now_ms is None or not isinstance(since_ms, int) or now_ms - since_ms < REMAINS_MS_MAX:
        return False
    pages, page_bytes = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return bytes_max is None or pages * page_bytes <= bytes_max


def remake(connection: sqlite3.Connection) -> None:
    """Write all pages anew, outside of any transaction; after a crash there is what was before."""
    connection.execute("INSERT INTO search(search) VALUES ('optimize')")
    # Into a nameless file with nothing but what stays: in memory it would be as much again as the whole database.
    connection.execute("PRAGMA temp_store=FILE")
    try:
        connection.execute("VACUUM")
    finally:
        connection.execute("PRAGMA temp_store=MEMORY")
    meta_set(connection, _KEY, None)
