"""Steps and chains of the small model as values: what is the same is computed once, by the real rules.

In: what is signed (`sign`) and what is delivered (`taken`). Out: names of steps and `Held` chains, which can be
compared and hashed, so that a search knows where it has been. The chain rule is the catalog's, judging is `exchange`'s.

A step's name commits to the step before it and to the life of the folder that signed it, as a real id does: two copies
of a hub that write the same give two steps, and so a fork.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from hartig_protocol.catalog.chains import Chain, Link
from hartig_protocol.exchange.judging import EndReason
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.step import Step
from hartig_protocol.records.record import Kind

Fold = Callable[..., LotChain | NeedChain]
Facts = tuple[tuple[str, Any], ...]


class Thread:
    """An offer or a need. `era` is how often its author had raised its seq, `life` tells copies of a folder apart.

    Made by `thread_of` alone, once each, so that to compare and to hash is to look at the object.
    """

    __slots__ = ("author", "era", "is_lot", "key", "kind", "life", "place", "subject")

    def __init__(self, kind: int, author: str, era: int, life: str, number: int, subject: bytes, place: str) -> None:
        self.kind, self.author, self.era, self.life = kind, author, era, life
        self.subject = subject  # the allotment whose stock it holds
        self.place = place  # where its stock lies
        self.is_lot = kind == Kind.OFFER
        self.key = (author, era, life, number, kind, subject, place)

    def __repr__(self) -> str:
        return f"{self.author}{self.life}.{self.key[3]}"

    def __lt__(self, other: "Thread") -> bool:
        return self.key < other.key


_thread = cache(Thread)


def thread_of(
    kind: int, author: str, era: int = 0, life: str = "", number: int = 0, subject: bytes = b"", place: str = ""
) -> Thread:
    """Return the offer or the need with these properties."""
    return _thread(kind, author, era, life, number, subject, place)


class Held:
    """A chain as one hub holds it: the steps that stand, and the two ids that prove a fork. Made by `held_of` alone."""

    __slots__ = ("fork", "steps")

    def __init__(self, steps: tuple[bytes, ...], fork: tuple[bytes, bytes] | None) -> None:
        self.steps, self.fork = steps, fork

    def __repr__(self) -> str:
        return f"<Held {[_said[name].step.verb for name in self.steps]}{' forked' if self.fork else ''}>"


_held = cache(Held)


def held_of(steps: tuple[bytes, ...] = (), fork: tuple[bytes, bytes] | None = None) -> Held:
    """Return the chain with these steps."""
    return _held(steps, fork)


EMPTY = held_of()
Chains = tuple[tuple[Thread, Held], ...]


class Said(NamedTuple):
    """A step with what the chain rule looks at."""

    step: Step
    prev: bytes | None
    life: str


_said: dict[bytes, Said] = {}


@cache
def sign(held: Held, thread: Thread, life: str, verb: str, facts: Facts) -> bytes:
    """Return the name of the next step of a chain."""
    prev = held.steps[-1] if held.steps else None
    said = [(name, value.key if isinstance(value, Thread) else value) for name, value in facts]
    name = hashlib.sha256(repr((prev, thread.key, life, verb, said)).encode()).digest()[:8]
    if name not in _said:
        _said[name] = Said(Step(name, len(held.steps) + 1, verb, dict(facts), 0), prev, life)
    return name


def step_of(name: bytes) -> Step:
    """The step with this name."""
    return _said[name].step


def _chain_of(held: Held) -> Chain:
    return Chain(list(held.steps), held.fork)


@cache
def taken(mine: Held, theirs: Held) -> Held:
    """Return my chain after I was sent all of theirs."""
    chain = _chain_of(mine)
    for name in (*theirs.steps, *(theirs.fork or ())):
        said = _said[name]
        if chain.place(name, said.step.seq, said.prev) in (Link.EXTENDS, Link.FORKS):
            chain.add(name, said.step.seq, said.prev)
    return held_of(tuple(chain.steps), chain.fork)


@cache
def state(fold: Fold, thread: Thread, held: Held, is_ended: bool) -> Any:
    """Return the state of a chain; it is shared, so nobody changes it."""
    reasons = (EndReason.FORKED,) if held.fork else (EndReason.WITHDRAWN,) if is_ended else (None,)
    return fold(thread.kind, map(step_of, held.steps), reasons[0], thread=thread)


@cache
def branches(chains: frozenset[Held]) -> tuple[Held, ...]:
    """Return the chains that are not just the beginning of another: several where copies have signed apart."""
    ordered = sorted(chains, key=lambda held: (held.steps, held.fork or ()))
    return tuple(
        one
        for one in ordered
        if not any(other is not one and other.steps[: len(one.steps)] == one.steps for other in ordered)
    )


def chain_map(pairs: Iterable[tuple[Thread, Held]]) -> Chains:
    """Chains by thread as a value, always in the same order."""
    return tuple(sorted(pairs, key=lambda pair: pair[0].key))


@cache
def merged(mine: Chains, theirs: Chains) -> Mapping[Thread, Held]:
    """Return the chains that change when a hub is sent all that another holds."""
    chains = dict(mine)
    after = ((thread, taken(chains.get(thread, EMPTY), held)) for thread, held in theirs)
    return {thread: held for thread, held in after if held is not chains.get(thread, EMPTY)}


def facts_of(verb_facts: Mapping[str, Any]) -> Facts:
    """Facts as a value."""
    return tuple(sorted(verb_facts.items()))
