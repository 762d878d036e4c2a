"""What else a need could ask: of the same family, measured alike, free, and not asked already."""

from typing import Any

import pytest

from hartig_node.board.errors import BoardError
from node.board.keeping import BLANKETS, posted
from support.boards import Bench

BREAD: dict[str, Any] = {"kind": "offer", "category": "food.bread", "title": "Bread", "quantity": 10}
HUNGRY: dict[str, Any] = {"kind": "need", "category": "food.bread", "title": "Bread", "quantity": 4}


async def titles(bench: Bench, need: str) -> list[str]:
    return [view.title["en"] for view in await bench.board.elsewhere.offers(need)]


async def test_offers_of_the_same_category_come_before_those_of_one_above(bench: Bench) -> None:
    await posted(bench, BREAD | {"category": "food", "title": "Any food"})
    await posted(bench, BREAD)
    await posted(bench, BLANKETS)
    need = await posted(bench, HUNGRY)
    assert await titles(bench, need) == ["Bread", "Any food"]


async def test_a_need_of_a_wide_category_is_shown_what_lies_below(bench: Bench) -> None:
    await posted(bench, BREAD)
    assert await titles(bench, await posted(bench, HUNGRY | {"category": "food"})) == ["Bread"]


async def test_what_was_asked_what_is_gone_and_what_is_measured_otherwise_is_left_out(bench: Bench) -> None:
    asked = await posted(bench, BREAD | {"title": "Asked"})
    gone = await posted(bench, BREAD | {"title": "Gone"})
    await posted(bench, BREAD | {"title": "By weight", "unit": "KGM"})
    withdrawn = await posted(bench, BREAD | {"title": "Withdrawn"})
    shelf = {name: value for name, value in BREAD.items() if name != "quantity"}
    await posted(bench, shelf | {"title": "Empty shelf", "level": "gone"})
    await posted(bench, shelf | {"title": "Shelf", "level": "some"})
    need = await posted(bench, HUNGRY)
    await bench.board.deals.ask(need, asked)
    await bench.board.deals.hand_over(None, 10, gone)
    await bench.board.posts.withdraw(withdrawn)
    assert await titles(bench, need) == ["Shelf"]


async def test_it_is_a_list_that_people_can_look_through(bench: Bench) -> None:
    for number in range(22):
        await posted(bench, BREAD | {"title": f"Bread {number}"})
    assert len(await titles(bench, await posted(bench, HUNGRY))) == 20


async def test_an_offer_asks_nothing(bench: Bench) -> None:
    offer = await posted(bench, BREAD)
    for wrong in (offer, "00" * 16):
        with pytest.raises(BoardError) as caught:
            await bench.board.elsewhere.offers(wrong)
        assert caught.value.code == "not_found"
