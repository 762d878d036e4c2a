"""Neighbours that cost little: they greet as a real hub does, then only send, acknowledge and count.

A puppet's greeting is made by a real core with an empty store, so it follows the protocol whatever that becomes; once
the link is open its core is out of the way. It acknowledges what it gets, pulls what is named to it, asks for records
unasked as a branch of a tree does, and keeps no more under way than a hub's window. Who calls: `ingest`.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

import msgpack

from bench.world import BenchHub, World, dial_as
from hartig_node.clock import Clock
from hartig_node.net.links import Link
from hartig_node.ports import Loaded
from hartig_node.tasks import Tasks
from hartig_protocol.events import FrameReceived, LinkOpened, RecordsPublished, SendFrame
from hartig_protocol.hub import Hub
from hartig_protocol.limits import CHECK_BYTES, NONCE_BYTES, PULLS_PER_FRAME_MAX, SHORT_BYTES, WINDOW_RECORDS_MAX
from hartig_protocol.records.record import Record
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.intake import weight_of, weight_of_names
from hartig_protocol.sync.messages import (
    LIVE,
    Ack,
    Checked,
    Message,
    Pong,
    Prefer,
    Pull,
    Records,
)
from hartig_protocol.sync.state import load_state

RECORDS, ACK, PING, HAVE = 4, 5, 10, 14  # the numbers of messages, as their first item says
_EMPTY = bytes(CHECK_BYTES)


def frames_of(records: Sequence[Record], batch: int) -> list[bytes]:
    """Records as a hub sends them when they are new."""
    wires = [record.wire for record in records]
    return [pack(Records(LIVE, tuple(wires[at : at + batch]), False)) for at in range(0, len(wires), batch)]


class Puppet:
    """One neighbour of the hub that is measured; `said` is the CRC-32 of all frames so far (SPEC M5)."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._said = 0
        self.records_heard = 0
        self.dealt_with = 0  # by the hub, as it acknowledges: what that counts in a window
        self.on_records: Callable[[Sequence[Any]], None] | None = None
        self._weight_heard = 0
        self._changed = asyncio.Event()

    async def listen(self) -> None:
        """Take what comes until the link ends."""
        while True:
            frame = await self.link.receive()
            message = msgpack.unpackb(frame, strict_map_key=False)
            if message[0] == RECORDS:
                self.records_heard += len(message[2])
                if self.on_records is not None:
                    self.on_records(message[2])
                await self._acknowledge(max(1, sum(map(weight_of, message[2]))))
            elif message[0] == HAVE:
                await self._acknowledge(weight_of_names(message[1]))
                await self._pull(message[1])
            elif message[0] == ACK:
                self.dealt_with = message[1]
            elif message[0] == PING:
                await self.say(Pong(message[1]))
            self._changed.set()

    async def _acknowledge(self, weight: int) -> None:
        self._weight_heard += weight
        await self.say(Ack(self._weight_heard))

    async def _pull(self, short: bytes) -> None:
        step = PULLS_PER_FRAME_MAX * SHORT_BYTES
        for start in range(0, len(short), step):
            await self.say(Pull(short[start : start + step]))

    async def send(self, frames: Sequence[bytes], batch: int) -> None:
        """Send frames, no more at a time than a hub has under way."""
        before = self.dealt_with
        for count, frame in enumerate(frames):
            sent = count * batch
            await self.until(lambda sent=sent: sent - (self.dealt_with - before) < WINDOW_RECORDS_MAX)
            await self.send_one(frame)

    async def say(self, message: Message) -> None:
        """Say a message, with the check of the link where it has one."""
        await self.send_one(pack(replace(message, said=self._said) if isinstance(message, Checked) else message))

    async def send_one(self, frame: bytes) -> None:
        """Send a frame, and count it in."""
        self._said = crc32(frame, self._said)
        await self.link.send(frame)

    async def until(self, condition: object) -> None:
        """Wait until what was heard makes a condition true."""
        while not condition():  # type: ignore[operator]
            self._changed.clear()
            await self._changed.wait()


async def greeted(world: World, number: int, hub: BenchHub, tasks: Tasks) -> Puppet:
    """Return a puppet whose link is open and which has heard the proofs that the hub holds."""
    link = await dial_as(world, number, hub)
    clock = Clock("trusted")
    identity = world.identity(number)
    loaded = Loaded(secrets.token_bytes(16), 0, _EMPTY, [], {}, [], [])
    core = Hub(load_state(world.network.id, world.key(number), identity.node_id, loaded), clock.now())
    core.handle(RecordsPublished(1, tuple(record.wire for record in world.proofs())), clock.now())
    opening = LinkOpened(1, hub.identity.node_id, True, secrets.token_bytes(NONCE_BYTES))
    actions = core.handle(opening, clock.now())
    puppet = Puppet(link)
    while not core.state.sessions[1].is_open:
        for action in actions:
            if isinstance(action, SendFrame):
                await puppet.send_one(action.frame)
        actions = core.handle(FrameReceived(1, await link.receive()), clock.now())
    tasks.start(puppet.listen(), f"puppet {number}")
    # As a hub says that has pulled a record of theirs: send me the next ones unasked.
    origins = [world.key(one).public[:SHORT_BYTES] for one in range(1, world.hubs + 1) if one != number]
    await puppet.say(Prefer(b"".join(origins), True))
    return puppet
