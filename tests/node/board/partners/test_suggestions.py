"""Whom a partner network has removed: suggested with who did it, taken or left by people, and nothing by itself."""

import pytest

from hartig_node.board.errors import BoardError
from node.board.belonging.belonging import become, invite
from node.board.partners.abroad import Abroad, open_partner
from node.board.partners.test_partners import OFFERS, code_of
from support.boards import Bench
from support.records import Record, key

BAD, WORSE = key("bad"), key("worse")


@pytest.fixture
async def abroad(bench: Bench) -> Abroad:
    await become(bench, "organiser")
    made = Abroad()
    await open_partner(bench, made)
    await bench.board.partners.propose(code_of(made), OFFERS, None)
    return made


async def removed(abroad: Abroad, *keys: bytes) -> list[Record]:
    said = []
    for number, one in enumerate(keys, 20):
        grant = abroad.network.grant(one, place=number)
        revoke = abroad.network.revoke(one)
        await abroad.take(grant, revoke)
        said.append(revoke)
    return said


async def test_a_removal_is_suggested_with_who_did_it_and_does_nothing(bench: Bench, abroad: Abroad) -> None:
    (said,) = await removed(abroad, BAD.public)
    (one,) = await bench.board.partners.suggestions.list()
    assert (one.id, one.key, one.by, one.network_name) == (
        said.id, BAD.public, abroad.network.seat.public, "Maple Street",
    )  # fmt: skip
    assert not one.belongs_here
    assert one.as_json()["key"] == BAD.public.hex()
    assert not await bench.board.hiding.muted()


async def test_who_is_taken_over_is_muted_and_who_is_left_stays_away(bench: Bench, abroad: Abroad) -> None:
    bad, worse = await removed(abroad, BAD.public, WORSE.public)
    suggestions = bench.board.partners.suggestions
    await suggestions.take(bad.id, "Rosa")
    assert list(await bench.board.hiding.muted()) == [BAD.public]
    assert [one.key for one in await suggestions.list()] == [WORSE.public]
    await suggestions.leave(worse.id)
    assert await suggestions.list() == []
    for act in (suggestions.take, suggestions.leave):
        with pytest.raises(BoardError, match="nothing of this kind"):
            await act(worse.id)


async def test_that_somebody_belongs_here_too_is_said(bench: Bench, abroad: Abroad) -> None:
    await invite(bench, None, BAD)
    await removed(abroad, BAD.public)
    assert (await bench.board.partners.suggestions.list())[0].belongs_here


async def test_a_network_that_is_no_partner_any_more_suggests_nothing(bench: Bench, abroad: Abroad) -> None:
    await removed(abroad, BAD.public)
    await bench.board.partners.leave(abroad.id)
    assert await bench.board.partners.suggestions.list() == []
