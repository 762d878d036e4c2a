"""Who belongs: the network's rules, people and hubs, and what waits for a proof.

In: the board. Out: endpoints. Granting, renewing and removing are this hub's own word, signed with its key; records
that were signed with another key come by `POST /records`. Who calls: `app`.
"""

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer, answer_list
from hartig_node.api.endpoints import ADMIN, PREFIX, READ, Endpoint
from hartig_node.api.reading import Fields, pointer, read_limit, read_object
from hartig_node.board.belonging.looking import PAGE_MAX
from hartig_node.board.belonging.people import key_of
from hartig_node.board.belonging.waiting import waiting_json
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError
from hartig_protocol.limits import SUCCESSIONS_MAX
from hartig_protocol.values import value

GRANT_MEMBERS = ("key", "rank", "places", "invites", "days", "gateway")
RENEW_MEMBERS = ("days", "gateway")
REMOVE_MEMBERS = ("keep", "successor", "returns", "preview")
LABEL_MEMBERS = ("name",)
WITHOUT_MAX = 1 + SUCCESSIONS_MAX  # keys of one question: somebody's, and all that it goes on for
STATES = ("standing", "all")


def member_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of the network, of its people and hubs, and of what waits."""
    routes, one = _Members(board), f"{PREFIX}/members/{{key}}"
    return [
        Endpoint("GET", f"{PREFIX}/network", routes.network, READ),
        Endpoint("GET", f"{PREFIX}/network/without", routes.without, READ, ("keys", "record")),
        Endpoint("GET", f"{PREFIX}/waiting", routes.waiting, ADMIN),
        Endpoint("GET", f"{PREFIX}/members", routes.list, READ, ("state", "limit", "cursor")),
        Endpoint("POST", f"{PREFIX}/members", routes.grant, ADMIN),
        Endpoint("GET", one, routes.get, READ),
        Endpoint("POST", f"{one}/renew", routes.renew, ADMIN),
        Endpoint("POST", f"{one}/end", routes.end, ADMIN),
        Endpoint("POST", f"{one}/remove", routes.remove, ADMIN),
        Endpoint("POST", f"{one}/label", routes.label, ADMIN),
    ]


@value
class _Members:
    board: Board

    async def network(self, request: web.Request) -> web.Response:
        """Give the rules of the network, and other versions of them."""
        return answer(request, self.board.rules.view())

    async def without(self, request: web.Request) -> web.Response:
        """Say what would follow if some did not belong any more, nor anybody by one grant."""
        grant = request.query.get("record")
        texts = request.query.get("keys", "").split(",") if grant is None or "keys" in request.query else []
        if len(texts) > WITHOUT_MAX:
            raise BoardError("bad_request", f"{len(texts)} keys are too many", f"name up to {WITHOUT_MAX}", "/keys")
        keys = {key_of(one, pointer("keys")) for one in texts}
        grants = () if grant is None else (_grant_of(grant),)
        return answer(request, self.board.people.without_json(keys, grants), cache=NO_STORE)

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
            gateway=fields.flag_or_none("gateway"),
        )
        headers = {"Location": f"{PREFIX}/members/{person.key.hex()}"}
        return answer(request, person.as_json(), status=201, headers=headers)

    async def renew(self, request: web.Request) -> web.Response:
        """Let a membership that this hub gave last longer."""
        fields = Fields(await read_object(request, RENEW_MEMBERS, optional=True))
        gateway = fields.flag_or_none("gateway")
        person = await self.board.changing.renew(_key(request), fields.number_or_none("days"), gateway=gateway)
        return answer(request, person.as_json())

    async def end(self, request: web.Request) -> web.Response:
        """Take back a membership that this hub gave."""
        await read_object(request, (), optional=True)
        return answer(request, (await self.board.changing.end(_key(request))).as_json())

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a key from the network, or say what that would do."""
        fields = Fields(await read_object(request, REMOVE_MEMBERS, optional=True))
        keep, returns = (_keys(fields, name) for name in ("keep", "returns"))
        successor = fields.text_or_none("successor")
        named = None if successor is None else key_of(successor, pointer("successor"))
        preview = fields.flag("preview", default=False)
        removal = await self.board.changing.remove(_key(request), keep, named, returns, preview=preview)
        return answer(request, removal.as_json())

    async def label(self, request: web.Request) -> web.Response:
        """Call somebody so on this hub."""
        name = Fields(await read_object(request, LABEL_MEMBERS)).text("name")
        return answer(request, (await self.board.labels.put(_key(request), name)).as_json())


def _keys(fields: Fields, name: str) -> list[bytes]:
    return [key_of(one, pointer(name, at)) for at, one in enumerate(fields.texts(name, []))]


def _key(request: web.Request) -> bytes:
    try:
        return key_of(request.match_info["key"])
    except BoardError as error:
        raise BoardError("not_found", error.detail, error.hint) from error


def _grant_of(text: str) -> bytes:
    """Read the id of a grant; raises `BoardError`."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        hint = "send the `record` of one whom somebody `invited`, 64 hexadecimal digits"
        raise BoardError("bad_request", f"{text[:70]!r} is no record", hint, pointer("record")) from None
