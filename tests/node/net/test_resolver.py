import asyncio

import pytest

from hartig_node.net.resolver import Resolver
from hartig_node.tasks import Tasks

pytestmark = pytest.mark.usefixtures("patience")


class LookUps:
    """Look-ups that end when the test says."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.most_at_once = 0
        self.running = 0
        self.go_on = asyncio.Event()

    async def __call__(self, name: str) -> None:
        self.begun.append(name)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        await self.go_on.wait()
        self.running -= 1


async def settle() -> None:
    for _turn in range(20):
        await asyncio.sleep(0)


async def test_a_flood_costs_32_look_ups_at_a_time_and_512_places() -> None:
    look_ups, tasks = LookUps(), Tasks()
    resolver = Resolver(look_ups, tasks)
    for number in range(6000):
        resolver.ask(str(number))
    await settle()
    assert len(look_ups.begun) == 32
    assert resolver.dropped == 6000 - 32 - 512
    assert repr(resolver) == f"<Resolver 32 running, 512 waiting, {resolver.dropped} dropped>"
    look_ups.go_on.set()
    while tasks:
        await settle()
    assert look_ups.most_at_once == 32
    assert len(look_ups.begun) == 32 + 512
    await tasks.close()


async def test_the_newest_is_next_and_the_oldest_is_dropped() -> None:
    look_ups, tasks = LookUps(), Tasks()
    resolver = Resolver(look_ups, tasks, at_once_max=1, waiting_max=2)
    for name in ("first", "old", "newer", "newest", "newest"):
        resolver.ask(name)
    look_ups.go_on.set()
    while tasks:
        await settle()
    assert look_ups.begun == ["first", "newest", "newer"]
    await tasks.close()


async def test_a_name_is_looked_up_once_at_a_time_and_can_be_forgotten() -> None:
    look_ups, tasks = LookUps(), Tasks()
    resolver = Resolver(look_ups, tasks, at_once_max=1)
    for name in ("a", "a", "b"):
        resolver.ask(name)
    resolver.forget("b")
    resolver.forget("unknown")
    look_ups.go_on.set()
    while tasks:
        await settle()
    resolver.ask("a")
    await settle()
    assert look_ups.begun == ["a", "a"]
    await tasks.close()
