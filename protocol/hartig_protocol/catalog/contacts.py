"""What ends the claim or promise that a contact names, so that its body may go (SPEC L8).

In: of each step that is held what it names (`naming`), in the order of its chain; and steps that came and are not held.
Out: which contacts a step ends, and the moment by which steps that are not held have ended one. The body of a contact
is not waited for once that is due, but the steps above a contact wait for the contact: so what such a step says counts
although it waits itself, and also when there was no room to let it wait.

Names are the first 8 bytes of ids. Who finds two ids that begin alike has only spoiled its own chain.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from hartig_protocol.limits import CONTACT_KEPT_MS, STEPS_AHEAD_MAX
from hartig_protocol.records.record import Head, Kind
from hartig_protocol.records.steps import Verb

ENDING = frozenset({Verb.CANCEL, Verb.RECEIVE, Verb.RELEASE, Verb.HANDOVER})
NAMING = frozenset({Verb.PROMISE, Verb.CONTACT}) | ENDING  # verbs of which the catalog wants to know what they name
_NAME_BYTES = 8


class Naming(NamedTuple):
    """What a step says of another: its verb, and the id that it names (in `of`, or else in `claim`)."""

    verb: str
    about: bytes


def naming(head: Head) -> Naming | None:
    """Return what a step names; None for what neither is a contact nor can end one."""
    if head.kind != Kind.STEP or head.facts["verb"] not in NAMING:
        return None
    facts, verb = head.facts, head.facts["verb"]
    # A promise names its claim: its `of`, should it have one, is a fact that nobody has checked (SPEC D1).
    about = facts["claim"] if verb == Verb.PROMISE else facts.get("of", facts.get("claim"))
    return None if about is None else Naming(verb, about)


def name_of(record_id: bytes) -> int:
    """Return the name by which an id is remembered here."""
    return int.from_bytes(record_id[:_NAME_BYTES], "big")


def due_ms(ended_ms: int) -> int:
    """Return when the body of a contact goes whose claim or promise ended at a moment."""
    return ended_ms + CONTACT_KEPT_MS


@dataclass(slots=True)
class _OpenOfThread:
    """What each contact names, and the claim of the promise that it names (else 0); contacts by either of these."""

    names: dict[int, tuple[int, int]] = field(default_factory=dict)
    contacts: dict[int, list[int]] = field(default_factory=dict)


class OpenContacts:
    """The contacts that are held and whose claim or promise is open, by arrival number; 400 bytes each till it ends."""

    def __init__(self) -> None:
        self._threads: dict[bytes, _OpenOfThread] = {}

    def __repr__(self) -> str:
        return f"<OpenContacts of {len(self._threads)} threads>"

    def __len__(self) -> int:
        return sum(len(of_thread.names) for of_thread in self._threads.values())

    def add(self, thread: bytes, n: int, named: int, claim: int) -> None:
        """Remember a contact; `claim` is that of the promise it names, 0 where that is none."""
        of_thread = self._threads.setdefault(thread, _OpenOfThread())
        of_thread.names[n] = (named, claim)
        for name in {named, claim} - {0}:
            of_thread.contacts.setdefault(name, []).append(n)

    def ended_by(self, thread: bytes, said: Naming) -> list[int]:
        """Return the contacts whose claim or promise a step ends."""
        of_thread = self._threads.get(thread)
        if of_thread is None:
            return []
        name = name_of(said.about)
        named = of_thread.contacts.get(name, [])
        return [n for n in named if said.verb == Verb.RELEASE or of_thread.names[n][0] == name]

    def forget(self, thread: bytes, n: int) -> None:
        """Forget a contact that a held step has ended: of several such steps the first one counts."""
        of_thread = self._threads[thread]
        for name in {*of_thread.names.pop(n)} - {0}:
            of_thread.contacts[name].remove(n)
            if not of_thread.contacts[name]:
                del of_thread.contacts[name]
        if not of_thread.names:
            del self._threads[thread]

    def forget_thread(self, thread: bytes) -> None:
        """Forget a chain that is gone, or that has ended by a fork."""
        self._threads.pop(thread, None)


@dataclass(slots=True)
class _AheadOfThread:
    """Of each seq the first step that came, with its stamp; what they end; the lowest stamp of two at one seq."""

    steps: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    ends: dict[int, list[tuple[int, int, str]]] = field(default_factory=dict)  # name -> seq, stamp, verb
    forked_ms: int | None = None


class StepsAhead:
    """What was said by steps that came and were not accepted, by author and thread; the oldest thread goes first."""

    def __init__(self) -> None:
        self._threads: OrderedDict[tuple[bytes, bytes], _AheadOfThread] = OrderedDict()
        self._count = 0

    def __repr__(self) -> str:
        return f"<StepsAhead {self._count} of {len(self._threads)} threads>"

    def __len__(self) -> int:
        return self._count

    def note(self, record_id: bytes, head: Head) -> None:
        """Remember what an authentic step says."""
        thread = (head.author, head.thread)
        ahead = self._threads.setdefault(thread, _AheadOfThread())
        self._threads.move_to_end(thread)
        first = ahead.steps.get(head.seq)
        if first is None:
            ahead.steps[head.seq] = (record_id, head.stamp)
            self._count += 1
            said = naming(head)
            if said is not None and said.verb in ENDING:
                ahead.ends.setdefault(name_of(said.about), []).append((head.seq, head.stamp, said.verb))
        elif first[0] != record_id:
            ahead.forked_ms = min(first[1], head.stamp, head.stamp if ahead.forked_ms is None else ahead.forked_ms)
        while self._count > STEPS_AHEAD_MAX:
            _, oldest = self._threads.popitem(last=False)
            self._count -= len(oldest.steps)

    def ended_ms(self, contact: Head, claim: int) -> int | None:
        """Return when what a contact names was ended by what is remembered here; `claim` as in `OpenContacts.add`."""
        ahead = self._threads.get((contact.author, contact.thread))
        if ahead is None:
            return None
        ends = [*ahead.ends.get(name_of(contact.facts["of"]), [])]
        ends += [end for end in ahead.ends.get(claim, []) if claim and end[2] == Verb.RELEASE]
        above = [end for end in ends if end[0] > contact.seq]
        moments = [min(above)[1]] if above else []
        if ahead.forked_ms is not None:
            moments.append(ahead.forked_ms)
        return min(moments, default=None)
