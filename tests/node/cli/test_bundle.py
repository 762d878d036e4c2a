"""`hartig bundle` against the real API and a real board: files that appear whole, reports that people understand."""

import asyncio
import errno
import json
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hartig_node.api.door import unix_door
from hartig_node.api.server import ApiServer
from hartig_node.board.bundles import Bundles as NewBundles
from hartig_node.board.bundles import NewBundle
from hartig_node.cli import bundles, exits
from hartig_node.cli.parsing import UsageError
from hartig_node.glossary import words_used
from hartig_node.net.gate import Gate, GateLimits
from hartig_node.net.sockets import open_unix_listener
from hartig_node.ports import DoorCaps, ProtocolFactory
from node.cli.conftest import Hartig, Result
from node.client.fake_node import FakeNode
from support.boards import Bench, running_board

Ask = Callable[..., Awaitable[Result]]
PATIENCE_S = 30.0


def make_gate(name: str, factory: ProtocolFactory, caps: DoorCaps) -> Gate:
    limits = GateLimits(caps.connections_max, caps.per_address_max, caps.per_loopback_max, first_head_s=PATIENCE_S)
    return Gate(name, limits, factory)


@asynccontextmanager
async def at_the_socket(bench: Bench, folder: Path) -> AsyncIterator[None]:
    """Serve a board where `hartig` looks for its hub."""
    folder.joinpath("run").mkdir(parents=True)
    server = ApiServer(bench.board, make_gate)
    await server.open(unix_door(), [open_unix_listener(folder / "run" / "api.sock")])
    try:
        yield
    finally:
        await server.close()


@pytest.fixture
async def ana(tmp_path: Path) -> AsyncIterator[Bench]:
    """The hub of the usual folder, with a few posts."""
    async with running_board() as bench, at_the_socket(bench, tmp_path / "hub"):
        for number in range(5):
            await bench.board.posts.publish({"kind": "need", "category": "food", "title": f"Bread {number}"})
        yield bench


@pytest.fixture
async def ben(tmp_path: Path) -> AsyncIterator[Bench]:
    """A hub that knows the network and nothing of it, in the folder `ben`."""
    async with running_board(seed=2, founded=False) as bench, at_the_socket(bench, tmp_path / "ben"):
        yield bench


def left_in(folder: Path) -> list[Path]:
    """Return bundles and what was to become one."""
    return list(folder.glob("*bundle*"))


@pytest.fixture
def ask(hartig: Hartig) -> Ask:
    async def call(*arguments: str) -> Result:
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.to_thread(hartig, "bundle", *arguments)

    return call


async def test_a_bundle_is_carried_from_hub_to_hub(ask: Ask, ana: Bench, ben: Bench, tmp_path: Path) -> None:
    path = tmp_path / "stick" / "garden.bundle"
    path.parent.mkdir()
    code, out, err = await ask("write", str(path))
    assert (code, out) == (exits.OK, f"8 entries written to {path} ({path.stat().st_size // 1000} kB).\n")
    assert "hartig bundle read garden.bundle" in err
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [one.name for one in path.parent.iterdir()] == ["garden.bundle"]
    code, out, _ = await ask("read", str(path), "--folder", str(tmp_path / "ben"))
    assert code == exits.OK
    assert out.splitlines()[1:] == [
        "  8 new here, 0 here already",
        "All of it was good. When the two hubs meet, none of this is sent again.",
    ]
    assert set(ben.engine.hub.catalog.entries) == set(ana.engine.hub.catalog.entries)
    assert "0 new here, 8 here already" in (await ask("read", str(path), "--folder", str(tmp_path / "ben"))).out


async def test_programs_get_the_same_as_json(ask: Ask, ana: Bench, tmp_path: Path) -> None:
    path = tmp_path / "a.bundle"
    made = json.loads((await ask("write", str(path), "--json")).out)
    assert made == {"file": str(path), "records": 8, "bytes": path.stat().st_size, "asks": False}
    report = json.loads((await ask("read", str(path), "--json")).out)
    assert (report["records"], report["known"], report["hub"]) == (8, 8, ana.key.public.hex())


async def test_a_file_that_is_there_is_replaced_only_by_force(ask: Ask, ana: Bench, tmp_path: Path) -> None:
    path = tmp_path / "a.bundle"
    path.write_text("precious")
    code, _, err = await ask("write", str(path))
    assert (code, path.read_text()) == (exits.USAGE, "precious")
    assert "--force" in err
    assert (await ask("write", str(path), "--force")).code == exits.OK
    assert path.read_bytes().startswith(b"Hartig bundle 1")
    assert (await ask("write", str(tmp_path))).code == exits.USAGE
    assert (await ask("write", str(tmp_path / "nowhere" / "x"))).code == exits.USAGE
    assert (await ask("read", str(path), "--force")).code == exits.USAGE


async def test_a_damaged_file_gives_what_is_good_and_says_what_is_not(
    ask: Ask, ana: Bench, ben: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "a.bundle"
    await ask("write", str(path))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"Bread 1", b"Bread 9", 1)[:-20])
    code, out, _ = await ask("read", str(path), "--folder", str(tmp_path / "ben"))
    assert code == exits.PARTLY
    for line in (
        "7 new here, 0 here already",
        "1 left out: changed, or not signed by who they say",
        "the file ends in the middle; 8 entries could be read",
        "What was good is kept.",
    ):
        assert line in out


@pytest.mark.parametrize("size", [0, 40, 3_000_000])
async def test_a_file_that_is_no_bundle_is_refused_in_words(ask: Ask, ana: Bench, tmp_path: Path, size: int) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"\xff" * size)
    code, out, err = await ask("read", str(path))
    assert (code, out) == (exits.REFUSED, "")
    assert "This file cannot be read as a bundle" in err
    assert "name a file that `hartig bundle write` has made" in err


async def test_a_bundle_of_another_network_is_refused_by_name(
    ask: Ask, ana: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bundle"
    await ask("write", str(path))
    monkeypatch.setattr(ana.board._context.pen, "network", bytes(16))
    code, _, err = await ask("read", str(path))
    assert code == exits.REFUSED
    assert f"another network ({ana.founding.network.hex()[:8]})" in err


async def test_a_missing_file_and_a_missing_hub_are_said(ask: Ask, tmp_path: Path) -> None:
    code, _, err = await ask("read", str(tmp_path / "none"))
    assert (code, "No such file" in err) == (exits.USAGE, True)
    (tmp_path / "some").write_bytes(b"x")
    assert (await ask("read", str(tmp_path / "some"))).code == exits.UNREACHABLE
    assert (await ask("write", str(tmp_path / "new"))).code == exits.UNREACHABLE
    assert not (tmp_path / "new").exists()


async def test_a_full_stick_leaves_nothing_behind(
    ask: Ask, ana: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(bundles.os, "fsync", full)
    code, _, err = await ask("write", str(tmp_path / "a.bundle"))
    assert code == exits.USAGE
    assert "use another stick" in err
    assert not left_in(tmp_path)


async def test_a_bundle_that_breaks_off_on_the_way_never_appears(
    ask: Ask, ana: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, governance: bool) -> object:
        raise OSError("the card is gone")

    monkeypatch.setattr(ana.store, "read_arrivals", fails)
    assert (await ask("write", str(tmp_path / "a.bundle"))).code == exits.UNREACHABLE
    assert not left_in(tmp_path)


@pytest.mark.parametrize("content", [b"something else", b"Hartig bundle 1. To read it on a hub: "])
def test_what_the_node_gives_is_looked_at(hartig: Hartig, fake: FakeNode, tmp_path: Path, content: bytes) -> None:
    fake.plan(200, content, {"Content-Type": "application/octet-stream"})
    code, _, err = hartig("bundle", "write", str(tmp_path / "a.bundle"))
    assert code == exits.UNREACHABLE
    assert "the hub gave no bundle" in err
    assert not list(tmp_path.glob("*bundle*"))


async def test_a_stick_that_is_pulled_out_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bundle"
    path.write_bytes(bytes(100))

    class Gone:
        def read(self, _: int) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    class Quiet:
        def progress(self, _: str) -> None:
            """Say nothing."""

    nobody: Any = Quiet()
    gone: Any = Gone()
    with pytest.raises(UsageError, match="beyond byte 0"):
        list(bundles._pieces(nobody, path, gone, 100))
    with path.open("rb") as file, pytest.raises(UsageError, match="became shorter"):
        list(bundles._pieces(nobody, path, file, 200))


def test_the_report_says_all_that_people_should_know() -> None:
    report = {
        "hub": "ab" * 32, "hub_name": "Garden", "written_at": "2026-11-22T18:00:00Z", "records": 3210, "new": 1,
        "known": 3000, "waiting": 3, "refused": [{"code": code, "count": 2} for code in (*bundles._WHY, "fork")],
        "damaged_places": 2, "bytes_lost": 900, "bytes_after": 1, "gave_up": True, "ending": "changed",
        "complete": False,
    }  # fmt: skip
    text = "\n".join(bundles._report_lines(report))
    assert not words_used(text)
    for part in (
        "3,210 entries of Garden, written Sun 22 Nov 2026 18:00:",
        "  3 wait for a proof that this bundle does not carry",
        "  2 left out: of a hub that was removed from the network",
        "  2 left out: not of a form that this hub understands",
        "  4 left out: over for long",
        "  damaged in 2 places: 900 bytes could not be read",
        "so many places that the rest was not looked at",
        "changed or left out after the hub had written it",
        "  behind its end: 1 byte more",
    ):
        assert part in text, part
    assert "1 waits for a proof" in "\n".join(bundles._report_lines({**report, "waiting": 1}))


def test_what_asks_for_an_agreement_is_said_with_what_to_do() -> None:
    report = {"network": "ab" * 16, "network_name": "Valley", "asks": True, "records": 4}
    text = "\n".join(bundles._report_lines(report))
    assert not words_used(text)
    assert "Valley asks to be a partner network: `hartig partner show abababab`" in text
    assert "read it again" in text


async def test_a_bundle_for_a_partner_says_what_is_in_it(
    ask: Ask, ana: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes | None] = []
    write, for_us = NewBundles.write, {"n": 7}

    async def noted(self: NewBundles, partner: bytes | None = None) -> NewBundle:
        asked.append(partner)
        made = await write(self)
        made._writer._header = replace(made._writer._header, **for_us)
        return made

    monkeypatch.setattr(NewBundles, "write", noted)
    network, path = "ab" * 16, tmp_path / "a.bundle"
    code, _, err = await ask("write", str(path), "--for", network)
    assert (code, asked) == (exits.OK, [bytes.fromhex(network)])
    assert "what that network gets of ours, and nothing else" in err
    assert "On a hub of theirs: hartig bundle read a.bundle" in err
    for_us["n"] = 0
    code, _, err = await ask("write", str(path), "--for", network, "--force")
    assert "They have not agreed yet" in err
    assert (await ask("write", str(path), "--for", "west", "--force")).code == exits.NOT_FOUND
    assert (await ask("read", str(path), "--for", network)).code == exits.USAGE


def test_sizes_are_said_as_people_read_them() -> None:
    assert [bundles.megabytes(size) for size in (1, 12_345, 3_450_000)] == ["1 kB", "12 kB", "3.5 MB"]
