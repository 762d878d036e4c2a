"""Commits for tests: numbers records as the core does."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from hartig_protocol.catalog.entry import Entry
from hartig_protocol.events import Commit
from hartig_protocol.limits import CHECK_BYTES
from hartig_protocol.records.keys import PREFIX_ARRIVALS, sha256
from hartig_protocol.records.record import Record


class Arrivals:
    """Gives arrival numbers and the running hash."""

    def __init__(self, last_n: int = 0, running: bytes = bytes(CHECK_BYTES)) -> None:
        self.last_n = last_n
        self.running = running

    def entry(self, record: Record) -> Entry:
        """Accept a record."""
        self.last_n += 1
        self.running = sha256(PREFIX_ARRIVALS, self.running, record.id)[:CHECK_BYTES]
        return Entry.of(record, self.last_n, self.running)

    def commit(self, *records: Record, removed: Sequence[bytes] = ()) -> Commit:
        """Return a commit that adds records and removes ids."""
        return Commit(added=[(self.entry(record), record) for record in records], removed=list(removed))


def crashed_copy(folder: Path, target: Path) -> Path:
    """Return a folder as a power cut would leave this one, while no commit is on its way."""
    target.mkdir()
    for name in ("hartig.db", "hartig.db-wal"):
        shutil.copyfile(folder / name, target / name)
    return target
