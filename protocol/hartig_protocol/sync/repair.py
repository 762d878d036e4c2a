"""What follows when an audit finds two sets unequal: the sketch, else the list, and what is lacking (SPEC F8).

The asker, who sent the fingerprint, gathers symbols until they decode; if they cannot, it asks for the full list. Then
it names what it lacks and sends what the other lacks. The other only answers. A peer that lies, repeats itself or
falls silent costs a bounded amount: symbols and lists come in order, and only as far as they were asked for.
"""

from collections.abc import Callable, Iterable

from hartig_protocol.catalog.entry import Body
from hartig_protocol.catalog.fingerprint import Snapshot
from hartig_protocol.catalog.jobs import Job
from hartig_protocol.errors import MessageError
from hartig_protocol.limits import IDS_LISTED_MAX, LACKS_PER_FRAME_MAX, MINUTE_MS, SKETCH_ID_BYTES
from hartig_protocol.sync import feeding, inbound, outbound
from hartig_protocol.sync.audit_jobs import Comparing, HeldOutside, Listing
from hartig_protocol.sync.audit_run import BEGUN_PER_MINUTE_MAX, Attempt
from hartig_protocol.sync.messages import Ids, Lack, List, More, Sketch
from hartig_protocol.sync.sketch import SYMBOL_BYTES, first_flight, join_shorts, sketch_key, split_shorts, symbols_worth
from hartig_protocol.sync.sketch_coding import Encoder
from hartig_protocol.sync.sketch_decoding import Decoder
from hartig_protocol.sync.state import Question, Session, Step, SyncState

FLIGHTS_MAX = 8  # an honest asker needs two or three, each costs a look at every id
LIST_AGAIN_MS_MIN = MINUTE_MS  # honest hubs audit every `AUDIT_EVERY_MS`


class _WhileWanted:
    """A job that ends early when its audit is over, so that nobody can pile up work."""

    def __init__(self, state: SyncState, session: Session, attempt: Attempt, job: Job) -> None:
        self._state, self._session, self._attempt, self._job = state, session, attempt, job

    @property
    def is_wanted(self) -> bool:
        is_open = self._state.sessions.get(self._session.link) is self._session
        return is_open and self._session.audit.attempt is self._attempt

    def step(self) -> bool:
        return not self.is_wanted or self._job.step()


def work(
    state: SyncState,
    session: Session,
    step: Step,
    attempt: Attempt,
    job: Job | None,
    then: Callable[[Step], None],
) -> None:
    """Do a job for an audit in slices, then the rest; neither if the audit or the link ends meanwhile."""
    if job is None:
        then(step)
        return
    attempt.working = True
    wanted = _WhileWanted(state, session, attempt, job)

    def ended(later: Step) -> None:
        if wanted.is_wanted:
            attempt.working, attempt.touched_ms = False, later.now.steady_ms
            then(later)

    state.start_job(step, wanted, ended)


def found_equal(state: SyncState, session: Session, step: Step, attempt: Attempt) -> None:
    """What still waits from a peer that holds the same set is no part of that set any more: it may go."""
    session.audit.attempt = None
    state.waiting.forget_as_of(session.peer_hub, attempt.as_of, attempt.waited)
    inbound.commit_cursor(state, session, step)
    outbound.caught_up(state, session, step, _snapshot(attempt))


def _snapshot(attempt: Attempt) -> Snapshot:
    assert attempt.snapshot is not None
    return attempt.snapshot


def _encoder(session: Session, attempt: Attempt) -> Encoder:
    """Return the encoder of our set, with the key of this link."""
    if attempt.encoder is None:
        nonces = (session.nonce, session.peer_nonce)
        key = sketch_key(*(nonces if session.opened_by_us else reversed(nonces)))
        attempt.encoder = Encoder(_snapshot(attempt).buckets, key)
    return attempt.encoder


# --- The side that was asked


def send_first_flight(state: SyncState, session: Session, step: Step, attempt: Attempt, their_count: int) -> None:
    """Answer an audit with the first symbols."""
    upto = first_flight(their_count, _snapshot(attempt).count)
    _send_flight(state, session, step, attempt, upto)


def _send_flight(state: SyncState, session: Session, step: Step, attempt: Attempt, upto: int) -> None:
    first, attempt.symbols = attempt.symbols, upto
    attempt.flights += 1
    parts: list[bytes] = []

    def send(later: Step) -> None:
        at = first
        for part in parts:
            later.send(session, Sketch(attempt.as_of, _snapshot(attempt).count, at, part))
            at += len(part) // SYMBOL_BYTES

    work(state, session, step, attempt, _encoder(session, attempt).flight(first, upto, parts), send)


def _asked(session: Session, step: Step, as_of: int) -> Attempt | None:
    """Return the audit that we answer; None if that is over. Raises `MessageError` before it was answered."""
    attempt = session.audit.attempt
    if attempt is None or attempt.asking or attempt.as_of != as_of:
        return None
    if attempt.working:
        raise MessageError("bad_message", "asks on before the last question was answered")
    attempt.touched_ms = step.now.steady_ms
    return attempt


def more_received(state: SyncState, session: Session, step: Step, message: More) -> None:
    """Send the symbols that follow."""
    attempt = _asked(session, step, message.as_of)
    if attempt is None:
        return
    if not attempt.symbols < message.upto <= symbols_worth(_snapshot(attempt).count):
        raise MessageError("bad_message", "asks for symbols that it has, or for more than a list would cost")
    if attempt.flights >= FLIGHTS_MAX:
        raise MessageError("too_often", f"asked for symbols more than {FLIGHTS_MAX} times in one audit")
    _send_flight(state, session, step, attempt, message.upto)


def list_received(state: SyncState, session: Session, step: Step, message: List) -> None:
    """Send all ids. That costs us much and the asker nothing, so it comes once a minute at most."""
    attempt = _asked(session, step, message.as_of)
    if attempt is None:
        return
    run, now_ms = session.audit, step.now.steady_ms
    if run.listed_ms is not None and now_ms - run.listed_ms < LIST_AGAIN_MS_MIN:
        raise MessageError("too_often", "asked for the full list again within a minute")
    run.listed_ms = now_ms
    listing = Listing(attempt.as_of, _snapshot(attempt).buckets)

    def send(later: Step) -> None:
        for frame in listing.frames:
            later.send_frame(session, frame)

    work(state, session, step, attempt, listing, send)


def lack_received(state: SyncState, session: Session, step: Step, message: Lack) -> None:
    """Send what the asker lacks, once it has named all of it, and go on from our snapshot."""
    attempt = _asked(session, step, message.as_of)
    if attempt is None:
        if message.short and message.final:
            outbound.serve(state, session, step, [])  # that audit is over; the question ends all the same
        return
    attempt.lacks.update(dict.fromkeys(split_shorts(message.short)))
    if len(attempt.lacks) > _snapshot(attempt).count:
        raise MessageError("bad_message", "lacks more than there is")
    if not message.final:
        return
    session.audit.attempt = None
    if attempt.lacks:
        ids = state.catalog.by_arrival(_encoder(session, attempt).find(attempt.lacks))
        outbound.serve(state, session, step, ids, outbound.SERVED_MAX + len(ids))
    outbound.caught_up(state, session, step, _snapshot(attempt))


# --- The side that asks


def _asking(session: Session, step: Step, as_of: int) -> Attempt | None:
    """Return the audit in which we ask, if this answers it."""
    attempt = session.audit.attempt
    if attempt is None or not attempt.asking or attempt.as_of != as_of or attempt.snapshot is None:
        return None
    attempt.touched_ms = step.now.steady_ms
    return attempt


def sketch_received(state: SyncState, session: Session, step: Step, message: Sketch) -> None:
    """Take symbols; when all have come that were asked for, decode."""
    attempt = _asking(session, step, message.as_of)
    if attempt is None:
        return
    if attempt.decoder is None:
        ours = _snapshot(attempt).count
        attempt.decoder = Decoder(_encoder(session, attempt), ours, message.count)
        attempt.symbols = first_flight(ours, message.count)
    decoder = attempt.decoder
    if (message.first, message.count) != (decoder.received, decoder.their_count) or attempt.working or attempt.listing:
        raise MessageError("bad_message", "symbols that do not follow from what was asked for")
    decoder.add(message.symbols)
    if decoder.received > attempt.symbols:
        raise MessageError("bad_message", "more symbols than were asked for")
    if decoder.received == attempt.symbols:
        work(
            state,
            session,
            step,
            attempt,
            decoder.decode(),
            lambda later: _decoded(state, session, later, attempt, decoder),
        )


def _decoded(state: SyncState, session: Session, step: Step, attempt: Attempt, decoder: Decoder) -> None:
    """End it if the difference is found and can be; else ask for more symbols, or for the list."""
    own = _encoder(session, attempt)
    attempt.flights += 1
    needed = decoder.needed()
    if decoder.is_done:
        missing_there = own.find(decoder.ours)
        if len(missing_there) == len(decoder.ours) and not own.find(decoder.theirs):
            held = HeldOutside(state, _snapshot(attempt), own)
            work(
                state,
                session,
                step,
                attempt,
                held if decoder.theirs else None,
                lambda later: _finish(
                    state,
                    session,
                    later,
                    attempt,
                    join_shorts([short for short in decoder.theirs if short not in held.shorts]),
                    missing_there,
                ),
            )
            return
    elif not decoder.is_broken and needed <= symbols_worth(decoder.their_count) and attempt.flights < FLIGHTS_MAX:
        attempt.symbols = needed
        step.send(session, More(attempt.as_of, needed))
        return
    attempt.listing = True
    step.send(session, List(attempt.as_of))


def ids_received(state: SyncState, session: Session, step: Step, message: Ids) -> None:
    """Collect a part of the peer's list; at the end compare."""
    attempt = _asking(session, step, message.as_of)
    if attempt is None or not attempt.listing or attempt.working:
        return
    listed = attempt.listed
    if any(a >= b for a, b in zip(message.ids, message.ids[1:], strict=False)) or (
        message.ids and listed and message.ids[0] <= listed[-1]
    ):
        raise MessageError("bad_message", "a list of ids rises")
    listed.extend(message.ids)
    if len(listed) > IDS_LISTED_MAX:
        raise MessageError("too_large", f"a list of more than {IDS_LISTED_MAX} ids")
    if message.final:
        comparing = Comparing(
            _snapshot(attempt).buckets,
            listed,
            _encoder(session, attempt),
            lambda record_id: _is_missing(state, record_id),
        )
        work(
            state,
            session,
            step,
            attempt,
            comparing,
            lambda later: _finish(state, session, later, attempt, bytes(comparing.lacking), comparing.missing_there),
        )


def _is_missing(state: SyncState, record_id: bytes) -> bool:
    """Whether a record is not here, or here without a body that may not be due to go yet."""
    held = state.catalog.entries.get(record_id)
    return held is None or held.body is Body.GONE


def _finish(
    state: SyncState, session: Session, step: Step, attempt: Attempt, lacking: bytes, missing_there: Iterable[bytes]
) -> None:
    """Name what is missing here and send what is missing there; then each side's stream may go on from its snapshot."""
    session.audit.attempt = None
    session.into.asked.clear()  # what was asked for and did not come, or came too early, is brought up again
    queued = set(session.out.push)
    session.out.push.extend(one for one in state.catalog.by_arrival(missing_there) if one not in queued)
    if lacking and not feeding.claim(state, session, step):
        _again_soon(session, step)  # others bring us some of it meanwhile
        outbound.pump(state, session, step)
        return
    parts = [lacking[at : at + LACKS_PER_FRAME_MAX * SKETCH_ID_BYTES] for at in _starts(lacking)]
    for number, part in enumerate(parts, 1):
        step.send(session, Lack(attempt.as_of, part, number == len(parts)))
    if lacking:
        session.into.ask(Question("lack"), step.now.steady_ms)
    outbound.caught_up(state, session, step, _snapshot(attempt))


def _starts(lacking: bytes) -> Iterable[int]:
    return range(0, max(1, len(lacking)), LACKS_PER_FRAME_MAX * SKETCH_ID_BYTES)


def _again_soon(session: Session, step: Step) -> None:
    """Let the next audit begin when nobody else feeds us, as long as the peer need not find us too eager."""
    run, now_ms = session.audit, step.now.steady_ms
    run.due_ms = max(now_ms, run.begun_ms[0] + MINUTE_MS) if len(run.begun_ms) == BEGUN_PER_MINUTE_MAX else now_ms
