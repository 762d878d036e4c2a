"""The text of a rule, and what is said of a wrong one."""

from typing import Any

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.repeats.recurrence import TIMES_A_DAY_MAX, read_rule

GOOD = [
    ("FREQ=WEEKLY;BYDAY=TU,FR;COUNT=10", "FREQ=WEEKLY;BYDAY=TU,FR;COUNT=10"),
    (" rrule:freq=weekly;byday=tu, fr ; ", "FREQ=WEEKLY;BYDAY=TU,FR"),
    ("FREQ=MONTHLY;BYDAY=-1FR,+2TU", "FREQ=MONTHLY;BYDAY=-1FR,+2TU"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
    ("FREQ=DAILY;INTERVAL=3;BYHOUR=9,12;BYMINUTE=30", "FREQ=DAILY;INTERVAL=3;BYHOUR=9,12;BYMINUTE=30"),
    ("FREQ=YEARLY;BYMONTH=11,12;BYMONTHDAY=-1;WKST=SU", "FREQ=YEARLY;BYMONTH=11,12;BYMONTHDAY=-1;WKST=SU"),
]


@pytest.mark.parametrize(("text", "read"), GOOD)
def test_a_rule_is_kept_as_it_was_written(text: str, read: str) -> None:
    rule, until = read_rule(text)
    assert str(rule) == read
    assert until is None
    assert read_rule(str(rule))[0] == rule


def test_the_end_stands_beside_the_rule() -> None:
    rule, until = read_rule("FREQ=DAILY;UNTIL=20261231T225959Z;INTERVAL=2")
    assert (str(rule), until) == ("FREQ=DAILY;INTERVAL=2", "20261231T225959Z")


def test_times_are_those_of_the_start_where_the_rule_names_none() -> None:
    assert read_rule("FREQ=DAILY")[0].times(18, 5) == [(18, 5)]
    assert read_rule("FREQ=DAILY;BYHOUR=12,9;BYMINUTE=30,0")[0].times(18, 5) == [(9, 0), (9, 30), (12, 0), (12, 30)]


def test_a_count_goes_down_with_what_has_passed() -> None:
    rule, _ = read_rule("FREQ=DAILY;COUNT=10")
    assert str(rule.fewer(3)) == "FREQ=DAILY;COUNT=7"
    assert rule.fewer(3).count == 7
    assert rule.fewer(0) is rule
    endless, _ = read_rule("FREQ=DAILY")
    assert endless.fewer(3) is endless


# A wrong rule, what is said of it, and what the hint tells to write instead.
WRONG: list[tuple[Any, str, str]] = [
    (None, "is text", "FREQ=WEEKLY"),
    (5, "is text", "FREQ=WEEKLY"),
    ("", "is text", "FREQ=WEEKLY"),
    ("FREQ=DAILY;" * 50, "at most 200", "FREQ=WEEKLY"),
    ("FREQ=DÄILY", "plain letters", "FREQ=WEEKLY"),
    ("every tuesday", "no part of a rule", "NAME=VALUE"),
    ("FREQ=DAILY;;BYDAY=MO", "no part of a rule", "NAME=VALUE"),
    ("FREQ=DAILY;BYDAY=", "no part of a rule", "NAME=VALUE"),
    ("FREQ=DAILY;FREQ=WEEKLY", "FREQ twice", "say FREQ once"),
    ("BYDAY=MO", "FREQ is DAILY", "FREQ=WEEKLY"),
    ("FREQ=SECONDLY", "FREQ is DAILY", "FREQ=DAILY;BYHOUR=9,12,15"),
    ("FREQ=HOURLY;INTERVAL=2", "FREQ is DAILY", "FREQ=DAILY;BYHOUR=9,12,15"),
    ("FREQ=DAILY;BYSECOND=1", "BYSECOND cannot", "whole minutes"),
    ("FREQ=YEARLY;BYYEARDAY=200", "BYYEARDAY cannot", "BYMONTHDAY"),
    ("FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO cannot", "BYDAY"),
    ("FREQ=YEARLY;BYEASTER=1", "BYEASTER cannot", "FREQ=WEEKLY"),
    ("FREQ=DAILY;INTERVAL=0", "INTERVAL is a whole number from 1 to 99", "INTERVAL=1"),
    ("FREQ=DAILY;INTERVAL=1000000000", "INTERVAL is a whole number", "INTERVAL=1"),
    ("FREQ=DAILY;INTERVAL=-1", "INTERVAL is a whole number", "INTERVAL=1"),
    ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL is a whole number", "INTERVAL=1"),
    ("FREQ=DAILY;COUNT=1000000000", "COUNT is a whole number", "leave COUNT out"),
    ("FREQ=DAILY;COUNT=" + "9" * 150, "COUNT is a whole number", "leave COUNT out"),
    ("FREQ=DAILY;COUNT=0", "COUNT is a whole number", "leave COUNT out"),
    ("FREQ=DAILY;COUNT=3;UNTIL=20261231", "without COUNT", "until"),
    ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL is a day or a time", "UNTIL=20261231"),
    ("FREQ=DAILY;BYMONTH=13", "from 1 to 12", "BYMONTH=1"),
    ("FREQ=DAILY;BYMONTH=-1", "from 1 to 12", "BYMONTH=1"),
    ("FREQ=MONTHLY;BYMONTHDAY=32", "count from the end", "BYMONTHDAY=1"),
    ("FREQ=MONTHLY;BYMONTHDAY=0", "count from the end", "BYMONTHDAY=1"),
    ("FREQ=DAILY;BYHOUR=24", "from 0 to 23", "BYHOUR=0"),
    ("FREQ=DAILY;BYMINUTE=60", "from 0 to 59", "BYMINUTE=0"),
    ("FREQ=DAILY;BYHOUR=9,,12", "whole number", "BYHOUR=0"),
    ("FREQ=WEEKLY;BYDAY=TUESDAY", "is no day", "MO, TU"),
    ("FREQ=WEEKLY;BYDAY=2TU", "no day of weekly", "FREQ=MONTHLY"),
    ("FREQ=DAILY;BYDAY=1MO", "no day of daily", "FREQ=MONTHLY"),
    ("FREQ=MONTHLY;BYDAY=6MO", "no day of monthly", "second Tuesday"),
    ("FREQ=MONTHLY;BYDAY=0MO", "no day of monthly", "second Tuesday"),
    ("FREQ=WEEKLY;WKST=8", "WKST is the day", "WKST=MO"),
    ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1", "BYSETPOS chooses", "BYSETPOS=-1"),
    ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS chooses", "BYSETPOS=-1"),
    ("FREQ=WEEKLY;BYMONTHDAY=13", "BYMONTHDAY does not go", "FREQ=MONTHLY"),
    ("FREQ=DAILY;BYHOUR=9,10,11,12;BYMINUTE=0,15,30,45", "too many times", f"at most {TIMES_A_DAY_MAX}"),
]


@pytest.mark.parametrize(("text", "said", "hint"), WRONG)
def test_a_wrong_rule_says_what_to_write_instead(text: Any, said: str, hint: str) -> None:
    with pytest.raises(BoardError) as caught:
        read_rule(text)
    error = caught.value
    assert (error.code, error.pointer) == ("bad_draft", "/repeats/rule")
    assert said in error.detail
    assert hint in error.hint
    assert len(error.detail) < 120
