"""The accept gate: who gets a connection at all, and how long until it must have said something.

Comes in: listening sockets. Goes out: connections handed to `protocol_factory` (aiohttp's `runner.server`, or
`peer_server.py`) once TLS is done, if the door has TLS. Who calls: the daemon opens one gate a door.

asyncio's and aiohttp's own servers accept without end and wait for a request without end. Here every
connection has a bounded life until its first request or frame:

    accepted --(over a cap: closed at once, never queued)--> shaking hands --(handshake_s)--> waiting for the
    first head --(first_head_s)--> in use: whoever serves it now keeps its time

`request_seen` ends the last wait. A connection counts until its descriptor is closed.
"""

import asyncio
import errno
import ipaddress
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hartig_node.forgetting import forget_frames
from hartig_node.net.backoff import accept_delay_s
from hartig_node.net.sockets import ToldSocket, tune
from hartig_node.tasks import Tasks
from hartig_protocol.values import value

logger = logging.getLogger(__name__)

ACCEPTS_A_TURN = 16  # one listener must not keep the loop: after so many the others get their turn

# The connection died before we took it (accept(2)); the listener is as good as before.
_PASSING = frozenset({errno.ECONNABORTED, errno.EPROTO, errno.EINTR, errno.EPERM})


@value
class GateLimits:
    """The caps of one door. The defaults are those of the door for peers.

    Attributes:
        connections_max: in total; an idle TLS connection costs about 300 KiB, so 64 cost 20 MB.
        per_address_max: from one address (an IPv4 or IPv6 address, without its port).
        per_loopback_max: the same for loopback addresses: a door for local programs has all its clients
            there.
        shaking_hands_max: with TLS not finished yet, from all addresses together.
        kept_connections: of the total, for addresses at which somebody is awaited, whatever strangers do.
        kept_shaking_hands: of those with TLS not finished yet, for the same.
        handshake_s: for the whole TLS handshake, and for the farewell at its end.
        first_head_s: from there to `request_seen`.
    """

    connections_max: int = 64
    per_address_max: int = 4
    per_loopback_max: int = 4
    shaking_hands_max: int = 8
    kept_connections: int = 0
    kept_shaking_hands: int = 0
    handshake_s: float = 5.0
    first_head_s: float = 5.0


@value
class GateCounts:
    """What the metrics page shows of one gate; all but `open` only grow."""

    open: int
    accepted: int
    refused_total: int
    refused_address: int
    refused_handshake: int
    failed_handshake: int
    timed_out: int


@dataclass(slots=True, eq=False)
class _Admission:
    """One accepted connection, from accept to the close of its descriptor."""

    address: str | None
    connection: ToldSocket
    shaking_hands: bool
    handed_over: bool = False  # to a transport of the event loop, which closes it from then on
    seen: bool = False
    deadline: asyncio.TimerHandle | None = None


class Gate:
    """Accepts on some listeners, within caps, and hands connections to one protocol."""

    def __init__(
        self,
        name: str,
        limits: GateLimits,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | None = None,
        tasks: Tasks | None = None,
        is_known: Callable[[str], bool] = lambda _address: False,
    ) -> None:
        """Prepare a gate called `name` (in logs); `open` begins to accept.

        `is_known` tells whether somebody who is awaited has, or is said to have, an address.
        """
        self._name = name
        self._limits = limits
        self._protocol_factory = protocol_factory
        self._tls = tls
        self._is_known = is_known
        self._tasks = tasks or Tasks()
        self._listeners: list[socket.socket] = []
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        self._failures: Counter[socket.socket] = Counter()
        self._admissions: dict[int, _Admission] = {}
        self._per_address: Counter[str] = Counter()
        self._shaking_hands = 0
        self._counts: Counter[str] = Counter()
        self._closed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Gate {self._name} {self.counts()}>"

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The (host, port) of every TCP listener, with the ports that the system chose."""
        tcp = [one for one in self._listeners if one.family in {socket.AF_INET, socket.AF_INET6}]
        return [one.getsockname()[:2] for one in tcp]

    def counts(self) -> GateCounts:
        """Return the numbers for the metrics page."""
        names = (
            "accepted",
            "refused_total",
            "refused_address",
            "refused_handshake",
            "failed_handshake",
            "timed_out",
        )
        return GateCounts(len(self._admissions), *(self._counts[name] for name in names))

    def open(self, listeners: Sequence[socket.socket]) -> None:
        """Begin to accept on non-blocking listening sockets, which now belong to the gate."""
        for listener in listeners:
            self._listeners.append(listener)
            asyncio.get_running_loop().add_reader(listener, self._on_readable, listener)

    def request_seen(self, transport: asyncio.BaseTransport) -> None:
        """End the wait for the first head of a connection; later calls, and dead connections, do nothing.

        A caller is an HTTP middleware (the head is complete when it runs) or a link that has its first frame.
        """
        connection = transport.get_extra_info("socket")
        admission = self._admissions.get(connection.fileno()) if connection is not None else None
        if admission is not None:
            admission.seen = True
            _cancel(admission)

    async def close(self) -> None:
        """Stop listening and end the handshakes under way; connections in use stay with who serves them."""
        loop = asyncio.get_running_loop()
        for pause in self._pauses.values():
            pause.cancel()
        for listener in self._listeners:
            loop.remove_reader(listener)
            listener.close()
        self._pauses.clear()
        self._listeners.clear()
        await self._tasks.close()
        for admission in list(self._admissions.values()):
            if not admission.handed_over:  # its task was cancelled before its first step
                admission.connection.close()

    async def wait_empty(self) -> None:
        """Wait until the last connection is closed; call `close` first and end the connections."""
        while self._admissions:
            self._closed.clear()
            await self._closed.wait()

    def _on_readable(self, listener: socket.socket) -> None:
        for _turn in range(ACCEPTS_A_TURN):
            try:
                plain, peer = listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in _PASSING:
                    self._pause(listener, error)
                    return
                continue
            del self._failures[listener]
            self._accept(plain, peer)

    def _pause(self, listener: socket.socket, error: OSError) -> None:
        """Leave a listener alone for a moment: it stays readable, and asking again at once would spin."""
        self._failures[listener] += 1
        delay_s = accept_delay_s(self._failures[listener])
        logger.warning("%s: cannot accept (%s), next try in %.2f s", self._name, error, delay_s)
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        self._pauses[listener] = loop.call_later(delay_s, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        del self._pauses[listener]
        asyncio.get_running_loop().add_reader(listener, self._on_readable, listener)

    def _accept(self, plain: socket.socket, peer: object) -> None:
        address = _address_of(plain, peer)
        refusal = self._refusal(address)
        if refusal is not None:
            self._counts[refusal] += 1
            plain.close()
            return
        self._counts["accepted"] += 1
        connection = ToldSocket.take(plain, self._on_close)
        tune(connection)
        admission = _Admission(address, connection, shaking_hands=self._tls is not None)
        self._admissions[connection.fileno()] = admission
        self._shaking_hands += admission.shaking_hands
        if address is not None:
            self._per_address[address] += 1
        self._tasks.start(self._serve(admission), f"{self._name}: handshake")

    def _refusal(self, address: str | None) -> str | None:
        limits = self._limits
        room = limits.connections_max - len(self._admissions)
        if room <= 0 or (room <= limits.kept_connections and not self._knows(address)):
            return "refused_total"
        if address is not None:
            loopback = ipaddress.ip_address(address).is_loopback
            address_max = limits.per_loopback_max if loopback else limits.per_address_max
            if self._per_address[address] >= address_max:
                return "refused_address"
        room = limits.shaking_hands_max - self._shaking_hands
        if self._tls is not None and (room <= 0 or (room <= limits.kept_shaking_hands and not self._knows(address))):
            return "refused_handshake"
        return None

    def _knows(self, address: str | None) -> bool:
        return address is not None and self._is_known(address.partition("%")[0])

    async def _serve(self, admission: _Admission) -> None:
        try:
            transport = await self._shake_hands(admission)
        except OSError as error:
            self._counts["timed_out" if _is_timeout(error) else "failed_handshake"] += 1
            logger.info("%s: refused a connection: %s", self._name, error)
            forget_frames(error)
            return
        finally:
            self._end_handshake(admission)
        if not admission.seen and admission.connection.fileno() in self._admissions:
            loop = asyncio.get_running_loop()
            admission.deadline = loop.call_later(self._limits.first_head_s, self._on_silence, transport)

    async def _shake_hands(self, admission: _Admission) -> asyncio.Transport:
        admission.handed_over = True
        seconds = self._limits.handshake_s if self._tls is not None else None
        transport, _protocol = await asyncio.get_running_loop().connect_accepted_socket(
            self._protocol_factory,
            admission.connection,
            ssl=self._tls,
            ssl_handshake_timeout=seconds,
            ssl_shutdown_timeout=seconds,
        )
        return transport

    def _end_handshake(self, admission: _Admission) -> None:
        self._shaking_hands -= admission.shaking_hands
        admission.shaking_hands = False

    def _on_silence(self, transport: asyncio.Transport) -> None:
        self._counts["timed_out"] += 1
        logger.info("%s: closed a connection that sent nothing for %g s", self._name, self._limits.first_head_s)
        transport.abort()

    def _on_close(self, descriptor: int) -> None:
        admission = self._admissions.pop(descriptor)
        _cancel(admission)
        if admission.address is not None:
            self._per_address[admission.address] -= 1
            if not self._per_address[admission.address]:
                del self._per_address[admission.address]
        self._closed.set()


def _cancel(admission: _Admission) -> None:
    if admission.deadline is not None:
        admission.deadline.cancel()
        admission.deadline = None


def _address_of(connection: socket.socket, peer: object) -> str | None:
    """Return the peer's bare address, or None for a Unix socket: its clients are this machine's own users."""
    if connection.family not in {socket.AF_INET, socket.AF_INET6} or not isinstance(peer, tuple):
        return None
    return str(peer[0])


def _is_timeout(error: BaseException) -> bool:
    # asyncio reports its handshake time-out as a ConnectionAbortedError without a number; the system's have one.
    return isinstance(error, TimeoutError) or (isinstance(error, ConnectionAbortedError) and error.errno is None)
