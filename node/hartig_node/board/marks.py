"""The marks that are held and whose meaning is known: what hubs say in a word of one thing (SPEC D11, D12).

In: commits. Out: of each author the mark that stands, by what it says and of what. They are read once, when somebody
first asks, and followed from then on; whether one still stands is asked of the catalog each time. Of what one author
says of one thing more than once only the highest few are remembered, so that nobody makes looking at it slow.
Who calls: `accounts.lows`, `moderation.flags`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from hartig_node.board.context import Context
from hartig_protocol.errors import RecordError
from hartig_protocol.events import Commit
from hartig_protocol.records.marks import FLAG, LOW
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind, Record

logger = logging.getLogger(__name__)

PER_AUTHOR_MAX = 4  # of one thing; an honest hub has one, and for a moment two

Topic = tuple[str, bytes]  # what is said, and the subject of which it is said


class Said(NamedTuple):
    """One mark; what decides which of several counts (SPEC R10) comes first."""

    expires_ms: int
    seq: int
    id: bytes
    author: bytes
    stamp_ms: int
    facts: tuple[Any, ...]  # those that its meaning names


_FACTS: Mapping[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]] = {
    LOW: lambda facts: (facts.get("level_at", 0), facts.get("count", 1)),
    FLAG: lambda facts: (facts["why"],),
}


class Marks:
    """All such marks, by what they say of what."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._held: dict[Topic, dict[bytes, tuple[Said, ...]]] = {}  # by author, the highest first
        self._topics: dict[bytes, tuple[Topic, bytes]] = {}  # of each mark, and its author
        self._reading = asyncio.Lock()
        self._is_followed = self._is_read = False

    def __repr__(self) -> str:
        return f"<Marks {len(self._topics)} of {len(self._held)} things>"

    async def of(self, what: str, subject: bytes, as_kind: Kind) -> list[Said]:
        """Return what stands, at most one of each author that may write a record of this kind, by author."""
        if not self._is_read:
            await self._read()
        authors = self._held.get((what, subject), {})
        found = (self._standing(said, as_kind) for _, said in sorted(authors.items()))
        return [one for one in found if one is not None]

    async def subjects(self, what: str) -> list[bytes]:
        """Return of what this is said, sorted."""
        if not self._is_read:
            await self._read()
        return sorted(subject for said, subject in self._held if said == what)

    def _standing(self, said: tuple[Said, ...], as_kind: Kind) -> Said | None:
        catalog = self._context.pen.catalog
        for one in said:
            entry = catalog.entries.get(one.id)  # a register's record is held for as long as it stands
            if entry is not None and catalog.authority.may_write(one.author, as_kind, entry.place):
                return one
        return None

    # --- Keeping up

    def committed(self, commit: Commit) -> None:
        """Take what has become durable."""
        if not self._is_followed:
            return
        for record_id in commit.removed:
            self._drop(record_id)
        for entry, record in commit.added:
            if entry.kind == Kind.MARK:
                self._take(record)

    async def _read(self) -> None:
        async with self._reading:
            if self._is_read:
                return
            self._is_followed = True  # what comes meanwhile is taken, too
            for entry in list(self._context.pen.catalog.registers.of_kind(Kind.MARK)):
                stored = await self._context.store.read_record(entry.id)
                try:
                    if stored is not None:
                        self._take(open_record(stored.wire, verify_signature=False))
                except RecordError as error:  # taken in by an older version, which knew less of what may be in it
                    logger.warning("a mark cannot be read, so it counts for nothing: %s", error)
            self._is_read = True

    def _take(self, record: Record) -> None:
        head = record.head
        facts_of = _FACTS.get(str(head.facts.get("what")))
        if facts_of is None or head.ends:
            return
        topic = (str(head.facts["what"]), head.subject)
        said = Said(head.expires or 0, head.seq, record.id, head.author, head.stamp, facts_of(head.facts))
        authors = self._held.setdefault(topic, {})
        others = (one for one in authors.get(head.author, ()) if one.id != record.id)
        kept = sorted((*others, said), reverse=True)
        self._topics[record.id] = (topic, head.author)
        for one in kept[PER_AUTHOR_MAX:]:
            del self._topics[one.id]
        authors[head.author] = tuple(kept[:PER_AUTHOR_MAX])

    def _drop(self, record_id: bytes) -> None:
        topic, author = self._topics.pop(record_id, (None, b""))
        if topic is None:
            return
        authors = self._held[topic]
        authors[author] = tuple(_without(authors[author], record_id))
        if not authors[author]:
            del authors[author]
        if not authors:
            del self._held[topic]


def _without(said: tuple[Said, ...], record_id: bytes) -> Iterator[Said]:
    return (one for one in said if one.id != record_id)
