"""What can be asked and promised, and what is refused: which rule it is, and what would be allowed."""

from collections.abc import AsyncIterator

import pytest

from hartig_node.board.deals.desk import HOLD_PERISHABLE_MIN
from node.board.stories import book, failed, need, offer, promised_deal, refused
from support.boards import Bench, meet, running_boards


@pytest.fixture
async def two() -> AsyncIterator[list[Bench]]:
    async with running_boards(2) as benches:
        yield benches


# --- What is asked, and of what


async def test_a_hub_may_ask_its_own_offer(bench: Bench) -> None:
    deal = await bench.board.deals.ask(await need(bench), await offer(bench))
    assert (deal.role, deal.what_next) == ("both", ("promise", "hand_over", "decline", "receive", "cancel"))


async def test_units_of_one_dimension_are_converted_exactly(bench: Bench) -> None:
    wanted = await need(bench, "2.5", unit="KGM", category="food.dry")
    there = await offer(bench, "3000", unit="GRM", category="food.dry", smallest_part=1)
    deal = await bench.board.deals.ask(wanted, there)
    assert (deal.quantity, deal.asks, deal.lot.unit) == ("2.5", "2500", "GRM")
    await bench.board.deals.promise(deal.id, "1250")
    assert (await bench.board.posts.get(wanted)).progress == {
        "state": "partly_promised",
        "needed": "2.5",
        "asked": "2.5",
        "promised": "1.25",
        "received": "0",
    }
    await refused(bench.board.deals.promise(deal.id, "1251.0"), "promised_already", "one promise at a time")


async def test_what_is_asked_is_rounded_up_and_what_is_free_down(bench: Bench) -> None:
    wanted = await need(bench, "30", unit="H87")
    dozens = await offer(bench, "2", unit="DZN")
    deal = await bench.board.deals.ask(wanted, dozens, "13")
    assert deal.asks == "2"
    assert (await bench.board.deals.ask(wanted, await offer(bench, "1", unit="DZN"))).quantity == "12"


async def test_what_a_box_holds_nobody_knows(bench: Bench) -> None:
    wanted, boxes = await need(bench, "3"), await offer(bench, "3", unit="XBX")
    await refused(bench.board.deals.ask(wanted, boxes), "other_unit", "piece", "box")


async def test_from_an_open_shelf_people_just_take(bench: Bench) -> None:
    shelf = await offer(bench, None, level="plenty")
    await refused(bench.board.deals.ask(await need(bench), shelf), "open_shelf", "just come")


async def test_what_is_over_cannot_be_asked(two: list[Bench]) -> None:
    hall, store = two
    wanted, there, brief = await need(hall), await offer(store), await offer(store, days=1)
    await meet(*two)
    await store.board.posts.withdraw(there)
    await meet(*two)
    await refused(hall.board.deals.ask(wanted, there), "over", "another offer")
    for bench in two:
        bench.time.advance(2 * 86_400)
    await refused(hall.board.deals.ask(wanted, brief), "over", "another offer")
    closed = await offer(hall)
    await hall.board.deals.count(closed, "10")
    await hall.board.deals.close(closed)
    await refused(hall.board.deals.ask(wanted, closed), "over", "another offer")


async def test_what_is_gone_there_is_asked_only_by_who_says_how_much(two: list[Bench]) -> None:
    hall, store = two
    wanted, there = await need(hall), await offer(store, "1")
    await store.board.deals.hand_over(None, "1", there)
    await meet(*two)
    await refused(hall.board.deals.ask(wanted, there), "not_free", "none are free")
    assert (await hall.board.deals.ask(wanted, there, "1")).state == "asked"


async def test_a_need_without_a_quantity_is_counted_first(bench: Bench) -> None:
    wanted, there = await need(bench, None), await offer(bench)
    await refused(bench.board.deals.ask(wanted, there), "not_opened", "how much is needed")
    await refused(bench.board.deals.ask(wanted, there, "1"), "not_opened", "how much is needed")
    await bench.board.deals.need_count(wanted, "3")
    assert (await bench.board.deals.ask(wanted, there)).quantity == "3"


async def test_of_an_offer_without_a_quantity_nothing_is_promised_before_it_is_counted(bench: Bench) -> None:
    there = await offer(bench, None)
    deal = await bench.board.deals.ask(await need(bench), there)
    assert deal.quantity == "2"
    assert deal.what_next == ("receive", "cancel")
    for doing in (
        bench.board.deals.promise(deal.id),
        bench.board.deals.promise(deal.id, "1"),
        bench.board.deals.decline(deal.id),
        bench.board.deals.hand_over(deal.id, "1"),
    ):
        await refused(doing, "not_opened", "count what is there")
    await bench.board.deals.count(there, "2")
    assert (await bench.board.deals.promise(deal.id)).promised == "2"


async def test_who_has_asked_for_all_that_is_needed_asks_no_more(bench: Bench) -> None:
    wanted = await need(bench)
    await bench.board.deals.ask(wanted, await offer(bench))
    for quantity in (None, "1"):
        await refused(bench.board.deals.ask(wanted, await offer(bench), quantity), "more_than_needed", "none are still")


async def test_what_never_leaves_a_hub_asks_no_other(two: list[Bench]) -> None:
    hall, store = two
    wanted, there = await need(hall, audience="hub"), await offer(store)
    await meet(*two)
    await refused(hall.board.deals.ask(wanted, there), "stays_here", "ask an offer that this hub holds")
    assert (await hall.board.deals.ask(wanted, await offer(hall, audience="hub"))).state == "asked"


async def test_holds_are_short_for_what_perishes(bench: Bench) -> None:
    wanted = await need(bench, category="food.cooked", unit="PTN")
    deal = await bench.board.deals.ask(wanted, await offer(bench, category="food.cooked", unit="PTN"))
    assert (await bench.board.deals.promise(deal.id)).hold_min == HOLD_PERISHABLE_MIN


# --- Refusals


async def test_only_who_posted_it_speaks_about_it(two: list[Bench]) -> None:
    hall, store = two
    deal = await promised_deal(hall, store)
    view = await hall.board.deals.deal(deal)
    for doing in (
        hall.board.deals.promise(deal),
        hall.board.deals.hand_over(deal),
        store.board.deals.cancel(deal),
        store.board.deals.receive(deal),
        store.board.deals.ask(view.need.id, view.lot.id),
        hall.board.deals.count(view.lot.id, "1"),
    ):
        await failed(doing, "not_yours")


async def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    deals, nothing = bench.board.deals, "00" * 16
    wanted, there = await need(bench), await offer(bench)
    await failed(deals.ask(nothing, there), "not_found")
    await failed(deals.ask(wanted, nothing), "not_found", "/lot")
    await failed(deals.ask(wanted, "x"), "not_found")
    await failed(deals.ask(wanted, wanted), "bad_request", "/lot")
    await failed(deals.ask(there, there), "bad_request")
    await failed(deals.deal("x"), "not_found")
    await failed(deals.deal("00" * 32), "not_found")
    await failed(deals.deal((await bench.board.posts.get(wanted)).record), "not_found")
    await failed(deals.book_view(nothing), "not_found")
    await failed(deals.hand_over(None, "1"), "bad_request", "/lot")
    await failed(deals.hand_over(None, None, there), "bad_request", "/quantity")


@pytest.mark.parametrize("quantity", ["0", "-1", "x", "0.5", "1e40", "NaN", True, [], "1e-9"])
async def test_a_quantity_is_a_number_of_parts_that_the_post_has(bench: Bench, quantity: str) -> None:
    await failed(bench.board.deals.ask(await need(bench), await offer(bench), quantity), "bad_request", "/quantity")


async def test_a_promise_is_one_at_a_time_and_no_more_than_is_free(bench: Bench) -> None:
    there = await offer(bench, "5")
    deal = (await bench.board.deals.ask(await need(bench, "9"), there, "9")).id
    await refused(bench.board.deals.promise(deal, "6"), "not_free", "at most 5 are free")
    await bench.board.deals.promise(deal, "4")
    await refused(bench.board.deals.promise(deal, "5"), "promised_already", "one promise at a time")
    await refused(bench.board.deals.decline(deal), "promised_already", "release")
    await refused(bench.board.deals.hand_over(deal, "5"), "more_than_promised", "at most 4 are promised")
    await refused(bench.board.deals.close(there), "still_promised", "1 promise is open")
    await bench.board.deals.hand_over(deal)
    await refused(bench.board.deals.decline(deal), "promise_over", "this promise is over")
    await refused(bench.board.deals.release(deal), "promise_over", "this promise is over")
    assert (await bench.board.deals.promise(deal)).promised == "1"  # what was asked beyond it, as far as there is any


async def test_what_was_never_promised_cannot_be_taken_back(bench: Bench) -> None:
    deal = (await bench.board.deals.ask(await need(bench), await offer(bench))).id
    await bench.board.deals.count((await bench.board.deals.deal(deal)).lot.id, "10")
    await refused(bench.board.deals.release(deal), "no_such_promise", "promise that was made here")
    await failed(bench.board.deals.release(deal, "whim"), "bad_request", "/why")


async def test_what_has_arrived_is_not_cancelled_and_does_not_arrive_again(bench: Bench) -> None:
    deal = (await bench.board.deals.ask(await need(bench), await offer(bench))).id
    await bench.board.deals.receive(deal)
    await refused(bench.board.deals.cancel(deal), "claim_over", "ask anew")
    await refused(bench.board.deals.receive(deal, "bad"), "claim_over", "ask anew")
    await refused(bench.board.deals.promise(deal), "over", "nobody waits")


async def test_what_was_cancelled_and_asked_elsewhere_may_be_more_than_is_needed(bench: Bench) -> None:
    wanted, there = await need(bench), await offer(bench)
    first = (await bench.board.deals.ask(wanted, there)).id
    await bench.board.deals.cancel(first)
    await bench.board.deals.ask(wanted, there)
    await refused(bench.board.deals.receive(first), "more_than_needed", "none are still needed")


async def test_a_hint_says_quantities_in_the_unit_of_the_post(bench: Bench) -> None:
    there = await offer(bench, "2.5", unit="KGM", category="food.dry")
    deal = (await bench.board.deals.ask(await need(bench, "4", unit="KGM", category="food.dry"), there, "4")).id
    await refused(bench.board.deals.promise(deal, "3"), "not_free", "at most 2.5 (kilogram) are free")


async def test_in_an_account_that_is_over_nothing_is_said(two: list[Bench]) -> None:
    hall, store = two
    deal = await promised_deal(hall, store)
    there = (await store.board.deals.deal(deal)).lot.id
    await store.board.posts.withdraw(there, force=True)
    await failed(store.board.deals.hand_over(deal), "chain_ended")
    await meet(*two)
    assert await hall.board.deals.deal(deal) == await hall.board.deals.deal(deal)
    view = await hall.board.deals.deal(deal)
    assert (view.state, view.lot.ended) == ("void", "withdrawn")
    assert view.what_next == ("receive", "cancel")


async def test_a_nearly_full_account_begins_nothing_new(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.board.deals.desk.FULL_FROM", 4)
    monkeypatch.setattr("hartig_node.board.deals.showing.FULL_FROM", 4)
    there = await offer(bench)
    needs = [await need(bench) for _ in range(3)]
    deals = [(await bench.board.deals.ask(one, there)).id for one in needs]
    await bench.board.deals.promise(deals[0])
    assert (await book(bench, there)).note is None
    await bench.board.deals.promise(deals[1])
    await bench.board.deals.hand_over(deals[0])
    await refused(bench.board.deals.promise(deals[2]), "nearly_full", "count what is left, and offer it anew")
    assert "promise" not in (await bench.board.deals.deal(deals[2])).what_next
    note = (await book(bench, there)).note
    assert note is not None
    assert "count what is there" in note
    large = await need(bench, "9")
    for quantity in ("1", "2", "3"):
        await bench.board.deals.ask(large, there, quantity)
    await refused(bench.board.deals.ask(large, there, "0.5e1"), "nearly_full", "post what is still needed anew")
    assert (await bench.board.deals.hand_over(deals[1])).state == "handed_over"  # what was begun is settled
