"""A big neighbourhood in virtual time: hubs, links with delays, group commits, and a dialer for each hub.

In: what a measurement does (`publish`, `kill`, `part`, `heal`, `run`). Out: what `Tally` counts. Everything follows
from the seed. A link has one delay for its life, between 10 and 50 ms one way; frames on it keep their order. A commit
takes 5 ms and takes with it all steps that wait, as the engine does. Computing costs no virtual time.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from hartig_node.net.backoff import retry_delay_s
from hartig_protocol import events
from hartig_protocol.events import (
    Action,
    CloseLink,
    Commit,
    Event,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    Now,
    RecordsPublished,
    SendFrame,
    TimePassed,
)
from hartig_protocol.limits import DAY_MS, HOUR_MS
from hartig_protocol.records.record import Record
from simulation.lean import Common, Neighbour
from simulation.tally import Tally
from support.records import NOW_MS, Network, seeded

START_MS = NOW_MS + HOUR_MS // 3
ONE_WAY_MS = (10, 50)
COMMIT_MS = 5
READ_MS = 1
TIMER_STEP_MS = 10  # as in the engine
DIAL_TRIPS = 3  # TCP, TLS, WebSocket: there and back each
DIAL_TIMEOUT_MS = 5_000
NOTICED_MS = 1_000  # multicast brings a hub that appears to the others' ears within this
TEXT = "Tins of beans and rice in the hall, enough for six families until Friday. Ring twice; there is a ramp. "


@dataclass
class Line:
    """A link: its two ends and its delay. `deaf` loses all that is said from now on, and nobody is told."""

    ends: tuple[Neighbour, Neighbour]
    delay_ms: int
    deaf: bool = False


class Village:
    """All hubs, and the heap of what is to come."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self.random = Random(seed)
        self.common = Common.of(Network(seed=11), count, START_MS - DAY_MS)
        self.hubs = [Neighbour(number, self.common) for number in range(1, count + 1)]
        self.by_node = {hub.node: hub for hub in self.hubs}
        self.sides: dict[int, int] = {}  # while parted: hub -> side
        self.lines: dict[int, Line] = {}
        self.tally = Tally()
        self.at_ms = 0
        self.handled = 0
        self._turns: dict[int, int] = {}
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = self._links = 0

    def __repr__(self) -> str:
        return f"<Village of {len(self.hubs)} at {self.at_ms} ms, {len(self.lines)} links>"

    # --- Time

    def after(self, delay_ms: int, do: Callable[..., None], *arguments: Any) -> None:
        self._order += 1
        heapq.heappush(self._heap, (self.at_ms + delay_ms, self._order, do, arguments))

    def run(self, span_ms: int) -> None:
        until = self.at_ms + span_ms
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.at_ms, _, do, arguments = heapq.heappop(heap)
            do(*arguments)
        self.at_ms = until

    def run_until(self, is_so: Callable[[], bool], span_ms_max: int, every_ms: int = 50) -> int | None:
        """Run until something is so; return after how long (ms), or None where it never was."""
        began_ms = self.at_ms
        while self.at_ms < began_ms + span_ms_max:
            self.run(every_ms)
            if is_so():
                return self.at_ms - began_ms
        return None

    @property
    def now(self) -> Now:
        return Now(START_MS + self.at_ms, self.at_ms)

    # --- Hubs

    @property
    def alive(self) -> list[Neighbour]:
        return [hub for hub in self.hubs if hub.is_up]

    def start_all(self, span_ms: int = 1_000) -> None:
        """Let every hub start at some moment of a span."""
        for hub in self.hubs:
            self.after(self.random.randint(0, span_ms), self._start, hub)
        self.run(span_ms)

    def _start(self, hub: Neighbour) -> None:
        self._take(hub, hub.start(self.now))

    def kill(self, hubs: list[Neighbour], *, silent: bool = False) -> None:
        """End hubs at once: as processes whose links end with them, or, `silent`, as machines that lose power."""
        for hub in hubs:
            hub.is_up = False
            hub.life += 1
            hub.steps.clear()
            for link in sorted(hub.links):
                self._end(link, hub, "gone", silent=silent)

    def handle(self, hub: Neighbour, event: Event) -> None:
        if hub.is_up:
            self.handled += 1
            self._take(hub, hub.hub.handle(event, self.now))

    def _take(self, hub: Neighbour, actions: list[Action]) -> None:
        if actions:
            hub.steps.append(actions)
            self._carry_out(hub)
        self._set_timer(hub)

    def _set_timer(self, hub: Neighbour) -> None:
        due_ms = max(hub.hub.next_timer_ms(), self.at_ms + TIMER_STEP_MS)
        if hub.timer_ms is None or not self.at_ms < hub.timer_ms <= due_ms:
            hub.timer_ms = due_ms
            self.after(due_ms - self.at_ms, self._ring, hub, due_ms, hub.life)

    def _ring(self, hub: Neighbour, due_ms: int, life: int) -> None:
        if hub.life == life and hub.timer_ms == due_ms:
            hub.timer_ms = None
            if hub.hub.next_timer_ms() <= self.at_ms:
                self.handle(hub, TimePassed())
            else:
                self._set_timer(hub)

    # --- Store, then send, then tell

    def _carry_out(self, hub: Neighbour) -> None:
        while hub.steps and not hub.is_committing:
            steps = list(hub.steps)
            hub.steps.clear()
            commits = [action for actions in steps for action in actions if type(action) is Commit]
            if commits:
                hub.is_committing = True
                self.after(COMMIT_MS, self._durable, hub, hub.life, steps, commits)
            else:
                self._do_all(hub, steps)

    def _durable(self, hub: Neighbour, life: int, steps: list[list[Action]], commits: list[Commit]) -> None:
        if hub.life != life:
            return
        for commit in commits:
            self.tally.durable(hub.number, hub.apply(commit), self.at_ms)
        hub.is_committing = False
        self._do_all(hub, steps)
        self._carry_out(hub)

    def _do_all(self, hub: Neighbour, steps: list[list[Action]]) -> None:
        for actions in steps:
            for action in actions:
                match action:
                    case Commit():
                        pass
                    case SendFrame(link, frame):
                        self._send(hub, link, frame)
                    case CloseLink(link):
                        self._end(link, hub, action.code)
                    case events.LinksWanted(nodes):
                        hub.wanted = nodes
                        self._dial_wanted(hub)
                    case events.ContinueWork():
                        self.after(0, self._handle_in, hub, hub.life, events.WorkContinued())
                    case _:
                        answer = hub.answer(action)
                        if answer is not None:
                            self.after(READ_MS, self._handle_in, hub, hub.life, answer)

    def _handle_in(self, hub: Neighbour, life: int, event: Event) -> None:
        if hub.life == life:
            self.handle(hub, event)

    def publish(self, hub: Neighbour) -> None:
        """Let the people of a hub post something new."""
        turn = self._turns.get(hub.number, 0)
        self._turns[hub.number] = turn + 1
        record = self.made(hub, turn)
        self.tally.publish(record, hub.number, turn, self.at_ms)
        self.handle(hub, RecordsPublished(turn, (record.wire,)))

    def made(self, hub: Neighbour, turn: int) -> Record:
        nonce = f"{hub.number} {turn}"
        return self.common.network.need(
            hub.key, place=turn, nonce=nonce, title=f"Beans and rice {turn}", text=TEXT, stamp=self.now.wall_ms
        )

    # --- Links

    def _send(self, hub: Neighbour, link: int, frame: bytes) -> None:
        line = self.lines.get(link)
        if line is not None and link in hub.links and not line.deaf:
            self.after(line.delay_ms, self._arrive, link, line, hub, frame)

    def _arrive(self, link: int, line: Line, sender: Neighbour, frame: bytes) -> None:
        one, other = line.ends
        receiver = other if sender is one else one
        if line.deaf or link not in receiver.links or not receiver.is_up:
            return
        self.tally.arrived(sender.number, receiver.number, frame)
        self.handle(receiver, FrameReceived(link, frame))

    def _end(self, link: int, ender: Neighbour, reason: str, *, silent: bool = False) -> None:
        """One side ends a link; the other hears of it when all that was said before has come."""
        other = ender.links.pop(link, None)
        line = self.lines.get(link)
        if other is None or line is None:
            return
        if ender.is_up:
            self.handle(ender, LinkClosed(link, reason))
            self._link_gone(ender, other)
        if silent or line.deaf:
            line.deaf = True
            if link not in other.links:
                del self.lines[link]
            return
        self.after(line.delay_ms, self._ended, link, other, ender, reason)

    def _ended(self, link: int, hub: Neighbour, ender: Neighbour, reason: str) -> None:
        self.lines.pop(link, None)
        if hub.links.pop(link, None) is not None:
            self.handle(hub, LinkClosed(link, reason))
            self._link_gone(hub, ender)

    def can_reach(self, one: Neighbour, other: Neighbour) -> bool:
        return other.is_up and self.sides.get(one.number) == self.sides.get(other.number)

    # --- Dialling, as `hartig_node.net.dialer` does

    def _dial_wanted(self, hub: Neighbour) -> None:
        for node in hub.wanted or ():
            self._dial_soon(hub, node, 0)

    def _link_gone(self, hub: Neighbour, other: Neighbour) -> None:
        """Dial again: after a moment, so that a hub which turns us away is not asked without end."""
        self._dial_soon(hub, other.node, 1)

    def _dial_soon(self, hub: Neighbour, node: bytes, failures: int) -> None:
        if not self._is_wanted(hub, node) or node in hub.dialling:
            return
        hub.dialling.add(node)
        delay_ms = int(1000 * retry_delay_s(failures, self.random.random()))
        self.after(delay_ms, self._dial, hub, hub.life, node)

    def _is_wanted(self, hub: Neighbour, node: bytes) -> bool:
        other = self.by_node.get(node)
        return hub.is_up and node in (hub.wanted or ()) and other is not None and other not in hub.links.values()

    def _dial(self, hub: Neighbour, life: int, node: bytes) -> None:
        if hub.life != life or node not in hub.dialling:
            return
        if not self._is_wanted(hub, node):
            hub.dialling.discard(node)
            return
        delay_ms = self.random.randint(*ONE_WAY_MS)
        reaches = self.can_reach(hub, self.by_node[node])
        takes_ms = 2 * DIAL_TRIPS * delay_ms if reaches else DIAL_TIMEOUT_MS
        self.after(takes_ms, self._dialled, hub, life, node, delay_ms)

    def _dialled(self, hub: Neighbour, life: int, node: bytes, delay_ms: int) -> None:
        if hub.life != life or node not in hub.dialling:
            return
        hub.dialling.discard(node)
        other = self.by_node[node]
        if not self._is_wanted(hub, node):
            return
        if self.can_reach(hub, other):
            hub.failures.pop(node, None)
            self._connect(hub, other, delay_ms)
            return
        hub.failures[node] = hub.failures.get(node, 0) + 1
        self._dial_soon(hub, node, hub.failures[node])
        self.handle(hub, events.NodeUnreachable(node))

    def _connect(self, dialler: Neighbour, acceptor: Neighbour, delay_ms: int) -> None:
        self._links += 1
        link = self._links
        self.lines[link] = Line((dialler, acceptor), delay_ms)
        dialler.links[link], acceptor.links[link] = acceptor, dialler
        self.handle(acceptor, LinkOpened(link, dialler.node, False, seeded(f"a{link}", 16)))
        self.handle(dialler, LinkOpened(link, acceptor.node, True, seeded(f"d{link}", 16)))

    # --- Partitions

    def part(self, sides: dict[int, int]) -> None:
        """From now on hubs of different sides cannot hear each other; their links die by silence."""
        self.sides = sides
        for line in self.lines.values():
            one, other = line.ends
            if sides.get(one.number) != sides.get(other.number):
                line.deaf = True

    def heal(self) -> None:
        """All can hear each other again, and multicast wakes the dialers; a link that went deaf stays so."""
        before, self.sides = self.sides, {}
        for hub in self.alive:
            self.after(self.random.randint(0, NOTICED_MS), self._notice, hub, before)

    def _notice(self, hub: Neighbour, before: dict[int, int]) -> None:
        for other in self.alive:
            if before.get(other.number) != before.get(hub.number):
                hub.failures.pop(other.node, None)
                hub.dialling.discard(other.node)
                self.handle(hub, events.NodeHeard(other.node))
                self._dial_soon(hub, other.node, 0)

    # --- What can be asked

    def links_of(self, hub: Neighbour) -> list[Neighbour]:
        """The hubs at the other ends of its open sessions."""
        state = hub.hub.state
        return [hub.links[one.link] for one in state.open_sessions() if one.link in hub.links]

    def reachable(self, start: Neighbour) -> set[int]:
        """The numbers of the living hubs that some path of open links joins to one."""
        seen, todo = {start.number}, [start]
        while todo:
            for other in self.links_of(todo.pop()):
                if other.is_up and other.number not in seen:
                    seen.add(other.number)
                    todo.append(other)
        return seen

    def is_one(self) -> bool:
        """Whether all living hubs hang together."""
        alive = self.alive
        return len(self.reachable(alive[0])) == len(alive)

    def is_equal(self) -> bool:
        """Whether all living hubs hold the same arrivals, in whatever order."""
        first, *others = self.alive
        return all(len(one.own) == len(first.own) for one in others) and all(
            one.own.keys() == first.own.keys() for one in others
        )
