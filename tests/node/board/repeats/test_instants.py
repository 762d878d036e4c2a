"""From rules to moments: bounds, order, time changes, and rules that would be much work."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_node.board.errors import BoardError
from hartig_node.board.repeats import instants
from hartig_node.board.repeats.instants import Instants, expand
from hartig_node.board.repeats.repeating import read_repeats
from hartig_node.board.times import parse_rfc3339, rfc3339
from hartig_node.reckoning import Reading, Source
from hartig_protocol.limits import DATES_MAX, DAY_MS, HOUR_MS, LIFE_MS_MAX

NOW = "2026-11-22T12:00:00Z"
NOW_MS = parse_rfc3339(NOW)
WORK_MAX = 500  # periods that may be looked at: the days of a year and three months, and no more


def made(
    rule: str,
    start: str = "2026-11-22T18:00",
    zone: str = "UTC",
    now: str = NOW,
    trusted: bool = True,
    **more: object,
) -> Instants:
    series = read_repeats({"rule": rule, "start": start, "time_zone": zone, **more})
    return expand(series, Reading(parse_rfc3339(now), Source.SYSTEM if trusted else Source.NOBODY))


def dates(*arguments: str, **more: object) -> list[str]:
    return [rfc3339(moment) for moment in made(*arguments, **more).dates]  # type: ignore[arg-type]


# --- What a rule gives

PLAIN = [
    ("FREQ=WEEKLY;BYDAY=TU,FR;COUNT=3", ["2026-11-24T18:00:00Z", "2026-11-27T18:00:00Z", "2026-12-01T18:00:00Z"]),
    ("FREQ=WEEKLY;INTERVAL=2;COUNT=2", ["2026-11-22T18:00:00Z", "2026-12-06T18:00:00Z"]),
    ("FREQ=MONTHLY;BYDAY=-1FR", ["2026-11-27T18:00:00Z", "2026-12-25T18:00:00Z", "2027-01-29T18:00:00Z"]),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        ["2026-11-30T18:00:00Z", "2026-12-31T18:00:00Z", "2027-01-29T18:00:00Z"],
    ),
    ("FREQ=MONTHLY;BYMONTHDAY=31", ["2026-12-31T18:00:00Z", "2027-01-31T18:00:00Z"]),
    ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24", ["2026-12-24T18:00:00Z"]),
    ("FREQ=DAILY;BYHOUR=9,21;BYMINUTE=30;COUNT=2", ["2026-11-22T21:30:00Z", "2026-11-23T09:30:00Z"]),
    ("FREQ=DAILY;UNTIL=20261123", ["2026-11-22T18:00:00Z", "2026-11-23T18:00:00Z"]),
    ("FREQ=DAILY;UNTIL=20261123T180000Z", ["2026-11-22T18:00:00Z", "2026-11-23T18:00:00Z"]),
    ("FREQ=DAILY;UNTIL=20261123T175959Z", ["2026-11-22T18:00:00Z"]),
]


@pytest.mark.parametrize(("rule", "expected"), PLAIN)
def test_a_rule_gives_its_moments(rule: str, expected: list[str]) -> None:
    assert dates(rule) == expected


def test_days_can_be_left_out_and_count_all_the_same() -> None:
    some = {"except": ["2026-11-23", "2026-12-24"]}
    assert dates("FREQ=DAILY;COUNT=3", **some) == ["2026-11-22T18:00:00Z", "2026-11-24T18:00:00Z"]


def test_a_day_left_out_stays_so_where_the_series_goes_on_with_it() -> None:
    some = {"except": ["2026-11-22"]}
    assert dates("FREQ=DAILY;COUNT=2", **some) == ["2026-11-23T18:00:00Z"]
    kept = made("FREQ=DAILY;COUNT=2", **some).series  # type: ignore[arg-type]
    assert [rfc3339(one) for one in expand(kept, Reading(NOW_MS, Source.SYSTEM)).dates] == ["2026-11-23T18:00:00Z"]


def test_the_library_is_imported_when_the_first_repeating_post_is_written() -> None:
    code = "import sys, hartig_node.board.posts.posts; sys.exit('dateutil' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_has_passed_is_not_among_them_and_not_in_what_is_kept() -> None:
    instants_made = made("FREQ=DAILY;COUNT=30", "2026-11-01T18:00", **{"except": ["2026-11-02", "2026-11-30"]})
    assert [rfc3339(one) for one in instants_made.dates][:1] == ["2026-11-22T18:00:00Z"]
    assert len(instants_made.dates) == 8
    kept = instants_made.series.as_draft()
    assert (kept["rule"], kept["start"], kept["except"]) == (
        "FREQ=DAILY;COUNT=9",
        "2026-11-22T18:00:00",
        ["2026-11-30"],
    )


def test_a_time_alone_begins_today_by_the_clocks_of_its_zone() -> None:
    assert dates("FREQ=DAILY;COUNT=1", "00:30", "Pacific/Auckland") == []  # it is past one in the morning of the 23rd
    assert dates("FREQ=DAILY;COUNT=1", "02:30", "Pacific/Auckland") == ["2026-11-22T13:30:00Z"]


def test_a_start_too_far_back_or_ahead_is_refused() -> None:
    for start in ("2025-11-16T18:00", "0001-01-01T00:00", "2027-02-21T18:00", "9999-12-31T23:59"):
        with pytest.raises(BoardError, match="start lies more than") as caught:
            made("FREQ=DAILY", start)
        assert caught.value.pointer == "/repeats/start"


def test_where_nobody_knows_the_time_the_start_says_what_is_ahead() -> None:
    far = made("FREQ=WEEKLY;BYDAY=TU", "2028-05-01T18:00", trusted=False)
    assert rfc3339(far.dates[0]) == "2028-05-02T18:00:00Z"
    assert far.dates[-1] - far.dates[0] < LIFE_MS_MAX
    assert dates("FREQ=DAILY;COUNT=2", "2026-11-01T18:00", trusted=False) == []
    with pytest.raises(BoardError, match="start lies more than"):
        made("FREQ=DAILY", "9999-12-31T23:59", trusted=False)


# --- Time changes

SKIPPED_AND_TWICE = [  # the day, the time and the hours from UTC of three mornings or evenings
    # On the last Sunday of March 02:00 becomes 03:00, of October 03:00 becomes 02:00.
    (
        "Europe/Madrid", "2026-03-28T02:30", "2026-03-27T12:00:00Z",
        ["28 02:30 +1.0", "29 03:30 +2.0", "30 02:30 +2.0"],
    ),
    (
        "Europe/Madrid", "2026-10-24T02:30", "2026-10-23T12:00:00Z",
        ["24 02:30 +2.0", "25 02:30 +2.0", "26 02:30 +1.0"],
    ),
    # In Chile midnight itself is skipped in September, and in April the hour before it comes twice.
    (
        "America/Santiago", "2026-09-05T00:30", "2026-09-04T12:00:00Z",
        ["05 00:30 -4.0", "06 01:30 -3.0", "07 00:30 -3.0"],
    ),
    (
        "America/Santiago", "2026-04-03T23:30", "2026-04-03T12:00:00Z",
        ["03 23:30 -3.0", "04 23:30 -3.0", "05 23:30 -4.0"],
    ),
    (
        "Pacific/Auckland", "2026-09-26T02:30", "2026-09-25T12:00:00Z",
        ["26 02:30 +12.0", "27 03:30 +13.0", "28 02:30 +13.0"],
    ),
    (
        "Pacific/Auckland", "2027-04-03T02:30", "2027-04-02T12:00:00Z",
        ["03 02:30 +13.0", "04 02:30 +13.0", "05 02:30 +12.0"],
    ),
    (
        "Asia/Kathmandu", "2026-11-23T02:30", NOW,
        ["23 02:30 +5.75", "24 02:30 +5.75", "25 02:30 +5.75"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "start", "now", "expected"), SKIPPED_AND_TWICE)
def test_a_time_that_is_skipped_or_comes_twice(zone: str, start: str, now: str, expected: list[str]) -> None:
    seen = []
    for moment in made("FREQ=DAILY;COUNT=3", start, zone, now).dates:
        local = datetime.fromtimestamp(moment / 1000, ZoneInfo(zone))
        seen.append(f"{local:%d %H:%M} {(local.utcoffset() or timedelta()) / timedelta(hours=1):+}")
    assert seen == expected


def test_a_skipped_time_that_falls_on_another_is_one_moment() -> None:
    on_the_day = made(
        "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=30;COUNT=4", "2026-03-28T02:30", "Europe/Madrid", "2026-03-27T12:00:00Z"
    )
    assert len(on_the_day.dates) == 3


ZONES = ["Europe/Madrid", "America/Santiago", "Pacific/Auckland", "Asia/Kathmandu", "America/Port-au-Prince", "UTC"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("now", ["2026-02-15T12:00:00Z", "2026-08-15T12:00:00Z", NOW])
def test_every_tuesday_at_six_stays_at_six(zone: str, now: str) -> None:
    series = made("FREQ=WEEKLY;BYDAY=TU", "18:00", zone, now)
    told = {f"{datetime.fromtimestamp(one / 1000, ZoneInfo(zone)):%a %H:%M}" for one in series.dates}
    assert told == {"Tue 18:00"}
    assert len(series.dates) in (12, 13)
    hours = {(after - before) // HOUR_MS for before, after in pairwise(series.dates)}
    changes = zone not in {"Asia/Kathmandu", "UTC"} and now != NOW
    assert hours - {168} or not changes  # else the year has no time change in it, and nothing was shown


# --- Rules that would be much work


class Asked:
    """Counts the periods that the library looks at."""

    def __init__(self) -> None:
        self.times = 0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    counting = Asked()
    ask = instants._Interval._ask

    def counted(self: instants._Interval) -> int:
        counting.times += 1
        return ask(self)

    monkeypatch.setattr(instants._Interval, "_ask", counted)
    yield counting
    assert counting.times <= WORK_MAX


NEVER = [
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
    "FREQ=WEEKLY;BYDAY=MO;BYMONTH=7",
    "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2,4,6",
    "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=366",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
    "FREQ=YEARLY;BYDAY=53MO;BYMONTH=1",
]


@pytest.mark.parametrize("start", ["2026-11-22T18:00", "2025-11-20T18:00"])
@pytest.mark.parametrize("rule", NEVER)
def test_a_rule_that_never_matches_soon_ends(rule: str, start: str, asked: Asked) -> None:
    assert made(rule, start).dates == []
    assert asked.times > 0


MUCH = [
    "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11",
    "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11;COUNT=1000000",
    "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=" + ",".join(map(str, range(326, 360))),
    "FREQ=DAILY;UNTIL=99991231T235959Z",
]


@pytest.mark.parametrize("rule", MUCH)
def test_a_rule_that_gives_very_much_gives_no_more_than_a_record_holds(rule: str, asked: Asked) -> None:
    given_dates = made(rule, "2025-11-20T18:00").dates
    assert 30 < len(given_dates) <= DATES_MAX
    assert given_dates[0] > NOW_MS


# --- Whatever the rule

rules = st.builds(
    lambda head, *parts: ";".join([head, *(part for part in parts if part)]),
    st.sampled_from(
        ["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=TU,FR", "FREQ=WEEKLY;WKST=SU;BYDAY=SU,MO", "FREQ=MONTHLY",
         "FREQ=MONTHLY;BYMONTHDAY=1,-1", "FREQ=MONTHLY;BYDAY=2TU,-1FR", "FREQ=YEARLY;BYMONTH=1,12;BYDAY=MO",
         "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1"]
    ),
    st.sampled_from(["", "INTERVAL=2", "INTERVAL=3"]),
    st.sampled_from(["", "COUNT=1", "COUNT=7", "COUNT=60"]),
    st.sampled_from(["", "BYHOUR=2,3,14"]),
)  # fmt: skip
moments_of_a_year = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + minutes * timedelta(minutes=1)
)
any_times = st.tuples(moments_of_a_year, st.integers(-300, 80), st.integers(0, 23))


def local_start(now: datetime, days: int, hour: int) -> str:
    return (now + timedelta(days=days)).strftime(f"%Y-%m-%dT{hour:02}:30")


@given(rules, st.sampled_from(ZONES), any_times, st.booleans())
def test_moments_rise_and_lie_within_the_longest_life(
    rule: str, zone: str, times: tuple[datetime, int, int], trusted: bool
) -> None:
    now_ms = int(times[0].timestamp()) * 1000
    series = made(rule, local_start(*times), zone, rfc3339(now_ms), trusted)
    begin = series.dates[0] if series.dates and not trusted else now_ms
    assert len(series.dates) <= DATES_MAX
    assert all(before < after for before, after in pairwise(series.dates))
    assert all(now_ms < one <= max(begin, now_ms) + LIFE_MS_MAX for one in series.dates)


@given(rules, st.sampled_from(ZONES), any_times, st.integers(0, 80), st.sets(st.integers(0, 30), max_size=5))
def test_going_on_later_gives_what_the_first_rule_would_have_given(
    rule: str, zone: str, times: tuple[datetime, int, int], later_days: int, left_out: set[int]
) -> None:
    now_ms = int(times[0].timestamp()) * 1000
    later = Reading(now_ms + later_days * DAY_MS, Source.SYSTEM)
    days = [(times[0] + timedelta(days=day)).date().isoformat() for day in sorted(left_out)]
    said = {"rule": rule, "start": local_start(*times), "time_zone": zone, "except": days}
    if times[1] - later_days < -365:
        return
    first = read_repeats(said)
    kept = expand(first, Reading(now_ms, Source.SYSTEM)).series
    assert expand(kept, later, is_new=False).dates == expand(first, later, is_new=False).dates
