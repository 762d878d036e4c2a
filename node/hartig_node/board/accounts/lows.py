"""What hubs say of open shelves: that one is nearly empty (SPEC D11). Of who said it there is nothing but a number.

In: the head of an open shelf. Out: the marks that count for it now, at most one of each hub.
Who calls: `progress`, for whoever looks at a shelf; `posts.shelves`, which says it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.marks import Marks, Said
from hartig_node.board.times import rfc3339
from hartig_protocol.records.marks import LOW
from hartig_protocol.records.record import Head, Kind


@dataclass(frozen=True, slots=True)
class Low:
    """One hub's word that a shelf is nearly empty."""

    id: bytes
    author: bytes
    stamp_ms: int
    expires_ms: int  # until when it counts
    level_at_ms: int
    count: int

    @classmethod
    def of(cls, said: Said) -> "Low":
        """Read it off its mark."""
        return cls(said.id, said.author, said.stamp_ms, said.expires_ms, *said.facts)


class LowMarks:
    """All such marks that are held, by shelf."""

    def __init__(self, context: Context, marks: Marks) -> None:
        self._context, self._marks = context, marks

    def __repr__(self) -> str:
        return f"<LowMarks in {self._marks!r}>"

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
        return [Low.of(said) for said in await self._marks.of(LOW, shelf, Kind.CARD)]


def lows_json(lows: Sequence[Low]) -> dict[str, Any]:
    """Return what the node API says of marks that count: how many hubs, how many people there, when last."""
    last_ms = max(low.stamp_ms for low in lows)
    return {"hubs": len(lows), "neighbours": sum(low.count for low in lows), "last_at": rfc3339(last_ms)}
