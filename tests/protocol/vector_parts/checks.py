"""The check of a link (SPEC M5), by the text alone: a CRC-32 over all frames that one side has said so far.

In: what comes in on the links of a session vector, with checked messages that still lack their last field. Out: the
same with that field. `links.session` calls it.
"""

from typing import Any
from zlib import crc32

import msgpack

from protocol.vector_parts.composing import pack

# Number of a checked message -> how many items it has before its check: Want, Audit, Equal, Through, Pull, Lack.
CHECKED = {6: 2, 7: 6, 8: 2, 13: 4, 15: 2, 20: 4}


def with_checks(given: list[Any]) -> list[Any]:
    """Complete the checked frames of all links; one that has its check already keeps it."""
    said: dict[int, int] = {}
    made = []
    for what, item in given:
        whole = item
        if isinstance(what, int):  # a link, and a frame on it
            whole = checked(item, said.get(what, 0))
            said[what] = crc32(whole, said.get(what, 0))
        made.append([what, whole])
    return made


def checked(frame: bytes, said: int) -> bytes:
    """A frame with this check as its last field, if it is one that lacks it."""
    items = msgpack.unpackb(frame, strict_map_key=False)
    return pack([*items, said]) if CHECKED.get(items[0]) == len(items) else frame
