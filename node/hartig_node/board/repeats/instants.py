"""From a rule of repetition to the moments that a record names, when it is written (design, section 5).

In: a series, and what time it is. Out: at most 52 rising moments in ms. No verdict ever expands a rule: once written,
the moments are facts like any others. Who calls: `dating`.

**Time changes.** A time is a time on the wall: 18:00 stays 18:00. One that the clock skips is as much later as the
clock is put forward (02:30 becomes 03:30); of one that comes twice it is the first (RFC 5545, section 3.3.5).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from hartig_node.board.repeats.recurrence import FREQUENCIES, TIMES_A_DAY_MAX, Rule
from hartig_node.board.repeats.repeating import Series, wrong_repeats
from hartig_node.reckoning import Reading
from hartig_protocol.limits import DATES_MAX, DAY_MS, LIFE_MS_MAX
from hartig_protocol.values import value

START_BACK = timedelta(days=370)  # a year: who says "since January" is understood, and 370 days are soon counted
_AHEAD = timedelta(milliseconds=LIFE_MS_MAX)
_AHEAD_UNSURE = timedelta(days=10 * 366)  # a board that does not know the time may be years behind the person before it
_DAYS_IN = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "YEARLY": 365}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@value
class Instants:
    """The moments of a series that lie ahead, and the series as it goes on with the first of them."""

    dates: list[int]
    series: Series


class _PeriodsOverError(Exception):
    """As many periods were looked at as lie before the end."""


class _Interval(int):
    """An interval that can be asked for so many times only.

    The library asks once for each day, week, month or year that it looks at, and where nothing matches it would look at
    all of them up to the year 9999. It has no other place at which it can be stopped between two matches.
    """

    left: int

    @classmethod
    def of(cls, interval: int, asked_max: int) -> Self:
        """Return an interval that may be asked for `asked_max` times."""
        made = cls(interval)
        made.left = asked_max
        return made

    def _ask(self) -> int:
        self.left -= 1
        if self.left < 0:
            raise _PeriodsOverError
        return int(self)

    def __radd__(self, other: int) -> int:
        return other + self._ask()

    def __mul__(self, other: int) -> int:
        return self._ask() * other


def expand(series: Series, reading: Reading, *, is_new: bool = True) -> Instants:
    """Return what a series gives in the 90 days ahead; where nobody knows the time, in those from its start on.

    Raises `BoardError` where it starts too early or, if `is_new`, too late to say: one that goes on may be between two
    moments that lie far apart.
    """
    zone = series.zone()
    now = _EPOCH + reading.wall_ms * _MS
    today = now.astimezone(zone).replace(tzinfo=None)
    start = series.start if isinstance(series.start, datetime) else datetime.combine(today, series.start)
    _check_start(start, today, _AHEAD if is_new and reading.trusted else _AHEAD_UNSURE)
    after_ms = reading.wall_ms if reading.trusted else max(reading.wall_ms, _instant(start, zone) - 1)
    end_ms = after_ms + LIFE_MS_MAX
    last_ms = end_ms if series.until_ms is None else min(end_ms, series.until_ms)
    end = (_EPOCH + (end_ms + DAY_MS) * _MS).replace(tzinfo=None)  # a day more than any zone is apart
    dates: set[int] = set()
    passed, begin = 0, None
    long_over = today - timedelta(days=1)  # no need to ask the zone about these
    for moment in _moments(series.rule, start, end):
        if moment < long_over and reading.trusted:
            passed += 1
            continue
        instant = _instant(moment, zone)
        if instant <= after_ms:
            passed += begin is None
            continue
        begin = begin or moment
        if instant > last_ms or len(dates) >= DATES_MAX + TIMES_A_DAY_MAX:
            break
        if moment.date() not in series.left_out:
            dates.add(instant)
    return Instants(sorted(dates)[:DATES_MAX], series.going_on(begin or start, passed if begin else 0))


def _check_start(start: datetime, today: datetime, ahead: timedelta) -> None:
    hint = "write the day with which it begins from now on, as 2026-11-24T18:00"
    if start < today - START_BACK:
        raise wrong_repeats("start", f"start lies more than {START_BACK.days} days back", hint)
    if start > today + ahead:
        raise wrong_repeats("start", f"start lies more than {ahead.days} days ahead", hint)


def _instant(moment: datetime, zone: ZoneInfo) -> int:
    """Return a local time as ms; `fold=0` is RFC 5545's rule for times that are skipped or come twice."""
    return (moment.replace(tzinfo=zone, fold=0) - _EPOCH) // _MS


def _moments(rule: Rule, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the local times of a rule from `start` on, until `end`."""
    # Late: a hub on which nothing repeats need not hold it (node/DESIGN.md, "Dependencies").
    from dateutil.rrule import rrule, weekday  # type: ignore[import-untyped]

    periods = (end - start).days // (_DAYS_IN[rule.frequency] * rule.interval) + 2
    lists: dict[str, Any] = {name.lower(): list(values) for name, values in rule.lists.items()}
    if rule.days:
        lists["byweekday"] = [weekday(day, which or None) for day, which in rule.days]
    count = {"count": rule.count} if rule.count is not None else {"until": end}
    made = rrule(
        FREQUENCIES.index(rule.frequency),
        dtstart=start,
        interval=_Interval.of(rule.interval, periods),
        wkst=rule.week_start,
        **count,
        **lists,
    )
    try:
        yield from made
    except _PeriodsOverError:
        return
