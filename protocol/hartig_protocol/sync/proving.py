"""What a greeting carries, looked at only as far as its speaker needs it to stand (SPEC H4, H6).

In: the records of a hello or a join, as they came, and whose they are to prove. Out: those of them that do are taken.
Whoever stands already, and names a node that its card names, needs nothing: what is new there comes by the stream. Of
others only that is read which leads from their key up to one that is known here, and it is verified from there downward
until one does not verify. A greeting that proves its speaker is paid for like any records; the others have a small pool
of their own, so that however often strangers come they cost little, and take nothing from members. Who calls:
`greeting`.
"""

from collections.abc import Sequence
from typing import Any

from hartig_protocol.errors import RecordError
from hartig_protocol.limits import (
    CHARTERS_MAX,
    GRANTS_DEEP_MAX,
    INTAKE_COST,
    INTAKE_COST_KNOWN,
    INTAKE_GRANTS_A_RECORD,
    SUCCESSIONS_MAX,
)
from hartig_protocol.records.governance import Rank, signing_seats
from hartig_protocol.records.opening import is_signed, open_record
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync import inbound
from hartig_protocol.sync.state import Step, SyncState
from hartig_protocol.trust.authority import is_governance
from hartig_protocol.trust.charters import is_of

TOO_OFTEN = ("too_often", "many greetings that prove nothing have come here; try again in a minute")


def prove(state: SyncState, step: Step, hub: bytes, node: bytes | None, wires: Sequence[Any]) -> bool:
    """Take what lets this hub stand, and its card where that is to name a node; false where there was no time to look.

    Without a node it is a newcomer that is to be proven.
    """
    if not wires or _is_proven(state, hub, node):
        return True
    state.intake.greetings.refill(step.now.steady_ms)
    if state.intake.greetings.tokens <= 0:
        return False
    checks = _Checks(state, step)
    rest = checks.take_charters(wires)
    card = checks.read(rest[-1]) if rest else None
    if card is not None and card.head.kind == Kind.CARD:
        checks.take_grants(hub, rest[:-1])
        if card.head.author == hub and node is not None and _stands(state, hub):
            checks.take([card])
    else:
        checks.take_grants(hub, rest)
    pool = state.intake.pool if _is_proven(state, hub, node) else state.intake.greetings
    pool.spend(checks.cost)
    return True


def _stands(state: SyncState, hub: bytes) -> bool:
    standing = state.catalog.authority.standing(hub)
    return standing is not None and standing.rank >= Rank.HUB


def _is_proven(state: SyncState, hub: bytes, node: bytes | None) -> bool:
    if node is None:
        return state.catalog.authority.standing(hub) is not None
    return _stands(state, hub) and node in state.nodes_of_hub.get(hub, ())


class _Checks:
    """What was read and verified for one greeting, and what that has cost."""

    def __init__(self, state: SyncState, step: Step) -> None:
        self._state, self._step, self.cost = state, step, 0

    def read(self, wire: Any) -> Record | None:
        """Return a record as it says it is, not verified unless it is held; None if it is none of this network."""
        held = self._state.catalog.governance.get(inbound.id_of(wire) or b"")
        if held is not None:
            return held
        self.cost += INTAKE_COST_KNOWN
        try:
            record = open_record(wire, verify_signature=False)
        except RecordError:
            return None
        is_first = record.head.kind == Kind.CHARTER and record.head.prev is None
        return record if is_first or record.head.network == self._state.network else None

    def take_charters(self, wires: Sequence[Any]) -> Sequence[Any]:
        """Take the charters that come first, as far as they follow what stands; return what comes after them."""
        kept, found, at = dict(self._state.catalog.charters.kept), list[Record](), 0
        for wire in wires[:CHARTERS_MAX]:
            charter = self.read(wire)
            if charter is None or charter.head.kind != Kind.CHARTER:
                break
            at += 1
            before = kept.get(charter.head.prev or charter.id, charter)
            if charter.id not in kept and is_of(self._state.network, charter) and _follows(before, charter):
                kept[charter.id] = charter
                found.append(charter)
        self.take(found)
        return wires[at:]

    def take_grants(self, hub: bytes, wires: Sequence[Any]) -> None:
        """Take the grants and revocations that lead to this key, if they begin with somebody who is known."""
        held, path = self._state.catalog.governance, list[Record]()
        for wire in reversed(wires[-(GRANTS_DEEP_MAX + SUCCESSIONS_MAX) :]):
            record = self.read(wire)
            if record is None or hub != _below(record):
                break
            path.append(record)
            hub = _above(record)
        if _is_known(self._state, hub):
            self.take([record for record in reversed(path) if record.id not in held])

    def take(self, records: Sequence[Record]) -> None:
        """Take records in their order, until one does not verify."""
        good = []
        for record in records:
            self.cost += INTAKE_COST * _signatures(record)
            if not is_signed(record.head, record.head_bytes, record.signature):
                break
            good.append(record)
        if any(is_governance(record.head.kind) for record in good):
            self.cost += INTAKE_COST * len(self._state.catalog.governance) // INTAKE_GRANTS_A_RECORD
        inbound.ingest(self._state, self._step, good, None)


def _signatures(record: Record) -> int:
    """Return how many signatures are verified for a record; a consent is one (SPEC G2, G8)."""
    head = record.head  # of other kinds than a charter anything may be called `signers`
    return (len(head.facts["signers"]) if head.kind == Kind.CHARTER else 1) + ("consent" in head.facts)


def _follows(before: Record, charter: Record) -> bool:
    """Whether a charter says that it is signed by enough seats of the one before; a first one, by its own."""
    return (charter.head.prev in (None, before.id)) and signing_seats(before.head, charter.head) > 0


def _below(record: Record) -> bytes | None:
    """Return whom a record of a path leads to: whom it grants something, or who comes after whom it revokes."""
    head = record.head
    return (
        head.subject if head.kind == Kind.GRANT else head.facts.get("successor") if head.kind == Kind.REVOKE else None
    )


def _above(record: Record) -> bytes:
    return record.head.author if record.head.kind == Kind.GRANT else record.head.subject


def _is_known(state: SyncState, key: bytes) -> bool:
    """Whether a key stands, or was granted something once: then it may have a successor."""
    heads = (record.head for record in state.catalog.governance.values())
    return key in state.catalog.authority.standings or any(
        head.kind == Kind.GRANT and head.subject == key for head in heads
    )
