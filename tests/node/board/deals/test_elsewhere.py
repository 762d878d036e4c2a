"""What else a need could ask: of the same family, measured alike, free, and not asked already."""

from typing import Any

import pytest

from hartig_node.board.errors import BoardError
from node.board.keepers import BLANKETS, posted
from support.boards import Bench, meet, running_boards

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
    need = await posted(bench, HUNGRY)
    assert await titles(bench, need) == [f"Bread {number}" for number in range(21, 11, -1)]
    assert len(await bench.board.elsewhere.offers(need, 3)) == 3


async def test_what_covers_all_that_is_needed_comes_first_and_then_what_is_newest(bench: Bench) -> None:
    await posted(bench, BREAD | {"title": "Wide", "category": "food"})
    for title, quantity in (("Ten", 10), ("Two", 2), ("Four", 4), ("One", 1)):
        await posted(bench, BREAD | {"title": title, "quantity": quantity})
    need = await posted(bench, HUNGRY)
    assert await titles(bench, need) == ["Four", "Ten", "Wide", "One", "Two"]
    asked = await posted(bench, BREAD | {"title": "Asked", "quantity": 3})
    await bench.board.deals.ask(need, asked)
    assert await titles(bench, need) == ["One", "Four", "Two", "Ten", "Wide"]  # one is still needed


async def test_amounts_in_other_units_of_one_dimension_are_compared_exactly(bench: Bench) -> None:
    water: dict[str, Any] = {"category": "water", "unit": "LTR"}
    await posted(bench, {"kind": "offer", "title": "A cubic metre", "quantity": 1, **water, "unit": "MTQ"})
    await posted(bench, {"kind": "offer", "title": "Some litres", "quantity": 999, **water})
    need = await posted(bench, {"kind": "need", "title": "Water", "quantity": 1000, **water})
    assert await titles(bench, need) == ["A cubic metre", "Some litres"]


async def test_what_another_hub_holds_is_nothing_for_a_need_that_never_leaves() -> None:
    async with running_boards(2) as [here, there]:
        await posted(there, BREAD | {"title": "There"})
        await posted(here, BREAD | {"title": "Here"})
        await meet(here, there)
        need = await posted(here, HUNGRY | {"audience": "hub"})
        assert await titles(here, need) == ["Here"]


async def test_what_was_for_days_that_have_passed_is_left_out(bench: Bench) -> None:
    day = "2026-11-24T18:00:00Z"
    await posted(bench, BREAD | {"title": "On a day", "dates": [day], "days": 30})
    need = await posted(bench, HUNGRY | {"days": 30})
    assert await titles(bench, need) == ["On a day"]
    bench.time.advance(20 * 86_400)
    assert await titles(bench, need) == []


async def test_an_offer_asks_nothing(bench: Bench) -> None:
    offer = await posted(bench, BREAD)
    for wrong in (offer, "00" * 16):
        with pytest.raises(BoardError) as caught:
            await bench.board.elsewhere.offers(wrong)
        assert caught.value.code == "not_found"
