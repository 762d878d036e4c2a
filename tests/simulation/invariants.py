"""What must be true in every world, watched while it runs and looked at when it is quiet.

While it runs: nothing private is in any frame, every added record is authentic and has its body, nothing goes before
its time, "complete through n" is true when it is written, and memory keeps its bounds. At the end: all members hold the
same set and name the same fingerprint, and no acknowledged record is lost.
"""

from typing import TYPE_CHECKING

from hartig_protocol.catalog.entry import Body, Entry, register_of_head
from hartig_protocol.events import Commit, Refusal
from hartig_protocol.limits import (
    ASKED_PER_SESSION_MAX,
    HOUR_MS,
    MINUTE_MS,
    RECORDS_PER_FRAME_MAX,
    WAITING_PER_PEER_MAX,
    WINDOW_RECORDS_MAX,
)
from hartig_protocol.records import opening
from hartig_protocol.records.record import Record, body_due, thread_due
from hartig_protocol.sync.outbound import SERVED_MAX
from hartig_protocol.sync.state import PendingInvite
from support.cores import Core
from support.records import seeded

if TYPE_CHECKING:
    from simulation.world import Member, World

PRIVATE_MARK = b"PRIVATE"  # stands in the title of every record of audience `hub`
SKEW_MS = 3 * MINUTE_MS  # trusted clocks of a world differ by less


class BrokenInvariantError(AssertionError):
    """Something that must never happen has happened."""


class Watch:
    """Sees everything that happens in a world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.records: dict[bytes, Record] = {}
        self.acked: dict[bytes, Record] = {}
        self.lost_with_disk: set[bytes] = set()

    def fail(self, what: str) -> None:
        raise BrokenInvariantError(f"at {self.world.at_ms} ms: {what}")

    def invite(self, inviter: Core, number: int) -> PendingInvite:
        secret = seeded(f"secret {number}", 16)
        inviter.secrets[secret] = 3
        return PendingInvite(inviter.node, secret)

    # --- While it runs

    def sent(self, member: "Member", frame: bytes) -> None:
        if PRIVATE_MARK in frame:
            self.fail(f"{member} sent what must never leave it")

    def acknowledged(self, member: "Member", records: list[Record], refusals: tuple[Refusal | None, ...]) -> None:
        disk = member.core.disk
        for record, refusal in zip(records, refusals, strict=True):
            if refusal is None:
                self.acked[record.id] = record
                if record.id not in disk.numbers and not self._is_replaced(member.core, record):
                    self.fail(f"{member} acknowledged {record}, which is not durable")

    def committing(self, member: "Member", commit: Commit) -> None:
        for entry, record in commit.added:
            self.records[record.id] = record
            if not opening.is_signed(record.head, record.head_bytes, record.signature):
                self.fail(f"{member} accepted {record}, which is not authentic")
            self._has_body(member, entry, record)
        for record_id in commit.removed:
            self._may_go(member, self.records[record_id])
        for cursor in commit.cursors:
            self._is_complete(member, cursor.peer, cursor.epoch, cursor.n)

    def _has_body(self, member: "Member", entry: Entry, record: Record) -> None:
        due = body_due(entry.expires)
        if entry.body is Body.GONE and not entry.is_chain and due and due > self.world.true_ms + SKEW_MS:
            self.fail(f"{member} counts {record} as known without its body")

    def _may_go(self, member: "Member", record: Record) -> None:
        due = thread_due(record.head.expires)
        is_due = due is not None and due <= self.world.true_ms + SKEW_MS
        if not (is_due or record.head.is_chain or self._is_replaced(member.core, record)):
            self.fail(f"{member} let go of {record} before its time")

    def _is_complete(self, member: "Member", peer: bytes, epoch: bytes, n: int) -> None:
        """Whatever the peer holds up to n is held here, or replaced here."""
        other = next(one for one in self.world.members if one.core.key.public == peer)
        if not other.is_up or other.core.disk.epoch != epoch or other.has_lied:
            return
        for entry in other.core.hub.catalog.entries.values():
            if entry.n > n or entry.is_private or entry.is_chain or entry.id in member.core.hub.catalog.entries:
                continue
            record = self.records[entry.id]
            due = thread_due(entry.expires)
            if due is not None and due <= self.world.true_ms + SKEW_MS:
                continue
            if not self._is_replaced(member.core, record):
                self.fail(f"{member} says complete through {n} of {other} and lacks {record}")

    def _is_replaced(self, core: Core, record: Record) -> bool:
        """Whether a later version, a later thread or the end of its author's authority took a record's place."""
        catalog = core.hub.catalog
        head = record.head
        register = register_of_head(head)
        held = catalog.registers.get(register) if register else None
        if held is not None and (head.is_chain or held.order >= (head.expires or 0, head.seq, record.id)):
            return held.thread != head.thread or not head.is_chain
        return catalog.authority.standing(head.author) is None

    def bounds(self, member: "Member") -> None:
        state = member.core.hub.state
        for session in state.sessions.values():
            if session.out.window_used > WINDOW_RECORDS_MAX + 2 * RECORDS_PER_FRAME_MAX:
                self.fail(f"{session} has {session.out.window_used} records under way")
            if len(session.out.serve) > SERVED_MAX or len(session.into.asked) > ASKED_PER_SESSION_MAX:
                self.fail(f"{session} queues without bound")
            if state.waiting.count(session.peer_hub) > WAITING_PER_PEER_MAX:
                self.fail(f"{session} has too much waiting")

    # --- When it is quiet

    def standing_members(self) -> list["Member"]:
        judge = self.world.members[0].core.hub.catalog.authority
        return [one for one in self.world.members if judge.standing(one.core.key.public) is not None]

    def is_equal(self) -> bool:
        sets = [member.core.ids for member in self.standing_members()]
        return all(one == sets[0] for one in sets)

    def at_the_end(self) -> None:
        members = self.standing_members()
        for member in members[1:]:
            differs = members[0].core.ids ^ member.core.ids
            if differs:
                some = sorted(differs)[:3]
                self.fail(f"{members[0]} and {member} differ in {len(differs)}: {[self.records[i] for i in some]}")
        hour_ms = (self.world.true_ms // HOUR_MS + 1) * HOUR_MS
        prints = {member.core.hub.state.audit_set.as_of(hour_ms)[1] for member in members}
        if len(prints) != 1:
            self.fail("equal sets, and different fingerprints")
        for member in members:
            if set(member.core.hub.catalog.entries) != set(member.core.disk.numbers):
                self.fail(f"{member} remembers what its disk does not hold, or the other way round")
        self._nothing_lost(members)

    def _nothing_lost(self, members: list["Member"]) -> None:
        for record in self.acked.values():
            due = thread_due(record.head.expires)
            if record.id in self.lost_with_disk or (due is not None and due <= self.world.true_ms):
                continue
            private = record.head.audience == "hub"
            for member in members:
                core = member.core
                if private and core.key.public != record.head.author:
                    continue
                if record.id not in core.hub.catalog.entries and not self._is_excused(core, record):
                    self.fail(f"{member} has lost {record}, which was acknowledged")

    def _is_excused(self, core: Core, record: Record) -> bool:
        chain = core.hub.catalog.chains.get(record.head.thread)
        forked = record.head.is_chain and chain is not None and chain.fork is not None
        return forked or self._is_replaced(core, record) or self._was_replaced_by_what_was_lost(record)

    def _was_replaced_by_what_was_lost(self, record: Record) -> bool:
        """Whether the record that took its place went down with a disk that was put back to an older state."""
        register = register_of_head(record.head)
        lost = [self.records[record_id].head for record_id in self.lost_with_disk if record_id in self.records]
        return any(register_of_head(head) == register and not head.is_chain for head in lost)
