"""Deals between hubs that meet from time to time: asked, promised, handed over, arrived."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hartig_node.board.deals.desk import HOLD_MIN
from node.board.stories import amounts, book, failed, need, offer, progress, promised_deal, refused, state, written
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
    deal = await promised_deal(hall, store)
    await hall.board.deals.cancel(deal)
    await meet(*two)
    assert (await store.board.deals.deal(deal)).what_next == ("hand_over", "release")
    assert (await store.board.deals.hand_over(deal)).state == "crossed"


async def test_a_promise_that_is_taken_back_is_free_again(two: list[Bench]) -> None:
    hall, store = two
    deal = await promised_deal(hall, store)
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
