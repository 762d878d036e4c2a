"""Small neighbourhoods live through trouble and heal; `HARTIG_WORLDS=n` for more of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation import faults
from simulation.faults import SEEN_BY_INVARIANTS
from simulation.invariants import BrokenInvariantError
from simulation.story import Story

TESTS = Path(__file__).resolve().parents[1]
SEEDS_UNTIL_SEEN = 30


def live(seed: int) -> None:
    try:
        Story(seed).run()
    except BrokenInvariantError as error:
        again = f"PYTHONPATH=tests .venv/bin/python -m simulation.story {seed}"
        pytest.fail(f"world {seed}: {error}\nrun it again: {again}", pytrace=False)


def test_every_world_heals_and_loses_nothing(seeds: range) -> None:
    for seed in seeds:
        live(seed)


def is_seen(seed: int) -> bool:
    try:
        Story(seed).run()
    except BrokenInvariantError:
        return True
    return False


@pytest.mark.parametrize("fault", SEEN_BY_INVARIANTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_seen(fault: object) -> None:
    with fault():  # type: ignore[operator]
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
    name = faults.ask_in_the_order_of_a_set.__name__
    traces = {trace_under(hash_seed, name) for hash_seed in (0, 1)}
    assert len(traces) == 2
