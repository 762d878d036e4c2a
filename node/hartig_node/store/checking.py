"""What must be true of a database, beyond what SQLite itself checks.

In: a connection. Out: lines that each say what is wrong, none if all is well. Called after an unclean start, by
`verify`, and before a backup is restored.
"""

import sqlite3

from hartig_node.store.connection import APPLICATION_ID, is_damage
from hartig_node.store.rows import WIRE_COLUMNS
from hartig_node.store.schema import STARTING, STEPS_SINCE, application_of, version_of
from hartig_protocol.errors import RecordError
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Wire

PROBLEMS_MAX = 20  # lines of one check; more would say no more

# Each must count zero.
_COUNTS = {
    "records have an arrival number above the highest ever given": """
        SELECT count(*) FROM records WHERE n > (SELECT ifnull(max(value), 0) FROM meta WHERE key = 'last_n')
    """,
    "posts have no record of a need or an offer": """
        SELECT count(*) FROM posts p LEFT JOIN records r ON r.n = p.n WHERE r.n IS NULL OR r.kind NOT IN (16, 17)
    """,
    "needs and offers are missing from the lists": """
        SELECT count(*) FROM records r LEFT JOIN posts p ON p.n = r.n WHERE r.kind IN (16, 17) AND p.n IS NULL
    """,
    "records and their bodies disagree about whether the body is here": """
        SELECT count(*) FROM records WHERE (body IS NOT NULL) <> (body_state = 1)
    """,
    "posts with a body are unknown to the search": """
        SELECT count(*) FROM posts p JOIN records r ON r.n = p.n WHERE r.body IS NOT NULL AND
        (EXISTS (SELECT 1 FROM texts t WHERE t.n = p.n) + EXISTS (SELECT 1 FROM unindexed u WHERE u.n = p.n)) <> 1
    """,
    "texts are in the search whose post or body is gone": """
        SELECT count(*) FROM (SELECT n FROM texts UNION ALL SELECT n FROM unindexed) s
        LEFT JOIN posts p ON p.n = s.n LEFT JOIN records r ON r.n = s.n WHERE p.n IS NULL OR r.body IS NULL
    """,
    "ids, keys or hashes have a wrong length": """
        SELECT count(*) FROM records WHERE length(id) <> 32 OR length(author) <> 32 OR length(thread) <> 16
        OR length(running) <> 16 OR (prev IS NOT NULL AND length(prev) <> 32)
    """,
    "notes about this store are missing": """
        SELECT 3 - count(*) FROM meta WHERE key IN ('epoch', 'created_ms', 'clean')
    """,
}

# The same of a table that older stores lack: a backup is looked at before it is migrated.
_COUNTS_OF_STEPS = {
    "steps have no record": """
        SELECT count(*) FROM steps s LEFT JOIN records r ON r.n = s.n WHERE r.n IS NULL OR r.kind <> 128
    """,
    "steps cannot be found by what they name": """
        SELECT count(*) FROM records r LEFT JOIN steps s ON s.n = r.n WHERE r.kind = 128 AND s.n IS NULL
    """,
}


def find_problems(connection: sqlite3.Connection, *, thorough: bool) -> list[str]:
    """Return what is wrong; `thorough` compares every index with its table (slow), else structure alone is read."""
    return find_structure_problems(connection, thorough=thorough) or find_broken_promises(connection)


def find_structure_problems(connection: sqlite3.Connection, *, thorough: bool) -> list[str]:
    """Return what SQLite itself finds."""
    check = "integrity_check" if thorough else "quick_check"
    try:
        if application_of(connection) != APPLICATION_ID:
            return ["it is not a store of this program"]
        lines = [row[0] for row in connection.execute(f"PRAGMA {check}({PROBLEMS_MAX})")]
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return [f"it cannot be read: {error}"]
    return [] if lines == ["ok"] else [f"SQLite finds: {line}" for line in lines]


def find_broken_promises(connection: sqlite3.Connection) -> list[str]:
    """Return which of our own promises about the tables of this version do not hold."""
    problems = []
    try:
        has_steps = version_of(connection) >= STEPS_SINCE
        for meaning, query in (_COUNTS | (_COUNTS_OF_STEPS if has_steps else {})).items():
            count = connection.execute(query).fetchone()[0]
            if count:
                problems.append(f"{count} {meaning}")
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        problems.append(f"it cannot be read: {error}")
    return problems


def find_unreadable_governance(connection: sqlite3.Connection) -> list[str]:
    """Return whether a record that the core starts from is not the one that was stored: one flipped bit in its head."""
    rows = connection.execute(
        f"SELECT id, {WIRE_COLUMNS} FROM records WHERE {STARTING}"  # noqa: S608
    )
    wrong = sum(not _is_whole(row[0], (row[1], row[2], row[3])) for row in rows)
    return [f"{wrong} memberships, rules, removals or cards are not what was stored"] if wrong else []


def _is_whole(record_id: bytes, wire: Wire) -> bool:
    try:
        return open_record(wire, verify_signature=False).id == record_id
    except RecordError:
        return False
