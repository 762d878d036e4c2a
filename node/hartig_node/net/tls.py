"""The channel: TLS 1.3 in which both sides prove an Ed25519 node key.

Comes in: our identity and, when dialling, the node id that must answer. Goes out: `ssl.SSLContext`s that
refuse anybody else before one application byte is read or written, and the peer's node id afterwards. Who
calls: `links.py`, and the daemon once at start (`prove_pinning`).

The standard library has no call-back for "is this the certificate I want". What it has is `sslobject_class`:
asyncio drives the handshake through that object, so a check at the end of its `do_handshake` is a check at
the end of every handshake. In TLS 1.3 the side that dials finishes first: its check runs before its own last
flight leaves. Why so, and what was tried and broken instead, stands in `node/DESIGN.md`.

The organisers' door is apart: browsers know no node keys, so there the hub alone shows a certificate
(`make_desk_context`), and who may stay is judged by the session.
"""

import hmac
import os
import ssl
from asyncio import BaseTransport, StreamWriter
from typing import Any, Literal, NoReturn

from cryptography.hazmat.primitives.serialization import Encoding

from hartig_node.net.certificates import NODE_ID_BYTES, NodeIdentity, node_id_in, public_authority
from hartig_node.net.desk_certificate import DeskCertificate
from hartig_protocol.errors import LocalError

ALPN = "hartig/1"

_OPTIONS = ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
# For TLS 1.2: with forward secrecy and authenticated encryption alone (RFC 9325, 4.2). TLS 1.3 has no other.
_BROWSER_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL (x509_vfy.h): boards without a clock boot in 1970.
NO_CHECK_TIME = 0x200000

Role = Literal["server", "client", "probe"]


class PeerRefusedError(ssl.SSLCertVerificationError):
    """The handshake was sound, but the peer is not one whom we talk to on this channel."""


class PinnedContext(ssl.SSLContext):
    """A context whose connections check the peer's node key; made by `make_context` only."""

    expected_node_id: bytes | None = None

    def wrap_socket(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Refuse: a blocking socket would pass by the check in `PinnedObject`."""
        raise LocalError("tls: use asyncio; wrap_socket would not check the peer's key")


class PinnedObject(ssl.SSLObject):
    """One connection; holds the peer's node id once its handshake is done."""

    peer_node_id: bytes | None = None

    def do_handshake(self) -> None:
        """Finish the handshake, then refuse whoever is not an Ed25519 node or not the expected one."""
        super().do_handshake()
        self.peer_node_id = _checked_peer(self)


def make_context(identity: NodeIdentity, role: Role, expected: bytes | None = None) -> PinnedContext:
    """Return a context for one role: every TLS connection between nodes comes from here.

    Args:
        identity: our own node key.
        role: `server` takes any node (who may stay is judged by the hello), `client` takes `expected` alone,
            `probe` takes any node too, for a caller who sends nothing and only reads who is there.
        expected: the 32-byte node id that must answer; given for `client` and for no other role.

    Raises `LocalError` when role and `expected` do not fit, so an unpinned client cannot come about by
    accident.
    """
    if (expected is not None) != (role == "client"):
        raise LocalError(f"tls: role {role!r} with expected={expected!r}; a client, and only it, expects one node")
    if expected is not None and len(expected) != NODE_ID_BYTES:
        raise LocalError(f"tls: a node id has {NODE_ID_BYTES} bytes, not {len(expected)}")
    context = PinnedContext(ssl.PROTOCOL_TLS_SERVER if role == "server" else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # nodes are keys, not names
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.options |= _OPTIONS
    if role == "server":
        context.num_tickets = 0  # no resumption: each connection proves its key anew
    context.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)
    context.set_alpn_protocols([ALPN])
    context.load_verify_locations(cadata=public_authority()[1].public_bytes(Encoding.DER))
    _load_chain(context, identity.private_key_pem(), identity.certificate_pem)
    context.expected_node_id = expected
    context.sslobject_class = PinnedObject
    return context


def make_desk_context(certificate: DeskCertificate) -> ssl.SSLContext:
    """Return the context of the organisers' door; TLS 1.2 is good enough for it, since old phones are what there is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_BROWSER_CIPHERS)
    context.options |= _OPTIONS
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    _load_chain(context, certificate.private_key_pem, certificate.certificate_pem)
    return context


def peer_node_id(stream: StreamWriter | BaseTransport) -> bytes:
    """Return the node id of the peer at the other end of a connection made with our contexts."""
    ssl_object = stream.get_extra_info("ssl_object")
    if not isinstance(ssl_object, PinnedObject) or ssl_object.peer_node_id is None:
        raise LocalError("tls: this connection was not made with make_context, or its handshake is not done")
    return ssl_object.peer_node_id


def _checked_peer(connection: PinnedObject) -> bytes:
    if connection.selected_alpn_protocol() != ALPN:
        # OpenSSL goes on without a protocol when the two sides share none.
        raise PeerRefusedError(f"the other side does not speak {ALPN}")
    certificate = connection.getpeercert(binary_form=True)
    if certificate is None:
        raise PeerRefusedError("the other side showed no certificate")
    try:
        node_id = node_id_in(certificate)
    except ValueError as error:
        raise PeerRefusedError(str(error)) from error
    context = connection.context
    if not isinstance(context, PinnedContext):
        raise LocalError("tls: PinnedObject belongs to PinnedContext")
    expected = context.expected_node_id
    if expected is not None and not hmac.compare_digest(node_id, expected):
        raise PeerRefusedError(f"another node answered: {node_id.hex()[:12]}, expected {expected.hex()[:12]}")
    return node_id


def _load_chain(context: ssl.SSLContext, private_key_pem: bytes, certificate_pem: bytes) -> None:
    with MemoryFile(private_key_pem + certificate_pem) as path:
        context.load_cert_chain(path)


class MemoryFile:
    """A file in memory alone: `load_cert_chain` reads paths, and a key must not touch the disk."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __enter__(self) -> str:
        self._descriptor = os.memfd_create("hartig-node-key", os.MFD_CLOEXEC)
        written = os.write(self._descriptor, self._content)
        if written != len(self._content):
            os.close(self._descriptor)
            raise LocalError(f"tls: only {written} of {len(self._content)} bytes fitted into memory")
        return f"/proc/self/fd/{self._descriptor}"

    def __exit__(self, *_error: object) -> None:
        os.close(self._descriptor)
