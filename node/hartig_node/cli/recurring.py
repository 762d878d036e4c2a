"""How a post repeats: from options to the draft's `repeats`, and from a post's `repeats` to words.

In: `--every tuesday,friday --at 18:00`, or `--repeat` with a rule of RFC 5545; in posts, the object that the node
gives. Which dates a rule gives is for the node: here nothing is counted.
"""

import argparse
import re
from collections.abc import Mapping
from typing import Any

from hartig_node.cli.parsing import UsageError

DAYS = {
    "monday": "MO",
    "tuesday": "TU",
    "wednesday": "WE",
    "thursday": "TH",
    "friday": "FR",
    "saturday": "SA",
    "sunday": "SU",
}
_WHICH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
_WORKING_DAYS = "MO,TU,WE,TH,FR"
_EVERY_HINT = "day, weekday, tuesday,friday or, of the month, first-tuesday, last-friday; --repeat takes any rule"


def add_repeat_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a post repeats."""
    group = parser.add_argument_group("where it repeats (times in the hub's time zone, or in --time-zone)")
    group.add_argument("--every", metavar="DAYS", help=_EVERY_HINT)
    group.add_argument("--at", metavar="HH:MM", help="at what time of day")
    group.add_argument("--from", dest="start", metavar="DAY", help="its first day, as 2026-11-24 (else from today on)")
    group.add_argument("--until", metavar="DAY", help="its last day, as 2026-12-31 (else it goes on)")
    group.add_argument("--except", dest="left_out", nargs="+", action="extend", metavar="DAY", help="not on these days")
    group.add_argument(
        "--repeat", metavar="RULE", help="a rule of RFC 5545, instead of --every: FREQ=MONTHLY;BYMONTHDAY=1"
    )
    group.add_argument("--time-zone", metavar="NAME", help="in whose time, as Europe/Madrid")


def repeats_from(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of `repeats` that the options say; a change may say some of them, a new post needs a time."""
    if options.every and options.repeat:
        raise UsageError("--every and --repeat say the same thing twice", "use one of them")
    said: dict[str, Any] = {}
    if options.every:
        said["rule"] = rule_of(options.every)
    elif options.repeat:
        said["rule"] = options.repeat
    if options.start and not options.at:
        raise UsageError("--from needs its time of day", "add --at 18:00")
    if options.at:
        at = _time_of_day(options.at)
        said["start"] = f"{options.start}T{at}" if options.start else at
    elif said and "id" not in vars(options):
        raise UsageError("what repeats needs its time of day", "add --at 18:00")
    others = {"until": options.until, "except": options.left_out, "time_zone": options.time_zone}
    return said | {name: value for name, value in others.items() if value}


def _time_of_day(text: str) -> str:
    found = re.fullmatch(r"([01]?\d|2[0-3])(?::([0-5]\d))?", text)
    if found is None:
        raise UsageError(f"--at {text!r:.20} is no time of day", "write it as 18:00")
    return f"{int(found[1]):02}:{found[2] or '00'}"


def rule_of(every: str) -> str:
    """Return the rule that `--every` names in words."""
    words = [word.strip() for word in every.lower().split(",")]
    if words == ["day"]:
        return "FREQ=DAILY"
    if words == ["weekday"]:
        return f"FREQ=WEEKLY;BYDAY={_WORKING_DAYS}"
    days = [_day_of(word) for word in words]
    is_monthly = [any(character.isdigit() for character in day) for day in days]
    if any(is_monthly) and not all(is_monthly):
        raise UsageError(f"--every {every:.60} mixes weeks and months", "post each of them for itself")
    return f"FREQ={'MONTHLY' if all(is_monthly) else 'WEEKLY'};BYDAY={','.join(days)}"


def _day_of(word: str) -> str:
    which, _, name = word.rpartition("-")
    found = [code for day, code in DAYS.items() if len(name) >= 3 and f"{day}s".startswith(name)]
    if len(found) != 1 or (which and which not in _WHICH):
        raise UsageError(f"--every does not know {word[:30]!r}", _EVERY_HINT)
    return f"{_WHICH[which] if which else ''}{found[0]}"


def how_often(post: Mapping[str, Any]) -> str:
    """Return in words how a post repeats, in the time of its zone; the rule itself where it has no plain words."""
    said = post.get("repeats")
    if not isinstance(said, dict):
        return ""
    rule, zone = str(said.get("rule", "")), said.get("time_zone")
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    words = _days_in_words(_with_day(parts, str(said.get("start", ""))))
    where = f" ({zone})" if zone else ""
    if words is None:
        return f"by the rule {rule}{where}"
    ending = f", {parts['COUNT']} times" if "COUNT" in parts else ""
    if until := said.get("until"):
        from hartig_node.cli.words import moment

        ending = f", until {moment(until)}"
    return f"{words} at {_times(parts, str(said.get('start', '')))}{ending}{where}"


def _with_day(parts: Mapping[str, str], start: str) -> Mapping[str, str]:
    """Return the parts with the day of the start where they name none, which is then the day that is meant."""
    if parts.keys() & {"BYDAY", "BYMONTHDAY"} or parts.get("FREQ") not in {"WEEKLY", "MONTHLY"}:
        return parts
    from datetime import datetime

    try:
        first = datetime.fromisoformat(start)
    except ValueError:
        return parts
    day = {"BYDAY": [*DAYS.values()][first.weekday()]} if parts["FREQ"] == "WEEKLY" else {"BYMONTHDAY": str(first.day)}
    return {**parts, **day}


def _days_in_words(parts: Mapping[str, str]) -> str | None:
    """Return the days of a plain rule: of days or weeks, or of one day of the month by its number or its place."""
    if set(parts) - {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYHOUR", "BYMINUTE", "COUNT", "WKST"}:
        return None
    frequency, interval = parts.get("FREQ"), int(parts.get("INTERVAL", "1"))
    days = [_day_in_words(day) for day in parts["BYDAY"].split(",")] if "BYDAY" in parts else []
    if frequency == "DAILY" and not days and "BYMONTHDAY" not in parts:
        return "every day" if interval == 1 else f"every {interval} days"
    if frequency == "WEEKLY" and days:
        weeks = "every" if interval == 1 else f"every {interval} weeks on"
        return f"{weeks} {_and(days)}"
    if frequency == "MONTHLY" and interval == 1 and ("BYMONTHDAY" in parts) != bool(days):
        return f"every month on {_and(days or [f'day {day}' for day in parts['BYMONTHDAY'].split(',')])}"
    return None


def _day_in_words(day: str) -> str:
    names = {code: name.capitalize() for name, code in DAYS.items()}
    which = {str(number): f"the {word} " for word, number in _WHICH.items()}
    name = names.get(day[-2:], day[-2:])
    return f"{which.get(day[:-2], day[:-2] + ' ') if day[:-2] else ''}{name}"


def _times(parts: Mapping[str, str], start: str) -> str:
    found = re.search(r"(\d\d):(\d\d)", start)
    hour, minute = found.groups() if found else ("00", "00")
    hours = parts.get("BYHOUR", hour).split(",")
    return _and(
        [f"{int(one):02}:{int(other):02}" for one in hours for other in parts.get("BYMINUTE", minute).split(",")]
    )


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
