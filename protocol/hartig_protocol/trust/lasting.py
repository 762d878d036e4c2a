"""How long governance records are kept: longer than their own life where others rest on them (SPEC, part L).

In: the grants and revocations that are held, in any order, and a moment. Out: the ids of those that are due to go.
Called by the catalog when it sweeps, and for the set as of an hour, so that both agree; of that set also who may act.

What is left does not depend on the order in which they go. So each that goes is looked at once: the keys about which it
kept others, and those that follow from them, are asked for anew, and nothing else is.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from hartig_protocol.records.governance import Charter
from hartig_protocol.records.record import Kind, Record, thread_due
from hartig_protocol.trust.authority import Authority, authority_of


def due_governance(records: Iterable[Record], at_ms: int) -> set[bytes]:
    """Return the ids of the grants, revocations and pacts that are due to go at `at_ms`.

    A grant is kept while a revocation by its key is, or by one that came after that key, and until one with consent of
    such a key is due; a revocation while a grant of its subject is, or of one that its subject came after (SPEC L7).
    """
    known = [record for record in records if record.head.kind != Kind.CHARTER]
    over = {record.id for record in known if (thread_due(record.head.expires) or 0) <= at_ms}
    if not over:
        return set()
    held = [record for record in known if record.head.kind != Kind.PACT]  # which nothing else keeps
    lines = {Kind.GRANT: _Line(), Kind.REVOKE: _Line()}
    for record in held:
        _count(lines, record, 1, is_over=record.id in over)
    by_subject: dict[tuple[int, bytes], list[Record]] = {}
    for record in held:
        if record.id in over:
            by_subject.setdefault((record.head.kind, record.head.subject), []).append(record)
    for line in lines.values():
        line.found = line.following(line.said)
    todo = [about for about in by_subject if about[1] not in lines[Kind(about[0])].found]
    gone = {record.id for record in known if record.head.kind == Kind.PACT} & over
    while todo:
        for record in by_subject.pop(todo.pop(), ()):
            gone.add(record.id)
            for kind, key in _count(lines, record, -1, is_over=True):
                todo += [(kind, lost) for lost in lines[kind].ask_again(key)]
    return gone


def left_as_of(charter: Charter | None, records: Iterable[Record], at_ms: int) -> tuple[Authority, set[bytes]]:
    """Return who may act as of a moment, and the ids of the grants and revocations that are gone by then (SPEC F1).

    Gone is what is due, and what has lost its proof by that: again and again, until nothing more goes.
    """
    left, gone = {record.id: record for record in records}, set[bytes]()
    while True:
        due = due_governance(left.values(), at_ms)
        for record_id in due:
            del left[record_id]
        authority = authority_of(charter, left.values(), at_ms)
        lost = {record.id for record in left.values() if record.head.kind != Kind.CHARTER} - authority.proven
        gone |= due | lost
        if not lost:
            return authority, gone
        for record_id in lost:
            del left[record_id]


@dataclass
class _Line:
    """The keys about which records of one kind are kept: those said to be, so many times, and all that follow."""

    said: Counter[bytes] = field(default_factory=Counter)
    after: dict[bytes, Counter[bytes]] = field(default_factory=dict)
    before: dict[bytes, Counter[bytes]] = field(default_factory=dict)
    found: set[bytes] = field(default_factory=set)

    def follow(self, one: bytes, other: bytes, count: int) -> None:
        """Have `other` follow from `one` once more, or, with -1, once less."""
        for table, key, value in ((self.after, one, other), (self.before, other, one)):
            values = table.setdefault(key, Counter())
            values[value] += count
            if not values[value]:
                del values[value]

    def following(self, keys: Iterable[bytes], within: set[bytes] | None = None) -> set[bytes]:
        """Return these keys and what follows from them; of it only what is `within`, if that is given."""
        reached = set(keys)
        todo = list(reached)
        while todo:
            news = self.after.get(todo.pop(), Counter()).keys() - reached
            news = news if within is None else news & within
            reached |= news
            todo += news
        return reached

    def ask_again(self, key: bytes) -> set[bytes]:
        """Return the keys about which nothing is kept any more, now that this one is said, or follows, once less."""
        if key not in self.found or self.said[key]:
            return set()
        doubted = self.following([key], self.found)
        sure = [one for one in doubted if self.said[one] or self._follows_one_beside(one, doubted)]
        lost = doubted - self.following(sure, doubted)
        self.found -= lost
        return lost

    def _follows_one_beside(self, key: bytes, doubted: set[bytes]) -> bool:
        return any(one in self.found and one not in doubted for one in self.before.get(key, ()))


def _count(lines: dict[Kind, _Line], record: Record, count: int, *, is_over: bool) -> list[tuple[Kind, bytes]]:
    """Say, or with -1 take back, about which keys a record keeps others; return those keys, with the others' kind."""
    head, grants, revokes = record.head, lines[Kind.GRANT], lines[Kind.REVOKE]
    if head.kind == Kind.GRANT:
        revokes.said[head.subject] += count
        return [(Kind.REVOKE, head.subject)]
    grants.said[head.author] += count
    keys = [(Kind.GRANT, head.author)]
    if head.fixed and not is_over:
        grants.said[head.subject] += count
    successor = head.facts.get("successor")
    if successor:
        grants.follow(successor, head.subject, count)
        revokes.follow(head.subject, successor, count)
        keys += [(Kind.GRANT, head.subject), (Kind.REVOKE, successor)]
    return keys
