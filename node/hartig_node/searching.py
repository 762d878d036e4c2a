"""Text as the search sees it, in every script. Pure: text in, normalised text and terms out.

A post is found by a term when the term occurs anywhere in its normalised text, inside words too: Chinese and Thai have
no spaces, and whoever looks for `dlo` should find `glodlo`. Both adapters, and the tests' plain scan, ask this module.

Normalised means: compatibility forms decomposed (NFKD), case folded, marks dropped that people leave out when they
type (accents of Latin, Greek and Cyrillic letters, Hebrew points, Arabic vowel signs, the hamza on an alef), invisible
characters dropped, white space and control characters collapsed to one space. Marks that make another letter stay:
Indic vowel signs, Japanese voicing marks, the parts of a Korean syllable.
"""

import re
import unicodedata

from hartig_protocol.records.record import Kind, Record

TERMS_MAX = 8  # more words than anybody types; each costs a look at every candidate
TERM_CHARACTERS_MAX = 64
TRIGRAM_CHARACTERS = 3  # shorter terms are not in the trigram index
FORM = f"1/{unicodedata.unidata_version}"  # texts normalised under another form are indexed again
_PASSES_MAX = 4  # two reach the fixed point for all text that was tried; the bound is against the unforeseen

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
_DROPPED = re.compile(
    "["
    "\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # European diacritics
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0640\u064b-\u0652\u0670"  # Arabic vowel signs and the stretching tatweel
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"  # invisible
    "\U000e0000-\U000e0fff"  # invisible: tags, more variation selectors
    "\ud800-\udfff"  # lone surrogates, which no stored text can hold
    "]+"
)
_ALEF_MARKS = re.compile("(?<=\u0627)[\u0653-\u0655]+")


def normalise(text: str) -> str:
    """Return the form in which texts and terms are compared; normalising twice changes nothing."""
    if text.isascii():
        return _collapse(text.lower())
    for _ in range(_PASSES_MAX):
        folded = _fold(text)
        if folded == text:
            break
        text = folded
    return text


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    kept = _DROPPED.sub("", unicodedata.normalize("NFKD", decomposed))
    return _collapse(_ALEF_MARKS.sub("", kept))


def _collapse(text: str) -> str:
    return _CONTROL.sub(" ", text).strip(" ")


def terms(query: str) -> tuple[str, ...]:
    """Split what somebody typed into at most 8 different normalised terms of at most 64 characters."""
    words = (word[:TERM_CHARACTERS_MAX] for word in normalise(query).split(" ") if word)
    return tuple(dict.fromkeys(words))[:TERMS_MAX]


def wanted_terms(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the terms of a filter, normalised once more, so that no caller can miss it; empty ones are left out."""
    return tuple(term for term in map(normalise, given) if term)


def search_text(record: Record) -> str | None:
    """Return the normalised text by which a post is found; None for what has no text (other kinds, no body)."""
    if record.head.kind not in (Kind.NEED, Kind.OFFER) or record.body_bytes is None:
        return None
    return body_text(record.body)


def body_text(body: object) -> str:
    """Return the normalised title, text and source of a decoded body, one a line; what is no text is left out."""
    if not isinstance(body, dict):
        return ""
    parts: list[object] = []
    for name in ("title", "text"):
        by_language = body.get(name)
        if isinstance(by_language, dict):
            parts.extend(by_language[language] for language in sorted(by_language))
    parts.append(body.get("source"))
    return "\n".join(normalise(part) for part in parts if isinstance(part, str) and part)


def has_terms(text: str, wanted: tuple[str, ...]) -> bool:
    """Tell whether every term occurs in a normalised text."""
    return all(term in text for term in wanted)
