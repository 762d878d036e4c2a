"""What peers have named and we lack: waited for, then pulled, from one of those who named it after the other.

In: names, answers, time. Out: `Pull`s. A name holds the cursor of the peer that gave it until the record is here, or
refused, or that peer has been asked and holds it no more; so a peer that names what does not exist costs one question.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import islice

from hartig_protocol.errors import MessageError
from hartig_protocol.limits import (
    MISSING_MAX,
    NAMED_PER_SESSION_MAX,
    PRESSED_WAIT_MS,
    PULL_WAIT_MS_MAX,
    PULL_WAIT_MS_MIN,
    PULLS_PER_FRAME_MAX,
    PULLS_PRESSED_MAX,
    REFUSED_LATELY_MAX,
    SHORT_BYTES,
)
from hartig_protocol.sync import feeding, outbound, overlay, spreading
from hartig_protocol.sync.messages import Have, Pull
from hartig_protocol.sync.state import Missing, Question, Session, Step, SyncState

PULLS_OPEN_MAX = 2  # questions of one link, so that one is under way while the other is answered
ANSWER_WAIT_MS = 5_000  # then somebody else is asked
PARKED_MS = 2**62  # until one of those who named it, who all have enough questions open, has answered
DUE_A_NAME_MAX = 4  # notes of when to look at a name, most of them passed over; then they are written anew
BUSY_WAIT_MS = 30_000  # while another peer feeds us; its end is the usual occasion


def split(short: bytes) -> list[bytes]:
    """Take joined short ids apart."""
    return [short[at : at + SHORT_BYTES] for at in range(0, len(short), SHORT_BYTES)]


def wait_ms(session: Session) -> int:
    """Return how long what was named may take to come by itself: a round trip, within bounds.

    It was named a while after it came there, so what is on its way to us has nearly arrived.
    """
    return min(PULL_WAIT_MS_MAX, max(PULL_WAIT_MS_MIN, session.rtt_ms))


def have_received(state: SyncState, session: Session, step: Step, message: Have) -> None:
    """Note what a peer names and we lack; what we wanted to name to it, it has."""
    into, busy = session.into, feeding.is_busy_elsewhere(state, session)
    wait = BUSY_WAIT_MS if busy else wait_ms(session) if into.idle and not message.now else 0
    if state.intake.queue and not message.now:
        wait = max(wait, PRESSED_WAIT_MS)  # what was named may be among what waits
    due_ms = step.now.steady_ms + wait
    here: list[bytes] = []
    news: list[bytes] = []
    find, gathered = state.catalog.find_prefix, session.out.named
    for short in split(message.short):
        held = gathered.pop(short, None) or find(short)  # what we were about to name is held; that is quicker to find
        if held is not None:
            here.append(held)
            continue
        if short in into.named or short in state.refused_lately:
            continue
        missing = state.missing.get(short)
        if len(into.named) >= NAMED_PER_SESSION_MAX or (missing is None and len(state.missing) >= MISSING_MAX):
            into.spilled = True
            continue
        into.named[short] = None
        news.append(short)
        if missing is None:
            missing = state.missing[short] = Missing(deque([session.link]), PARKED_MS, live=into.idle and not busy)
        else:
            missing.links.append(session.link)
        if not missing.asked and due_ms < missing.due_ms:
            _due(state, short, missing, due_ms)
            if busy:
                state.missing_busy[short] = None
    if message.now:
        spreading.named_again(state, session, step, here)
    if here and into.idle:
        overlay.seen_twice(state, session, step)
    if due_ms <= step.now.steady_ms:
        pull(state, step, news, urgent=message.now)


def _due(state: SyncState, short: bytes, missing: Missing, due_ms: int) -> None:
    """Let a name be looked at then, and not before; earlier notes of it are passed over."""
    missing.due_ms = due_ms
    if due_ms == PARKED_MS:
        return
    heappush(state.missing_due, (due_ms, short))
    if len(state.missing_due) > DUE_A_NAME_MAX * len(state.missing) + PULLS_PER_FRAME_MAX:
        state.missing_due = [(one.due_ms, name) for name, one in state.missing.items() if one.due_ms < PARKED_MS]
        heapify(state.missing_due)


def next_due_ms(state: SyncState) -> int | None:
    """Return when (steady ms) the next name is due, if one is."""
    due = state.missing_due
    while due:
        due_ms, short = due[0]
        missing = state.missing.get(short)
        if missing is not None and missing.due_ms == due_ms:
            return due_ms
        heappop(due)
    return None


def pull_due(state: SyncState, step: Step) -> None:
    """Ask for those whose time has come, and for no more in one step than one peer may name."""
    names: list[bytes] = []
    while len(names) < NAMED_PER_SESSION_MAX and (due_ms := next_due_ms(state)) is not None:
        if due_ms > step.now.steady_ms:
            break
        names.append(heappop(state.missing_due)[1])
    if names:
        pull(state, step, names)


def pull(state: SyncState, step: Step, names: Iterable[bytes], *, urgent: bool = False) -> None:
    """Ask for those of these whose time has come, each from the next of those who named it.

    While records wait here little is asked for, and of each link one question is left for what is `urgent`.
    """
    now_ms = step.now.steady_ms
    each, open_max = PULLS_PER_FRAME_MAX, PULLS_OPEN_MAX
    if state.intake.queue:
        each, open_max = min(each, PULLS_PRESSED_MAX), PULLS_OPEN_MAX if urgent else PULLS_OPEN_MAX - 1
    questions: dict[int, list[bytes]] = {}
    for short in names:
        missing = state.missing.get(short)
        if missing is not None and missing.due_ms <= now_ms:
            _assign(state, short, missing, questions, now_ms, each, open_max)
    for link, asked in questions.items():
        session = state.sessions[link]
        for at in range(0, len(asked), each):
            some = tuple(asked[at : at + each])
            session.into.ask(Question("pull", some), now_ms)
            step.send(session, Pull(b"".join(some)))


def _assign(
    state: SyncState,
    short: bytes,
    missing: Missing,
    questions: dict[int, list[bytes]],
    now_ms: int,
    each: int,
    open_max: int,
) -> None:
    """Choose whom to ask; where nobody is left the name is given up (the audit brings it up again).

    Whoever has `open_max` questions open, of `each` so many names, is asked when it has answered one.
    """
    saturated = []
    while missing.links:
        link = missing.links.popleft()
        session = state.sessions.get(link)
        if session is None or not session.is_open or short not in session.into.named:
            continue
        asked = questions.setdefault(link, [])
        is_open = sum(question.kind == "pull" for question in session.into.questions)
        if len(asked) >= each * (open_max - is_open):
            saturated.append(link)
            continue
        asked.append(short)
        missing.asked = True
        missing.links.extendleft(reversed(saturated))
        _due(state, short, missing, now_ms + ANSWER_WAIT_MS)
        return
    if saturated:
        missing.links.extend(saturated)
        _due(state, short, missing, PARKED_MS)
    elif any(short in session.into.named for session in state.open_sessions()):
        _due(state, short, missing, now_ms + ANSWER_WAIT_MS)  # whoever named it was asked, and has yet to answer
    else:
        _forget(state, short)


def _forget(state: SyncState, short: bytes) -> bool:
    """Let go of a name; tell whether anybody had named it."""
    state.missing_busy.pop(short, None)
    return state.missing.pop(short, None) is not None


def answered(state: SyncState, session: Session, step: Step, question: Question) -> None:
    """A pull was answered: what did not come is not held there any more; others may be asked.

    That it was left out, and not lost under way, shows in the check of the peer's next "complete through". What came
    and waits for something else holds the cursor by waiting.
    """
    into = session.into
    left = [short for short in question.short if short in into.named]
    waits = {record_id[:SHORT_BYTES] for record_id in state.waiting.ids(session.peer_hub)} if left else set()
    for short in left:
        del into.named[short]
        if short not in waits:
            into.pending = None
    asked = [short for short in question.short if short in state.missing]
    parked = (one for one in session.into.named if one in state.missing and state.missing[one].due_ms == PARKED_MS)
    _pull_now(state, step, [*asked, *islice(parked, PULLS_PER_FRAME_MAX)])


def arrived(state: SyncState, ids: Iterable[bytes]) -> None:
    """These records are here, or refused for good: nobody needs to be asked for them."""
    if not state.missing:
        return
    sessions = state.open_sessions()
    for record_id in ids:
        short = record_id[:SHORT_BYTES]
        if _forget(state, short):
            for session in sessions:
                session.into.named.pop(short, None)


def refused(state: SyncState, record_id: bytes) -> None:
    """Remember that a record was refused for good: who names it is not asked for it."""
    state.refused_lately[record_id[:SHORT_BYTES]] = None
    if len(state.refused_lately) > REFUSED_LATELY_MAX:
        del state.refused_lately[next(iter(state.refused_lately))]


def link_ended(state: SyncState, step: Step, session: Session) -> None:
    """A link is gone: what waited until it had answered is asked of others, or given up."""
    missing = state.missing
    _pull_now(state, step, [one for one in session.into.named if one in missing and missing[one].due_ms == PARKED_MS])


def feeding_ended(state: SyncState, step: Step) -> None:
    """The peer that fed us is done or gone: what others have named meanwhile is asked for at once."""
    names, state.missing_busy = state.missing_busy, {}
    _pull_now(state, step, [name for name in names if not state.missing[name].asked])


def _pull_now(state: SyncState, step: Step, names: Sequence[bytes]) -> None:
    for name in names:
        state.missing[name].due_ms = step.now.steady_ms  # it is looked at now, so it needs no note
    pull(state, step, names)


def pull_received(state: SyncState, session: Session, step: Step, message: Pull) -> None:
    """Answer with those of the named records that are held."""
    if not message.short:
        raise MessageError("bad_message", "asks for nothing")
    found = [state.catalog.find_prefix(short) for short in split(message.short)]
    outbound.serve(state, session, step, [record_id for record_id in found if record_id is not None])
