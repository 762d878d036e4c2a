"""What is kept, the ways to look into it, and its changes, each of them written into the commit of the step.

The catalog builds on it: it judges, and calls down to here for what follows. Whoever syncs reads from here.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from hartig_protocol.catalog.chains import Chain
from hartig_protocol.catalog.commit import Commit
from hartig_protocol.catalog.contacts import naming
from hartig_protocol.catalog.entry import CHARTER, GOVERNANCE, Body, Entry
from hartig_protocol.catalog.held import Held
from hartig_protocol.catalog.life import Moments
from hartig_protocol.catalog.rows import CONTACT, ENDS, PRIVATE
from hartig_protocol.catalog.views import Entries, Registers
from hartig_protocol.limits import CHECK_BYTES, KIND_CHAIN_LOWEST
from hartig_protocol.records.governance import Charter
from hartig_protocol.records.keys import PREFIX_ARRIVALS, sha256_of
from hartig_protocol.records.record import Head, Record
from hartig_protocol.trust.authority import Authority
from hartig_protocol.trust.charters import Charters, charters_of
from hartig_protocol.trust.selection import Selection

START_CHECK = bytes(CHECK_BYTES)


class Stock:
    """The accepted records of one network, and the authority that was computed from them last."""

    def __init__(self, network: bytes, selection: Selection | None = None) -> None:
        self.network, self.selection = network, selection
        self.held = Held()
        self.entries = Entries(self.held)
        self.registers = Registers(self.held)
        self.governance: dict[bytes, Record] = {}
        self.moments = Moments(self.governance)
        self.last_n = 0
        self.running = START_CHECK
        self.charters = Charters()
        self.charter: Charter | None = None
        self.authority = Authority()

    def __repr__(self) -> str:
        return f"<Catalog {len(self.held)} records through {self.last_n}>"

    @property
    def chains(self) -> dict[bytes, Chain]:
        """The chains by thread."""
        return self.held.chains

    @property
    def newest_of(self) -> dict[bytes, bytes]:
        """Of each author the id of the record that came last, while it is held."""
        return self.held.newest_of

    @property
    def generation(self) -> int:
        """Rises with every change of what is held."""
        return self.held.index.tick

    # --- Starting

    def load(
        self,
        entries: Iterable[Entry],
        governance: Iterable[Record],
        last_n: int,
        running: bytes,
        said: Iterable[tuple[int, str, bytes]] = (),
    ) -> None:
        """Take what the store holds, which was judged when it came in; `refresh` follows with the time.

        `said` is what steps name (`contacts.naming`), with their arrival numbers, rising. All is gone through once, so
        it may be made as it is asked for.
        """
        for record in governance:
            if record.head.kind in GOVERNANCE:
                self.governance[record.id] = record
        charters = (record for record in self.governance.values() if record.head.kind == CHARTER)
        self.stand_by(charters_of(self.network, charters))
        self.held.load(entries, said)
        self.last_n, self.running = last_n, running

    # --- Finding

    def running_at(self, n: int) -> bytes | None:
        """Return the running hash at an arrival number, where the record that took it is still held."""
        if n == self.last_n:
            return self.running
        row = self.held.arrivals.find(n)
        return None if row < 0 else self.held.rows.running(row)

    def find_prefix(self, short: bytes) -> bytes | None:
        """Return the id of a record that may be shared and begins with these bytes; of several the lowest."""
        rows = self.held.rows
        for row in self.held.index.beginning_with(short):
            if not rows.flags[row] & PRIVATE:
                return rows.id(row)
        return None

    def author_of(self, record_id: bytes, *, has_body: bool) -> bytes | None:
        """Return the author of a record that is held as it is offered; None where it is new, or brings a body back."""
        row = self.held.index.find(record_id)
        if row < 0 or (has_body and self.held.rows.body(row) is Body.GONE):
            return None
        return self.held.rows.author(row)

    def contact_due_ms(self, record_id: bytes) -> int | None:
        """Return when the body of a contact that is held is due to go because what it names has ended (SPEC L8)."""
        row = self.held.index.find(record_id)
        is_known = row >= 0 and self.held.rows.flags[row] & CONTACT and self.held.rows.said[row]
        return self.held.rows.said[row] if is_known else None

    def stands(self, head: Head) -> bool:
        """Tell whether a version of a head's thread stands in its register (of a charter: in none)."""
        row = self.held.registers.find_for(head)
        return row >= 0 and self.held.rows.thread(row) == head.thread

    def standing_of(self, head: Head) -> tuple[int, int, bool] | None:
        """Return seq, expires (ms, 0 without) and `ends` of the version that stands of a head's thread, if one does."""
        row, rows = self.held.registers.find_for(head), self.held.rows
        if row < 0 or rows.thread(row) != head.thread:
            return None
        return rows.seqs[row], max(rows.expires[row], 0), bool(rows.flags[row] & ENDS)

    def ids_after(self, n: int, count: int) -> list[tuple[int, bytes]]:
        """Return the first `count` records after an arrival number that may be shared: number and id, rising."""
        return list(islice(self.arrived_after(n), count))

    def arrived_after(self, n: int) -> Iterator[tuple[int, bytes]]:
        """Return number and id of what came after an arrival number and may be shared, rising."""
        rows = self.held.rows
        return ((rows.numbers[row], rows.id(row)) for row in self.held.shared_after(n))

    def ranked(self, ids: Iterable[bytes]) -> list[tuple[bool, bool, int, bytes]]:
        """Return those of these records that are held, as they are to be sent, each below what goes before its id.

        First proofs, then registers, then steps; of each as they came here. A register that was changed came here
        after steps that need it.
        """
        rows = ((self.held.index.find(one), one) for one in ids)
        numbers, kinds = self.held.rows.numbers, self.held.rows.kinds
        return sorted(
            (kinds[row] not in GOVERNANCE, kinds[row] >= KIND_CHAIN_LOWEST, numbers[row], one)
            for row, one in rows
            if row >= 0
        )

    @property
    def shared_count(self) -> int:
        """How many records may be shared."""
        return self.held.shared_count

    def newest_posts(self, count: int) -> list[bytes]:
        """Return the ids of the newest needs and offers that may be shared and have not ended, newest first."""
        return [self.held.rows.id(row) for row in islice(self.held.newest_posts(), count)]

    def path_of(self, key: bytes) -> list[Record]:
        """Return what proves a key, in the order in which each rests on those before (for the hello).

        The charters that stand, and from a seat downward the grants and the revocations that handed one of them on:
        never more than `CHARTERS_MAX`, `GRANTS_DEEP_MAX` and `SUCCESSIONS_MAX`.
        """
        path: list[Record] = []
        standing = self.authority.standing(key)
        while standing is not None and standing.grant is not None:
            grant = self.governance[standing.grant]
            path += [*(self.governance[revoke] for revoke in reversed(standing.via)), grant]
            standing = self.authority.standing(grant.head.author)
        return [*self.charters.path, *reversed(path)]

    # --- Changing the set

    def _add(self, record: Record, commit: Commit) -> None:
        self.last_n += 1
        self.running = sha256_of(PREFIX_ARRIVALS, self.running + record.id)[:CHECK_BYTES]
        entry = Entry.of(record, self.last_n, self.running)
        kind = entry.kind
        if kind in GOVERNANCE:
            self.governance[record.id] = record
            self.moments.changed()
        row = self.held.put(entry)
        if kind >= KIND_CHAIN_LOWEST:
            said = naming(record.head)
            if said is not None:
                self.held.say(row, said)
            if entry.body is Body.HERE:
                self.held.body_came(row)
        commit.added.append((entry, record))

    def stand_by(self, charters: Charters) -> None:
        """Let these charters be the ones that stand and are kept."""
        self.charters = charters
        self.charter = Charter.of(charters.standing.head) if charters.standing else None
        self.moments.changed()

    def _drop(self, row: int, commit: Commit, *, keep_steps: bool) -> None:
        """Let go of a register's record, and of its thread's steps unless only a version is replaced."""
        if not keep_steps:
            self._drop_steps(self.held.rows.thread(row), commit)
        self._forget_row(row, commit)

    def _drop_steps(self, thread: bytes, commit: Commit) -> None:
        chain = self.chains.pop(thread, None)
        self.held.contacts.forget_thread(thread)
        for step in chain.kept if chain else ():
            self._forget(step, commit)

    def _forget(self, record_id: bytes, commit: Commit) -> None:
        row = self.held.index.find(record_id)
        assert row >= 0
        self._forget_row(row, commit)

    def _forget_row(self, row: int, commit: Commit) -> None:
        record_id = self.held.rows.id(row)
        if self.governance.pop(record_id, None):
            self.moments.changed()
        self.held.remove(row)
        commit.removed.append(record_id)

    def let_go(self, ids: Iterable[bytes], commit: Commit) -> None:
        """Forget records that are not to be held any more, each register with its steps; what is not held is no matter.

        For a catalog of what crosses between networks: the agreement, or the home catalog, says what stays.
        """
        for record_id in ids:
            row = self.held.index.find(record_id)
            if row >= 0 and self.held.rows.is_chain(row):
                self._drop_steps(self.held.rows.thread(row), commit)
            elif row >= 0:
                self._drop(row, commit, keep_steps=False)

    def _take_body(self, record: Record, commit: Commit) -> None:
        """Take back a body that went too early, while this hub's clock was wrong or its thread had ended."""
        row = self.held.index.find(record.id)
        self.held.set_body(row, Body.HERE)
        self.held.body_came(row)
        commit.bodies_added.append(record)

    def _drop_body(self, row: int, commit: Commit) -> None:
        if self.held.rows.body(row) is Body.HERE:
            self.held.set_body(row, Body.GONE)
            commit.bodies_removed.append(self.held.rows.id(row))
