"""Where an account may not go on, or a need came to nothing: count and begin anew, look what else there is.

In: the board. Out: endpoints. After a restore, a copy or a new key posts of this hub were ended (`board.keeper_anew`);
each waits until a person says how much is there, or still needed. Who calls: `app`.
"""

from aiohttp import web

from hartig_node.api.answers import answer, answer_list
from hartig_node.api.endpoints import PREFIX, READ, WRITE, Endpoint
from hartig_node.api.reading import Fields, read_object
from hartig_node.board.board import Board
from hartig_protocol.values import value

RECOUNT_MEMBERS = ("quantity", "level")


def recount_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of posts that wait to be counted, and of what else a need could ask."""
    recounts = _Recounts(board)
    return [
        Endpoint("GET", f"{PREFIX}/recounts", recounts.list, READ),
        Endpoint("POST", f"{PREFIX}/recounts/{{id}}", recounts.open, WRITE),
        Endpoint("GET", f"{PREFIX}/needs/{{id}}/alternatives", recounts.alternatives, READ),
    ]


@value
class _Recounts:
    board: Board

    async def list(self, request: web.Request) -> web.Response:
        """List what was ended and waits for a person's count."""
        return answer_list(request, [begun.as_json() for begun in self.board.keeper.anew.waiting()], None)

    async def open(self, request: web.Request) -> web.Response:
        """Begin a post anew with what a person has counted or confirmed; nothing is posted where nothing is left."""
        said = Fields(await read_object(request, RECOUNT_MEMBERS))
        quantity, level = said.quantity_or_none("quantity"), said.text_or_none("level")
        new = await self.board.keeper.anew.open(request.match_info["id"], quantity, level)
        if new is None:
            return answer(request, {"post": None})
        view = await self.board.posts.get(new)
        location = f"{PREFIX}/{view.kind}s/{view.id}"
        return answer(request, view.as_json(), status=201, version=view.etag.strip('"'), headers={"Location": location})

    async def alternatives(self, request: web.Request) -> web.Response:
        """List offers that a need could ask now."""
        found = await self.board.elsewhere.offers(request.match_info["id"])
        return answer_list(request, [view.as_json() for view in found], None)
