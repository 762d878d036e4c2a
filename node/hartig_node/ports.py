"""The doors of the node: small protocols, each with a real adapter and an in-memory twin under one contract suite.

`Store` is the only one that keeps anything; a hub has one of its own, and `Partitions` one for each partner network.
All its methods are coroutines: the SQLite adapter answers them from its one writer thread. An answer to `commit` means
durable.
"""

import asyncio
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import field
from typing import Protocol

from hartig_protocol.catalog.entry import Entry
from hartig_protocol.events import Commit, Cursor, Told
from hartig_protocol.records.record import Wire
from hartig_protocol.values import value

STEPS_ABOUT_MAX = 64  # many may name one record; what matters of it is in the chains that it belongs to


class StoreError(Exception):
    """The store cannot do what was asked; the message says what, where and what to do."""


class StoreDamagedError(StoreError):
    """The database file is damaged; `verify` and `restore` are the ways out."""


class StoreFullError(StoreError):
    """The disk is full; nothing was acknowledged."""


@value
class Loaded:
    """All that a starting core needs of the store.

    `governance` maps the ids of charters, grants, revocations and cards to their records; `entries` rise by arrival
    number, and so does `said`: of each promise, contact and step that can end one its verb and the id that it names
    (`catalog.contacts.NAMING`).
    """

    epoch: bytes
    last_n: int
    running: bytes
    entries: Sequence[Entry]
    governance: dict[bytes, Wire]
    cursors: Sequence[Cursor]
    told: Sequence[Told]
    said: Sequence[tuple[int, str, bytes]] = ()


@value
class FeedItem:
    """A durable line of the feed, numbered without gaps being promised, always rising."""

    seq: int
    name: str
    at_ms: int
    thread: bytes
    record: bytes
    kind: int
    peer: bytes


@value
class PostFilter:
    """Which needs and offers are wanted; None means any. `now_ms` decides what still stands."""

    now_ms: int
    kind: int | None = None
    category: str | None = None  # the code itself and everything under it
    author: bytes | None = None
    area: str | None = None  # a geohash prefix
    urgency: str | None = None
    level: str | None = None
    mode: str | None = None
    standing: bool = True  # false also lists what ended or expired and is still held
    terms: tuple[str, ...] = ()  # normalised; each must occur in the normalised text
    unless_thread_in: str | None = None  # a space of private rows: posts whose thread is a key there are left out
    unless_author_in: str | None = None  # the same by their author


@value
class StoredPost:
    """A need or an offer as held, with the arrival number of its standing version."""

    n: int
    wire: Wire


@value
class PostPage:
    """One page of a list, newest arrival first; `after` continues it (an arrival number), None at the end."""

    posts: Sequence[StoredPost]
    after: int | None


@value
class StoreStatus:
    """Figures for `status`, `doctor` and `/metrics`."""

    records: int
    posts: int
    unindexed: int  # posts whose text the search does not know yet
    bytes_used: int
    clean_start: bool
    problems: Sequence[str] = field(default_factory=tuple)


class Store(Protocol):
    """What keeps records, cursors, the feed, private rows and the search index."""

    async def load(self) -> Loaded:
        """Return what the core starts from."""

    async def commit(self, commit: Commit) -> Sequence[FeedItem]:
        """Make everything in it durable in one transaction; return its notices, numbered. Idempotent."""

    async def read_arrivals(
        self, after: int, upto: int, records_max: int, bytes_max: int, *, governance: bool
    ) -> tuple[Sequence[Wire], int]:
        """Return non-private records with `after` < n <= `upto`, rising, and through which n was looked at.

        At most `records_max` rows and about `bytes_max` bytes, but at least one row where there is one.
        """

    async def read_records(self, ids: Sequence[bytes]) -> Sequence[Wire]:
        """Return those of the records that are held and not private."""

    async def read_record(self, record_id: bytes) -> StoredPost | None:
        """Return one record of any kind and audience by its id."""

    async def read_thread(self, thread: bytes) -> Sequence[StoredPost]:
        """Return the standing version of a thread and its steps, rising."""

    async def claims_on(self, lot: bytes, after: int, count_max: int) -> Sequence[StoredPost]:
        """Return claims that ask this thread, with arrival numbers above `after`, rising."""

    async def steps_about(self, record_id: bytes) -> Sequence[StoredPost]:
        """Return steps that name this record, rising by arrival, at most `STEPS_ABOUT_MAX`."""

    async def allotments_to(self, hub: bytes, after: int, count_max: int) -> Sequence[StoredPost]:
        """Return steps that set something aside for a hub, with arrival numbers above `after`, rising."""

    async def chains_of(self, author: bytes) -> Sequence[tuple[bytes, int]]:
        """Return the threads of an author that have steps, sorted, each with the kind of its register."""

    async def lots_asked(self) -> Collection[bytes]:
        """Return the offers that claims ask for, whosever and whether held or not."""

    async def post(self, thread: bytes) -> StoredPost | None:
        """Return the held version of a need or an offer, standing or not."""

    async def posts(self, wanted: PostFilter, after: int | None, count_max: int) -> PostPage:
        """List needs and offers, newest arrival first, searching by `wanted.terms` where there are any."""

    async def feed(self, after: int, count_max: int) -> Sequence[FeedItem]:
        """Return feed lines with seq above `after`, rising."""

    async def feed_bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest seq that the feed still holds; (0, 0) when it is empty."""

    async def private_get(self, space: str, key: bytes) -> bytes | None:
        """Return a private row's value, or None; rows past their expiry may be gone."""

    async def private_list(self, space: str) -> Sequence[tuple[bytes, bytes]]:
        """Return all keys and values of a space, sorted by key."""

    async def index_some(self) -> int:
        """Index the text of some posts that the search does not know yet; return how many are left."""

    async def status(self) -> StoreStatus:
        """Return figures about the store."""

    async def backup(self, path: str) -> None:
        """Write a consistent copy to a new file; refuse to overwrite one."""

    async def close(self) -> None:
        """End cleanly; afterwards every call raises `StoreError`."""


class Partitions(Protocol):
    """A store for each partner network: what may be lost, since other hubs have all of it."""

    async def open(self, name: bytes) -> Store:
        """Return the store of a network's records, made where there is none and made anew where it is damaged.

        Raises `StoreError` where it cannot be opened now; what it holds is left as it is then.
        """

    async def drop(self, name: bytes) -> None:
        """Close and delete a store, if there is one; a power cut in the middle does not bring it back."""

    async def names(self) -> Sequence[bytes]:
        """Return the networks of which something is kept, sorted."""

    async def close(self) -> None:
        """Close all stores; none is opened any more."""


# --- Doors for people and programs


@value
class DoorCaps:
    """How many connections a door takes: in all, from one address, and from loopback."""

    connections_max: int
    per_address_max: int
    per_loopback_max: int


class AcceptGate(Protocol):
    """Who gets a connection at all; `hartig_node.net.gate.Gate` is one."""

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The (host, port) pairs on which the door listens."""

    def open(self, listeners: Sequence[socket.socket]) -> None:
        """Begin to accept."""

    def request_seen(self, transport: asyncio.BaseTransport) -> None:
        """End the wait for the first head of a connection."""

    async def close(self) -> None:
        """Stop accepting."""

    async def wait_empty(self) -> None:
        """Wait until the last connection is closed."""


ProtocolFactory = Callable[[], asyncio.BaseProtocol]
GateMaker = Callable[[str, ProtocolFactory, DoorCaps], AcceptGate]
