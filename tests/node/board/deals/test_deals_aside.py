"""Setting aside: a hub promises from what was set aside for it while it is cut off, and gives back what is left."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hartig_node.board.deals.showing import SPACE_ACCEPTED
from hartig_node.board.deals.views import SetAsideView
from hartig_node.board.posts.posts import ListQuery
from hartig_node.board.signing import BEFORE_THE_FIRST, KEY_SEQ_FLOOR, SPACE_SETTING, Signed
from hartig_node.store.memory_disk import MemoryDisk
from hartig_protocol.events import PrivateRow
from hartig_protocol.records.record import Record
from node.board.stories import amounts, book, day, failed, need, offer, progress, refused, written
from support.boards import Bench, meet, running_board, running_boards


@pytest.fixture
async def two() -> AsyncIterator[list[Bench]]:
    async with running_boards(2) as benches:
        yield benches


def key_of(bench: Bench) -> str:
    return bench.key.public.hex()


async def aside(store: Bench, kitchen: Bench, quantity: str = "4", *, of: str | None = None) -> SetAsideView:
    """Set some of an offer aside for another hub, and let it know."""
    there = of or await offer(store)
    await store.board.deals.set_aside(there, key_of(kitchen), quantity)
    await meet(store, kitchen)
    return (await kitchen.board.deals.set_aside_for_us()).items[-1]


async def test_what_was_set_aside_is_promised_while_cut_off_and_the_rest_comes_back(two: list[Bench]) -> None:
    store, kitchen = two
    part = await aside(store, kitchen)
    assert (part.quantity, part.lot.is_mine, part.is_for_us, part.accepted) == ("4", False, True, None)
    assert await amounts(store, part.lot.id, "counted", "free", "set_aside") == ["10", "6", "4"]
    ours = await kitchen.board.deals.accept(part.id)
    assert (ours.total.amounts["free"], ours.post.title, ours.post.is_mine) == ("4", {"en": "Blankets"}, True)
    assert ours.source is not None
    assert (ours.source.id, ours.source.accepted) == (part.id, ours.post.id)
    assert (await kitchen.board.deals.set_aside_for_us()).items[-1].accepted == ours.post.id
    # Cut off, both promise what they have, and nothing twice.
    for bench, there, quantity in ((kitchen, ours.post.id, "3"), (store, part.lot.id, "6")):
        deal = await bench.board.deals.ask(await need(bench, quantity), there)
        await bench.board.deals.promise(deal.id)
        await bench.board.deals.hand_over(deal.id)
    await refused(store.board.deals.hand_over(None, "1", part.lot.id), "not_free", "none are free")
    await kitchen.board.deals.surrender(ours.post.id)
    assert await amounts(kitchen, ours.post.id, "counted", "free", "handed_over", "given_up") == ["4", "0", "3", "1"]
    await meet(*two)
    assert await store.board.deals.count_surrendered(bytes.fromhex(ours.post.id)) == 1
    assert await amounts(store, part.lot.id, "counted", "free", "set_aside", "handed_over") == ["11", "1", "4", "6"]
    before = written(store)
    assert await store.board.deals.count_surrendered(bytes.fromhex(ours.post.id)) == 0
    assert written(store) == before
    await meet(*two)
    assert await kitchen.board.deals.count_surrendered(bytes.fromhex(ours.post.id)) == 0
    assert await progress(kitchen, part.lot.id) == "available"


async def second_offer_of(kitchen: Bench, part: SetAsideView) -> str:
    """A hub that does not keep to the rules makes another offer of what was set aside for it once."""
    pen = kitchen.board.context.pen

    def count(post: Record) -> Signed:
        return pen.step(post, {"verb": "count", "why": "opened", "quantity": 4}, after=BEFORE_THE_FIRST)

    draft = {"kind": "offer", "category": "household.bedding", "title": "Again", "quantity": 4, "unit": "H87"}
    row = PrivateRow("test", b"second", b"")
    return (await kitchen.board.posts.publish_counted(draft, bytes.fromhex(part.id), count, lambda _: [row])).id


async def test_of_two_offers_made_of_one_stock_no_more_is_counted_than_was_set_aside(two: list[Bench]) -> None:
    store, kitchen = two
    part = await aside(store, kitchen)
    children = [(await kitchen.board.deals.accept(part.id)).post.id, await second_offer_of(kitchen, part)]
    for child, quantity in zip(children, ("3", "4"), strict=True):
        await kitchen.board.deals.surrender(child, quantity)
    await meet(*two)
    for child in (*children, *children):
        await store.board.deals.count_surrendered(bytes.fromhex(child))
    assert await amounts(store, part.lot.id, "counted", "free", "set_aside") == ["14", "10", "4"]


async def test_an_offer_on_its_way_to_the_disk_is_not_made_again(two: list[Bench]) -> None:
    """Who accepted it went away before it was durable."""
    store, kitchen = two
    part = await aside(store, kitchen)
    deals = kitchen.board.deals
    kitchen.store.hold()
    first = asyncio.ensure_future(deals.accept(part.id))  # noqa: TID251 - cancelled here
    for _turn in range(50):
        await asyncio.sleep(0)
    assert kitchen.store.held == 1
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = asyncio.ensure_future(deals.accept(part.id))  # noqa: TID251 - awaited below
    for _turn in range(20):
        await asyncio.sleep(0)
    kitchen.store.release()
    await asyncio.gather(second, return_exceptions=True)
    ours = await deals.accept(part.id)
    mine = [post.id for post in (await kitchen.board.posts.list(ListQuery(kind="offer", author="me"))).items]
    assert mine == [ours.post.id]


async def test_of_what_was_set_aside_one_offer_is_made_once(two: list[Bench]) -> None:
    store, kitchen = two
    part = await aside(store, kitchen)
    ours = await kitchen.board.deals.accept(part.id, {"title": "Warm blankets", "area": "u4pru", "rule": "first"})
    assert ours.post.title == {"en": "Warm blankets"}
    before = written(kitchen)
    assert (await kitchen.board.deals.accept(part.id)).post.id == ours.post.id
    assert written(kitchen) == before
    await kitchen.board.posts.withdraw(ours.post.id)
    assert (await kitchen.board.deals.accept(part.id)).post.id == ours.post.id
    disk = kitchen.store.disk
    async with running_board(disk, seed=2, founded=False) as again:
        assert (await again.board.deals.accept(part.id)).post.id == ours.post.id


async def test_of_what_was_set_aside_less_may_be_taken_but_not_more(two: list[Bench]) -> None:
    store, kitchen = two
    accept = kitchen.board.deals.accept
    part = await aside(store, kitchen)
    await refused(accept(part.id, {"quantity": "5"}), "more_than_set_aside", "at most 4")
    await failed(accept(part.id, {"unit": "KGM"}), "fixed_field", "/unit")
    await failed(accept(part.id, {"parent": None}), "fixed_field", "/parent")
    await failed(accept(part.id, {"quantity": "x"}), "bad_request", "/quantity")
    await failed(accept("00" * 32), "not_found")
    await failed(store.board.deals.accept(part.id), "not_yours")
    assert (await accept(part.id, {"quantity": "3"})).total.amounts["counted"] == "3"


async def test_what_was_set_aside_can_be_set_aside_again(two: list[Bench]) -> None:
    store, kitchen = two
    part = await aside(store, kitchen)
    ours = await kitchen.board.deals.accept(part.id)
    back = await aside(kitchen, store, "2", of=ours.post.id)
    theirs = await store.board.deals.accept(back.id)
    assert theirs.total.amounts["free"] == "2"
    await store.board.deals.surrender(theirs.post.id, "2")
    await meet(*two)
    assert await kitchen.board.deals.count_surrendered(bytes.fromhex(theirs.post.id)) == 1
    assert await amounts(kitchen, ours.post.id, "counted", "free", "set_aside") == ["6", "4", "2"]


async def test_no_more_comes_back_than_was_set_aside(two: list[Bench]) -> None:
    store, kitchen = two
    part = await aside(store, kitchen)
    ours = (await kitchen.board.deals.accept(part.id)).post.id
    await kitchen.board.deals.surrender(ours, "3")
    await kitchen.board.deals.count(ours, "5", "found")
    await kitchen.board.deals.surrender(ours, "4")
    await kitchen.board.deals.surrender(ours, "2")
    await meet(*two)
    assert await store.board.deals.count_surrendered(bytes.fromhex(ours)) == 2
    assert await amounts(store, part.lot.id, "counted", "free", "set_aside") == ["14", "10", "4"]


async def test_a_date_is_set_aside_alone(two: list[Bench]) -> None:
    store, kitchen = two
    beds = await offer(store, "6", category="shelter.bed", dates=[day(1), day(2)])
    await store.board.deals.set_aside(beds, key_of(kitchen), "2", day(2))
    await meet(*two)
    (part,) = (await kitchen.board.deals.set_aside_for_us()).items
    ours = await kitchen.board.deals.accept(part.id)
    assert [one["date"] for one in ours.as_json()["accounts"]] == [day(2)]
    await kitchen.board.deals.surrender(ours.post.id)
    await meet(*two)
    assert await store.board.deals.count_surrendered(bytes.fromhex(ours.post.id)) == 1
    accounts = (await book(store, beds)).as_json()["accounts"]
    assert [(one["free"], one["set_aside"]) for one in accounts] == [("6", "0"), ("6", "2")]


async def test_it_is_set_aside_for_another_hub_of_this_network(two: list[Bench]) -> None:
    store, kitchen = two
    there, set_aside = await offer(store), store.board.deals.set_aside
    await refused(set_aside(there, key_of(store), "1"), "own_hub", "promises from its own offer")
    await refused(set_aside(there, "5" * 64, "1"), "not_a_hub", "belongs to this network")
    await failed(set_aside(there, "x", "1"), "bad_request", "/hub")
    await refused(set_aside(there, key_of(kitchen), "11"), "not_free", "at most 10 are free")
    hidden = await offer(store, audience="hub")
    await refused(set_aside(hidden, key_of(kitchen), "1"), "stays_here", "whole network")


async def test_only_what_was_set_aside_goes_back(two: list[Bench]) -> None:
    store, kitchen = two
    await refused(store.board.deals.surrender(await offer(store), "1"), "not_set_aside", "hand it over")
    part = await aside(store, kitchen)
    ours = (await kitchen.board.deals.accept(part.id)).post.id
    await refused(kitchen.board.deals.surrender(ours, "5"), "not_free", "at most 4 are free")
    await kitchen.board.deals.surrender(ours)
    await refused(kitchen.board.deals.surrender(ours), "not_free", "none are free")
    assert await kitchen.board.deals.count_surrendered(bytes(16)) == 0
    assert await store.board.deals.count_surrendered(bytes.fromhex(part.lot.id)) == 0


async def test_a_restored_hub_makes_no_offer_of_what_was_set_aside_before(two: list[Bench]) -> None:
    store, kitchen = two
    part = await aside(store, kitchen)
    kitchen.board._context.pen.seq_floor = 65_536
    await refused(kitchen.board.deals.accept(part.id), "from_before", "count what is there")
    for bench in two:
        bench.time.advance(3_600)
    later = await aside(store, kitchen, "1", of=part.lot.id)
    assert (await kitchen.board.deals.accept(later.id)).total.amounts["free"] == "1"
    await refused(kitchen.board.deals.accept(part.id), "from_before", "count what is there")


async def test_an_offer_that_is_held_says_that_it_was_made_where_no_row_does(two: list[Bench]) -> None:
    store, kitchen = two
    part = await aside(store, kitchen)
    ours = await kitchen.board.deals.accept(part.id)
    await kitchen.engine.keep_private([PrivateRow(SPACE_ACCEPTED, bytes.fromhex(part.id), None)])
    await refused(kitchen.board.deals.accept(part.id), "from_before", "count what is there", "already")
    await kitchen.board.posts.withdraw(ours.post.id)
    await refused(kitchen.board.deals.accept(part.id), "from_before", "count what is there")


async def test_what_was_set_aside_is_listed_page_by_page(two: list[Bench]) -> None:
    store, kitchen = two
    there = await offer(store)
    for quantity in ("1", "2", "3"):
        await store.board.deals.set_aside(there, key_of(kitchen), quantity)
    await meet(*two)
    listing = kitchen.board.deals.set_aside_for_us
    page = await listing(2)
    rest = await listing(2, page.cursor)
    assert [view.as_json()["quantity"] for view in (*page.items, *rest.items)] == ["1", "2", "3"]
    assert rest.cursor is None
    await failed(listing(2, "x"), "bad_cursor", "/cursor")
    assert [one.hub for one in (await book(store, there)).set_aside] == [key_of(kitchen)] * 3


async def test_a_floor_is_read_at_the_start() -> None:
    disk = MemoryDisk()
    async with running_board(disk) as bench:
        await bench.engine.keep_private([PrivateRow(SPACE_SETTING, KEY_SEQ_FLOOR, b"\x05")])
    async with running_board(disk) as again:
        assert again.board._context.pen.seq_floor == 5
