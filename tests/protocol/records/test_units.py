"""Units and exact conversion."""

import hashlib
import json
import re
from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.errors import RecordError
from hartig_protocol.limits import QUANTITY_MAX
from hartig_protocol.records import units, vocabulary

FINGERPRINT_OF_VERSION_1 = "ce6bc17f848b00b84b59b48620fa52cee6bb66f9d57ba608cd40231d43524db6"
PACKAGES = {"XBG": "Bag", "XBJ": "Bucket", "XBX": "Box", "XCR": "Crate", "XPA": "Packet"}

codes = st.sampled_from(units.all_codes())
quantities = st.integers(0, QUANTITY_MAX) | st.fractions(0, 10**6, max_denominator=10**4)


@st.composite
def of_one_dimension(draw: st.DrawFn) -> tuple[str, str, str]:
    first = draw(codes)
    alike = [code for code in units.all_codes() if units.dimension(code) == units.dimension(first)]
    return first, draw(st.sampled_from(alike)), draw(st.sampled_from(alike))


def test_codes_dimensions_and_factors_are_those_of_protocol_version_1() -> None:
    told = [[code, units.dimension(code), str(units.factor(code))] for code in units.all_codes()]
    assert hashlib.sha256(json.dumps(told).encode()).hexdigest() == FINGERPRINT_OF_VERSION_1


def test_every_factor_is_positive_and_in_lowest_terms() -> None:
    for code in units.all_codes():
        numerator, denominator = vocabulary.entries("units")[code].facts["factor"]
        assert numerator > 0
        assert [numerator, denominator] == list(units.factor(code).as_integer_ratio())


def test_every_dimension_has_a_base() -> None:
    factors = defaultdict(set)
    for code in units.all_codes():
        factors[units.dimension(code)].add(units.factor(code))
    # Length counts in centimetres, so that every dimension has a unit of exactly one base.
    assert [dimension for dimension, found in factors.items() if 1 not in found] == []


def test_packages_are_recommendation_21_codes_with_an_x_and_dimensions_of_their_own() -> None:
    shipped = [code for code in units.all_codes() if re.fullmatch("X[A-Z]{2}", code)]
    assert set(PACKAGES) <= set(shipped)
    for code in shipped:
        assert [other for other in units.all_codes() if units.dimension(other) == units.dimension(code)] == [code]
    for code, name in PACKAGES.items():
        assert vocabulary.entries("units")[code].facts["name"] == name


@pytest.mark.parametrize(
    ("quantity", "source", "target", "expected"),
    [
        (3, "KGM", "GRM", Fraction(3000)),
        (250, "GRM", "KGM", Fraction(1, 4)),
        (1, "LBR", "KGM", Fraction(45359237, 100_000_000)),
        (16, "ONZ", "LBR", Fraction(1)),
        (1, "GLL", "MLT", Fraction(3785411784, 1_000_000)),
        (1, "FOT", "INH", Fraction(12)),
        (1, "INH", "CMT", Fraction(254, 100)),
        (2, "DZN", "H87", Fraction(24)),
        (5, "H87", "C62", Fraction(5)),
        (90, "MIN", "HUR", Fraction(3, 2)),
        (1, "WEE", "DAY", Fraction(7)),
        (1, "MTQ", "LTR", Fraction(1000)),
        (1, "KWH", "WHR", Fraction(1000)),
        (Fraction(1, 3), "KGM", "GRM", Fraction(1000, 3)),
    ],
)
def test_a_conversion_is_exact(quantity: int | Fraction, source: str, target: str, expected: Fraction) -> None:
    converted = units.convert(quantity, source, target)
    assert converted == expected
    assert isinstance(converted, Fraction)


@given(quantities, of_one_dimension())
def test_a_conversion_there_and_back_loses_nothing(quantity: Fraction | int, chosen: tuple[str, str, str]) -> None:
    source, target, _ = chosen
    assert units.convert(units.convert(quantity, source, target), target, source) == quantity


@given(quantities, of_one_dimension())
def test_a_detour_gives_the_same_answer(quantity: Fraction | int, chosen: tuple[str, str, str]) -> None:
    source, between, target = chosen
    detour = units.convert(units.convert(quantity, source, between), between, target)
    assert detour == units.convert(quantity, source, target)


@pytest.mark.parametrize(("source", "target"), [("KGM", "LTR"), ("H87", "PR"), ("XBX", "XCR"), ("PTN", "KGM")])
def test_different_dimensions_do_not_convert(source: str, target: str) -> None:
    with pytest.raises(RecordError, match="does not convert") as caught:
        units.convert(1, source, target)
    assert caught.value.code == "unit_mismatch"


def test_an_unknown_unit_converts_to_itself_alone() -> None:
    assert units.convert(4, "ZZZ", "ZZZ") == 4
    for source, target in (("ZZZ", "KGM"), ("KGM", "ZZZ")):
        with pytest.raises(RecordError) as caught:
            units.convert(4, source, target)
        assert caught.value.code == "unknown_unit"


@pytest.mark.parametrize("value", ["", "kgm", "KG", "BX", "KGM ", None, 62, ["C62"]])
def test_anything_else_is_refused_with_what_to_write_instead(value: object) -> None:
    with pytest.raises(RecordError, match="take one of the list") as caught:
        units.parse(value)
    assert caught.value.code == "unknown_unit"


def test_codes_of_the_list_are_valid_and_have_labels() -> None:
    for code in units.all_codes():
        assert units.is_valid(code)
        assert units.parse(code) == code
    assert units.label("KGM", "ar") == "كيلوغرام"
    assert units.label("KGM", "de") == "kilogram"


def test_a_unit_of_a_newer_list_is_shown_by_its_code() -> None:
    assert units.label("ZZZ", "es") == "ZZZ"
