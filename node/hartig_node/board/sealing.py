"""Sealed boxes: what only the hub on the other side of one deal can open (SPEC, part D).

In: a few words, and what binds them to one deal. Out: bytes, all of one length, and back. HPKE (RFC 9180) is
`cryptography`'s. A box that was made for another deal, another hub or another side, or that was changed, does not open.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from hartig_protocol.limits import CONTACT_TEXT_BYTES
from hartig_protocol.records.keys import PREFIX_CONTACT
from hartig_protocol.values import value

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_FILL = b"\0"  # `clean_text` leaves none of these in a text


class SealingError(ValueError):
    """A box cannot be made or opened; the message says why."""


@value
class Binding:
    """What a box belongs to: who wrote it into which chain, for whom, about which claim or promise."""

    network: bytes
    author: bytes
    thread: bytes
    recipient: bytes
    about: bytes

    @property
    def info(self) -> bytes:
        """What HPKE binds; every part has a fixed length."""
        return PREFIX_CONTACT + self.network + self.author + self.thread + self.recipient + self.about


class BoxKey:
    """The hub's X25519 key, for nothing but boxes; `public` stands on its card."""

    __slots__ = ("_private", "public")

    def __init__(self, seed: bytes) -> None:
        self._private = X25519PrivateKey.from_private_bytes(seed)
        self.public: bytes = self._private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"<BoxKey {self.public.hex()[:12]}>"

    def open(self, box: bytes, binding: Binding) -> str:
        """Return the words in a box; raises `SealingError`."""
        try:
            plain = _SUITE.decrypt(box, self._private, info=binding.info)
            return plain.rstrip(_FILL).decode()
        except (InvalidTag, ValueError) as error:
            raise SealingError("this box was sealed for something else, or was changed") from error


def seal(text: str, box_key: bytes, binding: Binding) -> bytes:
    """Return words as only the holder of a box key can read them, at most `CONTACT_TEXT_BYTES` of UTF-8.

    Raises `SealingError` for a longer text and for a key that hides nothing (of low order).
    """
    plain = text.encode()
    if len(plain) > CONTACT_TEXT_BYTES:
        raise SealingError(f"{len(plain)} bytes of text where {CONTACT_TEXT_BYTES} fit")
    try:
        return _SUITE.encrypt(
            plain.ljust(CONTACT_TEXT_BYTES, _FILL), X25519PublicKey.from_public_bytes(box_key), info=binding.info
        )
    except ValueError as error:
        raise SealingError("the other hub's card names a key that hides nothing") from error
