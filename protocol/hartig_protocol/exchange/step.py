"""One step as it is judged: a record of a chain without what only the mesh needs.

In: records that the catalog keeps in a chain. Out: `Step`, which `lot` and `need` take in the order of seq.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hartig_protocol.records.record import Kind, Record

OF_ANOTHER_KIND = ""  # no verb: a chain may hold steps of kinds that only a newer version knows


@dataclass(frozen=True, slots=True)
class Step:
    """One well-formed step (SPEC D1); `verb` is a known `Verb`, or text that this version does not know."""

    id: bytes
    seq: int
    verb: str
    facts: Mapping[str, Any]
    stamp_ms: int

    @classmethod
    def of(cls, record: Record) -> "Step":
        """Take from a record of a chain what is judged."""
        head = record.head
        verb = head.facts["verb"] if head.kind == Kind.STEP else OF_ANOTHER_KIND
        return cls(record.id, head.seq, verb, head.facts, head.stamp)

    @property
    def date(self) -> int | None:
        """The date whose account this step is about; None where there are no dates."""
        date: int | None = self.facts.get("date")
        return date

    @property
    def dates(self) -> Sequence[int | None]:
        """All dates that a first count is about."""
        dates: Sequence[int | None] = self.facts.get("dates") or (self.facts.get("date"),)
        return dates
