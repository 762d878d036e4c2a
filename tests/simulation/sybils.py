"""A neighbourhood under a flood: honest hubs, and hubs that one of them was talked into inviting, in virtual time.

python -m simulation.sybils        # from tests/: what others notice of 1,000 valid records a second, and without them

A sybil has a grant, a card and links with a few honest hubs, keeps its windows, acknowledges at once, passes nothing on
and floods new versions in its places. So all that it does is allowed, and what bounds it is what `intake` and the lines
of its neighbours make of it. The pools are empty when the flood begins: it has gone on for a while.
"""

import sys
from collections import deque
from dataclasses import dataclass, field, replace
from zlib import crc32

from hartig_protocol.events import (
    Action,
    Event,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    Now,
    RecordsPublished,
    SendFrame,
)
from hartig_protocol.limits import DAY_MS, HOUR_MS, WINDOW_RECORDS_MAX
from hartig_protocol.records.record import Record
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.intake import weight_of, weight_of_names
from hartig_protocol.sync.messages import LIVE, Ack, Checked, Have, Hello, Message, Ping, Pong, Records, Through
from simulation.lean import Neighbour, epoch_of
from simulation.remembered import remembered, unpack
from simulation.tally import Figures, Track
from simulation.village import TEXT, Village

HONEST, SYBILS = 20, 80
LINKS_EACH = 1  # of a sybil
PLACES = 25
TICK_MS = 20
FRAME_RECORDS = 16
NEVER_MS = 2**53


@dataclass
class Way:
    """A sybil's link: what it has said, and what may still go out."""

    peer_node: bytes
    nonce: bytes
    by_us: bool
    said: int = 0
    heard: int = 0
    sent: int = 0
    acked: int = 0
    is_open: bool = False
    waits: dict[int, Record] = field(default_factory=dict)  # by place: the newest alone


class Sybil(Neighbour):
    """A hub without a core: it answers what keeps its links up."""

    def begin(self, proofs: tuple[Record, ...]) -> None:
        self.proofs, self.ways = proofs, dict[int, Way]()
        self.turn = self.closed = 0
        self.hub = self  # type: ignore[assignment] - the village asks it as it asks a core
        self.is_up = True

    def next_timer_ms(self) -> int:
        return NEVER_MS

    def handle(self, event: Event, now: Now) -> list[Action]:
        match event:
            case LinkOpened(link, peer_node, by_us, nonce):
                way = self.ways[link] = Way(peer_node, nonce, by_us)
                return self._say(link, self._hello(way, now)) if by_us else []
            case LinkClosed(link):
                del self.ways[link]
            case FrameReceived(link, frame):
                return self._hear(link, unpack(frame), now)
        return []

    def _hear(self, link: int, message: Message, now: Now) -> list[Action]:
        way = self.ways[link]
        match message:
            case Hello():
                way.is_open = True
                greeting = [] if way.by_us else self._say(link, self._hello(way, now))
                return [*greeting, *self._say(link, Through(1, bytes(16), final=True))]
            case Records(_, records):
                way.heard += max(1, sum(map(weight_of, records)))
                return self._say(link, Ack(way.heard))
            case Have(short):
                way.heard += weight_of_names(short)
                return self._say(link, Ack(way.heard))
            case Ack(count):
                way.acked = count
                return self.flood(link)
            case Ping(number):
                return self._say(link, Pong(number))
        return []

    def _hello(self, way: Way, now: Now) -> Hello:
        wires = tuple(record.wire for record in self.proofs)
        network, own = self.common.network.id, self.key.public
        return Hello(
            *(1, 1, network, self.node, way.peer_node, way.nonce, own, wires, epoch_of(self.number), None, None),
            *(now.wall_ms, True, 10**6, False, True),
        )

    def _say(self, link: int, message: Message) -> list[Action]:
        way = self.ways[link]
        frame = pack(replace(message, said=way.said) if isinstance(message, Checked) else message)
        way.said = crc32(frame, way.said)
        return [SendFrame(link, frame)]

    def revise(self, now_ms: int) -> None:
        """Write a new version in the next place, for all links."""
        place, version = self.turn % PLACES, 1 + self.turn // PLACES
        self.turn += 1
        record = self.common.network.need(
            self.key,
            place=place,
            nonce=place,
            seq=version,
            stamp=now_ms,
            expires=now_ms + HOUR_MS + version,
            title=f"Sybil {place}",
            text=TEXT,
        )
        for way in self.ways.values():
            way.waits[place] = record

    def flood(self, link: int) -> list[Action]:
        """Send what waits, as far as the window of the link allows."""
        way, actions = self.ways[link], list[Action]()
        while way.is_open and way.waits and way.sent - way.acked < WINDOW_RECORDS_MAX:
            places = list(way.waits)[:FRAME_RECORDS]
            wires = tuple(way.waits.pop(place).wire for place in places)
            way.sent += sum(map(weight_of, wires))
            actions += self._say(link, Records(LIVE, wires, False))
        return actions


class Flooded(Village):
    """A settled village of honest hubs, one of which has invited all sybils."""

    def invade(self, count: int) -> None:
        network, inviter = self.common.network, self.hubs[-1]
        stamp = self.now.wall_ms
        place, until = inviter.number - 1, stamp + 390 * DAY_MS
        grant = network.grant(inviter.key.public, place=place, invites=count + 1, seq=9, stamp=stamp, expires=until)
        self.handle(self.hubs[0], RecordsPublished(1, (grant.wire,)))
        self.sybils = [Sybil(len(self.hubs) + 1 + index, self.common) for index in range(count)]
        for index, sybil in enumerate(self.sybils):
            key = sybil.key
            own = network.grant(key.public, author=inviter.key, place=index, invites=0, stamp=stamp)
            card = network.card(key, place=900, nodes=[sybil.node], stamp=stamp)
            sybil.begin((network.charter, grant, own, card))
            near = len(self.hubs) // 2  # the other half hears of it by relays alone
            sybil.wanted = tuple(self.hubs[(index * 7 + turn * 3) % near].node for turn in range(LINKS_EACH))
            self._dial_wanted(sybil)

    def flood(self, per_s: int, span_ms: int) -> None:
        """Let sybils write so many versions a second in all, for a while."""
        todo = deque(self.sybils)
        for at_ms in range(0, span_ms, TICK_MS):
            for _ in range(per_s * TICK_MS // 1_000):
                todo.rotate(-1)
                self.after(at_ms, self._revise, todo[0])

    def _revise(self, sybil: Sybil) -> None:
        sybil.revise(self.now.wall_ms)
        for link in sorted(sybil.ways):
            self._take(sybil, sybil.flood(link))


@dataclass(frozen=True)
class Notice:
    """What honest hubs noticed of a flood. `others`: those outside the inviter's subtree, `kin`: the inviter's own."""

    per_s: int
    others: Figures
    kin: Figures
    taken_per_s: float  # the most that a hub has accepted
    waiting_max: int
    line_max: int
    closed: int

    def line(self) -> str:
        return (
            f"flood of {self.per_s} a second: others' durable ms p50 {self.others.p50_ms} p99 {self.others.p99_ms} "
            f"last {self.others.last_ms}, {self.others.missing} missing; the inviter's own p99 {self.kin.p99_ms}, "
            f"{self.kin.missing} missing; taken in {self.taken_per_s:.0f} a second, "
            f"waiting at most {self.waiting_max}, in a line {self.line_max}, links lost {self.closed}"
        )


def measure_flood(per_s: int, *, seed: int = 1, sybils: int = SYBILS, span_ms: int = 4_000) -> Notice:
    """Let honest hubs post once a second each, and sybils flood meanwhile."""
    with remembered():
        village = Flooded(HONEST, seed)
        village.start_all()
        village.run(20_000)
        village.invade(sybils)
        village.run(5_000)
        for hub in village.hubs if per_s else ():
            pool = hub.hub.state.intake.pool
            pool.refill(village.at_ms)
            pool.tokens = 0
        village.flood(per_s, span_ms)
        before = [hub.hub.catalog.last_n for hub in village.hubs]
        for turn in range(span_ms // 1_000):
            for hub in village.hubs:
                village.after(turn * 1_000 + village.random.randrange(1_000), village.publish, hub)
        waiting = line = 0
        for _ in range(0, span_ms, 100):
            village.run(100)
            states = [hub.hub.state for hub in village.hubs]
            waiting = max(waiting, *(len(state.intake.queue) for state in states))
            line = max(line, *(len(one.out.line) for state in states for one in state.open_sessions()))
        taken = max(hub.hub.catalog.last_n - n for hub, n in zip(village.hubs, before, strict=True))
        village.run(12_000)  # what the inviter itself says shares a turn with all of them
        return _notice(village, per_s, taken * 1_000 / span_ms, waiting, line)


def _notice(village: Flooded, per_s: int, taken: float, waiting: int, line: int) -> Notice:
    tracks, numbers = list(village.tally.tracks.values()), [hub.number for hub in village.hubs]

    def figures(of: list[Track]) -> Figures:
        return Figures.of(of, numbers)

    inviter = village.hubs[-1].number
    others = figures([track for track in tracks if track.origin != inviter])
    kin = figures([track for track in tracks if track.origin == inviter])
    lost = LINKS_EACH * len(village.sybils) - sum(len(sybil.ways) for sybil in village.sybils)
    return Notice(per_s, others, kin, taken, waiting, line, lost)


def main() -> None:
    for per_s in (0, 1_000):
        sys.stdout.write(measure_flood(per_s).line() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
