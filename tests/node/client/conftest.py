"""Shared by the tests of the client: a fake node at a socket in a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hartig_node.client import Node, Place
from hartig_node.client import node as node_module
from node.client.fake_node import FakeNode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


@pytest.fixture
def fake(folder: Path) -> Iterator[FakeNode]:
    with FakeNode(folder / "run" / "api.sock") as fake:
        yield fake


@pytest.fixture
def node(fake: FakeNode, folder: Path) -> Iterator[Node]:
    with Node(Place(str(folder))) as node:
        yield node


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits in a test: the seconds asked for are written down."""
    seconds: list[float] = []
    monkeypatch.setattr(node_module, "wait_s", seconds.append)
    monkeypatch.setattr("hartig_node.client.events.wait_s", seconds.append)
    return seconds
