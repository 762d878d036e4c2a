"""What all use cases share."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hartig_node.board.errors import BoardError
from hartig_node.board.signing import Pen
from hartig_node.clock import Clock
from hartig_node.engine import Engine
from hartig_node.ports import Store, StoreFullError
from hartig_protocol.events import PrivateRow, Refusal
from hartig_protocol.records.record import Wire


@dataclass
class Settings:
    """What the configuration says that people or programs are shown."""

    name: str
    folder: str
    peer_port: int
    api_port: int
    site_port: int
    languages: tuple[str, ...] = ("en",)
    addresses: tuple[str, ...] = ()
    version: str = ""


@dataclass
class Context:
    """The engine, the store, the pen and the clock of one node."""

    engine: Engine
    store: Store
    pen: Pen
    clock: Clock
    node_id: bytes
    settings: Settings
    random_bytes: Callable[[int], bytes]

    hub_names: dict[bytes, str] = field(default_factory=dict)

    def names(self) -> dict[bytes, str]:
        """Return the names on hubs' cards, by hub key."""
        return self.hub_names

    def start_publish(
        self, record: Wire, private: Sequence[PrivateRow] = ()
    ) -> asyncio.Future[tuple[Refusal | None, ...]]:
        """Hand one record to the engine; the answer comes when it is durable. A full disk is an error, not a wait."""
        if self.engine.stuck is not None:
            raise BoardError("disk_full", self.engine.stuck, "free some space on the hub's disk; nothing was lost")
        return self.engine.start_publish([record], private)

    async def publish_one(self, record: Wire, private: Sequence[PrivateRow] = ()) -> None:
        """Publish one record or raise `BoardError`."""
        (refusal,) = await self.start_publish(record, private)
        if refusal is not None:
            raise BoardError("refused", f"{refusal.reason} ({refusal.code})")

    async def keep_private(self, rows: Sequence[PrivateRow]) -> None:
        """Make private rows durable."""
        try:
            await self.engine.keep_private(rows)
        except StoreFullError as error:
            raise BoardError("disk_full", str(error)) from error


def thread_of(text: Any) -> bytes:
    """Read the id of a post; raises `BoardError`."""
    try:
        thread = bytes.fromhex(text)
    except (TypeError, ValueError):
        thread = b""
    if len(thread) != 16:
        raise BoardError("not_found", f"{str(text)[:60]!r} is no id of a post", "an id has 32 hexadecimal digits")
    return thread
