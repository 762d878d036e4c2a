"""What people are told about fetching what the others have."""

from hartig_node.board.fetching import Fetching
from hartig_node.board.times import rfc3339
from hartig_protocol.sync.state import Feeding
from support.boards import Bench
from support.records import NOW_MS

HUB = bytes(31) + b"\x07"


async def test_while_nothing_is_fetched_there_is_nothing_to_say(bench: Bench) -> None:
    report = await bench.board.status.report()
    assert (report["fetching"], report["complete_at"]) == (None, None)
    assert not bench.board.fetching().is_behind


async def test_while_another_hub_feeds_this_one_it_is_said_how_far_it_has_come(bench: Bench) -> None:
    state = bench.engine.hub.state
    state.feeding = Feeding(1, 0, 0, HUB, 10_000)
    report = await bench.board.status.report()
    held = state.catalog.shared_count
    assert report["fetching"] == {"hub": HUB.hex(), "hub_name": None, "held": held, "total": 10_000}
    assert bench.board.fetching().is_behind
    state.feeding, state.complete_ms = None, bench.engine.clock.now().steady_ms
    report = await bench.board.status.report()
    assert (report["fetching"], report["complete_at"]) == (None, rfc3339(NOW_MS))
    bench.time.advance(60)
    assert (await bench.board.status.report())["complete_at"] == rfc3339(NOW_MS)


def test_nobody_is_behind_whoever_holds_all_that_the_other_has() -> None:
    assert not Fetching(HUB, "Garden", 10, 10, None, is_connected=True).is_behind
    assert Fetching(HUB, "Garden", 9, 10, None, is_connected=True).is_behind
