"""A door for people: an application of pages on the LAN's port, behind an accept gate, and the node API beside it.

In: the applications, listening sockets; the gate comes from outside, because gates are net's. Out: answers. A request
is told by its path before either application sees it, so neither's middlewares, headers and bounds touch the other's.
Who calls: the daemon, for the neighbours' door and for the organisers', each time one opens: a server that was closed
is not opened again.
"""

import asyncio
import functools
import logging
import re
import socket
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError, RawRequestMessage

from hartig_node.forgetting import forget_frames
from hartig_node.ports import AcceptGate, DoorCaps, GateMaker

logger = logging.getLogger(__name__)

# A browser opens up to six connections to one host; some phones sit behind one address of a repeater.
SITE_CAPS = DoorCaps(connections_max=64, per_address_max=12, per_loopback_max=32)
# Fewer: at most 32 devices are paired, and a connection with TLS costs some 300 KiB.
DESK_CAPS = DoorCaps(connections_max=48, per_address_max=12, per_loopback_max=24)
KEEP_ALIVE_S = 15.0  # then the connection's place is free for another phone
SHUTDOWN_S = 5.0  # for answers under way when the door shuts; they wait for the disk at most
# What is asked by programs. Those who watch the hub are told more (`/readyz`, `/metrics`) on the hub alone.
API_PATHS = re.compile(r"/api/.*|/healthz", re.DOTALL)


class PageServer:
    """Serves pages, and the node API where there is one beside them."""

    def __init__(
        self,
        name: str,
        pages: web.Application,
        caps: DoorCaps,
        make_gate: GateMaker,
        api: web.Application | None = None,
    ) -> None:
        """Prepare the door, which logs call `name`; `open` begins to answer."""
        self._name, self._caps, self._make_gate = name, caps, make_gate
        self._pages, self._api = web.AppRunner(pages), None if api is None else web.AppRunner(api)
        self._root: web.ServerRunner | None = None
        self._gate: AcceptGate | None = None

    def __repr__(self) -> str:
        return f"<PageServer {self._name} {self.addresses}>"

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The (host, port) pairs on which the door is open."""
        return self._gate.addresses if self._gate else []

    async def open(self, listeners: Sequence[socket.socket]) -> None:
        """Serve on non-blocking listening sockets, which belong to the gate from now on."""
        for runner in self._runners():
            await runner.setup()
        server = web.Server(self._answer, request_factory=self._make_request)
        self._root = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)
        await self._root.setup()
        self._gate = self._make_gate(self._name, functools.partial(_new_protocol, server), self._caps)
        self._gate.open(listeners)

    async def close(self) -> None:
        """Stop listening, let answers under way end, and wait until every connection is gone.

        After an `open` that raised, what it had begun ends, too.
        """
        if self._gate is not None:
            await self._gate.close()
        for runner in self._runners():
            await runner.cleanup()  # ends what has no end of its own
        if self._root is not None:
            await self._root.cleanup()
        if self._gate is not None:
            await self._gate.wait_empty()
        self._gate = self._root = None

    def _runners(self) -> list[web.AppRunner]:
        return [self._pages] if self._api is None else [self._pages, self._api]

    def _make_request(self, message: RawRequestMessage, *rest: Any) -> web.BaseRequest:
        return self._server_of(message.url.path).request_factory(message, *rest)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._gate is not None and request.transport is not None:
            self._gate.request_seen(request.transport)
        return await self._server_of(request.path).request_handler(request)

    def _server_of(self, path: str) -> web.Server:
        runner = self._api if self._api is not None and API_PATHS.fullmatch(path) else self._pages
        assert runner.server is not None
        return runner.server


class _PageHandler(web.RequestHandler):
    """aiohttp's protocol of one connection; the original logs the address of who asked (P14)."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what never reached a page."""
        if isinstance(exc, HttpProcessingError):
            forget_frames(exc)
        return super().handle_error(request, status, exc, message)

    def log_exception(self, *_args: Any, **kwargs: Any) -> None:
        """Log our bugs, without an address; bytes that are no HTTP are nobody's news."""
        error = kwargs.get("exc_info", True)
        if not isinstance(error, HttpProcessingError):
            logger.error("pages: a request failed", exc_info=error)


def _new_protocol(server: web.Server) -> _PageHandler:
    # No access log: P14. Bodies are never unpacked, so none can be a bomb: no browser packs a form.
    return _PageHandler(
        server,
        loop=asyncio.get_running_loop(),
        access_log=None,  # type: ignore[arg-type]
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE_S,
    )
