"""Deals over the API, on a whole board: every route, every rule that stops one, and what is never answered."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from hartig_node.api.idempotency import HEADER, REPLAYED
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Kind, Record
from node.api.conftest import Api, MakeApi
from support.boards import Bench, running_board
from support.records import Network, random_bytes_from

V1 = "/api/v1"
BLANKETS = {"category": "household.bedding", "title": "Blankets"}
OTHER_PLACE = 7  # the invite by which the board's hub lets the other in


@dataclass
class Desk:
    """What an organiser does at the desk, over the API; every call checks the status."""

    api: Api
    bench: Bench
    other: SigningKey
    network: Network

    async def get(self, path: str) -> Any:
        status, data, response = await self.api.ask("GET", V1 + path)
        assert status == 200, data
        assert response.headers["Cache-Control"]
        return data

    async def post(self, path: str, status: int = 200, **body: Any) -> Any:
        found, data, response = await self.api.ask("POST", V1 + path, json=body)
        assert found == status, data
        if status == 201:
            assert (await self.api.ask("GET", response.headers["Location"]))[0] == 200
        return data

    async def refused(self, path: str, **body: Any) -> dict[str, Any]:
        problem = await self.api.problem("POST", V1 + path, json=body)
        assert problem["hint"], problem
        return problem

    async def offer(self, quantity: Any = 20, **more: Any) -> str:
        return str((await self.post("/offers", 201, **{**BLANKETS, "quantity": quantity, **more}))["id"])

    async def need(self, quantity: Any = 8, **more: Any) -> str:
        return str((await self.post("/needs", 201, **{**BLANKETS, "quantity": quantity, **more}))["id"])

    async def deal(self, quantity: Any = 8, **more: Any) -> tuple[str, str, str]:
        """Return an offer, a need, and what was asked of one for the other."""
        offer, need = await self.offer(**more), await self.need(quantity)
        return offer, need, (await self.post(f"/needs/{need}/claims", 201, lot=offer))["id"]

    async def free(self, offer: str) -> str:
        return str((await self.get(f"/posts/{offer}/book"))["total"]["free"])

    async def publish(self, *records: Record) -> None:
        """Take records of the other hub."""
        assert not any(await self.bench.engine.publish([record.wire for record in records]))

    def others(self, kind: Kind, **facts: Any) -> Record:
        """Return a need or an offer of the other hub."""
        fixed = [BLANKETS["category"], "", "H87", 1]
        return self.network.post(self.other, place=1, kind=kind, fixed=fixed, facts=facts)

    def says(self, on: Record, before: Record | None, verb: str, **facts: Any) -> Record:
        return self.network.step(self.other, on, before, kind=Kind.STEP, facts={"verb": verb, **facts})


@pytest.fixture
async def desk(make_api: MakeApi) -> AsyncIterator[Desk]:
    async with running_board() as bench:
        network = Network(seat=bench.founding.seats[0].key)
        network.charter = bench.founding.charter
        other = SigningKey(random_bytes_from("the other hub")(32))
        grant = network.grant(other.public, author=bench.key, place=OTHER_PLACE, places=50, invites=0)
        assert await bench.engine.publish([grant.wire]) == (None,)
        api = await make_api(board=bench.board)
        yield Desk(api, bench, other, network)
        await api.server.close()


# --- A deal from need to arrival


async def test_a_deal_goes_from_asked_to_arrived(desk: Desk) -> None:
    offer, need, deal = await desk.deal()
    assert (await desk.get(f"/deals/{deal}"))["state"] == "asked"
    assert (await desk.post(f"/deals/{deal}/promise", quantity=6))["state"] == "promised"
    assert await desk.free(offer) == "14"
    assert (await desk.post(f"/deals/{deal}/hand-over"))["handed_over"] == "6"
    done = await desk.post(f"/deals/{deal}/receive", how="short", quantity="5")
    assert (done["state"], done["received"], done["open"]) == ("arrived_short", "5", False)
    assert (await desk.get(f"/posts/{need}/book"))["progress"]["received"] == "5"
    assert (await desk.get(f"/offers/{offer}"))["progress"]["handed_over"] == "6"


@pytest.mark.parametrize("action", ["cancel", "decline"])
async def test_a_deal_comes_to_nothing(desk: Desk, action: str) -> None:
    offer, _need, deal = await desk.deal()
    for _ in range(2):
        state = (await desk.post(f"/deals/{deal}/{action}"))["state"]
        assert state == {"cancel": "cancelled", "decline": "declined"}[action]
    assert (await desk.get(f"/posts/{offer}/book"))["total"]["promised"] == "0"


async def test_a_promise_is_taken_back_and_what_it_held_is_free_again(desk: Desk) -> None:
    offer, _need, deal = await desk.deal()
    await desk.post(f"/deals/{deal}/promise")
    assert await desk.free(offer) == "12"
    assert (await desk.post(f"/deals/{deal}/release"))["state"] == "taken_back"
    assert await desk.free(offer) == "20"
    assert (await desk.refused(f"/deals/{deal}/release", why="because"))["pointer"] == "/why"


async def test_what_was_lent_goes_back(desk: Desk) -> None:
    offer, _need, deal = await desk.deal(mode="lend")
    await desk.post(f"/deals/{deal}/promise")
    await desk.post(f"/deals/{deal}/hand-over", quantity=8)
    assert (await desk.post(f"/deals/{deal}/receive"))["state"] == "lent"
    assert (await desk.post(f"/deals/{deal}/give-back"))["state"] == "given_back"
    assert (await desk.post(f"/deals/{deal}/returned"))["state"] == "returned"
    assert await desk.free(offer) == "20"


async def test_contact_is_for_a_promised_deal(desk: Desk) -> None:
    offer, _need, deal = await desk.deal(contact="ask for Rosa at the door")
    assert await desk.get(f"/deals/{deal}/contact") == {"deal": deal, "contact": None}
    await desk.post(f"/deals/{deal}/promise")
    said = await desk.get(f"/deals/{deal}/contact?role=receiving")
    assert said == {"deal": deal, "contact": "ask for Rosa at the door"}
    response = (await desk.api.ask("GET", f"{V1}/deals/{deal}/contact"))[2]
    assert response.headers["Cache-Control"] == "no-store"
    assert "Rosa" not in str(await desk.get(f"/posts/{offer}")) + str(await desk.get(f"/deals/{deal}"))
    assert (await desk.api.problem("GET", f"{V1}/deals/{deal}/contact?role=both"))["pointer"] == "/role"


async def test_a_deal_that_is_known_already_is_not_sent_again(desk: Desk) -> None:
    _offer, _need, deal = await desk.deal()
    path = f"{V1}/deals/{deal}"
    tag = (await desk.api.ask("GET", path))[2].headers["ETag"]
    assert (await desk.api.ask("GET", path, headers={"If-None-Match": tag}))[0] == 304
    promised = (await desk.api.ask("POST", f"{path}/promise"))[2].headers["ETag"]
    status, _data, response = await desk.api.ask("GET", path, headers={"If-None-Match": tag})
    assert (status, response.headers["ETag"]) == (200, promised)


async def test_a_count_is_not_counted_twice_under_one_key(desk: Desk) -> None:
    offer, path, more = await desk.offer(5), "", {"quantity": 3, "why": "restocked"}
    await desk.post(f"/posts/{offer}/counts", 201, quantity=5)
    path = f"{V1}/posts/{offer}/counts"
    for number in range(3):
        _status, data, response = await desk.api.ask("POST", path, json=more, headers={HEADER: "monday"})
        assert data["total"]["counted"] == "8"
        assert (REPLAYED in response.headers) == (number > 0)
    assert await desk.free(offer) == "8"


# --- Lists


async def test_deals_are_listed_by_side_and_state_page_by_page(desk: Desk) -> None:
    offer = await desk.offer(100)
    deals = []
    for number in range(5):
        need = await desk.need(number + 1)
        deals.append((await desk.post(f"/needs/{need}/claims", 201, lot=offer))["id"])
    await desk.post(f"/deals/{deals[0]}/cancel")
    found, path = [], f"{V1}/deals?limit=2"
    while path:
        _status, data, response = await desk.api.ask("GET", path)
        found += [deal["id"] for deal in data["items"]]
        path = response.headers.get("Link", "").partition("<")[2].partition(">")[0]
    assert sorted(found) == sorted(deals)
    for query, count in (
        ("state=cancelled", 1),
        ("state=open", 4),
        ("role=giving", 5),
        ("role=receiving&state=over", 1),
    ):
        assert len((await desk.get(f"/deals?{query}"))["items"]) == count


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ("role=both", "bad_request", "/role"),
        ("state=happy", "bad_request", "/state"),
        ("limit=0", "bad_request", "/limit"),
        ("limit=201", "bad_request", "/limit"),
        ("limit=x", "bad_request", "/limit"),
        ("cursor=x", "bad_cursor", "/cursor"),
        ("rol=giving", "bad_request", "/rol"),
    ],
)
async def test_a_list_says_which_parameter_is_wrong(desk: Desk, query: str, code: str, pointer: str) -> None:
    problem = await desk.api.problem("GET", f"{V1}/deals?{query}")
    assert (problem["code"], problem["pointer"]) == (code, pointer)
    if not query.startswith(("role", "state")):
        assert (await desk.api.problem("GET", f"{V1}/allotments?{query}"))["code"] == code


# --- Accounts


async def test_an_account_is_counted_handed_from_and_closed(desk: Desk) -> None:
    offer = await desk.offer(10)
    assert (await desk.post(f"/posts/{offer}/counts", 201, quantity=12))["total"]["counted"] == "12"
    assert (await desk.post(f"/posts/{offer}/counts", 201, quantity=2, why="lost"))["total"]["free"] == "10"
    assert (await desk.post(f"/offers/{offer}/handovers", 201, quantity="4"))["total"]["handed_over"] == "4"
    for _ in range(2):
        assert (await desk.post(f"/posts/{offer}/close"))["ended"]["reason"] == "closed"
    problem = await desk.refused(f"/offers/{offer}/handovers", quantity=1)
    assert (problem["status"], problem["code"], problem["rule"]) == (409, "not_allowed", "closed")


async def test_a_need_says_how_much_is_needed(desk: Desk) -> None:
    need = await desk.need(8)
    assert (await desk.post(f"/posts/{need}/counts", 201, quantity=9))["total"]["needed"] == "9"


async def test_dates_have_accounts_of_their_own(desk: Desk) -> None:
    dates = ["2026-11-24T12:00:00Z", "2026-11-25T12:00:00Z"]
    offer, need = await desk.offer(5, dates=dates), await desk.need(3)
    problem = await desk.refused(f"/needs/{need}/claims", lot=offer)
    assert (problem["code"], problem["pointer"]) == ("bad_request", "/lot_date")
    deal = await desk.post(f"/needs/{need}/claims", 201, lot=offer, lot_date=dates[1], quantity=3)
    assert deal["lot_date"] == dates[1]
    await desk.post(f"/deals/{deal['id']}/promise")
    book = await desk.post(f"/offers/{offer}/handovers", 201, quantity=1, date=dates[0])
    assert [(one["date"], one["free"]) for one in book["accounts"]] == list(zip(dates, ["4", "2"], strict=True))
    await desk.post(f"/posts/{offer}/counts", 201, quantity=1, why="lost", dates=[dates[0]])
    assert (await desk.refused(f"/posts/{offer}/counts", quantity=1, dates=["noon"]))["pointer"] == "/dates/0"
    assert (await desk.refused(f"/posts/{offer}/counts", quantity=1, dates=[7]))["pointer"] == "/dates/0"


# --- Setting aside


async def test_stock_is_set_aside_for_another_hub(desk: Desk) -> None:
    offer = await desk.offer(10)
    book = await desk.post(f"/offers/{offer}/allotments", 201, hub=desk.other.public.hex(), quantity=4)
    assert (book["total"]["set_aside"], book["total"]["free"]) == ("4", "6")
    (aside,) = book["set_aside"]
    assert (aside["hub"], aside["for_us"], aside["quantity"]) == (desk.other.public.hex(), False, "4")
    problem = await desk.refused(f"/allotments/{aside['id']}/accept")
    assert (problem["status"], problem["code"]) == (403, "not_yours")


async def test_what_was_set_aside_here_becomes_an_offer_once_and_goes_back(desk: Desk) -> None:
    lot = desk.others(Kind.OFFER, quantity=10)
    opened = desk.says(lot, None, "count", quantity=10, why="opened")
    allot = desk.says(lot, opened, "allot", hub=desk.bench.key.public, quantity=6)
    await desk.publish(lot, opened, allot)
    (aside,) = (await desk.get("/allotments?limit=200"))["items"]
    assert (aside["id"], aside["for_us"], aside["quantity"]) == (allot.id.hex(), True, "6")
    path = f"/allotments/{aside['id']}/accept"
    assert (await desk.refused(path, quantity=7))["rule"] == "more_than_set_aside"
    assert (await desk.refused(path, unit="KGM"))["code"] == "fixed_field"
    assert (await desk.refused(path, colour="red"))["pointer"] == "/colour"
    book = await desk.post(path, 201, title="From the depot")
    assert (book["title"], book["total"]["counted"]) == ({"en": "From the depot"}, "6")
    assert (await desk.post(path, 201))["id"] == book["id"]
    assert (await desk.post(f"/offers/{book['id']}/surrenders", 201, quantity=2))["total"]["given_up"] == "2"
    assert (await desk.post(f"/offers/{book['id']}/surrenders", 201))["total"]["given_up"] == "6"
    (aside,) = (await desk.get("/allotments"))["items"]
    assert aside["accepted"] == book["id"]


# --- Two hubs


async def test_a_claim_of_another_hub_is_promised_here_and_only_its_hub_receives(desk: Desk) -> None:
    offer, need = await desk.offer(5), desk.others(Kind.NEED, quantity=3)
    opened = desk.says(need, None, "count", quantity=3, why="needed")
    claim = desk.says(need, opened, "claim", lot=bytes.fromhex(offer), quantity=3, asks=3)
    await desk.publish(need, opened, claim)
    (deal,) = (await desk.get("/deals?role=giving"))["items"]
    assert (deal["id"], deal["role"], deal["need"]["mine"]) == (claim.id.hex(), "giving", False)
    assert (await desk.post(f"/deals/{deal['id']}/promise"))["promised"] == "3"
    for action in ("receive", "cancel"):
        problem = await desk.refused(f"/deals/{deal['id']}/{action}")
        assert (problem["status"], problem["code"]) == (403, "not_yours")
    assert (await desk.get("/deals?role=receiving"))["items"] == []


async def test_an_offer_of_another_hub_is_asked_here_and_only_its_hub_promises(desk: Desk) -> None:
    lot = desk.others(Kind.OFFER, quantity=10)
    await desk.publish(lot)
    offer, need = lot.head.thread.hex(), await desk.need()
    deal = await desk.post(f"/needs/{need}/claims", 201, lot=offer)
    assert (deal["role"], deal["lot"]["hub"]) == ("receiving", desk.other.public.hex())
    for path in (f"/deals/{deal['id']}/promise", f"/deals/{deal['id']}/hand-over", f"/posts/{offer}/close"):
        assert (await desk.refused(path))["code"] == "not_yours"
    problem = await desk.refused(f"/offers/{offer}/handovers", quantity=1)
    assert problem["code"] == "not_yours"


async def test_an_account_whose_hub_was_copied_has_ended_and_says_what_to_do(desk: Desk) -> None:
    lot = desk.others(Kind.OFFER, quantity=10)
    opened = desk.says(lot, None, "count", quantity=10, why="opened")
    twice = [desk.says(lot, opened, "handover", quantity=quantity) for quantity in (1, 2)]
    await desk.publish(lot, opened, *twice)
    book = await desk.get(f"/posts/{lot.head.thread.hex()}/book")
    assert book["ended"]["reason"] == "forked"
    assert "count" in book["ended"]["hint"]
    problem = await desk.refused(f"/needs/{await desk.need()}/claims", lot=lot.head.thread.hex())
    assert problem["rule"] == "over"


# --- What stops a deal


async def test_nothing_is_promised_twice_and_the_problem_says_what_would_be_allowed(desk: Desk) -> None:
    offer, _need, deal = await desk.deal(8)
    await desk.post(f"/offers/{offer}/handovers", 201, quantity=15)
    problem = await desk.refused(f"/deals/{deal}/promise", quantity=6)
    assert (problem["code"], problem["rule"], problem["hint"]) == ("not_allowed", "not_free", "at most 5 are free")
    await desk.post(f"/deals/{deal}/promise")
    assert (await desk.refused(f"/deals/{deal}/promise", quantity=2))["rule"] == "promised_already"
    assert (await desk.refused(f"/posts/{offer}/close"))["rule"] == "still_promised"
    assert (await desk.refused(f"/deals/{deal}/hand-over", quantity=6))["rule"] == "more_than_promised"


async def test_an_offer_with_promises_is_withdrawn_by_force_alone(desk: Desk) -> None:
    offer, _need, deal = await desk.deal()
    await desk.post(f"/deals/{deal}/promise")
    problem = await desk.api.problem("DELETE", f"{V1}/offers/{offer}")
    assert (problem["code"], problem["rule"]) == ("not_allowed", "still_promised")
    assert (await desk.api.problem("DELETE", f"{V1}/offers/{offer}?force=perhaps"))["pointer"] == "/force"
    status, data, _response = await desk.api.ask("DELETE", f"{V1}/offers/{offer}?force=true")
    assert (status, data["state"]) == (200, "ended")
    assert (await desk.get(f"/deals/{deal}"))["state"] == "void"
    problem = await desk.refused(f"/posts/{offer}/counts", quantity=3)
    assert (problem["status"], problem["code"]) == (409, "chain_ended")


async def test_an_open_shelf_is_not_asked(desk: Desk) -> None:
    shelf = (await desk.post("/offers", 201, **BLANKETS, level="some"))["id"]
    problem = await desk.refused(f"/needs/{await desk.need()}/claims", lot=shelf)
    assert (problem["rule"], "just come" in problem["hint"]) == ("open_shelf", True)


async def test_units_of_different_dimensions_are_no_deal(desk: Desk) -> None:
    offer = await desk.offer(5, unit="KGM")
    problem = await desk.refused(f"/needs/{await desk.need()}/claims", lot=offer)
    assert (problem["rule"], problem["pointer"]) == ("other_unit", "/lot")


# --- What is not there, and what cannot be read


@pytest.mark.parametrize("deal", ["ab" * 32, "ab", "nothing", "é", "AB" * 33])
async def test_an_unknown_deal_is_not_found(desk: Desk, deal: str) -> None:
    for tail in ("", "/contact"):
        assert (await desk.api.problem("GET", f"{V1}/deals/{deal}{tail}"))["code"] == "not_found"
    for action in ("cancel", "receive", "give-back", "promise", "decline", "release", "hand-over", "returned"):
        assert (await desk.refused(f"/deals/{deal}/{action}"))["code"] == "not_found"
    assert (await desk.refused(f"/allotments/{deal}/accept"))["code"] == "not_found"


@pytest.mark.parametrize("post", ["ab" * 16, "ab", "nothing"])
async def test_an_unknown_post_is_not_found(desk: Desk, post: str) -> None:
    assert (await desk.api.problem("GET", f"{V1}/posts/{post}/book"))["code"] == "not_found"
    hub = desk.other.public.hex()
    for path, body in (
        (f"/needs/{post}/claims", {"lot": await desk.offer()}),
        (f"/posts/{post}/counts", {"quantity": 1}),
        (f"/posts/{post}/close", {}),
        (f"/offers/{post}/handovers", {"quantity": 1}),
        (f"/offers/{post}/allotments", {"quantity": 1, "hub": hub}),
        (f"/offers/{post}/surrenders", {"quantity": 1}),
    ):
        assert (await desk.refused(path, **body))["code"] == "not_found"
    assert (await desk.refused(f"/needs/{await desk.need()}/claims", lot=post))["code"] == "not_found"


WRONG = [
    ("/needs/{need}/claims", {}, "/lot"),
    ("/needs/{need}/claims", {"lot": 7}, "/lot"),
    ("/needs/{need}/claims", {"lot": "{offer}", "quantity": True}, "/quantity"),
    ("/needs/{need}/claims", {"lot": "{offer}", "quantity": "many"}, "/quantity"),
    ("/needs/{need}/claims", {"lot": "{offer}", "quantity": 1.5}, "/quantity"),
    ("/needs/{need}/claims", {"lot": "{offer}", "quantity": 0}, "/quantity"),
    ("/needs/{need}/claims", {"lot": "{offer}", "date": 5}, "/date"),
    ("/needs/{need}/claims", {"lot": "{offer}", "date": "noon"}, "/date"),
    ("/needs/{need}/claims", {"lot": "{need}"}, "/lot"),
    ("/needs/{need}/claims", {"lto": "{offer}"}, "/lto"),
    ("/deals/{deal}/promise", {"quantity": -1}, "/quantity"),
    ("/deals/{deal}/promise", {"quantity": []}, "/quantity"),
    ("/deals/{deal}/promise", {"quantity": "1e99"}, "/quantity"),
    ("/deals/{deal}/promise", {"hold": 5}, "/hold"),
    ("/deals/{deal}/receive", {"how": "well"}, "/how"),
    ("/deals/{deal}/receive", {"how": "short"}, "/quantity"),
    ("/deals/{deal}/cancel", {"quantity": 5}, "/quantity"),
    ("/posts/{offer}/counts", {}, "/quantity"),
    ("/posts/{offer}/counts", {"quantity": 3, "why": "stolen"}, "/why"),
    ("/posts/{offer}/counts", {"quantity": 3, "dates": "today"}, "/dates"),
    ("/posts/{need}/counts", {"quantity": 3, "why": "lost"}, "/why"),
    ("/offers/{offer}/handovers", {}, "/quantity"),
    ("/offers/{offer}/allotments", {"quantity": 1}, "/hub"),
    ("/offers/{offer}/allotments", {"quantity": 1, "hub": "me"}, "/hub"),
    ("/offers/{offer}/allotments", {"hub": "ab" * 32}, "/quantity"),
    ("/posts/{offer}/close", {"now": True}, "/now"),
]


@pytest.mark.parametrize(("path", "body", "pointer"), WRONG)
async def test_each_wrong_member_is_a_clear_problem(desk: Desk, path: str, body: dict[str, Any], pointer: str) -> None:
    names = dict(zip(("offer", "need", "deal"), await desk.deal(), strict=True))
    filled = {name: value.format(**names) if isinstance(value, str) else value for name, value in body.items()}
    problem = await desk.refused(path.format(**names), **filled)
    assert (problem["status"], problem["code"], problem["pointer"]) == (400, "bad_request", pointer)


@pytest.mark.parametrize("hub", ["own", "ab" * 32])
async def test_stock_is_set_aside_for_other_hubs_of_the_network_alone(desk: Desk, hub: str) -> None:
    hub = desk.bench.key.public.hex() if hub == "own" else hub
    problem = await desk.refused(f"/offers/{await desk.offer()}/allotments", hub=hub, quantity=1)
    assert (problem["pointer"], problem["rule"]) == ("/hub", problem["rule"])
    assert problem["rule"] in {"own_hub", "not_a_hub"}


# --- Who may


async def test_looking_needs_read_and_saying_needs_write(desk: Desk) -> None:
    offer, need, deal = await desk.deal()
    api = desk.api
    looking = ["/deals", f"/deals/{deal}", f"/deals/{deal}/contact", f"/posts/{offer}/book", "/allotments"]
    saying = [f"/deals/{deal}/promise", f"/posts/{need}/close", f"/needs/{need}/claims", f"/offers/{offer}/surrenders"]
    read, write = await api.token("read"), await api.token("write")
    for method, paths, token, expected in (
        ("GET", looking, {}, {401}),
        ("GET", looking, read, {200}),
        ("POST", saying, read, {403}),
        ("POST", saying, write, {200, 400, 409}),
    ):
        for path in paths:
            async with api.tcp.request(method, f"{api.url}{V1}{path}", headers=token, json={}) as response:
                assert response.status in expected, (path, await response.text())


async def test_every_word_is_an_event(desk: Desk) -> None:
    offer, _need, deal = await desk.deal()
    await desk.post(f"/deals/{deal}/promise")
    store = desk.bench.store
    said = [item for item in await store.feed(0, 100) if item.name == "deal.changed"]
    assert {item.thread.hex() for item in said} >= {offer}
    assert bytes.fromhex(deal) in {item.record for item in said}
