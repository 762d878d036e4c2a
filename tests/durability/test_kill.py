"""The real hub loses nothing by `kill -9` and starts again by itself; the harness finds an answer given too early."""

import json
import subprocess
from pathlib import Path

import pytest

from durability.kill import kill_often
from durability.publishers.hub_folder import HARTIG, found_hub
from durability.publishers.hub_server import HubServer
from durability.publishers.socket_server import SocketServer

HUB_KILLS = 50
LIFE_S_MAX = 20  # a safety net on a busy machine: a hub starts anew for each
KILLS = 8


@pytest.mark.timeout(HUB_KILLS * LIFE_S_MAX)
async def test_the_hub_loses_nothing_in_fifty_kills(scratch: Path) -> None:
    folder = scratch / "hub"
    found_hub(folder)
    outcome = await kill_often(HubServer(), folder, kills=HUB_KILLS, seed=1)
    assert outcome.kills == HUB_KILLS, outcome
    assert len(outcome.acknowledged) >= HUB_KILLS, outcome
    assert outcome.interrupted > 0, outcome
    assert not outcome.lost, outcome
    report = verified(folder)
    assert report["ok"], report
    assert not list(folder.glob("*damaged*")), "what a kill leaves is no damage"


def verified(folder: Path) -> dict[str, object]:
    """What `hartig verify` says of a hub that has ended."""
    done = subprocess.run([HARTIG, "verify", str(folder), "--json"], capture_output=True, text=True, check=False)
    assert done.stdout, f"hartig verify ended with {done.returncode} and said:\n{done.stderr}"
    report: dict[str, object] = json.loads(done.stdout)
    return report


async def test_a_server_that_commits_first_loses_nothing(scratch: Path) -> None:
    outcome = await kill_often(SocketServer("commit"), scratch, kills=KILLS, seed=1)
    assert outcome.kills == KILLS, outcome
    assert len(outcome.acknowledged) >= KILLS, outcome
    assert outcome.interrupted > 0, outcome
    assert not outcome.lost, outcome


async def test_a_server_that_answers_first_is_seen_to_lose(scratch: Path) -> None:
    outcome = await kill_often(SocketServer("early"), scratch, kills=KILLS, seed=1)
    assert outcome.lost, outcome


async def test_a_server_that_does_not_start_is_reported_with_what_it_said(scratch: Path) -> None:
    with pytest.raises(AssertionError, match=r"fell silent(.|\n)*unable to open database file"):
        await kill_often(SocketServer("commit"), scratch / "absent", kills=1, seed=1)
