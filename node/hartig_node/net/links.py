"""A link: whole frames to and from one proven peer.

Comes in: the two ends of a TLS stream, from `peer_server.py` or `dialing.py`. Goes out: frames as bytes; what
they mean is the business of whoever serves the link. A frame on the wire is its length, 4 bytes big-endian,
then so many bytes. The length is judged as soon as it is here, so a peer can make us hold one frame, and what the
stream reader holds anyway, and no more.

Frames may be as small as one record, so what a frame costs beside its bytes is kept small: several are taken from
one read, and what is sent within one turn of the loop goes out together, as one TLS record and one packet.

Duty: one task receives; any number may send. Whoever gets a `RemoteError` from a link is done with it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from hartig_node.net.tls import peer_node_id
from hartig_protocol.errors import LocalError, RemoteError
from hartig_protocol.limits import FRAME_BYTES_MAX
from hartig_protocol.values import value

logger = logging.getLogger(__name__)

PREFIX_BYTES = 4
# Of the stream reader: it holds at most twice this before it stops reading from the socket.
READ_BUFFER_BYTES = 64 * 1024
WRITE_BUFFER_BYTES = 64 * 1024
TOGETHER_BYTES_MAX = 16 * 1024  # of frames that go out together: a whole TLS record


@value
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
        self._read_ahead = bytearray()  # read and not yet handed out; `_read_at` is where the next frame begins
        self._read_at = 0
        self._frame_due_s: float | None = None  # when (loop time) the frame whose length is here must be whole
        self._together = bytearray()  # sent here in this turn of the loop
        self._loop = asyncio.get_running_loop()
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
        return len(self._together) + self._writer.transport.get_write_buffer_size()

    async def receive(self) -> bytes:
        """Return the next frame; may be cancelled and called again without losing a byte.

        Raises `LinkError` on a bad length, a frame that stops in the middle or takes too long, and
        `LinkClosedError` when the link ended between two frames.
        """
        while (frame := self._next_frame()) is None:
            await self._read_more()
        if self._on_first_frame is not None:
            self._on_first_frame()
            self._on_first_frame = None
        return frame

    def receive_more(self, bytes_max: int) -> list[bytes]:
        """Return the next frames that are here already, until they have so many bytes together, and wait for none.

        What is wrong behind them is left for `receive` to say.
        """
        frames, ahead, at = [], self._read_ahead, self._read_at
        while bytes_max > 0 and len(ahead) >= at + PREFIX_BYTES:
            start = at + PREFIX_BYTES
            count = int.from_bytes(ahead[at:start], "big")
            if not 0 < count <= min(len(ahead) - start, self._limits.frame_bytes_max):
                break
            at = start + count
            frames.append(bytes(ahead[start:at]))
            bytes_max -= count
        self._read_at = at
        return frames

    async def send(self, frame: bytes) -> None:
        """Send one frame, and wait while the peer is slow to take it.

        Raises `LinkClosedError` when the link is over, and ends it when the peer takes nothing for too long.
        """
        if not 0 < len(frame) <= self._limits.frame_bytes_max:
            raise LocalError(f"link: a frame has 1 to {self._limits.frame_bytes_max} bytes, not {len(frame)}")
        # Behind the lock at most one frame is in the buffers, however many tasks send.
        async with self._sending:
            self._require_open()
            self._write_together(frame)
            if self.buffered_bytes > WRITE_BUFFER_BYTES:
                self._flush()
                await self._drain()

    def close(self, reason: str) -> None:
        """Say farewell and close; what was sent is still delivered if the peer takes it within moments."""
        if self.closed_because is None:
            self._flush()
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

    def _write_together(self, frame: bytes) -> None:
        if not self._together:
            self._loop.call_soon(self._flush)
        self._together += len(frame).to_bytes(PREFIX_BYTES, "big")
        self._together += frame
        self.bytes_out += PREFIX_BYTES + len(frame)
        if len(self._together) >= TOGETHER_BYTES_MAX:
            self._flush()

    def _flush(self) -> None:
        """Hand what was sent here to the socket; harmless when there is nothing, or when the link is over."""
        if self._together and self.closed_because is None:
            self._writer.write(bytes(self._together))
        self._together.clear()

    def _next_frame(self) -> bytes | None:
        """Return the next frame if all of it is here."""
        ahead, start = self._read_ahead, self._read_at + PREFIX_BYTES
        if len(ahead) < start:
            return None
        end = start + self._checked_length(ahead[self._read_at : start])
        if len(ahead) < end:
            if self._frame_due_s is None:
                self._frame_due_s = self._loop.time() + self._limits.frame_s_max
            return None
        frame = bytes(memoryview(ahead)[start:end])
        self._read_at, self._frame_due_s = end, None
        if end == len(ahead):
            ahead.clear()
            self._read_at = 0
        return frame

    async def _read_more(self) -> None:
        if self._read_at:
            del self._read_ahead[: self._read_at]
            self._read_at = 0
        try:
            async with asyncio.timeout_at(self._frame_due_s):
                data = await self._reader.read(READ_BUFFER_BYTES)
        except TimeoutError as error:
            count = int.from_bytes(self._read_ahead[:PREFIX_BYTES], "big")
            message = f"a frame of {count} bytes took longer than {self._limits.frame_s_max:g} s"
            raise self._broken("link.slow_frame", message) from error
        except OSError as error:
            raise self._over(f"the connection broke: {error.strerror or error}") from error
        if not data and self._read_ahead:
            raise self._broken("link.truncated", "the link ended in the middle of a frame")
        if not data:
            raise self._over("the other hub ended the link")
        self.bytes_in += len(data)
        self._read_ahead += data

    def _checked_length(self, prefix: bytes | bytearray) -> int:
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
            self.abort(f"the other hub took nothing for {self._limits.send_s_max:g} s")
            raise self._over("") from error
        except OSError as error:
            raise self._over(f"the connection broke: {error.strerror or error}") from error

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
