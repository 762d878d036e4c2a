"""What else there is: offers that a need could ask now, for who reads that something was declined or is gone.

In: an own or foreign need. Out: views of offers, those of the need's own category first. It looks only at what is open
to see: category equal, below or above, the same dimension, something free (or an open shelf that is not empty), and not
asked by this need already. Who fits best is for people, or for matching, to say. Who calls: the API, the pages.
"""

from collections.abc import AsyncIterator

from hartig_node.board.context import thread_of
from hartig_node.board.errors import BoardError
from hartig_node.board.ledger import Ledger
from hartig_node.board.posts import ListQuery, Posts
from hartig_node.board.views import PostView
from hartig_protocol.errors import RecordError
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.summary import LotState
from hartig_protocol.records import categories, units
from hartig_protocol.records.record import Kind

OFFERS_MAX = 20  # what people can look through
LOOKED_AT_MAX = 400  # of each category, newest first
_PAGE = 50
_FREE = frozenset({LotState.AVAILABLE, LotState.PARTLY_PROMISED})
_SHELF_EMPTY = "gone"


class Elsewhere:
    """Lists what else a need could ask."""

    def __init__(self, ledger: Ledger, posts: Posts) -> None:
        self._ledger, self._posts = ledger, posts

    async def offers(self, need: str) -> list[PostView]:
        """Return at most 20 offers that the need could ask now; raises `BoardError` where there is no such need."""
        book = await self._ledger.book(thread_of(need))
        if book is None or book.kind != Kind.NEED:
            raise BoardError("not_found", "no such need is held here", "it may be over, or not have arrived yet")
        category, _, unit, _ = book.post.head.fixed
        chain = book.chain
        asked = {claim.lot.hex() for claim in chain.claims.values()} if isinstance(chain, NeedChain) else set()
        found: list[PostView] = []
        for code in (category, *categories.ancestors(category)):
            async for view in self._standing(code, exact=code != category):
                if view.id not in asked and _is_free(view) and _is_same_dimension(view.unit, unit):
                    found.append(view)
                    if len(found) == OFFERS_MAX:
                        return found
        return found

    async def _standing(self, category: str, *, exact: bool) -> AsyncIterator[PostView]:
        """Yield offers of a category and all below it; `exact`: of this one alone."""
        cursor: str | None = None
        for _ in range(LOOKED_AT_MAX // _PAGE):
            page = await self._posts.list(ListQuery(kind="offer", category=category, cursor=cursor, limit=_PAGE))
            for view in page.items:
                if not exact or view.category == category:
                    yield view
            cursor = page.cursor
            if cursor is None:
                return


def _is_free(view: PostView) -> bool:
    if "level" in view.facts:
        return bool(view.facts["level"] != _SHELF_EMPTY)
    return view.progress is None or view.progress["state"] in _FREE


def _is_same_dimension(unit: str, other: str) -> bool:
    try:
        units.convert(1, unit, other)
    except RecordError:
        return False
    return True
