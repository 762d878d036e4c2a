"""What the board page shows: open shelves, offers and needs, a taste of each or one of them page by page.

In: what somebody looks for. Out: `Section`s of posts. Open shelves are offers with a level, so they are listed level
by level, fullest first; their cursor names the level that it goes on with. Who calls: `looking.py`.
"""

import dataclasses

from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import ListPage, ListQuery
from hartig_node.site.doors import PostsDoor
from hartig_node.site.forms import SEARCH_CHARACTERS_MAX, clean_line
from hartig_protocol.records import categories
from hartig_protocol.values import value

SECTIONS = ("shelves", "offers", "needs")
TASTE = {"shelves": 4, "offers": 6, "needs": 6}  # two screens of a phone in all, so that needs are found too
PAGE_POSTS = 20  # about 12 kB of page
SEARCHED_FOR_TASTE = 24  # offers looked through for a taste, since shelves among them stand above already
_LEVELS_TASTED = ("plenty", "some", "low")
_LEVELS_LISTED = (*_LEVELS_TASTED, "gone")


@value
class Wish:
    """What somebody looks for; `show` is one section, or empty for a taste of all."""

    show: str = ""
    q: str = ""
    category: str = ""
    cursor: str = ""

    @property
    def is_search(self) -> bool:
        """Whether anything was asked for at all."""
        return bool(self.q or self.category)

    def address(self, **changes: str) -> dict[str, str]:
        """Return the query of this wish with changes; the cursor goes unless it is one of them."""
        changed = dataclasses.asdict(self) | {"cursor": ""} | changes
        return {name: value for name, value in changed.items() if value}


@value
class Section:
    """Some posts of one sort; `cursor` continues a page, `has_more` says that a taste is not all."""

    name: str
    posts: list[PostView]
    cursor: str | None = None
    has_more: bool = False


def read_wish(query: dict[str, str]) -> Wish:
    """Read an address; what cannot be meant is left out, so that an old link still shows a board."""
    show, category = query.get("show", ""), query.get("category", "")
    return Wish(
        show if show in SECTIONS else "",
        clean_line(query.get("q", ""), SEARCH_CHARACTERS_MAX),
        category if categories.is_valid(category) else "",
        query.get("cursor", ""),
    )


async def sections(posts: PostsDoor, wish: Wish) -> list[Section]:
    """Return what the page shows."""
    if wish.show:
        return [await _page(posts, wish)]
    shelves, offers = await _shelves_taste(posts, wish), await _offers_taste(posts, wish)
    # One of the two rows answers "is it here?"; the other, where it is empty, would only say the opposite.
    here = [section for section in (shelves, offers) if section.posts] or [offers]
    return [*here, await _needs_taste(posts, wish)]


def _query(wish: Wish, limit: int, kind: str, level: str | None = None, cursor: str | None = None) -> ListQuery:
    return ListQuery(
        kind=kind, category=wish.category or None, level=level, q=wish.q or None, cursor=cursor, limit=limit
    )


async def _shelves_taste(posts: PostsDoor, wish: Wish) -> Section:
    shown: list[PostView] = []
    size = TASTE["shelves"]
    for level in _LEVELS_TASTED:
        page = await posts.list(_query(wish, size + 1 - len(shown), kind="offer", level=level))
        shown.extend(page.items)
        if len(shown) > size:
            break
    return Section("shelves", shown[:size], has_more=len(shown) > size)


async def _offers_taste(posts: PostsDoor, wish: Wish) -> Section:
    page = await posts.list(_query(wish, SEARCHED_FOR_TASTE, kind="offer"))
    offers = [view for view in page.items if "level" not in view.facts]
    size = TASTE["offers"]
    return Section("offers", offers[:size], has_more=len(offers) > size or page.cursor is not None)


async def _needs_taste(posts: PostsDoor, wish: Wish) -> Section:
    page = await posts.list(_query(wish, TASTE["needs"], kind="need"))
    return Section("needs", list(page.items), has_more=page.cursor is not None)


async def _page(posts: PostsDoor, wish: Wish) -> Section:
    if wish.show == "shelves":
        return await _shelves_page(posts, wish)
    kind = "need" if wish.show == "needs" else "offer"
    page: ListPage = await posts.list(_query(wish, PAGE_POSTS, kind=kind, cursor=wish.cursor or None))
    return Section(wish.show, list(page.items), page.cursor)


async def _shelves_page(posts: PostsDoor, wish: Wish) -> Section:
    level, _, cursor = wish.cursor.partition(".")
    if wish.cursor and level not in _LEVELS_LISTED:
        raise BoardError("bad_cursor", "this cursor was not made by this hub", "begin without a cursor", "/cursor")
    shown: list[PostView] = []
    for index in range(_LEVELS_LISTED.index(level) if level else 0, len(_LEVELS_LISTED)):
        level = _LEVELS_LISTED[index]
        wanted = PAGE_POSTS - len(shown)
        if wanted == 0:
            return Section("shelves", shown, f"{level}.")
        page = await posts.list(_query(wish, wanted, kind="offer", level=level, cursor=cursor or None))
        cursor = ""
        shown.extend(page.items)
        if page.cursor is not None:
            return Section("shelves", shown, f"{level}.{page.cursor}")
    return Section("shelves", shown)
