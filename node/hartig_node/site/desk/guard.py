"""Which requests a page of this hub can have sent: the neighbours' guard, told for a door with TLS and a session.

Here a cookie means something, so a form of another page must not be able to use it. Three things each would do: the
cookie is `SameSite=Strict`, a POST must bring this host's own Origin, and where a browser sends Sec-Fetch-Site (always
to a page with TLS) it must say `same-origin`. HSTS is not set: a browser that refuses to go on where the certificate
is not known could not be used at all. Who calls: `app.py`, before any page.
"""

from collections.abc import Collection

from aiohttp import web

from hartig_node.board.errors import BoardError
from hartig_node.site.guard import is_local_host


def check(request: web.Request, extra_names: Collection[str] = ()) -> None:
    """Refuse what no page of this hub can have asked; raises `BoardError`."""
    host = request.headers.get("Host", "").lower()
    if not is_local_host(host, extra_names):
        raise BoardError("bad_origin", f"the host {host[:80]!r} is not a name of this hub on its own network")
    if request.method not in {"GET", "HEAD"}:
        _check_origin(request, f"https://{host}")


def _check_origin(request: web.Request, own: str) -> None:
    origin = request.headers.get("Origin", "").lower()
    if origin != own or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise BoardError("bad_origin", f"a form must come from {own}")
