"""A catalog on a shelf: two hubs with their proofs, a noon, and what the last commit said."""

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.events import Commit, Now
from hartig_protocol.limits import DAY_MS, HOUR_MS
from hartig_protocol.records.record import Record
from support.records import NOW_MS, Network

NETWORK = Network()
HUB, OTHER = NETWORK.hub(1), NETWORK.hub(2)
PROOFS = NETWORK.founding(2)


def at(wall_ms: int, *, trusted: bool = True) -> Now:
    return Now(wall_ms, 0, trusted)


NOON = at(NOW_MS + HOUR_MS)
UNTRUSTED = at(NOW_MS + 999 * DAY_MS, trusted=False)


class Shelf:
    """A catalog with its proofs, and the last commit."""

    def __init__(self, *records: Record, now: Now = NOON) -> None:
        self.catalog = Catalog(NETWORK.id)
        self.take(*PROOFS, *records, now=now)

    def take(self, *records: Record, now: Now = NOON) -> list[str]:
        """Take records; return for each, in the order given, its code, or the name of its outcome."""
        self.commit = Commit()
        verdicts = {record.id: verdict for record, verdict in self.catalog.take(records, now, self.commit)}
        return [verdicts[record.id].code or verdicts[record.id].outcome.name for record in records]

    def sweep(self, now: Now) -> Commit:
        self.commit = Commit()
        self.catalog.sweep(now, self.commit)
        return self.commit

    @property
    def ids(self) -> set[bytes]:
        return set(self.catalog.entries)


def need(**fields: object) -> Record:
    return NETWORK.need(HUB, **fields)
