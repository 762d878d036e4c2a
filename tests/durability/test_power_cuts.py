"""No acknowledged record is lost when the power goes, at whatever moment; and the harness would see it if one were."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from durability.cuts import Outcome, cut, record_publisher
from durability.log import FileSynced, FolderSynced
from durability.publishers.bare import BarePublisher

DEEP = os.environ.get("HARTIG_DEEP") == "1"
POINTS = 20_000 if DEEP else 1_000
# To see that something is lost takes fewer.
POINTS_OF_FAULTS = 2_000 if DEEP else 200
COMMITS = 120

pytestmark = pytest.mark.usefixtures("recorder")


def cut_bare(scratch: Path, synchronous: str, points: int) -> Outcome:
    publisher = BarePublisher(synchronous, COMMITS)
    log = record_publisher(publisher, scratch / "folder", scratch / "trace")
    assert len(log.events) >= 1_000, "a thousand moments must be a thousand different ones"
    return cut(log, publisher, scratch / "image", points=points, seed=1)


def test_full_loses_nothing_at_a_thousand_moments(scratch: Path) -> None:
    outcome = cut_bare(scratch, "FULL", POINTS)
    assert outcome.points >= 1_000
    assert (outcome.lost, outcome.damaged) == (0, 0), outcome


def test_normal_is_seen_to_lose_acknowledged_records_but_stays_whole(scratch: Path) -> None:
    outcome = cut_bare(scratch, "NORMAL", POINTS_OF_FAULTS)
    assert outcome.lost > POINTS_OF_FAULTS // 10, outcome
    assert outcome.damaged == 0, outcome


def test_off_is_seen_to_damage_the_database(scratch: Path) -> None:
    outcome = cut_bare(scratch, "OFF", POINTS_OF_FAULTS)
    assert outcome.damaged > POINTS_OF_FAULTS // 10, outcome


@pytest.mark.parametrize("kind", [FileSynced, FolderSynced])
def test_a_disk_that_lies_about_syncs_is_seen_to_lose(scratch: Path, kind: type) -> None:
    publisher = BarePublisher("FULL", COMMITS)
    log = record_publisher(publisher, scratch / "folder", scratch / "trace")
    # An event in the place of each sync keeps the numbers of all others.
    lying = tuple(FileSynced(0, 0) if isinstance(event, kind) else event for event in log.events)
    outcome = cut(replace(log, events=lying), publisher, scratch / "image", points=POINTS_OF_FAULTS, seed=1)
    assert outcome.lost > 0, outcome
