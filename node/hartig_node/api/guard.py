"""The guard: who may ask, from where, and for what; before any byte of a body is read.

In: requests. Out: the same requests, or a `BoardError`. In this order: the gate is told that a head is here; `Host`
(DNS rebinding); `Origin` and `Sec-Fetch-Site` (pages of other sites); token or peer credentials; scope; the names of
query parameters. There is no CORS: no page may read this API, a browser extension or a proxy on the hub may.
"""

import re

from aiohttp import web

from hartig_node.api.door import DOOR, Door, peer_user_id
from hartig_node.api.endpoints import PUBLIC, Handler, endpoint_of
from hartig_node.api.reading import check_query
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError

BOARD = web.AppKey("board", Board)
ASKER = web.RequestKey("asker", str)  # whose request it is, where a scope was asked for
TOKEN_CHARACTERS_MAX = 200  # ours have 50; nobody hashes megabytes for a stranger
_BEARER = re.compile(r"bearer +([\x21-\x7e]+) *", re.IGNORECASE)
_SAME_SITE = frozenset({"same-origin", "none"})  # Fetch Metadata: our own page, or a person's own doing


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through to its handler, or raise `BoardError`."""
    door = request.app[DOOR]
    if request.transport is not None:
        door.request_seen(request.transport)
    check_host(request, door)
    check_site(request, door)
    refusal = request.match_info.http_exception
    if refusal is not None:
        return _options(request, refusal)
    endpoint = endpoint_of(request)
    if endpoint.scope != PUBLIC:
        await check_scope(request, door, endpoint.scope)
    check_query(request, endpoint.query)
    return await handler(request)


def check_host(request: web.Request, door: Door) -> None:
    """Refuse a request that calls this hub by a name which is not this machine's own."""
    given = request.headers.getall("Host", [])
    if len(given) != 1 or not door.knows_host(given[0].lower()):
        named = f"{given[0][:60]!r} is not a name of this machine" if given else "the request has no Host"
        raise BoardError("bad_origin", named, f"call this hub {door.call_it}")


def check_site(request: web.Request, door: Door) -> None:
    """Refuse a request that a page of another site sends through somebody's browser.

    Cookies are read nowhere here: a session of the organisers' pages opens nothing, so no page can use it.
    """
    hint = "call this hub from a program, not from a page of another site"
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower() != f"{door.scheme}://{request.headers['Host'].lower()}":
        raise BoardError("bad_origin", f"the page {origin[:60]!r} may not ask this hub", hint)
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site.lower() not in _SAME_SITE:
        raise BoardError("bad_origin", f"a browser says that this request is {site[:20]!r}", hint)


def _options(request: web.Request, refusal: web.HTTPException) -> web.Response:
    """Answer OPTIONS with the methods of an address; everything else that has no route is refused."""
    if request.method != "OPTIONS" or not isinstance(refusal, web.HTTPMethodNotAllowed):
        raise refusal
    allowed = ", ".join(sorted({*refusal.allowed_methods, "OPTIONS"}))
    return web.Response(status=204, headers={"Allow": allowed, "Cache-Control": "no-store"})


async def check_scope(request: web.Request, door: Door, scope: str) -> None:
    """Refuse whoever may not do what `scope` names: by peer credentials on a Unix socket, else by token."""
    if door.user_ids is not None:
        user_id = peer_user_id(request.transport)
        if user_id not in door.user_ids:
            hint = "ask as root or as the user that the hub runs as, or with a token on 127.0.0.1"
            raise BoardError("forbidden", "this socket is for the hub's own user", hint)
        request[ASKER] = f"user {user_id}"
        return
    token = await request.app[BOARD].tokens.check(_secret(request))
    if token is None:
        hint = "make a new one on the hub: hartig token add NAME"
        raise BoardError("unauthorized", "this token is unknown, was revoked or has expired", hint)
    if not token.allows(scope):
        has = ", ".join(token.scopes)
        hint = f"make one that may: hartig token add NAME --scope {scope}"
        raise BoardError("forbidden", f"this needs a token with the scope {scope}; this one has {has}", hint)
    request[ASKER] = f"token {token.id}"


def _secret(request: web.Request) -> str:
    """Return the token of a request; it is never read from the address, which ends up in logs and histories."""
    given = request.headers.getall("Authorization", [])
    found = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    if found is None or len(found[1]) > TOKEN_CHARACTERS_MAX:
        detail = "the request has no Authorization" if not given else "Authorization is not one Bearer token"
        raise BoardError("unauthorized", detail, "send the header Authorization: Bearer hartig_…")
    return found[1]
