"""The pages of loaded libraries that only the start has read: left to the system's file cache.

Who calls: `frugal`. Loading, linking and first use map 25 MiB of shared libraries; what a running hub uses of them is
a quarter. Those pages are copies of files: they can go at any time, and come back by themselves when they are used.
Only segments that are never written are touched; what the linker fills in lies in writable ones, and stays. On machines
of 64 bits nothing is filled in inside code; under the unit's `MemoryDenyWriteExecute` no such library would even load.

It happens inside `dl_iterate_phdr` (dl_iterate_phdr(3)), which keeps libraries from coming and going meanwhile. The
interpreter's lock is held all the time: given up, a thread that holds it and loads a library would wait for us, and we
for it.
"""

import ctypes
import mmap
import sys
from typing import Any

_LOADED, _WRITABLE = 1, 0x2  # PT_LOAD and PF_W of elf.h
_DONTNEED = 4  # MADV_DONTNEED of madvise(2)
_BITS_64 = sys.maxsize > 2**32


class _Segment(ctypes.Structure):
    """Elf64_Phdr of elf.h."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("offset", ctypes.c_uint64),
        ("address", ctypes.c_uint64),
        ("physical", ctypes.c_uint64),
        ("file_bytes", ctypes.c_uint64),
        ("memory_bytes", ctypes.c_uint64),
        ("alignment", ctypes.c_uint64),
    )


class _Library(ctypes.Structure):
    """The beginning of dl_phdr_info of link.h."""

    _fields_ = (
        ("base", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("segments", ctypes.POINTER(_Segment)),
        ("segments_count", ctypes.c_uint16),
    )


def leave_to_cache() -> int:
    """Give up the pages of every library's segments that are never written; return of how many segments.

    Does nothing, and returns 0, on machines without what it takes.
    """
    this = ctypes.PyDLL(None)
    iterate, advise = getattr(this, "dl_iterate_phdr", None), getattr(this, "madvise", None)
    if not _BITS_64 or iterate is None or advise is None:
        return 0
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    count = 0

    def visit(library: Any, _bytes: int, _data: int | None) -> int:
        nonlocal count
        for start, length in _never_written(library.contents):
            count += advise(start, length, _DONTNEED) == 0
        return 0

    callback = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Library), ctypes.c_size_t, ctypes.c_void_p)
    try:
        iterate(callback(visit), None)
    except MemoryError:  # of libffi, where it may not make memory executable and knows no other way to be called back
        return 0
    return count


def _never_written(library: _Library) -> list[tuple[int, int]]:
    """Return where whole pages of such segments begin, and how many bytes they are."""
    if library.name and not library.name.startswith(b"/"):
        return []  # the kernel's own; the program itself has no name
    found = []
    for segment in library.segments[: library.segments_count]:
        if segment.type == _LOADED and not segment.flags & _WRITABLE:
            start = (library.base + segment.address) & -mmap.PAGESIZE
            end = (library.base + segment.address + segment.memory_bytes) & -mmap.PAGESIZE
            found.append((start, end - start))
    return [(start, length) for start, length in found if length]
