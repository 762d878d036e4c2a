"""What `status` says of a flood: how much waits, and who invited those who wrote most of it."""

from hartig_protocol.limits import INTAKE_BURST_RECORDS
from hartig_protocol.sync.intake import NAMES, NAMES_BRANCH, Item
from support.boards import Bench


async def test_what_waits_is_shown_by_who_invited_its_authors(bench: Bench) -> None:
    board, state = bench.board, bench.engine.hub.state
    intake = state.intake
    assert (await board.status.report())["intake"]["by"] == []
    standings = sorted(state.catalog.authority.standings)
    for number, author in enumerate((*standings, bytes(32))):
        intake.wait((b"lane",), (b"x",), Item(number, 0, None, 1, author), 0)
    intake.wait((b"lane",), NAMES_BRANCH, Item(9, NAMES, None, 1), 0)
    report = (await board.status.report())["intake"]
    assert report["waiting"] == len(standings) + 1
    assert report["capacity"] == INTAKE_BURST_RECORDS >= report["tokens"] > 0
    assert {one["hub"] for one in report["by"]} >= {None}
    assert sum(one["waiting"] for one in report["by"]) == len(standings) + 1
    assert report["to_send"] == 0
    assert (await board.status.metrics())["hartig_intake_waiting"] == len(standings) + 2
