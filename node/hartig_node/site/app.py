"""The pages put together: which address leads where, and what happens before and after.

There is no route here that changes anything but a neighbour's own post. In: the board and the clock. Out: an aiohttp
application. Who calls: `server.py`, tests.
"""

from collections.abc import Callable, Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from hartig_node.board.errors import BoardError
from hartig_node.site import guard, looking, mine, posting
from hartig_node.site.doors import BoardDoor, Clock
from hartig_node.site.faults import TooSoonError, board_fault, status_fault, too_soon_fault
from hartig_node.site.forms import FORM_BYTES_MAX
from hartig_node.site.pace import Pace
from hartig_node.site.receipts import Receipts
from hartig_node.site.rendering import BOARD, CLOCK, fault_page, static_file, static_version

Check = Callable[[web.Request, frozenset[str]], None]  # raises for a request that comes from another page or host

_KEPT_FOR_EVER = "public, max-age=31536000, immutable"
_STATIC_TYPES = {"style.css": "text/css", "icon.svg": "image/svg+xml"}


def make_site(board: BoardDoor, clock: Clock, names: Collection[str] = ()) -> web.Application:
    """Put the neighbours' pages together.

    Args:
        board: the use cases.
        clock: says what time it is, such as `Clock.now`.
        names: further names under which this hub is reached, beside those that only a LAN can give.
    """
    application = web.Application(middlewares=[gatekeeper(guard.check, names)], client_max_size=FORM_BYTES_MAX)
    application[BOARD], application[CLOCK] = board, clock
    application[mine.WORDS_PACE] = Pace(mine.WORDS_PER_ADDRESS_MAX, mine.WORDS_TOTAL_MAX, mine.WORDS_WINDOW_S)
    application[posting.POSTS_PACE] = Pace(
        posting.POSTS_PER_ADDRESS_MAX, posting.POSTS_TOTAL_MAX, posting.POSTS_WINDOW_S
    )
    application[posting.RECEIPTS] = Receipts()
    application.on_response_prepare.append(guard.add_headers)
    application.add_routes(_routes())
    return application


def gatekeeper(check: Check, names: Collection[str]) -> Middleware:
    """Return what lets in whom `check` lets in, by a hub's names, and says in a page what goes wrong inside."""
    allowed = frozenset(name.lower() for name in names)

    @web.middleware
    async def keep(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            check(request, allowed)
            return await handler(request)
        except BoardError as error:
            return fault_page(request, board_fault(error))
        except TooSoonError as error:
            return fault_page(request, too_soon_fault(error))
        except web.HTTPException as error:
            return _http_fault(request, error)

    return keep


def _routes() -> list[web.RouteDef]:
    return [
        web.get("/", looking.show_board),
        web.get("/post/{id:[0-9a-f]{32}}", looking.show_post),
        web.get("/need", posting.form_page("need")),
        web.post("/need", posting.form_answer("need")),
        web.get("/offer", posting.form_page("offer")),
        web.post("/offer", posting.form_answer("offer")),
        web.get("/mine", mine.ask_word),
        web.post("/mine", mine.answer_word),
        web.get("/{name:style\\.css|icon\\.svg}", static),
    ]


async def static(request: web.Request) -> web.Response:
    """Give a file that pages name; for ever, where its address has the hash of what is in it."""
    name = request.match_info["name"]
    is_current = request.query.get("v") == static_version(name)
    response = web.Response(
        body=static_file(name),
        content_type=_STATIC_TYPES[name],
        charset="utf-8",
        headers={"Cache-Control": _KEPT_FOR_EVER if is_current else "no-cache"},
    )
    response.enable_compression()
    return response


def _http_fault(request: web.Request, error: web.HTTPException) -> web.Response:
    response = fault_page(request, status_fault(error.status))
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response
