"""Deals between hubs that meet from time to time: asked, promised, handed over, arrived."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hartig_node.board.dealdesk import HOLD_MIN, HOLD_PERISHABLE_MIN
from node.board.stories import amounts, book, failed, need, offer, progress, refused, state, written
from support.boards import Bench, meet, running_board, running_boards


@pytest.fixture
async def two() -> AsyncIterator[list[Bench]]:
    async with running_boards(2) as benches:
        yield benches


@pytest.fixture
async def three() -> AsyncIterator[list[Bench]]:
    async with running_boards(3) as benches:
        yield benches


# --- Whole stories


async def test_from_need_to_arrival(two: list[Bench]) -> None:
    hall, store = two
    wanted, there = await need(hall), await offer(store)
    await meet(*two)
    deal = await hall.board.deals.ask(wanted, there)
    assert (deal.state, deal.quantity, deal.asks, deal.role, deal.what_next) == (
        "asked",
        "2",
        "2",
        "receiving",
        ("receive", "cancel"),
    )
    await meet(*two)
    assert (await store.board.deals.deal(deal.id)).what_next == ("promise", "hand_over", "decline")
    promised = await store.board.deals.promise(deal.id)
    assert (promised.state, promised.promised, promised.hold_min, promised.role) == (
        "promised",
        "2",
        HOLD_MIN,
        "giving",
    )
    assert await amounts(store, there, "counted", "free", "promised") == ["10", "8", "2"]
    assert await state(hall, deal) == "asked"  # pages say "asked" until the promise is here
    await meet(*two)
    assert [await state(hall, deal), await progress(hall, wanted)] == ["promised", "promised"]
    assert (await store.board.deals.hand_over(deal.id)).what_next == ()
    await meet(*two)
    assert [await state(hall, deal), await progress(hall, wanted)] == ["handed_over", "promised"]
    arrived = await hall.board.deals.receive(deal.id)
    assert (arrived.state, arrived.how, arrived.received, arrived.what_next) == ("arrived", "ok", "2", ())
    await meet(*two)
    assert [await progress(hub, wanted) for hub in two] == ["met", "met"]
    assert [await progress(hub, there) for hub in two] == ["available", "available"]
    assert await amounts(hall, there, "free", "promised", "handed_over") == ["8", "0", "2"]


async def test_of_two_who_ask_for_the_last_blanket_one_gets_it_and_the_other_reads_why(three: list[Bench]) -> None:
    hall, school, store = three
    there = await offer(store, "1")
    ours, theirs = await need(hall, "1"), await need(school, "1")
    await meet(*three)
    first = await hall.board.deals.ask(ours, there)
    second = await school.board.deals.ask(theirs, there)
    await meet(*three)
    await store.board.deals.promise(first.id)
    await refused(store.board.deals.promise(second.id), "not_free", "none are free")
    assert (await store.board.deals.deal(second.id)).what_next == ("decline",)
    await store.board.deals.decline(second.id)
    await meet(*three)
    assert [await state(hub, second) for hub in three] == ["declined"] * 3
    assert [await progress(hub, there) for hub in three] == ["all_promised"] * 3
    await refused(school.board.deals.ask(theirs, there), "not_free", "look for another offer")


async def test_what_is_short_is_covered_in_part_and_the_rest_is_asked_elsewhere(three: list[Bench]) -> None:
    hall, school, store = three
    wanted = await need(hall, "10")
    small, large = await offer(school, "4"), await offer(store, "20")
    await meet(*three)
    part = await hall.board.deals.ask(wanted, small)
    assert part.quantity == "4"  # by default what is free there
    rest = await hall.board.deals.ask(wanted, large)
    assert rest.quantity == "6"  # by default what is still needed
    await refused(hall.board.deals.ask(wanted, large, "1"), "more_than_needed", "none are still needed")
    await meet(*three)
    await school.board.deals.promise(part.id, "3")
    await meet(*three)
    assert [await progress(hall, wanted), (await hall.board.deals.deal(part.id)).promised] == ["partly_promised", "3"]
    await school.board.deals.hand_over(part.id, "2")
    await meet(*three)
    assert (await hall.board.deals.receive(part.id)).received == "2"  # by default what was handed over
    assert await amounts(hall, wanted, "needed", "asked", "received", "left") == ["10", "6", "2", "2"]
    assert await amounts(school, small, "free", "promised", "handed_over") == ["2", "0", "2"]


async def test_several_needs_share_one_offer(two: list[Bench]) -> None:
    hall, store = two
    there = await offer(store, "5")
    needs = [await need(hall, "2") for _ in range(3)]
    await meet(*two)
    deals = [await hall.board.deals.ask(one, there) for one in needs]
    await meet(*two)
    promised = [(await store.board.deals.promise(deal.id)).promised for deal in deals]
    assert promised == ["2", "2", "1"]
    assert [view.id for view in (await book(store, there)).deals] == [deal.id for deal in deals]


async def test_a_cancel_may_cross_a_handover(two: list[Bench]) -> None:
    hall, store = two
    wanted, there = await need(hall), await offer(store)
    await meet(*two)
    deal = await hall.board.deals.ask(wanted, there)
    await meet(*two)
    await store.board.deals.promise(deal.id)
    await meet(*two)
    await hall.board.deals.cancel(deal.id)
    await store.board.deals.hand_over(deal.id)
    await meet(*two)
    assert [await state(hub, deal) for hub in two] == ["crossed", "crossed"]
    assert (await hall.board.deals.receive(deal.id)).state == "arrived"
    await meet(*two)
    assert [await progress(hub, wanted) for hub in two] == ["met", "met"]


async def test_what_was_cancelled_before_it_was_promised_is_not_promised(two: list[Bench]) -> None:
    hall, store = two
    wanted, there = await need(hall), await offer(store)
    await meet(*two)
    deal = await hall.board.deals.ask(wanted, there)
    await hall.board.deals.cancel(deal.id)
    await meet(*two)
    assert (await store.board.deals.deal(deal.id)).what_next == ()
    await refused(store.board.deals.promise(deal.id), "over", "nobody waits")
    await refused(store.board.deals.hand_over(deal.id), "over", "nobody waits")


async def test_a_promise_that_was_cancelled_can_still_be_said_to_be_handed_over(two: list[Bench]) -> None:
    hall, store = two
    deal = await _promised(hall, store)
    await hall.board.deals.cancel(deal)
    await meet(*two)
    assert (await store.board.deals.deal(deal)).what_next == ("hand_over", "release")
    assert (await store.board.deals.hand_over(deal)).state == "crossed"


async def test_a_promise_that_is_taken_back_is_free_again(two: list[Bench]) -> None:
    hall, store = two
    deal = await _promised(hall, store)
    assert (await store.board.deals.release(deal)).state == "taken_back"
    there = (await store.board.deals.deal(deal)).lot.id
    assert await amounts(store, there, "free", "promised") == ["10", "0"]
    assert (await store.board.deals.promise(deal)).state == "promised"
    assert (await store.board.deals.release(deal, "lapsed")).state == "lapsed"


async def test_who_asks_again_after_a_no_gives_up_what_was_asked_before(two: list[Bench]) -> None:
    hall, store = two
    wanted, there = await need(hall), await offer(store)
    await meet(*two)
    first = await hall.board.deals.ask(wanted, there)
    await meet(*two)
    await store.board.deals.decline(first.id)
    await meet(*two)
    second = await hall.board.deals.ask(wanted, there)
    assert [await state(hall, first), second.state, second.quantity] == ["cancelled", "asked", "2"]
    assert "declined" in (await hall.board.deals.deal(first.id)).marks
    assert await amounts(hall, wanted, "asked") == ["2"]


# --- How it arrives


@pytest.mark.parametrize(
    ("how", "quantity", "shown", "received", "left"),
    [
        ("ok", None, "arrived", "2", "0"),
        ("ok", "1", "arrived", "1", "1"),
        ("short", "1", "arrived_short", "1", "1"),
        ("bad", None, "arrived_bad", "0", "2"),
        ("bad", "1", "arrived_bad", "1", "1"),
    ],
)
async def test_what_came_good_counts_as_received(
    bench: Bench, how: str, quantity: str | None, shown: str, received: str, left: str
) -> None:
    wanted = await need(bench)
    deal = await bench.board.deals.ask(wanted, await offer(bench))
    arrived = await bench.board.deals.receive(deal.id, how, quantity)
    assert (arrived.state, arrived.received) == (shown, received)
    assert await amounts(bench, wanted, "left") == [left]


async def test_things_may_arrive_before_word_of_them(bench: Bench) -> None:
    wanted = await need(bench)
    deal = await bench.board.deals.ask(wanted, await offer(bench))
    assert (await bench.board.deals.receive(deal.id)).state == "arrived"
    assert await progress(bench, wanted) == "met"


async def test_of_what_came_short_somebody_says_how_much(bench: Bench) -> None:
    deal = await bench.board.deals.ask(await need(bench), await offer(bench))
    await failed(bench.board.deals.receive(deal.id, "short"), "bad_request", "/quantity")
    await failed(bench.board.deals.receive(deal.id, "late"), "bad_request", "/how")
    await refused(bench.board.deals.receive(deal.id, "ok", "3"), "more_than_claimed", "at most 2")


# --- The same, twice


async def test_the_same_said_again_answers_what_stands_and_writes_nothing(two: list[Bench]) -> None:
    hall, store = two
    wanted, there = await need(hall), await offer(store)
    await meet(*two)
    deal = await hall.board.deals.ask(wanted, there)
    asked = written(hall)
    for quantity in (None, "2"):
        assert (await hall.board.deals.ask(wanted, there, quantity)).id == deal.id
    assert written(hall) == asked
    await meet(*two)
    said = [
        lambda: store.board.deals.promise(deal.id),
        lambda: store.board.deals.promise(deal.id, "2"),
        lambda: store.board.deals.release(deal.id),
        lambda: store.board.deals.promise(deal.id),
        lambda: store.board.deals.hand_over(deal.id),
        lambda: hall.board.deals.cancel(deal.id),
        lambda: hall.board.deals.receive(deal.id),
        lambda: hall.board.deals.receive(deal.id, "ok", "2"),
    ]
    for say in said:
        once = (await say()).as_json()
        before = written(*two)
        assert (await say()).as_json() == once
        assert written(*two) == before
        await meet(*two)


async def test_a_no_said_twice_is_one(bench: Bench) -> None:
    deal = await bench.board.deals.ask(await need(bench), await offer(bench))
    once = (await bench.board.deals.decline(deal.id)).as_json()
    before = written(bench)
    assert (await bench.board.deals.decline(deal.id)).as_json() == once
    assert written(bench) == before


async def test_who_is_cut_off_between_writing_and_the_answer_asks_again_and_nothing_is_written_twice() -> None:
    async with running_board() as bench:
        wanted, there = await need(bench), await offer(bench)
        bench.store.hold()
        asking = asyncio.ensure_future(bench.board.deals.ask(wanted, there))  # noqa: TID251 - the test holds it
        for _turn in range(20):
            await asyncio.sleep(0)
        assert bench.store.held == 1
        asking.cancel()  # who asked has gone; what was signed is on its way to the disk
        bench.store.release()
        deal = await bench.board.deals.ask(wanted, there)
        assert (await book(bench, wanted)).written == 2
        disk = bench.store.disk
    async with running_board(disk) as again:
        assert (await again.board.deals.ask(wanted, there)).id == deal.id
        assert (await book(again, wanted)).written == 2


async def test_what_several_say_at_once_is_said_one_after_the_other(bench: Bench) -> None:
    there = await offer(bench, "3")
    deals = [await bench.board.deals.ask(await need(bench, "2"), there) for _ in range(4)]
    results = await asyncio.gather(*(bench.board.deals.promise(one.id) for one in deals), return_exceptions=True)
    promised = [getattr(result, "promised", getattr(result, "rule", None)) for result in results]
    assert promised == ["2", "1", "not_free", "not_free"]
    assert (await book(bench, there)).broken == []


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
    deal = await _promised(hall, store)
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
    await refused(bench.board.deals.close(there), "still_promised", "1 promises are open")
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
    deal = await _promised(hall, store)
    there = (await store.board.deals.deal(deal)).lot.id
    await store.board.posts.withdraw(there, force=True)
    await failed(store.board.deals.hand_over(deal), "chain_ended")
    await meet(*two)
    assert await hall.board.deals.deal(deal) == await hall.board.deals.deal(deal)
    view = await hall.board.deals.deal(deal)
    assert (view.state, view.lot.ended) == ("void", "withdrawn")
    assert view.what_next == ("receive", "cancel")


async def test_a_nearly_full_account_begins_nothing_new(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_node.board.dealdesk.FULL_FROM", 4)
    monkeypatch.setattr("hartig_node.board.dealshowing.FULL_FROM", 4)
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


async def _promised(hall: Bench, store: Bench) -> str:
    """Let a need of the hall be promised two of ten blankets by the store; return the deal's id."""
    wanted, there = await need(hall), await offer(store)
    await meet(hall, store)
    deal = await hall.board.deals.ask(wanted, there)
    await meet(hall, store)
    await store.board.deals.promise(deal.id)
    await meet(hall, store)
    return deal.id
