"""Quantities of deals: what people write, smallest parts, and the same in another unit, exactly.

In: numbers or decimal text in the unit of a post. Out: integers of its smallest part. Between a need and an offer that
measure in different units of one dimension nothing is rounded but up to the offer's smallest part, when it is asked.
"""

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import ceil, floor
from typing import Any

from hartig_node.board.accounts.refusing import Rule, stopped
from hartig_node.board.errors import BoardError
from hartig_protocol.errors import RecordError
from hartig_protocol.limits import QUANTITY_MAX
from hartig_protocol.records import units
from hartig_protocol.records.record import Head


def read_parts(value: Any, post: Head, pointer: str = "/quantity", *, may_be_none: bool = False) -> int:
    """Return a quantity in smallest parts of a post; with `may_be_none` it may be 0. Raises `BoardError`."""
    smallest_part = post.fixed[3]
    try:
        parts = Decimal(str(value)) * smallest_part if type(value) in (int, float, str) else None
    except InvalidOperation:
        parts = None
    lowest = 0 if may_be_none else 1
    if parts is None or not parts.is_finite() or not 0 <= parts <= QUANTITY_MAX:
        raise BoardError("bad_request", f"{str(value)[:40]!r} is no quantity", _example(lowest), pointer)
    if parts != parts.to_integral_value():
        hint = "round it" if smallest_part == 1 else f"round it to parts of 1/{smallest_part}"
        raise BoardError("bad_request", "this quantity has smaller parts than this post", hint, pointer)
    if parts < lowest:
        raise BoardError("bad_request", "a quantity of nothing changes nothing", _example(lowest), pointer)
    return int(parts)


def _example(lowest: int) -> str:
    return f'say a number {"from 0" if lowest == 0 else "above 0"}, such as 5 or "2.5"'


def parts_ratio(source: Head, target: Head) -> Fraction:
    """Return how many smallest parts of `target` one smallest part of `source` is.

    Raises `BoardError` where they measure different things: what a box holds, nobody knows.
    """
    _, _, source_unit, source_part = source.fixed
    _, _, target_unit, target_part = target.fixed
    try:
        ratio = units.convert(1, source_unit, target_unit)
    except RecordError as error:
        said, asked = units.label(source_unit, "en"), units.label(target_unit, "en")
        detail = f"one is said in {said}, the other in {asked}: nobody can tell how much one is of the other"
        hint = f"look for an offer that is said in {said}, or post the need anew in {asked}"
        raise stopped(Rule.OTHER_UNIT, detail, hint, "/lot") from error
    return ratio * Fraction(target_part, source_part)


def asked_parts(quantity: int, need: Head, lot: Head) -> int:
    """Return what a quantity of a need is in an offer's smallest parts, rounded up: never less than is needed."""
    return ceil(quantity * parts_ratio(need, lot))


def covering_parts(quantity: int, lot: Head, need: Head) -> int:
    """Return what a quantity of an offer is in a need's smallest parts, rounded down but for the first part."""
    return max(1, floor(quantity / parts_ratio(need, lot))) if quantity else 0
