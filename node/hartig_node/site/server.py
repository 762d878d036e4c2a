"""The neighbours' door: the pages on the LAN's port, behind the accept gate.

In: the board, the clock, listening sockets; the gate comes from outside, because gates are net's. Out: pages. Who
calls: the daemon opens it where the configuration does not switch it off, and closes it.
"""

import socket
from collections.abc import Collection, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from hartig_node.ports import AcceptGate, DoorCaps, GateMaker
from hartig_node.site.app import make_site
from hartig_node.site.doors import BoardDoor, Clock

# A browser opens up to six connections to one host; some phones sit behind one address of a repeater.
CAPS = DoorCaps(connections_max=64, per_address_max=12, per_loopback_max=32)
KEEP_ALIVE_S = 15.0  # then the connection's place is free for another phone
SHUTDOWN_S = 2.0  # for pages under way when the node stops


class SiteServer:
    """Serves the neighbours' pages."""

    def __init__(self, board: BoardDoor, clock: Clock, make_gate: GateMaker, names: Collection[str] = ()) -> None:
        """Prepare the door; `board`, `clock` and `names` are for `make_site`."""
        application = make_site(board, clock, names)
        application.middlewares.insert(0, self._tell_gate)
        # No access log: P14, no address in a log.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=KEEP_ALIVE_S,
            shutdown_timeout=SHUTDOWN_S,
        )
        self._make_gate = make_gate
        self._gate: AcceptGate | None = None

    def __repr__(self) -> str:
        return f"<SiteServer {self.addresses}>"

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The (host, port) pairs on which the pages are served."""
        return self._gate.addresses if self._gate else []

    async def open(self, listeners: Sequence[socket.socket]) -> None:
        """Serve on non-blocking listening sockets, which belong to the gate from now on."""
        await self._runner.setup()
        assert self._runner.server is not None
        self._gate = self._make_gate("neighbours' pages", self._runner.server, CAPS)
        self._gate.open(listeners)

    async def close(self) -> None:
        """Stop listening, let pages under way end, and wait until every connection is gone."""
        if self._gate is None:
            return
        await self._gate.close()
        await self._runner.cleanup()
        await self._gate.wait_empty()
        self._gate = None

    @web.middleware
    async def _tell_gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._gate is not None and request.transport is not None:
            self._gate.request_seen(request.transport)
        return await handler(request)
