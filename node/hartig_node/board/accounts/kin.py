"""Which needs are parts of which: a group need is a need that others of the same hub name as their parent.

In: commits, and an author whose needs are asked about. Out: the parts of a need. An author's needs are read once, when
somebody first asks, and followed from then on. Only the author's own count: nobody else can make a need seem met.
"""

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

from hartig_node.board.context import Context
from hartig_node.ports import PostFilter
from hartig_protocol.encoding import encode
from hartig_protocol.events import Commit
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Head, Kind, Record

_PAGE = 500
_NAMES_A_PARENT = encode("parent")  # stands in the bytes of each head that has this fact; no other need is opened
AUTHORS_MAX = 4_096  # whose parts are remembered; beyond that all are read anew as they are asked for

Parts = dict[bytes, set[bytes]]  # by parent


def is_child_abroad(head: Head) -> bool:
    """Tell whether a need is the part of another that is asked of a partner network."""
    return head.kind == Kind.NEED and "parent" in head.facts and isinstance(head.audience, bytes)


class Kin:
    """The parts of group needs, by author."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._parts: dict[bytes, Parts] = {}
        self._reading: dict[bytes, Parts] = {}  # of whom only a part was read yet
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"<Kin of {len(self._parts)} authors>"

    async def parts_of(self, author: bytes, parent: bytes) -> Sequence[bytes]:
        """Return the needs of an author that name this one as their parent, sorted; some may be held no more."""
        parts = self._parts.get(author)
        if parts is None:
            async with self._locks.setdefault(author, asyncio.Lock()):
                parts = self._parts.get(author)  # another caller may have been quicker
                if parts is None:
                    parts = await self._read(author)
        return sorted(parts.get(parent, ()))

    def committed(self, commit: Commit) -> None:
        """Take what has become durable. What went is noticed by who looks it up."""
        for entry, record in commit.added:
            if entry.kind == Kind.NEED:
                for held in (self._parts, self._reading):
                    if entry.author in held:
                        _take(held[entry.author], record)

    async def _read(self, author: bytes) -> Parts:
        parts = self._reading[author] = {}  # from here on commits are followed, too
        try:
            await self._read_into(parts, author)
        finally:
            del self._reading[author]
        if len(self._parts) >= AUTHORS_MAX:
            self._parts.clear()
        self._parts[author] = parts
        return parts

    async def _read_into(self, parts: Parts, author: bytes) -> None:
        wanted = PostFilter(now_ms=0, kind=int(Kind.NEED), author=author, standing=False)
        after: int | None = None
        while True:
            page = await self._context.store.posts(wanted, after, _PAGE)
            for stored in page.posts:
                if _NAMES_A_PARENT in stored.wire[0]:
                    _take(parts, open_record(stored.wire, verify_signature=False))
            after = page.after
            if after is None:
                return


def _take(parts: Parts, record: Record) -> None:
    parent = record.head.facts.get("parent")
    if parent is not None and parent != record.head.thread:
        parts.setdefault(parent, set()).add(record.head.thread)
