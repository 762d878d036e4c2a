"""Over the API, on a whole board: what was ended waits to be counted, and what else there is for a need."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hartig_node.api.idempotency import HEADER
from hartig_protocol.events import OwnRecordClaimed
from hartig_protocol.records.record import Kind
from node.api.conftest import Api, MakeApi
from support.boards import Bench, running_board

V1 = "/api/v1"
BLANKETS = {"category": "household.bedding", "title": "Blankets"}
NEWER = OwnRecordClaimed(b"\x01" * 32, Kind.NEED, 7, b"\x02" * 32)  # a peer knows more than this hub has written


@pytest.fixture
async def hub() -> AsyncIterator[Bench]:
    async with running_board() as bench:
        await bench.board.keeper.load()
        yield bench


@pytest.fixture
async def whole(hub: Bench, make_api: MakeApi) -> AsyncIterator[Api]:
    api = await make_api(board=hub.board)
    yield api
    await api.server.close()


async def posted(api: Api, kind: str, **more: Any) -> str:
    status, data, _ = await api.ask("POST", f"{V1}/{kind}s", json={**BLANKETS, **more})
    assert status == 201, data
    return str(data["id"])


async def counted(api: Api, kind: str, quantity: int, **more: Any) -> str:
    post = await posted(api, kind, quantity=quantity, **more)
    assert (await api.ask("POST", f"{V1}/posts/{post}/counts", json={"quantity": quantity}))[0] == 201
    return post


async def end_all(hub: Bench) -> None:
    await hub.board.membership.own_record_claimed(NEWER)
    await hub.board.keeper.look()


async def waiting(api: Api) -> dict[str, Any]:
    status, data, _ = await api.ask("GET", f"{V1}/recounts")
    assert (status, data["next"]) == (200, None)
    return {one["id"]: one for one in data["items"]}


async def test_what_was_ended_waits_and_is_begun_anew_once(hub: Bench, whole: Api) -> None:
    offer, need = await counted(whole, "offer", 20), await counted(whole, "need", 3)
    assert await waiting(whole) == {}
    await end_all(hub)
    found = await waiting(whole)
    assert {one: (found[one]["kind"], found[one]["quantity"]) for one in found} == {
        offer: ("offer", "20"),
        need: ("need", "3"),
    }
    assert (found[offer]["reason"], found[offer]["title"]) == ("restored", {"en": "Blankets"})
    ids = []
    for key in ("one", "one", "two"):
        status, data, response = await whole.ask(
            "POST", f"{V1}/recounts/{offer}", json={"quantity": "17"}, headers={HEADER: key}
        )
        assert (status, data["quantity"], data["parent"]) == (201, "17", offer)
        assert response.headers["Location"] == f"{V1}/offers/{data['id']}"
        assert (await whole.ask("GET", response.headers["Location"]))[0] == 200
        ids.append(data["id"])
    assert len(set(ids)) == 1
    assert set(await waiting(whole)) == {need}


async def test_where_nothing_is_left_nothing_is_posted(hub: Bench, whole: Api) -> None:
    need = await counted(whole, "need", 3)
    await end_all(hub)
    status, data, response = await whole.ask("POST", f"{V1}/recounts/{need}", json={"quantity": 0})
    assert (status, data, "Location" in response.headers) == (200, {"post": None}, False)
    assert await waiting(whole) == {}
    assert (await whole.problem("POST", f"{V1}/recounts/{need}", json={"quantity": 2}))["code"] == "not_found"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 400, "/quantity"),
        ({"quantity": True}, 400, "/quantity"),
        ({"much": 1}, 400, "/much"),
        ({"quantity": "many"}, 422, "/quantity"),  # as a draft that says so
        ({"quantity": -1}, 422, "/quantity"),
    ],
)
async def test_a_count_that_cannot_be_read_leaves_it_waiting(
    hub: Bench, whole: Api, body: dict[str, Any], status: int, pointer: str
) -> None:
    need = await counted(whole, "need", 3)
    await end_all(hub)
    problem = await whole.problem("POST", f"{V1}/recounts/{need}", json=body)
    assert (problem["status"], problem["pointer"]) == (status, pointer)
    if status == 422:
        assert problem["hint"] == "say how much is still needed, in whole numbers; 0 where it is nothing"
    assert set(await waiting(whole)) == {need}


@pytest.mark.parametrize("post", ["ab" * 16, "ab", "nothing"])
async def test_an_unknown_post_is_not_found(whole: Api, post: str) -> None:
    assert (await whole.problem("POST", f"{V1}/recounts/{post}", json={"quantity": 1}))["code"] == "not_found"
    assert (await whole.problem("GET", f"{V1}/needs/{post}/alternatives"))["code"] == "not_found"


async def test_counting_anew_is_writing_and_looking_is_reading(whole: Api) -> None:
    token = await whole.token("read")
    for path in ("/recounts", f"/needs/{await posted(whole, 'need')}/alternatives"):
        async with whole.tcp.get(f"{whole.url}{V1}{path}", headers=token) as response:
            assert response.status == 200
    async with whole.tcp.post(f"{whole.url}{V1}/recounts/{'ab' * 16}", json={"quantity": 1}, headers=token) as response:
        assert response.status == 403


async def test_what_else_there_is_for_a_need_is_listed(whole: Api) -> None:
    asked, other = await counted(whole, "offer", 20), await counted(whole, "offer", 5)
    await posted(whole, "offer", quantity=5, unit="KGM")
    need = await posted(whole, "need", quantity=8)
    assert (await whole.ask("POST", f"{V1}/needs/{need}/claims", json={"lot": asked}))[0] == 201
    status, data, _ = await whole.ask("GET", f"{V1}/needs/{need}/alternatives")
    assert (status, [one["id"] for one in data["items"]], data["next"]) == (200, [other], None)
    assert data["items"][0]["progress"]["free"] == "5"
    assert (await whole.problem("GET", f"{V1}/needs/{other}/alternatives"))["code"] == "not_found"
