"""Open shelves: hubs say that one is nearly empty, nobody is named, and the holder's next word ends it."""

from typing import Any

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.board.posts import shelves
from hartig_node.board.posts.shelves import PACE_MS, SAID_PER_HOUR_MAX
from hartig_node.store.memory_disk import MemoryDisk
from hartig_protocol.records.record import Kind
from node.board.keepers import BLANKETS, WANTED, posted, share
from support.boards import Bench, meet, running_board, running_boards
from support.records import Network

SHELF: dict[str, Any] = {
    "kind": "offer",
    "category": "household.bedding",
    "title": "Free shelf",
    "level": "plenty",
}
PACE_S = PACE_MS / 1000


async def said(bench: Bench, shelf: str) -> dict[str, Any] | None:
    """What stands beside a shelf at a hub."""
    view = await bench.board.posts.get(shelf)
    assert view.progress is not None
    low = view.progress.get("low")
    return None if low is None else {name: low[name] for name in ("hubs", "neighbours")}


async def marks_of(bench: Bench) -> list[Any]:
    return list(bench.engine.hub.catalog.registers.of_kind(Kind.MARK))


async def test_two_hubs_say_so_and_all_of_them_read_it() -> None:
    async with running_boards(3) as [steward, one, other]:
        shelf = await posted(steward, SHELF)
        await meet(steward, one, other)
        assert await said(one, shelf) is None
        assert (await one.board.shelves.mark_low(shelf)).progress is not None
        other.time.advance(60)
        await other.board.shelves.mark_low(shelf)
        await meet(steward, one, other)
        for bench in (steward, one, other):
            assert await said(bench, shelf) == {"hubs": 2, "neighbours": 2}
        view = await steward.board.posts.get(shelf)
        assert view.progress is not None
        assert view.progress["low"]["last_at"] == (await other.board.posts.get(shelf)).progress["low"]["last_at"]  # type: ignore[index]
        assert (await steward.board.deals.book_view(shelf)).progress["low"]["hubs"] == 2


async def test_one_mark_of_a_hub_counts_its_neighbours_at_the_pace_of_people(bench: Bench) -> None:
    shelf = await posted(bench, SHELF)
    await bench.board.shelves.mark_low(shelf)
    before = bench.store.disk.last_n
    bench.time.advance(PACE_S - 1)
    await bench.board.shelves.mark_low(shelf)
    assert bench.store.disk.last_n == before
    assert await said(bench, shelf) == {"hubs": 1, "neighbours": 1}
    bench.time.advance(1)
    await bench.board.shelves.mark_low(shelf)
    assert await said(bench, shelf) == {"hubs": 1, "neighbours": 2}
    assert len(await marks_of(bench)) == 1


async def test_the_holders_word_ends_what_was_said_before_whatever_the_clocks_say() -> None:
    async with running_boards(2) as [steward, other]:
        shelf = await posted(steward, SHELF)
        await meet(steward, other)
        other.time.advance(300)  # its clock is ahead
        await other.board.shelves.mark_low(shelf)
        await meet(steward, other)
        assert await said(steward, shelf) == {"hubs": 1, "neighbours": 1}
        await steward.board.posts.revise(shelf, {"level": "plenty"})
        assert await said(steward, shelf) is None
        await meet(steward, other)
        assert await said(other, shelf) is None
        await other.board.shelves.mark_low(shelf)
        assert await said(other, shelf) == {"hubs": 1, "neighbours": 1}
        assert len(await marks_of(other)) == 1


async def test_a_change_that_says_nothing_of_the_level_leaves_it(bench: Bench) -> None:
    shelf = await posted(bench, SHELF)
    level_at = (await bench.board.posts.get(shelf)).facts["level_at"]
    await bench.board.shelves.mark_low(shelf)
    bench.time.advance(60)
    await bench.board.posts.revise(shelf, {"title": "Shelf beside the school"})
    await bench.board.posts.renew(shelf, 20)
    view = await bench.board.posts.get(shelf)
    assert (view.facts["level_at"], await said(bench, shelf)) == (level_at, {"hubs": 1, "neighbours": 1})


async def test_a_level_said_twice_within_a_moment_is_said_twice(bench: Bench) -> None:
    shelf = await posted(bench, SHELF)
    first = (await bench.board.posts.get(shelf)).facts["level_at"]
    again, once_more = [await bench.board.posts.revise(shelf, {"level": "some"}) for _ in range(2)]
    assert first < again.facts["level_at"] < once_more.facts["level_at"]


async def test_a_count_ends_it_and_writes_nothing_where_nothing_was_said(bench: Bench) -> None:
    shelf = await posted(bench, SHELF)
    await bench.board.deals.count(shelf, 30)
    before = bench.store.disk.last_n
    await bench.board.deals.count(shelf, 30)
    assert bench.store.disk.last_n == before
    await bench.board.shelves.mark_low(shelf)
    await bench.board.deals.count(shelf, 30)
    assert await said(bench, shelf) is None


async def test_a_shelf_that_stops_being_one_has_no_level_any_more(bench: Bench) -> None:
    shelf = await posted(bench, SHELF)
    view = await bench.board.posts.revise(shelf, {"level": None, "quantity": 4})
    assert "level_at" not in view.facts
    assert view.progress is not None
    assert "low" not in view.progress


async def test_what_is_old_news_is_over_and_counted_from_one_again(bench: Bench) -> None:
    shelf = await posted(bench, SHELF)
    await bench.board.shelves.mark_low(shelf)
    bench.time.advance(shelves.LOW_LIFE_MS / 1000)
    assert await said(bench, shelf) is None
    await bench.board.shelves.mark_low(shelf)
    assert await said(bench, shelf) == {"hubs": 1, "neighbours": 1}
    assert len(await marks_of(bench)) == 1


async def test_what_is_no_open_shelf_cannot_be_low(bench: Bench) -> None:
    for draft in (BLANKETS, WANTED):
        with pytest.raises(BoardError) as caught:
            await bench.board.shelves.mark_low(await posted(bench, draft))
        assert (caught.value.code, caught.value.rule) == ("not_allowed", "not_a_shelf")
    shelf = await posted(bench, SHELF)
    await bench.board.posts.withdraw(shelf)
    with pytest.raises(BoardError) as caught:
        await bench.board.shelves.mark_low(shelf)
    assert caught.value.rule == "over"
    with pytest.raises(BoardError) as caught:
        await bench.board.shelves.mark_low("00" * 16)
    assert caught.value.code == "not_found"


async def test_a_hub_passes_on_so_many_an_hour(bench: Bench) -> None:
    shelf_ids = [await posted(bench, SHELF | {"title": f"Shelf {one}"}) for one in range(SAID_PER_HOUR_MAX + 1)]
    for one in shelf_ids[:-1]:
        await bench.board.shelves.mark_low(one)
    with pytest.raises(BoardError) as caught:
        await bench.board.shelves.mark_low(shelf_ids[-1])
    assert caught.value.code == "too_many"
    bench.time.advance(3600)
    await bench.board.shelves.mark_low(shelf_ids[-1])


async def test_what_stays_on_this_hub_is_said_on_this_hub_alone() -> None:
    async with running_boards(2) as [steward, other]:
        shelf = await posted(steward, SHELF | {"audience": "hub"})
        await steward.board.shelves.mark_low(shelf)
        await meet(steward, other)
        assert [entry.audience for entry in await marks_of(steward)] == ["hub"]
        assert await marks_of(other) == []


async def test_a_start_reads_what_was_said_before() -> None:
    disk = MemoryDisk()
    async with running_board(disk) as bench:
        shelf = await posted(bench, SHELF)
        await bench.board.shelves.mark_low(shelf)
    async with running_board(disk, founded=False) as again:
        await again.board.membership.start()
        again.time.advance(PACE_S)
        assert await said(again, shelf) == {"hubs": 1, "neighbours": 1}
        await again.board.shelves.mark_low(shelf)
        assert await said(again, shelf) == {"hubs": 1, "neighbours": 2}


async def test_the_word_of_a_key_that_is_no_hubs_does_not_count() -> None:
    async with running_boards(2) as [steward, other]:
        shelf = await posted(steward, SHELF)
        await share(steward, other)
        await other.board.shelves.mark_low(shelf)
        await share(other, steward)
        assert await said(steward, shelf) == {"hubs": 1, "neighbours": 1}
        network = Network()
        network.charter = steward.founding.charter
        given: dict[str, Any] = {"author": steward.key, "place": 2, "places": 50, "invites": 0}
        member = network.grant(other.key.public, rank="member", seq=2, **given)
        assert await steward.engine.publish([member.wire]) == (None,)
        assert await said(steward, shelf) is None
        assert len(await marks_of(steward)) == 1


async def test_nobody_who_said_it_is_written_down(bench: Bench) -> None:
    shelf = await posted(bench, SHELF)
    rows_before = {space for space, _ in bench.store.disk.private}
    await bench.board.shelves.mark_low(shelf)
    (mark,) = await marks_of(bench)
    raw = await bench.board.posts.raw(mark.id.hex())
    assert raw["body"] is None
    assert {space for space, _ in bench.store.disk.private} <= rows_before


async def test_without_a_clock_it_is_said_for_as_long_as_it_may_be() -> None:
    async with running_board(trusted=False) as bench:
        shelf = await posted(bench, SHELF)
        await bench.board.shelves.mark_low(shelf)
        (mark,) = await marks_of(bench)
        assert mark.expires is not None
        assert mark.expires - mark.stamp == 7 * 24 * 3_600_000
        assert await said(bench, shelf) == {"hubs": 1, "neighbours": 1}
