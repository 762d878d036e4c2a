"""A link: whole frames to and from one proven peer.

Comes in: the two ends of a TLS stream, from `peer_server.py` or `dialing.py`. Goes out: frames as bytes; what
they mean is the business of whoever serves the link. A frame on the wire is its length, 4 bytes big-endian,
then so many bytes. The length is judged before anything is read, so a peer can make us hold one frame and no
more.

Duty: one task receives; any number may send. Whoever gets a `RemoteError` from a link is done with it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hartig_node.net.tls import peer_node_id
from hartig_protocol.errors import LocalError, RemoteError
from hartig_protocol.limits import FRAME_BYTES_MAX

logger = logging.getLogger(__name__)

PREFIX_BYTES = 4
# Of the stream reader: it holds at most twice this before it stops reading from the socket.
READ_BUFFER_BYTES = 64 * 1024
WRITE_BUFFER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """The bounds of one link.

    Attributes:
        frame_bytes_max: reconciliation with 4 KiB took 96 round trips, with 64 KiB and more a few; four times
            that.
        send_s_max: how long a peer may take no bytes before it loses the link.
        frame_s_max: how long a frame may take from its length to its end; 256 KiB in 30 s are 70 kbit/s.
    """

    frame_bytes_max: int = FRAME_BYTES_MAX
    send_s_max: float = 30.0
    frame_s_max: float = 30.0


class LinkError(RemoteError):
    """The peer broke the framing; the link is closed."""


class LinkClosedError(RemoteError):
    """The link is over: either side closed it, or the network did."""


class Link:
    """One open connection to one peer, in whole frames."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        opened_by_us: bool,
        limits: LinkLimits | None = None,
        on_first_frame: Callable[[], None] | None = None,
    ) -> None:
        """Wrap a stream made with `tls.make_context`; its handshake is done."""
        self.peer_node_id = peer_node_id(writer)
        self.peer_address: tuple[str, int] = writer.get_extra_info("peername")[:2]
        self.local_address: str = writer.get_extra_info("sockname")[0]
        self.opened_by_us = opened_by_us
        self.bytes_in = 0
        self.bytes_out = 0
        self.closed_because: str | None = None
        self._reader = reader
        self._writer = writer
        self._limits = limits or LinkLimits()
        self._on_first_frame = on_first_frame
        self._frame_bytes: int | None = None  # of the frame whose length is read and whose bytes are not
        self._sending = asyncio.Lock()
        # typeshed knows the transport of a writer by its half that writes; it is a whole one.
        writer.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)

    def __repr__(self) -> str:
        side = "opened by us" if self.opened_by_us else "opened by them"
        state = f"closed: {self.closed_because}" if self.closed_because else "open"
        return f"<Link {self.peer_node_id.hex()[:12]} {side}, in {self.bytes_in}, out {self.bytes_out}, {state}>"

    @property
    def buffered_bytes(self) -> int:
        """Bytes that were sent here and that the socket has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    async def receive(self) -> bytes:
        """Return the next frame; may be cancelled and called again without losing a byte.

        Raises `LinkError` on a bad length, a frame that stops in the middle or takes too long, and
        `LinkClosedError` when the link ended between two frames.
        """
        if self._frame_bytes is None:
            prefix = await self._read(PREFIX_BYTES)
            self._frame_bytes = self._checked_length(prefix)
        try:
            async with asyncio.timeout(self._limits.frame_s_max):
                frame = await self._read(self._frame_bytes)
        except TimeoutError as error:
            message = f"a frame of {self._frame_bytes} bytes took longer than {self._limits.frame_s_max:g} s"
            raise self._broken("link.slow_frame", message) from error
        self._frame_bytes = None
        if self._on_first_frame is not None:
            self._on_first_frame()
            self._on_first_frame = None
        return frame

    async def send(self, frame: bytes) -> None:
        """Send one frame, and wait while the peer is slow to take it.

        Raises `LinkClosedError` when the link is over, and ends it when the peer takes nothing for too long.
        """
        if not 0 < len(frame) <= self._limits.frame_bytes_max:
            raise LocalError(f"link: a frame has 1 to {self._limits.frame_bytes_max} bytes, not {len(frame)}")
        # Behind the lock at most one frame is in the buffers, however many tasks send.
        async with self._sending:
            self._require_open()
            self._writer.write(len(frame).to_bytes(PREFIX_BYTES, "big") + frame)
            self.bytes_out += PREFIX_BYTES + len(frame)
            await self._drain()

    def close(self, reason: str) -> None:
        """Say farewell and close; what was sent is still delivered if the peer takes it within moments."""
        if self.closed_because is None:
            self.closed_because = reason
            self._writer.close()

    def abort(self, reason: str) -> None:
        """Close at once; what the peer has not taken is lost."""
        if self.closed_because is None:
            self.closed_because = reason
        self._writer.transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the connection is gone."""
        with contextlib.suppress(OSError):  # how it ended was told to whoever received or sent
            await self._writer.wait_closed()

    async def _read(self, count: int) -> bytes:
        try:
            data = await self._reader.readexactly(count)
        except asyncio.IncompleteReadError as error:
            if error.partial or self._frame_bytes is not None:
                raise self._broken("link.truncated", "the link ended in the middle of a frame") from error
            raise self._over("the peer closed the link") from error
        except OSError as error:
            raise self._over(f"the connection broke: {error}") from error
        self.bytes_in += count
        return data

    def _checked_length(self, prefix: bytes) -> int:
        count = int.from_bytes(prefix, "big")
        if count == 0:
            raise self._broken("link.empty_frame", "a frame of no bytes")
        if count > self._limits.frame_bytes_max:
            message = f"a frame of {count} bytes, where at most {self._limits.frame_bytes_max} are allowed"
            raise self._broken("link.oversize_frame", message)
        return count

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._limits.send_s_max):
                await self._writer.drain()
        except TimeoutError as error:
            self.abort(f"the peer took nothing for {self._limits.send_s_max:g} s")
            raise self._over("") from error
        except OSError as error:
            raise self._over(f"the connection broke: {error}") from error

    def _require_open(self) -> None:
        if self.closed_because is not None or self._writer.is_closing():
            raise self._over("the link is closed")

    def _broken(self, code: str, message: str) -> LinkError:
        if self.closed_because is not None:
            message = f"{message} ({self.closed_because})"
        self.abort(message)
        return LinkError(code, message)

    def _over(self, message: str) -> LinkClosedError:
        self.abort(message)
        return LinkClosedError("link.closed", self.closed_because or message)


async def serve_link(link: Link, on_link: Callable[[Link], Awaitable[None]]) -> None:
    """Give `link` to `on_link`; when that returns, raises or is cancelled, the link's life is over.

    `RemoteError` and `OSError` end here: they cost this link and nothing else.
    """
    reason = "done"
    try:
        await on_link(link)
    except (RemoteError, OSError) as error:
        reason = str(error)
        logger.info("%r ended: %s", link, error)
    except asyncio.CancelledError:
        reason = "this hub closes the link"
        raise
    finally:
        link.close(reason)
