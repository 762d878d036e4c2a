"""Reading what came: query parameters and JSON bodies, checked before anything is done with them.

In: a request. Out: plain Python values, or a `BoardError` that says what is wrong, where (a JSON pointer, RFC 6901)
and what to do. A body has a known type, a bound in bytes and in time, no key twice, a bounded depth, and no number or
text that JSON cannot carry. Who calls: `guard` and the routes.
"""

import asyncio
import difflib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from aiohttp import web

from hartig_node.board.errors import BoardError

BODY_BYTES_MAX = 64 * 1024  # one draft: a record's body has at most 16 KiB, JSON may escape every character
BATCH_BYTES_MAX = 1024 * 1024  # 100 drafts of 10 KiB
BODY_S_MAX = 10.0  # a local program sends a megabyte in milliseconds; whoever drips is cut
PIECE_S_MAX = 30.0  # of silence in a long body; a stick that is being read may pause
DEPTH_MAX = 8  # a batch of drafts with texts by language needs 4; as deep as a record may be
JSON = ("application/json",)
MERGE_PATCH = ("application/merge-patch+json", "application/json")
BODY = web.RequestKey("body", bytes)  # of a request whose body was read before its handler asks for it
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def pointer(*parts: str | int) -> str:
    """Return the JSON pointer to a member (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def did_you_mean(name: str, known: Sequence[str], what: str) -> str:
    """Return the hint for a name that is not known."""
    close = difflib.get_close_matches(name[:60], known, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"{what}: {', '.join(known)}" if known else f"there are no {what} here"


def check_query(request: web.Request, known: Sequence[str]) -> None:
    """Refuse a parameter that the route does not know, or that is given twice."""
    query = request.query
    for name in query:
        if name not in known:
            hint = did_you_mean(name, known, "parameters")
            raise BoardError("bad_request", f"there is no parameter {name[:60]!r} here", hint, pointer(name))
        if len(query.getall(name)) > 1:
            raise BoardError("bad_request", f"{name} is given twice", "give it once", pointer(name))


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Refuse a parameter that is none of its choices."""
    if value not in choices:
        hint = f"{name} is one of {', '.join(sorted(choices))}"
        raise BoardError("bad_request", f"there is no {name} {value[:40]!r}", hint, pointer(name))


def read_limit(request: web.Request, most: int, default: int = 50) -> int:
    """Return how many items a page of a list may have."""
    text = request.query.get("limit", str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= most):
        hint = f"send a whole number from 1 to {most}"
        raise BoardError("bad_request", f"limit {text[:20]!r} is out of range", hint, "/limit")
    return int(text)


async def read_json(request: web.Request, bytes_max: int = BODY_BYTES_MAX, media: Sequence[str] = JSON) -> Any:
    """Return the body's value."""
    _check_media(request, media)
    return parse_json(await _read_body(request, bytes_max))


async def read_object(
    request: web.Request, known: Sequence[str], bytes_max: int = BODY_BYTES_MAX, *, optional: bool = False
) -> dict[str, Any]:
    """Return the body's object, whose members are all `known`, without those that are null.

    With `optional`, a request without a body means an empty object.
    """
    if optional and not request.body_exists:
        return {}
    value = await read_json(request, bytes_max)
    if not isinstance(value, dict):
        raise BoardError("bad_request", "the body must be an object", f"send an object with {', '.join(known)}")
    for name in value:
        if name not in known:
            hint = did_you_mean(name, known, "members")
            raise BoardError("bad_request", f"there is no member {name[:60]!r} here", hint, pointer(name))
    return {name: given for name, given in value.items() if given is not None}


def _check_media(request: web.Request, media: Sequence[str]) -> None:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BoardError("unsupported_media_type", "compressed bodies are not read here", "send it as it is")
    if "Content-Type" not in request.headers:
        raise BoardError("unsupported_media_type", "the request does not say what it sends", _media_hint(media))
    if request.content_type not in media:
        given = request.content_type[:60]
        raise BoardError("unsupported_media_type", f"{given!r} is not read here", _media_hint(media))
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise BoardError("unsupported_media_type", "JSON is read in UTF-8 alone", "encode it in UTF-8")


def _media_hint(media: Sequence[str]) -> str:
    return f"send the header Content-Type: {media[0]}"


async def read_ahead(request: web.Request) -> bytes:
    """Return a body before its handler reads it, which still finds all of it."""
    body = request[BODY] = await _read_body(request, BATCH_BYTES_MAX)
    return body


async def _read_body(request: web.Request, bytes_max: int) -> bytes:
    """Read a body within its bounds; one that is announced as too large is refused unread."""
    if BODY in request:
        if len(request[BODY]) > bytes_max:
            raise _too_large(bytes_max)
        return request[BODY]
    await _begin_body(request, bytes_max)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > bytes_max:
                    raise _too_large(bytes_max)
    except TimeoutError as error:
        detail = f"the body did not arrive within {BODY_S_MAX:g} seconds"
        raise BoardError("bad_request", detail, "send it again, all at once") from error
    except web.RequestPayloadError as error:
        raise _broken_off() from error
    return bytes(body)


async def _begin_body(request: web.Request, bytes_max: int) -> None:
    """Refuse a body that is announced as too large, and let whoever asks first send it."""
    if (request.content_length or 0) > bytes_max:
        raise _too_large(bytes_max)
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


async def read_pieces(request: web.Request, bytes_max: int, media: Sequence[str]) -> AsyncIterator[bytes]:
    """Yield a long body as it comes; raises `BoardError`, also in the middle."""
    _check_media(request, media)
    await _begin_body(request, bytes_max)
    left = bytes_max
    while piece := await _next_piece(request):
        left -= len(piece)
        if left < 0:
            raise _too_large(bytes_max)
        yield piece


async def _next_piece(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(PIECE_S_MAX):
            return await request.content.readany()
    except TimeoutError as error:
        detail = f"nothing more came within {PIECE_S_MAX:g} seconds"
        raise BoardError("bad_request", detail, "send it again") from error
    except web.RequestPayloadError as error:
        raise _broken_off() from error


def _broken_off() -> BoardError:
    return BoardError("bad_request", "the body ends before it is complete", "send it again")


def _too_large(bytes_max: int) -> BoardError:
    hint = "send less at once: posts can be sent in several batches"
    return BoardError("too_large", f"the body has more than {bytes_max // 1024} KiB", hint)


def parse_json(body: bytes) -> Any:
    """Return the value of strict JSON in UTF-8."""
    try:
        text = body.decode()
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
        if _ESCAPED_SURROGATE.search(body):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        detail = f"the body is not UTF-8 at byte {error.start}"
        raise BoardError("bad_request", detail, "encode it in UTF-8") from error
    except UnicodeEncodeError as error:
        detail = "a text in the body holds half a character (a lone surrogate)"
        raise BoardError(
            "bad_request", detail, "write characters beyond U+FFFF as two escapes, or as they are"
        ) from error
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise BoardError("bad_request", detail, "send one JSON value") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:  # a number of more digits than Python reads
        raise BoardError("bad_request", "a number in the body has too many digits", "write it shorter") from error
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, refusing a name that stands in it twice: readers differ on which one counts."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _value in pairs).items() if times > 1)
        raise BoardError("bad_request", f"the name {twice[:60]!r} stands twice in one object", "say it once")
    return made


def _no_constant(name: str) -> Any:
    raise BoardError("bad_request", f"{name} is not a number in JSON", "leave it out, or send a number")


def _check_depth(value: Any) -> None:
    level = [value]
    for _depth in range(DEPTH_MAX + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> BoardError:
    return BoardError("bad_request", f"the body is nested more than {DEPTH_MAX} deep", "no field needs that")


class Fields:
    """Members of an object by type; each reader returns the member, or `default` where it is left out."""

    def __init__(self, members: dict[str, Any]) -> None:
        self._members = members

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text."""
        return str(self._typed(name, default, (str,), "text"))

    def whole(self, name: str, default: int | None = None) -> int:
        """Return a whole number."""
        return int(self._typed(name, default, (int,), "a whole number"))

    def whole_or_none(self, name: str) -> int | None:
        """Return a whole number, or None where it is left out."""
        return self.whole(name) if name in self._members else None

    def number(self, name: str, default: float | None = None) -> float:
        """Return a number."""
        value: float = self._typed(name, default, (int, float), "a number")
        return value

    def number_or_none(self, name: str) -> float | None:
        """Return a number, or None where it is left out."""
        return self.number(name) if name in self._members else None

    def quantity_or_none(self, name: str) -> str | int | float | None:
        """Return a quantity as it was sent, a number or decimal text, or None where it is left out."""
        return self.quantity(name) if name in self._members else None

    def quantity(self, name: str) -> str | int | float:
        """Return a quantity as it was sent; the board reads it exactly, in the unit of its post."""
        value: str | int | float = self._typed(name, None, (str, int, float), 'a number, or decimal text such as "2.5"')
        return value

    def text_or_none(self, name: str) -> str | None:
        """Return a text, or None where it is left out."""
        return self.text(name) if name in self._members else None

    def texts_or_none(self, name: str) -> "list[str] | None":
        """Return a list of texts, or None where it is left out."""
        return self.texts(name) if name in self._members else None

    def flag(self, name: str, default: bool) -> bool:  # noqa: FBT001 - a default like all the others
        """Return true or false."""
        return bool(self._typed(name, default, (bool,), "true or false"))

    def flag_or_none(self, name: str) -> bool | None:
        """Return true or false, or None where it is left out."""
        return self.flag(name, default=False) if name in self._members else None

    def texts(self, name: str, default: list[str] | None = None) -> list[str]:
        """Return a list of texts."""
        values: list[str] = self._typed(name, default, (list,), "a list of texts")
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise BoardError(
                    "bad_request", f"{name} must be a list of texts", "send texts alone", pointer(name, index)
                )
        return values

    def list(self, name: str) -> list[Any]:
        """Return a list."""
        values: list[Any] = self._typed(name, None, (list,), "a list")
        return values

    def _typed(self, name: str, default: Any, types: tuple[type, ...], what: str) -> Any:
        value = self._members.get(name, default)
        if value is None:
            raise BoardError("bad_request", f"{name} is missing", f"send {name}, which is {what}", pointer(name))
        # bool is an int in Python, and nowhere in JSON.
        if type(value) not in types:
            raise BoardError("bad_request", f"{name} must be {what}", f"send {what}", pointer(name))
        return value
