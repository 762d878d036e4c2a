"""One step as it is judged: a record of a chain without what only the mesh needs.

In: records that the catalog keeps in a chain. Out: `Step`, which `lot` and `need` take in the order of seq.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hartig_protocol.encoding import decode_untyped
from hartig_protocol.limits import KIND_CHAIN_LOWEST
from hartig_protocol.records.record import HEAD_FIELDS, Head, Kind, Record, head_of_fields
from hartig_protocol.records.steps import check_step_facts

_STEP = int(Kind.STEP)
OF_ANOTHER_KIND = ""  # no verb: a chain may hold steps of kinds that only a newer version knows


class Step(NamedTuple):
    """One well-formed step (SPEC D1); `verb` is a known `Verb`, or text that this version does not know."""

    id: bytes
    seq: int
    verb: str
    facts: Mapping[str, Any]
    stamp_ms: int

    @classmethod
    def of(cls, record: Record) -> "Step":
        """Take from a record of a chain what is judged."""
        return cls.of_head(record.id, record.head)

    @classmethod
    def of_head(cls, step_id: bytes, head: Head) -> "Step":
        """Take from the head of a record of a chain what is judged."""
        facts = head.facts
        return cls(step_id, head.seq, facts["verb"] if head.kind == _STEP else OF_ANOTHER_KIND, facts, head.stamp)

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


def head_of_stored_step(head_bytes: bytes) -> Head | None:
    """Return the head of a step that our own store holds; None for what `open_record` must look at.

    A chain is read from there often, so nothing is checked again that was checked when a step came in. But whoever took
    it in may have been an older version, which did not know its verb: what a verb must say is checked. Raises
    `RecordError` where that is wrong.
    """
    fields = decode_untyped(head_bytes)
    if type(fields) is not list or len(fields) != len(HEAD_FIELDS):
        return None
    head = head_of_fields(fields)
    if type(head.kind) is not int or head.kind < KIND_CHAIN_LOWEST:
        return None
    if head.kind == _STEP:
        check_step_facts(head)
    return head
