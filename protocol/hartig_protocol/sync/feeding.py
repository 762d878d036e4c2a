"""The one peer from which we catch up: others name records meanwhile, and their audits wait.

So a newcomer, or a hub that was away, fetches everything once and not from each neighbour. In: sessions that greet,
open, say something, fall silent or end. Out: `state.feeding`; `hub` looks at `state.released` after each event and lets
go on what has waited.
"""

from hartig_protocol.limits import FEED_MS_MAX, FEED_SILENCE_MS
from hartig_protocol.sync.fairness import Branch
from hartig_protocol.sync.messages import BEHIND, LIVE
from hartig_protocol.sync.state import Feeding, Session, Step, SyncState
from hartig_protocol.values import value


@value
class Progress:
    """How far catching up has come: records held here and at the hub that feeds us; when (steady ms) it last ended."""

    hub: bytes
    held: int
    total: int
    complete_ms: int | None


def claim(state: SyncState, session: Session, step: Step) -> bool:
    """Let this peer feed us, unless another does, and not for long; tell whether it does now.

    The first that is greeted gets it.
    """
    now_ms, feeding = step.now.steady_ms, state.feeding
    if feeding is None or (feeding.link != session.link and now_ms - feeding.since_ms >= FEED_MS_MAX):
        feeding = state.feeding = Feeding(session.link, now_ms, now_ms, session.peer_hub, session.into.holds)
    return feeding.link == session.link


def opened(state: SyncState, session: Session, count: int) -> None:
    """The peer has greeted, and says that it holds so many records."""
    session.into.holds = count
    if state.feeding is not None and state.feeding.link == session.link:
        state.feeding.hub, state.feeding.total = session.peer_hub, count


def heard(state: SyncState, session: Session, step: Step) -> None:
    """The peer has said something of substance."""
    if state.feeding is not None and state.feeding.link == session.link:
        state.feeding.heard_ms = step.now.steady_ms


def feeds(state: SyncState, session: Session, why: int) -> bool:
    """Whether records that come for this reason are what this peer feeds us."""
    return why != LIVE and state.feeding is not None and state.feeding.link == session.link


def payer(state: SyncState, session: Session, step: Step, why: int) -> Branch:
    """Return who pays for what this peer feeds us, beyond the tokens; nobody where nothing seems to be lacking."""
    return _creditor(state, session, step) if feeds(state, session, why) else ()


def _creditor(state: SyncState, session: Session, step: Step) -> Branch:
    held = state.catalog.shared_count
    if session.into.holds <= held:
        return ()
    branch = state.branch_of_peer(session.peer_hub)
    return branch if state.intake.credit.allows(branch, held, step.now.steady_ms) else ()


def is_on_credit(state: SyncState, session: Session, step: Step, why: int) -> bool:
    """Whether what comes need not wait for tokens.

    The stream of a peer that was silent for a while may feed us again, if nobody else does and much is lacking.
    """
    if why == BEHIND and state.feeding is None and _creditor(state, session, step):
        claim(state, session, step)
    return bool(payer(state, session, step, why))


def is_busy_elsewhere(state: SyncState, session: Session) -> bool:
    """Whether another peer than this one feeds us."""
    return state.feeding is not None and state.feeding.link != session.link


def release(state: SyncState, session: Session, step: Step) -> None:
    """This peer has nothing more for us; harmless where another feeds us."""
    if state.feeding is not None and state.feeding.link == session.link:
        state.complete_ms = step.now.steady_ms  # what the wall said then may be set right later
        state.end_feeding()


def time_passed(state: SyncState, step: Step) -> None:
    """A peer that says nothing any more feeds nobody."""
    if state.feeding is not None and step.now.steady_ms - state.feeding.heard_ms >= FEED_SILENCE_MS:
        state.end_feeding()


def next_due_ms(state: SyncState) -> int | None:
    """Return when (steady ms) the feeding peer will have been silent for too long."""
    return None if state.feeding is None else state.feeding.heard_ms + FEED_SILENCE_MS


def progress(state: SyncState) -> Progress:
    """Return how far catching up has come; without a hub nobody feeds us."""
    feeding = state.feeding
    held = state.catalog.shared_count
    if feeding is None:
        return Progress(b"", held, held, state.complete_ms)
    return Progress(feeding.hub, held, max(held, feeding.total), state.complete_ms)
