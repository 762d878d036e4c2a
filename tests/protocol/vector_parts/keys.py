"""Vectors of part K: strict Ed25519, with the published edge cases, and the prefixes.

The edge cases are those of Chalkias, Garillot, Nikolaenko: "Taming the many EdDSAs" (SSR 2020), as published in the
repository novifinancial/ed25519-speccheck (Apache-2.0); each has our verdict.
"""

import json
from pathlib import Path
from typing import Any

from protocol.vector_parts.composing import Fields, Signer, digest, prefix, vector
from protocol.vector_parts.world import HUB, NETWORK, NODE, OTHER_NODE, RECOVERY, STRANGER

SPECCHECK = Path(__file__).with_name("ed25519_speccheck.json")
FIELD_PRIME = 2**255 - 19
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
ORDER_EIGHT_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER_Y = (0, 1, FIELD_PRIME - 1, ORDER_EIGHT_Y, FIELD_PRIME - ORDER_EIGHT_Y)

# Per published case: the rule that decides it and whether it verifies here. Five libraries differ on these.
SPECCHECK_VERDICTS = (
    ("K3", False, "A and R of small order, S is 0"),
    ("K3", False, "A of small order"),
    ("K3", False, "R of small order"),
    ("K5", True, "A and R of mixed order that satisfy the cofactorless equation too"),
    ("K5", False, "satisfies only the cofactored equation"),
    ("K5", False, "satisfies only the cofactored equation, with h not reduced"),
    ("K4", False, "S above L"),
    ("K4", False, "S far above L"),
    ("K2", False, "R not canonical, hashed as it came"),
    ("K2", False, "R not canonical, hashed reduced"),
)


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [*_plain(), *_points(), *_scalars(), *_published(), *_prefixes()]


def speccheck_cases() -> list[tuple[bytes, bytes, bytes]]:
    """The published cases as key, message and signature."""
    cases = json.loads(SPECCHECK.read_text(encoding="utf-8"))["cases"]
    return [tuple(bytes.fromhex(case[name]) for name in ("pub_key", "message", "signature")) for case in cases]


def _signature(
    rule: str, name: str, key: bytes, message: bytes, signature: bytes, *, good: bool = False, **more: Any
) -> Fields:
    error = None if good else "bad_signature"
    return vector(rule, name, "verify", signature, error=error, key=key, message=message, **more)


def _signed(name: str = "hub", message: bytes = b"dlo") -> tuple[bytes, bytes, bytes]:
    key: Signer = HUB
    return key.public, message, key.sign(message)


def _plain() -> list[Fields]:
    key, message, signature = _signed()
    return [
        _signature("K1", "a signature", key, message, signature, good=True),
        _signature("K1", "over nothing", key, b"", HUB.sign(b""), good=True),
        _signature("K1", "of another message", key, message + b"!", signature),
        _signature("K1", "of another key", STRANGER.public, message, signature),
        _signature("K1", "a byte short", key, message, signature[:-1]),
        _signature("K1", "a byte long", key, message, signature + b"\0"),
        _signature("K1", "empty", key, message, b""),
        _signature("K1", "the key a byte short", key[:-1], message, signature),
        _signature("K1", "a key that is not on the curve", (2).to_bytes(32, "little"), message, signature),
    ]


def _points() -> list[Fields]:
    key, message, signature = _signed()
    made = [
        _signature("K2", "A and R canonical", key, message, signature, good=True),
        _signature("K3", "A and R of the full order", key, message, signature, good=True),
    ]
    for y in (FIELD_PRIME, FIELD_PRIME + 1, FIELD_PRIME + 18):
        for sign in (0, 1 << 255):
            point = (y | sign).to_bytes(32, "little")
            made += [
                _signature("K2", f"A has y = p+{y - FIELD_PRIME}, sign {sign >> 255}", point, message, signature),
                _signature(
                    "K2", f"R has y = p+{y - FIELD_PRIME}, sign {sign >> 255}", key, message, point + signature[32:]
                ),
            ]
    for order, y in enumerate(SMALL_ORDER_Y):
        for sign in (0, 1 << 255):
            point = (y | sign).to_bytes(32, "little")
            name = f"of small order, value {order}, sign {sign >> 255}"
            made += [
                _signature("K3", f"A is {name}", point, message, signature),
                _signature("K3", f"A and R are {name}, S is 0", point, message, point + bytes(32)),
                _signature("K3", f"R is {name}", key, message, point + signature[32:]),
            ]
    return made


def _scalars() -> list[Fields]:
    key, message, signature = _signed()
    scalar = int.from_bytes(signature[32:], "little")
    return [
        _signature("K4", "S below L", key, message, signature, good=True),
        _signature("K4", "S plus L", key, message, signature[:32] + (scalar + GROUP_ORDER).to_bytes(32, "little")),
        _signature("K4", "S is L", key, message, signature[:32] + GROUP_ORDER.to_bytes(32, "little")),
        _signature("K4", "S is all ones", key, message, signature[:32] + b"\xff" * 32),
    ]


def _published() -> list[Fields]:
    source = json.loads(SPECCHECK.read_text(encoding="utf-8"))["source"]
    return [
        _signature(rule, f"published case {index}: {name}", *case, good=good, source=source)
        for index, (case, (rule, good, name)) in enumerate(zip(speccheck_cases(), SPECCHECK_VERDICTS, strict=True))
    ]


def _prefixes() -> list[Fields]:
    """Each prefix gives its own result; the same input under another prefix, or under none, is something else."""
    data = b"the same input"
    parts = {
        "recovery_hash": ("recovery key", [RECOVERY.public]),
        "record_id": ("record id", [data]),
        "body_hash": ("body", [data]),
        "invite_secret_hash": ("invite secret", [bytes(16)]),
    }
    made = []
    for function, (name, arguments) in parts.items():
        right = digest(name, *arguments)
        wrong = digest("record signature", *arguments)
        made += [
            vector("K6", function, "derive", right, function=function, arguments=arguments),
            vector(
                "K6",
                f"{function}, other prefix",
                "derive",
                wrong,
                error="different",
                function=function,
                arguments=arguments,
            ),
        ]
    joined = prefix("join") + NETWORK + NODE + OTHER_NODE
    consented = prefix("recovery consent") + NETWORK + HUB.public + bytes(32)
    made += [
        vector("K6", "join proof", "derive", joined, function="join_proof", arguments=[NETWORK, NODE, OTHER_NODE]),
        vector(
            "K6",
            "recovery consent",
            "derive",
            consented,
            function="recovery_consent",
            arguments=[NETWORK, HUB.public, bytes(32)],
        ),
    ]
    return made
