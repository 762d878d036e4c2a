"""A peer that keeps no rule: it speaks TLS and frames by itself, with the keys, certificates and words a test chooses.

    node = Node("thief")                                  # any key; the authority that signs its leaf is public
    link = await Hostile.dial(port, node.context(), hub.node)
    await link.say(greeting)
    assert await link.ending() == "not_a_member"          # the code of the farewell

No code of the hub's own channel is used, so that a fault in it is not made on both sides. Waits end when the hub speaks
or hangs up; the patience is a safety net, and nothing is measured by it. Who calls: the tests beside this.
"""

import asyncio
import ssl
import tempfile
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Self
from zlib import crc32

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hartig_node.net.certificates import issue
from hartig_protocol.errors import MessageError
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.sync.framing import pack, unpack
from hartig_protocol.sync.messages import Bye, Checked, Message, Ping, Pong

LOOPBACK = "127.0.0.1"
ALPN = "hartig/1"
PATIENCE_S = 30.0
_sources = count(1)


def own_address() -> str:
    """Another address of loopback each time, so that a door's cap for one address is met by those who want to."""
    number = next(_sources)
    return f"127.{1 + number // 60_000}.{number // 240 % 250}.{1 + number % 240}"


@dataclass(frozen=True)
class Node:
    """A node key with which to speak TLS; the public authority signs for everybody."""

    seed: bytes

    @property
    def public(self) -> bytes:
        return SigningKey(self.seed).public

    def context(self, *, server: bool = False, alpn: str | None = ALPN) -> ssl.SSLContext:
        """Return what shakes hands with this key, and believes whatever the other side shows."""
        made = bare_context(server=server, alpn=alpn)
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        load_leaf(made, key, issue(self.public).public_bytes(Encoding.PEM))
        return made


def bare_context(*, server: bool = False, alpn: str | None = ALPN) -> ssl.SSLContext:
    """Return what shakes hands with anybody and shows no certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if alpn is not None:
        made.set_alpn_protocols([alpn])
    return made


def load_leaf(context: ssl.SSLContext, key: Any, certificate_pem: bytes) -> None:
    """Show this certificate from now on."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem + certificate_pem)
        file.flush()
        context.load_cert_chain(file.name)


@dataclass
class Hostile:
    """One end of a channel, in frames. `heard` is what the other side has said, `frames` the same as bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[Message] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    _said: int = 0
    _pings: int = 1_000_000

    @classmethod
    async def dial(cls, port: int, context: ssl.SSLContext | None) -> Self:
        """Connect, with TLS where there is a context; raises `OSError` where the handshake fails on this side."""
        name = None if context is None else ""
        source = (own_address(), 0)
        return cls(*await asyncio.open_connection(LOOPBACK, port, ssl=context, server_hostname=name, local_addr=source))

    async def say(self, *said: Message | bytes) -> None:
        """Say messages, or frames as they are."""
        for one in said:
            whole = replace(one, said=self._said) if isinstance(one, Checked) else one
            frame = whole if isinstance(whole, bytes) else pack(whole)
            self._said = crc32(frame, self._said)
            await self.send(len(frame).to_bytes(4, "big") + frame)

    async def send(self, data: bytes) -> None:
        """Send bytes that need not be a frame; whether they arrive shows in the answer."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError:
            pass

    async def hear(self) -> Message | None:
        """Return what is said next; None when the channel has ended."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                length = int.from_bytes(await self.reader.readexactly(4), "big")
                self.frames.append(await self.reader.readexactly(length))
        except TimeoutError as error:
            raise AssertionError(f"neither a word nor an end; heard {self.heard}") from error
        except (OSError, asyncio.IncompleteReadError):
            return None
        message = unpack(self.frames[-1])
        self.heard.append(message)
        return message

    async def hear_until(self, kind: type) -> Any:
        """Return the next message of this kind."""
        while (message := await self.hear()) is not None:
            if type(message) is kind:
                return message
        raise AssertionError(f"the channel ended without {kind.__name__}; heard {self.heard}")

    async def settled(self) -> None:
        """Return when all that was said so far was dealt with, and what was accepted of it is durable."""
        self._pings += 1
        await self.say(Ping(self._pings))
        while await self.hear_until(Pong) != Pong(self._pings):
            pass

    async def ending(self) -> str:
        """Return the code of the farewell, or nothing where the other side hung up without one."""
        try:
            while (message := await self.hear()) is not None:
                if isinstance(message, Bye):
                    return message.code
        except MessageError as error:
            raise AssertionError(f"the hub said what nobody can read: {error}") from error
        finally:
            await self.close()
        return ""

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
