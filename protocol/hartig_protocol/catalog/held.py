"""The records that are held, and every way to find them: by id, by register, by arrival, by chain, by time.

In: entries to keep, rows to let go. Out: rows, and the views (`views`) of them. The catalog decides what comes and
goes, and is the only one that changes anything here.
"""

from collections.abc import Iterable, Iterator
from operator import attrgetter

from hartig_protocol.catalog.arrivals import Arrivals
from hartig_protocol.catalog.chains import Chain, Link
from hartig_protocol.catalog.contacts import Naming, OpenContacts, due_ms, name_of
from hartig_protocol.catalog.entry import CHARTER, GOVERNANCE, POSTS, Body, Entry
from hartig_protocol.catalog.index import Index
from hartig_protocol.catalog.life import Calendar
from hartig_protocol.catalog.registers import RegisterTable
from hartig_protocol.catalog.rows import BODY_TIME_OVER, CONTACT, ENDS, PRIVATE, Rows
from hartig_protocol.limits import BODY_KEPT_MS, KIND_CHAIN_LOWEST, THREAD_KEPT_MS
from hartig_protocol.records.steps import Verb

_PROMISE, _CONTACT = Verb.PROMISE.value, Verb.CONTACT.value  # plain text: looked at for every step at the start


class Held:
    """Columns, and the tables that point into them."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.index = Index()
        self.arrivals = Arrivals(self.rows)
        self.registers = RegisterTable(self.rows)
        self.chains: dict[bytes, Chain] = {}
        self.contacts = OpenContacts()
        self.newest_of: dict[bytes, bytes] = {}
        self.shared_count = 0
        self.shared_posts = 0  # needs and offers that may be shared and have not ended
        self._calendar = Calendar()

    def __len__(self) -> int:
        return len(self.rows)

    def entry(self, row: int) -> Entry:
        """Make the entry of a row."""
        rows = self.rows
        prev = None
        if rows.is_chain(row) and rows.seqs[row] > 1:
            steps = self.chains[rows.thread(row)].steps
            prev = steps[rows.seqs[row] - 2] if rows.seqs[row] - 2 < len(steps) else None
        return rows.entry(row, prev)

    # --- Coming and going

    def load(self, entries: Iterable[Entry], said: Iterable[tuple[int, str, bytes]] = ()) -> None:
        """Take what a store holds, once, in any order; `said` is what steps name, rising by arrival number."""
        ordered = sorted(entries, key=attrgetter("n"))
        rows, ids, authors = self.rows, [entry.id for entry in ordered], [entry.author for entry in ordered]
        rows.fill(ordered)
        self.arrivals.fill()
        self.index.fill(ids)
        self.newest_of = dict(zip(authors, ids, strict=True))
        self.shared_count = sum(not flags & PRIVATE for flags in rows.flags)
        of_posts = (flags for kind, flags in zip(rows.kinds, rows.flags, strict=True) if kind in POSTS)
        self.shared_posts = sum(not flags & (PRIVATE | ENDS) for flags in of_posts)
        for row, kind in enumerate(rows.kinds):
            if kind < KIND_CHAIN_LOWEST:
                self._stand(row)
        self._load_chains(ordered)
        row_of = dict(zip(rows.numbers, range(len(rows)), strict=True))
        for n, verb, about in said:
            if n not in row_of:
                continue
            row = row_of[n]
            if verb == _PROMISE:
                rows.said[row] = name_of(about)
            else:
                self.say(row, Naming(verb, about))
        for thread in [thread for thread, chain in self.chains.items() if chain.fork]:
            self.forked(thread)

    def _load_chains(self, entries: list[Entry]) -> None:
        """Take the steps in the order of arrival: then mostly each extends its chain; the others follow by seq.

        What lasts is made anew, so that all that lay around it in the entries' memory can be given back.
        """
        chains, others, id_of = self.chains, [], self.rows.id
        for row, entry in enumerate(entries):
            if entry.kind < KIND_CHAIN_LOWEST:
                continue
            chain = chains.get(entry.thread)
            if chain is None:
                chain = chains[entry.thread] = Chain()
            steps, seq = chain.steps, entry.seq
            if seq == len(steps) + 1 and entry.prev == (steps[-1] if steps else None):
                steps.append(id_of(row))
            else:
                others.append((seq, entry.id, entry.thread, entry.prev))
        for seq, step, thread, prev in sorted(others):
            chain = chains[thread]
            link = chain.place(step, seq, prev)
            if link is Link.EXTENDS or link is Link.FORKS:
                chain.add(step, seq, prev, link)

    def put(self, entry: Entry) -> int:
        """Keep a record that was accepted; a step stands in its chain already."""
        row = self.rows.put(entry)
        self._count(row, 1)
        self.arrivals.append(entry.n, row)
        self.newest_of[entry.author] = entry.id
        self.index.add(entry.id, row)
        self._stand(row)
        if self.chains:
            self._touch_steps(row)
        return row

    def _stand(self, row: int) -> None:
        """Let a register stand in its place, and have it looked at when it is due."""
        kind = self.rows.kinds[row]
        if kind >= KIND_CHAIN_LOWEST or kind == CHARTER:
            return
        self.registers.put(row)
        if kind not in GOVERNANCE:
            self._calendar.add(self._due_ms(row), self.rows.numbers[row])

    def remove(self, row: int) -> None:
        """Let go of a record; of its chain only if the caller does."""
        rows, record_id, n, author = self.rows, self.rows.id(row), self.rows.numbers[row], self.rows.author(row)
        self._touch_steps(row)
        if not rows.is_chain(row) and self.registers.find_of(row) == row:
            self.registers.clear(row)
        if self.newest_of.get(author) == record_id:
            del self.newest_of[author]
        self.index.remove(record_id, row)
        self._count(row, -1)
        rows.free(row)
        self.arrivals.forget(n)

    def say(self, row: int, said: Naming) -> None:
        """Take what a step that is held names; called for each in the order of its chain."""
        rows = self.rows
        if said.verb == _PROMISE:
            rows.said[row] = name_of(said.about)
            return
        thread = rows.thread(row)
        if said.verb == _CONTACT:
            rows.flags[row] |= CONTACT
            self.contacts.add(thread, rows.numbers[row], name_of(said.about), self.claim_of(thread, said.about))
        else:
            for n in self.contacts.ended_by(thread, said):
                self.set_contact_due(self.arrivals.find(n), due_ms(rows.stamps[row]))
                self.contacts.forget(thread, n)

    def claim_of(self, thread: bytes, promise: bytes) -> int:
        """Return the name of the claim of a promise in a chain; 0 where this is none."""
        row = self.index.find(promise)
        is_here = row >= 0 and self.rows.is_chain(row) and self.rows.thread(row) == thread
        return self.rows.said[row] if is_here and not self.rows.flags[row] & CONTACT else 0

    def come(self, author: bytes, thread: bytes, said: Naming, stamp_ms: int) -> None:
        """Take what a step that is not held ends (SPEC L8)."""
        for n in self.contacts.ended_by(thread, said):
            row = self.arrivals.find(n)
            if self.rows.author(row) == author:
                self.set_contact_due_by(row, due_ms(stamp_ms))

    def forked(self, thread: bytes) -> None:
        """A chain has forked: that ends all that its contacts name (SPEC L8)."""
        self.contacts.forget_thread(thread)
        kept = [self.index.find(step) for step in self.chains[thread].kept]
        at_ms = due_ms(min(self.rows.stamps[row] for row in kept[-2:]))
        for row in kept:
            if self.rows.flags[row] & CONTACT:
                self.set_contact_due_by(row, at_ms)

    def set_contact_due_by(self, row: int, at_ms: int) -> None:
        """The body of a contact is due at a moment, or earlier if it was before."""
        if not self.rows.said[row] or at_ms < self.rows.said[row]:
            self.set_contact_due(row, at_ms)

    def set_contact_due(self, row: int, at_ms: int) -> None:
        """Remember when the body of a contact is due to go, and have it looked at then."""
        self.rows.said[row] = at_ms
        self.index.touch(self.rows.id(row))
        if self.rows.body(row) is Body.HERE:
            self._calendar.add(at_ms, self.rows.numbers[row])

    def set_body(self, row: int, body: Body) -> None:
        """Remember that a body has gone or has come back; one that came back is looked at again."""
        self.rows.set_body(row, body)
        self.index.touch(self.rows.id(row))

    def _touch_steps(self, row: int) -> None:
        """A register's life is its steps' life: say that they changed with it."""
        if not self.rows.is_chain(row):
            chain = self.chains.get(self.rows.thread(row))
            for step in chain.kept if chain else ():
                self.index.touch(step)

    def _count(self, row: int, change: int) -> None:
        flags, kind = self.rows.flags[row], self.rows.kinds[row]
        if not flags & PRIVATE:
            self.shared_count += change
            if kind < KIND_CHAIN_LOWEST and kind in POSTS and not flags & ENDS:
                self.shared_posts += change

    # --- Finding

    def shared_after(self, n: int) -> Iterator[int]:
        """Return the rows, in order of arrival, of what came after an arrival number and may be shared."""
        flags = self.rows.flags
        return (row for row in self.arrivals.after(n) if not flags[row] & PRIVATE)

    def newest_posts(self) -> Iterator[int]:
        """Return the rows of needs and offers that may be shared and have not ended, the newest first."""
        left, rows = self.shared_posts, self.rows
        newest_first = self.arrivals.newest_first()
        while left:
            row = next(newest_first)
            if rows.kinds[row] in POSTS and not rows.flags[row] & (PRIVATE | ENDS):
                left -= 1
                yield row

    # --- Time

    def due(self, now_ms: int, count: int) -> Iterator[int]:
        """Take out rows that are due, `count` at most: registers once for their bodies and once for all; contacts."""
        for n in self._calendar.due(now_ms, self._due_ms_of, count):
            row = self.arrivals.find(n)
            if row >= 0:
                yield row

    def bodies_went(self, row: int) -> None:
        """The bodies of a thread are gone: next it is due as a whole."""
        self.rows.flags[row] |= BODY_TIME_OVER
        self._calendar.add(self._due_ms(row), self.rows.numbers[row])

    def body_came(self, row: int) -> None:
        """A body came into a register or its chain, whose time may be over: have it looked at again."""
        if self.rows.flags[row] & CONTACT and self.rows.said[row]:
            self._calendar.add(self.rows.said[row], self.rows.numbers[row])
        register = self.registers.find_of(row)
        if self.rows.flags[register] & BODY_TIME_OVER:
            self.rows.flags[register] &= ~BODY_TIME_OVER
            self._calendar.add(self._due_ms(register), self.rows.numbers[register])

    def _due_ms_of(self, n: int) -> int | None:
        row = self.arrivals.find(n)
        return None if row < 0 else self._due_ms(row)

    def _due_ms(self, row: int) -> int:
        flags = self.rows.flags[row]
        if flags & CONTACT:
            return self.rows.said[row]
        if flags & BODY_TIME_OVER:
            return self.rows.expires[row] + THREAD_KEPT_MS
        return 0 if flags & ENDS else self.rows.expires[row] + BODY_KEPT_MS
