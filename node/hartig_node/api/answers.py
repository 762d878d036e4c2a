"""Answers: JSON with an entity tag, lists with a cursor, and the headers that every answer carries.

In: JSON-ready values. Out: responses. An entity tag has two parts, `"VERSION.DIGEST"`: the digest is of the whole
answer, so `If-None-Match` notices everything; for a post the version names its signed record, and that alone is what
`If-Match` compares, so a change of the author's name does not get in the way of an edit. Who calls: the routes.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hartig_node.board.errors import BoardError

PRIVATE = "private, no-cache"  # may be kept by who asked, and is asked about again each time
NO_STORE = "no-store"
_DIGEST_CHARACTERS = 16
_SECURITY = {
    "Server": "hartig",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


async def add_security_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer says to browsers; a signal that runs before the head is sent."""
    response.headers.update(_SECURITY)


def dumps(data: Any) -> bytes:
    """Return JSON in UTF-8, compact."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def answer(
    request: web.Request,
    data: Any,
    *,
    status: int = 200,
    cache: str = PRIVATE,
    version: str = "",
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return JSON, or 304 where a GET names the very same answer in If-None-Match."""
    body = dumps(data)
    every = {"Cache-Control": cache, **(headers or {})}
    if cache != NO_STORE:
        digest = hashlib.sha256(body).hexdigest()[:_DIGEST_CHARACTERS]
        tag = f"{version}.{digest}" if version else digest
        every["ETag"] = f'"{tag}"'
        if request.method in {"GET", "HEAD"} and _is_known(request, tag):
            return web.Response(status=304, headers=every)
    return web.Response(status=status, body=body, content_type="application/json", headers=every)


def _is_known(request: web.Request, tag: str) -> bool:
    """Whether If-None-Match names this answer; weakly, as RFC 9110, section 13.1.2, has it."""
    return any(known.value in (tag, "*") for known in request.if_none_match or ())


def answer_list(request: web.Request, items: list[Any], cursor: str | None) -> web.Response:
    """Return a page of a list, with the way to the next one in its body and in Link (RFC 8288)."""
    headers = {} if cursor is None else {"Link": f'<{request.rel_url.update_query(cursor=cursor)}>; rel="next"'}
    return answer(request, {"items": items, "next": cursor}, headers=headers)


def if_match_versions(request: web.Request) -> list[str] | None:
    """Return the versions that If-Match names; None where any will do. A weak tag never matches."""
    tags = request.if_match
    if tags is None or any(tag.value == "*" for tag in tags):
        return None
    if not tags:
        hint = 'send the ETag of the answer that you have read, with its quotation signs: If-Match: "…"'
        raise BoardError("bad_request", "If-Match holds no entity tag", hint)
    return [f'"{tag.value.partition(".")[0]}"' for tag in tags if not tag.is_weak]
