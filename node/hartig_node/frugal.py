"""What a long-running process does about memory, beside holding little: told to the C library and to Python.

Who calls: the daemon, `begin` before it makes threads, `settle` once all that lasts is loaded, and from then on
`keep_resting`, since an import, a backup or an audit leaves as much behind as a start.

Every thread that allocates gets a heap of its own from glibc, up to eight a core, and none gives back what another
could use; we have three threads, and two more for each partner network, and all but one only talk to SQLite. What is
loaded at the start (modules, tables, the catalog) lasts as long as the process, so it need not be walked again by every
collection: with 60,000 objects that is 20 ms at a time, which everybody waits for.
"""

import asyncio
import ctypes
import gc

from hartig_node.libraries import leave_to_cache

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h
ARENAS = 1
# Of allocations without as many releases: a frame of records makes thousands that go again by themselves.
YOUNG_OBJECTS = 10_000
REST_S = 600.0  # some 20 ms of work, and a few hundred pages that are mapped again


def begin() -> None:
    """Keep all threads on one heap (of glibc), and look for no garbage among what is just being loaded."""
    gc.disable()
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(_ARENA_MAX, ARENAS)


def settle() -> None:
    """Set aside what lasts, and give back to the system what the start needed and nobody needs any more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
    gc.enable()
    rest()


def rest() -> None:
    """Give back what was freed, and the pages of libraries that nobody uses."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    leave_to_cache()


async def keep_resting() -> None:
    """Rest from time to time."""
    while True:
        await asyncio.sleep(REST_S)
        rest()
