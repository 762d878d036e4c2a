"""The one glossary: words that stay inside, and what people read instead.

In comes `glossary.json`, which ships beside this file; out go the inner words and the check that a text
uses none of them. Who calls: tests that read pages, human lines of the command line, and the titles and
hints of errors; and whoever looks for the word to write.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGE_FALLBACK = "en"


def inner_words() -> frozenset[str]:
    """Every word, in all its forms, that people never have to read."""
    return frozenset(form for word in _glossary()["words"] if word["banned"] for form in _forms(word))


def words_used(text: str) -> list[str]:
    """The inner words in `text`: whole words in any case, each once, in the order in which they appear.

    An underscore or a digit ends a word (`thread_id` uses `thread`); a letter does not (`benchmark` uses
    none).
    """
    found = _pattern().finditer(text.casefold())
    return list(dict.fromkeys(match["inner"] for match in found if match["inner"]))


def people_words(inner: str, language: str) -> str:
    """What people read instead of `inner`; English stands in for a language that we lack."""
    word = next(word for word in _glossary()["words"] if inner in _forms(word))
    people: dict[str, str] = word["people"]
    return people.get(language.partition("-")[0].lower(), people[LANGUAGE_FALLBACK])


def _forms(word: dict[str, Any]) -> list[str]:
    return [word["inner"], *word["forms"]]


@cache
def _glossary() -> dict[str, Any]:
    text = files("hartig_node").joinpath("glossary.json").read_text(encoding="utf-8")
    glossary: dict[str, Any] = json.loads(text)
    return glossary


@cache
def _pattern() -> re.Pattern[str]:
    # Allowed phrases come first, so that the inner word within them is already consumed.
    allowed = "|".join(re.escape(phrase) for phrase in sorted(_glossary()["allowed"]))
    inner = "|".join(re.escape(word) for word in sorted(inner_words(), key=lambda word: (-len(word), word)))
    letter = r"[^\W\d_]"
    return re.compile(rf"(?<!{letter})(?:{allowed}|(?P<inner>{inner}))(?!{letter})")
