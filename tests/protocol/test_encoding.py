"""Strict msgpack: one value has one encoding, and nothing else is read (SPEC, part E)."""

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.encoding import decode, decode_untyped, encode
from hartig_protocol.errors import EncodingError, LocalError
from hartig_protocol.limits import DEPTH_MAX, INTEGER_MAX

LIMIT = 10_000
ITEMS = 6

VALUES: list[tuple[Any, str]] = [
    (None, "c0"),
    (False, "c2"),
    (True, "c3"),
    (0, "00"),
    (127, "7f"),
    (128, "cc80"),
    (-1, "ff"),
    (-33, "d0df"),
    (65_536, "ce00010000"),
    (INTEGER_MAX, "cf001fffffffffffff"),
    (-INTEGER_MAX, "d3ffe0000000000001"),
    ("", "a0"),
    ("añ", "a361c3b1"),
    (b"", "c400"),
    (b"\x00", "c40100"),
    ([], "90"),
    ([1, [2]], "92019102"),
    ({}, "80"),
    ({"a": 1, "b": None}, "82a16101a162c0"),
]

REFUSED: list[tuple[str, str, str]] = [
    ("a long form of a small integer", "cc01", "not_strict"),
    ("a long form of a short text", "d90161", "not_strict"),
    ("a long form of short bytes", "c5000100", "not_strict"),
    ("a long form of a short list", "dc000101", "not_strict"),
    ("a long form of a small map", "de0001a16101", "not_strict"),
    ("a float", "cb3ff0000000000000", "not_strict"),
    ("a short float", "ca3f800000", "not_strict"),
    ("not a number", "cb7ff8000000000000", "not_strict"),
    ("minus nought", "cb8000000000000000", "not_strict"),
    ("an extension", "d40100", "not_strict"),
    ("a time", "d6ff00000000", "not_strict"),
    ("a key twice", "82a16101a16102", "not_strict"),
    ("keys that fall", "82a16201a16102", "not_strict"),
    ("a key that is a number", "810101", "not_strict"),
    ("a key that is bytes", "81c4016101", "not_strict"),
    ("a key that is a list", "819001", "not_strict"),
    ("a key beyond ASCII", "81a2c3b101", "not_strict"),
    ("an integer beyond 2^53-1", "cf0020000000000000", "not_strict"),
    ("an integer below", "d3ffe0000000000000", "not_strict"),
    ("text that is no UTF-8", "a1ff", "not_msgpack"),
    ("a lone surrogate", "a3eda080", "not_msgpack"),
    ("nothing", "", "not_msgpack"),
    ("something behind", "0000", "not_msgpack"),
    ("cut short", "92", "not_msgpack"),
    ("the byte that is never used", "c1", "not_msgpack"),
    ("a list that claims four billion", "ddffffffff", "not_msgpack"),
]


@pytest.mark.parametrize(("value", "hexed"), VALUES, ids=[hexed for _, hexed in VALUES])
def test_a_value_has_one_encoding(value: Any, hexed: str) -> None:
    assert encode(value).hex() == hexed
    assert decode(bytes.fromhex(hexed), LIMIT) == value


@pytest.mark.parametrize(("why", "hexed", "code"), REFUSED, ids=[why for why, _, _ in REFUSED])
def test_everything_else_is_refused(why: str, hexed: str, code: str) -> None:
    with pytest.raises(EncodingError) as caught:
        decode(bytes.fromhex(hexed), LIMIT)
    assert caught.value.code == code


UNTYPED = {"a float", "not a number", "minus nought", "an extension", "a time", "keys that fall", "a key beyond ASCII"}
UNTYPED |= {"a key that is bytes", "an integer beyond 2^53-1", "an integer below"}


@pytest.mark.parametrize(("why", "hexed", "code"), REFUSED, ids=[why for why, _, _ in REFUSED])
def test_without_a_look_at_types_long_forms_and_repeated_keys_are_refused_still(
    why: str, hexed: str, code: str
) -> None:
    assert (decode_untyped(bytes.fromhex(hexed)) is not None) == (why in UNTYPED), code


def test_nesting_that_the_library_refuses_is_no_value_without_a_look_at_types_either() -> None:
    assert decode_untyped(b"\x91" * 5_000 + b"\x01") is None


@pytest.mark.parametrize("value", [1.0, 2**53, {1: 2}, {"ñ": 1}, {1}, 1j], ids=repr)
def test_what_would_not_be_read_is_not_written(value: Any) -> None:
    with pytest.raises(LocalError):
        encode(value)


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_depth_is_bounded(wrap: Any) -> None:
    value: Any = 1
    for _ in range(DEPTH_MAX):
        value = wrap(value)
    assert decode(encode(value), LIMIT) == value
    with pytest.raises(LocalError):
        encode(wrap(value))
    with pytest.raises(EncodingError) as caught:
        decode(msgpack.packb(wrap(value)), LIMIT)
    assert caught.value.code == "too_deep"


def test_very_deep_nesting_is_refused_by_the_library_or_by_us() -> None:
    with pytest.raises(EncodingError):
        decode(b"\x91" * 5_000 + b"\x01", LIMIT)


def test_size_is_looked_at_first() -> None:
    with pytest.raises(EncodingError) as caught:
        decode(b"\xc1" * 11, 10)
    assert caught.value.code == "too_large"


def test_heads_hold_ascii_alone() -> None:
    assert decode(encode(["a"]), LIMIT, ascii_only=True) == ["a"]
    for value in ["ñ", ["ñ"], {"a": "ñ"}]:
        with pytest.raises(EncodingError):
            decode(encode(value), LIMIT, ascii_only=True)


def test_maps_are_written_sorted_and_tuples_as_lists() -> None:
    assert encode({"b": (1,), "a": {"d": 1, "c": 2}}) == encode({"a": {"c": 2, "d": 1}, "b": [1]})


scalars = st.one_of(st.none(), st.booleans(), st.integers(-INTEGER_MAX, INTEGER_MAX), st.text(), st.binary())
keys = st.text(st.characters(max_codepoint=127))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=8
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_what_is_written_is_read_back(value: Any) -> None:
    try:
        data = encode(value)
    except LocalError:
        return  # deeper than is allowed
    assert decode(data, 2**20) == value


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=64))
def test_noise_is_a_value_with_this_one_encoding_or_an_encoding_error(noise: bytes) -> None:
    try:
        value = decode(noise, LIMIT)
    except EncodingError:
        return
    assert encode(value) == noise
    assert decode_untyped(noise) == value


@pytest.mark.parametrize(
    "fits",
    [[1] * ITEMS, [[1, 2, 3], {"a": 1}], [{"a": 1, "b": 2}, [3, 4]], {"a": [1, 2], "b": [3]}, None, b"xy" * ITEMS],
)
def test_what_has_few_items_is_read_as_without_the_bound(fits: Any) -> None:
    assert decode(encode(fits), LIMIT, items_max=ITEMS) == fits


@pytest.mark.parametrize(
    "many",
    [
        [1] * (ITEMS + 1),
        [[1] * 4, [2] * 4],
        {str(number): number for number in range(ITEMS + 1)},
        [{"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2, "c": 3}],
        [{}] * (ITEMS + 1),
    ],
)
def test_what_has_many_items_is_refused_before_they_are_all_read(many: Any) -> None:
    with pytest.raises(EncodingError) as caught:
        decode(encode(many), LIMIT, items_max=ITEMS)
    assert caught.value.code in {"too_large", "not_msgpack"}


def test_within_the_bound_what_is_not_strict_is_named_as_ever() -> None:
    for data_hex, code in (("cc01", "not_strict"), ("82a16201a16102", "not_strict"), ("ff" * 9, "not_msgpack")):
        with pytest.raises(EncodingError) as caught:
            decode(bytes.fromhex(data_hex), LIMIT, items_max=ITEMS)
        assert caught.value.code == code
