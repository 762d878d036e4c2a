"""What the desk's forms say beyond the neighbours': who may see it, who gets it, when, and what it is a part of.

In: what somebody typed. Out: a draft for the board, and a sentence for each field that is not right, as in
`site.forms`. Days and times are those on the wall of the hub. Who calls: `taking.py`.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hartig_node.board.errors import BoardError
from hartig_node.board.times import rfc3339
from hartig_node.site import forms
from hartig_node.site.forms import BAD_CHOICE, CheckedForm, Typed
from hartig_node.site.words import N_, RULES

AUDIENCES = {
    "network": N_("Everybody at the hubs of this network"),
    "hub": N_("Only people at this hub"),
    "partners": N_("This network and partner networks"),
}
WAYS_OF_SHARING = {
    "ask": N_("We decide with those who ask"),
    "first": RULES["first"],
    "fair": RULES["fair"],
    "open": N_("Whoever comes takes"),
}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DATE_FIELDS = ("date1", "date2", "date3", "date4")
MORE_FIELDS = ("people", "audience", "rule", "closes", "parent", *DATE_FIELDS, "on", "time", "until")
PEOPLE_MAX = 100_000

BAD_MOMENT = N_("Write a day and a time, such as 2026-11-24 18:00.")
BAD_TIME = N_("Write a time, such as 18:00.")
BAD_DAY = N_("Write a day, such as 2026-12-31.")
OVER_ALREADY = N_("This lies in the past.")
NEEDS_TIME = N_("Say at what time, too.")
NEEDS_DAY = N_("Choose on which days of the week, too.")
ONE_OR_THE_OTHER = N_("Say single days, or every week, not both.")
BAD_PEOPLE = N_("Write a whole number, such as 4, or leave it empty.")
ONLY_WHEN_SHARED = N_("This goes only with sharing out evenly. Choose that, or leave it empty.")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check(kind: str, typed: Typed, now_ms: int) -> CheckedForm:
    """Check the form of a need or an offer; `now_ms` is 0 while nobody knows the time."""
    checked = forms.check_post(kind, typed)
    draft, problems = dict(checked.draft), dict(checked.problems)
    draft.update(_people(typed, problems))
    audience = _one_of("audience", typed, AUDIENCES, problems)
    if audience != "network":
        draft["audience"] = audience
    if kind == "offer":
        draft.update(_sharing(typed, problems, now_ms))
    if typed["parent"]:
        draft["parent"] = typed["parent"]
    draft.update(_dates(typed, problems, now_ms))
    return CheckedForm(draft, problems)


def problem_at(error: BoardError) -> dict[str, str]:
    """Return what the board found wrong in a draft, by field of the form; empty where it names no field of it."""
    field, _, within = error.pointer.removeprefix("/").partition("/")
    if field == "repeats":
        return {{"until": "until", "start": "time"}.get(within, "on"): BAD_CHOICE}
    if field == "dates":
        return {"date1": BAD_MOMENT}
    return {field: BAD_CHOICE} if field in MORE_FIELDS else forms.problem_at(error)


def _one_of(name: str, typed: Typed, allowed: dict[str, str], problems: dict[str, str]) -> str:
    chosen = typed[name] or next(iter(allowed))
    if chosen not in allowed:
        problems[name] = BAD_CHOICE
    return chosen


def _people(typed: Typed, problems: dict[str, str]) -> dict[str, Any]:
    text = typed["people"].strip()
    if not text:
        return {}
    if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 0 < int(text) <= PEOPLE_MAX):
        problems["people"] = BAD_PEOPLE
        return {}
    return {"people": int(text)}


def _sharing(typed: Typed, problems: dict[str, str], now_ms: int) -> dict[str, Any]:
    rule = _one_of("rule", typed, WAYS_OF_SHARING, problems)
    if typed["closes"].strip() and rule != "fair":
        problems["closes"] = ONLY_WHEN_SHARED
    if typed["level"] or rule == "ask":
        return {}  # from an open shelf people take; that people decide is the board's default
    closes = _moment("closes", typed, problems, now_ms) if rule == "fair" else None
    return {"rule": rule} if closes is None else {"rule": rule, "closes": closes}


def _dates(typed: Typed, problems: dict[str, str], now_ms: int) -> dict[str, Any]:
    dates = [_moment(name, typed, problems, now_ms) for name in DATE_FIELDS if typed[name].strip()]
    weekdays = [day for day in WEEKDAYS if typed[f"on_{day}"]]
    if dates and weekdays:
        problems["on"] = ONE_OR_THE_OTHER
    if weekdays:
        return {"repeats": _weekly(weekdays, typed, problems)}
    if typed["time"].strip() or typed["until"].strip():
        problems["on"] = NEEDS_DAY
    return {"dates": dates} if dates else {}


def _weekly(weekdays: list[str], typed: Typed, problems: dict[str, str]) -> dict[str, str]:
    at, until = typed["time"].strip(), typed["until"].strip()
    repeats = {"rule": f"FREQ=WEEKLY;BYDAY={','.join(weekdays)}"}
    if not at:
        problems["time"] = NEEDS_TIME
    try:
        repeats["start"] = time.fromisoformat(at or "00:00").isoformat("minutes")
    except ValueError:
        problems["time"] = BAD_TIME
    try:
        repeats |= {"until": date.fromisoformat(until).isoformat()} if until else {}
    except ValueError:
        problems["until"] = BAD_DAY
    return repeats


def _moment(name: str, typed: Typed, problems: dict[str, str], now_ms: int) -> str | None:
    """Return a time on the hub's wall as RFC 3339 text."""
    text = typed[name].strip()
    if not text:
        return None
    try:
        moment_ms = (datetime.fromisoformat(text).astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError, OSError):  # what was typed may lie beyond every calendar
        problems[name] = BAD_MOMENT
        return None
    if moment_ms <= now_ms:
        problems[name] = OVER_ALREADY
    return rfc3339(moment_ms)
