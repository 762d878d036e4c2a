"""The closed list of attributes."""

import hashlib
import json

import pytest

from hartig_protocol.errors import RecordError
from hartig_protocol.records import attributes

FINGERPRINT_OF_VERSION_1 = "e2b57425a42e84466128409b0c56ceb82434f7cf1987cf6c7432a62d939ded99"
# Regulation (EU) No 1169/2011, Annex II, in its order.
ALLERGENS = [
    "gluten",
    "crustaceans",
    "eggs",
    "fish",
    "peanuts",
    "soybeans",
    "milk",
    "nuts",
    "celery",
    "mustard",
    "sesame",
    "sulphites",
    "lupin",
    "molluscs",
]


def test_the_list_is_that_of_protocol_version_1() -> None:
    text = json.dumps(attributes.all_codes())
    assert hashlib.sha256(text.encode()).hexdigest() == FINGERPRINT_OF_VERSION_1


def test_the_allergens_are_the_fourteen_of_the_regulation() -> None:
    found = [code for code in attributes.all_codes() if attributes.group(code) == "allergen"]
    assert found == sorted(f"allergen.{name}" for name in ALLERGENS)
    assert len(found) == 14


def test_every_attribute_belongs_to_a_group() -> None:
    groups = {attributes.group(code) for code in attributes.all_codes()}
    assert {"access", "allergen", "condition", "diaper", "diet", "shoe", "size"} <= groups
    assert groups.isdisjoint(attributes.all_codes())


def test_a_code_of_the_list_is_valid() -> None:
    for code in attributes.all_codes():
        assert attributes.is_valid(code)
        assert attributes.parse(code) == code


@pytest.mark.parametrize("value", ["", "diet", "Diet.vegan", "diet.x-raw", "diet.vegan ", None, 3, ["diet.vegan"]])
def test_anything_else_is_refused_with_what_to_write_instead(value: object) -> None:
    with pytest.raises(RecordError, match="take one of the list") as caught:
        attributes.parse(value)
    assert caught.value.code == "unknown_attribute"


def test_a_label_is_given_in_the_language_asked_for() -> None:
    assert attributes.label("allergen.peanuts", "ht") == "Pistach"
    assert attributes.label("allergen.peanuts", "de") == "Peanuts"
    assert attributes.label("shoe.eu-43", "fr") == "Chaussures EU 43"


def test_a_code_of_a_newer_list_is_shown_by_its_words() -> None:
    assert attributes.label("diet.later-kind", "es") == "diet later kind"
