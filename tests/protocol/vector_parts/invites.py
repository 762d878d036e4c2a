"""Vectors of part I: invites as text."""

import base64
import hashlib
from typing import Any

from protocol.vector_parts.composing import NOW, Fields, pack, prefix, vector
from protocol.vector_parts.world import NETWORK, NODE, OTHER_NODE, STRANGER

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
    return [*_texts(), *_fields(), *_words()]


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


def _words() -> list[Fields]:
    """What both sides read out; a man in the middle has another node towards each."""
    parts = [NETWORK, OTHER_NODE, STRANGER.public, NODE]
    called = {"function": "pairing_words", "arguments": parts}
    return [
        vector("I3", "eight words", "derive", _spoken(*parts), **called),
        *(
            vector(
                "I3",
                f"another {name}",
                "derive",
                _spoken(*parts[:at], bytes(len(parts[at])), *parts[at + 1 :]),
                error="different",
                **called,
            )
            for at, name in enumerate(("network", "newcomer's node", "newcomer's hub key", "node of the network"))
        ),
        vector("I3", "another salt", "derive", _spoken(*parts, salt=prefix("join")), error="different", **called),
    ]


def _spoken(*parts: bytes, salt: bytes = prefix("pairing words")) -> bytes:
    """Proquints by the table, written apart from the program."""
    data = hashlib.scrypt(b"".join(parts), salt=salt, n=16384, r=8, p=1, dklen=16)
    bits = f"{int.from_bytes(data, 'big'):0128b}"
    words = []
    for at in range(0, 128, 16):
        cuts = [
            bits[at : at + 4],
            bits[at + 4 : at + 6],
            bits[at + 6 : at + 10],
            bits[at + 10 : at + 12],
            bits[at + 12 : at + 16],
        ]
        words.append("".join(("bdfghjklmnprstvz" if len(cut) == 4 else "aiou")[int(cut, 2)] for cut in cuts))
    return " ".join(words).encode()
