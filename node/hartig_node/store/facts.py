"""What the filters of a list look at: the fixed fields and facts of a need or an offer, as one flat row.

In: a record and its arrival number. Out: `PostFacts`, which SQLite keeps as a row of `posts` and the twin as it is.
"""

from typing import NamedTuple

from hartig_node.ports import PostFilter
from hartig_protocol.records.record import Kind, Record

POST_KINDS = frozenset({int(Kind.NEED), int(Kind.OFFER)})


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
