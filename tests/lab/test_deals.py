"""Deals of real hubs on a network that is cut at the worst moments: nothing is promised twice, and all ends right.

Three hubs live through all tests, each in a host of its own; each test finds them linked and equal, and posts its own
needs and offers. Every wait is for a condition; the seconds printed are for the log (`pytest -s`).
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from lab.hosts import Lab
from lab.hubs import HARTIG, UNTIL_S_MAX, Hub, Json, Neighbourhood
from lab.requirements import demand_all, what_is_missing

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

BEDDING = "household.bedding"
OFFER: Json = {"kind": "offer", "category": BEDDING, "title": "A blanket", "quantity": 1}
NEED: Json = {"kind": "need", "category": BEDDING, "title": "Cold nights", "quantity": 1}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settled() -> AsyncIterator[Neighbourhood]:
    """Three hubs of one network, as long as this module."""
    demand_all(what_is_missing())
    async with Lab(seed=4) as lab, Neighbourhood(lab) as neighbourhood:
        await neighbourhood.settle(lab.add_host("ana"), lab.add_host("ben"), lab.add_host("cleo"))
        yield neighbourhood


@pytest_asyncio.fixture(loop_scope="module")
async def hubs(settled: Neighbourhood) -> Neighbourhood:
    """The three, linked and equal again."""
    settled.lab.heal()
    await settled.until(lambda: settled.linked(*settled.hubs), "all hubs are linked as before")
    await settled.until(lambda: settled.equal(*settled.hubs), "all hubs are equal as before")
    return settled


async def post(hub: Hub, draft: Json, **more: Any) -> str:
    return str((await hub.ask("POST", f"{draft['kind']}s", draft | more))["id"])


async def ask_for(hub: Hub, need: str, offer: str) -> str:
    """Ask for one, whether or not one is free."""
    return str((await hub.ask("POST", f"needs/{need}/claims", {"lot": offer, "quantity": 1}))["id"])


async def do(hub: Hub, deal: str, action: str, **body: Any) -> Json:
    return await hub.ask("POST", f"deals/{deal}/{action}", body)


async def state_on(hub: Hub, deal: str) -> str | None:
    """What a hub says of a deal; None where it has not heard of it."""
    answer = await hub._lab.http(hub.host, "GET", f"/api/v1/deals/{deal}")
    return str(answer.json()["state"]) if answer.status == 200 else None


async def holds(hub: Hub, offer: str) -> bool:
    answer = await hub._lab.http(hub.host, "GET", f"/api/v1/posts/{offer}")
    return answer.status == 200


async def all_hold(hubs: Sequence[Hub], *posts: str) -> bool:
    return all([await holds(hub, one) for hub in hubs for one in posts])


async def all_say(hubs: Sequence[Hub], deal: str, *states: str) -> bool:
    return all([await state_on(hub, deal) in states for hub in hubs])


async def total(hub: Hub, offer: str) -> dict[str, str]:
    """What the account of an offer comes to, as a hub sees it."""
    amounts: dict[str, str] = (await hub.ask("GET", f"posts/{offer}/book"))["total"]
    return amounts


# --- The last one


async def test_of_two_who_ask_for_the_last_one_while_cut_off_one_is_promised_it(hubs: Neighbourhood) -> None:
    ana, ben, cleo = hubs.hubs
    offer = await post(ana, OFFER, title="The last blanket", rule="first")
    other = await post(ana, OFFER, title="Another blanket")
    await hubs.until(lambda: all_hold(hubs.hubs, offer, other), "all know the last blanket")
    hubs.lab.partition([ana.host], [ben.host], [cleo.host])
    deals = [await ask_for(hub, await post(hub, NEED), offer) for hub in (ben, cleo)]
    assert [await state_on(hub, deal) for hub, deal in zip((ben, cleo), deals, strict=True)] == ["asked", "asked"]
    assert [await state_on(ben, deals[1]), await state_on(cleo, deals[0])] == [None, None]
    hubs.lab.heal()

    async def is_promised_once() -> bool:
        said = [sorted([str(await state_on(hub, deal)) for deal in deals]) for hub in hubs.hubs]
        return said == [["asked", "promised"]] * 3

    await hubs.until(is_promised_once, "all say that one is promised it, and the other is not")
    won = [await state_on(ana, deal) for deal in deals].index("promised")
    assert {await state_on(hub, deals[won]) for hub in hubs.hubs} == {"promised"}, "all say the same one"
    assert {(await total(hub, offer))["promised"] for hub in hubs.hubs} == {"1"}
    assert {(await total(hub, offer))["free"] for hub in hubs.hubs} == {"0"}
    winner, loser = ((ben, cleo), (cleo, ben))[won]
    await reads_why(hubs, ana, loser, deals[1 - won], offer, other)
    await hubs.until(lambda: hears_how_to_fetch(winner, deals[won]), "who is promised it hears how to fetch it")


async def reads_why(hubs: Neighbourhood, giver: Hub, loser: Hub, deal: str, offer: str, other: str) -> None:
    """Who goes without reads that all of it is promised, then that it was declined, and what else there is."""
    assert (await loser.ask("GET", f"posts/{offer}"))["progress"]["state"] == "all_promised"
    await do(giver, deal, "decline")

    async def says_why() -> bool:
        view = await loser.ask("GET", f"deals/{deal}")
        return "declined" in view["marks"] and view["state"] in ("declined", "cancelled")

    await hubs.until(says_why, "who goes without reads why")
    need = (await loser.ask("GET", f"deals/{deal}"))["need"]["id"]
    found = (await loser.ask("GET", f"needs/{need}/alternatives"))["items"]
    assert [one["id"] for one in found] == [other]
    assert f"“Another blanket” {other[:8]}" in await shown(hubs, loser, need)


async def hears_how_to_fetch(hub: Hub, deal: str) -> bool:
    return bool((await hub.ask("GET", f"deals/{deal}/contact"))["contact"])


# --- A cut at every step


@dataclass(frozen=True)
class Said:
    """One thing that is said of a deal: by whom, and what both then read."""

    by: str
    action: str
    states: tuple[str, ...]


GIVEN = (
    Said("ben", "ask", ("asked",)),
    Said("ana", "promise", ("promised",)),
    Said("ana", "hand-over", ("handed_over",)),
    Said("ben", "receive", ("arrived",)),
)
DECLINED = (Said("ben", "ask", ("asked",)), Said("ana", "decline", ("declined", "cancelled")))
TAKEN_BACK = (*GIVEN[:2], Said("ana", "release", ("taken_back", "cancelled")))
CANCELLED = (*GIVEN[:2], Said("ben", "cancel", ("cancelled",)))
LENT = (
    *GIVEN[:3],
    Said("ben", "receive", ("lent",)),
    Said("ben", "give-back", ("given_back",)),
    Said("ana", "returned", ("returned",)),
)
STORIES = {"given": GIVEN, "declined": DECLINED, "taken back": TAKEN_BACK, "cancelled": CANCELLED, "lent": LENT}
FREE_IN_THE_END = {"given": "0", "declined": "1", "taken back": "1", "cancelled": "0", "lent": "1"}


@pytest.mark.parametrize("named", STORIES)
async def test_a_deal_ends_right_wherever_the_link_is_cut(hubs: Neighbourhood, named: str) -> None:
    story = STORIES[named]
    for cut in range(len(story)):
        offer = await play(hubs, story, cut, mode="lend" if story is LENT else "give")
        free = FREE_IN_THE_END[named]
        for hub in hubs.hubs[:2]:
            amounts = await total(hub, offer)
            assert amounts["free"] == free, f"{hub.name} after a cut at {story[cut].action}: {amounts}"


async def play(hubs: Neighbourhood, story: Sequence[Said], cut: int, mode: str) -> str:
    """Let a deal go its way; the link is cut while one step is said. Return the offer."""
    ana, ben, _ = hubs.hubs
    pair = [ana, ben]
    offer = await post(ana, OFFER, mode=mode)
    await ana.ask("POST", f"posts/{offer}/counts", {"quantity": 1})
    need = await post(ben, NEED)
    await hubs.until(partial(all_hold, pair, offer, need), "both know the offer and the need")
    deal = ""
    for number, said in enumerate(story):
        if number == cut:
            hubs.lab.partition([ana.host], [ben.host])
        one, other = (ana, ben) if said.by == "ana" else (ben, ana)
        before = await state_on(other, deal) if deal else None
        if said.action == "ask":
            deal = await ask_for(one, need, offer)
        else:
            await do(one, deal, said.action)
        if number == cut:
            assert await state_on(other, deal) == before, "the other side cannot have heard of it"
            hubs.lab.heal()
        await hubs.until(partial(all_say, pair, deal, *said.states), f"both say that it is {said.states[0]}")
    return offer


async def test_what_was_cancelled_on_one_side_and_handed_over_on_the_other_has_crossed(hubs: Neighbourhood) -> None:
    ana, ben, _ = hubs.hubs
    offer = await post(ana, OFFER)
    need = await post(ben, NEED)
    await hubs.until(partial(all_hold, [ana, ben], offer, need), "both know the offer and the need")
    deal = await ask_for(ben, need, offer)
    await hubs.until(partial(all_say, [ana, ben], deal, "asked"), "both know what is asked")
    await do(ana, deal, "promise")
    await hubs.until(partial(all_say, [ana, ben], deal, "promised"), "both know what is promised")
    hubs.lab.partition([ana.host], [ben.host])
    await do(ben, deal, "cancel")
    await do(ana, deal, "hand-over")
    hubs.lab.heal()
    await hubs.until(partial(all_say, [ana, ben], deal, "crossed"), "both read that it crossed")
    await do(ben, deal, "receive")
    await hubs.until(partial(all_say, [ana, ben], deal, "arrived"), "it has arrived all the same")


# --- A key that is lost


async def test_a_hub_that_lost_the_key_for_contacts_in_a_deal_hears_again_how_to_fetch_it(hubs: Neighbourhood) -> None:
    ana, ben, _ = hubs.hubs
    offer = await post(ana, OFFER, rule="first", contact="Ana, the green door")
    need = await post(ben, NEED)
    await hubs.until(partial(all_hold, [ana, ben], offer, need), "both know the offer and the need")
    deal = await ask_for(ben, need, offer)
    await hubs.until(partial(hears_how_to_fetch, ben, deal), "who is promised it hears how to fetch it")
    await ben.stop()
    (ben.host.folder / "keys" / "box.key").unlink()
    await ben.start()
    await hubs.until(partial(hears_how_to_fetch, ben, deal), "it is said again for the new key")
    await do(ana, deal, "hand-over")
    await hubs.until(partial(all_say, [ana, ben], deal, "handed_over"), "the deal goes on")


# --- A backup put back


async def test_a_hub_put_back_from_a_backup_promises_nothing_twice(hubs: Neighbourhood) -> None:
    _, ben, cleo = hubs.hubs
    offer = await post(cleo, OFFER, rule="first")
    await cleo.ask("POST", f"posts/{offer}/counts", {"quantity": 1})
    needs = [await post(ben, NEED) for _ in range(2)]
    await hubs.until(partial(all_hold, [ben, cleo], offer, *needs), "both know the offer and the needs")
    backup = str(cleo.host.folder / "before.backup")
    await cleo.command("backup", backup)
    first = await ask_for(ben, needs[0], offer)
    await hubs.until(partial(all_say, [ben, cleo], first, "promised"), "it is promised after the backup")
    await cleo.stop()
    await cleo.command("restore", backup, "--replace")
    second = await ask_for(ben, needs[1], offer)
    await cleo.start()
    await hubs.until(partial(all_say, [ben, cleo], second, "cancelled", "void"), "what was asked meanwhile is given up")
    await hubs.until(partial(all_say, [ben, cleo], first, "cancelled", "void"), "what was promised is given up")

    async def is_told() -> bool:
        return "count_anew" in await cleo.problem_codes()

    await hubs.until(is_told, "people are told to count")
    assert (await cleo.ask("GET", f"posts/{offer}"))["state"] == "ended"


# --- Two copies of one folder


async def test_two_copies_of_a_hub_promise_nothing_twice_once_they_have_met(hubs: Neighbourhood) -> None:
    ana, ben, cleo = hubs.hubs
    dina = hubs.hub(hubs.lab.add_host("dina"))
    await hubs.join(await ana.invite(), dina)
    await hubs.until(lambda: hubs.linked(ana, ben, cleo, dina), "the new hub is linked")
    offer = await post(dina, OFFER)
    await dina.ask("POST", f"posts/{offer}/counts", {"quantity": 1})
    needs = [await post(ana, NEED), await post(ben, NEED)]
    await hubs.until(partial(all_hold, hubs.hubs, offer, *needs), "all know the offer and the needs")
    copy = await cloned(hubs, dina)
    hubs.lab.partition([ana.host, dina.host], [ben.host, cleo.host, copy.host])
    await dina.start()
    await copy.start()
    deals = []
    for asker, need, giver in ((ana, needs[0], dina), (ben, needs[1], copy)):
        deal = await ask_for(asker, need, offer)
        await hubs.until(partial(all_say, [giver], deal, "asked"), f"{giver.name} knows what is asked")
        await do(giver, deal, "promise")
        await hubs.until(partial(all_say, [asker], deal, "promised"), f"{asker.name} is promised the only one")
        deals.append(deal)
    hubs.lab.heal()
    for deal in deals:
        await hubs.until(partial(all_say, [ana, ben, cleo], deal, "void", "cancelled"), "all read that nothing holds")
    for one in (dina, copy):
        await hubs.until(partial(says_what_to_do, one), f"the people of {one.name} are told what to do")
        for deal in deals:
            await hubs.until(partial(all_say, [one], deal, "void", "cancelled"), f"{one.name} reads that nothing holds")
            answer = await hubs.lab.http(one.host, "POST", f"/api/v1/deals/{deal}/promise", body={})
            assert (answer.status, answer.json()["code"]) == (409, "chain_ended")
    assert "count_anew" in await dina.problem_codes() | await copy.problem_codes()
    for one in (ana, ben, cleo, dina, copy):
        book = await one.ask("GET", f"posts/{offer}/book")
        assert book["total"]["promised"] in ("0", "1")
        assert "count what is there" in book["ended"]["hint"]
        assert "count what is there" in await shown(hubs, one, offer)
    for one in (dina, copy):
        await hubs.forget(one)


async def cloned(hubs: Neighbourhood, hub: Hub) -> Hub:
    """Stop a hub and copy its folder to another machine."""
    await hub.stop()
    copy = hubs.hub(hubs.lab.add_host(f"{hub.name}2"))
    await asyncio.to_thread(shutil.copytree, hub.host.folder, copy.host.folder, dirs_exist_ok=True)
    copy.id = hub.id
    return copy


async def says_what_to_do(hub: Hub) -> bool:
    """Who ends the offer first says to count; the other may hear of that end first, and says to look for a copy."""
    return bool({"count_anew", "restored", "stopped_signing"} & await hub.problem_codes())


async def shown(hubs: Neighbourhood, hub: Hub, post_id: str) -> str:
    """What `hartig show` says on a hub."""
    argv = [HARTIG, "show", post_id, "--folder", str(hub.host.folder)]
    done = await hubs.lab.run_to_end(hub.host, argv, timeout_s=UNTIL_S_MAX)
    assert done.code == 0, done.err
    return " ".join(done.out.split())
