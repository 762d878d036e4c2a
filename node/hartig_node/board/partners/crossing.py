"""Which of our posts a partner network gets, which it does not and why, and what a change of our side would change.

In: sides of the agreement, as the core judges by them (`Selection`), and what this hub holds of its own network.
Out: lists of posts, each with why it stays here where it does. Who calls: `partners`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.drafts.views import record_view
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.paging import LIMIT_MAX
from hartig_protocol.catalog.entry import POSTS, Entry
from hartig_protocol.records import categories
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.pacts import Pact
from hartig_protocol.records.record import Head, Kind, Record
from hartig_protocol.trust.selection import Selection
from hartig_protocol.values import value

LOOKED_AT_ONCE = 512  # posts, about 4 ms; then everything else has its turn
SHOWN_MAX = 20  # of what a change would change; the list has all
REASONS = ("audience", "need", "kind", "category", "area")
_KIND_NAMES = {int(Kind.NEED): "need", int(Kind.OFFER): "offer"}


@value
class Difference:
    """What a change of our side would change: what is shared then, what is new of it, and what goes."""

    shared: int
    gained: Sequence[Record]
    lost: Sequence[Record]


@value
class SharedPage:
    """Some of our posts, newest first, each with why it is not shared (None: it is), and the cursor of what follows."""

    items: Sequence[tuple[Record, str | None]]
    cursor: str | None


class Crossing:
    """Looks at our own posts as a partner network would get them."""

    def __init__(self, context: Context, partner: bytes) -> None:
        self._context, self._partner = context, partner

    async def difference(self, before: Pact | None, after: Pact | None) -> Difference:
        """Return what would change if one side of ours came in place of another."""
        was, will = await self._shared(before), await self._shared(after)
        gained = [one for record_id, one in will.items() if record_id not in was]
        return Difference(len(will), gained, [one for record_id, one in was.items() if record_id not in will])

    async def counts(self, pact: Pact | None) -> dict[str, int]:
        """Return how many of our posts are shared (`shared`), and how many are not, by why."""
        counted = dict.fromkeys(("shared", *REASONS), 0)
        for entry in await self._standing():
            why = await self._why_not(entry, pact) if self._is_meant(entry) else "audience"
            counted[why or "shared"] += 1
        return counted

    async def page(self, pact: Pact | None, wanted: str, cursor: str | None, limit: int) -> SharedPage:
        """List what is shared (`shared`), what is not (`kept`), or both (`all`)."""
        after = _place_of(cursor, limit)
        found: list[tuple[Record, str | None]] = []
        last = 0
        for entry in await self._standing(meant_alone=wanted == "shared"):
            if after is not None and entry.n >= after:
                continue
            why = await self._why_not(entry, pact) if self._is_meant(entry) else "audience"
            if wanted != "all" and (why is None) != (wanted == "shared"):
                continue
            if len(found) == limit:
                return SharedPage(found, f"n{last}")
            record = await self._record(entry)
            if record is not None:
                found.append((record, why))
                last = entry.n
        return SharedPage(found, None)

    def json(self, record: Record) -> dict[str, Any]:
        """Return what the node API says of one post in such a list."""
        context = self._context
        view = record_view(record, context.pen.key.public, context.names(), 0).as_json()
        named = ("id", "kind", "category", "area", "audience", "title", "author", "author_name", "mine", "expires_at")
        return {name: view[name] for name in named if name in view}

    # --- Judging

    async def _shared(self, pact: Pact | None) -> dict[bytes, Record]:
        selection = self._selection(pact)
        found: dict[bytes, Record] = {}
        for entry in await self._standing(meant_alone=True) if pact is not None else ():
            record = await self._record(entry)
            if record is not None and selection.crosses(record.head):
                found[record.id] = record
        return found

    async def _why_not(self, entry: Entry, pact: Pact | None) -> str | None:
        """Return why a post is not shared that is meant for this partner."""
        record = await self._record(entry)
        return "audience" if record is None else self._why(record.head, pact)

    def _why(self, head: Head, pact: Pact | None) -> str | None:
        if self._selection(pact).crosses(head):
            return None
        if head.kind == Kind.NEED:
            return "need"
        if pact is None or _KIND_NAMES[head.kind] not in pact.kinds:
            return "kind"
        category = head.fixed[0]
        within = not pact.categories or any(categories.is_same_or_ancestor(one, category) for one in pact.categories)
        return "area" if within else "category"

    def _selection(self, pact: Pact | None) -> Selection:
        return Selection(self._context.pen.network, self._partner, pact)

    def _is_meant(self, entry: Entry) -> bool:
        return entry.audience in ("partners", self._partner)

    async def _standing(self, *, meant_alone: bool = False) -> list[Entry]:
        """Return what stands of needs and offers, or what of it is meant for this partner, the newest first."""
        now, registers = self._context.clock.now(), self._context.pen.catalog.registers
        found: list[Entry] = []
        for looked_at, entry in enumerate(one for kind in sorted(POSTS) for one in registers.of_kind(kind)):
            is_over = entry.ends or (now.trusted and (entry.expires or 0) <= now.wall_ms)
            if not is_over and (self._is_meant(entry) or not meant_alone):
                found.append(entry)
            if looked_at % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1:
                await asyncio.sleep(0)
        return sorted(found, key=lambda one: -one.n)

    async def _record(self, entry: Entry) -> Record | None:
        stored = await self._context.store.read_record(entry.id)
        return None if stored is None else open_record(stored.wire, verify_signature=False)


def _place_of(cursor: str | None, limit: int) -> int | None:
    if not 1 <= limit <= LIMIT_MAX:
        raise BoardError("bad_request", f"limit {limit} is out of range", f"it is from 1 to {LIMIT_MAX}", "/limit")
    if cursor is None:
        return None
    if not (cursor.startswith("n") and cursor[1:].isascii() and cursor[1:].isdecimal() and len(cursor) <= 16):
        raise BoardError("bad_cursor", "this cursor was not made by this hub", "begin without one", "/cursor")
    return int(cursor[1:])
