"""How a post repeats: said in options, and told in words."""

from typing import Any

import pytest

from hartig_node.board.repeats.recurrence import read_rule
from hartig_node.cli import exits
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.recurring import how_often, rule_of
from node.cli.conftest import Hartig
from node.client.fake_node import FakeNode, post

ONE = "1f2e3d4c" + "0" * 24
MEALS = ["offer", "food.cooked", "Warm meals", "--quantity", "40"]

EVERY = [
    ("day", "FREQ=DAILY"),
    ("weekday", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
    ("tuesday", "FREQ=WEEKLY;BYDAY=TU"),
    ("tuesdays", "FREQ=WEEKLY;BYDAY=TU"),
    ("Tuesday, fri", "FREQ=WEEKLY;BYDAY=TU,FR"),
    ("first-tuesday", "FREQ=MONTHLY;BYDAY=1TU"),
    ("second-thu,last-friday", "FREQ=MONTHLY;BYDAY=2TH,-1FR"),
]


@pytest.mark.parametrize(("every", "rule"), EVERY)
def test_plain_words_name_a_rule(every: str, rule: str) -> None:
    assert rule_of(every) == rule
    read_rule(rule)


@pytest.mark.parametrize(
    "every", ["", "t", "fortnight", "tuesday,", "day,tuesday", "sixth-monday", "first-day", "tuesdayss"]
)
def test_other_words_are_refused_with_those_that_there_are(every: str) -> None:
    with pytest.raises(UsageError) as caught:
        rule_of(every)
    assert "--repeat takes any rule" in (caught.value.hint or "")


def test_weeks_and_months_are_not_mixed() -> None:
    with pytest.raises(UsageError, match="mixes weeks and months"):
        rule_of("tuesday,first-friday")


SAID: list[tuple[list[str], dict[str, Any]]] = [
    (
        ["--every", "tuesday,friday", "--at", "18:00", "--until", "2026-12-31"],
        {"rule": "FREQ=WEEKLY;BYDAY=TU,FR", "start": "18:00", "until": "2026-12-31"},
    ),
    (
        [
            "--repeat",
            "FREQ=MONTHLY;BYMONTHDAY=1",
            "--at",
            "9:30",
            "--from",
            "2026-12-01",
            "--time-zone",
            "Europe/Madrid",
        ],
        {"rule": "FREQ=MONTHLY;BYMONTHDAY=1", "start": "2026-12-01T09:30", "time_zone": "Europe/Madrid"},
    ),
    (
        ["--every", "day", "--at", "18", "--except", "2026-12-25", "2026-12-26"],
        {"rule": "FREQ=DAILY", "start": "18:00", "except": ["2026-12-25", "2026-12-26"]},
    ),
]


@pytest.mark.parametrize(("options", "repeats"), SAID)
def test_a_new_post_says_how_it_repeats(
    hartig: Hartig, fake: FakeNode, options: list[str], repeats: dict[str, Any]
) -> None:
    assert hartig(*MEALS, *options).code == exits.OK
    assert fake.requests[-1].value["repeats"] == repeats


def test_a_change_may_say_a_part_of_it_or_take_it_away(hartig: Hartig, fake: FakeNode) -> None:
    fake.posts.append(post(ONE, "Warm meals"))
    assert hartig("revise", "1f2e3d4c", "--until", "2026-12-20").code == exits.OK
    assert fake.requests[-1].value == {"repeats": {"until": "2026-12-20"}}
    assert hartig("revise", "1f2e3d4c", "--every", "monday").code == exits.OK
    assert fake.requests[-1].value == {"repeats": {"rule": "FREQ=WEEKLY;BYDAY=MO"}}
    assert hartig("revise", "1f2e3d4c", "--clear", "repeats").code == exits.OK
    assert fake.requests[-1].value == {"repeats": None}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--every", "day"], "needs its time of day"),
        (["--from", "2026-12-01"], "--from needs its time of day"),
        (["--every", "day", "--at", "24:00"], "no time of day"),
        (["--every", "day", "--at", "noon"], "no time of day"),
        (["--every", "day", "--repeat", "FREQ=DAILY", "--at", "18:00"], "twice"),
    ],
)
def test_what_is_missing_is_said(hartig: Hartig, options: list[str], said: str) -> None:
    result = hartig(*MEALS, *options)
    assert result.code == exits.USAGE
    assert said in result.err


WORDS = [
    ("FREQ=WEEKLY;BYDAY=TU,FR", "every Tuesday and Friday at 18:00"),
    ("FREQ=WEEKLY", "every Tuesday at 18:00"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR", "every 2 weeks on Monday, Wednesday and Friday at 18:00"),
    ("FREQ=DAILY", "every day at 18:00"),
    ("FREQ=DAILY;INTERVAL=3;COUNT=5", "every 3 days at 18:00, 5 times"),
    ("FREQ=DAILY;BYHOUR=9,12;BYMINUTE=30", "every day at 09:30 and 12:30"),
    ("FREQ=MONTHLY", "every month on day 24 at 18:00"),
    ("FREQ=MONTHLY;BYMONTHDAY=1,15", "every month on day 1 and day 15 at 18:00"),
    ("FREQ=MONTHLY;BYDAY=2TU,-1FR", "every month on the second Tuesday and the last Friday at 18:00"),
    ("FREQ=MONTHLY;INTERVAL=2", "by the rule FREQ=MONTHLY;INTERVAL=2"),
    ("FREQ=YEARLY;BYMONTH=12", "by the rule FREQ=YEARLY;BYMONTH=12"),
    ("FREQ=DAILY;BYDAY=MO", "by the rule FREQ=DAILY;BYDAY=MO"),
    ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1", "by the rule FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1"),
]


@pytest.mark.parametrize(("rule", "words"), WORDS)
def test_how_often_in_words(rule: str, words: str) -> None:
    said = {"rule": rule, "start": "2026-11-24T18:00:00", "time_zone": "Europe/Madrid"}
    assert how_often({"repeats": said}) == f"{words} (Europe/Madrid)"


def test_an_end_is_told_and_a_post_that_does_not_repeat_says_nothing() -> None:
    said = {"rule": "FREQ=DAILY", "start": "2026-11-24T18:00:00", "until": "2026-12-31T23:59:59+00:00"}
    assert how_often({"repeats": said}).startswith("every day at 18:00, until ")
    assert how_often({}) == ""


def test_show_and_list_tell_how_often_and_when_next(hartig: Hartig, fake: FakeNode) -> None:
    repeats = {"rule": "FREQ=WEEKLY;BYDAY=TU,FR", "start": "2026-11-24T18:00:00", "time_zone": "Europe/Madrid"}
    dates = ["2026-11-24T17:00:00Z", "2026-11-27T17:00:00Z"]
    fake.posts.append(post(ONE, "Warm meals", repeats=repeats, dates=dates, next_date=dates[0]))
    shown = " ".join(hartig("show", "1f2e3d4c").out.split())
    assert "how often every Tuesday and Friday at 18:00 (Europe/Madrid)" in shown
    assert "next on Tue 24 Nov 2026 17:00" in shown
    listed = hartig("list").out
    assert "next 24 Nov 17:00" in listed
