"""`hartig key`: keys of people, and passphrases of theirs and of a hub's keys."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hartig_node.cli.exits import OK, REFUSED, SEALED
from hartig_node.daemon import commands, keys
from hartig_node.daemon.carried import KEY_HUB, SPACE_KEY
from hartig_node.daemon.folder import HubFolder, read_seed
from hartig_node.keyfile import PassphraseError, is_sealed, key_text, read_text, seal_key
from hartig_node.store.connection import DATABASE_NAME, connect
from hartig_node.store.lock import FolderLock
from hartig_protocol.records.keys import SigningKey

FIRST, SECOND = "four words together", "other words together"
Secret = Callable[[str], str]


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    def written(passphrase: str) -> str:
        path = tmp_path / f"{passphrase}.txt"
        path.write_text(passphrase)
        return str(path)

    return written


@pytest.fixture
def folder(tmp_path: Path) -> HubFolder:
    assert commands.init(["--folder", str(tmp_path / "hub"), "--json"]) == OK
    return HubFolder(tmp_path / "hub")


def said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = OK) -> Any:
    capsys.readouterr()
    assert keys.key([*argv, "--json"]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return json.loads(out) if code == OK else err


def test_a_new_key_is_sealed_and_says_its_public_half(
    tmp_path: Path, secret: Secret, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ana.key"
    made = said(capsys, "new", str(path), "--passphrase-file", secret(FIRST))
    assert path.stat().st_mode & 0o777 == 0o600
    assert is_sealed(read_text(path))
    assert SigningKey(read_seed(path, lambda: FIRST)).public.hex() == made["public"]
    assert said(capsys, "show", str(path))["public"] == made["public"]
    assert "not overwritten" in said(capsys, "new", str(path), "--no-passphrase", code=REFUSED)
    said(capsys, "passphrase", str(path), "--remove", "--passphrase-file", secret(FIRST))
    assert SigningKey(read_seed(path)).public.hex() == made["public"]
    bare = tmp_path / "bare.key"
    bare.write_text(key_text(bytes(32)))
    assert said(capsys, "show", str(bare))["public"] == SigningKey(bytes(32)).public.hex()
    bare.write_text(seal_key(bytes(32), FIRST))
    assert "passphrase" in said(capsys, "show", str(bare), "--passphrase-file", secret(SECOND), code=SEALED)


def test_trustees_keys_can_be_sealed_when_a_network_is_founded(tmp_path: Path, secret: Secret) -> None:
    where = tmp_path / "hub"
    assert commands.init(["--folder", str(where), "--seats-passphrase-file", secret(FIRST)]) == OK
    for path in HubFolder(where).seats.iterdir():
        with pytest.raises(PassphraseError):
            read_seed(path)
        assert len(read_seed(path, lambda: FIRST)) == 32


def carried(folder: HubFolder) -> bytes:
    connection = connect(folder.path / DATABASE_NAME)
    try:
        wanted = "SELECT value FROM private WHERE space = ? AND key = ?"
        return bytes(connection.execute(wanted, (SPACE_KEY, KEY_HUB)).fetchone()[0])
    finally:
        connection.close()


def test_all_keys_of_a_hub_are_sealed_changed_and_opened_together(
    folder: HubFolder, secret: Secret, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = {name: folder.read_key(name) for name in folder.key_files()}
    here = ("--folder", str(folder.path))
    said(capsys, "passphrase", *here, "--passphrase-file", secret(FIRST))
    assert all(is_sealed(read_text(path)) for path in folder.key_files().values())
    assert carried(folder) == folder.key_path("hub").read_bytes()
    with pytest.raises(PassphraseError):
        folder.read_key("hub")
    with pytest.raises(PassphraseError):
        folder.write_key("box", bytes(32))
    folder.unlock(lambda: FIRST)
    assert {name: folder.read_key(name) for name in seeds} == seeds
    folder.write_key("box", bytes(32))  # as a start does that finds none
    assert is_sealed(read_text(folder.key_path("box")))
    said(capsys, "passphrase", *here, "--passphrase-file", secret(FIRST), "--new-passphrase-file", secret(SECOND))
    with pytest.raises(PassphraseError):
        HubFolder(folder.path).unlock(lambda: FIRST)
    wrong = said(capsys, "passphrase", *here, "--remove", "--passphrase-file", secret(FIRST), code=SEALED)
    assert "not the one" in wrong
    said(capsys, "passphrase", *here, "--remove", "--passphrase-file", secret(SECOND))
    assert {name: HubFolder(folder.path).read_key(name) for name in seeds} == seeds
    assert carried(folder) == seeds["hub"]


def test_an_interrupted_change_is_ended_by_the_same_command(
    folder: HubFolder, secret: Secret, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = {name: folder.read_key(name) for name in folder.key_files()}
    here = ("--folder", str(folder.path))
    said(capsys, "passphrase", *here, "--passphrase-file", secret(FIRST))
    real, written = keys.write_whole, list[Path]()

    def write_one(path: Path, data: bytes) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(path)
        real(path, data)

    change = ("passphrase", *here, "--passphrase-file", secret(FIRST), "--new-passphrase-file", secret(SECOND))
    monkeypatch.setattr(keys, "write_whole", write_one)
    with pytest.raises(KeyboardInterrupt):
        keys.key(list(change))
    monkeypatch.setattr(keys, "write_whole", real)
    for passphrase in (FIRST, SECOND):
        with pytest.raises(PassphraseError):
            HubFolder(folder.path).unlock(lambda passphrase=passphrase: passphrase)  # type: ignore[misc]
    said(capsys, *change)
    folder.unlock(lambda: SECOND)
    assert {name: folder.read_key(name) for name in seeds} == seeds


def test_keys_of_a_hub_that_runs_are_left_alone(
    folder: HubFolder, secret: Secret, capsys: pytest.CaptureFixture[str]
) -> None:
    with FolderLock(folder.path):
        said(capsys, "passphrase", "--folder", str(folder.path), "--passphrase-file", secret(FIRST), code=REFUSED)
    assert not is_sealed(read_text(folder.key_path("hub")))


def test_a_short_passphrase_is_none(folder: HubFolder, secret: Secret, capsys: pytest.CaptureFixture[str]) -> None:
    here = ("--folder", str(folder.path))
    assert "at least" in said(capsys, "passphrase", *here, "--passphrase-file", secret("short"), code=SEALED)
