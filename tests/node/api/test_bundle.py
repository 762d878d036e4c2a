"""Bundles over the API: long answers and long requests, never whole in memory, and cut where they must be."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from hartig_node.api import reading, routes_bundle
from hartig_node.board import bundles
from hartig_protocol.sync.bundle_file import BundleReader
from node.api.conftest import Api, MakeApi
from support.boards import Bench, running_board

BUNDLE = "/api/v1/bundle"
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_board() as running:
        for _ in range(5):
            await running.board.posts.publish({"kind": "need", "category": "food", "title": "Bread"})
        yield running


@pytest.fixture
async def api(make_api: MakeApi, bench: Bench) -> Api:
    return await make_api(board=bench.board)


async def download(api: Api) -> bytes:
    async with api.unix.get(f"http://localhost{BUNDLE}") as response:
        assert response.status == 200
        assert response.content_type == "application/octet-stream"
        assert response.headers["Cache-Control"] == "no-store"
        return await response.read()


async def test_what_comes_out_goes_in_again(api: Api) -> None:
    data = await download(api)
    reader = BundleReader()
    assert len(reader.feed(data)) == 8
    assert reader.is_whole
    status, report, _ = await api.ask("POST", BUNDLE, data=data, headers=BYTES)
    assert (status, report["known"], report["records"], report["ending"]) == (200, 8, 8, "whole")


async def test_the_head_alone_has_no_body(api: Api) -> None:
    async with api.unix.head(f"http://localhost{BUNDLE}") as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_a_token_needs_the_scope_admin_at_both_routes(api: Api) -> None:
    for headers, status in ((await api.token("read", "write"), 403), (await api.token("admin"), 200)):
        async with api.tcp.get(api.url + BUNDLE, headers=headers) as response:
            assert response.status == status
            data = await response.read()
        async with api.tcp.post(api.url + BUNDLE, headers={**headers, **BYTES}, data=data) as response:
            assert response.status == status


async def test_one_for_a_network_with_which_nothing_is_agreed_is_a_problem(api: Api) -> None:
    problem = await api.problem("GET", f"{BUNDLE}?for={bytes(16).hex()}")
    assert (problem["code"], problem["pointer"]) == ("not_found", "/for")
    problem = await api.problem("GET", f"{BUNDLE}?for=west")
    assert (problem["code"], problem["pointer"]) == ("bad_request", "/for")


async def test_no_bundle_is_a_problem_of_its_own(api: Api) -> None:
    problem = await api.problem("POST", BUNDLE, data=b"PK\x03\x04", headers=BYTES)
    assert (problem["code"], problem["status"]) == ("bad_bundle", 422)
    assert "hartig bundle write" in problem["hint"]


async def test_another_kind_of_content_is_refused(api: Api) -> None:
    problem = await api.problem("POST", BUNDLE, json={})
    assert problem["code"] == "unsupported_media_type"


async def test_a_body_beyond_the_bound_is_refused_said_or_not(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    data = await download(api)
    monkeypatch.setattr(routes_bundle, "BUNDLE_BYTES_MAX", 1000)
    assert (await api.problem("POST", BUNDLE, data=data, headers=BYTES))["code"] == "too_large"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 300):
            yield data[start : start + 300]

    assert (await api.problem("POST", BUNDLE, data=pieces(), headers=BYTES))["code"] == "too_large"


async def test_who_sends_nothing_more_is_cut(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE_S_MAX", 0.02)
    head = f"POST {BUNDLE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    token = (await api.token("admin"))["Authorization"]
    answer = await api.raw(f"{head}Authorization: {token}\r\nContent-Length: 500\r\n\r\nHartig".encode())
    assert b"nothing more came within" in answer


async def test_a_body_that_breaks_off_leaves_room_for_the_next(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    data, over, read = await download(api), asyncio.Event(), bundles.Bundles.read

    async def noted(self: bundles.Bundles, pieces: AsyncIterator[bytes]) -> dict[str, Any]:
        try:
            return await read(self, pieces)
        finally:
            over.set()

    monkeypatch.setattr(bundles.Bundles, "read", noted)
    token = (await api.token("admin"))["Authorization"]
    head = f"POST {BUNDLE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(f"{head}Authorization: {token}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data[:-50])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await over.wait()
    assert (await api.ask("POST", BUNDLE, data=data, headers=BYTES))[0] == 200


async def test_an_answer_that_fails_in_the_middle_does_not_end_cleanly(
    api: Api, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, governance: bool) -> object:
        raise OSError("the card is gone")

    monkeypatch.setattr(bench.store, "read_arrivals", fails)
    with pytest.raises(aiohttp.ClientError):
        await download(api)


async def test_a_reader_that_takes_nothing_is_cut(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_bundle, "SLOW_READER_S", 0.02)
    gone = asyncio.Event()

    async def endless(_: object) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1 << 20)
        finally:
            gone.set()

    monkeypatch.setattr(bundles.NewBundle, "pieces", endless)
    token = (await api.token("admin"))["Authorization"]
    _, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(f"GET {BUNDLE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n\r\n".encode())
    await gone.wait()
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
