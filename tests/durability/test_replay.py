"""The model of a power cut: what must be there, what may be, and what cannot."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durability.log import (
    FOLDER,
    Acknowledged,
    Event,
    FileSized,
    FileSynced,
    FileWritten,
    FolderSynced,
    Log,
    NameGiven,
    NameMoved,
    NameRemoved,
    apply_data,
)
from durability.replay import Disk, Image, Loss

SEEDS = 200


def disk_after(*events: Event, names: dict[str, int] | None = None, files: dict[int, bytes] | None = None) -> Disk:
    disk = Disk(Log(names or {}, files or {}, events))
    disk.advance(len(events))
    return disk


def images(disk: Disk, loss: Loss | None = None) -> list[Image]:
    return [disk.image(Random(seed), loss) for seed in range(SEEDS)]


def outcomes(disk: Disk, name: str) -> set[bytes | None]:
    return {image.get(name, b"absent") for image in images(disk)}


def test_synced_data_under_a_synced_name_is_always_there() -> None:
    disk = disk_after(NameGiven("a", 1), FileWritten(1, 0, b"x" * 9000), FileSynced(1, 2), FolderSynced("", 3))
    assert all(image == {"a": b"x" * 9000} for image in images(disk))


def test_unsynced_data_may_be_there_or_not() -> None:
    disk = disk_after(FileWritten(1, 0, b"new"), names={"a": 1}, files={1: b"old"})
    assert {b"old", b"new"} <= outcomes(disk, "a")


def test_a_sync_does_not_cover_what_was_written_after_it_began() -> None:
    disk = disk_after(FileWritten(1, 0, b"new"), FileSynced(1, 0), names={"a": 1}, files={1: b"old"})
    assert disk.image(Random(1), Loss.ALL) == {"a": b"old"}


def test_a_sync_of_one_file_says_nothing_about_another() -> None:
    events = (FileWritten(1, 0, b"A"), FileWritten(2, 0, b"B"), FileSynced(2, 2))
    disk = disk_after(*events, names={"a": 1, "b": 2}, files={1: b"a", 2: b"b"})
    assert disk.image(Random(1), Loss.ALL) == {"a": b"a", "b": b"B"}


def test_a_write_may_be_torn_between_sectors_but_not_inside_one() -> None:
    disk = disk_after(FileWritten(1, 0, b"N" * 8192), names={"a": 1}, files={1: b"o" * 8192})
    seen = [image["a"] for image in images(disk, Loss.SCATTER)]
    assert any(content is not None and 0 < content.count(b"N") < 8192 for content in seen)
    for content in seen:
        assert content is not None
        assert all(len(set(content[start : start + 512])) == 1 for start in range(0, 8192, 512))


def test_a_sector_never_holds_a_later_write_without_an_earlier_one() -> None:
    disk = disk_after(FileWritten(1, 0, b"1"), FileWritten(1, 1, b"2"), names={"a": 1}, files={1: b"--"})
    assert {image["a"] for image in images(disk, Loss.SCATTER)} == {b"--", b"1-", b"12"}


def test_noise_stays_inside_the_bytes_that_were_being_written() -> None:
    disk = disk_after(FileWritten(1, 100, b"N" * 100), names={"a": 1}, files={1: b"o" * 512})
    seen = [image["a"] for image in images(disk, Loss.NOISE)]
    assert all(content is not None and content[:100] + content[200:] == b"o" * 412 for content in seen)
    assert any(content is not None and set(content[100:200]) not in ({ord("N")}, {ord("o")}) for content in seen)


def test_a_file_may_have_its_size_without_its_data_and_shows_zeros() -> None:
    assert bytes(600) in outcomes(disk_after(FileWritten(1, 0, b"N" * 600), names={"a": 1}, files={1: b""}), "a")


def test_a_file_may_have_its_data_without_its_size_and_ends_earlier() -> None:
    disk = disk_after(FileWritten(1, 0, b"N" * 600), names={"a": 1}, files={1: b"o"})
    assert b"N" in {image["a"] for image in images(disk, Loss.SCATTER)}


def test_a_cut_file_may_still_be_long() -> None:
    disk = disk_after(FileSized(1, 0), names={"a": 1}, files={1: b"old"})
    assert {b"", b"old"} <= outcomes(disk, "a")


def test_a_new_name_is_lost_with_all_its_synced_data_until_its_folder_is_synced() -> None:
    disk = disk_after(NameGiven("a", 1), FileWritten(1, 0, b"x"), FileSynced(1, 2))
    assert outcomes(disk, "a") == {b"x", b"absent"}


def test_a_rename_is_atomic() -> None:
    disk = disk_after(NameMoved("new", "a"), names={"a": 1, "new": 2}, files={1: b"old", 2: b"new"})
    seen = images(disk)
    assert all(image in ({"a": b"old", "new": b"new"}, {"a": b"new"}) for image in seen)
    assert outcomes(disk, "a") == {b"old", b"new"}


def test_a_rename_before_its_data_was_synced_may_leave_an_empty_file() -> None:
    events = (NameGiven("new", 2), FileWritten(2, 0, b"data"), NameMoved("new", "a"), FolderSynced("", 3))
    assert b"" in outcomes(disk_after(*events, names={"a": 1}, files={1: b"old"}), "a")


def test_a_removed_name_may_be_back() -> None:
    disk = disk_after(NameRemoved("a"), names={"a": 1}, files={1: b"old"})
    assert outcomes(disk, "a") == {b"old", b"absent"}


def test_names_that_do_not_touch_happen_in_any_order() -> None:
    seen = images(disk_after(NameGiven("a", 1), NameGiven("b", 2)))
    assert {tuple(image) for image in seen} == {(), ("a",), ("b",), ("a", "b")}


def test_what_is_in_a_folder_goes_with_it() -> None:
    disk = disk_after(NameGiven("run", FOLDER), NameGiven("run/a", 1), FolderSynced("run", 2))
    assert {tuple(image) for image in images(disk)} == {(), ("run", "run/a")}


def test_a_synced_move_takes_along_what_made_the_name() -> None:
    events = (NameGiven("x/a", 1), FileWritten(1, 0, b"x"), FileSynced(1, 2), NameMoved("x/a", "y/a"))
    disk = disk_after(*events, FolderSynced("y", 4), names={"x": FOLDER, "y": FOLDER})
    assert all(image == {"x": None, "y": None, "y/a": b"x"} for image in images(disk))


def test_acknowledgements_are_known_up_to_the_moment() -> None:
    disk = Disk(Log({}, {}, (Acknowledged("01"), Acknowledged("02"))))
    disk.advance(1)
    assert disk.acknowledged == ["01"]


def test_the_same_seed_makes_the_same_image() -> None:
    disk = disk_after(*(FileWritten(1, 700 * n, b"%d" % n * 700) for n in range(9)), names={"a": 1}, files={1: b""})
    assert images(disk) == images(disk)


def test_all_kinds_of_loss_are_drawn() -> None:
    disk = disk_after(*(FileWritten(1, 700 * n, b"N" * 700) for n in range(9)), names={"a": 1}, files={1: b""})
    assert {b"", b"N" * 6300} < outcomes(disk, "a")


data_events = st.lists(
    st.one_of(
        st.builds(FileWritten, st.just(1), st.integers(0, 3000), st.binary(min_size=1, max_size=2000)),
        st.builds(FileSized, st.just(1), st.integers(0, 4000)),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(events=data_events, seed=st.integers(0, 1000), loss=st.sampled_from(Loss))
def test_after_a_sync_of_everything_there_is_one_image(events: list[Event], seed: int, loss: Loss) -> None:
    synced = [*events, FileSynced(1, len(events))]
    disk = disk_after(*synced, names={"a": 1}, files={1: b"begin"})
    assert disk.image(Random(seed), loss) == disk.everything()


@settings(deadline=None)
@given(events=data_events, seed=st.integers(0, 1000))
def test_every_byte_is_one_that_the_program_saw_there(events: list[FileWritten | FileSized], seed: int) -> None:
    content, states = bytearray(b"begin"), [b"begin"]
    for event in events:
        apply_data(content, event)
        states.append(bytes(content))
    disk = disk_after(*events, names={"a": 1}, files={1: b"begin"})
    left = disk.image(Random(seed), Loss.SCATTER)["a"]
    assert left is not None
    assert len(left) in {len(state) for state in states}
    for place, byte in enumerate(left):
        assert byte in {state[place] if place < len(state) else 0 for state in states}


@pytest.mark.parametrize("seed", range(5))
def test_a_moment_does_not_depend_on_the_steps_that_led_to_it(seed: int) -> None:
    events = (NameGiven("a", 1), FileWritten(1, 0, b"x" * 999), FileSynced(1, 1), NameMoved("a", "b"))
    stepping = Disk(Log({}, {}, events))
    for position in range(len(events) + 1):
        stepping.advance(position)
    assert stepping.image(Random(seed)) == disk_after(*events).image(Random(seed))
