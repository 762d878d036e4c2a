"""Ed25519 under our rules, and the prefixes that keep every signed or hashed input apart (SPEC, part K).

PyNaCl verifies, everywhere and always; `cryptography` signs. The checks on A and R come first, so that both libraries
agree on every input (RFC 8032; Chalkias and others, "Taming the many EdDSAs", SSR 2020).
"""

import hashlib
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from hartig_protocol.errors import RecordError
from hartig_protocol.limits import KEY_BYTES, SIGNATURE_BYTES

PREFIX_RECORD_ID = b"hartig/1 record id\x00"
PREFIX_RECORD_SIGNATURE = b"hartig/1 record signature\x00"
PREFIX_BODY = b"hartig/1 body\x00"
PREFIX_THREAD = b"hartig/1 thread\x00"
PREFIX_RECOVERY_HASH = b"hartig/1 recovery key\x00"
PREFIX_RECOVERY_CONSENT = b"hartig/1 recovery consent\x00"
PREFIX_JOIN = b"hartig/1 join\x00"
PREFIX_ARRIVALS = b"hartig/1 arrivals\x00"
PREFIX_FINGERPRINT = b"hartig/1 fingerprint\x00"
PREFIX_BUCKET = b"hartig/1 bucket\x00"
PREFIX_SKETCH = b"hartig/1 sketch\x00"
PREFIX_INVITE_SECRET = b"hartig/1 invite secret\x00"
PREFIX_PAIRING = b"hartig/1 pairing words\x00"
PREFIX_BUNDLE_HEADER = b"hartig/1 bundle header\x00"
PREFIX_BUNDLE_CONTENT = b"hartig/1 bundle content\x00"
PREFIX_BUNDLE_END = b"hartig/1 bundle end\x00"
PREFIX_CONTACT = b"hartig/1 contact\x00"
PREFIX_PARTITION = b"hartig/1 partition\x00"
PREFIX_PARTNER_CODE = b"hartig/1 partner code\x00"

FIELD_PRIME = 2**255 - 19
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
_SIGN_BIT = 1 << 255

# The y coordinates of the eight points whose order divides 8; with either sign bit they are refused.
_ORDER_EIGHT_Y = int("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7", 16)
_SMALL_ORDER_Y = frozenset({0, 1, FIELD_PRIME - 1, _ORDER_EIGHT_Y, FIELD_PRIME - _ORDER_EIGHT_Y})
_SMALL_ORDER = frozenset((y | sign).to_bytes(KEY_BYTES, "little") for y in _SMALL_ORDER_Y for sign in (0, _SIGN_BIT))


class SigningKey:
    """An Ed25519 private key that signs; `public` is the 32-byte key that others know."""

    __slots__ = ("_private", "_seed", "public")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise RecordError("bad_key", f"a private key has {KEY_BYTES} bytes, not {len(seed)}")
        self._seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: bytes = self._private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"<SigningKey {self.public.hex()[:12]}>"

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for the key file alone."""
        return self._seed

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over `message`, whose prefix the caller has put in front."""
        return self._private.sign(message)


def is_strict_point(encoded: bytes) -> bool:
    """Tell whether 32 bytes are a canonical encoding of a point that is not of small order (SPEC K2, K3)."""
    if encoded in _SMALL_ORDER:
        return False
    # Only a y whose highest seven bits are all set can reach the prime, which is 19 below 2^255.
    return encoded[31] & 0x7F != 0x7F or int.from_bytes(encoded, "little") & (_SIGN_BIT - 1) < FIELD_PRIME


@lru_cache(maxsize=4096)
def is_strict_key(key: bytes) -> bool:
    """Tell whether `key` may be a public key at all: 32 bytes, canonical, not of small order."""
    return len(key) == KEY_BYTES and is_strict_point(key)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is the strict Ed25519 signature of `key` over `message` (SPEC K1-K5).

    Never raises for bytes of any length.
    """
    if len(signature) != SIGNATURE_BYTES or not is_strict_key(key):
        return False
    if not is_strict_point(signature[:32]):
        return False
    # With the highest four bits of S clear it is below 2^252, and so below the order: nearly always.
    if signature[63] >= 0x10 and int.from_bytes(signature[32:], "little") >= GROUP_ORDER:
        return False
    try:
        crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True


def sha256(*parts: bytes) -> bytes:
    """Return SHA-256 over the parts, the first of which is one of the prefixes above."""
    return hashlib.sha256(b"".join(parts)).digest()  # the parts are short: one call costs less than many


def sha256_of(prefix: bytes, data: bytes) -> bytes:
    """Return SHA-256 over one of the prefixes above and what follows it: quicker than `sha256`, and often needed."""
    return hashlib.sha256(prefix + data).digest()


def recovery_hash(recovery_key: bytes) -> bytes:
    """Return the hash by which a grant or a seat names a recovery key without showing it."""
    return sha256(PREFIX_RECOVERY_HASH, recovery_key)


def recovery_consent(network: bytes, key: bytes, hash_: bytes) -> bytes:
    """Return what a key signs so that the recovery hash in its grant counts (design, section 3)."""
    return PREFIX_RECOVERY_CONSENT + network + key + hash_
