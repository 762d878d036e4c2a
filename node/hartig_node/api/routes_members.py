"""Who belongs: the network's rules, people and hubs, and what waits for a proof.

In: the board. Out: endpoints. Granting, renewing and removing are this hub's own word, signed with its key; records
that were signed with another key come by `POST /records`. Who calls: `app`.
"""

from dataclasses import dataclass

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer, answer_list
from hartig_node.api.endpoints import ADMIN, PREFIX, READ, Endpoint
from hartig_node.api.reading import Fields, pointer, read_limit, read_object
from hartig_node.board.belonging.people import PAGE_MAX, key_of
from hartig_node.board.belonging.waiting import waiting_json
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError

GRANT_MEMBERS = ("key", "rank", "places", "invites", "days")
RENEW_MEMBERS = ("days",)
REMOVE_MEMBERS = ("keep", "successor")
STATES = ("standing", "all")


def member_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of the network, of its people and hubs, and of what waits."""
    routes, one = _Members(board), f"{PREFIX}/members/{{key}}"
    return [
        Endpoint("GET", f"{PREFIX}/network", routes.network, READ),
        Endpoint("GET", f"{PREFIX}/waiting", routes.waiting, ADMIN),
        Endpoint("GET", f"{PREFIX}/members", routes.list, READ, ("state", "limit", "cursor")),
        Endpoint("POST", f"{PREFIX}/members", routes.grant, ADMIN),
        Endpoint("GET", one, routes.get, READ),
        Endpoint("POST", f"{one}/renew", routes.renew, ADMIN),
        Endpoint("POST", f"{one}/end", routes.end, ADMIN),
        Endpoint("POST", f"{one}/remove", routes.remove, ADMIN),
    ]


@dataclass(frozen=True, slots=True)
class _Members:
    board: Board

    async def network(self, request: web.Request) -> web.Response:
        """Give the rules of the network, and other versions of them."""
        return answer(request, self.board.rules.view())

    async def waiting(self, request: web.Request) -> web.Response:
        """Say what is here and waits for something, by the neighbour that sent it."""
        return answer(request, waiting_json(self.board.context), cache=NO_STORE)

    async def list(self, request: web.Request) -> web.Response:
        """List who belongs, whoever was invited below who invited."""
        state = request.query.get("state", STATES[0])
        if state not in STATES:
            hint = f"send {' or '.join(STATES)}"
            raise BoardError("bad_request", f"there is no state {state[:20]!r} of members", hint, pointer("state"))
        limit, cursor = read_limit(request, PAGE_MAX), request.query.get("cursor")
        people, following = self.board.people.page(limit, cursor, also_former=state == "all")
        return answer_list(request, [one.as_json() for one in people], following)

    async def get(self, request: web.Request) -> web.Response:
        """Give one with whom it invited, and who rests on it."""
        people = self.board.people
        return answer(request, people.details(people.get(_key(request))))

    async def grant(self, request: web.Request) -> web.Response:
        """Let a key belong."""
        fields = Fields(await read_object(request, GRANT_MEMBERS))
        person = await self.board.changing.grant(
            key_of(fields.text("key")),
            fields.text("rank", "hub"),
            fields.whole_or_none("places"),
            fields.whole_or_none("invites"),
            fields.number_or_none("days"),
        )
        headers = {"Location": f"{PREFIX}/members/{person.key.hex()}"}
        return answer(request, person.as_json(), status=201, headers=headers)

    async def renew(self, request: web.Request) -> web.Response:
        """Let a membership that this hub gave last longer."""
        fields = Fields(await read_object(request, RENEW_MEMBERS, optional=True))
        person = await self.board.changing.renew(_key(request), fields.number_or_none("days"))
        return answer(request, person.as_json())

    async def end(self, request: web.Request) -> web.Response:
        """Take back a membership that this hub gave."""
        await read_object(request, (), optional=True)
        return answer(request, (await self.board.changing.end(_key(request))).as_json())

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a key from the network."""
        fields = Fields(await read_object(request, REMOVE_MEMBERS, optional=True))
        keep = [key_of(one, pointer("keep", at)) for at, one in enumerate(fields.texts("keep", []))]
        successor = fields.text_or_none("successor")
        named = None if successor is None else key_of(successor, pointer("successor"))
        removal = await self.board.changing.remove(_key(request), keep, named)
        return answer(request, removal.as_json())


def _key(request: web.Request) -> bytes:
    try:
        return key_of(request.match_info["key"])
    except BoardError as error:
        raise BoardError("not_found", error.detail, error.hint) from error
