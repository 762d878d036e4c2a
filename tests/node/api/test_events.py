"""Server-sent events: in order, resumed without loss or repetition, ended cleanly, never a heap."""

import asyncio
import json
import socket
from typing import Any

import aiohttp
import pytest

from hartig_node.api import events
from hartig_node.board import board as board_module
from hartig_node.board.errors import BoardError
from node.api.conftest import Api, MakeApi
from node.api.fake_board import FakeBoard

EVENTS = "http://localhost/api/v1/events"


class Reader:
    """Reads one stream as a browser would."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._lines = response.content
        self.last_id = ""
        self.ended = False

    async def next(self) -> dict[str, str]:
        """Return the fields of the next event; comments and the retry time are events without data here."""
        fields: dict[str, str] = {}
        while line := await self._lines.readline():
            name, _, value = line.decode().rstrip("\n").partition(":")
            if not line.strip():
                self.last_id = fields.get("id", self.last_id)
                return fields
            fields[name or "comment"] = value.strip()
        self.ended = True
        return fields

    async def ids(self, count: int) -> list[int]:
        """Return the numbers of the next events."""
        found: list[int] = []
        while len(found) < count:
            fields = await self.next()
            if fields.get("id"):
                found.append(int(fields["id"]))
        return found


async def open_stream(api: Api, query: str = "", **headers: str) -> tuple[aiohttp.ClientResponse, Reader]:
    response = await api.unix.get(EVENTS + query, headers=headers)
    assert response.status == 200
    return response, Reader(response)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open streams at once; heartbeats come quickly."""
    monkeypatch.setattr(events, "OPENING_S", 0.02)
    monkeypatch.setattr(board_module, "HEARTBEAT_S", 0.02)


async def test_an_event_has_a_number_a_name_and_json(api: Api) -> None:
    api.board.happen()
    response, reader = await open_stream(api, "?after=0")
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["Cache-Control"] == "no-store"
    assert (await reader.next())["retry"] == "2000"
    fields = await reader.next()
    assert (fields["id"], fields["event"]) == ("1", "post.added")
    data = json.loads(fields["data"])
    assert (data["seq"], data["name"], data["kind"], data["post"]) == (1, "post.added", "need", "00" * 16)
    response.close()


async def test_without_a_number_only_what_is_new_comes(api: Api) -> None:
    api.board.happen(3)
    response, reader = await open_stream(api)
    while "comment" not in await reader.next():
        pass  # a heartbeat: the board listens now
    api.board.happen(2)
    assert await reader.ids(2) == [4, 5]
    response.close()


async def test_a_reader_that_comes_back_misses_and_repeats_nothing(api: Api) -> None:
    found: list[int] = []
    last = "0"
    for _round in range(5):
        api.board.happen(7)
        response, reader = await open_stream(api, "?after=0", **{"Last-Event-ID": last})
        found += await reader.ids(3)
        api.board.happen(4)  # while it reads
        found += await reader.ids(2)
        last = reader.last_id
        response.close()
    api.board.happen(1)
    response, reader = await open_stream(api, f"?after={last}")
    found += await reader.ids(56 - len(found))
    assert found == list(range(1, 57))
    response.close()


async def test_more_events_than_any_queue_holds_all_arrive(api: Api) -> None:
    response, reader = await open_stream(api, "?after=0")
    api.board.happen(3000)
    assert await reader.ids(3000) == list(range(1, 3001))
    response.close()


@pytest.mark.parametrize(
    ("query", "headers", "pointer"),
    [
        ("?after=x", {}, "/after"),
        ("?after=-1", {}, "/after"),
        ("?after=", {}, "/after"),
        (f"?after={'9' * 16}", {}, "/after"),
        ("", {"Last-Event-ID": "1; drop"}, None),
    ],
)
async def test_a_wrong_number_is_refused(api: Api, query: str, headers: dict[str, str], pointer: str | None) -> None:
    problem = await api.problem("GET", f"/api/v1/events{query}", headers=headers)
    assert (problem["code"], problem.get("pointer")) == ("bad_request", pointer)


async def test_events_that_are_no_longer_kept_are_gone(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "OPENING_S", 3600.0)
    api.board.happen(10)
    api.board.context.store.lowest = 5
    for query in ("?after=2", "?after=11"):
        problem = await api.problem("GET", f"/api/v1/events{query}")
        assert (problem["status"], problem["code"]) == (410, "feed_gone")


async def test_a_problem_that_comes_late_is_the_last_event(
    api: Api, board: FakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = asyncio.Event()

    async def late(_after: int | None = None) -> Any:
        await go.wait()
        raise BoardError("feed_gone", "no longer kept")
        yield None  # makes this a generator

    monkeypatch.setattr(board, "events", late)
    response, reader = await open_stream(api, "?after=1")
    assert "retry" in await reader.next()
    go.set()
    fields = await reader.next()
    assert (fields["event"], fields["id"]) == ("problem", "")
    assert json.loads(fields["data"])["code"] == "feed_gone"
    assert await reader.next() == {}
    assert reader.ended
    response.close()


async def test_one_stream_too_many_is_told_when_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STREAMS_MAX", 3)
    open_ones = [await open_stream(api) for _number in range(3)]
    async with api.unix.get(EVENTS) as response:
        problem = await response.json(content_type=None)
        assert (response.status, problem["code"]) == (429, "too_many")
        assert int(response.headers["Retry-After"]) > 0
    open_ones[0][0].close()
    while (again := await api.unix.get(EVENTS)).status != 200:
        await again.read()  # until the server has seen the end of that connection
    for response, _reader in [*open_ones[1:], (again, None)]:
        response.close()


async def test_streams_end_cleanly_when_the_hub_stops(api: Api) -> None:
    api.board.happen(2)
    readers = [await open_stream(api, "?after=0") for _number in range(3)]
    for _response, reader in readers:
        assert await reader.ids(2) == [1, 2]
    await api.server.close()
    for response, reader in readers:
        while not reader.ended:
            await reader.next()  # heartbeats, then the clean end of a chunked body: a cut would raise
        response.close()
    assert len(api.board.context.engine.feed) == 0
    assert [gate.counts().open for gate in api.gates] == [0, 0]


async def test_a_reader_that_takes_nothing_is_cut(make_api: MakeApi, board: FakeBoard) -> None:
    api = await make_api(slow_reader_s=0.05)
    token = (await api.token())["Authorization"]
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", api.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
    writer.write(f"GET /api/v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n\r\n".encode())
    await reader.readline()
    assert len(api.server._streams) == 1
    board.happen(40_000)  # 8 MB: more than the system buffers for one connection
    await api.gates[0].wait_empty()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(100_000_000)
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_a_reader_that_goes_frees_its_place(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, freed = api.board.context.engine.feed, asyncio.Event()
    close = feed.close
    monkeypatch.setattr(feed, "close", lambda listener: (close(listener), freed.set()))
    response, reader = await open_stream(api, "?after=0")
    assert "retry" in await reader.next()
    assert len(feed) == 1
    response.close()
    await freed.wait()
    assert len(feed) == 0


async def end_of(reader: Reader) -> dict[str, Any]:
    """Read a stream to its end and return the problem that ended it."""
    problem: dict[str, Any] = {}
    while not reader.ended:
        fields = await reader.next()
        if fields.get("event") == "problem":
            problem = json.loads(fields["data"])
    return problem


async def test_a_stream_ends_with_its_token_while_nothing_happens(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RECHECK_S", 3600.0)
    headers = await api.token()
    response = await api.tcp.get(f"{api.url}/api/v1/events", headers=headers)
    reader = Reader(response)
    while "comment" not in await reader.next():
        pass
    for token in await api.board.tokens.list():
        await api.board.tokens.revoke(token.id)
    assert (await end_of(reader))["code"] == "unauthorized"
    response.close()


async def test_a_stream_whose_token_is_gone_tells_no_further_event(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "HEARTBEAT_S", 3600.0)
    monkeypatch.setattr(events, "RECHECK_S", 0.0)
    api.board.happen(1)
    response = await api.tcp.get(f"{api.url}/api/v1/events?after=0", headers=await api.token())
    reader = Reader(response)
    assert await reader.ids(1) == [1]
    for token in await api.board.tokens.list():
        await api.board.tokens.revoke(token.id)
    api.board.happen(1)
    assert (await end_of(reader))["code"] == "unauthorized"
    assert reader.last_id in {"1", ""}
    response.close()


async def test_head_does_not_open_a_stream(api: Api) -> None:
    status, _data, response = await api.ask("HEAD", "/api/v1/events")
    assert (status, response.headers["Allow"]) == (405, "GET, OPTIONS")
