"""Rows of digits that are probably a phone number, and not a quantity, a date, a size or the number of a batch.

In: a `Plain` text. Out: where such rows stand. With a plus or a word such as "call" before it hardly anything else is
meant; without one, the number of digits and how they are grouped must speak for it. What stands before and behind (a
batch's name, a unit, a currency) speaks against. A list of numbering plans would know some countries better and take
megabytes of memory.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from hartig_node.board.privacy.plain import Plain
from hartig_node.board.privacy.vocabulary import digit_words, either, words

DIGITS_MAX = 15  # ITU-T E.164
_LOOKED_BACK = 40
_ROW = re.compile(r"(?<![\w.,+])(?:\+|00)?[ ]?\(?\d(?:[ .\-/()]{0,3}\d){5,19}(?!\w|[.,]\d)", re.ASCII)
_PLACE = re.compile(r"(?<![\w.])[-+]?\d{1,3}[.]\d{4,}[°NSns ]{0,3}[,; ] {0,2}[-+]?\d{1,3}[.]\d{4,}", re.ASCII)
_WORD = re.compile(r"[^\W\d_]+(?:/|\b)")


def phones(text: Plain) -> Iterator[tuple[int, int]]:
    """Yield where phone numbers begin and end."""
    read = _PLACE.sub(lambda match: "\0" * len(match[0]), text.without_dates)
    for match in _ROW.finditer(read):
        if _is_phone(match[0], read[max(0, match.start() - _LOOKED_BACK) : match.start()], read[match.end() :][:16]):
            yield match.span()
    for match in _spoken().finditer(read):
        if not _counts_on("".join(digit_words()[word] for word in re.findall(r"[^\W\d_]+", match[0].lower()))):
            yield match.span()


def places(text: Plain) -> Iterator[tuple[int, int]]:
    """Yield where a place is named to within metres, by its coordinates."""
    return (match.span() for match in _PLACE.finditer(text.read))


@cache
def _spoken() -> re.Pattern[str]:
    """Seven digits and more in words, one after the other."""
    word = f"(?:{either('digits')})"
    return re.compile(rf"\b{word}(?:[ ,.-]{{1,2}}{word}){{6,14}}\b", re.IGNORECASE)


@cache
def _cue() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{either('phone')})\b[^\n]{{0,24}}$", re.IGNORECASE)


def _is_phone(row: str, before: str, behind: str) -> bool:
    groups = re.findall(r"\d+", row)
    digits = "".join(groups)
    if row.lstrip().startswith("+") or (digits.startswith("00") and len(digits) > 9):
        return 8 <= len(digits.removeprefix("00")) <= DIGITS_MAX
    if len(digits) > DIGITS_MAX:
        return False
    lately = [word.lower() for word in _WORD.findall(before)][-2:]
    if words("numbered").intersection(lately) or before.rstrip()[-1:] in ("$", "€", "£", "¥"):
        return False
    if _cue().search(before):
        return True
    return not _is_counted(behind) and not _is_thousands(groups, row) and _is_grouped(groups, digits, row)


def _is_counted(behind: str) -> bool:
    """Whether a unit, a currency or what is counted stands behind a number."""
    if behind.lstrip()[:1] in ("$", "€", "£", "¥", "%"):
        return True
    word = _WORD.match(behind.lstrip())
    return word is not None and word[0].lower() in words("counted")


def _is_thousands(groups: list[str], row: str) -> bool:
    """Whether digits are grouped from behind by threes, and it may as well be a large number."""
    by_threes = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:]) and len(groups) > 1
    return by_threes and (groups[-1] == "000" or (len(groups[0]) < 3 and "-" not in row and groups[0][0] != "0"))


def _is_grouped(groups: list[str], digits: str, row: str) -> bool:
    """Whether a row without any word for it looks like a number that people dial."""
    is_dialled = digits[0] == "0" and len(digits) >= 9  # as numbers within a country begin in many
    if digits.endswith("000") or (_counts_on(groups) and not is_dialled) or _is_plain_date(digits):
        return False
    if len(digits) < 9:
        return len(digits) >= 7 and _is_short_number(groups, row)
    if all(len(group) <= 2 for group in groups):  # sizes and days stand so, too
        return is_dialled or max(map(len, groups)) == 1
    return "/" not in row or len(groups) == 2


def _is_short_number(groups: list[str], row: str) -> bool:
    if len(groups) == 2:
        return len(groups[1]) == 4 and not all(int(group) % 50 == 0 for group in groups) and "/" not in row
    return "/" not in row and "." not in row and len(set(map(len, groups))) <= 2


def _counts_on(groups: list[str] | str) -> bool:
    """Whether numbers only rise, as sizes, days and house numbers do: 36 38 40 42, or 1234567."""
    numbers = [int(group) for group in groups]
    return len(numbers) > 2 and all(one < other for one, other in pairwise(numbers))


def _is_plain_date(digits: str) -> bool:
    """Whether eight digits are a day: 20261124 or 24112026."""
    if len(digits) != 8:
        return False
    for year, month, day in ((digits[:4], digits[4:6], digits[6:]), (digits[4:], digits[2:4], digits[:2])):
        if year[:2] in ("19", "20") and 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
            return True
    return False
