"""The dialer without a clock and without a socket: time passes when the test says so."""

import asyncio
from typing import Any, cast

import pytest

from hartig_node.net.address_book import AddressBook, Candidate, Source
from hartig_node.net.dialer import LINK_S_GOOD, Dialer, LoopTimer
from hartig_node.net.links import Link
from hartig_node.tasks import Tasks
from hartig_protocol.errors import RemoteError

pytestmark = pytest.mark.usefixtures("patience")

A, B = b"a" * 32, b"b" * 32


class HandTimer:
    """Time that stands still until `pass_s`."""

    def __init__(self) -> None:
        self.time_s = 100.0
        self.delays: list[float] = []
        self._waits: list[tuple[float, asyncio.Event]] = []

    def now(self) -> float:
        return self.time_s

    async def wait(self, event: asyncio.Event, delay_s: float) -> None:
        self.delays.append(delay_s)
        due = asyncio.Event()
        self._waits.append((self.time_s + delay_s, due))
        loop = asyncio.get_running_loop()
        either = [loop.create_task(event.wait()), loop.create_task(due.wait())]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in either:
                one.cancel()
            await asyncio.gather(*either, return_exceptions=True)

    def pass_s(self, seconds: float) -> None:
        self.time_s += seconds
        for due_s, due in self._waits:
            if due_s <= self.time_s:
                due.set()


class FakeLink:
    """What the dialer sees of a link."""

    def __init__(self, peer_node_id: bytes) -> None:
        self.peer_node_id = peer_node_id
        self.closed_because: str | None = None
        self.gone = asyncio.Event()

    def close(self, reason: str) -> None:
        self.closed_because = self.closed_because or reason
        self.gone.set()

    abort = close


class World:
    """A dialer, hosts that answer or do not, and what happened."""

    def __init__(self) -> None:
        self.book = AddressBook()
        self.timer = HandTimer()
        self.up: set[str] = set()
        self.hanging: set[str] = set()
        self.dialled: list[str] = []
        self.links: list[FakeLink] = []
        self.failures: list[BaseException] = []
        self.dialer = Dialer(
            self.book,
            self.dial,
            self.serve,
            jitter=lambda: 0.5,
            timer=self.timer,
            tasks=Tasks(on_failure=lambda _name, error: self.failures.append(error)),
            stagger_s=3600,
        )

    async def dial(self, node_id: bytes, candidate: Candidate) -> Link:
        self.dialled.append(candidate.host)
        if candidate.host in self.hanging:
            await asyncio.Event().wait()
        if candidate.host not in self.up:
            raise RemoteError("dial.unreachable", f"{candidate.host} is down")
        return cast("Link", FakeLink(node_id))

    async def serve(self, link: Any) -> None:
        self.links.append(link)
        await link.gone.wait()

    def know(self, node_id: bytes, *hosts: str) -> None:
        for host in hosts:
            self.book.add(node_id, host, 1, Source.CARD)

    async def settle(self) -> None:
        for _turn in range(50):
            await asyncio.sleep(0)

    async def close(self) -> None:
        await self.dialer.close()
        assert self.failures == []


@pytest.fixture
def world() -> World:
    return World()


async def test_a_wanted_node_that_is_there_gets_one_link(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    world.dialer.want(A)
    await world.settle()
    assert world.dialled == ["a"]
    assert world.dialer.states()[A].connected
    assert repr(world.dialer).startswith("<Dialer 1 of 1 nodes linked")
    await world.close()
    assert world.links[0].closed_because == "this hub closes the link"


async def test_a_node_that_is_not_there_is_tried_later_and_later(world: World) -> None:
    world.know(A, "a")
    world.dialer.want(A)
    for _number in range(10):
        await world.settle()
        world.timer.pass_s(1000)
    assert world.timer.delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert world.dialer.states()[A].last_error == "a is down"
    await world.close()


async def test_a_node_that_is_heard_of_is_dialled_at_once(world: World) -> None:
    world.know(A, "a")
    world.dialer.want(A)
    for _number in range(5):
        await world.settle()
        world.timer.pass_s(1000)
    await world.settle()
    world.up = {"a"}
    world.dialer.wake(A)
    await world.settle()
    assert world.dialer.states()[A].connected
    assert world.dialer.states()[A].failures == 0
    await world.close()


async def test_a_node_without_any_address_waits_for_word_of_one(world: World) -> None:
    world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    assert world.timer.delays == []
    world.know(A, "a")
    world.dialer.wake_all()
    await world.settle()
    assert world.dialer.states()[A].connected
    await world.close()


async def test_a_new_address_that_comes_during_a_dial_is_not_missed(world: World) -> None:
    world.know(A, "old")
    world.hanging = {"old"}
    world.up = {"new"}
    world.dialer.want(A)
    await world.settle()
    world.know(A, "new")
    world.dialer.wake(A)
    world.hanging = set()
    world.dialer.drop(A)
    await world.settle()
    world.dialer.want(A)
    await world.settle()
    assert world.dialer.states()[A].connected
    await world.close()


async def test_a_word_during_a_failing_dial_means_another_dial_at_once(world: World) -> None:
    world.know(A, "a")
    release = asyncio.Event()
    plain_dial = world.dial

    async def slow_dial(node_id: bytes, candidate: Candidate) -> Link:
        await release.wait()
        return await plain_dial(node_id, candidate)

    world.dialer._dial = slow_dial
    world.dialer.want(A)
    await world.settle()
    world.dialer.wake(A)
    release.set()
    await world.settle()
    assert world.dialled == ["a", "a"]
    await world.close()


async def test_the_addresses_of_a_node_are_tried_in_turn_and_the_good_one_first_next_time(world: World) -> None:
    world.know(A, "z", "y", "x")
    world.up = {"z"}
    world.dialer.want(A)
    await world.settle()
    assert world.dialled == ["x", "y", "z"]
    world.timer.pass_s(LINK_S_GOOD)
    world.links[0].close("network gone")
    await world.settle()
    assert world.dialled == ["x", "y", "z", "z"]
    await world.close()


async def test_no_dial_while_the_node_has_a_link_to_us(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.link_opened(A)
    world.dialer.want(A)
    await world.settle()
    world.dialer.wake(A)
    world.timer.pass_s(1000)
    await world.settle()
    assert world.dialled == []
    assert world.dialer.states()[A].connected
    world.dialer.link_closed(A)
    await world.settle()
    assert world.dialled == ["a"]
    await world.close()


async def test_a_link_that_ends_at_once_again_and_again_is_backed_off(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    for number in range(3):
        await world.settle()
        world.links[number].close("no")
        await world.settle()
        world.timer.pass_s(1000)
    assert world.timer.delays == [1, 2, 4]
    await world.close()


async def test_a_link_that_held_is_dialled_again_without_a_wait(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.timer.pass_s(LINK_S_GOOD)
    world.links[0].close("network gone")
    await world.settle()
    assert len(world.links) == 2
    assert world.timer.delays == []
    await world.close()


async def test_a_link_that_lost_to_another_counts_as_no_failure(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.dialer.link_opened(A)
    world.links[0].close("another link stays")
    await world.settle()
    assert world.dialer.states()[A].failures == 0
    assert world.dialled == ["a"]
    await world.close()


async def test_a_dead_node_delays_nobody(world: World) -> None:
    dead = [bytes([number]) * 32 for number in range(40)]
    for node_id in dead:
        world.know(node_id, f"dead {node_id[0]}")
        world.hanging.add(f"dead {node_id[0]}")
    for node_id in dead[:12]:
        world.dialer.want(node_id)
        world.dialer._wanted[node_id].failures = 3
    await world.settle()
    for node_id in dead[12:]:
        world.dialer.want(node_id)
        world.dialer._wanted[node_id].failures = 3
    world.know(B, "b")
    world.up = {"b"}
    world.dialer.want(B)
    await world.settle()
    assert world.dialer.states()[B].connected
    assert len(world.dialled) == 13
    await world.close()


async def test_a_dropped_node_is_left_alone_and_its_link_ends(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.dialer.drop(A)
    world.dialer.drop(A)
    await world.settle()
    assert world.links[0].closed_because == "this hub closes the link"
    world.dialer.wake(A)
    world.timer.pass_s(1000)
    await world.settle()
    assert world.dialled == ["a"]
    assert world.dialer.states() == {}
    await world.close()


async def test_the_loop_timer_ends_by_the_event_or_by_the_delay() -> None:
    timer = LoopTimer()
    event = asyncio.Event()
    before = timer.now()
    await timer.wait(event, 0.001)
    assert timer.now() > before
    event.set()
    await timer.wait(event, 3600)
