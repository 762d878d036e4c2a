"""What comes twice is done once: `Idempotency-Key` on every POST (draft-ietf-httpapi-idempotency-key-header-07).

In: requests that may be repeated, because an answer was lost on its way. Out: the first answer, again. A middleware
behind the guard: keys belong to who asks. Of one key there is one request, told by a fingerprint of all that matters
of it, and one at a time is carried out. Who calls: `app`.

    nothing is known           -> carried out; its answer is kept (not 429 and 5xx, which say "try again")
    being carried out          -> waits for it, at most `WAIT_S_MAX`
    answered                   -> that answer, with `Idempotency-Replayed: true`
    begun, and nobody is at it -> carried out where doing it again is nothing more (`Repeat.SAFE`), else refused:
                                  after a crash or a bug nobody knows how far it came
    another request            -> refused

So nothing is ever done twice under one key, and whoever repeats until there is an answer misses nothing silently.
"""

import asyncio
import re
from dataclasses import dataclass, field

from aiohttp import web

from hartig_node.api.endpoints import Handler, Repeat, endpoint_of
from hartig_node.api.guard import ASKER
from hartig_node.api.kept import Kept, KeptAnswers, RequestName, Said
from hartig_node.api.problems import ApiError, problem_response
from hartig_node.api.reading import read_ahead
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError
from hartig_protocol.records.keys import sha256

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_CHARACTERS_MAX = 128  # a UUID has 36
WAIT_S_MAX = 20.0  # for the first request of a key; clients hang up after about 30
_KEY = re.compile(r'"(?P<quoted>[\x20\x21\x23-\x5b\x5d-\x7e]+)"|(?P<bare>[\x21\x23-\x5b\x5d-\x7e]+)')
_PREFIX = b"hartig/1 idempotency request\x00"
_BEGUN_FIRST = frozenset({Repeat.TWICE, Repeat.SECRET})


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A request that is being carried out."""

    fingerprint: bytes
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


class Once:
    """The requests with keys, of all doors of one node."""

    def __init__(self, board: Board) -> None:
        self.kept = KeptAnswers(board)
        self._under_way: dict[bytes, _UnderWay] = {}

    def __repr__(self) -> str:
        return f"<Once {len(self._under_way)} under way, {self.kept!r}>"

    async def answer(self, request: web.Request, key: str, handler: Handler) -> web.StreamResponse:
        """Answer a request that has a key: carry it out, or say again what was said."""
        repeat = endpoint_of(request).repeat
        name = RequestName.of(request[ASKER], key)
        fingerprint = await _fingerprint(request, repeat)
        await self._wait_for_turn(name, fingerprint)
        mine = self._under_way[name.row] = _UnderWay(fingerprint)
        try:
            kept = await self.kept.find(name)
            if kept is not None:
                _compare(kept.fingerprint, fingerprint)
            if kept is not None and kept.said is not None:
                return _again(kept.said)
            _check_may_begin(kept, repeat)
            return await self._carry_out(request, name, handler, mine.fingerprint)
        finally:
            del self._under_way[name.row]
            mine.is_over.set()

    async def _wait_for_turn(self, name: RequestName, fingerprint: bytes) -> None:
        """Wait while the same request is being carried out; on return nobody is at it."""
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                while (other := self._under_way.get(name.row)) is not None:
                    _compare(other.fingerprint, fingerprint)
                    await other.is_over.wait()
        except TimeoutError as error:
            detail = "the first request with this key has no answer yet"
            raise ApiError("idempotency_in_progress", detail, "ask again in a moment, with the same key") from error

    async def _carry_out(
        self, request: web.Request, name: RequestName, handler: Handler, fingerprint: bytes
    ) -> web.StreamResponse:
        repeat = endpoint_of(request).repeat
        if repeat in _BEGUN_FIRST:
            await self.kept.begin(name, fingerprint)
        try:
            response = await handler(request)
        except BoardError as error:
            response = problem_response(error)
        assert isinstance(response, web.Response), "no POST is answered with a stream"
        if response.status == 429:
            await self.kept.forget(name)
        elif response.status < 500:
            is_secret = repeat is Repeat.SECRET and response.status < 300
            await self.kept.keep(name, fingerprint, response, is_secret=is_secret)
        return response


ONCE = web.AppKey("once", Once)


@web.middleware
async def once(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Carry a POST with a key out once; all else passes."""
    if request.method != "POST" or HEADER not in request.headers or ASKER not in request:
        return await handler(request)
    return await request.app[ONCE].answer(request, _key(request), handler)


def _key(request: web.Request) -> str:
    """Return the key: a string of structured fields (RFC 9651), or, as many clients send it, a bare one."""
    given = request.headers.getall(HEADER)
    found = _KEY.fullmatch(given[0]) if len(given) == 1 and len(given[0]) <= KEY_CHARACTERS_MAX else None
    if found is None:
        detail = f"{HEADER} is not one key of 1 to {KEY_CHARACTERS_MAX} characters"
        raise BoardError("bad_request", detail, f'send a new random one for each thing to be done: {HEADER}: "…"')
    return found["quoted"] or found["bare"]


async def _fingerprint(request: web.Request, repeat: Repeat) -> bytes:
    """Return what tells this request from others: its address, what it asks of the version, and its body."""
    told = str(request.content_length).encode() if repeat is Repeat.LONG else await read_ahead(request)
    about = "\n".join([request.method, request.raw_path, request.headers.get("If-Match", ""), ""])
    return sha256(_PREFIX, about.encode("utf-8", "surrogateescape") + told)


def _compare(first: bytes, fingerprint: bytes) -> None:
    if first != fingerprint:
        detail = "another request was sent with this key within the last 24 hours"
        raise ApiError("idempotency_key_reused", detail, "take a new key for each thing to be done")


def _check_may_begin(kept: Kept | None, repeat: Repeat) -> None:
    """Refuse what was begun before and may be done already."""
    if kept is not None and repeat in _BEGUN_FIRST:
        detail = "a request with this key was begun, and the hub stopped or failed before it was answered"
        raise ApiError("outcome_unknown", detail, "look whether it was done; if not, send it with a new key")


def _again(said: Said) -> web.Response:
    headers = {**dict(said.headers), REPLAYED: "true"}
    if said.body is not None:
        return web.Response(status=said.status, headers=headers, body=said.body)
    detail = f"the first answer to this had the status {said.status}; it was too long to be kept, or shown once"
    hint = "look at what was made; if it cannot be used, end it and make another with a new key"
    more = {name: value for name, value in headers.items() if name in {"Location", REPLAYED}}
    return problem_response(ApiError("answer_not_kept", detail, hint), more)
