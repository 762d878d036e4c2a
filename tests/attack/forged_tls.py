"""The client's half of a TLS 1.3 handshake (RFC 8446), written out so that a test can forge any word of it.

    with ForgedClient(port) as client:
        client.shake_hands(certificate_der, sign=lambda message: made_up)
        client.send(data)
        answer = client.receive()        # nothing where the hub hung up

TLS libraries sign with the key of the certificate that they show, or not at all. Here both are arguments, so it can be
tried to show somebody else's certificate, or one whose key verifies a signature that nobody ever made. One cipher, one
curve, no resumption, nothing of the server is checked: it is the attacker's. Who calls: `test_channel`.
"""

import hashlib
import hmac
import socket
from collections.abc import Callable
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from attack.hostile import ALPN, LOOPBACK, PATIENCE_S, own_address

_CHACHA = 0x1303  # TLS_CHACHA20_POLY1305_SHA256
_ED25519 = 0x0807
_X25519 = 0x001D
_HANDSHAKE, _DATA = 22, 23
_SERVER_HELLO, _CERTIFICATE_REQUEST, _FINISHED = 2, 13, 20
_SIGNED = b" " * 64 + b"TLS 1.3, client CertificateVerify\x00"


def _sized(data: bytes, length_bytes: int) -> bytes:
    return len(data).to_bytes(length_bytes, "big") + data


def _two(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


def _message(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + _sized(content, 3)


def _expand(secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446, 7.1) for at most one block."""
    info = _two(length) + _sized(b"tls13 " + label.encode(), 1) + _sized(context, 1)
    return hmac.digest(secret, info + b"\x01", "sha256")[:length]


class _Keys:
    """One direction of a channel."""

    def __init__(self, secret: bytes) -> None:
        self.secret, self._count = secret, 0
        self._aead, self._iv = ChaCha20Poly1305(_expand(secret, "key", b"", 32)), _expand(secret, "iv", b"", 12)

    def _nonce(self) -> bytes:
        number = int.from_bytes(self._iv, "big") ^ self._count
        self._count += 1
        return number.to_bytes(12, "big")

    def seal(self, kind: int, content: bytes) -> bytes:
        header = b"\x17\x03\x03" + _two(len(content) + 17)
        return header + self._aead.encrypt(self._nonce(), content + bytes([kind]), header)

    def open(self, header: bytes, sealed: bytes) -> tuple[int, bytes]:
        plain = self._aead.decrypt(self._nonce(), sealed, header).rstrip(b"\0")
        return plain[-1], plain[:-1]


class ForgedClient:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((LOOPBACK, port), PATIENCE_S, (own_address(), 0))
        self._transcript = b""
        self._ours: _Keys | None = None
        self._theirs: _Keys | None = None
        self._handshake = b""  # of the server, and not read yet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def shake_hands(self, certificate_der: bytes, sign: Callable[[bytes], bytes]) -> None:
        """Do the whole handshake; whether the server liked it shows only in what it says afterwards."""
        private = X25519PrivateKey.generate()
        hello = _message(1, self._hello(private.public_key().public_bytes_raw()))
        self._transcript += hello
        self._socket.sendall(b"\x16\x03\x01" + _sized(hello, 2))
        shared = private.exchange(X25519PublicKey.from_public_bytes(self._server_share()))
        early = hmac.digest(bytes(32), bytes(32), "sha256")
        handshake = hmac.digest(self._derive(early, "derived", b""), shared, "sha256")
        ours = _Keys(self._derive(handshake, "c hs traffic", self._transcript))
        self._theirs = _Keys(self._derive(handshake, "s hs traffic", self._transcript))
        while self._next_message()[0] != _FINISHED:
            pass
        master = hmac.digest(self._derive(handshake, "derived", b""), bytes(32), "sha256")
        data_keys = [self._derive(master, label, self._transcript) for label in ("c ap traffic", "s ap traffic")]
        self._socket.sendall(ours.seal(_HANDSHAKE, self._last_flight(certificate_der, sign, ours.secret)))
        self._ours, self._theirs = (_Keys(secret) for secret in data_keys)

    def send(self, data: bytes) -> None:
        """Send application data."""
        assert self._ours is not None, "after the handshake"
        try:
            self._socket.sendall(self._ours.seal(_DATA, data))
        except OSError:
            return

    def receive(self) -> bytes:
        """Return the next application data; nothing where the server says no, or hangs up."""
        assert self._theirs is not None, "after the handshake"
        try:
            header, sealed = self._record()
        except (EOFError, ConnectionError):
            return b""
        kind, content = self._theirs.open(header, sealed)
        return content if kind == _DATA else b""

    def _hello(self, share: bytes) -> bytes:
        extensions = (
            _two(43) + _sized(_sized(_two(0x0304), 1), 2)
            + _two(13) + _sized(_sized(_two(_ED25519), 2), 2)
            + _two(10) + _sized(_sized(_two(_X25519), 2), 2)
            + _two(51) + _sized(_sized(_two(_X25519) + _sized(share, 2), 2), 2)
            + _two(16) + _sized(_sized(_sized(ALPN.encode(), 1), 2), 2)
        )  # fmt: skip
        return _two(0x0303) + bytes(32) + b"\0" + _sized(_two(_CHACHA), 2) + b"\x01\0" + _sized(extensions, 2)

    def _server_share(self) -> bytes:
        kind, content = self._next_message()
        assert kind == _SERVER_HELLO, kind
        at = content.index(_two(51, 36, _X25519, 32))  # the extension with the server's share
        return content[at + 8 : at + 40]

    def _last_flight(self, certificate_der: bytes, sign: Callable[[bytes], bytes], secret: bytes) -> bytes:
        flight = _message(11, b"\0" + _sized(_sized(certificate_der, 3) + _two(0), 3))
        signed = _SIGNED + hashlib.sha256(self._transcript + flight).digest()
        flight += _message(15, _two(_ED25519) + _sized(sign(signed), 2))
        key = _expand(secret, "finished", b"", 32)
        whole = hashlib.sha256(self._transcript + flight).digest()
        return flight + _message(_FINISHED, hmac.digest(key, whole, "sha256"))

    def _next_message(self) -> tuple[int, bytes]:
        """Return the server's next handshake message."""
        while len(self._handshake) < 4 or len(self._handshake) < 4 + int.from_bytes(self._handshake[1:4], "big"):
            header, content = self._record()
            kind = header[0]
            if kind == _DATA:
                assert self._theirs is not None, "encrypted before the server's hello"
                kind, content = self._theirs.open(header, content)
            if kind == _HANDSHAKE:
                self._handshake += content
        end = 4 + int.from_bytes(self._handshake[1:4], "big")
        message, self._handshake = self._handshake[:end], self._handshake[end:]
        self._transcript += message
        return message[0], message[4:]

    def _record(self) -> tuple[bytes, bytes]:
        header = self._exactly(5)
        return header, self._exactly(int.from_bytes(header[3:], "big"))

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self._socket.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _derive(self, secret: bytes, label: str, transcript: bytes) -> bytes:
        return _expand(secret, label, hashlib.sha256(transcript).digest(), 32)
