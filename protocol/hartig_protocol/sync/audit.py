"""The audit: count and fingerprint as of an agreed hour (SPEC, part F).

The side that opened the link begins, once both streams are settled and then every few minutes. Whoever hears the
other's fingerprint compares: the sets are equal, or `repair` finds the difference by a sketch. It always ends: one
question, a bounded number of answers, one round of missing records. Correctness rests on it alone.
"""

from hartig_protocol.catalog.fingerprint import next_hour_ms
from hartig_protocol.errors import MessageError
from hartig_protocol.events import Now
from hartig_protocol.limits import (
    AUDIT_EVERY_MS,
    AUDITS_PER_MINUTE_MAX,
    HOUR_AHEAD_MS_MAX,
    MINUTE_MS,
    SILENCE_MS_MAX,
)
from hartig_protocol.sync import feeding, outbound, repair
from hartig_protocol.sync.audit_run import Attempt, AuditRun
from hartig_protocol.sync.audit_work import work
from hartig_protocol.sync.messages import Audit, Equal
from hartig_protocol.sync.repair import (
    ids_received,
    lack_received,
    list_received,
    more_received,
    recent_received,
    sketch_received,
)
from hartig_protocol.sync.state import Session, Step, SyncState

__all__ = [
    "agreed_hour_ms",
    "audit_received",
    "begin_if_due",
    "equal_received",
    "ids_received",
    "lack_received",
    "list_received",
    "more_received",
    "next_due_ms",
    "recent_received",
    "resume",
    "sketch_received",
]

UNSETTLED_MS_MAX = 30_000  # then the audit runs even if something still waits: it may be what brings it
DEFERRED_MS_MAX = 30_000  # then an audit is answered although another peer still feeds us
ATTEMPT_MS_MAX = 60_000  # without a step further: the peer has given it up, and what it holds in memory goes


def agreed_hour_ms(mine: int, mine_trusted: bool, theirs: int, theirs_trusted: bool) -> int:  # noqa: FBT001
    """Return the hour that both sides use: the later one, unless a trusted clock finds it more than two hours ahead.

    Then the trusted side's hour counts; of two trusted ones the earlier. Both sides compute the same. Hours in ms.
    """
    later, earlier = max(mine, theirs), min(mine, theirs)
    if later - earlier <= HOUR_AHEAD_MS_MAX:
        return later
    if mine_trusted and theirs_trusted:
        return earlier
    if mine_trusted != theirs_trusted:
        return mine if mine_trusted else theirs
    return later


def begin_if_due(state: SyncState, session: Session, step: Step) -> None:
    """Do what time has brought: end what stands still, answer what was put off, begin an audit of our own."""
    run, now_ms = session.audit, step.now.steady_ms
    if run.attempt is not None:
        _give_up_if_stuck(run, run.attempt, now_ms)
    if run.deferred is not None and now_ms >= run.deferred_ms + DEFERRED_MS_MAX:
        _answer_deferred(state, session, step)
    if not session.opened_by_us or now_ms < run.due_ms:
        return
    if not _may_begin(state, session) and now_ms < run.due_ms + UNSETTLED_MS_MAX:
        return
    run.due_ms = now_ms + AUDIT_EVERY_MS
    run.begun_ms.append(now_ms)
    session.into.wanted.clear()
    _ask(state, session, step, next_hour_ms(step.now.wall_ms))


def _may_begin(state: SyncState, session: Session) -> bool:
    """Whether both streams are settled, or wait for the audit, and nobody else feeds us."""
    ours = session.out.held or outbound.is_settled(state, session)
    theirs = session.into.idle and session.into.pending is None and not session.into.has_asked("lack")
    return ours and theirs and not feeding.is_busy_elsewhere(state, session)


def _give_up_if_stuck(run: AuditRun, attempt: Attempt, now_ms: int) -> None:
    if not attempt.working and now_ms >= attempt.touched_ms + ATTEMPT_MS_MAX:
        run.attempt = None


def next_due_ms(session: Session) -> int:
    """Return when (steady ms) this session's audit wants to be looked at."""
    run, due_ms = session.audit, session.heard_ms + SILENCE_MS_MAX
    if session.opened_by_us and run.due_ms + UNSETTLED_MS_MAX < due_ms:
        due_ms = run.due_ms + UNSETTLED_MS_MAX  # earlier, any message of the peer is the occasion
    if run.deferred is not None:
        due_ms = min(due_ms, run.deferred_ms + DEFERRED_MS_MAX)
    if run.attempt is not None and not run.attempt.working:
        due_ms = min(due_ms, run.attempt.touched_ms + ATTEMPT_MS_MAX)
    return due_ms


def _ask(state: SyncState, session: Session, step: Step, as_of: int) -> None:
    """Send count and fingerprint of our set as of an hour."""
    attempt = session.audit.attempt = Attempt(as_of, asking=True, touched_ms=step.now.steady_ms)

    def send(later: Step) -> None:
        snapshot = attempt.snapshot = state.audit_set.snapshot(as_of)
        own_hour = next_hour_ms(later.now.wall_ms)
        later.send(session, Audit(own_hour, later.now.trusted, as_of, snapshot.count, snapshot.fingerprint))

    work(state, session, step, attempt, state.audit_set.job(as_of), send)


def audit_received(state: SyncState, session: Session, step: Step, message: Audit) -> None:
    """Compare, or name the hour that counts; later, if another peer feeds us just now."""
    run = session.audit
    _bound_audits(run, step)
    as_of = _agreed(step.now, message)
    if as_of != message.as_of and run.attempt is not None and run.attempt.asking and run.attempt.as_of == as_of:
        raise MessageError("bad_message", "the audit's hour does not follow from both clocks")
    run.deferred, run.deferred_ms = message, step.now.steady_ms
    run.deferred_waited = state.waiting.ids(session.peer_hub)  # what it sends later may be no part of that set
    if not feeding.is_busy_elsewhere(state, session):
        _answer_deferred(state, session, step)


def resume(state: SyncState, step: Step) -> None:
    """Answer and begin the audits that have waited until nobody else feeds us: a peer may say nothing for long."""
    for session in state.open_sessions():
        if session.audit.deferred is not None and not feeding.is_busy_elsewhere(state, session):
            _answer_deferred(state, session, step)
        begin_if_due(state, session, step)


def _answer_deferred(state: SyncState, session: Session, step: Step) -> None:
    message, session.audit.deferred = session.audit.deferred, None
    assert message is not None
    as_of = _agreed(step.now, message)
    if as_of == message.as_of:
        _compare(state, session, step, message)
    else:
        _ask(state, session, step, as_of)


def _compare(state: SyncState, session: Session, step: Step, message: Audit) -> None:
    attempt = session.audit.attempt = Attempt(message.as_of, asking=False, touched_ms=step.now.steady_ms)
    attempt.waited = session.audit.deferred_waited

    def compare(later: Step) -> None:
        snapshot = attempt.snapshot = state.audit_set.snapshot(attempt.as_of)
        if (snapshot.count, snapshot.fingerprint) == (message.count, message.fingerprint):
            later.send(session, Equal(attempt.as_of))
            repair.found_equal(state, session, later, attempt)
        else:
            repair.send_first_flight(state, session, later, attempt, message.count)

    work(state, session, step, attempt, state.audit_set.job(attempt.as_of), compare)


def _agreed(now: Now, message: Audit) -> int:
    return agreed_hour_ms(next_hour_ms(now.wall_ms), now.trusted, message.hour, message.trusted)


def _bound_audits(run: AuditRun, step: Step) -> None:
    """Each audit may cost a pass over all that is held, so a peer has only so many a minute."""
    heard = run.heard_ms
    if len(heard) == AUDITS_PER_MINUTE_MAX and step.now.steady_ms - heard[0] < MINUTE_MS:
        raise MessageError("too_often", f"more than {AUDITS_PER_MINUTE_MAX} audits within a minute")
    heard.append(step.now.steady_ms)


def equal_received(state: SyncState, session: Session, step: Step, message: Equal) -> None:
    """Remember that this peer holds the same set."""
    attempt = session.audit.attempt
    if attempt is not None and attempt.asking and attempt.snapshot is not None and message.as_of == attempt.as_of:
        attempt.waited = state.waiting.ids(session.peer_hub)
        repair.found_equal(state, session, step, attempt)
