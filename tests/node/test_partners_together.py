"""Two networks, each with a hub: real cores on real engines, and a store for what the partner shares."""

import pytest

from hartig_node import partitions
from support.federated import pact_of
from support.towns import found, linked, offer, rest, running, towns


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "REOPEN_S_MAX", 0)


async def test_what_one_network_shares_is_stored_apart_at_the_other_and_told_in_its_feed() -> None:
    one, other = towns()
    async with running(one), running(other):
        await found(one, other)
        await found(other, one)
        shared, private = offer(one), offer(one, 1, "network")
        await one.engine.publish([shared, private])
        async with linked(one, other):
            await rest()
            assert await other.held(one) == [shared.head.thread]
            assert await other.lines() == ["partner.post.added"]
            later = offer(one, 2)
            await one.engine.publish([later])
            await rest()
            assert await other.held(one) == [later.head.thread, shared.head.thread]
            assert await one.held(other) == []
        assert not [row for row in other.home.rows.values() if row.author == one.key.public]


async def test_a_restart_has_what_was_there_and_tells_nothing_twice() -> None:
    one, other = towns()
    shared = offer(one)
    async with running(one), running(other):
        await found(one, other)
        await found(other, one)
        await one.engine.publish([shared])
        async with linked(one, other):
            await rest()
    async with running(one), running(other):
        await rest()
        assert await other.held(one) == [shared.head.thread]
        assert await other.lines() == ["partner.post.added"]
        async with linked(other, one):
            await rest()
            await one.engine.publish([offer(one, 1)])
            await rest()
            assert len(await other.held(one)) == 2
            assert await other.lines() == ["partner.post.added"] * 2


async def test_a_store_that_fails_is_filled_again_by_the_other_network() -> None:
    one, other = towns()
    shared = offer(one)
    async with running(one), running(other):
        await found(one, other)
        await found(other, one)
        await one.engine.publish([shared])
        async with linked(one, other):
            await rest()
            failed = other.engine.stores[one.network.id]
            other.places[-1].opened[one.network.id].crash()
            await one.engine.publish([offer(one, 1)])
            await rest()
            assert other.engine.stores[one.network.id] is not failed
            assert await other.held(one) == []
        async with linked(one, other):  # both ended the one before
            await rest()
            assert len(await other.held(one)) == 2


async def test_whoever_leaves_keeps_nothing_of_it() -> None:
    one, other = towns()
    async with running(one), running(other):
        await found(one, other)
        await found(other, one)
        await one.engine.publish([offer(one)])
        async with linked(one, other):
            await rest()
            assert one.network.id in other.disks
            await other.engine.publish([pact_of(other.network, one.network.id, other.key, seq=2, ends=True)])
            await rest()
            assert other.disks == {}
            assert other.engine.stores == {}
            assert len(one.engine.store.disk.rows) > 0  # type: ignore[attr-defined]
