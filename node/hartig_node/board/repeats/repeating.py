"""What a draft says of repeating (`node/API.md`, "Drafts"), and the text that the post's body keeps of it (SPEC N5).

In: the field `repeats` of a draft, or `repeats` of a body. Out: a `Series`. The text is lines of RFC 5545, so
any calendar can read them:

    DTSTART;TZID=Europe/Madrid:20261124T180000
    RRULE:FREQ=WEEKLY;BYDAY=TU,FR;UNTIL=20261231T225959Z
    EXDATE;TZID=Europe/Madrid;VALUE=DATE:20261225

The moments themselves stand in the record (`instants` makes them); this text is for people, and for going on with it.
"""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hartig_node.board.errors import BoardError
from hartig_node.board.repeats.recurrence import Rule, read_rule
from hartig_node.board.repeats.zones import is_zone_name, own_zone_name, zone_of
from hartig_node.board.times import rfc3339
from hartig_protocol.values import value

FIELDS = ("rule", "start", "time_zone", "until", "except")
LEFT_OUT_MAX = 20  # days on which it does not happen, within 90 days
_LOCAL = "%Y%m%dT%H%M%S"
_LINES = re.compile(
    r"DTSTART;TZID=(?P<zone>[^:;\n]+):(?P<start>\d{8}T\d{6})\n"
    r"RRULE:(?P<rule>[^\n]+)"
    r"(\nEXDATE;TZID=[^:;\n]+;VALUE=DATE:(?P<left_out>[\d,]+))?"
)


@value
class Series:
    """A rule, where it begins, and in whose time. `start` is local; a time alone means from today on."""

    rule: Rule
    start: datetime | time
    time_zone: str
    until_ms: int | None = None
    left_out: tuple[date, ...] = ()

    def zone(self) -> ZoneInfo:
        """Return the rules of its time zone."""
        zone = zone_of(self.time_zone)
        if zone is None:
            hint = "name one such as Europe/Madrid or America/Santiago"
            raise wrong_repeats("time_zone", f"there is no time zone {self.time_zone[:60]!r} on this hub", hint)
        return zone

    def times(self) -> list[tuple[int, int]]:
        """Return the hours and minutes of a day on which it happens."""
        return self.rule.times(self.start.hour, self.start.minute)

    def going_on(self, start: datetime, passed: int) -> "Series":
        """Return the same series from its moment `start` on, of which `passed` others are over."""
        ahead = tuple(day for day in self.left_out if day >= start.date())
        return replace(self, start=start, rule=self.rule.fewer(passed), left_out=ahead)

    def as_draft(self) -> dict[str, Any]:
        """Return the field of a draft that says this series."""
        said: dict[str, Any] = {"rule": str(self.rule), "time_zone": self.time_zone}
        is_moment = isinstance(self.start, datetime)
        said["start"] = self.start.isoformat() if is_moment else self.start.isoformat("minutes")
        if self.until_ms is not None:
            said["until"] = rfc3339(self.until_ms)
        if self.left_out:
            said["except"] = [day.isoformat() for day in self.left_out]
        return said

    def as_text(self) -> str:
        """Return the lines that a body keeps; `start` must be a moment."""
        assert isinstance(self.start, datetime)
        until = "" if self.until_ms is None else f";UNTIL={re.sub('[-:]', '', rfc3339(self.until_ms))}"
        lines = [f"DTSTART;TZID={self.time_zone}:{self.start.strftime(_LOCAL)}", f"RRULE:{self.rule}{until}"]
        if self.left_out:
            days = ",".join(day.strftime("%Y%m%d") for day in self.left_out)
            lines.append(f"EXDATE;TZID={self.time_zone};VALUE=DATE:{days}")
        return "\n".join(lines)


def read_text(text: Any) -> Series | None:
    """Return the series that a body keeps, or None where it says none that we can read: others may have written it."""
    found = _LINES.fullmatch(text) if isinstance(text, str) else None
    if found is None or not is_zone_name(found["zone"]):
        return None
    try:
        rule, until = read_rule(found["rule"])
        # One without its offset would have to be read in the zone, which may not be known here; ours are all in UTC.
        end_ms = None if until is None else _ms(datetime.fromisoformat(until))
        start = datetime.fromisoformat(found["start"])
        days = tuple(_compact_day(day) for day in (found["left_out"] or "").split(",") if day)
    except (BoardError, TypeError, ValueError):
        return None
    return Series(rule, start, found["zone"], end_ms, days)


def _compact_day(text: str) -> date:
    if len(text) != 8:
        raise ValueError("a day has eight digits")
    return date.fromisoformat(text)


def read_repeats(said: Any) -> Series:
    """Return the series of a draft, or raise `BoardError` with a pointer below `/repeats`."""
    if not isinstance(said, dict):
        hint = '{"rule": "FREQ=WEEKLY;BYDAY=TU,FR", "start": "2026-11-24T18:00"}'
        raise BoardError("bad_draft", "repeats is an object with rule and start", hint, "/repeats")
    for name in said:
        if name not in FIELDS:
            detail, hint = f"repeats has no field {str(name)[:60]!r}", f"known fields: {', '.join(FIELDS)}"
            raise BoardError("bad_draft", detail, hint, "/repeats")
    said = {name: value for name, value in said.items() if value is not None}
    rule, rule_until = read_rule(said.get("rule"))
    series = Series(rule, time(), _zone_name(said.get("time_zone")))
    zone = series.zone()
    start = _start(said.get("start"), rule, zone)
    return replace(series, start=start, until_ms=_until(said, rule, rule_until, zone), left_out=_left_out(said))


def wrong_repeats(name: str, detail: str, hint: str) -> BoardError:
    """Make the error for one field of `repeats`."""
    return BoardError("bad_draft", detail, hint, f"/repeats/{name}")


def _zone_name(said: Any) -> str:
    if said is None:
        said = own_zone_name()
        if said is None:
            detail = "this hub's time zone has no name, so it must be said in whose time this is"
            raise wrong_repeats("time_zone", detail, "name one such as Europe/Madrid or America/Santiago")
    if not is_zone_name(said):
        raise wrong_repeats(
            "time_zone", "time_zone is the name of a time zone", "such as Europe/Madrid or America/Santiago"
        )
    return str(said)


def _start(said: Any, rule: Rule, zone: ZoneInfo) -> datetime | time:
    start: datetime | time
    detail, hint = "repeats needs a start: its first day, with its time", "as 2026-11-24T18:00, or 18:00 from today on"
    if not isinstance(said, str) or ":" not in said:
        raise wrong_repeats("start", detail, hint)
    try:
        start = time.fromisoformat(said) if re.fullmatch(r"\d\d:\d\d", said) else _local(said, zone)
    except (ValueError, OverflowError) as error:
        raise wrong_repeats("start", detail, hint) from error
    if not isinstance(start, datetime) and rule.interval > 1:
        hint = "write its day too, as 2026-11-24T18:00"
        raise wrong_repeats("start", "with INTERVAL it matters on which day it starts", hint)
    return start


def _local(text: str, zone: ZoneInfo) -> datetime:
    """Return a local time in whole minutes, without its zone: text is in that of the zone, or has an offset."""
    moment = datetime.fromisoformat(text)
    local = moment if moment.tzinfo is None else moment.astimezone(zone)
    return local.replace(second=0, microsecond=0, tzinfo=None)


def _until(said: dict[str, Any], rule: Rule, rule_until: str | None, zone: ZoneInfo) -> int | None:
    name = "rule" if rule_until is not None else "until"
    text = said.get("until")
    if text is not None and (rule_until is not None or rule.count is not None):
        other = "UNTIL" if rule_until is not None else "COUNT"
        raise wrong_repeats("until", f"the rule says {other} already", f"leave out until, or {other}")
    text = rule_until if text is None else text
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if len(text) <= 10:  # a day alone is the whole of it
            moment = moment.replace(hour=23, minute=59, second=59)
        return _ms((moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC))
    except (TypeError, ValueError, OverflowError) as error:
        raise wrong_repeats(name, "until is a day, or a time", "write it as 2026-12-31 or 2026-12-31T18:00") from error


def _left_out(said: dict[str, Any]) -> tuple[date, ...]:
    days = said.get("except", [])
    if not isinstance(days, list) or len(days) > LEFT_OUT_MAX:
        raise wrong_repeats("except", f"except is a list of at most {LEFT_OUT_MAX} days", 'write it as ["2026-12-25"]')
    found = set()
    for index, day in enumerate(days):
        try:
            found.add(date.fromisoformat(day))
        except (TypeError, ValueError) as error:
            raise wrong_repeats(f"except/{index}", "this is no day", "write it as 2026-12-25") from error
    return tuple(sorted(found))


def _ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
