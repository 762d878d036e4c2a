"""Keys sealed under a passphrase: what was sealed opens, and nothing else does anything but say so."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hartig_node import keyfile
from hartig_node.glossary import words_used
from hartig_node.keyfile import (
    SEALED_START,
    KeyFileError,
    PassphraseError,
    armour,
    comment_of,
    is_sealed,
    key_of,
    key_text,
    open_bytes,
    open_key,
    read_key_file,
    salt_of,
    seal_bytes,
    seal_key,
    unarmour,
)

SEED = bytes(range(32))
# Salt and nonce zero; made once by this program, with Argon2id and ChaCha20-Poly1305 of `cryptography` 46 and 50.
KNOWN = (
    "010000000000000000000000000000000000000000000000000000000003"
    "73d2cbd778bdd180973c19517ad69f4fa85616c9955993bc5becbd2ed9102587c2fc6887138242fc29e82b774c74d7"
)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive for next to nothing: what is tested is everything else."""
    monkeypatch.setattr(keyfile, "MEMORY_KIB", 64)
    monkeypatch.setattr(keyfile, "PASSES", 1)
    keyfile._derived.cache_clear()


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    keyfile._derived.cache_clear()


def test_the_known_answer_is_what_it_was() -> None:
    assert seal_bytes(SEED, "correct horse", bytes(16), bytes(12)).hex() == KNOWN
    assert open_bytes(bytes.fromhex(KNOWN), " correct horse\n") == SEED


def test_it_costs_what_rfc_9106_has_for_small_machines() -> None:
    assert (keyfile.MEMORY_KIB, keyfile.PASSES, keyfile.LANES) == (65_536, 3, 4)


@pytest.mark.usefixtures("cheap")
@given(st.binary(min_size=32, max_size=32), st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip))
@example(SEED, "Ka\u0301ve")
def test_what_was_sealed_opens_with_the_same_words(seed: bytes, passphrase: str) -> None:
    if len(passphrase.encode()) > 512:
        return
    text = key_text(seed, "whose it is\nand why", passphrase)
    assert is_sealed(text)
    assert comment_of(text) == "whose it is\nand why"
    assert key_of(text, lambda: passphrase) == seed
    assert key_of(text.lower(), lambda: f"{passphrase}\n") == seed
    with pytest.raises(PassphraseError):
        open_key(text, passphrase + "x")


@pytest.mark.usefixtures("cheap")
def test_it_survives_being_typed_in_groups_and_with_another_form_of_an_accent() -> None:
    text = seal_key(SEED, "K\u00e1ve")
    code = text.removeprefix(SEALED_START)
    typed = "HARTIG-KEY: " + "\n".join(code[start : start + 5].lower() for start in range(0, len(code), 5))
    assert open_key(typed, "Ka\u0301ve") == SEED


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_no_file_does_anything_but_open_or_say_why(data: bytes) -> None:
    for text in (data.decode("latin-1"), SEALED_START + data.decode("latin-1"), SEALED_START + armour(data)):
        said = ""
        try:
            key_of(text, lambda: "passphrase")
        except KeyFileError as error:
            said = str(error)
        assert words_used(said) == []


@pytest.mark.usefixtures("cheap")
@given(st.integers(0, keyfile.SEALED_BYTES - 1), st.integers(1, 255))
def test_one_changed_byte_never_opens(at: int, change: int) -> None:
    sealed = bytearray(seal_bytes(SEED, "passphrase", bytes(16), bytes(12)))
    sealed[at] ^= change
    with pytest.raises(KeyFileError):
        open_bytes(bytes(sealed), "passphrase")


@given(st.integers(0, 140), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_letter_that_was_mistyped_is_told_from_a_wrong_passphrase(at: int, letter: str) -> None:
    code = armour(bytes.fromhex(KNOWN))
    at %= len(code)
    if code[at] != letter:
        mistyped = code[:at] + letter + code[at + 1 :]
        try:
            read = unarmour(mistyped, "this key")
        except KeyFileError:
            return
        assert read == bytes.fromhex(KNOWN)  # the last letter has bits that say nothing


@pytest.mark.parametrize(
    "sealed", [b"", b"\x02" + bytes(76), b"\xff" * 77, b"\x01" + bytes(75), b"\x01" + bytes(77), b"\x01" * 4000]
)
def test_what_cannot_be_ours_costs_nothing(sealed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfile, "_derived", lambda *_: pytest.fail("derived for a file that cannot be ours"))
    with pytest.raises(KeyFileError):
        open_bytes(sealed, "passphrase")
    with pytest.raises(KeyFileError):
        open_key(SEALED_START + armour(sealed), "passphrase")


@pytest.mark.parametrize("passphrase", ["", " \n", "x" * 1025, "\ud800"])
def test_what_can_be_no_passphrase_is_refused_before_anything(passphrase: str) -> None:
    with pytest.raises(PassphraseError):
        seal_key(SEED, passphrase)


@pytest.mark.usefixtures("cheap")
def test_keys_of_one_salt_are_derived_once() -> None:
    salt = bytes(range(16))
    sealed = [key_text(bytes([number]) * 32, "", "passphrase", salt) for number in range(5)]
    keyfile._derived.cache_clear()
    assert [key_of(text, lambda: "passphrase")[0] for text in sealed] == list(range(5))
    assert keyfile._derived.cache_info().misses == 1
    assert {salt_of(text) for text in sealed} == {salt}
    assert salt_of(SEED.hex()) is None


def test_a_file_is_named_in_what_is_said_of_it(tmp_path: Path) -> None:
    path = tmp_path / "ana.key"
    with pytest.raises(KeyFileError, match=r"ana\.key.*No such file"):
        read_key_file(path)
    path.write_text("# whose\n" + SEED.hex() + "\n")
    assert read_key_file(path) == SEED
    path.write_text(SEALED_START + armour(bytes.fromhex(KNOWN)))
    with pytest.raises(PassphraseError, match=r"ana\.key.*none was given"):
        read_key_file(path)


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.kdf import argon2

    def no_memory(**_: object) -> object:
        raise MemoryError

    monkeypatch.setattr(argon2, "Argon2id", no_memory)
    with pytest.raises(KeyFileError, match="64 MiB"):
        seal_key(SEED, "passphrase")
