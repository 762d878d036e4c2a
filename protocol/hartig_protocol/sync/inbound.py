"""What a peer sends us: every record is judged on its own, then the cursor moves (SPEC, parts S and W).

In: `Records` messages, and records that this hub publishes itself. One bad record is dropped and counted, and the
rest of its message is used. "Complete through n" is committed with the records, and only if nothing is set aside.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from hartig_protocol.catalog.entry import Body, Entry, register_of_head
from hartig_protocol.catalog.verdict import Outcome, Verdict
from hartig_protocol.errors import RecordError
from hartig_protocol.events import Cursor, Notice, OwnRecordClaimed, Refusal
from hartig_protocol.limits import (
    ASKED_PER_SESSION_MAX,
    OLD_THREADS_PER_SESSION_MAX,
    RECORDS_PER_FRAME,
)
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record, record_id
from hartig_protocol.sync import outbound
from hartig_protocol.sync.messages import ANSWER, STREAM, Ack, Records, Want
from hartig_protocol.sync.state import Inbound, Session, Step, SyncState

_POSTS = frozenset({Kind.NEED, Kind.OFFER})


def records_received(state: SyncState, session: Session, step: Step, message: Records) -> None:
    """Judge what came, move the cursor, acknowledge, and ask for what is found missing."""
    records = open_all(state, session, message.records)
    ingest(state, step, records, session)
    _claim_own(state, session, step, records)
    into = session.into
    if message.why == STREAM:
        into.pending = (message.through, message.check)
        into.final = message.final
    elif message.why == ANSWER and message.final:
        into.asking = False
    commit_cursor(state, session, step)
    step.send(session, Ack(message.number))
    ask(session, step)


def _claim_own(state: SyncState, session: Session, step: Step, records: Sequence[Record]) -> None:
    """Tell the node of records that our own key signed and that we did not hold: were they signed here?"""
    for record in records:
        if record.head.author == state.hub_key.public:
            step.order(OwnRecordClaimed(record.id, record.head.seq, session.peer_hub))


def open_all(state: SyncState, session: Session, wires: Sequence[Any]) -> list[Record]:
    """Open and verify wire forms; what is held already is not verified again, what is bad is dropped."""
    opened = []
    for wire in wires:
        if _is_known(state, wire):
            continue
        try:
            record = open_record(wire)
        except RecordError:
            session.into.refused += 1
            continue
        if record.head.audience == "hub":
            session.into.refused += 1  # it should never have left its hub
        else:
            opened.append(record)
    return opened


def _is_known(state: SyncState, wire: Any) -> bool:
    """Whether a record with this head is accepted already: only a body that is not here needs a second look."""
    if type(wire) not in (list, tuple) or len(wire) != 3 or type(wire[0]) is not bytes:
        return False
    held = state.catalog.entries.get(record_id(wire[0]))
    return held is not None and (held.body is not Body.GONE or wire[2] is None)


def ingest(state: SyncState, step: Step, records: Iterable[Record], source: Session | None) -> dict[bytes, Verdict]:
    """The one path into the catalog: judge, accept, set aside, try again what waited, forward. Returns verdicts."""
    peer = source.peer_hub if source else b""
    before, added_before = state.catalog.last_n, len(step.commit.added)
    known_threads = _threads_standing(state, records := list(records))
    todo = [(peer, record) for record in records]
    verdicts: dict[bytes, Verdict] = {}
    while todo:
        senders: dict[bytes, list[bytes]] = {}
        for sender, record in todo:
            senders.setdefault(record.id, []).append(sender)
        authority = state.catalog.authority
        accepted_now: set[tuple[str, bytes]] = set()
        for record, verdict in state.catalog.take([record for _, record in todo], step.now, step.commit):
            verdicts[record.id] = verdict
            if verdict.outcome is Outcome.ACCEPTED:
                accepted_now |= {("record", record.id), ("register", record.head.thread), ("body", record.id)}
            else:
                for sender in senders[record.id]:
                    _set_aside(state, source, sender, record, verdict)
        todo = []
        if accepted_now:
            proofs = state.catalog.authority is not authority
            todo = state.waiting.release(accepted_now, proofs=proofs)
    accepted = [item for item in step.commit.added[added_before:] if item[0].id in state.catalog.entries]
    for _, record in accepted:
        state.card_accepted(record)
    _write_notices(step, accepted, known_threads)
    outbound.forward(state, step, accepted, source, before)
    for session in state.open_sessions():
        if session is not source:
            commit_cursor(state, session, step)
    return verdicts


def _set_aside(state: SyncState, source: Session | None, sender: bytes, record: Record, verdict: Verdict) -> None:
    if verdict.outcome is Outcome.REFUSED:
        if source is not None:
            source.into.refused += 1
            _remember_old_thread(state, source, record, verdict)
        return
    if verdict.outcome is not Outcome.WAITS or verdict.waits_for is None or not sender:
        return
    into = source.into if source is not None and source.peer_hub == sender else None
    what, key = verdict.waits_for
    if into is not None and what == "register" and record.head.thread in into.old_threads:
        return
    kept = state.waiting.add(sender, record, verdict.waits_for)
    if into is None:
        return
    if not kept:
        into.spilled = True
    elif what in ("record", "body"):
        want(into, [key])


def _remember_old_thread(state: SyncState, source: Session, record: Record, verdict: Verdict) -> None:
    """A register that is superseded here takes its steps with it: they need not wait for it."""
    if verdict.code != "superseded":
        return
    held = state.catalog.registers.get(register_of_head(record.head) or (b"", "", 0))
    if held is None or held.thread == record.head.thread:
        return
    source.into.old_threads.append(record.head.thread)
    if len(source.into.old_threads) > OLD_THREADS_PER_SESSION_MAX:
        source.into.old_threads.popleft()
    state.waiting.forget_thread(record.head.thread)


def commit_cursor(state: SyncState, session: Session, step: Step) -> None:
    """Commit "complete through n" of this peer, unless something of it is set aside."""
    into = session.into
    if into.pending is None or into.spilled or state.waiting.count(session.peer_hub):
        return
    n, check = into.pending
    into.pending = None
    cursor = Cursor(session.peer_hub, session.peer_epoch, n, check)
    if state.cursors.advance(cursor):
        step.commit.cursors.append(cursor)


def want(into: Inbound, ids: Iterable[bytes]) -> None:
    """Note ids to ask this peer for, each once per session."""
    for missing in ids:
        if missing not in into.asked and len(into.asked) + len(into.wanted) < ASKED_PER_SESSION_MAX:
            into.wanted[missing] = None


def ask(session: Session, step: Step) -> None:
    """Ask for the next missing records; one question at a time, so that an answer never floods us."""
    into = session.into
    if into.asking or not into.wanted:
        return
    ids = tuple(islice(into.wanted, RECORDS_PER_FRAME))
    for missing in ids:
        del into.wanted[missing]
    into.asked.update(ids)
    into.asking = True
    step.send(session, Want(ids))


def retry_waiting(state: SyncState, step: Step) -> None:
    """Try again all that waits, since time may have completed it (a body that is due to go is no longer needed).

    One neighbour after the other: what another sent must not be out of the waiting place while cursors are written.
    """
    for session in state.open_sessions():
        records = state.waiting.release_peer(session.peer_hub)
        if records:
            ingest(state, step, records, session)
            commit_cursor(state, session, step)


def refusals_of(
    state: SyncState, records: Iterable[Record], verdicts: dict[bytes, Verdict]
) -> tuple[Refusal | None, ...]:
    """Say for each published record why it was not accepted, or None where it was or is known."""
    refusals: list[Refusal | None] = []
    for record in records:
        verdict = verdicts[record.id]
        if record.id in state.catalog.entries:
            refusals.append(None)
        elif verdict.outcome in (Outcome.ACCEPTED, Outcome.KNOWN):
            refusals.append(Refusal("replaced", "another record that was handed in with it took its place"))
        else:
            refusals.append(Refusal(verdict.code, verdict.reason))
    return tuple(refusals)


def _threads_standing(state: SyncState, records: Sequence[Record]) -> set[bytes]:
    """Return those of the records' threads that stand already: what comes for them is a change, not an addition."""
    standing = set()
    for record in records:
        register = register_of_head(record.head)
        held = state.catalog.registers.get(register) if register and not record.head.is_chain else None
        if held is not None and held.thread == record.head.thread:
            standing.add(held.thread)
    return standing


def _write_notices(step: Step, accepted: Sequence[tuple[Entry, Record]], known_threads: set[bytes]) -> None:
    """Write one line of the feed for each accepted record that people or programs may care about."""
    for entry, record in accepted:
        name = _notice_name(entry, record, known_threads)
        step.notice(Notice(name, step.now.wall_ms, entry.thread, entry.id, entry.kind, entry.author))


def _notice_name(entry: Entry, record: Record, known_threads: set[bytes]) -> str:
    family = "post" if entry.kind in _POSTS else _FAMILIES.get(entry.kind, "record")
    if entry.ends:
        return f"{family}.ended"
    return f"{family}.{'changed' if record.head.thread in known_threads else 'added'}"


_FAMILIES: Mapping[int, str] = {
    Kind.CHARTER: "network",
    Kind.GRANT: "member",
    Kind.REVOKE: "removal",
    Kind.CARD: "card",
}
