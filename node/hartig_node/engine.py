"""The driver: the only place where the core meets IO.

In: events from links, timers, the store and the board. It runs the core with no await inside, and carries the actions
out in the one safe order: a commit is durable before anything after it is sent or told. All steps whose commits wait
together are made durable together (group commit), each in its store. Memory is never rolled back: a commit of the home
store that fails ends the process; a full disk is waited out, with nothing acknowledged. What partner networks share is
kept by `partitions`, which costs nobody else anything when it fails.
Who calls: `daemon` makes one, `net` hands it links, `board` publishes through it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hartig_node.clock import Clock
from hartig_node.feed import Feed
from hartig_node.full_disk import FullDisk
from hartig_node.grouping import grouped
from hartig_node.outbox import LinkPort, Outbox
from hartig_node.partitions import Bound, PartnerStores, looked_up
from hartig_node.peers import Peers
from hartig_node.ports import Partitions, Store, StoreError
from hartig_node.roles import Core, NodeSide, PartnerSide, RandomBytes
from hartig_node.tasks import Tasks
from hartig_node.tickets import Tickets
from hartig_protocol.errors import RemoteError
from hartig_protocol.events import (
    Action,
    Admitted,
    AskAdmission,
    BundleEnded,
    CarriedAnswered,
    CloseLink,
    Commit,
    ContinueWork,
    DropPartition,
    Event,
    FramesReceived,
    GatewaysWanted,
    Inside,
    LinkClosed,
    LinkOpened,
    LinksWanted,
    Notice,
    OpenPartition,
    OwnRecordClaimed,
    PactProposed,
    PeerChanged,
    PrivateRow,
    PublishAnswered,
    ReadArrivals,
    ReadRecords,
    RecordsCarried,
    RecordsPublished,
    Refusal,
    SendFrame,
    TimeHeard,
    TimePassed,
    Within,
    WorkContinued,
)
from hartig_protocol.limits import NONCE_BYTES
from hartig_protocol.records.record import Record, Wire

# Of steps whose commits are not durable yet; then links are not read any further. A frame may hold one record, so
# many may wait; together they may not hold more than about 20 MB.
STEPS_WAITING_MAX = 256
RECORDS_WAITING_MAX = 4_096
# Of frames that are dealt with in one step: about 60 records, so about 15 ms. One frame may have more.
TOGETHER_BYTES_MAX = 24 * 1024
TURN_S_MAX = 0.004  # how long frames that are here already may be dealt with before everything else has its turn
TIMER_NEARNESS_S = 0.002  # a timer that is as near as this to where it should be may stay


class Engine:
    """Runs one core against the stores and links."""

    def __init__(
        self,
        hub: Core,
        store: Store,
        clock: Clock,
        tasks: Tasks,
        random_bytes: RandomBytes,
        partitions: Partitions | None = None,
    ) -> None:
        self.hub, self.store, self.clock = hub, store, clock
        self.feed = Feed()
        self.peers = Peers()
        self.disk = FullDisk()
        self.partners = PartnerStores(self, partitions, self.disk, tasks)
        self.node_side: NodeSide | None = None
        self.partner_side: PartnerSide | None = None
        self.on_links_wanted: Callable[[tuple[bytes, ...]], None] | None = None
        self.gateways: tuple[bytes, ...] = ()  # nodes of partner networks with which links are wanted
        self.on_gateways_wanted: Callable[[], None] | None = None
        self.on_committed: Callable[[Commit], None] | None = None
        self._tasks, self._random_bytes = tasks, random_bytes
        self._links: dict[int, tuple[LinkPort, Outbox]] = {}
        self._next_link = 1
        self._tickets = Tickets()
        self._steps: deque[list[Action | Bound]] = deque()
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
        actions = self.hub.start(self.clock.now())
        self.order(actions)
        self.partners.drop_all_but(action.partition for action in actions if isinstance(action, OpenPartition))

    @property
    def stores(self) -> dict[bytes, Store]:
        """The stores of partner networks' records, by network."""
        return self.partners.stores

    @property
    def stuck(self) -> str | None:
        """What the store says while commits wait for room on the disk."""
        return self.disk.stuck

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
        self.order(actions)

    def order(self, actions: list[Action]) -> None:
        """Carry actions out in their turn, together with those of other steps that wait."""
        if actions:
            step = [one for action in actions if (one := self._bound(action)) is not None]
            self._steps.append(step)
            self._wake.set()
            if len(self._steps) >= STEPS_WAITING_MAX or self._records_waiting >= RECORDS_WAITING_MAX:
                self._room.clear()
        if not self._timer_is_asked:  # once for all events of this turn of the loop
            self._timer_is_asked = True
            asyncio.get_running_loop().call_soon(self._set_timer)

    def _bound(self, action: Action) -> Action | Bound | None:
        if isinstance(action, Commit):
            self._records_waiting += len(action.added)
            return action
        bound = self.partners.bound(action)
        if isinstance(bound, Bound) and isinstance(bound.action, Commit):
            self._records_waiting += len(bound.action.added)
        return bound

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
        ticket, answer = self._tickets.take()
        self.handle(RecordsPublished(ticket, tuple(records), tuple(private)))
        return answer

    async def publish(
        self, records: Sequence[Record | Wire], private: Sequence[PrivateRow] = ()
    ) -> tuple[Refusal | None, ...]:
        """Publish and wait; a caller that is cancelled while it waits changes nothing about what was handed in."""
        return await self.start_publish(records, private)

    async def carry(self, hub: bytes, records: Sequence[Wire], partition: bytes | None = None) -> CarriedAnswered:
        """Hand in records out of a bundle that a hub wrote; the answer comes when what was accepted is durable.

        `partition`: of which partner network they are. Raises `StoreError` where its store failed meanwhile.
        """
        return await self._carry(lambda ticket: RecordsCarried(ticket, tuple(records), hub), partition)

    async def end_bundle(
        self, hub: bytes, epoch: bytes, n: int, check: bytes, partition: bytes | None = None
    ) -> CarriedAnswered:
        """Say that a bundle was whole and true: the cursor of its hub may move."""
        return await self._carry(lambda ticket: BundleEnded(ticket, hub, epoch, n, check), partition)

    async def _carry(
        self, event_of: Callable[[int], RecordsCarried | BundleEnded], partition: bytes | None
    ) -> CarriedAnswered:
        if partition is not None and partition not in self.stores:
            raise StoreError("nothing of this partner network is kept here now")
        ticket, answer = self._tickets.take()
        event = event_of(ticket)
        self.handle(event if partition is None else Within(partition, event))
        carried: CarriedAnswered = await answer
        return carried

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
            home = grouped(action for actions in steps for action in actions if isinstance(action, Commit))
            abroad = [action for actions in steps for action in actions if isinstance(action, Bound)]
            if home or abroad:
                # All are waiting when the writer looks, so they share one transaction.
                await asyncio.gather(*(self._commit(commit) for commit in home), self.partners.commit(abroad))
            for actions in steps:
                for action in actions:
                    if not isinstance(action, Commit):
                        self._do(action)

    async def _commit(self, commit: Commit) -> None:
        """Make a commit durable; on a full disk wait until there is room, acknowledging nothing."""
        items = await self.disk.commit(self.store, commit)
        if self.on_committed is not None:
            self.on_committed(commit)
        self.feed.publish(items if len(self.feed) else items[-1:])  # the last number is always wanted

    def _do(self, action: Action | Bound) -> None:
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
            case AskAdmission() | Admitted() | OwnRecordClaimed() | PactProposed():
                self._tasks.start(self._ask_node_side(action), "node side")
            case Bound() | OpenPartition() | DropPartition() | Inside():
                self._do_abroad(action)
            case _:
                self._tell(action)

    def _do_abroad(self, action: Bound | OpenPartition | DropPartition | Inside) -> None:
        """Do what partner networks' records are about."""
        match action:
            case Bound(_, ReadArrivals() | ReadRecords()):
                self._tasks.start(self.partners.read(action), "read of a partner network")
            case OpenPartition(name):
                self.partners.open(name)
            case DropPartition(name):
                self.partners.drop(name)
            case Inside(name, ContinueWork()):
                asyncio.get_running_loop().call_soon(self.handle, Within(name, WorkContinued()))
            case Bound(partition, CarriedAnswered(ticket) as answer) if not partition.is_over:
                self._tickets.answered(ticket, answer)
            case Bound(_, CarriedAnswered(ticket)) | Inside(_, CarriedAnswered(ticket)):
                error = StoreError("what the partner network shares is fetched anew: try again in a while")
                self._tickets.failed(ticket, error)

    def _tell(self, action: Action | Bound) -> None:
        """Tell the node's people and programs."""
        match action:
            case PublishAnswered(ticket, refusals):
                self._tickets.answered(ticket, refusals)
            case PeerChanged():
                self.peers.changed(action)
            case CarriedAnswered(ticket):
                self._tickets.answered(ticket, action)
            case LinksWanted(nodes):
                if self.on_links_wanted is not None:
                    self.on_links_wanted(nodes)
            case GatewaysWanted(nodes):
                self.gateways = nodes
                if self.on_gateways_wanted is not None:
                    self.on_gateways_wanted()
            case TimeHeard(hub, wall_ms, trusted):
                self.clock.heard(hub, wall_ms, trusted=trusted)

    def _send(self, link: int, frame: bytes) -> None:
        held = self._links.get(link)
        if held is not None and not held[1].put(frame):
            held[1].abort("the other hub does not read")

    async def _read(self, action: ReadArrivals | ReadRecords) -> None:
        self.handle(await looked_up(self.store, action))

    async def _ask_node_side(self, action: AskAdmission | Admitted | OwnRecordClaimed | PactProposed) -> None:
        if isinstance(action, PactProposed):
            if self.partner_side is not None:
                await self.partner_side.pact_proposed(action.network, action.records)
            return
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
