"""Over the API, on whole boards: flags that all hubs read; what this hub hides, and leaves out of its lists."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.api.conftest import Api, MakeApi
from support.boards import Bench, meet, running_boards

V1 = "/api/v1"
OFFER = {"kind": "offer", "category": "household.bedding", "title": "Blankets", "quantity": 4}


@pytest.fixture
async def hubs() -> AsyncIterator[list[Bench]]:
    async with running_boards(2) as benches:
        yield benches


@pytest.fixture
async def api(hubs: list[Bench], make_api: MakeApi) -> AsyncIterator[Api]:
    made = await make_api(board=hubs[0].board)
    yield made
    await made.server.close()


async def theirs(hubs: list[Bench], **more: Any) -> str:
    view = await hubs[1].board.posts.publish(OFFER | more)
    await meet(*hubs)
    return view.id


async def ids(api: Api, query: str = "", path: str = "posts") -> list[str]:
    _, page, _ = await api.ask("GET", f"{V1}/{path}{query}")
    return [one["id"] for one in page["items"]]


async def test_a_post_is_hidden_listed_and_shown_again(api: Api, hubs: list[Bench]) -> None:
    post = await theirs(hubs)
    status, made, response = await api.ask("POST", f"{V1}/hidden", json={"id": post, "note": "sold"})
    assert (status, response.headers["Location"]) == (201, f"{V1}/hidden/{post}")
    who = made["by"]
    assert made == {
        "id": post, "why": "hidden", "at": made["at"], "by": who, "note": "sold", "title": {"en": "Blankets"},
    }  # fmt: skip
    assert who == "the hub's command line"
    assert (await api.ask("GET", f"{V1}/hidden"))[1] == {"items": [made], "next": None}
    for path, query in (("posts", ""), ("offers", ""), ("search", "?q=blankets")):
        assert await ids(api, query, path) == []
        assert await ids(api, f"{query or '?'}{'&' if query else ''}hidden=true", path) == [post]
    view = (await api.ask("GET", f"{V1}/posts/{post}"))[1]
    assert view["hidden"] == {"why": "hidden", "at": made["at"]}
    assert (await api.ask("DELETE", f"{V1}/hidden/{post}"))[0] == 204
    assert (await api.problem("DELETE", f"{V1}/hidden/{post}"))["code"] == "not_found"
    assert await ids(api) == [post]


async def test_a_hub_is_muted_and_heard_again(api: Api, hubs: list[Bench]) -> None:
    post, hub = await theirs(hubs), hubs[1].key.public.hex()
    _, made, _ = await api.ask("POST", f"{V1}/muted", json={"id": hub})
    assert (made["id"], made["why"], made["name"], "note" in made) == (hub, "muted", "Test hub 2", False)
    assert await ids(api) == []
    assert (await api.ask("GET", f"{V1}/posts/{post}"))[1]["hidden"]["why"] == "muted"
    assert await ids(api, path="muted") == [hub]
    assert (await api.ask("DELETE", f"{V1}/muted/{hub}"))[0] == 204
    assert await ids(api) == [post]


async def test_a_flag_is_raised_read_and_taken_back(api: Api, hubs: list[Bench]) -> None:
    post, hub = await theirs(hubs), hubs[1].key.public.hex()
    own = hubs[0].key.public.hex()
    status, made, response = await api.ask(
        "POST", f"{V1}/flags", json={"id": post, "why": "unsafe", "text": {"en": "Mould"}}
    )
    assert (status, response.headers["Location"]) == (201, f"{V1}/flags/{post}")
    short = {"about": "post", "why": "unsafe", "hub": own, "hub_name": "Test hub", "mine": True, "at": made["at"]}
    assert made == {**short, "id": post, "text": {"en": "Mould"}, "expires_at": made["expires_at"]}
    await api.ask("POST", f"{V1}/flags", json={"id": hub, "why": "spam", "text": "So many"})
    flags = (await api.ask("GET", f"{V1}/posts/{post}"))[1]["flags"]
    assert (flags["count"], short in flags["first"]) == (2, True)
    assert sorted(await ids(api, "?mine=true", "flags")) == sorted([post, hub])
    _, page, _ = await api.ask("GET", f"{V1}/flags?about={hub}")
    ((flag),) = page["items"]
    assert (flag["name"], flag["text"], flag["about"]) == ("Test hub 2", {"en": "So many"}, "hub")
    first = (await api.ask("GET", f"{V1}/flags?limit=1"))[1]
    second = (await api.ask("GET", f"{V1}/flags?limit=1&cursor={first['next']}"))[1]
    assert {first["items"][0]["id"], second["items"][0]["id"]} == {post, hub}
    assert second["next"] is None
    for one in (post, hub):
        assert (await api.ask("DELETE", f"{V1}/flags/{one}"))[0] == 204
    assert await ids(api, path="flags") == []
    assert "flags" not in (await api.ask("GET", f"{V1}/posts/{post}"))[1]


@pytest.mark.parametrize(
    ("path", "body", "code", "pointer"),
    [
        ("flags", {"why": "spam"}, "bad_request", "/id"),
        ("flags", {"id": "00" * 16}, "bad_request", "/why"),
        ("flags", {"id": "00" * 16, "why": "ugly"}, "bad_request", "/why"),
        ("flags", {"id": "00" * 16, "why": "spam"}, "not_found", ""),
        ("flags", {"id": "00" * 16, "why": "spam", "text": 4}, "bad_request", "/text"),
        ("flags", {"id": "00" * 16, "why": "spam", "text": {"en": 4}}, "bad_request", "/text"),
        ("flags", {"id": "00" * 16, "why": "spam", "who": "me"}, "bad_request", "/who"),
        ("hidden", {}, "bad_request", "/id"),
        ("hidden", {"id": "00" * 16}, "not_found", ""),
        ("muted", {"id": "ab" * 32}, "not_found", ""),
        ("muted", {"id": "ab" * 32, "note": 5}, "bad_request", "/note"),
    ],
)
async def test_what_makes_no_sense_is_refused(api: Api, path: str, body: Any, code: str, pointer: str) -> None:
    problem = await api.problem("POST", f"{V1}/{path}", json=body)
    assert (problem["code"], problem.get("pointer", "")) == (code, pointer)


async def test_what_is_asked_wrongly_is_refused(api: Api) -> None:
    for query in ("flags?mine=yes", "flags?cursor=x", "hidden?limit=0", "posts?hidden=1", "muted?cursor=n5"):
        assert (await api.problem("GET", f"{V1}/{query}"))["status"] == 400


async def test_reading_is_for_all_and_the_rest_is_writing(api: Api) -> None:
    token = await api.token("read")
    for name in ("flags", "hidden", "muted"):
        async with api.tcp.get(f"{api.url}{V1}/{name}", headers=token) as response:
            assert response.status == 200
        async with api.tcp.post(f"{api.url}{V1}/{name}", headers=token, json={}) as response:
            assert response.status == 403
        async with api.tcp.delete(f"{api.url}{V1}/{name}/{'ab' * 16}", headers=token) as response:
            assert response.status == 403


async def test_notes_and_who_wrote_them_are_for_those_who_may_write(api: Api, hubs: list[Bench]) -> None:
    post, board = await theirs(hubs), hubs[0].board
    await board.hiding.hide(post, "a family's name", "token 1")
    await board.hiding.mute(hubs[1].key.public.hex(), "a neighbour's word")
    for scope, is_said in (("read", False), ("write", True)):
        headers = await api.token(scope)
        for what in ("hidden", "muted"):
            async with api.tcp.get(f"{api.url}{V1}/{what}", headers=headers) as response:
                (item,) = (await response.json())["items"]
            assert ("note" in item, item["why"], "at" in item) == (is_said, what, True)
            assert is_said or "by" not in item
