"""The demo's sample: every entry is a draft that a hub can publish, in all languages."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from hartig_node.glossary import words_used
from hartig_protocol.limits import (
    ATTRIBUTES_MAX,
    LANGUAGES_MAX,
    NAME_BYTES_MAX,
    TEXT_BYTES_MAX,
    TITLE_BYTES_MAX,
)
from hartig_protocol.records import attributes, categories, units
from hartig_protocol.records.posts import LEVELS, MODES, URGENCIES

PATH = Path(__file__).parents[2] / "deploy" / "sample.json"
TEXT = PATH.read_text(encoding="utf-8")
HUBS: list[dict[str, Any]] = json.loads(TEXT)["hubs"]
ENTRIES = [
    pytest.param(entry, id=f"{hub['name']}-{index}") for hub in HUBS for index, entry in enumerate(hub["entries"])
]
KEYS_ALWAYS = {"kind", "category", "title", "days"}
ATTRIBUTE_KEYS = {"need": {"requires", "avoids"}, "offer": {"contains", "satisfies"}}
KEYS_SOMETIMES = {"text", "quantity", "unit", "urgency", "mode", "level"}
DAYS_MAX = 90
DAYS_PERISHABLE_MAX = 5


def test_three_hubs_with_a_dozen_entries_each_have_names_and_languages() -> None:
    assert len(HUBS) == 3
    assert len({hub["name"] for hub in HUBS}) == 3
    for hub in HUBS:
        assert set(hub) == {"name", "languages", "entries"}
        assert 0 < len(hub["name"].encode()) <= NAME_BYTES_MAX
        assert len(hub["entries"]) >= 12
        assert set(hub["languages"]) <= set(categories.LANGUAGES)
        assert {entry["kind"] for entry in hub["entries"]} == {"need", "offer"}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_has_only_the_keys_of_a_draft(entry: dict[str, Any]) -> None:
    allowed = KEYS_ALWAYS | KEYS_SOMETIMES | ATTRIBUTE_KEYS[entry["kind"]]
    assert set(entry) >= KEYS_ALWAYS
    assert set(entry) <= allowed
    assert entry.get("mode", "give") in MODES
    assert entry.get("urgency", "normal") in URGENCIES
    assert 1 <= entry["days"] <= DAYS_MAX


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_uses_shipped_codes_and_nothing_sensitive(entry: dict[str, Any]) -> None:
    assert entry["category"] in categories.all_codes()
    assert not categories.is_sensitive(entry["category"])
    for key in set().union(*ATTRIBUTE_KEYS.values()):
        codes = entry.get(key, [])
        assert len(set(codes)) == len(codes) <= ATTRIBUTES_MAX
        assert all(attributes.is_valid(code) for code in codes)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_has_a_quantity_with_its_unit_or_is_an_open_shelf(entry: dict[str, Any]) -> None:
    if "level" in entry:
        assert entry["kind"] == "offer"
        assert entry["level"] in LEVELS
        assert not {"quantity", "unit"} & set(entry)
    else:
        assert type(entry["quantity"]) is int
        assert entry["quantity"] >= 1
        assert units.is_valid(entry["unit"])


@pytest.mark.parametrize("entry", ENTRIES)
def test_texts_are_short_enough_and_free_of_addresses_and_inner_words(entry: dict[str, Any]) -> None:
    for key, bytes_max in (("title", TITLE_BYTES_MAX), ("text", TEXT_BYTES_MAX)):
        texts = entry.get(key, {})
        assert len(texts) <= LANGUAGES_MAX
        assert set(texts) <= set(categories.LANGUAGES)
        for text in texts.values():
            assert 0 < len(text.encode()) <= bytes_max
            assert text == text.strip()
            assert not {"@", "/", "+"} & set(text)
            assert sum(sign.isdigit() for sign in text) <= 4  # no telephone number
            assert words_used(text) == []
    assert entry["title"]


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_spoils_is_not_kept_for_weeks(entry: dict[str, Any]) -> None:
    if categories.is_perishable(entry["category"]):
        assert entry["days"] <= DAYS_PERISHABLE_MAX


def test_every_language_occurs_in_titles_and_in_texts() -> None:
    for key in ("title", "text"):
        used = {language for hub in HUBS for entry in hub["entries"] for language in entry.get(key, {})}
        assert used == set(categories.LANGUAGES)


def test_every_level_but_gone_and_every_mode_but_the_fund_record_occur() -> None:
    entries = [entry for hub in HUBS for entry in hub["entries"]]
    assert {entry["level"] for entry in entries if "level" in entry} == LEVELS - {"gone"}
    assert {entry["mode"] for entry in entries if "mode" in entry} == MODES - {"fund-record"}


def test_no_two_entries_have_the_same_title() -> None:
    titles = [json.dumps(entry["title"], sort_keys=True) for hub in HUBS for entry in hub["entries"]]
    assert len(titles) == len(set(titles))


def test_the_file_is_nfc_without_control_or_direction_signs() -> None:
    assert unicodedata.is_normalized("NFC", TEXT)
    assert {sign for sign in TEXT if unicodedata.category(sign) in {"Cc", "Cf"}} <= {"\n"}
