"""Strict Ed25519: PyNaCl and `cryptography` agree under our rules on the published edge cases and on 20,000 mutants."""

import random
from collections.abc import Iterator
from functools import lru_cache

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from hartig_protocol.records import keys
from protocol import curve
from protocol.vector_parts.composing import signer
from protocol.vector_parts.keys import SPECCHECK_VERDICTS, speccheck_cases

MUTANTS = 20_400
Triple = tuple[bytes, bytes, bytes]

TORSION = curve.torsion()
SMALL_ORDER = {curve.encode(point) for point in TORSION}
SIGN = 1 << 255


@lru_cache(maxsize=4096)
def _is_strict(encoded: bytes) -> bool:
    """Canonical, and not of small order; written another way than in the package."""
    y = int.from_bytes(encoded, "little") % SIGN
    return y < curve.P and not {y.to_bytes(32, "little"), (y | SIGN).to_bytes(32, "little")} & SMALL_ORDER


def _is_well_formed(key: bytes, signature: bytes) -> bool:
    if len(key) != 32 or len(signature) != 64 or not _is_strict(key) or not _is_strict(signature[:32]):
        return False
    return int.from_bytes(signature[32:], "little") < curve.L


def _by_pynacl(key: bytes, message: bytes, signature: bytes) -> bool:
    if not _is_well_formed(key, signature):
        return False
    try:
        VerifyKey(key).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def _by_cryptography(key: bytes, message: bytes, signature: bytes) -> bool:
    if not _is_well_formed(key, signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _agreed(triple: Triple) -> bool:
    verdicts = (_by_pynacl(*triple), _by_cryptography(*triple), keys.verify(*triple))
    assert len(set(verdicts)) == 1, (verdicts, [part.hex() for part in triple])
    return verdicts[0]


def test_both_libraries_agree_on_every_published_edge_case() -> None:
    verdicts = [_agreed(case) for case in speccheck_cases()]
    assert verdicts == [good for _, good, _ in SPECCHECK_VERDICTS]


def test_the_small_order_points_are_all_that_there_are() -> None:
    on_curve = {int.from_bytes(encoded, "little") % SIGN for encoded in SMALL_ORDER}
    assert len(SMALL_ORDER) == 8
    assert on_curve == keys._SMALL_ORDER_Y
    assert keys.GROUP_ORDER == curve.L
    assert all(curve.encode(curve.times(8, point)) == curve.encode(curve.IDENTITY) for point in TORSION)


def test_no_point_of_small_order_is_a_key_in_any_encoding() -> None:
    for encoded in SMALL_ORDER:
        y = int.from_bytes(encoded, "little") % SIGN
        forms = [y, y | SIGN] + [form for form in (y + curve.P, (y + curve.P) | SIGN) if y + curve.P < SIGN]
        assert not any(keys.is_strict_key(form.to_bytes(32, "little")) for form in forms)


def test_points_of_mixed_order_verify_only_where_the_plain_equation_holds() -> None:
    """Signatures with a point of small order added to A or R: all satisfy the cofactored equation."""
    good = 0
    for number, (point, part) in enumerate((point, part) for point in TORSION[1:] * 4 for part in "AR"):
        triple, holds = _mixed(number, point, part)
        assert _agreed(triple) == holds
        good += holds
    assert 0 < good < 56


def _mixed(number: int, small: curve.Point, part: str) -> tuple[Triple, bool]:
    key, message = signer(f"mixed {number}"), b"message %d" % number
    secret, nonce = curve.scalar_of(key.seed), curve.scalar_of(key.seed[::-1]) % curve.L
    a, r = curve.times(secret, curve.BASE), curve.times(nonce, curve.BASE)
    public = curve.encode(curve.add(a, small) if part == "A" else a)
    first = curve.encode(curve.add(r, small) if part == "R" else r)
    h = curve.challenge(first, public, message)
    left = curve.times(h, small) if part == "A" else small
    holds = curve.encode(left) == curve.encode(curve.IDENTITY)
    return (public, message, first + ((nonce + h * secret) % curve.L).to_bytes(32, "little")), holds


def _mutants(chance: random.Random) -> Iterator[Triple]:
    """Triples of key, message and signature: one in twelve sound, the others changed in one of eleven ways."""
    signed = [_signed(chance, number) for number in range(48)]
    while True:
        key, message, signature = chance.choice(signed)
        other_key, other_message, other = chance.choice(signed)
        r, s = signature[:32], signature[32:]
        low = int.from_bytes(s, "little")
        odd = _odd_point(chance)
        yield key, message, signature
        yield key, message, _flipped(chance, signature)
        yield _flipped(chance, key), message, signature
        yield key, _flipped(chance, message), signature
        yield key, message, s + r
        yield key, message, r + other[32:]
        yield other_key, other_message, signature
        yield key, message, r + ((low + curve.L * chance.randint(1, 7)) % 2**256).to_bytes(32, "little")
        yield odd, message, signature
        yield key, message, odd + s
        yield odd, message, odd + bytes(32)
        yield chance.randbytes(32), message, chance.randbytes(chance.choice((64, 64, 64, 63, 65, 0)))


def _signed(chance: random.Random, number: int) -> Triple:
    key, message = signer(f"mutant {number}"), chance.randbytes(1 + number)
    return key.public, message, key.sign(message)


def _flipped(chance: random.Random, data: bytes) -> bytes:
    bit = chance.randrange(8 * len(data))
    return (int.from_bytes(data, "little") ^ 1 << bit).to_bytes(len(data), "little")


def _odd_point(chance: random.Random) -> bytes:
    """A point of small order, with either sign, or a y that is not canonical."""
    y = int.from_bytes(chance.choice(sorted(SMALL_ORDER)), "little") % SIGN
    y = chance.choice((y, curve.P + chance.randrange(19)))
    return (y | chance.choice((0, SIGN))).to_bytes(32, "little")


@pytest.mark.wide
def test_both_libraries_agree_on_twenty_thousand_mutants() -> None:
    mutants = _mutants(random.Random(20_251_122))
    verdicts = [_agreed(next(mutants)) for _ in range(MUTANTS)]
    assert sum(verdicts) >= MUTANTS // 12
    assert sum(verdicts) < MUTANTS // 6
