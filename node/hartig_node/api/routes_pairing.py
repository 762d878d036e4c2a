"""The organisers' door and the devices that may use it: set-up codes, devices.

In: the board. Out: endpoints. A code is in the answer that makes it and nowhere else. Who calls: `app`.
"""

from typing import Any

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer
from hartig_node.api.endpoints import ADMIN, PREFIX, Endpoint, Repeat
from hartig_node.api.reading import Fields, read_object
from hartig_node.board.belonging.pairing import Paired
from hartig_node.board.board import Board
from hartig_node.board.times import rfc3339
from hartig_protocol.values import value

CODE_MEMBERS = ("name",)


def pairing_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of set-up codes and paired devices."""
    routes = _Pairing(board)
    return [
        Endpoint("GET", f"{PREFIX}/pairing", routes.show, ADMIN),
        Endpoint("POST", f"{PREFIX}/pairing/codes", routes.make_code, ADMIN, repeat=Repeat.SECRET),
        Endpoint("GET", f"{PREFIX}/devices", routes.list, ADMIN),
        Endpoint("DELETE", f"{PREFIX}/devices/{{id}}", routes.revoke, ADMIN),
    ]


@value
class _Pairing:
    board: Board

    async def show(self, request: web.Request) -> web.Response:
        """Say how the door is, where, by which certificate it is known, and until when a code is good."""
        until_ms = self.board.pairing.code_until_ms
        code = {"code_expires_at": None if until_ms is None else rfc3339(until_ms)}
        return answer(request, {**await self._door(), **code}, cache=NO_STORE)

    async def make_code(self, request: web.Request) -> web.Response:
        """Make the set-up code for a device; it is shown this once."""
        fields = Fields(await read_object(request, CODE_MEMBERS, optional=True))
        made = await self.board.pairing.make_code(fields.text("name", ""))
        data = {"code": made.code, "expires_at": rfc3339(made.until_ms), **await self._door()}
        return answer(request, data, status=201, cache=NO_STORE, headers={"Location": f"{PREFIX}/pairing"})

    async def list(self, request: web.Request) -> web.Response:
        """List the paired devices."""
        items = [device_json(device) for device in await self.board.pairing.list()]
        return answer(request, {"items": items, "next": None}, cache=NO_STORE)

    async def revoke(self, request: web.Request) -> web.Response:
        """End a device's session at once."""
        await self.board.pairing.revoke(request.match_info["id"])
        return web.Response(status=204, headers={"Cache-Control": NO_STORE})

    async def _door(self) -> dict[str, Any]:
        return (await self.board.pairing.door()).as_json()


def device_json(device: Paired) -> dict[str, Any]:
    """Return a device as the API gives it."""
    return {
        "id": device.id,
        "name": device.name,
        "paired_at": rfc3339(device.since_ms),
        "expires_at": rfc3339(device.until_ms),
    }
