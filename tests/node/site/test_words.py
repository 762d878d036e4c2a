"""Codes, quantities and moments as people say them."""

from datetime import UTC, timedelta, timezone

import pytest

from hartig_node.board.errors import ERRORS
from hartig_node.site import faults, words
from hartig_node.site.choices import choices
from hartig_node.site.languages import LANGUAGES, translations
from hartig_node.site.words import Tongue, in_language, language_name
from hartig_protocol.records import categories, units
from hartig_protocol.records.posts import ATTRIBUTE_LISTS, LEVELS, MODES, RULES, URGENCIES
from node.site.fakes import BoardInMemory

NOON_MS = 1_795_348_800_000  # 2026-11-22T12:00:00Z


def tongue(language: str) -> Tongue:
    return Tongue(language, translations(language), UTC)


def test_every_code_has_words() -> None:
    assert set(words.LEVELS) == LEVELS
    assert set(words.URGENCIES) == URGENCIES
    assert set(words.MODES) == MODES
    assert set(words.RULES) == RULES - {"open"}
    assert tuple(words.ATTRIBUTE_HEADINGS) == ATTRIBUTE_LISTS
    assert set(faults.SENTENCES) == set(ERRORS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_category_and_unit_can_be_chosen_once(language: str) -> None:
    made = choices(language)
    offered = [code for group in made.categories for code, _label in group.options]
    assert sorted(offered) == sorted(categories.all_codes())
    counted = [code for group in made.units for code, _label in group.options]
    assert sorted([*counted, "C62"]) == sorted(units.all_codes())
    assert made.categories[-1].options[-1][0] == "other"  # what to take when nothing fits comes last
    for group in made.categories:
        labels = [label for _code, label in group.options]
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("quantity", "unit", "english", "spanish"),
    [
        (None, "H87", "", ""),
        ("24", "H87", "24", "24"),
        ("2.5", "KGM", "2.5\u00a0kg", "2,5\u00a0kg"),
        ("80", "PTN", "80\u00a0× portion (meal)", "80\u00a0× ración (comida)"),
        ("3", "QQQ", "3\u00a0× QQQ", "3\u00a0× QQQ"),
    ],
)
def test_quantities(board: BoardInMemory, quantity: str | None, unit: str, english: str, spanish: str) -> None:
    view = board.posts.add({"kind": "need", "category": "food", "title": "x"}, quantity=quantity, unit=unit)
    assert (tongue("en").quantity(view), tongue("es").quantity(view)) == (english, spanish)


def test_moments_are_told_in_the_hubs_zone() -> None:
    assert tongue("en").moment(NOON_MS) == "Sunday 22 November, 12:00"
    assert tongue("es").moment(NOON_MS) == "domingo 22 de noviembre, 12:00"
    east = Tongue("en", translations("en"), timezone(timedelta(hours=13)))
    assert east.moment(NOON_MS) == "Monday 23 November, 01:00"


def test_a_moment_beyond_every_calendar_is_far_away() -> None:
    assert tongue("en").moment(2**53 - 1) == "in the far future"


def test_text_is_shown_in_the_readers_language_or_another() -> None:
    texts = {"zh": "水", "en": "water", "es": "agua"}
    assert in_language(texts, "es-MX").text == "agua"
    assert in_language(texts, "ht").text == "water"
    assert in_language({"zh": "水", "ar": "ماء"}, "es").language == "ar"
    assert in_language({}, "es").text == ""


def test_languages_are_called_by_their_own_names() -> None:
    assert [language_name(tag) for tag in ("ht", "zh-Hant", "xx")] == ["Kreyòl ayisyen", "中文", "xx"]
