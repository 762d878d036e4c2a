"""The pages on which other hubs are let in: invites with a picture to scan, and hubs that ask with words to compare.

A link carries a secret and is shown once, on a page of its own that only this desk has the address of. Who calls:
`app.py`.
"""

from aiohttp import web

from hartig_node.board.belonging.invites import LABEL_CHARACTERS_MAX, InviteView
from hartig_node.board.errors import BoardError
from hartig_node.site.desk.acting import desk_of, desk_page, now_s, once, told
from hartig_node.site.desk.notices import Notice, Shelf
from hartig_node.site.desk.troubles import Trouble, TypedError, trouble
from hartig_node.site.forms import Typed, clean_line
from hartig_node.site.guard import form_of
from hartig_node.site.words import N_
from hartig_protocol.limits import ADDRESS_BYTES_MAX

INVITED: web.AppKey[Shelf[InviteView]] = web.AppKey("invited")
DAYS = (1, 3, 7, 30)
USES = (1, 2, 5, 20)
WORTHLESS = N_("Done. The invite is worth nothing any more; hubs that came by it stay.")
OPENED = N_("Done. Hubs that ask are shown here for ten minutes.")
SHUT = N_("Done. Nobody else is let in.")
LET_IN = N_("Done. The hub comes in when it asks again, in a few seconds.")
TURNED_AWAY = N_("Done. That hub was turned away.")
CHOOSE = N_("Please choose one of these.")


async def show_invites(request: web.Request) -> web.Response:
    """Show the open invites, and who asks."""
    return await _invites(request)


async def answer_invites(request: web.Request) -> web.Response:
    """Make or end an invite, open or shut the door for those who ask, let one of them in or not."""
    typed = await form_of(request)

    async def act() -> str:
        return await _do(request, typed)

    try:
        return await once(request, typed, act)
    except (BoardError, TypedError) as error:
        return await _invites(request, trouble(error, typed["do"], typed))


async def _do(request: web.Request, typed: Typed) -> str:
    invites, what = desk_of(request).invites, typed["id"]
    match typed["do"]:
        case "invite":
            return f"/invited/{request.app[INVITED].put(await _invite(request, typed), now_s(request))}"
        case "end":
            await invites.revoke(what)
            said = WORTHLESS
        case "open":
            invites.asking.open()
            said = OPENED
        case "shut":
            invites.asking.close()
            said = SHUT
        case "let_in":
            invites.asking.let_in(what)
            said = LET_IN
        case "turn_away":
            invites.asking.turn_away(what)
            said = TURNED_AWAY
        case _:
            raise BoardError("bad_request", "there is no such button")
    return told(request, Notice(said), "/invites")


async def _invite(request: web.Request, typed: Typed) -> InviteView:
    if typed["days"] not in map(str, DAYS) or typed["uses"] not in map(str, USES):
        raise TypedError(CHOOSE)
    address = clean_line(typed["address"], ADDRESS_BYTES_MAX)
    return await desk_of(request).invites.create(
        uses=int(typed["uses"]),
        days=float(typed["days"]),
        addresses=[address] if address else [],
        label=clean_line(typed["label"], LABEL_CHARACTERS_MAX),
    )


async def _invites(request: web.Request, stopped: Trouble | None = None) -> web.Response:
    invites = desk_of(request).invites
    values = {
        "invites": await invites.list(),
        "asking": await invites.asking.list(),
        "is_open": invites.asking.open_ms > 0,
        "days": DAYS,
        "uses": USES,
        "label_max": LABEL_CHARACTERS_MAX,
        "address_max": ADDRESS_BYTES_MAX,
    }
    return desk_page(request, "invites.html", values, stopped)


async def show_invited(request: web.Request) -> web.Response:
    """Show the link of an invite that was just made, as text and as a picture to scan."""
    import segno

    invite = request.app[INVITED].get(request.match_info["id"], now_s(request))
    if invite is None or invite.link is None:
        raise BoardError("not_found", "this link is not shown any more")
    code = segno.make(invite.link, error="l", micro=False)
    picture = code.svg_inline(border=4, omitsize=True, svgclass=None, light="#fff")
    return desk_page(request, "invited.html", {"invite": invite, "picture": picture})
