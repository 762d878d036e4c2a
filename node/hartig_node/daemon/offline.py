"""Work on a folder's store without a running node: the first records of a network, and restoring."""

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from hartig_node.clock import Clock
from hartig_node.daemon.carried import KEY_HUB, KEY_NETWORK, KEY_ROWS, SPACE_KEY
from hartig_node.daemon.folder import ROW_KEY, FolderError, HubFolder, NetworkFile, public_of, write_whole
from hartig_node.roles import Core
from hartig_node.store.backup import restore
from hartig_node.store.connection import DATABASE_NAME, connect
from hartig_node.store.opening import open_store
from hartig_protocol.errors import LocalError
from hartig_protocol.events import Commit, PrivateRow, PublishAnswered, RecordsPublished, Refusal
from hartig_protocol.hub import Hub
from hartig_protocol.limits import KEY_BYTES, NETWORK_ID_BYTES
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Record, Wire
from hartig_protocol.sync.state import load_state


async def publish_offline(folder: HubFolder, network: bytes, hub: SigningKey, records: Sequence[Wire]) -> None:
    """Put records into the store of a hub that does not run, by the same core as ever."""
    clock = Clock()
    store = await open_store(folder.path, now_ms=lambda: None, random_bytes=secrets.token_bytes)
    try:
        core = Hub(load_state(network, hub, bytes(KEY_BYTES), await store.load()), clock.now())
        commits, refusals = judged(core, records, (), clock)
        if refusals:
            raise LocalError(f"the first records of a network were refused: {refusals}")
        for commit in commits:
            await store.commit(commit)
    finally:
        await store.close()


def judged(
    core: Core, records: Sequence[Record | Wire], rows: Sequence[PrivateRow], clock: Clock
) -> tuple[list[Commit], list[Refusal]]:
    """Hand records to a core; return what it orders to be stored, and what it refuses."""
    actions = core.handle(RecordsPublished(0, tuple(records), tuple(rows)), clock.now())
    answers = [action for action in actions if isinstance(action, PublishAnswered)]
    refusals = [refusal for answer in answers for refusal in answer.refusals if refusal is not None]
    return [action for action in actions if isinstance(action, Commit)], refusals


def restore_folder(backup: Path, folder: HubFolder, now_ms: int, ask: Callable[[], str], *, replace: bool) -> None:
    """Put a backup into a folder, with the hub key and the network that it carries.

    Whatever can be refused is refused before anything is replaced; `ask` asks for the passphrase of the folder's keys
    where the hub key has to be sealed as they are.
    """
    hub, network, row_key = _carried(backup)
    needs_key = not folder.has_key("hub")
    if needs_key and len(hub) == KEY_BYTES:
        folder.unlock(ask)
    elif not needs_key and folder.carried_hub_key() != hub and public_in(folder.carried_hub_key()) != public_in(hub):
        raise FolderError(f"{folder.path} has the key of another hub; restore into an empty folder")
    restore(backup, folder.path, now_ms, secrets.token_bytes, replace=replace)
    if needs_key:
        put_key(folder, "hub", hub)
        if row_key is not None and not folder.has_key(ROW_KEY):
            put_key(folder, ROW_KEY, row_key)
    if not folder.is_founded:
        folder.write_network(NetworkFile(network))


def _carried(backup: Path) -> tuple[bytes, bytes, bytes | None]:
    """Return the hub key, the network and the key of private rows, if there is one, that a backup carries."""
    try:
        with closing(connect(backup, immutable=True)) as connection:
            held = dict(connection.execute("SELECT key, value FROM private WHERE space = ?", (SPACE_KEY,)))
    except sqlite3.Error as error:
        raise FolderError(f"{backup} is not a whole backup: {error}. Try an older one") from error
    hub, network = held.get(KEY_HUB), held.get(KEY_NETWORK)
    if not isinstance(hub, bytes) or not isinstance(network, bytes) or len(network) != NETWORK_ID_BYTES:
        raise FolderError(f"{backup} carries no hub key: it was made by another program, or is not a hub's backup")
    return hub, network, held.get(KEY_ROWS)


def put_key(folder: HubFolder, name: str, carried: bytes) -> None:
    """Write a key that a backup carries, sealed where it was."""
    if len(carried) == KEY_BYTES:
        folder.write_key(name, carried)
    else:
        write_whole(folder.key_path(name), carried)


def public_in(carried: bytes) -> str:
    """Return the public key of a hub key as a backup carries it: a sealed one says it above itself."""
    if len(carried) == KEY_BYTES:
        return SigningKey(carried).public.hex()
    return public_of(carried.decode("ascii", "replace"))


async def keep_carried(folder: HubFolder) -> None:
    """Let backups carry the keys as their files have them, overwriting what they carried before; seal private rows."""
    if not (folder.path / DATABASE_NAME).exists():
        return
    seal = folder.row_seal()
    store = await open_store(folder.path, now_ms=lambda: None, random_bytes=secrets.token_bytes, row_seal=seal)
    try:
        rows = [PrivateRow(SPACE_KEY, KEY_HUB, folder.carried_hub_key())]
        rows.append(PrivateRow(SPACE_KEY, KEY_ROWS, folder.carried_row_key()))
        await store.commit(Commit(private=rows))
    finally:
        await store.close()
