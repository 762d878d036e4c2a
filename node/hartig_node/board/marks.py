"""The marks that are held and whose meaning is known: what hubs say in a word of one thing (SPEC D11, D12).

In: commits. Out: of each author the mark that stands, by what it says and of what. They are read once, when somebody
first asks, and followed from then on; whether one still stands is asked of the catalog each time. Of what one author
says of one thing more than once only the highest few are remembered, so that nobody makes looking at it slow.
Who calls: `accounts.lows`, `moderation.flags`.
"""

import asyncio
import logging
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
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
Place = tuple[int, bytes]  # minus the stamp, and the id: the newest comes first


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
        self._newest: dict[tuple[str, bool], list[Place]] = {}  # by what is said, of all and of this hub alone
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

    async def newest(self, what: str, *, own: bool = False) -> Sequence[Place]:
        """Return all marks that say this, the newest first, or those of this hub; to look at, and not to keep."""
        if not self._is_read:
            await self._read()
        return self._newest.get((what, own), ())

    def author_of(self, record_id: bytes) -> bytes:
        """Return whose a mark is that was just listed."""
        return self._topics[record_id][1]

    def standing(self, record_id: bytes, as_kind: Kind) -> tuple[bytes, Said] | None:
        """Return what a mark that was just listed says and of what; None where another of its author's stands."""
        topic, author = self._topics[record_id]
        said = self._standing(self._held[topic][author], as_kind)
        return (topic[1], said) if said is not None and said.id == record_id else None

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
        if record.id not in self._topics:
            self._topics[record.id] = (topic, head.author)
            for places in self._lists_of(topic, head.author):
                insort(places, (-head.stamp, record.id))
        for one in kept[PER_AUTHOR_MAX:]:
            self._forget(one)
        authors[head.author] = tuple(kept[:PER_AUTHOR_MAX])

    def _lists_of(self, topic: Topic, author: bytes) -> list[list[Place]]:
        whose = (False, True) if author == self._context.pen.key.public else (False,)
        return [self._newest.setdefault((topic[0], own), []) for own in whose]

    def _forget(self, said: Said) -> None:
        topic, author = self._topics.pop(said.id)
        for places in self._lists_of(topic, author):
            del places[bisect_left(places, (-said.stamp_ms, said.id))]

    def _drop(self, record_id: bytes) -> None:
        topic, author = self._topics.get(record_id, (None, b""))
        if topic is None:
            return
        authors = self._held[topic]
        for said in authors[author]:
            if said.id == record_id:
                self._forget(said)
        authors[author] = tuple(one for one in authors[author] if one.id != record_id)
        if not authors[author]:
            del authors[author]
        if not authors:
            del self._held[topic]
