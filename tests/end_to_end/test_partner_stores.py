"""What a partner network shares, at a hub that is killed, whose disk loses bits, and that leaves at last."""

from collections.abc import Callable
from pathlib import Path

import pytest

from end_to_end.daemons import Daemon

pytestmark = pytest.mark.end_to_end

BREAD = {"kind": "offer", "category": "food.bread", "title": "Bread", "area": "u33dc", "quantity": 3}


def wait_until(hub: Daemon, so: Callable[[], bool]) -> None:
    """Look at each event of a hub from the first on; the watchdog of the hub ends the wait."""
    for _ in hub.node.events(after=0):
        if so():
            return
    pytest.fail(f"the events of {hub!r} ended")


def trustee(hub: Daemon) -> Path:
    return hub.folder / "seats" / "seat-1.key"


def network(hub: Daemon) -> str:
    return str(hub.node.status()["network"]["id"])


def launched(hub: Daemon) -> None:
    hub.launch()
    hub.wait_ready()


def titles(hub: Daemon) -> list[str]:
    return sorted(post["title"]["en"] for post in hub.node.posts())


def agree(ana: Daemon, ben: Daemon) -> None:
    """Ana's network asks, Ben's says yes."""
    code = ben.command("partner", "code")["code"]
    ana.command("partner", "propose", code, "--share", "offers", "--yes", "--key", trustee(ana))
    while not ben.command("partner")["proposals"]:
        pass  # the watchdog ends the hubs, and so the wait
    ben.command("partner", "accept", network(ana), "--yes", "--key", trustee(ben))


def test_it_outlives_a_kill_comes_again_after_damage_and_goes_with_the_agreement(tmp_path: Path) -> None:
    with Daemon(tmp_path / "ana") as ana, Daemon(tmp_path / "ben") as ben:
        for hub in (ana, ben):
            hub.command("init", "--name", hub.folder.name.title(), "--network", f"{hub.folder.name}town")
            launched(hub)
        agree(ana, ben)
        ana.node.publish({**BREAD, "audience": "partners"})
        wait_until(ben, lambda: titles(ben) == ["Bread"])
        partition = ben.folder / "partners" / network(ana)
        assert (partition / "hartig.db").exists()

        ben.kill()
        launched(ben)
        assert titles(ben) == ["Bread"]

        ben.stop()
        database = bytearray((partition / "hartig.db").read_bytes())
        database[4096:] = bytes(len(database) - 4096)
        (partition / "hartig.db").write_bytes(database)
        (held,) = ben.command("verify")["partners"]
        assert not held["ok"]
        launched(ben)
        assert "is made anew" in ben.log()
        wait_until(ben, lambda: titles(ben) == ["Bread"])

        ben.command("partner", "leave", network(ana), "--yes", "--key", trustee(ben))
        wait_until(ben, lambda: titles(ben) == [])
        while partition.exists():
            ben.node.status()
        assert titles(ana) == ["Bread"]
