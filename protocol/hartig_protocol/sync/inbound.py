"""What a peer sends us: every record is judged on its own, then the cursor moves (SPEC, parts S and W).

In: `Records` messages, "complete through", records out of a bundle, and those that this hub publishes itself. One bad
record is dropped and counted, and the rest of its message is used. "Complete through n" is committed with the records,
and only if nothing is set aside and nothing that was named is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any

from hartig_protocol.catalog.entry import Entry, register_of_head
from hartig_protocol.catalog.governing import provers_changed
from hartig_protocol.catalog.jobs import Turn
from hartig_protocol.catalog.verdict import Outcome, Verdict
from hartig_protocol.errors import MessageError
from hartig_protocol.events import Cursor, Notice, OwnRecordClaimed, Refusal
from hartig_protocol.limits import (
    ACK_AFTER_MS,
    ACK_AFTER_RECORDS,
    ASKED_PER_SESSION_MAX,
    INTAKE_COST,
    INTAKE_COST_KNOWN,
    INTAKE_GRANTS_A_RECORD,
    KIND_CHAIN_LOWEST,
    OLD_THREADS_PER_SESSION_MAX,
    RECORDS_PER_FRAME,
    SHORT_BYTES,
)
from hartig_protocol.records.opening import open_records
from hartig_protocol.records.record import Kind, Record, record_id
from hartig_protocol.sync import feeding, pulling, spreading
from hartig_protocol.sync.messages import ANSWER, LIVE, Ack, Through, Want
from hartig_protocol.sync.state import Carried, Inbound, Question, Session, Step, SyncState
from hartig_protocol.trust.authority import is_governance

_FOR_GOOD = frozenset({"superseded", "forked", "bad_step"})  # whatever time it is, while who may act stays the same
_POSTS = frozenset({Kind.NEED, Kind.OFFER})


def take(state: SyncState, session: Session, step: Step, why: int, wires: Sequence[Any]) -> None:
    """Judge what came, tell the spreading what was new and what was not; it is paid for by what it has cost."""
    known, records = _sorted_out(state, session, wires)
    cost = INTAKE_COST * (len(wires) - len(known)) + INTAKE_COST_KNOWN * len(known)
    payer = feeding.payer(state, session, step, why)
    if session.out.named:
        for held_id in (*(one for one, _ in known), *(record.id for record in records)):
            session.out.named.pop(held_id[:SHORT_BYTES], None)
    if why == LIVE and known:
        spreading.came_twice(state, session, step, (author for _, author in known))
    pulled = [record for record in records if _is_missing_live(state, record)] if why == ANSWER else []
    news = records if why == LIVE else pulled
    spreading.came_elsewhere(state, session, step, news)
    computed = state.catalog.authorities_computed
    verdicts = ingest(state, step, records, session, live=bool(news))
    is_dear = state.catalog.authorities_computed > computed and any(is_governance(one.head.kind) for one in records)
    more = INTAKE_COST * len(state.catalog.governance) // INTAKE_GRANTS_A_RECORD if is_dear else 0
    state.intake.spend(payer, cost + (more if payer else 0), len(wires), state.catalog.shared_count)
    if not payer:
        state.intake.owe(session.peer_hub, more)
    spreading.pulled(state, session, step, pulled)
    spreading.came_first(
        state, session, (one.head.author for one in news if verdicts[one.id].outcome is Outcome.ACCEPTED)
    )
    _claim_own(state, session, step, records)


def _is_missing_live(state: SyncState, record: Record) -> bool:
    missing = state.missing.get(record.id[:SHORT_BYTES])
    return missing is not None and missing.live


def part_taken(state: SyncState, session: Session, step: Step, *, final: bool) -> None:
    """A part of an answer was dealt with; the last closes the oldest question."""
    session.into.answered_ms = step.now.steady_ms
    if not final:
        return
    if not session.into.questions:
        raise MessageError("bad_message", "an answer that nobody asked for")
    question = session.into.questions.popleft()
    if question.kind == "pull":
        pulling.answered(state, session, step, question)
    elif question.kind == "lack":
        feeding.release(state, session, step)


def dealt(session: Session, step: Step, weight: int) -> None:
    """Acknowledge what so much counts in a window: at once after many records, else later, for several together."""
    into = session.into
    into.weight += weight
    if into.weight - into.acked >= ACK_AFTER_RECORDS:
        acknowledge(session, step)
    elif into.ack_due_ms is None:
        into.ack_due_ms = step.now.steady_ms + ACK_AFTER_MS


def acknowledge(session: Session, step: Step) -> None:
    """Say how much was dealt with, if the peer does not know."""
    into = session.into
    into.ack_due_ms = None
    if into.acked < into.weight:
        into.acked = into.weight
        step.send(session, Ack(into.weight))


def through_received(state: SyncState, session: Session, step: Step, message: Through) -> None:
    """Note how far the peer's stream is; where it ends, whoever waits for that may go on."""
    into = session.into
    if message.n:
        into.pending = (message.n, message.check)
    into.idle = message.final or not message.n
    acknowledge(session, step)
    commit_cursor(state, session, step)
    if message.final and not into.has_asked("lack"):
        feeding.release(state, session, step)


def _claim_own(state: SyncState, session: Session, step: Step, records: Sequence[Record]) -> None:
    """Tell the node of records that our own key signed and that we did not hold: were they signed here?"""
    for record in records:
        if record.head.author == state.hub_key.public:
            step.order(OwnRecordClaimed(record.id, record.head.kind, record.head.seq, session.peer_hub))


def open_all(state: SyncState, session: Session, wires: Sequence[Any]) -> list[Record]:
    """Open and verify wire forms; what is held already is left out, what is bad is dropped."""
    return _sorted_out(state, session, wires)[1]


def _sorted_out(
    state: SyncState, session: Session, wires: Sequence[Any]
) -> tuple[list[tuple[bytes, bytes]], list[Record]]:
    """Return ids and authors of what is held already, which is not verified again, and the rest opened and verified."""
    known: list[tuple[bytes, bytes]] = []
    news: list[tuple[bytes | None, Any]] = []
    author_of = state.catalog.author_of
    for wire in wires:
        wire_id = id_of(wire)
        author = None if wire_id is None else author_of(wire_id, has_body=wire[2] is not None)
        if wire_id is None or author is None:
            news.append((wire_id, wire))
        else:
            known.append((wire_id, author))
    if state.enclosure is not None and not state.enclosure.takes:
        session.into.refused += len(news)
        return known, []
    authentic, refused = open_records(news)
    opened = [record for record in authentic if record.head.audience != "hub"]  # it should never have left its hub
    session.into.refused += refused + len(authentic) - len(opened)
    return known, opened


def id_of(wire: Any) -> bytes | None:
    """Return the id of a wire form that has the shape of one, which may be all that is right about it."""
    if type(wire) not in (list, tuple) or len(wire) != 3 or type(wire[0]) is not bytes:
        return None
    return record_id(wire[0])


def ingest(
    state: SyncState,
    step: Step,
    records: Iterable[Record],
    source: Session | None,
    *,
    live: bool = True,
    carrier: bytes = b"",
) -> dict[bytes, Verdict]:
    """The one path into the catalog: judge, accept, set aside, try again what waited, forward. Returns verdicts.

    `live`: just accepted elsewhere or written here, so that it is sent on at once and not by name. `carrier` is the hub
    under whose name records wait that come from no session.
    """
    records = list(records)
    if not records:
        return {}
    peer = source.peer_hub if source else carrier
    return _take_all(state, step, [(peer, record) for record in records], source, live=live)


def _take_all(
    state: SyncState, step: Step, todo: list[tuple[bytes, Record]], source: Session | None, *, live: bool
) -> dict[bytes, Verdict]:
    """Take records, each with who sent it, and of what waited for them as many as one event has time for."""
    before, added_before = state.catalog.last_n, len(step.commit.added)
    records = [record for _, record in todo]
    known_threads, room = _threads_standing(state, records), RECORDS_PER_FRAME
    verdicts: dict[bytes, Verdict] = {}
    while todo:
        authority = state.catalog.authority
        judged = state.catalog.take([record for _, record in todo], step.now, step.commit)
        verdicts.update((record.id, verdict) for record, verdict in judged)
        settled = [record for record, verdict in judged if verdict.outcome is Outcome.ACCEPTED]
        if len(settled) < len(judged):
            _set_others_aside(state, source, todo, judged)
            settled += [record for record, verdict in judged if _is_lost_charter(record, verdict)]
        todo = []
        if settled:
            if state.catalog.authority is not authority:
                state.refused_lately.clear()  # what stood in a record's way may have lost its proof
            if state.waiting:
                keys = provers_changed(authority, state.catalog.authority, settled)
                state.waiting.wake(_keys_of(settled) | {("proof", key) for key in keys})
                todo = state.waiting.take_ready(room)
                room -= len(todo)
    accepted = step.commit.added[added_before:]
    if step.commit.removed:
        accepted = [item for item in accepted if item[0].id in state.catalog.entries]
    _spill_steps_of(state, {record.head.thread for _, record in accepted if not record.head.is_chain})
    for _, record in accepted:
        state.card_accepted(record)
    _write_notices(state, step, accepted, known_threads)
    pulling.arrived(state, (key for key, verdict in verdicts.items() if verdict.outcome is not Outcome.WAITS))
    if accepted:
        sent = {record.id for record in records} if source is not None else set()
        spreading.forward(state, step, accepted, source, sent, before, live=live)
    for session in state.open_sessions():
        if session is not source and session.into.pending is not None:
            commit_cursor(state, session, step)
    if state.waiting.is_ready and not state.waiting.is_worked_on:
        state.waiting.is_worked_on = True
        state.start_job(step, Turn(), lambda later: _try_ready(state, later))
    return verdicts


def _try_ready(state: SyncState, step: Step) -> None:
    """Try a few of those again that are ready; for the others there is another turn."""
    state.waiting.is_worked_on = False
    todo = state.waiting.take_ready(RECORDS_PER_FRAME)
    if todo:
        _take_all(state, step, todo, None, live=True)


def settle_shelf(state: SyncState, step: Step, shelf: bytes) -> None:
    """Try all of a bundle again that is ready: whoever reads it hears now what became of it."""
    while todo := state.waiting.take_ready_of(shelf):
        _take_all(state, step, todo, None, live=False)


def _is_lost_charter(record: Record, verdict: Verdict) -> bool:
    """Whether this is a charter that can never stand, so that what follows it waits for nothing."""
    return verdict.outcome is Outcome.REFUSED and record.head.kind == Kind.CHARTER


def _keys_of(records: Iterable[Record]) -> set[tuple[str, bytes]]:
    """Return by what names others may wait for these records."""
    keys = set()
    for record in records:
        keys |= {("record", record.id), ("register", record.head.thread), ("body", record.id)}
    return keys


def _set_others_aside(
    state: SyncState,
    source: Session | None,
    senders: Iterable[tuple[bytes, Record]],
    judged: Iterable[tuple[Record, Verdict]],
) -> None:
    """Note for everybody who sent it what became of each record that was not accepted."""
    senders_of: dict[bytes, list[bytes]] = {}
    for sender, record in senders:
        senders_of.setdefault(record.id, []).append(sender)
    for record, verdict in judged:
        if verdict.outcome is not Outcome.ACCEPTED:
            for sender in senders_of[record.id]:
                _set_aside(state, source, sender, record, verdict)
            if verdict.code in _FOR_GOOD:
                pulling.refused(state, record.id)


def _set_aside(state: SyncState, source: Session | None, sender: bytes, record: Record, verdict: Verdict) -> None:
    if verdict.outcome is Outcome.REFUSED:
        if source is not None:
            source.into.refused += 1
        _remember_old_thread(state, state.into_of(source), record, verdict)
        return
    if verdict.outcome is not Outcome.WAITS or verdict.waits_for is None or not sender:
        return
    into = source.into if source is not None and source.peer_hub == sender else None
    what, key = verdict.waits_for
    if what == "register" and record.head.thread in state.into_of(source).old_threads:
        return
    kept = state.waiting.add(sender, record, verdict.waits_for)
    if into is None:
        return
    if not kept:
        into.spilled = True
    elif what in ("record", "body"):
        want(into, [key])


def _remember_old_thread(state: SyncState, into: Inbound | Carried, record: Record, verdict: Verdict) -> None:
    """A register that is superseded here takes its steps with it: they need not wait for it."""
    if verdict.code != "superseded":
        return
    held = state.catalog.registers.get(register_of_head(record.head) or (b"", "", 0))
    if held is None or held.thread == record.head.thread:
        return
    into.old_threads.append(record.head.thread)
    if len(into.old_threads) > OLD_THREADS_PER_SESSION_MAX:
        into.old_threads.popleft()
    state.waiting.forget_thread(record.head.thread)


def _spill_steps_of(state: SyncState, threads: AbstractSet[bytes]) -> None:
    """Hold the cursors of those who sent steps that were let go, and that belong to threads which now stand again."""
    intos: list[Inbound | Carried] = [state.carried, *(session.into for session in state.open_sessions())]
    for into in intos:
        if not threads.isdisjoint(into.old_threads):
            into.spilled = True


def commit_cursor(state: SyncState, session: Session, step: Step) -> None:
    """Commit "complete through n" of this peer, unless something of it is set aside."""
    into = session.into
    is_lacking = into.spilled or into.named or into.held or into.has_asked("lack")
    if into.pending is None or is_lacking or state.waiting.count(session.peer_hub):
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
    """Ask for the next missing records; one such question at a time, so that an answer never floods us."""
    into = session.into
    if not into.wanted or into.has_asked("want"):
        return
    ids = tuple(islice(into.wanted, RECORDS_PER_FRAME))
    for missing in ids:
        del into.wanted[missing]
    into.asked.update(ids)
    into.ask(Question("want"), step.now.steady_ms)
    step.send(session, Want(ids))


def retry_waiting(state: SyncState, step: Step) -> None:
    """Try again all that waits, since time may have completed it (a body that is due to go is no longer needed)."""
    state.waiting.wake_all()
    _try_ready(state, step)


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
    stands, heads = state.catalog.stands, (record.head for record in records)
    return {head.thread for head in heads if head.kind < KIND_CHAIN_LOWEST and stands(head)}


def _write_notices(
    state: SyncState, step: Step, accepted: Sequence[tuple[Entry, Record]], known_threads: set[bytes]
) -> None:
    """Write one line of the feed for each accepted record that people or programs may care about."""
    for entry, record in accepted:
        name = _notice_name(entry, record, known_threads)
        if entry.kind == Kind.CHARTER and any(
            rival.head.prev == record.head.prev for rival in state.catalog.charters.rivals
        ):
            name = "network.forked"
        step.notice(Notice(name, step.now.wall_ms, entry.thread, entry.id, entry.kind, entry.author))


def _notice_name(entry: Entry, record: Record, known_threads: set[bytes]) -> str:
    if entry.kind == Kind.STEP:
        return "deal.changed"
    family = "post" if entry.kind in _POSTS else _FAMILIES.get(entry.kind, "record")
    if entry.ends:
        return f"{family}.ended"
    is_change = record.head.thread in known_threads or (entry.kind == Kind.CHARTER and entry.seq > 1)
    return f"{family}.{'changed' if is_change else 'added'}"


_FAMILIES: Mapping[int, str] = {
    Kind.CHARTER: "network",
    Kind.GRANT: "member",
    Kind.PACT: "agreement",
    Kind.REVOKE: "removal",
    Kind.CARD: "card",
}
