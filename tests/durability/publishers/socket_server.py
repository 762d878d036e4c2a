"""A small server to be killed: lines over a Unix socket in, SQLite behind, an answer after the commit.

    python -m durability.publishers.socket_server FOLDER commit|early

`early` is a planted fault: it answers first and commits every eighth time. As a module it is a `Subject` of
`durability.kill`.
"""

import asyncio
import hashlib
import signal
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

EARLY_COMMITS_EVERY = 8
LINE_BYTES_MAX = 4 * 1024 * 1024


@dataclass(frozen=True)
class SocketServer:
    """The server as something to kill; `answers` is `commit` or `early`."""

    answers: str
    ready_line: str = "ready"

    def command(self, folder: Path) -> list[str]:
        return [sys.executable, "-m", "durability.publishers.socket_server", str(folder), self.answers]

    async def publish(self, folder: Path, number: int) -> str:
        identifier = hashlib.sha256(str(number).encode()).hexdigest()
        answer = await _ask(folder, f"publish {identifier}")
        assert answer == f"acknowledged {identifier}", answer
        return identifier

    async def held(self, folder: Path) -> frozenset[str]:
        return frozenset((await _ask(folder, "held")).split()[1:])


async def _ask(folder: Path, line: str) -> str:
    reader, writer = await asyncio.open_unix_connection(folder / "socket", limit=LINE_BYTES_MAX)
    try:
        writer.write(f"{line}\n".encode())
        return (await reader.readuntil(b"\n")).decode().rstrip()
    finally:
        writer.close()


class _Server:
    def __init__(self, connection: sqlite3.Connection, commits_every: int) -> None:
        self._connection = connection
        self._commits_every = commits_every
        self._waiting = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readline()).decode().split()
        if words:
            writer.write(f"{self._answer(words)}\n".encode())
            await writer.drain()
        writer.close()

    def _answer(self, words: list[str]) -> str:
        if words[0] == "held":
            rows = self._connection.execute("SELECT id FROM records").fetchall()
            return " ".join(["held", *(identifier for (identifier,) in rows)])
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("INSERT OR IGNORE INTO records VALUES (?)", (words[1],))
        self._waiting += 1
        if self._waiting % self._commits_every == 0:
            self._connection.execute("COMMIT")
        return f"acknowledged {words[1]}"


async def serve(folder: Path, answers: str) -> None:
    """Serve until SIGTERM."""
    (folder / "socket").unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "records.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY)")
        talk = _Server(connection, 1 if answers == "commit" else EARLY_COMMITS_EVERY).talk
        over = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
        async with await asyncio.start_unix_server(talk, folder / "socket"):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await over.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
