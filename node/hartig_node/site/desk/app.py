"""The organisers' pages put together: which address leads where, and what happens before and after.

A request passes the guard (a page of this hub), the session (a paired device, `request[DEVICE]`) and comes to its page.
In: the board and the clock. Out: an aiohttp application. Who calls: `server.py`, tests.
"""

from collections.abc import Collection

from aiohttp import web

from hartig_node.site import looking
from hartig_node.site.app import gatekeeper, static
from hartig_node.site.desk import (
    aside,
    belonging,
    deals,
    guard,
    inviting,
    moderating,
    overview,
    pairing,
    partners,
    posts,
    taking,
)
from hartig_node.site.desk.acting import DONE, NOTICES, TAKEN, frame_of
from hartig_node.site.desk.doors import DeskDoor
from hartig_node.site.desk.notices import Shelf
from hartig_node.site.desk.session import PAIRING, session_keeper
from hartig_node.site.doors import Clock
from hartig_node.site.forms import FORM_BYTES_MAX
from hartig_node.site.guard import add_headers
from hartig_node.site.pace import Pace
from hartig_node.site.receipts import Receipts
from hartig_node.site.rendering import BOARD, CLOCK, FRAME

_POST, _DEAL, _KEY = "{id:[0-9a-f]{32}}", "{id:[0-9a-f]{64}}", "{key:[0-9a-f]{64}}"
ROUTES: list[web.RouteDef] = [
    web.get("/", overview.show_today),
    web.get("/look", looking.show_board),
    web.get("/need", taking.form_page("need")),
    web.post("/need", taking.form_answer("need")),
    web.get("/offer", taking.form_page("offer")),
    web.post("/offer", taking.form_answer("offer")),
    web.get("/taken/{id:[A-Za-z0-9_-]{16}}", taking.show_taken),
    web.get("/ours", posts.show_ours),
    web.get(f"/post/{_POST}", posts.show_post),
    web.post(f"/post/{_POST}", posts.answer_post),
    web.get("/deals", deals.show_deals),
    web.get(f"/deals/{_DEAL}", deals.show_deal),
    web.post(f"/deals/{_DEAL}", deals.answer_deal),
    web.get("/aside", aside.show_aside),
    web.post(f"/aside/{_DEAL}", aside.answer_aside),
    web.get("/hidden", moderating.show_hidden),
    web.post("/hidden", moderating.answer_hidden),
    web.get("/recounts", aside.show_recounts),
    web.post(f"/recounts/{_POST}", aside.answer_recount),
    web.get("/people", belonging.show_people),
    web.post("/people", belonging.answer_people),
    web.get(f"/people/{_KEY}", belonging.show_person),
    web.post(f"/people/{_KEY}", belonging.answer_person),
    web.get("/waiting", belonging.show_waiting),
    web.get("/partners", partners.show_partners),
    web.post("/partners", partners.answer_partners),
    web.get("/partners/code", partners.show_code),
    web.get(f"/partners/{_POST}", partners.show_partner),
    web.post(f"/partners/{_POST}", partners.answer_partner),
    web.get("/invites", inviting.show_invites),
    web.post("/invites", inviting.answer_invites),
    web.get("/invited/{id:[A-Za-z0-9_-]{16}}", inviting.show_invited),
    web.get("/{name:style\\.css|icon\\.svg}", static),
]


def make_desk(board: DeskDoor, clock: Clock, names: Collection[str] = ()) -> web.Application:
    """Put the organisers' pages together.

    Args:
        board: the use cases.
        clock: says what time it is, such as `Clock.now`.
        names: further names under which this hub is reached, beside those that only a LAN can give.
    """
    middlewares = [gatekeeper(guard.check, names), session_keeper]
    application = web.Application(middlewares=middlewares, client_max_size=FORM_BYTES_MAX)
    application[BOARD], application[CLOCK], application[PAIRING] = board, clock, board.pairing
    application[pairing.TRIES_PACE] = Pace(
        pairing.TRIES_PER_ADDRESS_MAX, pairing.TRIES_TOTAL_MAX, pairing.TRIES_WINDOW_S
    )
    application[pairing.PAIRED] = Receipts(pairing.PAIRED_KEPT_S)
    application[FRAME] = frame_of
    application[NOTICES], application[TAKEN], application[DONE] = Shelf(), Shelf(), Receipts()
    application[inviting.INVITED] = Shelf()
    application.on_response_prepare.append(add_headers)
    application.add_routes([*pairing.ROUTES, *ROUTES])
    return application
