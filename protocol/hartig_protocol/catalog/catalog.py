"""The set of accepted records: registers, chains, arrival numbers and the authority that follows from them.

In: authentic records, in any order, with the time. Out: a `Verdict` for each, and the changes written into the
`Commit` of the step. The hub core calls it; it calls nobody. Memory changes here at once and is never rolled back:
the commit either becomes durable or the process ends (design, section 7).
"""

from collections.abc import Iterable

from hartig_protocol.catalog.chains import Chain, Link
from hartig_protocol.catalog.commit import Commit, Now
from hartig_protocol.catalog.entry import Body, Entry, register_of_head
from hartig_protocol.catalog.verdict import ACCEPTED, BODY_BACK, KNOWN, Verdict, refused, waits
from hartig_protocol.limits import CHECK_BYTES, STAMP_AHEAD_MS_MAX
from hartig_protocol.records.governance import Charter
from hartig_protocol.records.keys import PREFIX_ARRIVALS, sha256
from hartig_protocol.records.record import Head, Kind, Record, body_due, thread_due
from hartig_protocol.trust.authority import Authority, authority_of, is_governance
from hartig_protocol.trust.lasting import due_governance

START_CHECK = bytes(CHECK_BYTES)
EXPIRED = refused("expired", "it expired more than 35 days ago")

Register = tuple[bytes, str, int | bytes]


class Catalog:
    """What one hub has accepted of one network."""

    def __init__(self, network: bytes) -> None:
        self.network = network
        self.entries: dict[bytes, Entry] = {}
        self.registers: dict[Register, Entry] = {}
        self.chains: dict[bytes, Chain] = {}
        self.governance: dict[bytes, Record] = {}
        self.newest_of: dict[bytes, bytes] = {}
        self.last_n = 0
        self.running = START_CHECK
        self.charter: Charter | None = None
        self.authority = Authority()
        self.generation = 0

    def __repr__(self) -> str:
        return f"<Catalog {len(self.entries)} records through {self.last_n}>"

    # --- Starting

    def load(self, entries: Iterable[Entry], governance: Iterable[Record], last_n: int, running: bytes) -> None:
        """Take what the store holds, which was judged when it came in; `refresh` follows with the time."""
        for record in governance:
            if is_governance(record.head.kind):
                self._remember_governance(record)
        for entry in sorted(entries, key=lambda entry: (entry.is_chain, entry.seq if entry.is_chain else entry.n)):
            self._place(entry)
        for entry in sorted(self.entries.values(), key=lambda entry: entry.n):
            self.newest_of[entry.author] = entry.id
        self.last_n, self.running = last_n, running

    # --- Judging and taking

    def take(self, records: Iterable[Record], now: Now, commit: Commit) -> list[tuple[Record, Verdict]]:
        """Judge authentic records and accept what can be accepted; governance first, then the others as given.

        Returns every record with its verdict, in the order in which they were judged.
        """
        governance: list[Record] = []
        others: list[Record] = []
        for record in records:
            (governance if is_governance(record.head.kind) else others).append(record)
        verdicts = self._take_governance(governance, now, commit) if governance else []
        for record in others:
            verdict = self.judge(record, now)
            if verdict is ACCEPTED:
                self._accept(record, commit)
            elif verdict is BODY_BACK:
                self._take_body(record, commit)
            verdicts.append((record, verdict))
        return verdicts

    def judge(self, record: Record, now: Now) -> Verdict:
        """Say what would become of a record that is no governance record, changing nothing."""
        head = record.head
        known = self._judge_known(record, now)
        if known is not None:
            return known
        stale = self._judge_time(record, now)
        if stale is not None:
            return stale
        if not self.authority.may_write(head.author, head.kind, head.place):
            return self._judge_missing_proof(head)
        if head.is_chain:
            return self._judge_step(record, now)
        held = self.registers.get(_register(record))
        if held is not None and held.order >= _order(record):
            return refused("superseded", "a later version, or a later thread in the same place, is held")
        if record.lacks_body and not _is_due(body_due(head.expires), now):
            return waits("body", record.id, "its body has not come")
        return ACCEPTED

    def _judge_known(self, record: Record, now: Now) -> Verdict | None:
        if record.head.network != self.network:
            return refused("other_network", "belongs to another network")
        held = self.entries.get(record.id)
        if held is None:
            return None
        if held.body is not Body.GONE or record.body_bytes is None:
            return KNOWN
        due = self.is_body_due(held, now.wall_ms if now.trusted else None)
        return refused("body_due", "its body is due to go") if due else BODY_BACK

    def _judge_time(self, record: Record, now: Now) -> Verdict | None:
        if now.trusted and record.head.stamp > now.wall_ms + STAMP_AHEAD_MS_MAX:
            return refused("early", "its stamp lies more than ten minutes ahead of this hub's clock")
        if not is_governance(record.head.kind) and _is_due(thread_due(record.head.expires), now):
            return EXPIRED
        return None

    def _judge_missing_proof(self, head: Head) -> Verdict:
        if head.author in self.authority.revoked and head.author not in self.authority.standings:
            return refused("revoked", "its author's key was revoked")
        return waits("proof", head.author, "no grant that allows it has come")

    def _judge_step(self, record: Record, now: Now) -> Verdict:
        head = record.head
        register = self.registers.get(_register(record))
        if register is None or register.thread != head.thread:
            return waits("register", head.thread, "the thread that it belongs to has not come")
        if register.audience != head.audience or register.kind in (Kind.GRANT, Kind.CARD):
            return refused("bad_step", "does not fit the thread that it names")
        chain = self.chains.get(head.thread) or Chain()
        verdict = chain.place(record.id, head.seq, head.prev)
        if verdict is Link.WAITS:
            return waits("record", head.prev or b"", "the step before it has not come")
        if verdict is Link.BEYOND:
            return refused("forked", "lies beyond a fork of its chain")
        if record.lacks_body and not (register.ends or _is_due(register.body_due, now)):
            return waits("body", record.id, "its body has not come")
        return ACCEPTED

    def _accept(self, record: Record, commit: Commit) -> None:
        head = record.head
        if head.is_chain:
            chain = self.chains.setdefault(head.thread, Chain())
            for gone in chain.add(record.id, head.seq, head.prev):
                self._forget(gone, commit)
            ended = self.registers[_register(record)].ends
            self._add(record.without_body() if ended else record, commit)
            return
        held = self.registers.get(_register(record))
        if held is not None:
            self._drop(held, commit, keep_steps=held.thread == head.thread)
        self._add(record, commit)
        steps = self.chains.get(head.thread)
        for step in steps.kept if steps and head.ends else ():
            self._drop_body(self.entries[step], commit)

    def _take_body(self, record: Record, commit: Commit) -> None:
        """Take back a body that went too early, while this hub's clock was wrong or its thread had ended."""
        self.entries[record.id].body = Body.HERE
        self.generation += 1
        commit.bodies_added.append(record)

    def _drop_body(self, entry: Entry, commit: Commit) -> None:
        if entry.body is Body.HERE:
            entry.body = Body.GONE
            self.generation += 1
            commit.bodies_removed.append(entry.id)

    # --- Governance

    def _take_governance(self, records: list[Record], now: Now, commit: Commit) -> list[tuple[Record, Verdict]]:
        """Judge charters, grants and revocations together: which are proven depends on the set, not on their order."""
        verdicts: list[tuple[Record, Verdict]] = []
        candidates: dict[bytes, Record] = {}
        for record in records:
            verdict = self._judge_governance_alone(record, now)
            if verdict is ACCEPTED and record.head.kind == Kind.CHARTER:
                self._add(record, commit)
                verdicts.append((record, ACCEPTED))
            elif verdict is ACCEPTED:
                candidates[record.id] = record
            else:
                verdicts.append((record, verdict))
        authority = self._authority_with(candidates, now, verdicts)
        rising_last = sorted(candidates.values(), key=_order, reverse=True)
        verdicts.extend((record, self._judge_candidate(record, authority, commit)) for record in rising_last)
        self.refresh(now, commit)
        return verdicts

    def _authority_with(
        self, candidates: dict[bytes, Record], now: Now, verdicts: list[tuple[Record, Verdict]]
    ) -> Authority:
        """Compute authority with the candidates, leaving out and refusing those that are due to go."""
        while True:
            authority = self._authority(candidates.values(), now)
            if not now.trusted:
                return authority
            proven = [record for record in candidates.values() if record.id in authority.proven]
            due = due_governance([*self.governance.values(), *proven], now.wall_ms) & candidates.keys()
            if not due:
                return authority
            verdicts.extend((candidates.pop(record_id), EXPIRED) for record_id in sorted(due))

    def _judge_governance_alone(self, record: Record, now: Now) -> Verdict:
        if record.head.kind == Kind.CHARTER:
            if record.id[: len(self.network)] != self.network:
                return refused("other_network", "is the charter of another network")
            return KNOWN if record.id in self.entries else ACCEPTED
        if record.head.network != self.network:
            return refused("other_network", "belongs to another network")
        if record.id in self.entries:
            return KNOWN
        return self._judge_time(record, now) or ACCEPTED

    def _judge_candidate(self, record: Record, authority: Authority, commit: Commit) -> Verdict:
        held = self.registers.get(_register(record))
        if held is not None and held.order >= _order(record):
            return refused("superseded", "a later version is held")
        if record.id not in authority.proven:
            return waits("proof", record.head.author, "no grant that allows it has come")
        if held is not None:
            self._drop(held, commit, keep_steps=True)
        self._add(record, commit)
        return ACCEPTED

    def refresh(self, now: Now, commit: Commit) -> bool:
        """Compute authority anew, and let go of what has lost its proof; tell whether who may act has changed."""
        before = self.authority
        while True:
            self.authority = self._authority((), now)
            lost = [
                record.id
                for record in self.governance.values()
                if record.head.kind != Kind.CHARTER and record.id not in self.authority.proven
            ]
            if not lost:
                break
            for record_id in lost:
                self._drop(self.entries[record_id], commit, keep_steps=False)
        if self.authority.standings == before.standings:
            return self.authority.revoked != before.revoked
        for entry in [entry for entry in self.entries.values() if not self._is_proven(entry)]:
            if entry.id in self.entries:
                self._drop(entry, commit, keep_steps=False)
        return True

    def _authority(self, more: Iterable[Record], now: Now) -> Authority:
        known = [*self.governance.values(), *more]
        return authority_of(self.charter, known, now.wall_ms if now.trusted else None)

    def _is_proven(self, entry: Entry) -> bool:
        return is_governance(entry.kind) or self.authority.may_write(entry.author, entry.kind, entry.place)

    def path_of(self, key: bytes) -> list[Record]:
        """Return the charter and the grants that prove a key, from the charter downward (for the hello).

        Never more than `GRANTS_DEEP_MAX` and one.
        """
        path = []
        standing = self.authority.standing(key)
        while standing is not None and standing.grant is not None:
            grant = self.governance[standing.grant]
            path.append(grant)
            standing = self.authority.standing(grant.head.author)
        charters = [record for record in self.governance.values() if record.head.kind == Kind.CHARTER]
        return [*charters, *reversed(path)]

    def running_at(self, n: int) -> bytes | None:
        """Return the running hash at an arrival number, where the record that took it is still held."""
        if n == self.last_n:
            return self.running
        return next((entry.running for entry in self.entries.values() if entry.n == n), None)

    # --- Changing the set

    def _add(self, record: Record, commit: Commit) -> None:
        self.last_n += 1
        self.running = sha256(PREFIX_ARRIVALS, self.running, record.id)[:CHECK_BYTES]
        entry = Entry.of(record, self.last_n, self.running)
        if is_governance(entry.kind):
            self._remember_governance(record)
        self._place(entry)
        self.newest_of[entry.author] = entry.id
        self.generation += 1
        commit.added.append((entry, record))

    def _remember_governance(self, record: Record) -> None:
        self.governance[record.id] = record
        if record.head.kind == Kind.CHARTER:
            self.charter = Charter.of(record.head)

    def _place(self, entry: Entry) -> None:
        self.entries[entry.id] = entry
        if entry.is_chain:
            chain = self.chains.setdefault(entry.thread, Chain())
            if chain.place(entry.id, entry.seq, entry.prev) in (Link.EXTENDS, Link.FORKS):
                chain.add(entry.id, entry.seq, entry.prev)
        elif entry.register is not None:
            self.registers[entry.register] = entry

    def _drop(self, entry: Entry, commit: Commit, *, keep_steps: bool) -> None:
        """Let go of a record; of a register's thread with its steps, unless only a version is replaced."""
        if not entry.is_chain and not keep_steps:
            chain = self.chains.pop(entry.thread, None)
            for step in chain.kept if chain else ():
                self._forget(step, commit)
        if entry.register is not None and self.registers.get(entry.register) is entry:
            del self.registers[entry.register]
        self._forget(entry.id, commit)

    def _forget(self, record_id: bytes, commit: Commit) -> None:
        entry = self.entries.pop(record_id, None)
        if entry is None:
            return
        self.governance.pop(record_id, None)
        if self.newest_of.get(entry.author) == record_id:
            del self.newest_of[entry.author]
        self.generation += 1
        commit.removed.append(record_id)

    # --- Time

    def sweep(self, now: Now, commit: Commit) -> bool:
        """Let go of bodies and threads whose time is over; tell whether who may act has changed (SPEC, part L).

        With a clock that is not trusted nothing expires.
        """
        if not now.trusted:
            return False
        for entry in list(self.entries.values()):
            if entry.id not in self.entries:
                continue  # a step that went with its thread a moment ago
            if _is_due(entry.thread_due, now) and not is_governance(entry.kind):
                self._drop(entry, commit, keep_steps=False)
            elif entry.body is Body.HERE and self.is_body_due(entry, now.wall_ms):
                self._drop_body(entry, commit)
        for record_id in sorted(due_governance(self.governance.values(), now.wall_ms)):
            self._drop(self.entries[record_id], commit, keep_steps=False)
        return self.refresh(now, commit)

    def is_body_due(self, entry: Entry, at_ms: int | None) -> bool:
        """Tell whether a held record's body is due to go at a moment; None for a clock that is not trusted.

        A step's body goes with its register's, and at once when the thread has ended.
        """
        register = entry
        if entry.is_chain:
            assert entry.register is not None
            register = self.registers[entry.register]
            if register.ends:
                return True
        return at_ms is not None and register.body_due is not None and register.body_due <= at_ms


def _register(record: Record) -> Register:
    register = register_of_head(record.head)
    assert register is not None
    return register


def _order(record: Record) -> tuple[int, int, bytes]:
    return (record.head.expires or 0, record.head.seq, record.id)


def _is_due(due_ms: int | None, now: Now) -> bool:
    return due_ms is not None and now.trusted and due_ms <= now.wall_ms
