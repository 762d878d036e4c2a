"""A file carried between real hubs: what one has posted is read on another that it has never met."""

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def alone(hub: Daemon) -> Iterator[Daemon]:
    """Run a hub while no other runs, so that they never meet."""
    hub.launch()
    hub.wait_ready()
    yield hub
    assert hub.stop() == 0


def titles(hub: Daemon) -> list[str]:
    return sorted(post["title"]["en"] for post in hub.node.posts())


def test_two_networks_agree_and_share_without_ever_having_a_link(tmp_path: Path) -> None:
    seat, post = Path("seats", "seat-1.key"), {"kind": "offer", "category": "food", "audience": "partners"}
    stick = [tmp_path / f"{number}.bundle" for number in range(4)]
    with Daemon(tmp_path / "ana") as ana, Daemon(tmp_path / "ben") as ben:
        for hub in (ana, ben):
            hub.command("init", "--name", hub.folder.name.title(), "--network", f"{hub.folder.name}town")
        with alone(ben):
            code = ben.command("partner", "code")
        with alone(ana):
            ana.command("partner", "propose", code["code"], "--share", "offers", "--yes", "--key", ana.folder / seat)
            ana.node.publish({**post, "title": "Bread"})
            assert ana.command("bundle", "write", stick[0], "--for", code["id"])["asks"]
        with alone(ben):
            asked = ben.command("bundle", "read", stick[0])
            assert (asked["asks"], asked["network_name"], asked["new"]) == (True, "anatown", 0)
            assert ben.command("partner", "show", "anatown")["id"] == asked["network"]
            ben.command("partner", "accept", "anatown", "--yes", "--key", ben.folder / seat)
            assert ben.command("bundle", "read", stick[0])["complete"]
            ben.node.publish({**post, "title": "Rice"})
            assert not ben.command("bundle", "write", stick[1], "--for", "anatown")["asks"]
        with alone(ana):
            report = ana.command("bundle", "read", stick[1])
            assert (report["complete"], report["hub_name"], report["network_name"]) == (True, "Ben", "bentown")
            assert titles(ana) == ["Bread", "Rice"]
            ana.command("bundle", "write", stick[2], "--for", "bentown")
            ana.command("bundle", "write", stick[3])
        with alone(ben):
            assert ben.command("bundle", "read", stick[2])["complete"]
            assert titles(ben) == ["Bread", "Rice"]
            with pytest.raises(AssertionError, match="another network"):
                ben.command("bundle", "read", stick[3])
