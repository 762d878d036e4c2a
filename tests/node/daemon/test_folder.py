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
