"""Floods at every door: afterwards the hub answers, has let everybody go, holds no more memory, and takes honest peers.

How quick it answers meanwhile is measured by `tests/bench/run flood`; here nothing is timed. Attempts end when the hub
ends them, so those that are slow take as long as the hub's patience, all together.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from attack.floods import FLOODS, HANDS_HELD, attempts
from attack.ground import Victim, victim
from attack.hostile import PATIENCE_S
from bench.machine import rss_mib
from hartig_node.api.server import CAPS
from hartig_node.net.gate import GateLimits
from hartig_node.site.server import DESK_CAPS, SITE_CAPS

pytestmark = pytest.mark.end_to_end

MANY = 40
PLACES = GateLimits().connections_max + SITE_CAPS.connections_max + DESK_CAPS.connections_max + CAPS.connections_max
OWN = 8  # what the hub has open for itself at times, and for whoever asks it here
ADDED_MIB_MAX = 64.0
PATIENT = frozenset({"slow body, site"})  # a form has 20 s
SLOW = [name for name in FLOODS if name.startswith(("idle", "slow", "half TLS", "endless")) and name not in PATIENT]
QUICK = [name for name in FLOODS if name not in SLOW and name not in PATIENT]


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A hub with all its doors open, also that for organisers."""
    with victim(tmp_path_factory.mktemp("flooded") / "hub", HARTIG_DESK_PORT="0") as hub:
        address = hub.daemon.node.make_pairing_code("Phone")["addresses"][0]
        hub.daemon.ports["desk"] = int(address.rstrip("/").rpartition(":")[2])
        yield hub


@pytest.fixture(scope="module")
def before_mib(flooded: Victim) -> float:
    """The memory in use once all that is loaded late is loaded."""
    flooded.daemon.node.status()
    return rss_mib(flooded.daemon.pid)


def descriptors(hub: Victim) -> int:
    """How many files, sockets and the like the hub has open."""
    return sum(1 for _ in Path(f"/proc/{hub.daemon.pid}/fd").iterdir())


async def assert_well(hub: Victim, open_before: int, before_mib: float) -> None:
    """The hub is as it was before, and takes in an honest peer."""
    async with asyncio.timeout(PATIENCE_S):
        while descriptors(hub) > open_before:
            await asyncio.to_thread(hub.daemon.node.status)  # it answers, and has its turn to close what is left
    assert rss_mib(hub.daemon.pid) < before_mib + ADDED_MIB_MAX
    async with await hub.greeted(hub.member()) as link:
        await link.settled()


@pytest.mark.parametrize("name", QUICK)
async def test_after_a_flood_the_hub_is_well(flooded: Victim, before_mib: float, name: str) -> None:
    open_before = descriptors(flooded)
    flood = FLOODS[name]
    await attempts(flood, flooded.daemon.ports[flood.door], MANY)
    await assert_well(flooded, open_before, before_mib)


async def test_slow_clients_get_no_more_than_the_places_and_leave_the_hub_well(
    flooded: Victim, before_mib: float
) -> None:
    open_before, ports = descriptors(flooded), flooded.daemon.ports
    many = [attempts(FLOODS[name], ports[FLOODS[name].door], MANY) for name in SLOW]
    attack = asyncio.gather(*many, attempts(FLOODS["idle, peers"], ports["peers"], HANDS_HELD))
    most = 0
    while not attack.done():
        await asyncio.to_thread(flooded.daemon.node.status)  # it answers all the while
        most = max(most, descriptors(flooded))
    await attack
    assert open_before < most <= open_before + PLACES + OWN
    await assert_well(flooded, open_before, before_mib)
