"""The doors: slow heads, second requests, caps, and an end that waits for answers under way."""

import asyncio
import stat

import pytest

from hartig_node.api import server
from hartig_node.api.door import peer_user_id
from hartig_node.ports import DoorCaps
from node.api.conftest import SOON_S, Api, MakeApi

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    found = b""
    try:
        while piece := await reader.read(10_000):
            found += piece
    except ConnectionError:
        pass
    return found


@pytest.mark.parametrize("door", ["tcp", "unix"])
async def test_a_slow_head_is_cut_at_both_doors(make_api: MakeApi, door: str) -> None:
    api = await make_api(first_head_s=SOON_S)
    if door == "tcp":
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    else:
        reader, writer = await asyncio.open_unix_connection(api.path)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: local")
    assert await until_closed(reader) == b""
    assert api.gates[door == "unix"].counts().timed_out == 1
    writer.close()


async def test_a_connection_lives_on_after_its_first_request(make_api: MakeApi) -> None:
    api = await make_api(first_head_s=SOON_S)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(REQUEST)
    await reader.readuntil(b'{"alive":true}')
    silent, silent_writer = await asyncio.open_connection("127.0.0.1", api.port)
    await until_closed(silent)  # its deadline began later
    writer.write(REQUEST)
    await reader.readuntil(b'{"alive":true}')
    writer.close()
    silent_writer.close()


async def test_a_second_head_that_drips_is_cut(make_api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE_S", SOON_S)
    api = await make_api()
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(REQUEST + b"GET /healthz HT")
    assert (await until_closed(reader)).count(b"alive") == 1
    writer.close()


async def test_all_local_programs_together_have_the_whole_cap(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CAPS", DoorCaps(6, 6, 6))
    api = await make_api()
    open_ones = [await asyncio.open_connection("127.0.0.1", api.port) for _number in range(6)]
    for reader, writer in open_ones:
        writer.write(REQUEST)
        await reader.readuntil(b"alive")
    late, late_writer = await asyncio.open_connection("127.0.0.1", api.port)
    assert await until_closed(late) == b""
    assert api.gates[0].counts().refused_total == 1
    for _reader, writer in [*open_ones, (late, late_writer)]:
        writer.close()


async def test_an_answer_under_way_is_finished_before_the_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow_report() -> dict[str, str]:
        begun.set()
        await may_end.wait()
        return {"state": "member"}

    monkeypatch.setattr(api.board.status, "report", slow_report)
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(api.ask("GET", "/api/v1/status"))
        await begun.wait()
        closing = group.create_task(api.server.close())
        await asyncio.sleep(0)
        may_end.set()
    assert asked.result()[:2] == (200, {"state": "member"})
    assert closing.done()
    assert [gate.counts().open for gate in api.gates] == [0, 0]


async def test_the_socket_is_open_to_its_owner_alone_and_a_tcp_peer_has_no_user(api: Api) -> None:
    assert stat.S_IMODE(api.path.stat().st_mode) == 0o600
    _reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    assert peer_user_id(writer.transport) is None
    assert peer_user_id(None) is None
    writer.close()
