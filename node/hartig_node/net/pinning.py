"""The self check at start: does this machine's TLS really refuse the wrong node?

The channel rests on a hook (`sslobject_class`) that a new Python or another event loop could stop calling,
and nobody would notice: everything would go on working. So the daemon calls `prove_pinning` before it opens a
door. It talks through a pair of sockets, so it needs no port and no network, not even loopback.
"""

import asyncio
import socket
import ssl

from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.tls import ALPN, PinnedContext, make_context, peer_node_id
from hartig_protocol.errors import LocalError

GREETING = b"hartig"
CHECK_S_MAX = 10.0  # a safety net: the whole check takes some 20 ms


class _Listener(asyncio.Protocol):
    """The accepting side: notes what reached it and sends it back."""

    def __init__(self) -> None:
        self.received = b""
        self.connected = False
        self.ended = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.connected = True
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self.received += data
        self._transport.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.ended.set()


async def prove_pinning(identity: NodeIdentity) -> None:
    """Shake hands with ourselves three ways; raises `LocalError` unless exactly the right one works.

    The right node id must work; a wrong one, and a client without a certificate, must end before one byte of
    ours.
    """
    wrong_node_id = bytes(byte ^ 0xFF for byte in identity.node_id)
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname = False
    bare.verify_mode = ssl.CERT_NONE
    bare.set_alpn_protocols([ALPN])
    try:
        async with asyncio.timeout(CHECK_S_MAX):
            await _require(identity, make_context(identity, "client", identity.node_id), works=True)
            await _require(identity, make_context(identity, "client", wrong_node_id), works=False)
            await _require(identity, bare, works=False)
    except TimeoutError as error:
        raise LocalError(f"tls: the self check did not end within {CHECK_S_MAX:g} s") from error


async def _require(identity: NodeIdentity, context: ssl.SSLContext, *, works: bool) -> None:
    listener = _Listener()
    answer = await _greet(make_context(identity, "server"), context, listener)
    expected = GREETING if works else b""
    if answer == expected and listener.received == expected and listener.connected == works:
        return
    raise LocalError(
        f"tls: the self check failed on {ssl.OPENSSL_VERSION}: "
        f"a handshake that must {'work' if works else 'fail'} let {len(listener.received)} bytes in "
        f"and {len(answer)} bytes out; this Python cannot be used for links"
    )


async def _greet(server: PinnedContext, client: ssl.SSLContext, listener: _Listener) -> bytes:
    """Return what comes back to a client that sends a greeting as soon as it may."""
    ours, theirs = socket.socketpair()
    for one in (ours, theirs):
        one.setblocking(False)
    loop = asyncio.get_running_loop()
    accepting = loop.connect_accepted_socket(lambda: listener, theirs, ssl=server)
    dialling = _send_greeting(ours, client)
    _accepted, answer = await asyncio.gather(accepting, dialling, return_exceptions=True)
    if listener.connected:
        await listener.ended.wait()
    return answer if isinstance(answer, bytes) else b""


async def _send_greeting(connection: socket.socket, context: ssl.SSLContext) -> bytes:
    reader, writer = await asyncio.open_connection(sock=connection, ssl=context, server_hostname="")
    try:
        if isinstance(context, PinnedContext):
            peer_node_id(writer)
        writer.write(GREETING)
        return await reader.readexactly(len(GREETING))
    finally:
        writer.transport.abort()
