"""Links in memory between engines, or to a test that looks at what is sent."""

import asyncio

from hartig_protocol.errors import RemoteError


class PipeLink:
    """One end of a link in memory."""

    def __init__(self, peer_node_id: bytes, *, opened_by_us: bool) -> None:
        self.peer_node_id, self.opened_by_us = peer_node_id, opened_by_us
        self.peer_address = ("192.0.2.1", 4279)
        self.bytes_in = self.bytes_out = 0
        self.inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.other: PipeLink | None = None
        self.sent: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.closed = ""

    async def receive(self) -> bytes:
        frame = await self.inbox.get()
        if frame is None:
            raise RemoteError("closed", "the link has ended")
        return frame

    def receive_more(self, bytes_max: int) -> list[bytes]:
        frames = []
        while bytes_max > 0 and not self.inbox.empty() and (frame := self.inbox.get_nowait()):
            frames.append(frame)
            bytes_max -= len(frame)
        return frames

    async def send(self, frame: bytes) -> None:
        await self.reads.wait()
        self.sent.append(frame)
        if self.other is not None:
            self.other.inbox.put_nowait(frame)

    def close(self, reason: str) -> None:
        if not self.closed:
            self.closed = reason
            self.inbox.put_nowait(None)
            self.reads.set()
            if self.other is not None:
                self.other.inbox.put_nowait(None)


def pipes(dialler_node: bytes, acceptor_node: bytes) -> tuple[PipeLink, PipeLink]:
    """Return the two ends of a link: the dialler's, which has proven the acceptor, and the other way round."""
    dialled, accepted = PipeLink(acceptor_node, opened_by_us=True), PipeLink(dialler_node, opened_by_us=False)
    dialled.other, accepted.other = accepted, dialled
    return dialled, accepted
