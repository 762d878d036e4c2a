"""Keys: what may be one, what they sign, and that no input makes `verify` raise."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.errors import RecordError
from hartig_protocol.records import keys
from hartig_protocol.records.keys import (
    SigningKey,
    is_strict_key,
    recovery_consent,
    recovery_hash,
    sha256,
    sha256_of,
    verify,
)

# RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
KEY = SigningKey(bytes(range(32)))


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_the_published_examples_come_out(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert key.public.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert verify(key.public, bytes.fromhex(message), bytes.fromhex(signature))


@settings(deadline=None)
@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=70))
def test_no_input_makes_verify_raise(key: bytes, message: bytes, signature: bytes) -> None:
    assert not verify(key, message, signature)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_random_keys_and_signatures_do_not_verify(key: bytes, signature: bytes) -> None:
    assert not verify(key, b"", signature)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_what_a_key_signs_verifies_under_it_alone(seed: bytes, message: bytes) -> None:
    key = SigningKey(seed)
    signature = key.sign(message)
    assert is_strict_key(key.public)
    assert verify(key.public, message, signature)
    assert not verify(key.public, message + b"\0", signature)
    assert seed == KEY.seed or not verify(KEY.public, message, signature)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_has_32_bytes(length: int) -> None:
    with pytest.raises(RecordError, match="has 32 bytes"):
        SigningKey(bytes(length))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_none(length: int) -> None:
    assert not is_strict_key(b"\x09" * length)


def test_a_private_key_does_not_show_itself() -> None:
    assert repr(KEY) == f"<SigningKey {KEY.public.hex()[:12]}>"
    assert KEY.seed.hex() not in repr(KEY)


def test_every_prefix_is_another_and_none_begins_with_another() -> None:
    prefixes = [value for name, value in vars(keys).items() if name.startswith("PREFIX_")]
    assert len(set(prefixes)) == len(prefixes) == 19
    assert all(prefix.startswith(b"hartig/1 ") and prefix.index(b"\0") == len(prefix) - 1 for prefix in prefixes)


def test_parts_are_hashed_as_if_joined() -> None:
    assert sha256(b"a", b"b") == sha256(b"ab") == sha256_of(b"a", b"b")


def test_a_recovery_key_is_named_by_a_hash_and_consented_to_with_all_three_parts() -> None:
    hash_ = recovery_hash(KEY.public)
    assert KEY.public not in hash_
    assert recovery_consent(b"n" * 16, KEY.public, hash_).endswith(b"n" * 16 + KEY.public + hash_)
