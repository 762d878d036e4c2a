"""The channel over real sockets: who gets through, and that nobody else gets or sends one byte."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hartig_node.net.certificates import NodeIdentity, public_authority
from hartig_node.net.tls import ALPN, NO_CHECK_TIME, PeerRefusedError, make_context, peer_node_id
from hartig_protocol.errors import LocalError

pytestmark = pytest.mark.usefixtures("patience")


class Listener(asyncio.Protocol):
    """The accepting side: everything that ever reached the application."""

    def __init__(self) -> None:
        self.connected = False
        self.received = b""
        self.ended = asyncio.Event()
        self.node_id: bytes | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.connected = True
        self.transport = transport
        self.node_id = peer_node_id(transport)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.received += data
        self.transport.write(data.upper())

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set()


class Door:
    """A server with our server context that says how each handshake went."""

    def __init__(self, identity: NodeIdentity, context: ssl.SSLContext | None = None) -> None:
        self.context = context or make_context(identity, "server")
        self.outcomes: asyncio.Queue[Listener | OSError] = asyncio.Queue()
        self.port = 0

    async def accept(self) -> None:
        import socket

        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            self.port = listening.getsockname()[1]
            self.outcomes.put_nowait(Listener())  # "listening"
            while True:
                accepted, _peer = await loop.sock_accept(listening)
                listener = Listener()
                try:
                    await loop.connect_accepted_socket(lambda made=listener: made, accepted, ssl=self.context)
                    self.outcomes.put_nowait(listener)
                except OSError as error:
                    assert not listener.connected
                    self.outcomes.put_nowait(error)

    async def outcome(self) -> Listener | OSError:
        return await self.outcomes.get()


@pytest.fixture
async def door(identity: Callable[[int], NodeIdentity]) -> AsyncIterator[Door]:
    opened = Door(identity(1))
    accepting = asyncio.get_running_loop().create_task(opened.accept())
    await opened.outcome()
    yield opened
    accepting.cancel()
    await asyncio.gather(accepting, return_exceptions=True)
    while not opened.outcomes.empty():
        left = opened.outcomes.get_nowait()
        if isinstance(left, Listener) and left.transport is not None:
            left.transport.abort()


async def connect(port: int, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="")


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def assert_refused_by_the_door(door: Door, context: ssl.SSLContext) -> None:
    """In TLS 1.3 a client may think it is in; what it sends must reach nobody."""
    try:
        reader, writer = await connect(door.port, context)
    except OSError:
        pass
    else:
        writer.write(b"let me in")
        answer = await asyncio.gather(reader.read(100), return_exceptions=True)
        assert answer[0] == b"" or isinstance(answer[0], OSError)
        await closed(writer)
    assert isinstance(await door.outcome(), OSError)


def bare_client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([ALPN])
    return context


AnyKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey | ed25519.Ed25519PrivateKey


def certified(folder: Path, key: AnyKey, authority: ed25519.Ed25519PrivateKey | None = None) -> Path:
    """Write a key and its certificate as a stranger would make them; by the public authority if none is given."""
    signer = authority or public_authority()[0]
    issuer = public_authority()[1].subject
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    builder = builder.not_valid_before(dt.datetime(2000, 1, 1)).not_valid_after(dt.datetime(2001, 1, 1))  # noqa: DTZ001
    certificate = builder.serial_number(7).sign(signer, None)
    path = folder / "somebody.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    return path


async def test_two_nodes_know_each_other_by_key(door: Door, identity: Callable[[int], NodeIdentity]) -> None:
    reader, writer = await connect(door.port, make_context(identity(2), "client", identity(1).node_id))
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"HELLO"
    listener = await door.outcome()
    assert isinstance(listener, Listener)
    assert listener.node_id == identity(2).node_id
    assert peer_node_id(writer) == identity(1).node_id
    ssl_object = writer.get_extra_info("ssl_object")
    assert (ssl_object.version(), ssl_object.selected_alpn_protocol()) == ("TLSv1.3", "hartig/1")
    await closed(writer)
    await listener.ended.wait()


async def test_a_wrong_node_is_refused_before_any_byte_either_way(
    door: Door, identity: Callable[[int], NodeIdentity]
) -> None:
    with pytest.raises(PeerRefusedError, match="another node answered"):
        await connect(door.port, make_context(identity(2), "client", identity(3).node_id))
    assert isinstance(await door.outcome(), OSError)


async def test_a_client_without_a_certificate_gets_no_byte_through(door: Door) -> None:
    await assert_refused_by_the_door(door, bare_client())


async def test_a_client_certificate_of_another_authority_is_refused(door: Door, tmp_path: Path) -> None:
    context = bare_client()
    key = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    other_authority = ed25519.Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    context.load_cert_chain(certified(tmp_path, key, other_authority))
    await assert_refused_by_the_door(door, context)


@pytest.mark.parametrize(
    "make_key",
    [
        lambda: rsa.generate_private_key(65537, 2048),
        lambda: ec.generate_private_key(ec.SECP256R1()),
        ed448.Ed448PrivateKey.generate,
    ],
    ids=["rsa", "ec", "ed448"],
)
async def test_only_ed25519_keys_are_nodes(
    door: Door, tmp_path: Path, make_key: Callable[[], AnyKey], identity: Callable[[int], NodeIdentity]
) -> None:
    path = certified(tmp_path, make_key())
    client = bare_client()
    client.load_cert_chain(path)
    await assert_refused_by_the_door(door, client)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    server.set_alpn_protocols([ALPN])
    door.context = server
    for role, expected in (("client", identity(1).node_id), ("probe", None)):
        with pytest.raises(PeerRefusedError, match="not Ed25519"):
            await connect(door.port, make_context(identity(2), role, expected))  # type: ignore[arg-type]


async def test_an_expired_certificate_is_as_good_as_any_because_boards_have_no_clock(
    door: Door, tmp_path: Path
) -> None:
    context = bare_client()
    context.load_cert_chain(certified(tmp_path, ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)))
    _reader, writer = await connect(door.port, context)
    assert isinstance(await door.outcome(), Listener)
    await closed(writer)


@pytest.mark.parametrize("protocols", [[], ["h2"], ["hartig/2", "http/1.1"]])
async def test_another_application_protocol_is_refused_by_both_sides(
    door: Door, protocols: list[str], identity: Callable[[int], NodeIdentity]
) -> None:
    client = make_context(identity(2), "client", identity(1).node_id)
    if protocols:
        client.set_alpn_protocols(protocols)
    else:
        client = bare_client()
        client.set_alpn_protocols(["x"])
    await assert_refused_by_the_door(door, client)
    door.context = make_context(identity(1), "server")
    door.context.set_alpn_protocols(protocols or ["x"])
    with pytest.raises(PeerRefusedError, match="does not speak"):
        await connect(door.port, make_context(identity(2), "client", identity(1).node_id))


async def test_tls_1_2_is_refused(door: Door) -> None:
    context = bare_client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    await assert_refused_by_the_door(door, context)


async def test_plain_http_is_refused(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n")
    answer = await asyncio.gather(reader.read(), return_exceptions=True)
    assert isinstance(answer[0], OSError) or b"HTTP" not in answer[0]
    await closed(writer)
    assert isinstance(await door.outcome(), OSError)


async def test_no_session_is_ever_resumed(door: Door, identity: Callable[[int], NodeIdentity]) -> None:
    reader, writer = await connect(door.port, make_context(identity(2), "client", identity(1).node_id))
    writer.write(b"x")
    await reader.readexactly(1)
    session = writer.get_extra_info("ssl_object").session
    assert session is None or not session.has_ticket
    await closed(writer)


@pytest.mark.parametrize(
    ("role", "expected"),
    [("client", None), ("server", b"x" * 32), ("probe", b"x" * 32), ("client", b"x" * 31)],
)
def test_a_context_that_does_not_fit_its_role_cannot_be_made(
    role: str, expected: bytes | None, identity: Callable[[int], NodeIdentity]
) -> None:
    with pytest.raises(LocalError):
        make_context(identity(1), role, expected)  # type: ignore[arg-type]


def test_every_context_is_as_strict_as_the_design_says(identity: Callable[[int], NodeIdentity]) -> None:
    for context in (
        make_context(identity(1), "server"),
        make_context(identity(1), "client", identity(2).node_id),
        make_context(identity(1), "probe"),
    ):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is context.maximum_version is ssl.TLSVersion.TLSv1_3
        assert context.verify_flags & NO_CHECK_TIME
        assert context.options & ssl.OP_NO_TICKET
        with pytest.raises(LocalError, match="wrap_socket"):
            context.wrap_socket(None)
    assert make_context(identity(1), "server").num_tickets == 0


async def test_an_unproven_stream_has_no_node_id(door: Door) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    with pytest.raises(LocalError, match="make_context"):
        peer_node_id(writer)
    await closed(writer)
    await door.outcome()
