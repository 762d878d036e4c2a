"""What time this hub thinks it is, and a person's word on it.

In: the board. Out: endpoints. Who calls: `app`.
"""

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer
from hartig_node.api.endpoints import ADMIN, PREFIX, READ, Endpoint
from hartig_node.api.reading import Fields, read_object
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError
from hartig_node.board.times import parse_rfc3339
from hartig_protocol.values import value


def clock_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of the clock."""
    clock = _Clock(board)
    return [
        Endpoint("GET", f"{PREFIX}/clock", clock.get, READ),
        Endpoint("POST", f"{PREFIX}/clock", clock.confirm, ADMIN),
    ]


@value
class _Clock:
    board: Board

    async def get(self, request: web.Request) -> web.Response:
        """Say what time it is, and who vouches for it."""
        return answer(request, self.board.timekeeper.report(), cache=NO_STORE)

    async def confirm(self, request: web.Request) -> web.Response:
        """Take a person's word that the time shown is right, or that `now` is the time."""
        fields = Fields(await read_object(request, ("now",), optional=True))
        text = fields.text("now", "")
        report = await self.board.timekeeper.confirm(_moment(text) if text else None)
        return answer(request, report, cache=NO_STORE)


def _moment(text: str) -> int:
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError) as error:
        hint = "send one such as 2026-11-22T18:00:00Z"
        raise BoardError("bad_request", "now is not a time", hint, "/now") from error
