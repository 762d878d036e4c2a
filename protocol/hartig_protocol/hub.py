"""The core: one object, `handle(event, now) -> actions`, no clock, no sockets, no files.

Map of one record's way: `FramesReceived` -> sync.messages (frame to message) -> sync.inbound (open, verify, judge by
catalog and trust) -> the `Commit` of the step -> sync.outbound (on to other peers) -> notices for the feed.
The engine calls it, with no await inside, and carries the actions out in their order: store, then send, then tell.
"""

from collections.abc import Callable, Sequence
from typing import Any

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.errors import LocalError, MessageError, RecordError
from hartig_protocol.events import (
    Action,
    ArrivalsRead,
    BundleEnded,
    CloseLink,
    Event,
    FrameReceived,
    FramesReceived,
    LinkClosed,
    LinkOpened,
    NewcomerAdmitted,
    NewcomerRefused,
    NodeHeard,
    NodeUnreachable,
    Now,
    PublishAnswered,
    RecordsCarried,
    RecordsPublished,
    RecordsRead,
    Refusal,
    SendFrame,
    TimePassed,
    WorkContinued,
)
from hartig_protocol.limits import (
    ANSWER_MS_MAX,
    HELLO_TIMEOUT_MS,
    RECORDS_PER_FRAME_MAX,
    SESSIONS_MAX,
    SILENCE_MS_MAX,
    SWEEP_EVERY_MS,
)
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Record
from hartig_protocol.sync import (
    audit,
    bundle,
    feeding,
    greeting,
    inbound,
    outbound,
    overlay,
    pulling,
    receiving,
    spreading,
)
from hartig_protocol.sync.framing import unpack
from hartig_protocol.sync.messages import (
    ANSWER,
    LIVE,
    Ack,
    Admit,
    Audit,
    Bye,
    Equal,
    Have,
    Hello,
    Ids,
    Join,
    Lack,
    List,
    More,
    Ping,
    Pong,
    Prefer,
    Pull,
    Recent,
    Records,
    Sketch,
    Through,
    Want,
)
from hartig_protocol.sync.state import Phase, Session, Step, SyncState
from hartig_protocol.sync.timers import Timers, ping_after_ms

_Handler = Callable[[SyncState, Session, Step, Any], None]

# What may be said while a session stands where; everything else closes the link.
_GREETINGS: dict[type, _Handler] = {
    Hello: greeting.hello_received,
    Join: greeting.join_received,
    Admit: greeting.admit_received,
}
_OPEN: dict[type, _Handler] = {
    Records: receiving.records_received,
    Through: inbound.through_received,
    Have: receiving.have_received,
    Pull: pulling.pull_received,
    Prefer: lambda _state, session, _step, message: spreading.prefer_received(session, message),
    Ack: lambda state, session, step, message: outbound.acknowledged(state, session, step, message.count),
    Want: lambda state, session, step, message: outbound.serve(state, session, step, message.ids),
    Audit: audit.audit_received,
    Equal: audit.equal_received,
    Sketch: audit.sketch_received,
    More: audit.more_received,
    List: audit.list_received,
    Ids: audit.ids_received,
    Lack: audit.lack_received,
    Recent: audit.recent_received,
    Ping: lambda _state, session, step, message: step.send(session, Pong(message.number)),
    Pong: lambda _state, session, step, message: session.pong_received(message.number, step.now.steady_ms),
}
# What happens on a link, and may come when its session has ended.
_OF_SESSION: dict[type, _Handler] = {
    LinkClosed: lambda state, session, step, event: step.forget(state, session, "closed", event.reason),
    ArrivalsRead: outbound.arrivals_read,
    RecordsRead: outbound.records_read,
    NewcomerRefused: greeting.newcomer_refused,
}
_FRAMES = frozenset({FrameReceived, FramesReceived})
_NO_WORDS = frozenset({Ping, Pong})


class Hub:
    """One hub of one network."""

    def __init__(self, state: SyncState, now: Now) -> None:
        self.state = state
        self._sweep_ms = now.steady_ms + SWEEP_EVERY_MS
        self._authority = state.catalog.authority  # by which those who have a link were judged last
        self._timers = Timers()

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
        self.catalog.sweep(now, step.commit, self.state.hub_key.public)
        self.state.records_gone(step.gone())
        overlay.refresh(self.state, step)
        return step.actions()

    def handle(self, event: Event, now: Now) -> list[Action]:
        """Take one fact and return what is to be done, in order.

        Never raises for anything that came from outside: a bad message costs its link.
        """
        step = Step(now)
        self._happened(step, event)
        if type(event) not in _FRAMES:
            self._settle(step)
        actions = step.actions()
        self._touched(event, step, actions)
        return actions

    def change(self, now: Now, work: Callable[[Step], None]) -> list[Action]:
        """Have somebody above change the state in a step of its own, and return what is to be done, in order."""
        step = Step(now)
        work(step)
        self._settle(step)
        self._timers.all_touched()
        return step.actions()

    def _touched(self, event: Event, step: Step, actions: Sequence[Action]) -> None:
        """Have the timers of those sessions looked up again that may have changed."""
        link = getattr(event, "link", None)
        if step.commit.added or (link is None and type(event) is not TimePassed):
            self._timers.all_touched()
        else:
            links = [action.link for action in actions if type(action) is SendFrame]
            if link is not None:
                links.append(link)
            self._timers.touched(links)

    def _happened(self, step: Step, event: Event) -> None:
        match event:
            case FrameReceived(link, frame):
                self._frames_received(step, link, (frame,))
            case FramesReceived(link, frames):
                self._frames_received(step, link, frames)
            case TimePassed():
                self._time_passed(step)
            case LinkClosed(link) | ArrivalsRead(link) | RecordsRead(link) | NewcomerRefused(link):
                session = self.state.sessions.get(link)
                if session is not None:
                    _OF_SESSION[type(event)](self.state, session, step, event)
            case LinkOpened():
                self._link_opened(step, event)
            case NewcomerAdmitted():
                self._newcomer_admitted(step, event)
            case _:
                self._happened_here(step, event)

    def _happened_here(self, step: Step, event: Event) -> None:
        """Take what does not come from a link."""
        match event:
            case RecordsPublished():
                self._records_published(step, event)
            case RecordsCarried():
                bundle.records_carried(self.state, step, event)
            case BundleEnded():
                bundle.bundle_ended(self.state, step, event)
            case NodeUnreachable(node):
                overlay.unreachable(self.state, step, node)
            case NodeHeard(node):
                overlay.heard(self.state, step, node)
            case WorkContinued():
                self.state.continue_jobs(step)
            case _:
                raise LocalError(f"no such event: {event!r}")

    def next_timer_ms(self) -> int:
        """Return when (steady ms) `TimePassed` is wanted at the latest."""
        state = self.state
        due_ms = min(self._sweep_ms, self._timers.soonest_ms(state), overlay.next_due_ms(state))
        for other_ms in (state.intake.due_ms, feeding.next_due_ms(state), pulling.next_due_ms(state)):
            if other_ms is not None and other_ms < due_ms:
                due_ms = other_ms
        return due_ms

    # --- Links and frames

    def _link_opened(self, step: Step, event: LinkOpened) -> None:
        at = step.now.steady_ms
        session = Session(event.link, event.peer_node, event.opened_by_us, event.nonce, at, at, at)
        self.state.sessions[event.link] = session
        self.state.overlay.links_changed = True
        if len(self.state.sessions) > SESSIONS_MAX:
            step.close(self.state, session, "full", f"this hub has {SESSIONS_MAX} links already; try again later")
        elif event.opened_by_us:
            greeting.greet(self.state, session, step)

    def _frames_received(self, step: Step, link: int, frames: Sequence[bytes]) -> None:
        """Deal with the frames in their order, and settle after each; `Records` in a row count as one message."""
        session = self.state.sessions.get(link)
        if session is None:
            return
        session.heard_ms = step.now.steady_ms
        gathered: list[Records] = []
        refusal = None
        try:
            for frame in frames:
                message = unpack(frame)
                session.into.hear(frame, message)
                if gathered and not _joins(gathered, message):
                    gathered = self._gathered_received(step, session, gathered)
                if link not in self.state.sessions:
                    return
                if session.is_open and type(message) is Records and message.why != ANSWER:
                    gathered.append(message)
                else:
                    self._message_received(step, session, message)
                    self._settle(step)
        except (MessageError, RecordError) as error:
            refusal = (error.code, str(error))  # not the error: it knows this frame, and would keep all of this alive
        if gathered:
            self._gathered_received(step, session, gathered)
        if refusal is not None and link in self.state.sessions:
            step.close(self.state, session, *refusal)
            self._settle(step)

    def _gathered_received(self, step: Step, session: Session, gathered: Sequence[Records]) -> list[Records]:
        receiving.several_received(self.state, session, step, gathered)
        self._heard(step, session, is_word=gathered[-1].why != LIVE)  # news are not what a hub is fed
        self._settle(step)
        return []

    def _message_received(self, step: Step, session: Session, message: Any) -> None:
        match message:
            case Bye(code, reason):
                if code == "crowded" and session.is_open:
                    overlay.seen_twice(self.state, session, step)  # it was let go as redundant, and need not be missed
                step.order(CloseLink(session.link, code, reason))
                step.forget(self.state, session, code, f"it said: {reason}")
            case _:
                handlers = _OPEN if session.is_open else _GREETINGS
                handler = handlers.get(type(message))
                if handler is None:
                    where = "after the greetings" if session.is_open else "before the greetings are done"
                    raise MessageError("bad_message", f"{type(message).__name__} came {where}")
                handler(self.state, session, step, message)
        self._heard(step, session, is_word=type(message) not in _NO_WORDS)

    def _heard(self, step: Step, session: Session, *, is_word: bool = True) -> None:
        if session.is_open and session.link in self.state.sessions:
            if is_word:
                feeding.heard(self.state, session, step)
            audit.begin_if_due(self.state, session, step)

    def _settle(self, step: Step) -> None:
        """End the links of strangers, and let go on what has waited for the end of a link, or of catching up."""
        state = self.state
        if step.commit.removed:
            state.records_gone(step.gone())
        if state.catalog.authority is not self._authority or state.cards_changed:
            self._authority, state.cards_changed = state.catalog.authority, False
            self._close_strangers(step)
        overlay.refresh(state, step)
        while state.ended or state.released:
            ended, state.ended = state.ended, []
            for session in ended:
                spreading.link_ended(state, step, session.link)
                pulling.link_ended(state, step, session)
            if state.released:
                state.released = False
                audit.resume(state, step)
                pulling.feeding_ended(state, step)

    # --- What the node hands in

    def _records_published(self, step: Step, event: RecordsPublished) -> None:
        opened: list[Record | Refusal] = []
        for item in event.records:
            try:
                opened.append(item if isinstance(item, Record) else open_record(item))
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
        greeting.newcomer_admitted(self.state, self.state.sessions.get(event.link), step, event)

    # --- Time

    def _time_passed(self, step: Step) -> None:
        now = step.now
        for session in self._timers.due(self.state, now.steady_ms):
            self._session_timer(step, session)
        feeding.time_passed(self.state, step)
        if _is_due(self.state.intake.due_ms, now.steady_ms):
            receiving.drain(self.state, step)
        pulling.pull_due(self.state, step)
        if now.steady_ms >= self._sweep_ms:
            self._sweep_ms = now.steady_ms + SWEEP_EVERY_MS
            self.catalog.sweep(step.now, step.commit, self.state.hub_key.public)
            inbound.retry_waiting(self.state, step)

    def _close_strangers(self, step: Step) -> None:
        """End the links of hubs that no longer stand, and of nodes that no longer speak for theirs."""
        if self.state.enclosure is not None:
            return
        for session in self.state.open_sessions():
            refusal = greeting.judge_node(self.state, session.peer_hub, session.peer_node)
            if refusal is not None:
                step.close(self.state, session, *refusal)

    def _session_timer(self, step: Step, session: Session) -> None:
        """Do what a session's time has come for; who has not greeted is looked at only to be turned away."""
        now_ms = step.now.steady_ms
        if session.phase is not Phase.OPEN and now_ms - session.opened_ms >= HELLO_TIMEOUT_MS:
            step.close(self.state, session, "no_greeting", f"no greeting within {HELLO_TIMEOUT_MS // 1000} seconds")
        elif now_ms - session.heard_ms >= SILENCE_MS_MAX:
            step.close(self.state, session, "silent", f"nothing heard for {SILENCE_MS_MAX // 1000} seconds")
        elif self._is_unanswered(session, now_ms):
            step.close(self.state, session, "no_answer", f"no answer within {ANSWER_MS_MAX // 1000} seconds")
        else:
            self._open_session_timer(step, session)

    @staticmethod
    def _is_unanswered(session: Session, now_ms: int) -> bool:
        """Whether an answer that was asked for has not gone on for long; what waits here already has come."""
        into = session.into
        return bool(into.questions) and not into.parts and now_ms - into.answered_ms >= ANSWER_MS_MAX

    def _open_session_timer(self, step: Step, session: Session) -> None:
        now_ms, out, into = step.now.steady_ms, session.out, session.into
        if _is_due(out.named_due_ms, now_ms):
            outbound.flush_names(session, step)
        if _is_due(out.through_due_ms, now_ms):
            outbound.tell_through(self.state, session, step)
        if _is_due(into.ack_due_ms, now_ms):
            inbound.acknowledge(session, step)
        if now_ms - session.pinged_ms >= ping_after_ms(session):
            step.send(session, Ping(now_ms))
        audit.begin_if_due(self.state, session, step)


def _joins(gathered: Sequence[Records], message: Any) -> bool:
    """Whether a message may be dealt with together with those before it."""
    if type(message) is not Records or message.why != gathered[0].why:
        return False
    return sum(len(one.records) for one in gathered) + len(message.records) <= RECORDS_PER_FRAME_MAX


def _is_due(due_ms: int | None, now_ms: int) -> bool:
    return due_ms is not None and due_ms <= now_ms
