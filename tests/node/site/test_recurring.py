"""How a post repeats, as pages say it."""

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hartig_node.board.drafts.views import PostView
from hartig_node.board.repeats.repeating import read_repeats, read_text
from hartig_node.site.languages import translations
from hartig_node.site.words import Tongue
from node.site.fakes import START_MS, BoardInMemory, Browser
from node.site.reading import read

DAY_MS = 86_400_000
DRAFT: dict[str, Any] = {"kind": "offer", "category": "food.cooked", "title": "Warm meals"}


def meals(board: BoardInMemory, rule: str, zone: str = "UTC", dates: int = 3, **changes: Any) -> PostView:
    said = {"rule": rule, "start": "2026-11-24T18:00", "time_zone": zone}
    facts = {"dates": [START_MS + (1 + day) * DAY_MS for day in range(dates)]}
    return board.posts.add(
        DRAFT, repeats=read_repeats(said), **{"facts": facts, "next_ms": facts["dates"][0]} | changes
    )


def tongue(language: str, zone: str = "UTC") -> Tongue:
    return Tongue(language, translations(language), UTC if zone == "UTC" else ZoneInfo(zone))


WORDS = [
    ("FREQ=WEEKLY;BYDAY=TU,FR", "every Tuesday and Friday at 18:00", "cada martes y viernes a las 18:00"),
    ("FREQ=WEEKLY", "every Tuesday at 18:00", "cada martes a las 18:00"),
    ("FREQ=WEEKLY;INTERVAL=2", "every 2 weeks on Tuesday at 18:00", "cada 2 semanas, martes, a las 18:00"),
    ("FREQ=DAILY;COUNT=5", "every day at 18:00", "todos los días a las 18:00"),
    ("FREQ=DAILY;INTERVAL=3", "every 3 days at 18:00", "cada 3 días a las 18:00"),
    (
        "FREQ=DAILY;BYHOUR=9,12,18;BYMINUTE=30",
        "every day at 09:30, 12:30 and 18:30",
        "todos los días a las 09:30, 12:30 y 18:30",
    ),
    ("FREQ=MONTHLY", "every month on day 24 at 18:00", "cada mes el día 24 a las 18:00"),
    ("FREQ=MONTHLY;BYMONTHDAY=1,15", "every month on day 1 and 15 at 18:00", "cada mes el día 1 y 15 a las 18:00"),
    (
        "FREQ=MONTHLY;BYDAY=2TU,-1FR",
        "every month on the second Tuesday and last Friday at 18:00",
        "cada mes el segundo martes y último viernes a las 18:00",
    ),
    ("FREQ=MONTHLY;INTERVAL=2", "", ""),
    ("FREQ=YEARLY;BYMONTH=12", "", ""),
    ("FREQ=DAILY;BYDAY=MO", "", ""),
    ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1", "", ""),
]


@pytest.mark.parametrize(("rule", "english", "spanish"), WORDS)
def test_how_often_in_words(board: BoardInMemory, rule: str, english: str, spanish: str) -> None:
    view = meals(board, rule)
    assert (tongue("en").how_often(view), tongue("es").how_often(view)) == (english, spanish)


def test_a_post_that_does_not_repeat_says_nothing(board: BoardInMemory) -> None:
    assert tongue("en").how_often(board.posts.add(DRAFT)) == ""


def test_the_place_is_named_where_its_clocks_are_not_the_hubs(board: BoardInMemory) -> None:
    view = meals(board, "FREQ=DAILY", "America/Port-au-Prince")
    assert tongue("en").how_often(view) == "every day at 18:00 (the time in Port-au-Prince)"
    assert tongue("en", "America/New_York").how_often(view) == "every day at 18:00"
    assert tongue("en").how_often(meals(board, "FREQ=DAILY", facts={}, next_ms=None)) == "every day at 18:00"


def test_what_others_wrote_may_lie_beyond_every_calendar_or_in_no_known_place(board: BoardInMemory) -> None:
    far = meals(board, "FREQ=DAILY", facts={"dates": [2**53 - 1]}, next_ms=2**53 - 1)
    assert tongue("en").how_often(far) == "every day at 18:00 (the time in UTC)"
    text = "DTSTART;TZID=Europe/New_Atlantis:20261124T180000\nRRULE:FREQ=DAILY"
    view = meals(board, "FREQ=DAILY")
    lost = board.posts.add(DRAFT, repeats=read_text(text), facts=view.facts)
    assert tongue("en").how_often(lost) == "every day at 18:00 (the time in New Atlantis)"


async def test_a_posts_page_says_how_often_and_when_next(browser: Browser, board: BoardInMemory) -> None:
    view = meals(board, "FREQ=WEEKLY;BYDAY=TU,FR")
    text = " ".join(read((await browser.get(f"/post/{view.id}")).text).text.split())
    assert "How often every Tuesday and Friday at 18:00" in text
    assert "Next time Monday 23 November" in text
    assert " dates " not in text
    long = meals(board, "FREQ=WEEKLY;BYDAY=TU,FR", dates=12)
    page = (await browser.get(f"/post/{long.id}?lang=es")).text
    assert "<summary>12 fechas</summary>" in page
    over = meals(board, "FREQ=WEEKLY;BYDAY=TU,FR", next_ms=None)
    assert "Next time" not in (await browser.get(f"/post/{over.id}?lang=en")).text
