"""The commands that work on a folder, called in this process."""

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hartig_node.daemon import commands, copies, keys
from hartig_node.daemon.carried import KEY_NETWORK, SPACE_KEY
from hartig_node.daemon.folder import HubFolder
from hartig_node.daemon.offline import keep_carried
from hartig_node.keyfile import is_sealed, read_text
from hartig_node.store.lock import FolderLock
from hartig_node.store.opening import open_store
from hartig_protocol.events import Commit, PrivateRow


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARTIG_FOLDER", raising=False)


def called(capsys: pytest.CaptureFixture[str], command: Any, *argv: str) -> tuple[int, str, str]:
    code = command(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def test_init_makes_a_hub_with_keys_seats_and_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = tmp_path / "hub"
    code, out, _ = called(
        capsys, commands.init, "--folder", str(where), "--network", "Réseau", "--name", "Bureau", "--json"
    )
    assert code == 0
    view = json.loads(out)
    folder = HubFolder(where)
    assert folder.read_network().network.hex() == view["network"]
    assert sorted(path.name for path in folder.seats.iterdir()) == sorted(
        f"seat-{number}{part}.key" for number in (1, 2, 3) for part in ("", "-recovery")
    )
    assert 'name = "Bureau"' in folder.settings.read_text()


def test_init_never_touches_a_hub_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(capsys, commands.init, "--folder", str(tmp_path))
    before = HubFolder(tmp_path).read_key("hub")
    code, _, err = called(capsys, commands.init, "--folder", str(tmp_path))
    assert code == 5
    assert "is a hub already" in err
    assert HubFolder(tmp_path).read_key("hub") == before


def test_an_init_that_was_interrupted_is_begun_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(capsys, commands.init, "--folder", str(tmp_path))
    (tmp_path / "network.json").unlink()
    code, _, _ = called(capsys, commands.init, "--folder", str(tmp_path))
    assert code == 0


@pytest.mark.parametrize(
    "argv", [["--seats", "0"], ["--seats", "17"], ["--threshold", "4"], ["--name", " \u200b"], ["--network", "x" * 241]]
)
def test_init_refuses_what_cannot_be(tmp_path: Path, argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.init(["--folder", str(tmp_path), *argv])
    assert caught.value.code == 2


def test_run_without_a_hub_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, commands.run, "--folder", str(tmp_path / "none"))
    assert code == 5
    assert "hartig init" in err


def test_run_with_a_wrong_setting_says_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(capsys, commands.init, "--folder", str(tmp_path))
    (tmp_path / "hartig.toml").write_text("peer_prt = 1")
    code, _, err = called(capsys, commands.run, "--folder", str(tmp_path))
    assert code == 5
    assert "did you mean peer_port?" in err


def test_a_second_run_on_one_folder_names_the_process_that_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    called(capsys, commands.init, "--folder", str(tmp_path))
    with FolderLock(tmp_path):
        code, _, err = called(capsys, commands.run, "--folder", str(tmp_path))
    assert code == 5
    assert f"in use by process {os.getpid()}" in err


def test_verify_says_that_all_is_well_or_what_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(capsys, commands.init, "--folder", str(tmp_path / "hub"))
    code, out, _ = called(capsys, copies.verify, str(tmp_path / "hub"))
    assert (code, "All is well." in out) == (0, True)
    code, _, err = called(capsys, copies.verify, str(tmp_path / "nothing"))
    assert code == 5
    assert err


def test_verify_tells_of_partner_networks_apart_and_damage_there_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = tmp_path / "hub"
    called(capsys, commands.init, "--folder", str(hub))
    for number in range(3):
        shared = hub / "partners" / bytes([number] * 16).hex()
        shared.mkdir(parents=True)
        shutil.copy(hub / "hartig.db", shared / "hartig.db")
    (hub / "partners" / bytes([1] * 16).hex() / "hartig.db").write_bytes(b"nothing of the kind")
    (hub / "partners" / bytes([2] * 16).hex() / "hartig.db").unlink()
    before = sorted(hub.rglob("*"))
    code, out, _ = called(capsys, copies.verify, str(hub))
    assert code == 0
    assert "of the partner network 00000000: " in out
    for number in (1, 2):
        assert f"of the partner network {bytes([number] * 4).hex()}: damaged: remove {hub / 'partners'}" in out
    assert "All is well." in out
    assert sorted(hub.rglob("*")) == before
    code, out, _ = called(capsys, copies.verify, str(hub), "--json")
    assert [held["ok"] for held in json.loads(out)["partners"]] == [True, False, False]


def test_a_restore_that_needs_a_passphrase_replaces_nothing_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, backup, passphrase = HubFolder(tmp_path / "hub"), tmp_path / "old.backup", tmp_path / "passphrase"
    passphrase.write_text("four words together")
    called(capsys, commands.init, "--folder", str(folder.path))
    seed = folder.read_key("hub")
    asyncio.run(backed_up(folder, backup))
    here = ("--folder", str(folder.path), "--passphrase-file", str(passphrase))
    assert called(capsys, keys.key, "passphrase", *here)[0] == 0
    folder.key_path("hub").unlink()
    before = (folder.path / "hartig.db").read_bytes()
    assert called(capsys, copies.restore, str(backup), "--replace", *here[:2])[0] == 8
    assert (folder.path / "hartig.db").read_bytes() == before
    assert called(capsys, copies.restore, str(backup), "--replace", *here)[0] == 0
    assert is_sealed(read_text(folder.key_path("hub")))
    folder.unlock(lambda: "four words together")
    assert folder.read_key("hub") == seed


async def backed_up(folder: HubFolder, backup: Path) -> None:
    await keep_carried(folder)
    store = await open_store(folder.path, now_ms=lambda: None, random_bytes=secrets.token_bytes)
    await store.commit(Commit(private=[PrivateRow(SPACE_KEY, KEY_NETWORK, folder.read_network().network)]))
    await store.backup(backup)
    await store.close()


def test_restore_of_something_else_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(b"this is no backup" * 100)
    code, _, err = called(capsys, copies.restore, str(junk), "--folder", str(tmp_path / "hub"))
    assert code == 5
    assert "junk" in err


def test_what_is_refused_loads_neither_the_core_nor_cryptography() -> None:
    heavy = ("asyncio", "sqlite3", "nacl", "cryptography", "hartig_protocol.hub", "hartig_node.board")
    modules = ", ".join(f"hartig_node.daemon.{name}" for name in ("commands", "copies", "join", "keys"))
    code = f"import sys, {modules}; sys.exit(', '.join(name for name in {heavy!r} if name in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
