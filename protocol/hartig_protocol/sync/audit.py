"""The audit: count and fingerprint as of an agreed hour; where they differ, the full list of ids (SPEC, part F).

The side that opened the link begins, once both streams are settled and then every few minutes. It always ends: one
question, one answer, at most one list, one round of missing records. Correctness rests on it alone.
"""

from collections import deque

from hartig_protocol.catalog.entry import Body
from hartig_protocol.catalog.fingerprint import next_hour_ms
from hartig_protocol.errors import MessageError
from hartig_protocol.events import Now
from hartig_protocol.limits import (
    AUDIT_EVERY_MS,
    AUDITS_PER_MINUTE_MAX,
    HOUR_AHEAD_MS_MAX,
    HOUR_MS,
    IDS_LISTED_MAX,
    IDS_PER_FRAME_MAX,
    MINUTE_MS,
    SILENCE_MS_MAX,
)
from hartig_protocol.sync import inbound, outbound
from hartig_protocol.sync.messages import Audit, Equal, Ids
from hartig_protocol.sync.state import AuditRun, Session, Step, SyncState

LIST_AGAIN_MS_MIN = MINUTE_MS  # honest hubs audit every `AUDIT_EVERY_MS`
UNSETTLED_MS_MAX = 30_000  # then the audit runs even if something still waits: it may be what brings it


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
    """Begin an audit with this peer when its time has come and both streams are settled."""
    run, now_ms = session.audit, step.now.steady_ms
    if not session.opened_by_us or now_ms < run.due_ms:
        return
    settled = outbound.is_settled(state, session) and session.into.final and session.into.pending is None
    if not settled and now_ms < run.due_ms + UNSETTLED_MS_MAX:
        return
    session.audit = AuditRun(now_ms + AUDIT_EVERY_MS, equal_at_ms=run.equal_at_ms, listed_ms=run.listed_ms)
    session.into.wanted.clear()
    session.into.asking = False
    _send_audit(state, session, step, next_hour_ms(step.now.wall_ms))


def next_due_ms(session: Session) -> int:
    """Return when (steady ms) this session's audit wants to be looked at."""
    if session.opened_by_us:
        return session.audit.due_ms + UNSETTLED_MS_MAX  # earlier, any message of the peer is the occasion
    return session.heard_ms + SILENCE_MS_MAX


def _send_audit(state: SyncState, session: Session, step: Step, as_of: int) -> None:
    session.audit.as_of = as_of
    session.audit.listed = []
    ids, print_ = state.audit_set.as_of(as_of)
    own_hour = next_hour_ms(step.now.wall_ms)
    step.send(session, Audit(own_hour, step.now.trusted, as_of, len(ids), print_))


def audit_received(state: SyncState, session: Session, step: Step, message: Audit) -> None:
    """Compare; answer that the sets are equal, name the later hour, or list all ids.

    Hearing our list again and again would cost us much and the asker nothing: it comes once a minute at most.
    """
    _bound_audits(session, step)
    if message.hour % HOUR_MS or message.as_of % HOUR_MS:
        raise MessageError("bad_message", "an audit names full hours")
    as_of = _agreed(step.now, message)
    if as_of != message.as_of:
        if session.audit.as_of == as_of:
            raise MessageError("bad_message", "the audit's hour does not follow from both clocks")
        _send_audit(state, session, step, as_of)
        return
    ids, print_ = state.audit_set.as_of(as_of)
    if len(ids) == message.count and print_ == message.fingerprint:
        _found_equal(state, session, step, as_of)
        step.send(session, Equal(as_of))
        return
    run, now_ms = session.audit, step.now.steady_ms
    if run.listed_ms is not None and now_ms - run.listed_ms < LIST_AGAIN_MS_MIN:
        raise MessageError("too_often", "asked for the full list again within a minute")
    run.as_of, run.listed_ms = as_of, now_ms
    chunks = [ids[at : at + IDS_PER_FRAME_MAX] for at in range(0, len(ids), IDS_PER_FRAME_MAX)] or [[]]
    for index, chunk in enumerate(chunks):
        step.send(session, Ids(as_of, tuple(chunk), index == len(chunks) - 1))


def _agreed(now: Now, message: Audit) -> int:
    return agreed_hour_ms(next_hour_ms(now.wall_ms), now.trusted, message.hour, message.trusted)


def _bound_audits(session: Session, step: Step) -> None:
    """Each audit may cost a pass over all that is held, so a peer has only so many a minute."""
    heard = session.audits_heard_ms
    if len(heard) == AUDITS_PER_MINUTE_MAX and step.now.steady_ms - heard[0] < MINUTE_MS:
        raise MessageError("too_often", f"more than {AUDITS_PER_MINUTE_MAX} audits within a minute")
    heard.append(step.now.steady_ms)


def equal_received(state: SyncState, session: Session, step: Step, message: Equal) -> None:
    """Remember that this peer holds the same set."""
    if message.as_of == session.audit.as_of:
        _found_equal(state, session, step, message.as_of)


def _found_equal(state: SyncState, session: Session, step: Step, as_of: int) -> None:
    """What still waits from a peer that holds the same set is no part of that set any more: it may go."""
    session.audit.as_of = None
    session.audit.equal_at_ms = step.now.wall_ms
    state.waiting.forget_as_of(session.peer_hub, as_of)
    inbound.commit_cursor(state, session, step)


def ids_received(state: SyncState, session: Session, step: Step, message: Ids) -> None:
    """Collect a part of the peer's list; at the end ask for what is missing here and send what is missing there."""
    run = session.audit
    if message.as_of != run.as_of:
        return
    if any(a >= b for a, b in zip(message.ids, message.ids[1:], strict=False)) or (
        message.ids and run.listed and message.ids[0] <= run.listed[-1]
    ):
        raise MessageError("bad_message", "a list of ids rises")
    run.listed.extend(message.ids)
    if len(run.listed) > IDS_LISTED_MAX:
        raise MessageError("too_large", f"a list of more than {IDS_LISTED_MAX} ids")
    if not message.final:
        return
    ids, _ = state.audit_set.as_of(message.as_of)
    theirs, mine = set(run.listed), set(ids)
    run.listed, run.as_of = [], None
    session.into.asked.clear()  # what was asked for and did not come, or came too early, is brought up again
    inbound.want(session.into, [missing for missing in sorted(theirs - mine) if _is_missing(state, missing)])
    session.out.push = deque(sorted(mine - theirs))  # what an earlier audit found is in this difference too
    inbound.ask(session, step)
    outbound.pump(state, session, step)


def _is_missing(state: SyncState, record_id: bytes) -> bool:
    """Whether a record is not here, or here without a body that may not be due to go yet."""
    held = state.catalog.entries.get(record_id)
    return held is None or held.body is Body.GONE
