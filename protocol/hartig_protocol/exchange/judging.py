"""What the chain of a lot and that of a need have in common: the order of judging, and what a chain remembers.

In: steps by rising seq, exactly those that stand (SPEC T3). Out: for each nothing, or the rule that it breaks. Judging
looks at the chain alone: no record that a step names, no clock, no other chain. `judge` and `apply` give the same
verdict because there is one: a table says for each verb what is looked at first and what is then changed.
"""

from collections.abc import Callable, Mapping
from copy import copy
from enum import StrEnum
from typing import Any, ClassVar, Self

from hartig_protocol.exchange.rules import NEWER, Broken
from hartig_protocol.exchange.step import Step
from hartig_protocol.records.steps import Verb

# What is looked at first, and what is then changed. Both are asked for every step that a hub ever reads.
Rules = tuple[Callable[[Any, Step], Broken | None], Callable[[Any, Step], None]]
Verbs = Mapping[str, Rules]
KNOWN_VERBS = frozenset(Verb)


class EndReason(StrEnum):
    """Why a chain has ended without having been closed; of several, the first in this order is kept."""

    FORKED = "forked"
    RESTORED = "restored"
    WITHDRAWN = "withdrawn"
    VOID = "void"  # the register, or its author's standing, is gone
    EXPIRED = "expired"


class JudgedChain:
    """One chain, as far as it was told. `thread` is only repeated in drafts.

    What its tables hold never changes and is replaced instead: so to copy a chain is to copy its tables (`copied`).
    """

    _verbs: ClassVar[Verbs]
    _after_close: ClassVar[frozenset[Verb]] = frozenset()
    _not_opened: ClassVar[Broken]
    _closed: ClassVar[Broken]
    _wrong_chain: ClassVar[Broken]

    def __init__(self, thread: bytes = b"") -> None:
        self.thread = thread
        self.accounts: dict[int | None, Any] = {}  # by date; what has none is under None
        self.seq = 0  # of the last step; what comes next has one more
        self.broken: dict[bytes, Broken] = {}
        self.contacts: dict[bytes, bytes] = {}  # the last contact of each claim or promise
        self.is_closed = False
        self.stopped: bytes | None = None  # the step from which on only a newer version can judge
        self.ended: EndReason | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be promised or asked for here: it was closed, or has ended."""
        return self.is_closed or self.ended is not None

    @property
    def is_opened(self) -> bool:
        """Whether a first count stands here."""
        return bool(self.accounts)

    def judge(self, step: Step) -> Broken | None:
        """Say which rule the next step would break; None if it stands. Nothing is changed.

        That the chain has ended is not looked at: steps that are held count, whatever ended it (SPEC D8). Who writes
        looks at `ended` first.
        """
        rules = self._verbs.get(step.verb)
        if rules is None or self.stopped is not None or self.is_closed or not self.accounts:
            broken = self._judge_verb(step.verb)
            if broken is not None or rules is None:
                return broken
        return rules[0](self, step)

    def _judge_verb(self, verb: str) -> Broken | None:
        """Judge by the verb alone: what no chain takes, or not this one, or not before its first count or any more."""
        if self.stopped is not None or verb not in KNOWN_VERBS:
            return NEWER
        if verb not in self._verbs:
            return self._wrong_chain
        if self.is_closed and verb not in self._after_close:
            return self._closed
        return self._not_opened if not self.accounts and verb != Verb.COUNT else None

    def apply(self, step: Step) -> Broken | None:
        """Take the next step: change what it changes, or remember the rule that it breaks and change nothing else."""
        broken = self.judge(step)
        self.seq = step.seq
        if broken is None:
            self._verbs[step.verb][1](self, step)
            return None
        self.broken[step.id] = broken
        if broken is NEWER and self.stopped is None:
            self.stopped = step.id
        return broken

    def copied(self) -> Self:
        """Return a chain of its own in the same state: what one is told, the other does not know."""
        twin = copy(self)
        tables = {name: value.copy() for name, value in vars(self).items() if isinstance(value, dict | set)}
        vars(twin).update(tables)
        return twin

    def end(self, reason: EndReason) -> None:
        """Say that the chain has ended. Its open promises are void; what was handed over stays (SPEC D8)."""
        reasons = list(EndReason)
        self.ended = reason if self.ended is None else min(self.ended, reason, key=reasons.index)


def remember_contact(chain: JudgedChain, step: Step) -> None:
    """Take a contact: the last one of each claim or promise is the one to open."""
    chain.contacts[step.facts["of"]] = step.id


def remember_close(chain: JudgedChain, _step: Step) -> None:
    """Take the step that closes a chain."""
    chain.is_closed = True
