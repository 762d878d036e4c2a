"""The driver: the only place where the core meets IO.

In: events from links, timers, the store and the board. It runs the core with no await inside, and carries the actions
out in the one safe order: a commit is durable before anything after it is sent or told. All steps whose commits wait
together are made durable together (group commit). Memory is never rolled back: a commit that fails ends the process;
a full disk is waited out, with nothing acknowledged.
Who calls: `daemon` makes one, `net` hands it links, `board` publishes through it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from hartig_node.clock import Clock
from hartig_node.feed import Feed
from hartig_node.grouping import grouped
from hartig_node.outbox import LinkPort, Outbox
from hartig_node.peers import Peers
from hartig_node.ports import Store, StoreFullError
from hartig_node.tasks import Tasks
from hartig_protocol.errors import RemoteError
from hartig_protocol.events import (
    Action,
    Admitted,
    ArrivalsRead,
    AskAdmission,
    BundleEnded,
    CarriedAnswered,
    CloseLink,
    Commit,
    ContinueWork,
    Event,
    FramesReceived,
    LinkClosed,
    LinkOpened,
    LinksWanted,
    NewcomerAdmitted,
    NewcomerRefused,
    Notice,
    OwnRecordClaimed,
    PeerChanged,
    PrivateRow,
    PublishAnswered,
    ReadArrivals,
    ReadRecords,
    RecordsCarried,
    RecordsPublished,
    RecordsRead,
    Refusal,
    SendFrame,
    TimeHeard,
    TimePassed,
    WorkContinued,
)
from hartig_protocol.hub import Hub
from hartig_protocol.limits import NONCE_BYTES
from hartig_protocol.records.record import Record, Wire

logger = logging.getLogger(__name__)

# Of steps whose commits are not durable yet; then links are not read any further. A frame may hold one record, so
# many may wait; together they may not hold more than about 20 MB.
STEPS_WAITING_MAX = 256
RECORDS_WAITING_MAX = 4_096
# Of frames that are dealt with in one step: about 60 records, so about 15 ms. One frame may have more.
TOGETHER_BYTES_MAX = 24 * 1024
TURN_S_MAX = 0.004  # how long frames that are here already may be dealt with before everything else has its turn
TIMER_NEARNESS_S = 0.002  # a timer that is as near as this to where it should be may stay
FULL_RETRY_S = 5.0


class NodeSide(Protocol):
    """What the core may ask the node's people for; the board answers."""

    async def admit(self, asked: AskAdmission) -> NewcomerAdmitted | NewcomerRefused:
        """Judge an invite that a newcomer holds out."""

    async def admitted(self) -> None:
        """This hub has just become a member."""

    async def own_record_claimed(self, claimed: OwnRecordClaimed) -> None:
        """A peer holds a record of ours that we do not."""


class Engine:
    """Runs one `Hub` against a store and links."""

    def __init__(self, hub: Hub, store: Store, clock: Clock, tasks: Tasks, random_bytes: "RandomBytes") -> None:
        self.hub, self.store, self.clock = hub, store, clock
        self.feed = Feed()
        self.peers = Peers()
        self.stuck: str | None = None
        self.node_side: NodeSide | None = None
        self.on_links_wanted: Callable[[tuple[bytes, ...]], None] | None = None
        self.on_committed: Callable[[Commit], None] | None = None
        self._tasks, self._random_bytes = tasks, random_bytes
        self._links: dict[int, tuple[LinkPort, Outbox]] = {}
        self._next_link = 1
        self._next_ticket = 1
        self._tickets: dict[int, asyncio.Future[tuple[Refusal | None, ...]]] = {}
        self._carried: dict[int, asyncio.Future[CarriedAnswered]] = {}
        self._steps: deque[list[Action]] = deque()
        self._records_waiting = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_is_asked = self._turn_is_asked = self._closed = False
        self._is_broken = False  # what is in memory is not to be trusted: nothing more goes in, the process ends
        self._turn_ends_s = 0.0
        self._refused_before = 0

    def __repr__(self) -> str:
        return f"<Engine {self.hub!r} {len(self._steps)} steps waiting>"

    def start(self) -> None:
        """Judge what the store holds by today's time, and begin to carry actions out."""
        self._tasks.start(self._carry_out(), "engine")
        self._queue(self.hub.start(self.clock.now()))

    @property
    def refused_total(self) -> int:
        """How many records of peers were refused since the start."""
        return self._refused_before + sum(one.into.refused for one in self.hub.state.sessions.values())

    # --- Events in

    def handle(self, event: Event) -> None:
        """Run the core on one event; its actions are carried out soon, in order.

        An error out of the core leaves memory ahead of the disk, whoever brought the event: the node must end.
        """
        if self._is_broken:
            return
        try:
            actions = self.hub.handle(event, self.clock.now())
        except Exception as error:
            self._is_broken = True
            self._tasks.fail(f"the core, at {type(event).__name__},", error)
            raise
        self._queue(actions)

    def _queue(self, actions: list[Action]) -> None:
        if actions:
            self._steps.append(actions)
            self._wake.set()
            self._records_waiting += sum(len(action.added) for action in actions if isinstance(action, Commit))
            if len(self._steps) >= STEPS_WAITING_MAX or self._records_waiting >= RECORDS_WAITING_MAX:
                self._room.clear()
        if not self._timer_is_asked:  # once for all events of this turn of the loop
            self._timer_is_asked = True
            asyncio.get_running_loop().call_soon(self._set_timer)

    def _set_timer(self) -> None:
        self._timer_is_asked = False
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        delay_s = max(0.01, (self.hub.next_timer_ms() - self.clock.now().steady_ms) / 1000)
        due_s = loop.time() + delay_s
        if self._timer is not None:
            if abs(self._timer.when() - due_s) < TIMER_NEARNESS_S:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due_s, self._time_passed)

    def _time_passed(self) -> None:
        self._timer = None
        self.handle(TimePassed())

    def start_publish(
        self, records: Sequence[Record | Wire], private: Sequence[PrivateRow] = ()
    ) -> asyncio.Future[tuple[Refusal | None, ...]]:
        """Hand records to the core, opened or in wire form; the answer comes when what was accepted is durable.

        The core has judged them, and its catalog has changed, when this returns.
        """
        ticket = self._next_ticket
        self._next_ticket += 1
        answer: asyncio.Future[tuple[Refusal | None, ...]] = asyncio.get_running_loop().create_future()
        self._tickets[ticket] = answer
        answer.add_done_callback(lambda _: self._tickets.pop(ticket, None))
        self.handle(RecordsPublished(ticket, tuple(records), tuple(private)))
        return answer

    async def publish(
        self, records: Sequence[Record | Wire], private: Sequence[PrivateRow] = ()
    ) -> tuple[Refusal | None, ...]:
        """Publish and wait; a caller that is cancelled while it waits changes nothing about what was handed in."""
        return await self.start_publish(records, private)

    async def carry(self, hub: bytes, records: Sequence[Wire]) -> CarriedAnswered:
        """Hand in records out of a bundle that a hub wrote; the answer comes when what was accepted is durable."""
        return await self._carry(lambda ticket: RecordsCarried(ticket, tuple(records), hub))

    async def end_bundle(self, hub: bytes, epoch: bytes, n: int, check: bytes) -> CarriedAnswered:
        """Say that a bundle was whole and true: the cursor of its hub may move."""
        return await self._carry(lambda ticket: BundleEnded(ticket, hub, epoch, n, check))

    async def _carry(self, event_of: Callable[[int], Event]) -> CarriedAnswered:
        ticket = self._next_ticket
        self._next_ticket += 1
        answer: asyncio.Future[CarriedAnswered] = asyncio.get_running_loop().create_future()
        self._carried[ticket] = answer
        answer.add_done_callback(lambda _: self._carried.pop(ticket, None))
        self.handle(event_of(ticket))
        return await answer

    async def keep_private(self, rows: Sequence[PrivateRow], notices: Sequence[Notice] = ()) -> None:
        """Make private rows durable on their own, and tell of what they are about."""
        await self._commit(Commit(private=list(rows), notices=list(notices)))

    # --- Links

    async def run_link(self, link: LinkPort) -> None:
        """Serve one link until it ends, whoever ends it; a bad peer costs its link and nothing else."""
        number = self._next_link
        self._next_link += 1
        outbox = Outbox(link)
        self._links[number] = (link, outbox)
        sender = self._tasks.start(outbox.run(), f"link {number} out")
        reason = "closed"
        try:
            self.peers.linked(number, link)
            nonce = self._random_bytes(NONCE_BYTES)
            self.handle(LinkOpened(number, link.peer_node_id, link.opened_by_us, nonce))
            while True:
                frame = await link.receive()
                frames = (frame, *link.receive_more(TOGETHER_BYTES_MAX - len(frame)))
                self.handle(FramesReceived(number, frames))
                await self._room.wait()
                await self._give_way()
        except (RemoteError, OSError) as error:
            reason = str(error)
        finally:
            del self._links[number]
            session = self.hub.state.sessions.get(number)
            self._refused_before += session.into.refused if session else 0
            self.handle(LinkClosed(number, reason))
            sender.cancel()
            link.close(reason)

    async def _give_way(self) -> None:
        """Let everything else have its turn: reading on does not wait while there are frames that came together."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._turn_ends_s:
            return
        if not self._turn_is_asked:
            self._turn_is_asked = True
            loop.call_soon(self._begin_turn)
        await asyncio.sleep(0)

    def _begin_turn(self) -> None:
        self._turn_is_asked = False
        self._turn_ends_s = asyncio.get_running_loop().time() + TURN_S_MAX

    # --- Actions out

    async def _carry_out(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            steps = list(self._steps)
            self._steps.clear()
            self._records_waiting = 0
            self._room.set()
            commits = grouped(action for actions in steps for action in actions if isinstance(action, Commit))
            if commits:
                # All are waiting when the writer looks, so they share one transaction.
                await asyncio.gather(*(self._commit(commit) for commit in commits))
            for actions in steps:
                for action in actions:
                    if not isinstance(action, Commit):
                        self._do(action)

    async def _commit(self, commit: Commit) -> None:
        """Make a commit durable; on a full disk wait until there is room, acknowledging nothing."""
        while True:
            try:
                items = await self.store.commit(commit)
            except StoreFullError as error:
                if self.stuck is None:
                    logger.error("the disk is full; waiting for room: %s", error)  # noqa: TRY400 - no traceback helps
                self.stuck = str(error)
                await asyncio.sleep(FULL_RETRY_S)
            else:
                self.stuck = None
                if self.on_committed is not None:
                    self.on_committed(commit)
                self.feed.publish(items if len(self.feed) else items[-1:])  # the last number is always wanted
                return

    def _do(self, action: Action) -> None:
        match action:
            case SendFrame(link, frame):
                self._send(link, frame)
            case CloseLink(link, code, reason):
                if link in self._links:
                    self._links[link][1].finish(f"{code}: {reason}")
            case ReadArrivals() | ReadRecords():
                self._tasks.start(self._read(action), f"read for link {action.link}")
            case ContinueWork():
                # After this turn of the loop: links, doors and timers come first.
                asyncio.get_running_loop().call_soon(self.handle, WorkContinued())
            case AskAdmission() | Admitted() | OwnRecordClaimed():
                self._tasks.start(self._ask_node_side(action), "node side")
            case _:
                self._tell(action)

    def _tell(self, action: Action) -> None:
        """Tell the node's people and programs."""
        match action:
            case PublishAnswered(ticket, refusals):
                answer = self._tickets.get(ticket)
                if answer is not None and not answer.done():
                    answer.set_result(refusals)
            case PeerChanged():
                self.peers.changed(action)
            case CarriedAnswered(ticket):
                carried = self._carried.get(ticket)
                if carried is not None and not carried.done():
                    carried.set_result(action)
            case LinksWanted(nodes):
                if self.on_links_wanted is not None:
                    self.on_links_wanted(nodes)
            case TimeHeard(hub, wall_ms, trusted):
                self.clock.heard(hub, wall_ms, trusted=trusted)

    def _send(self, link: int, frame: bytes) -> None:
        held = self._links.get(link)
        if held is not None and not held[1].put(frame):
            held[1].abort("the other hub does not read")

    async def _read(self, action: ReadArrivals | ReadRecords) -> None:
        if isinstance(action, ReadRecords):
            rows = await self.store.read_records(action.ids)
            self.handle(RecordsRead(action.link, tuple(rows)))
            return
        rows, through = await self.store.read_arrivals(
            action.after, action.upto, action.records_max, action.bytes_max, governance=action.governance
        )
        self.handle(ArrivalsRead(action.link, action.after, through, tuple(rows)))

    async def _ask_node_side(self, action: AskAdmission | Admitted | OwnRecordClaimed) -> None:
        if self.node_side is None:
            return
        work: Coroutine[Any, Any, Any]
        match action:
            case AskAdmission():
                self.handle(await self.node_side.admit(action))
                return
            case Admitted():
                work = self.node_side.admitted()
            case OwnRecordClaimed():
                work = self.node_side.own_record_claimed(action)
        await work

    def close(self) -> None:
        """Stop the timer; tasks and links end with their holders."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()


class RandomBytes(Protocol):
    """A source of randomness: `secrets.token_bytes`, or a seeded one in tests."""

    def __call__(self, count: int, /) -> bytes:
        """Return `count` random bytes."""
