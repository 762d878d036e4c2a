"""What records are found by: the fixed fields and facts of a need or an offer, and what a step names, as flat rows.

In: a record and its arrival number. Out: `PostFacts` and `StepFacts`, which SQLite keeps as rows of `posts` and `steps`
and the twin as they are.
"""

from typing import NamedTuple

from hartig_node.ports import PostFilter
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.records.steps import Verb

POST_KINDS = frozenset({int(Kind.NEED), int(Kind.OFFER)})

# Of each verb the facts that may name a record; all else that a step says is not looked at, and may be anything.
_NAMES_IN: dict[str, tuple[str, ...]] = {
    Verb.COUNT: ("of",),
    Verb.PROMISE: ("claim",),
    Verb.RELEASE: ("of",),
    Verb.HANDOVER: ("of", "claim"),
    Verb.CANCEL: ("of",),
    Verb.RECEIVE: ("of",),
    Verb.GIVE_BACK: ("of",),
    Verb.CONTACT: ("of",),
}


class PostFacts(NamedTuple):
    """One row of `posts`. `family` is the first segment of the category."""

    n: int
    kind: int
    family: str
    category: str
    area: str
    urgency: str
    level: str | None
    mode: str
    ends: bool
    expires: int


class StepFacts(NamedTuple):
    """One row of `steps`: the record, the offer or the hub that a step names."""

    n: int
    thread: bytes
    verb: str
    about: bytes | None  # the claim or promise, or what was counted
    lot: bytes | None  # the offer that a claim asks
    hub: bytes | None  # for whom something is set aside


def step_facts(record: Record, n: int) -> StepFacts | None:
    """Return what a step names; None for a record that is no step. Of an unknown verb nothing is known."""
    head = record.head
    if head.kind != Kind.STEP:
        return None
    facts, verb = head.facts, head.facts["verb"]
    about = next((facts[name] for name in _NAMES_IN.get(verb, ()) if name in facts), None)
    lot = facts["lot"] if verb == Verb.CLAIM else None
    hub = facts["hub"] if verb == Verb.ALLOT else None
    return StepFacts(n, head.thread, verb, about, lot, hub)


def family_of(category: str) -> str:
    """Return the first segment of a category code."""
    return category.partition(".")[0]


def post_facts(record: Record, n: int) -> PostFacts | None:
    """Return what filters look at; None for a record that is no post."""
    head = record.head
    if head.kind not in POST_KINDS:
        return None
    category, area, facts = head.fixed[0], head.fixed[1], head.facts
    return PostFacts(
        n,
        head.kind,
        family_of(category),
        category,
        area,
        facts.get("urgency", "normal"),
        facts.get("level"),
        facts.get("mode", "give"),
        facts.get("ends") is True,
        head.expires or 0,
    )


def is_wanted(facts: PostFacts, author: bytes, wanted: PostFilter) -> bool:
    """Tell whether a post passes every filter but the terms."""
    if wanted.standing and (facts.ends or facts.expires <= wanted.now_ms):
        return False
    under = f"{wanted.category}."
    return (
        wanted.kind in (None, facts.kind)
        and (wanted.category is None or facts.category == wanted.category or facts.category.startswith(under))
        and wanted.author in (None, author)
        and (wanted.area is None or facts.area.startswith(wanted.area))
        and wanted.urgency in (None, facts.urgency)
        and wanted.level in (None, facts.level)
        and wanted.mode in (None, facts.mode)
    )
