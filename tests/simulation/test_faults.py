"""Planted faults: each breaks one promise of the core, and some small world notices."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from simulation import faults
from simulation.faults import SEEN_BY_INVARIANTS
from simulation.living import is_seen
from simulation.story import Story


class PutBack(Story):
    """A story of hubs that get older disks, so that what others remember of them is void."""

    def _happenings(self) -> list[Callable[[], None]]:
        return [*[self._publish] * 8, *[self._put_back_old_disk] * 4, self._publish_step, self._lose_link]


# What comes up too seldom in the usual worlds is looked for in worlds full of it.
STORIES = {faults.believe_void_cursors: PutBack, faults.keep_cursor_across_epochs: PutBack}
TESTS = Path(__file__).resolve().parents[1]
SEEDS_UNTIL_SEEN = 120


@pytest.mark.parametrize("fault", SEEN_BY_INVARIANTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_seen(fault: Callable[[], AbstractContextManager[None]]) -> None:
    with fault():
        seen = any(is_seen(STORIES.get(fault, Story)(seed)) for seed in range(SEEDS_UNTIL_SEEN))
    assert seen, "no world noticed the planted fault"


def test_worlds_full_of_old_disks_heal_where_nothing_is_planted() -> None:
    assert not any(is_seen(PutBack(seed)) for seed in range(12))


def trace_under(hash_seed: int, fault: str = "") -> str:
    """Run a few worlds in a process of its own, with its own hash seed."""
    seeds = ["2", "5", "9", "17"]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "simulation.story", *([f"--fault={fault}"] if fault else []), *seeds]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def test_a_world_leaves_the_same_trace_under_every_hash_seed() -> None:
    traces = {trace_under(hash_seed) for hash_seed in (0, 1, 4242)}
    assert len(traces) == 1


def test_an_unsorted_set_in_the_core_changes_the_trace() -> None:
    name = faults.name_in_the_order_of_a_set.__name__
    traces = {trace_under(hash_seed, name) for hash_seed in (0, 1)}
    assert len(traces) == 2
