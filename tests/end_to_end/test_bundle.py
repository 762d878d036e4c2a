"""A file carried between real hubs: what one has posted is read on another that it has never met."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from end_to_end.daemons import Daemon

pytestmark = pytest.mark.end_to_end
POSTS = 30


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path / "ana") as ana:
        ana.command("init", "--name", "Ana's kitchen", "--network", "Valley")
        ana.launch()
        ana.wait_ready()
        for number in range(POSTS):
            ana.node.publish({"kind": "offer", "category": "food.bread", "title": {"en": f"Bread, basket {number}"}})
        yield ana


def test_a_hub_reads_on_a_stick_what_another_has_posted(ana: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "stick.bundle"
    link = ana.node.invite()["link"]
    made = ana.command("bundle", "write", path)
    assert made["bytes"] == path.stat().st_size
    assert ana.stop() == 0
    with Daemon(tmp_path / "ben") as ben:
        ben.command("join", link, "--name", "Ben's shed")
        ben.launch()
        ben.wait_ready()
        report = ben.command("bundle", "read", path)
        assert (report["records"], report["new"], report["complete"]) == (made["records"], made["records"], True)
        assert len(list(ben.node.posts())) == POSTS
        again = ben.command("bundle", "read", path)
        assert (again["new"], again["known"]) == (0, made["records"])
        other = tmp_path / "other.bundle"
        data = path.read_bytes()
        other.write_bytes(data[: len(data) // 2] + b"\0" * 10 + data[len(data) // 2 :])
        damaged = ben.command("bundle", "read", other, codes=(3,))
        assert damaged["bytes_lost"] > 10
        assert damaged["records"] >= made["records"] - 2
        other.write_bytes(b"\xff\xd8\xff a picture")
        with pytest.raises(AssertionError, match="ended with 5"):
            ben.command("bundle", "read", other)
        assert ben.stop() == 0
