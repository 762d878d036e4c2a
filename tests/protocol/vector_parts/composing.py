"""Makes records and frames by SPEC.md alone: a second, small writer that shares no code with the one under test.

In: field values by name. Out: wire forms, ids, frames. Vector parts and record tests call it. Prefixes and field
order are written out here again on purpose, so that a change of them in the package is noticed.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgpack
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HEAD_ORDER = (
    "version",
    "network",
    "kind",
    "author",
    "thread",
    "place",
    "subject",
    "fixed",
    "seq",
    "prev",
    "stamp",
    "expires",
    "audience",
    "facts",
    "body_hash",
)
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
STAMP = 1_790_000_000_000
NOW = STAMP + 10 * DAY_MS

Wire = tuple[bytes, bytes, bytes | None]
Fields = dict[str, Any]


def pack(value: Any) -> bytes:
    """Encode with sorted keys; nothing is checked, so that wrong things can be made too."""
    return bytes(msgpack.packb(_sorted(value), use_bin_type=True))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


def digest(name: str, *parts: bytes) -> bytes:
    """SHA-256 over the prefix with this name and the parts."""
    return hashlib.sha256(prefix(name) + b"".join(parts)).digest()


def prefix(name: str) -> bytes:
    """The bytes in front of a signed or hashed input."""
    return b"hartig/1 " + name.encode() + b"\0"


@dataclass(frozen=True)
class Signer:
    """A key pair that follows from a name, so that everything made with it is the same every time."""

    name: str
    private: Ed25519PrivateKey = field(repr=False, compare=False)
    public: bytes = field(compare=False)

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes."""
        return self.private.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over these bytes."""
        return self.private.sign(message)


@cache
def signer(name: str) -> Signer:
    """The key pair with this name."""
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"test key " + name.encode()).digest())
    return Signer(name, private, private.public_key().public_bytes_raw())


@dataclass(frozen=True)
class Made:
    """A record with what follows from it."""

    fields: Fields
    wire: Wire

    @property
    def id(self) -> bytes:
        """The record id."""
        return digest("record id", self.wire[0])

    @property
    def thread(self) -> bytes:
        """The thread that the head names."""
        return bytes(self.fields["thread"])

    @property
    def without_body(self) -> Wire:
        """The wire form whose body has gone."""
        return (self.wire[0], self.wire[1], None)


def thread_id(fields: Fields) -> bytes:
    """The id of a register's thread."""
    names = ("network", "kind", "author", "audience", "place", "subject", "fixed")
    return digest("thread", pack([fields[name] for name in names]))[:16]


def seal(fields: Fields, signers: Iterable[Signer], body: Any = None) -> Made:
    """Complete a head and sign it. What `fields` names already (thread, body_hash) is left as it is, also if wrong."""
    body_bytes = body if body is None or type(body) is bytes else pack(body)
    full = dict(fields)
    full.setdefault("thread", b"")
    if "thread" not in fields:
        full["thread"] = thread_id(full)
    full.setdefault("body_hash", None if body_bytes is None else digest("body", body_bytes))
    head = pack([full[name] for name in HEAD_ORDER])
    signature = b"".join(one.sign(prefix("record signature") + head) for one in signers)
    return Made(full, (head, signature, body_bytes))


def hexed(value: Any) -> Any:
    """Turn wire forms and other nested bytes into what JSON can hold."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [hexed(item) for item in value]
    if isinstance(value, dict):
        return {key: hexed(item) for key, item in value.items()}
    return value


def vector(rule: str, name: str, check: str, given: Any, *, error: str | None = None, **more: Any) -> Fields:
    """One vector: valid unless an error is expected."""
    made = {"rule": rule, "name": name, "check": check, "valid": error is None, "input": hexed(given)}
    if error is not None:
        made["error"] = error
    return made | hexed(more)
