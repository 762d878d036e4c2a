"""Partner networks: what is agreed with them and shared, who asks to be one, what they suggest.

In: the board. Out: endpoints. Every change can be tried first (`preview`). This hub signs with its own key; what was
signed with another comes as `record`, and `signer` says beforehand whose word it will be. Who calls: `app`.
"""

from typing import Any

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer, answer_list
from hartig_node.api.endpoints import ADMIN, PREFIX, READ, WRITE, Endpoint
from hartig_node.api.guard import ASKER
from hartig_node.api.reading import Fields, check_choice, pointer, read_limit, read_object
from hartig_node.api.routes_moderation import who_asks
from hartig_node.api.routes_records import read_wire
from hartig_node.board.belonging.people import key_of
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.paging import LIMIT_MAX
from hartig_node.board.partners.agreed import Agreement
from hartig_node.board.partners.foreign import network_of
from hartig_node.board.partners.partners import SHARED_STATES, Change
from hartig_node.board.partners.saying import Hand
from hartig_node.board.times import rfc3339
from hartig_protocol.limits import RECORD_ID_BYTES
from hartig_protocol.values import value

TERMS_MEMBERS = ("kinds", "categories", "areas", "retention_days")
HAND_MEMBERS = ("preview", "signer", "record")
CHANGE_MEMBERS = (*TERMS_MEMBERS, "days", *HAND_MEMBERS)
PROPOSE_MEMBERS = ("code", *CHANGE_MEMBERS)
TAKE_MEMBERS = ("flag",)


def partner_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of partner networks; words go before ids."""
    routes, base = _Partners(board), f"{PREFIX}/partners"
    one, suggestion = f"{base}/{{id}}", f"{base}/suggestions/{{id}}"
    return [
        Endpoint("GET", base, routes.list, READ),
        Endpoint("POST", base, routes.propose, ADMIN),
        Endpoint("GET", f"{base}/code", routes.code, READ),
        Endpoint("GET", f"{base}/proposals", routes.proposals, READ),
        Endpoint("DELETE", f"{base}/proposals/{{id}}", routes.dismiss, ADMIN),
        Endpoint("GET", f"{base}/suggestions", routes.suggestions, READ),
        Endpoint("POST", f"{suggestion}/take", routes.take, WRITE),
        Endpoint("POST", f"{suggestion}/leave", routes.leave_suggestion, WRITE),
        Endpoint("GET", one, routes.get, READ),
        Endpoint("GET", f"{one}/shared", routes.shared, READ, ("state", "limit", "cursor")),
        Endpoint("POST", f"{one}/accept", routes.accept, ADMIN),
        Endpoint("POST", f"{one}/change", routes.change, ADMIN),
        Endpoint("POST", f"{one}/leave", routes.leave, ADMIN),
    ]


@value
class _Partners:
    board: Board

    # --- Looking

    async def list(self, request: web.Request) -> web.Response:
        """List the partner networks, and which of our hubs speak with them."""
        agreements = await self.board.partners.list()
        names = self.board.people.census.names
        speakers = [{"hub": key.hex(), "hub_name": names.get(key)} for key in self.board.partners.speakers()]
        items = [await self._json(one) for one in agreements]
        return answer(request, {"items": items, "next": None, "speakers": speakers})

    async def get(self, request: web.Request) -> web.Response:
        """Give one, with how many of our posts it gets, and how many it does not, by why."""
        network = _network(request)
        agreement = await self.board.partners.get(network)
        counts = await self.board.partners.crossing(network).counts(self.board.partners.own_pact(network))
        return answer(request, {**await self._json(agreement), "posts": counts})

    async def _json(self, one: Agreement) -> dict[str, Any]:
        """Return an agreement as people and programs read it."""
        names = self.board.people.census.names
        theirs = await self.board.context.cards.names(one.network)
        short = [
            {"hub": hub.hex(), "hub_name": theirs.get(hub), "missing": missing}
            for hub, missing in sorted(one.short.items())
        ]
        return {
            "id": one.network.hex(),
            "name": one.name or None,
            "state": one.state,
            "ours": one.ours.as_json(names),
            "theirs": None if one.theirs is None else one.theirs.as_json(theirs),
            "links": one.links,
            "speakers": one.speakers,
            "short": short,
            "heard_at": None if one.heard_ms is None else rfc3339(one.heard_ms),
        }

    async def shared(self, request: web.Request) -> web.Response:
        """List which of our posts a network gets, or does not get and why."""
        network, partners = _network(request), self.board.partners
        state = request.query.get("state", SHARED_STATES[0])
        check_choice("state", state, SHARED_STATES)
        crossing, limit = partners.crossing(network), read_limit(request, LIMIT_MAX)
        page = await crossing.page(partners.own_pact(network), state, request.query.get("cursor"), limit)
        items = [{**crossing.json(one), "kept": why} for one, why in page.items]
        return answer_list(request, items, page.cursor)

    async def code(self, request: web.Request) -> web.Response:
        """Give the code that another network's organisers need."""
        code = await self.board.partners.code()
        hubs = [one.as_json() for one in code.speakers]
        return answer(request, {"code": code.text, "id": code.network.hex(), "name": code.name, "hubs": hubs})

    # --- Changing

    async def propose(self, request: web.Request) -> web.Response:
        """Ask another network to be our partner."""
        members = await read_object(request, PROPOSE_MEMBERS)
        fields, preview = Fields(members), _is_preview(members)
        change = await self.board.partners.propose(
            fields.text("code"), _wishes(members), fields.number_or_none("days"), hand=_hand(members), preview=preview
        )
        return self._changed(request, change, preview=preview, status=201)

    async def accept(self, request: web.Request) -> web.Response:
        """Say yes to a network that asks."""
        return await self._change(request, self.board.partners.accept)

    async def change(self, request: web.Request) -> web.Response:
        """Change what our side shares, or until when."""
        return await self._change(request, self.board.partners.change)

    async def _change(self, request: web.Request, act: Any) -> web.Response:
        members = await read_object(request, CHANGE_MEMBERS, optional=True)
        fields, preview = Fields(members), _is_preview(members)
        days, hand = fields.number_or_none("days"), _hand(members)
        change = await act(_network(request), _wishes(members), days, hand=hand, preview=preview)
        return self._changed(request, change, preview=preview)

    async def leave(self, request: web.Request) -> web.Response:
        """End our side of an agreement."""
        members = await read_object(request, HAND_MEMBERS, optional=True)
        preview = _is_preview(members)
        change = await self.board.partners.leave(_network(request), hand=_hand(members), preview=preview)
        return self._changed(request, change, preview=preview)

    def _changed(self, request: web.Request, change: Change, *, preview: bool, status: int = 200) -> web.Response:
        said = change.as_json(self.board.partners.crossing(change.network))
        headers = {"Location": f"{PREFIX}/partners/{change.network.hex()}"} if status == 201 and not preview else {}
        return answer(request, said, status=200 if preview else status, cache=NO_STORE, headers=headers)

    # --- What others ask and suggest

    async def proposals(self, request: web.Request) -> web.Response:
        """List the networks that ask to be our partner."""
        items = [one.as_json() for one in await self.board.partners.proposals.list()]
        return answer_list(request, items, None)

    async def dismiss(self, request: web.Request) -> web.Response:
        """Say no to one of them."""
        await self.board.partners.proposals.dismiss(_network(request))
        return web.Response(status=204)

    async def suggestions(self, request: web.Request) -> web.Response:
        """List whom partner networks have removed, and the posts that they flag, as far as nobody here has looked."""
        items = [one.as_json() for one in await self.board.partners.suggestions.list()]
        return answer_list(request, items, None)

    async def take(self, request: web.Request) -> web.Response:
        """Hide at this hub that post, or whatever that key posts; or flag it for all our hubs to read."""
        members = await read_object(request, TAKE_MEMBERS, optional=True)
        is_shared = Fields(members).flag("flag", default=False)
        who = await who_asks(self.board, request[ASKER])
        await self.board.partners.suggestions.take(_record(request), who, is_shared=is_shared)
        return web.Response(status=204)

    async def leave_suggestion(self, request: web.Request) -> web.Response:
        """Do nothing about it."""
        await self.board.partners.suggestions.leave(_record(request))
        return web.Response(status=204)


def _network(request: web.Request) -> bytes:
    try:
        return network_of(request.match_info["id"])
    except BoardError as error:
        raise BoardError("not_found", error.detail, error.hint) from error


def _record(request: web.Request) -> bytes:
    try:
        record = bytes.fromhex(request.match_info["id"])
    except ValueError:
        record = b""
    if len(record) != RECORD_ID_BYTES:
        raise BoardError("not_found", "nothing of this kind is suggested", "the list shows what is")
    return record


def _is_preview(members: dict[str, Any]) -> bool:
    return Fields(members).flag("preview", default=False)


def _wishes(members: dict[str, Any]) -> dict[str, Any]:
    fields = Fields(members)
    lists = {name: fields.texts_or_none(name) for name in ("kinds", "categories", "areas")}
    return {**lists, "retention_days": fields.whole_or_none("retention_days")}


def _hand(members: dict[str, Any]) -> Hand:
    """Return whose hand signs; `signer` and `record` together make no sense."""
    record, signer = members.get("record"), Fields(members).text_or_none("signer")
    if record is None:
        return Hand(None if signer is None else key_of(signer, pointer("signer")))
    if not isinstance(record, dict) or set(record) - {"head", "signature"} or signer is not None:
        hint = "send head and signature, and no signer beside it"
        raise BoardError("bad_request", "this is no record", hint, pointer("record"))
    return Hand(wire=read_wire(record, pointer("record")))
