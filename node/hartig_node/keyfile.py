"""Keys on disk and on paper: 32 bytes in hexadecimal, or sealed under a passphrase (Argon2id, ChaCha20-Poly1305).

The sealed form is one line after any comments: `hartig-key:` and base32 (RFC 4648, which survives being typed by hand,
in either case and in groups) of version, salt, nonce, ciphertext, and a checksum that tells damage from a passphrase
that is wrong. The version alone says what deriving costs, so no file can ask for more memory than ours do.

In: text and a passphrase. Out: the secret bytes, or a `KeyFileError` that says what to do. Who calls: the daemon for
its folder and recovery kits, the command line for keys outside a hub. Import-light: `cryptography` comes late.
"""

import base64
import binascii
import hashlib
import os
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

KEY_BYTES = 32
SALT_BYTES, NONCE_BYTES, TAG_BYTES, CHECKSUM_BYTES = 16, 12, 16, 4
SEALED_BYTES = 1 + SALT_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES
FILE_BYTES_MAX = 4096  # a key, and what people have noted above it
PASSPHRASE_BYTES_MAX = 1024
PASSPHRASE_CHARACTERS_MIN = 8  # of a new one; Argon2id makes each guess cost a quarter of a second and 64 MiB
# Version 1 (RFC 9106, near its second recommendation): 230 ms on x86-64, about a second on small boards.
MEMORY_KIB, PASSES, LANES = 64 * 1024, 3, 4

SEALED_START = "hartig-key:"
_VERSION = 1
_PREFIX = b"hartig/1 sealed key\x00"
_PREFIX_CHECKSUM = b"hartig/1 checksum\x00"


class KeyFileError(Exception):
    """A key cannot be read; the message says why and what to do."""


class PassphraseError(KeyFileError):
    """A passphrase is missing, wrong, or cannot be one."""


# --- Text


def seal_key(seed: bytes, passphrase: str, salt: bytes | None = None) -> str:
    """Return a key sealed under a passphrase, as one line. Keys that share a salt are opened at the price of one."""
    return SEALED_START + armour(seal_bytes(seed, passphrase, salt))


def open_key(text: str, passphrase: str) -> bytes:
    """Return the 32 bytes sealed in a text, which may have comments and white space; raises `KeyFileError`."""
    body = "".join(_body(text).split())
    if not body.casefold().startswith(SEALED_START):
        raise KeyFileError(f"this is no sealed key: it begins with {SEALED_START!r}")
    return open_bytes(unarmour(body[len(SEALED_START) :], "this key"), passphrase)


def is_sealed(text: str) -> bool:
    """Tell whether the key in a text needs a passphrase."""
    return _body(text).casefold().startswith(SEALED_START)


def salt_of(text: str) -> bytes | None:
    """Return the salt of a sealed key, for one more that is to be opened with it; None where it is not sealed."""
    if not is_sealed(text):
        return None
    return unarmour("".join(_body(text).split())[len(SEALED_START) :], "this key")[1 : 1 + SALT_BYTES]


def key_of(text: str, passphrase: Callable[[], str] | None = None) -> bytes:
    """Return the key in the text of a key file; `passphrase` is asked only where it is sealed.

    Raises `PassphraseError` where it is sealed and there is none, `KeyFileError` where it is damaged.
    """
    if is_sealed(text):
        if passphrase is None:
            raise PassphraseError("it is sealed under a passphrase, and none was given")
        return open_key(text, passphrase())
    try:
        seed = bytes.fromhex(_body(text))
    except ValueError as error:
        raise KeyFileError("it is damaged: it is not 64 hexadecimal digits") from error
    if len(seed) != KEY_BYTES:
        raise KeyFileError(f"it has {len(seed)} bytes where {KEY_BYTES} are needed")
    return seed


def read_key_file(path: Path, passphrase: Callable[[], str] | None = None) -> bytes:
    """Return the key in a file, sealed or not; raises `KeyFileError` that names the file."""
    try:
        return key_of(read_text(path), passphrase)
    except PassphraseError as error:
        raise PassphraseError(f"the key {path}: {error}") from error
    except KeyFileError as error:
        raise KeyFileError(f"the key {path} cannot be used: {error}") from error


def read_text(path: Path) -> str:
    """Return the text of a key file; what is not text is damage and reads as such later."""
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX).decode("ascii", "replace")
    except OSError as error:
        raise KeyFileError(f"the key {path} cannot be read: {error.strerror}") from error


def key_text(seed: bytes, comment: str = "", passphrase: str | None = None, salt: bytes | None = None) -> str:
    """Return the text of a key file: comments, and the key, sealed where there is a passphrase."""
    key = seed.hex() if passphrase is None else seal_key(seed, passphrase, salt)
    return "\n".join([*(f"# {line}" for line in comment.splitlines()), key, ""])


def comment_of(text: str) -> str:
    """Return what is noted above a key."""
    return "\n".join(line[1:].strip() for line in text.splitlines() if line.startswith("#"))


def _body(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip()


# --- Armour


def armour(data: bytes) -> str:
    """Return bytes with their checksum as base32 without padding, in capitals: QR codes hold these best."""
    return base64.b32encode(data + _checksum(data)).rstrip(b"=").decode()


def unarmour(text: str, what: str) -> bytes:
    """Return the bytes of such a text, forgiving case, white space and dashes; raises `KeyFileError`."""
    compact = "".join(text.replace("-", " ").split()).upper()
    if len(compact) > FILE_BYTES_MAX:
        raise KeyFileError(f"{what} is too long")
    try:
        data = base64.b32decode(compact + "=" * (-len(compact) % 8), map01="I")
    except (binascii.Error, ValueError) as error:
        raise KeyFileError(f"{what} is damaged: copy all of it, letter by letter") from error
    if len(data) < CHECKSUM_BYTES or _checksum(data[:-CHECKSUM_BYTES]) != data[-CHECKSUM_BYTES:]:
        raise KeyFileError(f"{what} is damaged: a letter is wrong or missing")
    return data[:-CHECKSUM_BYTES]


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(_PREFIX_CHECKSUM + data).digest()[:CHECKSUM_BYTES]


# --- Sealing


def seal_bytes(seed: bytes, passphrase: str, salt: bytes | None = None, nonce: bytes | None = None) -> bytes:
    """Seal 32 bytes; salt and nonce are drawn unless a test names them."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    assert len(seed) == KEY_BYTES
    salt, nonce = salt or os.urandom(SALT_BYTES), nonce or os.urandom(NONCE_BYTES)
    head = bytes([_VERSION]) + salt
    sealing = ChaCha20Poly1305(_derived(_said(passphrase), salt))
    return head + nonce + sealing.encrypt(nonce, seed, _PREFIX + head)


def open_bytes(sealed: bytes, passphrase: str) -> bytes:
    """Open what `seal_bytes` has sealed; raises `KeyFileError` before anything costly where it cannot be that."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if sealed[:1] != bytes([_VERSION]):
        raise KeyFileError("it was sealed by another version of this program: upgrade this one first")
    if len(sealed) != SEALED_BYTES:
        raise KeyFileError(f"it is damaged: it has {len(sealed)} bytes where {SEALED_BYTES} are needed")
    head, rest = sealed[: 1 + SALT_BYTES], sealed[1 + SALT_BYTES :]
    opening = ChaCha20Poly1305(_derived(_said(passphrase), head[1:]))
    try:
        return opening.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], _PREFIX + head)
    except InvalidTag as error:
        raise PassphraseError("the passphrase is not the one under which it was sealed") from error


def _said(passphrase: str) -> bytes:
    """Return the bytes of a passphrase as they are on every keyboard; a line's end around it does not count."""
    try:
        said = unicodedata.normalize("NFC", passphrase).strip().encode()
    except UnicodeEncodeError as error:
        raise PassphraseError("the passphrase is not readable text") from error
    if not 1 <= len(said) <= PASSPHRASE_BYTES_MAX:
        raise PassphraseError(f"a passphrase has 1 to {PASSPHRASE_BYTES_MAX} bytes")
    return said


@lru_cache(maxsize=1)  # the keys of one folder share a salt
def _derived(said: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        return Argon2id(salt=salt, length=KEY_BYTES, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB).derive(
            said
        )
    except MemoryError as error:
        raise KeyFileError("there is not enough memory to open a sealed key: it takes 64 MiB") from error
