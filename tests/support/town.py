"""A town of hubs of which only the choice of neighbours is real, in virtual time.

    town = Town(20)
    town.start(); town.run(10_000)
    assert town.parts() == [20 hubs]

Each hub is a `SyncState` without records: all hubs and their nodes are known to all from the start. A dial takes three
trips, a greeting one more each way; a dead node answers nothing for five seconds. `flood` lets a record travel, so that
links find out which of them are redundant. Everything follows from the seed.
"""

import heapq
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.commit import Now
from hartig_protocol.events import CloseLink, LinksWanted
from hartig_protocol.records.governance import Rank
from hartig_protocol.sync import overlay
from hartig_protocol.sync.cursors import Cursors
from hartig_protocol.sync.session import Phase, Session
from hartig_protocol.sync.state import Step, SyncState
from hartig_protocol.trust.authority import Authority, Standing
from support.records import key, seeded

TRIP_MS = (10, 50)
DEAD_MS = 5_000
NETWORK = bytes(16)
STANDING = Standing(Rank.HUB, 10, 0, gateway=False, until_ms=10**15, grant=b"g" * 32)


def standings_of(hubs: Iterable[bytes]) -> Authority:
    return Authority(dict.fromkeys(hubs, STANDING))


def lone_state(hub: bytes | int, *, seed: int = 0) -> SyncState:
    """Return the state of a hub that knows of nobody."""
    hub_key = key(f"hub {hub!r}")
    node = key(f"node {hub!r}").public
    return SyncState(
        NETWORK, hub_key, node, bytes(16), Catalog(NETWORK), Cursors((), ()), seed=seeded(f"{seed} {hub!r}", 32)
    )


class Town:
    """All hubs, by number, and what is to come."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self.random = Random(seed)
        self.states = [lone_state(number, seed=seed) for number in range(count)]
        self.number_of = {state.node_id: number for number, state in enumerate(self.states)}
        self.nodes_of_hub: dict[bytes, frozenset[bytes]] = {}
        self.authority = Authority()
        self.up: set[int] = set()
        self.sides: dict[int, int] = {}
        self.bridges: set[frozenset[int]] = set()
        self.ends: dict[int, tuple[int, int]] = {}  # link -> (dialler, acceptor)
        self.dialling: set[tuple[int, int]] = set()
        self.dials = self.closed = 0
        self.dead_ms = DEAD_MS  # how long a dial lasts that nobody answers
        self.at_ms = 0
        self.link_count = 0
        self._timers: dict[int, int] = {}
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0
        self.know(range(count))

    def __repr__(self) -> str:
        return f"<Town of {len(self.states)} at {self.at_ms} ms, {len(self.ends)} links, {self.dials} dials>"

    def know(self, numbers: Iterable[int]) -> None:
        """Let these hubs have a grant and a card; all others have none."""
        known = [self.states[number] for number in numbers]
        self.nodes_of_hub = {state.hub_key.public: frozenset({state.node_id}) for state in known}
        self.authority = standings_of(self.nodes_of_hub)
        for state in self.states:
            state.nodes_of_hub = self.nodes_of_hub
            state.catalog.authority = self.authority
        for number in sorted(self.up):
            self.look(number)

    # --- Time

    def after(self, delay_ms: int, do: Callable[..., None], *arguments: Any) -> None:
        self._order += 1
        heapq.heappush(self._heap, (self.at_ms + delay_ms, self._order, do, arguments))

    def run(self, span_ms: int) -> None:
        until = self.at_ms + span_ms
        while self._heap and self._heap[0][0] <= until:
            self.at_ms, _, do, arguments = heapq.heappop(self._heap)
            do(*arguments)
        self.at_ms = until

    def run_until(self, is_so: Callable[[], bool], span_ms_max: int, every_ms: int = 50) -> int:
        """Return after how long (ms) something was so."""
        began_ms = self.at_ms
        while not is_so():
            assert self.at_ms - began_ms < span_ms_max, f"not so within {span_ms_max} ms: {self!r}"
            self.run(every_ms)
        return self.at_ms - began_ms

    def trip_ms(self) -> int:
        return self.random.randint(*TRIP_MS)

    # --- Hubs

    def start(self, numbers: Iterable[int] | None = None, span_ms: int = 1_000) -> None:
        """Let hubs start at some moments of a span."""
        for number in range(len(self.states)) if numbers is None else numbers:
            self.up.add(number)
            self.after(self.random.randint(0, span_ms), self.look, number)

    def kill(self, numbers: Iterable[int]) -> None:
        """End hubs at once; the others' links with them break."""
        gone = set(numbers)
        self.up -= gone
        for link, ends in sorted(self.ends.items()):
            if gone & set(ends):
                self.cut(link)
        for number in sorted(gone):
            old = self.states[number]
            fresh = lone_state(number, seed=self.at_ms)
            fresh.nodes_of_hub, fresh.catalog.authority = old.nodes_of_hub, old.catalog.authority
            self.states[number] = fresh

    def part(self, sides: dict[int, int], *bridges: tuple[int, int]) -> None:
        """From now on hubs of different sides cannot reach each other, but for these pairs."""
        self.sides, self.bridges = sides, {frozenset(pair) for pair in bridges}
        for link, (one, other) in sorted(self.ends.items()):
            if not self.reaches(one, other):
                self.cut(link)

    def reaches(self, one: int, other: int) -> bool:
        return self.sides.get(one) == self.sides.get(other) or frozenset({one, other}) in self.bridges

    def now(self) -> Now:
        return Now(1_800_000_000_000 + self.at_ms, self.at_ms)

    def look(self, number: int) -> None:
        if number in self.up:
            self.act(number, lambda _state, _step: None)

    def act(self, number: int, do: Callable[..., object], *arguments: Any) -> None:
        """Let one hub do something, and carry out what follows."""
        state, step = self.states[number], Step(self.now())
        do(state, step, *arguments)
        state.overlay.links_changed = True  # sessions come and go here as the town says
        overlay.refresh(state, step)
        for action in step.actions():
            match action:
                case LinksWanted(nodes):
                    assert nodes == state.overlay.wanted
                case CloseLink(link):
                    self.closed += 1
                    self._end(link, number)
        for node in state.overlay.wanted:
            self._dial(number, self.number_of[node])
        due_ms = overlay.next_due_ms(state)
        if self._timers.get(number) != due_ms:
            self._timers[number] = due_ms
            self.after(max(1, due_ms - self.at_ms), self._ring, number, due_ms)

    def _ring(self, number: int, due_ms: int) -> None:
        if self._timers.get(number) == due_ms:
            del self._timers[number]
            self.look(number)

    # --- Links

    def _dial(self, number: int, other: int) -> None:
        if (number, other) not in self.dialling and not self._link_between(number, other):
            self.dialling.add((number, other))
            self.dials += 1
            is_there = other in self.up and self.reaches(number, other)
            self.after(3 * self.trip_ms() if is_there else self.dead_ms, self._answered, number, other)

    def _answered(self, number: int, other: int) -> None:
        self.dialling.discard((number, other))
        if number not in self.up or self.states[other].node_id not in self.states[number].overlay.wanted:
            return
        if other not in self.up or not self.reaches(number, other):
            self.act(number, overlay.unreachable, self.states[other].node_id)
            return
        self.link_count += 1
        link = self.link_count
        self.ends[link] = (number, other)
        self._session(link, number, other, by_us=True)
        asks = overlay.asks_in(self.states[number], self.states[number].sessions[link])
        self.look(number)
        self.after(self.trip_ms(), self._greeted, link, asks)

    def _session(self, link: int, number: int, other: int, *, by_us: bool) -> Session:
        peer, at = self.states[other].node_id, self.at_ms
        session = Session(link, peer, by_us, bytes(16), at, at, at)
        self.states[number].sessions[link] = session
        return session

    def _greeted(self, link: int, asks: bool) -> None:
        if link not in self.ends:
            return
        number, other = self.ends[link]
        state = self.states[other]
        session = self._session(link, other, number, by_us=False)
        session.peer_hub = self.states[number].hub_key.public
        doubled = any(one.peer_node == session.peer_node for one in state.open_sessions())
        if doubled or overlay.admit(state, session, asks) is not None:
            self._end(link, other)
            return
        session.phase = Phase.OPEN
        self.act(other, overlay.evict, session)
        self.after(self.trip_ms(), self._open, link)

    def _open(self, link: int) -> None:
        if link in self.ends:
            number, other = self.ends[link]
            session = self.states[number].sessions[link]
            session.peer_hub, session.phase = self.states[other].hub_key.public, Phase.OPEN
            twins = [one.link for one in self.states[number].open_sessions() if one.peer_node == session.peer_node]
            doubled = [twin for twin in twins if self.ends.get(twin, (0, 0))[0] == max(number, other)]
            if len(twins) > 1 and doubled:  # of two, the one that the lower number opened stays
                self._end(doubled[0], number)
            self.look(number)

    def _end(self, link: int, by: int) -> None:
        """One end closes a link; the other hears of it."""
        if link in self.ends:
            one, other = self.ends.pop(link)
            self.states[by].sessions.pop(link, None)
            self.look(by)
            self.after(self.trip_ms(), self._gone, link, other if by == one else one)

    def _gone(self, link: int, number: int) -> None:
        session = self.states[number].sessions.get(link)
        if session is not None and session.is_open:
            overlay.seen_twice(self.states[number], session, Step(self.now()))  # it said `crowded`
        self._lost(link, number)

    def _lost(self, link: int, number: int) -> None:
        self.states[number].sessions.pop(link, None)
        self.look(number)

    def cut(self, link: int) -> None:
        for number in self.ends.pop(link):
            self._lost(link, number)

    def _link_between(self, one: int, other: int) -> bool:
        return any(session.peer_node == self.states[other].node_id for session in self.states[one].sessions.values())

    # --- What travels

    def flood(self, origin: int) -> tuple[int, float]:
        """Let a record travel over all links; return the most hops that it took, and its copies for each hub."""
        hops, copies = {origin: 0}, 0
        tree: set[int] = set()
        todo = [origin]
        while todo:
            following = []
            for number in todo:
                for session in self.states[number].open_sessions():
                    other = self.number_of[session.peer_node]
                    if session.link in tree:
                        continue
                    copies += 1
                    if other not in hops:
                        hops[other] = hops[number] + 1
                        tree.add(session.link)
                        following.append(other)
                    elif session.link in self.states[other].sessions:
                        far = self.states[other].sessions[session.link]
                        overlay.seen_twice(self.states[other], far, Step(self.now()))
            todo = following
        return max(hops.values()), copies / len(hops)

    # --- What can be asked

    def links(self, number: int) -> int:
        return len(self.states[number].open_sessions())

    def degrees(self) -> list[int]:
        return sorted(self.links(number) for number in self.up)

    def parts(self) -> list[set[int]]:
        """The sets of living hubs that hang together."""
        left, parts = set(self.up), []
        while left:
            part, todo = set(), [min(left)]
            while todo:
                number = todo.pop()
                if number in left:
                    left.discard(number)
                    part.add(number)
                    todo += [self.number_of[one.peer_node] for one in self.states[number].open_sessions()]
            parts.append(part)
        return parts

    def is_one(self) -> bool:
        return len(self.parts()) == 1
