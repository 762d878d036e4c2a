"""What a category code says, and what follows from it."""

import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.errors import RecordError
from hartig_protocol.limits import CATEGORY_BYTES_MAX
from hartig_protocol.records import categories

# The list and the mark `sensitive` are rules of validity: a change needs a new protocol version.
FINGERPRINT_OF_VERSION_1 = "321a6c9d12794199b1f1cd8bbcda1e6a3d54dcca1bd5341a9b4b160b2cf97c8f"
SENSITIVE = {
    "health.crisis",
    "health.gender",
    "health.harm-reduction",
    "health.hiv",
    "health.prescription",
    "health.reproductive",
    "legal",
    "legal.arrest",
    "legal.immigration",
    "safety",
    "safety.refuge",
}
PERISHABLE = {"food.bread", "food.cooked", "food.dairy", "food.meat", "food.produce"}

codes = st.sampled_from(categories.all_codes())
extensions = st.from_regex(r"x-[a-z0-9]{1,6}", fullmatch=True)


def test_codes_and_sensitive_marks_are_those_of_protocol_version_1() -> None:
    marked = [[code, categories.is_sensitive(code)] for code in categories.all_codes()]
    assert hashlib.sha256(json.dumps(marked).encode()).hexdigest() == FINGERPRINT_OF_VERSION_1


def test_every_parent_is_shipped() -> None:
    shipped = set(categories.all_codes())
    for code in shipped:
        assert set(categories.ancestors(code)) <= shipped


def test_shipped_codes_never_look_like_an_extension() -> None:
    assert [code for code in categories.all_codes() if re.search(r"(^|\.)x-", code)] == []


def test_exactly_the_listed_codes_are_sensitive() -> None:
    assert {code for code in categories.all_codes() if categories.is_sensitive(code)} == SENSITIVE


def test_exactly_the_listed_codes_are_perishable() -> None:
    assert {code for code in categories.all_codes() if categories.is_perishable(code)} == PERISHABLE


@given(codes, extensions)
def test_an_extension_of_a_shipped_code_is_valid_and_inherits_its_marks(code: str, extension: str) -> None:
    extended = f"{code}.{extension}"
    assert categories.is_valid(extended) == (len(extended) <= CATEGORY_BYTES_MAX)
    assert categories.is_sensitive(extended) == categories.is_sensitive(code)
    assert categories.is_perishable(extended) == categories.is_perishable(code)


@pytest.mark.parametrize("code", ["legal.later-code", "legal.arrest.x-bail", "safety.refuge.later.deeper"])
def test_codes_of_a_newer_list_below_a_sensitive_code_are_sensitive(code: str) -> None:
    assert categories.is_sensitive(code)


@pytest.mark.parametrize("code", ["legality", "unheard-of", "food.legal", "health", "legal-aid.arrest", ""])
def test_codes_beside_a_sensitive_code_are_not_sensitive(code: str) -> None:
    assert not categories.is_sensitive(code)


@pytest.mark.parametrize("code", ["food", "food.cooked", "food.x-tamales", "food.cooked.x-corn-tamales", "pets.x-9"])
def test_shipped_codes_and_extensions_of_them_are_valid(code: str) -> None:
    assert categories.is_valid(code)
    assert categories.parse(code) == code


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Food",
        "food.",
        ".food",
        "food.tamales",
        "x-tamales",
        "unknown.x-tamales",
        "food.x-",
        "food.x-Tamales",
        "food.x-corn-",
        "food.x-maïs",
        "food.x-corn\n",
        "food.x-corn.x-sweet",
        "food.x-" + "a" * CATEGORY_BYTES_MAX,
        None,
        7,
        ["food"],
    ],
)
def test_anything_else_is_refused_with_what_to_write_instead(value: object) -> None:
    with pytest.raises(RecordError, match="take one of the list") as caught:
        categories.parse(value)
    assert caught.value.code == "unknown_category"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("code", "parent", "ancestors"),
    [
        ("food", None, ()),
        ("food.cooked", "food", ("food",)),
        ("food.cooked.x-soup", "food.cooked", ("food.cooked", "food")),
    ],
)
def test_parent_and_ancestors_follow_from_the_code(code: str, parent: str | None, ancestors: tuple[str, ...]) -> None:
    assert categories.parent(code) == parent
    assert categories.ancestors(code) == ancestors


@pytest.mark.parametrize(
    ("upper", "lower", "expected"),
    [
        ("food", "food", True),
        ("food", "food.bread", True),
        ("food", "food.bread.x-rolls", True),
        ("food.bread", "food", False),
        ("food.bread", "food.cooked", False),
        ("foo", "food", False),
    ],
)
def test_a_code_covers_itself_and_what_is_below_it(upper: str, lower: str, expected: bool) -> None:
    assert categories.is_same_or_ancestor(upper, lower) is expected


@given(codes, codes)
def test_covering_agrees_with_the_ancestors(upper: str, lower: str) -> None:
    expected = upper == lower or upper in categories.ancestors(lower)
    assert categories.is_same_or_ancestor(upper, lower) == expected


@pytest.mark.parametrize(
    ("code", "language", "expected"),
    [
        ("food.cooked", "ht", "Manje kwit"),
        ("food.cooked", "de", "Cooked meals"),
        ("food.x-corn-tamales", "es", "Comida: corn tamales"),
        ("food.later.deeper", "fr", "Nourriture: later deeper"),
        ("from-a-newer.list", "zh", "from a newer list"),
    ],
)
def test_a_label_reaches_as_far_as_the_list_does(code: str, language: str, expected: str) -> None:
    assert categories.label(code, language) == expected


def test_wikidata_items_are_items_and_stand_only_where_confirmed() -> None:
    items = {code: categories.wikidata(code) for code in categories.all_codes()}
    confirmed = {code: item for code, item in items.items() if item is not None}
    assert confirmed["clothing"] == "Q11460"
    assert len(set(confirmed.values())) == len(confirmed)
    assert all(re.fullmatch(r"Q[1-9][0-9]*", item) for item in confirmed.values())
    assert categories.wikidata("clothing.x-hats") is None
