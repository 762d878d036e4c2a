"""The bare publisher: SQLite alone, with the pragmas of the store and nothing around it.

It shows that the harness is sound: with FULL nothing may be lost, with NORMAL and OFF something must be. As a module
it is a `Publisher` of `durability.cuts`; as a program, run under the recorder, it publishes:

    python bare.py FOLDER SYNCHRONOUS COMMITS

Every commit changes more than one page: records with an index, a counter, now and then a removal; and the log is
checkpointed so often that every kind of moment occurs many times.
"""

import hashlib
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from durability.cuts import Found

RECORD_BYTES = (200, 900)
RECORDS_PER_COMMIT_MAX = 4
# Pages; the store waits for 500, which a hundred commits would reach once.
CHECKPOINT_PAGES = 40
REMOVAL_EVERY = 7


@dataclass(frozen=True)
class BarePublisher:
    """SQLite in WAL mode with `synchronous` FULL, NORMAL or OFF; `commits` transactions."""

    synchronous: str
    commits: int

    def prepare(self, folder: Path) -> None:
        with closing(connect(folder, self.synchronous)) as connection:
            connection.executescript(
                "CREATE TABLE records (n INTEGER PRIMARY KEY, id TEXT UNIQUE, wire BLOB);"
                "CREATE TABLE chaff (n INTEGER PRIMARY KEY, wire BLOB);"
                "CREATE TABLE meta (last_n INTEGER); INSERT INTO meta VALUES (0);"
            )

    def command(self, folder: Path) -> list[str]:
        return [sys.executable, "-m", "durability.publishers.bare", str(folder), self.synchronous, str(self.commits)]

    def inspect(self, folder: Path) -> Found:
        try:
            with closing(connect(folder, self.synchronous)) as connection:
                return _inspect(connection)
        except sqlite3.DatabaseError as error:
            return Found(damage=f"SQLite says: {error}")


def connect(folder: Path, synchronous: str) -> sqlite3.Connection:
    """Open the database with the store's pragmas."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA mmap_size=0")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    return connection


def publish(connection: sqlite3.Connection, commits: int) -> None:
    """Make commits and say after each which records are safe."""
    rng = Random(1)
    for number in range(1, commits + 1):
        wires = [rng.randbytes(rng.randint(*RECORD_BYTES)) for _ in range(rng.randint(1, RECORDS_PER_COMMIT_MAX))]
        identifiers = [hashlib.sha256(wire).hexdigest() for wire in wires]
        _commit(connection, number, list(zip(identifiers, wires, strict=True)))
        sys.stdout.write("".join(f"acknowledged {identifier}\n" for identifier in identifiers))
        sys.stdout.flush()


def _commit(connection: sqlite3.Connection, number: int, rows: list[tuple[str, bytes]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO records (id, wire) VALUES (?, ?)", rows)
    connection.execute("INSERT INTO chaff (wire) VALUES (?)", (rows[0][1],))
    if number % REMOVAL_EVERY == 0:
        connection.execute("DELETE FROM chaff WHERE n % 2 = 0")
    connection.execute("UPDATE meta SET last_n = (SELECT max(n) FROM records)")
    connection.execute("COMMIT")


def _inspect(connection: sqlite3.Connection) -> Found:
    said = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if said != "ok":
        return Found(damage=f"integrity_check: {said}")
    rows = connection.execute("SELECT id, wire FROM records").fetchall()
    (last,) = connection.execute("SELECT last_n FROM meta").fetchone()
    if last != len(rows):
        return Found(damage=f"{len(rows)} records, but last_n is {last}: a commit came in part")
    if any(hashlib.sha256(wire).hexdigest() != identifier for identifier, wire in rows):
        return Found(damage="a record's bytes are not its own")
    return Found(frozenset(identifier for identifier, _ in rows))


def main(folder: str, synchronous: str, commits: str) -> None:
    with closing(connect(Path(folder), synchronous)) as connection:
        publish(connection, int(commits))


if __name__ == "__main__":
    main(*sys.argv[1:])
