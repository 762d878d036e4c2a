"""Who may ask: checks before any page runs, and the headers that every answer carries.

Plain HTTP on a LAN has no secrets and no sessions, so what is guarded against is another web page that uses a
neighbour's browser:

- *to read the board from outside* (DNS rebinding): the Host must be an address or a name that only a LAN can give;
- *to post in a neighbour's name* (cross-site forms): a POST must come from a page of this very host. Browsers say so
  in Origin, very old ones in Referer alone; a form without either is refused. With that a hidden token would add
  nothing: there is no cookie that means anything, and whoever can set Origin freely is no browser.

Browsers send Sec-Fetch-Site to secure contexts only, which a LAN page is not; where it comes, it must agree.
`Referrer-Policy` is `same-origin`, not `no-referrer`: under the latter a form's Origin is `null` even on its own page
(Fetch standard, "append a request `Origin` header"), and nothing could be told apart. Nothing leaves this host either
way. Who calls: `app.py`.
"""

import asyncio
import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web

from hartig_node.board.errors import BoardError
from hartig_node.site.forms import FORM_BYTES_MAX, Typed, read_form

FORM_S_MAX = 20.0  # for 64 KiB: 26 kbit/s, slower than any Wi-Fi that still shows a page
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
    "Server": "hartig",
}
_LABEL = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
# Names that no public DNS gives: RFC 6762, RFC 8375, the ICANN's `internal`, and what home routers hand out.
_LOCAL_SUFFIXES = (".local", ".home.arpa", ".internal", ".lan", ".home", ".localdomain", ".localhost")


def is_local_host(host: str, extra_names: Collection[str]) -> bool:
    """Tell whether a Host header names this hub as only its own network can."""
    try:
        parts = urlsplit(f"//{host}")
        name, _port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if parts.netloc != host or "@" in host:
        return False
    if name in extra_names or name.endswith(_LOCAL_SUFFIXES) or _LABEL.fullmatch(name):
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def check(request: web.Request, extra_names: Collection[str] = ()) -> None:
    """Refuse what no page of this hub can have asked; raises `BoardError`."""
    host = request.headers.get("Host", "").lower()
    if not is_local_host(host, extra_names):
        raise BoardError("bad_origin", f"the host {host[:80]!r} is not a name of this hub on its own network")
    if request.method == "POST":
        _check_origin(request, host)


def _check_origin(request: web.Request, host: str) -> None:
    own = f"http://{host}"
    origin = request.headers.get("Origin")
    if origin is None:
        referer = urlsplit(request.headers.get("Referer", ""))
        origin = f"{referer.scheme}://{referer.netloc}"
    if origin.lower() != own or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise BoardError("bad_origin", f"a form must come from {own}")


async def form_of(request: web.Request) -> Typed:
    """Read the form of a POST, bounded in size and time; raises `BoardError`."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise BoardError("unsupported_media_type", "a form is application/x-www-form-urlencoded")
    if (request.content_length or 0) > FORM_BYTES_MAX:
        raise BoardError("too_large", f"a form has at most {FORM_BYTES_MAX} bytes")
    try:
        async with asyncio.timeout(FORM_S_MAX):
            content = await request.read()  # the application's client_max_size bounds what is sent in chunks
    except web.HTTPRequestEntityTooLarge as error:
        raise BoardError("too_large", f"a form has at most {FORM_BYTES_MAX} bytes") from error
    except TimeoutError as error:
        raise BoardError("bad_request", f"the form did not arrive within {FORM_S_MAX:g} s") from error
    return read_form(content)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer its headers, also those that no page made."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = HEADERS["Server"]
