import asyncio

import pytest

from hartig_node.net.dial_slots import DialSlots

pytestmark = pytest.mark.usefixtures("patience")


class Holders:
    """Tasks that want a slot and hold it until told."""

    def __init__(self, slots: DialSlots) -> None:
        self.slots = slots
        self.holding: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.releases: dict[str, asyncio.Event] = {}

    async def want(self, name: str, failures: int = 0) -> None:
        self.releases[name] = asyncio.Event()
        self.tasks[name] = asyncio.get_running_loop().create_task(self._hold(name, failures))
        await self.settle()

    async def _hold(self, name: str, failures: int) -> None:
        async with self.slots.slot(failures):
            self.holding.append(name)
            await self.releases[name].wait()
        self.holding.remove(name)

    async def release(self, name: str) -> None:
        self.releases[name].set()
        await self.tasks[name]
        await self.settle()

    async def cancel(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.gather(self.tasks[name], return_exceptions=True)
        await self.settle()

    @staticmethod
    async def settle() -> None:
        for _turn in range(5):
            await asyncio.sleep(0)

    async def close(self) -> None:
        for name in list(self.tasks):
            await self.cancel(name)


async def test_no_more_dials_run_than_there_are_slots() -> None:
    holders = Holders(DialSlots(2, 2))
    for name in "abc":
        await holders.want(name)
    assert holders.holding == ["a", "b"]
    await holders.release("a")
    assert holders.holding == ["b", "c"]
    await holders.close()


async def test_nodes_that_failed_leave_room_for_those_that_did_not() -> None:
    holders = Holders(DialSlots(3, 2))
    for name in "abc":
        await holders.want(name, failures=5)
    assert holders.holding == ["a", "b"]
    await holders.want("fresh")
    assert holders.holding == ["a", "b", "fresh"]
    await holders.release("fresh")
    assert holders.holding == ["a", "b"]
    await holders.release("a")
    assert holders.holding == ["b", "c"]
    await holders.close()


async def test_the_least_often_failed_is_next() -> None:
    holders = Holders(DialSlots(1, 1))
    await holders.want("first")
    await holders.want("often", failures=9)
    await holders.want("once", failures=1)
    await holders.want("never")
    await holders.release("first")
    assert holders.holding == ["never"]
    await holders.release("never")
    assert holders.holding == ["once"]
    await holders.close()


async def test_a_cancelled_wait_or_hold_gives_its_slot_back() -> None:
    slots = DialSlots(1, 1)
    holders = Holders(slots)
    await holders.want("holds")
    await holders.want("waits")
    await holders.want("last")
    await holders.cancel("waits")
    await holders.cancel("holds")
    assert holders.holding[-1] == "last"
    await holders.close()
    assert repr(slots) == "<DialSlots 0 of 1, 0 waiting>"


async def test_a_wait_cancelled_in_the_moment_of_its_turn_gives_the_slot_back() -> None:
    slots = DialSlots(1, 1)
    holders = Holders(slots)
    async with slots.slot(0):
        await holders.want("waits")
    holders.tasks["waits"].cancel()  # the slot is its own already, but it had no turn yet to notice
    await asyncio.gather(holders.tasks["waits"], return_exceptions=True)
    assert holders.holding == []
    assert repr(slots) == "<DialSlots 0 of 1, 0 waiting>"
