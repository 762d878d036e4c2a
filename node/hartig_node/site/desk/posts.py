"""The pages of posts: our lists, and one post with its account, its deals and all that can be said about it.

In: ids, forms. Out: pages; a form leads back to the post. Also posts of other hubs have a page here: what they offer
can be asked for one of our needs. Who calls: `app.py`.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from hartig_node.board.deals.views import BookView
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import ListQuery
from hartig_node.board.times import rfc3339
from hartig_node.site.dealing import book_of
from hartig_node.site.desk import dealing, postacts
from hartig_node.site.desk.acting import desk_of, desk_page, once, told
from hartig_node.site.desk.doors import DeskDoor
from hartig_node.site.desk.troubles import Trouble, TypedError, trouble
from hartig_node.site.guard import form_of
from hartig_node.site.progress import is_done
from hartig_node.site.rendering import CLOCK
from hartig_node.site.words import N_
from hartig_protocol.errors import RecordError
from hartig_protocol.records import categories, units

PAGE_POSTS = 20
DEALS_WITH_FORMS_MAX = 50  # of one post: more forms than anybody scrolls through; the others are a tap away
NEEDS_MAX = 30  # of ours, for which an offer can be asked
_LOOKED_AT = 200
KINDS = {"offer": N_("What we have"), "need": N_("What we need")}


async def show_ours(request: web.Request) -> web.Response:
    """List our own posts of one kind, newest first, page by page."""
    kind = request.query.get("kind", "")
    kind = kind if kind in KINDS else "offer"
    state = "all" if request.query.get("state") == "all" else "standing"
    cursor = request.query.get("cursor") or None
    asked = ListQuery(kind=kind, author="me", state=state, cursor=cursor, limit=PAGE_POSTS)
    found = await desk_of(request).posts.list(asked)
    query = {"kind": kind, "state": state}
    values = {
        "kind": kind,
        "heading": KINDS[kind],
        "state": state,
        "posts": found.items,
        "first": f"/ours?{urlencode(query)}" if cursor else "",
        "next": f"/ours?{urlencode({**query, 'cursor': found.cursor})}" if found.cursor else "",
    }
    return desk_page(request, "ours.html", values)


async def show_post(request: web.Request) -> web.Response:
    """Show one post with all that can be done."""
    return await _page(request)


async def answer_post(request: web.Request) -> web.Response:
    """Do what a form asks, and lead back to the post."""
    typed, thread = await form_of(request), request.match_info["id"]
    view = await desk_of(request).posts.get(thread)

    async def act() -> str:
        notice = await postacts.act(request, view, typed)
        return told(request, notice, f"/post/{thread}")

    try:
        return await once(request, typed, act)
    except (BoardError, TypedError) as error:
        unit = await postacts.unit_of(desk_of(request), view, typed)
        return await _page(request, trouble(error, postacts.place_of(typed), typed, unit))


async def _page(request: web.Request, stopped: Trouble | None = None) -> web.Response:
    board = desk_of(request)
    view = await board.posts.get(request.match_info["id"])
    book = await book_of(board, view)
    goes_on = view.state == "standing" and (book is None or book.ended is None)
    is_asking = view.kind == "need" and view.is_mine and goes_on
    values = {
        "view": view,
        "book": book,
        "goes_on": goes_on,
        "parent": await _parent(board, view),
        "ahead": lambda post: _ahead(request, post),
        "all_days": _all_days(view, book),
        **await _deals(board, book),
        **(await _own(board, view) if view.is_mine else {"contact": None, "hubs": (), "default": ""}),
        "offers": await board.elsewhere.offers(view.id) if is_asking else (),
        "reasons": postacts.REASONS,
        "ours_flagged": [flag["about"] for flag in (view.flags or {}).get("first", ()) if flag["mine"]],
        "least": _least,
        "needs": await _needs_for(board, view) if _is_asked(view) and goes_on else (),
    }
    return desk_page(request, "post.html", values, stopped)


def _least(one: str, other: str | None) -> str:
    """Return the smaller of two amounts; the first where the second is not known, nothing where it is none."""
    if not one or other is None:
        return one
    return "" if not Decimal(other) else min(one, other, key=Decimal)


def _is_asked(view: PostView) -> bool:
    return view.kind == "offer" and "level" not in view.facts


async def _own(board: DeskDoor, view: PostView) -> dict[str, Any]:
    is_stock = _is_asked(view) and view.audience != "hub"
    return {
        "contact": await board.contacts.texts.of(bytes.fromhex(view.id)),
        "hubs": board.deals.hubs() if is_stock else (),
        "default": _left(view),
    }


def _left(view: PostView) -> str:
    """Return how much of a need nobody was asked for yet; nothing where it differs from date to date."""
    said = {} if view.progress is None else view.progress
    if view.kind != "need" or "dates" in view.facts or "needed" not in said:
        return ""
    left = Decimal(said["needed"]) - sum(Decimal(said.get(name, "0")) for name in ("asked", "received"))
    return str(left) if left > 0 else ""


def _ahead(request: web.Request, view: PostView) -> list[tuple[str, int]]:
    """Return the dates of a post that lie ahead, as forms send them and as people read them."""
    now = request.app[CLOCK]()
    dates = view.facts.get("dates", ())
    return _days(date for date in dates if not now.trusted or date > now.wall_ms)


def _all_days(view: PostView, book: BookView | None) -> list[tuple[str, int]]:
    """Return all dates that a post has or had: what goes out at one is often written down when it has passed."""
    accounts = () if book is None else book.accounts
    return _days({*view.facts.get("dates", ()), *(one.date_ms for one in accounts if one.date_ms is not None)})


def _days(dates: Iterable[int]) -> list[tuple[str, int]]:
    return [(rfc3339(date), date) for date in sorted(dates)]


async def _parent(board: DeskDoor, view: PostView) -> PostView | None:
    if "parent" not in view.facts:
        return None
    try:
        return await board.posts.get(view.facts["parent"].hex())
    except BoardError as error:
        if error.code != "not_found":
            raise
        return None


async def _deals(board: DeskDoor, book: BookView | None) -> dict[str, Any]:
    deals = () if book is None else book.deals
    with_forms = [deal for deal in deals if deal.what_next and (deal.is_open or "returned" in deal.what_next)]
    shown = with_forms[:DEALS_WITH_FORMS_MAX]
    own = book if book is not None and book.kind == "offer" else None
    return {
        "deals": [await dealing.shown(board, deal, own) for deal in shown],
        "other_deals": [deal for deal in deals if deal not in shown],
    }


async def _needs_for(board: DeskDoor, offer: PostView) -> Sequence[PostView]:
    """Return needs of ours for which an offer can be asked: of its category, one above or below, counted alike."""
    page = await board.posts.list(ListQuery(kind="need", author="me", limit=_LOOKED_AT))
    fitting = (need for need in page.items if _fits(need, offer) and _wants_more(need))
    may_read = (need for need in fitting if offer.is_mine or need.audience != "hub")
    return list(may_read)[:NEEDS_MAX]


def _wants_more(need: PostView) -> bool:
    """Tell whether there is anything that a need has not asked for yet, as far as it says how much it needs."""
    said = need.progress or {}
    if is_done(need) or "needed" not in said:
        return not is_done(need)
    return Decimal(said["needed"]) > sum(Decimal(said.get(name, 0)) for name in ("asked", "received"))


def _fits(need: PostView, offer: PostView) -> bool:
    one, other = need.category, offer.category
    if not (categories.is_same_or_ancestor(one, other) or categories.is_same_or_ancestor(other, one)):
        return False
    try:
        units.convert(1, need.unit, offer.unit)
    except RecordError:
        return False
    return True
