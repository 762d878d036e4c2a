"""The stores of partner networks, beside the home store: opened, written, read and given up, none harming another.

In: what the core orders (`OpenPartition`, `DropPartition`, `Inside`). Out: `PartitionOpened` and `Within`, and lines of
the home feed. Who calls: `engine`.

A partition has lives. One begins with `PartitionOpened` and ends when the core lets go of it, or when its store fails;
a store that failed is dropped and opened anew, empty, and filled by the other hubs. What the core orders is bound to
the life that it knew (`bound`), so nothing of an earlier one is written into the next, and no answer of it is heard.

    core: open --> opening --opened--> in use --core: drop--> (nothing more is heard) --> dropped, the file and all
                   ^  |  ^               |
                   +--+  +-- dropped <---+ its store failed
                   again, after a while

What happens in a partition becomes lines of its own feed with the records, and lines of the home feed, under
`partner.`, soon afterwards. A private row says through which line that has come, so a crash in between loses none.
"""

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from hartig_node.full_disk import FullDisk
from hartig_node.grouping import grouped
from hartig_node.ports import FeedItem, Loaded, Partitions, Store, StoreDamagedError, StoreError
from hartig_node.tasks import Tasks
from hartig_protocol.errors import LocalError, RecordError
from hartig_protocol.events import (
    Action,
    ArrivalsRead,
    CarriedAnswered,
    Commit,
    DropPartition,
    Event,
    Inside,
    Notice,
    OpenPartition,
    PartitionOpened,
    PrivateRow,
    ReadArrivals,
    ReadRecords,
    RecordsRead,
    Within,
)
from hartig_protocol.records.opening import open_record

logger = logging.getLogger(__name__)

PREFIX = "partner."
SPACE_TOLD = "partner_told"  # private rows by partition: epoch and number of the line that the home feed has last
FEED_PAGE = 256
REOPEN_S_MAX = 60.0
OPEN_S_MAX = 5.0  # of a start: for a check of 32 MB after a power cut, and pages are whole from the first one on
FAILURES_MAX = 7  # then the wait is a minute


@dataclass(eq=False)
class Partition:
    """One life of a partition."""

    name: bytes
    store: Store
    epoch: bytes
    is_over: bool = False

    def told(self, seq: int) -> PrivateRow:
        """Return the row that says through which line the home feed has this partition's."""
        return PrivateRow(SPACE_TOLD, self.name, self.epoch + seq.to_bytes(8, "big"))

    def told_through(self, row: bytes | None) -> int:
        """Return the number in such a row; 0 where it is about an earlier life."""
        return int.from_bytes(row[-8:], "big") if row is not None and row[:-8] == self.epoch else 0


@dataclass(eq=False)
class Bound:
    """What the core has ordered of a partition, and which life of it the core meant."""

    partition: Partition
    action: Commit | ReadArrivals | ReadRecords | CarriedAnswered


class Driver(Protocol):
    """What is needed of the engine."""

    store: Store

    def handle(self, event: Event) -> None:
        """Run the core on an event."""

    def order(self, actions: list[Action]) -> None:
        """Carry actions out in their turn."""


class PartnerStores:
    """All partitions of one node."""

    def __init__(self, driver: Driver, places: Partitions | None, disk: FullDisk, tasks: Tasks) -> None:
        """Begin with none; without `places` the core must order none."""
        self._driver, self._places, self._disk, self._tasks = driver, places, disk, tasks
        self._in_use: dict[bytes, Partition] = {}
        self._orders: dict[bytes, deque[Callable[[], Coroutine[Any, Any, None]]]] = {}
        self._failures: Counter[bytes] = Counter()
        self._known: set[bytes] = set()  # of which the core has spoken since the start
        self._wanted: set[bytes] = set()  # those of them that are to be open
        self._moved = asyncio.Event()
        self.stores: dict[bytes, Store] = {}
        self.problems: dict[bytes, str] = {}  # of those that cannot be opened now
        self.on_opened: list[Callable[[bytes, Loaded], None]] = []
        self.on_left: list[Callable[[bytes], None]] = []
        self.on_committed: Callable[[Commit], None] | None = None  # before anybody is told of it

    def __repr__(self) -> str:
        return f"<PartnerStores {len(self._in_use)} in use, {len(self._orders)} being opened or dropped>"

    # --- As the core orders it

    def bound(self, action: Action) -> Action | Bound | None:
        """Bind what is to be done in a partition to its life; return None where nobody waits for what is over."""
        match action:
            case Inside(name, Commit() | ReadArrivals() | ReadRecords() | CarriedAnswered() as inner):
                partition = self._in_use.get(name)
                if partition is None:
                    return action if isinstance(inner, CarriedAnswered) else None
                return Bound(partition, inner)
            case OpenPartition(name):
                self._known.add(name)
                self._wanted.add(name)
            case DropPartition(name):
                self._known.add(name)
                self._wanted.discard(name)
                self._leave(name)
                self._moved.set()
        return action

    def drop_all_but(self, kept: Iterable[bytes]) -> None:
        """Drop what is on the disk and was let go of before the node ended; once, at the start."""
        self._known.update(kept)
        if self._places is not None:
            self._tasks.start(self._drop_unknown(self._places), "old partitions")

    async def _drop_unknown(self, places: Partitions) -> None:
        try:
            names = await places.names()
        except StoreError as error:  # the next start tries again
            logger.warning("what was shared by partner networks before cannot be looked for: %s", error)
            return
        for name in names:
            if name not in self._known:
                self.drop(name)

    async def until_open(self, patience_s: float = OPEN_S_MAX) -> None:
        """Wait until all that the core has ordered are open, or cannot be opened now; never for long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._wanted - set(self._in_use) - set(self.problems):
                    self._moved.clear()
                    await self._moved.wait()

    def _leave(self, name: bytes) -> None:
        partition = self._in_use.pop(name, None)
        if partition is not None:
            partition.is_over = True
            del self.stores[name]
            for left in self.on_left:
                left(name)

    # --- Opening and dropping, in the order of the orders

    def open(self, name: bytes) -> None:
        """Open a partition; the core hears when that is done."""
        self._in_turn(name, partial(self._open, name, 0.0))

    def drop(self, name: bytes) -> None:
        """Delete a partition."""
        self._in_turn(name, partial(self._drop, name))

    def _in_turn(self, name: bytes, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        orders = self._orders.get(name)
        if orders is None:
            orders = self._orders[name] = deque()
            self._tasks.start(self._work(name, orders), f"partition {name.hex()[:8]}")
        orders.append(work)

    async def _work(self, name: bytes, orders: deque[Callable[[], Coroutine[Any, Any, None]]]) -> None:
        while orders:
            await orders.popleft()()
        del self._orders[name]

    async def _open(self, name: bytes, pause_s: float) -> None:
        """Try until it is open, or until something else is ordered."""
        while True:
            if pause_s:
                await asyncio.sleep(pause_s)
            told = await self._driver.store.private_get(SPACE_TOLD, name)
            if self._orders[name]:
                return
            try:
                store = await self._all_places().open(name)
            except StoreError as error:
                logger.warning("the store of partner network %s cannot be opened: %s", name.hex()[:8], error)
                self.problems[name] = str(error)
                self._moved.set()
                pause_s = REOPEN_S_MAX
                continue
            try:
                await self._begin_life(name, store, told)
            except StoreError as error:
                pause_s = self._note_failure(name, error)
                await self._drop(name)
                continue
            return

    async def _begin_life(self, name: bytes, store: Store, told: bytes | None) -> None:
        loaded = await _loaded(store)
        partition = Partition(name, store, loaded.epoch)
        await self._tell_rest(partition, partition.told_through(told))
        if self._orders[name]:
            return
        self.problems.pop(name, None)
        self._in_use[name], self.stores[name] = partition, store
        self._moved.set()
        for opened in self.on_opened:
            opened(name, loaded)
        self._driver.handle(PartitionOpened(name, loaded))

    async def _drop(self, name: bytes) -> None:
        try:
            await self._all_places().drop(name)
        except StoreError as error:  # the next start tries again
            logger.warning("the store of partner network %s cannot be deleted: %s", name.hex()[:8], error)
            return
        self.problems.pop(name, None)
        self._driver.order([Commit(private=[PrivateRow(SPACE_TOLD, name, None)])])

    def _all_places(self) -> Partitions:
        if self._places is None:
            raise LocalError("this node has no place for what partner networks share")
        return self._places

    # --- Failing

    def failed(self, partition: Partition, error: StoreError) -> None:
        """Give a life up whose store has failed, and begin another: everything in it comes again from other hubs."""
        if partition.is_over:
            return
        self._leave(partition.name)
        pause_s = self._note_failure(partition.name, error)
        self.drop(partition.name)
        self._in_turn(partition.name, partial(self._open, partition.name, pause_s))

    def _note_failure(self, name: bytes, error: StoreError) -> float:
        """Say it, and return how long to wait before the next life: not at all at first, then longer and longer."""
        what = "the store of partner network %s failed and is filled anew by other hubs: %s"
        logger.error(what, name.hex()[:8], error)
        self._failures[name] = min(self._failures[name] + 1, FAILURES_MAX)
        return 2.0 ** (self._failures[name] - 1) - 1

    # --- Commits and look-ups

    async def commit(self, bound: Sequence[Bound]) -> None:
        """Make durable what waits for partitions, each in its own store, all at once."""
        waiting: dict[Partition, list[Commit]] = {}
        for one in bound:
            if isinstance(one.action, Commit):
                waiting.setdefault(one.partition, []).append(one.action)
        await asyncio.gather(*(self._commit_all(*some) for some in waiting.items()))

    async def _commit_all(self, partition: Partition, commits: list[Commit]) -> None:
        # As in the home store, all are waiting when the writer looks, so they share one transaction.
        done = await asyncio.gather(*(self._commit(partition, commit) for commit in grouped(commits)))
        self._tell(partition, [item for items in done for item in items])

    async def _commit(self, partition: Partition, commit: Commit) -> Sequence[FeedItem]:
        try:
            items = await self._disk.commit(partition.store, commit, lambda: partition.is_over)
        except StoreError as error:
            self.failed(partition, error)
            return ()
        if self.on_committed is not None and not partition.is_over:
            self.on_committed(commit)
        return items

    async def read(self, bound: Bound) -> None:
        """Look something up for the core."""
        partition = bound.partition
        assert isinstance(bound.action, ReadArrivals | ReadRecords)
        try:
            answer = await looked_up(partition.store, bound.action)
        except StoreError as error:
            self.failed(partition, error)
            return
        if not partition.is_over:
            self._driver.handle(Within(partition.name, answer))

    # --- The home feed

    def _tell(self, partition: Partition, items: Sequence[FeedItem]) -> None:
        if items and not partition.is_over:
            notices = [_notice(item) for item in items]
            self._driver.order([Commit(notices=notices, private=[partition.told(items[-1].seq)])])

    async def _tell_rest(self, partition: Partition, seq: int) -> None:
        """Tell what a crash has kept from the home feed: the lines after this number."""
        while items := await partition.store.feed(seq, FEED_PAGE):
            self._tell(partition, items)
            seq = items[-1].seq


async def _loaded(store: Store) -> Loaded:
    """Return what a store holds, once it is sure that the core can read it; raises `StoreError`."""
    try:
        loaded = await store.load()
        for wire in loaded.governance.values():
            open_record(wire, verify_signature=False)
    except (RecordError, ValueError) as error:  # bits that changed where SQLite has no check
        raise StoreDamagedError(f"{store!r} holds what is no record: {error}") from error
    return loaded


def _notice(item: FeedItem) -> Notice:
    return Notice(PREFIX + item.name, item.at_ms, item.thread, item.record, item.kind, item.peer)


async def looked_up(store: Store, action: ReadArrivals | ReadRecords) -> ArrivalsRead | RecordsRead:
    """Answer what the core asks of a store."""
    if isinstance(action, ReadRecords):
        return RecordsRead(action.link, tuple(await store.read_records(action.ids)))
    rows, through = await store.read_arrivals(
        action.after, action.upto, action.records_max, action.bytes_max, governance=action.governance
    )
    return ArrivalsRead(action.link, action.after, through, tuple(rows))
