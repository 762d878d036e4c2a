"""What people are called here who have a key and no card."""

import pytest

from hartig_node.board.belonging import labels
from hartig_node.board.errors import BoardError
from node.board.belonging.belonging import ANA, BEN, invite, network_of, publish
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
