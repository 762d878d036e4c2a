"""Real hubs on a real network: mDNS, TLS and SQLite, with cuts, moves, losses and deaths.

Three hubs live through all tests but the last, which ends one. Each test finds them linked and equal, and may leave
the network between them in any state.
Every wait is for a condition; the seconds printed are for the log (`pytest -s`) and asserted nowhere.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lab.hosts import Lab
from lab.hubs import PEER_PORT, Hub, Neighbourhood
from lab.requirements import demand_all, what_is_missing
from lab.switching import PERFECT, Cable

NEW_ADDRESS = "10.83.0.200"

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settled() -> AsyncIterator[Neighbourhood]:
    """Three hubs, founded and joined by an invite without addresses, as long as this module."""
    demand_all(what_is_missing())
    async with Lab(seed=12) as lab, Neighbourhood(lab) as neighbourhood:
        # Without IPv6 the first hub has one address, so that losing it is felt.
        await neighbourhood.settle(lab.add_host("ana", ipv6=False), lab.add_host("ben"), lab.add_host("cleo"))
        yield neighbourhood


@pytest_asyncio.fixture(loop_scope="module")
async def hubs(settled: Neighbourhood) -> AsyncIterator[Neighbourhood]:
    """The three, on a network without faults, linked and equal again."""
    settled.lab.heal()
    for hub in settled.hubs:
        settled.lab.set_cable(hub.host, PERFECT)
    await settled.until(lambda: settled.linked(*settled.hubs), "all hubs are linked as before")
    await settled.until(lambda: settled.equal(*settled.hubs), "all hubs are equal as before")
    yield settled
    for guest in settled.hubs[3:]:
        await settled.forget(guest)


async def found_by(hub: Hub, other: Hub) -> str:
    """How a hub came to its link with another."""
    link = await hub.link_to(other)
    assert link is not None, f"{hub!r} has no link to {other!r}"
    return str(link["found_by"])


async def is_alone(hub: Hub) -> bool:
    """Whether a hub has no link to any other."""
    return not any(peer["state"] == "open" for peer in await hub.peers())


async def only_on(hub: Hub, title: str, *others: Hub) -> None:
    """Others do not have what a hub has just published."""
    assert title in await hub.titles()
    for other in others:
        assert title not in await other.titles()


async def test_hubs_find_each_other_by_mdns_and_hold_the_same(hubs: Neighbourhood) -> None:
    ana, ben, cleo = hubs.hubs
    for one, other in ((ana, ben), (ana, cleo), (ben, cleo)):
        assert {await found_by(one, other), await found_by(other, one)} == {"mdns", "incoming"}
    for hub in hubs.hubs:
        await hub.publish(f"water for {hub.name}", f"more for {hub.name}")
    await hubs.until(lambda: hubs.equal(*hubs.hubs), "six posts are on all three hubs")
    assert await ana.titles() == await ben.titles() == await cleo.titles()
    assert len(await cleo.titles()) >= 6


async def test_hubs_that_were_cut_off_hold_the_same_after_healing(hubs: Neighbourhood) -> None:
    ana, ben, cleo = hubs.hubs
    before = [hub.process for hub in hubs.hubs]
    hubs.lab.partition([ana.host], [ben.host, cleo.host])
    await ana.publish("said on one side", "and again")
    await ben.publish("said on the other side")
    await hubs.until(lambda: hubs.equal(ben, cleo), "the two on one side are equal")
    await only_on(ana, "said on one side", ben, cleo)
    await only_on(cleo, "said on the other side", ana)
    hubs.lab.heal()
    await hubs.until(lambda: hubs.equal(*hubs.hubs), "all are equal after a short cut")
    assert {"said on one side", "and again", "said on the other side"} <= await cleo.titles()
    assert [hub.process for hub in hubs.hubs] == before
    assert all(hub.is_running for hub in hubs.hubs)


async def test_hubs_whose_links_died_in_a_cut_find_each_other_again(hubs: Neighbourhood) -> None:
    ana, ben, cleo = hubs.hubs

    async def is_known() -> bool:
        return await is_alone(ana) and not await ben.link_to(ana) and not await cleo.link_to(ana)

    hubs.lab.partition([ana.host], [ben.host, cleo.host])
    await ana.publish("said alone")
    await ben.publish("said without the first")
    await hubs.until(is_known, "both sides know that they are cut off")
    await ana.publish("said when it was known")
    hubs.lab.heal()
    await hubs.until(lambda: hubs.equal(*hubs.hubs), "all are equal after a long cut")
    assert {"said alone", "said without the first", "said when it was known"} <= await cleo.titles()


async def test_a_hub_whose_address_changes_is_found_again(hubs: Neighbourhood) -> None:
    ana, ben, cleo = hubs.hubs
    hubs.lab.partition([ana.host], [ben.host, cleo.host])  # on the way from one network to the other
    hubs.lab.change_address(ana.host, NEW_ADDRESS)
    await ana.publish("said on the way")
    await hubs.until(lambda: is_alone(ana), "a hub that moves has given up its old links")
    codes = {str(peer["code"]) for peer in await ana.peers() if peer["hub"] in {ben.id, cleo.id}}
    assert codes == {"closed"}, "it did not wait until they fell silent"
    assert await ben.link_to(ana), "the others do not know it yet"
    assert await cleo.link_to(ana)
    hubs.lab.heal()
    await hubs.until(lambda: hubs.equal(*hubs.hubs), "a hub that moved is found again, and all are equal")

    async def is_seen_there() -> bool:
        links = [await one.link_to(ana) for one in (ben, cleo)]
        return all(link and link["address"].startswith(f"{NEW_ADDRESS}:") for link in links)

    await hubs.until(is_seen_there, "the others have links to the new address")


async def test_loss_and_delay_cost_time_and_nothing_else(hubs: Neighbourhood) -> None:
    for hub, loss in zip(hubs.hubs, (0.05, 0.1, 0.07), strict=True):
        hubs.lab.set_cable(hub.host, Cable(delay_s=0.02, jitter_s=0.01, loss=loss, duplication=0.02, reorder=0.05))
    for hub in hubs.hubs:
        await hub.publish(*(f"{number} through a bad cable from {hub.name}" for number in range(40)))
    await hubs.until(lambda: hubs.equal(*hubs.hubs), "120 posts went through bad cables")
    counts = hubs.lab.switch.counts()
    assert all(counts[hub.name].lost for hub in hubs.hubs)


async def test_a_hub_without_multicast_joins_by_an_address_and_meets_the_others_by_their_cards(
    hubs: Neighbourhood,
) -> None:
    ana, ben, cleo = hubs.hubs
    deaf = hubs.hub(hubs.lab.add_host("deaf"))
    hubs.lab.set_cable(deaf.host, Cable(multicast=False))
    await hubs.join(await ana.invite(addresses=[f"{ana.host.address}:{PEER_PORT}"]), deaf)
    await hubs.until(lambda: hubs.linked(*hubs.hubs), "a hub without multicast is linked to all")
    await deaf.publish("said without multicast")
    await hubs.until(lambda: hubs.equal(*hubs.hubs), "a hub without multicast and all others are equal")
    assert "said without multicast" in await cleo.titles()
    assert await found_by(deaf, ana) == "invite"
    assert {await found_by(deaf, ben), await found_by(deaf, cleo)} <= {"card", "incoming"}
    await deaf.stop()
    await deaf.start()
    await hubs.until(lambda: hubs.linked(*hubs.hubs), "a hub without multicast is linked to all after a new start")
    assert "mdns" not in {await found_by(deaf, other) for other in (ana, ben, cleo)}
    assert hubs.lab.switch.counts()["deaf"].multicast_blocked


async def test_a_hub_that_starts_without_a_network_works_alone_and_joins_in_when_there_is_one(
    hubs: Neighbourhood,
) -> None:
    async with Neighbourhood(hubs.lab) as others:  # a second network on the same cables, too
        late = others.hub(hubs.lab.add_host("late", attached=False))
        early = others.hub(hubs.lab.add_host("early"))
        await late.found()
        await late.start()
        assert "no_interface" in await late.problem_codes()
        await late.publish("said with no network")
        await others.join(await late.invite(), early)
        assert (await early.status())["state"] == "joining"
        hubs.lab.link_up(late.host)
        await others.until(lambda: others.equal(late, early), "a hub that had no network is joined and equal")
        assert await early.titles() == {"said with no network"}
        assert {await found_by(late, early), await found_by(early, late)} == {"mdns", "incoming"}
        assert "no_interface" not in await late.problem_codes()
        assert not {hub.name for hub in hubs.hubs} & {str(peer["name"]) for peer in await late.peers()}


async def test_a_dead_hub_delays_nobody(hubs: Neighbourhood) -> None:
    ana, ben, cleo = hubs.hubs
    hubs.lab.partition([cleo.host], [ana.host, ben.host])  # so that not even its kernel says that it died
    await cleo.kill()
    await ana.publish("said beside a dead hub")
    await hubs.until(lambda: hubs.equal(ana, ben), "two are equal beside a dead one")
    assert "said beside a dead hub" in await ben.titles()
    assert await ana.link_to(cleo), "they do not even know yet that it is dead"
