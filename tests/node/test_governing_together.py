"""Records about who belongs that are published together are one commit: nobody is gone between two of them."""

import pytest

from hartig_protocol.events import Commit
from support.boards import running_board
from support.records import Network, key


async def test_a_removal_and_what_is_to_stay_are_durable_in_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_board() as bench:
        network = Network(seat=bench.founding.seats[0].key)
        network.charter = bench.founding.charter
        removed, kept = key("removed"), key("kept")
        first = network.grant(removed.public, place=5)
        below = network.grant(kept.public, author=removed)
        theirs = network.need(kept)
        await bench.engine.publish([first.wire, below.wire, theirs.wire])
        commits: list[Commit] = []
        bench.engine.on_committed = commits.append
        again = network.grant(kept.public, place=6)
        refusals = await bench.engine.publish([network.revoke(removed.public).wire, again.wire])
        assert list(refusals) == [None, None]
        (commit,) = [commit for commit in commits if commit.added]
        assert {record.id for _, record in commit.added} >= {again.id}
        assert below.id in commit.removed
        assert theirs.id not in commit.removed
