"""Signed records as they travel: take what was signed elsewhere, give one out by its id.

In: the board. Out: endpoints. Who calls: `app`.
"""

import base64
import binascii
import re
from typing import Any

from aiohttp import web

from hartig_node.api.answers import answer
from hartig_node.api.endpoints import PREFIX, READ, WRITE, Endpoint, Repeat
from hartig_node.api.reading import BATCH_BYTES_MAX, Fields, pointer, read_object
from hartig_node.board.belonging.signed import RECORDS_MAX, publish_signed
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError
from hartig_protocol.limits import BODY_BYTES_MAX, HEAD_BYTES_MAX, SEATS_MAX, SIGNATURE_BYTES
from hartig_protocol.records.record import Wire
from hartig_protocol.values import value

_BYTES_MAX = {"head": HEAD_BYTES_MAX, "signature": SEATS_MAX * SIGNATURE_BYTES, "body": BODY_BYTES_MAX}
_HEXADECIMAL = re.compile(r"([0-9a-fA-F]{2})*")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")


def record_endpoints(board: Board) -> list[Endpoint]:
    """Return the routes of records."""
    routes = _Records(board)
    return [
        Endpoint("POST", f"{PREFIX}/records", routes.publish, WRITE, repeat=Repeat.SAFE),
        Endpoint("GET", f"{PREFIX}/records/{{id}}", routes.get, READ),
    ]


@value
class _Records:
    board: Board

    async def publish(self, request: web.Request) -> web.Response:
        """Take a record that a client signed with a key of its own."""
        fields = await read_object(request, (*_BYTES_MAX, "records"), BATCH_BYTES_MAX)
        if "records" in fields:
            return await self._publish_many(request, fields)
        taken = await self.board.posts.publish_record(read_wire(fields))
        data = {"id": taken.id, "thread": taken.thread, "kind": taken.kind}
        if taken.view is not None:
            data["post"] = taken.view.as_json()
        return answer(request, data, status=201, headers={"Location": f"{PREFIX}/records/{taken.id}"})

    async def _publish_many(self, request: web.Request, fields: dict[str, Any]) -> web.Response:
        """Take several records about who belongs in one commit."""
        given = Fields(fields).list("records")
        if len(fields) > 1 or not 1 <= len(given) <= RECORDS_MAX:
            hint = f"send 1 to {RECORDS_MAX} records, and nothing beside them"
            raise BoardError("bad_request", "this is no list of records", hint, pointer("records"))
        wires = []
        for at, one in enumerate(given):
            where = pointer("records", at)
            if not isinstance(one, dict) or set(one) - set(_BYTES_MAX):
                hint = "each has head, signature, and body where it has one"
                raise BoardError("bad_request", "this is no record", hint, where)
            wires.append(read_wire({name: value for name, value in one.items() if value is not None}, where))
        return answer(request, {"records": await publish_signed(self.board.context, wires)}, status=201)

    async def get(self, request: web.Request) -> web.Response:
        """Give a record out as it travels, in hexadecimal."""
        return answer(request, await self.board.posts.raw(request.match_info["id"]))


def read_wire(fields: dict[str, Any], where: str = "") -> Wire:
    """Read the parts of a record; raises `BoardError`. `where` is the pointer to it."""
    try:
        texts = {name: Fields(fields).text(name) for name in _BYTES_MAX if name in fields or name != "body"}
        # 64 random bytes in base64url without a single letter beyond f: not in the age of the universe.
        hexadecimal = _HEXADECIMAL.fullmatch(texts["signature"]) is not None
        parts = {name: _read_bytes(name, text, hexadecimal=hexadecimal) for name, text in texts.items()}
    except BoardError as error:
        error.pointer = where + error.pointer
        raise
    return parts["head"], parts["signature"], parts.get("body")


def _read_bytes(name: str, text: str, *, hexadecimal: bool) -> bytes:
    """Read one part of a record; all parts are written in the way that the signature is."""
    shape = _HEXADECIMAL if hexadecimal else _BASE64URL
    way = "hexadecimal" if hexadecimal else "base64url"
    if len(text) > 2 * _BYTES_MAX[name]:
        detail = f"{name} has more than {_BYTES_MAX[name]} bytes"
        raise BoardError("bad_record", detail, "send the record as it was signed", pointer(name))
    if shape.fullmatch(text) is None:
        raise _misspelt(name, way)
    try:
        return bytes.fromhex(text) if hexadecimal else base64.urlsafe_b64decode(_padded(text))
    except binascii.Error as error:  # one character too many or too few
        raise _misspelt(name, way) from error


def _padded(text: str) -> str:
    bare = text.rstrip("=")
    return bare + "=" * (-len(bare) % 4)


def _misspelt(name: str, way: str) -> BoardError:
    hint = "send head, signature and body all in hexadecimal, or all in base64url"
    return BoardError("bad_record", f"{name} is not in {way}, as the signature is", hint, pointer(name))
