"""A copy of all that the hub holds, written by the hub itself to a file on its own machine.

In: the path of a new file. Out: an endpoint. Only on the Unix socket, whatever scope a token has: the path is one of
this machine, and what is in the copy goes beyond what any token shows. Who calls: `app`.
"""

from pathlib import Path

from aiohttp import web

from hartig_node.api.answers import NO_STORE, answer
from hartig_node.api.door import DOOR
from hartig_node.api.endpoints import ADMIN, PREFIX, Endpoint
from hartig_node.api.reading import Fields, read_object
from hartig_node.board.board import Board
from hartig_node.board.errors import BoardError
from hartig_protocol.values import value

PATH_BYTES_MAX = 4095  # PATH_MAX of Linux, less the final zero


def backup_endpoints(board: Board) -> list[Endpoint]:
    """Return the route of copies."""
    return [Endpoint("POST", f"{PREFIX}/backups", _Backups(board).create, ADMIN)]


@value
class _Backups:
    board: Board

    async def create(self, request: web.Request) -> web.Response:
        """Write a copy to a new file."""
        if request.app[DOOR].asks_for_tokens:
            hint = "run `hartig backup FILE` on the hub's own machine"
            raise BoardError("forbidden", "a backup is made through the hub's own socket alone", hint)
        path = _read_path(Fields(await read_object(request, ("path",))).text("path"))
        await self.board.backup(path)
        return answer(request, {"path": path}, status=201, cache=NO_STORE)


def _read_path(text: str) -> str:
    """Return the path of a new file, or say what is wrong with it before the store is asked."""
    path = Path(text)
    if not path.is_absolute() or "\0" in text or len(text.encode()) > PATH_BYTES_MAX:
        raise BoardError(
            "bad_request", "path is no absolute path of a file", "send one such as /mnt/hub.backup", "/path"
        )
    if not path.parent.is_dir():
        raise BoardError("bad_request", f"there is no folder {path.parent}", "make it first", "/path")
    if path.exists():
        raise BoardError("bad_request", f"{path} exists already", "name a new file", "/path")
    return str(path)
