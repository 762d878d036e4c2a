"""Six real hubs: lost and late packets, a neighbourhood that falls in two, and newcomers amid the traffic.

They live through all tests, each in a host of its own, with mDNS, TLS and SQLite; each test finds them linked and
equal, and none restarts one. Every wait is for a condition; the seconds printed are for the log (`pytest -s`) and
asserted nowhere. Jitter, doubled packets and changed addresses are in `test_hubs`.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from lab.hosts import Lab
from lab.hubs import Neighbourhood
from lab.requirements import demand_all, what_is_missing
from lab.switching import PERFECT, Cable

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

HUBS = 6
POSTS_DIVERGENT = 1_000
POSTS_AMID = 50  # of each hub, while others come


def way(*, loss: float = 0.0, delay_s: float = 0.0) -> Cable:
    """A cable such that the way between two hosts, which crosses two, has this loss and delay."""
    return Cable(loss=1 - math.sqrt(1 - loss), delay_s=delay_s / 2)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settled() -> AsyncIterator[Neighbourhood]:
    """Six hubs, founded and joined by an invite without addresses, as long as this module."""
    demand_all(what_is_missing())
    async with Lab(seed=6) as lab, Neighbourhood(lab) as neighbourhood:
        # One half is without IPv6, so that whoever moves loses the links between the halves.
        old = (lab.add_host(f"old{number}", ipv6=False) for number in range(HUBS // 2))
        await neighbourhood.settle(*old, *lab.add_hosts(HUBS // 2))
        yield neighbourhood


@pytest_asyncio.fixture(loop_scope="module")
async def hubs(settled: Neighbourhood) -> AsyncIterator[Neighbourhood]:
    """The six, on a network without faults, linked and equal again; at the end none was restarted."""
    await on_all(settled, PERFECT)
    settled.lab.heal()
    await settled.until(lambda: settled.linked(*settled.hubs), "all hubs are linked as before")
    await settled.until(lambda: settled.equal(*settled.hubs), "all hubs are equal as before")
    before = [hub.process for hub in settled.hubs]
    yield settled
    assert [hub.process for hub in settled.hubs[:HUBS]] == before
    assert all(hub.is_running for hub in settled.hubs)
    for guest in settled.hubs[HUBS:]:
        await settled.forget(guest)


async def on_all(hubs: Neighbourhood, cable: Cable) -> None:
    for host in hubs.lab.hosts.values():
        hubs.lab.set_cable(host, cable)


BAD = {
    "5 % loss": way(loss=0.05),
    "30 % loss": way(loss=0.3),
    "100 ms delay": way(delay_s=0.1),
    "5 % loss and 100 ms delay": way(loss=0.05, delay_s=0.1),
}


@pytest.mark.parametrize("named", BAD)
async def test_a_bad_network_costs_time_and_nothing_else(hubs: Neighbourhood, named: str) -> None:
    cable = BAD[named]
    await on_all(hubs, cable)
    lost = sum(counts.lost for counts in hubs.lab.switch.counts().values())
    titles = {f"{number} of {hub.name} through {named}" for hub in hubs.hubs for number in range(10)}
    await asyncio.gather(
        *(hub.publish(*(title for title in titles if f" of {hub.name} " in title)) for hub in hubs.hubs)
    )
    await hubs.until(lambda: hubs.equal(*hubs.hubs), f"{len(titles)} posts of six hubs went through {named}")
    for hub in hubs.hubs:
        assert titles <= await hub.titles()
    if cable.loss:
        assert sum(counts.lost for counts in hubs.lab.switch.counts().values()) > lost


async def test_a_hub_is_found_and_joins_where_three_packets_in_ten_are_lost(hubs: Neighbourhood) -> None:
    newcomer = hubs.hub(hubs.lab.add_host("lossy"))
    await on_all(hubs, way(loss=0.3))
    await newcomer.join(await hubs.hubs[0].invite())
    await newcomer.start()
    await hubs.until(lambda: hubs.linked(newcomer, hubs.hubs[0]), "at 30 % loss the inviter is found by mDNS")
    await hubs.until(lambda: hubs.linked(*hubs.hubs), "at 30 % loss a newcomer is linked to all")
    await newcomer.publish("said where packets are lost")
    await hubs.until(lambda: hubs.equal(*hubs.hubs), "at 30 % loss seven are equal")
    assert "said where packets are lost" in await hubs.hubs[-2].titles()


async def test_two_newcomers_meet_while_both_sync_with_others(hubs: Neighbourhood) -> None:
    old = list(hubs.hubs)
    one, other = (hubs.hub(host) for host in (hubs.lab.add_host("one"), hubs.lab.add_host("other")))
    publishing = [hub.publish(*(f"{number} amid newcomers, {hub.name}" for number in range(POSTS_AMID))) for hub in old]
    links = await old[0].invite(), await old[-1].invite()
    await asyncio.gather(hubs.join(links[0], one), hubs.join(links[1], other), *publishing)
    await hubs.until(lambda: hubs.linked(*hubs.hubs), "two newcomers are linked to all and to each other")
    await asyncio.gather(one.publish("said by one newcomer"), other.publish("said by the other"))
    await hubs.until(lambda: hubs.equal(*hubs.hubs), "eight are equal, two of them new")
    assert {"said by one newcomer", "said by the other"} <= await old[1].titles()


async def test_two_halves_that_were_apart_are_equal_after_healing(hubs: Neighbourhood) -> None:
    halves = hubs.hubs[: HUBS // 2], hubs.hubs[HUBS // 2 :]
    hubs.lab.partition(*([hub.host for hub in half] for half in halves))
    before = (await hubs.hubs[0].status())["posts"]
    share = range(POSTS_DIVERGENT // HUBS + 1)
    await asyncio.gather(*(hub.publish(*(f"{number} apart, {hub.name}" for number in share)) for hub in hubs.hubs))
    for half in halves:
        await hubs.until(partial(hubs.equal, *half), f"{len(half)} apart are equal")
        assert (await half[0].status())["posts"] == before + len(share) * len(half)

    async def is_known() -> bool:
        return not any([await one.link_to(other) for one in halves[0] for other in halves[1]])

    for hub in hubs.hubs:  # links that end by silence alone, which takes half a minute, are in `test_hubs`
        hubs.lab.change_address(hub.host, f"10.83.0.{100 + hub.host.number}")
    await hubs.until(is_known, "the halves know that they are apart")
    hubs.lab.heal()
    await hubs.until(lambda: hubs.equal(*hubs.hubs), f"two halves with {len(share) * HUBS} new posts are equal")
    assert (await hubs.hubs[0].status())["posts"] == before + len(share) * HUBS
