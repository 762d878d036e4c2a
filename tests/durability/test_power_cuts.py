"""No acknowledged record is lost when the power goes, at whatever moment; and the harness would see it if one were.

The real hub is recorded once (two lives, four threads that publish) and cut at a thousand moments. Most images are
judged by their tables, every eighteenth is opened as the next start would and verified whole (`publishers.hub_image`
says what each looks at). The same method is seen to lose with `synchronous=NORMAL`, and with a disk that lies.
SQLite alone, checkpointed far more often, shows that the harness also sees damage.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from durability.conftest import scratch_folder
from durability.cuts import Outcome, cut, record_publisher
from durability.log import FileSynced, FolderSynced, Log
from durability.publishers.bare import BarePublisher
from durability.publishers.hub import HubPublisher

DEEP = os.environ.get("HARTIG_DEEP") == "1"
POINTS = 20_000 if DEEP else 1_000
OPENED_EVERY = 18
POINTS_OF_BARE = 5_000 if DEEP else 250
# To see that something is lost takes fewer.
POINTS_OF_FAULTS = 2_000 if DEEP else 100
COMMITS = 120
# What no record depends on: the store makes both anew.
IGNORED = ("reserve", "lock")
LESS_SYNCED = [sys.executable, "-m", "durability.publishers.hub_less_synced", "run"]

pytestmark = pytest.mark.usefixtures("recorder")


@pytest.fixture(scope="module")
def hub_log(recorder: None) -> Iterator[Log]:
    """The real hub, recorded."""
    with scratch_folder() as scratch:
        yield record_hub(HubPublisher(opened_every=OPENED_EVERY), scratch)


def record_hub(publisher: HubPublisher, scratch: Path) -> Log:
    return record_publisher(publisher, scratch / "folder", scratch / "trace", ignored=IGNORED)


def test_the_hub_loses_nothing_at_a_thousand_moments(hub_log: Log, scratch: Path) -> None:
    publisher = HubPublisher(opened_every=OPENED_EVERY)
    assert len(set(hub_log.acknowledged)) >= 300, hub_log
    assert len(hub_log.events) >= 1_000, "a thousand moments must be a thousand different ones"
    outcome = cut(hub_log, publisher, scratch / "image", points=POINTS, seed=1)
    assert outcome.points >= 1_000
    assert publisher.opened >= 50, publisher
    assert (outcome.lost, outcome.damaged) == (0, 0), outcome


def test_a_hub_that_does_not_wait_for_the_disk_is_seen_to_lose_but_stays_whole(scratch: Path) -> None:
    publisher = HubPublisher(opened_every=OPENED_EVERY, lives=1, command=LESS_SYNCED)
    outcome = cut(record_hub(publisher, scratch), publisher, scratch / "image", points=POINTS_OF_FAULTS, seed=1)
    assert outcome.lost > POINTS_OF_FAULTS // 10, outcome
    assert outcome.damaged == 0, outcome


@pytest.mark.parametrize("kind", [FileSynced, FolderSynced])
def test_a_disk_that_lies_about_syncs_is_seen_to_lose(hub_log: Log, scratch: Path, kind: type) -> None:
    # An event in the place of each sync keeps the numbers of all others.
    lying = tuple(FileSynced(0, 0) if isinstance(event, kind) else event for event in hub_log.events)
    publisher = HubPublisher(opened_every=OPENED_EVERY)
    outcome = cut(replace(hub_log, events=lying), publisher, scratch / "image", points=POINTS_OF_FAULTS, seed=1)
    assert outcome.lost + outcome.damaged > 0, outcome


def cut_bare(scratch: Path, synchronous: str, points: int) -> Outcome:
    publisher = BarePublisher(synchronous, COMMITS)
    log = record_publisher(publisher, scratch / "folder", scratch / "trace")
    assert len(log.events) >= points, "so many moments must be different ones"
    return cut(log, publisher, scratch / "image", points=points, seed=1)


def test_sqlite_alone_loses_nothing(scratch: Path) -> None:
    outcome = cut_bare(scratch, "FULL", POINTS_OF_BARE)
    assert (outcome.lost, outcome.damaged) == (0, 0), outcome


def test_off_is_seen_to_damage_the_database(scratch: Path) -> None:
    outcome = cut_bare(scratch, "OFF", POINTS_OF_FAULTS)
    assert outcome.damaged > POINTS_OF_FAULTS // 10, outcome
