"""The words around phones, streets and names, by language: `words.json`, one table each, all of them looked at always.

People write in more languages than they say, and two at once. In: nothing. Out: `words(kind)`, `either(kind)`. Words
stand there without accents and in small letters, as `plain` reads them.
"""

import json
import re
from functools import cache
from importlib.resources import files


@cache
def _tables() -> dict[str, dict[str, list[str]]]:
    tables: dict[str, dict[str, list[str]]] = json.loads(
        files("hartig_node.board.privacy").joinpath("words.json").read_bytes()
    )
    return tables


def languages() -> tuple[str, ...]:
    """Return the languages that have a table."""
    return tuple(_tables())


@cache
def words(kind: str) -> frozenset[str]:
    """Return the words of a kind in all languages."""
    return frozenset(word for table in _tables().values() for word in table[kind])


def either(kind: str) -> str:
    """Return a pattern for any word of a kind, the longest first."""
    found = sorted(words(kind), key=lambda word: (-len(word), word))
    return "|".join(re.escape(word).replace(r"\ ", " {1,3}") for word in found)


@cache
def digit_words() -> dict[str, str]:
    """Return which digit each word for one means; a table lists them from nought up, and `oh` is one more nought."""
    return {word: str(at % 10) for table in _tables().values() for at, word in enumerate(table["digits"])}
