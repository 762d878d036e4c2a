"""Lists of deals: those of own needs, those on own offers, page by page.

In: a side, a state, a cursor. Out: pages. The order is that of the posts' ids, and within a post that of asking, so
that a page goes on where the last one ended, whatever came in between. Who calls: `deals`.
"""

import re
from collections.abc import AsyncIterator, Callable

from hartig_node.board.accounts.books import Deal
from hartig_node.board.deals.desk import Desk
from hartig_node.board.deals.views import DealPage, DealView
from hartig_node.board.errors import BoardError
from hartig_protocol.exchange.deal import DealState
from hartig_protocol.records.record import Kind

LIMIT_MAX = 200
ROLES = ("receiving", "giving")
STATES = ("open", "over", *(state.value for state in DealState))
_PAGE = 200
_CURSOR = re.compile(r"([rg])([0-9a-f]{32})\.(\d{1,6})")
_FIRST = ("", b"", 0)

_Place = tuple[str, bytes, int]  # role, post, and how many of its deals were listed


class DealReading:
    """Finds the deals of own posts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def deals(self, role: str | None, state: str | None, limit: int, cursor: str | None) -> DealPage:
        """List deals; see `Deals.deals`."""
        _check("role", role, ROLES)
        _check("state", state, STATES)
        if not 1 <= limit <= LIMIT_MAX:
            hint = f"limit is from 1 to {LIMIT_MAX}"
            raise BoardError("bad_request", f"limit {limit} is out of range", hint, "/limit")
        wanted = _wanted(state)
        items: list[DealView] = []
        last: _Place | None = None
        async for place, deal in self._from(role, _place(cursor)):
            view = await self._desk.showing.deal(deal)
            if not wanted(view):
                continue
            if len(items) == limit:
                return DealPage(items, None if last is None else _cursor(last))
            items.append(view)
            last = place
        return DealPage(items, None)

    async def _from(self, role: str | None, start: _Place) -> AsyncIterator[tuple[_Place, Deal]]:
        """Yield deals after a place, each with its own."""
        for side in ROLES:
            letter = side[0]
            if role not in (None, side) or (letter, start[0]) == ("r", "g"):
                continue
            for thread in await self._threads(side):
                if letter == start[0] and thread < start[1]:
                    continue
                listed = start[2] if (letter, thread) == start[:2] else 0
                for number, deal in enumerate(await self._desk.ledger.deals_of(thread), 1):
                    is_listed_already = role is None and side == "giving" and deal.need.is_mine
                    if number > listed and not is_listed_already:
                        yield (letter, thread, number), deal

    async def _threads(self, side: str) -> list[bytes]:
        """Return own needs that have asked, or own offers that were asked."""
        context = self._desk.context
        if side == "giving":
            asked = await self._desk.ledger.shelves.lots_asked()
            offers = (entry.thread for entry in context.pen.own_posts() if entry.kind == Kind.OFFER)
            return sorted(offer for offer in offers if offer in asked)
        chains = await context.store.chains_of(context.pen.key.public)
        return sorted(thread for thread, kind in chains if kind == Kind.NEED)


def _wanted(state: str | None) -> Callable[[DealView], bool]:
    if state is None:
        return lambda _view: True
    if state in ("open", "over"):
        return lambda view: view.is_open == (state == "open")
    return lambda view: view.state == state


def _check(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        hint = f"{name} is one of {', '.join(allowed)}"
        raise BoardError("bad_request", f"there is no {name} {value[:40]!r}", hint, f"/{name}")


def _cursor(place: _Place) -> str:
    side, thread, number = place
    return f"{side}{thread.hex()}.{number}"


def _place(cursor: str | None) -> _Place:
    if cursor is None:
        return _FIRST
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BoardError("bad_cursor", "this cursor was not made by this hub", "begin without a cursor", "/cursor")
    return found[1], bytes.fromhex(found[2]), int(found[3])
