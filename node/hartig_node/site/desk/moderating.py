"""What people at the desk do about what other hubs say: hide it here, mute its hub, flag it for all; and undo each.

In: a post and what a form asks; or the list of all that was hidden, muted and flagged. Out: notices, and that page.
Who calls: `postacts` for the forms of a post, `app.py` for the page.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.hiding import HUB, NOTE_BYTES_MAX, POST
from hartig_node.site.desk.acting import desk_of, desk_page, once, told
from hartig_node.site.desk.notices import Notice
from hartig_node.site.desk.session import DEVICE
from hartig_node.site.desk.troubles import Trouble, TypedError, trouble
from hartig_node.site.flagging import REASONS
from hartig_node.site.forms import BAD_CHOICE, Typed, clean_line
from hartig_node.site.guard import form_of
from hartig_node.site.words import N_
from hartig_protocol.limits import FLAG_TEXT_BYTES_MAX

PAGE = 20
LONG_TEXT = N_("This is too long. A sentence or two are enough.")
HIDDEN = N_("Done. It is hidden here. Deals about it go on, and other hubs show it.")
MUTED = N_("Done. All that this hub posts is hidden here. Deals with it go on, and other hubs show it.")
SHOWN = N_("Done. It is shown here again.")
UNMUTED = N_("Done. What this hub posts is shown here again.")
FLAGGED = N_("Done. All hubs read that it is flagged, and why. It is shown all the same.")
TAKEN_BACK = N_("Done. The flag is taken back.")


async def hide(request: web.Request, view: PostView, typed: Typed) -> Notice:
    """Hide a post from the people of this hub."""
    await desk_of(request).hiding.hide(view.id, _line(typed["note"], NOTE_BYTES_MAX), request[DEVICE].name)
    return Notice(HIDDEN)


async def mute(request: web.Request, view: PostView, typed: Typed) -> Notice:
    """Hide all that the hub of a post puts up."""
    await desk_of(request).hiding.mute(view.author, _line(typed["note"], NOTE_BYTES_MAX), request[DEVICE].name)
    return Notice(MUTED)


async def flag(request: web.Request, view: PostView, typed: Typed) -> Notice:
    """Flag a post, or the hub that posted it."""
    if typed["why"] not in REASONS or typed["about"] not in ("post", "hub"):
        raise TypedError(BAD_CHOICE)
    subject = view.id if typed["about"] == "post" else view.author
    await desk_of(request).flags.flag(subject, typed["why"], _line(typed["text"], FLAG_TEXT_BYTES_MAX))
    return Notice(FLAGGED)


async def show(request: web.Request, view: PostView, _typed: Typed) -> Notice:
    """Show a post here again."""
    return await _undo(request, "show", view.id)


async def unmute(request: web.Request, view: PostView, _typed: Typed) -> Notice:
    """Show again what the hub of a post puts up."""
    return await _undo(request, "unmute", view.author)


async def take_back(request: web.Request, view: PostView, typed: Typed) -> Notice:
    """Take a flag of this hub back."""
    return await _undo(request, "take_back", view.author if typed["about"] == "hub" else view.id)


async def _undo(request: web.Request, what: str, subject: str) -> Notice:
    board = desk_of(request)
    undoing = {
        "show": (board.hiding.show, SHOWN),
        "unmute": (board.hiding.unmute, UNMUTED),
        "take_back": (board.flags.take_back, TAKEN_BACK),
    }
    if what not in undoing:
        raise BoardError("bad_request", "this is nothing that can be undone")
    undo, sentence = undoing[what]
    await undo(subject)
    return Notice(sentence)


def _line(text: str, bytes_max: int) -> str:
    line = clean_line(text, bytes_max + 1)
    if len(line.encode()) > bytes_max:
        raise TypedError(LONG_TEXT)
    return line


# --- The page of all of them


async def show_hidden(request: web.Request) -> web.Response:
    """List what is hidden, muted and flagged."""
    return await _page(request)


async def answer_hidden(request: web.Request) -> web.Response:
    """Undo one of them, and lead back to the list."""
    typed = await form_of(request)

    async def act() -> str:
        return told(request, await _undo(request, typed["do"], typed["id"]), "/hidden")

    try:
        return await once(request, typed, act)
    except BoardError as error:
        return await _page(request, trouble(error, typed["id"], typed))


async def _page(request: web.Request, stopped: Trouble | None = None) -> web.Response:
    board, called = desk_of(request), desk_of(request).posts.called
    after = {name: request.query.get(name) for name in ("posts", "hubs", "flags")}
    posts, posts_next = await board.hiding.page(POST, after["posts"], PAGE)
    hubs, hubs_next = await board.hiding.page(HUB, after["hubs"], PAGE)
    flags = await board.flags.page(cursor=after["flags"], limit=PAGE)
    values = {
        "posts": [(one, await called(one)) for one in posts],
        "hubs": [(one, await called(one)) for one in hubs],
        "flags": [(one, text, await called(one)) for one, text in flags.items],
        "posts_next": _next(after, "posts", posts_next),
        "hubs_next": _next(after, "hubs", hubs_next),
        "flags_next": _next(after, "flags", flags.cursor),
    }
    return desk_page(request, "hidden.html", values, stopped)


def _next(after: Mapping[str, str | None], name: str, cursor: str | None) -> str:
    """Return the address of the page on which one list goes on; nothing where it does not."""
    query: dict[str, Any] = {one: said for one, said in {**after, name: cursor}.items() if said}
    return f"/hidden?{urlencode(query)}#{name}" if cursor else ""
