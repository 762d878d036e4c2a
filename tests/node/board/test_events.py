import pytest

from hartig_node.board.board import EVENT_NAMES, event_json
from hartig_node.board.errors import BoardError
from support.boards import Bench

WATER = {"kind": "need", "category": "water", "title": "Water"}


async def test_events_go_on_where_a_reader_left_off(bench: Bench) -> None:
    first = await bench.board.posts.publish(WATER)
    stream = bench.board.events(0)
    seen = []
    async for item in stream:
        if item is None:
            continue
        seen.append(item)
        if item.thread.hex() == first.id:
            break
    await stream.aclose()
    second = await bench.board.posts.publish(WATER)
    resumed = bench.board.events(seen[-1].seq)
    assert await anext(resumed) is None
    item = await anext(resumed)
    await resumed.aclose()
    assert item is not None
    assert (item.thread.hex(), item.name) == (second.id, "post.added")
    assert len(bench.engine.feed) == 0


async def test_a_change_and_an_end_have_names_of_their_own(bench: Bench) -> None:
    view = await bench.board.posts.publish(WATER)
    stream = bench.board.events(bench.engine.feed.last_seq)
    assert await anext(stream) is None
    await bench.board.posts.revise(view.id, {"people": 3})
    await bench.board.posts.withdraw(view.id)
    items = [await anext(stream), await anext(stream)]
    await stream.aclose()
    assert [item.name for item in items if item] == ["post.changed", "post.ended"]
    assert event_json(items[0])["post"] == view.id  # type: ignore[arg-type]
    assert all(item.name in EVENT_NAMES for item in items if item)


async def test_a_reader_that_lags_reads_on_from_the_store_and_loses_nothing(bench: Bench) -> None:
    stream = bench.board.events(bench.engine.feed.last_seq)
    start = bench.engine.feed.last_seq
    assert await anext(stream) is None
    first = await bench.board.posts.publish(WATER)
    item = await anext(stream)
    assert item is not None
    assert item.thread.hex() == first.id
    for _ in range(4):
        await bench.board.posts.publish_many([WATER] * 80, dry_run=False)
    seqs = [item.seq]
    while seqs[-1] < bench.engine.feed.last_seq:
        item = await anext(stream)
        assert item is not None
        seqs.append(item.seq)
    await stream.aclose()
    assert seqs == list(range(start + 1, start + 322))


async def test_lines_that_are_no_longer_kept_are_said_so(bench: Bench) -> None:
    for after in (10**6, -5):
        with pytest.raises(BoardError) as caught:
            await anext(bench.board.events(after))
        assert caught.value.code == "feed_gone"
