"""Whose files are in a hub's folder when root has looked after it."""

import os
from pathlib import Path
from typing import Any

import pytest

from hartig_node import files
from hartig_node.daemon import commands, keys
from hartig_node.daemon.folder import HubFolder

ANOTHER = (4_711, 4_712)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """This user is root, folders belong to another; what is given to that one."""
    names: list[str] = []

    def chown(name: str, *owner: int, **more: Any) -> None:
        assert (owner, more["follow_symlinks"]) == (ANOTHER, False)
        names.append(name)

    monkeypatch.setattr(files, "_ROOT", os.geteuid())
    monkeypatch.setattr(files, "owner_of", lambda _folder: ANOTHER)
    monkeypatch.setattr(os, "chown", chown)
    return names


def test_what_root_makes_in_the_folder_of_another_user_is_that_users(tmp_path: Path, given: list[str]) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "hartig.db").touch()
    (tmp_path / "two").touch()
    (tmp_path / "names").hardlink_to(tmp_path / "two")
    (tmp_path / "elsewhere").symlink_to("/")
    files.give_to_owner(tmp_path)
    assert sorted(given) == ["deep", "hartig.db"]


def test_nothing_is_given_where_the_folder_is_ours_or_not_there(
    tmp_path: Path, given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hartig.db").touch()
    files.give_to_owner(tmp_path / "none")
    monkeypatch.setattr(files, "owner_of", lambda _folder: (files._ROOT, 0))
    files.give_to_owner(tmp_path)
    monkeypatch.setattr(files, "_ROOT", files._ROOT + 1)
    monkeypatch.setattr(files, "owner_of", lambda _folder: ANOTHER)
    files.give_to_owner(tmp_path)
    assert given == []


def test_a_command_gives_what_it_made_and_run_refuses(
    tmp_path: Path, given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.init(["--folder", str(tmp_path / "hub"), "--name", "Ana"]) == 0
    assert {"hartig.db", "hub.key", "network.json"} <= set(given)
    given.clear()
    (tmp_path / "words").write_text("four words for keys")
    where = ["--folder", str(tmp_path / "hub")]
    assert keys.key(["passphrase", *where, "--new-passphrase-file", str(tmp_path / "words")]) == 0
    assert "hartig.db" in given
    monkeypatch.setattr(Path, "owner", lambda _path: "ana")
    assert commands.run(where) == 5
    assert "run the hub as that user" in capsys.readouterr().err
    assert HubFolder(tmp_path / "hub").is_founded
