"""What the catalog shows of its columns: mappings that make an `Entry` when one is looked at.

They show the catalog as it is, not as it was when they were asked for. To go over them while the set changes is
allowed: what has gone is left out, what has come may be there.
"""

from collections.abc import Iterator, Mapping

from hartig_protocol.catalog.entry import Entry
from hartig_protocol.catalog.held import Held
from hartig_protocol.catalog.registers import Register


class Entries(Mapping[bytes, Entry]):
    """All records by id, in the order of arrival."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def __repr__(self) -> str:
        return f"<Entries {len(self)}>"

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, record_id: object) -> bool:
        return isinstance(record_id, bytes) and self._held.index.find(record_id) >= 0

    def __getitem__(self, record_id: bytes) -> Entry:
        row = self._held.index.find(record_id)
        if row < 0:
            raise KeyError(record_id)
        return self._held.entry(row)

    def __iter__(self) -> Iterator[bytes]:
        return (self._held.rows.id(row) for row in self._held.arrivals.after(0))


class Registers(Mapping[Register, Entry]):
    """What stands, by author, family and place, in the order of arrival."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def __repr__(self) -> str:
        return f"<Registers {len(self)}>"

    def __len__(self) -> int:
        return sum(1 for _ in self._standing())

    def __contains__(self, register: object) -> bool:
        return isinstance(register, tuple) and self._held.registers.find(register) >= 0

    def __getitem__(self, register: Register) -> Entry:
        row = self._held.registers.find(register)
        if row < 0:
            raise KeyError(register)
        return self._held.entry(row)

    def __iter__(self) -> Iterator[Register]:
        for row in self._standing():
            register = self._held.entry(row).register
            assert register is not None
            yield register

    def of_kind(self, kind: int) -> Iterator[Entry]:
        """Return what stands of one kind, without making entries of all that stands."""
        held, kinds = self._held, self._held.rows.kinds
        rows = (row for row in held.rows.of_kind(kind) if kinds[row] == kind)  # another may be in it meanwhile
        return (held.entry(row) for row in rows if held.registers.find_of(row) == row)

    def of_author(self, author: bytes, family: str, places: int) -> Iterator[Entry]:
        """Return what stands in an author's places of a family below `places`, by rising place."""
        return map(self._held.entry, self._held.registers.filled(author, family, places))

    def _standing(self) -> Iterator[int]:
        held = self._held
        return (row for row in held.arrivals.after(0) if held.registers.find_of(row) == row)
