"""What a draft says of repeating, and the text that a body keeps of it."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_node.board.errors import BoardError
from hartig_node.board.repeats import repeating
from hartig_node.board.repeats.repeating import Series, read_repeats, read_text
from hartig_protocol.limits import REPEATS_BYTES_MAX

SAID: dict[str, Any] = {"rule": "FREQ=WEEKLY;BYDAY=TU,FR", "start": "2026-11-24T18:00", "time_zone": "Europe/Madrid"}
TEXT = "DTSTART;TZID=Europe/Madrid:20261124T180000\nRRULE:FREQ=WEEKLY;BYDAY=TU,FR"


def test_a_series_is_kept_as_lines_that_any_calendar_reads() -> None:
    series = read_repeats(SAID)
    assert series.as_text() == TEXT
    assert read_text(TEXT) == series
    full = read_repeats({**SAID, "until": "2026-12-31", "except": ["2026-12-25", "2026-12-22"]})
    assert full.as_text() == (
        "DTSTART;TZID=Europe/Madrid:20261124T180000\n"
        "RRULE:FREQ=WEEKLY;BYDAY=TU,FR;UNTIL=20261231T225959Z\n"
        "EXDATE;TZID=Europe/Madrid;VALUE=DATE:20261222,20261225"
    )
    assert read_text(full.as_text()) == full


def test_a_series_gives_back_what_a_draft_says() -> None:
    said = {**SAID, "until": "2026-12-31T22:59:59Z", "except": ["2026-12-25"], "start": "2026-11-24T18:00:00"}
    assert read_repeats(said).as_draft() == said
    assert read_repeats({**SAID, "start": "18:00"}).as_draft()["start"] == "18:00"


STARTS = [
    ("2026-11-24T18:00", datetime(2026, 11, 24, 18)),  # noqa: DTZ001 - local on purpose
    ("2026-11-24 18:00:30", datetime(2026, 11, 24, 18)),  # noqa: DTZ001
    ("2026-11-24T18:00:00Z", datetime(2026, 11, 24, 19)),  # noqa: DTZ001
    ("2026-11-24T18:00:00-05:00", datetime(2026, 11, 25, 0)),  # noqa: DTZ001
    ("18:00", time(18)),
]


@pytest.mark.parametrize(("said", "start"), STARTS)
def test_a_start_is_in_the_time_of_its_zone(said: str, start: datetime | time) -> None:
    assert read_repeats({**SAID, "start": said}).start == start


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2026-12-31", datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)),
        ("2026-12-31T18:00", datetime(2026, 12, 31, 17, tzinfo=UTC)),
        ("2026-12-31T18:00:00+05:45", datetime(2026, 12, 31, 12, 15, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_whole_day_or_a_time(until: str, end: datetime) -> None:
    assert read_repeats({**SAID, "until": until}).until_ms == end.timestamp() * 1000
    compact = until.replace("-", "") if "T" not in until else end.strftime("%Y%m%dT%H%M%SZ")
    assert read_repeats({**SAID, "rule": f"FREQ=DAILY;UNTIL={compact}"}).until_ms == end.timestamp() * 1000


def test_the_zone_is_the_hubs_own_where_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {**SAID, "time_zone": None}
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert read_repeats(said).time_zone == "Asia/Kathmandu"
    monkeypatch.setenv("TZ", "CET-1CEST")
    with pytest.raises(BoardError, match="must be said") as caught:
        read_repeats(said)
    assert caught.value.pointer == "/repeats/time_zone"


WRONG: list[tuple[Any, str, str]] = [
    ("weekly", "", "object"),
    ({**SAID, "rrule": "x"}, "", "rrule"),
    ({"start": "18:00"}, "/rule", "text"),
    ({**SAID, "rule": "FREQ=HOURLY"}, "/rule", "FREQ"),
    ({**SAID, "start": None}, "/start", "start"),
    ({**SAID, "start": "2026-11-24"}, "/start", "with its time"),
    ({**SAID, "start": "24:61"}, "/start", "with its time"),
    ({**SAID, "start": "0001-01-01T00:00+14:00"}, "/start", "with its time"),
    ({**SAID, "start": "18:00", "rule": "FREQ=WEEKLY;INTERVAL=2"}, "/start", "which day"),
    ({**SAID, "time_zone": 5}, "/time_zone", "name of a time zone"),
    ({**SAID, "time_zone": "right/Europe/Madrid"}, "/time_zone", "name of a time zone"),
    ({**SAID, "time_zone": "Europe/Atlantis"}, "/time_zone", "no time zone 'Europe/Atlantis'"),
    ({**SAID, "until": "soon"}, "/until", "day, or a time"),
    ({**SAID, "until": 5}, "/until", "day, or a time"),
    ({**SAID, "until": "9999-12-31", "time_zone": "America/Santiago"}, "/until", "day, or a time"),
    ({**SAID, "rule": "FREQ=DAILY;UNTIL=20261399"}, "/rule", "day, or a time"),
    ({**SAID, "rule": "FREQ=DAILY;COUNT=3", "until": "2026-12-31"}, "/until", "COUNT already"),
    ({**SAID, "rule": "FREQ=DAILY;UNTIL=20261231", "until": "2026-12-31"}, "/until", "UNTIL already"),
    ({**SAID, "except": "2026-12-25"}, "/except", "list"),
    ({**SAID, "except": ["2026-12-25"] * 21}, "/except", "at most 20"),
    ({**SAID, "except": ["2026-12-25", "Christmas"]}, "/except/1", "no day"),
]


@pytest.mark.parametrize(("said", "pointer", "part"), WRONG)
def test_a_wrong_field_is_named_with_a_way_out(said: Any, pointer: str, part: str) -> None:
    with pytest.raises(BoardError) as caught:
        read_repeats(said)
    assert (caught.value.code, caught.value.pointer) == ("bad_draft", f"/repeats{pointer}")
    assert part in caught.value.detail
    assert caught.value.hint


UNREADABLE = [
    None, 5, "", "every Tuesday", TEXT + "\n", TEXT + "\nEXDATE:20261225", TEXT.replace("Madrid", "Mad rid"),
    TEXT.replace("TU", "XX"), TEXT.replace("20261124", "20261324"), TEXT + ";UNTIL=20261231",
    TEXT + ";UNTIL=20261231T000000", TEXT + "\nEXDATE;TZID=Europe/Madrid;VALUE=DATE:20261225,2026",
    TEXT + "\nEXDATE;TZID=Europe/Madrid;VALUE=DATE:20269925",
]  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_others_wrote_and_nobody_can_read_says_nothing(text: Any) -> None:
    assert read_text(text) is None


@given(st.text(st.characters(codec="utf-8"), max_size=200) | st.sampled_from(UNREADABLE))
def test_any_text_is_read_or_says_nothing(text: Any) -> None:
    assert read_text(text) is None or isinstance(read_text(text), Series)


@given(st.text("DTSARZIEXRULEFQ=;:,\n0123456789/WKMOY", max_size=40).map(lambda tail: TEXT + tail))
def test_what_can_be_read_can_be_written_again(text: str) -> None:
    series = read_text(text)
    if series is not None:
        assert read_text(series.as_text()) == series


def test_the_longest_text_fits_a_body() -> None:
    days = ",".join(f"{which}{day}" for which in range(1, 6) for day in ("MO", "TU", "WE", "TH", "FR", "SA", "SU"))
    rule = f"FREQ=MONTHLY;BYDAY={days};INTERVAL=99;BYMONTH=1;WKST=MO;BYHOUR=10"
    assert 180 < len(rule) <= 200
    start = datetime(2026, 11, 24, 18)  # noqa: DTZ001 - local on purpose
    left_out = tuple(date(2026, 12, day) for day in range(1, repeating.LEFT_OUT_MAX + 1))
    series = Series(repeating.read_rule(rule)[0], start, "A" * 48, 1_798_758_000_000, left_out)
    assert read_text(series.as_text()) == series
    assert len(series.as_text()) <= REPEATS_BYTES_MAX
