"""What people say about a post of this hub, beside its deals: count, hand out, set aside, give back, ask, end.

In: a post, and what a form asks. Out: a `Notice` of what was done; `BoardError`, `TypedError`. Who calls: `posts.py`.
"""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.site.choices import STAYS
from hartig_node.site.desk import moderating
from hartig_node.site.desk.acting import desk_of, read_amount
from hartig_node.site.desk.doors import DeskDoor
from hartig_node.site.desk.notices import Notice
from hartig_node.site.desk.troubles import TypedError
from hartig_node.site.forms import BAD_CHOICE, LONG_CONTACT, Typed, clean_line
from hartig_node.site.words import LEVELS, N_
from hartig_protocol.limits import CONTACT_TEXT_BYTES

# Why a count changes, as people say it; the first is a count of what stands there.
REASONS = {
    "": N_("So much is here now, promised or not"),
    "found": N_("So much was found"),
    "restocked": N_("So much has come in"),
    "lost": N_("So much is lost or spoilt"),
}

Act = Callable[[web.Request, PostView, Typed], Awaitable[Notice]]


async def act(request: web.Request, view: PostView, typed: Typed) -> Notice:
    """Do with a post what a form asks."""
    action = ACTS.get(typed["do"])
    if action is None:
        raise BoardError("bad_request", "this is nothing that can be done with a post")
    return await action(request, view, typed)


def place_of(typed: Typed) -> str:
    """Return beside which form of the page something is said."""
    return f"ask-{typed['lot']}" if typed["do"] == "ask" else typed["do"]


async def unit_of(board: DeskDoor, view: PostView, typed: Typed) -> str:
    """Return in which unit the board says what would be allowed: that of the account that would be written in."""
    if typed["do"] != "ask_for":
        return view.unit
    try:
        return (await board.posts.get(typed["need"])).unit
    except BoardError:
        return view.unit  # such a need is not here, so no amount is said either


async def _hand_out(request: web.Request, view: PostView, typed: Typed) -> Notice:
    amount = read_amount(request, typed) or ""
    await desk_of(request).deals.hand_over(None, amount, view.id, typed["date"] or None)
    return Notice(N_("Done. Handed over: %(amount)s."), amount, view.unit)


async def _set_aside(request: web.Request, view: PostView, typed: Typed) -> Notice:
    amount = read_amount(request, typed) or ""
    await desk_of(request).deals.set_aside(view.id, typed["hub"], amount, typed["date"] or None)
    return Notice(N_("Done. Set aside: %(amount)s."), amount, view.unit)


async def _surrender(request: web.Request, view: PostView, typed: Typed) -> Notice:
    amount = read_amount(request, typed, is_needed=False)
    await desk_of(request).deals.surrender(view.id, amount, typed["date"] or None)
    if amount is None:
        return Notice(N_("Done. All that was free is given back to the hub it came from."))
    return Notice(N_("Done. Given back: %(amount)s."), amount, view.unit)


async def _count(request: web.Request, view: PostView, typed: Typed) -> Notice:
    why = typed["why"]
    if why not in REASONS:
        raise TypedError(BAD_CHOICE)
    amount = read_amount(request, typed, may_be_none=not why) or "0"
    dates = [typed["date"]] if typed["date"] else None
    await desk_of(request).deals.count(view.id, amount, why or None, dates)
    return Notice(N_("Done. It is counted."))


async def _level(request: web.Request, view: PostView, typed: Typed) -> Notice:
    if typed["level"] not in LEVELS:
        raise TypedError(BAD_CHOICE)
    await desk_of(request).posts.revise(view.id, {"level": typed["level"]})
    return Notice(N_("Done. Everybody reads how full it is."))


async def _contact(request: web.Request, view: PostView, typed: Typed) -> Notice:
    text = clean_line(typed["contact"], CONTACT_TEXT_BYTES + 1)
    if len(text.encode()) > CONTACT_TEXT_BYTES:
        raise TypedError(LONG_CONTACT)
    await desk_of(request).posts.revise(view.id, {"contact": text or None})
    return Notice(N_("Done. It is told as soon as something is promised."))


async def _ask(request: web.Request, view: PostView, typed: Typed) -> Notice:
    return await _asked(request, view.id, typed["lot"], typed)


async def _ask_for(request: web.Request, view: PostView, typed: Typed) -> Notice:
    return await _asked(request, typed["need"], view.id, typed)


async def _asked(request: web.Request, need: str, offer: str, typed: Typed) -> Notice:
    amount = read_amount(request, typed, is_needed=False)
    deals = desk_of(request).deals
    deal = await deals.ask(need, offer, amount, typed["date"] or None, typed["lot_date"] or None)
    return Notice(
        N_("Done. Asked: %(amount)s. The people who hold it read it now."), deal.quantity, deal.need.unit or ""
    )


async def _close(request: web.Request, view: PostView, _typed: Typed) -> Notice:
    await desk_of(request).deals.close(view.id)
    return Notice(N_("Done. It is ended in good order. Nothing more is promised or asked for here."))


async def _withdraw(request: web.Request, view: PostView, typed: Typed) -> Notice:
    await desk_of(request).posts.withdraw(view.id, force=typed["all_the_same"] == "yes")
    return Notice(N_("Done. It is taken down, and its text is deleted at every hub as soon as they hear of it."))


async def _renew(request: web.Request, view: PostView, typed: Typed) -> Notice:
    if typed["days"] not in STAYS:
        raise TypedError(BAD_CHOICE)
    await desk_of(request).posts.renew(view.id, float(typed["days"]) if typed["days"] else None)
    return Notice(N_("Done. It stays up for longer."))


ACTS: Mapping[str, Act] = {
    "flag": moderating.flag,
    "take_back": moderating.take_back,
    "hide": moderating.hide,
    "show": moderating.show,
    "mute": moderating.mute,
    "unmute": moderating.unmute,
    "hand_out": _hand_out,
    "set_aside": _set_aside,
    "surrender": _surrender,
    "count": _count,
    "level": _level,
    "contact": _contact,
    "ask": _ask,
    "ask_for": _ask_for,
    "close": _close,
    "withdraw": _withdraw,
    "renew": _renew,
}
