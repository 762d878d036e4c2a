"""What holds for each of the word lists: complete, readable in its script, sorted, normalised."""

import json
import re
import unicodedata
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from hartig_protocol.limits import ATTRIBUTE_BYTES_MAX, CATEGORY_BYTES_MAX, UNIT_CHARACTERS_MAX
from hartig_protocol.records.vocabulary import LANGUAGES, entries, words

LISTS = ("categories", "attributes", "units")
SCRIPTS = {"ar": "ARABIC LETTER", "zh": "CJK UNIFIED IDEOGRAPH"}
CODE_BYTES_MAX = {
    "categories": CATEGORY_BYTES_MAX,
    "attributes": ATTRIBUTE_BYTES_MAX,
    "units": UNIT_CHARACTERS_MAX,
}
DOTTED = r"[a-z][a-z0-9]*(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*"
CODE_SHAPES = {"categories": DOTTED, "attributes": DOTTED, "units": r"[A-Z0-9]{2,3}"}


def raw(name: str) -> str:
    return files("hartig_protocol.records").joinpath("data", f"{name}.json").read_text(encoding="utf-8")


def items(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(raw(name))[name]
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_code_has_a_label_in_every_language_and_no_other(name: str) -> None:
    for item in items(name):
        assert tuple(sorted(item["labels"])) == LANGUAGES, item["code"]
        for label in item["labels"].values():
            assert label == label.strip()
            assert label, item["code"]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("language", sorted(SCRIPTS))
def test_labels_are_written_in_the_script_of_their_language(name: str, language: str) -> None:
    for item in items(name):
        label = item["labels"][language]
        assert any(unicodedata.name(sign, "").startswith(SCRIPTS[language]) for sign in label), item


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - set(SCRIPTS)))
def test_labels_of_latin_languages_hold_latin_letters_alone(name: str, language: str) -> None:
    for item in items(name):
        letters = [sign for sign in item["labels"][language] if sign.isalpha()]
        assert letters, item
        assert all(unicodedata.name(sign).startswith("LATIN") for sign in letters), item


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_siblings_carry_the_same_label(name: str, language: str) -> None:
    seen = Counter((item["code"].rpartition(".")[0], item["labels"][language]) for item in items(name))
    assert [pair for pair, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("name", LISTS)
def test_codes_are_sorted_distinct_well_shaped_and_short_enough(name: str) -> None:
    codes = [item["code"] for item in items(name)]
    assert codes == sorted(set(codes))
    for code in codes:
        assert re.fullmatch(CODE_SHAPES[name], code), code
        assert len(code) <= CODE_BYTES_MAX[name], code


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_nfc_without_control_or_direction_signs(name: str) -> None:
    text = raw(name)
    assert unicodedata.is_normalized("NFC", text)
    assert {sign for sign in text if unicodedata.category(sign) in {"Cc", "Cf"}} <= {"\n"}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_says_its_licence_its_version_and_that_nobody_reviewed_it(name: str) -> None:
    head = json.loads(raw(name))
    assert head["license"] == "CC0-1.0"
    assert head["protocol_version"] == 1
    assert head["reviewed"] is False
    assert tuple(head["languages"]) == LANGUAGES


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_once_and_cannot_be_changed(name: str) -> None:
    loaded = entries(name)
    assert loaded is entries(name)
    with pytest.raises(TypeError):
        loaded["new"] = loaded[next(iter(loaded))]  # type: ignore[index]


def test_a_regional_tag_is_read_as_its_language_and_a_missing_one_as_english() -> None:
    food = entries("categories")["food"]
    assert food.label("zh-Hant") == food.label("zh") == "食物"
    assert food.label("ES-mx") == "Comida"
    assert food.label("de") == food.label("") == "Food"


def test_words_of_a_code_are_readable() -> None:
    assert words("x-corn-tamales") == "corn tamales"
    assert words("food.x-corn") == "food corn"
    assert words("later.kind-of") == "later kind of"
