"""When the organisers' door is open, what is in its way, and the certificate by which it is known."""

import asyncio
import errno
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from hartig_node.board.belonging.pairing import CODE_LIFE_MS, DEVICE_LIFE_MS
from hartig_node.board.errors import BoardError
from hartig_node.daemon.desk import own_addresses, own_names
from hartig_node.daemon.doors import open_doors
from hartig_node.daemon.folder import HubFolder
from hartig_node.net.desk_certificate import OLD_DAYS
from hartig_node.net.sockets import open_listeners
from hartig_node.site.server import PageServer
from hartig_node.tasks import Tasks
from node.daemon.desks import CONFIG, Device, Open, Running
from support.boards import Bench, running_board

DAY_S = 86_400
BEYOND_S = 10_000 * 366 * DAY_S
PATIENCE_S = 20.0


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_board() as bench:
        yield bench


# --- Open and shut


async def test_the_door_is_shut_until_there_is_a_code(running: Running) -> None:
    assert (await running.door.report()).state == "shut"
    await running.code()
    assert (await running.door.report()).state == "open"
    assert await running.is_open()


async def test_a_device_is_paired_over_tls_uses_a_page_and_leaves(
    running: Running, browser: aiohttp.ClientSession
) -> None:
    code = await running.code()
    await running.door.report()
    device = Device(browser, running.door.port)
    assert (await device.ask("GET", "/")).headers["Location"] == "/pair"
    assert (await device.ask("GET", "/pair")).status == 200
    await device.pair(code)
    assert (await device.ask("GET", "/need")).status == 200
    assert [one.name for one in await running.bench.board.pairing.list()] == ["Phone"]
    assert await running.is_open()
    assert "has left" in await (await device.ask("POST", "/leave", leave="")).text()
    assert not await running.is_open()


async def test_a_revoked_device_comes_in_no_more_and_the_last_one_shuts_the_door(
    running: Running, browser: aiohttp.ClientSession
) -> None:
    pairing, devices = running.bench.board.pairing, []
    for _ in range(2):
        code = await running.code()
        await running.door.report()
        devices.append(Device(browser, running.door.port))
        await devices[-1].pair(code)
    first, second = await pairing.list()
    await pairing.revoke(first.id)
    assert await running.is_open()
    statuses = [(await device.ask("GET", "/nowhere")).status for device in devices]
    assert sorted(statuses) == [303, 404]
    await pairing.revoke(second.id)
    assert not await running.is_open()


async def test_the_door_shuts_when_the_code_is_over(running: Running) -> None:
    await running.code()
    assert await running.is_open()
    assert running.door._patience_s() == CODE_LIFE_MS / 1000
    running.bench.time.advance(CODE_LIFE_MS / 1000)
    assert not await running.is_open()


async def test_the_door_shuts_when_the_last_session_is_over(running: Running, browser: aiohttp.ClientSession) -> None:
    code = await running.code()
    await running.door.report()
    await Device(browser, running.door.port).pair(code)
    assert running.door._patience_s() == 3600
    running.bench.time.advance(DEVICE_LIFE_MS / 1000)
    assert not await running.is_open()


async def test_the_door_opens_again_and_again_with_the_same_certificate(running: Running) -> None:
    seen = set()
    for _ in range(3):
        await running.code()
        seen.add((await running.door.report()).fingerprint)
        running.bench.time.advance(CODE_LIFE_MS / 1000)
        assert not await running.is_open()
    assert len(seen) == 1


async def test_a_hub_that_starts_with_a_paired_device_opens_the_door(
    tmp_path: Path, bench: Bench, browser: aiohttp.ClientSession
) -> None:
    made = await bench.board.pairing.make_code()
    secret = await bench.board.pairing.pair(made.code, "Phone")
    assert secret is not None
    bench.board.pairing._devices.clear()  # as after a restart
    folder = HubFolder(tmp_path)
    folder.make()
    tasks = Tasks()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(tasks.close)
        config = replace(CONFIG, api=False, site=False)
        doors = await open_doors(bench.board, bench.board.context.clock, folder, config, tasks, stack)
        assert doors.ports["desk"]
        assert doors.problems() == []
        assert (await bench.board.status.report())["ports"]["desk"] == doors.ports["desk"]
        assert (await Device(browser, doors.ports["desk"], secret).ask("GET", "/nowhere")).status == 404
    assert doors.desk.port is None


async def test_a_switched_off_door_stays_shut(opened: Open) -> None:
    running = await opened(replace(CONFIG, desk=False))
    with pytest.raises(BoardError, match="switched off"):
        await running.code()
    assert (await running.door.report()).state == "off"
    assert not running.folder.has_key("desk")


async def test_status_says_how_the_door_is(running: Running) -> None:
    board = running.bench.board
    assert (await board.status.report())["desk"]["state"] == "shut"
    await running.code()
    report = await board.status.report()
    port = running.door.port
    assert report["ports"]["desk"] == port
    assert report["desk"]["addresses"] == [f"https://hub.test:{port}/", f"https://127.0.0.1:{port}/"]


# --- What is in the way


async def test_a_taken_port_is_a_problem_until_it_is_free(opened: Open) -> None:
    (taken,) = open_listeners([("127.0.0.1", 0)])
    running = await opened(replace(CONFIG, desk_port=taken.getsockname()[1]))
    assert running.door.problems() == []
    await running.code()
    report = await running.door.report()
    assert report.state == "blocked"
    assert "another program uses this port" in str(report.reason)
    (problem,) = running.door.problems()
    assert problem.code == "door_closed"
    assert "desk_port" in problem.hint
    assert running.door._patience_s() == 60
    taken.close()
    await running.code()
    assert await running.is_open()
    assert running.door.problems() == []


async def test_what_is_blocked_is_no_problem_once_nobody_wants_in(opened: Open) -> None:
    (taken,) = open_listeners([("127.0.0.1", 0)])
    running = await opened(replace(CONFIG, desk_port=taken.getsockname()[1]))
    await running.code()
    running.bench.time.advance(CODE_LIFE_MS / 1000)
    assert not await running.is_open()
    assert running.door.problems() == []
    taken.close()


async def test_a_folder_that_cannot_be_written_is_a_problem_and_no_crash(running: Running) -> None:
    keys = running.folder.key_path("x").parent
    keys.rmdir()
    keys.write_text("in the way")
    await running.code()
    assert (await running.door.report()).state == "blocked"
    (problem,) = running.door.problems()
    assert "folder" in problem.hint


@pytest.mark.parametrize("what", ["hartig_node.daemon.desk.make_desk_context", "hartig_node.net.gate.Gate.open"])
async def test_a_door_that_fails_while_it_opens_is_a_problem_and_opens_later(
    running: Running, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    listeners: list[socket.socket] = []

    def fail(*_arguments: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    def listen(addresses: Sequence[tuple[str, int]]) -> list[socket.socket]:
        listeners.extend(open_listeners(addresses))
        return listeners

    with monkeypatch.context() as broken:
        broken.setattr("hartig_node.daemon.desk.open_listeners", listen)
        broken.setattr(what, fail)
        await running.code()
        async with asyncio.timeout(PATIENCE_S):
            report = await running.door.report()
    assert (report.state, report.reason) == ("blocked", "Too many open files")
    assert [listener.fileno() for listener in listeners] == [-1]
    assert running.door._patience_s() == 60
    assert await running.is_open()
    assert running.door.problems() == []


async def test_a_key_that_is_none_is_a_problem_that_says_what_to_remove(running: Running) -> None:
    running.folder.write_key("desk", bytes(32))
    await running.code()
    async with asyncio.timeout(PATIENCE_S):
        assert (await running.door.report()).state == "blocked"
    (problem,) = running.door.problems()
    assert "keys/desk.key" in problem.hint


async def test_a_clock_beyond_all_dates_is_a_problem(running: Running) -> None:
    running.bench.time.advance(BEYOND_S)
    await running.code()
    async with asyncio.timeout(PATIENCE_S):
        assert (await running.door.report()).state == "blocked"


async def test_an_open_door_stands_a_clock_beyond_all_dates(running: Running) -> None:
    await running.code()
    assert await running.is_open()
    running.bench.time.wall_s += BEYOND_S
    running.bench.time.steady_s += 60
    assert await running.is_open()


async def test_the_door_looks_after_the_devices(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    tidied = asyncio.Event()

    async def tidy() -> None:
        tidied.set()

    monkeypatch.setattr(running.bench.board.pairing, "tidy", tidy)
    await running.code()
    async with asyncio.timeout(PATIENCE_S):
        await tidied.wait()


async def test_a_half_open_door_is_closed_whole(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[PageServer] = []
    close = PageServer.close

    async def fail(server: PageServer, listeners: Sequence[socket.socket]) -> None:
        for listener in listeners:
            listener.close()
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(PageServer, "open", fail)
    monkeypatch.setattr(PageServer, "close", lambda server: closed.append(server) or close(server))
    await running.code()
    async with asyncio.timeout(PATIENCE_S):
        assert (await running.door.report()).state == "blocked"
    assert len(closed) == 1


# --- The certificate


def certificate_in(folder: HubFolder) -> x509.Certificate:
    return x509.load_pem_x509_certificate(folder.read_desk_certificate())


async def test_the_door_shows_the_certificate_whose_fingerprint_it_tells(running: Running) -> None:
    await running.code()
    report = await running.door.report()
    context = ssl.create_default_context(cadata=running.folder.read_desk_certificate().decode())
    context.verify_flags |= ssl.VerifyFlags(0x200000)  # the test must not depend on the day on which it runs
    for name in ("hub.test", "127.0.0.1", "localhost"):
        _, writer = await asyncio.open_connection("127.0.0.1", running.door.port, ssl=context, server_hostname=name)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert hashlib.sha256(shown).hexdigest().upper() == str(report.fingerprint).replace(":", "")
        writer.close()


async def test_its_names_are_the_settings_and_this_machine(running: Running) -> None:
    await running.code()
    await running.door.report()
    names = certificate_in(running.folder).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "hub.test"} <= set(names.get_values_for_type(x509.DNSName))
    assert "127.0.0.1" in {str(one) for one in names.get_values_for_type(x509.IPAddress)}


async def test_the_key_is_for_its_owner_alone_and_outlives_the_certificate(running: Running) -> None:
    await running.code()
    await running.door.report()
    assert running.folder.key_path("desk").stat().st_mode & 0o777 == 0o600
    seed, before = running.folder.read_key("desk"), certificate_in(running.folder)
    running.bench.time.advance(OLD_DAYS * DAY_S)
    await running.code()
    await running.door._settle()
    after = certificate_in(running.folder)
    assert after.not_valid_before_utc > before.not_valid_before_utc
    assert after.serial_number != before.serial_number
    assert running.folder.read_key("desk") == seed


async def test_an_open_door_changes_to_another_certificate_by_itself(
    running: Running, browser: aiohttp.ClientSession
) -> None:
    code = await running.code()
    before = (await running.door.report()).fingerprint
    device = Device(browser, running.door.port)
    await device.pair(code)
    for _ in range(OLD_DAYS // 60 + 1):
        running.bench.time.advance(60 * DAY_S)
        assert await running.bench.board.pairing.check(device.secret)
        assert await running.is_open()
    assert (await running.door.report()).fingerprint != before


async def test_who_does_not_know_the_time_keeps_its_certificate(opened: Open) -> None:
    running = await opened(trusted=False)
    await running.code()
    before = (await running.door.report()).fingerprint
    running.bench.time.advance(OLD_DAYS * DAY_S)
    assert not await running.is_open()
    await running.code()
    assert (await running.door.report()).fingerprint == before


@pytest.mark.parametrize("junk", [b"", b"junk"])
async def test_a_damaged_certificate_is_made_anew(running: Running, junk: bytes) -> None:
    running.folder.write_desk_certificate(junk)
    await running.code()
    assert await running.is_open()
    assert certificate_in(running.folder)


def test_this_machine_is_known_by_its_name_in_the_local_network_too() -> None:
    assert own_names(lambda: "Hub.example.org") == ["hub.example.org", "hub.local"]
    assert not [address for address in own_addresses() if address.startswith("127.") or ":" in address]
