"""The pages of deals: the list, one deal, and what is done with it from wherever its buttons stand.

In: filters, ids, forms. Out: pages; a form leads back to the page that it came from, and to the deal's own page where a
rule stops it. Who calls: `app.py`.
"""

import re
from urllib.parse import urlencode

from aiohttp import web

from hartig_node.board.deals.views import DealView
from hartig_node.board.errors import BoardError
from hartig_node.site.desk import dealing
from hartig_node.site.desk.acting import desk_of, desk_page, once, told
from hartig_node.site.desk.troubles import Trouble, TypedError, trouble
from hartig_node.site.forms import Typed
from hartig_node.site.guard import form_of
from hartig_node.site.progress import DEAL_STATES
from hartig_node.site.words import N_

PAGE_DEALS = 20
SIDES = {"": N_("All"), "giving": N_("From us"), "receiving": N_("For us")}
STATES = {"": N_("All"), "open": N_("Not settled yet"), "over": N_("Settled"), **DEAL_STATES}
_POST = re.compile(r"[0-9a-f]{32}")


async def show_deals(request: web.Request) -> web.Response:
    """List deals of our posts, page by page."""
    side, state = request.query.get("side", ""), request.query.get("state", "open")
    side, state = side if side in SIDES else "", state if state in STATES else "open"
    cursor = request.query.get("cursor") or None
    found = await desk_of(request).deals.deals(side or None, state or None, PAGE_DEALS, cursor)
    query = {"side": side, "state": state}
    values = {
        "deals": found.items,
        "side": side,
        "state": state,
        "first": f"/deals?{urlencode(query)}" if cursor else "",
        "next": f"/deals?{urlencode({**query, 'cursor': found.cursor})}" if found.cursor else "",
        "sides": SIDES,
        "states": STATES,
    }
    return desk_page(request, "deals.html", values)


async def show_deal(request: web.Request) -> web.Response:
    """Show one deal, with all that can be done with it."""
    return await _page(request, await desk_of(request).deals.deal(request.match_info["id"]))


async def answer_deal(request: web.Request) -> web.Response:
    """Do what a form asks, and lead back to where it came from."""
    claim, typed = request.match_info["id"], await form_of(request)
    before = await desk_of(request).deals.deal(claim)

    async def act() -> str:
        return told(request, await dealing.act(request, claim, typed), _back(typed, claim))

    try:
        return await once(request, typed, act)
    except (BoardError, TypedError) as error:
        action = typed["do"]
        stopped = trouble(error, action, typed, dealing.unit_of(before, action))
        return await _page(request, await desk_of(request).deals.deal(claim), stopped)


def _back(typed: Typed, claim: str) -> str:
    """Return the page that a form came from."""
    came_from = typed["back"]
    if came_from == "today":
        return "/"
    return f"/post/{came_from}" if _POST.fullmatch(came_from) else f"/deals/{claim}"


async def _page(request: web.Request, deal: DealView, stopped: Trouble | None = None) -> web.Response:
    board = desk_of(request)
    values = {"deal": await dealing.shown(board, deal), "else_there": await _else_there(request, deal)}
    return desk_page(request, "deal.html", values, stopped)


async def _else_there(request: web.Request, deal: DealView) -> bool:
    """Tell whether the need of a deal that came to nothing could ask somebody else."""
    came_to_nothing = deal.state in ("declined", "void", "lapsed", "taken_back")
    if not (came_to_nothing and deal.need.is_mine and deal.need.is_held and deal.need.ended is None):
        return False
    return bool(await desk_of(request).elsewhere.offers(deal.need.post))
