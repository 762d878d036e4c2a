"""What we send a peer of what we hold: one stream in arrival order, read from the store, or by name from the catalog.

Called after every step and on every acknowledgement (SPEC, part S). A slow peer costs a bounded window and delays
nobody else: while its window is full, what is new waits in a line that is fair to all who wrote it, and of which only
what still stands is sent; beyond that its stream stays behind, and goes on later. Where nothing is known of what the
peer holds, the stream waits for the audit. `spreading` sends what is new to peers that keep up.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from hartig_protocol.catalog.entry import Entry
from hartig_protocol.catalog.fingerprint import Snapshot
from hartig_protocol.errors import MessageError
from hartig_protocol.events import ArrivalsRead, ReadArrivals, ReadRecords, RecordsRead, Told
from hartig_protocol.limits import (
    CHECK_BYTES,
    KIND_CHAIN_LOWEST,
    LACKING_SPARE,
    LINE_MAX,
    NEWCOMER_PART,
    PREVIEW_RECORDS,
    RECORD_BYTES_PER_FRAME,
    RECORDS_PER_FRAME,
    SHORT_BYTES,
    SHORT_PER_FRAME_MAX,
    SMALL_SET,
    THROUGH_AFTER_MS,
    THROUGH_AFTER_RECORDS,
    WANTS_PER_FRAME_MAX,
    WINDOW_RECORDS_MAX,
)
from hartig_protocol.records.record import Wire, record_id
from hartig_protocol.sync.fairness import FairQueue, branch_of
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.intake import weight_of, weight_of_names
from hartig_protocol.sync.messages import (
    ANSWER,
    BEHIND,
    LIVE,
    Have,
    Hello,
    Records,
    Through,
)
from hartig_protocol.sync.session import Answering, Outbound
from hartig_protocol.sync.state import Session, Step, SyncState

SERVED_MAX = 16 * WANTS_PER_FRAME_MAX  # ids of one peer's questions that wait to be read for it


def start_stream(state: SyncState, session: Session, step: Step, hello: Hello) -> None:
    """Begin the stream where the peer's cursor says, with records or by name.

    Records are sent to a new peer, from the start, and to one that seems to lack most of what came after its cursor;
    the others have heard of it elsewhere, and names will do. Where even names would cost much, with a void cursor or
    one from long ago, the stream waits for the audit, which finds out what the peer lacks; and the peer is told so.
    """
    out = session.out
    after = state.cursors.confirmed(hello.hub, state.epoch, hello.cursor, state.catalog.running_at)
    ours, behind = state.catalog.shared_count, state.catalog.last_n - after
    is_new = not after and hello.count * NEWCOMER_PART <= ours
    was_away = after and behind <= 2 * max(0, ours - hello.count) + LACKING_SPARE
    sends_records = hello.eager and (is_new or was_away)
    costs_much = not sends_records and behind > (SHORT_PER_FRAME_MAX if after else SMALL_SET)
    if costs_much or session.is_source:
        out.held = True
        step.send(session, Through(0, bytes(CHECK_BYTES), final=False))
        return
    out.sent = out.proofs_sent = after
    out.by_name = not sends_records
    out.governance_upto = None if out.by_name else state.catalog.last_n
    if sends_records and is_new and ours > SMALL_SET:
        out.preview = tuple(state.catalog.newest_posts(PREVIEW_RECORDS))
    pump(state, session, step)


def caught_up(state: SyncState, session: Session, step: Step, snapshot: Snapshot) -> None:
    """Go on from a snapshot that the peer is known to hold, or was just sent, with what lay outside it."""
    out = session.out
    if out.held and not session.is_source:
        out.held, out.by_name = False, True
        out.sent = snapshot.n
        out.push.extend(snapshot.outside)
    pump(state, session, step)


def pump(state: SyncState, session: Session, step: Step) -> None:
    """Order or send whatever comes next for this peer, if its window allows."""
    out = session.out
    if not session.is_open or out.window_used >= WINDOW_RECORDS_MAX:
        return
    if out.named and out.named_due_ms is None:
        flush_names(session, step)  # their time came while the window was full
    _fetch(state, session, step)
    if out.held or out.reading:
        return
    if out.governance_upto is not None:
        _read(session, step, out.proofs_sent, out.governance_upto, governance=True)
    elif out.preview:
        out.push.extend(out.preview)
        out.ahead.update(out.preview)
        out.preview = ()
        _fetch(state, session, step)
        _read(session, step, out.sent, state.catalog.last_n, governance=False)
    elif out.sent < state.catalog.last_n and out.by_name:
        _name_arrivals(state, session, step)
    elif out.sent < state.catalog.last_n:
        _read(session, step, out.sent, state.catalog.last_n, governance=False)
    elif out.told < out.sent and out.is_live:
        through_later(session, step)
    elif out.told < out.sent:
        tell_through(state, session, step)


def _fetch(state: SyncState, session: Session, step: Step) -> None:
    """Have records read that the peer asked for, that the audit found missing there, or that are next in its line."""
    out = session.out
    if out.fetching is not None:
        return
    answering = out.serve[0] if out.serve and out.serve[0].is_ready else None
    if answering is not None or out.push:
        out.fetching, queue = (BEHIND, out.push) if answering is None else (ANSWER, answering.ids)
        ids = [queue.popleft() for _ in range(min(len(queue), RECORDS_PER_FRAME))]
        if answering is not None and not answering.listed:
            out.asked -= len(ids)
    else:
        ids = _next_in_line(state, out)
        if not ids:
            return
        out.fetching = LIVE
    step.order(ReadRecords(session.link, tuple(ids)))


def _next_in_line(state: SyncState, out: Outbound) -> list[bytes]:
    """Take those whose turn it is and that still stand, as many as the window has room for."""
    room = min(RECORDS_PER_FRAME, WINDOW_RECORDS_MAX - out.window_used)
    ids: list[bytes] = []
    while out.line and len(ids) < room:
        record_id = out.line.pop()
        if record_id in state.catalog.entries:
            ids.append(record_id)
    return ids


def must_wait(session: Session, weight: int) -> bool:
    """Whether what is new has to wait in the peer's line, behind what waits there or until its window has room."""
    out = session.out
    return bool(out.line) or out.fetching == LIVE or out.window_used + weight > WINDOW_RECORDS_MAX


def let_wait(state: SyncState, session: Session, step: Step, entries: Iterable[Entry], before: int) -> Sequence[bytes]:
    """Put what is new into the peer's line: steps in their order, of all else the newest first.

    Returns what the line has no room for, of the branch with the most in it: that is to be named instead.
    """
    out = session.out
    if not out.line:
        out.line_from = before
    for entry in entries:
        is_step = entry.kind >= KIND_CHAIN_LOWEST
        out.line.push(branch_of(state.catalog, entry.author), entry.id, newest_first=not is_step)
    over = [out.line.pop_heaviest() for _ in range(len(out.line) - LINE_MAX)]
    pump(state, session, step)
    return [record_id for record_id in over if record_id in state.catalog.entries]


def fall_behind(session: Session, before: int) -> None:
    """Let the stream go on by name, from what waits, when the peer has room again."""
    out = session.out
    if out.line:
        out.sent, out.line = out.line_from, FairQueue()
    else:
        out.sent = before
    out.by_name, out.is_live = True, False


def _read(session: Session, step: Step, after: int, upto: int, *, governance: bool) -> None:
    session.out.reading = True
    step.order(ReadArrivals(session.link, after, upto, governance, RECORDS_PER_FRAME, RECORD_BYTES_PER_FRAME))


def _name_arrivals(state: SyncState, session: Session, step: Step) -> None:
    """Name what the peer has not heard of, from the catalog, until its window is full."""
    out = session.out
    while out.sent < state.catalog.last_n and out.window_used < WINDOW_RECORDS_MAX:
        rows = state.catalog.ids_after(out.sent, SHORT_PER_FRAME_MAX)
        out.sent = rows[-1][0] if len(rows) == SHORT_PER_FRAME_MAX else state.catalog.last_n
        if rows:
            send_names(session, step, [one[:SHORT_BYTES] for _, one in rows])
    pump(state, session, step)


def arrivals_read(state: SyncState, session: Session, step: Step, event: ArrivalsRead) -> None:
    """Send what was read from the store for a peer that is behind."""
    out = session.out
    out.reading = False
    rows: Sequence[Wire] = event.rows
    if out.governance_upto is None:
        rows = [row for row in rows if not _went_ahead(state, session, row)]
    if rows:
        send_records([session], step, BEHIND, rows)
    if out.governance_upto is not None:
        out.proofs_sent = max(out.proofs_sent, event.through)
        if out.proofs_sent >= out.governance_upto:
            out.governance_upto = None
    else:
        out.sent = max(out.sent, event.through)
        check = state.catalog.running_at(out.sent)
        under_way = out.push or out.serve or out.line or out.fetching is not None
        is_far = out.told + THROUGH_AFTER_RECORDS <= out.sent < state.catalog.last_n
        if is_far and check is not None and not under_way:
            _say_through(state, session, step, out.sent, check)
    pump(state, session, step)


def _went_ahead(state: SyncState, session: Session, row: Wire) -> bool:
    """Whether a row of the stream was sent before its turn, as a proof or for a newcomer to begin with."""
    out, row_id = session.out, record_id(row[0])
    if row_id not in state.catalog.governance:
        return row_id in out.ahead
    held = state.catalog.entries.get(row_id)
    return held is not None and held.n <= out.proofs_sent


def records_read(state: SyncState, session: Session, step: Step, event: RecordsRead) -> None:
    """Send what a peer asked for, what the audit found missing there, or what has waited in its line."""
    out = session.out
    why, out.fetching = out.fetching, None
    if why == ANSWER:
        final = not out.serve[0].ids
        if final:
            out.serve.popleft()
        send_records([session], step, ANSWER, event.rows, final=final)
    elif event.rows and why is not None:
        send_records([session], step, why, event.rows)
    pump(state, session, step)


def serve(state: SyncState, session: Session, step: Step, ids: Iterable[bytes]) -> None:
    """Queue the answer to a question; what is beyond the bound is left out of it, the audit brings it."""
    answer = deque(islice(ids, SERVED_MAX - session.out.asked))
    session.out.asked += len(answer)
    _queue(session, Answering(answer, listed=False))
    pump(state, session, step)


def hold_place(session: Session) -> Answering:
    """Queue the answer to what an audit lists while it is put in order; then `serve_listed`."""
    return _queue(session, Answering(deque(), listed=True, is_ready=False))


def serve_listed(session: Session, answering: Answering, ids: Iterable[bytes]) -> None:
    """Let the answer to what an audit lists be sent: whole, since both sides counted the snapshot that bounds it.

    What an audit before it has listed, and is still to be sent, is not queued again.
    """
    under_way = {one for other in session.out.serve if other.listed for one in other.ids}
    answering.ids.extend(one for one in ids if one not in under_way)
    answering.is_ready = True


def _queue(session: Session, answering: Answering) -> Answering:
    session.out.serve.append(answering)
    if len(session.out.serve) > SERVED_MAX:
        raise MessageError("too_often", "asks without waiting for answers")
    return answering


def acknowledged(state: SyncState, session: Session, step: Step, weight: int) -> None:
    """Free the window of what the peer has dealt with, in whatever order it did."""
    out = session.out
    if weight > out.weight:
        raise MessageError("bad_message", "acknowledged what was never sent")
    out.acked = max(out.acked, weight)
    pump(state, session, step)


def is_in_turn(session: Session, before: int) -> bool:
    """Whether the peer has been sent or told of everything up to an arrival number, or has it in its line."""
    out = session.out
    behind = out.reading or out.held or out.preview or out.governance_upto is not None
    return out.sent == before and not behind


def is_settled(state: SyncState, session: Session) -> bool:
    """Whether everything that we hold was sent to this peer, or named, and dealt with there."""
    out = session.out
    under_way = out.window_used or out.reading or out.serve or out.push or out.line or out.named
    return out.sent == state.catalog.last_n and out.fetching is None and not under_way


def through_later(session: Session, step: Step) -> None:
    """Tell "complete through" after a while, once for all that goes out until then."""
    if session.out.through_due_ms is None:
        session.out.through_due_ms = step.now.steady_ms + THROUGH_AFTER_MS


def tell_through(state: SyncState, session: Session, step: Step) -> None:
    """Tell that all we hold was sent or named, if that is so; names that wait go first.

    An answer under way may be to the audit: what the peer lacks of our snapshot goes before we say that it has all.
    """
    out = session.out
    out.through_due_ms = None
    flush_names(session, step)
    under_way = out.push or out.serve or out.line or out.fetching is not None or out.named
    if under_way or out.sent != state.catalog.last_n or out.told == out.sent:
        return
    out.ahead.clear()
    out.is_live = True
    _say_through(state, session, step, out.sent, state.catalog.running)


def _say_through(state: SyncState, session: Session, step: Step, n: int, check: bytes) -> None:
    told = Told(session.peer_hub, n, check)
    if state.cursors.tell(told):
        step.commit.told.append(told)
    session.out.told = n
    step.send(session, Through(n, check, final=n == state.catalog.last_n))


def send_records(
    sessions: Iterable[Session], step: Step, why: int, rows: Sequence[Wire], *, final: bool = False
) -> None:
    """Send rows to these peers, each frame packed once; `final` ends an answer, which may be empty."""
    frames = list(_frames(rows)) or [(1, [])]
    packed = [
        (weight, pack(Records(why, tuple(frame), final and number == len(frames))))
        for number, (weight, frame) in enumerate(frames, 1)
    ]
    for session in sessions:
        for weight, frame in packed:
            session.out.weight += weight
            step.send_frame(session, frame)


def send_names(session: Session, step: Step, names: Sequence[bytes], *, now: bool = False) -> None:
    """Name records to a peer; `now` where nobody else may be about to send them."""
    for at in range(0, len(names), SHORT_PER_FRAME_MAX):
        some = names[at : at + SHORT_PER_FRAME_MAX]
        short = b"".join(some)
        session.out.weight += weight_of_names(short)
        step.send(session, Have(short, now))


def flush_names(session: Session, step: Step) -> None:
    """Send the names that were gathered for this peer, unless its window is full: then when it has room."""
    out = session.out
    out.named_due_ms = None
    if out.named and out.window_used < WINDOW_RECORDS_MAX:
        send_names(session, step, list(out.named))
        out.named.clear()


def _frames(rows: Sequence[Wire]) -> Iterator[tuple[int, list[Wire]]]:
    """Cut rows into frames that keep the bounds on count and bytes, each with what it counts in a window."""
    frame: list[Wire] = []
    bytes_used = weight = 0
    for row in rows:
        frame.append(row)
        bytes_used += sum(len(part) for part in row if part is not None)
        weight += weight_of(row)
        if len(frame) >= RECORDS_PER_FRAME or bytes_used >= RECORD_BYTES_PER_FRAME:
            yield weight, frame
            frame, bytes_used, weight = [], 0, 0
    if frame:
        yield weight, frame
