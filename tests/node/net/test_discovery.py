"""Discovery with instances of paper: which addresses it speaks on, what it reports, what a flood costs."""

import asyncio
from collections.abc import Callable, Iterable

import pytest

from hartig_node.net.announcements import Announcement, Found, Lost, instance_name
from hartig_node.net.discovery import HELD_MAX, SOON_ROUNDS, SOON_S, Discovery
from hartig_node.net.interfaces import Interface, Local
from hartig_protocol.errors import LocalError, RemoteError

pytestmark = pytest.mark.usefixtures("patience")

OWN, A, B = b"o" * 32, b"a" * 32, b"b" * 32
TAG = b"network1"
UP_AND_MULTICAST = 0x1001


class PaperInstance:
    """Stands for mDNS on one address."""

    def __init__(
        self, local: Local, on_heard: Callable[[str, Announcement], None], on_gone: Callable[[str], None]
    ) -> None:
        self.local, self.heard, self.gone = local, on_heard, on_gone
        self.announced: list[tuple[int, bytes]] = []
        self.asked: list[set[str]] = []
        self.asked_unicast: list[bool] = []
        self.closed = False
        self.broken = False

    async def start(self, port: int, network_tag: bytes) -> None:
        if self.broken:
            raise RemoteError("mdns.start", "planted")
        self.announced.append((port, network_tag))

    def announce_again(self, port: int, network_tag: bytes) -> None:
        self.announced.append((port, network_tag))

    def ask(self, already_known: Iterable[str], *, unicast: bool = False) -> None:
        self.asked.append(set(already_known))
        self.asked_unicast.append(unicast)

    async def close(self) -> None:
        self.closed = True


class World:
    """A machine whose addresses change."""

    def __init__(self, rescan_s: float = 3600.0) -> None:
        self.addresses: list[str] = []
        self.unreadable = False
        self.broken: set[str] = set()
        self.made: list[PaperInstance] = []
        self.events: list[Found | Lost] = []
        self.missing: set[bytes] = set()
        self.told_addresses: list[frozenset[str]] = []
        self.discovery = Discovery(
            OWN,
            TAG,
            4279,
            self.events.append,
            missing=lambda: self.missing,
            on_addresses=self.told_addresses.append,
            rescan_s=rescan_s,
            read=self.read,
            make_instance=self.make,
        )

    def read(self) -> list[Interface]:
        if self.unreadable:
            raise OSError(13, "planted")
        return [Interface(2, "eth0", UP_AND_MULTICAST, tuple(self.addresses))]

    def make(
        self, local: Local, on_heard: Callable[[str, Announcement], None], on_gone: Callable[[str], None]
    ) -> PaperInstance:
        self.made.append(PaperInstance(local, on_heard, on_gone))
        self.made[-1].broken = local.address in self.broken
        return self.made[-1]


def from_node(node_id: bytes, *hosts: str, tag: bytes = TAG) -> Announcement:
    return Announcement(node_id, tag, tuple((host, 1) for host in hosts))


async def test_a_node_without_a_network_waits_for_one() -> None:
    world = World()
    await world.discovery.start()
    assert world.made == []
    world.addresses = ["10.0.0.1"]
    await world.discovery.rescan()
    assert world.discovery.addresses == ["10.0.0.1"]
    assert world.made[0].announced == [(4279, TAG)]
    await world.discovery.close()
    assert world.made[0].closed


async def test_the_network_is_looked_at_again_and_again() -> None:
    world = World(rescan_s=0.001)
    await world.discovery.start()
    world.addresses = ["10.0.0.1"]
    while not world.made:  # noqa: ASYNC110
        await asyncio.sleep(0)
    world.missing = {A}
    while not world.made[0].asked:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await world.discovery.close()


async def test_a_changed_address_gets_a_new_instance_and_the_old_one_is_closed() -> None:
    world = World()
    world.addresses = ["10.0.0.1"]
    await world.discovery.start()
    world.made[0].heard("x", from_node(A, "10.0.0.9"))
    world.addresses = ["10.7.0.1"]
    await world.discovery.rescan()
    assert world.discovery.addresses == ["10.7.0.1"]
    assert world.events[-1] == Lost(A)
    world.made[0].heard("x", from_node(A, "10.0.0.9"))  # a late word of the closed one
    assert world.events[-1] == Lost(A)
    await world.discovery.close()
    assert [one.closed for one in world.made] == [True, True]


async def test_all_addresses_are_told_when_they_changed_and_only_then() -> None:
    world = World()
    world.addresses = ["10.0.0.1", "2001:db8::1"]
    await world.discovery.start()
    await world.discovery.rescan()
    assert world.told_addresses == []
    world.addresses = ["10.7.0.1"]
    await world.discovery.rescan()
    await world.discovery.rescan()
    assert world.told_addresses == [frozenset({"10.7.0.1"})]
    world.unreadable, world.addresses = True, []
    await world.discovery.rescan()
    assert len(world.told_addresses) == 1
    await world.discovery.close()


async def test_an_address_that_cannot_speak_yet_is_tried_again_and_told_to_the_doctor() -> None:
    world = World()
    world.addresses, world.broken = ["10.0.0.1"], {"10.0.0.1"}
    await world.discovery.start()
    assert world.discovery.problems == {"10.0.0.1": "planted"}
    world.broken = set()
    await world.discovery.rescan()
    assert world.discovery.problems == {}
    assert world.discovery.addresses == ["10.0.0.1"]
    world.unreadable = True
    await world.discovery.rescan()
    assert list(world.discovery.problems) == ["interfaces"]
    assert world.discovery.addresses == ["10.0.0.1"]
    await world.discovery.close()


async def two_networks() -> tuple[World, PaperInstance, PaperInstance]:
    world = World()
    world.addresses = ["10.0.0.1", "10.0.0.2"]
    await world.discovery.start()
    return world, world.made[0], world.made[1]


async def test_a_node_on_two_networks_is_one_finding_until_it_is_gone_from_both() -> None:
    world, one, two = await two_networks()
    one.heard("x", from_node(A, "10.0.0.9"))
    two.heard("y", from_node(A, "10.0.0.8"))
    assert world.events == [
        Found(A, TAG, (("10.0.0.9", 1),)),
        Found(A, TAG, (("10.0.0.8", 1), ("10.0.0.9", 1))),
    ]
    two.gone("y")
    assert world.events[-1] == Found(A, TAG, (("10.0.0.9", 1),))
    one.gone("x")
    one.gone("x")
    one.gone("unknown")
    assert world.events[3:] == [Lost(A)]
    await world.discovery.close()


async def test_our_own_announcement_is_not_news_and_the_same_word_is_not_told_twice() -> None:
    world, one, _two = await two_networks()
    one.heard("own", from_node(OWN, "10.0.0.2"))
    assert world.events == []
    one.heard("x", from_node(A, "10.0.0.9", "10.0.0.8"))
    one.heard("x", from_node(A, "10.0.0.8", "10.0.0.9"))
    assert len(world.events) == 1
    await world.discovery.close()


async def test_the_same_word_after_a_while_is_news_because_the_node_may_have_been_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, one, _two = await two_networks()
    one.heard("x", from_node(A, "10.0.0.9"))
    loop = asyncio.get_running_loop()
    later_s = loop.time() + 60
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: later_s)
        one.heard("x", from_node(A, "10.0.0.9"))
    assert len(world.events) == 2
    await world.discovery.close()


async def test_a_name_that_changes_its_node_leaves_the_old_one_lost() -> None:
    world, one, _two = await two_networks()
    one.heard("x", from_node(A, "10.0.0.9"))
    one.heard("x", from_node(B, "10.0.0.9"))
    assert world.events[1:] == [Lost(A), Found(B, TAG, (("10.0.0.9", 1),))]
    await world.discovery.close()


async def test_a_flood_of_made_up_nodes_is_held_in_bounds_and_loses_nobody() -> None:
    world, one, _two = await two_networks()
    one.heard("real", from_node(A, "10.0.0.9"))
    for number in range(3 * HELD_MAX):
        one.heard(f"{number}", from_node(number.to_bytes(32, "big"), "10.0.0.66"))
    assert len(world.discovery._held) == HELD_MAX
    assert len(world.discovery._told) == HELD_MAX
    assert Lost(A) not in world.events
    one.heard("real", from_node(A, "10.0.0.9"))
    assert world.events[-1] == Found(A, TAG, (("10.0.0.9", 1),))
    await world.discovery.close()


async def test_a_new_network_tag_is_announced_everywhere() -> None:
    world, one, two = await two_networks()
    world.discovery.set_network_tag(b"network2")
    assert one.announced == two.announced == [(4279, TAG), (4279, b"network2")]
    await world.discovery.close()


async def test_those_who_are_not_missed_need_not_answer() -> None:
    world, one, two = await two_networks()
    one.heard("a", from_node(A, "10.0.0.9"))
    one.heard("b", from_node(B, "10.0.0.8"))
    world.discovery.ask()
    assert one.asked == []
    world.missing = {A}
    world.discovery.ask()
    assert one.asked == [{"b", instance_name(OWN, "10.0.0.1")}]
    assert two.asked == [{instance_name(OWN, "10.0.0.2")}]
    await world.discovery.close()


async def test_the_first_rounds_after_somebody_is_missed_are_quick_and_then_it_is_quiet() -> None:
    world, _, _ = await two_networks()

    def quick_rounds() -> int:
        rounds = [world.discovery.next_round_s() for _ in range(2 * SOON_ROUNDS)]
        assert set(rounds[SOON_ROUNDS:]) == {3600.0}
        return rounds.count(SOON_S)

    assert quick_rounds() == SOON_ROUNDS, "two addresses are new"
    world.missing = {A}
    world.discovery.ask()
    assert quick_rounds() == SOON_ROUNDS
    world.discovery.ask()
    assert quick_rounds() == 0, "that A is missing is no news"
    world.missing = {B}
    world.discovery.ask()
    assert quick_rounds() == SOON_ROUNDS
    await world.discovery.close()


async def test_who_is_missing_is_asked_for_at_once_and_every_other_quick_question_is_for_unicast_answers() -> None:
    world = World(rescan_s=0.0)
    world.addresses, world.missing = ["10.0.0.1"], {A}
    await world.discovery.start()
    (one,) = world.made
    assert one.asked == []
    while len(one.asked) < SOON_ROUNDS + 3:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert one.asked_unicast == [True, False] * (SOON_ROUNDS // 2) + [False] * 3
    await world.discovery.close()


def test_ids_and_tags_of_another_length_are_our_mistake() -> None:
    with pytest.raises(LocalError):
        Discovery(b"short", TAG, 1, print)
    with pytest.raises(LocalError):
        Discovery(OWN, b"short", 1, print)
