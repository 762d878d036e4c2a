"""What a need or an offer is about: our own list of codes, and what follows from a code.

A code is dotted (`food.cooked`); its parent is the code without its last segment. A hub may extend a
shipped code by one segment that begins with `x-` (`food.x-tamales`).

Two kinds of question are answered here, and they differ on purpose:

- `parse` and `is_valid` say whether *this* list knows a code. They guard what is written here: drafts,
  imports, forms.
- `is_sensitive`, `is_perishable`, `label` and the family relations answer for any code, because records
  with codes of a newer list arrive too. What is unknown inherits from the nearest code that is known.

`is_sensitive` is a rule of validity (a sensitive record never leaves its hub), so codes and the mark are
fixed for a protocol version. Who calls: `posts` on the wire, the board for drafts, matching, pages for
labels.
"""

import re
from functools import cache, lru_cache

from hartig_protocol.errors import RecordError
from hartig_protocol.limits import CATEGORY_BYTES_MAX
from hartig_protocol.records import vocabulary
from hartig_protocol.records.vocabulary import LANGUAGES, Entry

__all__ = [
    "LANGUAGES",
    "all_codes",
    "ancestors",
    "is_perishable",
    "is_same_or_ancestor",
    "is_sensitive",
    "is_valid",
    "label",
    "parent",
    "parse",
    "wikidata",
]

CODES_REMEMBERED_MAX = 1_024  # every record of a need or an offer asks; the list and a hub's extensions are far fewer
_EXTENSION = re.compile(r"x-[a-z0-9]+(-[a-z0-9]+)*")


def all_codes() -> tuple[str, ...]:
    """Every shipped code, sorted."""
    return tuple(vocabulary.entries("categories"))


def is_valid(code: str) -> bool:
    """Whether the code is shipped, or extends a shipped code by one `x-` segment."""
    shipped = vocabulary.entries("categories")
    if code in shipped:
        return True
    above, _, last = code.rpartition(".")
    return above in shipped and len(code) <= CATEGORY_BYTES_MAX and _EXTENSION.fullmatch(last) is not None


def parse(value: object) -> str:
    """Give back the code, or raise `RecordError` that says what to write instead."""
    if isinstance(value, str) and is_valid(value):
        return value
    hint = "take one of the list, or extend one by a segment such as .x-tamales"
    raise RecordError("unknown_category", f"{value!r:.60} is no category: {hint}")


def parent(code: str) -> str | None:
    """The code without its last segment; nothing above a code of one segment."""
    return code.rpartition(".")[0] or None


def ancestors(code: str) -> tuple[str, ...]:
    """Every code above this one, nearest first."""
    segments = code.split(".")
    return tuple(".".join(segments[:length]) for length in range(len(segments) - 1, 0, -1))


def is_same_or_ancestor(upper: str, lower: str) -> bool:
    """Whether `upper` is `lower` or stands above it; a need for `food` is met by `food.bread`."""
    return lower == upper or lower.startswith(upper + ".")


@lru_cache(maxsize=CODES_REMEMBERED_MAX)
def is_sensitive(code: str) -> bool:
    """Whether records with this code may only have the audience `hub`; whatever is below such a code, too."""
    return not _marked("sensitive").isdisjoint((code, *ancestors(code)))


def is_perishable(code: str) -> bool:
    """Whether the thing spoils within hours or days, so that promises on it are held for a shorter time."""
    return not _marked("perishable").isdisjoint((code, *ancestors(code)))


def wikidata(code: str) -> str | None:
    """The Wikidata item of a shipped code, where a source confirms one."""
    entry = vocabulary.entries("categories").get(code)
    return None if entry is None else entry.facts.get("wikidata")


def label(code: str, language: str) -> str:
    """What people read: the label of the nearest shipped code and, after it, the words of the rest.

    Args:
        code: any code; one of a newer list is shown as far as this list reaches.
        language: a tag such as `ht` or `zh-Hant`; English stands in for what is not in `LANGUAGES`.
    """
    entry = _nearest(code)
    if entry is None:
        return vocabulary.words(code)
    rest = code[len(entry.code) + 1 :]
    return f"{entry.label(language)}: {vocabulary.words(rest)}" if rest else entry.label(language)


def _nearest(code: str) -> Entry | None:
    shipped = vocabulary.entries("categories")
    return next((shipped[known] for known in (code, *ancestors(code)) if known in shipped), None)


@cache
def _marked(mark: str) -> frozenset[str]:
    shipped = vocabulary.entries("categories")
    return frozenset(code for code, entry in shipped.items() if entry.facts.get(mark, False))
