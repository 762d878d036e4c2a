"""Nothing stops a sync: dead addresses, mute peers, bad records, a backup put back, and death in the middle.

Four real hubs live through all tests, each in a host of its own, with mDNS, TLS and SQLite; each test finds them
linked and equal, and no test restarts a hub other than the one that it is about. Every wait is for a condition; the
seconds printed are for the log (`pytest -s`) and asserted nowhere.
What needs a virtual week or an exact order of messages is in `tests/protocol/sync/test_liveness.py`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from lab.bad_peers import POISONED, PROGRAM, TAKEN
from lab.hosts import Lab
from lab.hubs import PEER_PORT, Hub, Neighbourhood
from lab.processes import HostProcess
from lab.requirements import demand_all, what_is_missing
from lab.switching import PERFECT, Cable

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

ADDRESSES_DEAD = 63  # with the living one, as many as the settings take
POSTS_MANY = 2_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settled() -> AsyncIterator[Neighbourhood]:
    """Four hubs, founded and joined by an invite without addresses, as long as this module."""
    demand_all(what_is_missing())
    async with Lab(seed=21) as lab, Neighbourhood(lab) as neighbourhood:
        await neighbourhood.settle(*(lab.add_host(name) for name in ("ana", "ben", "cleo", "dora")))
        yield neighbourhood


@pytest_asyncio.fixture(loop_scope="module")
async def hubs(settled: Neighbourhood) -> AsyncIterator[Neighbourhood]:
    """The four, linked and equal again."""
    await settled.until(lambda: settled.linked(*settled.hubs), "all hubs are linked as before")
    await settled.until(lambda: settled.equal(*settled.hubs), "all hubs are equal as before")
    yield settled
    for guest in settled.hubs[4:]:
        await settled.forget(guest)


@asynccontextmanager
async def undisturbed(*hubs: Hub) -> AsyncIterator[None]:
    """These hubs are not restarted, and the links among them are the same at the end."""

    async def links() -> list[object]:
        pairs = [(one, other) for one in hubs for other in hubs if one is not other]
        held = [await one.link_to(other) for one, other in pairs]
        return [hub.process for hub in hubs] + [link and (link["opened_by_us"], link["address"]) for link in held]

    before = await links()
    yield
    assert await links() == before
    assert all(hub.is_running for hub in hubs)


async def stand_in(lab: Lab, hub: Hub, *argv: str) -> HostProcess:
    """Kill a hub and run a program that behaves badly in its place."""
    await hub.kill()
    process = await lab.run(hub.host, [*PROGRAM, *argv], label=f"{argv[0]} for {hub.name}")
    await process.line_with("listening")
    return process


def times(process: HostProcess, text: str) -> int:
    """How often a program has said a text."""
    return sum(text in line for line in process.lines)


# --- Others that behave badly


async def test_a_bad_record_costs_itself_alone(hubs: Neighbourhood) -> None:
    ana, ben, cleo, dora = hubs.hubs
    refused = await ana.figure("hartig_records_refused_total")
    await ben.stop()
    await ben.start(*PROGRAM, "poison")
    await hubs.until(lambda: hubs.linked(*hubs.hubs), "a hub that poisons is linked like any other")
    async with undisturbed(*hubs.hubs):
        await ben.publish(*(f"{number} amid poison" for number in range(60)))
        await hubs.until(lambda: hubs.equal(*hubs.hubs), "60 good records came amid bad ones")
        assert {f"{number} amid poison" for number in range(60)} <= await dora.titles()
    assert ben.process is not None
    assert times(ben.process, POISONED)
    for hub in (ana, cleo, dora):
        assert await hub.figure("hartig_records_refused_total") > 0
    assert await ana.figure("hartig_records_refused_total") > refused
    await ben.stop()
    await ben.start()


async def test_a_peer_that_takes_the_call_and_says_nothing_is_dropped_and_tried_again(hubs: Neighbourhood) -> None:
    ana, ben, cleo, dora = hubs.hubs
    accepts = await stand_in(hubs.lab, cleo, "accept", str(PEER_PORT))
    shakes = await stand_in(hubs.lab, dora, "shake", str(dora.host.folder), str(PEER_PORT))
    async with undisturbed(ana, ben):

        async def is_told() -> bool:
            return all(["no greeting" in str(await one.reason_for(dora)) for one in (ana, ben)])

        async def is_tried_again() -> bool:
            return times(accepts, TAKEN) >= 4 and times(shakes, TAKEN) >= 4

        await ana.publish("said while two are mute")
        await hubs.until(lambda: hubs.equal(ana, ben), "two are equal beside two that are mute")
        await hubs.until(is_told, "both say why there is no link to one that greets nobody")
        await hubs.until(is_tried_again, "those that are mute were tried again")
        await ben.publish("said while two are mute still")
        await hubs.until(lambda: hubs.equal(ana, ben), "two are equal still")
        for mute, hub in ((accepts, cleo), (shakes, dora)):
            await mute.kill()
            await hub.start()
        await hubs.until(lambda: hubs.linked(*hubs.hubs), "those that were mute are linked again")
        await hubs.until(lambda: hubs.equal(*hubs.hubs), "and all are equal")
    assert "said while two are mute" in await dora.titles()


async def test_dead_addresses_delay_nobody(hubs: Neighbourhood) -> None:
    ana, _, cleo, _ = hubs.hubs
    eve, closed = hubs.hub(hubs.lab.add_host("eve")), hubs.lab.add_host("closed")
    mute = hubs.lab.add_host("mute")
    await hubs.lab.run(mute, [*PROGRAM, "accept", str(PEER_PORT)])
    hubs.lab.set_cable(eve.host, Cable(multicast=False))
    nobody = [f"10.83.0.{number}:{PEER_PORT}" for number in range(100, 140)]
    refusing = [f"{closed.address}:{port}" for port in range(5000, 5013)]
    silent = [f"{mute.address}:{PEER_PORT}"] * (ADDRESSES_DEAD - len(nobody) - len(refusing))
    typed = [*nobody, *refusing, *silent, f"{ana.host.address}:{PEER_PORT}"]
    await eve.join(await ana.invite())
    settings = eve.host.folder / "hartig.toml"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith(("peers", "# peers"))]
    settings.write_text("\n".join([*lines, f"peers = {typed}", ""]))
    await eve.start()
    async with undisturbed(*hubs.hubs[:4]):
        await hubs.until(lambda: hubs.linked(eve, ana), f"the living one of {len(typed)} typed addresses is linked")
        await hubs.until(lambda: hubs.linked(*hubs.hubs), "and the others by their cards")
        await eve.publish("said beside dead addresses")
        await hubs.until(lambda: hubs.equal(*hubs.hubs), "all are equal")
    assert "said beside dead addresses" in await cleo.titles()


# --- Others that died, and came back


async def test_a_hub_restored_from_a_backup_is_equal_again_and_loses_nothing(hubs: Neighbourhood) -> None:
    ana, ben, cleo, dora = hubs.hubs
    copy = str(hubs.lab.hosts["ana"].folder.parent / "ben.backup")
    await ben.publish("said before the backup")
    await ben.command("backup", copy)
    await ben.publish("said after the backup", "and more after it")
    await cleo.publish("said by another after the backup")
    await hubs.until(lambda: hubs.equal(*hubs.hubs), "all are equal before the loss")
    async with undisturbed(ana, cleo, dora):
        await ben.kill()
        await cleo.publish("said while it was away")
        await ben.command("restore", copy, "--replace")
        await ben.start()
        await hubs.until(lambda: hubs.linked(*hubs.hubs), "a restored hub is linked again")
        await hubs.until(lambda: hubs.equal(*hubs.hubs), "a restored hub is equal again")
        await ben.publish("said after the restore")
        await hubs.until(lambda: hubs.equal(*hubs.hubs), "and its new posts go out as before")
    said = {"said before the backup", "said after the backup", "and more after it", "said after the restore"}
    others = {"said by another after the backup", "said while it was away"}
    for hub in hubs.hubs:
        assert said | others <= await hub.titles()


async def test_both_sides_are_killed_in_the_middle_of_a_sync(hubs: Neighbourhood) -> None:
    ana, ben, *others = hubs.hubs
    hubs.lab.partition([ana.host], [ben.host], [other.host for other in others])
    before = (await ben.status())["posts"]
    await ana.publish(*(f"{number} for a sync that breaks" for number in range(POSTS_MANY)))
    for hub in (ana, ben):  # slow enough to be met in the middle
        hubs.lab.set_cable(hub.host, Cable(delay_s=0.1))
    hubs.lab.partition([ana.host, ben.host], [other.host for other in others])

    async def has_begun() -> bool:
        return bool((await ben.status())["posts"] > before)

    await hubs.until(has_begun, "a sync has begun")
    await asyncio.gather(ana.kill(), ben.kill())
    for hub in (ana, ben):
        hubs.lab.set_cable(hub.host, PERFECT)
    await asyncio.gather(ana.start(), ben.start())
    held = (await ben.status())["posts"] - before
    print(f"{held} of {POSTS_MANY} were there after the kill")
    assert 0 < held < POSTS_MANY, "it was not in the middle"
    await hubs.until(lambda: hubs.equal(ana, ben), "both are equal after both were killed")
    async with undisturbed(*others):
        hubs.lab.heal()
        await hubs.until(lambda: hubs.equal(*hubs.hubs), "and so are the others")
