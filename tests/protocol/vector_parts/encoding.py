"""Vectors of part E: what strict msgpack reads and what it refuses."""

from typing import Any

from protocol.vector_parts.composing import Fields, vector


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [*_sizes(), *_whole(), *_types(), *_integers(), *_forms(), *_keys(), *_depth(), *_text()]


def _good(rule: str, name: str, data: bytes, **more: Any) -> Fields:
    return vector(rule, name, "decode", data, **({"bytes_max": 64} | more))


def _bad(rule: str, name: str, data: bytes, error: str = "not_strict", **more: Any) -> Fields:
    return vector(rule, name, "decode", data, error=error, **({"bytes_max": 64} | more))


def _sizes() -> list[Fields]:
    return [
        _good("E1", "as long as allowed", b"\xc4\x02ab", bytes_max=4),
        _bad("E1", "one byte too long", b"\xc4\x02ab", "too_large", bytes_max=3),
        _bad("E1", "too long and also not msgpack", b"\xc1\xc1", "too_large", bytes_max=1),
    ]


def _whole() -> list[Fields]:
    return [
        _good("E2", "one value", b"\x92\x01\x02"),
        _bad("E2", "nothing", b"", "not_msgpack"),
        _bad("E2", "cut short in an array", b"\x92\x01", "not_msgpack"),
        _bad("E2", "cut short in bytes", b"\xc4\x05ab", "not_msgpack"),
        _bad("E2", "a count of four thousand million", b"\xdd\xff\xff\xff\xff\x01", "not_msgpack"),
        _bad("E2", "a byte too many", b"\x01\x02", "not_msgpack"),
        _bad("E2", "the byte that is never used", b"\xc1", "not_msgpack"),
    ]


def _types() -> list[Fields]:
    good = {"nil": b"\xc0", "false": b"\xc2", "true": b"\xc3", "integer": b"\x07", "bytes": b"\xc4\x01\xff"}
    good |= {"text": b"\xa1a", "array": b"\x90", "map": b"\x80"}
    bad = {
        "float 32": b"\xca\x3f\x80\x00\x00",
        "float 64": b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
        "not a number": b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        "minus zero": b"\xcb\x80\x00\x00\x00\x00\x00\x00\x00",
        "a float inside an array": b"\x91\xca\x00\x00\x00\x00",
        "extension of one byte": b"\xd4\x05\x00",
        "extension with a length": b"\xc7\x00\x05",
        "timestamp": b"\xd6\xff\x00\x00\x00\x01",
    }
    return [
        *(_good("E3", name, data) for name, data in good.items()),
        *(_bad("E3", name, data) for name, data in bad.items()),
    ]


def _integers() -> list[Fields]:
    return [
        _good("E4", "2^53-1", b"\xcf\x00\x1f\xff\xff\xff\xff\xff\xff"),
        _good("E4", "-(2^53-1)", b"\xd3\xff\xe0\x00\x00\x00\x00\x00\x01"),
        _bad("E4", "2^53", b"\xcf\x00\x20\x00\x00\x00\x00\x00\x00"),
        _bad("E4", "-2^53", b"\xd3\xff\xe0\x00\x00\x00\x00\x00\x00"),
        _bad("E4", "2^64-1", b"\xcf" + b"\xff" * 8),
    ]


def _forms() -> list[Fields]:
    long_forms = {
        "7 in two bytes": b"\xcc\x07",
        "255 in three bytes": b"\xcd\x00\xff",
        "7 as a signed integer": b"\xd0\x07",
        "-1 in two bytes": b"\xd0\xff",
        "short text with a length byte": b"\xd9\x01a",
        "short bytes with two length bytes": b"\xc5\x00\x01a",
        "short array with two count bytes": b"\xdc\x00\x01\x01",
        "short map with two count bytes": b"\xde\x00\x01\xa1a\x01",
    }
    return [
        _good("E5", "127, 128 and 256, each as short as can be", b"\x93\x7f\xcc\x80\xcd\x01\x00"),
        _good("E5", "text of 32 bytes", b"\xd9\x20" + b"a" * 32),
        *(_bad("E5", name, data) for name, data in long_forms.items()),
    ]


def _keys() -> list[Fields]:
    return [
        _good("E6", "rising keys", b"\x82\xa1a\x01\xa1b\x02"),
        _good("E6", "a shorter key before a longer one that begins with it", b"\x82\xa1a\x01\xa2aa\x02"),
        _bad("E6", "falling keys", b"\x82\xa1b\x01\xa1a\x02"),
        _bad("E6", "a key twice", b"\x82\xa1a\x01\xa1a\x01"),
        _bad("E6", "an integer as key", b"\x81\x01\x01"),
        _bad("E6", "bytes as key", b"\x81\xc4\x01a\x01"),
        _bad("E6", "nil as key", b"\x81\xc0\x01"),
        _bad("E6", "a key that is not ASCII", b"\x81\xa2\xc3\xa9\x01"),
        _bad("E6", "an array as key", b"\x81\x90\x01"),
        _bad("E6", "an array that nests 900 deep as key", b"\x81" + b"\x91" * 900 + b"\xc0\xc0", bytes_max=1024),
        _bad("E6", "a key twice in an inner map", b"\x91\x82\xa1a\x01\xa1a\x01"),
    ]


def _depth() -> list[Fields]:
    return [
        _good("E7", "eight deep", b"\x91" * 8 + b"\x01"),
        _good("E7", "eight deep with maps", b"\x81\xa1a" * 8 + b"\x01"),
        _bad("E7", "nine deep", b"\x91" * 9 + b"\x01", "too_deep"),
        _bad("E7", "nine deep with maps", b"\x81\xa1a" * 9 + b"\x01", "too_deep"),
    ]


def _text() -> list[Fields]:
    creole = "dlo pwòp".encode()
    return [
        _good("E8", "two bytes for one character", b"\xa9" + creole),
        _good("E8", "ASCII where ASCII is asked for", b"\xa3dlo", ascii=True),
        _bad("E8", "more than ASCII where ASCII is asked for", b"\xa9" + creole, ascii=True),
        _bad("E8", "half a character", b"\xa1\xc3", "not_msgpack"),
        _bad("E8", "an overlong form", b"\xa2\xc0\x80", "not_msgpack"),
        _bad("E8", "a surrogate", b"\xa3\xed\xa0\x80", "not_msgpack"),
    ]
