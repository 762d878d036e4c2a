"""What happens in a world: a seed chooses the hubs, what they publish, and what goes wrong.

python -m simulation.story 17          # from tests/: runs one world again and prints its trace
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from unittest.mock import patch

from hartig_node.store.memory import MemoryDisk
from hartig_protocol.encoding import encode
from hartig_protocol.limits import DAY_MS, HOUR_MS, MINUTE_MS
from hartig_protocol.records import governance, keys, opening
from hartig_protocol.records.record import Record, Wire
from hartig_protocol.sync import greeting
from simulation import faults
from simulation.world import NETWORK, TRUE_START_MS, Member, World
from support.records import seeded

TROUBLE_MS = 2 * MINUTE_MS
HEALING_MS_MAX = 40 * MINUTE_MS
PLACES = 12  # few, so that threads compete for places
CARD_PLACE = 400


@cache
def remembered_verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Verify once whatever is verified again and again in many worlds."""
    return keys.verify(key, message, signature)


@cache
def made_record(kind: str, number: int, place: int, nonce: int, seq: int) -> Record:
    """Make one of the records that worlds publish; the same in all worlds, so that signing costs little."""
    hub = NETWORK.hub(number)
    stamp = TRUE_START_MS + nonce * 1_000
    lives = {
        "short": (stamp - 40 * DAY_MS, TRUE_START_MS - 35 * DAY_MS + (1 + nonce % 4) * MINUTE_MS),
        "faded": (stamp - 10 * DAY_MS, TRUE_START_MS - 7 * DAY_MS + (nonce % 4) * MINUTE_MS),
    }
    stamp, expires = lives.get(kind, (stamp, stamp + (10 + (nonce * 7 + seq) % 13) * DAY_MS))
    title = f"{'PRIVATE' if kind == 'private' else 'shared'} {number} {place} {nonce}"
    audience = "hub" if kind == "private" else "network"
    if kind == "unknown":
        return NETWORK.unknown(hub, place=place, nonce=nonce, seq=seq, stamp=stamp, expires=expires)
    return NETWORK.post(
        hub,
        place=place,
        nonce=nonce,
        seq=seq,
        stamp=stamp,
        expires=expires,
        title=title,
        audience=audience,
        ends=kind == "ends",
    )


@cache
def made_step(number: int, place: int, nonce: int, seq: int, branch: int) -> Record:
    before = made_step(number, place, nonce, seq - 1, 0) if seq > 1 else None
    register = made_record("plain", number, place, nonce, 1)
    body = encode({"sealed": seeded(f"{nonce} {seq} {branch}", 9)})
    return NETWORK.step(NETWORK.hub(number), register, before, facts={"branch": branch}, body=body)


@cache
def proofs(number: int) -> tuple[Record, ...]:
    hub = NETWORK.hub(number)
    return (
        NETWORK.charter,
        NETWORK.grant(hub.public, place=number, invites=60, stamp=TRUE_START_MS - DAY_MS),
        NETWORK.card(hub, place=CARD_PLACE, stamp=TRUE_START_MS - DAY_MS),
    )


@cache
def revocation(number: int) -> Record:
    return NETWORK.revoke(NETWORK.hub(number).public, stamp=TRUE_START_MS)


class Story:
    """One world from its beginning to its quiet end."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.world = World(seed)
        self.random = self.world.random
        self.nonce = 0

    def run(self) -> World:
        """Live through the trouble, heal, and check; raises `BrokenInvariantError`."""
        with (
            patch.object(opening, "verify", remembered_verify),
            patch.object(greeting, "verify", remembered_verify),
            patch.object(governance, "verify", remembered_verify),
        ):
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
        for _ in range(random.randint(12, 40)):
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
        self.world.after(2_000, lambda: self._keep_proofs(member))

    def _anyone(self) -> Member:
        return self.random.choice(self.world.members)

    # --- What happens

    def _happenings(self) -> list[Callable[[], None]]:
        return [
            *[self._publish] * 8,
            self._publish_step,
            self._publish_step,
            self._publish_again,
            self._lose_link,
            self._double_link,
            self._partition,
            self._crash,
            self._crash,
            self._put_back_old_disk,
            self._jump_clock,
            self._strip_or_forge,
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

    def _lose_link(self) -> None:
        member = self._anyone()
        if member.links:
            self.world.cut(self.random.choice(sorted(member.links)))

    def _double_link(self) -> None:
        one, other = self.random.sample(self.world.members, 2)
        self.world.connect(one, other)
        self.world.connect(other, one)

    def _partition(self) -> None:
        world = self.world
        for number in sorted(world.groups):
            world.groups[number] = self.random.randint(0, 1)
        world.cut_all(lambda one, other: not world.can_reach(one, other))
        world.after(self.random.randint(5_000, 60_000), self._join_up)

    def _join_up(self) -> None:
        for number in self.world.groups:
            self.world.groups[number] = 0

    def _crash(self) -> None:
        member = self._anyone()
        self.world.crash(member)
        self.world.after(self.random.randint(100, 30_000), lambda: self.world.start(member))

    def _put_back_old_disk(self) -> None:
        """A backup is put back: an older disk under a new epoch, with no cursors, as `hartig restore` does."""
        world, member = self.world, self._anyone()
        if member.number == 1:
            return
        world.crash(member)
        old = member.core.disk
        keep = self.random.randint(min(3, old.last_n), old.last_n)
        disk = MemoryDisk(epoch=seeded(f"epoch {member.number} {member.life}", 16))
        member.core.disk = disk
        disk.rows = {n: row for n, row in old.rows.items() if n <= keep}
        disk.numbers = {row.id: n for n, row in disk.rows.items()}
        disk.last_n = keep
        disk.running = disk.rows[keep].running if keep in disk.rows else old.running
        elsewhere = [one.core.disk.numbers for one in world.members]
        gone = [row.id for row in old.rows.values() if not any(row.id in numbers for numbers in elsewhere)]
        world.watch.lost_with_disk.update(gone)
        world.after(1_000, lambda: world.start(member))

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
        member.altered_rows = self.random.choice([_without_bodies, _forged])

    def _revoke(self) -> None:
        number = len(self.world.members)
        member = self.world.members[self.random.randrange(number - 1)]
        if number > 3 and member.is_up and member.core.hub.state.is_member:
            self.world.publish(member, revocation(number))

    # --- The end

    def _heal(self) -> None:
        world = self.world
        self._join_up()
        for member in world.members:
            world.start(member)
            member.ahead_ms, member.trusted, member.altered_rows = 0, True, None
        for number in range(2, len(world.members) + 1):
            world.pairs.add((number, number - 1))
        at_least = 6 * MINUTE_MS  # all that is nearly due has gone, and every link has had an audit
        world.run(at_least)
        while not world.watch.is_equal() and world.at_ms < TROUBLE_MS + HEALING_MS_MAX:
            world.run(MINUTE_MS)


def _without_bodies(rows: tuple[Wire, ...]) -> tuple[Wire, ...]:
    return tuple((head, signature, None) for head, signature, _ in rows)


def _forged(rows: tuple[Wire, ...]) -> tuple[Wire, ...]:
    return tuple((head, signature[:-1] + bytes([signature[-1] ^ 1]), body) for head, signature, body in rows)


def main(arguments: list[str]) -> None:
    """Run the worlds with these seeds, one trace a line; `--fault=NAME` plants one of `faults` first."""
    planted = [getattr(faults, argument[8:]) for argument in arguments if argument.startswith("--fault=")]
    with ExitStack() as stack:
        for fault in planted:
            stack.enter_context(fault())
        for seed in arguments[len(planted) :]:
            sys.stdout.write(Story(int(seed)).run().trace + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
