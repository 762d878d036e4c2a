"""What can be said about a thing or a place beyond its category: size, diet, access, condition ...

The list is closed for a protocol version. `parse` and `is_valid` guard what is written here; `label`
answers for any code, because records with codes of a newer list arrive too. Who calls: the board for
drafts, matching, pages for labels.
"""

from hartig_protocol.errors import RecordError
from hartig_protocol.records import vocabulary
from hartig_protocol.records.vocabulary import LANGUAGES

__all__ = ["LANGUAGES", "all_codes", "group", "is_valid", "label", "parse"]


def all_codes() -> tuple[str, ...]:
    """Every code, sorted."""
    return tuple(vocabulary.entries("attributes"))


def is_valid(code: str) -> bool:
    """Whether the list knows this code."""
    return code in vocabulary.entries("attributes")


def parse(value: object) -> str:
    """Give back the code, or raise `RecordError` that says what to write instead."""
    if isinstance(value, str) and is_valid(value):
        return value
    hint = "take one of the list, such as diet.vegan or allergen.milk"
    raise RecordError("unknown_attribute", f"{value!r:.60} is no attribute: {hint}")


def group(code: str) -> str:
    """The first segment, by which forms sort their choices: `allergen`, `diet`, `size`."""
    return code.partition(".")[0]


def label(code: str, language: str) -> str:
    """What people read; the words of the code itself where the list does not know it."""
    entry = vocabulary.entries("attributes").get(code)
    return vocabulary.words(code) if entry is None else entry.label(language)
