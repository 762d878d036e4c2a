"""How a post repeats, in the words of a page: "every Tuesday and Friday at 18:00".

In: a post's view. Out: a sentence in the reader's language, or nothing where a rule has no plain words: its dates say
it all. Times are those on the wall where it happens, so the place is named where its clocks are not the hub's.
"""

from datetime import UTC, datetime, timedelta

from hartig_node.board.drafts.views import PostView
from hartig_node.board.repeats.recurrence import Rule
from hartig_node.board.repeats.repeating import Series
from hartig_node.board.repeats.zones import zone_of
from hartig_node.site.words import N_, Tongue

_WHICH = {
    1: N_("first"),
    2: N_("second"),
    3: N_("third"),
    4: N_("fourth"),
    5: N_("fifth"),
    -1: N_("last"),
}
_PLAIN_LISTS = frozenset({"BYMONTHDAY", "BYHOUR", "BYMINUTE"})


def how_often(tongue: Tongue, view: PostView) -> str:
    """Return a sentence such as "every Tuesday and Friday at 18:00"."""
    series = view.repeats
    if series is None or series.rule.lists.keys() - _PLAIN_LISTS:
        return ""
    times = _and(tongue, [f"{hour:02}:{minute:02}" for hour, minute in series.times()])
    words = _days(tongue, series, times)
    place = _place(tongue, view)
    if not words or not place:
        return words
    # Translators: for example "every day at 18:00 (the time in Santiago)".
    return tongue.say(N_("%(words)s (the time in %(place)s)")) % {"words": words, "place": place}


def _days(tongue: Tongue, series: Series, times: str) -> str:
    rule, start = series.rule, series.start
    days, in_month = rule.days, rule.lists.get("BYMONTHDAY")
    if isinstance(start, datetime) and not days and not in_month:  # then it is on the day of its start
        days = ((start.weekday(), 0),) if rule.frequency == "WEEKLY" else ()
        in_month = (start.day,) if rule.frequency == "MONTHLY" else None
    return _sentence(tongue, rule, [_day(tongue, *day) for day in days], in_month, times)


def _sentence(tongue: Tongue, rule: Rule, days: list[str], in_month: tuple[int, ...] | None, times: str) -> str:
    values = {"days": _and(tongue, days) if days else "", "times": times, "interval": rule.interval}
    if rule.frequency == "DAILY" and not days and not in_month:
        return _each_day(tongue, rule.interval) % values
    if rule.frequency == "WEEKLY" and days:
        return _each_week(tongue, rule.interval) % values
    if rule.frequency != "MONTHLY" or rule.interval != 1 or bool(days) == bool(in_month):
        return ""
    if in_month:
        numbers = _and(tongue, [str(day) for day in in_month])
        # Translators: days of the month by their numbers, for example "every month on day 1 and 15 at 18:00".
        return tongue.say(N_("every month on day %(days)s at %(times)s")) % {"days": numbers, "times": times}
    # Translators: for example "every month on the second Tuesday at 18:00".
    return tongue.say(N_("every month on the %(days)s at %(times)s")) % values


def _each_day(tongue: Tongue, interval: int) -> str:
    if interval == 1:
        return tongue.say(N_("every day at %(times)s"))
    return tongue.sentences.ngettext(
        "every %(interval)d day at %(times)s", "every %(interval)d days at %(times)s", interval
    )


def _each_week(tongue: Tongue, interval: int) -> str:
    if interval == 1:
        # Translators: for example "every Tuesday and Friday at 18:00".
        return tongue.say(N_("every %(days)s at %(times)s"))
    return tongue.sentences.ngettext(
        "every %(interval)d week on %(days)s at %(times)s",
        "every %(interval)d weeks on %(days)s at %(times)s",
        interval,
    )


def _day(tongue: Tongue, weekday: int, which: int) -> str:
    name = tongue.weekday(weekday)
    if not which:
        return name
    # Translators: one of the month, for example "second Tuesday".
    ordinal = tongue.say(_WHICH[which]) if which in _WHICH else str(which)
    return tongue.say(N_("%(which)s %(weekday)s")) % {"which": ordinal, "weekday": name}


def _and(tongue: Tongue, words: list[str]) -> str:
    if len(words) == 1:
        return words[0]
    return tongue.say(N_("%(words)s and %(last)s")) % {"words": ", ".join(words[:-1]), "last": words[-1]}


def _place(tongue: Tongue, view: PostView) -> str:
    """Return the place whose time a rule is in, where it is not the hub's own time by the next of its dates."""
    dates = view.facts.get("dates")
    if view.repeats is None or not dates:
        return ""
    named, zone = view.repeats.time_zone.rpartition("/")[2].replace("_", " "), zone_of(view.repeats.time_zone)
    moment_ms = dates[0] if view.next_ms is None else view.next_ms
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)
        is_own = zone is not None and moment.astimezone(zone).utcoffset() == tongue.offset_at(moment_ms)
    except (OverflowError, ValueError, OSError):  # what others wrote may lie beyond every calendar
        return named
    return "" if is_own else named
