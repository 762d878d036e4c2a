"""The dialer without a clock and without a socket: time passes when the test says so."""

import asyncio
from typing import Any, cast

import pytest

from hartig_node.net.address_book import AddressBook, Candidate, Source
from hartig_node.net.dialer import AT_ONCE_A_NODE_MAX, LINK_S_GOOD, Dialer, LoopTimer
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

    def __init__(self, *, again_s: float = 3600) -> None:
        self.book = AddressBook()
        self.timer = HandTimer()
        self.up: set[str] = set()
        self.hanging: set[str] = set()
        self.hung = asyncio.Event()
        self.dialled: list[str] = []
        self.links: list[FakeLink] = []
        self.failures: list[BaseException] = []
        self.unreachable: list[bytes] = []
        self.dialer = Dialer(
            self.book,
            self.dial,
            self.serve,
            on_unreachable=self.unreachable.append,
            jitter=lambda: 0.5,
            timer=self.timer,
            tasks=Tasks(on_failure=lambda _name, error: self.failures.append(error)),
            stagger_s=3600,
            again_s=again_s,
        )

    async def dial(self, node_id: bytes, candidate: Candidate) -> Link:
        self.dialled.append(candidate.host)
        if candidate.host in self.hanging:
            await self.hung.wait()
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
    assert world.timer.delays == [1, 2, 4, 8, 16, 25, 25, 25, 25, 25]
    assert (world.dialer.failures(A), world.dialer.failures(B)) == (10, 0)
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


async def test_a_dropped_node_is_dialled_no_more_and_its_link_lives_on(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.dialer.drop(A)
    world.dialer.drop(A)
    await world.settle()
    assert world.links[0].closed_because is None
    world.timer.pass_s(LINK_S_GOOD)
    world.links[0].close("let go")
    world.dialer.wake(A)
    world.dialer.excuse(A, 1)
    await world.settle()
    world.timer.pass_s(1000)
    await world.settle()
    assert world.dialled == ["a"]
    assert world.dialer.states() == {}
    await world.close()


async def test_a_node_that_is_dropped_during_its_dial_gets_no_link(world: World) -> None:
    world.know(A, "a")
    world.hanging = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.dialer.drop(A)
    await world.settle()
    assert world.links == []
    await world.close()


async def test_a_node_that_is_wanted_again_is_dialled_when_its_old_link_ends(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.dialer.drop(A)
    world.dialer.want(A)
    await world.settle()
    assert world.dialer.states()[A].connected
    assert world.dialled == ["a"]
    world.links[0].close("network gone")
    await world.settle()
    assert world.dialled == ["a", "a"]
    await world.close()


async def test_a_link_that_ends_for_an_excused_reason_is_no_failure_and_rests(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    for number in range(3):
        await world.settle()
        world.dialer.excuse(A, 60)
        world.links[number].close("crowded")
        await world.settle()
        assert world.dialer.states()[A].failures == 0
        world.timer.pass_s(60)
    assert world.timer.delays == [60, 60, 60]
    assert world.unreachable == []
    await world.close()


async def test_a_rest_holds_whatever_is_announced_again_and_ends_when_something_changed(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.dialer.excuse(A, 300)
    world.links[0].close("no_agreement")
    await world.settle()
    for _ in range(3):
        world.dialer.hint(A)
        await world.settle()
    assert world.dialled == ["a"]
    world.dialer.wake(A)
    await world.settle()
    assert world.dialled == ["a", "a"]
    world.links[1].close("gone")
    await world.settle()
    world.dialer.hint(A)  # no rest any more
    await world.settle()
    assert world.dialled == ["a", "a", "a"]
    await world.close()


async def test_an_excuse_without_a_rest_means_another_dial_at_once(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.dialer.excuse(A, 0)
    world.links[0].close("admitted")
    await world.settle()
    assert world.dialled == ["a", "a"]
    assert world.timer.delays == []
    await world.close()


async def test_the_first_round_that_fails_is_told_and_no_later_one(world: World) -> None:
    world.know(A, "z", "y")
    world.dialer.want(A)
    await world.settle()
    assert world.unreachable == [A]
    for _number in range(3):
        world.timer.pass_s(1000)
        await world.settle()
    assert world.dialled == ["y", "z"] * 4
    assert world.unreachable == [A]
    await world.close()


async def test_a_node_without_any_address_is_told_of_as_well(world: World) -> None:
    world.dialer.want(A)
    await world.settle()
    assert world.unreachable == [A]
    assert world.dialer.states()[A].last_error == "not found on the network yet"
    await world.close()


@pytest.mark.parametrize("who_dials", ["we", "they"])
async def test_when_one_node_is_back_all_that_failed_are_dialled_at_once(world: World, who_dials: str) -> None:
    others = [bytes([number]) * 32 for number in range(5)]
    for node_id in [A, *others]:
        world.know(node_id, f"host {node_id[0]}")
        world.dialer.want(node_id)
    for _number in range(4):
        await world.settle()
        world.timer.pass_s(1000)
    await world.settle()
    world.dialled.clear()
    world.up = {f"host {node_id[0]}" for node_id in [A, *others]}
    if who_dials == "we":
        world.dialer.wake(A)
        world.dialer._wanted[A].failures = 1
    else:
        world.dialer.link_opened(A)
    await world.settle()
    assert all(state.connected and state.failures == 0 for state in world.dialer.states().values())
    assert len(world.dialled) == 5 + (who_dials == "we")
    await world.close()


async def test_an_address_that_is_heard_of_while_others_hang_is_dialled_at_once(world: World) -> None:
    world.know(A, "dead 1", "dead 2")
    world.hanging = {"dead 1", "dead 2"}
    world.up = {"alive"}
    world.dialer.want(A)
    await world.settle()
    assert len(world.dialled) == 1
    world.know(A, "alive")
    world.dialer.wake(A)
    await world.settle()
    assert "alive" in world.dialled
    assert world.dialer.states()[A].connected
    await world.close()


async def test_a_node_heard_of_while_it_is_dialled_is_dialled_again_without_a_wait(world: World) -> None:
    world.know(A, "a")
    world.hanging = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.know(A, "b")
    world.dialer.wake(A)
    await world.settle()
    assert world.dialled == ["a", "b"]
    world.hanging.clear()
    world.up = {"b"}
    world.hung.set()  # the first fails now, and it is known that the node was heard of meanwhile
    await world.settle()
    assert world.dialer.states()[A].connected, "no time has passed"
    await world.close()


async def test_addresses_that_hang_are_dialled_again_beside_the_dials_that_hang() -> None:
    world = World(again_s=0)
    world.know(A, "a")
    world.hanging = world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    assert world.dialled == ["a"] * AT_ONCE_A_NODE_MAX
    world.hung.set()
    await world.settle()
    assert len(world.links) == 1
    assert world.dialer.states()[A].connected
    await world.close()


async def test_why_an_older_link_ended_is_not_said_of_a_newer_one(world: World) -> None:
    world.know(A, "a")
    world.up = {"a"}
    world.dialer.want(A)
    await world.settle()
    world.dialer.link_opened(A)
    world.links[0].close("doubled: one is enough")
    await world.settle()
    assert world.dialer.states()[A].last_error == ""
    world.dialer._wanted[A].last_error = "no answer"
    world.dialer.link_opened(A)
    assert world.dialer.states()[A].last_error == ""
    await world.close()


async def test_the_loop_timer_ends_by_the_event_or_by_the_delay() -> None:
    timer = LoopTimer()
    event = asyncio.Event()
    before = timer.now()
    await timer.wait(event, 0.001)
    assert timer.now() > before
    event.set()
    await timer.wait(event, 3600)
