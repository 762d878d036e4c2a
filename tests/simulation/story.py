"""What happens in a world: a seed chooses the hubs, what they publish, and what goes wrong.

python -m simulation.story 17          # from tests/: runs one world again and prints its trace
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from copy import copy
from dataclasses import fields
from itertools import combinations

from hartig_node.store.memory_disk import MemoryDisk
from hartig_protocol.events import BundleEnded, RecordsCarried
from hartig_protocol.limits import DAY_MS, HOUR_MS, MINUTE_MS
from simulation import faults
from simulation.lies import LIES
from simulation.made import forged, made_record, made_step, proofs, revocation, without_bodies
from simulation.member import Member
from simulation.remembered import remembered
from simulation.tight import BRISK, FULL, NARROW, WIDE, tight
from simulation.world import World
from support.cores import Core
from support.records import seeded

TROUBLE_MS = 90_000
HEALING_MS_MAX = 40 * MINUTE_MS
AUDITED_MS = 100_000  # all that is nearly due has gone, and every link has had an audit (60 s, and 30 s of patience)
PASSING_ON_MS = 20_000  # then somebody looks whether a clone has passed all on
MANGLED_MS = (2_000, 40_000)
BLOCKED_MS = (1_000, 90_000)  # the longer ones end the links by silence
KEEP_MS = 5_000  # until somebody looks again whether a hub has lost its proofs
BUNDLE_PART = 16  # records in one go
HAPPENINGS = (28, 52)  # of which more than half are faults
PLACES = 12  # few, so that threads compete for places


class Story:
    """One world from its beginning to its quiet end."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.world = World(seed)
        self.random = self.world.random
        self.nonce = 0
        self.bounds: list[Mapping[str, int]] = [BRISK]
        for chance, bounds in ((0.3, NARROW), (0.4, FULL), (0.2, WIDE)):
            if self.random.random() < chance:
                self.bounds.append(bounds)
        self.world.follows_wishes = self.random.random() < 0.4 or WIDE in self.bounds

    def run(self) -> World:
        """Live through the trouble, heal, and check; raises `BrokenInvariantError`."""
        with remembered(), tight(*self.bounds):
            self._begin()
            self.world.run(TROUBLE_MS)
            self._heal()
            self.world.watch.at_the_end()
        return self.world

    # --- The cast

    def _begin(self) -> None:
        world, random = self.world, self.random
        count = random.choice([3, 3, 3, 4, 4, 5, 6, 8])
        founder = world.add(1)
        self._keep_proofs(founder)
        for number in range(2, count + 1):
            if random.random() < 0.3:
                self._keep_proofs(world.add(number, secret_from=founder))
                world.pairs.add((number, 1))
            else:
                self._keep_proofs(world.add(number))
        self._choose_pairs(count)
        world.after(random.randint(0, 2_000), world.keep_links)
        for _ in range(random.randint(*HAPPENINGS)):
            world.after(random.randint(0, TROUBLE_MS), random.choice(self._happenings()))

    def _choose_pairs(self, count: int) -> None:
        for number in range(2, count + 1):
            self.world.pairs.add((number, self.random.randint(1, number - 1)))
        for _ in range(count // 2):
            one, other = self.random.sample(range(1, count + 1), 2)
            if (other, one) not in self.world.pairs:
                self.world.pairs.add((one, other))

    def _keep_proofs(self, member: Member) -> None:
        """Hand in the proofs that a hub begins with, and its card once it is admitted; again if a crash lost them."""
        state = member.core.hub.state
        if member.is_up and member.core.invite is None and not state.is_member:
            self.world.publish(member, *proofs(member.number))
        elif member.is_up and state.is_member and state.card is None:
            self.world.publish(member, proofs(member.number)[2])
        self.world.after(KEEP_MS, lambda: self._keep_proofs(member))

    def _anyone(self) -> Member:
        return self.random.choice(self.world.members)

    # --- What happens

    def _happenings(self) -> list[Callable[[], None]]:
        """What may happen, all equally often: publishing, somebody with a stick, and faults."""
        return [
            *[self._publish] * 6,
            self._publish_step,
            self._publish_step,
            self._publish_again,
            self._carry_bundle,
            *self._faults(),
        ]

    def _faults(self) -> list[Callable[[], None]]:
        return [
            self._lose_link,
            self._double_link,
            self._partition,
            self._block_ways,
            self._hold_up_link,
            self._mangle_link,
            self._crash,
            self._crash,
            self._put_back_old_disk,
            self._clone,
            self._jump_clock,
            self._strip_or_forge,
            self._lie,
            self._revoke,
        ]

    def _publish(self) -> None:
        member = self._anyone()
        self.nonce += 1
        kind = self.random.choice(["plain", "plain", "plain", "private", "unknown", "ends", "short", "faded"])
        nonce = self.random.randint(1, self.nonce)
        seq = self.random.randint(1, 3)
        if member.is_up:
            self.world.publish(member, made_record(kind, member.number, self.random.randrange(PLACES), nonce, seq))

    def _publish_step(self) -> None:
        member = self._anyone()
        if not member.is_up:
            return
        place, branches = self.random.randrange(PLACES), self.random.choice([0, 0, 0, 1])
        self.nonce += 1
        steps = [made_step(member.number, place, self.nonce, seq, 0) for seq in range(1, 4)]
        fork = [made_step(member.number, place, self.nonce, 2, 1)] if branches else []
        self.world.publish(member, made_record("plain", member.number, place, self.nonce, 1), *steps, *fork)

    def _publish_again(self) -> None:
        """A client that repeats what it handed in, perhaps at another hub."""
        member, acked = self._anyone(), list(self.world.watch.acked.values())
        shared = [record for record in acked if record.head.audience != "hub"]
        if member.is_up and shared:
            self.world.publish(member, self.random.choice(shared))

    def _any_link(self) -> int | None:
        """One of the links that stand and are not mangled; None if there is none."""
        links = {link for member in self.world.members for link in member.links} - self.world.mangled
        return self.random.choice(sorted(links)) if links else None

    def _lose_link(self) -> None:
        link = self._any_link()
        if link is not None:
            self.world.cut(link)

    def _double_link(self) -> None:
        """Two that reach each other dial both at once, whatever links they have."""
        pairs = [pair for pair in combinations(self.world.members, 2) if self.world.can_reach(*pair)]
        if pairs:
            one, other = self.random.choice(pairs)
            self.world.connect(one, other)
            self.world.connect(other, one)

    def _partition(self) -> None:
        """Two sides lose each other, and all are told: cables are pulled."""
        world = self.world
        for place in sorted(world.groups):
            world.groups[place] = self.random.randint(0, 1)
        world.cut_all(lambda one, other: not world.can_reach(one, other))
        world.after(self.random.randint(5_000, 60_000), self._join_up)

    def _join_up(self) -> None:
        for place in self.world.groups:
            self.world.groups[place] = 0

    def _block_ways(self) -> None:
        """Nothing gets through between two sides, or in one direction alone, and nobody is told."""
        places = sorted(self.world.groups)
        side = set(self.random.sample(places, self.random.randint(1, len(places) - 1)))
        ways = {(one, other) for one in side for other in places if other not in side}
        if self.random.random() < 0.5:
            ways |= {(other, one) for one, other in ways}
        self.world.block(ways, self.random.randint(*BLOCKED_MS))

    def _hold_up_link(self) -> None:
        """One hub hears nothing of another for a while, as when packets are lost again and again."""
        one, other = self.random.sample(self.world.members, 2)
        self.world.block({(one.place, other.place)}, self.random.randint(500, 20_000))

    def _mangle_link(self) -> None:
        """One link loses, doubles and reorders frames, until it is cut and made anew."""
        link = self._any_link()
        if link is not None:
            self.world.mangle(link, self.random.randint(*MANGLED_MS))

    def _crash(self) -> None:
        running = [member for member in self.world.members if member.is_up]
        if running:
            member = self.random.choice(running)
            self.world.crash(member)
            self.world.after(self.random.randint(100, 30_000), lambda: self.world.start(member))

    def _put_back_old_disk(self) -> None:
        """An older disk is put back: a backup under a new epoch, as `hartig restore` does, or a machine's image."""
        world, member = self.world, self._anyone()
        if member.place == 1:
            return
        world.crash(member)
        old = member.core.disk
        keep = self.random.randint(min(3, old.last_n), old.last_n)
        is_image = self.random.random() < 0.4
        member.was_put_back = True
        disk = MemoryDisk(epoch=old.epoch if is_image else seeded(f"epoch {member.place} {member.life}", 16))
        member.core.disk = disk
        disk.rows = {n: row for n, row in old.rows.items() if n <= keep}
        disk.numbers = {row.id: n for n, row in disk.rows.items()}
        disk.last_n = keep
        disk.running = disk.rows[keep].running if keep in disk.rows else old.running
        if is_image:
            disk.told = {key: told for key, told in old.told.items() if told.n <= keep}
        world.watch.put_back(member)
        world.after(1_000, lambda: world.start(member))

    def _carry_bundle(self) -> None:
        """Somebody writes all that one hub holds to a stick, and reads it into another a while later."""
        giver, taker = self.random.sample(self.world.members, 2)
        disk = giver.core.disk
        rows = [disk.rows[n] for n in sorted(disk.rows)]
        wires = tuple(row.wire for row in rows if row.audience != "hub")
        hub = giver.core.key.public
        ended = BundleEnded(0, hub, disk.epoch, disk.last_n, disk.running)

        def read() -> None:
            for at in range(0, len(wires), BUNDLE_PART):
                self.world.handle(taker, RecordsCarried(0, wires[at : at + BUNDLE_PART], hub))
            self.world.handle(taker, ended)

        self.world.after(self.random.randint(0, 60_000), read)

    def _clone(self) -> None:
        """Somebody copies a hub's folder elsewhere and starts it there: one key, one node and epoch, twice."""
        world, member = self.world, self._anyone()
        is_cloned = len({one.number for one in world.members}) < len(world.members)
        if is_cloned or member.place == 1 or self.random.random() < 0.75:  # each costs as much as two other worlds
            return
        disk = member.core.disk
        parts = {part.name: copy(getattr(disk, part.name)) for part in fields(disk)}  # the rows are values
        core = Core(world.network, member.number, MemoryDisk(**parts))
        clone = world.join(core)
        world.watch.known_own[clone.place] = set(core.disk.numbers)
        world.watch.durable(clone, core.disk.numbers)
        for other in self.random.sample(world.members[:-1], 2):
            world.pairs.add((clone.place, other.place))

    def _jump_clock(self) -> None:
        member = self._anyone()
        member.ahead_ms, member.trusted = self.random.choice(
            [
                (-40 * 365 * DAY_MS, False),
                (-90 * DAY_MS, False),
                (3 * HOUR_MS, False),
                (400 * DAY_MS, False),
                (self.random.randint(-MINUTE_MS, MINUTE_MS), True),
            ]
        )

    def _strip_or_forge(self) -> None:
        """A hub that sends bodies away, or records with wrong signatures; it is good again when all heals."""
        member = self._anyone()
        member.has_lied = True
        member.altered_rows = self.random.choice([without_bodies, forged])

    def _lie(self) -> None:
        """A hub whose words cannot be trusted, in one way or two; it is good again when all heals."""
        member = self._anyone()
        member.has_lied = True
        lies = [make(self.random) for make in self.random.sample(LIES, self.random.choice([1, 1, 2]))]

        def lie(frame: bytes) -> list[bytes]:
            frames = [frame]
            for one in lies:
                frames = [out for each in frames for out in one(each)]
            return frames

        member.lie = lie

    def _revoke(self) -> None:
        number = max(member.number for member in self.world.members)
        member = self.world.members[self.random.randrange(number - 1)]
        if number > 3 and member.is_up and member.core.hub.state.is_member:
            self.world.publish(member, revocation(number))

    # --- The end

    def _heal(self) -> None:
        world = self.world
        self._join_up()
        world.unblock(set(world.blocked))
        for member in world.members:
            world.start(member)
            member.ahead_ms, member.trusted, member.altered_rows, member.lie = 0, True, None, None
        for place in range(2, len(world.members) + 1):
            world.pairs.add((place, place - 1))
        self._retire_clone()
        world.run(AUDITED_MS)
        while not world.watch.is_equal() and world.at_ms < TROUBLE_MS + HEALING_MS_MAX:
            world.run(MINUTE_MS)

    def _retire_clone(self) -> None:
        """Two copies of one hub run: a person stops the first until the other has passed all on, then the other."""
        world = self.world
        clone = world.members[-1]
        first = world.members[clone.number - 1]
        if first is clone:
            return
        world.crash(first)
        world.pairs.add((clone.place, 1))  # its neighbour may have been revoked
        elsewhere = [one.core.disk.numbers for one in world.members if one is not clone]
        patient_until_ms = world.at_ms + AUDITED_MS
        while world.at_ms < patient_until_ms:
            world.run(PASSING_ON_MS)
            if all(any(one in held for held in elsewhere) for one in clone.core.ids):
                break
        world.crash(clone)
        clone.is_retired = True
        rows = clone.core.disk.rows.values()
        private = [row.id for row in rows if row.audience == "hub"]
        world.watch.lost_with_disk.update(one for one in private if not any(one in held for held in elsewhere))
        world.start(first)


def lived(seed: int) -> str:
    """Live through one world and return its trace; raises `BrokenInvariantError`."""
    story = Story(seed)
    try:
        return story.run().trace
    finally:
        story.world.end()


def main(arguments: list[str]) -> None:
    """Run the worlds with these seeds, one trace a line; `--fault=NAME` plants one of `faults` first."""
    planted = [getattr(faults, argument[8:]) for argument in arguments if argument.startswith("--fault=")]
    with ExitStack() as stack:
        for fault in planted:
            stack.enter_context(fault())
        for seed in arguments[len(planted) :]:
            sys.stdout.write(lived(int(seed)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
