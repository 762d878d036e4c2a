"""A text as patterns read it: one sign for each sign that is shown, without disguises.

In: text as people write it. Out: `Plain`, two strings of one length: what is shown again, and what is read, in which
digits of every script are 0 to 9, letters have no accents, and dashes and spaces are one kind each. Signs that nobody
sees are in neither. Dates and hours can be struck out: most rows of digits are those.
"""

import re
import unicodedata
from functools import cached_property

from hartig_protocol.values import value

STRUCK = "\0"  # stands where something was struck out: no digit, no letter, no space
_DATES = re.compile(
    r"(?<!\d)(?:19|20)\d\d([-/.])\d{1,2}\1\d{1,2}(?!\d)"  # 2026-11-24, whatever follows
    r"|(?<!\d)(?<!\d[-/. ])\d{1,2}([-/.])\d{1,2}\2(?:19|20)?\d\d(?![-/. ]?\d)"  # 24.11.2026, 24/11/26
    r"|(?<!\d)(?:19|20)\d\d ?[-/] ?(?:19|20)?\d\d(?![-/. ]?\d)"  # 2025-2026, 2025/26
    r"|(?<!\d)\d{1,2}[:h]\d\d(?!\d)",  # 18:00
    re.ASCII,
)
_WORDS = re.compile(r"[^\W\d_]{2,}")


@value
class Plain:
    """A text twice: `shown` is NFKC without signs that nobody sees, `read` the same without disguises."""

    shown: str
    read: str

    @classmethod
    def of(cls, text: str, characters_max: int) -> "Plain":
        """Read a text, of a long one its beginning; one sign may stand for eighteen."""
        cut = unicodedata.normalize("NFKC", text[:characters_max])[:characters_max]
        shown = "".join(one for one in cut if unicodedata.category(one) != "Cf")
        return cls(shown, "".join(map(_plain, shown)))

    @cached_property
    def without_dates(self) -> str:
        """What is read, with dates and hours struck out."""
        return _DATES.sub(lambda match: STRUCK * len(match[0]), self.read)

    @cached_property
    def capitals_tell(self) -> bool:
        """Whether a capital letter says anything here: not where every word, or nearly, begins with one."""
        words = _WORDS.findall(self.read)
        shouted, begun = sum(map(str.isupper, words)), sum(word[0].isupper() for word in words)
        return shouted * 2 < len(words) and (len(words) < 5 or begun * 4 < len(words) * 3)


def _plain(sign: str) -> str:
    if sign.isascii():
        return " " if sign == "\t" else "\n" if sign in "\r\v\f" else sign
    if (digit := unicodedata.decimal(sign, None)) is not None:
        return str(digit)
    category = unicodedata.category(sign)
    if category[0] == "Z":
        return " " if category == "Zs" else "\n"
    if category == "Pd":
        return "-"
    return "'" if sign in "’ʼ‘" else unicodedata.normalize("NFD", sign)[0]
