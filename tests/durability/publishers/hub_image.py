"""What a folder that a power cut has left holds of a hub, judged in two ways.

`judge` reads the tables and writes nothing: SQLite's integrity check, the store's own promises, every post's head
and body against its id, and that no commit came in part. `open_and_judge` does what the next start does: it opens the
folder with the whole store, loads the core from it, closes it again, has `verify` look at every signature, and holds
the two ways against each other.
`publishers.hub` chooses.
"""

import asyncio
import os
import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from durability.cuts import Found
from durability.publishers.hub_folder import through
from hartig_node.board.signing import SPACE_SIGNED
from hartig_node.clock import Clock
from hartig_node.daemon.folder import FolderError, HubFolder
from hartig_node.ports import Loaded, StoreError
from hartig_node.store.checking import find_problems
from hartig_node.store.connection import DATABASE_NAME, connect
from hartig_node.store.opening import open_store
from hartig_node.store.verify import verify
from hartig_protocol.errors import LocalError
from hartig_protocol.hub import Hub
from hartig_protocol.limits import KEY_BYTES
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Kind, body_hash, read_head, record_id
from hartig_protocol.sync.state import load_state

# The same records come in image after image; a recording has some hundreds.
RECORDS_KEPT_MAX = 4096
POSTS = frozenset({Kind.NEED, Kind.OFFER})

_POSTS_SQL = f"SELECT id, head, body, hex(thread), seq FROM records WHERE kind IN ({Kind.NEED:d}, {Kind.OFFER:d})"
# The hub's log of what it has signed is written in the commit of the record; everything here is its own.
_HALF_COMMITS_SQL = (
    f"SELECT count(*) FROM records WHERE kind IN ({Kind.NEED:d}, {Kind.OFFER:d}) "
    "AND id NOT IN (SELECT key FROM private WHERE space = ?)"
)


def judge(folder: Path) -> Found:
    """Look at the tables of an image."""
    try:
        with closing(connect(folder / DATABASE_NAME)) as connection:
            problems = find_problems(connection, thorough=True) or _half_commits(connection)
            return Found(damage="; ".join(problems)) if problems else _read_posts(connection)
    except sqlite3.Error as error:
        return Found(damage=f"SQLite says: {error}")


def _half_commits(connection: sqlite3.Connection) -> list[str]:
    (count,) = connection.execute(_HALF_COMMITS_SQL, (SPACE_SIGNED,)).fetchone()
    return [f"{count} posts are not in the log of what was signed: a commit came in part"] if count else []


def _read_posts(connection: sqlite3.Connection) -> Found:
    held = []
    for identifier, head, body, thread, seq in connection.execute(_POSTS_SQL):
        if not _is_whole(identifier, head, body):
            return Found(damage=f"record {identifier.hex()} has not all of its own bytes")
        held.append((thread.lower(), seq))
    return Found(through(held))


@lru_cache(RECORDS_KEPT_MAX)
def _is_whole(identifier: bytes, head: bytes, body: bytes | None) -> bool:
    """Tell whether head and text are those of the id; nothing expires in a test, so a text that is gone is lost."""
    return record_id(head) == identifier and read_head(head).body_hash == (None if body is None else body_hash(body))


def open_and_judge(folder: Path) -> Found:
    """Judge an image, start from it as the daemon does, and verify it afterwards."""
    judged = judge(folder)
    if judged.damage:
        return judged
    try:
        loaded, problems = asyncio.run(_open(folder))
        report = verify(folder)
    except (StoreError, FolderError, LocalError, sqlite3.Error) as error:
        return Found(damage=f"it does not open: {error}")
    problems += [*report.problems, *(f"record {bad.id.hex()}: {bad.reason}" for bad in report.bad_records)]
    opened = through((entry.thread.hex(), entry.seq) for entry in loaded.entries if entry.kind in POSTS)
    if opened != judged.identifiers:
        problems.append(f"{len(opened ^ judged.identifiers)} versions of posts came or went when it was opened")
    return Found(damage="; ".join(problems)) if problems else judged


async def _open(folder: Path) -> tuple[Loaded, list[str]]:
    """Return what the core starts from, and what the store says is wrong; damage set aside is among it."""
    files = HubFolder(folder)
    key = SigningKey(files.read_key("hub"))
    network = files.read_network().network
    clock = Clock()
    store = await open_store(folder, now_ms=lambda: None, random_bytes=os.urandom)
    try:
        loaded = await store.load()
        problems = list((await store.status()).problems)
        hub = Hub(load_state(network, key, bytes(KEY_BYTES), loaded), clock.now())
        if hub.start(clock.now()):
            problems.append("the core has something to put right, though nothing has expired")
        if not hub.state.is_member:
            problems.append("its own grant is gone")
        return loaded, problems
    finally:
        await store.close()
