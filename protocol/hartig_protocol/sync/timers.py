"""When each session wants to be looked at, looked up again only where something may have changed it.

In: which sessions something happened to. Out: the soonest moment, and the sessions whose moment has come. A moment that
was looked up too early costs one look in vain. Duty of `hub`: say after each event whom it touched, the one that it
came from, those to whom something goes out, and all of them where records were accepted (they may be named later).
"""

from collections.abc import Iterable

from hartig_protocol.limits import ANSWER_MS_MAX, HELLO_TIMEOUT_MS, PING_AFTER_MS, PING_LATE_MS, SILENCE_MS_MAX
from hartig_protocol.sync import audit
from hartig_protocol.sync.session import Session
from hartig_protocol.sync.state import SyncState

_NEVER_MS = 2**62


class Timers:
    """What is remembered of the sessions' moments (steady ms)."""

    def __init__(self) -> None:
        self._due_ms: dict[int, int] = {}
        self._soonest_ms: int | None = None  # None: some are to be looked up

    def touched(self, links: Iterable[int]) -> None:
        """Look these sessions up again; of links that are gone nothing is kept."""
        for link in links:
            self._due_ms.pop(link, None)
        self._soonest_ms = None

    def all_touched(self) -> None:
        """Look all sessions up again."""
        self._due_ms.clear()
        self._soonest_ms = None

    def soonest_ms(self, state: SyncState) -> int:
        """Return when the first session wants to be looked at."""
        if self._soonest_ms is None:
            self._look_up(state)
            self._soonest_ms = min(self._due_ms.values(), default=_NEVER_MS)
        return self._soonest_ms

    def _look_up(self, state: SyncState) -> None:
        due_ms = self._due_ms
        if len(due_ms) == len(state.sessions):
            return  # of links that are gone nothing is kept
        for link, session in state.sessions.items():
            if link not in due_ms:
                due_ms[link] = session_due_ms(session)

    def due(self, state: SyncState, now_ms: int) -> list[Session]:
        """Take the sessions whose moment has come, by link number; they are looked up again when asked for."""
        self._look_up(state)
        links = sorted(link for link, due_ms in self._due_ms.items() if due_ms <= now_ms)
        self.touched(links)
        return [state.sessions[link] for link in links]


def ping_after_ms(session: Session) -> int:
    """Return after how long (ms) without sending we ping; a peer that opened the link does so first."""
    return PING_AFTER_MS if session.opened_by_us else PING_LATE_MS


def session_due_ms(session: Session) -> int:
    """Return when (steady ms) a session wants to be looked at."""
    if not session.is_open:
        return min(session.opened_ms + HELLO_TIMEOUT_MS, session.heard_ms + SILENCE_MS_MAX)
    out, into = session.out, session.into
    due_ms = audit.next_due_ms(session)  # which ends silence, too
    ping_ms = session.pinged_ms + (PING_AFTER_MS if session.opened_by_us else PING_LATE_MS)
    answer_ms = into.answered_ms + ANSWER_MS_MAX if into.questions and not into.parts else None
    for other_ms in (ping_ms, answer_ms, out.named_due_ms, out.through_due_ms, into.ack_due_ms):
        if other_ms is not None and other_ms < due_ms:
            due_ms = other_ms
    return due_ms
