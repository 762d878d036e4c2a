"""The record: a signed head that the mesh reasons on, and a body that people read (SPEC, part R).

The shapes alone; `opening` reads and signs them, `kinds` says what each kind may contain. Received bytes are what is
kept: nothing is encoded again. Whether the author may say this, and whether it stands, is for trust and catalog.
"""

from dataclasses import dataclass, make_dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

from hartig_protocol.encoding import decode, encode, encode_again
from hartig_protocol.errors import RecordError
from hartig_protocol.limits import (
    BODY_BYTES_MAX,
    BODY_KEPT_MS,
    HEAD_BYTES_MAX,
    KEY_BYTES,
    KIND_CHAIN_LOWEST,
    NETWORK_ID_BYTES,
    THREAD_ID_BYTES,
    THREAD_KEPT_MS,
)
from hartig_protocol.records.keys import (
    PREFIX_BODY,
    PREFIX_RECORD_ID,
    PREFIX_THREAD,
    sha256_of,
)

NO_KEY = bytes(KEY_BYTES)
NO_NETWORK = bytes(NETWORK_ID_BYTES)

Wire = tuple[bytes, bytes, bytes | None]


class Kind(IntEnum):
    """The kinds that this version judges; others are kept and forwarded by the generic rules."""

    CHARTER = 1
    GRANT = 2
    REVOKE = 3
    PACT = 4
    NEED = 16
    OFFER = 17
    CARD = 32
    MARK = 34
    STEP = 128


KINDS_KNOWN = frozenset(int(kind) for kind in Kind)


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of a head, in wire order (SPEC R2)."""

    version: int
    network: bytes
    kind: int
    author: bytes
    thread: bytes
    place: int | None
    subject: bytes
    fixed: list[Any]
    seq: int
    prev: bytes | None
    stamp: int
    expires: int | None
    audience: str | bytes
    facts: dict[str, Any]
    body_hash: bytes | None

    @property
    def is_chain(self) -> bool:
        """Steps are chains, everything below kind 128 is a register (SPEC R9)."""
        return self.kind >= KIND_CHAIN_LOWEST

    @property
    def ends(self) -> bool:
        """Whether this version withdraws its thread (SPEC L4)."""
        return self.facts.get("ends") is True

    def as_list(self) -> list[Any]:
        """Return the fixed-order array that is encoded."""
        fields = [getattr(self, name) for name in HEAD_FIELDS]
        fields[HEAD_FIELDS.index("kind")] = int(self.kind)
        return fields


HEAD_FIELDS = tuple(Head.__dataclass_fields__)
# Each field of a frozen dataclass is set by a call. A head is made as this, which has the same slots, and then frozen.
_UnfrozenHead = make_dataclass("_UnfrozenHead", HEAD_FIELDS, slots=True, eq=False)


@dataclass(frozen=True)
class Record:
    """A well-formed, authentic record."""

    head: Head
    head_bytes: bytes
    signature: bytes
    body_bytes: bytes | None
    id: bytes

    def __repr__(self) -> str:
        head = self.head
        return f"<Record {self.id.hex()[:12]} kind {head.kind} seq {head.seq} thread {head.thread.hex()[:8]}>"

    @property
    def wire(self) -> Wire:
        """The three byte strings that travel."""
        return (self.head_bytes, self.signature, self.body_bytes)

    @cached_property
    def body(self) -> Any:
        """The decoded body, or None where it is not here."""
        return None if self.body_bytes is None else decode(self.body_bytes, BODY_BYTES_MAX)

    @property
    def lacks_body(self) -> bool:
        """Whether the head promises a body that is not here."""
        return self.head.body_hash is not None and self.body_bytes is None

    def without_body(self) -> "Record":
        """The same record as it stands when its body has gone; the head still verifies."""
        return Record(self.head, self.head_bytes, self.signature, None, self.id)


def record_of(id_: bytes, head: Head, head_bytes: bytes, signature: bytes, body_bytes: bytes | None) -> Record:
    """Return the record of these parts, which were checked."""
    record = Record.__new__(Record)  # its fields at once: a frozen dataclass sets each by a call
    record.__dict__.update(head=head, head_bytes=head_bytes, signature=signature, body_bytes=body_bytes, id=id_)
    return record


def body_due(expires: int | None) -> int | None:
    """When (ms) the body of a register is due to go; None for never (SPEC L2)."""
    return None if expires is None else expires + BODY_KEPT_MS


def thread_due(expires: int | None) -> int | None:
    """When (ms) a whole thread is due to go; None for never (SPEC L3)."""
    return None if expires is None else expires + THREAD_KEPT_MS


def thread_id(
    network: bytes,
    kind: int,
    author: bytes,
    audience: str | bytes,
    place: int | None,
    subject: bytes,
    fixed: list[Any],
) -> bytes:
    """Return the id of a register's thread, which commits to all that is fixed about it (SPEC R7)."""
    committed = encode([network, int(kind), author, audience, place, subject, fixed])
    return sha256_of(PREFIX_THREAD, committed)[:THREAD_ID_BYTES]


def committed_thread_id(head: Head) -> bytes:
    """Return the id of the thread to which the fields of a decoded head commit."""
    fields = [head.network, head.kind, head.author, head.audience, head.place, head.subject, head.fixed]
    return sha256_of(PREFIX_THREAD, encode_again(fields))[:THREAD_ID_BYTES]


def body_hash(body_bytes: bytes) -> bytes:
    """Return the hash by which a head names its body."""
    return sha256_of(PREFIX_BODY, body_bytes)


def record_id(head_bytes: bytes) -> bytes:
    """Return the id of the record with this head."""
    return sha256_of(PREFIX_RECORD_ID, head_bytes)


def read_head(head_bytes: bytes) -> Head:
    """Decode a head and check the types of its fields, and nothing that depends on its kind.

    Raises `RecordError` or `EncodingError`.
    """
    fields = decode(head_bytes, HEAD_BYTES_MAX, ascii_only=True)
    if type(fields) is not list or len(fields) != len(HEAD_FIELDS):
        raise RecordError("bad_head", f"a head is an array of {len(HEAD_FIELDS)} fields")
    return head_of_fields(fields)


def head_of_fields(fields: list[Any]) -> Head:
    """Return the head with these fields, which stand in their order, all of them."""
    head: Head = _UnfrozenHead(*fields)
    head.__class__ = Head
    return head
