"""What follows when an audit finds two sets unequal: the sketch, else the list, and what is lacking (SPEC F8).

The asker, who sent the fingerprint, gathers symbols until they decode; if they cannot, it asks for the full list. Then
it names what it lacks and sends what the other lacks. The other only answers. A peer that lies, repeats itself or
falls silent costs a bounded amount: symbols and lists come in order, and only as far as they were asked for.
"""

from collections.abc import Collection, Iterable

from hartig_protocol.catalog.entry import Body
from hartig_protocol.errors import MessageError
from hartig_protocol.limits import IDS_LISTED_MAX, LACKS_PER_FRAME_MAX, MINUTE_MS, SKETCH_ID_BYTES
from hartig_protocol.sync import feeding, inbound, outbound
from hartig_protocol.sync.audit_jobs import Comparing, Finding, HeldOutside, Listing, Ordering
from hartig_protocol.sync.audit_run import BEGUN_PER_MINUTE_MAX, Attempt
from hartig_protocol.sync.audit_work import encoder_of, snapshot_of, work, work_for_link
from hartig_protocol.sync.messages import Ids, Lack, List, More, Recent, Sketch
from hartig_protocol.sync.recent import OLDER_WORTH, Ages, RecentComparing, RecentListing, recent_max
from hartig_protocol.sync.sketch import SYMBOL_BYTES, first_flight, join_shorts, split_shorts, symbols_worth
from hartig_protocol.sync.sketch_decoding import Decoder
from hartig_protocol.sync.state import Question, Session, Step, SyncState

FLIGHTS_MAX = 8  # an honest asker needs two or three, each costs a look at every id
LIST_AGAIN_MS_MIN = MINUTE_MS  # honest hubs audit every `AUDIT_EVERY_MS`, or soon again where another fed them
LIST_ASKED_MS_MIN = LIST_AGAIN_MS_MIN + MINUTE_MS // 2  # the first may have been long on its way, the next is not


def found_equal(state: SyncState, session: Session, step: Step, attempt: Attempt) -> None:
    """What still waits from a peer that holds the same set is no part of that set any more: it may go."""
    session.audit.attempt, session.short_by = None, 0
    state.waiting.forget_as_of(session.peer_hub, attempt.as_of, attempt.waited)
    inbound.commit_cursor(state, session, step)
    outbound.caught_up(state, session, step, snapshot_of(attempt))


# --- The side that was asked


def send_first_flight(state: SyncState, session: Session, step: Step, attempt: Attempt, their_count: int) -> None:
    """Answer an audit with the first symbols."""
    session.short_by = max(0, snapshot_of(attempt).count - their_count)
    upto = first_flight(their_count, snapshot_of(attempt).count)
    _send_flight(state, session, step, attempt, upto)


def _send_flight(state: SyncState, session: Session, step: Step, attempt: Attempt, upto: int) -> None:
    first, attempt.symbols = attempt.symbols, upto
    attempt.flights += 1
    parts: list[bytes] = []

    def send(later: Step) -> None:
        at = first
        for part in parts:
            later.send(session, Sketch(attempt.as_of, snapshot_of(attempt).count, at, part))
            at += len(part) // SYMBOL_BYTES

    work(state, session, step, attempt, encoder_of(session, attempt).flight(first, upto, parts), send)


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
    if not attempt.symbols < message.upto <= symbols_worth(snapshot_of(attempt).count):
        raise MessageError("bad_message", "asks for symbols that it has, or for more than a list would cost")
    if attempt.flights >= FLIGHTS_MAX:
        raise MessageError("too_often", f"asked for symbols more than {FLIGHTS_MAX} times in one audit")
    if not message.older:
        _send_flight(state, session, step, attempt, message.upto)
        return
    ages = Ages(encoder_of(session, attempt), attempt.as_of, state.audit_set.stamp_of)
    work(state, session, step, attempt, ages, lambda later: _send_less(state, session, later, attempt, message, ages))


def _send_less(state: SyncState, session: Session, step: Step, attempt: Attempt, message: More, ages: Ages) -> None:
    """List what is recent, where the difference lies there and the list is no longer than the symbols; else these."""
    age = ages.where_equal(message.older)
    if age is None or ages.count(age) > recent_max(message.upto - attempt.symbols):
        _send_flight(state, session, step, attempt, message.upto)
        return
    attempt.flights += 1
    listing = RecentListing(attempt.as_of, ages, age)
    _send_frames(state, session, step, attempt, listing)


def _send_frames(
    state: SyncState, session: Session, step: Step, attempt: Attempt, listing: Listing | RecentListing
) -> None:
    def send(later: Step) -> None:
        for frame in listing.frames:
            later.send_frame(session, frame)

    work(state, session, step, attempt, listing, send)


def list_received(state: SyncState, session: Session, step: Step, message: List) -> None:
    """Send all ids. That costs us much and the asker nothing, so it comes once a minute at most."""
    attempt = _asked(session, step, message.as_of)
    if attempt is None:
        return
    run, now_ms = session.audit, step.now.steady_ms
    if run.listed_ms is not None and now_ms - run.listed_ms < LIST_AGAIN_MS_MIN:
        raise MessageError("too_often", "asked for the full list again within a minute")
    run.listed_ms = now_ms
    _send_frames(state, session, step, attempt, Listing(attempt.as_of, snapshot_of(attempt).buckets))


def lack_received(state: SyncState, session: Session, step: Step, message: Lack) -> None:
    """Send what the asker lacks, once it has named all of it, and go on from our snapshot."""
    attempt = _asked(session, step, message.as_of)
    if attempt is None:
        if message.short and message.final:
            outbound.serve(state, session, step, [])  # that audit is over; the question ends all the same
        return
    attempt.lacks.update(dict.fromkeys(split_shorts(message.short)))
    if len(attempt.lacks) > snapshot_of(attempt).count:
        raise MessageError("bad_message", "lacks more than there is")
    if not message.final:
        return
    session.audit.attempt = None
    if not attempt.lacks:
        outbound.caught_up(state, session, step, snapshot_of(attempt))
        return
    ordering = Ordering(state.catalog, encoder_of(session, attempt).find(attempt.lacks))
    answering = outbound.hold_place(session)

    def answer(later: Step) -> None:
        outbound.serve_listed(session, answering, ordering.ids)
        outbound.caught_up(state, session, later, snapshot_of(attempt))

    work_for_link(state, session, step, ordering, answer)


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
        ours = snapshot_of(attempt).count
        session.short_by = max(0, ours - message.count)
        attempt.decoder = Decoder(encoder_of(session, attempt), ours, message.count)
        attempt.symbols = first_flight(ours, message.count)
    decoder = attempt.decoder
    is_other = (message.first, message.count) != (decoder.received, decoder.their_count)
    if is_other or attempt.working or attempt.listing or attempt.recent is not None:
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
    own = encoder_of(session, attempt)
    attempt.flights += 1
    worth = symbols_worth(decoder.their_count)
    if decoder.is_done:
        finding = Finding(own, decoder.ours | decoder.theirs)
        work(
            state,
            session,
            step,
            attempt,
            finding,
            lambda later: _found(state, session, later, attempt, decoder, finding.found),
        )
        return
    if not decoder.is_broken and decoder.likely() <= worth and attempt.flights < FLIGHTS_MAX:
        _ask_on(state, session, step, attempt, min(decoder.needed(), worth))
        return
    _ask_for_list(session, step, attempt)


def _found(
    state: SyncState,
    session: Session,
    step: Step,
    attempt: Attempt,
    decoder: Decoder,
    found: Collection[tuple[bytes, int]],
) -> None:
    """Finish, unless we hold what only they should hold, or do not hold what only we should."""
    missing_there = [record_id for record_id, short in found if short in decoder.ours]
    if len(found) == len(missing_there) == len(decoder.ours):
        _finish_but_held(state, session, step, attempt, decoder.theirs, missing_there)
    else:
        _ask_for_list(session, step, attempt)


def _ask_for_list(session: Session, step: Step, attempt: Attempt) -> None:
    """Ask for all ids; where the peer would find that too early, ask anew when it does not."""
    run, now_ms = session.audit, step.now.steady_ms
    if run.list_asked_ms is not None and now_ms - run.list_asked_ms < LIST_ASKED_MS_MIN:
        run.attempt, run.due_ms = None, run.list_asked_ms + LIST_ASKED_MS_MIN
        return
    run.list_asked_ms, attempt.listing = now_ms, True
    step.send(session, List(attempt.as_of))


def _ask_on(state: SyncState, session: Session, step: Step, attempt: Attempt, needed: int) -> None:
    """Ask for more symbols; the first time that these are many, say what is older too: it may all be recent."""
    had, attempt.symbols = attempt.symbols, needed
    if attempt.ages is not None or needed - had < OLDER_WORTH:
        step.send(session, More(attempt.as_of, needed, b""))
        return
    ages = attempt.ages = Ages(encoder_of(session, attempt), attempt.as_of, state.audit_set.stamp_of)

    def send(later: Step) -> None:
        attempt.offered = had
        later.send(session, More(attempt.as_of, needed, join_shorts(ages.older())))

    work(state, session, step, attempt, ages, send)


def recent_received(state: SyncState, session: Session, step: Step, message: Recent) -> None:
    """Collect a part of what is recent there, in the place of symbols; at the end compare."""
    attempt = _asking(session, step, message.as_of)
    if attempt is None:
        return
    decoder, ages = attempt.decoder, attempt.ages
    if decoder is None or ages is None or attempt.working or attempt.listing or decoder.received != attempt.offered:
        raise MessageError("bad_message", "lists what is recent, and was not asked for it")
    age, listed = attempt.recent = attempt.recent or (message.age, {})
    shorts = split_shorts(message.short)
    count = len(listed) + len(shorts)
    listed.update(dict.fromkeys(shorts))
    if message.age != age or len(listed) < count or count > recent_max(attempt.symbols - decoder.received):
        raise MessageError("bad_message", "a list of another age, with an id twice, or longer than the symbols")
    if message.final:
        comparing = RecentComparing(ages, age, listed)
        work(
            state,
            session,
            step,
            attempt,
            comparing,
            lambda later: _finish_but_held(state, session, later, attempt, comparing.lacking, comparing.missing_there),
        )


def _finish_but_held(
    state: SyncState,
    session: Session,
    step: Step,
    attempt: Attempt,
    theirs: Collection[int],
    missing_there: Collection[bytes],
) -> None:
    """Finish with what only they hold in their set, but for what is held here outside ours."""
    held = HeldOutside(state, snapshot_of(attempt), encoder_of(session, attempt))
    work(
        state,
        session,
        step,
        attempt,
        held if theirs else None,
        lambda later: _finish(
            state,
            session,
            later,
            attempt,
            join_shorts([short for short in theirs if short not in held.shorts]),
            missing_there,
        ),
    )


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
            snapshot_of(attempt).buckets,
            listed,
            encoder_of(session, attempt),
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
    state: SyncState, session: Session, step: Step, attempt: Attempt, lacking: bytes, missing_there: Collection[bytes]
) -> None:
    """Name what is missing here and send what is missing there; then each side's stream may go on from its snapshot."""
    ordering = Ordering(state.catalog, missing_there) if missing_there else None

    def end(later: Step) -> None:
        _end(state, session, later, attempt, lacking, [] if ordering is None else ordering.ids)

    work(state, session, step, attempt, ordering, end)


def _end(
    state: SyncState, session: Session, step: Step, attempt: Attempt, lacking: bytes, missing_there: Collection[bytes]
) -> None:
    session.audit.attempt = None
    session.into.asked.clear()  # what was asked for and did not come, or came too early, is brought up again
    queued = set(session.out.push) if missing_there else ()
    session.out.push.extend(one for one in missing_there if one not in queued)
    if lacking and not feeding.claim(state, session, step):
        _again_soon(session, step)  # others bring us some of it meanwhile
        outbound.pump(state, session, step)
        return
    parts = [lacking[at : at + LACKS_PER_FRAME_MAX * SKETCH_ID_BYTES] for at in _starts(lacking)]
    for number, part in enumerate(parts, 1):
        step.send(session, Lack(attempt.as_of, part, number == len(parts)))
    if lacking:
        session.into.ask(Question("lack"), step.now.steady_ms)
    outbound.caught_up(state, session, step, snapshot_of(attempt))


def _starts(lacking: bytes) -> Iterable[int]:
    return range(0, max(1, len(lacking)), LACKS_PER_FRAME_MAX * SKETCH_ID_BYTES)


def _again_soon(session: Session, step: Step) -> None:
    """Let the next audit begin when nobody else feeds us, as long as the peer need not find us too eager."""
    run, now_ms = session.audit, step.now.steady_ms
    run.due_ms = max(now_ms, run.begun_ms[0] + MINUTE_MS) if len(run.begun_ms) == BEGUN_PER_MINUTE_MAX else now_ms
