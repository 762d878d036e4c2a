"""A process gives up the pages of its libraries, holds less for that, and works on."""

import ctypes
import mmap
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hartig_node import libraries
from hartig_node.libraries import leave_to_cache

_PROGRAM = """
import re, sqlite3, ssl, sys, threading
from pathlib import Path
from hartig_node.libraries import leave_to_cache

def file_pages_kib():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def use_much():
    ssl.create_default_context()
    assert sqlite3.connect(":memory:").execute("select sum(value) from json_each('[1, 2]')").fetchone() == (3,)
    assert ssl.RAND_bytes(8) != ssl.RAND_bytes(8)

use_much()
before = file_pages_kib()
segments = leave_to_cache()
after = file_pages_kib()
thread = threading.Thread(target=use_much)
thread.start()
thread.join()
for _ in range(3):
    leave_to_cache()
    use_much()
print(before, after, segments)
"""


@pytest.fixture
def on_linux() -> None:
    if not Path("/proc/self/status").exists() or not libraries._BITS_64:
        pytest.skip("only Linux with 64 bits gives pages up")


@pytest.mark.usefixtures("on_linux")
def test_a_process_that_gives_its_libraries_up_holds_less_and_works_on() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, after, segments = (int(word) for word in done.stdout.split())
    assert segments > 20, "libraries have several segments each"
    assert after < before / 2


@pytest.mark.usefixtures("on_linux")
def test_only_pages_of_files_that_are_never_written_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []

    def note(library: libraries._Library) -> list[tuple[int, int]]:
        given.extend(never_written(library))
        return []

    never_written = libraries._never_written
    monkeypatch.setattr(libraries, "_never_written", note)
    assert leave_to_cache() == 0
    mapped = list(_mappings())
    assert given
    for start, length in given:
        assert start % mmap.PAGESIZE == length % mmap.PAGESIZE == 0
        inside = [one for one in mapped if one[0] < start + length and start < one[1]]
        assert inside
        assert all(rights in {"r--p", "r-xp"} and file.startswith("/") for _, _, rights, file in inside), inside


def _mappings() -> list[tuple[int, int, str, str]]:
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    found = [re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line) for line in lines]
    return [(int(one[1], 16), int(one[2], 16), one[3], one[4]) for one in found if one]


def _library(name: bytes | None, *segments: tuple[int, int, int, int]) -> libraries._Library:
    made = (libraries._Segment * len(segments))()
    for segment, (kind, flags, address, memory_bytes) in zip(made, segments, strict=True):
        segment.type, segment.flags, segment.address, segment.memory_bytes = kind, flags, address, memory_bytes
    first = ctypes.cast(made, ctypes.POINTER(libraries._Segment))
    return libraries._Library(base=1 << 30, name=name, segments=first, segments_count=len(segments))


@pytest.mark.parametrize(
    ("name", "segment", "pages"),
    [
        (b"/lib/a.so", (1, 0x4, 0, 5 * mmap.PAGESIZE), (0, 5)),
        (b"", (1, 0x5, 0, 2 * mmap.PAGESIZE), (0, 2)),
        (None, (1, 0x5, 2 * mmap.PAGESIZE, 2 * mmap.PAGESIZE), (2, 2)),
        (b"/lib/a.so", (1, 0x4, mmap.PAGESIZE + 64, 2 * mmap.PAGESIZE), (1, 2)),
        (b"/lib/a.so", (1, 0x4, 64, 100), None),
        (b"/lib/a.so", (1, 0x6, 0, 5 * mmap.PAGESIZE), None),
        (b"/lib/a.so", (2, 0x4, 0, 5 * mmap.PAGESIZE), None),
        (b"linux-vdso.so.1", (1, 0x5, 0, 5 * mmap.PAGESIZE), None),
    ],
    ids=["read", "program", "nameless", "whole pages", "less than a page", "written", "not loaded", "kernel's own"],
)
def test_which_segments_are_given_up(
    name: bytes | None, segment: tuple[int, int, int, int], pages: tuple[int, int] | None
) -> None:
    expected = [] if pages is None else [((1 << 30) + pages[0] * mmap.PAGESIZE, pages[1] * mmap.PAGESIZE)]
    assert libraries._never_written(_library(name, segment)) == expected


def test_where_it_cannot_be_done_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(libraries, "_BITS_64", False)
        assert leave_to_cache() == 0
    with monkeypatch.context() as patched:
        patched.setattr(ctypes, "PyDLL", lambda _name: object())
        assert leave_to_cache() == 0

    def refuse(*_types: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ctypes, "PYFUNCTYPE", lambda *_types: refuse)
    assert leave_to_cache() == 0
