"""What people are called here who have a key and no card."""

import pytest

from hartig_node.board.belonging import labels
from hartig_node.board.drafts.drafts import PROGRAMS_NAMES
from hartig_node.board.errors import BoardError
from node.board.belonging.belonging import ANA, BEN, invite, network_of, publish
from node.board.keepers import BLANKETS, posted
from node.board.moderation.test_flags import flag_of
from support.boards import Bench, running_board


async def test_a_name_outlasts_a_start_and_yields_to_a_card(bench: Bench) -> None:
    await invite(bench, bench.key, ANA, BEN)
    for one, name in ((ANA, "Rosa"), (BEN, "Night desk")):
        assert (await bench.board.labels.put(one.public, name)).name == name
    async with running_board(bench.store.disk, founded=False) as again:
        await publish(again, network_of(again).card(BEN, name="Ben's shelf", place=0))
        await again.board.membership.start()
        names = [again.board.people.get(one.public).name for one in (ANA, BEN)]
        assert names == ["Rosa", "Ben's shelf"]
        with pytest.raises(BoardError, match="a name of its own: Ben's shelf"):
            await again.board.labels.put(BEN.public, "Night desk")


async def test_so_many_are_named_and_no_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "LABELS_MAX", 1)
    await invite(bench, bench.key, ANA, BEN)
    put = bench.board.labels.put
    await put(ANA.public, "Rosa")
    with pytest.raises(BoardError, match="1 are named here already"):
        await put(BEN.public, "Ben")
    await put(ANA.public, "Rosa Paz")
    await put(ANA.public, "")
    assert (await put(BEN.public, "Ben")).name == "Ben"
    with pytest.raises(BoardError, match="nobody with the key"):
        await put(bytes(32), "Nobody")


async def test_a_name_is_taken_back_under_a_card_and_outlasts_a_card_without_one(bench: Bench) -> None:
    await invite(bench, bench.key, ANA, BEN)
    put, get, network = bench.board.labels.put, bench.board.people.get, network_of(bench)
    await put(ANA.public, "Rosa")
    await publish(bench, network.card(ANA, name=min(PROGRAMS_NAMES), place=0))
    await bench.board.membership.learn_names()
    assert get(ANA.public).name == "Rosa"
    await publish(bench, network.card(ANA, name="Ana's shelf", place=0, seq=2))
    await bench.board.membership.learn_names()
    assert get(ANA.public).name == "Ana's shelf"
    for _ in range(2):
        assert (await put(ANA.public, "")).name == "Ana's shelf"
    assert await bench.store.private_list(labels.SPACE_LABEL) == []


async def test_a_name_is_for_who_looks_after_people_alone(bench: Bench) -> None:
    await invite(bench, bench.key, ANA, rank="member", invites=0)
    await bench.board.labels.put(ANA.public, "Rosa, night desk")
    post = await posted(bench, BLANKETS)
    await publish(bench, flag_of(bench, ANA, bytes.fromhex(post), 0, "spam"))
    view = (await bench.board.posts.get(post)).as_json()
    assert view["flags"]["count"] == 1
    assert "Rosa" not in str(view)
    assert bench.board.people.get(ANA.public).name == "Rosa, night desk"
