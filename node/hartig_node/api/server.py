"""The servers of the node API: opens its doors behind gates and closes them without cutting an answer short.

In: the board, and for each door its listening sockets. Out: answers. Gates come from outside, because a gate is net's:
`make_gate` is `hartig_node.net.gate.Gate` wired by the daemon, who also calls.
"""

import asyncio
import functools
import socket
from collections.abc import Sequence

from aiohttp import web

from hartig_node.api.app import make_app
from hartig_node.api.door import Door
from hartig_node.api.events import SLOW_READER_S, Streams
from hartig_node.api.health import ApiFigures
from hartig_node.api.idempotency import Once
from hartig_node.api.problems import ProblemHandler
from hartig_node.board.board import Board
from hartig_node.ports import AcceptGate, DoorCaps, GateMaker
from hartig_protocol.values import value

# A door for local programs has all its clients at one address, so its cap for one address is the whole. 50 event
# streams, and as many programs again that ask something; a connection is 10 kB.
CAPS = DoorCaps(connections_max=128, per_address_max=128, per_loopback_max=128)
KEEP_ALIVE_S = 60.0  # between two requests of one connection, including a second head that drips
LINGER_S = 2.0  # for the rest of a body that was refused
STOP_S = 5.0  # for answers under way when the hub stops; they wait for the disk at most


@value
class _Opened:
    runner: web.AppRunner
    gate: AcceptGate


class AppDoors:
    """Applications, each at a door behind a gate."""

    def __init__(self, make_gate: GateMaker) -> None:
        """Prepare; `open` begins to answer."""
        self._make_gate = make_gate
        self._opened: list[_Opened] = []

    def __len__(self) -> int:
        return len(self._opened)

    async def open(self, app: web.Application, door: Door, listeners: Sequence[socket.socket]) -> None:
        """Answer at a door, on non-blocking listening sockets that belong to its gate from now on."""
        runner = web.AppRunner(app, shutdown_timeout=STOP_S)
        await runner.setup()
        assert runner.server is not None
        gate = self._make_gate(door.name, functools.partial(_new_protocol, runner.server), CAPS)
        door.request_seen = gate.request_seen
        self._opened.append(_Opened(runner, gate))
        gate.open(listeners)

    async def close(self) -> None:
        """Stop accepting, end streams, let answers under way finish, and wait until every connection is gone."""
        for opened in self._opened:
            await opened.gate.close()
        for opened in self._opened:
            await opened.runner.cleanup()
            await opened.gate.wait_empty()
        self._opened.clear()


class ApiServer:
    """The node API of one node, at all its doors."""

    def __init__(self, board: Board, make_gate: GateMaker, slow_reader_s: float = SLOW_READER_S) -> None:
        """Prepare; `open` begins to answer. Readers of events that take nothing for `slow_reader_s` are cut."""
        self._board, self._doors = board, AppDoors(make_gate)
        self._streams, self._figures = Streams(board, slow_reader_s=slow_reader_s), ApiFigures()
        self._requests = Once(board)

    def __repr__(self) -> str:
        return f"<ApiServer {len(self._doors)} doors, {self._streams!r}>"

    async def open(self, door: Door, listeners: Sequence[socket.socket]) -> None:
        """Answer at a door, on non-blocking listening sockets that belong to its gate from now on."""
        await self._doors.open(self.make_app(door), door, listeners)

    def make_app(self, door: Door) -> web.Application:
        """Return the application of a door that somebody else opens and shuts."""
        return make_app(self._board, door, self._streams, self._figures, self._requests)

    async def close(self) -> None:
        """Stop accepting, end streams, let answers under way finish, and wait until every connection is gone."""
        await self._doors.close()


def _new_protocol(server: web.Server) -> ProblemHandler:
    # No access log: addresses and searches do not belong into it. Bodies are never unpacked, so none can be a bomb.
    return ProblemHandler(
        server,
        loop=asyncio.get_running_loop(),
        access_log=None,  # type: ignore[arg-type]
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE_S,
        lingering_time=LINGER_S,
    )
