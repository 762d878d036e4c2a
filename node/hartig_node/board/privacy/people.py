"""Names of people, and streets with a number, as far as the words around them tell.

In: a `Plain` text. Out: where they stand. A name is what follows "my name is", "ask for" or a title; a street has a
number and a word for it, before or behind its own name. Where a word has other uses too ("way", "plaza", "contact"),
capital letters must speak for it, and where every word has one they say nothing.
"""

import re
from collections.abc import Iterator
from functools import cache

from hartig_node.board.privacy.plain import Plain
from hartig_node.board.privacy.vocabulary import either, words

_NAME = r"[^\W\d_][\w'.-]{0,30}"
_BETWEEN = rf"(?:(?:\d{{1,3}}(?:st|nd|rd|th)|{_NAME}) ){{1,3}}"
_NUMBER_WORD = r"(?:(?:n[ºo°]?|nr|no|num|numero|number)\.? ?|# ?)?"


def names(text: Plain) -> Iterator[tuple[int, int]]:
    """Yield where names of people stand, with the words that tell so."""
    for pattern, is_capital in _name_patterns():
        for match in pattern.finditer(text.read):
            said = match["name"]
            if said.lower().strip(".'") in words("not_a_name"):
                continue
            if not is_capital or (said[0].isupper() and not said.isupper() and text.capitals_tell):
                yield match.span()


@cache
def _name_patterns() -> tuple[tuple[re.Pattern[str], bool], ...]:
    name = r"(?P<name>[^\W\d_][^\W\d_'-]{1,30})"
    return (
        (re.compile(rf"\b(?:{either('name_follows')}) {{0,3}}:? {{0,3}}{name}", re.IGNORECASE), False),
        (re.compile(rf"\b(?:{either('name_follows_capital')}) {{0,3}}:? {{1,3}}{name}", re.IGNORECASE), True),
        (re.compile(rf"\b(?:{either('title')})\.? {{1,3}}{name}", re.IGNORECASE), True),
    )


def streets(text: Plain) -> Iterator[tuple[int, int]]:
    """Yield where streets with a number stand."""
    for pattern, capital in _street_patterns():
        for match in pattern.finditer(text.read):
            own = re.split(r"[ ,]+", match["own"].strip())
            if words("not_in_street").intersection(word.lower() for word in own):
                continue
            named = own[-1] if capital == "last" else own[0]
            if not capital or (named[:1].isupper() and match["word"][:1].isupper() and text.capitals_tell):
                yield match.span()


@cache
def _street_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each pattern, and which word of the street's own name must have a capital letter, if any."""
    number, behind = (
        r"(?<![\w.,:/+-])\d{1,5}[a-zA-Z]?,? ",
        rf"\d{{1,5}}(?![\w.,:/]?\d)(?! ?(?:{either('counted')})\b)",
    )
    last, last_capital = either("street_last"), either("street_last_capital")
    first, first_capital = either("street_first"), either("street_first_capital")
    own_behind = rf"(?P<own>(?:{_NAME},? ){{1,5}}?)"

    def made(pattern: str) -> re.Pattern[str]:
        return re.compile(pattern, re.IGNORECASE)

    return (
        (made(rf"{number}(?P<own>{_BETWEEN})(?P<word>{last})\b"), ""),
        (made(rf"{number}(?P<own>{_BETWEEN})(?P<word>{last_capital})\b"), "last"),
        (made(rf"\b(?P<own>(?:{_NAME} ){{1,2}})(?P<word>{last})\.?,? {_NUMBER_WORD}{behind}"), "last"),
        (made(rf"\b(?P<word>{first})(?:\. ?|(?<=/) ?| ){own_behind}{_NUMBER_WORD}{behind}"), ""),
        (made(rf"\b(?P<word>{first_capital})\.? {own_behind}{_NUMBER_WORD}{behind}"), "first"),
    )
