"""What else there is: offers that a need could ask now, for who reads that something was declined or is gone.

In: an own or foreign need. Out: views of offers: those that cover all that is still needed first, of its category or
below before those above, the newest first. It looks only at what is open to see: category, the same dimension,
something free (or an open shelf that is not empty), a date ahead, not asked by this need already, and not another
hub's where the need never leaves its own. Who fits best is for people, or for matching, to say. Who calls: the API, the
pages.
"""

from collections.abc import AsyncIterator, Collection
from fractions import Fraction

from hartig_node.board.accounts.books import Book
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.context import Context, thread_of
from hartig_node.board.deals.children import ChildNeeds
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import ListQuery, Posts
from hartig_protocol.errors import RecordError
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.summary import LotState
from hartig_protocol.records import categories, units
from hartig_protocol.records.record import Kind
from hartig_protocol.values import value

OFFERS_MAX = 10  # what people can look through
LOOKED_AT_MAX = 200  # of each category, newest first
_PAGE = 50
_FREE = frozenset({LotState.AVAILABLE, LotState.PARTLY_PROMISED})
_SHELF_EMPTY = "gone"


@value
class _Wanted:
    """What an offer has to be for a need. `left` is what is still needed, in units; None where nobody said how much."""

    category: str
    unit: str
    left: Fraction | None
    stays_here: bool
    asked: Collection[str]
    now_ms: int

    @classmethod
    def of(cls, book: Book, asked: Collection[str], now_ms: int) -> "_Wanted":
        """Read it off a need and its account; `asked` are the offers that it has asked already."""
        head, chain = book.post.head, book.chain
        category, _, unit, smallest_part = head.fixed
        assert isinstance(chain, NeedChain)
        parts = chain.total.left if chain.is_opened else head.facts.get("quantity")
        left = None if parts is None else Fraction(parts, smallest_part)
        return cls(category, unit, left, head.audience == "hub", asked, now_ms)

    def fits(self, offer: PostView) -> bool:
        """Tell whether the need could ask it."""
        if offer.id in self.asked or (self.stays_here and not offer.is_mine) or not _is_free(offer):
            return False
        dates = offer.facts.get("dates")
        return (not dates or dates[-1] > self.now_ms) and self._in_unit_of(offer) is not None

    def is_covered_by(self, offer: PostView) -> bool:
        """Tell whether all that is still needed is free there, as far as anybody said how much."""
        ratio = self._in_unit_of(offer)
        free = None if offer.progress is None else offer.progress.get("free")
        if "level" in offer.facts or self.left is None or free is None or ratio is None:
            return True
        return Fraction(free) * ratio >= self.left

    def _in_unit_of(self, offer: PostView) -> Fraction | None:
        """Return what one unit of an offer is in the need's; None where they measure different things."""
        try:
            return units.convert(1, offer.unit, self.unit)
        except RecordError:
            return None


class Elsewhere:
    """Lists what else a need could ask."""

    def __init__(self, context: Context, ledger: Ledger, posts: Posts) -> None:
        self._context, self._ledger, self._posts = context, ledger, posts
        self._children = ChildNeeds(context, ledger, posts)

    async def offers(self, need: str, limit: int = OFFERS_MAX) -> list[PostView]:
        """Return what the need could ask now, at most `limit`; raises `BoardError` where there is no such need."""
        book = await self._ledger.book(thread_of(need))
        if book is None or book.kind != Kind.NEED:
            raise BoardError("not_found", "no such need is held here", "it may be over, or not have arrived yet")
        now = self._context.clock.now()
        chains = [one.chain for one in (book, *await self._children.of(book.post.head))]
        claims = [claim for chain in chains if isinstance(chain, NeedChain) for claim in chain.claims.values()]
        wanted = _Wanted.of(book, {claim.lot.hex() for claim in claims}, now.wall_ms if now.trusted else 0)
        whole: list[PostView] = []
        in_part: list[PostView] = []
        for code in (wanted.category, *categories.ancestors(wanted.category)):
            async for view in self._standing(code, exact=code != wanted.category, here=wanted.stays_here):
                if len(whole) == limit:
                    return whole
                if wanted.fits(view):
                    (whole if wanted.is_covered_by(view) else in_part).append(view)
        return [*whole, *in_part][:limit]

    async def _standing(self, category: str, *, exact: bool, here: bool) -> AsyncIterator[PostView]:
        """Yield offers of a category and all below it; `exact`: of this one alone; `here`: of our own network alone."""
        cursor: str | None = None
        for _ in range(LOOKED_AT_MAX // _PAGE):
            home = self._context.pen.network.hex() if here else None
            query = ListQuery(kind="offer", category=category, network=home, cursor=cursor, limit=_PAGE)
            page = await self._posts.list(query)
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
