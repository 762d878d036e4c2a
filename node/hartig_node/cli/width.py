"""How wide a text stands on a terminal, and texts made safe and short for one line.

In: texts that others wrote, in any script. Out: lines that cannot move the cursor, change colours or turn the writing
direction of what stands around them. Called by `tables` and by every command that shows a post.
"""

import unicodedata

FIRST_STRONG_ISOLATE = "\u2068"
POP_ISOLATE = "\u2069"
ELLIPSIS = "…"
_DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})
_UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def clean(text: str, *, keep_lines: bool = False) -> str:
    """Return text without control characters and direction overrides; line ends become spaces unless kept."""
    kept = []
    for one in text:
        if one in "\n\t":
            kept.append(one if keep_lines and one == "\n" else " ")
        elif unicodedata.category(one) not in _UNSAFE and one not in _DIRECTIONS:
            kept.append(one)
    return "".join(kept)


def width(text: str) -> int:
    """Return how many columns a clean text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_width_of(one) for one in text)


def _width_of(one: str) -> int:
    if unicodedata.category(one) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


def is_right_to_left(text: str) -> bool:
    """Whether anything in the text is written from right to left."""
    return not text.isascii() and any(unicodedata.bidirectional(one) in {"R", "AL", "AN"} for one in text)


def shorten(text: str, columns: int) -> str:
    """Return text that takes at most so many columns, with an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    if columns < 1:
        return ""
    kept, used = [], 0
    for one in text:
        used += _width_of(one)
        if used > columns - 1:
            break
        kept.append(one)
    return "".join(kept).rstrip() + ELLIPSIS


def pad(text: str, columns: int) -> str:
    """Return text filled up with spaces to so many columns."""
    return text + " " * max(0, columns - width(text))


def isolate(text: str) -> str:
    """Return text that keeps its own writing direction to itself (Unicode Standard Annex 9)."""
    return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}" if is_right_to_left(text) else text


def wrap(text: str, columns: int) -> list[str]:
    """Return a text's lines, broken at spaces, or within what is longer than a line."""
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            candidate = f"{line} {word}" if line else word
            if width(candidate) <= columns:
                line = candidate
                continue
            if line:
                lines.append(line)
            *whole, line = _pieces(word, columns)
            lines.extend(whole)
        lines.append(line)
    return lines


def _pieces(word: str, columns: int) -> list[str]:
    """Break a word that is wider than a line; Chinese and Japanese have no spaces."""
    pieces, piece, used = [], "", 0
    for one in word:
        one_width = _width_of(one)
        if piece and used + one_width > columns:
            pieces.append(piece)
            piece, used = "", 0
        piece, used = piece + one, used + one_width
    return [*pieces, piece]
