from typing import Any

import pytest

from hartig_node.board.drafts.drafts import clean_text, read_draft, with_closes
from hartig_node.board.errors import BoardError
from hartig_protocol.limits import DAY_MS, HOUR_MS
from hartig_protocol.records.record import Kind

WATER: dict[str, Any] = {"kind": "need", "category": "water.drinking", "title": "Water"}

SHELF: dict[str, Any] = {"kind": "offer", "category": "food.bread", "title": "Bread", "level": "some"}


def test_a_short_draft_is_enough() -> None:
    fields = read_draft(WATER)
    assert fields.kind is Kind.NEED
    assert fields.fixed == ["water.drinking", "", "H87", 1]
    assert fields.body == {"title": {"en": "Water"}}
    assert (fields.audience, fields.life_ms, fields.facts) == ("network", 14 * DAY_MS, {})


WRONG = [
    ([], "", "object"),
    ({**WATER, "tilte": "x"}, "/tilte", "tilte"),
    ({**WATER, "kind": "wish"}, "/kind", "need or offer"),
    ({**WATER, "kind": ["need"]}, "/kind", "need or offer"),
    ({**WATER, "urgency": {}}, "/urgency", "urgent"),
    ({**WATER, "mode": []}, "/mode", "lend"),
    ({**WATER, "a/b~c": 1}, "/a~1b~0c", "no field"),
    ({**WATER, "category": "watr"}, "/category", "watr"),
    ({**WATER, "title": ""}, "/title", "title"),
    ({**WATER, "title": 5}, "/title", "text"),
    ({**WATER, "title": {"en": 5}}, "/title/en", "text"),
    ({**WATER, "title": "\ud800"}, "/title/en", "surrogate"),
    ({**WATER, "quantity": 0}, "/quantity", "above 0"),
    ({**WATER, "quantity": True}, "/quantity", "above 0"),
    ({**WATER, "quantity": "much"}, "/quantity", "above 0"),
    ({**WATER, "quantity": float("nan")}, "/quantity", "above 0"),
    ({**WATER, "quantity": "0.5"}, "/quantity", "smaller"),
    ({**WATER, "unit": "BUCKET"}, "/unit", "BUCKET"),
    ({**WATER, "smallest_part": 0}, "/smallest_part", "integer"),
    ({**SHELF, "rule": "first"}, "/rule", "who comes takes"),
    ({**WATER, "closes": "2026-11-24T18:00:00Z"}, "/closes", "fair"),
    ({**WATER, "rule": "first", "closes": "2026-11-24T18:00:00Z"}, "/closes", "fair"),
    ({**WATER, "rule": "fair", "closes": "soon"}, "/closes", "2026"),
    ({**WATER, "urgency": "very"}, "/urgency", "urgent"),
    ({**WATER, "level": "low"}, "/level", "offer"),
    ({**WATER, "people": -1}, "/people", "whole"),
    ({**WATER, "days": 0}, "/days", "days"),
    ({**WATER, "days": 91}, "/days", "90"),
    ({**WATER, "days": 1, "expires_at": "2027-01-01T00:00:00Z"}, "/days", "not both"),
    ({**WATER, "expires_at": "tomorrow"}, "/expires_at", "time"),
    ({**WATER, "expires_at": "2027-01-01T00:00:00"}, "/expires_at", "time"),
    ({**WATER, "window": {"from": "2027-01-01T00:00:00Z"}}, "/window", "from and to"),
    ({**WATER, "dates": "daily"}, "/dates", "list"),
    ({**WATER, "requires": ["diet.pirate"]}, "/requires/0", "diet.pirate"),
    ({**WATER, "requires": "diet.halal"}, "/requires", "list"),
    ({**WATER, "audience": "everyone"}, "/audience", "network"),
    ({**WATER, "category": "legal", "audience": "network"}, "/audience", "never leaves"),
    ({**WATER, "parent": "xyz"}, "/parent", "32"),
    ({**WATER, "area": 5}, "/area", "geohash"),
    ({**WATER, "source": []}, "/source", "text"),
]


@pytest.mark.parametrize(("draft", "pointer", "words"), WRONG)
def test_a_wrong_draft_says_what_and_where(draft: Any, pointer: str, words: str) -> None:
    with pytest.raises(BoardError) as caught:
        read_draft(draft)
    assert caught.value.code == "bad_draft"
    if pointer:
        assert caught.value.pointer == pointer
    assert words in f"{caught.value.detail} {caught.value.hint}"


def test_a_mistyped_field_is_guessed() -> None:
    with pytest.raises(BoardError) as caught:
        read_draft({**WATER, "tilte": "x"})
    assert "title" in caught.value.hint


QUANTITIES = [(5, "H87", 5, 1), ("2.5", "KGM", 2500, 1000), (0.1, "LTR", 100, 1000), ("1e3", "H87", 1000, 1)]


@pytest.mark.parametrize(("quantity", "unit", "parts", "smallest"), QUANTITIES)
def test_quantities_are_whole_smallest_parts(quantity: Any, unit: str, parts: int, smallest: int) -> None:
    fields = read_draft({**WATER, "quantity": quantity, "unit": unit})
    assert (fields.facts["quantity"], fields.fixed[3]) == (parts, smallest)


LIVES = [("need", "clothing", 14 * DAY_MS), ("offer", "clothing", 30 * DAY_MS), ("offer", "food.cooked", 12 * HOUR_MS)]


@pytest.mark.parametrize(("kind", "category", "life_ms"), LIVES)
def test_everything_expires(kind: str, category: str, life_ms: int) -> None:
    assert read_draft({"kind": kind, "category": category, "title": "x"}).life_ms == life_ms


def test_a_sensitive_need_stays_on_its_hub_without_being_asked() -> None:
    assert read_draft({**WATER, "category": "legal"}).audience == "hub"


CLEANED = [
    ("Cafe\u0301", "Café"),
    ("a\u202eb", "ab"),
    ("a\x00b\x07", "ab"),
    ("  line one\nline two\t ", "line one\nline two"),
    ("\u0645\u0627\u0621", "\u0645\u0627\u0621"),
]


@pytest.mark.parametrize(("written", "kept"), CLEANED)
def test_text_is_cleaned_when_it_is_written(written: str, kept: str) -> None:
    assert clean_text(written) == kept


def test_until_when_people_may_ask_is_a_day_or_as_long_as_it_stands() -> None:
    fair = read_draft({**WATER, "kind": "offer", "rule": "fair"})
    assert with_closes(fair, 1_000, 5 * DAY_MS).facts["closes"] == 1_000 + DAY_MS
    assert with_closes(fair, 1_000, HOUR_MS).facts["closes"] == HOUR_MS
    said = read_draft({**WATER, "kind": "offer", "rule": "fair", "closes": "2026-11-24T18:00:00Z"})
    assert with_closes(said, 1_000, HOUR_MS) is said
    first = read_draft({**WATER, "kind": "offer", "rule": "first"})
    assert with_closes(first, 1_000, HOUR_MS) is first


def test_an_open_shelf_has_no_rule_but_open() -> None:
    assert "rule" not in read_draft(SHELF).facts
    assert read_draft({**SHELF, "rule": "open"}).facts["rule"] == "open"
