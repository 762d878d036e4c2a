"""What stops a deal, said so that people can go on: which rule it is, and what would be allowed.

In: a verdict of `exchange`, or a rule of this node, and the post that it is about. Out: `BoardError("not_allowed")`
with `rule` and `hint`. Verdicts count in smallest parts; here their number becomes a quantity in the post's unit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum

from hartig_node.board.drafts.views import quantity_text
from hartig_node.board.errors import BoardError
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
    NOT_A_SHELF = "not_a_shelf"


def stopped(rule: Rule, detail: str, hint: str, pointer: str = "") -> BoardError:
    """Say which rule of this node stops it, and what to do."""
    return BoardError("not_allowed", detail, hint, pointer, rule=rule)


def too_much(rule: Rule, detail: str, hint: str, most: int, post: Head, pointer: str = "") -> BoardError:
    """Say which rule of this node stops it; `most` (smallest parts) is the number in the hint that would be allowed."""
    return _said_in_units(replace(stopped(rule, detail, hint, pointer), most=most), post)


def is_broken(broken: Broken, post: Head) -> BoardError:
    """Say which rule of the account of a post would be broken."""
    detail = "what was said about this post before does not allow it"
    error = BoardError("not_allowed", detail, broken.allowed, rule=broken.rule, most=broken.most)
    return _said_in_units(error, post)


def hint_of(broken: Broken, post: Head) -> str:
    """Return what would be allowed, in the unit of the post."""
    return is_broken(broken, post).hint


@contextmanager
def in_units_of(post: Head) -> Iterator[None]:
    """Let verdicts of the account of a post that are raised in here speak of its unit."""
    try:
        yield
    except BoardError as error:
        raise _said_in_units(error, post) from error


def amount_text(parts: int, post: Head) -> str:
    """Return a quantity as people read it: the number, and the unit where it is no plain number of things."""
    unit, smallest_part = post.fixed[2], post.fixed[3]
    text = quantity_text(parts, smallest_part) or "0"
    return text if unit in _PLAIN_UNITS else f"{text} ({units.label(unit, 'en')})"


def _said_in_units(error: BoardError, post: Head) -> BoardError:
    if error.most is None or error.hint == TOO_MANY_DATES.allowed:
        return error
    if error.most == 0 and error.hint.startswith("at most 0 are"):
        hint = error.hint.replace("at most 0 are", "none are", 1)
    else:
        hint = error.hint.replace(str(error.most), amount_text(error.most, post), 1)
    return replace(error, hint=hint, most=None, allowed=quantity_text(error.most, post.fixed[3]) or "0")
