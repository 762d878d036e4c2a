"""Vectors of part I: invites as text."""

import base64
from typing import Any

from protocol.vector_parts.composing import NOW, Fields, pack, vector
from protocol.vector_parts.world import NETWORK, NODE

SECRET = bytes(range(16))
GOOD: list[Any] = [1, NETWORK, NODE, SECRET, NOW, 5, ["192.168.1.4:4279", "hub.example:4279"]]
WRONG: dict[int, list[Any]] = {
    1: [None, b"", bytes(15)],
    2: [None, bytes(31)],
    3: [None, bytes(17), "a" * 16],
    4: [None, -1, True],
    5: [None, 0, 1001],
    6: [None, ["a:1"] * 5, [""], ["a" * 81], [b"a"]],
}


def link(fields: Any) -> str:
    """An invite with these fields, right or wrong."""
    data = fields if isinstance(fields, bytes) else pack(fields)
    return "hartig:" + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [*_texts(), *_fields()]


def _good(rule: str, name: str, text: str, fields: list[Any]) -> Fields:
    return vector(rule, name, "invite", text, expect={"fields": fields[1:], "link": link(fields)})


def _bad(rule: str, name: str, text: str, error: str = "damaged_invite") -> Fields:
    return vector(rule, name, "invite", text, error=error)


def _texts() -> list[Fields]:
    text = link(GOOD)
    return [
        _good("I1", "an invite", text, GOOD),
        _good("I1", "broken over lines by a mail program", f" {text[:40]}\n{text[40:90]}\r\n\t{text[90:]} ", GOOD),
        _bad("I1", "empty", "", "not_an_invite"),
        _bad("I1", "another kind of link", "https://example.org/", "not_an_invite"),
        _bad("I1", "its end is missing", text[:-9]),
        _bad("I1", "one letter is missing", text[:30] + text[31:]),
        _bad("I1", "a letter that base64 has not", text[:30] + "ß" + text[31:]),
        _bad("I1", "nothing after its beginning", "hartig:"),
        _bad("I1", "not msgpack", link(b"\xc1")),
        _bad("I1", "not strict", link(b"\xcc\x01")),
        _bad("I1", "1,025 bytes", link(b"\x91" + b"\xc5\x03\xfd" + bytes(1021))),
        _bad("I1", "far too long", "hartig:" + "A" * 3000, "too_large"),
    ]


def _fields() -> list[Fields]:
    plain = [*GOOD[:6], []]
    made = [
        _good("I2", "two addresses", link(GOOD), GOOD),
        _good("I2", "no address", link(plain), plain),
        _bad("I2", "no array", link({})),
        _bad("I2", "an empty array", link([])),
        _bad("I2", "a later version", link([2, "whatever"]), "version"),
        _bad("I2", "a field short", link(GOOD[:6])),
        _bad("I2", "a field long", link([*GOOD, 0])),
    ]
    wrong = [(at, value) for at, values in WRONG.items() for value in values]
    made += [
        _bad("I2", f"field {at} is {value!r:.30}", link([*GOOD[:at], value, *GOOD[at + 1 :]])) for at, value in wrong
    ]
    return made
