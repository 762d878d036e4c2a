"""The session of a paired device: a cookie in, `request[DEVICE]` out; who has none is led to `/pair`.

The secret stands in the cookie and nowhere else, never in an address. `__Host-` binds it to this host, TLS and all
paths. Who calls: `app.py` as its inner middleware; `pairing.py` sets and ends the cookie.
"""

from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from hartig_node.board.belonging.pairing import DEVICE_LIFE_MS, Paired
from hartig_node.site.guard import form_of

COOKIE = "__Host-desk"
PAIR_PATH = "/pair"
STATIC_PATHS = frozenset({"/style.css", "/icon.svg"})
DEVICE = web.RequestKey("device", Paired)


class PairingDoor(Protocol):
    """What the desk asks of the board about devices."""

    async def pair(self, code: str, device_name: str) -> str | None:
        """Use a set-up code up and return a session's secret."""

    async def check(self, secret: str) -> Paired | None:
        """Return whose session a secret is."""

    async def revoke(self, device_id: str) -> None:
        """End a device's session."""


PAIRING: web.AppKey[PairingDoor] = web.AppKey("pairing")


@web.middleware
async def session_keeper(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a paired device through to its page, and keep its cookie as long as its session."""
    if request.path in STATIC_PATHS:
        return await handler(request)  # kept by anybody for a year: no session is looked at, and none given with it
    secret = request.cookies.get(COOKIE, "")
    device = await request.app[PAIRING].check(secret) if secret else None
    if device is None:
        return await handler(request) if request.path == PAIR_PATH else see_other(PAIR_PATH)
    if request.method == "POST" and not await _stands_after_form(request, secret):
        return see_other(PAIR_PATH)
    request[DEVICE] = device
    response = await handler(request)
    if device.is_renewed and COOKIE not in response.cookies:
        begin_session(response, secret)
    return response


async def _stands_after_form(request: web.Request, secret: str) -> bool:
    """Tell whether a device may still come in when its form is here, which may take a while."""
    await form_of(request)  # the page reads it again, from memory
    return await request.app[PAIRING].check(secret) is not None


def begin_session(response: web.StreamResponse, secret: str) -> None:
    """Give a browser its session."""
    response.set_cookie(
        COOKIE, secret, max_age=DEVICE_LIFE_MS // 1000, secure=True, httponly=True, samesite="Strict", path="/"
    )


def end_session(response: web.StreamResponse) -> None:
    """Take a browser's session away."""
    response.del_cookie(COOKIE, secure=True, httponly=True, samesite="Strict", path="/")


def see_other(address: str) -> web.Response:
    """Lead a browser to another page of this hub; what was sent is not sent there again."""
    return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})
