"""Hubs that ask to be let in without an invite: people compare words by voice, and let them in here.

In: the board. Out: endpoints; those on `/invites/asking` stand before that on `/invites/{id}`. Who calls: `app`.
"""

from typing import Any

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer
from hartig_node.api.endpoints import ADMIN, PREFIX, Endpoint
from hartig_node.board.belonging.invites import Invites
from hartig_node.board.board import Board
from hartig_protocol.values import value

_PATH = f"{PREFIX}/invites/asking"


def asking_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of hubs that ask."""
    asking = _Asking(board.invites)
    return [
        Endpoint("GET", _PATH, asking.show, ADMIN),
        Endpoint("POST", _PATH, asking.open, ADMIN),
        Endpoint("DELETE", _PATH, asking.close, ADMIN),
        Endpoint("POST", f"{_PATH}/{{id}}", asking.let_in, ADMIN),
        Endpoint("DELETE", f"{_PATH}/{{id}}", asking.turn_away, ADMIN),
    ]


@value
class _Asking:
    invites: Invites

    async def show(self, request: web.Request) -> web.Response:
        """List the hubs that ask, with the words to compare."""
        return answer(request, await self._door(), cache=NO_STORE)

    async def open(self, request: web.Request) -> web.Response:
        """Listen to hubs that ask, for some minutes."""
        self.invites.asking.open()
        return await self.show(request)

    async def close(self, _request: web.Request) -> web.Response:
        """Listen to nobody without an invite any more."""
        self.invites.asking.close()
        return _gone()

    async def let_in(self, request: web.Request) -> web.Response:
        """The words agree: let a hub in."""
        self.invites.asking.let_in(request.match_info["id"])
        return await self.show(request)

    async def turn_away(self, request: web.Request) -> web.Response:
        """The words differ: forget a hub."""
        self.invites.asking.turn_away(request.match_info["id"])
        return _gone()

    async def _door(self) -> dict[str, Any]:
        views = await self.invites.asking.list()
        return {
            "open_s": self.invites.asking.open_ms // 1000,
            "items": [{"id": one.id, "hub": one.hub.hex(), "words": one.words, "let_in": one.let_in} for one in views],
            "network_open": self.invites.is_open,
            "came_openly": self.invites.came_openly(),
        }


def _gone() -> web.Response:
    return web.Response(status=204, headers={"Cache-Control": NO_STORE})
