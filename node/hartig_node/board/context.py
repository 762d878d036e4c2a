"""What all use cases share."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hartig_node.board.errors import BoardError
from hartig_node.board.partners.cards import PartnerCards
from hartig_node.board.partners.held import Held, HeldPartners, given_up, held_of, name_of, open_sets
from hartig_node.board.sealing import BoxKey
from hartig_node.board.signing import Pen
from hartig_node.clock import Clock
from hartig_node.engine import Engine
from hartig_node.ports import Store, StoreFullError
from hartig_protocol.events import Notice, PrivateRow, Refusal
from hartig_protocol.records.record import Record, Wire

STUCK_LOOK_S = 1.0  # how often a caller who waits looks whether the disk is full


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
    """The engine, the store, the pen and the clock of one node. `box` opens what is sealed to this hub."""

    engine: Engine
    store: Store
    pen: Pen
    clock: Clock
    node_id: bytes
    settings: Settings
    random_bytes: Callable[[int], bytes]
    box: BoxKey

    hub_names: dict[bytes, str] = field(default_factory=dict)
    labels: dict[bytes, str] = field(default_factory=dict)  # private, by key: only where people are looked after
    hub_boxes: dict[bytes, bytes] = field(default_factory=dict)  # the keys to seal to, by hub key
    boxes_abroad: dict[bytes, bytes] = field(default_factory=dict)  # the same of partner networks, by network and hub
    partners: HeldPartners = field(default_factory=dict)  # what is held of partner networks, by their ids
    cards: PartnerCards = field(init=False)  # what their hubs are called

    def __post_init__(self) -> None:
        self.cards = PartnerCards(lambda: self.partners)

    def names(self) -> dict[bytes, str]:
        """Return the names on hubs' cards, by hub key."""
        return self.hub_names

    def network_name(self, network: bytes) -> str:
        """Return what a partner network calls itself; empty where that is not known."""
        held = held_of(self.partners.get(network))
        return "" if held is None else name_of(held[0])

    async def holder_of(self, thread: bytes) -> Held | None:
        """Return the catalog and the store that hold a post: our own before those of partner networks."""
        if await self.store.post(thread) is not None:
            return self.pen.catalog, self.store
        for network, (catalog, store) in open_sets(self.partners):
            with given_up(network):
                if await store.post(thread) is not None:
                    return catalog, store
        return None

    async def publish(
        self, records: Sequence[Record | Wire], private: Sequence[PrivateRow] = ()
    ) -> tuple[Refusal | None, ...]:
        """Hand records to the engine and wait until they are durable; return each one's refusal, or None.

        A full disk is an error, not an endless wait. What was handed in before it was noticed is kept in memory and
        becomes durable when there is room, and the error says so.
        """
        if self._is_stuck():
            detail = "the disk is full, so nothing can be added now"
            raise BoardError("disk_full", detail, "free some space on the hub's disk; nothing was lost")
        answer = self.engine.start_publish(records, private)
        while not answer.done():
            await asyncio.wait({answer}, timeout=STUCK_LOOK_S)
            if not answer.done() and self._is_stuck():
                detail = "the disk is full: this waits in memory, and is posted as soon as there is room"
                raise BoardError("disk_full", detail, "free some space on the hub's disk, and do not post it again")
        return answer.result()

    def _is_stuck(self) -> bool:
        return self.engine.stuck is not None

    async def publish_one(self, record: Record | Wire, private: Sequence[PrivateRow] = ()) -> None:
        """Publish one record or raise `BoardError`."""
        (refusal,) = await self.publish([record], private)
        if refusal is not None:
            raise refused(refusal)

    async def keep_private(self, rows: Sequence[PrivateRow], notices: Sequence[Notice] = ()) -> None:
        """Make private rows durable, with events about them."""
        try:
            await self.engine.keep_private(rows, notices)
        except StoreFullError as error:
            raise BoardError("disk_full", str(error)) from error


def refused(refusal: Refusal) -> BoardError:
    """Say why the hub did not take a record."""
    return BoardError("refused", f"{refusal.reason} ({refusal.code})")


def thread_of(text: Any) -> bytes:
    """Read the id of a post; raises `BoardError`."""
    try:
        thread = bytes.fromhex(text)
    except (TypeError, ValueError):
        thread = b""
    if len(thread) != 16:
        raise BoardError("not_found", f"{str(text)[:60]!r} is no id of a post", "an id has 32 hexadecimal digits")
    return thread
