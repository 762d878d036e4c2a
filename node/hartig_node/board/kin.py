"""Which needs are parts of which: a group need is a need that others of the same hub name as their parent.

In: commits, and an author whose needs are asked about. Out: the parts of a need. An author's needs are read once, when
somebody first asks, and followed from then on. Only the author's own count: nobody else can make a need seem met.
"""

from collections.abc import Sequence

from hartig_node.board.context import Context
from hartig_node.ports import PostFilter
from hartig_protocol.events import Commit
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record

_PAGE = 200
AUTHORS_MAX = 4_096  # whose parts are remembered; beyond that all are read anew as they are asked for


class Kin:
    """The parts of group needs, by author."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._parts: dict[bytes, dict[bytes, set[bytes]]] = {}  # author -> parent -> its parts

    def __repr__(self) -> str:
        return f"<Kin of {len(self._parts)} authors>"

    async def parts_of(self, author: bytes, parent: bytes) -> Sequence[bytes]:
        """Return the needs of an author that name this one as their parent, sorted; some may be held no more."""
        if author not in self._parts:
            await self._read(author)
        return sorted(self._parts[author].get(parent, ()))

    def committed(self, commit: Commit) -> None:
        """Take what has become durable. What went is noticed by who looks it up."""
        for entry, record in commit.added:
            if entry.kind == Kind.NEED and entry.author in self._parts:
                self._take(self._parts[entry.author], record)

    async def _read(self, author: bytes) -> None:
        if len(self._parts) >= AUTHORS_MAX:
            self._parts.clear()
        held = self._parts[author] = {}  # from here on commits are followed, too
        wanted = PostFilter(now_ms=0, kind=int(Kind.NEED), author=author, standing=False)
        after: int | None = None
        while True:
            page = await self._context.store.posts(wanted, after, _PAGE)
            for stored in page.posts:
                self._take(held, open_record(stored.wire, verify_signature=False))
            after = page.after
            if after is None:
                return

    def _take(self, held: dict[bytes, set[bytes]], record: Record) -> None:
        parent = record.head.facts.get("parent")
        if parent is not None and parent != record.head.thread:
            held.setdefault(parent, set()).add(record.head.thread)
