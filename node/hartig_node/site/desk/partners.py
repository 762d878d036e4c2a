"""The pages of partner networks: which there are, what each gets of ours and shares, and every change, tried before.

A form is tried first: the page that follows says exactly which posts would cross and which would go, and has the button
that does it. That button names what was shown, so that nothing crosses that nobody has seen. In: ids, forms. Out:
pages. Who calls: `app.py`; `partnerforms` reads what was typed.
"""

from typing import Any

from aiohttp import web

from hartig_node.board.drafts.views import PostView, record_view
from hartig_node.board.errors import BoardError
from hartig_node.board.partners.agreed import Agreement
from hartig_node.board.partners.foreign import network_of
from hartig_node.board.partners.partners import Change
from hartig_node.board.partners.proposals import Proposal
from hartig_node.board.partners.terms import Terms
from hartig_node.site.desk.acting import desk_of, desk_page, once, told
from hartig_node.site.desk.moderating import FLAGGED, HIDDEN
from hartig_node.site.desk.notices import Notice
from hartig_node.site.desk.partnerforms import KEPT, DoneWords, FormDefaults, digest_of, read_terms, said_of
from hartig_node.site.desk.session import DEVICE
from hartig_node.site.desk.troubles import Trouble, TypedError, trouble
from hartig_node.site.flagging import REASONS
from hartig_node.site.forms import Typed
from hartig_node.site.guard import form_of
from hartig_node.site.words import N_
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.record import Record

PAGE = 20
STATES = {
    "waiting": N_("It has not answered yet"),
    "agreed": N_("Agreed"),
    "left": N_("It has ended its side: nothing crosses"),
}
REFUSED = N_("Done. It is not shown any more, unless that network asks for something else.")
PASSED = N_("Done. It is left as it is.")
DONE: DoneWords = {
    "propose": N_("Done. Nothing crosses before the organisers of the other network agree, too."),
    "accept": N_("Done. What both share crosses as soon as their hubs and ours meet."),
    "change": N_("Done. The hubs follow as soon as they hear of it."),
    "leave": N_("Done. Nothing crosses any more."),
}


async def show_partners(request: web.Request) -> web.Response:
    """List partner networks, and those that ask to be one."""
    return await _partners(request)


async def answer_partners(request: web.Request) -> web.Response:
    """Ask a network, refuse one that asks, take over or leave what is suggested."""
    typed = await form_of(request)
    if typed["do"] == "propose":
        return await _change(request, typed, None)

    async def act() -> str:
        return told(request, Notice(await _settle(request, typed)), "/partners")

    try:
        return await once(request, typed, act)
    except BoardError as error:
        return await _partners(request, trouble(error, typed["id"], typed))


async def _settle(request: web.Request, typed: Typed) -> str:
    partners, what = desk_of(request).partners, typed["id"]
    match typed["do"]:
        case "refuse":
            await partners.proposals.dismiss(network_of(what))
            return REFUSED
        case "take":
            await partners.suggestions.take(_record_of(what), request[DEVICE].name)
            return HIDDEN
        case "flag":
            await partners.suggestions.take(_record_of(what), is_shared=True)
            return FLAGGED
        case "pass":
            await partners.suggestions.leave(_record_of(what))
            return PASSED
    raise BoardError("bad_request", "there is no such button")


def _record_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BoardError("bad_request", "this is no suggestion") from None


async def _partners(request: web.Request, stopped: Trouble | None = None) -> web.Response:
    board, partners = desk_of(request), desk_of(request).partners
    speaking = set(partners.speakers())
    agreements = await partners.list()
    values = {
        "agreements": agreements,
        "names_of": {one.network: await partners.hub_names(one.network) for one in agreements if one.short},
        "proposals": await partners.proposals.list(),
        "suggestions": await partners.suggestions.list(),
        "speakers": [one for one in board.people.everybody() if one.key in speaking],
        "states": STATES,
        "reasons": REASONS,
        "defaults": FormDefaults(),
        **_may(request),
    }
    return desk_page(request, "partners.html", values, stopped)


async def show_code(request: web.Request) -> web.Response:
    """Show the code that another network's organisers need, as text and as a picture to scan."""
    import segno

    code = (await desk_of(request).partners.code()).text
    picture = segno.make(code, error="l", micro=False).svg_inline(border=4, omitsize=True, svgclass=None, light="#fff")
    return desk_page(request, "partnercode.html", {"code": code, "picture": picture})


async def show_partner(request: web.Request) -> web.Response:
    """Show one network: what both share, and which of our posts it gets."""
    return await _partner(request, network_of(request.match_info["id"]))


async def answer_partner(request: web.Request) -> web.Response:
    """Agree with a network that asks, change what is shared with it, or leave."""
    return await _change(request, await form_of(request), network_of(request.match_info["id"]))


async def _partner(request: web.Request, network: bytes, stopped: Trouble | None = None) -> web.Response:
    partners = desk_of(request).partners
    agreement, proposal, terms = await _found(request, network)
    pact, crossing = partners.own_pact(network), partners.crossing(network)
    state = "kept" if request.query.get("state") == "kept" else "shared"
    page = await crossing.page(pact, state, request.query.get("cursor"), PAGE)
    values = {
        "network": network.hex(),
        "agreement": agreement,
        "proposal": proposal,
        "defaults": FormDefaults.of(terms),
        "states": STATES,
        "counts": await crossing.counts(pact),
        "why_kept": KEPT,
        "state": state,
        "posts": [(_view(one), why) for one, why in page.items],
        "next": "" if page.cursor is None else f"/partners/{network.hex()}?state={state}&cursor={page.cursor}",
        **_may(request),
    }
    return desk_page(request, "partner.html", values, stopped)


async def _found(request: web.Request, network: bytes) -> tuple[Agreement | None, Proposal | None, Terms]:
    """Return what is agreed with a network, else what it asks for, and the terms; raises `BoardError` for others."""
    partners = desk_of(request).partners
    proposal = await partners.proposals.get(network)
    if partners.own_pact(network) is None and proposal is not None:
        return None, proposal, proposal.terms
    agreement = await partners.get(network)
    return agreement, None, agreement.ours.terms


def _view(post: Record) -> PostView:
    return record_view(post, b"", {}, 0)


def _may(request: web.Request) -> dict[str, Any]:
    """Return whether this hub may agree with other networks, and who may."""
    people = [one for one in desk_of(request).people.everybody() if one.rank >= Rank.ORGANISER]
    return {"may_agree": any(one.is_us for one in people)}


# --- Changing


async def _change(request: web.Request, typed: Typed, network: bytes | None) -> web.Response:
    """Try what a form asks for, or do it where its page had shown just that."""
    try:
        tried = await _do(request, typed, network, preview=True)
        if typed["seen"] != digest_of(tried):
            return _tried(request, typed, tried)

        async def act() -> str:
            done = await _do(request, typed, network, preview=False)
            address = "/partners" if done.terms is None else f"/partners/{done.network.hex()}"
            return told(request, Notice(DONE[typed["do"]]), address)

        return await once(request, typed, act)
    except (BoardError, TypedError) as error:
        stopped = trouble(said_of(error), typed["do"], typed)
        return await _partners(request, stopped) if network is None else await _partner(request, network, stopped)


async def _do(request: web.Request, typed: Typed, network: bytes | None, *, preview: bool) -> Change:
    partners = desk_of(request).partners
    if typed["do"] == "leave" and network is not None:
        return await partners.leave(network, preview=preview)
    terms, days = read_terms(typed)
    if network is None:
        return await partners.propose(typed["code"], terms, days, preview=preview)
    acts = {"accept": partners.accept, "change": partners.change}
    if typed["do"] not in acts:
        raise BoardError("bad_request", "there is no such button")
    return await acts[typed["do"]](network, terms, days, preview=preview)


def _tried(request: web.Request, typed: Typed, tried: Change) -> web.Response:
    """Show what a change would change, with the button that does it."""
    different = tried.difference
    values = {
        "tried": tried,
        "typed": {name: text for name, text in typed.values.items() if name not in ("seen", "ticket")},
        "seen": digest_of(tried),
        "address": request.path,
        "gained": [_view(one) for one in different.gained[:PAGE]],
        "lost": [_view(one) for one in different.lost[:PAGE]],
        "done_words": DONE,
    }
    return desk_page(request, "partnertry.html", values)
