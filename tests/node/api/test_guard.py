"""Who may ask, from where, and for what."""

import os
from typing import Any

import pytest

from hartig_protocol.limits import DAY_MS
from node.api.conftest import Api

STATUS = "/api/v1/status"
DRAFT = {"category": "food", "title": "Rice"}


async def ask(api: Api, method: str = "GET", path: str = STATUS, **options: Any) -> tuple[int, dict[str, Any]]:
    """Ask at the loopback door."""
    async with api.tcp.request(method, api.url + path, **options) as response:
        return response.status, await response.json(content_type=None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:4278", "LOCALHOST", "[::1]:9", "127.0.0.1:9000"])
async def test_this_machines_own_names_are_good(api: Api, host: str) -> None:
    assert (await ask(api, path="/healthz", headers={"Host": host}))[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.",
        "10.0.0.7:4278",
        "hartig",
        "",
        "a@localhost",
        "localhost:x",
    ],
)
@pytest.mark.parametrize("path", ["/healthz", STATUS, "/nowhere"])
async def test_a_foreign_name_is_refused_on_every_route(api: Api, host: str, path: str) -> None:
    status, problem = await ask(api, path=path, headers={"Host": host, **await api.token("admin")})
    assert (status, problem["code"]) == (403, "bad_origin")
    assert "127.0.0.1" in problem["hint"]


async def test_a_request_without_a_host_is_refused(api: Api) -> None:
    answer = await api.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert b" 403 " in answer.partition(b"\r\n")[0]
    assert b'"bad_origin"' in answer


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a_page_of_another_site_is_refused_whatever_it_holds(api: Api, method: str, origin: str) -> None:
    headers = {"Origin": origin, **await api.token("admin")}
    status, problem = await ask(api, method, "/api/v1/needs", headers=headers, data=b"")
    assert (status, problem["code"]) == (403, "bad_origin")
    problem = await api.problem("POST", "/api/v1/needs", json=DRAFT, headers={"Origin": origin})
    assert problem["code"] == "bad_origin"
    assert not api.board.posts.held


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
async def test_a_browsers_word_that_a_request_crosses_sites_is_believed(api: Api, site: str) -> None:
    problem = await api.problem("POST", "/api/v1/needs", json=DRAFT, headers={"Sec-Fetch-Site": site})
    assert problem["code"] == "bad_origin"
    assert not api.board.posts.held


async def test_a_request_of_the_same_origin_is_good(api: Api) -> None:
    headers = {"Origin": api.url, "Sec-Fetch-Site": "same-origin", **await api.token()}
    assert (await ask(api, headers=headers))[0] == 200


async def test_no_answer_invites_other_origins(api: Api) -> None:
    async with api.tcp.get(f"{api.url}/healthz") as response:
        assert not [name for name in response.headers if name.lower().startswith("access-control")]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert response.headers["Server"] == "hartig"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic aGFydGln", "Bearer a b", "Bearer hartig_unknown", "Bearer " + "x" * 300],
)
async def test_without_a_good_token_nothing_is_told(api: Api, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with api.tcp.get(api.url + STATUS, headers=headers) as response:
        problem = await response.json(content_type=None)
        assert (response.status, problem["code"]) == (401, "unauthorized")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert problem["hint"]
        assert "hub" not in problem


async def test_a_token_in_the_address_is_not_read(api: Api) -> None:
    secret = (await api.token())["Authorization"].split()[1]
    assert (await ask(api, path=f"{STATUS}?token={secret}"))[0] == 401


async def test_an_expired_or_revoked_token_is_worthless(api: Api) -> None:
    short, lasting = await api.token(days=1.0), await api.token()
    assert (await ask(api, headers=short))[0] == 200
    api.board.context.clock.now_ms += DAY_MS
    assert (await ask(api, headers=short))[0] == 401
    assert (await ask(api, headers=lasting))[0] == 200
    for view in await api.board.tokens.list():
        await api.board.tokens.revoke(view.id)
    assert (await ask(api, headers=lasting))[0] == 401


@pytest.mark.parametrize(
    ("scope", "read", "write", "admin"), [("read", 200, 403, 403), ("write", 200, 201, 403), ("admin", 200, 201, 200)]
)
async def test_a_scope_allows_what_it_names_and_what_lies_below(
    api: Api, scope: str, read: int, write: int, admin: int
) -> None:
    headers = await api.token(scope)
    assert (await ask(api, headers=headers))[0] == read
    assert (await ask(api, "POST", "/api/v1/needs", json=DRAFT, headers=headers))[0] == write
    status, answer = await ask(api, path="/api/v1/tokens", headers=headers)
    assert status == admin
    if status == 403:
        assert answer["code"] == "forbidden"
        assert "admin" in answer["hint"]


async def test_every_route_but_the_two_for_watchers_asks_for_a_token(api: Api) -> None:
    runner_app = api.server._doors._opened[0].runner.app
    for route in runner_app.router.routes():
        path = route.resource.canonical.replace("{id}", "1").replace("{key}", "1") if route.resource else ""
        async with api.tcp.request(route.method, api.url + path) as response:
            expected = 200 if path in {"/healthz", "/readyz"} else 401
            assert response.status == expected, f"{route.method} {path}"


async def test_the_unix_socket_knows_its_clients_by_their_user(api: Api) -> None:
    assert (await api.ask("GET", "/api/v1/tokens"))[0] == 200
    assert api.unix_door.user_ids is not None
    assert os.geteuid() in api.unix_door.user_ids
    api.unix_door.user_ids = frozenset({os.geteuid() + 1})
    for headers in ({}, await api.token("admin")):
        problem = await api.problem("GET", STATUS, headers=headers)
        assert (problem["status"], problem["code"]) == (403, "forbidden")
    assert (await api.ask("GET", "/healthz"))[0] == 200


async def test_the_loopback_door_never_trusts_a_user(api: Api) -> None:
    assert api.door.asks_for_tokens
    assert (await ask(api))[0] == 401


@pytest.mark.parametrize(
    ("query", "pointer", "hint"),
    [("limits=3", "/limits", "limit"), ("q=a&q=b", "/q", "once"), ("x%2Fy~=1", "/x~1y~0", "parameters")],
)
async def test_an_unknown_or_doubled_parameter_is_refused(api: Api, query: str, pointer: str, hint: str) -> None:
    problem = await api.problem("GET", f"/api/v1/posts?{query}")
    assert (problem["status"], problem["pointer"]) == (400, pointer)
    assert hint in problem["hint"]


async def test_changes_take_no_parameters(api: Api) -> None:
    problem = await api.problem("POST", "/api/v1/needs?dry_run=1", json=DRAFT)
    assert problem["pointer"] == "/dry_run"
    assert not api.board.posts.held


async def test_options_names_the_methods_and_head_answers_without_a_body(api: Api) -> None:
    status, _data, response = await api.ask("OPTIONS", "/api/v1/needs")
    assert (status, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    status, data, response = await api.ask("HEAD", "/api/v1/needs")
    assert (status, data) == (200, None)
    assert int(response.headers["Content-Length"]) > 0
    assert (await api.problem("OPTIONS", "/nowhere"))["code"] == "not_found"
