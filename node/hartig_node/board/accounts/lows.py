"""What hubs say of open shelves: that one is nearly empty (SPEC D11). Of who said it there is nothing but a number.

In: commits, and the head of an open shelf. Out: the marks that count for it now, at most one of each hub. Marks are
read once, when somebody first asks, and followed from then on; whether one still stands is asked of the catalog each
time. Who calls: `progress`, for whoever looks at a shelf; `posts.shelves`, which says it.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.times import rfc3339
from hartig_protocol.catalog.entry import register_of_head
from hartig_protocol.errors import RecordError
from hartig_protocol.events import Commit
from hartig_protocol.records.marks import LOW
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Head, Kind, Record

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Low:
    """One hub's word that a shelf is nearly empty."""

    id: bytes
    author: bytes
    register: Any
    place: int | None
    order: tuple[int, int, bytes]
    stamp_ms: int
    level_at_ms: int
    count: int

    @classmethod
    def of(cls, record: Record) -> "Low":
        """Read it off its record."""
        head, facts = record.head, record.head.facts
        order = (head.expires or 0, head.seq, record.id)
        said = (facts.get("level_at", 0), facts.get("count", 1))
        return cls(record.id, head.author, register_of_head(head), head.place, order, head.stamp, *said)

    @property
    def expires_ms(self) -> int:
        """Until when it counts."""
        return self.order[0]


class LowMarks:
    """All such marks that are held, by shelf."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._by_shelf: dict[bytes, dict[bytes, Low]] = {}  # by the mark's id
        self._shelves: dict[bytes, bytes] = {}  # of each mark
        self._reading = asyncio.Lock()
        self._is_followed = self._is_read = False

    def __repr__(self) -> str:
        return f"<LowMarks of {len(self._by_shelf)} shelves>"

    async def of(self, shelf: Head) -> list[Low]:
        """Return the marks that count for a shelf now, by hub: said since its level was said last."""
        if "level" not in shelf.facts:
            return []
        now = self._context.clock.now()
        level_at_ms = shelf.facts.get("level_at", 0)
        return [
            low
            for low in await self._standing(shelf.thread)
            if low.level_at_ms == level_at_ms and not (now.trusted and low.expires_ms <= now.wall_ms)
        ]

    async def own(self, shelf: bytes) -> Low | None:
        """Return what this hub said of a shelf last, be it over or not."""
        own = self._context.pen.key.public
        return next((low for low in await self._standing(shelf) if low.author == own), None)

    async def _standing(self, shelf: bytes) -> list[Low]:
        """Return the highest mark of each hub that stands (SPEC R10), sorted by hub."""
        if not self._is_read:
            await self._read()
        catalog = self._context.pen.catalog
        best: dict[bytes, Low] = {}
        for low in self._by_shelf.get(shelf, {}).values():
            standing = catalog.registers.get(low.register)
            is_a_hubs = catalog.authority.may_write(low.author, Kind.CARD, low.place)
            if standing is None or standing.id != low.id or not is_a_hubs:
                continue
            if low.author not in best or best[low.author].order < low.order:
                best[low.author] = low
        return [low for _, low in sorted(best.items())]

    # --- Keeping up

    def committed(self, commit: Commit) -> None:
        """Take what has become durable."""
        if not self._is_followed:
            return
        for record_id in commit.removed:
            shelf = self._shelves.pop(record_id, None)
            if shelf is not None:
                del self._by_shelf[shelf][record_id]
                if not self._by_shelf[shelf]:
                    del self._by_shelf[shelf]
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
        if record.head.facts.get("what") == LOW and not record.head.ends:
            self._shelves[record.id] = record.head.subject
            self._by_shelf.setdefault(record.head.subject, {})[record.id] = Low.of(record)


def lows_json(lows: Sequence[Low]) -> dict[str, Any]:
    """Return what the node API says of marks that count: how many hubs, how many people there, when last."""
    last_ms = max(low.stamp_ms for low in lows)
    return {"hubs": len(lows), "neighbours": sum(low.count for low in lows), "last_at": rfc3339(last_ms)}
