"""P15: keys and private rows are encrypted at rest where a passphrase is set."""

import asyncio
from pathlib import Path

import pytest

from hartig_node.daemon.carried import KEY_NETWORK, SPACE_KEY
from hartig_node.daemon.commands import init
from hartig_node.daemon.folder import ROW_KEY, HubFolder
from hartig_node.daemon.keys import key as key_command
from hartig_node.daemon.offline import keep_carried, restore_folder
from hartig_node.store.opening import open_store
from hartig_node.store.row_seal import MARK, RowSeal
from hartig_node.store.sqlite import SqliteStore
from hartig_protocol.events import Commit, PrivateRow
from privacy.hubs import found_in, running_hub
from support.records import NOW_MS, random_bytes_from

NOTE, LABEL, WORD = "Zenobia at the violet boiler", "Zacharias Quill", "a long passphrase"
ROWS = [
    PrivateRow("contact", b"thread", NOTE.encode(), NOW_MS * 2),
    PrivateRow("label", b"somebody", LABEL.encode()),
    PrivateRow("signed", b"record", b""),
    PrivateRow("setting", b"time", b"\x01"),
]
SECRETS = (NOTE, LABEL)


async def read(folder: HubFolder, *, sealed: bool) -> dict[str, dict[bytes, bytes]]:
    store = await opened(folder, folder.row_seal() if sealed else None)
    rows = {row.space: dict(await store.private_list(row.space)) for row in ROWS}
    await store.close()
    return rows


async def opened(folder: HubFolder, seal: RowSeal | None = None) -> SqliteStore:
    return await open_store(folder.path, now_ms=lambda: NOW_MS, random_bytes=random_bytes_from(1), row_seal=seal)


MEANT = {
    "contact": {b"thread": NOTE.encode()}, "label": {b"somebody": LABEL.encode()}, "signed": {b"record": b""},
    "setting": {b"time": b"\x01"},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> HubFolder:
    """A hub with private rows, as they are without a passphrase."""
    path = tmp_path / "hub"
    assert init(["--folder", str(path), "--name", "Ana", "--network", "Test"]) == 0
    made = HubFolder(path)
    asyncio.run(write(made, *ROWS, sealed=False))
    assert found_in(path, NOTE) == found_in(path, LABEL) == ["hartig.db"]
    return made


def seal(folder: HubFolder, *words: str) -> None:
    """Set, or with `--remove` remove, the passphrase of a hub, as people do."""
    file = folder.path.with_name("word")
    file.write_text(WORD, "utf-8")
    arguments = ["passphrase", "--folder", str(folder.path), "--passphrase-file", str(file), *words]
    assert key_command(arguments) == 0


def unlocked(path: Path) -> HubFolder:
    folder = HubFolder(path)
    folder.unlock(lambda: WORD)
    return folder


async def write(folder: HubFolder, *rows: PrivateRow, backup: Path | None = None, sealed: bool = True) -> None:
    store = await opened(folder, folder.row_seal() if sealed else None)
    await store.commit(Commit(private=list(rows)))
    if backup is not None:
        await store.backup(str(backup))
    await store.close()


def test_p15_a_passphrase_seals_what_was_there_and_what_comes(folder: HubFolder) -> None:
    seal(folder)
    assert found_in(folder.path, *SECRETS) == []
    assert all("hartig-key:" in path.read_text("ascii") for path in folder.key_files().values())
    after = unlocked(folder.path)
    assert asyncio.run(read(after, sealed=True)) == MEANT
    new = PrivateRow("contact", b"other", b"Zora at the well")
    asyncio.run(write(after, new, backup=folder.path / "backup"))
    assert found_in(folder.path, "Zora", *SECRETS) == []
    assert asyncio.run(read(after, sealed=True))["contact"][b"other"] == new.value


def test_p15_without_the_key_rows_are_as_if_they_were_not_there(folder: HubFolder) -> None:
    seal(folder)
    assert HubFolder(folder.path).row_seal() is None
    meant = {"contact": {}, "label": {}, "signed": MEANT["signed"], "setting": MEANT["setting"]}
    assert asyncio.run(read(folder, sealed=False)) == meant
    other = RowSeal(bytes(32))
    value = unlocked(folder.path).row_seal()
    assert value is not None
    assert other.open("contact", b"k", value.seal("contact", b"k", b"text")) is None
    assert value.open("contact", b"k", value.seal("label", b"k", b"text")) is None
    assert value.open("contact", b"k", MARK) is None


def test_p15_a_change_that_was_cut_off_is_made_good_at_the_next_start(folder: HubFolder) -> None:
    seal(folder)
    after = unlocked(folder.path)
    row = PrivateRow("contact", b"other", NOTE.encode())
    asyncio.run(write(after, row, sealed=False))  # as by a program that knew nothing of it
    assert found_in(folder.path, NOTE)
    asyncio.run(keep_carried(after))
    assert found_in(folder.path, NOTE) == []
    assert asyncio.run(read(after, sealed=True))["contact"] == {b"thread": NOTE.encode(), b"other": NOTE.encode()}


def test_p15_without_the_passphrase_again_everything_can_be_read(folder: HubFolder) -> None:
    seal(folder)
    seal(folder, "--remove")
    assert asyncio.run(read(HubFolder(folder.path), sealed=True)) == MEANT


def test_p15_a_backup_carries_the_key_sealed_and_opens_with_the_passphrase(folder: HubFolder, tmp_path: Path) -> None:
    seal(folder)
    after = unlocked(folder.path)
    network = PrivateRow(SPACE_KEY, KEY_NETWORK, after.read_network().network)  # as the first start notes it
    asyncio.run(write(after, network, backup=tmp_path / "hub.backup"))
    keys = [after.read_key(name) for name in (ROW_KEY, "hub")]
    assert found_in(tmp_path / "hub", *keys, *(key.hex() for key in keys)) == []
    assert not any(key in (tmp_path / "hub.backup").read_bytes() for key in keys)
    target = HubFolder(tmp_path / "again")
    target.make()
    restore_folder(tmp_path / "hub.backup", target, NOW_MS, lambda: WORD, replace=False)
    assert asyncio.run(read(unlocked(target.path), sealed=True)) == MEANT


def test_p15_whose_passphrase_is_forgotten_begins_with_new_keys(folder: HubFolder) -> None:
    seal(folder)
    again = HubFolder(folder.path)
    again.forget_passphrase()
    for name in ("hub-next", "recovery-next"):
        again.write_key(name, bytes(32))
    again.take_next_keys()
    assert not again.has_key(ROW_KEY)
    HubFolder(folder.path).unlock(lambda: pytest.fail("nothing is sealed any more"))


async def test_p15_a_running_hub_writes_nothing_private_in_clear(tmp_path: Path) -> None:
    async with running_hub(tmp_path / "hub", row_seal=RowSeal(bytes(range(32)))) as hub:
        draft = {"kind": "need", "category": "household.bedding", "title": "Coat", "contact": NOTE}
        view = await hub.bench.board.posts.publish(draft)
        word = (await hub.bench.board.posts.publish_for_neighbour(draft))[1]
        assert (await hub.bench.board.posts.find_by_word(word)).title == {"en": "Coat"}
        await hub.bench.board.posts.revise(view.id, {"title": "Coats"})
        await hub.settle()
        assert found_in(hub.folder, NOTE) == []
        assert await hub.bench.board.posts.contact_texts.of(bytes.fromhex(view.id)) == NOTE
