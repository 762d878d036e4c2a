"""Real hubs that let each other in without an invite: by words that two people compare, and into an open network."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from end_to_end.daemons import Daemon

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def ana(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path / "ana") as ana:
        yield ana


@pytest.fixture
def ben(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(tmp_path / "ben") as ben:
        yield ben


def founded(hub: Daemon, *options: str) -> str:
    """Found a network, run its first hub, and return its address."""
    hub.command("init", "--name", "Ana's kitchen", "--network", "Valley", *options)
    hub.launch()
    hub.wait_ready()
    return f"127.0.0.1:{hub.ports['peers']}"


def running(hub: Daemon) -> None:
    hub.launch()
    hub.wait_ready()


def is_member(hub: Daemon) -> bool:
    return bool(hub.node.status()["state"] == "member")


def until_member(hub: Daemon) -> None:
    """Wait for what happens at a hub until it is a member; the watchdog ends the wait."""
    for _ in hub.node.events(after=0):
        if is_member(hub):
            return


def refusal(hub: Daemon, *argv: str) -> str:
    with pytest.raises(AssertionError, match="ended with 5") as caught:
        hub.command(*argv)
    return str(caught.value)


def test_two_people_compare_words_and_one_lets_the_other_in(ana: Daemon, ben: Daemon) -> None:
    address = founded(ana)
    assert "hartig invite --words" in refusal(ben, "join", address)
    ana.command("invite", "--words")
    shown = ben.command("join", address, "--name", "Ben's shed")
    assert shown["network_name"] == "Valley"
    (asking,) = ana.command("invite", "--asking")["items"]
    assert asking["words"] == shown["words"]
    assert len(asking["words"].split()) == 8
    running(ben)
    assert not is_member(ben)
    ana.command("invite", "--let-in", asking["id"])
    until_member(ben)
    assert ana.node.asking()["items"] == []


def test_who_asks_is_let_into_an_open_network(ana: Daemon, ben: Daemon) -> None:
    address = founded(ana, "--open")
    ben.command("join", "--open", address, "--name", "Ben's shed")
    running(ben)
    until_member(ben)
    assert ana.node.asking()["came_openly"] == 1


def test_nobody_enters_openly_where_the_network_is_not_open(ana: Daemon, ben: Daemon) -> None:
    address = founded(ana)
    ana.command("invite", "--words")
    assert "is not open" in refusal(ben, "join", "--open", address)
