"""Mail addresses, also where somebody has spelt them: name (at) host dot org, nombre arroba host punto com.

In: a `Plain` text. Out: where they stand. Each pattern begins at the edge of a word and is bounded, so that no text
makes it slow.
"""

import re
from collections.abc import Iterator
from functools import cache

from hartig_node.board.privacy.plain import Plain
from hartig_node.board.privacy.vocabulary import either

_NAME, _HOST, _TOP = r"(?<![\w.+-])[\w.+-]{1,64}", r"[\w-]{1,63}", r"[^\W\d_]{2,12}\b"
_DOT = r"(?:\.| \. )"
_PLAIN = rf"{_NAME} ?@ ?{_HOST}(?:{_DOT}{_HOST}){{0,3}}{_DOT}{_TOP}"
_HOSTS = r"(?:gmail|hotmail|outlook|yahoo|icloud|proton(?:mail)?|gmx|live|riseup|posteo)\b"


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    at, dot = either("at"), either("dot")
    dots = rf" ?(?:[(\[{{<] ?(?:{dot}|\.) ?[)\]}}>]| (?:{dot}) |\.) ?"
    written = (
        _PLAIN,
        rf"{_NAME} ?[(\[{{<] ?(?:{at}|@) ?[)\]}}>] ?{_HOST}(?:{dots}{_HOST}){{0,2}}{dots}{_TOP}",
        rf"{_NAME} (?:{at}) {_HOST} (?:{dot}) {_TOP}",
        rf"{_NAME} (?:{at}) {_HOSTS}",
    )
    return tuple(re.compile(one, re.IGNORECASE) for one in written)


def mail_addresses(text: Plain) -> Iterator[tuple[int, int]]:
    """Yield where mail addresses begin and end."""
    for pattern in _patterns():
        for match in pattern.finditer(text.read):
            yield match.span()
