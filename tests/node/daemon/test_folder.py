import os
import resource
import signal
from pathlib import Path

import pytest

from hartig_node.daemon.folder import FolderError, HubFolder, NetworkFile, write_whole
from hartig_node.daemon.node import Node


@pytest.fixture
def folder(tmp_path: Path) -> HubFolder:
    made = HubFolder(tmp_path / "hub")
    made.make()
    return made


def test_keys_are_private_to_their_owner_and_never_overwritten(folder: HubFolder) -> None:
    folder.write_key("hub", bytes(range(32)))
    path = folder.key_path("hub")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert folder.read_key("hub") == bytes(range(32))
    with pytest.raises(FolderError, match="not overwritten"):
        folder.write_key("hub", bytes(32))


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "00" * 33, "\xff"])
def test_a_damaged_key_is_named(folder: HubFolder, text: str) -> None:
    folder.key_path("hub").write_text(text, "latin-1")
    with pytest.raises(FolderError, match=r"hub\.key"):
        folder.read_key("hub")


def test_a_folder_without_a_network_says_what_to_do(folder: HubFolder) -> None:
    assert not folder.is_founded
    with pytest.raises(FolderError, match="hartig init"):
        folder.read_network()


@pytest.mark.parametrize("text", ["", "{}", '{"network": "xx"}', '{"network": "00"}', "[]", '{"network": 5}'])
def test_a_damaged_network_file_is_named(folder: HubFolder, text: str) -> None:
    (folder.path / "network.json").write_text(text)
    with pytest.raises(FolderError, match=r"network\.json"):
        folder.read_network()


def test_the_network_is_read_back(folder: HubFolder) -> None:
    written = NetworkFile(bytes(range(16)), "hartig:abc")
    folder.write_network(written)
    assert folder.read_network() == written


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_a_box_key_is_made_once_and_anew_where_it_is_missing(folder: HubFolder) -> None:
    node = Node.__new__(Node)
    node.folder = folder
    public = node._box_key().public
    path = folder.key_path("box")
    assert path.stat().st_mode & 0o777 == 0o600
    assert node._box_key().public == public
    path.unlink()
    assert node._box_key().public != public


@pytest.mark.parametrize("room", [0, 7])
def test_a_full_disk_leaves_what_was_there_and_no_half_of_the_new(tmp_path: Path, room: int) -> None:
    path = tmp_path / "x"
    write_whole(path, b"one")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))  # a file takes so much, and then none
    try:
        with pytest.raises(OSError, match="x"):
            write_whole(path, b"two" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == b"one"
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_a_file_belongs_to_whom_its_folder_belongs_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    monkeypatch.setattr(os, "fchown", lambda _descriptor, user, group: given.append((user, group)))
    write_whole(tmp_path / "x", b"one")
    assert given == [(tmp_path.stat().st_uid, tmp_path.stat().st_gid)]


def test_what_waits_under_the_name_of_a_part_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"theirs")
    (tmp_path / "x.part").symlink_to(other)
    write_whole(tmp_path / "x", b"one")
    assert (other.read_bytes(), (tmp_path / "x").read_bytes()) == (b"theirs", b"one")
