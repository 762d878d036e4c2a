"""Pages of short lists that are kept in memory: newest first, with cursors that stay right whatever comes or goes."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from hartig_node.board.errors import BoardError

LIMIT_MAX = 200


class Listed(Protocol):
    """Something that stands in a list."""

    @property
    def place(self) -> tuple[int, bytes]:
        """What comes first has the lowest: minus a time in ms, and a key of its own."""


One = TypeVar("One", bound=Listed)


def page_of(found: Iterable[One], cursor: str | None, limit: int) -> tuple[list[One], str | None]:
    """Return so many behind a cursor, and the cursor of what follows; raises `BoardError`."""
    if not 1 <= limit <= LIMIT_MAX:
        raise BoardError("bad_request", f"limit {limit} is out of range", f"it is from 1 to {LIMIT_MAX}", "/limit")
    after = None if cursor is None else _read(cursor)
    ordered = sorted((one for one in found if after is None or one.place > after), key=lambda one: one.place)
    page = ordered[:limit]
    if len(page) == len(ordered):
        return page, None
    at, key = page[-1].place
    return page, f"m{-at}.{key.hex()}"


def _read(cursor: str) -> tuple[int, bytes]:
    at_ms, _, key = cursor.removeprefix("m").partition(".")
    try:
        return (-int(at_ms), bytes.fromhex(key))
    except ValueError:
        raise BoardError("bad_cursor", "this cursor was not made by this hub", "begin without one", "/cursor") from None
