"""The small checks: what passes, what does not, and that the field is named."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from hartig_protocol.errors import RecordError
from hartig_protocol.records import fields

Check = Callable[[str, Any], None]
NUMBER = partial(fields.integer, lowest=1, highest=3)
SHORT = partial(fields.text, bytes_max=4)
COLOUR = partial(fields.one_of, allowed=frozenset({"red", "blue"}))
TITLE = partial(fields.texts, bytes_max=4, at_least=1)
FOUR = partial(fields.bytes_of, length=4)
FEW = partial(fields.listed, items_max=2)

PASSING: list[tuple[Check, Any]] = [
    (NUMBER, 1),
    (NUMBER, 3),
    (FOUR, b"abcd"),
    (SHORT, "a"),
    (SHORT, "水"),
    (partial(fields.text, bytes_max=4, bytes_min=0), ""),
    (COLOUR, "red"),
    (fields.language, "es"),
    (fields.language, "zh-Hant"),
    (fields.language, "yue"),
    (fields.language, "es-419"),
    (TITLE, {"en": "a", "ht": "b"}),
    (partial(fields.texts, bytes_max=4, at_least=0), {}),
    (FEW, []),
    (FEW, [None, None]),
]
FAILING: list[tuple[Check, Any]] = [
    (NUMBER, 0),
    (NUMBER, 4),
    (NUMBER, True),
    (NUMBER, 1.0),
    (NUMBER, None),
    (FOUR, b"abc"),
    (FOUR, b"abcde"),
    (FOUR, "abcd"),
    (FOUR, bytearray(4)),
    (SHORT, ""),
    (SHORT, "abcde"),
    (SHORT, "水水"),
    (SHORT, b"a"),
    (COLOUR, "green"),
    (COLOUR, ["red"]),
    (COLOUR, None),
    (fields.language, "ES"),
    (fields.language, "e"),
    (fields.language, "engl"),
    (fields.language, "en-"),
    (fields.language, "en_US"),
    (fields.language, "en-Latn-US"),
    (fields.language, "en\n"),
    (fields.language, None),
    (TITLE, {}),
    (TITLE, {"en": "abcde"}),
    (TITLE, {"EN": "a"}),
    (TITLE, {f"a{letter}": "a" for letter in "abcdefghi"}),
    (TITLE, "title"),
    (FEW, [1, 2, 3]),
    (FEW, (1,)),
    (FEW, None),
]


@pytest.mark.parametrize(("check", "value"), PASSING)
def test_what_fits_passes(check: Check, value: Any) -> None:
    check("facts.colour", value)


@pytest.mark.parametrize(("check", "value"), FAILING)
def test_what_does_not_fit_is_refused_and_the_field_named(check: Check, value: Any) -> None:
    with pytest.raises(RecordError, match=r"^facts\.colour") as raised:
        check("facts.colour", value)
    assert raised.value.code == "bad_field"


def test_of_a_map_of_texts_the_wrong_language_is_named() -> None:
    with pytest.raises(RecordError, match=r"^body\.title\.ht: "):
        TITLE("body.title", {"en": "a", "ht": ""})
