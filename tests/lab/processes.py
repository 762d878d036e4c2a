"""Programs inside a namespace: started by `ip netns exec`, heard line by line, ended with their whole group.

`lab.hosts.Lab` starts them and ends them all; a test waits for a line rather than for time to pass.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hartig_node.tasks import Tasks
from lab.namespaces import end_processes_in

READ_BYTES = 65_536
# What a daemon says in a test that runs for minutes; older lines go.
LINES_MAX = 10_000
# A longer line without an end is cut from the front.
LINE_BYTES_MAX = 65_536
WAIT_S = 20.0
# A daemon told to end finishes its last commit; then it is killed.
STOP_S = 10.0


def environment(changes: Mapping[str, str] | None) -> dict[str, str]:
    """This process's environment with `changes`; Python programs say each line at once.

    Settings of hubs that the developer's own shell has are left out: a lab's hubs are set up by their tests.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HARTIG_")}
    return {**inherited, "PYTHONUNBUFFERED": "1", **(changes or {})}


def inside(namespace: str, argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` in `namespace`: `ip` becomes the program, and so does its number."""
    return ["ip", "netns", "exec", namespace, *argv]


class HostProcess:
    """A program that runs in a host until it is stopped; its output and errors are one list of lines."""

    def __init__(self, label: str, namespace: str, process: asyncio.subprocess.Process, tasks: Tasks) -> None:
        assert process.stdout is not None, "started with a pipe"
        self.label = label
        self.lines: deque[str] = deque(maxlen=LINES_MAX)
        self._namespace = namespace
        self._process = process
        self._heard = asyncio.Condition()
        self._silent = False
        self._reading = tasks.start(self._read(process.stdout), f"output of {label}")

    @classmethod
    async def start(
        cls, label: str, namespace: str, argv: Sequence[str], *,
        env: Mapping[str, str] | None, folder: Path, tasks: Tasks,
    ) -> "HostProcess":  # fmt: skip
        """Start `argv` in `namespace` in `folder` and in a process group of its own."""
        process = await asyncio.create_subprocess_exec(
            *inside(namespace, argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(env),
            cwd=folder,
            start_new_session=True,
        )
        return cls(label, namespace, process, tasks)

    def __repr__(self) -> str:
        state = "runs" if self.returncode is None else f"ended with {self.returncode}"
        return f"<HostProcess {self.label} {self.pid} {state}, {len(self.lines)} lines>"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    async def line_with(self, text: str, timeout_s: float = WAIT_S) -> str:
        """The first line heard that contains `text`, waiting for it if needed.

        Raises:
            AssertionError: the program ended, or the time was over, without such a line; with all it said.
        """
        try:
            async with asyncio.timeout(timeout_s), self._heard:
                await self._heard.wait_for(lambda: self._silent or self._find(text) is not None)
        except TimeoutError:
            raise AssertionError(f"{self!r} did not say {text!r} in {timeout_s} s, but:\n{self.output}") from None
        line = self._find(text)
        if line is None:
            raise AssertionError(f"{self!r} fell silent without saying {text!r}. It said:\n{self.output}")
        return line

    async def wait(self, timeout_s: float = WAIT_S) -> int:
        """Wait until the program has ended by itself and all that it said is here; return its exit code."""
        try:
            async with asyncio.timeout(timeout_s):
                code = await self._process.wait()
                await asyncio.shield(self._reading)
        except TimeoutError:
            raise AssertionError(f"{self!r} did not end in {timeout_s} s. It said:\n{self.output}") from None
        return code

    async def stop(self, timeout_s: float = STOP_S) -> int:
        """Ask the whole group to end (SIGTERM), kill what does not in time, and return the exit code."""
        self.signal_group(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await _ended(self.pid)
        return await self.kill()

    async def kill(self) -> int:
        """Kill the whole group without a word, wait until each has ended, and return the exit code.

        Once the program has ended, its group's number may be somebody else's; what it left behind is found by
        the namespace, and what has not yet entered that by the group.
        """
        end_processes_in([self._namespace], group=self.pid)
        self.signal_group(signal.SIGKILL)
        return await self.wait()

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the program and all that it started, while the program itself runs."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _find(self, text: str) -> str | None:
        return next((line for line in self.lines if text in line), None)

    async def _read(self, output: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await output.read(READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[-LINE_BYTES_MAX:]
            await self._hear(lines)
        await self._hear([rest] if rest else [], silent=True)

    async def _hear(self, lines: list[bytes], *, silent: bool = False) -> None:
        async with self._heard:
            self.lines.extend(line.decode(errors="replace") for line in lines)
            self._silent = silent
            self._heard.notify_all()


async def _ended(pid: int) -> None:
    """Wait until a child of ours has ended; asyncio's own `wait` waits for the pipes it handed down, too."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program that ran to its end left behind."""

    code: int
    out: str
    err: str


async def run_to_end(
    namespace: str, argv: Sequence[str], *,
    env: Mapping[str, str] | None, folder: Path, text: str | None, timeout_s: float,
) -> Finished:  # fmt: skip
    """Run `argv` in `namespace` to its end, with `text` as input; its group is killed when time is over."""
    process = await asyncio.create_subprocess_exec(
        *inside(namespace, argv),
        stdin=asyncio.subprocess.DEVNULL if text is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(env),
        cwd=folder,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate(None if text is None else text.encode())
    except TimeoutError:
        raise AssertionError(f"{argv} in {namespace} did not end in {timeout_s} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        end_processes_in([namespace], group=process.pid)
        await process.wait()
    assert process.returncode is not None, "it was waited for"
    return Finished(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
