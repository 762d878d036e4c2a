"""How records spread in neighbourhoods of 12, 20, 100 and 1,000 hubs: measurements, and one command that prints them.

python -m simulation.spreading 12 20 100        # from tests/: one line for each number of hubs
python -m simulation.spreading 100 --loss       # and what happens when 40 % of them end at once
python -m simulation.spreading 20 --partition   # and how long two halves take to be equal after an hour apart

Exact figures of a virtual network (see `village`), the same in every run with the same seed.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from simulation.lean import Neighbour
from simulation.remembered import remembered
from simulation.tally import Figures, Track
from simulation.village import Village

SETTLING_MS = 60_000  # links are found, cursors exchanged, first audits done
PUBLISHERS_MAX = 20
TURNS = 8  # records of each publisher
WARM_TURN = 3  # from the fourth record of an origin on
TURN_MS = 3_000
QUIET_MS = 10_000
SERVED_MS_MAX = 60_000


@dataclass(frozen=True)
class Spread:
    """How the records of many publishers spread."""

    hubs: int
    publishers: int
    links: float
    links_max: int
    cold: Figures
    warm: Figures
    every: Figures
    bytes_per_copy: float  # all frames, over (record, hub) pairs
    record_bytes: float
    control: dict[str, float]  # messages over (record, hub) pairs

    @property
    def control_all(self) -> float:
        return sum(self.control.values())

    def line(self) -> str:
        kinds = " ".join(f"{kind} {count:.2f}" for kind, count in sorted(self.control.items()))
        return (
            f"{self.hubs:5d} {self.publishers:5d}  {self.links:5.1f} {self.links_max:4d}  {self.cold.copies:6.3f} "
            f"{self.warm.copies:6.3f}  {self.cold.hops:4d} {self.warm.hops:4d}  {self.every.p50_ms:6d} "
            f"{self.every.p99_ms:6d} {self.every.last_ms:6d}  {self.cold.p99_ms:6d} {self.every.missing:5d}  "
            f"{self.record_bytes:5.0f} {self.bytes_per_copy:6.0f}  {self.control_all:5.2f}  ({kinds})"
        )


HEADING = (
    " hubs posts  links  max  copies copies  hops hops  durable ms            cold        bytes  bytes  control\n"
    "       by    each         cold   warm   cold warm     p50    p99   last     p99  miss  rec.  a copy  messages"
)


def settled(count: int, seed: int = 1, settling_ms: int = SETTLING_MS) -> Village:
    """Return a neighbourhood whose hubs have found each other."""
    village = Village(count, seed)
    village.start_all()
    village.run(settling_ms)
    return village


def publish_turns(village: Village, publishers: Sequence[Neighbour], turns: int) -> list[Track]:
    """Let each publisher post so many times, a few seconds apart, and wait until it is quiet again."""
    before = len(village.tally.tracks)
    for turn in range(turns):
        for hub in publishers:
            village.after(turn * TURN_MS + village.random.randrange(TURN_MS), village.publish, hub)
    village.run(turns * TURN_MS + QUIET_MS)
    return list(village.tally.tracks.values())[before:]


def measure_spread(count: int, seed: int = 1, turns: int = TURNS, publishers_max: int = PUBLISHERS_MAX) -> Spread:
    """Measure copies, hops, bytes, control messages and times with many publishers."""
    with remembered():
        village = settled(count, seed)
        publishers = village.random.sample(village.hubs, min(count, publishers_max))
        village.tally.is_open = True
        tracks = publish_turns(village, publishers, turns)
        return _spread(village, len(publishers), tracks)


def _spread(village: Village, publishers: int, tracks: list[Track]) -> Spread:
    numbers = [hub.number for hub in village.hubs]
    pairs = len(tracks) * (len(numbers) - 1)
    links = [len(village.links_of(hub)) for hub in village.hubs]
    sizes = [sum(len(part) for part in track.record.wire if part) for track in tracks]
    return Spread(
        hubs=len(numbers),
        publishers=publishers,
        links=sum(links) / len(links),
        links_max=max(links),
        cold=Figures.of([track for track in tracks if track.turn == 0], numbers),
        warm=Figures.of([track for track in tracks if track.turn >= WARM_TURN], numbers),
        every=Figures.of(tracks, numbers),
        bytes_per_copy=village.tally.frame_bytes / pairs,
        record_bytes=sum(sizes) / len(sizes),
        control={kind: count / pairs for kind, count in village.tally.control.items()},
    )


# --- 40 % of the hubs end at once


@dataclass(frozen=True)
class Loss:
    """What survivors saw. `served_ms`: until the last reachable one held what was posted at that moment, durably."""

    hubs: int
    survivors: int
    reachable: int
    silent: bool
    served_ms: int
    last_ms: int
    copies: list[float]  # of one publisher's first, second ... record after the loss
    missing: int

    def line(self) -> str:
        how = "power gone" if self.silent else "processes ended"
        copies = " ".join(f"{one:.3f}" for one in self.copies)
        return (
            f"{self.hubs:5d}  40 % lost ({how}): {self.survivors} left, {self.reachable} reachable, "
            f"served in {self.served_ms} ms, the last of all in {self.last_ms} ms, {self.missing} missing; "
            f"copies of the records after: {copies}"
        )


def measure_loss(count: int, seed: int = 1, *, silent: bool = False, turns: int = 8) -> Loss:
    """Warm some origins up, end 40 % of the hubs, and let the surviving publishers post at that moment and on."""
    with remembered():
        village = settled(count, seed)
        publishers = village.random.sample(village.hubs, min(count // 2, 8))
        publish_turns(village, publishers, WARM_TURN + 1)
        publishers = publishers[:4]
        others = [hub for hub in village.hubs if hub not in publishers]
        village.kill(village.random.sample(others, count * 2 // 5), silent=silent)
        reachable = village.reachable(publishers[0])
        before = len(village.tally.tracks)
        for hub in publishers:
            village.publish(hub)
        village.run(TURN_MS)
        later = publish_turns(village, publishers, turns - 1)
        village.run(SERVED_MS_MAX)
        first = list(village.tally.tracks.values())[before : before + len(publishers)]
        return _loss(village, reachable, [*first, *later], len(first), silent=silent)


def _loss(village: Village, reachable: set[int], tracks: list[Track], first: int, *, silent: bool) -> Loss:
    alive = [hub.number for hub in village.alive]
    begun = tracks[0].turn
    turns = sorted({track.turn for track in tracks})
    at_once = tracks[:first]
    assert all(track.turn == begun for track in at_once)
    return Loss(
        hubs=len(village.hubs),
        survivors=len(alive),
        reachable=len(reachable),
        silent=silent,
        served_ms=Figures.of(at_once, sorted(reachable)).last_ms,
        last_ms=Figures.of(at_once, alive).last_ms,
        copies=[Figures.of([track for track in tracks if track.turn == turn], alive).copies for turn in turns],
        missing=Figures.of(tracks, alive).missing,
    )


# --- An hour apart


@dataclass(frozen=True)
class Healing:
    """Two halves that wrote `divergent` records apart; `equal_ms` after healing, None where they never were equal."""

    hubs: int
    divergent: int
    equal_ms: int | None
    bytes_per_record: float  # all frames after healing, over the records that each side lacked, each hub

    def line(self) -> str:
        return (
            f"{self.hubs:5d}  an hour apart, {self.divergent} divergent records: equal {self.equal_ms} ms after "
            f"healing, {self.bytes_per_record:.0f} bytes for each record that a hub lacked"
        )


def measure_healing(
    count: int, divergent: int, seed: int = 1, *, apart_ms: int = 3_600_000, healing_ms_max: int = 600_000
) -> Healing:
    """Part a neighbourhood into halves, let both write, heal it, and wait until all are equal."""
    with remembered():
        village = settled(count, seed)
        village.part({hub.number: hub.number % 2 for hub in village.hubs})
        writers = village.hubs[:4]  # two on each side
        for index in range(divergent):
            moment = apart_ms // 10 + index * (apart_ms * 8 // 10) // divergent
            village.after(moment, village.publish, writers[index % len(writers)])
        village.run(apart_ms)
        village.heal()
        village.tally.is_open = True
        equal_ms = village.run_until(village.is_equal, healing_ms_max)
        lacked = divergent / 2 * count
        return Healing(count, divergent, equal_ms, village.tally.frame_bytes / lacked)


def main(arguments: list[str]) -> None:
    """Print a table for the numbers of hubs that are named."""
    counts = [int(argument) for argument in arguments if argument.isdigit()]
    seed = next((int(argument[7:]) for argument in arguments if argument.startswith("--seed=")), 1)
    say = sys.stdout.write
    say(HEADING + "\n")
    for count in counts:
        say(measure_spread(count, seed).line() + "\n")
        sys.stdout.flush()
    for count in counts if "--loss" in arguments else ():
        for silent in (False, True):
            say(measure_loss(count, seed, silent=silent).line() + "\n")
            sys.stdout.flush()
    for count in counts if "--partition" in arguments else ():
        say(measure_healing(count, 1_000, seed).line() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
