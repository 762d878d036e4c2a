"""Killing and starting again: the harness finds an answer given too early, and nothing else."""

from pathlib import Path

import pytest

from durability.kill import kill_often
from durability.publishers.socket_server import SocketServer

KILLS = 8


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
