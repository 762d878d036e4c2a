"""The core: one object, `handle(event, now) -> actions`, no clock, no sockets, no files.

Map of one record's way: `FrameReceived` -> sync.messages (frame to message) -> sync.inbound (open, verify, judge by
catalog and trust) -> the `Commit` of the step -> sync.outbound (on to other peers) -> notices for the feed.
The engine calls it, with no await inside, and carries the actions out in their order: store, then send, then tell.
"""

from collections.abc import Callable
from typing import Any

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.errors import LocalError, MessageError, RecordError
from hartig_protocol.events import (
    Action,
    ArrivalsRead,
    CloseLink,
    Event,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    NewcomerAdmitted,
    NewcomerRefused,
    Now,
    PublishAnswered,
    RecordsPublished,
    RecordsRead,
    Refusal,
    TimePassed,
)
from hartig_protocol.limits import (
    HELLO_TIMEOUT_MS,
    PING_AFTER_MS,
    SESSIONS_MAX,
    SILENCE_MS_MAX,
    SWEEP_EVERY_MS,
)
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Record
from hartig_protocol.sync import audit, greeting, inbound, outbound
from hartig_protocol.sync.messages import (
    Ack,
    Admit,
    Audit,
    Bye,
    Equal,
    Hello,
    Ids,
    Join,
    Ping,
    Pong,
    Records,
    Want,
    unpack,
)
from hartig_protocol.sync.state import Phase, Session, Step, SyncState

_Handler = Callable[[SyncState, Session, Step, Any], None]

# What may be said while a session stands where; everything else closes the link.
_GREETINGS: dict[type, _Handler] = {
    Hello: greeting.hello_received,
    Join: greeting.join_received,
    Admit: greeting.admit_received,
}
_OPEN: dict[type, _Handler] = {
    Records: inbound.records_received,
    Ack: lambda state, session, step, message: outbound.acknowledged(state, session, step, message.number),
    Want: lambda state, session, step, message: outbound.serve(state, session, step, message.ids),
    Audit: audit.audit_received,
    Equal: audit.equal_received,
    Ids: audit.ids_received,
    Ping: lambda _state, session, step, message: step.send(session, Pong(message.number)),
    Pong: lambda _state, _session, _step, _message: None,  # that it was heard is enough
}


class Hub:
    """One hub of one network."""

    def __init__(self, state: SyncState, now: Now) -> None:
        self.state = state
        self._sweep_ms = now.steady_ms + SWEEP_EVERY_MS

    def __repr__(self) -> str:
        return f"<Hub {self.state.hub_key.public.hex()[:8]} {self.state.catalog!r} {len(self.state.sessions)} links>"

    @property
    def catalog(self) -> Catalog:
        """What this hub has accepted."""
        return self.state.catalog

    def start(self, now: Now) -> list[Action]:
        """Judge anew by today's time what the store holds; call it once, before any event."""
        step = Step(now)
        self.catalog.refresh(now, step.commit)
        self.catalog.sweep(now, step.commit)
        return step.actions()

    def handle(self, event: Event, now: Now) -> list[Action]:
        """Take one fact and return what is to be done, in order.

        Never raises for anything that came from outside: a bad message costs its link.
        """
        step = Step(now)
        authority = self.catalog.authority
        match event:
            case FrameReceived(link, frame):
                self._frame_received(step, link, frame)
            case LinkOpened():
                self._link_opened(step, event)
            case LinkClosed(link, reason):
                self._with_session(link, lambda session: step.forget(self.state, session, "closed", reason))
            case RecordsPublished():
                self._records_published(step, event)
            case ArrivalsRead(link):
                self._with_session(link, lambda one: outbound.arrivals_read(self.state, one, step, event))
            case RecordsRead(link):
                self._with_session(link, lambda one: outbound.records_read(self.state, one, step, event))
            case NewcomerAdmitted(link):
                self._newcomer_admitted(step, event)
            case NewcomerRefused(link):
                self._with_session(link, lambda one: greeting.newcomer_refused(self.state, one, step, event))
            case TimePassed():
                self._time_passed(step)
            case _:
                raise LocalError(f"no such event: {event!r}")
        if self.catalog.authority is not authority:
            self._close_strangers(step)
        return step.actions()

    def next_timer_ms(self) -> int:
        """Return when (steady ms) `TimePassed` is wanted at the latest."""
        return min([self._sweep_ms, *(_session_timer_ms(session) for session in self.state.sessions.values())])

    # --- Links and frames

    def _with_session(self, link: int, do: Callable[[Session], None]) -> None:
        """Act on a session that may have ended while the event was under way."""
        session = self.state.sessions.get(link)
        if session is not None:
            do(session)

    def _link_opened(self, step: Step, event: LinkOpened) -> None:
        at = step.now.steady_ms
        session = Session(event.link, event.peer_node, event.opened_by_us, event.nonce, at, at, at)
        self.state.sessions[event.link] = session
        if len(self.state.sessions) > SESSIONS_MAX:
            step.close(self.state, session, "full", f"this hub has {SESSIONS_MAX} links already; try again later")
        elif event.opened_by_us:
            greeting.greet(self.state, session, step)

    def _frame_received(self, step: Step, link: int, frame: bytes) -> None:
        session = self.state.sessions.get(link)
        if session is None:
            return
        session.heard_ms = step.now.steady_ms
        try:
            self._message_received(step, session, unpack(frame))
        except (MessageError, RecordError) as error:
            step.close(self.state, session, error.code, str(error))

    def _message_received(self, step: Step, session: Session, message: Any) -> None:
        match message:
            case Bye(code, reason):
                step.order(CloseLink(session.link, code, reason))
                step.forget(self.state, session, code, f"it said: {reason}")
            case _:
                handlers = _OPEN if session.is_open else _GREETINGS
                handler = handlers.get(type(message))
                if handler is None:
                    where = "after the greetings" if session.is_open else "before the greetings are done"
                    raise MessageError("bad_message", f"{type(message).__name__} came {where}")
                handler(self.state, session, step, message)
        if session.is_open and session.link in self.state.sessions:
            audit.begin_if_due(self.state, session, step)

    # --- What the node hands in

    def _records_published(self, step: Step, event: RecordsPublished) -> None:
        opened: list[Record | Refusal] = []
        for wire in event.records:
            try:
                opened.append(open_record(wire))
            except RecordError as error:
                opened.append(Refusal(error.code, str(error)))
        records = [item for item in opened if isinstance(item, Record)]
        verdicts = inbound.ingest(self.state, step, records, None)
        judged = dict(
            zip((record.id for record in records), inbound.refusals_of(self.state, records, verdicts), strict=True)
        )
        refusals = tuple(judged[item.id] if isinstance(item, Record) else item for item in opened)
        if any(refusal is None for refusal in refusals):
            step.commit.private.extend(event.private)
        step.tell(PublishAnswered(event.ticket, refusals))

    def _newcomer_admitted(self, step: Step, event: NewcomerAdmitted) -> None:
        session = self.state.sessions.get(event.link)
        if session is None:
            # The newcomer has gone; its grant is signed and counts, so that it finds the door open next time.
            step.commit.private.extend(event.private)
            inbound.ingest(self.state, step, [open_record(event.grant)], None)
            return
        greeting.newcomer_admitted(self.state, session, step, event)

    # --- Time

    def _time_passed(self, step: Step) -> None:
        now = step.now
        for session in [self.state.sessions[link] for link in sorted(self.state.sessions)]:
            self._session_timer(step, session)
        if now.steady_ms >= self._sweep_ms:
            self._sweep_ms = now.steady_ms + SWEEP_EVERY_MS
            self.catalog.sweep(step.now, step.commit)
            inbound.retry_waiting(self.state, step)

    def _close_strangers(self, step: Step) -> None:
        """End the links of hubs that no longer stand."""
        for session in self.state.open_sessions():
            refusal = greeting.judge_standing(self.state, session.peer_hub)
            if refusal is not None:
                step.close(self.state, session, *refusal)

    def _session_timer(self, step: Step, session: Session) -> None:
        now_ms = step.now.steady_ms
        if session.phase is not Phase.OPEN and now_ms - session.opened_ms >= HELLO_TIMEOUT_MS:
            step.close(self.state, session, "no_greeting", f"no greeting within {HELLO_TIMEOUT_MS // 1000} seconds")
        elif now_ms - session.heard_ms >= SILENCE_MS_MAX:
            step.close(self.state, session, "silent", f"nothing heard for {SILENCE_MS_MAX // 1000} seconds")
        elif session.is_open:
            if now_ms - session.pinged_ms >= PING_AFTER_MS:
                step.send(session, Ping(now_ms))
                outbound.pump(self.state, session, step)
            audit.begin_if_due(self.state, session, step)


def _session_timer_ms(session: Session) -> int:
    """Return when (steady ms) a session wants to be looked at."""
    if not session.is_open:
        return min(session.opened_ms + HELLO_TIMEOUT_MS, session.heard_ms + SILENCE_MS_MAX)
    return min(session.pinged_ms + PING_AFTER_MS, session.heard_ms + SILENCE_MS_MAX, audit.next_due_ms(session))
