"""The set of accepted records: registers, chains, arrival numbers and the authority that follows from them.

In: authentic records, in any order, with the time. Out: a `Verdict` for each, and the changes written into the
`Commit` of the step. The hub core calls it; it calls nobody. What is held stands in `held`, by rows; this decides what
comes and goes. Memory changes here at once and is never rolled back: the commit either becomes durable or the process
ends (design, section 7).
"""

from collections.abc import Iterable

from hartig_protocol.catalog.chains import Chain, Link
from hartig_protocol.catalog.commit import Commit, Now
from hartig_protocol.catalog.contacts import ENDING, StepsAhead, due_ms, naming
from hartig_protocol.catalog.entry import CHARTER, GOVERNANCE, Body, register_of_head
from hartig_protocol.catalog.governing import EXPIRED, NOT_SHARED, Governing, order_of
from hartig_protocol.catalog.registers import Register
from hartig_protocol.catalog.rows import CONTACT, ENDS
from hartig_protocol.catalog.verdict import ACCEPTED, BODY_BACK, KNOWN, Outcome, Verdict, refused, waits
from hartig_protocol.limits import KIND_CHAIN_LOWEST, STAMP_AHEAD_MS_MAX, THREAD_KEPT_MS
from hartig_protocol.records.record import Head, Kind, Record, body_due, thread_due
from hartig_protocol.records.steps import Verb
from hartig_protocol.trust.lasting import due_governance
from hartig_protocol.trust.selection import Selection

SWEPT_MAX = 2_048  # threads that one sweep lets go, about 20 ms; what is left is due at the next


class Catalog(Governing):
    """What one hub has accepted of one network, and the judge of what may join it.

    With a selection it holds what crosses to a partner network, and nothing else (SPEC X4).
    """

    def __init__(self, network: bytes, selection: Selection | None = None) -> None:
        super().__init__(network, selection)
        self.ahead = StepsAhead()
        self._swept_at: tuple[int, int] | None = None

    # --- Judging and taking

    def take(self, records: Iterable[Record], now: Now, commit: Commit) -> list[tuple[Record, Verdict]]:
        """Judge authentic records and accept what can be accepted; governance first, then the others as given.

        Returns every record with its verdict, in the order in which they were judged.
        """
        governance: list[Record] = []
        others: list[Record] = []
        lacking: set[bytes] = set()
        for record in records if self.selection is None else map(self.selection.as_crossing, records):
            (governance if record.head.kind in GOVERNANCE else others).append(record)
            if record.head.kind >= KIND_CHAIN_LOWEST and record.lacks_body:
                lacking.add(record.head.thread)
        for record in others if lacking else ():
            if record.head.thread in lacking and record.head.kind >= KIND_CHAIN_LOWEST:
                self._come(record)
        verdicts = self._take_governance(governance, now, commit) if governance else []
        for record in others:
            row = self.held.registers.find_for(record.head)
            verdict = self._judge(record, row, now)
            if verdict is ACCEPTED:
                self._accept(record, row, commit)
            elif verdict is BODY_BACK:
                self._take_body(record, commit)
            elif verdict.outcome is Outcome.WAITS and record.head.kind >= KIND_CHAIN_LOWEST:
                self._come(record)
            verdicts.append((record, verdict))
        return verdicts

    def _judge(self, record: Record, row: int, now: Now) -> Verdict:
        """Say what would become of a record that is no governance record, changing nothing.

        `row` stands in the register that it fills, or, for a step, in that of its thread.
        """
        head = record.head
        if self.selection is not None and not self.selection.crosses(head):
            return NOT_SHARED
        early = self._judge_known(record, now) or self._judge_stamp(head, now)
        if early is not None:
            return early
        if now.trusted and head.expires is not None and head.expires + THREAD_KEPT_MS <= now.wall_ms:
            return EXPIRED
        if not self.authority.may_write(head.author, head.kind, head.place):
            return self._judge_missing_proof(head)
        if head.kind >= KIND_CHAIN_LOWEST:
            return self._judge_step(record, now)
        if row >= 0 and self.held.rows.order(row) >= order_of(record):
            return refused("superseded", "a later version, or a later thread in the same place, is held")
        if record.lacks_body and not _is_due(body_due(head.expires), now):
            return waits("body", record.id, "its body has not come")
        return ACCEPTED

    def _judge_known(self, record: Record, now: Now) -> Verdict | None:
        if record.head.network != self.network:
            return refused("other_network", "belongs to another network")
        row = self.held.index.find(record.id)
        if row < 0:
            return None
        if self.held.rows.body(row) is not Body.GONE or record.body_bytes is None:
            return KNOWN
        due = self._is_body_due(row, now)
        return refused("body_due", "its body is due to go") if due else BODY_BACK

    def _judge_missing_proof(self, head: Head) -> Verdict:
        if head.author in self.authority.revoked and head.author not in self.authority.standings:
            return refused("revoked", "its author's key was revoked")
        return waits("proof", head.author, "no grant that allows it has come")

    def _judge_step(self, record: Record, now: Now) -> Verdict:
        head = record.head
        register = self.registers.get(_register(record))
        if register is None or register.thread != head.thread:
            return waits("register", head.thread, "the thread that it belongs to has not come")
        if register.audience != head.audience or register.kind in (Kind.GRANT, Kind.PACT, Kind.CARD):
            return refused("bad_step", "does not fit the thread that it names")
        chain = self.chains.get(head.thread) or Chain()
        verdict = chain.place(record.id, head.seq, head.prev)
        if verdict is Link.WAITS:
            return waits("record", head.prev or b"", "the step before it has not come")
        if verdict is Link.BEYOND:
            return refused("forked", "lies beyond a fork of its chain")
        if not record.lacks_body or register.ends or _is_due(register.body_due, now):
            return ACCEPTED
        if self.selection is not None and not self.selection.wants_body(head):
            return ACCEPTED
        is_over = _is_due(self._contact_due_ms(record, chain, verdict), now)
        return ACCEPTED if is_over else waits("body", record.id, "its body has not come")

    def _contact_due_ms(self, record: Record, chain: Chain, link: Link) -> int | None:
        """Return when the body of a contact that is to be accepted is due to go (SPEC L8)."""
        head = record.head
        said = naming(head)
        if said is None or said.verb != Verb.CONTACT:
            return None
        ended_ms = self.ahead.ended_ms(head, self.held.claim_of(head.thread, said.about))
        moments = [] if ended_ms is None else [ended_ms]
        if link is Link.FORKS:
            rivals = chain.fork if head.seq > len(chain.steps) else (chain.steps[head.seq - 1],)
            assert rivals is not None
            moments += [head.stamp, self.held.rows.stamps[self.held.index.find(min(rivals))]]
        return due_ms(min(moments)) if moments else None

    def _come(self, record: Record) -> None:
        """Remember what is said by an authentic step that is not held, or not yet."""
        head = record.head
        self.ahead.note(record.id, head)
        said = naming(head)
        if said is not None and said.verb in ENDING:
            self.held.come(head.author, head.thread, said, head.stamp)

    def _accept(self, record: Record, row: int, commit: Commit) -> None:
        head, rows = record.head, self.held.rows
        if head.kind >= KIND_CHAIN_LOWEST:
            self._accept_step(record.without_body() if rows.flags[row] & ENDS else record, commit)
            return
        if row >= 0:
            self._drop(row, commit, keep_steps=rows.thread(row) == head.thread)
        self._add(record, commit)
        if not head.ends:
            return
        steps = self.chains.get(head.thread)
        for step in steps.kept if steps else ():
            self._drop_body(self.held.index.find(step), commit)

    def _accept_step(self, record: Record, commit: Commit) -> None:
        head, held = record.head, self.held
        chain = self.chains.setdefault(head.thread, Chain())
        for gone in chain.add(record.id, head.seq, head.prev):
            self._forget(gone, commit)
        if chain.fork:
            held.contacts.forget_thread(head.thread)
        self._add(record, commit)
        if chain.fork:
            held.forked(head.thread)
        row = held.index.find(record.id)
        if held.rows.flags[row] & CONTACT:
            ended_ms = self.ahead.ended_ms(head, held.claim_of(head.thread, head.facts["of"]))
            if ended_ms is not None:
                held.set_contact_due_by(row, due_ms(ended_ms))

    def reselect(self, selection: Selection, gone: Iterable[bytes], commit: Commit) -> None:
        """Go by another agreement from now on, and let go of what is known not to cross by it."""
        self.selection = selection
        self.let_go(gone, commit)

    # --- Time

    def sweep(self, now: Now, commit: Commit, own: bytes = b"") -> bool:
        """Let go of bodies and threads whose time is over; tell whether who may act has changed (SPEC, part L).

        With a clock that is not trusted nothing expires. What such a clock let in goes, too, where its stamp lies far
        ahead; but not what its `own` key has signed, which may be nowhere else.
        """
        if not now.trusted:
            return False
        self._drop_early(now.wall_ms + STAMP_AHEAD_MS_MAX, own, commit)
        rows = self.held.rows
        for row in self.held.due(now.wall_ms, SWEPT_MAX):
            if rows.is_chain(row):
                if self._is_body_due(row, now):
                    self._drop_body(row, commit)
            elif _is_due(thread_due(rows.expires[row]), now):
                self._drop(row, commit, keep_steps=False)
            else:
                steps = self.chains.get(rows.thread(row))
                for step in steps.kept if steps else ():
                    self._drop_body(self.held.index.find(step), commit)
                self._drop_body(row, commit)
                self.held.bodies_went(row)
        if self.moments.key(now.wall_ms) != self._swept_at:
            for record_id in sorted(due_governance(self.governance.values(), now.wall_ms)):
                self._forget(record_id, commit)
            self._swept_at = self.moments.key(now.wall_ms)
        return self.refresh(now, commit)

    def _drop_early(self, latest_ms: int, own: bytes, commit: Commit) -> None:
        """Let go of what is stamped later, which would hide what all others hold until then (SPEC L5)."""
        rows = self.held.rows
        for row in rows.stamped_after(latest_ms):
            if not rows.numbers[row] or rows.kinds[row] == CHARTER or rows.author(row) == own:
                continue  # the first: it went with its register
            if rows.is_chain(row):
                self._drop_steps(rows.thread(row), commit)
            else:
                self._drop(row, commit, keep_steps=False)

    def _is_body_due(self, row: int, now: Now) -> bool:
        """Tell whether a held record's body is due to go.

        A step's body goes with its register's, and at once when the thread has ended; a contact's before that, when
        what it names has ended.
        """
        rows = self.held.rows
        if rows.flags[row] & CONTACT and rows.said[row] and _is_due(rows.said[row], now):
            return True
        register = self.held.registers.find_of(row)
        if rows.flags[register] & ENDS:
            return True
        return _is_due(body_due(rows.expires[register]), now)


def _register(record: Record) -> Register:
    register = register_of_head(record.head)
    assert register is not None
    return register


def _is_due(due_ms: int | None, now: Now) -> bool:
    return due_ms is not None and now.trusted and due_ms <= now.wall_ms
