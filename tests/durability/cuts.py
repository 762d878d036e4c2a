"""Power cuts by the thousand: a recorded publisher, its log cut at many moments, every image opened and judged.

Tests call `record_publisher` once and `cut` on its log. What is published and how an image is judged is a
`Publisher`'s affair: `publishers.bare` is SQLite alone, the real hub is another one. A publisher's program runs by
itself under the recorder: it prepares nothing, publishes, says `acknowledged <identifier>` for each record when the
one who published knows it to be safe, ends what it started, and ends with 0.
"""

import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from durability.log import Log
from durability.recorder import IGNORED, record
from durability.replay import Disk, Image

ACKNOWLEDGED = re.compile(rb"acknowledged ([0-9a-f]+)\n")
# Enough to see what went wrong; all are counted.
FAILURES_KEPT_MAX = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What opening an image brought: the identifiers of the records in it, or what is wrong with it."""

    identifiers: frozenset[str] = frozenset()
    damage: str = ""


class Publisher(Protocol):
    """Something that publishes records into a folder and can say later what a folder holds."""

    def prepare(self, folder: Path) -> None:
        """Make what must be there before; it counts as durable and is not recorded."""

    def command(self, folder: Path) -> Sequence[str]:
        """The program to record."""

    def inspect(self, folder: Path) -> Found:
        """Open an image as the next start would, check it, and tell what it holds. Leave nothing open."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One image that a power cut at `position` may leave and that must not be; `seed` makes it again."""

    position: int
    seed: int
    missing: tuple[str, ...]
    damage: str

    def __str__(self) -> str:
        what = self.damage or f"{len(self.missing)} acknowledged records missing, first {self.missing[0]}"
        return f"cut after {self.position} events, seed {self.seed}: {what}"


@dataclass(slots=True)
class Outcome:
    """Figures over all images."""

    points: int = 0
    lost: int = 0
    damaged: int = 0
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        lines = "".join(f"\n  {failure}" for failure in self.failures)
        return f"{self.points} images, {self.lost} lost acknowledged records, {self.damaged} damaged{lines}"

    def add(self, failure: Failure | None) -> None:
        self.points += 1
        if failure is None:
            return
        self.damaged += bool(failure.damage)
        self.lost += not failure.damage
        if len(self.failures) < FAILURES_KEPT_MAX:
            self.failures.append(failure)


def record_publisher(publisher: Publisher, folder: Path, trace: Path, *, ignored: Collection[str] = ()) -> Log:
    """Prepare `folder`, record the publisher in it, and make sure that it did acknowledge something.

    Args:
        publisher: what to record.
        folder: where; made here.
        trace: see `recorder.record`.
        ignored: patterns of names beyond the recorder's own that no record depends on.
    """
    folder.mkdir()
    publisher.prepare(folder)
    command = publisher.command(folder)
    log = record(command, folder, trace, acknowledgement=ACKNOWLEDGED, ignored=(*IGNORED, *ignored))
    assert log.acknowledged, f"{publisher} acknowledged nothing"
    return log


def cut(log: Log, publisher: Publisher, scratch: Path, *, points: int, seed: int) -> Outcome:
    """Cut the power at `points` moments, spread evenly over the log, and let the publisher judge each image."""
    outcome = Outcome()
    for position, image_seed, image, acknowledged in images(log, points=points, seed=seed):
        write_image(image, scratch)
        found = publisher.inspect(scratch)
        missing = tuple(one for one in acknowledged if one not in found.identifiers)
        failed = Failure(position, image_seed, missing, found.damage) if missing or found.damage else None
        outcome.add(failed)
    return outcome


def images(log: Log, *, points: int, seed: int) -> Iterator[tuple[int, int, Image, list[str]]]:
    """Images with their moment, their own seed, and what was acknowledged before.

    The moments are all different as long as the log has so many.
    """
    disk = Disk(log)
    for number in range(points):
        disk.advance(1 + number * len(log.events) // points)
        image_seed = seed * points + number
        yield disk.position, image_seed, disk.image(Random(image_seed)), disk.acknowledged


def write_image(image: Image, folder: Path) -> None:
    """Make `folder` hold the image and nothing else."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    for name, content in image.items():
        path = folder / name
        if content is None:
            path.mkdir(mode=0o700)
        else:
            path.touch(mode=0o600)
            path.write_bytes(content)
