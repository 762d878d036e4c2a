"""One dial: from a host and a port to a link with exactly the node that was expected, or a reason why not.

Comes in: our identity, an address, the expected node id. Goes out: a `Link`, or `DialError` with a stable
code. Who calls: `dialer.py` through the function that the daemon gives it; the invite and typed addresses
through `probe`.
"""

import asyncio
import errno
import functools
import math
import os
import socket
import ssl

from hartig_node.net.backoff import DIAL_S_MAX
from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.links import READ_BUFFER_BYTES, Link, LinkLimits
from hartig_node.net.names import Endpoint, NameLookupError, resolve
from hartig_node.net.race import race
from hartig_node.net.sockets import tune
from hartig_node.net.tls import PeerRefusedError, PinnedContext, make_context, peer_node_id
from hartig_protocol.errors import RemoteError

BESIDE_MAX = 3  # connections beside each other; three dials at once to a node are nine sockets that say nothing
FAREWELL_S_MAX = 2.0  # after which a closing connection is cut; whoever is to be dialled anew waits for that


class DialError(RemoteError):
    """A dial came to nothing; the code says why: timeout, name, unreachable, refused_peer, handshake."""


async def dial(
    identity: NodeIdentity,
    host: str,
    port: int,
    expected_node_id: bytes,
    timeout_s: float = DIAL_S_MAX,
    limits: LinkLimits | None = None,
    *,
    connect_s: float = DIAL_S_MAX,
    beside_s: float = math.inf,
) -> Link:
    """Return a link to the node `expected_node_id` at `host`; nobody else gets a byte.

    `timeout_s` is for name, connection and handshake together, `connect_s` for the other side's system to answer.
    As long as it does not, another connection is begun beside the first every `beside_s`, up to `BESIDE_MAX`; the first
    that stands is kept, the others are dropped before they have said anything.

    That the other side keeps us shows only when it answers: in TLS 1.3 the dialling side is done first.
    Raises `DialError`.
    """
    context = make_context(identity, "client", expected_node_id)
    reader, writer = await _connect(context, host, port, timeout_s, connect_s, beside_s)
    return Link(reader, writer, opened_by_us=True, limits=limits)


async def probe(identity: NodeIdentity, host: str, port: int, timeout_s: float = DIAL_S_MAX) -> bytes:
    """Return the node id of whoever answers at a typed address; nothing is sent to it.

    Duty: the caller checks it against the members that it knows, and then dials with that id.
    Raises `DialError`.
    """
    _reader, writer = await _connect(make_context(identity, "probe"), host, port, timeout_s, timeout_s)
    try:
        return peer_node_id(writer)
    finally:
        writer.transport.abort()


async def _connect(
    context: PinnedContext, host: str, port: int, timeout_s: float, connect_s: float, beside_s: float = math.inf
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(timeout_s):
            endpoints = await resolve(host, port)
            return await _connect_first(context, endpoints, timeout_s, connect_s, beside_s)
    except TimeoutError as error:
        raise DialError("dial.timeout", "no answer in time") from error
    except NameLookupError as error:
        raise DialError(error.code, str(error)) from error
    except PeerRefusedError as error:
        raise DialError("dial.refused_peer", str(error.args[-1])) from error
    except ssl.SSLError as error:
        raise DialError("dial.handshake", f"no sound handshake: {error}") from error
    except OSError as error:
        raise DialError("dial.unreachable", _in_words(error)) from error


_WORDS = {
    errno.ECONNREFUSED: "the machine is there, but no hub runs on it",
    errno.ECONNRESET: "the other side hung up before it said who it is",
    errno.EHOSTUNREACH: "no machine answers at this address",
    errno.ENETUNREACH: "this machine is not on the network of this address",
}


def _in_words(error: OSError) -> str:
    """Say why there is no connection, without the address, which asyncio puts into its own words."""
    if error.errno is None:
        return f"cannot connect: {error}".removesuffix(": ")  # asyncio says nothing of a reset in a handshake
    return _WORDS.get(error.errno) or f"cannot connect: {os.strerror(error.errno)}"


async def _connect_first(
    context: PinnedContext, endpoints: list[Endpoint], timeout_s: float, connect_s: float, beside_s: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Try the endpoints in turn, each with its share of the time; the last one's error is the answer."""
    for number, endpoint in enumerate(endpoints, start=1):
        try:
            async with asyncio.timeout(timeout_s / len(endpoints)):
                return await _connect_to(context, endpoint, connect_s, beside_s)
        except OSError:
            if number == len(endpoints):
                raise
    raise NameLookupError("dial.name", "the name has no address")


async def _connect_to(
    context: PinnedContext, endpoint: Endpoint, connect_s: float, beside_s: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    attempts = [functools.partial(_connected, endpoint)] * BESIDE_MAX
    async with asyncio.timeout(connect_s):
        answer = await race(attempts, stagger_s=beside_s, at_once_max=BESIDE_MAX, discard=_drop)
    if not isinstance(answer, socket.socket):
        assert answer is not None
        raise answer
    # An empty server name: names would travel in clear, and nodes are keys.
    return await asyncio.open_connection(
        sock=answer,
        ssl=context,
        server_hostname="",
        ssl_shutdown_timeout=FAREWELL_S_MAX,
        limit=READ_BUFFER_BYTES,
    )


async def _connected(endpoint: Endpoint) -> socket.socket | OSError:
    """Return a connection, or the system's word that there is none, which needs no second opinion."""
    try:
        connection = socket.socket(endpoint.family, socket.SOCK_STREAM)
    except OSError as error:
        return error  # no such family here, or no descriptor left
    try:
        connection.setblocking(False)
        tune(connection)
        await asyncio.get_running_loop().sock_connect(connection, endpoint.address)
    except OSError as error:
        connection.close()
        return error
    except BaseException:
        connection.close()
        raise
    return connection


def _drop(answer: socket.socket | OSError) -> None:
    if isinstance(answer, socket.socket):
        answer.close()
