"""The cores beside the home core, and their sessions, which share the links of this hub (SPEC X6).

Each partner network has one core of its records, and one of what it is served of ours (`partner`). A core orders what a
home core orders; here it becomes what the node is to do: frames are wrapped, commits and readings named with the store
that they are for, and what only a home core may order is left out. In: frames, answers, links that come and go. Out:
actions. Who calls: `federation`, and `agreeing` when what is agreed has changed.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from hartig_protocol.errors import MessageError
from hartig_protocol.events import (
    Action,
    CarriedAnswered,
    CloseLink,
    Commit,
    ContinueWork,
    FrameReceived,
    Inside,
    LinkClosed,
    Now,
    ReadArrivals,
    ReadRecords,
    RecordsRead,
    SendFrame,
    TimePassed,
    Within,
)
from hartig_protocol.hub import Hub
from hartig_protocol.limits import ENCLOSED_PER_MINUTE_MAX, ENCLOSED_RETRY_MS, MINUTE_MS
from hartig_protocol.partners.enclosing import Enclosures, Way, ready
from hartig_protocol.partners.partner import Partner
from hartig_protocol.partners.serving import Then
from hartig_protocol.records.keys import PREFIX_PARTITION, sha256
from hartig_protocol.records.record import Wire
from hartig_protocol.sync import greeting
from hartig_protocol.sync.framing import pack, unpack
from hartig_protocol.sync.messages import Bye, Enclosed, Hello
from hartig_protocol.sync.state import Session, Step, SyncState

# A session that ends with one of these is begun again on the same link; any other end costs the link.
_MILD = frozenset({"changed", "closed", "doubled", "no_answer", "no_greeting", "not_ready", "silent"})
_NEVER_MS = 2**62


@dataclass
class Link:
    """One link. `network` is set once it is known to lead to another network; `hub` once its other end is judged."""

    number: int
    peer_node: bytes
    opened_by_us: bool
    nonce: bytes
    opened_ms: int
    heard_ms: int
    network: bytes = b""
    hub: bytes = b""


def served(partner: bytes) -> bytes:
    """Return the partition that a partner is served of our own network's records; it has no store."""
    return b"ours" + partner


def partner_of(partition: bytes) -> tuple[bytes, bool]:
    """Return whose partition this is, and whether it is what that partner is served."""
    return partition[-16:], len(partition) > 16


class Cores:
    """All cores but the home core, by partition. `close` ends a link because of what was said in a session on it."""

    def __init__(self, home: SyncState, close: Callable[[Link, str, str, Now], list[Action]]) -> None:
        self.partners: dict[bytes, Partner] = {}
        self.links: dict[int, Link] = {}
        self._home, self.close = home, close
        self._enclosures = Enclosures()
        self._reads: dict[int, tuple[bytes, Then]] = {}
        self._retries: dict[Way, int] = {}
        self._begun: dict[Way, deque[int]] = {}  # when peers had sessions begun lately

    def __repr__(self) -> str:
        return f"<Cores of {len(self.partners)} partners, {self._enclosures!r}>"

    # --- Which there are

    def items(self) -> Iterator[tuple[bytes, Hub]]:
        """Return each core with its partition."""
        for one in list(self.partners.values()):
            if one.theirs is not None:
                yield one.network, one.theirs
            if one.ours is not None:
                yield served(one.network), one.ours.hub

    def get(self, partition: bytes) -> Hub | None:
        """Return the core of a partition."""
        network, is_served = partner_of(partition)
        partner = self.partners.get(network)
        if partner is None:
            return None
        return partner.theirs if not is_served else partner.ours.hub if partner.ours else None

    def _ready(self, partition: bytes) -> Hub | None:
        """Return a core with which peers may sync now."""
        network, is_served = partner_of(partition)
        partner = self.partners.get(network)
        if partner is None or not (partner.serves if is_served else partner.is_ready):
            return None
        return self.get(partition)

    def _partition(self, link: Link, network: bytes) -> bytes:
        """Return the partition that a network's records on this link belong to."""
        return served(link.network) if network == self._home.network else network

    # --- Sessions

    def open_everywhere(self, now: Now) -> list[Action]:
        """Begin the sessions that can be begun by now."""
        return [action for link in list(self.links.values()) if link.hub for action in self.open_on(link, now)]

    def open_on(self, link: Link, now: Now) -> list[Action]:
        """Begin the sessions that a link is to carry: about all partners' records at home, about both abroad."""
        networks = (link.network, self._home.network) if link.network else tuple(self.partners)
        return [action for network in networks for action in self._begin(link, network, now)]

    def _begin(self, link: Link, network: bytes, now: Now) -> list[Action]:
        """Begin a session about a network's records, or ask the side that opened the link to do so."""
        way, partition = Way(link.number, network), self._partition(link, network)
        core = self._ready(partition)
        self._retries.pop(way, None)
        if core is None or not link.hub or self._enclosures.of(way) is not None:
            return []
        if not link.opened_by_us:
            return [SendFrame(link.number, ready(network))]
        number = self._enclosures.begin(way)
        session = _session(link, number, network, now)

        def work(step: Step) -> None:
            core.state.sessions[number] = session
            greeting.greet(core.state, session, step)

        return self.out(partition, core.change(now, work), now)

    def frame_received(self, link: Link, message: Enclosed, now: Now) -> list[Action]:
        """Hand a frame to the core that it is about, or begin a session."""
        if link.network and message.network not in (link.network, self._home.network):
            raise MessageError("bad_message", "a link between two networks is about these two alone")
        way, partition = Way(link.number, message.network), self._partition(link, message.network)
        core, held = self._ready(partition), self._enclosures.of(way)
        if not message.frame:
            asks = link.opened_by_us and held is None and self._may_begin(way, now)
            return self._begin(link, message.network, now) if asks else []
        if core is not None and held is not None and held[1] == message.turn:
            return self.out(partition, core.handle(FrameReceived(held[0], message.frame), now), now)
        if link.opened_by_us or not isinstance(unpack(message.frame), Hello):
            return []  # of a session that has ended
        if core is None or not self._may_begin(way, now):
            bye = pack(Bye("not_ready", "this hub has nothing of that network, or not yet"))
            return [SendFrame(link.number, pack(Enclosed(message.network, message.turn, bye)))]
        actions = [] if held is None else self._forget(partition, held[0], now)
        number = self._enclosures.begin(way, message.turn)
        core.state.sessions[number] = _session(link, number, message.network, now)
        return [*actions, *self.out(partition, core.handle(FrameReceived(number, message.frame), now), now)]

    def _may_begin(self, way: Way, now: Now) -> bool:
        """Tell whether a peer may have another session begun: each costs a look at all, and its first answers."""
        begun = self._begun.setdefault(way, deque(maxlen=ENCLOSED_PER_MINUTE_MAX))
        if len(begun) == begun.maxlen and now.steady_ms - begun[0] < MINUTE_MS:
            return False
        begun.append(now.steady_ms)
        return True

    def _forget(self, partition: bytes, number: int, now: Now) -> list[Action]:
        """Let a core forget a session of which nobody is there to be told that it has ended."""
        self._enclosures.end(number)
        core = self.get(partition)
        return [] if core is None else self.out(partition, core.handle(LinkClosed(number, "closed"), now), now)

    def link_gone(self, link: Link, now: Now) -> list[Action]:
        """End what shares a link that is gone."""
        self._retries = {way: due_ms for way, due_ms in self._retries.items() if way.link != link.number}
        self._begun = {way: begun for way, begun in self._begun.items() if way.link != link.number}
        sessions = self._enclosures.on_link(link.number)
        return [
            action
            for number, way in sessions
            for action in self._forget(self._partition(link, way.network), number, now)
        ]

    def end_all(self, partition: bytes, code: str, reason: str, now: Now) -> list[Action]:
        """End all sessions of a partition, and say why."""
        core = self.get(partition)
        if core is None:
            return []

        def work(step: Step) -> None:
            for session in list(core.state.sessions.values()):
                step.close(core.state, session, code, reason)

        return self.out(partition, core.change(now, work), now)

    def _ended(self, number: int, code: str, reason: str, now: Now) -> list[Action]:
        """A core has ended a session, or was told that it has ended."""
        way = self._enclosures.end(number)
        link = self.links.get(way.link) if way is not None else None
        if way is None or link is None:
            return []
        if code not in _MILD:
            return self.close(link, code, reason, now)
        if link.opened_by_us:
            self._retries[way] = now.steady_ms + ENCLOSED_RETRY_MS
        return []

    # --- Time

    def next_timer_ms(self) -> int:
        """Return when (steady ms) `time_passed` is wanted at the latest."""
        due_ms = min((core.next_timer_ms() for _, core in self.items()), default=_NEVER_MS)
        return min(due_ms, min(self._retries.values(), default=_NEVER_MS))

    def time_passed(self, now: Now) -> list[Action]:
        """Do what is due in each core, and begin sessions again that have ended a while ago."""
        actions: list[Action] = []
        for partition, core in list(self.items()):
            if core.next_timer_ms() <= now.steady_ms:
                actions += self.out(partition, core.handle(TimePassed(), now), now)
        for way in [way for way, due_ms in self._retries.items() if due_ms <= now.steady_ms]:
            actions += self._begin(self.links[way.link], way.network, now)
        return actions

    # --- What cores order

    def out(self, partition: bytes, actions: Iterable[Action], now: Now) -> list[Action]:
        """Turn what a core orders into what the node is to do."""
        _, is_served = partner_of(partition)
        out: list[Action] = []
        for action in actions:
            match action:
                case SendFrame(number, frame):
                    wrapped = self._enclosures.wrap(number, frame)
                    out += [] if wrapped is None else [SendFrame(*wrapped)]
                case CloseLink(number, code, reason):
                    out += self._ended(number, code, reason, now)
                case ReadRecords() | Inside() if self._is_own_order(action):
                    out.append(action)
                case ReadArrivals() | ReadRecords() if is_served:
                    out += self._read_served(partition, action, now)
                case Commit():
                    action.notices[:] = [one for one in action.notices if not one.name.startswith("peer.")]
                    out += [Inside(partition, action)] if action and not is_served else []
                case ReadArrivals() | ReadRecords() | ContinueWork() | CarriedAnswered():
                    out.append(Inside(partition, action))
                case _:
                    pass  # about peers, admission, time: that is the home core's
        return out

    # --- What is read for `partner` and `serving`

    def reader(self, partition: bytes, *, at_home: bool) -> Callable[[tuple[bytes, ...], Then], list[Action]]:
        """Return what orders records by their ids for a partition, of the home store or of its own."""

        def read(ids: tuple[bytes, ...], then: Then) -> list[Action]:
            number = self._enclosures.number()
            self._reads[number] = (partition, then)
            order = ReadRecords(number, ids)
            return [order if at_home else Inside(partition, order)]

        return read

    def _is_own_order(self, action: Action) -> bool:
        inner = action.action if isinstance(action, Inside) else action
        return isinstance(inner, ReadRecords) and inner.link in self._reads

    def _read_served(self, partition: bytes, action: ReadArrivals | ReadRecords, now: Now) -> list[Action]:
        ours = self.partners[partner_of(partition)[0]].ours
        assert ours is not None
        answer = ours.read_arrivals(action, now) if isinstance(action, ReadArrivals) else ours.read_records(action)
        return self.out(partition, answer, now)

    def forget_reads(self, partition: bytes) -> None:
        """Nobody waits any more for what was to be read for a partition that is gone."""
        self._reads = {number: read for number, read in self._reads.items() if read[0] != partition}

    def reads(self, number: int) -> bool:
        """Tell whether this number was given to an order of ours that is not answered yet."""
        return number in self._reads

    def read_done(self, number: int, rows: Sequence[Wire], now: Now) -> list[Action]:
        """Go on with what was read, if it is still wanted; what has become ready with it is synced."""
        partition, then = self._reads.pop(number)
        if self.get(partition) is None:
            return []
        partner = self.partners[partner_of(partition)[0]]
        before = partner.is_ready, partner.serves
        actions = self.out(partition, then(rows, now), now)
        return actions if before == (partner.is_ready, partner.serves) else [*actions, *self.open_everywhere(now)]

    def within(self, event: Within, now: Now) -> list[Action]:
        """Take what has happened in a partition; one that was dropped meanwhile is no matter."""
        inner, core = event.event, self.get(event.partition)
        if isinstance(inner, RecordsRead) and inner.link in self._reads:
            return self.read_done(inner.link, inner.rows, now)
        return [] if core is None else self.out(event.partition, core.handle(inner, now), now)


def _session(link: Link, number: int, network: bytes, now: Now) -> Session:
    nonce = sha256(PREFIX_PARTITION, link.nonce, network, str(number).encode())[:16]
    at = now.steady_ms
    session = Session(number, link.peer_node, link.opened_by_us, nonce, at, at, at)
    session.peer_hub, session.is_source = link.hub, network == link.network
    return session
