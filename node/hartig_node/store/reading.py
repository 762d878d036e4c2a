"""Look-ups by number, id, thread and key, on a connection inside a read transaction.

In: what a method of the port asks. Out: its answer. Called by `sqlite` on the reading thread, which never writes.
"""

import sqlite3
from collections.abc import Sequence

from hartig_node.ports import STEPS_ABOUT_MAX, FeedItem, Loaded, StoredPost
from hartig_node.store.rows import ENTRY_COLUMNS, WIRE_COLUMNS, entries_of
from hartig_node.store.schema import STARTING, meta_get
from hartig_protocol.catalog.contacts import NAMING
from hartig_protocol.events import Cursor, Told
from hartig_protocol.limits import CHECK_BYTES, KIND_CHAIN_LOWEST
from hartig_protocol.records.record import Wire

_IDS_PER_QUERY = 500
_NAMING = ", ".join(f"'{verb.value}'" for verb in sorted(NAMING))
_OF_THREAD = "substr(thread, 1, 8) = substr(?1, 1, 8) AND thread = ?1"  # the index holds beginnings
NO_RUNNING = bytes(CHECK_BYTES)  # the running hash before the first arrival


def load(connection: sqlite3.Connection) -> Loaded:
    """Return what the core starts from, from the columns alone: no head is decoded."""
    entries = list(entries_of(connection.execute(f"SELECT {ENTRY_COLUMNS} FROM records ORDER BY n")))  # noqa: S608
    governance = connection.execute(
        f"SELECT id, {WIRE_COLUMNS} FROM records INDEXED BY records_governance "  # noqa: S608 - constants
        f"WHERE {STARTING} ORDER BY n"
    )
    epoch, running = meta_get(connection, "epoch"), meta_get(connection, "running")
    assert isinstance(epoch, bytes)
    return Loaded(
        epoch=epoch,
        last_n=last_n(connection),
        running=running if isinstance(running, bytes) else NO_RUNNING,
        entries=entries,
        governance={row[0]: (row[1], row[2], row[3]) for row in governance},
        cursors=[
            Cursor(*row) for row in connection.execute("SELECT peer, epoch, n, running FROM cursors ORDER BY peer")
        ],
        told=[Told(*row) for row in connection.execute("SELECT peer, n, running FROM told ORDER BY peer, n")],
        said=connection.execute(
            f"SELECT n, verb, about FROM steps WHERE about IS NOT NULL AND verb IN ({_NAMING}) ORDER BY n"  # noqa: S608
        ).fetchall(),
    )


def last_n(connection: sqlite3.Connection) -> int:
    """Return the highest arrival number that was ever given."""
    value = meta_get(connection, "last_n")
    return value if isinstance(value, int) else 0


def read_arrivals(
    connection: sqlite3.Connection, after: int, upto: int, records_max: int, bytes_max: int, *, governance: bool
) -> tuple[list[Wire], int]:
    """Return wires that may leave this hub, rising, and through which number was looked at."""
    through = max(after, min(upto, last_n(connection)))
    source, kinds = ("records", "")
    if governance:
        source, kinds = "records INDEXED BY records_governance", f"{STARTING} AND kind <= 4 AND "
    rows = connection.execute(
        f"SELECT n, {WIRE_COLUMNS} FROM {source} "  # noqa: S608 - constants
        f"WHERE {kinds}n > ? AND n <= ? AND audience <> 'hub' ORDER BY n",
        (after, through),
    )
    wires: list[Wire] = []
    room = bytes_max
    last = after
    for n, head, signature, body in rows:
        size = len(head) + len(signature) + len(body or b"")
        if wires and (len(wires) >= records_max or size > room):
            rows.close()
            return wires, last
        wires.append((head, signature, body))
        room -= size
        last = n
    return wires, through


def read_records(connection: sqlite3.Connection, ids: Sequence[bytes]) -> list[Wire]:
    """Return those that are held and may leave this hub, in the order asked for, each once."""
    unique = list(dict.fromkeys(ids))
    found: dict[bytes, Wire] = {}
    for at in range(0, len(unique), _IDS_PER_QUERY):
        some = unique[at : at + _IDS_PER_QUERY]
        marks = ", ".join("?" * len(some))
        rows = connection.execute(
            f"SELECT id, {WIRE_COLUMNS} FROM records WHERE id IN ({marks}) AND audience <> 'hub'",  # noqa: S608
            some,
        )
        found.update((row[0], (row[1], row[2], row[3])) for row in rows)
    return [found[record_id] for record_id in unique if record_id in found]


def read_record(connection: sqlite3.Connection, record_id: bytes) -> StoredPost | None:
    """Return one record by its id."""
    return _one(connection, "id = ?", record_id)


def post(connection: sqlite3.Connection, thread: bytes) -> StoredPost | None:
    """Return the held version of a need or an offer."""
    return _one(connection, f"{_OF_THREAD} AND kind IN (16, 17)", thread)


def _one(connection: sqlite3.Connection, where: str, value: bytes) -> StoredPost | None:
    row = connection.execute(
        f"SELECT n, {WIRE_COLUMNS} FROM records WHERE {where} ORDER BY n DESC LIMIT 1",  # noqa: S608 - constants
        (value,),
    ).fetchone()
    return None if row is None else StoredPost(row[0], (row[1], row[2], row[3]))


def read_thread(connection: sqlite3.Connection, thread: bytes) -> list[StoredPost]:
    """Return everything of a thread, rising by arrival."""
    rows = connection.execute(
        f"SELECT n, {WIRE_COLUMNS} FROM records WHERE {_OF_THREAD} ORDER BY n",  # noqa: S608 - constants
        (thread,),
    )
    return [StoredPost(n, (head, signature, body)) for n, head, signature, body in rows]


def claims_on(connection: sqlite3.Connection, lot: bytes, after: int, count_max: int) -> list[StoredPost]:
    """Return claims that ask a thread, rising by arrival."""
    return _steps(connection, "s.lot = ? AND s.n > ?", (lot, after, count_max))


def steps_about(connection: sqlite3.Connection, record_id: bytes) -> list[StoredPost]:
    """Return steps that name a record, rising by arrival."""
    return _steps(connection, "s.about = ?", (record_id, STEPS_ABOUT_MAX))


def allotments_to(connection: sqlite3.Connection, hub: bytes, after: int, count_max: int) -> list[StoredPost]:
    """Return steps that set something aside for a hub, rising by arrival."""
    return _steps(connection, "s.hub = ? AND s.n > ?", (hub, after, count_max))


def _steps(connection: sqlite3.Connection, where: str, values: tuple[bytes | int, ...]) -> list[StoredPost]:
    # CROSS JOIN: `steps` is looked into first, by its index, which has the arrival numbers in order.
    rows = connection.execute(
        f"SELECT s.n, {WIRE_COLUMNS} FROM steps s CROSS JOIN records r ON r.n = s.n "  # noqa: S608 - constants
        f"WHERE {where} ORDER BY s.n LIMIT ?",
        values,
    )
    return [StoredPost(n, (head, signature, body)) for n, head, signature, body in rows]


def chains_of(connection: sqlite3.Connection, author: bytes) -> list[tuple[bytes, int]]:
    """Return an author's threads that have steps, sorted, each with the kind of its register; reads all of `steps`."""
    return connection.execute(
        "SELECT DISTINCT r.thread, r.kind "
        "FROM (SELECT DISTINCT thread FROM steps) s CROSS JOIN records r "
        "ON substr(r.thread, 1, 8) = substr(s.thread, 1, 8) AND r.thread = s.thread "
        "WHERE r.author = ? AND r.kind < ? ORDER BY r.thread",
        (author, KIND_CHAIN_LOWEST),
    ).fetchall()


def feed(connection: sqlite3.Connection, after: int, count_max: int) -> list[FeedItem]:
    """Return feed lines above `after`, rising."""
    rows = connection.execute(
        "SELECT seq, name, at_ms, thread, record, kind, peer FROM feed WHERE seq > ? ORDER BY seq LIMIT ?",
        (after, count_max),
    )
    return [FeedItem(*row) for row in rows]


def feed_bounds(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the lowest and the highest seq."""
    row: tuple[int | None, int | None] = connection.execute(
        "SELECT (SELECT min(seq) FROM feed), (SELECT max(seq) FROM feed)"
    ).fetchone()
    return (row[0] or 0, row[1] or 0)


def private_get(connection: sqlite3.Connection, space: str, key: bytes) -> bytes | None:
    """Return a private row's value."""
    row = connection.execute("SELECT value FROM private WHERE space = ? AND key = ?", (space, key)).fetchone()
    return None if row is None else bytes(row[0])


def private_list(connection: sqlite3.Connection, space: str) -> list[tuple[bytes, bytes]]:
    """Return a space's keys and values, sorted by key."""
    return connection.execute("SELECT key, value FROM private WHERE space = ? ORDER BY key", (space,)).fetchall()


def counts(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return how many records, posts and posts that are not indexed there are."""
    row: tuple[int, int, int] = connection.execute(
        "SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM posts), (SELECT count(*) FROM unindexed)"
    ).fetchone()
    return row


def lots_asked(connection: sqlite3.Connection) -> set[bytes]:
    """Return the offers that claims ask for; reads the index of them alone."""
    return {lot for (lot,) in connection.execute("SELECT DISTINCT lot FROM steps WHERE lot IS NOT NULL")}
