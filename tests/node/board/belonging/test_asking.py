"""Newcomers without an invite: let in by words, and into an open network."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from hartig_node.board.belonging import asking as asking_module
from hartig_node.board.errors import BoardError
from hartig_protocol.events import AskAdmission, NewcomerAdmitted, NewcomerRefused
from hartig_protocol.limits import ASKING_MAX, OPEN_INVITES, OPEN_PER_HOUR_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.words import pairing_words
from support.boards import Bench, node_id_of, running_board
from support.records import key

NODE = key("newcomer's node").public


def asked(newcomer: int = 50, node: bytes = NODE, *, names_network: bool = True) -> AskAdmission:
    return AskAdmission(7, node, key(newcomer).public, b"", None, names_network)


async def answer(bench: Bench, ask: AskAdmission) -> NewcomerAdmitted | NewcomerRefused:
    given = await bench.board.membership.admit(ask)
    bench.engine.handle(given)
    await bench.engine.publish([])
    return given


async def refusal(bench: Bench, ask: AskAdmission) -> NewcomerRefused:
    given = await answer(bench, ask)
    assert isinstance(given, NewcomerRefused)
    return given


@pytest.fixture
async def open_bench() -> AsyncIterator[Bench]:
    async with running_board(is_open=True) as bench:
        yield bench


async def test_nobody_is_let_in_without_an_invite_and_is_told_what_to_do(bench: Bench) -> None:
    for names_network in (True, False):
        refused = await refusal(bench, asked(names_network=names_network))
        assert (refused.code, refused.shows_network) == ("not_open", False)
        assert "hartig invite --words" in refused.reason
    assert await bench.board.invites.asking.list() == []
    assert bench.engine.hub.catalog.authority.standing(key(50).public) is None


async def test_who_was_let_in_by_words_is_admitted_once(bench: Bench) -> None:
    asking = bench.board.invites.asking
    asking.open()
    shown = await refusal(bench, asked(names_network=False))
    assert (shown.code, shown.shows_network) == ("not_admitted_yet", True)
    (view,) = await asking.list()
    assert view.words == pairing_words(bench.founding.network, NODE, key(50).public, node_id_of(1))
    asking.let_in(view.id)
    assert (await asking.list())[0].let_in
    assert isinstance(await answer(bench, asked(51)), NewcomerRefused)  # another key from that node
    assert isinstance(await answer(bench, asked(50, bytes(32))), NewcomerRefused)  # that key from another node
    admitted = await answer(bench, asked())
    assert isinstance(admitted, NewcomerAdmitted)
    assert open_record(admitted.grant).head.subject == key(50).public
    assert (await refusal(bench, asked())).code == "not_admitted_yet"


async def test_what_a_person_says_counts_only_while_the_door_is_open(bench: Bench) -> None:
    asking = bench.board.invites.asking
    asking.open()
    await answer(bench, asked())
    asking.let_in((await asking.list())[0].id)
    bench.time.advance(601)
    assert (await refusal(bench, asked())).code == "not_open"
    assert await asking.list() == []
    asking.open()
    await answer(bench, asked())
    asking.close()
    assert asking.open_ms == 0
    assert (await refusal(bench, asked())).code == "not_open"


async def test_words_that_differ_turn_a_hub_away(bench: Bench) -> None:
    asking = bench.board.invites.asking
    asking.open()
    await answer(bench, asked())
    (view,) = await asking.list()
    asking.turn_away(view.id)
    assert await asking.list() == []
    with pytest.raises(BoardError) as caught:
        asking.let_in(view.id)
    assert caught.value.code == "not_found"


async def test_nobody_is_let_in_whose_words_nobody_saw(bench: Bench) -> None:
    asking = bench.board.invites.asking
    asking.open()
    await answer(bench, asked())
    (view,) = await asking.list()
    asking.turn_away(view.id)
    await answer(bench, asked())
    with pytest.raises(BoardError) as caught:
        asking.let_in(view.id)
    assert caught.value.code == "conflict"


async def test_a_crowd_that_asks_pushes_nobody_out_who_was_let_in(bench: Bench) -> None:
    asking = bench.board.invites.asking
    asking.open()
    await answer(bench, asked())
    asking.let_in((await asking.list())[0].id)
    for stranger in range(ASKING_MAX + 5):
        asking.hears(replace(asked(), peer_node=bytes([stranger]) * 32))
    assert len(asking._asking) == ASKING_MAX
    assert isinstance(await answer(bench, asked()), NewcomerAdmitted)


async def test_who_stopped_asking_is_not_shown_any_more(bench: Bench) -> None:
    asking = bench.board.invites.asking
    asking.open()
    await answer(bench, asked())
    bench.time.advance(301)
    assert asking.open_ms > 0
    assert await asking.list() == []


async def test_an_open_network_lets_in_who_asks_so_many_in_an_hour(open_bench: Bench) -> None:
    invites = open_bench.board.invites
    assert invites.is_open
    shown = await refusal(open_bench, asked(names_network=False))
    assert (shown.code, shown.shows_network) == ("not_admitted_yet", True)
    for newcomer in range(OPEN_PER_HOUR_MAX):
        admitted = await answer(open_bench, asked(100 + newcomer))
        assert isinstance(admitted, NewcomerAdmitted)
        assert open_record(admitted.grant).head.facts["invites"] == OPEN_INVITES
    refused = await refusal(open_bench, asked(200))
    assert (refused.code, invites.came_openly()) == ("too_many", OPEN_PER_HOUR_MAX)
    assert "invite" in refused.reason
    open_bench.time.advance(3601)
    assert isinstance(await answer(open_bench, asked(200)), NewcomerAdmitted)
    assert invites.came_openly() == 1


async def test_who_comes_openly_is_in_the_feed(open_bench: Bench) -> None:
    listener = open_bench.engine.feed.listen()
    assert isinstance(await answer(open_bench, asked()), NewcomerAdmitted)
    assert (await listener.next()).name == "member.added"


async def test_keys_that_begin_alike_are_told_apart(bench: Bench) -> None:
    asking, hub = bench.board.invites.asking, key(50).public
    asking.open()
    alike = AskAdmission(7, NODE[:4] + bytes(28), hub[:4] + bytes(28), b"", None, True)
    for one in (alike, asked()):
        asking.hears(one)
    ids = {view.hub: view.id for view in await asking.list()}
    assert {len(one) for one in ids.values()} == {32}
    asking.let_in(ids[hub])
    assert not asking.takes(alike)
    assert asking.takes(asked())


async def test_a_door_that_is_shut_while_words_are_found_shows_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = bench.board.invites.asking
    asking.open()
    for newcomer in (50, 51):
        asking.hears(asked(newcomer))

    def found(*_: bytes) -> str:
        asking.close()
        return "words"

    monkeypatch.setattr(asking_module, "pairing_words", found)
    assert await asking.list() == []
