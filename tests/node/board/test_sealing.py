"""Boxes open for one hub and one deal, and say nothing by their size."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from hartig_node.board.sealing import Binding, BoxKey, SealingError, seal
from hartig_protocol.limits import CONTACT_BOX_BYTES_MAX, CONTACT_TEXT_BYTES

KEY = BoxKey(bytes(range(32)))
BINDING = Binding(b"n" * 16, b"a" * 32, b"t" * 16, b"r" * 32, b"c" * 32)
# Made once by `seal` with this key and binding: what other versions have sealed opens for ever.
KNOWN = (
    "9f1fafcb8f6e3d7e5689597a7d3120a448fb7abf0cfe3f6f687d7db9ff688112a35d08a9d4790046aa57da525b6de8ec221899cecfe4c405"
    "b79b39ce14439e685fc55399283e70fa335330191de854191edf9821d9a8a69412b4847a328e360cbcf8caca8a6b5cf183608d1c5e4c8b0a"
    "7e948a59467aaad5272bc935666122520832f7cf4fcc3aa0317a12967649cfd6174d9938e4e8b199cc7ef4829d67b41ab3e5e17769b5b611"
    "004b127ba50012c8708b343865b8935fe31b915988a0d90faa498cad6d052aacafe7e2ebd6c239e3ac3dc21e99ef1e0e989726ec1fd4f069"
    "48e1de7ce4f53876d222ebd7cf4cfcec338854209f334c7ec8685134fc54c07d706bfc0cbf84c1d06a8eca98f3ca4e324cac9616d019cf81"
    "576d02668bfae36f6e98a3d0c2da38ab328bd16b5d6649884d04d7c77387df7581e0139c78a04c2a0b30e26c83cbd4efb254affc69a942c6"
    "6002fe98c7c29146cc7b31a838b8a8ec7fd2e98d5afcb29d6197cf4945272e6fa73cbb19d32dfcef48e482f4fc9df224eaeb7bbbac64b539"
    "d557f9f5820d2517eaedc93c8f800a4fb0597c25ad77449d733004fb66fb24ce08b823e2cec331ba495c1e33854110cabb48f027da868425"
)


@pytest.mark.parametrize("text", ["", "Ana, 555 0100", "سلمى، بعد الرابعة", "x" * CONTACT_TEXT_BYTES])
def test_a_box_opens_again_and_all_have_one_size(text: str) -> None:
    box = seal(text, KEY.public, BINDING)
    assert KEY.open(box, BINDING) == text
    assert len(box) == CONTACT_TEXT_BYTES + 48 <= CONTACT_BOX_BYTES_MAX
    assert seal(text, KEY.public, BINDING) != box


def test_what_was_sealed_before_opens() -> None:
    assert KEY.open(bytes.fromhex(KNOWN), BINDING) == "Ana, 555"
    assert KEY.public.hex() == "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f"


def test_a_box_opens_for_nobody_else() -> None:
    box = seal("Ana", KEY.public, BINDING)
    with pytest.raises(SealingError):
        BoxKey(bytes(32)).open(box, BINDING)


@pytest.mark.parametrize("part", ["network", "author", "thread", "recipient", "about"])
def test_a_box_opens_for_no_other_deal(part: str) -> None:
    parts = {name: getattr(BINDING, name) for name in ("network", "author", "thread", "recipient", "about")}
    other = Binding(**parts | {part: bytes(len(parts[part]))})
    with pytest.raises(SealingError):
        KEY.open(seal("Ana", KEY.public, BINDING), other)


def test_a_box_that_was_changed_or_cut_does_not_open() -> None:
    box = seal("Ana", KEY.public, BINDING)
    for wrong in (b"", box[:31], box[:-1], box + b"\0", bytes(len(box)), box[:-1] + bytes([box[-1] ^ 1])):
        with pytest.raises(SealingError):
            KEY.open(wrong, BINDING)


def test_what_is_no_text_does_not_open() -> None:
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    public = X25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    with pytest.raises(SealingError):
        KEY.open(suite.encrypt(b"\xff\xfe", public, info=BINDING.info), BINDING)


@pytest.mark.parametrize("key", [bytes(32), bytes([1]) + bytes(31), bytes(31)])
def test_nothing_is_sealed_to_a_key_that_hides_nothing(key: bytes) -> None:
    with pytest.raises(SealingError, match="hides nothing"):
        seal("Ana", key, BINDING)


def test_too_long_a_text_is_not_cut() -> None:
    with pytest.raises(SealingError, match="401 bytes"):
        seal("x" * 401, KEY.public, BINDING)


def test_a_key_does_not_show_itself() -> None:
    assert repr(KEY) == "<BoxKey 8f40c5adb68f>"
