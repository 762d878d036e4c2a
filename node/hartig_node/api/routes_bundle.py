"""Bundles: all that this hub may share as one long answer, and a bundle of another hub as one long request.

In: the board. Out: endpoints. Neither is ever whole in memory. Who calls: `app`.
"""

import asyncio
import contextlib

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer
from hartig_node.api.endpoints import ADMIN, PREFIX, Endpoint, Repeat
from hartig_node.api.reading import read_pieces
from hartig_node.board.board import Board
from hartig_node.board.bundles import BUNDLE_BYTES_MAX, NewBundle
from hartig_node.board.partners.foreign import network_of
from hartig_protocol.values import value

MEDIA = ("application/octet-stream",)
SLOW_READER_S = 30.0  # a stick that is being written may pause


def bundle_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of bundles."""
    routes = _Bundles(board)
    return [
        Endpoint("GET", f"{PREFIX}/bundle", routes.write, ADMIN, ("for",)),
        Endpoint("POST", f"{PREFIX}/bundle", routes.read, ADMIN, repeat=Repeat.LONG),
    ]


@value
class _Bundles:
    board: Board

    async def write(self, request: web.Request) -> web.StreamResponse:
        """Give out a bundle; one that breaks off has no end, and so has the answer."""
        named = request.query.get("for")
        bundle = await self.board.bundles.write(None if named is None else network_of(named, "/for"))
        response = web.StreamResponse(headers={"Cache-Control": NO_STORE, "Content-Type": MEDIA[0]})
        await response.prepare(request)
        if request.method != "HEAD":
            await _send(request, response, bundle)
        await response.write_eof()
        return response

    async def read(self, request: web.Request) -> web.Response:
        """Take over what is in a bundle, and say what became of it."""
        pieces = read_pieces(request, BUNDLE_BYTES_MAX, MEDIA)
        async with contextlib.aclosing(pieces):  # type: ignore[type-var]
            report = await self.board.bundles.read(pieces)
        return answer(request, report, cache=NO_STORE)


async def _send(request: web.Request, response: web.StreamResponse, bundle: NewBundle) -> None:
    is_sent = False
    try:
        async with contextlib.aclosing(bundle.pieces()) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                async with asyncio.timeout(SLOW_READER_S):
                    await response.write(piece)
        is_sent = True
    finally:
        # A clean end would say that this was all.
        if not is_sent and request.transport is not None:
            request.transport.abort()
