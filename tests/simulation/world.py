"""A neighbourhood in a heap: cores, links, disks and clocks in virtual time.

In: a seed's choices, made by `story`. Out: a run that anyone can repeat, and `trace`, a hash over all that happened.
A commit takes time and becomes durable later; what follows it in a hub's list of actions waits, and a crash loses both.
Frames of a link arrive in order, each a little sooner or later, as over TLS; those that were said in one moment arrive
together in three worlds of four, as the engine hands them on. While a way is blocked they are held up, and a link that
is lost loses what was under way. A link that is *mangled* loses, doubles and reorders single frames until it ends, as a
queue with a bug in it would.
"""

import hashlib
import heapq
from collections.abc import Callable
from functools import cache
from random import Random
from zlib import crc32

from hartig_protocol.events import (
    Action,
    CloseLink,
    Commit,
    Event,
    FrameReceived,
    FramesReceived,
    LinkClosed,
    LinkOpened,
    LinksWanted,
    NodeUnreachable,
    Now,
    OwnRecordClaimed,
    PublishAnswered,
    SendFrame,
    TimePassed,
)
from hartig_protocol.limits import HOUR_MS
from hartig_protocol.records.record import Record
from simulation.invariants import Watch
from simulation.lies import consistent
from simulation.member import Member, Way
from support.cores import Core, new_disk, published
from support.records import NOW_MS, Network, seeded

TRUE_START_MS = NOW_MS + HOUR_MS // 3
NETWORK = Network(seed=7)
TIMER_STEP_MS = 10
JITTER_MS = 20
GATHERING_SHARE = 0.75  # of the worlds
RETRY_MS_MAX = 30_000
REVOKED_REST_MS = 60_000  # who was told that it was revoked hardly tries again
DIAL_MS = 10_000  # until a dial that nobody answers has failed
LOST_SHARE = DOUBLED_SHARE = 0.12  # of the frames on a mangled link
LATE_SHARE = 0.3
LATE_MS_MAX = 800  # so that others overtake a frame
LINK_MS_GOOD = 10_000  # a link that held so long was no mistake


class World:
    """Everything, and the heap of what is to come."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.network = NETWORK
        self.at_ms = 0
        self.heap: list[tuple[int, int, Callable[[], None]]] = []
        self.members: list[Member] = []
        self.by_node: dict[bytes, list[Member]] = {}  # a clone has the node of its first
        self.groups: dict[int, int] = {}  # place -> side of a partition that cuts
        self.blocked: set[tuple[int, int]] = set()  # (from place, to place): frames are held up
        self.pairs: set[tuple[int, int]] = set()  # who keeps a link to whom, when it can
        self.follows_wishes = False  # whether hubs dial whom their cores want, too
        self.tries: dict[tuple[int, int], tuple[int, int]] = {}  # way -> dials in a row that came to little, and when
        self.rests_ms: dict[frozenset[int], int] = {}  # places -> until when neither dials the other
        self.in_vain_ms: dict[tuple[int, bytes], int] = {}  # (place, node): when a dial was said to have failed
        self.ways: dict[tuple[int, int], Way] = {}  # (link, to place)
        self.mangled: set[int] = set()  # links
        self.watch = Watch(self)
        self.tickets: dict[int, tuple[Member, list[Record]]] = {}
        self._order = 0
        self._links = 0
        self._gathers = self.random.random() < GATHERING_SHARE
        self._trace = hashlib.sha256()

    # --- Time

    def after(self, delay_ms: int, do: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self.heap, (self.at_ms + delay_ms, self._order, do))

    def run(self, span_ms: int) -> None:
        until, heap = self.at_ms + span_ms, self.heap
        while heap and heap[0][0] <= until:
            self.at_ms, _, do = heapq.heappop(heap)
            do()
        self.at_ms = until

    @property
    def true_ms(self) -> int:
        return TRUE_START_MS + self.at_ms

    def clock(self, member: Member) -> Now:
        return Now(TRUE_START_MS + self.at_ms + member.ahead_ms, self.at_ms, member.trusted)

    def note(self, what: str) -> None:
        self._trace.update(f"{self.at_ms} {what}\n".encode())

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()

    def end(self) -> None:
        """Let go of everything but the trace; what refers to each other would stay until garbage is collected."""
        for member in self.members:
            member.links.clear()
            member.pipeline.clear()
            del member.core.hub
        for part in (self.heap, self.members, self.by_node, self.tickets, self.ways):
            part.clear()
        del self.watch.world, self.watch

    # --- Hubs

    def add(self, number: int, *, secret_from: Member | None = None) -> Member:
        core = Core(self.network, number, new_disk(number))
        if secret_from is not None:
            core.invite = self.watch.invite(secret_from.core, number)
        return self.join(core)

    def join(self, core: Core) -> Member:
        """Let a core live here."""
        member = Member(core, len(self.members) + 1)
        self.members.append(member)
        self.by_node.setdefault(core.node, []).append(member)
        self.groups[member.place] = 0
        self.start(member)
        return member

    def start(self, member: Member) -> None:
        if member.is_up or member.is_retired:
            return
        member.is_up = True
        member.life += 1
        self._take(member, member.core.start(self.clock(member)))

    def crash(self, member: Member) -> None:
        """The power fails: what was not durable is gone, and so is every promise that hung on it."""
        if not member.is_up:
            return
        self.note(f"crash {member.place}")
        member.is_up = member.is_committing = False
        member.life += 1
        member.pipeline.clear()
        for link in sorted(member.links):
            self.cut(link)

    def handle(self, member: Member, event: Event) -> None:
        if not member.is_up:
            return
        self._trace.update(b"%d %d %b" % (self.at_ms, member.place, _detail(event)))
        actions = member.core.hub.handle(event, self.clock(member))
        self.watch.handled(member, event, actions)
        self._take(member, actions)

    def _take(self, member: Member, actions: list[Action]) -> None:
        if actions:
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
        pipeline = member.pipeline
        while pipeline and not member.is_committing:
            action = pipeline.popleft()
            if type(action) is SendFrame:  # two of three
                self._say(member, action.link, action.frame)
                continue
            match action:
                case Commit():
                    self._commit(member, action)
                case CloseLink(link):
                    self.note(f"close {member.place} {link} {action.code}")
                    if action.code == "revoked" and link in member.links:
                        self.rests_ms[_pair(member, member.links[link])] = self.at_ms + REVOKED_REST_MS
                    self.cut(link)
                case PublishAnswered(ticket, refusals):
                    _, records = self.tickets.pop(ticket)
                    self.watch.acknowledged(member, records, refusals)
                case LinksWanted(nodes):
                    member.wanted = nodes
                case OwnRecordClaimed(record):
                    self.watch.claimed(member, record)
                case _:
                    self._answer(member, action)

    def _commit(self, member: Member, commit: Commit) -> None:
        member.is_committing = True
        life = member.life
        self.watch.committing(member, commit)

        def durable() -> None:
            if member.life == life:
                member.core.apply(commit)
                self.watch.durable(member, (entry.id for entry, _ in commit.added))
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
        self.watch.publishing(member, records)
        self.handle(member, published(records, ticket))

    # --- Frames

    def _say(self, member: Member, link: int, frame: bytes) -> None:
        self.watch.sent(member, frame)
        if member.lie is None:
            self._send(member, link, frame)
            return
        for one in member.lie(frame):
            self._send(member, link, one)

    def _send(self, member: Member, link: int, frame: bytes) -> None:
        other = member.links.get(link)
        if other is None:
            return
        way = self.ways[link, other.place]
        if member.lie is not None:
            frame = consistent(frame, way.said)
        way.said = crc32(frame, way.said)
        soonest = self.at_ms + 5 + link % 40 + int(self.random.random() * JITTER_MS)
        if link in self.mangled:
            self._send_mangled(member, link, frame, soonest)
            return
        if self._gathers and way.said_ms == self.at_ms:
            way.together.append(frame)
            return
        way.last_ms = max(way.last_ms, soonest)
        way.said_ms, together = self.at_ms, [frame]
        way.together = together
        self.after(way.last_ms - self.at_ms, lambda: self._arrive(member, other, link, together))

    def _send_mangled(self, member: Member, link: int, frame: bytes, soonest_ms: int) -> None:
        """Let a frame come never, once or twice, and sometimes after those that were sent after it."""
        other, fate = member.links[link], self.random.random()
        copies = 0 if fate < LOST_SHARE else 2 if fate < LOST_SHARE + DOUBLED_SHARE else 1
        for _ in range(copies):
            late_ms = self.random.randint(1, LATE_MS_MAX) if self.random.random() < LATE_SHARE else 0
            self.after(soonest_ms + late_ms - self.at_ms, lambda: self._arrive(member, other, link, [frame]))

    def mangle(self, link: int, span_ms: int) -> None:
        """Let a link lose, double and reorder frames for a while; then it is cut."""
        self.mangled.add(link)
        self.after(span_ms, lambda: self.cut(link))

    def _arrive(self, member: Member, other: Member, link: int, frames: list[bytes]) -> None:
        if link not in other.links:
            return
        way = self.ways[link, other.place]
        if way.held or (member.place, other.place) in self.blocked:
            way.held.extend(frames)
        else:
            self._hear(other, link, frames)

    def _hear(self, member: Member, link: int, frames: list[bytes]) -> None:
        """Let a hub have frames, at once as the engine does, or one by one."""
        if self._gathers and len(frames) > 1:
            self.handle(member, FramesReceived(link, tuple(frames)))
            return
        for frame in frames:
            if link in member.links:
                self.handle(member, FrameReceived(link, frame))

    def block(self, ways: set[tuple[int, int]], span_ms: int) -> None:
        """Hold up all frames on these ways for a while; nobody is told."""
        self.blocked |= ways
        self.after(span_ms, lambda: self.unblock(ways))

    def unblock(self, ways: set[tuple[int, int]]) -> None:
        """Let through what was held up, in its order."""
        self.blocked -= ways
        for (link, place), way in sorted(self.ways.items()):
            other = self.members[place - 1]
            sender = other.links.get(link)
            if sender is None or (sender.place, place) in self.blocked:
                continue
            frames = list(way.held)
            way.held.clear()
            self._hear(other, link, frames)

    # --- Links

    def can_reach(self, one: Member, other: Member) -> bool:
        ways = {(one.place, other.place), (other.place, one.place)}
        near = self.groups[one.place] == self.groups[other.place]
        return one.is_up and other.is_up and near and not ways & self.blocked

    def connect(self, dialler: Member, acceptor: Member) -> None:
        self._links += 1
        link = self._links
        dialler.links[link], acceptor.links[link] = acceptor, dialler
        self.ways[link, dialler.place], self.ways[link, acceptor.place] = Way(), Way()
        self.handle(acceptor, LinkOpened(link, dialler.core.node, False, _nonce(f"a{link}")))
        self.handle(dialler, LinkOpened(link, acceptor.core.node, True, _nonce(f"d{link}")))

    def cut(self, link: int) -> None:
        for member in self.members:
            if member.links.pop(link, None) is not None:
                del self.ways[link, member.place]
                self.handle(member, LinkClosed(link, "cut"))

    def cut_all(self, apart: Callable[[Member, Member], bool]) -> None:
        for member in self.members:
            for link, other in sorted(member.links.items(), key=lambda item: item[0]):
                if apart(member, other):
                    self.cut(link)

    def keep_links(self) -> None:
        """Dial whoever should be linked and is not; called again and again, like a dialer with its back-off."""
        for pair in sorted(self.pairs):
            dialler, acceptor = (self.members[place - 1] for place in pair)
            self._dial(dialler, acceptor)
        if self.follows_wishes:
            for member in self.members:
                for node in member.wanted:
                    self._dial_node(member, node)
        self.after(self.random.randint(2_000, 6_000), self.keep_links)

    def _dial(self, dialler: Member, acceptor: Member) -> bool:
        """Dial, unless a link stands or others came to nothing lately; false where nobody answers."""
        if acceptor in dialler.links.values():
            return True
        way = (dialler.place, acceptor.place)
        failures, since_ms = self.tries.get(way, (0, -LINK_MS_GOOD))
        age_ms = self.at_ms - since_ms
        rests = self.at_ms < self.rests_ms.get(_pair(dialler, acceptor), 0)
        if rests or age_ms < min(RETRY_MS_MAX, failures * failures * 1_000):
            return True
        if not self.can_reach(dialler, acceptor):
            return False
        self.tries[way] = (0 if age_ms > RETRY_MS_MAX + LINK_MS_GOOD else failures + 1, self.at_ms)
        self.connect(dialler, acceptor)
        return True

    def _dial_node(self, member: Member, node: bytes) -> None:
        """Dial whoever runs under a node key; a clone is one more to try."""
        others = self.by_node.get(node, ())
        linked = member.links.values()
        if any(other in linked for other in others):
            return
        if not any(other is not member and self._dial(member, other) for other in others):
            self._unreachable(member, node)

    def _unreachable(self, member: Member, node: bytes) -> None:
        """Say that a dial has failed, as often as dials take until they do."""
        since_ms = self.in_vain_ms.get((member.place, node), -DIAL_MS)
        if self.at_ms - since_ms >= DIAL_MS:
            self.in_vain_ms[member.place, node] = self.at_ms
            self.handle(member, NodeUnreachable(node))


@cache
def _nonce(name: str) -> bytes:
    return seeded(name, 16)


def _detail(event: Event) -> bytes:
    """What a trace says of an event."""
    if type(event) is FrameReceived:
        return event.frame
    return b"".join(event.frames) if type(event) is FramesReceived else type(event).__name__.encode()


def _pair(one: Member, other: Member) -> frozenset[int]:
    return frozenset((one.place, other.place))
