"""Problems: every answer that says no, in one shape (RFC 9457).

In: `BoardError`, its kin that HTTP alone knows (`ApiError`), aiohttp's own refusals, bytes that are no HTTP, and our
bugs. Out: `application/problem+json` with `type`, `title`, `status`, `code`, `detail` and, where there is one, `hint`,
`pointer`, `reference`, `rule`. Of a bug people see a reference alone; the rest is in the log, without an address. Who
calls: `app` the middleware, `server` the protocol.
"""

import json
import logging
import secrets
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hartig_node.api.endpoints import Handler
from hartig_node.board.errors import BoardError
from hartig_node.forgetting import forget_frames

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5  # what is too many now has mostly passed by then: a stream ended, a batch was stored
DETAIL_CHARACTERS_MAX = 500  # a detail may quote what was sent; nobody reads more
POINTER_CHARACTERS_MAX = 200
REFERENCE_BYTES = 4
_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}

# What no use case ever says: code -> (HTTP status, title), as in `board.errors`.
API_ERRORS: dict[str, tuple[int, str]] = {
    "idempotency_in_progress": (409, "The same request is being carried out just now"),
    "idempotency_key_reused": (422, "This Idempotency-Key belongs to another request"),
    "outcome_unknown": (409, "The hub stopped in the middle of this request"),
    "answer_not_kept": (409, "This was done, and its answer was not kept"),
}


@dataclass
class ApiError(BoardError):
    """A request cannot be answered, for a reason that lies in HTTP."""

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return API_ERRORS[self.code][0]

    @property
    def title(self) -> str:
        """The kind of problem, for people."""
        return API_ERRORS[self.code][1]


def problem_json(error: BoardError, reference: str = "") -> dict[str, Any]:
    """Return the members of a problem; those that say nothing are left out."""
    problem = {
        "type": f"urn:hartig:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": _cut(error.detail, DETAIL_CHARACTERS_MAX),
        "hint": error.hint,
        "pointer": _cut(error.pointer, POINTER_CHARACTERS_MAX),
        "reference": reference,
        "rule": error.rule,
        "allowed": error.allowed,
    }
    return {name: value for name, value in problem.items() if value != ""}


def problem_response(error: BoardError, headers: dict[str, str] | None = None, reference: str = "") -> web.Response:
    """Return a problem as an answer."""
    every = {"Cache-Control": "no-store", **(headers or {})}
    if error.status == 429:
        every["Retry-After"] = str(RETRY_AFTER_S)
    if error.status == 401:
        every["WWW-Authenticate"] = 'Bearer realm="hartig"'
    body = json.dumps(problem_json(error, reference), ensure_ascii=False).encode("utf-8", "backslashreplace")
    return web.Response(status=error.status, body=body, content_type=CONTENT_TYPE, headers=every)


def bug_response(error: BaseException, where: str) -> web.Response:
    """Log a bug with its traceback and return the reference by which the log names it."""
    reference = secrets.token_hex(REFERENCE_BYTES)
    logger.error("API: reference %s: %s failed", reference, where, exc_info=error)
    hint = f"look for {reference} in the log of this hub, and tell its makers what you find there"
    problem = BoardError("internal", "this request met a mistake in the hub's own program", hint)
    return problem_response(problem, reference=reference)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem."""
    try:
        return await handler(request)
    except BoardError as error:
        return problem_response(error)
    except web.HTTPException as refusal:
        return _refusal_response(request, refusal)
    except ConnectionError:
        raise  # the client is gone: nobody is left to be told
    except Exception as error:  # noqa: BLE001 - logged in full with its reference
        return bug_response(error, f"{request.method} {_route_of(request)}")


def _refusal_response(request: web.Request, refusal: web.HTTPException) -> web.Response:
    code = _CODES.get(refusal.status, "bad_request")
    if isinstance(refusal, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted({*refusal.allowed_methods, "OPTIONS"}))
        detail = f"{request.method[:20]} is not among the methods of {request.path}"
        return problem_response(BoardError(code, detail, f"use one of {allowed}"), {"Allow": allowed})
    if refusal.status == 404:
        hint = "the addresses of this hub begin with /api/v1/, such as /api/v1/posts; node/API.md lists them all"
        return problem_response(BoardError(code, f"there is nothing at {request.path}", hint))
    return problem_response(BoardError(code, refusal.reason))


def _route_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "an unknown address"


def _cut(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"


class ProblemHandler(web.RequestHandler):
    """aiohttp's protocol of one connection, which answers bytes that are no HTTP with a problem too.

    The original answers in plain text and logs the address of who asked; addresses stay out of our log.
    """

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never reached a route, and end the connection."""
        if request.writer.output_size > 0 or isinstance(exc, ConnectionError):
            raise ConnectionError("nobody is left to be told, or an answer is under way already")
        if status < 500:
            forget_frames(exc)
            detail = f"these bytes are no HTTP request: {(message or 'they cannot be read').strip()}"
            hint = "send HTTP/1.1, a head of at most 8 KB a line, and no spaces in the address"
            response = problem_response(BoardError("bad_request", detail, hint))
        else:
            response = bug_response(exc or RuntimeError(message or "unknown"), "a request before its route")
        response.force_close()
        return response

    def log_exception(self, *_args: Any, **kwargs: Any) -> None:
        """Log without the address that the original puts into the line."""
        logger.error("API: a connection failed", exc_info=kwargs.get("exc_info", True))
