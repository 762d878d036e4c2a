"""Steps for tests of chains, in few words; ids follow from names.

    lot = LotChain()
    told(lot, say("o", "count", quantity=10, why="opened"), say("p", "promise", claim="a", quantity=3, hold=60))

Names in `of`, `claim`, `lot` and `hub` become ids. What is said here is well formed as a record would be: `say` checks.
"""

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st

from hartig_protocol.exchange.judging import JudgedChain
from hartig_protocol.exchange.rules import Broken, Rule
from hartig_protocol.exchange.step import Step
from hartig_protocol.records.record import Kind
from hartig_protocol.records.steps import Verb, check_step_facts
from support.records import NOW_MS, head, key, seeded

BOX = bytes(32)  # stands for the hash of a contact's body


@cache
def id_of(name: object) -> bytes:
    """The id of the step with this name."""
    return seeded(f"step {name}", 32)


@cache
def thread_of(name: object) -> bytes:
    """The thread with this name."""
    return seeded(f"thread {name}", 16)


def facts_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts with names in place of ids, as they stand in a head."""
    makers = {"of": id_of, "claim": id_of, "lot": thread_of, "hub": lambda name: key(name).public}
    return {
        name: makers[name](value) if name in makers and isinstance(value, str) else value
        for name, value in facts.items()
    }


def say(name: object, verb: str, *, seq: int = 1, stamp_ms: int = NOW_MS, **facts: Any) -> Step:
    """One step; `told` gives it its seq."""
    made = {"verb": verb, **facts_of(facts)}
    network, author = thread_of("network"), key("author").public
    body = BOX if verb == Verb.CONTACT else None
    check_step_facts(head(network, Kind.STEP, author, place=0, thread=thread_of("any"), seq=seq, facts=made, body=body))
    return Step(id_of(name), seq, verb, made, stamp_ms)


def told(chain: JudgedChain, *steps: Step) -> list[Broken | None]:
    """Tell a chain these steps, one after the other; return what each breaks."""
    start = chain.seq + 1
    return [
        chain.apply(Step(step.id, start + at, step.verb, step.facts, step.stamp_ms)) for at, step in enumerate(steps)
    ]


def stands(chain: JudgedChain, *steps: Step) -> None:
    """Tell a chain these steps, none of which may break a rule."""
    assert told(chain, *steps) == [None] * len(steps)


def rule_of(broken: Broken | None) -> Rule | None:
    """The rule alone."""
    return None if broken is None else broken.rule


def state_of_chain(chain: JudgedChain) -> dict[str, Any]:
    """Everything that a chain remembers, but for what was broken and how far it was told."""
    return copy.deepcopy({name: value for name, value in vars(chain).items() if name not in {"broken", "seq"}})


# --- Any steps at all: few names, small quantities, so that they meet

_NAMES = st.sampled_from([f"s{number}" for number in range(10)] + ["a", "b", "c"])
_CLAIMS = st.sampled_from(["a", "b", "c", "s1"])
_SOME = st.integers(1, 6)
_DATE = st.sampled_from([{}, {}, {"date": 1}, {"date": 2}])
_OF: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({"of": _NAMES})


def _facts(verb: str, date: st.SearchStrategy[dict[str, Any]] | None = None, **facts: Any) -> st.SearchStrategy[Any]:
    made = st.fixed_dictionaries(facts)
    return st.tuples(st.just(verb), made if date is None else st.builds(lambda one, two: one | two, made, date))


_NEVER_OF: dict[str, Any] = {}
_OPENED = st.one_of(_DATE, st.just({"dates": [1, 2]}))
_OPENING = _facts("count", _OPENED, quantity=st.integers(0, 12), why=st.just("opened"))
_NEEDED = _facts("count", _OPENED, quantity=st.integers(0, 12), why=st.just("needed"))
_OWN_PROMISE_OR_CLAIM = st.one_of(st.just(_NEVER_OF), st.fixed_dictionaries({"claim": _CLAIMS}))
_LOT = [
    _OPENING,
    _facts("count", _DATE, quantity=_SOME, why=st.sampled_from(["found", "restocked"])),
    _facts("count", _DATE, quantity=_SOME, why=st.sampled_from(["given_back", "surrendered"]), of=_NAMES),
    _facts("count", _DATE, quantity=st.integers(-6, -1), why=st.just("lost")),
    _facts("promise", _DATE, quantity=_SOME, claim=_CLAIMS, hold=st.integers(1, 90)),
    _facts("promise", _DATE, quantity=_SOME, claim=_CLAIMS, hold=st.integers(1, 90)),
    _facts("allot", _DATE, quantity=_SOME, hub=st.just("hub")),
    _facts("release", of=_NAMES, why=st.sampled_from(["declined", "lapsed", "cancelled"])),
    _facts("handover", quantity=_SOME, of=_NAMES),
    _facts("handover", _DATE, quantity=_SOME),
    _facts("handover", _DATE, quantity=_SOME, claim=_CLAIMS),
    _facts("surrender", _DATE, quantity=_SOME),
]
_NEED = [
    _NEEDED,
    _facts("claim", _DATE, quantity=_SOME, asks=_SOME, lot=st.sampled_from(["l", "m"])),
    _facts("claim", _DATE, quantity=_SOME, asks=_SOME, lot=st.just("l"), lot_date=st.just(1)),
    _facts("cancel", of=_NAMES),
    _facts("receive", of=_NAMES, how=st.sampled_from(["ok", "short", "bad"]), quantity=st.integers(0, 6)),
    _facts("receive", of=_NAMES, how=st.just("ok"), quantity=_SOME),
    _facts("give_back", of=_NAMES, quantity=_SOME),
]
_EITHER = [_facts("contact", of=_NAMES), _facts("close")]
_UNKNOWN = _facts("barter", what=st.just(1))


def _named(said: list[tuple[str, dict[str, Any]]]) -> list[Step]:
    return [say(f"s{at}", verb, seq=at + 1, stamp_ms=NOW_MS + at, **facts) for at, (verb, facts) in enumerate(said)]


def _steps(first: st.SearchStrategy[Any], own: list[Any], others: list[Any]) -> st.SearchStrategy[list[Step]]:
    # A step of one's own chain far more often than an unknown verb or one of the other chain.
    rare, usual = st.one_of(_UNKNOWN, *others), st.one_of(*own, *_EITHER)
    one = st.integers(0, 15).flatmap(lambda drawn: rare if drawn == 0 else usual)
    opened = st.one_of(first, first, first, one)
    return st.builds(lambda begin, rest: _named([begin, *rest]), opened, st.lists(one, max_size=18))


lot_steps = _steps(_OPENING, _LOT, _NEED)
need_steps = _steps(_NEEDED, _NEED, _LOT)
