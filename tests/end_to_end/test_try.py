"""`deploy/try` for real: three hubs find each other, hold the same, and leave nothing behind, however they end.

All that a demo starts inherits a TMPDIR of this test alone; by that its processes are told from all others.
"""

import asyncio
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import termios
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.end_to_end

TOP = Path(__file__).parents[2]
TRY = str(TOP / "deploy" / "try")
SAMPLE = json.loads((TOP / "deploy" / "sample.json").read_text(encoding="utf-8"))["hubs"]
POSTS = sum(len(hub["entries"]) for hub in SAMPLE)
NEEDS = sum(entry["kind"] == "need" for hub in SAMPLE for entry in hub["entries"])
PATIENCE_S = 90  # only a net: the demo itself gives up after 60 s
OWN_TERMINAL = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
HOME = "\x1b[H"


def environment(folder: Path) -> dict[str, str]:
    """The person's own hub, which the demo has to leave alone, and a place for temporary folders."""
    own_hub = {"HARTIG_FOLDER": str(folder / "own"), "HARTIG_NAME": "My own hub", "HARTIG_PEER_PORT": "4279"}
    return {**os.environ, **own_hub, "HARTIG_URL": "http://127.0.0.1:9", "TMPDIR": str(folder), "TERM": "xterm"}


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder with a short path: a socket's may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="try-"))
    yield folder
    shutil.rmtree(folder)


def processes(folder: Path) -> dict[int, str]:
    """Every process that was started with this TMPDIR, with its command line."""
    wanted, found = f"TMPDIR={folder}".encode(), {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def assert_nothing_is_left(folder: Path) -> None:
    assert processes(folder) == {}
    assert list(folder.iterdir()) == []


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running `deploy/try` without a terminal; ended with the test."""
    process = await asyncio.create_subprocess_exec(
        TRY, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=environment(folder), start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def wait_for_line(stream: asyncio.StreamReader | None, text: str) -> None:
    assert stream is not None
    heard = []
    while line := (await stream.readline()).decode():
        heard.append(line)
        if text in line:
            return
    raise AssertionError(f"never said {text!r}, but:\n{''.join(heard)}")


async def run_once(folder: Path) -> dict[str, Any]:
    async with demo(folder, "--once", "--json") as process:
        out, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    assert out.count(b"\n") == 1
    result: dict[str, Any] = json.loads(out)
    return result


def check_result(result: dict[str, Any]) -> None:
    assert set(result) == {"hubs", "seconds_to_peers", "seconds_to_equal", "equal"}
    assert result["equal"] is True
    assert 0 < result["seconds_to_peers"] <= result["seconds_to_equal"] < 60
    hubs = result["hubs"]
    assert [hub["name"] for hub in hubs] == [hub["name"] for hub in SAMPLE]
    ids = {hub["id"] for hub in hubs}
    assert len(ids) == 3
    for hub in hubs:
        assert set(hub) == {"id", "name", "peers", "records", "needs", "offers", "fingerprint", "page"}
        assert len(hub["id"]) == 64
        assert {peer["id"] for peer in hub["peers"]} == ids - {hub["id"]}
        assert len(hub["peers"]) == 2
        assert (hub["needs"], hub["needs"] + hub["offers"]) == (NEEDS, POSTS)
        assert hub["records"] > POSTS
        assert hub["page"].startswith("http://127.0.0.1:")
        assert hub["fingerprint"]["count"] == hub["records"]
        assert hub["fingerprint"] == hubs[0]["fingerprint"]
    assert len({hub["page"] for hub in hubs}) == 3
    # Of each pair one has dialled, at an address that only mDNS can have told it.
    found_by = [peer["found_by"] for hub in hubs for peer in hub["peers"]]
    assert set(found_by) == {"mdns", "incoming"}
    assert found_by.count("mdns") >= 3


async def test_two_demos_at_once_each_bring_their_three_hubs_to_hold_the_same(place: Path) -> None:
    folders = [place / "one", place / "two"]
    for folder in folders:
        folder.mkdir()
    results = await asyncio.gather(*(run_once(folder) for folder in folders))
    for result, folder in zip(results, folders, strict=True):
        check_result(result)
        assert_nothing_is_left(folder)
    everybody = [hub for result in results for hub in result["hubs"]]
    assert len({hub["id"] for hub in everybody}) == len({hub["page"] for hub in everybody}) == 6


# --- On a terminal


class Screen:
    """The reading end of a terminal, and the frame that stands on it."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader, self.text = reader, ""

    @property
    def frame(self) -> str:
        return self.text.rpartition(HOME)[2]

    async def wait_until(self, *texts: str, times: int = 1) -> None:
        """Read until a whole frame holds each text so many times."""
        try:
            while not all(self.frame.count(text) >= times for text in texts) or "\x1b[J" not in self.frame:
                assert await self._read(), f"the terminal ended; it showed last:\n{self.text[-3000:]}"
        except asyncio.CancelledError:  # by the net around the test: say what it hung on
            sys.stderr.write(f"waited for {times} x {texts}, but the screen shows:\n{self.frame}\n")
            raise

    async def read_all(self) -> None:
        """Read until nobody holds the other end any more."""
        while await self._read():
            pass

    async def _read(self) -> bool:
        try:
            data = await self._reader.read(65_536)
        except OSError:  # EIO is how a terminal ends
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)


@asynccontextmanager
async def demo_on_terminal(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Screen, int]]:
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWN_TERMINAL, TRY, stdin=slave, stdout=slave, stderr=slave, env=environment(folder)
    )
    os.close(slave)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(master), "rb", 0)
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield process, Screen(reader), master
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        transport.close()
        os.close(master)


def commands_in(frame: str) -> list[str]:
    """The curl lines as a person would copy them from the screen."""
    plain = frame.replace("\x1b[K", "").replace("\r\n", "\n").replace("\\\n", "")
    return [line for line in plain.split("\n") if line.startswith("curl ")]


async def paste(command: str) -> Any:
    program = command if shutil.which("curl") else _without_curl(command)
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await shell.communicate()
    assert shell.returncode == 0
    return json.loads(out)


def _without_curl(command: str) -> str:
    """The same request by the standard library, for a machine that has no curl."""
    _, _, header_file, *rest = shlex.split(command)
    url, data = rest[0], rest[2] if len(rest) > 2 else None
    name, value = Path(header_file.removeprefix("@")).read_text(encoding="ascii").strip().split(": ")
    headers = {name: value, "Content-Type": "application/json"}
    program = (
        f"import urllib.request as r; q = r.Request({url!r}, {data and data.encode()!r}, {headers!r}); "
        "print(r.urlopen(q).read().decode())"
    )
    return shlex.join([sys.executable, "-c", program])


async def test_on_a_terminal_the_lines_can_be_pasted_and_ctrl_c_ends_all_of_it(place: Path) -> None:
    async with demo_on_terminal(place) as (process, screen, master):
        await screen.wait_until("Ctrl-C", "All three hold the same")
        assert len(processes(place)) >= 5  # the demo, its guardian, three hubs
        listing, searching, publishing = commands_in(screen.frame)
        assert len((await paste(listing))["items"]) == POSTS
        assert [post["category"] for post in (await paste(searching))["items"]] == ["shelter.bed"]
        assert (await paste(publishing))["kind"] == "need"
        await screen.wait_until(f"{NEEDS + 1} needs", times=3)
        os.write(master, b"\x03")
        await screen.read_all()
        assert await process.wait() == 0
    assert "All three hubs have ended. Nothing stays behind." in screen.text
    assert_nothing_is_left(place)


# --- Other ends


RUNS = "Riverside free store runs, its page is"


async def test_a_hub_that_is_killed_ends_the_demo_with_a_clear_line(place: Path) -> None:
    kept = place / "kept"
    async with demo(place, "--once", "--keep", str(kept)) as process:
        await wait_for_line(process.stderr, RUNS)
        (hub,) = [number for number, line in processes(place).items() if "hub-1" in line]
        os.kill(hub, signal.SIGKILL)
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert "deploy/try: Riverside free store was ended by SIGKILL, and nobody had asked it to." in errors.decode()
    assert processes(place) == {}
    assert (kept / "hub-1" / "hartig.toml").exists()
    shutil.rmtree(kept)
    assert_nothing_is_left(place)


@pytest.mark.parametrize(
    ("arguments", "number", "code"),
    [
        ([], signal.SIGHUP, 0),
        (["--once"], signal.SIGTERM, 128 + signal.SIGTERM),
        ([], signal.SIGKILL, -signal.SIGKILL),
    ],
)
async def test_however_the_demo_ends_nothing_is_left(
    place: Path, arguments: list[str], number: signal.Signals, code: int
) -> None:
    async with demo(place, *arguments) as process:
        await wait_for_line(process.stderr if arguments else process.stdout, RUNS)
        process.send_signal(number)
        # Standard error ends with the last of all: the guardian holds it too.
        await process.communicate()
    assert process.returncode == code
    assert_nothing_is_left(place)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--json"], 2, "--json goes with --once"),
        (["--keep", str(TOP)], 1, "is not empty; name a new folder with --keep"),
        (["--keep", "/proc/none"], 1, "cannot be used"),
        (["--keep", "/tmp/" + "long" * 25], 1, "is too long a path for the hubs' sockets"),
    ],
)
async def test_wrong_arguments_are_explained(place: Path, arguments: list[str], code: int, said: str) -> None:
    async with demo(place, *arguments) as process:
        _, errors = await process.communicate()
    assert process.returncode == code
    assert said in errors.decode()
    assert_nothing_is_left(place)
