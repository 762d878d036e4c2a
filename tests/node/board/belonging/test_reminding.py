"""An event for each membership that ends soon: once, and again when it was renewed and ends later."""

from hartig_node.board.belonging.people import REMINDED_MS
from hartig_node.board.belonging.reminding import ENDS_SOON
from hartig_node.board.board import event_json
from hartig_node.cli.watching import _SAID
from hartig_protocol.limits import DAY_MS
from node.board.belonging.belonging import ANA, BEN
from support.boards import Bench, running_board


async def told(bench: Bench) -> list[str]:
    """Whose membership has been told of so far, in order."""
    await bench.board.timekeeper.look()
    items = await bench.store.feed(0, 1_000)
    return [event_json(item)["hub"] for item in items if item.name == ENDS_SOON]


def hours_go_by(bench: Bench, days: float) -> None:
    bench.time.advance(days * DAY_MS / 1000)


async def test_each_end_is_told_once_and_a_later_one_again(bench: Bench) -> None:
    await bench.board.changing.grant(ANA.public, days=70)
    await bench.board.changing.grant(BEN.public, days=200)
    assert await told(bench) == []
    hours_go_by(bench, 11)
    assert await told(bench) == [ANA.public.hex()]
    hours_go_by(bench, 1)
    assert await told(bench) == [ANA.public.hex()]
    await bench.board.changing.renew(ANA.public, days=59)
    hours_go_by(bench, 1)
    assert await told(bench) == [ANA.public.hex()] * 2
    assert ENDS_SOON in _SAID


async def test_the_hub_is_told_of_its_own_end(bench: Bench) -> None:
    hours_go_by(bench, 400 - REMINDED_MS / DAY_MS + 1)
    assert await told(bench) == [bench.key.public.hex()]


async def test_without_the_time_nobody_is_told() -> None:
    async with running_board(trusted=False) as bench:
        hours_go_by(bench, 390)
        assert await told(bench) == []
