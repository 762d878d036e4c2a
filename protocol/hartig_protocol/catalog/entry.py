"""What the catalog remembers of one accepted record: enough to judge and to audit, and no text.

An `Entry` is a value made when somebody asks: the catalog itself keeps columns (`rows`), and only it changes them.
"""

from enum import IntEnum
from typing import NamedTuple

from hartig_protocol.limits import KIND_CHAIN_LOWEST
from hartig_protocol.records.record import Head, Kind, Record, body_due, thread_due
from hartig_protocol.trust.authority import is_governance

# Kinds as plain numbers: what is looked at for every record that comes should not go through an enum's class.
CHARTER, GRANT, REVOKE = int(Kind.CHARTER), int(Kind.GRANT), int(Kind.REVOKE)
NEED, OFFER = int(Kind.NEED), int(Kind.OFFER)
GOVERNANCE = frozenset(int(kind) for kind in Kind if is_governance(kind))
POSTS = frozenset({NEED, OFFER})


class Body(IntEnum):
    """Whether a record's body is here."""

    NONE = 0  # the head names none
    HERE = 1
    GONE = 2  # the head names one whose time is over


_NO_BODY, _HERE, _GONE = Body


class Entry(NamedTuple):
    """One accepted record. `n` is its arrival number in this store; `running` the hash over all arrivals up to it."""

    n: int
    id: bytes
    kind: int
    author: bytes
    thread: bytes
    place: int | None
    audience: str | bytes
    seq: int
    prev: bytes | None
    stamp: int
    expires: int | None
    ends: bool
    body: Body
    running: bytes

    @classmethod
    def of(cls, record: Record, n: int, running: bytes) -> "Entry":
        """Describe a record that is being accepted as number `n`."""
        head = record.head
        body = _NO_BODY if head.body_hash is None else _GONE if record.body_bytes is None else _HERE
        return cls(
            n,
            record.id,
            head.kind,
            head.author,
            head.thread,
            head.place,
            head.audience,
            head.seq,
            head.prev,
            head.stamp,
            head.expires,
            head.ends,
            body,
            running,
        )

    @property
    def is_chain(self) -> bool:
        """Whether this is a step."""
        return self.kind >= KIND_CHAIN_LOWEST

    @property
    def is_private(self) -> bool:
        """Whether it never leaves this hub (audience `hub`)."""
        return self.audience == "hub"

    @property
    def body_due(self) -> int | None:
        """When (ms) the body is due to go; a step's body follows its own rules."""
        return body_due(self.expires)

    @property
    def thread_due(self) -> int | None:
        """When (ms) the whole thread is due to go."""
        return thread_due(self.expires)

    @property
    def order(self) -> tuple[int, int, bytes]:
        """What decides which version stands in a place (SPEC R10)."""
        return (self.expires or 0, self.seq, self.id)

    @property
    def register(self) -> tuple[bytes, str, int | bytes] | None:
        """The register that this record fills: author, family and place (SPEC R8); None for a charter."""
        return register_of(self.kind, self.author, self.audience, self.place, self.thread)


def register_of_head(head: Head) -> tuple[bytes, str, int | bytes] | None:
    """Return the register that a head fills, or, for a step, that of its thread; None for a charter."""
    return register_of(head.kind, head.author, head.audience, head.place, head.thread)


def register_of(
    kind: int, author: bytes, audience: str | bytes, place: int | None, thread: bytes
) -> tuple[bytes, str, int | bytes] | None:
    """Return the register that these fields name; revocations, which have no place, have one per thread."""
    if kind == CHARTER:
        return None
    if kind == REVOKE or place is None:
        return (author, "revoke", thread)
    if kind == GRANT:
        return (author, "grant", place)
    return (author, "hub" if audience == "hub" else "place", place)
