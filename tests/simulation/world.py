"""A neighbourhood in a heap: cores, links, disks and clocks in virtual time.

In: a seed's choices, made by `story`. Out: a run that anyone can repeat, and `trace`, a hash over all that happened.
A commit takes time and becomes durable later; what follows it in a hub's list of actions waits, and a crash loses both.
Frames of a link arrive in order; a link that is lost loses what was under way.
"""

import hashlib
import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from hartig_protocol.events import (
    Action,
    CloseLink,
    Commit,
    Event,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    Now,
    PublishAnswered,
    SendFrame,
    TimePassed,
)
from hartig_protocol.limits import HOUR_MS
from hartig_protocol.records.record import Record, Wire
from simulation.invariants import Watch
from support.cores import Core, new_disk, published
from support.records import NOW_MS, Network, seeded

TRUE_START_MS = NOW_MS + HOUR_MS // 3
NETWORK = Network(seed=7)
TIMER_STEP_MS = 10


@dataclass(eq=False)
class Member:
    """One hub of the neighbourhood, alive or not."""

    core: Core
    ahead_ms: int = 0
    trusted: bool = True
    is_up: bool = False
    life: int = 0
    pipeline: deque[Action] = field(default_factory=deque)
    is_committing: bool = False
    links: dict[int, "Member"] = field(default_factory=dict)
    timer_ms: int | None = None
    has_lied: bool = False
    altered_rows: Callable[[tuple[Wire, ...]], tuple[Wire, ...]] | None = None  # a hub that sends what it should not

    def __repr__(self) -> str:
        return f"<Member {self.core.number} {'up' if self.is_up else 'down'} {len(self.links)} links>"

    @property
    def number(self) -> int:
        return self.core.number


class World:
    """Everything, and the heap of what is to come."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.network = NETWORK
        self.at_ms = 0
        self.heap: list[tuple[int, int, Callable[[], None]]] = []
        self.members: list[Member] = []
        self.groups: dict[int, int] = {}  # member -> side of a partition
        self.pairs: set[tuple[int, int]] = set()  # who keeps a link to whom, when it can
        self.linked: dict[tuple[int, int], int] = {}
        self.watch = Watch(self)
        self.tickets: dict[int, tuple[Member, list[Record]]] = {}
        self._order = 0
        self._links = 0
        self._trace = hashlib.sha256()

    # --- Time

    def after(self, delay_ms: int, do: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self.heap, (self.at_ms + delay_ms, self._order, do))

    def run(self, span_ms: int) -> None:
        until = self.at_ms + span_ms
        while self.heap and self.heap[0][0] <= until:
            self.at_ms, _, do = heapq.heappop(self.heap)
            do()
        self.at_ms = until

    @property
    def true_ms(self) -> int:
        return TRUE_START_MS + self.at_ms

    def clock(self, member: Member) -> Now:
        return Now(self.true_ms + member.ahead_ms, self.at_ms, member.trusted)

    def note(self, *what: object) -> None:
        self._trace.update(repr((self.at_ms, *what)).encode())

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()

    # --- Hubs

    def add(self, number: int, *, secret_from: Member | None = None) -> Member:
        member = Member(Core(self.network, number, new_disk(number)))
        if secret_from is not None:
            member.core.invite = self.watch.invite(secret_from.core, number)
        self.members.append(member)
        self.groups[number] = 0
        self.start(member)
        return member

    def start(self, member: Member) -> None:
        if member.is_up:
            return
        member.is_up = True
        member.life += 1
        self._take(member, member.core.start(self.clock(member)))

    def crash(self, member: Member) -> None:
        """The power fails: what was not durable is gone, and so is every promise that hung on it."""
        if not member.is_up:
            return
        self.note("crash", member.number)
        member.is_up = member.is_committing = False
        member.life += 1
        member.pipeline.clear()
        for link in sorted(member.links):
            self.cut(link)

    def handle(self, member: Member, event: Event) -> None:
        if not member.is_up:
            return
        self.note(member.number, type(event).__name__)
        self._trace.update(getattr(event, "frame", b""))
        self._take(member, member.core.hub.handle(event, self.clock(member)))
        self.watch.bounds(member)

    def _take(self, member: Member, actions: list[Action]) -> None:
        member.pipeline.extend(actions)
        self._carry_out(member)
        self._set_timer(member)

    def _set_timer(self, member: Member) -> None:
        due_ms = max(member.core.hub.next_timer_ms(), self.at_ms + TIMER_STEP_MS)
        if member.timer_ms is not None and self.at_ms < member.timer_ms <= due_ms:
            return
        member.timer_ms = due_ms
        life = member.life

        def ring() -> None:
            if member.life == life and member.timer_ms == due_ms:
                member.timer_ms = None
                if member.core.hub.next_timer_ms() <= self.at_ms:
                    self.handle(member, TimePassed())
                else:
                    self._set_timer(member)

        self.after(due_ms - self.at_ms, ring)

    # --- Store, then send, then tell

    def _carry_out(self, member: Member) -> None:
        while member.pipeline and not member.is_committing:
            action = member.pipeline.popleft()
            match action:
                case Commit():
                    self._commit(member, action)
                case SendFrame(link, frame):
                    self._send(member, link, frame)
                case CloseLink(link):
                    self.note("close", member.number, link, action.code)
                    self.cut(link)
                case PublishAnswered(ticket, refusals):
                    _, records = self.tickets.pop(ticket)
                    self.watch.acknowledged(member, records, refusals)
                case _:
                    self._answer(member, action)

    def _commit(self, member: Member, commit: Commit) -> None:
        member.is_committing = True
        life = member.life
        self.watch.committing(member, commit)

        def durable() -> None:
            if member.life == life:
                member.core.apply(commit)
                member.is_committing = False
                self._carry_out(member)

        self.after(self.random.randint(1, 40), durable)

    def _answer(self, member: Member, action: Action) -> None:
        answer = member.core.answer(action)
        if answer is None:
            return
        rows = getattr(answer, "rows", None)
        if rows is not None and member.altered_rows is not None:
            object.__setattr__(answer, "rows", member.altered_rows(rows))
        life = member.life
        self.after(self.random.randint(0, 5), lambda: member.life == life and self.handle(member, answer))

    def publish(self, member: Member, *records: Record) -> None:
        ticket = self._order = self._order + 1
        self.tickets[ticket] = (member, list(records))
        self.handle(member, published(records, ticket))

    # --- Links

    def _send(self, member: Member, link: int, frame: bytes) -> None:
        self.watch.sent(member, frame)
        other = member.links.get(link)
        if other is None:
            return
        other_life = other.life

        def arrive() -> None:
            if link in other.links and other.life == other_life:
                self.handle(other, FrameReceived(link, frame))

        self.after(5 + link % 40, arrive)

    def can_reach(self, one: Member, other: Member) -> bool:
        return one.is_up and other.is_up and self.groups[one.number] == self.groups[other.number]

    def connect(self, dialler: Member, acceptor: Member) -> None:
        if not self.can_reach(dialler, acceptor):
            return
        self._links += 1
        link = self._links
        dialler.links[link], acceptor.links[link] = acceptor, dialler
        self.linked[dialler.number, acceptor.number] = link
        self.handle(acceptor, LinkOpened(link, dialler.core.node, False, seeded(f"a{link}", 16)))
        self.handle(dialler, LinkOpened(link, acceptor.core.node, True, seeded(f"d{link}", 16)))

    def cut(self, link: int) -> None:
        for member in self.members:
            if member.links.pop(link, None) is not None and member.is_up:
                self.handle(member, LinkClosed(link, "cut"))

    def cut_all(self, apart: Callable[[Member, Member], bool]) -> None:
        for member in self.members:
            for link, other in sorted(member.links.items(), key=lambda item: item[0]):
                if apart(member, other):
                    self.cut(link)

    def keep_links(self) -> None:
        """Dial whoever should be linked and is not; called again and again, like a dialer with its back-off."""
        for pair in sorted(self.pairs):
            link = self.linked.get(pair)
            dialler, acceptor = (self.members[number - 1] for number in pair)
            if link not in dialler.links:
                self.connect(dialler, acceptor)
        self.after(self.random.randint(2_000, 6_000), self.keep_links)
