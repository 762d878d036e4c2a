"""What waits to be sent on one link: bounded, in order, by a task of its own, so that one slow peer delays nobody.

The core keeps its stream to a peer within a window; what else is sent (lists of ids, answers) is bounded here.
"""

import asyncio
from collections import deque
from typing import Protocol

from hartig_protocol.errors import RemoteError

OUTBOX_BYTES_MAX = 24 * 1024 * 1024  # the full list of 500,000 ids is 17 MB
GOODBYE_S = 2.0  # how long a last word may take


class LinkPort(Protocol):
    """One channel to one node, proven by its key."""

    @property
    def peer_node_id(self) -> bytes:
        """The 32-byte public key that the channel has proven."""

    @property
    def peer_address(self) -> tuple[str, int]:
        """Host and port of the other end."""

    @property
    def opened_by_us(self) -> bool:
        """Whether this side dialled."""

    @property
    def bytes_in(self) -> int:
        """Bytes received so far."""

    @property
    def bytes_out(self) -> int:
        """Bytes sent so far."""

    async def receive(self) -> bytes:
        """Return the next whole frame; raises `RemoteError` when there will be none."""

    def receive_more(self, bytes_max: int) -> list[bytes]:
        """Return the frames that are here already, at most so many bytes of them and one frame more."""

    async def send(self, frame: bytes) -> None:
        """Send a frame, waiting while the other side does not read."""

    def close(self, reason: str) -> None:
        """End the channel; harmless when repeated."""


class Outbox:
    """The queue in front of one link."""

    def __init__(self, link: LinkPort) -> None:
        self._link = link
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._last_words: str | None = None

    def __repr__(self) -> str:
        return f"<Outbox {len(self._frames)} frames, {self._bytes} bytes>"

    def put(self, frame: bytes) -> bool:
        """Queue a frame; false where the peer has let too much pile up."""
        if self._last_words is not None:
            return True
        if self._bytes + len(frame) > OUTBOX_BYTES_MAX:
            return False
        self._frames.append(frame)
        self._bytes += len(frame)
        self._wake.set()
        return True

    def finish(self, reason: str) -> None:
        """Send what is queued (the reason for the end is among it), then close the link."""
        self._last_words = reason
        self._wake.set()

    def abort(self, reason: str) -> None:
        """Close the link without sending what is queued."""
        self._frames.clear()
        self.finish(reason)

    async def run(self) -> None:
        """Send until the link ends."""
        try:
            while self._last_words is None or self._frames:
                if not self._frames:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                frame = self._frames.popleft()
                self._bytes -= len(frame)
                if self._last_words is None:
                    await self._link.send(frame)
                    continue
                async with asyncio.timeout(GOODBYE_S):
                    await self._link.send(frame)
        except (RemoteError, OSError) as error:
            self._last_words = str(error)
        self._link.close(self._last_words or "closed")
