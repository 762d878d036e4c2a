"""The API over a whole board: real signing, core and engine, the store's twin in memory."""

import json
from collections.abc import AsyncIterator

import pytest

from node.api.conftest import Api, MakeApi
from support.boards import running_board

WATER = {
    "category": "water.drinking",
    "title": {"en": "Water for 40", "ht": "Dlo pou 40"},
    "quantity": "2.5",
    "unit": "LTR",
}


@pytest.fixture
async def api(make_api: MakeApi) -> AsyncIterator[Api]:
    async with running_board() as bench:
        opened = await make_api(board=bench.board)
        yield opened
        await opened.server.close()


async def test_the_life_of_a_post(api: Api) -> None:
    status, made, response = await api.ask("POST", "/api/v1/needs", json={**WATER, "days": 2})
    assert status == 201, made
    path, tag = response.headers["Location"], response.headers["ETag"]
    assert (await api.ask("GET", path, headers={"If-None-Match": tag}))[0] == 304
    for found in ("/api/v1/needs", "/api/v1/posts?author=me", "/api/v1/posts?category=water&kind=need"):
        assert (await api.ask("GET", found))[1]["items"] == [made]
    assert (await api.ask("GET", "/api/v1/offers"))[1]["items"] == []
    status, changed, response = await api.ask(
        "PATCH", path, json={"title": {"ht": None}, "urgency": "high"}, headers={"If-Match": tag}
    )
    assert (status, changed["title"], changed["urgency"]) == (200, {"en": "Water for 40"}, "high")
    assert (await api.problem("DELETE", path, headers={"If-Match": tag}))["code"] == "precondition_failed"
    assert (await api.problem("PATCH", path, json={"unit": "KGM"}))["code"] == "fixed_field"
    status, renewed, _response = await api.ask("POST", f"{path}/renew", json={"days": 9})
    assert (status, renewed["expires_at"] > changed["expires_at"]) == (200, True)
    assert (await api.ask("DELETE", path))[1]["state"] == "ended"
    assert (await api.problem("DELETE", path))["code"] == "ended"
    assert (await api.ask("GET", "/api/v1/needs"))[1]["items"] == []


async def test_a_record_goes_out_and_comes_back_as_it_is(api: Api) -> None:
    made = (await api.ask("POST", "/api/v1/needs", json=WATER))[1]
    record = (await api.ask("GET", f"/api/v1/records/{made['record']}"))[1]
    assert record.pop("id") == made["record"]
    status, taken, _response = await api.ask("POST", "/api/v1/records", json=record)
    assert (status, taken["id"], taken["thread"], taken["post"]) == (201, made["record"], made["id"], made)
    record["signature"] = "00" * 64
    assert (await api.problem("POST", "/api/v1/records", json=record))["code"] == "bad_record"


async def test_a_batch_and_its_events(api: Api) -> None:
    drafts = [{**WATER, "kind": "offer", "title": f"Water {number}"} for number in range(100)]
    drafts[7] = {**WATER, "kind": "offer", "title": ""}
    data = (await api.ask("POST", "/api/v1/posts/batch", json={"drafts": drafts}))[1]
    assert (data["published"], data["failed"]) == (99, 1)
    posts = [result["post"]["id"] for result in data["results"] if "post" in result]
    heard = []
    async with api.unix.get("http://localhost/api/v1/events?after=0") as response:
        while len(heard) < 99:
            line = await response.content.readline()
            if line.startswith(b"data:"):
                event = json.loads(line[5:])
                heard += [event["post"]] if event["name"] == "post.added" else []
    assert sorted(heard) == sorted(posts)


async def test_status_readiness_and_figures_of_a_whole_board(api: Api) -> None:
    assert (await api.ask("GET", "/api/v1/status"))[1]["state"] == "member"
    assert (await api.ask("GET", "/readyz"))[1]["ready"] is True
    assert (await api.ask("GET", "/api/v1/peers"))[1]["items"] == []
    async with api.unix.get("http://localhost/metrics") as response:
        assert "hartig_posts 0.0" in await response.text()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"category": "watr"}, "/category"),
        ({"catgory": "water"}, "/catgory"),
        ({"title": 7}, "/title"),
        ({"title": {"en": ["a"]}}, "/title/en"),
        ({"quantity": "many"}, "/quantity"),
        ({"quantity": -1}, "/quantity"),
        ({"quantity": 1e400}, None),
        ({"unit": "XX"}, "/unit"),
        ({"urgency": "now"}, "/urgency"),
        ({"level": "some"}, "/level"),
        ({"area": 5}, "/area"),
        ({"window": {"from": "now", "to": "later"}}, "/window/from"),
        ({"dates": ["soon"]}, "/dates/0"),
        ({"requires": ["diet.nothing"]}, "/requires/0"),
        ({"requires": [["diet.vegan"]]}, "/requires/0"),
        ({"audience": "world"}, "/audience"),
        ({"audience": ["hub"]}, "/audience"),
        ({"days": 0}, "/days"),
        ({"days": 91}, "/days"),
        ({"days": 1, "expires_at": "2027-01-01T00:00:00Z"}, "/days"),
        ({"expires_at": "2027-01-01T00:00:00"}, "/expires_at"),
        ({"expires_at": "1999-01-01T00:00:00Z"}, "/expires_at"),
        ({"parent": "abc"}, "/parent"),
        ({"people": 1.5}, "/people"),
        ({"people": 10**9}, None),
        ({"reach_km": 10**9}, None),
        ({"area": "aaaaaa"}, None),
        ({"title": "x" * 500}, None),
        ({"title": {"not a language": "x"}}, None),
        ({"title": "x", "language": 5}, None),
        ({"smallest_part": 0}, "/smallest_part"),
        ({"source": "x" * 300}, None),
        ({"window": {"from": "2027-01-02T00:00:00Z", "to": "2027-01-01T00:00:00Z"}}, None),
    ],
)
async def test_each_wrong_field_of_a_draft_is_a_clear_problem(
    api: Api, changes: dict[str, object], pointer: str | None
) -> None:
    problem = await api.problem("POST", "/api/v1/posts", json={**WATER, "kind": "need", **changes})
    assert problem["code"] in {"bad_draft", "bad_request"}, problem
    assert (problem.get("pointer") or "").startswith(pointer or ""), problem


async def test_a_person_tells_a_hub_the_time(make_api: MakeApi) -> None:
    async with running_board(trusted=False) as bench:
        await bench.board.timekeeper.load()
        api = await make_api(board=bench.board)
        clock = (await api.ask("GET", "/api/v1/clock"))[1]
        assert (clock["trusted"], clock["source"]) == (False, None)
        post = (await api.ask("POST", "/api/v1/needs", json={**WATER, "days": 2}))[1]
        assert post["approx"] is True
        for wrong in ("noon", "2026-12-24T18:00:00", "2020-01-01T00:00:00Z"):
            assert (await api.problem("POST", "/api/v1/clock", json={"now": wrong}))["pointer"] == "/now"
        clock = (await api.ask("POST", "/api/v1/clock", json={"now": "2026-12-24T18:00:00+00:00"}))[1]
        assert clock == {"now": "2026-12-24T18:00:00Z", "trusted": True, "source": "person"}
        post = (await api.ask("GET", f"/api/v1/needs/{post['id']}"))[1]
        assert (post["published_at"], post["expires_at"]) == ("2026-12-24T18:00:00Z", "2026-12-26T18:00:00Z")
        assert "approx" not in post
        assert (await api.ask("POST", "/api/v1/clock"))[1]["source"] == "person"
        assert (await api.ask("GET", "/api/v1/status"))[1]["clock"] == clock
        await api.server.close()


async def test_a_time_service_is_believed_before_a_person(make_api: MakeApi) -> None:
    async with running_board(synchronised=True) as bench:
        api = await make_api(board=bench.board)
        found = await api.problem("POST", "/api/v1/clock", json={"now": "2027-12-24T18:00:00Z"})
        assert "time service" in found["detail"]
        assert (await api.ask("POST", "/api/v1/clock"))[1]["source"] == "system"
        await api.server.close()
