"""Partner networks of real hubs: Ana's town and Ben's are partners, Ben's and Cleo's are, and Ana's and Cleo's are not.

Each town has two hubs, both speak for it, and all six see each other on one LAN. They live through all tests, which
post under titles of their own; the last one takes the clocks of two towns a month ahead, and nothing follows it. Every
wait is for a condition; the seconds printed are for the log (`pytest -s`).
"""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lab.hosts import Lab
from lab.hubs import HARTIG, Check, Hub, Json, Neighbourhood
from lab.requirements import demand_all, what_is_missing

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

# A person says what time it is, whatever the machine thinks of its own clock.
PROGRAM = ("env", "HARTIG_CLOCK=untrusted", HARTIG)
BREAD: Json = {"kind": "offer", "category": "food.bread", "area": "u33dc", "quantity": 1, "audience": "partners"}
BLANKET: Json = {**BREAD, "category": "household.bedding"}
POSTS_AMID = 40  # while a hub is killed
AGREED_DAYS = 30  # by the side of Ana's town
AGREED_LONGER_DAYS = 300  # by that of Ben's
POSTED_DAYS = 80  # so that a post outlives the agreement
API = Path(__file__).parents[2] / "node" / "API.md"
PATHS_MIN = 20
STREAMS = {"/api/v1/events"}  # an answer without an end


@dataclass
class Town:
    """A network of two hubs, both of which speak for it."""

    name: str
    hubs: tuple[Hub, Hub]
    id: str = ""

    @property
    def first(self) -> Hub:
        return self.hubs[0]

    @property
    def trustee(self) -> str:
        return str(self.first.host.folder / "seats" / "seat-1.key")

    async def found(self, hubs: Neighbourhood) -> None:
        """Found it, let the other hub join, and let it speak for the town, too."""
        first, second = self.hubs
        first.id = (await first.command("init", "--network", self.name, "--name", first.name))["hub"]
        await first.start(*PROGRAM)
        await second.join(await first.invite())
        await second.start(*PROGRAM)
        await hubs.until(lambda: hubs.linked(*self.hubs), f"the hubs of {self.name} are linked")
        await first.ask("POST", f"members/{second.id}/renew", {"gateway": True})
        for hub in self.hubs:
            await hub.ask("POST", "clock")
        self.id = (await first.status())["network"]["id"]

    async def agree(self, *words: str) -> Json:
        """Do something about an agreement, with a trustee's key."""
        return await self.first.command("partner", *words, "--yes", "--key", self.trustee)


@dataclass
class Street:
    """The three towns, and the neighbourhood that their hubs are in."""

    hubs: Neighbourhood
    ana: Town
    ben: Town
    cleo: Town


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settled() -> AsyncIterator[Street]:
    """Three towns and two agreements, as long as this module."""
    demand_all(what_is_missing())
    async with Lab(seed=7) as lab, Neighbourhood(lab) as hubs:
        names = ("ana", "ben", "cleo")
        pairs = [(hubs.hub(lab.add_host(f"{name}bakery")), hubs.hub(lab.add_host(f"{name}library"))) for name in names]
        street = Street(hubs, *(Town(f"{name}town", pair) for name, pair in zip(names, pairs, strict=True)))
        await asyncio.gather(*(town.found(hubs) for town in (street.ana, street.ben, street.cleo)))
        days, longer = str(AGREED_DAYS), str(AGREED_LONGER_DAYS)
        await befriend(hubs, street.ana, street.ben, "--categories", "food", "--days", days, answer=("--days", longer))
        await befriend(hubs, street.cleo, street.ben, "--days", longer)
        yield street


@pytest_asyncio.fixture(loop_scope="module")
async def street(settled: Street) -> Street:
    """The three, each hub that speaks linked with both of each partner again."""
    for one, other in ((settled.ana, settled.ben), (settled.ben, settled.cleo)):
        await settled.hubs.until(partial(speaking, one, other), f"{one.name} and {other.name} speak with each other")
    return settled


async def befriend(hubs: Neighbourhood, asking: Town, asked: Town, *terms: str, answer: Iterable[str] = ()) -> None:
    """Let one town propose an agreement, with the other's code, and the other say yes."""

    async def both_speak() -> bool:
        return len((await asked.first.ask("GET", "partners/code"))["hubs"]) == len(asked.hubs)

    async def is_asked() -> bool:
        return asking.id in {one["id"] for one in (await asked.first.ask("GET", "partners/proposals"))["items"]}

    await hubs.until(both_speak, f"the code of {asked.name} names both hubs")
    code = (await asked.first.ask("GET", "partners/code"))["code"]
    await asking.agree("propose", code, "--share", "offers", *terms)
    await hubs.until(is_asked, f"{asked.name} reads what {asking.name} proposes")
    await asked.agree("accept", asking.id, *answer)


# --- What is looked at


async def partner(hub: Hub, town: Town) -> Json | None:
    """What a hub says of a partner network."""
    return next((one for one in (await hub.ask("GET", "partners"))["items"] if one["id"] == town.id), None)


async def speaking(*towns: Town, hubs: Iterable[Hub] | None = None) -> bool:
    """Whether each of these hubs, else all of two towns, has a link with every hub of the other town."""
    one, other = towns
    sides = [(hub, there) for here, there in ((one, other), (other, one)) for hub in here.hubs]
    said = [await partner(hub, there) for hub, there in sides if hubs is None or hub in hubs]
    return all(view is not None and (view["state"], view["links"]) == ("agreed", 2) for view in said)


async def all_read(hubs: Iterable[Hub], *titles: str) -> bool:
    return all([set(titles) <= await hub.titles() for hub in hubs])


async def none_reads(hubs: Iterable[Hub], *titles: str) -> bool:
    return not any([set(titles) & await hub.titles() for hub in hubs])


async def offer(hub: Hub, title: str, draft: Json = BREAD, **more: Any) -> None:
    await hub.ask("POST", f"{draft['kind']}s", {**draft, "title": {"en": title}, **more})


def kept_of(hub: Hub, town: Town) -> Path:
    """Where a hub keeps what a partner network shares."""
    return hub.host.folder / "partners" / town.id


def on_disk(folder: Path, needles: Sequence[bytes]) -> set[tuple[str, bytes]]:
    """The files below a folder in which one of these stands, whatever its case, and which."""
    found = set()
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a hub that runs makes files and deletes them
            content = path.read_bytes().lower() if path.is_file() else b""
            found |= {(path.name, needle) for needle in needles if needle.lower() in content}
    return found


def is_in_store(database: Path, needle: bytes) -> bool:
    """Whether a text stands in any row of any table."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE TABLE%'")]
        assert "records" in tables, tables
        rows = (row for name in tables for row in store.execute(f'SELECT * FROM "{name}"'))
        return any(needle in as_bytes(value) for row in rows for value in row)


def as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


async def over_api(hub: Hub, needles: Sequence[bytes]) -> set[tuple[str, bytes]]:
    """The answers of a hub's API in which one of these stands, and which: of all that needs no id, as documented."""
    documented = set(re.findall(r"`GET (/[\w./-]*)`", API.read_text(encoding="utf-8")))
    assert len(documented) > PATHS_MIN, documented
    found = set()
    for path in [*sorted(documented - STREAMS), *(f"/api/v1/{name}?state=all" for name in ("posts", "members"))]:
        content = (await hub._lab.http(hub.host, "GET", path)).body.lower()
        found |= {(path, needle) for needle in needles if needle.lower() in content}
    return found


def needles_of(town: Town, *titles: str) -> list[bytes]:
    """What tells that something of a town is somewhere: its id and its hubs' keys, as bytes and as text; its words."""
    ids = [town.id, *(hub.id for hub in town.hubs)]
    words = [*ids, town.name, *(hub.name for hub in town.hubs), *titles]
    return [*map(bytes.fromhex, ids), *(word.encode() for word in words)]


# --- The tests


async def test_what_is_shared_reaches_every_hub_of_a_partner_and_nothing_of_it_reaches_its_partner(
    street: Street,
) -> None:
    ana, ben, cleo = street.ana, street.ben, street.cleo
    shared = ("Rye from Ana", "Wheat for Ben alone", "Spelt for long")
    await offer(ana.first, shared[0])
    await offer(ana.hubs[1], shared[1], audience=ben.id)
    await offer(ana.hubs[1], shared[2], days=POSTED_DAYS)
    await offer(ana.first, "Crumbs of our own", audience="network")
    await offer(ana.first, "A blanket that nobody named", BLANKET)
    await street.hubs.until(lambda: all_read(ben.hubs, *shared), "both hubs of the partner read what is shared")
    assert await none_reads(ben.hubs, "Crumbs of our own", "A blanket that nobody named")
    # What Ben's hubs say after they have had all of Ana's: whatever would follow from that goes the same way, before.
    for hub in ben.hubs:
        await offer(hub, f"Cake from {hub.name}")
    cakes = [f"Cake from {hub.name}" for hub in ben.hubs]
    await street.hubs.until(lambda: all_read([*ana.hubs, *cleo.hubs], *cakes), "both partners read what Ben shares")
    needles = needles_of(ana, *shared)
    for hub in cleo.hubs:
        assert on_disk(hub.host.folder, needles) == set(), f"of Ana's town on the disk of {hub.name}"
        assert await over_api(hub, needles) == set(), f"of Ana's town over the API of {hub.name}"
        assert on_disk(hub.host.folder, needles_of(ben, *cakes)), "what is there can be found so"
        assert await over_api(hub, needles_of(ben, *cakes)), "what is there can be found so"


async def test_it_goes_on_through_the_other_hub_when_one_that_speaks_is_killed(street: Street) -> None:
    hubs, (first, second), ben = street.hubs, street.ana.hubs, street.ben.hubs
    titles = [f"{number} loaves amid a power cut" for number in range(POSTS_AMID)]
    sending = asyncio.gather(*(offer(second, title) for title in titles[: POSTS_AMID // 2]))
    await hubs.until(lambda: all_read(ben, titles[0]), "the first has crossed")
    await first.kill()
    await sending
    await asyncio.gather(*(offer(second, title) for title in titles[POSTS_AMID // 2 :]))
    await hubs.until(lambda: all_read(ben, *titles), "all that is shared crosses through the other one")

    await first.start(*PROGRAM)
    await first.ask("POST", "clock")
    await hubs.until(lambda: speaking(street.ana, street.ben, hubs=[first]), "the one that was killed speaks again")
    await second.kill()
    await offer(first, "Out of the oven again")
    await hubs.until(lambda: all_read(ben, "Out of the oven again"), "it crosses through the one that came back")
    await second.start(*PROGRAM)
    await second.ask("POST", "clock")


async def test_a_deal_goes_on_through_whoever_speaks_while_others_die(street: Street) -> None:
    """A kitchen of each town, neither of which speaks with the other town, deal with each other from end to end."""
    hubs, ana, ben = street.hubs, street.ana, street.ben
    giver, needer = [hubs.hub(hubs.lab.add_host(f"{name}kitchen")) for name in ("ana", "ben")]
    for town, hub in ((ana, giver), (ben, needer)):
        await hub.join(await town.first.invite())
        await hub.start(*PROGRAM)
        await hubs.until(partial(hubs.linked, hub, *town.hubs), f"{hub.name} is linked with its town")
        await hub.ask("POST", "clock")
    rolls = {**BREAD, "title": {"en": "Rolls"}, "quantity": 40, "contact": "Ring"}
    lot = (await giver.ask("POST", "offers", rolls))["id"]
    draft = {"kind": "need", "category": "food.bread", "title": {"en": "Breakfast"}, "quantity": 30, "contact": "Knock"}
    need = (await needer.ask("POST", "needs", draft))["id"]
    await hubs.until(lambda: all_read([needer], "Rolls"), "the needing kitchen reads the offer")
    assert await none_reads([giver], "Breakfast")
    deal = (await needer.ask("POST", f"needs/{need}/claims", {"lot": lot}))["id"]

    def both_say(state: str) -> Check:
        return partial(_both_say, (giver, needer), deal, state)

    await hubs.until(both_say("asked"), "what is asked crosses")
    await ana.first.kill()
    await giver.ask("POST", f"deals/{deal}/promise", {})
    await hubs.until(both_say("promised"), "the promise crosses through the other one")
    await hubs.until(partial(_told, giver, deal, "Knock"), "the giving kitchen can reach the needing one")
    await hubs.until(partial(_told, needer, deal, "Ring"), "and the needing one the giving")
    await ana.first.start(*PROGRAM)
    await ana.first.ask("POST", "clock")
    await hubs.until(lambda: speaking(ana, ben, hubs=[ana.first]), "the one that was killed speaks again")
    await asyncio.gather(ana.hubs[1].kill(), ben.first.kill())
    await giver.ask("POST", f"deals/{deal}/hand-over", {})
    await hubs.until(both_say("handed_over"), "the handover crosses through those that are left")
    await needer.ask("POST", f"deals/{deal}/receive", {"how": "ok"})
    await hubs.until(both_say("arrived"), "the receipt crosses back")
    assert (await giver.ask("GET", f"posts/{lot}"))["progress"]["handed_over"] == "30"
    assert (await needer.ask("GET", f"posts/{need}"))["progress"]["state"] == "met"
    for hub in street.cleo.hubs:
        assert on_disk(hub.host.folder, [b"Breakfast", b"Rolls", bytes.fromhex(lot)]) == set(), "nothing of it goes on"
    for hub in (ana.hubs[1], ben.first):
        await hub.start(*PROGRAM)
        await hub.ask("POST", "clock")
    for hub in (giver, needer):
        await hubs.forget(hub)


async def _both_say(kitchens: Sequence[Hub], deal: str, state: str) -> bool:
    """Whether both sides of a deal have it in a state."""
    said = [await hub.answer("GET", f"deals/{deal}") for hub in kitchens]
    return [view and view["state"] for view in said] == [state, state]


async def _told(hub: Hub, deal: str, words: str) -> bool:
    return bool((await hub.ask("GET", f"deals/{deal}/contact"))["contact"] == words)


async def test_what_was_posted_before_follows_a_wider_agreement_and_goes_with_a_narrower_one(street: Street) -> None:
    hubs, ana, ben = street.hubs, street.ana, street.ben
    await offer(ana.first, "A quilt", BLANKET)
    await offer(ana.first, "A bun")
    await hubs.until(lambda: all_read(ben.hubs, "A bun"), "what is agreed crosses")
    assert await none_reads(ben.hubs, "A quilt")

    await ana.agree("change", ben.id, "--categories", "food,household")
    await hubs.until(lambda: all_read(ben.hubs, "A quilt", "A bun"), "what was posted before follows")
    assert not await none_keeps(ben, ana, "A quilt")

    await ana.agree("change", ben.id, "--categories", "food")
    await hubs.until(lambda: none_reads(ben.hubs, "A quilt"), "what is not agreed any more goes")
    await hubs.until(lambda: none_keeps(ben, ana, "A quilt"), "no store keeps it")
    assert await all_read(ben.hubs, "A bun")
    assert await all_read(ana.hubs, "A quilt", "A bun")


async def none_keeps(holder: Town, town: Town, title: str) -> bool:
    """Whether no row of any table says it; the pages of the file that held it are written anew within a week."""
    return not any(is_in_store(kept_of(hub, town) / "hartig.db", title.encode()) for hub in holder.hubs)


async def test_nothing_is_left_and_nothing_crosses_when_an_agreement_has_run_out(street: Street) -> None:
    hubs, ana, ben = street.hubs, street.ana, street.ben
    await offer(ana.first, "The last loaf", days=POSTED_DAYS)
    await offer(ben.first, "The last cake", days=POSTED_DAYS)
    await hubs.until(lambda: all_read([*ana.hubs, *ben.hubs], "The last loaf", "The last cake"), "both have crossed")
    assert not await none_keeps(ben, ana, "The last loaf")
    for hub in [*ana.hubs, *ben.hubs]:
        now = datetime.fromisoformat((await hub.ask("GET", "clock"))["now"])
        await hub.ask("POST", "clock", {"now": (now + timedelta(days=AGREED_DAYS + 1)).isoformat()})

    async def is_over() -> bool:
        ours = [await partner(hub, ben) for hub in ana.hubs]
        theirs = [await partner(hub, ana) for hub in ben.hubs]
        return ours == [None, None] and all(view is not None and view["theirs"] is None for view in theirs)

    await hubs.until(is_over, "all read that the agreement has run out")
    await hubs.until(lambda: none_reads(ben.hubs, "The last loaf"), "what had crossed is gone")
    await hubs.until(lambda: none_reads(ana.hubs, "The last cake"), "that of the other side, too")
    await hubs.until(lambda: none_keeps(ben, ana, "The last loaf"), "no store keeps it")
    await hubs.until(partial(none_has_a_store, ana, ben), "the side that has ended keeps no store")
    await offer(ana.first, "A loaf too late")
    await hubs.until(lambda: all_read(ana.hubs, "A loaf too late", "The last loaf"), "it goes on at home")
    assert await none_reads(ben.hubs, "A loaf too late", "The last loaf")


async def none_has_a_store(holder: Town, town: Town) -> bool:
    return not any(kept_of(hub, town).exists() for hub in holder.hubs)
