"""Lines of strace, one table for each kind."""

import pytest

from durability.trace import Call, Descriptor, RecordingError, calls


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


FILE = f"4<{hexed('/f/hub.db')}>"


@pytest.mark.parametrize(
    ("line", "call"),
    [
        (f"7  fsync({FILE}) = 0", Call(7, "fsync", FILE, 0)),
        (f"7  fsync({FILE})     = -1 EIO (Input/output error)", Call(7, "fsync", FILE, -1)),
        ("71 exit_group(0) = ?", Call(71, "exit_group", "0", None)),
        (f'7  open("{hexed("a")}", O_RDWR) = 4<{hexed("/f/a")}>', Call(7, "open", f'"{hexed("a")}", O_RDWR', 4)),
        ("7  mmap(NULL, 4096) = 0x7f0010", Call(7, "mmap", "NULL, 4096", 0x7F0010)),
    ],
)
def test_a_whole_line_is_one_call(line: str, call: Call) -> None:
    assert list(calls([line])) == [call]


def test_a_call_that_another_thread_overtakes_comes_when_it_begins_and_when_it_is_over() -> None:
    lines = [f"7  fsync({FILE} <unfinished ...>", f"8  lseek({FILE}, 0, SEEK_SET) = 0", "7  <... fsync resumed>) = 0"]
    assert [(call.thread, call.name, call.result) for call in calls(lines)] == [
        (7, "fsync", None), (8, "lseek", 0), (7, "fsync", 0),
    ]  # fmt: skip


def test_arguments_that_come_late_are_joined() -> None:
    lines = [
        f'7  pwrite64({FILE}, "{hexed("ab")}", 2,  <unfinished ...>',
        "8  +++ exited with 0 +++",
        "7  <... pwrite64 resumed>24) = 2",
    ]
    last = list(calls(lines))[-1]
    assert (last.data(), last.number(-1), last.descriptor()) == (b"ab", 24, Descriptor(4, "/f/hub.db", False))


@pytest.mark.parametrize(
    "line",
    [
        "7  +++ killed by SIGKILL +++",
        "7  --- SIGCHLD {si_signo=SIGCHLD} ---",
        "7  <... write resumed> <unfinished ...>) = ?",
    ],
)
def test_ends_and_signals_are_no_calls(line: str) -> None:
    assert list(calls([line])) == []


def test_a_deleted_file_is_told_from_one_that_is_there() -> None:
    (call,) = calls([f"7  fsync({FILE}(deleted)) = 0"])
    assert call.descriptor() == Descriptor(4, "/f/hub.db", True)


def vector(text: str) -> str:
    return f'{{iov_base="{hexed(text)}", iov_len={len(text)}}}'


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (f'7  write({FILE}, "{hexed("abcd")}", 4) = 3', b"abc"),
        (f"7  writev({FILE}, [{vector('ab')}, {vector('c')}], 2) = 3", b"abc"),
        (f'7  sendmsg({FILE}, {{msg_name={{sun_path="{hexed("/f")}"}}, msg_iov=[{vector("x")}]}}, 0) = 1', b"x"),
    ],
)
def test_data_is_what_the_call_took(line: str, data: bytes) -> None:
    (call,) = calls([line])
    assert call.data() == data


def test_paths_come_with_the_folder_that_they_start_from() -> None:
    (call,) = calls([f'7  renameat2(AT_FDCWD<{hexed("/f")}>, "{hexed("a")}", 5<{hexed("/g")}>, "{hexed("b")}", 0) = 0'])
    assert call.paths() == [("/f", "a"), ("/g", "b")]


def test_data_that_strace_cut_is_refused() -> None:
    (call,) = calls([f'7  write({FILE}, "{hexed("ab")}"..., 4) = 4'])
    with pytest.raises(RecordingError, match="strace cut the data of a write"):
        call.data()


def test_a_line_that_is_not_understood_is_named() -> None:
    with pytest.raises(RecordingError, match=r"line 2 of the trace is not understood: 'strace: Process 9 attached"):
        list(calls(["7  fsync(4) = 0", "strace: Process 9 attached"]))
