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
    after = place_of(cursor, limit)
    ordered = sorted((one for one in found if after is None or one.place > after), key=lambda one: one.place)
    page = ordered[:limit]
    return page, cursor_of(page[-1].place) if len(page) < len(ordered) else None


def place_of(cursor: str | None, limit: int) -> tuple[int, bytes] | None:
    """Return behind what a page of so many begins, None for the first; raises `BoardError`."""
    if not 1 <= limit <= LIMIT_MAX:
        raise BoardError("bad_request", f"limit {limit} is out of range", f"it is from 1 to {LIMIT_MAX}", "/limit")
    if cursor is None:
        return None
    at_ms, _, key = cursor.removeprefix("m").partition(".")
    try:
        return (-int(at_ms), bytes.fromhex(key))
    except ValueError:
        raise BoardError("bad_cursor", "this cursor was not made by this hub", "begin without one", "/cursor") from None


def cursor_of(place: tuple[int, bytes]) -> str:
    """Return the cursor of what follows this."""
    at, key = place
    return f"m{-at}.{key.hex()}"
