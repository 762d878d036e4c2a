"""Flags, which all hubs read; and what this hub alone hides: posts, and all posts of hubs that it mutes.

In: the board. Out: endpoints. What is said again is said anew, so nothing happens twice. Who calls: `app`.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hartig_node.api.answers import answer, answer_list
from hartig_node.api.endpoints import PREFIX, READ, WRITE, Endpoint, Repeat
from hartig_node.api.guard import ASKER
from hartig_node.api.reading import Fields, check_choice, read_limit, read_object
from hartig_node.api.routes_posts import YES_OR_NO
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError
from hartig_node.board.moderation.hiding import HUB, POST, Hidden
from hartig_node.board.moderation.paging import LIMIT_MAX
from hartig_protocol.values import value

FLAG_MEMBERS = ("id", "why", "text")
HIDE_MEMBERS = ("id", "note")


def moderation_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of flags, and of what is hidden and muted here."""
    flags, base = _Flags(board), f"{PREFIX}/flags"
    endpoints = [
        Endpoint("GET", base, flags.list, READ, ("about", "mine", "cursor", "limit")),
        Endpoint("POST", base, flags.flag, WRITE, repeat=Repeat.SAFE),
        Endpoint("DELETE", f"{base}/{{id}}", flags.take_back, WRITE),
    ]
    for space in (POST, HUB):
        hidden, base = _Hidden(board, space), f"{PREFIX}/{space}"
        endpoints += [
            Endpoint("GET", base, hidden.list, READ, ("cursor", "limit")),
            Endpoint("POST", base, hidden.hide, WRITE, repeat=Repeat.SAFE),
            Endpoint("DELETE", f"{base}/{{id}}", hidden.show, WRITE),
        ]
    return endpoints


async def who_asks(board: Board, asker: str) -> str:
    """Return who hides something, as people read it: what a program is called, else the hub's own user."""
    names = {f"token {one.id}": one.name for one in await board.tokens.list()}
    return names.get(asker, "the hub's command line")


def _made(request: web.Request, data: Mapping[str, Any]) -> web.Response:
    return answer(request, data, status=201, headers={"Location": f"{request.path}/{data['id']}"})


@value
class _Flags:
    board: Board

    async def list(self, request: web.Request) -> web.Response:
        """List flags, the newest first."""
        query, limit = request.query, read_limit(request, LIMIT_MAX)
        mine = query.get("mine", "false")
        check_choice("mine", mine, YES_OR_NO)
        is_mine, cursor = mine == "true", query.get("cursor")
        page = await self.board.flags.page(query.get("about"), mine=is_mine, cursor=cursor, limit=limit)
        called = self.board.posts.called
        items = [{**flag.as_json(text), **await called(flag)} for flag, text in page.items]
        return answer_list(request, items, page.cursor)

    async def flag(self, request: web.Request) -> web.Response:
        """Flag a post or a hub, or say anew why."""
        members = await read_object(request, FLAG_MEMBERS)
        fields, text = Fields(members), members.get("text", "")
        if not isinstance(text, str) and not (
            isinstance(text, dict) and all(isinstance(one, str) for one in text.values())
        ):
            hint = "send text, or an object of texts by language"
            raise BoardError("bad_request", "text is no text", hint, "/text")
        flag = await self.board.flags.flag(fields.text("id"), fields.text("why"), text)
        return _made(request, flag.as_json(await self.board.flags.text_of(flag)))

    async def take_back(self, request: web.Request) -> web.Response:
        """Take a flag of this hub back."""
        await self.board.flags.take_back(request.match_info["id"])
        return web.Response(status=204)


@value
class _Hidden:
    board: Board
    space: str

    async def list(self, request: web.Request) -> web.Response:
        """List what is not shown here, the newest first."""
        page, cursor = await self.board.hiding.page(
            self.space, request.query.get("cursor"), read_limit(request, LIMIT_MAX)
        )
        left_out = () if await self._may_write(request) else ("by", "note")
        items = [await self._json(one) for one in page]
        shown = [{name: said for name, said in one.items() if name not in left_out} for one in items]
        return answer_list(request, shown, cursor)

    async def hide(self, request: web.Request) -> web.Response:
        """Stop showing a post, or the posts of a hub."""
        fields = Fields(await read_object(request, HIDE_MEMBERS))
        hide = self.board.hiding.hide if self.space == POST else self.board.hiding.mute
        hidden = await hide(fields.text("id"), fields.text("note", ""), await who_asks(self.board, request[ASKER]))
        return _made(request, await self._json(hidden))

    async def show(self, request: web.Request) -> web.Response:
        """Show it, or them, again."""
        show = self.board.hiding.show if self.space == POST else self.board.hiding.unmute
        await show(request.match_info["id"])
        return web.Response(status=204)

    async def _may_write(self, request: web.Request) -> bool:
        """Tell whether who asks may also hide: a note is for those who keep order here, and so is who wrote it."""
        asker = request[ASKER]
        tokens = await self.board.tokens.list() if asker.startswith("token ") else []
        return not asker.startswith("token ") or any(one.allows(WRITE) for one in tokens if f"token {one.id}" == asker)

    async def _json(self, hidden: Hidden) -> dict[str, Any]:
        """Return what is hidden, with what it is called as far as it is held."""
        return {"id": hidden.subject.hex(), **hidden.as_json(), **await self.board.posts.called(hidden)}
