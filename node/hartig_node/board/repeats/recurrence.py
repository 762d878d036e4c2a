"""The text of a rule of repetition (RFC 5545, section 3.3.10), read and checked.

In: text such as `FREQ=WEEKLY;BYDAY=TU,FR;COUNT=10`. Out: a `Rule`, or `BoardError("bad_draft")` that says what to write
instead. What would cost much work, or means nothing for days and hours, is refused here: rules come from people, from
programs and from other hubs. Who calls: `repeating`, which keeps the rest of what is said beside a rule.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, NoReturn

from hartig_node.board.errors import BoardError
from hartig_protocol.values import value

RULE_CHARACTERS_MAX = 200  # all parts with a few values each; a year's weekly series takes 40
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")  # in the library's order: their indices are its numbers
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
INTERVAL_MAX = 99  # nothing is written further ahead than 90 days
COUNT_MAX = 1_000_000
TIMES_A_DAY_MAX = 12  # with 370 days of a start that lies back: 4,440 moments to pass over, a few ms
_EXAMPLE = "for example FREQ=WEEKLY;BYDAY=TU,FR;COUNT=10"
_ORDINAL_MAX = {"MONTHLY": 5, "YEARLY": 53}
_UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
# Numbers that a part may list: lowest, highest, and whether they may count from the end.
_LISTS = {
    "BYMONTH": (1, 12, False),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSETPOS": (1, 366, True),
}
_INSTEAD = {
    "BYSECOND": "leave it out: times are in whole minutes",
    "BYYEARDAY": "write the days as BYMONTH and BYMONTHDAY",
    "BYWEEKNO": "write the days as BYMONTH and BYDAY",
}


@value
class Rule:
    """A checked rule. `parts` are its texts in the order they were written, without UNTIL, which stands beside it."""

    parts: Mapping[str, str]
    frequency: str
    interval: int
    count: int | None
    lists: Mapping[str, tuple[int, ...]]
    days: tuple[tuple[int, int], ...]  # (weekday from 0, which one of the month or year; 0 for every one)
    week_start: int

    def __str__(self) -> str:
        return ";".join(f"{name}={value}" for name, value in self.parts.items())

    def times(self, hour: int, minute: int) -> list[tuple[int, int]]:
        """Return the hours and minutes of a day, which are those of the start where the rule says none."""
        return sorted(product(self.lists.get("BYHOUR", (hour,)), self.lists.get("BYMINUTE", (minute,))))

    def fewer(self, passed: int) -> "Rule":
        """Return the rule of what is left when the first `passed` moments of it are over."""
        if self.count is None or not passed:
            return self
        left = self.count - passed
        return replace(self, count=left, parts={**self.parts, "COUNT": str(left)})


def wrong_rule(detail: str, hint: str) -> NoReturn:
    """Refuse a rule, saying what to write instead."""
    raise BoardError("bad_draft", detail, hint, "/repeats/rule")


def read_rule(text: Any) -> tuple[Rule, str | None]:
    """Return a rule, and the text of its UNTIL where it has one."""
    parts = _parts(text)
    until = parts.pop("UNTIL", None)
    if until is not None and (_UNTIL.fullmatch(until) is None or "COUNT" in parts):
        wrong_rule("UNTIL is a day or a time, without COUNT beside it", "UNTIL=20261231, or leave it to `until`")
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        hint = "several times a day are FREQ=DAILY;BYHOUR=9,12,15"
        wrong_rule("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY", hint if frequency.endswith("LY") else _EXAMPLE)
    rule = Rule(
        parts,
        frequency,
        _number("INTERVAL", parts.get("INTERVAL", "1"), 1, INTERVAL_MAX),
        _number("COUNT", parts["COUNT"], 1, COUNT_MAX) if "COUNT" in parts else None,
        {name: _numbers(name, parts[name]) for name in _LISTS if name in parts},
        _days(parts["BYDAY"], frequency) if "BYDAY" in parts else (),
        _week_start(parts.get("WKST", "MO")),
    )
    _check_together(rule)
    return rule, until


def _parts(text: Any) -> dict[str, str]:
    compact = "".join(text.upper().split()).removeprefix("RRULE:").removesuffix(";") if isinstance(text, str) else ""
    rule_alone = re.sub(r";UNTIL=[^;]{0,16}", "", compact, count=1)  # the end is written beside it
    if not compact.isascii() or not 0 < len(rule_alone) <= RULE_CHARACTERS_MAX:
        wrong_rule(f"a rule is text of at most {RULE_CHARACTERS_MAX} plain letters, digits and signs", _EXAMPLE)
    parts: dict[str, str] = {}
    for one in compact.split(";"):
        name, equals, value = one.partition("=")
        if not equals or not value:
            wrong_rule(f"{one[:40]!r} is no part of a rule", f"parts are NAME=VALUE, with ; between: {_EXAMPLE}")
        if name in parts:
            wrong_rule(f"the rule says {name} twice", f"say {name} once, with commas between its values")
        if name not in {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_LISTS}:
            wrong_rule(f"{name[:40]} cannot be said here", _INSTEAD.get(name, _EXAMPLE))
        parts[name] = value
    return parts


def _number(name: str, text: str, lowest: int, highest: int, *, from_end: bool = False) -> int:
    shape = r"[+-]?\d{1,7}" if from_end else r"\d{1,7}"
    number = int(text) if re.fullmatch(shape, text) else None
    if number is None or not lowest <= (abs(number) if from_end else number) <= highest:
        said = f"from {lowest} to {highest}" + (", or the same with - to count from the end" if from_end else "")
        hint = f"leave {name} out where it goes on for ever" if name == "COUNT" else f"write {name}={lowest}"
        wrong_rule(f"{name} is a whole number {said}", hint)
    return number


def _numbers(name: str, text: str) -> tuple[int, ...]:
    lowest, highest, from_end = _LISTS[name]
    number = partial(_number, name, lowest=lowest, highest=highest, from_end=from_end)
    return tuple(sorted({number(one) for one in text.split(",")}))


def _days(text: str, frequency: str) -> tuple[tuple[int, int], ...]:
    days = []
    for one in text.split(","):
        found = _DAY.fullmatch(one)
        if found is None:
            wrong_rule(f"BYDAY={one[:20]} is no day", "days are MO, TU, WE, TH, FR, SA and SU, with commas between")
        which = int(found[1] or 0)
        if found[1] and not 0 < abs(which) <= _ORDINAL_MAX.get(frequency, 0):
            hint = "BYDAY=2TU is the second Tuesday, BYDAY=-1FR the last Friday of the month, with FREQ=MONTHLY"
            wrong_rule(f"BYDAY={one[:20]} names no day of {frequency.lower()} repeating", hint)
        days.append((WEEKDAYS.index(found[2]), which))
    return tuple(sorted(set(days)))


def _week_start(text: str) -> int:
    if text not in WEEKDAYS:
        wrong_rule("WKST is the day with which weeks begin", "write WKST=MO or WKST=SU, or leave it out")
    return WEEKDAYS.index(text)


def _check_together(rule: Rule) -> None:
    """Refuse parts that do not go together; the library would read them in a way that nobody means."""
    if "BYSETPOS" in rule.lists and (rule.frequency not in _ORDINAL_MAX or not rule.days):
        hint = "the last working day is FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"
        wrong_rule("BYSETPOS chooses among the BYDAY of a month or a year", hint)
    if "BYMONTHDAY" in rule.lists and rule.frequency == "WEEKLY":
        wrong_rule("BYMONTHDAY does not go with FREQ=WEEKLY", "write FREQ=MONTHLY;BYMONTHDAY=15, or BYDAY for weeks")
    if len(rule.times(0, 0)) > TIMES_A_DAY_MAX:
        hint = f"name fewer hours and minutes: at most {TIMES_A_DAY_MAX} times a day"
        wrong_rule("BYHOUR and BYMINUTE together name too many times a day", hint)
