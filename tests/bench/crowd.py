"""Several hubs, or bare loops, each in a process of its own; commanded all at once. Who calls: fanout, newcomer, heal.

    async with Crowd("hub", count=8) as crowd:
        await crowd.connect_all()
        answers = await crowd.all(do="hold", records=1_000)

The processes end with the bench, also when it fails. Every command has a bound in time.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.world import World

WORKER = Path(__file__).with_name("worker.py")
COMMAND_S_MAX = 300.0
END_S_MAX = 20.0

Json = dict[str, Any]


class Crowd:
    """Workers by number, from 1."""

    def __init__(self, kind: str, count: int) -> None:
        self.kind, self.count = kind, count
        self.world = World(count)
        self.ports: dict[int, int] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="hartig-bench-")
        self._processes: dict[int, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(self._start(number) for number in range(1, self.count + 1)))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _start(self, number: int) -> None:
        folder = Path(self._folder.name) / str(number)
        arguments = (self.kind, number, self.count, self.world.now_ms, folder)
        self._processes[number] = await asyncio.create_subprocess_exec(
            sys.executable, str(WORKER), *map(str, arguments),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.ports[number] = (await self._answer(number))["port"]

    async def _end(self) -> None:
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()  # a worker ends when nobody commands it any more
        for process in self._processes.values():
            try:
                async with asyncio.timeout(END_S_MAX):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        self._folder.cleanup()

    async def ask(self, number: int, **command: Any) -> Json:
        """Give one worker a command and return its answer."""
        stdin = self._processes[number].stdin
        assert stdin is not None, "started with a pipe"
        stdin.write(json.dumps(command).encode() + b"\n")
        await stdin.drain()
        return await self._answer(number)

    async def _answer(self, number: int) -> Json:
        stdout = self._processes[number].stdout
        assert stdout is not None, "started with a pipe"
        async with asyncio.timeout(COMMAND_S_MAX):
            line = await stdout.readline()
        if not line:
            raise RuntimeError(f"worker {number} ended; what it said stands above")
        answer: Json = json.loads(line)
        return answer

    async def all(self, *numbers: int, **command: Any) -> list[Json]:
        """Give these workers, or all, a command at once."""
        return await asyncio.gather(*(self.ask(number, **command) for number in numbers or self.ports))

    async def connect_all(self, *numbers: int) -> None:
        """Give these workers, or all, a link to each other; of two hubs the one with the higher number dials."""
        among = sorted(numbers or self.ports)
        for number in among:
            await self.ask(number, do="connect", to=[(one, self.ports[one]) for one in among if one < number])
