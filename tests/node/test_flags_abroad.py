"""A flag goes where its post is read: real boards of three networks, and what each is told of it."""

import pytest

from hartig_node import partitions
from hartig_protocol.events import PartnerNamed
from support.towns import Town, found, linked, offer, rest, running, say, towns


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "REOPEN_S_MAX", 0)


async def suggested(town: Town) -> list[tuple[bytes, str | None]]:
    return [(one.subject, one.why) for one in await town.board.partners.suggestions.list()]


async def test_a_flag_on_their_post_reaches_them_and_nobody_else_and_goes_when_taken_back() -> None:
    one, other, third = towns(3)
    async with running(one), running(other), running(third):
        await found(one, other)
        await found(other, one)
        await found(third, other)
        await say(other, third, place=997)
        other.engine.handle(PartnerNamed(third.network.id, (third.node,)))
        shared = offer(one)
        post = shared.head.thread
        await one.engine.publish([shared])
        async with linked(one, other), linked(other, third):
            await rest()
            flag = await other.board.flags.flag(post.hex(), "unsafe", "Mould.")
            await rest()
            assert await suggested(one) == [(post, "unsafe")]
            (said,) = await one.board.partners.suggestions.list()
            assert (said.is_own, dict(said.text or {})) == (True, {"en": "Mould."})
            assert third.engine.hub.partners[other.network.id].is_in_force
            assert await suggested(third) == []
            assert flag.id not in third.engine.hub.partners[other.network.id].theirs.catalog.entries
            assert (await one.board.posts.get(post.hex())).flags is None  # of their network it counts for nothing here
            await other.board.flags.take_back(post.hex())
            await rest()
            assert await suggested(one) == []
