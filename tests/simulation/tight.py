"""Small bounds for small worlds: so few records would never fill a queue, hold up a stream or need an overlay.

In: which of the two. Out: a context in which the core uses the smaller numbers, wherever it has imported them.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from types import ModuleType
from unittest.mock import patch

# What a world of fifty records overflows. Each stays well above what one honest message brings.
NARROW: Mapping[str, int] = {
    "RECORDS_PER_FRAME": 4,
    "WINDOW_RECORDS_MAX": 16,
    "WAITING_PER_PEER_MAX": 8,
    "NAMED_PER_SESSION_MAX": 12,
    "MISSING_MAX": 20,
    "ANNOUNCED_MAX": 8,
    "SHORT_PER_FRAME_MAX": 8,
    "PULLS_PER_FRAME_MAX": 4,
    "IDS_PER_FRAME_MAX": 8,
    "LACKS_PER_FRAME_MAX": 4,
    "OLD_THREADS_PER_SESSION_MAX": 4,
    "REFUSED_LATELY_MAX": 6,
    "TOLD_PER_PEER_MAX": 3,
    "INTAKE_BURST_RECORDS": 24,
    "INTAKE_RECORDS_PER_S": 40,
    "INTAKE_CATCH_UP_RECORDS": 40,
    "LINE_MAX": 6,
    "PULLS_PRESSED_MAX": 2,
}
# So that an hour of audits fits into minutes.
BRISK: Mapping[str, int] = {"AUDIT_EVERY_MS": 60_000}
# So that streams wait for audits, as they do between big hubs.
FULL: Mapping[str, int] = {"SMALL_SET": 6, "PREVIEW_RECORDS": 4}
# So that eight hubs are too many for a mesh.
WIDE: Mapping[str, int] = {"MESH_HUBS_MAX": 3}


@cache
def _holders(name: str) -> tuple[ModuleType, ...]:
    modules = sorted((at, module) for at, module in sys.modules.items() if at.startswith("hartig_protocol.sync"))
    modules += [(at, sys.modules[at]) for at in ("hartig_protocol.hub", "hartig_protocol.catalog.waiting")]
    return tuple(module for _, module in modules if name in vars(module))


@contextmanager
def tight(*sets: Mapping[str, int]) -> Iterator[None]:
    """Let the core use these bounds."""
    with ExitStack() as stack:
        for bounds in sets:
            for name, value in bounds.items():
                for module in _holders(name):
                    stack.enter_context(patch.object(module, name, value))
        yield
