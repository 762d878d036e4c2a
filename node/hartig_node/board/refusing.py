"""What stops a deal, said so that people can go on: which rule it is, and what would be allowed.

In: a verdict of `exchange`, or a rule of this node, and the post that it is about. Out: `BoardError("not_allowed")`
with `rule` and `hint`. Verdicts count in smallest parts; here their number becomes a quantity in the post's unit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum

from hartig_node.board.errors import BoardError
from hartig_node.board.views import quantity_text
from hartig_protocol.exchange.rules import TOO_MANY_DATES, Broken
from hartig_protocol.records import units
from hartig_protocol.records.record import Head

_PLAIN_UNITS = frozenset({"C62", "H87"})  # of these people say the number alone


class Rule(StrEnum):
    """What this node refuses to write, beside the rules of the chains (SPEC, part D)."""

    OPEN_SHELF = "open_shelf"
    OTHER_UNIT = "other_unit"
    DATE_PASSED = "date_passed"
    NEARLY_FULL = "nearly_full"
    OVER = "over"
    STAYS_HERE = "stays_here"
    NOT_LENT = "not_lent"
    MORE_THAN_AWAY = "more_than_away"
    NOT_SET_ASIDE = "not_set_aside"
    MORE_THAN_SET_ASIDE = "more_than_set_aside"
    OWN_HUB = "own_hub"
    NOT_A_HUB = "not_a_hub"
    FROM_BEFORE = "from_before"
    COUNT_INSTEAD = "count_instead"


def stopped(rule: Rule, detail: str, hint: str, pointer: str = "") -> BoardError:
    """Say which rule of this node stops it, and what to do."""
    return BoardError("not_allowed", detail, hint, pointer, rule=rule)


def is_broken(broken: Broken, post: Head) -> BoardError:
    """Say which rule of the account of a post would be broken."""
    detail = "what was said about this post before does not allow it"
    return BoardError("not_allowed", detail, hint_of(broken, post), rule=broken.rule)


def hint_of(broken: Broken, post: Head) -> str:
    """Return what would be allowed, in the unit of the post."""
    return broken.allowed if broken is TOO_MANY_DATES else _in_units(broken.allowed, broken.most, post)


@contextmanager
def in_units_of(post: Head) -> Iterator[None]:
    """Let verdicts of the account of a post that are raised in here speak of its unit."""
    try:
        yield
    except BoardError as error:
        if error.most is None or error.hint == TOO_MANY_DATES.allowed:
            raise
        raise replace(error, hint=_in_units(error.hint, error.most, post), most=None) from error


def amount_text(parts: int, post: Head) -> str:
    """Return a quantity as people read it: the number, and the unit where it is no plain number of things."""
    unit, smallest_part = post.fixed[2], post.fixed[3]
    text = quantity_text(parts, smallest_part) or "0"
    return text if unit in _PLAIN_UNITS else f"{text} ({units.label(unit, 'en')})"


def _in_units(hint: str, most: int | None, post: Head) -> str:
    if most is None:
        return hint
    if most == 0 and hint.startswith("at most 0 are"):
        return hint.replace("at most 0 are", "none are", 1)
    return hint.replace(str(most), amount_text(most, post), 1)
