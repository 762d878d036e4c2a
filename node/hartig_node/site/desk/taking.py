"""Taking in a need or an offer at the desk, for somebody who stands there: ask, check, put up, hand out the word.

A good form leads to a page with the pick-up word to be printed or written down; its address names only a short-lived id
(`notices`). Who calls: `app.py`.
"""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import ListQuery
from hartig_node.site.desk import takingforms
from hartig_node.site.desk.acting import TAKEN, desk_of, desk_page, new_ticket, now_s, once
from hartig_node.site.desk.notices import Taken
from hartig_node.site.faults import Fault, board_fault
from hartig_node.site.forms import TITLE_CHARACTERS_MAX, UNIT_DEFAULT, CheckedForm, Typed, clean_line
from hartig_node.site.guard import form_of
from hartig_node.site.minding import NOTHING, Minded, mind
from hartig_node.site.posting import Handler
from hartig_node.site.rendering import CLOCK, page, tongue_of
from hartig_node.site.words import N_
from hartig_protocol.records import categories

GROUPS_MAX = 50  # needs of ours that another can be a part of, newest first
SENT_BEFORE = N_("This was sent before, and is up once. To put up another one, begin with an empty form.")
HEADINGS = {"need": N_("Take in a need"), "offer": N_("Take in an offer")}


def form_page(kind: str) -> Handler:
    """Make the page with an empty form, or one that a search or a group need has begun to fill."""

    async def show(request: web.Request) -> web.StreamResponse:
        query = request.query
        typed = Typed(
            {
                "title": clean_line(query.get("title", ""), TITLE_CHARACTERS_MAX),
                "category": query.get("category", ""),
                "parent": query.get("parent", ""),
                "language": tongue_of(request).language,
                "unit": UNIT_DEFAULT,
                "urgency": "normal",
                "mode": "give",
                "audience": "network",
                "rule": "ask",
                "ticket": new_ticket(),
            }
        )
        return await _form(request, kind, typed, {})

    return show


def form_answer(kind: str) -> Handler:
    """Make what follows a form: the way to the word, or the form again with what is not right."""

    async def answer(request: web.Request) -> web.StreamResponse:
        typed = await form_of(request)
        now = request.app[CLOCK]()
        checked = takingforms.check(kind, typed, now.wall_ms if now.trusted else 0)
        if checked.problems:
            return await _form(request, kind, typed, checked.problems)
        if (minded := mind(typed, checked.draft)).found:
            return await _form(request, kind, typed, {}, minded=minded)
        try:
            return await _publish(request, typed, checked)
        except BoardError as error:
            problems = takingforms.problem_at(error)
            return await _form(request, kind, typed, problems, None if problems else board_fault(error))

    return answer


async def _publish(request: web.Request, typed: Typed, checked: CheckedForm) -> web.Response:
    async def act() -> str:
        view, word = await desk_of(request).posts.publish_for_neighbour(checked.draft)
        return f"/taken/{request.app[TAKEN].put(Taken(view, word), now_s(request))}"

    return await once(request, typed, act, SENT_BEFORE)


async def show_taken(request: web.Request) -> web.Response:
    """Show the pick-up word of what was just put up, as a slip for whoever it is for."""
    taken = request.app[TAKEN].get(request.match_info["id"], now_s(request))
    if taken is None:
        raise BoardError("not_found", "this word is not shown any more")
    stays_here = categories.is_sensitive(taken.view.category)
    values = {"view": taken.view, "word": taken.word, "stays_here": stays_here}
    return desk_page(request, "taken.html", values)


async def _form(
    request: web.Request,
    kind: str,
    typed: Typed,
    problems: dict[str, str],
    fault: Fault | None = None,
    minded: Minded = NOTHING,
) -> web.Response:
    values: dict[str, Any] = {
        "kind": kind,
        "typed": typed,
        "problems": problems,
        "fault": fault,
        "minded": minded,
        "desk_heading": tongue_of(request).say(HEADINGS[kind]),
        "audiences": _audiences(request),
        "rules_offered": takingforms.WAYS_OF_SHARING,
        "weekdays": takingforms.WEEKDAYS,
        "date_fields": takingforms.DATE_FIELDS,
        "groups": await _groups(request) if kind == "need" else (),
    }
    status = fault.status if fault else 422 if problems else 200
    return page(request, "desk/form.html", values, status, private=True)


def _audiences(request: web.Request) -> dict[str, str]:
    """Return who may see a post; partner networks where there are any."""
    has_partners = desk_of(request).partners.has_any
    return {code: text for code, text in takingforms.AUDIENCES.items() if has_partners or code != "partners"}


async def _groups(request: web.Request) -> Sequence[PostView]:
    """Return needs of ours that another need can be a part of."""
    found = await desk_of(request).posts.list(ListQuery(kind="need", author="me", limit=GROUPS_MAX))
    return found.items
