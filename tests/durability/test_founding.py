"""`hartig init` and power cuts: once it has said that the hub is founded it stays so; cut short, it is run again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from durability.conftest import scratch_folder
from durability.cuts import ACKNOWLEDGED, write_image
from durability.log import Log
from durability.publishers.hub_folder import HARTIG
from durability.publishers.hub_image import open_and_judge
from durability.recorder import IGNORED, record
from durability.replay import Disk
from hartig_node.daemon.config import read_config
from hartig_node.daemon.folder import HubFolder

DEEP = os.environ.get("HARTIG_DEEP") == "1"
IMAGES = 1_000 if DEEP else 60
RETRIES = 60 if DEEP else 6
NAME = "Riverside shelf"
# The hub is one folder below the recorded one, so that its own name is cut, too.
PROGRAM = """
import os, subprocess, sys
subprocess.run([sys.argv[1], "init", "--folder", sys.argv[2], "--name", sys.argv[3]], check=True)
os.write(1, b"acknowledged 01\\n")
"""

pytestmark = pytest.mark.usefixtures("recorder")


@pytest.fixture(scope="module")
def founding(recorder: None) -> Iterator[Log]:
    """A hub being founded, recorded."""
    with scratch_folder() as scratch:
        above = scratch / "above"
        above.mkdir()
        argv = [sys.executable, "-c", PROGRAM, HARTIG, str(above / "hub"), NAME]
        yield record(
            argv, above, scratch / "trace", acknowledgement=ACKNOWLEDGED, ignored=(*IGNORED, "reserve", "lock")
        )


def test_a_hub_that_was_founded_is_there_whole(founding: Log, scratch: Path) -> None:
    disk = Disk(founding)
    disk.advance(len(founding.events))
    for seed in range(IMAGES):
        write_image(disk.image(Random(seed)), scratch / "image")
        hub = HubFolder(scratch / "image" / "hub")
        assert not open_and_judge(hub.path).damage, f"seed {seed}: {open_and_judge(hub.path)}"
        assert all(hub.has_key(name) for name in ("hub", "node", "recovery")), f"seed {seed}"
        assert len(list(hub.seats.glob("*.key"))) == 6, f"seed {seed}"
        assert read_config(hub.settings).name == NAME, f"seed {seed}"


def test_a_founding_that_was_cut_short_is_done_again(founding: Log, scratch: Path) -> None:
    disk = Disk(founding)
    for number in range(1, RETRIES + 1):
        disk.advance(number * len(founding.events) // (RETRIES + 1))
        write_image(disk.image(Random(number)), scratch / "image")
        folder = scratch / "image" / "hub"
        if HubFolder(folder).is_founded:
            continue
        argv = [HARTIG, "init", "--folder", str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"cut after {disk.position} events: {done.stderr}"
        assert not open_and_judge(folder).damage, f"cut after {disk.position} events"
