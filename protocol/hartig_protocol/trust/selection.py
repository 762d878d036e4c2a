"""What crosses from one network to a partner: a filter that every hub of both computes alike (SPEC X4).

It reads nothing but what a thread's id commits to, so it selects whole threads, whatever came first. In: heads. Out:
yes or no. Called by the catalogs of partners' records, and by what is served to them (`partners`).
"""

from hartig_protocol.limits import KIND_CHAIN_LOWEST
from hartig_protocol.records.categories import is_same_or_ancestor
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Head, Kind, Record
from hartig_protocol.values import value

_PROOFS = frozenset({int(Kind.CHARTER), int(Kind.GRANT), int(Kind.REVOKE)})
_PACT, _CARD, _NEED, _OFFER, _MARK = (int(one) for one in (Kind.PACT, Kind.CARD, Kind.NEED, Kind.OFFER, Kind.MARK))
_NOTE = 33
_NAMES = {_OFFER: "offer", _NOTE: "note"}


@value
class Selection:
    """What crosses from `exporter` to `importer` by `pact`, the exporter's side of the agreement, or without any."""

    exporter: bytes
    importer: bytes
    pact: Pact | None

    def crosses(self, head: Head) -> bool:
        """Tell whether a record crosses; of a step: whether it may, if the thread that it belongs to does."""
        kind, audience = head.kind, head.audience
        if kind in _PROOFS:
            return True
        if kind == _CARD:
            return audience == "network" and head.subject == head.author
        if kind == _PACT:
            return audience == self.importer
        if self.pact is None or audience not in ("partners", self.importer):
            return False
        if kind == _NEED:
            return audience == self.importer
        if kind in (KIND_CHAIN_LOWEST, _MARK):
            return True  # of marks only flags have such an audience, and no fact that counts people (D12)
        return _NAMES.get(kind) in self.pact.kinds and self._covers(kind, head.fixed)

    def _covers(self, kind: int, fixed: list[object]) -> bool:
        """Tell whether category and area of an offer are shared; other kinds have none."""
        if kind != _OFFER:
            return True
        assert self.pact is not None
        category, area = str(fixed[0]), str(fixed[1])
        categories, areas = self.pact.categories, self.pact.areas
        is_shared = not categories or any(is_same_or_ancestor(one, category) for one in categories)
        return is_shared and (not areas or area.startswith(areas))

    def as_crossing(self, record: Record) -> Record:
        """Return a record as it crosses: without the body that does not."""
        return record if record.body_bytes is None or self.wants_body(record.head) else record.without_body()

    def wants_body(self, head: Head) -> bool:
        """Tell whether a record's body crosses with it: of steps only that of a contact for the importer."""
        return head.kind < KIND_CHAIN_LOWEST or head.facts.get("to") == self.importer
