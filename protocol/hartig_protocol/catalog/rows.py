"""The records that are held, in columns: about 120 bytes each, where an object with its fields takes a kilobyte.

In: entries, when the catalog accepts or loads them. Out: a row number that stays the same until the record goes, and
entries made again from the columns. A row that was freed is given to a later record, so nothing is ever moved.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from operator import itemgetter
from typing import Generic, TypeVar

from hartig_protocol.catalog.entry import Body, Entry
from hartig_protocol.limits import CHECK_BYTES, KIND_CHAIN_LOWEST, RECORD_ID_BYTES, THREAD_ID_BYTES

BODY_BITS = 3
ENDS = 4
PRIVATE = 8  # audience `hub`
BODY_TIME_OVER = 16  # the sweep was here when the thread's bodies were due
CONTACT = 32  # a step whose body goes soon after what it names has ended

_BODIES = tuple(Body)
_COLUMNS = tuple(itemgetter(at) for at in range(len(Entry._fields)))
_GROWTH = 16
_NOTHING = -1  # a place or a time that is not there

_Value = TypeVar("_Value", bound=Hashable)


class Interned(Generic[_Value]):
    """Values that many rows share, by small numbers; a value that no row uses any more is forgotten."""

    def __init__(self) -> None:
        self._numbers: dict[_Value, int] = {}
        self._values: list[_Value] = []
        self._uses = array("I")
        self._free: list[int] = []

    def __getitem__(self, number: int) -> _Value:
        return self._values[number]

    def __iter__(self) -> Iterator[_Value]:
        return iter(self._numbers)

    def find(self, value: _Value) -> int:
        """Return the number of a value, or -1 where no row uses it."""
        return self._numbers.get(value, -1)

    def take(self, value: _Value) -> int:
        """Return the number of a value that one row more uses."""
        number = self._numbers.get(value)
        if number is not None:
            self._uses[number] += 1
            return number
        if self._free:
            number = self._free.pop()
            self._values[number], self._uses[number] = value, 1
        else:
            number = len(self._values)
            self._values.append(value)
            self._uses.append(1)
        self._numbers[value] = number
        return number

    def take_all(self, values: Sequence[_Value]) -> "array[int]":
        """Return the number of each value, of which one row more uses it."""
        for value, count in Counter(values).items():
            self._uses[self.take(value)] += count - 1
        return array("I", map(self._numbers.__getitem__, values))

    def drop(self, number: int) -> None:
        """Count one use less."""
        self._uses[number] -= 1
        if not self._uses[number]:
            del self._numbers[self._values[number]]
            self._free.append(number)


class Rows:
    """One column for each field. `numbers[row]` is the arrival number, 0 for a row that is free.

    `said[row]` is, of a contact, when (ms) its body is due to go, as soon as that is known; of a promise the name of
    the claim (`contacts.name_of`); of everything else, and until then, 0.
    """

    def __init__(self) -> None:
        self.numbers = array("Q")
        self.kinds = bytearray()
        self.flags = bytearray()
        self.places = array("i")
        self.seqs = array("Q")
        self.stamps = array("Q")
        self.expires = array("q")
        self.said = array("Q")
        self.author_numbers = array("I")
        self.authors = Interned[bytes]()
        self._audience_numbers = array("I")
        self._audiences = Interned[str | bytes]()
        self._ids = bytearray()
        self._threads = bytearray()
        self._runnings = bytearray()
        self._free = array("I")

    def __len__(self) -> int:
        """How many rows are in use."""
        return len(self.numbers) - len(self._free)

    def put(self, entry: Entry) -> int:
        """Write an entry into a free row; `prev` is not kept, since the chain knows it."""
        row = self._free.pop() if self._free else self._grow()
        n, record_id, kind, author, thread, place, audience, seq, _, stamp, expires, ends, body, running = entry
        self.numbers[row], self.kinds[row], self.seqs[row], self.stamps[row] = n, kind, seq, stamp
        self.flags[row] = body | (ENDS if ends else 0) | (PRIVATE if audience == "hub" else 0)
        self.places[row] = _NOTHING if place is None else place
        self.expires[row] = _NOTHING if expires is None else expires
        self.said[row] = 0
        self.author_numbers[row] = self.authors.take(author)
        self._audience_numbers[row] = self._audiences.take(audience)
        self._ids[row * RECORD_ID_BYTES : (row + 1) * RECORD_ID_BYTES] = record_id
        self._threads[row * THREAD_ID_BYTES : (row + 1) * THREAD_ID_BYTES] = thread
        self._runnings[row * CHECK_BYTES : (row + 1) * CHECK_BYTES] = running
        return row

    def fill(self, entries: Sequence[Entry]) -> None:
        """Write entries into rows that are empty, the first into row 0: column by column, a sixth of the time of `put`.

        Their `ends` and `body` may be plain numbers. Raises `ValueError` for what no record can have.
        """
        n, ids, kinds, author, threads, place, audience, seqs, _, stamps, expires, ends, body, runnings = (
            map(column, entries) for column in _COLUMNS
        )
        self.numbers, self.kinds = array("Q", n), bytearray(kinds)
        self.seqs, self.stamps = array("Q", seqs), array("Q", stamps)
        self.places = array("i", [_NOTHING if one is None else one for one in place])
        self.expires = array("q", [_NOTHING if one is None else one for one in expires])
        self.said = array("Q", bytes(8 * len(entries)))
        audiences, bodies = [*audience], bytearray(body)
        self._ids, self._threads, self._runnings = (bytearray().join(some) for some in (ids, threads, runnings))
        if bodies.translate(None, bytes(Body)) or len(self._ids) != RECORD_ID_BYTES * len(entries):
            raise ValueError("the columns of a record are not what they can be")
        self.flags = bytearray(
            [
                state | (ENDS if has_ended else 0) | (PRIVATE if heard_by == "hub" else 0)
                for state, has_ended, heard_by in zip(bodies, ends, audiences, strict=True)
            ]
        )
        self.author_numbers = self.authors.take_all([*author])
        self._audience_numbers = self._audiences.take_all(audiences)

    def _grow(self) -> int:
        """Add free rows, a sixteenth more at a time; return one of them and keep the others."""
        row = len(self.numbers)
        count = row // _GROWTH + _GROWTH
        for column in (self.numbers, self.places, self.seqs, self.stamps, self.expires, self.said):
            column.frombytes(bytes(column.itemsize * count))
        for column in (self.author_numbers, self._audience_numbers):
            column.frombytes(bytes(column.itemsize * count))
        self.kinds.extend(bytes(count))
        self.flags.extend(bytes(count))
        self._ids.extend(bytes(RECORD_ID_BYTES * count))
        self._threads.extend(bytes(THREAD_ID_BYTES * count))
        self._runnings.extend(bytes(CHECK_BYTES * count))
        self._free.extend(range(row + count - 1, row, -1))
        return row

    def free(self, row: int) -> None:
        """Let go of what a row holds."""
        self.numbers[row] = self.kinds[row] = self.stamps[row] = 0
        self.authors.drop(self.author_numbers[row])
        self._audiences.drop(self._audience_numbers[row])
        self._free.append(row)

    def entry(self, row: int, prev: bytes | None) -> Entry:
        """Make the entry of a row again."""
        place, expires, flags = self.places[row], self.expires[row], self.flags[row]
        return Entry(
            self.numbers[row],
            self.id(row),
            self.kinds[row],
            self.authors[self.author_numbers[row]],
            self.thread(row),
            None if place == _NOTHING else place,
            self.audience(row),
            self.seqs[row],
            prev,
            self.stamps[row],
            None if expires == _NOTHING else expires,
            flags & ENDS != 0,
            _BODIES[flags & BODY_BITS],
            self.running(row),
        )

    def id(self, row: int) -> bytes:
        """Return a record's id."""
        at = row * RECORD_ID_BYTES
        return bytes(self._ids[at : at + RECORD_ID_BYTES])

    def thread(self, row: int) -> bytes:
        """Return a record's thread."""
        at = row * THREAD_ID_BYTES
        return bytes(self._threads[at : at + THREAD_ID_BYTES])

    def running(self, row: int) -> bytes:
        """Return the running hash at a record's arrival."""
        at = row * CHECK_BYTES
        return bytes(self._runnings[at : at + CHECK_BYTES])

    def of_authors(self, numbers: Container[int]) -> list[int]:
        """Return the rows that are in use and whose authors have these numbers, in the order of arrival."""
        found = [row for row, number in enumerate(self.author_numbers) if number in numbers and self.numbers[row]]
        return sorted(found, key=self.numbers.__getitem__)

    def stamped_after(self, latest_ms: int) -> list[int]:
        """Return the rows that are stamped after a moment, in the order of arrival."""
        if max(self.stamps, default=0) <= latest_ms:
            return []
        found = [row for row, stamp in enumerate(self.stamps) if stamp > latest_ms]
        return sorted(found, key=self.numbers.__getitem__)

    def of_kind(self, kind: int) -> list[int]:
        """Return the rows of a kind, in the order of arrival."""
        found = []
        row = self.kinds.find(kind)
        while row >= 0:
            found.append(row)
            row = self.kinds.find(kind, row + 1)
        return sorted(found, key=self.numbers.__getitem__)

    def beyond(self, places_of: Callable[[bytes], int]) -> list[int]:
        """Return, in the order of arrival, the rows whose place is not below what `places_of` says of the author."""
        limits = {self.authors.find(author): places_of(author) for author in self.authors}
        placed = enumerate(zip(self.numbers, self.author_numbers, self.places, strict=True))
        found = [row for row, (n, author, place) in placed if n and place >= limits[author]]
        return sorted(found, key=self.numbers.__getitem__)

    def author(self, row: int) -> bytes:
        """Return a record's author."""
        return self.authors[self.author_numbers[row]]

    def audience(self, row: int) -> str | bytes:
        """Return a record's audience."""
        return self._audiences[self._audience_numbers[row]]

    def order(self, row: int) -> tuple[int, int, bytes]:
        """Return what decides which version stands in a place (SPEC R10)."""
        return (max(self.expires[row], 0), self.seqs[row], self.id(row))

    def is_chain(self, row: int) -> bool:
        """Whether a row holds a step."""
        return self.kinds[row] >= KIND_CHAIN_LOWEST

    def body(self, row: int) -> Body:
        """Whether a record's body is here."""
        return _BODIES[self.flags[row] & BODY_BITS]

    def set_body(self, row: int, body: Body) -> None:
        """Remember that a body has gone, or has come back."""
        self.flags[row] = self.flags[row] & ~BODY_BITS | body
