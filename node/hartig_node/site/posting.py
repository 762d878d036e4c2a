"""The two forms, for a need and for an offer: ask, check, publish, hand out the pick-up word.

The answer to a good form is the page with the word itself, not a redirect: a word never stands in an address, a log or
a history. A form sent twice is posted once (`receipts.py`).
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from hartig_node.board.errors import BoardError
from hartig_node.site.faults import Fault, TooSoonError, board_fault
from hartig_node.site.forms import (
    POST_FIELDS,
    TITLE_CHARACTERS_MAX,
    UNIT_DEFAULT,
    Typed,
    check_post,
    clean_line,
    problem_at,
)
from hartig_node.site.guard import form_of
from hartig_node.site.minding import NOTHING, Minded, mind
from hartig_node.site.pace import Pace
from hartig_node.site.receipts import Receipt, Receipts
from hartig_node.site.rendering import CLOCK, board_of, page, tongue_of
from hartig_protocol.records import categories

# A desk where one device posts for many stays below; a hub's 20,000 places last for days even against a flood.
POSTS_PER_ADDRESS_MAX = 20
POSTS_TOTAL_MAX = 300
POSTS_WINDOW_S = 3600.0
TICKET_BYTES = 16
_TICKET_CHARACTERS_MIN = 20  # what a ticket of ours has at least; anything shorter is not one

POSTS_PACE: web.AppKey[Pace] = web.AppKey("posts_pace")
RECEIPTS: web.AppKey[Receipts[Receipt]] = web.AppKey("receipts")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def form_page(kind: str) -> Handler:
    """Make the page with an empty form, or one that a search has begun to fill."""

    async def show(request: web.Request) -> web.StreamResponse:
        typed = Typed(
            {
                "title": clean_line(request.query.get("title", ""), TITLE_CHARACTERS_MAX),
                "category": request.query.get("category", ""),
                "language": tongue_of(request).language,
                "unit": UNIT_DEFAULT,
                "urgency": "normal",
                "mode": "give",
                "ticket": secrets.token_urlsafe(TICKET_BYTES),
            }
        )
        return _form(request, kind, typed, {})

    return show


def form_answer(kind: str) -> Handler:
    """Make the page that follows a form: the word, or the form again with what is not right."""

    async def answer(request: web.Request) -> web.StreamResponse:
        typed = await form_of(request)
        checked = check_post(kind, typed)
        if checked.problems:
            return _form(request, kind, typed, checked.problems)
        if (minded := mind(typed, checked.draft)).found:
            return _form(request, kind, typed, {}, minded=minded)
        try:
            view, word = await _publish(request, kind, typed, checked.draft)
        except BoardError as error:
            problems = problem_at(error)
            return _form(request, kind, typed, problems, None if problems else board_fault(error))
        values = {"view": view, "word": word, "stays_here": categories.is_sensitive(view.category)}
        return page(request, "posted.html", values, 201, private=True)

    return answer


async def _publish(request: web.Request, kind: str, typed: Typed, draft: dict[str, Any]) -> Receipt:
    async def publish() -> Receipt:
        now_s = request.app[CLOCK]().steady_ms / 1000
        wait_s = request.app[POSTS_PACE].take(request.remote or "", now_s)
        if wait_s:
            raise TooSoonError(wait_s)
        return await board_of(request).posts.publish_for_neighbour(draft)

    if len(typed["ticket"]) < _TICKET_CHARACTERS_MIN:
        return await publish()
    content = repr([kind, *((name, typed[name]) for name in POST_FIELDS)]).encode()
    return await request.app[RECEIPTS].once(content, publish)


def _form(
    request: web.Request,
    kind: str,
    typed: Typed,
    problems: dict[str, str],
    fault: Fault | None = None,
    minded: Minded = NOTHING,
) -> web.Response:
    status = fault.status if fault else 422 if problems else 200
    values = {"kind": kind, "typed": typed, "problems": problems, "fault": fault, "minded": minded}
    return page(request, "form.html", values, status, private=bool(status != 200 or minded.found))
