"""What floods at the hub's doors cost whoever asks its API: `hartig run`, with all doors open and one device paired.

For each attack of `attack.floods` a fresh hub, a process that floods one door, and beside it requests to the local API,
one after the other, each on a new connection to the Unix socket. The first row is a hub that nobody floods, the last
one all attacks at once. `memory_added_mib` is the most that was in use during the attack beyond what was before,
`descriptors` the most that were open, `descriptors_cap` what was open before and all places of all doors together.
Attackers, hub and bench share the machine: on two cores the API waits for its turn as well as for the hub.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

from attack.floods import FLOODS
from bench.machine import rss_mib
from end_to_end.daemons import Daemon
from hartig_node.api.server import CAPS
from hartig_node.client import Node
from hartig_node.net.gate import GateLimits
from hartig_node.site.server import DESK_CAPS, SITE_CAPS

FLOODER = Path(__file__).with_name("flooder.py")
SETTINGS = {"HARTIG_CLOCK": "trusted", "HARTIG_DESK_PORT": "0"}
ASKED_S, ASKED_S_QUICK = 8.0, 0.3
PAUSE_S = 0.005
WARM = 30  # requests, so that what is loaded late is loaded
PLACES = GateLimits().connections_max + SITE_CAPS.connections_max + DESK_CAPS.connections_max + 2 * CAPS.connections_max
NOBODY, ALL = "nobody", "all at once"
_QUICK = ("idle, peers", "deep frame, peers")


def rows(quick: bool = False) -> list[dict[str, Any]]:
    """One row for each attack."""
    names = _QUICK if quick else tuple(FLOODS)
    attacks = {NOBODY: (), **{name: (name,) for name in names}, ALL: names}
    return [_row(attack, floods, ASKED_S_QUICK if quick else ASKED_S) for attack, floods in attacks.items()]


def _row(attack: str, floods: tuple[str, ...], asked_s: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hartig-bench-") as name, _hub(Path(name) / "hub") as (daemon, ports):
        _ask(daemon.node, WARM)
        before_mib, before = rss_mib(daemon.pid), _descriptors(daemon.pid)
        with _flooded([(flood, ports[FLOODS[flood].door]) for flood in floods]) as toll:
            waits_ms, most_mib, most = _watch(daemon, asked_s)
        return {
            "attack": attack,
            "attempts": toll["attempts"],
            "api_p99_ms": round(quantiles(waits_ms, n=100, method="inclusive")[98], 1),
            "api_max_ms": round(max(waits_ms), 1),
            "requests": len(waits_ms),
            "memory_added_mib": round(most_mib - before_mib, 1),
            "descriptors": most,
            "descriptors_cap": before + PLACES,
        }


@contextmanager
def _hub(folder: Path) -> Iterator[tuple[Daemon, dict[str, int]]]:
    """A hub with all its doors open; yields it with their ports."""
    with Daemon(folder, settings=SETTINGS) as daemon:
        daemon.command("init", "--name", "Flooded")
        daemon.launch()
        daemon.wait_ready()
        address = daemon.node.make_pairing_code("Phone")["addresses"][0]
        yield daemon, {**daemon.ports, "desk": int(address.rstrip("/").rpartition(":")[2])}


@contextmanager
def _flooded(orders: list[tuple[str, int]]) -> Iterator[dict[str, int]]:
    """Flood doors until the block ends; what is yielded then says how many attempts there were."""
    toll = {"attempts": 0}
    process = subprocess.Popen(
        [sys.executable, FLOODER, json.dumps(orders)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        assert json.loads(process.stdout.readline())["begun"]
        yield toll
        process.stdin.close()
        toll.update(json.loads(process.stdout.readline()))


def _watch(daemon: Daemon, asked_s: float) -> tuple[list[float], float, int]:
    """Ask for a while; return how long each answer took, in ms, and the most of memory and of descriptors in use."""
    waits_ms, most_mib, most = list[float](), 0.0, 0
    ends_s = time.monotonic() + asked_s
    while time.monotonic() < ends_s or len(waits_ms) < 2:
        waits_ms += _ask(daemon.node, 1)
        most_mib = max(most_mib, rss_mib(daemon.pid))
        most = max(most, _descriptors(daemon.pid))
        time.sleep(PAUSE_S)
    return waits_ms, most_mib, most


def _ask(node: Node, count: int) -> list[float]:
    waits_ms = []
    for number in range(count):
        begun_s = time.perf_counter()
        node.read("/posts" if number % 2 else "/status")
        waits_ms.append((time.perf_counter() - begun_s) * 1000)
    return waits_ms


def _descriptors(process: int) -> int:
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
