"""`kill -9`, many times: a server is killed while it is published to, started again, and asked what it holds.

Tests call `kill_often` with a `Subject`: how the server is started, how one record is published, how it is asked.
`publishers.socket_server` is a small one; the real daemon is another. Several publishers run at once, so at the kill
some requests are always half done. Unlike a power cut this loses nothing that the kernel was given: it finds
answers before the commit, damaged restarts and locks left behind, not missing syncs.
"""

import asyncio
import itertools
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from durability.server_process import ServerProcess
from hartig_node.tasks import Tasks

PUBLISHERS = 4
# The kill comes after so many acknowledgements of one life; a life is short, because what matters is its end.
ACKNOWLEDGEMENTS = (1, 12)
ANSWER_S = 30.0


class Subject(Protocol):
    """A server that may be killed, and how to talk to it."""

    @property
    def ready_line(self) -> str:
        """Part of the line on its standard output or error that says it can be published to."""

    def command(self, folder: Path) -> Sequence[str]:
        """The program; it serves until SIGTERM, and then ends with 0."""

    async def publish(self, folder: Path, number: int) -> str:
        """Publish record `number`; return its identifier when it was acknowledged.

        Raises:
            OSError, EOFError: the server went away; what became of the record is unknown.
        """

    async def held(self, folder: Path) -> frozenset[str]:
        """Ask the running server for the identifiers of all that it holds."""


@dataclass(slots=True)
class KillOutcome:
    """Figures over all lives."""

    kills: int = 0
    acknowledged: list[str] = field(default_factory=list)
    interrupted: int = 0
    lost: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {len(self.acknowledged)} records acknowledged, {len(self.lost)} of them lost, "
            f"{self.interrupted} requests interrupted"
        )


async def kill_often(subject: Subject, folder: Path, *, kills: int, seed: int) -> KillOutcome:
    """Let the server live and die `kills` times in the same folder, and once more to be ended properly.

    Raises:
        AssertionError: it did not start, died by itself, or did not end with 0 when told to; with all it said.
    """
    rng = Random(seed)
    outcome = KillOutcome()
    numbers = itertools.count()
    tasks = Tasks()
    process: ServerProcess | None = None
    try:
        for _ in range(kills):
            process = await ServerProcess.start(subject.command(folder), subject.ready_line, tasks)
            await _check(subject, folder, outcome)
            life = _Life(
                subject, folder, process, outcome, numbers, len(outcome.acknowledged) + rng.randint(*ACKNOWLEDGEMENTS)
            )
            await life.run(tasks)
        process = await ServerProcess.start(subject.command(folder), subject.ready_line, tasks)
        await _check(subject, folder, outcome)
        code = await process.stop()
        assert code == 0, f"told to end, it ended with {code} and said:\n{process.output}"
    finally:
        if process is not None:
            await process.kill()
        await tasks.close()
    return outcome


class _Life:
    """One life of the server: published to until enough was acknowledged, then killed."""

    def __init__(
        self, subject: Subject, folder: Path, process: ServerProcess, outcome: KillOutcome,
        numbers: Iterator[int], enough: int,
    ) -> None:  # fmt: skip
        self._subject = subject
        self._folder = folder
        self._process = process
        self._outcome = outcome
        self._numbers = numbers
        self._enough = enough
        self._killed = False

    def __repr__(self) -> str:
        return f"<Life {'over' if self._killed else 'until'} {self._enough} acknowledged, {self._process!r}>"

    async def run(self, tasks: Tasks) -> None:
        async with asyncio.timeout(ANSWER_S):
            await asyncio.gather(*(tasks.start(self._publish(), f"publisher {n}") for n in range(PUBLISHERS)))
        # Already done, unless the publishers gave up by themselves.
        code = await self._process.kill()
        said = f"it ended with {code} and said:\n{self._process.output}"
        assert self._killed, f"the server did not answer any more before it was killed; {said}"
        assert code == -signal.SIGKILL, f"the server did not live until it was killed; {said}"
        self._outcome.kills += 1

    async def _publish(self) -> None:
        with suppress(OSError, EOFError):
            while not self._killed:
                self._outcome.interrupted += 1
                self._outcome.acknowledged.append(await self._subject.publish(self._folder, next(self._numbers)))
                self._outcome.interrupted -= 1
                # The other publishers are in the middle of a request: no moment is chosen for being convenient.
                if len(self._outcome.acknowledged) >= self._enough and not self._killed:
                    self._killed = True
                    self._process.signal_group(signal.SIGKILL)


async def _check(subject: Subject, folder: Path, outcome: KillOutcome) -> None:
    async with asyncio.timeout(ANSWER_S):
        held = await subject.held(folder)
    outcome.lost.update(set(outcome.acknowledged) - held)
