"""What waits for a person's count: stock that other hubs set aside for us, and posts that have ended.

In: forms. Out: an offer of ours, made of what was set aside, or a post begun anew with what was counted; the form leads
to it. Who calls: `app.py`.
"""

from aiohttp import web

from hartig_node.board.deals.views import SetAsideView
from hartig_node.board.errors import BoardError
from hartig_node.board.keeping.anew import Begun
from hartig_node.site.desk.acting import desk_of, desk_page, once, read_amount, told
from hartig_node.site.desk.notices import Notice
from hartig_node.site.desk.overview import set_aside
from hartig_node.site.desk.troubles import Trouble, TypedError, trouble
from hartig_node.site.guard import form_of
from hartig_node.site.words import N_

WHY_ENDED = {
    "forked": N_("Two copies of this hub have written about it, and what they say does not fit together."),
    "restored": N_("This hub was set up again from an older copy, so what was promised is not certain."),
    "void": N_("This hub has a new key."),
}
ACCEPTED = N_("Done. It is ours to promise now.")
BEGUN = N_("Done. It is up again, with what was counted.")
NOTHING_LEFT = N_("Done. Nothing of it is left, so nothing was put up.")


async def show_aside(request: web.Request) -> web.Response:
    """List what other hubs set aside for us."""
    return await _aside(request)


async def answer_aside(request: web.Request) -> web.Response:
    """Make an offer of ours of what was set aside."""
    allotment, typed = request.match_info["id"], await form_of(request)
    waiting, _is_more = await set_aside(desk_of(request))
    unit = next((one.unit for one in waiting if one.id == allotment), "")

    async def act() -> str:
        amount = read_amount(request, typed, is_needed=False)
        book = await desk_of(request).deals.accept(allotment, None if amount is None else {"quantity": amount})
        return told(request, Notice(ACCEPTED), f"/post/{book.post.id}")

    try:
        return await once(request, typed, act)
    except (BoardError, TypedError) as error:
        return await _aside(request, trouble(error, allotment, typed, unit))


async def _aside(request: web.Request, stopped: Trouble | None = None) -> web.Response:
    waiting: list[SetAsideView]
    waiting, _is_more = await set_aside(desk_of(request))
    return desk_page(request, "aside.html", {"waiting": waiting}, stopped)


async def show_recounts(request: web.Request) -> web.Response:
    """List what has ended and waits for a count."""
    return _recounts(request)


async def answer_recount(request: web.Request) -> web.Response:
    """Begin a post anew with what was counted."""
    thread, typed = request.match_info["id"], await form_of(request)

    async def act() -> str:
        level = typed["level"] or None
        amount = None if level else read_amount(request, typed, may_be_none=True) or "0"
        new = await desk_of(request).keeper.anew.open(thread, amount, level)
        return told(request, Notice(NOTHING_LEFT), "/") if new is None else told(request, Notice(BEGUN), f"/post/{new}")

    try:
        return await once(request, typed, act)
    except (BoardError, TypedError) as error:
        return _recounts(request, trouble(error, thread, typed))


def _recounts(request: web.Request, stopped: Trouble | None = None) -> web.Response:
    waiting: list[Begun] = desk_of(request).keeper.anew.waiting()
    return desk_page(request, "recounts.html", {"waiting": waiting, "why_ended": WHY_ENDED}, stopped)
