"""One hub of the demo as a process: the commands that make it, its start, its end, and the last it said.

In: what the sample says of a hub, and where it lives. Out: the real `hartig`, in a process group of its own that ends
with the demo (`leash.py`). Its settings come from here alone: the person's own HARTIG_ variables stay outside, and
every door is on loopback. Who calls: `story`.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from demo.ports import ANY, HOST, Ports
from demo.shelter import DemoError, Shelter
from hartig_node.client import ClientError, Node, Place

Answer = TypeVar("Answer")

HARTIG = Path(sys.executable).with_name("hartig")
LEASH = Path(__file__).with_name("leash.py")
COMMAND_S_MAX = 30.0
START_S_MAX = 30.0
STOP_S_MAX = 10.0  # farewells and the last commit take less than one
CALL_S_MAX = 10.0
AFTERWARDS_S_MAX = 2.0  # a killed process hangs up a moment before we hear of its end
TAIL_LINES = 12
TAIL_BYTES = 16 * 1024


class Hub:
    """A hub: first a name and a folder, then a process."""

    def __init__(self, entry: Mapping[str, Any], folder: Path, shelter: Shelter, ports: Ports) -> None:
        self.name: str = entry["name"]
        self.languages: list[str] = entry["languages"]
        self.drafts: list[dict[str, Any]] = entry["entries"]
        self.folder = folder
        self.page = ""
        self.api = ""
        self._log = self.folder.with_suffix(".log")
        self._shelter, self._ports = shelter, ports
        self._process: asyncio.subprocess.Process | None = None

    def __repr__(self) -> str:
        return f"<Hub {self.name} in {self.folder}>"

    # --- Before it runs

    async def found(self, network: str) -> None:
        """Make this the first hub of a new network."""
        await self._command("init", "--network", network)

    async def join(self, link: str) -> None:
        """Make this a hub that will join by an invite."""
        await self._command("join", link)

    async def _command(self, name: str, *arguments: str) -> None:
        about = ("--name", self.name, "--languages", ",".join(self.languages))
        process = await self._spawn(name, *arguments, *about, stdout=asyncio.subprocess.DEVNULL)
        try:
            async with asyncio.timeout(COMMAND_S_MAX):
                code = await process.wait()
        except TimeoutError as error:
            raise DemoError(f"`hartig {name}` for {self.name} took more than {COMMAND_S_MAX:.0f} s") from error
        finally:
            await _end(process)
        if code:
            raise DemoError(self._last_words(f"`hartig {name}` for {self.name} failed (exit code {code})"))

    # --- The process

    async def start(self) -> None:
        """Start the hub and wait until it is ready; raises `DemoError` with the last it said."""
        doors = await self._start(self._ports)
        if not (doors["api"] and doors["site"]):  # somebody took a port since we looked
            await self.stop()
            doors = await self._start(Ports(ANY, ANY))
        self.api, self.page = f"http://{HOST}:{doors['api']}", f"http://{HOST}:{doors['site']}/"

    async def _start(self, ports: Ports) -> dict[str, int]:
        process = self._process = await self._spawn("run", stdout=asyncio.subprocess.PIPE, ports=ports)
        assert process.stdout is not None, "started with a pipe"
        try:
            async with asyncio.timeout(START_S_MAX):
                line = await process.stdout.readline()
        except TimeoutError as error:
            raise DemoError(self._last_words(f"{self.name} was not ready after {START_S_MAX:.0f} s")) from error
        if not line:
            raise DemoError(await self._obituary(process))
        doors: dict[str, int] = json.loads(line)["ports"]
        return doors

    async def ended(self) -> None:
        """Wait for the end of a hub that should not end; raises `DemoError` then."""
        assert self._process is not None, "started first"
        raise DemoError(await self._obituary(self._process))

    async def stop(self) -> None:
        """End the hub, if it runs: politely first."""
        if self._process is not None:
            await _end(self._process)

    def node(self) -> Node:
        """Return a client of this hub, through its socket."""
        return Node(Place(str(self.folder)), CALL_S_MAX)

    async def ask(self, call: Callable[[Node], Answer]) -> Answer:
        """Make some calls in a thread; where they fail, raise `DemoError` with the reason behind."""

        def make() -> Answer:
            with self.node() as node:
                return call(node)

        try:
            return await asyncio.to_thread(make)
        except ClientError as error:
            with suppress(TimeoutError):
                async with asyncio.timeout(AFTERWARDS_S_MAX):
                    await self.ended()  # which says more than a connection that broke
            raise DemoError(f"{self.name} refused or did not answer: {error}") from error

    async def _spawn(self, *arguments: str, stdout: int, ports: Ports | None = None) -> asyncio.subprocess.Process:
        leash = (sys.executable, "-I", "-S", str(LEASH), str(os.getpid()))
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *leash, str(HARTIG), *arguments, "--folder", str(self.folder), "--json",
                stdin=asyncio.subprocess.DEVNULL, stdout=stdout, stderr=log,
                env=_environment(ports), pass_fds=self._shelter.held, start_new_session=True,
            )  # fmt: skip

    # --- What it said

    async def _obituary(self, process: asyncio.subprocess.Process) -> str:
        code = await process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return self._last_words(f"{self.name} {how}, and nobody had asked it to")

    def _last_words(self, what: str) -> str:
        lines = tail(self._log)
        said = "It said last:\n" + "\n".join(f"    {line}" for line in lines) if lines else "It said nothing."
        return f"{what}. {said}"


def tail(log: Path) -> list[str]:
    """Return the last lines of a log, without control characters."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    lines = ("".join(one for one in line if one.isprintable()) for line in text.splitlines())
    return [line for line in lines if line][-TAIL_LINES:]


def _environment(ports: Ports | None) -> dict[str, str]:
    """Return the environment without settings of the person's own hub, and with those of this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARTIG_", "PYTHON"))}
    chosen = ports or Ports(ANY, ANY)
    return kept | {
        "HARTIG_INTERFACES": HOST,
        "HARTIG_PEER_PORT": str(ANY),
        "HARTIG_API_PORT": str(chosen.api),
        "HARTIG_SITE_PORT": str(chosen.site),
    }


async def _end(process: asyncio.subprocess.Process) -> None:
    """SIGTERM to the process group; SIGKILL where that is not enough in time."""
    for number, patience_s in ((signal.SIGTERM, STOP_S_MAX), (signal.SIGKILL, STOP_S_MAX)):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await process.wait()
