"""The glossary, and the check that a text uses none of the inner words."""

import json
import unicodedata
from importlib.resources import files
from typing import Any

import pytest

from hartig_node.glossary import inner_words, people_words, words_used
from hartig_protocol.records import attributes, categories, units

# Design, section 7: words that stay in code, API and SPEC.
INNER = [
    "charter",
    "grant",
    "pact",
    "lot",
    "step",
    "mark",
    "steward",
    "thread",
    "seq",
    "epoch",
    "fork",
    "sketch",
    "tombstone",
    "gateway",
]


def test_the_words_of_the_design_are_inner_words_with_their_plurals() -> None:
    assert set(INNER) <= inner_words()
    assert {"charters", "lots", "sketches"} <= inner_words()


def test_everyday_words_are_allowed() -> None:
    assert inner_words().isdisjoint({"need", "offer", "promise", "claim", "partner", "audience"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("I need a blanket", []),
        ("This lot was promised", ["lot"]),
        ("LOTS of threads, lots", ["lots", "threads"]),
        ("thread_id=7", ["thread"]),
        ("(seq 3)", ["seq"]),
        ("seq3", ["seq"]),
        ("A benchmark, a plot, a stepson, an allotment", []),
        ("slot", []),
        ("lôt, élot", []),
        ("Step-free entrance", []),
        ("step-free, then the next step", ["step"]),
        ("lot's", ["lot"]),
    ],
)
def test_inner_words_are_found_whole_in_any_case(text: str, expected: list[str]) -> None:
    assert words_used(text) == expected


def test_no_words_that_people_read_are_inner_words() -> None:
    for word in glossary()["words"]:
        for text in word["people"].values():
            assert words_used(text) == [], word["inner"]


def test_labels_of_categories_attributes_and_units_use_no_inner_word() -> None:
    for module in (categories, attributes, units):
        for code in module.all_codes():
            for language in module.LANGUAGES:
                assert words_used(module.label(code, language)) == [], code


def test_every_word_has_what_people_read_in_every_language() -> None:
    for word in glossary()["words"]:
        assert tuple(sorted(word["people"])) == categories.LANGUAGES, word["inner"]


def test_what_people_read_is_found_by_any_form_and_falls_back_to_english() -> None:
    assert people_words("charters", "fr") == "règles"
    assert people_words("charter", "de") == "rules"
    assert people_words("promise", "zh-Hant") == "已承诺"


def test_the_file_is_sorted_nfc_and_names_no_word_twice() -> None:
    text = files("hartig_node").joinpath("glossary.json").read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)
    inner = [word["inner"] for word in glossary()["words"]]
    assert inner == sorted(inner)
    forms = [form for word in glossary()["words"] for form in (word["inner"], *word["forms"])]
    assert len(forms) == len(set(forms))


def glossary() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("hartig_node").joinpath("glossary.json").read_text(encoding="utf-8"))
    return found
