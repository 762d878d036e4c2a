"""What must be true in every world, watched while it runs and looked at when it is quiet.

While it runs: nothing private is in any frame, every added record is authentic and has its body, nothing goes before
its time, "complete through n" is true when it is written, what our own key signed and we did not know is noticed, and
memory keeps its bounds. At the end: all members hold the same set and name the same fingerprint, no acknowledged record
is lost, and what they hold is what anyone would hold who was handed the same records in another order.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hartig_protocol.catalog import waiting
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.entry import Body, Entry, register_of_head
from hartig_protocol.events import Action, Commit, Cursor, Event, Now, Refusal
from hartig_protocol.limits import HOUR_MS, MINUTE_MS, ORIGINS_MAX, RECORDS_PER_FRAME_MAX
from hartig_protocol.records import opening
from hartig_protocol.records import record as records
from hartig_protocol.records.record import Kind, Record, body_due, thread_due
from hartig_protocol.sync import inbound, outbound, pulling, spreading
from hartig_protocol.sync.messages import LIVE, Records, Through
from hartig_protocol.sync.state import Joining, Session
from hartig_protocol.sync.timers import session_due_ms
from simulation.remembered import unpack
from support.cores import Core
from support.records import seeded

if TYPE_CHECKING:
    from simulation.member import Member
    from simulation.world import World

PRIVATE_MARK = b"PRIVATE"  # stands in the title of every record of audience `hub`
TIMERS_EVERY = 16  # events: it costs as much as the looking up that the core spares itself
SKEW_MS = 3 * MINUTE_MS  # trusted clocks of a world differ by less
GOVERNANCE = frozenset({Kind.CHARTER, Kind.GRANT, Kind.REVOKE})
GREETED = frozenset({Kind.CHARTER, Kind.GRANT, Kind.REVOKE, Kind.CARD})  # kinds that come in greetings, too


class BrokenInvariantError(AssertionError):
    """Something that must never happen has happened."""


class Watch:
    """Sees everything that happens in a world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.events = 0
        self.records: dict[bytes, Record] = {}
        self.acked: dict[bytes, Record] = {}
        self.lost_with_disk: set[bytes] = set()
        self.held_by: dict[bytes, set[int]] = {}  # record id -> places whose disks have held it, and were not put back
        self.known_own: dict[int, set[bytes]] = {}  # place -> its own records that it was handed, or noticed

    def fail(self, what: str) -> None:
        raise BrokenInvariantError(f"at {self.world.at_ms} ms: {what}")

    def invite(self, inviter: Core, number: int) -> Joining:
        secret = seeded(f"secret {number}", 16)
        inviter.secrets[secret] = 3
        return Joining((inviter.node,), secret)

    # --- While it runs

    def sent(self, member: "Member", frame: bytes) -> None:
        """Nothing private leaves a hub, and nothing that it might forget when its power fails now."""
        if PRIVATE_MARK in frame:
            self.fail(f"{member} sent what must never leave it")
        message, disk = unpack(frame), member.core.disk
        if type(message) is Through and message.n > disk.last_n:
            self.fail(f"{member} says complete through {message.n}, and its disk ends at {disk.last_n}")
        if type(message) is Records and message.why == LIVE:
            entries = member.core.hub.catalog.entries
            for sent in (
                records.record_id(wire[0]) for wire in message.records
            ):  # whose signatures a liar may have spoiled
                if sent not in disk.numbers and sent in entries:
                    self.fail(f"{member} sent {entries[sent]}, which is not durable")

    def publishing(self, member: "Member", records: Sequence[Record]) -> None:
        self.known_own.setdefault(member.place, set()).update(record.id for record in records)

    def durable(self, member: "Member", ids: Iterable[bytes]) -> None:
        """A disk has taken these records, or is a copy of one that holds them."""
        for record_id in ids:
            self.held_by.setdefault(record_id, set()).add(member.place)

    def put_back(self, member: "Member") -> None:
        """A disk was put back to an older state: its place answers for what that holds alone.

        What it had let go of before that, too: the removal by which it did may be among what is gone.
        """
        for record_id, holders in self.held_by.items():
            if record_id not in member.core.disk.numbers:
                holders.discard(member.place)

    def claimed(self, member: "Member", record_id: bytes) -> None:
        self.known_own.setdefault(member.place, set()).add(record_id)

    def handled(self, member: "Member", event: Event, actions: Sequence[Action]) -> None:
        if actions and type(actions[0]) is Commit:
            self._are_proven(member, actions[0])
        link = getattr(event, "link", None)
        session = member.core.hub.state.sessions.get(link) if link is not None else None
        if session is not None:
            self._bounds(member, session)
        self.events += 1
        if self.events % TIMERS_EVERY == 0:
            self._wakes_in_time(member)

    def _wakes_in_time(self, member: "Member") -> None:
        """What a hub remembers of its timers is never later than what they say."""
        hub = member.core.hub
        due_ms = hub.next_timer_ms()
        for session in hub.state.sessions.values():
            if session_due_ms(session) < due_ms:
                self.fail(f"{member} wants to be woken at {due_ms}, later than {session} does")

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
            self._is_complete(member, commit, cursor)

    def _has_body(self, member: "Member", entry: Entry, record: Record) -> None:
        due = body_due(entry.expires)
        if entry.body is Body.GONE and not entry.is_chain and due and due > self.world.true_ms + SKEW_MS:
            self.fail(f"{member} counts {record} as known without its body")

    def _may_go(self, member: "Member", record: Record) -> None:
        due = thread_due(record.head.expires)
        is_due = due is not None and due <= self.world.true_ms + SKEW_MS
        if not (is_due or record.head.is_chain or self._is_replaced(member.core, record)):
            self.fail(f"{member} let go of {record} before its time")

    def _are_proven(self, member: "Member", commit: Commit) -> None:
        """Only who may write has written what was added."""
        catalog = member.core.hub.catalog
        for entry, record in commit.added:
            head = record.head
            if head.kind in GOVERNANCE or entry.id not in catalog.entries:
                continue
            if not catalog.authority.may_write(head.author, head.kind, head.place):
                self.fail(f"{member} accepted {record}, whose author may not write")

    def _is_complete(self, member: "Member", commit: Commit, cursor: Cursor) -> None:
        """Whatever the peer holds up to n is durable here with this very commit, or replaced here.

        Of a liar or a clone nobody can say, and who asks for what it does not want takes one answer for another.
        """
        peer, epoch, n = cursor.peer, cursor.epoch, cursor.n
        others = [one for one in self.world.members if one.core.key.public == peer]
        other = others[0]
        if len(others) > 1 or not other.is_up or other.core.disk.epoch != epoch or other.has_lied or member.has_lied:
            return
        if other.was_put_back and other.core.hub.catalog.running_at(n) != cursor.check:
            return  # said in the life that was undone: the peer will not believe it
        entries, numbers = member.core.hub.catalog.entries, member.core.disk.numbers
        added = {entry.id for entry, _ in commit.added}
        gone = {one for one in commit.removed if one not in entries}  # it may have come back in the same step
        for at, record_id in other.core.hub.catalog.ids_after(0, n):
            if at > n:
                break
            is_held = (record_id in numbers or record_id in added) and record_id not in gone
            if not is_held and self._is_lacking(member.core, self.records[record_id]):
                self.fail(f"{member} says complete through {n} of {other} and lacks {self.records[record_id]}")

    def _is_lacking(self, core: Core, record: Record) -> bool:
        """Whether a record that is not held should be."""
        due = thread_due(record.head.expires)
        is_due = due is not None and due <= self.world.true_ms + SKEW_MS
        return not (record.head.is_chain or is_due or self._is_replaced(core, record))

    def _is_replaced(self, core: Core, record: Record) -> bool:
        """Whether a later version, a later thread or the end of its author's authority took a record's place."""
        catalog = core.hub.catalog
        head = record.head
        register = register_of_head(head)
        held = catalog.registers.get(register) if register else None
        if held is not None and (head.is_chain or held.order >= (head.expires or 0, head.seq, record.id)):
            return held.thread != head.thread or not head.is_chain
        return catalog.authority.standing(head.author) is None

    def _bounds(self, member: "Member", session: Session) -> None:
        """What one peer can make a hub remember; the bounds are read where the core reads them."""
        state, out, into = member.core.hub.state, session.out, session.into
        window_max = outbound.WINDOW_RECORDS_MAX
        is_kept = (
            out.weight - out.acked <= window_max + 2 * RECORDS_PER_FRAME_MAX
            and len(out.line) <= outbound.LINE_MAX
            and into.held <= 2 * window_max + RECORDS_PER_FRAME_MAX
            and (
                not out.serve
                or out.asked == sum(len(one.ids) for one in out.serve if not one.listed) <= outbound.SERVED_MAX
            )
            and len(out.named) <= spreading.ANNOUNCED_MAX + RECORDS_PER_FRAME_MAX
            and len(out.preferences) <= ORIGINS_MAX
            and len(into.asked) <= inbound.ASKED_PER_SESSION_MAX
            and len(into.named) <= pulling.NAMED_PER_SESSION_MAX
            and len(state.missing) <= pulling.MISSING_MAX
            and state.waiting.count(session.peer_hub) <= waiting.WAITING_PER_PEER_MAX
        )
        if not is_kept:
            self.fail(f"{member} holds more than it may for {session}: {out!r}, {into!r}, {state.waiting!r}")

    def noticed(self) -> None:
        """Who holds a record that its own key signed and that it was not handed has told its node so."""
        for member in self.world.members:
            own = member.core.key.public
            known = self.known_own.get(member.place, set())
            for entry in member.core.hub.catalog.entries.values():
                if entry.author == own and entry.kind not in GREETED and entry.id not in known:
                    self.fail(f"{member} did not notice that its key signed {self.records[entry.id]} elsewhere")

    # --- When it is quiet

    def standing_members(self) -> list["Member"]:
        present = [one for one in self.world.members if not one.is_retired]
        judge = present[0].core.hub.catalog.authority
        return [one for one in present if judge.standing(one.core.key.public) is not None]

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
        self._any_order(members[0])
        self.noticed()

    def _nothing_lost(self, members: list["Member"]) -> None:
        """Each acknowledged record is here, unless its time was over or only disks held it that are gone or cut off.

        A clone that was retired had met the others before, unless its key had been revoked.
        """
        keys = {one.core.key.public for one in members}
        retired = [one for one in self.world.members if one.is_retired and one.core.key.public in keys]
        places = {one.place for one in (*members, *retired)}
        self.lost_with_disk.update(one for one, holders in self.held_by.items() if not holders & places)
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

    def _any_order(self, member: "Member") -> None:
        """A catalog that is handed the same records in another order, each until it is taken, holds the same."""
        rows = member.core.disk.rows
        todo = [opening.open_record(rows[n].wire) for n in sorted(rows)]
        self.world.random.shuffle(todo)
        catalog, now = Catalog(self.world.network.id), Now(self.world.true_ms, self.world.at_ms)
        while todo:
            left = []
            for record in todo:
                catalog.take([record], now, Commit())
                if record.id not in catalog.entries:
                    left.append(record)
            if len(left) == len(todo):
                self.fail(f"in another order these of {member} are refused: {left[:3]}")
            todo = left
        if set(catalog.entries) != set(member.core.hub.catalog.entries):
            self.fail(f"in another order {member} would hold another set")
