"""Which record stands in which register: the table, and the view of it that others read.

Places are used from the lowest up, so the table has pages of 64 places: about six bytes a record.
"""

from array import array
from collections.abc import Iterator

from hartig_protocol.catalog.entry import GRANT, REVOKE
from hartig_protocol.catalog.rows import PRIVATE, Rows
from hartig_protocol.records.record import Head

Register = tuple[bytes, str, int | bytes]

_PAGE_PLACES = 64
_PAGE_BITS = 25  # of 2^31 places in pages of 64
_FAMILIES = {"place": 0, "hub": 1, "grant": 2}
_FAMILIES_COUNT = len(_FAMILIES)
_PLACE, _HUB, _GRANT = _FAMILIES.values()


class RegisterTable:
    """Rows by author, family and place; those of revocations, which have no place, by author and thread."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._pages: dict[int, array[int]] = {}  # row + 1; 0 where nothing stands
        self._revokes: dict[tuple[int, bytes], int] = {}

    def find(self, register: Register) -> int:
        """Return the row that stands in a register, or -1."""
        author, family, number = register
        author_number = self._rows.authors.find(author)
        if isinstance(number, bytes):
            return self._revokes.get((author_number, number), -1)
        if author_number < 0:
            return -1
        page = self._pages.get(_page_key(author_number, _FAMILIES[family], number))
        return -1 if page is None else page[number % _PAGE_PLACES] - 1

    def find_for(self, head: Head) -> int:
        """Return the row that stands in the register that a head fills, for a step in its thread's; else -1."""
        author_number, kind, place = self._rows.authors.find(head.author), head.kind, head.place
        if kind == REVOKE or place is None:
            return self._revokes.get((author_number, head.thread), -1)
        if author_number < 0:
            return -1
        family = _GRANT if kind == GRANT else _HUB if head.audience == "hub" else _PLACE
        page = self._pages.get(_page_key(author_number, family, place))
        return -1 if page is None else page[place % _PAGE_PLACES] - 1

    def find_of(self, row: int) -> int:
        """Return the row that stands in the register of a row: for a step its thread's, for a charter none (-1)."""
        rows = self._rows
        kind, place = rows.kinds[row], rows.places[row]
        if kind == REVOKE:
            return self._revokes.get((rows.author_numbers[row], rows.thread(row)), -1)
        if place < 0:
            return -1
        page = self._pages.get(_page_key(rows.author_numbers[row], _family(kind, rows.flags[row]), place))
        return -1 if page is None else page[place % _PAGE_PLACES] - 1

    def filled(self, author: bytes, family: str, places: int) -> Iterator[int]:
        """Yield the rows that stand in an author's places of a family below `places`, by rising place."""
        author_number = self._rows.authors.find(author)
        for first in range(0, places if author_number >= 0 else 0, _PAGE_PLACES):
            page = self._pages.get(_page_key(author_number, _FAMILIES[family], first), ())
            yield from (value - 1 for place, value in enumerate(page, first) if value and place < places)

    def put(self, row: int) -> None:
        """Let a row stand in its register, instead of whatever stood there."""
        self._set(row, row + 1)

    def clear(self, row: int) -> None:
        """Let nothing stand in the register of a row."""
        self._set(row, 0)

    def _set(self, row: int, value: int) -> None:
        rows = self._rows
        author, kind, place = rows.author_numbers[row], rows.kinds[row], rows.places[row]
        if kind == REVOKE:
            key = (author, rows.thread(row))
            if value:
                self._revokes[key] = row
            else:
                del self._revokes[key]
            return
        number = _page_key(author, _family(kind, rows.flags[row]), place)
        page = self._pages.get(number)
        if page is None:
            page = self._pages[number] = array("I", [0]) * _PAGE_PLACES
        page[place % _PAGE_PLACES] = value
        if not value and not any(page):
            del self._pages[number]


def _page_key(author_number: int, family: int, place: int) -> int:
    return (author_number * _FAMILIES_COUNT + family) << _PAGE_BITS | place // _PAGE_PLACES


def _family(kind: int, flags: int) -> int:
    return _GRANT if kind == GRANT else _HUB if flags & PRIVATE else _PLACE
