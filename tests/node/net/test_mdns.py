"""mDNS for real, on loopback: several hubs on one address, as the demonstration runs them."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from hartig_node.net.announcements import SERVICE_TYPE, Announcement, Found, Lost, host_name, instance_name, txt_of
from hartig_node.net.discovery import Discovery
from hartig_node.net.interfaces import read_interfaces, usable
from hartig_node.net.mdns import Mdns, MdnsError

pytestmark = pytest.mark.usefixtures("patience")

TAG = secrets.token_bytes(8)  # of this run: other hubs on this machine's loopback are not meant


class Seen:
    """What one hub was told, and a wait for what it should be told."""

    def __init__(self, tag: bytes) -> None:
        self.tag = tag
        self.now: dict[bytes, Found] = {}
        self.told: Counter[bytes] = Counter()
        self._news = asyncio.Event()

    def __call__(self, event: Found | Lost) -> None:
        if isinstance(event, Lost):
            self.now.pop(event.node_id, None)
        else:
            self.now[event.node_id] = event
        self.told[event.node_id] += 1
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._news.clear()
            await self._news.wait()


@asynccontextmanager
async def hub(port: int, missing: Callable[[], set[bytes]] = set) -> AsyncIterator[tuple[bytes, Seen, Discovery]]:
    node_id, seen = secrets.token_bytes(32), Seen(TAG)
    discovery = Discovery(node_id, TAG, port, seen, interfaces=["127.0.0.1"], missing=missing)
    await discovery.start()
    try:
        assert discovery.addresses == ["127.0.0.1"], discovery.problems
        yield node_id, seen, discovery
    finally:
        await discovery.close()


async def test_three_hubs_on_one_loopback_address_find_each_other_and_say_farewell() -> None:
    async with AsyncExitStack() as stack:
        one, seen_one, _ = await stack.enter_async_context(hub(5001))
        two, seen_two, _ = await stack.enter_async_context(hub(5002))
        async with hub(5003) as (three, seen_three, _):
            await seen_one.until(lambda: {two, three} <= seen_one.now.keys())
            await seen_two.until(lambda: {one, three} <= seen_two.now.keys())
            await seen_three.until(lambda: {one, two} <= seen_three.now.keys())
            assert seen_one.now[three] == Found(three, TAG, (("127.0.0.1", 5003),))
            assert one not in seen_one.now
        await seen_one.until(lambda: three not in seen_one.now)
        await seen_two.until(lambda: three not in seen_two.now)
        assert two in seen_one.now


async def test_a_new_network_tag_reaches_the_others() -> None:
    async with hub(5001) as (_one, seen_one, _), hub(5002) as (two, seen_two, discovery_two):
        await seen_one.until(lambda: two in seen_one.now)
        await seen_two.until(lambda: bool(seen_two.now))
        discovery_two.set_network_tag(b"new tag!")
        await seen_one.until(lambda: seen_one.now[two].network_tag == b"new tag!")


async def test_a_missed_node_that_is_known_answers_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.net.discovery.REPEAT_S", 0.0)
    missing: set[bytes] = set()
    async with (
        hub(5001, lambda: missing) as (_one, seen_one, discovery_one),
        hub(5002) as (two, _seen_two, discovery_two),
    ):
        await seen_one.until(lambda: two in seen_one.now)
        for discovery in (discovery_one, discovery_two):  # until nobody speaks unasked any more
            (instance,) = discovery._instances.values()
            await asyncio.gather(*instance._tasks._running)  # type: ignore[attr-defined]
        missing.add(two)
        told = seen_one.told[two]
        # A responder repeats an answer after a second at the earliest (RFC 6762, section 6); so ask until it does.
        while seen_one.told[two] == told:
            discovery_one.ask()
            try:
                async with asyncio.timeout(0.3):
                    await seen_one.until(lambda: seen_one.told[two] > told)
            except TimeoutError:
                continue


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Mdns, list[Announcement], list[str]]]:
    (local,) = usable(read_interfaces(), frozenset({"127.0.0.1"}))
    heard: list[Announcement] = []
    gone: list[str] = []
    mdns = Mdns(local, b"o" * 32, lambda _name, one: heard.append(one), gone.append)
    await mdns.start(1, TAG)
    try:
        yield mdns, heard, gone
    finally:
        await mdns.close()


def service(mdns: Mdns, node_id: bytes, **changes: Any) -> Any:
    from zeroconf.asyncio import AsyncServiceInfo

    name = instance_name(node_id, "127.0.0.1")
    given = {
        "port": 7,
        "properties": txt_of(node_id, TAG),
        "server": host_name(name),
        "parsed_addresses": ["127.0.0.1"],
    }
    return AsyncServiceInfo(SERVICE_TYPE, name, **{**given, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"properties": {}},
        {"properties": b"\xff" * 40},
        {"properties": b"\x05v="},
        {"properties": {"v": "9"}},
        {"port": 0},
        {"parsed_addresses": ["8.8.8.8"]},
        {"parsed_addresses": ["192.168.0.9", "224.0.0.1", "fe80::1"]},
        {"parsed_addresses": []},
    ],
)
async def test_a_bad_announcement_is_passed_over_and_the_next_good_one_is_heard(changes: dict[str, Any]) -> None:
    async with listening() as (mdns, heard, _gone):
        mdns._read(service(mdns, b"b" * 32, **changes))
        assert heard == []
        mdns._read(service(mdns, b"g" * 32))
        assert heard == [Announcement(b"g" * 32, TAG, (("127.0.0.1", 7),))]


async def test_an_announcement_that_came_in_parts_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.net.mdns.RESOLVE_MS_MAX", 100)
    async with listening() as (mdns, heard, _gone), hub(5001) as (one, _seen, _):
        name = instance_name(one, "127.0.0.1")
        while one not in {announcement.node_id for announcement in heard}:
            mdns._hear(name)  # not in the cache at first, so it waits for the answer to a question
            await asyncio.gather(*mdns._tasks._running)
        before = len(heard)
        mdns._hear(instance_name(b"nobody", "127.0.0.1"))
        await asyncio.gather(*mdns._tasks._running)
        assert len(heard) == before
        assert "0 running, 0 waiting" in repr(mdns)


async def test_junk_on_the_wire_ends_nothing() -> None:
    import socket

    async with hub(5001) as (one, seen_one, _):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            for number in range(200):
                header = b"\x00\x00\x84\x00\x00\x00\x00\x03\x00\x00\x00\x00"
                sender.sendto((header if number % 2 else b"") + secrets.token_bytes(number), ("224.0.0.251", 5353))
        async with hub(5002) as (two, seen_two, _):
            await seen_one.until(lambda: two in seen_one.now)
            await seen_two.until(lambda: one in seen_two.now)


async def test_a_question_says_whether_its_answers_are_for_us_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as (mdns, _, _):
        running = mdns._zeroconf
        assert running is not None
        sent: list[Any] = []
        monkeypatch.setattr(running.zeroconf, "async_send", sent.append)
        mdns.ask(["one"])
        mdns.ask(["one"], unicast=True)
        monkeypatch.undo()
    assert [[(one.name, one.unicast) for one in question.questions] for question in sent] == [
        [(SERVICE_TYPE, False)],
        [(SERVICE_TYPE, True)],
    ]


async def test_an_address_that_is_not_here_is_an_error_that_leaves_nothing_behind() -> None:
    from hartig_node.net.interfaces import Local

    mdns = Mdns(Local(1, "203.0.113.5", "lo"), b"o" * 32, lambda _name, _one: None, lambda _name: None)
    with pytest.raises(MdnsError, match=r"203\.0\.113\.5"):
        await mdns.start(1, TAG)
    mdns.ask([])
    mdns.announce_again(1, TAG)
    await mdns.close()


def test_discovery_does_not_load_zeroconf_before_it_is_needed() -> None:
    import subprocess
    import sys

    code = "import sys, hartig_node.net.discovery, hartig_node.net.dialer; sys.exit('zeroconf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
