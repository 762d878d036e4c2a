"""Whose files are in a hub's folder when root has looked after it."""

import argparse
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from hartig_node import files
from hartig_node.daemon import commands, keys, speaking
from hartig_node.daemon.folder import FolderError, HubFolder

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
    monkeypatch.undo()
    monkeypatch.setattr(commands, "is_of_another", lambda _path: True)
    monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])  # a container's user has no name
    assert commands.run(where) == 5
    assert f"belongs to user {tmp_path.stat().st_uid}" in capsys.readouterr().err


def test_what_vanishes_meanwhile_and_other_disks_are_left_alone(
    tmp_path: Path, given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("disk", "plain"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"in-{name}").touch()
    real = os.stat

    def stat(name: Any, **more: Any) -> os.stat_result:
        found = real(name, **more)
        if name == "in-plain" and "dir_fd" in more:
            raise FileNotFoundError(name)
        return os.stat_result((*found[:2], 9, *found[3:])) if name == "disk" else found

    (tmp_path / "two").touch()
    monkeypatch.setattr(os, "stat", stat)
    files.give_to_owner(tmp_path)
    assert sorted(given) == ["plain", "two"]


@pytest.mark.parametrize("code", [0, 5])
def test_what_cannot_be_given_is_a_note_and_changes_no_result(
    tmp_path: Path, given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int
) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    tried: list[str] = []

    def chown(name: str, *_owner: int, **_more: Any) -> None:
        tried.append(name)
        raise OSError(errno.EROFS, "Read-only file system", name)

    def do(_arguments: argparse.Namespace) -> int:
        if code:
            raise FolderError("what was wrong")
        return 0

    monkeypatch.setattr(os, "chown", chown)
    assert speaking.carried_out(do, argparse.Namespace(folder=str(tmp_path), json=False)) == code
    said = capsys.readouterr().err.splitlines()
    assert sorted(tried) == ["a", "b"]
    assert said[:-1] == (["hartig: what was wrong"] if code else [])
    assert "not all could be given to the owner" in said[-1]


@pytest.mark.usefixtures("given")
@pytest.mark.parametrize("part", ["keys", "seats", "run"])
def test_root_follows_no_link_in_the_folder_of_another_user(tmp_path: Path, part: str) -> None:
    folder, elsewhere = HubFolder(tmp_path / "hub"), tmp_path / "elsewhere"
    folder.path.mkdir()
    elsewhere.mkdir()
    (folder.path / part).symlink_to(elsewhere)
    for write in (folder.make, folder.key_files, lambda: folder.write_key("hub", bytes(32))):
        with pytest.raises(FolderError, match=f"{part} is a link, which root does not follow"):
            write()
    assert not list(elsewhere.iterdir())
