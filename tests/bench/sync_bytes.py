"""What it costs two hubs to find out how they differ, in bytes and round trips: `rows(quick)` for `run`.

Two real cores on a fake wire hold n records in common (made-up entries: nobody asks for them) and d real ones apart.
"scattered": each difference on a side by chance, over all time; "recent": the newest records, half on each side; "one
side": the newest records, all on one side, in turn.

`bytes_per_difference` is every frame of both directions with 4 bytes for its length, from the first `Audit` on until
both are quiet, without the records: acknowledgements, "complete through" and the frames that records come in are part
of it. A record's own bytes are those of its wire form, the array of head, signature and body (SPEC R1). That is what is
stored in a bundle and sent by any way, sync or not, so the 7 or 8 bytes of msgpack in it are the record's, not the
repair's; and what is known of others counts ids and sketches alone. `bytes_with_wire_form` counts them as repair all
the same, so that nobody has to take our word for it.

A round trip is two flights of frames, from the first `Audit` to the first frame that brings what was found missing; how
many windows the records then fill is not the audit's doing. Every figure is a mean over `runs`.
"""

from collections.abc import Iterator, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

from hartig_node.store.memory import MemoryStore
from hartig_protocol.catalog.entry import Body, Entry
from hartig_protocol.catalog.fingerprint import next_hour_ms
from hartig_protocol.encoding import encode
from hartig_protocol.events import Commit, FrameReceived
from hartig_protocol.hub import Hub
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.sync.framing import unpack
from hartig_protocol.sync.messages import (
    Audit,
    Equal,
    Ids,
    Lack,
    List,
    More,
    Ping,
    Pong,
    Recent,
    Records,
    Sketch,
)
from hartig_protocol.sync.state import Step, load_state
from support.cores import Core, finish
from support.records import NOW_MS, Network, seeded
from support.wire import Wire

PLACES = 20_000  # of one author
AUTHOR = 300  # of the records that differ
LENGTH_BYTES = 4
BETWEEN_MS = 21_000  # audits come four times a minute at most

# n -> d -> how many runs; sets differ from run to run, so few runs of many differences are enough.
RUNS = {0: 1, 1: 4, 2: 4, 10: 20, 100: 6, 1_000: 2, 3_000: 1}
USUAL = {1_000: RUNS, 10_000: RUNS, 100_000: RUNS}
QUICK = {1_000: {0: 1, 2: 1, 10: 1}}


def rows(quick: bool) -> list[dict[str, float | str]]:
    """Measure every n with every d."""
    return [row for n, runs in (QUICK if quick else USUAL).items() for row in _rows_of(n, runs)]


def _rows_of(n: int, runs: dict[int, int]) -> Iterator[dict[str, float | str]]:
    for pattern in ("scattered", "recent", "one side"):
        pair = Pair(n)  # anew, so that what was recent in one pattern is not common to both in the next
        for d, count in runs.items():
            if d <= n:
                yield _row(n, d, pattern, [pair.differ(d, pattern) for _ in range(count)])


def _row(n: int, d: int, pattern: str, costs: Sequence["Cost"]) -> dict[str, float | str]:
    runs = len(costs)
    total = sum(cost.bytes_total for cost in costs) / runs
    around = sum(cost.bytes_around_parts for cost in costs) / runs
    return {
        "n": n,
        "d": d,
        "pattern": pattern,
        "bytes_total": round(total),
        "bytes_per_difference": round(total / max(1, d), 1),
        "bytes_with_wire_form": round((total + around) / max(1, d), 1),
        "round_trips": round(sum(cost.round_trips for cost in costs) / runs, 2),
        "runs": runs,
    }


class Cost:
    """What one repair has cost."""

    def __init__(self) -> None:
        self.bytes_total = 0
        self.bytes_around_parts = 0
        self.round_trips = 0.0

    def add(self, frame: bytes) -> None:
        message = unpack(frame)
        if isinstance(message, Ping | Pong):
            return
        wires = message.records if isinstance(message, Records) else ()
        bytes_of_records = sum(len(encode(list(wire))) for wire in wires)
        self.bytes_total += LENGTH_BYTES + len(frame) - bytes_of_records
        self.bytes_around_parts += bytes_of_records - sum(len(part or b"") for wire in wires for part in wire)


class Pair:
    """Two hubs with a link, and all that they hold in common."""

    def __init__(self, n: int) -> None:
        self.wire = Wire(Network())
        self._random = Random(n)
        self._turn = 0
        self._places = iter(range(PLACES))
        network, authors = self.wire.network, range(AUTHOR, AUTHOR + 2 + n // PLACES)
        grants = [network.grant(network.hub(one).public, place=one, places=PLACES) for one in authors]
        keys = [network.hub(one).public for one in authors[1:]]
        entries = [_entry(n, number, keys[number // PLACES]) for number in range(n)]
        self.cores = [self.wire.member(number, *grants) for number in (1, 2)]
        for core in self.cores:
            self.wire.publish(core, *self.wire.proofs(3 - core.number))
            _load(core, entries, self.wire)
        self.wire.connect(*self.cores)
        self.wire.deliver()
        self.wire.pass_time(3 * BETWEEN_MS)

    def differ(self, d: int, pattern: str) -> Cost:
        """Let each side accept records that the other lacks, audit once, and return what that cost."""
        sides: list[list[Record]] = [[], []]
        self._turn = 1 - self._turn
        for number in range(d):
            chosen = {"scattered": self._random.randrange(2), "recent": number % 2, "one side": self._turn}
            sides[chosen[pattern]].append(self._need(pattern))
        for core, records in zip(self.cores, sides, strict=True):
            _slip_in(core, records, self.wire)
        self.wire.forget_said()
        asker = self.cores[0]
        asker.hub.state.open_sessions()[0].audit.due_ms = self.wire.now.steady_ms
        cost = Cost()
        cost.round_trips = self._flights() / 2
        self.wire.pass_time(BETWEEN_MS)
        for _, _, frame in self.wire.sent:
            cost.add(frame)
        prints = {core.hub.state.audit_set.as_of(self._hour)[1] for core in self.cores}
        assert len(prints) == 1, "the two hubs still differ"
        return cost

    @property
    def _hour(self) -> int:
        return next_hour_ms(self.wire.now.wall_ms)

    def _need(self, pattern: str) -> Record:
        place = next(self._places)
        age = self._random.randrange(60 * DAY_MS) if pattern == "scattered" else 0
        stamp = NOW_MS - age
        author = self.wire.network.hub(AUTHOR)
        return self.wire.network.need(author, place=place, nonce=place, stamp=stamp, expires=stamp + 89 * DAY_MS)

    def _flights(self) -> int:
        """Begin, and deliver flight by flight; return how many it took until what was missing came."""
        asked = self.cores[1]
        step = Step(self.wire.now)
        step.send(asked.hub.state.open_sessions()[0], Ping(0))  # any word is the occasion for what is due
        self.wire._carry_out(asked, step.actions())
        self._at_once([self.wire.queue.popleft()])
        flights = last = 0
        while self.wire.queue:
            flight = list(self.wire.queue)
            self.wire.queue.clear()
            flights += 1
            said = [unpack(event.frame) for _, event in flight if isinstance(event, FrameReceived)]
            if any(isinstance(message, Audit | Equal | Sketch | More | Recent | List | Ids) for message in said):
                last = flights
            elif any(isinstance(message, Lack) for message in said):
                last = flights + any(isinstance(message, Lack) and bool(message.short) for message in said)
            self._at_once(flight)
        return last

    def _at_once(self, flight: Sequence[Any]) -> None:
        """Handle one flight; what the cores do inside takes no time, what they send is the next flight."""
        later: list[Any] = []
        todo = list(flight)
        while todo:
            self.wire.handle(*todo.pop(0))
            for item in self.wire.queue:
                (later if isinstance(item[1], FrameReceived) else todo).append(item)
            self.wire.queue.clear()
        self.wire.queue.extend(later)


def _entry(n: int, number: int, author: bytes) -> Entry:
    """Make up a need that both hubs hold."""
    record_id, thread = seeded(f"{n} {number}", 32), seeded(f"thread {number}", 16)
    stamp = NOW_MS - number * 60 * DAY_MS // n
    place = number % PLACES
    return Entry(
        number + 100, record_id, Kind.NEED, author, thread, place, "network", 1, None, stamp, stamp + 89 * DAY_MS,
        False, Body.HERE, seeded(f"running {number}", 16),
    )  # fmt: skip


def _load(core: Core, entries: Sequence[Entry], wire: Wire) -> None:
    """Start a core as if its store held these entries too."""
    loaded = finish(MemoryStore(core.disk).load())
    core.disk.last_n = last_n = 100 + len(entries)
    core.disk.running = running = seeded("running at last", 16)
    rows = SimpleNamespace(
        epoch=loaded.epoch,
        last_n=last_n,
        running=running,
        entries=[*loaded.entries, *entries],
        governance=loaded.governance,
        cursors=(),
        told=(),
        said=(),
    )
    state = load_state(wire.network.id, core.key, core.node, rows, seed=seeded(f"seed {core.number}", 32))
    core.hub = Hub(state, wire.clock(core))
    core.hub.start(wire.clock(core))


def _slip_in(core: Core, records: Sequence[Record], wire: Wire) -> None:
    """Let a core accept records of which it tells nobody, as if messages had been lost."""
    commit = Commit()
    core.hub.catalog.take(list(records), wire.clock(core), commit)
    assert len(commit.added) == len(records)
    core.apply(commit)
    for session in core.hub.state.open_sessions():
        session.out.sent = session.out.told = core.hub.catalog.last_n
