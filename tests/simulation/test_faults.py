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

TESTS = Path(__file__).resolve().parents[1]
SEEDS_UNTIL_SEEN = 120


@pytest.mark.parametrize("fault", SEEN_BY_INVARIANTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_seen(fault: Callable[[], AbstractContextManager[None]]) -> None:
    with fault():
        assert any(is_seen(seed) for seed in range(SEEDS_UNTIL_SEEN)), "no world noticed the planted fault"


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
