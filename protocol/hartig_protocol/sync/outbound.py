"""What we send a peer: one stream in arrival order, live where it keeps up, read from the store where it is behind.

Called after every step and on every acknowledgement (SPEC, part S). A slow peer costs a bounded window and delays
nobody else: when its window is full its stream simply stays behind, and goes on from the store.
"""

from collections.abc import Iterable, Iterator, Sequence

from hartig_protocol.catalog.entry import Entry
from hartig_protocol.errors import MessageError
from hartig_protocol.events import ArrivalsRead, ReadArrivals, ReadRecords, RecordsRead, Told
from hartig_protocol.limits import (
    CHECK_BYTES,
    RECORD_BYTES_PER_FRAME,
    RECORDS_PER_FRAME,
    WANTS_PER_FRAME_MAX,
    WINDOW_RECORDS_MAX,
)
from hartig_protocol.records.record import Record, Wire, record_id
from hartig_protocol.sync.messages import ANSWER, PUSH, STREAM, Records
from hartig_protocol.sync.state import Session, Step, SyncState

SERVED_MAX = 16 * WANTS_PER_FRAME_MAX  # ids of one peer that wait to be read for it


def start_stream(state: SyncState, session: Session, step: Step, after: int) -> None:
    """Begin the stream after arrival number `after`; proofs that are newer than that go first."""
    session.out.sent = session.out.proofs_sent = after
    session.out.governance_upto = state.catalog.last_n
    pump(state, session, step)


def pump(state: SyncState, session: Session, step: Step) -> None:
    """Order whatever should be read next for this peer, if its window allows."""
    out = session.out
    if not session.is_open or out.window_used >= WINDOW_RECORDS_MAX:
        return
    if out.fetching is None and (out.serve or out.push):
        out.fetching, queue = (ANSWER, out.serve) if out.serve else (PUSH, out.push)
        ids = tuple(queue.popleft() for _ in range(min(len(queue), RECORDS_PER_FRAME)))
        step.order(ReadRecords(session.link, ids))
    if out.reading:
        return
    if out.governance_upto is not None:
        _read(session, step, out.proofs_sent, out.governance_upto, governance=True)
    elif out.sent < state.catalog.last_n:
        _read(session, step, out.sent, state.catalog.last_n, governance=False)
    elif out.told < out.sent:
        _send_stream(state, session, step, ())


def _read(session: Session, step: Step, after: int, upto: int, *, governance: bool) -> None:
    session.out.reading = True
    step.order(ReadArrivals(session.link, after, upto, governance, RECORDS_PER_FRAME, RECORD_BYTES_PER_FRAME))


def arrivals_read(state: SyncState, session: Session, step: Step, event: ArrivalsRead) -> None:
    """Send what was read from the store for a peer that is behind."""
    out = session.out
    out.reading = False
    if out.governance_upto is not None:
        if event.rows:
            _send(session, step, PUSH, event.rows, final=False)
        out.proofs_sent = max(out.proofs_sent, event.through)
        if out.proofs_sent >= out.governance_upto:
            out.governance_upto = None
    else:
        out.sent = max(out.sent, event.through)
        _send_stream(state, session, step, event.rows)
    pump(state, session, step)


def records_read(state: SyncState, session: Session, step: Step, event: RecordsRead) -> None:
    """Send what a peer asked for, or what the audit found missing there."""
    why, session.out.fetching = session.out.fetching, None
    frames = list(_frames(event.rows)) or [[]]
    is_answer = why == ANSWER
    last = is_answer and not session.out.serve
    for index, rows in enumerate(frames):
        _send(session, step, ANSWER if is_answer else PUSH, rows, final=last and index == len(frames) - 1)
    pump(state, session, step)


def serve(state: SyncState, session: Session, step: Step, ids: Iterable[bytes]) -> None:
    """Queue records that a peer asked for; beyond the bound the asking is ignored, the audit brings them."""
    queue = session.out.serve
    for wanted in ids:
        if len(queue) < SERVED_MAX:
            queue.append(wanted)
    pump(state, session, step)


def forward(
    state: SyncState, step: Step, accepted: Sequence[tuple[Entry, Record]], source: Session | None, before: int
) -> None:
    """Send newly accepted records to every open peer that keeps up; the others read them from the store later.

    `before` is the last arrival number before them. A peer is never sent what it has just sent to us; that it
    holds it is told with the next stream or ping.
    """
    if not accepted:
        return
    for session in state.open_sessions():
        out = session.out
        live = out.sent == before and not out.reading and out.governance_upto is None
        if not live or out.window_used >= WINDOW_RECORDS_MAX:
            pump(state, session, step)
            continue
        out.sent = state.catalog.last_n
        if session is not source:
            _send_stream(state, session, step, [record.wire for entry, record in accepted if not entry.is_private])


def acknowledged(state: SyncState, session: Session, step: Step, number: int) -> None:
    """Free the window up to a message that the peer has dealt with."""
    out = session.out
    if number > out.number:
        raise MessageError("bad_message", "acknowledged what was never sent")
    while out.unacked and out.unacked[0][0] <= number:
        out.window_used -= out.unacked.popleft()[1]
    pump(state, session, step)


def is_settled(state: SyncState, session: Session) -> bool:
    """Whether everything that we hold was sent to this peer and dealt with there."""
    out = session.out
    return out.sent == state.catalog.last_n and not (
        out.unacked or out.reading or out.serve or out.push or out.fetching is not None
    )


def _send_stream(state: SyncState, session: Session, step: Step, rows: Sequence[Wire]) -> None:
    """Send rows; the last frame says "complete through", where the running hash of that number is known."""
    *before, last = list(_frames(rows)) or [[]]
    for frame in before:
        _send(session, step, PUSH, frame, final=False)
    out = session.out
    check = _check_of(state, out.sent, last)
    if check is None:
        _send(session, step, PUSH, last, final=False)
        return
    told = Told(session.peer_hub, out.sent, check)
    if state.cursors.tell(told):
        step.commit.told.append(told)
    out.told = out.sent
    _send(session, step, STREAM, last, final=out.sent == state.catalog.last_n, through=(out.sent, check))


def _check_of(state: SyncState, n: int, rows: Sequence[Wire]) -> bytes | None:
    if n == state.catalog.last_n:
        return state.catalog.running
    entry = state.catalog.entries.get(record_id(rows[-1][0])) if rows else None
    return entry.running if entry is not None and entry.n == n else None


def _send(
    session: Session,
    step: Step,
    why: int,
    rows: Sequence[Wire],
    *,
    final: bool,
    through: tuple[int, bytes] = (0, bytes(CHECK_BYTES)),
) -> None:
    out = session.out
    out.number += 1
    out.unacked.append((out.number, len(rows)))
    out.window_used += len(rows)
    step.send(session, Records(out.number, why, tuple(rows), *through, final))


def _frames(rows: Sequence[Wire]) -> Iterator[list[Wire]]:
    """Cut rows into frames that keep the bounds on count and bytes."""
    frame: list[Wire] = []
    bytes_used = 0
    for row in rows:
        frame.append(row)
        bytes_used += sum(len(part) for part in row if part is not None)
        if len(frame) >= RECORDS_PER_FRAME or bytes_used >= RECORD_BYTES_PER_FRAME:
            yield frame
            frame, bytes_used = [], 0
    if frame:
        yield frame
