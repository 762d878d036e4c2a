"""What a switch decides, without touching a device: who hears a frame, how often, and when.

In come frames with the name of the port they entered by and the time; out come frames with the port they
leave by, once they are due. `lab.switch` feeds this from TAP devices; the tests feed it from tables.
Choices are drawn from one `random.Random`, queues and tables have bounds, every dropped frame is counted.

A frame crosses two cables, the sender's and then the receiver's, and each may delay, lose or double it.
The delay between two hosts is therefore the sum of both cables' delays.
"""

import heapq
import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

# Destination, source and type: what is shorter is not Ethernet.
HEADER_BYTES = 14
# Frames on their way to one port. A 100 Mbit/s port holds about this much at half a second of delay.
FLIGHT_FRAMES_MAX = 4096
# Hardware addresses held at once; a host has one, so this is room for a hundred labs' worth of churn.
LEARNED_MAX = 1024
# How far a frame chosen for reordering falls behind: longer than a local burst, shorter than a time-out.
HELD_BACK_S = 0.02

IPV4_MULTICAST = b"\x01\x00\x5e"
IPV6_MULTICAST = b"\x33\x33"


@dataclass(frozen=True, slots=True)
class Cable:
    """How well one port's cable carries, in both directions; shares are between 0 and 1.

    With `multicast` off, IPv4 and IPv6 multicast cross in neither direction. IPv4 unicast still works (ARP is
    broadcast); IPv6 does not, because its neighbour discovery is multicast.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    reorder: float = 0.0
    multicast: bool = True

    def __post_init__(self) -> None:
        for name in ("loss", "duplication", "reorder"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"a cable's {name} is a share between 0 and 1, not {getattr(self, name)}")
        for name in ("delay_s", "jitter_s"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"a cable's {name} is in seconds and at least 0, not {getattr(self, name)}")


PERFECT = Cable()


@dataclass(slots=True)
class Counts:
    """What happened at one port since it was added, in frames."""

    received: int = 0  # entered the switch here
    delivered: int = 0  # left the switch here
    delayed: int = 0  # put aside on their way here, because they were not due yet
    lost: int = 0  # by this cable, in either direction
    duplicated: int = 0  # by this cable, in either direction
    held_back: int = 0  # by this cable, so that later frames overtake
    partitioned: int = 0  # entered here and were kept from one port on the other side
    multicast_blocked: int = 0  # kept from crossing this cable
    overflowed: int = 0  # on their way here when FLIGHT_FRAMES_MAX were already
    link_down: int = 0  # refused by the host, whose interface is down
    malformed: int = 0  # entered here and were too short


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a frame that came out of a cable."""

    delay_s: float
    held_back: bool


def cross(cable: Cable, chance: random.Random, counts: Counts) -> list[Copy]:
    """The copies of one frame that come out of `cable`: none if it is lost, two if it is doubled."""
    if cable.loss and chance.random() < cable.loss:
        counts.lost += 1
        return []
    copies = [_copy(cable, chance, counts)]
    if cable.duplication and chance.random() < cable.duplication:
        counts.duplicated += 1
        copies.append(_copy(cable, chance, counts))
    return copies


def _copy(cable: Cable, chance: random.Random, counts: Counts) -> Copy:
    delay_s = cable.delay_s + (chance.uniform(0.0, cable.jitter_s) if cable.jitter_s else 0.0)
    if cable.reorder and chance.random() < cable.reorder:
        counts.held_back += 1
        return Copy(delay_s + HELD_BACK_S, held_back=True)
    return Copy(delay_s, held_back=False)


def is_group(address: bytes) -> bool:
    """Whether a hardware address means many: broadcast or any multicast."""
    return bool(address[0] & 1)


def is_multicast(destination: bytes) -> bool:
    """Whether a destination is IPv4 or IPv6 multicast, which broadcast is not."""
    return destination.startswith((IPV4_MULTICAST, IPV6_MULTICAST))


@dataclass(frozen=True, slots=True, order=True)
class _Flight:
    due_s: float
    number: int
    source: str = field(compare=False)
    target: str = field(compare=False)
    frame: bytes = field(compare=False)


class Fabric:
    """Ports, who hears whom, what is learned, and every frame on its way."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._cables: dict[str, Cable] = {}
        self._groups: tuple[frozenset[str], ...] = ()
        self._learned: dict[bytes, str] = {}
        self._flights: list[_Flight] = []
        self._flights_to: dict[str, int] = {}
        self._last_due_s: dict[tuple[str, str], float] = {}
        self._number = 0
        self.counts: dict[str, Counts] = {}

    def __repr__(self) -> str:
        return f"<Fabric {len(self._cables)} ports, {len(self._flights)} frames in flight>"

    def add_port(self, port: str) -> None:
        if port in self._cables:
            raise ValueError(f"the switch already has a port {port!r}")
        self._cables[port] = PERFECT
        self._flights_to[port] = 0
        self.counts[port] = Counts()

    def remove_port(self, port: str) -> None:
        """Forget a port, what was learned about it and what is on its way to or from it."""
        self._check_known((port,))
        del self._cables[port], self._flights_to[port], self.counts[port]
        self._learned = {address: at for address, at in self._learned.items() if at != port}
        self._last_due_s = {pair: due for pair, due in self._last_due_s.items() if port not in pair}
        kept = [flight for flight in self._flights if port not in {flight.source, flight.target}]
        for flight in self._flights:
            if flight.source == port and flight.target != port:
                self._flights_to[flight.target] -= 1
        heapq.heapify(kept)
        self._flights = kept

    def set_cable(self, port: str, cable: Cable) -> None:
        """Change how a port's cable carries; frames already on their way keep their time."""
        self._check_known((port,))
        self._cables[port] = cable

    def partition(self, groups: Iterable[Collection[str]]) -> None:
        """Let ports hear only their own group; those in no group form one more. Frames in flight too."""
        named = tuple(frozenset(group) for group in groups)
        members = [port for group in named for port in sorted(group)]
        self._check_known(members)
        if len(members) != len(set(members)):
            raise ValueError("a port stands in two groups of one partition")
        self._groups = named

    def heal(self) -> None:
        """Let every port hear every other again."""
        self._groups = ()

    def receive(self, source: str, frame: bytes, now_s: float) -> None:
        """Take in one frame that entered by port `source`; what comes of it is due later."""
        counts = self.counts[source]
        counts.received += 1
        if len(frame) < HEADER_BYTES:
            counts.malformed += 1
            return
        if is_multicast(frame[:6]) and not self._cables[source].multicast:
            counts.multicast_blocked += 1
            return
        for copy in cross(self._cables[source], self._chance, counts):
            self._learn(frame[6:12], source)
            for target in self._targets(frame[:6], source):
                self._forward(source, target, frame, copy, now_s)

    def take_due(self, now_s: float) -> list[tuple[str, bytes]]:
        """The frames due by `now_s`, in order, each with the port it leaves by; they are forgotten here."""
        due = []
        while self._flights and self._flights[0].due_s <= now_s:
            flight = heapq.heappop(self._flights)
            self._flights_to[flight.target] -= 1
            if self._hears(flight.source, flight.target):
                due.append((flight.target, flight.frame))
            else:
                self.counts[flight.source].partitioned += 1
        return due

    def next_due_s(self) -> float | None:
        """When the next frame is due, or nothing if none is on its way."""
        return self._flights[0].due_s if self._flights else None

    def snapshot(self) -> Mapping[str, Counts]:
        """The counts of every port as of now."""
        return {port: replace(counts) for port, counts in self.counts.items()}

    def _check_known(self, ports: Iterable[str]) -> None:
        unknown = sorted(set(ports) - set(self._cables))
        if unknown:
            raise KeyError(f"the switch has no port {', '.join(unknown)}; it has {', '.join(self._cables)}")

    def _learn(self, address: bytes, port: str) -> None:
        if is_group(address):
            return
        self._learned.pop(address, None)
        self._learned[address] = port
        if len(self._learned) > LEARNED_MAX:
            del self._learned[next(iter(self._learned))]

    def _targets(self, destination: bytes, source: str) -> list[str]:
        at = None if is_group(destination) else self._learned.get(destination)
        if at is not None:
            return [] if at == source else [at]
        return [port for port in self._cables if port != source]

    def _hears(self, source: str, target: str) -> bool:
        return self._group(source) == self._group(target)

    def _group(self, port: str) -> int:
        return next((index for index, group in enumerate(self._groups) if port in group), -1)

    def _forward(self, source: str, target: str, frame: bytes, copy: Copy, now_s: float) -> None:
        if not self._hears(source, target):
            self.counts[source].partitioned += 1
            return
        counts = self.counts[target]
        cable = self._cables[target]
        if is_multicast(frame[:6]) and not cable.multicast:
            counts.multicast_blocked += 1
            return
        for second in cross(cable, self._chance, counts):
            due_s = now_s + copy.delay_s + second.delay_s
            if not (copy.held_back or second.held_back):
                due_s = self._in_order(source, target, due_s)
            self._launch(source, target, frame, due_s, now_s)

    def _in_order(self, source: str, target: str, due_s: float) -> float:
        """Jitter alone keeps the order of a pair, as a real cable does; only `reorder` breaks it."""
        due_s = max(due_s, self._last_due_s.get((source, target), due_s))
        self._last_due_s[source, target] = due_s
        return due_s

    def _launch(self, source: str, target: str, frame: bytes, due_s: float, now_s: float) -> None:
        if self._flights_to[target] >= FLIGHT_FRAMES_MAX:
            self.counts[target].overflowed += 1
            return
        if due_s > now_s:
            self.counts[target].delayed += 1
        self._number += 1
        self._flights_to[target] += 1
        heapq.heappush(self._flights, _Flight(due_s, self._number, source, target, frame))
