"""The engine with a core that has partner networks: what is stored where and when, and what a failure costs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hartig_node import full_disk, partitions
from hartig_node.clock import Clock
from hartig_node.engine import Engine
from hartig_node.outbox import Outbox
from hartig_node.partitions import SPACE_TOLD
from hartig_node.ports import Loaded, Partitions, StoreDamagedError, StoreError
from hartig_node.store.memory import MemoryStore
from hartig_node.store.memory_disk import MemoryDisk
from hartig_node.store.memory_partitions import MemoryPartitions
from hartig_node.store.partitions import SqlitePartitions
from hartig_node.store.reserve import Reserve
from hartig_node.tasks import Tasks
from hartig_protocol.events import (
    Action,
    ArrivalsRead,
    CarriedAnswered,
    Commit,
    ContinueWork,
    DropPartition,
    Event,
    GatewaysWanted,
    Inside,
    Notice,
    Now,
    OpenPartition,
    PactProposed,
    PartitionOpened,
    ReadArrivals,
    ReadRecords,
    RecordsCarried,
    RecordsRead,
    SendFrame,
    Within,
    WorkContinued,
)
from hartig_protocol.records.record import Wire
from node.store.arrivals import Arrivals
from node.store.faults import Plan, faulty, io_error
from support.records import NOW_MS, Network, random_bytes_from

NET = Network()
HUB = NET.hub(1)
ONE, OTHER = bytes(range(16)), bytes(range(1, 17))
ALL = 1 << 40
LINK = 77


class Core:
    """A core that orders what a test says, and remembers what it hears."""

    def __init__(self, first: Sequence[Action] = ()) -> None:
        self.first = list(first)
        self.heard: list[Event] = []
        self.answers: Callable[[Event], list[Action]] = lambda _event: []
        self.state: Any = None
        self.catalog: Any = None

    def start(self, _now: Now) -> list[Action]:
        return self.first

    def handle(self, event: Event, _now: Now) -> list[Action]:
        self.heard.append(event)
        return self.answers(event)

    def next_timer_ms(self) -> int:
        return 1 << 50

    def opened(self) -> list[bytes]:
        """The partitions that were opened, in order."""
        return [event.partition for event in self.heard if isinstance(event, PartitionOpened)]

    def last(self, name: bytes) -> Loaded:
        """What a partition held when it was opened last."""
        loaded: Loaded = [
            one.loaded for one in self.heard if isinstance(one, PartitionOpened) and one.partition == name
        ][-1]
        return loaded


class Link:
    """A link that takes whatever is sent."""

    peer_node_id, peer_address, opened_by_us, bytes_in, bytes_out = b"n" * 32, ("192.0.2.1", 1), True, 0, 0

    async def receive(self) -> bytes:
        raise AssertionError

    def receive_more(self, bytes_max: int) -> list[bytes]:
        raise AssertionError

    async def send(self, frame: bytes) -> None:
        raise AssertionError

    def close(self, reason: str) -> None:
        raise AssertionError


@dataclass
class Bench:
    """An engine, its core, its stores and what is sent."""

    engine: Engine
    core: Core
    home: MemoryStore
    outbox: Outbox
    failures: list[str] = field(default_factory=list)

    @property
    def sent(self) -> list[bytes]:
        return list(self.outbox._frames)

    async def lines(self) -> list[tuple[str, bytes]]:
        """The names and threads in the home feed."""
        return [(item.name, item.thread) for item in await self.home.feed(0, 1000)]


@asynccontextmanager
async def running(
    places: Partitions, home: MemoryDisk | None = None, first: Sequence[Action] = (), *, may_fail: bool = False
) -> AsyncIterator[Bench]:
    """Run an engine until the end of the block, and then stop it as a crash would."""
    failures: list[str] = []
    tasks = Tasks(lambda name, error: failures.append(f"{name}: {error!r}"))
    store, core = MemoryStore(home), Core(first)
    clock = Clock("trusted", wall=lambda: NOW_MS / 1000, steady=lambda: 1.0, synchronised=lambda: False)
    engine = Engine(core, store, clock, tasks, random_bytes_from("engine"), places)
    link = Link()
    engine._links[LINK] = (link, Outbox(link))
    engine.start()
    try:
        yield Bench(engine, core, store, engine._links[LINK][1], failures)
    finally:
        engine.close()
        await tasks.close()
    assert may_fail or not failures


async def settle(turns: int = 100) -> None:
    """Let every task take some turns."""
    for _turn in range(turns):
        await asyncio.sleep(0)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what threads do."""
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 - what is waited for happens in threads
            await asyncio.sleep(0.001)


@pytest.fixture
def places() -> MemoryPartitions:
    return MemoryPartitions()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait is longer than a turn."""
    monkeypatch.setattr(full_disk, "FULL_RETRY_S", 0)
    monkeypatch.setattr(partitions, "REOPEN_S_MAX", 0)


def added(arrivals: Arrivals, place: int = 0) -> Commit:
    """A commit of one need, with its line for the feed."""
    commit = arrivals.commit(need := NET.need(HUB, place=place))
    commit.notices.append(Notice("post.added", NOW_MS, need.head.thread, need.id, need.head.kind, HUB.public))
    return commit


def thread_of(commit: Commit) -> bytes:
    return commit.added[0][0].thread


# --- Opening and dropping


async def test_a_partition_is_opened_and_the_core_hears_what_it_holds(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE), OpenPartition(OTHER)]) as bench:
        await settle()
        assert sorted(bench.core.opened()) == [ONE, OTHER]
        assert bench.core.last(ONE).last_n == 0
        assert set(bench.engine.stores) == {ONE, OTHER}
        bench.engine.order([DropPartition(ONE)])
        assert set(bench.engine.stores) == {OTHER}
        await settle()
        assert set(places.disks) == {OTHER}


async def test_what_was_let_go_of_before_a_crash_is_dropped_at_the_next_start(places: MemoryPartitions) -> None:
    await places.open(ONE)
    await places.open(OTHER)
    async with running(places, first=[OpenPartition(OTHER)]) as bench:
        await settle()
        assert set(places.disks) == {OTHER}
        assert bench.core.opened() == [OTHER]


async def test_one_that_was_ordered_while_old_ones_were_looked_for_stays(places: MemoryPartitions) -> None:
    await (await places.open(ONE)).commit(added(Arrivals()))
    async with running(places) as bench:
        bench.engine.order([OpenPartition(ONE)])
        await settle()
        assert bench.core.last(ONE).last_n == 1


async def test_dropped_and_opened_at_once_it_begins_empty(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        bench.engine.order([Inside(ONE, added(Arrivals()))])
        await settle()
        bench.engine.order([DropPartition(ONE), OpenPartition(ONE)])
        await settle()
        assert bench.core.last(ONE).last_n == 0
        assert len(bench.core.opened()) == 2


async def test_one_that_is_dropped_while_it_is_opened_is_never_told(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE), DropPartition(ONE)]) as bench:
        await settle()
        assert bench.core.opened() == []
        assert places.disks == {}


async def test_one_that_cannot_be_opened_is_tried_again(
    places: MemoryPartitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    places.fail_next = [StoreError("no room"), StoreError("no room")]
    seen: list[dict[bytes, str]] = []
    sleep = asyncio.sleep

    async def slept(_delay_s: float) -> None:
        seen.append(dict(bench.engine.partners.problems))
        await sleep(0)

    monkeypatch.setattr(partitions, "REOPEN_S_MAX", 60)
    async with running(places) as bench:
        monkeypatch.setattr(partitions.asyncio, "sleep", slept)
        bench.engine.order([OpenPartition(ONE)])
        for _ in range(60):
            await sleep(0)
        assert seen == [{ONE: "no room"}] * 2
        assert bench.engine.partners.problems == {}
        assert bench.core.opened() == [ONE]


async def test_a_start_waits_for_what_can_be_opened_and_for_nothing_else(
    places: MemoryPartitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "REOPEN_S_MAX", 60)
    places.fail_next = [StoreError("no room")]
    async with running(places, first=[OpenPartition(ONE), OpenPartition(OTHER)]) as bench:
        await bench.engine.partners.until_open()
        assert set(bench.engine.partners.problems) == {ONE}
        assert bench.core.opened() == [OTHER]
        assert "1 in use, 1 being" in repr(bench.engine.partners)
    async with running(MemoryPartitions(), first=[OpenPartition(ONE), DropPartition(ONE)]) as bench:
        await bench.engine.partners.until_open()

    class Hanging(MemoryPartitions):
        async def open(self, name: bytes) -> MemoryStore:
            await asyncio.Event().wait()
            raise AssertionError

    async with running(Hanging(), first=[OpenPartition(ONE)]) as bench:
        await bench.engine.partners.until_open(0)
        assert bench.core.opened() == []


async def test_what_cannot_be_looked_for_or_deleted_ends_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Stubborn(MemoryPartitions):
        async def drop(self, name: bytes) -> None:
            raise StoreError(f"cannot delete {name[0]}")

        async def names(self) -> list[bytes]:
            raise StoreError("cannot look")

    async with running(Stubborn(), first=[OpenPartition(ONE)]) as bench:
        await settle()
        bench.engine.order([DropPartition(ONE)])
        await settle()
        assert bench.engine.stores == {}
    assert "cannot look" in caplog.text
    assert "cannot delete 0" in caplog.text


# --- Commits


async def test_nothing_is_sent_before_it_is_stored_in_its_partition(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        store = places.opened[ONE]
        store.hold()
        bench.engine.order([Inside(ONE, added(Arrivals())), SendFrame(LINK, b"after")])
        await settle()
        assert bench.sent == []
        store.release()
        await settle()
        assert bench.sent == [b"after"]
        assert (await store.load()).last_n == 1
        assert (await bench.home.load()).last_n == 0


async def test_two_partitions_are_written_at_once_and_each_has_its_own_alone(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE), OpenPartition(OTHER)]) as bench:
        await settle()
        one, other = places.opened[ONE], places.opened[OTHER]
        one.hold()
        other.hold()
        bench.home.hold()
        first, second, third = (added(Arrivals(), place) for place in range(3))
        bench.engine.order([Inside(ONE, first)])
        bench.engine.order([third, Inside(OTHER, second)])
        await settle()
        assert (one.held, other.held, bench.home.held) == (1, 1, 1)
        for store in (other, bench.home, one):
            store.release()
        await settle()
        loaded = [[entry.thread for entry in (await store.load()).entries] for store in (one, other, bench.home)]
        assert loaded == [[thread_of(first)], [thread_of(second)], [thread_of(third)]]
        assert await bench.lines() == [("post.added", thread_of(third))] + [
            ("partner.post.added", thread_of(commit)) for commit in (second, first)
        ]


async def test_commits_that_wait_together_become_one(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        places.opened[ONE].hold()
        arrivals = Arrivals()
        for place in range(5):
            bench.engine.order([Inside(ONE, added(arrivals, place))])
        await settle()
        assert places.opened[ONE].held == 1
        places.opened[ONE].release()
        await settle()
        assert (await places.opened[ONE].load()).last_n == 5
        assert len(await bench.lines()) == 5


async def test_a_full_disk_is_waited_out(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        places.disks[ONE].is_full = True
        bench.engine.order([Inside(ONE, added(Arrivals())), SendFrame(LINK, b"after")])
        await settle()
        assert bench.sent == []
        assert bench.engine.stuck
        places.disks[ONE].is_full = False
        await settle()
        assert bench.sent == [b"after"]
        assert bench.engine.stuck is None
        assert bench.core.opened() == [ONE]


async def test_one_that_is_dropped_while_it_waits_for_room_holds_nobody_up(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        places.disks[ONE].is_full = True
        bench.engine.order([Inside(ONE, added(Arrivals()))])
        await settle()
        bench.engine.order([DropPartition(ONE), SendFrame(LINK, b"after")])
        await settle()
        assert bench.engine.stuck is None
        assert bench.sent == [b"after"]
        assert places.disks == {}


async def test_a_drop_waits_until_the_home_store_has_what_led_to_it(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        bench.home.hold()
        bench.engine.order([added(Arrivals()), DropPartition(ONE)])
        await settle()
        assert ONE in places.disks
        bench.home.release()
        await settle()
        assert places.disks == {}


async def test_what_is_ordered_of_a_partition_that_is_gone_is_not_done(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        store = places.opened[ONE]
        store.hold()
        bench.engine.order([Inside(ONE, added(Arrivals()))])
        await settle()
        bench.engine.order([Inside(ONE, ReadRecords(5, ())), DropPartition(ONE), OpenPartition(ONE)])
        bench.engine.order([Inside(ONE, added(Arrivals(), 1)), Inside(OTHER, added(Arrivals(), 2))])
        bench.engine.order([Inside(OTHER, ReadArrivals(5, 0, 1, False, 1, 1))])
        await settle()
        store.release()
        await settle()
        assert bench.core.last(ONE).last_n == 0
        assert (await places.opened[ONE].load()).last_n == 0
        assert not [event for event in bench.core.heard if isinstance(event, Within)]
        assert await bench.lines() == []


# --- Look-ups and long work


async def test_what_the_core_asks_of_a_partition_is_answered_from_its_store(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE), OpenPartition(OTHER)]) as bench:
        await settle()
        commit = added(Arrivals())
        record = commit.added[0][1]
        bench.engine.order([Inside(ONE, commit)])
        await settle()
        for name in (ONE, OTHER):
            bench.engine.order([Inside(name, ReadRecords(-3, (record.id,)))])
            bench.engine.order([Inside(name, ReadArrivals(-4, 0, ALL, False, 10, ALL))])
            bench.engine.order([Inside(name, ContinueWork())])
        await settle()
        heard = [event for event in bench.core.heard if isinstance(event, Within)]
        assert sorted(map(repr, heard)) == sorted(
            map(
                repr,
                [
                    Within(ONE, RecordsRead(-3, (record.wire,))),
                    Within(OTHER, RecordsRead(-3, ())),
                    Within(ONE, ArrivalsRead(-4, 0, 1, (record.wire,))),
                    Within(OTHER, ArrivalsRead(-4, 0, 0, ())),
                    Within(ONE, WorkContinued()),
                    Within(OTHER, WorkContinued()),
                ],
            )
        )


async def test_long_work_goes_on_in_what_has_no_store(places: MemoryPartitions) -> None:
    async with running(places, first=[Inside(b"ours" + ONE, ContinueWork())]) as bench:
        await settle()
        assert bench.core.heard == [Within(b"ours" + ONE, WorkContinued())]


async def test_a_bundle_of_a_partner_network_is_answered_when_it_is_stored(places: MemoryPartitions) -> None:
    tasks = Tasks()
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()

        def answers(event: Event) -> list[Action]:
            assert isinstance(event, Within)
            assert isinstance(event.event, RecordsCarried)
            answer = CarriedAnswered(event.event.ticket, (None,))
            return [Inside(ONE, added(Arrivals())), Inside(ONE, answer)]

        bench.core.answers = answers
        places.opened[ONE].hold()
        carrying = tasks.start(bench.engine.carry(b"h" * 32, [], ONE), "carrying")
        await settle()
        assert not carrying.done()
        places.opened[ONE].release()
        assert (await carrying).refusals == (None,)
        with pytest.raises(StoreError, match="nothing of this partner network"):
            await bench.engine.carry(b"h" * 32, [], OTHER)
        places.opened[ONE].hold()
        carrying = tasks.start(bench.engine.end_bundle(b"h" * 32, b"e" * 16, 1, b"c" * 16, ONE), "carrying")
        bench.core.answers = lambda event: [Inside(ONE, added(Arrivals(1), 1)), Inside(ONE, CarriedAnswered(2, ()))]
        await settle()
        places.opened[ONE].crash()
        with pytest.raises(StoreError, match="fetched anew"):
            await carrying


# --- Failing


class Failing(MemoryStore):
    """A store that fails as SQLite does: once, and then for good."""

    fails_in: str = ""

    async def load(self) -> Loaded:
        self._fail("load")
        return await super().load()

    async def read_records(self, ids: Sequence[bytes]) -> Sequence[Wire]:
        self._fail("read_records")
        return await super().read_records(ids)

    def _fail(self, where: str) -> None:
        if self.fails_in == where:
            raise StoreDamagedError("it is damaged")


class FailingPlaces(MemoryPartitions):
    """Partitions whose next stores fail where a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.next_fail_in: list[str] = []

    async def open(self, name: bytes) -> MemoryStore:
        if name not in self.opened:
            await super().open(name)
            made = Failing(self.disks[name])
            made.fails_in = self.next_fail_in.pop(0) if self.next_fail_in else ""
            self.opened[name] = made
        return self.opened[name]


async def test_a_store_that_fails_costs_its_partition_and_nobody_else(
    places: MemoryPartitions, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(places, first=[OpenPartition(ONE), OpenPartition(OTHER)]) as bench:
        await settle()
        epoch = bench.core.last(ONE).epoch
        store = places.opened[ONE]
        store.hold()
        home, abroad = added(Arrivals(), 1), added(Arrivals(), 2)
        bench.engine.order([Inside(ONE, added(Arrivals())), home, Inside(OTHER, abroad), SendFrame(LINK, b"after")])
        await settle()
        store.crash()
        await settle()
        assert bench.sent == [b"after"]
        assert [(await one.load()).last_n for one in (bench.home, places.opened[OTHER], places.opened[ONE])] == [
            1,
            1,
            0,
        ]
        assert bench.core.opened().count(ONE) == 2
        assert bench.core.last(ONE).epoch != epoch
        assert "failed and is filled anew" in caplog.text


@pytest.mark.parametrize("where", ["load", "read_records"])
async def test_damage_that_shows_when_it_is_read_costs_the_partition(where: str) -> None:
    places = FailingPlaces()
    places.next_fail_in = [where]
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        if where == "read_records":
            first = places.opened[ONE]
            bench.engine.order([Inside(ONE, ReadRecords(1, ())), Inside(ONE, ReadRecords(2, ()))])
            await settle()
            assert places.opened[ONE] is not first
            assert bench.core.opened() == [ONE, ONE]
        assert bench.core.opened()
        assert not [event for event in bench.core.heard if isinstance(event, Within)]
        bench.engine.order([Inside(ONE, ReadRecords(3, ()))])
        await settle()
        assert bench.core.heard[-1] == Within(ONE, RecordsRead(3, ()))


async def test_a_record_that_nobody_can_read_costs_the_partition_and_not_the_start(places: MemoryPartitions) -> None:
    for name in (ONE, OTHER):
        await (await places.open(name)).commit(Arrivals().commit(*NET.founding(1)))
    n = min(places.disks[ONE].rows)
    row = places.disks[ONE].rows[n]
    places.disks[ONE].rows[n] = row._replace(head=bytes([row.head[0] ^ 1]) + row.head[1:])
    async with running(places, first=[OpenPartition(ONE), OpenPartition(OTHER)]) as bench:
        await settle()
        assert bench.core.last(ONE).last_n == 0
        assert bench.core.last(OTHER).last_n == 3


async def test_one_that_fails_again_and_again_waits_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    places = FailingPlaces()
    places.next_fail_in = ["load"] * 10
    waits: list[float] = []
    sleep = asyncio.sleep

    async def slept(delay_s: float) -> None:
        waits.append(delay_s)
        await sleep(0)

    monkeypatch.setattr(partitions.asyncio, "sleep", slept)
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        for _ in range(400):
            await sleep(0)
        assert bench.core.opened() == [ONE]
    assert [wait for wait in waits if wait] == [1, 3, 7, 15, 31, 63, 63, 63, 63]


async def test_a_home_store_that_fails_still_ends_the_node(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)], may_fail=True) as bench:
        await settle()
        bench.home.hold()
        bench.engine.order([added(Arrivals())])
        await settle()
        bench.home.crash()
        await settle()
        assert "engine" in bench.failures[0]


async def test_a_node_without_a_place_for_partitions_says_so() -> None:
    async with running(None, first=[OpenPartition(ONE)], may_fail=True) as bench:  # type: ignore[arg-type]
        await settle()
        assert "no place" in bench.failures[0]


# --- Crashes


async def test_a_crash_before_the_partition_is_durable_leaves_the_rest_whole(places: MemoryPartitions) -> None:
    home = MemoryDisk()
    async with running(places, home, [OpenPartition(ONE)]) as bench:
        await settle()
        places.opened[ONE].hold()
        bench.engine.order([added(Arrivals()), Inside(ONE, added(Arrivals(), 1)), SendFrame(LINK, b"after")])
        await settle()
        assert bench.sent == []
    disks = places.disks
    async with running(MemoryPartitions(disks), home, [OpenPartition(ONE)]) as bench:
        await settle()
        assert bench.core.last(ONE).last_n == 0
        assert (await bench.home.load()).last_n == 1
        assert [name for name, _ in await bench.lines()] == ["post.added"]


async def test_a_crash_before_the_home_feed_has_the_lines_loses_none_and_tells_none_twice(
    places: MemoryPartitions,
) -> None:
    home = MemoryDisk()
    commits = [added(arrivals, place) for arrivals in [Arrivals()] for place in range(3)]
    async with running(places, home, [OpenPartition(ONE)]) as bench:
        await settle()
        bench.engine.order([Inside(ONE, commits[0])])
        await settle()
        assert len(await bench.lines()) == 1
        bench.home.hold()
        bench.engine.order([Inside(ONE, commits[1]), SendFrame(LINK, b"after")])
        bench.engine.order([Inside(ONE, commits[2])])
        await settle()
        assert bench.sent == [b"after"]
        assert len(await bench.lines()) == 1
    for _ in range(2):
        async with running(MemoryPartitions(places.disks), home, [OpenPartition(ONE)]) as bench:
            await settle()
            assert await bench.lines() == [("partner.post.added", thread_of(commit)) for commit in commits]


async def test_a_partition_made_anew_begins_its_lines_anew(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        bench.engine.order([Inside(ONE, added(Arrivals()))])
        await settle()
        assert await bench.home.private_get(SPACE_TOLD, ONE) is not None
        places.opened[ONE].crash()
        bench.engine.order([Inside(ONE, added(Arrivals(1), 1))])
        await settle()
        assert await bench.home.private_get(SPACE_TOLD, ONE) is None
        bench.engine.order([Inside(ONE, added(Arrivals(), 2))])
        await settle()
        assert len(await bench.lines()) == 2


async def test_a_home_store_restored_from_before_tells_what_came_since(places: MemoryPartitions) -> None:
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        await settle()
        bench.engine.order([Inside(ONE, added(Arrivals()))])
        await settle()
    async with running(MemoryPartitions(places.disks), MemoryDisk(), [OpenPartition(ONE)]) as bench:
        await settle()
        assert [name for name, _ in await bench.lines()] == ["partner.post.added"]


# --- With files


async def test_killed_in_the_middle_all_that_was_acknowledged_is_there(tmp_path: Path) -> None:
    def on_disk(plan: Plan | None = None) -> SqlitePartitions:
        return SqlitePartitions(
            tmp_path,
            Reserve(tmp_path),
            now_ms=lambda: NOW_MS,
            random_bytes=random_bytes_from("epochs"),
            **({} if plan is None else {"connection_factory": faulty(plan)}),
        )

    plan = Plan()
    places, home, arrivals = on_disk(plan), MemoryDisk(), Arrivals()
    async with running(places, home, [OpenPartition(ONE)]) as bench:
        await until(lambda: bool(bench.core.opened()))
        for place in range(20):
            bench.engine.order([Inside(ONE, added(arrivals, place)), SendFrame(LINK, b"%d" % place)])
            await until(lambda so_far=place: len(bench.sent) > so_far)  # type: ignore[misc]
    await places.close()
    places = on_disk(plan)
    async with running(places, home, [OpenPartition(ONE)]) as bench:
        await until(lambda: bool(bench.core.opened()))
        assert bench.core.last(ONE).last_n == 20
        assert len(await bench.lines()) == 20
        plan.before_commit = [io_error(), io_error()]
        bench.engine.order([Inside(ONE, added(arrivals, 20))])
        await until(lambda: len(bench.core.opened()) == 2)
        assert bench.core.last(ONE).last_n == 0
    await places.close()


# --- What is told


async def test_proposals_and_wanted_gateways_are_told(places: MemoryPartitions) -> None:
    told: list[tuple[bytes, Sequence[Wire]]] = []
    wanted: list[bytes] = []

    class Side:
        async def pact_proposed(self, network: bytes, records: Sequence[Wire]) -> None:
            told.append((network, records))

    proposed = PactProposed(ONE, (NET.charter.wire,))
    async with running(places) as bench:
        bench.engine.order([proposed, GatewaysWanted((b"n" * 32,))])
        await settle()
        assert bench.engine.gateways == (b"n" * 32,)
        bench.engine.partner_side = Side()
        bench.engine.on_gateways_wanted = lambda: wanted.extend(bench.engine.gateways)
        bench.engine.order([proposed, GatewaysWanted((b"m" * 32,))])
        await settle()
    assert told == [(ONE, (NET.charter.wire,))]
    assert wanted == [b"m" * 32]


async def test_who_looks_after_partitions_hears_of_their_lives(places: MemoryPartitions) -> None:
    heard: list[tuple[str, bytes]] = []
    async with running(places, first=[OpenPartition(ONE)]) as bench:
        partners = bench.engine.partners
        partners.on_opened.append(lambda name, _loaded: heard.append(("opened", name)))
        partners.on_left.append(lambda name: heard.append(("left", name)))
        await settle()
        bench.engine.order([DropPartition(ONE)])
    assert heard == [("opened", ONE), ("left", ONE)]
