"""What whoever runs the hub asks for: status, peers, invites, tokens.

In: the board. Out: endpoints. The link of an invite and the secret of a token are in the answer that makes them and
nowhere else. Who calls: `app`.
"""

import base64
import io
from collections.abc import Sequence
from typing import Any, TypeVar

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer
from hartig_node.api.endpoints import ADMIN, PREFIX, READ, Endpoint, Repeat
from hartig_node.api.reading import Fields, read_object
from hartig_node.board.belonging.invites import InviteView
from hartig_node.board.belonging.tokens import TokenView
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError
from hartig_node.board.times import rfc3339
from hartig_protocol.values import value

INVITE_MEMBERS = ("uses", "days", "addresses", "pass_on", "label", "picture")
INVITE_DAYS_DEFAULT = 7.0
PICTURES = ("", "svg", "png")
TOKEN_MEMBERS = ("name", "scopes", "days")
View = TypeVar("View", InviteView, TokenView)


def admin_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of status, peers, invites and tokens."""
    status, invites, tokens = _Status(board), _Invites(board), _Tokens(board)
    return [
        Endpoint("GET", f"{PREFIX}/status", status.status, READ),
        Endpoint("GET", f"{PREFIX}/peers", status.peers, READ),
        Endpoint("GET", f"{PREFIX}/invites", invites.list, ADMIN),
        Endpoint("POST", f"{PREFIX}/invites", invites.create, ADMIN, repeat=Repeat.SECRET),
        Endpoint("GET", f"{PREFIX}/invites/{{id}}", invites.get, ADMIN),
        Endpoint("DELETE", f"{PREFIX}/invites/{{id}}", invites.revoke, ADMIN),
        Endpoint("GET", f"{PREFIX}/tokens", tokens.list, ADMIN),
        Endpoint("POST", f"{PREFIX}/tokens", tokens.add, ADMIN, repeat=Repeat.SECRET),
        Endpoint("GET", f"{PREFIX}/tokens/{{id}}", tokens.get, ADMIN),
        Endpoint("DELETE", f"{PREFIX}/tokens/{{id}}", tokens.revoke, ADMIN),
    ]


@value
class _Status:
    board: Board

    async def status(self, request: web.Request) -> web.Response:
        """Say how the hub is, and what is wrong."""
        return answer(request, await self.board.status.report(), cache=NO_STORE)

    async def peers(self, request: web.Request) -> web.Response:
        """List the nodes that this one knows, with why there is no link where there is none."""
        return _list(request, self.board.status.peers())


@value
class _Invites:
    board: Board

    async def list(self, request: web.Request) -> web.Response:
        """List the invites that can still be used."""
        return _list(request, [invite_json(view) for view in await self.board.invites.list()])

    async def create(self, request: web.Request) -> web.Response:
        """Make an invite; its link is shown this once."""
        fields = Fields(await read_object(request, INVITE_MEMBERS, optional=True))
        picture = fields.text("picture", "")
        if picture not in PICTURES:
            raise BoardError("bad_request", "picture is svg or png", "", "/picture")
        view = await self.board.invites.create(
            uses=fields.whole("uses", 1),
            days=fields.number("days", INVITE_DAYS_DEFAULT),
            addresses=fields.texts("addresses", []),
            pass_on=fields.whole_or_none("pass_on"),
            label=fields.text("label", ""),
        )
        drawn = {f"picture_{picture}": drawing(view.link or "", picture)} if picture else {}
        return _created(request, invite_json(view) | drawn, f"{PREFIX}/invites/{view.id}")

    async def get(self, request: web.Request) -> web.Response:
        """Return one invite, without its link."""
        view = _find(await self.board.invites.list(), request.match_info["id"], "invite")
        return answer(request, invite_json(view), cache=NO_STORE)

    async def revoke(self, request: web.Request) -> web.Response:
        """Make an invite worthless."""
        await self.board.invites.revoke(request.match_info["id"])
        return _gone()


@value
class _Tokens:
    board: Board

    async def list(self, request: web.Request) -> web.Response:
        """List the tokens, without their secrets."""
        return _list(request, [token_json(view) for view in await self.board.tokens.list()])

    async def add(self, request: web.Request) -> web.Response:
        """Make a token; its secret is shown this once."""
        fields = Fields(await read_object(request, TOKEN_MEMBERS))
        scopes = fields.texts("scopes", [READ])
        view, secret = await self.board.tokens.add(fields.text("name"), scopes, fields.number_or_none("days"))
        return _created(request, {**token_json(view), "token": secret}, f"{PREFIX}/tokens/{view.id}")

    async def get(self, request: web.Request) -> web.Response:
        """Return one token, without its secret."""
        view = _find(await self.board.tokens.list(), request.match_info["id"], "token")
        return answer(request, token_json(view), cache=NO_STORE)

    async def revoke(self, request: web.Request) -> web.Response:
        """Make a token worthless."""
        await self.board.tokens.revoke(request.match_info["id"])
        return _gone()


def invite_json(view: InviteView) -> dict[str, Any]:
    """Return an invite as the API gives it."""
    data = {
        "id": view.id,
        "label": view.label,
        "rank": "hub",
        "uses": view.uses,
        "uses_left": view.uses_left,
        "pass_on": view.pass_on,
        "expires_at": rfc3339(view.expires_ms),
    }
    return data if view.link is None else {**data, "link": view.link}


def drawing(link: str, kind: str) -> str:
    """Return a link as a QR code: SVG as text, PNG in base64."""
    import segno

    picture = io.BytesIO()
    segno.make(link, error="l", micro=False).save(picture, kind=kind, scale=4, border=4)
    return base64.b64encode(picture.getvalue()).decode() if kind == "png" else picture.getvalue().decode()


def token_json(view: TokenView) -> dict[str, Any]:
    """Return a token as the API gives it."""
    return {
        "id": view.id,
        "name": view.name,
        "scopes": list(view.scopes),
        "created_at": rfc3339(view.created_ms),
        "expires_at": None if view.expires_ms is None else rfc3339(view.expires_ms),
    }


def _find(views: Sequence[View], wanted: str, what: str) -> View:
    for view in views:
        if view.id == wanted:
            return view
    raise BoardError("not_found", f"there is no {what} {wanted[:40]!r}", f"list them: GET {PREFIX}/{what}s")


def _list(request: web.Request, items: list[dict[str, Any]]) -> web.Response:
    return answer(request, {"items": items, "next": None}, cache=NO_STORE)


def _created(request: web.Request, data: dict[str, Any], location: str) -> web.Response:
    return answer(request, data, status=201, cache=NO_STORE, headers={"Location": location})


def _gone() -> web.Response:
    return web.Response(status=204, headers={"Cache-Control": NO_STORE})
