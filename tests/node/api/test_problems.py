"""Every answer that says no: one shape, and what, where, what to do."""

import io
import json
import logging
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from hartig_node.api import reading
from hartig_node.api.problems import problem_response
from hartig_node.board.errors import ERRORS, BoardError
from hartig_node.glossary import words_used
from node.api.conftest import Api, MakeApi

NEEDS = "/api/v1/needs"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b'{"title": }', "column 11"),
        (b"\xff\xfe{}", "not UTF-8 at byte 0"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"\\uDFFF": 1}', "half a character"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 20 + b"]" * 20, "nested"),
        (b"[" * 30_000 + b"]" * 30_000, "nested"),
        (b'{"a":' * 10 + b"1" + b"}" * 10, "nested"),
        (b"{} {}", "Extra data"),
    ],
)
async def test_json_that_is_not_strict_is_refused(api: Api, body: bytes, detail: str) -> None:
    problem = await api.problem("POST", NEEDS, data=body, headers=JSON)
    assert (problem["status"], problem["code"]) == (400, "bad_request")
    assert detail in problem["detail"]
    assert problem["hint"]


async def test_a_whole_surrogate_pair_and_the_deepest_allowed_nesting_are_read(api: Api) -> None:
    body = b'{"category": "food", "title": "Rice \\ud83c\\udf5a"}'
    _status, data, _response = await api.ask("POST", NEEDS, data=body, headers=JSON)
    assert data["title"] == {"en": "Rice \U0001f35a"}
    deepest = b"[" * (reading.DEPTH_MAX + 1) + b"]" * (reading.DEPTH_MAX + 1)
    assert reading.parse_json(deepest)


@pytest.mark.parametrize("body", [b"null", b"7", b'"a"', b"[]", b"true"])
@pytest.mark.parametrize("path", [NEEDS, "/api/v1/posts/batch", "/api/v1/records", "/api/v1/invites", "/api/v1/tokens"])
async def test_anything_but_an_object_is_refused(api: Api, path: str, body: bytes) -> None:
    problem = await api.problem("POST", path, data=body, headers=JSON)
    assert problem["status"] in {400, 422}
    assert problem["hint"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {**JSON, "Content-Encoding": "gzip"},
        {"Content-Type": ""},
    ],
)
async def test_another_kind_of_content_is_refused(api: Api, headers: dict[str, str]) -> None:
    problem = await api.problem("POST", NEEDS, data=b"{}", headers=headers)
    assert (problem["status"], problem["code"]) == (415, "unsupported_media_type")
    assert problem["hint"]


@pytest.mark.parametrize(
    ("path", "bytes_max"), [(NEEDS, reading.BODY_BYTES_MAX), ("/api/v1/posts/batch", reading.BATCH_BYTES_MAX)]
)
async def test_a_body_that_is_too_large_is_refused(api: Api, path: str, bytes_max: int) -> None:
    async def drip() -> Any:
        for _piece in range(bytes_max // 4096 + 1):
            yield b" " * 4096

    for data in (io.BytesIO(b" " * (bytes_max + 1)), drip()):
        problem = await api.problem("POST", path, data=data, headers=JSON)
        assert (problem["status"], problem["code"]) == (413, "too_large")
        assert problem["hint"]


async def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(api: Api) -> None:
    token = (await api.token("write"))["Authorization"]
    head = f"POST {NEEDS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n"
    answer = await api.raw(f"{head}Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"too_large"' in answer


async def test_whoever_may_not_ask_is_told_before_sending_a_body(api: Api) -> None:
    head = f"POST {NEEDS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    answer = await api.raw(f"{head}Content-Length: 9\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_a_client_that_waits_for_its_turn_is_told_to_go_on(api: Api) -> None:
    body = {"category": "food", "title": "Rice"}
    status, _data, _response = await api.ask("POST", NEEDS, json=body, expect100=True)
    assert status == 201


async def test_a_body_that_drips_is_cut(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BODY_S_MAX", 0.05)
    token = (await api.token("write"))["Authorization"]
    head = f"POST {NEEDS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n"
    answer = await api.raw(f"{head}Content-Length: 50\r\n\r\n{{".encode())
    assert b"did not arrive" in answer


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_bytes_that_are_no_http_are_answered_with_a_problem(
    api: Api, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await api.raw(data)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"application/problem+json" in head
    problem = json.loads(body)
    assert (problem["code"], problem["status"]) == ("bad_request", 400)
    assert problem["hint"]
    assert "127.0.0.1" not in caplog.text
    assert (await api.ask("GET", "/healthz"))[0] == 200


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/api/v2/needs", "/api/v1/nowhere", "/api/v1/needs/"])
async def test_an_unknown_address_is_not_found(api: Api, path: str) -> None:
    problem = await api.problem("GET", path)
    assert (problem["status"], problem["code"]) == (404, "not_found")
    assert "/api/v1/" in problem["hint"]


async def test_a_wrong_method_names_the_right_ones(api: Api) -> None:
    problem = await api.problem("PUT", NEEDS)
    assert (problem["status"], problem["code"]) == (405, "method_not_allowed")
    status, _data, response = await api.ask("PUT", NEEDS)
    assert (status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=1e2", "/limit"),
        ("limit=%D9%A3", "/limit"),
        ("limit=", "/limit"),
        ("kind=card", "/kind"),
        ("urgency=now", "/urgency"),
        ("level=empty", "/level"),
        ("mode=sell", "/mode"),
        ("state=ended", "/state"),
        ("area=d7tkxy", "/area"),
        (f"category={'x' * 33}", "/category"),
        (f"q={'x' * 201}", "/q"),
    ],
)
async def test_a_wrong_filter_is_named_with_what_is_right(api: Api, query: str, pointer: str) -> None:
    problem = await api.problem("GET", f"/api/v1/posts?{query}")
    assert (problem["status"], problem["pointer"]) == (400, pointer)
    assert problem["hint"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"uses": "1"}, "/uses"),
        ({"uses": True}, "/uses"),
        ({"uses": 1.5}, "/uses"),
        ({"uses": 0}, "/uses"),
        ({"days": "7"}, "/days"),
        ({"days": 10**400}, "/days"),
        ({"addresses": "hub:1"}, "/addresses"),
        ({"addresses": ["hub:1", 2]}, "/addresses/1"),
        ({"pass_on": -1}, "/pass_on"),
        ({"label": 3}, "/label"),
        ({"use": 1}, "/use"),
    ],
)
async def test_a_wrong_member_of_an_invite_is_named(api: Api, body: dict[str, Any], pointer: str) -> None:
    problem = await api.problem("POST", "/api/v1/invites", json=body)
    assert (problem["status"], problem["pointer"]) == (400, pointer)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": " "}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "x", "scopes": "read"}, "/scopes"),
        ({"name": "x", "scopes": ["root"]}, "/scopes"),
        ({"name": "x", "days": -1}, "/days"),
        ({"name": "x", "scope": "read"}, "/scope"),
    ],
)
async def test_a_wrong_member_of_a_token_is_named(api: Api, body: dict[str, Any], pointer: str) -> None:
    problem = await api.problem("POST", "/api/v1/tokens", json=body)
    assert (problem["status"], problem["pointer"]) == (400, pointer)


async def test_a_bug_shows_a_reference_alone_and_the_log_holds_the_rest(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.board.posts.failure = KeyError("secret path /var/lib/hartig")
    with caplog.at_level(logging.ERROR):
        problem = await api.problem("GET", "/api/v1/needs/1")
    assert (problem["status"], problem["code"]) == (500, "internal")
    assert "secret" not in json.dumps(problem)
    assert problem["reference"] in caplog.text
    assert problem["reference"] in problem["hint"]
    assert "secret path" in caplog.text
    assert "GET /api/v1/needs/{id}" in caplog.text


async def test_a_timeout_inside_a_handler_is_a_bug_too(api: Api) -> None:
    api.board.posts.failure = TimeoutError("late")
    assert (await api.problem("GET", "/api/v1/needs/1"))["code"] == "internal"


async def test_other_refusals_of_the_http_library_have_the_same_shape(api: Api, make_api: MakeApi) -> None:
    api.board.posts.failure = web.HTTPConflict(reason="odd")
    problem = await api.problem("GET", "/api/v1/needs/1")
    assert (problem["code"], problem["detail"]) == ("bad_request", "odd")


def test_whoever_comes_too_often_is_told_when_to_come_again() -> None:
    assert problem_response(BoardError("too_many", "x")).headers["Retry-After"] == "5"


def test_what_was_sent_is_quoted_within_bounds() -> None:
    body = problem_response(BoardError("bad_draft", "x" * 70_000, "", "/" + "y" * 70_000)).body
    assert isinstance(body, bytes)
    assert len(body) < 1500


def test_titles_use_peoples_words() -> None:
    for code, (status, title) in ERRORS.items():
        assert not words_used(title), code
        assert 400 <= status < 600


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: json.dumps({text: [text]}).encode()))
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    with suppress(BoardError):
        json.dumps(reading.parse_json(body), ensure_ascii=False).encode()
