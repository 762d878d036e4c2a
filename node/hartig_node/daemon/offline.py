"""Work on a folder's store without a running node: the first records of a network, and restoring."""

import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from hartig_node.clock import Clock
from hartig_node.daemon.carried import KEY_HUB, KEY_NETWORK, SPACE_KEY
from hartig_node.daemon.folder import FolderError, HubFolder, NetworkFile
from hartig_node.store.backup import restore
from hartig_node.store.opening import open_store
from hartig_protocol.errors import LocalError
from hartig_protocol.events import Commit, PublishAnswered, RecordsPublished
from hartig_protocol.hub import Hub
from hartig_protocol.limits import KEY_BYTES, NETWORK_ID_BYTES
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Wire
from hartig_protocol.sync.state import load_state


async def publish_offline(folder: HubFolder, network: bytes, hub: SigningKey, records: Sequence[Wire]) -> None:
    """Put records into the store of a hub that does not run, by the same core as ever."""
    clock = Clock()
    store = await open_store(folder.path, now_ms=lambda: None, random_bytes=secrets.token_bytes)
    try:
        state = load_state(network, hub, bytes(KEY_BYTES), await store.load())
        core = Hub(state, clock.now())
        for action in core.handle(RecordsPublished(0, tuple(records)), clock.now()):
            if isinstance(action, Commit):
                await store.commit(action)
            elif isinstance(action, PublishAnswered) and any(action.refusals):
                raise LocalError(f"the first records of a network were refused: {action.refusals}")
    finally:
        await store.close()


def restore_folder(backup: Path, folder: HubFolder, now_ms: int, *, replace: bool) -> None:
    """Put a backup into a folder, with the hub key and the network that it carries."""
    restore(backup, folder.path, now_ms, secrets.token_bytes, replace=replace)
    with closing(sqlite3.connect(f"file:{folder.path / 'hartig.db'}?mode=ro", uri=True)) as connection:
        held = dict(connection.execute("SELECT key, value FROM private WHERE space = ?", (SPACE_KEY,)))
    hub, network = held.get(KEY_HUB), held.get(KEY_NETWORK)
    if not isinstance(hub, bytes) or not isinstance(network, bytes) or len(network) != NETWORK_ID_BYTES:
        raise FolderError(f"{backup} carries no hub key: it was made by another program, or is not a hub's backup")
    if not folder.has_key("hub"):
        folder.write_key("hub", hub)
    elif folder.read_key("hub") != hub:
        raise FolderError(f"{folder.path} has the key of another hub; restore into an empty folder")
    if not folder.is_founded:
        folder.write_network(NetworkFile(network))
