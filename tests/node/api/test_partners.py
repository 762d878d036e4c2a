"""Partner networks, over the API of a whole board."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hartig_protocol.records.record import Record
from node.api.conftest import Api, MakeApi
from node.board.belonging.belonging import become
from node.board.partners.abroad import Abroad, open_partner, pact
from node.board.partners.test_partners import BLANKET, code_of
from node.board.partners.test_suggestions import flagged, their_post
from support.boards import Bench, running_board
from support.records import key

PATH = "/api/v1/partners"
OFFERS = {"kinds": ["offer"]}


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_board() as bench:
        yield bench


@pytest.fixture
async def api(bench: Bench, make_api: MakeApi) -> AsyncIterator[Api]:
    opened = await make_api(board=bench.board)
    yield opened
    await opened.server.close()


@pytest.fixture
def abroad() -> Abroad:
    return Abroad()


def wire(record: Record) -> dict[str, str]:
    return {"head": record.head_bytes.hex(), "signature": record.signature.hex()}


async def test_an_agreement_is_tried_proposed_changed_and_left(api: Api, bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser", gateway=True)
    post = await bench.board.posts.publish({**BLANKET, "audience": "partners"})
    body = {"code": code_of(abroad), **OFFERS, "areas": ["u33"], "retention_days": 20, "days": 40}
    status, tried, response = await api.ask("POST", PATH, json={**body, "preview": True})
    assert (status, tried["gained_count"], tried["gained"][0]["id"]) == (200, 1, post.id)
    assert "Location" not in response.headers
    assert (await api.ask("GET", PATH))[1]["items"] == []
    status, made, response = await api.ask("POST", PATH, json=body)
    assert (status, made["terms"]["retention_days"], made["terms"]["until"][:10]) == (201, 20, "2027-01-02")
    await open_partner(bench, abroad)
    one = (await api.ask("GET", response.headers["Location"]))[1]
    assert (one["state"], one["name"], one["theirs"]["by"]) == (
        "agreed", "Maple Street", abroad.network.seat.public.hex(),
    )  # fmt: skip
    assert one["posts"] == {"shared": 1, "audience": 0, "need": 0, "kind": 0, "category": 0, "area": 0}
    path = f"{PATH}/{abroad.id.hex()}"
    changed = (await api.ask("POST", f"{path}/change", json={"areas": ["9q"]}))[1]
    assert (changed["lost_count"], changed["shared_count"]) == (1, 0)
    kept = (await api.ask("GET", f"{path}/shared?state=kept&limit=1"))[1]
    assert (kept["items"][0]["kept"], kept["next"]) == ("area", None)
    assert (await api.ask("GET", f"{path}/shared"))[1]["items"] == []
    listed = (await api.ask("GET", PATH))[1]
    assert listed["speakers"] == [{"hub": bench.key.public.hex(), "hub_name": "Test hub"}]
    assert [one["id"] for one in listed["items"]] == [abroad.id.hex()]
    assert (await api.ask("POST", f"{path}/leave", json={"preview": True}))[1]["terms"] is None
    assert (await api.ask("POST", f"{path}/leave"))[0] == 200
    assert (await api.problem("GET", path))["code"] == "not_found"


async def test_what_another_key_signed_is_handed_in(api: Api, bench: Bench, abroad: Abroad) -> None:
    seat = bench.founding.seats[0].key
    body = {"code": code_of(abroad), **OFFERS, "days": 30}
    tried = (await api.ask("POST", PATH, json={**body, "preview": True, "signer": seat.public.hex()}))[1]
    assert tried["place"] == {"number": 1, "before": None, "lasts_ms": 0}
    signed = pact(bench.founding.network, abroad.id, seat, place=1, days=30)
    assert (await api.ask("POST", PATH, json={**body, "record": wire(signed)}))[0] == 201
    one = (await api.ask("GET", f"{PATH}/{abroad.id.hex()}"))[1]
    assert (one["ours"]["record"], one["state"]) == (signed.id.hex(), "waiting")
    for record in ("zz", {"head": "zz"}, {"head": "00", "signature": "00", "body": "00"}):
        problem = await api.problem("POST", PATH, json={**body, "record": record})
        assert problem["pointer"].startswith("/record")
    problem = await api.problem("POST", PATH, json={**body, "record": wire(signed), "signer": seat.public.hex()})
    assert problem["pointer"] == "/record"


async def test_who_asks_is_listed_accepted_or_sent_away(api: Api, bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    for network in (abroad, other := Abroad(8)):
        await bench.board.partners.proposals.pact_proposed(network.id, network.wires(bench.founding.network))
    (one, two) = (await api.ask("GET", f"{PATH}/proposals"))[1]["items"]
    assert {one["id"], two["id"]} == {abroad.id.hex(), other.id.hex()}
    assert one["terms"]["kinds"] == ["offer"]
    assert (await api.ask("DELETE", f"{PATH}/proposals/{other.id.hex()}"))[0] == 204
    assert (await api.problem("DELETE", f"{PATH}/proposals/{other.id.hex()}"))["code"] == "not_found"
    assert (await api.ask("POST", f"{PATH}/{abroad.id.hex()}/accept"))[0] == 200
    assert (await api.ask("GET", f"{PATH}/proposals"))[1]["items"] == []


async def test_what_they_suggest_is_taken_or_left(api: Api, bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    await open_partner(bench, abroad)
    await bench.board.partners.propose(code_of(abroad), OFFERS, None)
    network = abroad.network
    await abroad.take(network.grant(key("bad").public, place=20), said := network.revoke(key("bad").public))
    (one,) = (await api.ask("GET", f"{PATH}/suggestions"))[1]["items"]
    assert one["id"] == said.id.hex()
    assert (await api.ask("POST", f"{PATH}/suggestions/{one['id']}/take"))[0] == 204
    assert (await api.ask("GET", "/api/v1/muted"))[1]["items"][0]["by"] == "the hub's command line"
    for act in ("take", "leave"):
        assert (await api.problem("POST", f"{PATH}/suggestions/{one['id']}/{act}"))["code"] == "not_found"
    assert (await api.problem("POST", f"{PATH}/suggestions/zz/leave"))["code"] == "not_found"
    await abroad.take(network.grant(key("worse").public, place=21), network.revoke(key("worse").public))
    (one,) = (await api.ask("GET", f"{PATH}/suggestions"))[1]["items"]
    assert (await api.ask("POST", f"{PATH}/suggestions/{one['id']}/leave"))[0] == 204
    assert (await api.ask("GET", f"{PATH}/suggestions"))[1]["items"] == []
    post = await their_post(abroad)
    await abroad.take(flagged(abroad, post.head.thread, 31))
    (one,) = (await api.ask("GET", f"{PATH}/suggestions"))[1]["items"]
    assert (one["about"], one["why"], one["post"]) == ("post", "unsafe", post.head.thread.hex())
    assert (await api.ask("POST", f"{PATH}/suggestions/{one['id']}/take", json={"flag": True}))[0] == 204
    (flag,) = (await api.ask("GET", "/api/v1/flags"))[1]["items"]
    assert (flag["id"], flag["why"], flag["mine"]) == (one["post"], "unsafe", True)


async def test_who_gives_less_is_named_and_partners_are_counted(api: Api, bench: Bench, abroad: Abroad) -> None:
    await become(bench, "organiser")
    await open_partner(bench, abroad)
    await bench.board.partners.propose(code_of(abroad), OFFERS, None)
    abroad.short = {abroad.hub.public: 2}
    short = (await api.ask("GET", f"{PATH}/{abroad.id.hex()}"))[1]["short"]
    assert short == [{"hub": abroad.hub.public.hex(), "hub_name": "Abroad hub", "missing": 2}]
    status = (await api.ask("GET", "/api/v1/status"))[1]
    assert [one["name"] for one in status["partners"]] == ["Maple Street"]
    assert "partner_short" in [one["code"] for one in status["problems"]]


async def test_posts_of_partners_are_listed_with_their_network(api: Api, bench: Bench, abroad: Abroad) -> None:
    await open_partner(bench, abroad)
    await abroad.take(abroad.network.offer(abroad.hub, place=3, audience="partners", title="Rice"))
    own = await bench.board.posts.publish(BLANKET)
    items = (await api.ask("GET", "/api/v1/posts"))[1]["items"]
    assert [one.get("network_name") for one in items] == [None, "Maple Street"]
    alone = (await api.ask("GET", f"/api/v1/offers?network={bench.founding.network.hex()}"))[1]["items"]
    assert [one["id"] for one in alone] == [own.id]
    assert (await api.ask("GET", f"/api/v1/offers/{items[1]['id']}"))[1]["network"] == abroad.id.hex()
    assert (await api.problem("GET", "/api/v1/posts?network=zz"))["pointer"] == "/network"
    assert (await api.problem("DELETE", f"/api/v1/posts/{items[1]['id']}"))["code"] == "not_yours"


@pytest.mark.parametrize(
    ("path", "body", "status", "pointer"),
    [
        ("", {}, 400, "/code"),
        ("", {"code": "hartig:AAAA"}, 400, "/code"),
        ("", {"code": 5}, 400, "/code"),
        ("/zz/change", {}, 404, None),
        (f"/{'ab' * 16}/change", {}, 404, None),
        (f"/{'ab' * 16}/accept", {"kinds": "offer"}, 400, "/kinds"),
        (f"/{'ab' * 16}/leave", {"days": 3}, 400, "/days"),
    ],
)
async def test_what_cannot_be_read_is_named(
    api: Api, path: str, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    problem = await api.problem("POST", PATH + path, json=body)
    assert (problem["status"], problem.get("pointer")) == (status, pointer)


async def test_scopes_and_who_may_are_said(api: Api, bench: Bench, abroad: Abroad) -> None:
    read = await api.token("read")
    for path, status in ((PATH, 200), (f"{PATH}/code", 200), (f"{PATH}/proposals", 200), (f"{PATH}/suggestions", 200)):
        async with api.tcp.get(f"{api.url}{path}", headers=read) as response:
            assert response.status == status
    async with api.tcp.post(f"{api.url}{PATH}", json={}, headers=read) as response:
        assert response.status == 403
    problem = await api.problem("POST", PATH, json={"code": code_of(abroad), **OFFERS})
    assert (problem["code"], problem["rule"]) == ("not_allowed", "rank")
    assert (await api.problem("GET", f"{PATH}/shared"))["code"] == "not_found"
    code = (await api.ask("GET", f"{PATH}/code"))[1]
    assert (code["id"], code["hubs"][0]["node"]) == (bench.founding.network.hex(), bench.board.context.node_id.hex())
