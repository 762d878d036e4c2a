"""Counting: what is there, what is needed, per date where there are dates, and the end in good order."""

import pytest

from node.board.stories import amounts, book, day, failed, need, offer, progress, refused, written
from support.boards import Bench, running_board


async def test_the_first_count_opens_an_account_and_later_ones_say_what_was_found_or_lost(bench: Bench) -> None:
    there, count = await offer(bench, None), bench.board.deals.count
    assert (await book(bench, there)).is_opened is False
    assert (await count(there, "10")).total.amounts["free"] == "10"
    await count(there, "7")
    await count(there, "12")
    view = await book(bench, there)
    assert (view.total.amounts["counted"], view.written) == ("12", 3)
    before = written(bench)
    await count(there, "12")
    assert written(bench) == before


async def test_what_is_promised_lies_on_the_shelf_when_it_is_counted(bench: Bench) -> None:
    there = await offer(bench)
    deal = await bench.board.deals.ask(await need(bench, "4"), there)
    await bench.board.deals.promise(deal.id)
    await bench.board.deals.count(there, "9")
    assert await amounts(bench, there, "counted", "free", "promised") == ["9", "5", "4"]
    await refused(bench.board.deals.count(there, "3"), "not_free", "at most 5 are free", "take promises back")


async def test_a_reason_says_what_came_or_went(bench: Bench) -> None:
    there, count = await offer(bench), bench.board.deals.count
    await count(there, "10", "opened")
    await count(there, "2", "found")
    await count(there, "3", "restocked")
    await count(there, "4", "lost")
    assert await amounts(bench, there, "counted", "free") == ["11", "11"]
    await refused(count(there, "12", "lost"), "not_free", "at most 11 are free")
    await refused(count(there, "10", "opened"), "opened_already", "found, restocked or lost")
    await failed(count(there, "1", "given_back"), "bad_request", "/why")
    await failed(count(there, "0", "found"), "bad_request", "/quantity")
    await refused(count(there, "1000000000000", "found"), "too_much", "at most 999999999989 more")


async def test_what_is_repaired_is_lost_and_found_again(bench: Bench) -> None:
    there = await offer(bench, "3", mode="lend", category="tools")
    await bench.board.deals.count(there, "3")
    await bench.board.deals.count(there, "1", "lost")
    assert await amounts(bench, there, "free") == ["2"]
    await bench.board.deals.count(there, "1", "found")
    assert await amounts(bench, there, "free") == ["3"]


async def test_to_open_it_again_with_the_same_count_changes_nothing(bench: Bench) -> None:
    there = await offer(bench)
    await bench.board.deals.count(there, "10", "opened")
    before = written(bench)
    await bench.board.deals.count(there, "10", "opened")
    assert written(bench) == before


async def test_how_much_is_needed_is_said_anew_but_not_below_what_was_asked(bench: Bench) -> None:
    wanted, count = await need(bench, "4"), bench.board.deals.need_count
    await count(wanted, "6")
    deal = await bench.board.deals.ask(wanted, await offer(bench), "5")
    await refused(count(wanted, "4"), "below_asked", "at least 5")
    before = written(bench)
    await count(wanted, "6")
    assert written(bench) == before
    await bench.board.deals.receive(deal.id)
    await count(wanted, "5")
    assert await progress(bench, wanted) == "met"
    await failed(bench.board.deals.count(wanted, "5", "found"), "bad_request", "/why")
    await failed(count(await offer(bench), "5"), "bad_request", "/why")


async def test_an_open_shelf_has_counts_and_a_level(bench: Bench) -> None:
    shelf = await offer(bench, None, level="plenty")
    assert await progress(bench, shelf) == "available"
    await bench.board.deals.count(shelf, "20")
    await bench.board.deals.hand_over(None, "5", shelf)
    assert await amounts(bench, shelf, "free", "handed_over") == ["15", "5"]
    bare = await offer(bench, None, level="gone")
    assert await progress(bench, bare) == "gone"
    assert (await bench.board.posts.revise(bare, {"level": "some"})).progress == {"state": "available"}


async def test_somebody_takes_what_is_free_without_having_asked(bench: Bench) -> None:
    there = await offer(bench)
    view = await bench.board.deals.hand_over(None, "4", there)
    assert (view.as_json()["total"]["handed_over"], view.as_json()["total"]["free"]) == ("4", "6")
    await refused(bench.board.deals.hand_over(None, "7", there), "not_free", "at most 6 are free")
    await refused(bench.board.deals.hand_over(None, "1", await offer(bench, None)), "not_opened", "count what is there")


# --- The end in good order


async def test_an_account_is_closed_when_nothing_is_open_in_it(bench: Bench) -> None:
    wanted, there, close = await need(bench), await offer(bench), bench.board.deals.close
    deal = await bench.board.deals.ask(wanted, there)
    await refused(close(wanted), "still_asked", "receive or cancel")
    await refused(close(there), "not_opened", "withdraw the post instead")
    await bench.board.deals.promise(deal.id)
    await refused(close(there), "still_promised", "hand over or release")
    await bench.board.deals.hand_over(deal.id)
    await bench.board.deals.receive(deal.id)
    view = await close(there)
    assert view.ended is not None
    assert (view.ended.reason, view.progress["state"]) == ("closed", "ended")
    assert view.as_json()["ended"]["hint"] == "count what is there, and post it anew with that quantity"
    before = written(bench)
    await close(there)
    assert written(bench) == before
    await close(wanted)
    assert await progress(bench, wanted) == "met"
    await refused(bench.board.deals.count(there, "1", "found"), "closed", "offer anew")
    await refused(bench.board.deals.ask(wanted, await offer(bench), "1"), "closed", "post a new need")
    assert (await bench.board.deals.deal(deal.id)).what_next == ()


# --- Dates


async def test_each_date_has_an_account_of_its_own(bench: Bench) -> None:
    beds = await offer(bench, "6", category="shelter.bed", mode="in-place", dates=[day(1), day(2), day(3)])
    nights = await need(bench, "2", category="shelter.bed", mode="in-place", dates=[day(2), day(3)])
    await failed(bench.board.deals.ask(nights, beds), "bad_request", "/date")
    deal = await bench.board.deals.ask(nights, beds, None, day(2))
    assert (deal.quantity, deal.as_json()["date"], deal.as_json()["lot_date"]) == ("2", day(2), day(2))
    await bench.board.deals.promise(deal.id)
    accounts = (await book(bench, beds)).as_json()["accounts"]
    assert [(one["date"], one["free"]) for one in accounts] == [(day(1), "6"), (day(2), "4"), (day(3), "6")]
    await refused(bench.board.deals.ask(nights, beds, "1", day(2)), "more_than_needed", "none are still needed")
    assert (await bench.board.deals.ask(nights, beds, None, day(3), day(1))).as_json()["lot_date"] == day(1)
    assert await amounts(bench, nights, "needed", "asked", "left") == ["4", "4", "0"]


async def test_a_count_is_for_the_dates_that_are_named(bench: Bench) -> None:
    beds, count = await offer(bench, None, dates=[day(1), day(2)]), bench.board.deals.count
    await count(beds, "5")
    await count(beds, "2", "lost", [day(2)])
    accounts = (await book(bench, beds)).as_json()["accounts"]
    assert [one["free"] for one in accounts] == ["5", "3"]
    await count(beds, "4")
    accounts = (await book(bench, beds)).as_json()["accounts"]
    assert [one["free"] for one in accounts] == ["4", "4"]
    for dates in ([], ["soon"], [day(9)]):
        await failed(count(beds, "1", None, dates), "bad_request", f"/dates{'/0' if dates else ''}")
    await failed(count(await offer(bench), "1", None, [day(1)]), "bad_request", "/dates/0")


async def test_a_date_that_has_passed_stays_as_it_was(bench: Bench) -> None:
    beds, meals = await offer(bench, "6", dates=[day(1), day(2)]), await need(bench, "2", dates=[day(1), day(2)])
    deal = await bench.board.deals.ask(meals, beds, None, day(1))
    await bench.board.deals.promise(deal.id)
    bench.time.advance(36 * 3_600)
    for doing in (
        bench.board.deals.count(beds, "3", None, [day(1)]),
        bench.board.deals.need_count(meals, "3", [day(1)]),
        bench.board.deals.ask(meals, beds, "1", day(1)),
        bench.board.deals.ask(meals, beds, "1", None, day(1)),
    ):
        await refused(doing, "date_passed", day(2))
    await bench.board.deals.need_count(meals, "5")
    accounts = (await book(bench, meals)).as_json()["accounts"]
    assert [one["needed"] for one in accounts] == ["2", "5"]
    assert (await bench.board.deals.hand_over(deal.id)).state == "handed_over"  # what was promised for it goes on
    assert (await bench.board.deals.ask(meals, beds, "1")).as_json()["date"] == day(2)  # the only one ahead
    bench.time.advance(36 * 3_600)
    await refused(bench.board.deals.count(beds, "3"), "date_passed", "none of its dates lies ahead")


async def test_while_nobody_knows_the_time_no_date_has_passed() -> None:
    async with running_board(trusted=False) as bench:
        beds = await offer(bench, "6", dates=[day(1), day(2)])
        bench.time.advance(10 * 86_400)
        assert len((await bench.board.deals.count(beds, "3")).accounts) == 2


async def test_dates_that_a_later_version_adds_are_opened_when_they_are_asked_for(bench: Bench) -> None:
    beds = await offer(bench, "6", dates=[day(1)])
    nights = await need(bench, "2", dates=[day(1), day(2)])
    first = await bench.board.deals.ask(nights, beds, None, day(1))
    await bench.board.deals.promise(first.id)
    await bench.board.posts.revise(beds, {"dates": [day(1), day(2)]})
    second = await bench.board.deals.ask(nights, beds, None, day(2))
    assert (await bench.board.deals.promise(second.id)).promised == "2"
    assert await amounts(bench, beds, "counted", "promised") == ["12", "4"]


async def test_an_account_has_room_for_so_many_dates(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_protocol.exchange.lot.ACCOUNTS_MAX", 1)
    beds = await offer(bench, None, dates=[day(1), day(2)])
    await refused(bench.board.deals.count(beds, "5"), "too_much", "at most 1024 dates in all")
