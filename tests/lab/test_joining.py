"""An open network on a real local network: found by listening alone, and joined at a hub that reaches nobody else."""

import pytest

from lab.hosts import Lab
from lab.hubs import Neighbourhood
from lab.requirements import demand_all, what_is_missing

pytestmark = [pytest.mark.lab]


async def test_a_newcomer_finds_an_open_network_and_is_let_in_by_a_hub_cut_off_from_the_others() -> None:
    demand_all(what_is_missing())
    async with Lab(seed=15) as lab, Neighbourhood(lab) as hubs:
        ana, ben, dina = (hubs.hub(lab.add_host(name)) for name in ("ana", "ben", "dina"))
        ana.id = (await ana.command("init", "--open", "--network", "Lab", "--name", ana.name))["hub"]
        await ana.start()
        ben.id = (await ben.command("join", "--open", "--name", ben.name))["hub"]
        await ben.start()
        await hubs.until(lambda: hubs.linked(ana, ben), "the first newcomer is a member and linked")
        await hubs.until(lambda: hubs.equal(ana, ben), "both hold the same")
        lab.partition([ana.host], [ben.host, dina.host])
        dina.id = (await dina.command("join", "--open", "lab", "--name", dina.name))["hub"]
        await dina.start()
        await hubs.until(lambda: hubs.linked(ben, dina), "the hub that is cut off from the founder has let one in")
        await hubs.until(lambda: hubs.equal(ben, dina), "both hold the same")
        assert (await ana.ask("GET", "invites/asking"))["came_openly"] == 1
        await ben.stop()
        lab.heal()
        await hubs.until(lambda: hubs.linked(ana, dina), "the founder judges who came by a hub that is away")
