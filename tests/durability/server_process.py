"""A server as a process: started as the head of its own group, heard line by line, killed with all that it started.

`durability.kill` starts one for each life. What it says is kept for the message of a failing test.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from hartig_node.tasks import Tasks

# A server that starts after a crash may check its database first.
START_S = 30.0
# A server told to end finishes its last commit; then it is killed.
STOP_S = 15.0
LINES_MAX = 2_000
READ_BYTES = 65_536


class ServerProcess:
    """A running program, its standard output and error as one list of lines."""

    def __init__(self, process: asyncio.subprocess.Process, tasks: Tasks) -> None:
        assert process.stdout is not None, "started with a pipe"
        self._process = process
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._heard = asyncio.Condition()
        self._silent = False
        self._reading = tasks.start(self._read(process.stdout), f"output of server {process.pid}")

    def __repr__(self) -> str:
        state = "runs" if self._process.returncode is None else f"ended with {self._process.returncode}"
        return f"<ServerProcess {self._process.pid} {state}, {len(self._lines)} lines>"

    @classmethod
    async def start(cls, argv: Sequence[str], ready_line: str, tasks: Tasks) -> "ServerProcess":
        """Start `argv` and wait until it says a line that contains `ready_line`.

        Raises:
            AssertionError: it fell silent or took too long; with all that it said.
        """
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
        )  # fmt: skip
        server = cls(process, tasks)
        try:
            await server._wait_for(ready_line)
        except BaseException:
            await server.kill()
            raise
        return server

    @property
    def output(self) -> str:
        return "\n".join(self._lines)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the program and all that it started, while the program runs."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    async def wait(self) -> int:
        """Wait for the end, until all that it said is here; return the exit code."""
        code = await self._process.wait()
        await self._reading
        return code

    async def kill(self) -> int:
        """SIGKILL to the whole group."""
        self.signal_group(signal.SIGKILL)
        return await self.wait()

    async def stop(self) -> int:
        """SIGTERM; if that is not enough in time, SIGKILL."""
        self.signal_group(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                return await asyncio.shield(self._process.wait())
        except TimeoutError:
            return await self.kill()

    async def _wait_for(self, text: str) -> None:
        def said() -> bool:
            return any(text in line for line in self._lines)

        try:
            async with asyncio.timeout(START_S), self._heard:
                await self._heard.wait_for(lambda: self._silent or said())
        except TimeoutError:
            raise AssertionError(f"{self!r} did not say {text!r} in {START_S} s, but:\n{self.output}") from None
        assert said(), f"{self!r} fell silent without saying {text!r}. It said:\n{self.output}"

    async def _read(self, output: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await output.read(READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            await self._hear(lines)
        self._silent = True
        await self._hear([rest] if rest else [])

    async def _hear(self, lines: list[bytes]) -> None:
        async with self._heard:
            self._lines.extend(line.decode(errors="replace") for line in lines)
            self._heard.notify_all()
