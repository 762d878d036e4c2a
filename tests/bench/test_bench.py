"""Every bench runs, and prints the object that it promises. What it measures is looked at by people."""

import importlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.world import RECORD_BYTES, World, wire_bytes
from lab.requirements import demand_all, what_is_missing

RUN = Path(__file__).with_name("run")
ROWS = {
    "sync_bytes": {"n", "d", "pattern", "bytes_total", "bytes_per_difference", "round_trips"},
    "ingest": {"batch", "records_per_s", "bare_loop_per_s", "raw_verify_per_s", "ratio_to_bare"},
    "fanout": {"hubs", "records", "records_per_s", "bare_per_s", "wire_bytes_per_record_hub", "rss_mib"},
    "spreading": {"hubs", "publishers", "copies_per_hub", "hops_max", "durable_p50_ms", "durable_p99_ms"},
    "newcomer": {"records", "first_s", "all_s", "wire_bytes_per_record"},
    "memory": {"records", "listeners", "rss_mib"},
    "burst": {"portions", "claims", "handed_over", "left", "over_promised", "seconds"},
    "subtree_flood": {"offered_per_s", "accepted_per_s", "hub_share", "others_p50_ms", "others_p99_ms"},
    "steps": {"steps", "start_s", "apply_ms"},
    "heal": {"hubs", "divergent", "equal_s"},
    "worlds": {"worlds", "seconds", "raw_verify_per_s", "seconds_at_10400"},
    "partners": {"networks", "hubs", "bytes_per_hub", "records_per_hub", "equal_s"},
    "flood": {"attack", "api_p99_ms", "memory_added_mib", "descriptors"},
    "discovery": {"loss", "runs", "median_s", "p95_s", "max_s", "load"},
}
NEEDS_THE_LAB = {"discovery"}
QUICKEST = "sync_bytes"
RUN_S_MAX = 120  # a safety net on a busy machine


@pytest.mark.parametrize("name", ROWS)
def test_a_quick_run_has_the_promised_fields(name: str) -> None:
    if name in NEEDS_THE_LAB:
        demand_all(what_is_missing())
    rows = importlib.import_module(f"bench.{name}").rows(quick=True)
    assert rows
    for row in rows:
        assert ROWS[name] <= set(row)


def test_with_json_one_object_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, RUN, "--quick", "--json", QUICKEST],
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert set(result) == {"bench", "machine", "rows"}
    assert result["bench"] == QUICKEST
    assert set(result["machine"]) == {"cpu", "cores", "python", "sqlite", "kernel"}
    assert all(ROWS[QUICKEST] <= set(row) for row in result["rows"])


def test_every_bench_of_the_list_is_a_module_that_says_what_it_measures() -> None:
    for name in ROWS:
        assert find_spec(f"bench.{name}") is not None
        assert importlib.import_module(f"bench.{name}").__doc__


def test_without_json_a_table_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, RUN, "--quick", QUICKEST], capture_output=True, text=True, timeout=RUN_S_MAX, check=True
    )
    heading, names, *rows = done.stdout.splitlines()
    assert heading.startswith(f"{QUICKEST} (cpu ")
    assert set(names.split()) >= ROWS[QUICKEST]
    assert rows


def test_an_unknown_bench_is_refused_with_the_names_of_those_that_there_are() -> None:
    done = subprocess.run([sys.executable, RUN, "speed"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert all(name in done.stderr for name in ROWS)


def test_records_of_the_benches_have_the_size_that_the_goals_name() -> None:
    assert {wire_bytes(record) for record in World().records(3)} == {RECORD_BYTES}
