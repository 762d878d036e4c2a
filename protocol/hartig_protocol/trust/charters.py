"""Which charter stands: a pure function of the set of charters (SPEC G9).

In: authentic charters of one network, in any order. Out: `Charters`: the standing path from the first to the last
version, and beside each the best of its rivals, by which trustees see that somebody forked. Nothing else is kept.

A valid version never stops being valid, and of two that follow one the better is always the same. So the path of a
larger set parts from that of a smaller one only where a better version stands in it, and what is left out here can
never stand again: the order of arrival plays no part.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from hartig_protocol.limits import NETWORK_ID_BYTES
from hartig_protocol.records.governance import signing_seats
from hartig_protocol.records.record import NO_NETWORK, Record
from hartig_protocol.values import value


@value
class Charters:
    """The standing charters of a network, lowest version first, and the rivals of all but the first."""

    path: tuple[Record, ...] = ()
    rivals: tuple[Record, ...] = ()

    @property
    def standing(self) -> Record | None:
        """The charter whose seats and defaults count."""
        return self.path[-1] if self.path else None

    @property
    def version(self) -> int:
        """The number of the standing charter; 0 where there is none."""
        return len(self.path)

    @cached_property
    def kept(self) -> Mapping[bytes, Record]:
        """All that is kept, by id."""
        return {record.id: record for record in (*self.path, *self.rivals)}


def is_of(network: bytes, charter: Record) -> bool:
    """Tell whether a charter is of a network, whose id comes from its first one (SPEC G1, G3)."""
    first = charter.head.network == NO_NETWORK
    return (charter.id[:NETWORK_ID_BYTES] if first else charter.head.network) == network


def charters_of(network: bytes, records: Iterable[Record]) -> Charters:
    """Compute which charters stand, and which are kept beside them."""
    following: dict[bytes | None, list[Record]] = {}
    for record in records:
        if is_of(network, record):
            following.setdefault(record.head.prev, []).append(record)
    path: list[Record] = []
    rivals: list[Record] = []
    found = following.get(None, [])[:1]
    while found:
        path.append(found[0])
        rivals += found[1:2]
        valid = [one for one in following.get(path[-1].id, ()) if signing_seats(path[-1].head, one.head)]
        found = sorted(valid, key=lambda one: (-signing_seats(path[-1].head, one.head), one.id))
    return Charters(tuple(path), tuple(rivals))
