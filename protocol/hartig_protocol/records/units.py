"""Units that neighbours count and measure in: codes of UN/CEFACT Recommendation 20, and exact conversion.

Every unit belongs to one dimension and has a ratio of integers to that dimension's base, so a conversion is
a `Fraction` and never rounds. Pairs, sets, portions and packages are dimensions of their own: how much
another box holds is unknown. `parse` and `is_valid` guard what is written here; records with units of a
newer list arrive too, `label` shows them by their code, and they convert to nothing but themselves. Who
calls: the board, matching, pages for labels.
"""

from fractions import Fraction

from hartig_protocol.errors import RecordError
from hartig_protocol.records import vocabulary
from hartig_protocol.records.vocabulary import LANGUAGES, Entry

__all__ = ["LANGUAGES", "all_codes", "convert", "dimension", "factor", "is_valid", "label", "parse"]


def all_codes() -> tuple[str, ...]:
    """Every code, sorted."""
    return tuple(vocabulary.entries("units"))


def is_valid(code: str) -> bool:
    """Whether the list knows this code."""
    return code in vocabulary.entries("units")


def parse(value: object) -> str:
    """Give back the code, or raise `RecordError` that says what to write instead."""
    if isinstance(value, str) and is_valid(value):
        return value
    hint = "take one of the list, such as C62 (one), KGM (kilogram) or PTN (portion)"
    raise RecordError("unknown_unit", f"{value!r:.60} is no unit: {hint}")


def dimension(code: str) -> str:
    """What the unit measures: `mass`, `volume`, `time` ...; raises `RecordError` for an unknown code."""
    return str(_entry(code).facts["dimension"])


def factor(code: str) -> Fraction:
    """How many of its dimension's base one unit is, exactly; raises `RecordError` for an unknown code."""
    numerator, denominator = _entry(code).facts["factor"]
    return Fraction(numerator, denominator)


def convert(quantity: Fraction | int, source: str, target: str) -> Fraction:
    """Say a quantity of `source` in `target`, exactly.

    Raises:
        RecordError: a code is unknown (`unknown_unit`), or they measure different things (`unit_mismatch`).
    """
    if source == target:
        return Fraction(quantity)
    if dimension(source) != dimension(target):
        problem = f"{source} measures {dimension(source)} and {target} measures {dimension(target)}"
        raise RecordError("unit_mismatch", f"{problem}: one does not convert to the other")
    return quantity * factor(source) / factor(target)


def label(code: str, language: str) -> str:
    """What people read; the code itself where the list does not know it."""
    entry = vocabulary.entries("units").get(code)
    return code if entry is None else entry.label(language)


def _entry(code: str) -> Entry:
    return vocabulary.entries("units")[parse(code)]
