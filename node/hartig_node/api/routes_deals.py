"""Deals: who asks, who promises, what is handed over, what arrives; the accounts of needs and offers; open shelves.

In: the board. Out: endpoints. Every POST answers with what stands afterwards: a deal, or the account of a post. What
nobody may say any more is a problem with the `rule` that stops it, and a hint that says what would be allowed. Most can
be said twice and count once, because the deal says what was meant; what names no deal (a count, a handover to whoever
came, something set aside) is what `Idempotency-Key` is for. Who calls: `app`.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer, answer_list
from hartig_node.api.endpoints import PREFIX, READ, WRITE, Endpoint, Repeat
from hartig_node.api.reading import Fields, check_choice, read_limit, read_object
from hartig_node.board.board import Board
from hartig_node.board.deals.reading import LIMIT_MAX, ROLES
from hartig_node.board.deals.views import BookView, DealView
from hartig_node.board.drafts.drafts import DRAFT_FIELDS
from hartig_protocol.values import value

# What can be done with a deal, by the last part of its address; and the members that each takes.
ACTIONS: dict[str, tuple[str, ...]] = {
    "cancel": (),
    "receive": ("how", "quantity"),
    "give-back": ("quantity",),
    "promise": ("quantity",),
    "decline": (),
    "release": ("why",),
    "hand-over": ("quantity",),
    "returned": ("quantity",),
}
# Said again, these say nothing more, whatever else was said meanwhile: a deal is cancelled once, and arrives once.
_SAFE = frozenset({"cancel", "receive"})
CLAIM_MEMBERS = ("lot", "quantity", "date", "lot_date")
COUNT_MEMBERS = ("quantity", "why", "dates")
HANDOVER_MEMBERS = ("quantity", "date")
ALLOTMENT_MEMBERS = ("hub", "quantity", "date")
SURRENDER_MEMBERS = ("quantity", "date")


def deal_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of deals, accounts, and what was set aside."""
    deals, accounts, aside = _Deals(board), _Accounts(board), _SetAside(board)
    return [
        Endpoint("GET", f"{PREFIX}/deals", deals.list, READ, ("role", "state", "cursor", "limit")),
        Endpoint("GET", f"{PREFIX}/deals/{{id}}", deals.get, READ),
        Endpoint("GET", f"{PREFIX}/deals/{{id}}/contact", deals.contact, READ, ("role",)),
        Endpoint("POST", f"{PREFIX}/needs/{{id}}/claims", deals.ask, WRITE),
        *(_action_endpoint(deals, action) for action in ACTIONS),
        Endpoint("GET", f"{PREFIX}/posts/{{id}}/book", accounts.get, READ),
        Endpoint("POST", f"{PREFIX}/posts/{{id}}/counts", accounts.count, WRITE),
        Endpoint("POST", f"{PREFIX}/posts/{{id}}/close", accounts.close, WRITE, repeat=Repeat.SAFE),
        Endpoint("POST", f"{PREFIX}/posts/{{id}}/low", accounts.mark_low, WRITE),
        Endpoint("POST", f"{PREFIX}/offers/{{id}}/handovers", accounts.hand_over, WRITE),
        Endpoint("POST", f"{PREFIX}/offers/{{id}}/allotments", aside.set_aside, WRITE),
        Endpoint("POST", f"{PREFIX}/offers/{{id}}/surrenders", aside.surrender, WRITE),
        Endpoint("GET", f"{PREFIX}/allotments", aside.list, READ, ("cursor", "limit")),
        Endpoint("POST", f"{PREFIX}/allotments/{{id}}/accept", aside.accept, WRITE),
    ]


def _action_endpoint(deals: "_Deals", action: str) -> Endpoint:
    repeat = Repeat.SAFE if action in _SAFE else Repeat.TWICE
    return Endpoint("POST", f"{PREFIX}/deals/{{id}}/{action}", deals.doing(action), WRITE, repeat=repeat)


def _id(request: web.Request) -> str:
    return request.match_info["id"]


@value
class _Deals:
    board: Board

    async def list(self, request: web.Request) -> web.Response:
        """List the deals of this hub's posts."""
        query, limit = request.query, read_limit(request, LIMIT_MAX)
        page = await self.board.deals.deals(query.get("role"), query.get("state"), limit, query.get("cursor"))
        return answer_list(request, [view.as_json() for view in page.items], page.cursor)

    async def get(self, request: web.Request) -> web.Response:
        """Return one deal."""
        return answer(request, (await self.board.deals.deal(_id(request))).as_json())

    async def contact(self, request: web.Request) -> web.Response:
        """Say how to reach the people on the other side of a deal; nobody but the two hubs can read it."""
        role = request.query.get("role")
        if role is not None:
            check_choice("role", role, ROLES)
        view = await self.board.deals.deal(_id(request))
        contact = await self.board.contacts.contact_of(bytes.fromhex(view.id), role)
        return answer(request, {"deal": view.id, "contact": contact}, cache=NO_STORE)

    async def ask(self, request: web.Request) -> web.Response:
        """Ask an offer for what a need of this hub is about."""
        fields = Fields(await read_object(request, CLAIM_MEMBERS))
        view = await self.board.deals.ask(
            _id(request),
            fields.text("lot"),
            fields.quantity_or_none("quantity"),
            fields.text_or_none("date"),
            fields.text_or_none("lot_date"),
        )
        return answer(request, view.as_json(), status=201, headers={"Location": f"{PREFIX}/deals/{view.id}"})

    def doing(self, action: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return the handler of one action."""

        async def handle(request: web.Request) -> web.Response:
            fields = Fields(await read_object(request, ACTIONS[action], optional=True))
            return answer(request, (await self._do(action, _id(request), fields)).as_json())

        return handle

    async def _do(self, action: str, claim: str, fields: Fields) -> DealView | BookView:
        deals, quantity = self.board.deals, fields.quantity_or_none("quantity")
        match action:
            case "cancel":
                return await deals.cancel(claim)
            case "receive":
                return await deals.receive(claim, fields.text("how", "ok"), quantity)
            case "give-back":
                return await deals.give_back(claim, quantity)
            case "promise":
                return await deals.promise(claim, quantity)
            case "decline":
                return await deals.decline(claim)
            case "release":
                return await deals.release(claim, fields.text("why", "cancelled"))
            case "hand-over":
                return await deals.hand_over(claim, quantity)
            case _:
                return await deals.returned(claim, quantity)


@value
class _Accounts:
    board: Board

    async def get(self, request: web.Request) -> web.Response:
        """Return the account of a need or an offer."""
        return _account(request, await self.board.deals.book_view(_id(request)))

    async def count(self, request: web.Request) -> web.Response:
        """Count what is there, or say how much is needed."""
        fields = Fields(await read_object(request, COUNT_MEMBERS))
        quantity, why = fields.quantity("quantity"), fields.text_or_none("why")
        view = await self.board.deals.count(_id(request), quantity, why, fields.texts_or_none("dates"))
        return _account(request, view, 201)

    async def hand_over(self, request: web.Request) -> web.Response:
        """Hand something over to whoever came, without a deal."""
        fields = Fields(await read_object(request, HANDOVER_MEMBERS))
        quantity, date = fields.quantity("quantity"), fields.text_or_none("date")
        view = await self.board.deals.hand_over(None, quantity, _id(request), date)
        assert isinstance(view, BookView), "without a deal the answer is the account"
        return _account(request, view, 201)

    async def close(self, request: web.Request) -> web.Response:
        """End an account in good order."""
        await read_object(request, (), optional=True)
        return _account(request, await self.board.deals.close(_id(request)))

    async def mark_low(self, request: web.Request) -> web.Response:
        """Say that an open shelf of any hub is nearly empty."""
        await read_object(request, (), optional=True)
        view = await self.board.shelves.mark_low(_id(request))
        return answer(request, view.as_json(), version=view.etag.strip('"'))


@value
class _SetAside:
    board: Board

    async def list(self, request: web.Request) -> web.Response:
        """List what other hubs set aside for this one."""
        limit = read_limit(request, LIMIT_MAX)
        page = await self.board.deals.set_aside_for_us(limit, request.query.get("cursor"))
        return answer_list(request, [view.as_json() for view in page.items], page.cursor)

    async def set_aside(self, request: web.Request) -> web.Response:
        """Set stock of an offer aside for another hub."""
        fields = Fields(await read_object(request, ALLOTMENT_MEMBERS))
        hub, quantity, date = fields.text("hub"), fields.quantity("quantity"), fields.text_or_none("date")
        return _account(request, await self.board.deals.set_aside(_id(request), hub, quantity, date), 201)

    async def surrender(self, request: web.Request) -> web.Response:
        """Give stock back to the hub that had set it aside."""
        fields = Fields(await read_object(request, SURRENDER_MEMBERS, optional=True))
        quantity, date = fields.quantity_or_none("quantity"), fields.text_or_none("date")
        return _account(request, await self.board.deals.surrender(_id(request), quantity, date), 201)

    async def accept(self, request: web.Request) -> web.Response:
        """Make an offer of what was set aside for this hub."""
        overrides = await read_object(request, DRAFT_FIELDS, optional=True)
        view = await self.board.deals.accept(_id(request), overrides)
        return _account(request, view, 201, {"Location": f"{PREFIX}/offers/{view.post.id}"})


def _account(
    request: web.Request, view: BookView, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Answer with an account; what was written in it is found there."""
    if status == 201 and headers is None:
        headers = {"Location": f"{PREFIX}/posts/{view.post.id}/book"}
    return answer(request, view.as_json(), status=status, headers=headers)
