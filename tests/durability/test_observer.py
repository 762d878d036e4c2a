"""Calls become events; where threads overlap, the strict reading wins."""

import re
from pathlib import Path

import pytest

from durability.log import (
    Acknowledged,
    Event,
    FileSized,
    FileSynced,
    FileWritten,
    FolderSynced,
    NameGiven,
    NameMoved,
    NameRemoved,
)
from durability.observer import Observer
from durability.trace import RecordingError, calls

PATTERN = re.compile(rb"acknowledged ([0-9a-f]+)\n")


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def fd(number: int, path: str, suffix: str = "") -> str:
    return f"{number}<{hexed(path)}>{suffix}"


def opened(name: str, flags: str = "O_RDWR|O_CREAT", number: int = 4) -> str:
    return f'7  openat(AT_FDCWD<{hexed("/f")}>, "{hexed(name)}", {flags}, 0600) = {fd(number, f"/f/{name}")}'


def string(text: str) -> str:
    return f'"{hexed(text)}", {len(text)}'


A = fd(4, "/f/a")
OUT = fd(1, "pipe:[9]")


def seen(*lines: str) -> list[Event]:
    observer = Observer(Path("/f"), {"old": 1}, {1: b"12345"}, PATTERN, ["*-shm"])
    for call in calls(lines):
        observer.see(call)
    return observer.events


def test_writes_follow_the_position() -> None:
    assert seen(
        opened("a"), f"7  write({A}, {string('ab')}) = 2", f"7  write({A}, {string('cd')}) = 1",
        f"7  lseek({A}, 1, SEEK_SET) = 1", f"7  write({A}, {string('x')}) = 1",
        f"7  pwrite64({A}, {string('y')}, 9) = 1",
    ) == [
        NameGiven("a", 2), FileWritten(2, 0, b"ab"), FileWritten(2, 2, b"c"),
        FileWritten(2, 1, b"x"), FileWritten(2, 9, b"y"),
    ]  # fmt: skip


def test_appending_writes_at_the_end() -> None:
    old = fd(4, "/f/old")
    assert seen(
        opened("old", "O_WRONLY|O_APPEND"), f"7  ftruncate({old}, 9) = 0", f"7  write({old}, {string('x')}) = 1"
    ) == [FileSized(1, 9), FileWritten(1, 9, b"x")]


def test_opening_with_truncation_cuts_what_was_there() -> None:
    assert seen(opened("old", "O_WRONLY|O_CREAT|O_TRUNC")) == [FileSized(1, 0)]


def test_a_failed_call_is_no_event() -> None:
    assert seen(
        f"7  fsync({fd(4, '/f/old')}) = -1 EIO (Input/output error)",
        f'7  unlink("{hexed("/f/old")}") = -1 EACCES (x)',
        f'7  openat(AT_FDCWD<{hexed("/f")}>, "{hexed("a")}", O_CREAT|O_RDWR, 0600) = -1 ENOSPC (x)',
    ) == []  # fmt: skip


def test_a_sync_covers_only_what_was_written_before_it_began() -> None:
    events = seen(
        opened("a"), f"7  fsync({A} <unfinished ...>", f"8  pwrite64({A}, {string('x')}, 0) = 1",
        "7  <... fsync resumed>) = 0",
    )  # fmt: skip
    assert events == [NameGiven("a", 2), FileWritten(2, 0, b"x"), FileSynced(2, began=1)]


def test_an_acknowledgement_counts_from_its_beginning() -> None:
    events = seen(
        opened("a"), f"7  write({OUT}, {string('acknowledged 0a' + chr(10))} <unfinished ...>",
        f"8  fsync({A}) = 0", "7  <... write resumed>) = 16",
    )  # fmt: skip
    assert events == [NameGiven("a", 2), Acknowledged("0a"), FileSynced(2, began=2)]


def test_an_acknowledgement_may_come_in_pieces_and_over_a_socket() -> None:
    socket = fd(5, "socket:[3]")
    assert seen(
        f"7  sendto({socket}, {string('HTTP acknow')}, 0, NULL, 0) = 11",
        f"7  sendto({socket}, {string('ledged 0a' + chr(10) + 'x')}, 0, NULL, 0) = 11",
    ) == [Acknowledged("0a")]


def test_an_answer_that_could_not_be_sent_acknowledges_nothing() -> None:
    assert seen(f"7  write({OUT}, {string('acknowledged 0a' + chr(10))}) = -1 EPIPE (Broken pipe)") == []


def test_names_are_made_moved_and_removed() -> None:
    root = fd(5, "/f")
    assert seen(
        f'7  mkdir("{hexed("/f/run")}", 0700) = 0',
        f'7  rename("{hexed("/f/old")}", "{hexed("/f/run/new")}") = 0',
        f"7  fsync({root}) = 0",
        f'7  unlinkat({fd(6, "/f/run")}, "{hexed("new")}", 0) = 0',
    ) == [NameGiven("run", -1), NameMoved("old", "run/new"), FolderSynced("", began=2), NameRemoved("run/new")]


def test_a_deleted_file_keeps_its_identity() -> None:
    assert seen(
        f'7  unlink("{hexed("/f/old")}") = 0', opened("old", number=6),
        f"7  pwrite64({fd(4, '/f/old', '(deleted)')}, {string('x')}, 0) = 1",
        f"7  pwrite64({fd(6, '/f/old')}, {string('y')}, 0) = 1",
    ) == [NameRemoved("old"), NameGiven("old", 2), FileWritten(1, 0, b"x"), FileWritten(2, 0, b"y")]  # fmt: skip


def test_space_given_beforehand_is_zeros() -> None:
    assert seen(opened("a"), f"7  fallocate({A}, 0, 0, 4096) = 0") == [NameGiven("a", 2), FileSized(2, 4096)]


def test_other_folders_and_ignored_names_are_not_seen() -> None:
    shared = fd(4, "/f/hub.db-shm")
    assert seen(
        opened("hub.db-shm"), f"7  pwrite64({shared}, {string('x')}, 0) = 1",
        f"7  mmap(NULL, 32768, PROT_READ|PROT_WRITE, MAP_SHARED, {shared}, 0) = 0x7f00",
        f"7  write({fd(5, '/folder/a')}, {string('x')}) = 1", f"7  fsync({fd(5, '/folder/a')}) = 0",
        f"7  unlink({string('/folder/a').split(',')[0]}) = 0",
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"7  mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, {fd(4, '/f/old')}, 0) = 0x7f00", "shared memory.*/f/old"),
        (f"7  sendfile({fd(4, '/f/old')}, {fd(5, '/b')}, NULL, 9) = 9", "copies made by the kernel"),
        (f"7  copy_file_range({fd(5, '/b')}, NULL, {fd(4, '/f/old')}, NULL, 9, 0) = 9", "copies made by the kernel"),
        (f"7  write({fd(4, '/f/old')}, {string('x')}) = 1", "no position is known"),
        (f'7  rename("{hexed("/g/a")}", "{hexed("/f/a")}") = 0', "cannot be recorded"),
        (f"7  fallocate({fd(4, '/f/old')}, FALLOC_FL_ZERO_RANGE, 0, 9) = 0", "fallocate in a mode"),
    ],
)
def test_what_the_log_could_not_show_is_refused(line: str, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        seen(line)
