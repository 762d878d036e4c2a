"""Two or more cores and a fake wire, so that a test reads like a script.

    wire = Wire()
    a, b = wire.member(1), wire.member(2)
    link = wire.connect(a, b)          # a dials; nothing moves yet
    wire.deliver()                     # until nobody has anything to say
    wire.publish(a, wire.network.need(a.key))
    wire.pass_time(60_000)             # timers go off in their order, frames are delivered

Frames travel in order and at once; loss is not delivering. `said(core)` lists what a core has sent, as messages. A
`Puppet` is the other end of a link that says whatever a test wants.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

from hartig_protocol.events import (
    Action,
    CloseLink,
    Commit,
    ContinueWork,
    Event,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    Now,
    PublishAnswered,
    Refusal,
    SendFrame,
    TimePassed,
)
from hartig_protocol.limits import HOUR_MS
from hartig_protocol.records.record import Record
from hartig_protocol.sync.framing import pack, unpack
from hartig_protocol.sync.messages import (
    Checked,
    Hello,
    Message,
)
from hartig_protocol.sync.state import Joining, Session
from support.cores import Core, new_disk, published
from support.records import NOW_MS, Network, key, seeded

STEPS_MAX = 20_000  # a script that never becomes quiet is a bug of the core


class Puppet:
    """The far end of a link, played by the test. `heard` is what the core has sent to it."""

    def __init__(self, wire: "Wire", number: int, core: Core, *, dials: bool = True, node: bytes | None = None) -> None:
        self.wire, self.number, self.core = wire, number, core
        self.hub_key = wire.network.hub(number)
        self.node = node or key(f"node of {self.hub_key.public.hex()}").public
        self.heard: list[Message] = []
        self.said = 0  # the CRC-32 of all frames so far
        self.closed: tuple[str, str] | None = None
        wire.puppets.append(self)
        self.link = wire.open_end(core, self, dials=dials)

    def say(self, *messages: Message | tuple[Message, ...]) -> None:
        """Say messages, or several that belong together."""
        for message in messages:
            for one in message if isinstance(message, tuple) else (message,):
                self._arrive(self.framed(one))

    def framed(self, said: Message | bytes) -> bytes:
        """Return what is said next as a frame, and count it in."""
        if isinstance(said, Checked):
            said = replace(said, said=self.said)
        frame = said if isinstance(said, bytes) else pack(said)
        self.said = crc32(frame, self.said)
        return frame

    def send(self, frame: bytes) -> None:
        """Send raw bytes."""
        self._arrive(self.framed(frame))

    def _arrive(self, frame: bytes) -> None:
        self.wire.handle(self.core, FrameReceived(self.link, frame))
        self.wire.deliver()

    def hello(self, records: Sequence[Record] | None = None, **changes: Any) -> Hello:
        """Return a good hello with the charter, the grant and the card of this puppet's hub, or another."""
        network = self.wire.network
        proofs = self.wire.proofs(self.number) if records is None else records
        hello = Hello(
            lowest=1,
            highest=1,
            network=network.id,
            own_node=self.node,
            peer_node=self.core.node,
            nonce=seeded("nonce", 16),
            hub=self.hub_key.public,
            records=tuple(record.wire for record in proofs),
            epoch=seeded(f"epoch {self.number} 0", 16),
            cursor=None,
            newest=None,
            time=self.wire.now.wall_ms,
            trusted=True,
            count=len(proofs),
            eager=True,
            alone=False,
        )
        return replace(hello, **changes)

    def all_heard(self, kind: type) -> list[Any]:
        return [message for message in self.heard if type(message) is kind]

    @property
    def session(self) -> Session:
        return self.core.hub.state.sessions[self.link]


class Wire:
    """Cores, the links between them, and one virtual clock."""

    def __init__(self, network: Network | None = None, wall_ms: int = NOW_MS + HOUR_MS) -> None:
        self.network = network or Network()
        self.now = Now(wall_ms, 0)
        self.clocks: dict[Core, Now] = {}  # how a core's clock differs: added wall_ms, and trusted
        self.cores: list[Core] = []
        self.puppets: list[Puppet] = []
        self.ends: dict[tuple[Core, int], Any] = {}
        self.queue: deque[tuple[Core, Event]] = deque()
        self.sent: list[tuple[Core, int, bytes]] = []
        self.told: dict[Core, list[Action]] = {}
        self.commits: dict[Core, list[Commit]] = {}
        self.reads_held = False  # while true, what a core asks of its node is not answered
        self._links = 0

    # --- Setting the stage

    def proofs(self, number: int) -> list[Record]:
        """The charter, and the grant and card of a founding member."""
        hub = self.network.hub(number)
        return [self.network.charter, self.network.grant(hub.public, place=number), self.network.card(hub)]

    def member(self, number: int, *records: Record) -> Core:
        """Return a hub that holds its own proofs and these records."""
        core = self.add(Core(self.network, number, new_disk(number)))
        assert self.publish(core, *self.proofs(number), *records) == (None,) * (3 + len(records))
        return core

    def newcomer(self, number: int, inviter: Core, secret: bytes | None = None) -> Core:
        """Return a hub that belongs nowhere and holds an invite."""
        good = seeded(f"secret {number}", 16)
        inviter.secrets[good] = 1
        invite = Joining((inviter.node,), good if secret is None else secret)
        return self.add(Core(self.network, number, new_disk(number), invite=invite))

    def add(self, core: Core) -> Core:
        self.cores.append(core)
        self.told[core], self.commits[core] = [], []
        self._carry_out(core, core.start(self.clock(core)))
        return core

    def restart(self, core: Core) -> None:
        """End a core and start it again from its disk; its links are cut."""
        for at, link in list(self.ends):
            if at is core:
                self.cut(link)
        self._carry_out(core, core.start(self.clock(core)))

    def set_clock(self, core: Core, ahead_ms: int = 0, *, trusted: bool = True) -> None:
        self.clocks[core] = Now(ahead_ms, 0, trusted)

    def clock(self, core: Core) -> Now:
        differs = self.clocks.get(core, Now(0, 0))
        return Now(self.now.wall_ms + differs.wall_ms, self.now.steady_ms, differs.trusted)

    # --- Links

    def connect(self, dialler: Core, acceptor: Core) -> int:
        self._links += 1
        link = self._links
        self.ends[dialler, link], self.ends[acceptor, link] = acceptor, dialler
        self.handle(acceptor, LinkOpened(link, dialler.node, False, seeded(f"a{link}", 16)))
        self.handle(dialler, LinkOpened(link, acceptor.node, True, seeded(f"d{link}", 16)))
        return link

    def open_end(self, core: Core, puppet: Puppet, *, dials: bool) -> int:
        self._links += 1
        self.ends[core, self._links] = puppet
        self.handle(core, LinkOpened(self._links, puppet.node, not dials, seeded(f"p{self._links}", 16)))
        return self._links

    def cut(self, link: int) -> None:
        """The cable is pulled: what is under way is lost, both ends notice."""
        self.queue = deque((core, event) for core, event in self.queue if getattr(event, "link", None) != link)
        for at, number in list(self.ends):
            if number == link:
                del self.ends[at, number]
                self.handle(at, LinkClosed(link, "cut"))

    # --- What happens

    def handle(self, core: Core, event: Event) -> None:
        self._carry_out(core, core.hub.handle(event, self.clock(core)))

    def publish(self, core: Core, *records: Record) -> tuple[Refusal | None, ...]:
        self.handle(core, published(records))
        answers = [told for told in self.told[core] if isinstance(told, PublishAnswered)]
        return answers[-1].refusals

    def deliver(self, count_max: int = STEPS_MAX) -> int:
        """Deliver frames and answers, at most so many; return how many there were."""
        for count in range(count_max):
            if not self.queue:
                return count
            self.handle(*self.queue.popleft())
        assert count_max < STEPS_MAX, "the cores never become quiet"
        return count_max

    def pass_time(self, span_ms: int) -> None:
        """Let timers go off in their order, delivering all the while."""
        until = self.now.steady_ms + span_ms
        self.deliver()
        while True:
            due, core = min(((one.hub.next_timer_ms(), one) for one in self.cores), key=lambda pair: pair[0])
            if due > until:
                break
            self._move_to(max(due, self.now.steady_ms))
            self.handle(core, TimePassed())
            self.deliver()
        self._move_to(until)

    def _move_to(self, steady_ms: int) -> None:
        passed = steady_ms - self.now.steady_ms
        self.now = Now(self.now.wall_ms + passed, steady_ms)

    def _carry_out(self, core: Core, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Commit():
                    self.commits[core].append(action)
                    core.apply(action)
                case SendFrame(link, frame):
                    self._send(core, link, frame)
                case CloseLink(link, code, reason):
                    self._close(core, link, code, reason)
                case _:
                    self._answer(core, action)

    def _answer(self, core: Core, action: Action) -> None:
        is_held = self.reads_held and not isinstance(action, ContinueWork)
        answer = None if is_held else core.answer(action)
        if answer is None:
            self.told[core].append(action)
        else:
            self.queue.append((core, answer))

    def _send(self, core: Core, link: int, frame: bytes) -> None:
        self.sent.append((core, link, frame))
        other = self.ends.get((core, link))
        if isinstance(other, Puppet):
            other.heard.append(unpack(frame))
        elif other is not None:
            self.queue.append((other, FrameReceived(link, frame)))

    def _close(self, core: Core, link: int, code: str, reason: str) -> None:
        other = self.ends.pop((core, link), None)
        self.told[core].append(CloseLink(link, code, reason))
        if isinstance(other, Puppet):
            other.closed = (code, reason)
        elif other is not None and self.ends.pop((other, link), None):
            self.queue.append((other, LinkClosed(link, code)))

    # --- What can be asked

    def said(self, core: Core, kind: type | None = None) -> list[Any]:
        """All messages that a core has sent, or those of one kind."""
        messages = [unpack(frame) for sender, _, frame in self.sent if sender is core]
        return [message for message in messages if kind is None or type(message) is kind]

    def told_of(self, core: Core, kind: type) -> list[Any]:
        return [action for action in self.told[core] if type(action) is kind]

    def forget_said(self) -> None:
        self.sent.clear()
