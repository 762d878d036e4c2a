"""Loans: what is lent goes back, is counted once, and may be lost on the way."""

from collections.abc import AsyncIterator

import pytest

from node.board.stories import amounts, failed, need, offer, refused, state, written
from support.boards import Bench, meet, running_boards


@pytest.fixture
async def two() -> AsyncIterator[list[Bench]]:
    async with running_boards(2) as benches:
        yield benches


async def lent(hall: Bench, store: Bench, quantity: str = "2") -> str:
    """Let the store lend tools to the hall, which has received them; return the deal's id."""
    tools = {"category": "tools", "title": "Drills"}
    wanted, there = await need(hall, quantity, **tools), await offer(store, "5", mode="lend", **tools)
    await meet(hall, store)
    deal = await hall.board.deals.ask(wanted, there)
    await meet(hall, store)
    await store.board.deals.promise(deal.id)
    await store.board.deals.hand_over(deal.id)
    await meet(hall, store)
    assert (await hall.board.deals.receive(deal.id)).state == "lent"
    await meet(hall, store)
    return deal.id


async def test_what_is_lent_goes_back_and_is_counted_once(two: list[Bench]) -> None:
    hall, store = two
    deal = await lent(hall, store)
    assert (await hall.board.deals.deal(deal)).what_next == ("give_back",)
    assert (await store.board.deals.deal(deal)).what_next == ("returned",)
    given = await hall.board.deals.give_back(deal)
    assert (given.state, given.given_back, given.what_next) == ("given_back", "2", ())
    await meet(*two)
    there = given.lot.id
    assert await amounts(store, there, "free") == ["3"]
    assert (await store.board.deals.returned(deal)).state == "returned"
    assert await amounts(store, there, "counted", "free") == ["7", "5"]
    await meet(*two)
    assert await state(hall, await hall.board.deals.deal(deal)) == "returned"
    before = written(*two)
    await store.board.deals.returned(deal)
    await hall.board.deals.give_back(deal)
    assert written(*two) == before
    await refused(store.board.deals.returned(deal, "1"), "more_than_away", "none are still away")
    await refused(hall.board.deals.give_back(deal, "1"), "more_than_received", "none are here")


async def test_what_came_back_is_counted_also_before_word_of_it(two: list[Bench]) -> None:
    hall, store = two
    deal = await lent(hall, store)
    assert (await store.board.deals.returned(deal)).state == "returned"
    await hall.board.deals.give_back(deal)
    await meet(*two)
    assert await state(store, await store.board.deals.deal(deal)) == "returned"
    before = written(store)
    await store.board.deals.returned(deal)
    assert written(store) == before


async def test_parts_of_a_loan_come_back_one_after_the_other(two: list[Bench]) -> None:
    hall, store = two
    deal = await lent(hall, store, "5")
    for part in ("1", "2"):
        assert (await store.board.deals.returned(deal, part)).state == "lent"
    await refused(store.board.deals.returned(deal, "3"), "more_than_away", "at most 2 are still away")
    done = await store.board.deals.returned(deal)
    assert (done.state, await amounts(store, done.lot.id, "free")) == ("returned", ["5"])


async def test_what_others_say_of_a_loan_hides_nothing_of_what_was_counted(two: list[Bench]) -> None:
    """A hub fills its own account with words that name what the other has handed over."""
    hall, store = two
    deal = await lent(hall, store, "5")
    view = await store.board.deals.deal(deal)
    handed_over = store.engine.hub.catalog.chains[bytes.fromhex(view.lot.id)].steps[-1]
    held = await hall.board.ledger.book(bytes.fromhex(view.need.id))
    assert held is not None
    last, said = held.last, []
    for about in (handed_over, bytes.fromhex(deal)) * 64:
        facts = {"verb": "give_back", "of": about, "quantity": 9}
        said.append(hall.board.context.pen.step(held.post, facts, None, last))
        last = (said[-1].record.head.seq, said[-1].record.id)
    await hall.engine.publish([one.record for one in said])
    await meet(*two)
    for part in ("1", "2"):
        await store.board.deals.returned(deal, part)
    await refused(store.board.deals.returned(deal, "3"), "more_than_away", "at most 2 are still away")


async def test_what_was_said_to_go_back_in_parts_is_counted_against_each(two: list[Bench]) -> None:
    hall, store = two
    deal = await lent(hall, store, "5")
    for part in ("1", "3"):
        await hall.board.deals.give_back(deal, part)
    await meet(*two)
    assert (await store.board.deals.returned(deal)).state == "lent"  # by default what was said to go back
    there = (await store.board.deals.deal(deal)).lot.id
    assert await amounts(store, there, "free") == ["4"]
    await hall.board.deals.give_back(deal)
    await meet(*two)
    assert (await store.board.deals.returned(deal)).state == "returned"
    assert await amounts(store, there, "free") == ["5"]


async def test_more_came_back_than_was_said(two: list[Bench]) -> None:
    hall, store = two
    deal = await lent(hall, store, "5")
    await hall.board.deals.give_back(deal, "1")
    await meet(*two)
    assert (await store.board.deals.returned(deal, "5")).state == "returned"


async def test_what_never_comes_back_is_away_for_good(two: list[Bench]) -> None:
    hall, store = two
    deal = await lent(hall, store)
    there = (await store.board.deals.deal(deal)).lot.id
    assert (await store.board.deals.returned(deal, "1")).what_next == ("returned",)
    assert await amounts(store, there, "counted", "free", "handed_over") == ["6", "4", "2"]


async def test_what_was_given_need_not_come_back(bench: Bench) -> None:
    deal = (await bench.board.deals.ask(await need(bench), await offer(bench))).id
    await bench.board.deals.hand_over(deal)
    await bench.board.deals.receive(deal)
    await refused(bench.board.deals.give_back(deal), "not_lent", "need not come back")
    await refused(bench.board.deals.returned(deal), "not_lent", "count it as found")


async def test_what_has_not_arrived_cannot_go_back(bench: Bench) -> None:
    deal = (await bench.board.deals.ask(await need(bench), await offer(bench, mode="lend"))).id
    await refused(bench.board.deals.give_back(deal), "more_than_received", "none are here")
    await refused(bench.board.deals.give_back(deal, "1"), "more_than_received", "none are here")
    await bench.board.deals.promise(deal)
    await refused(bench.board.deals.returned(deal), "more_than_away", "none are still away")
    await failed(bench.board.deals.returned(deal, "x"), "bad_request", "/quantity")


async def test_a_loan_can_go_back_after_the_need_was_closed(bench: Bench) -> None:
    wanted = await need(bench)
    deal = (await bench.board.deals.ask(wanted, await offer(bench, mode="lend"))).id
    await bench.board.deals.hand_over(deal)
    await bench.board.deals.receive(deal)
    await bench.board.deals.close(wanted)
    assert "give_back" in (await bench.board.deals.deal(deal)).what_next
    assert (await bench.board.deals.give_back(deal)).state == "given_back"


async def test_a_loan_that_goes_back_in_parts_that_round_up_is_back_in_the_end(two: list[Bench]) -> None:
    hall, store = two
    rice = {"category": "food.dry", "title": "Scales", "unit": "KGM"}
    wanted = await need(hall, "2", smallest_part=10, **rice)
    there = await offer(store, "5", mode="lend", smallest_part=1, **rice)
    await meet(hall, store)
    deal = (await hall.board.deals.ask(wanted, there)).id
    await meet(hall, store)
    await store.board.deals.promise(deal)
    await store.board.deals.hand_over(deal)
    await meet(hall, store)
    await hall.board.deals.receive(deal)
    for part in ("0.7", "0.7", "0.6"):
        await hall.board.deals.give_back(deal, part)
    await meet(hall, store)
    done = await store.board.deals.returned(deal)
    assert (done.state, await amounts(store, there, "free")) == ("returned", ["5"])
    before = written(store)
    await store.board.deals.returned(deal)
    assert written(store) == before
