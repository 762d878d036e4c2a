"""The peers' door: listens, lets the gate sort, and hands each proven peer on as a link.

Comes in: addresses to listen on. Goes out: `on_link(link)`, whose run is the link's life. Who calls: the
daemon.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence

from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.gate import Gate, GateCounts, GateLimits
from hartig_node.net.links import READ_BUFFER_BYTES, Link, LinkLimits, serve_link
from hartig_node.net.sockets import open_listeners
from hartig_node.net.tls import make_context
from hartig_node.tasks import Tasks

# Strangers may hold 48 connections and 6 handshakes; the rest is for our own neighbours and hubs of partner networks.
PEER_LIMITS = GateLimits(kept_connections=16, kept_shaking_hands=2)


class PeerServer:
    """Accepts links from other nodes, each within the bounds of the gate."""

    def __init__(
        self,
        identity: NodeIdentity,
        on_link: Callable[[Link], Awaitable[None]],
        *,
        gate_limits: GateLimits | None = None,
        link_limits: LinkLimits | None = None,
        tasks: Tasks | None = None,
        is_known: Callable[[str], bool] = lambda _address: False,
    ) -> None:
        """Prepare the door; `on_link` ends with the link, and what it raises costs that link alone.

        `is_known` tells at which addresses somebody is awaited (`GateLimits.kept_connections`).
        """
        self._on_link = on_link
        self._link_limits = link_limits
        self._tasks = tasks or Tasks()
        self._links: set[Link] = set()
        context = make_context(identity, "server")
        self._gate = Gate("peers", gate_limits or PEER_LIMITS, self._new_protocol, tls=context, is_known=is_known)

    def __repr__(self) -> str:
        return f"<PeerServer {self.addresses} {self._gate.counts()}>"

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The (host, port) pairs on which the door listens."""
        return self._gate.addresses

    def counts(self) -> GateCounts:
        """Return the gate's numbers for the metrics page."""
        return self._gate.counts()

    def open(self, addresses: Sequence[tuple[str, int]]) -> None:
        """Listen on (numeric host, port) pairs; raises `sockets.ListenError` where that is impossible."""
        self._gate.open(open_listeners(addresses))

    async def close(self) -> None:
        """Stop listening, end every link that came in here, and wait until their connections are gone."""
        await self._gate.close()
        for link in list(self._links):
            link.close("this hub stops")
        await self._tasks.close()
        await self._gate.wait_empty()

    def _new_protocol(self) -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=READ_BUFFER_BYTES)
        return asyncio.StreamReaderProtocol(reader, self._on_connected)

    def _on_connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio calls this once the handshake is done, so the peer's node id is known and proven.
        seen = functools.partial(self._gate.request_seen, writer.transport)
        link = Link(reader, writer, opened_by_us=False, limits=self._link_limits, on_first_frame=seen)
        self._links.add(link)
        task = self._tasks.start(serve_link(link, self._on_link), f"link from {link.peer_node_id.hex()[:12]}")
        task.add_done_callback(lambda _task: self._links.discard(link))
