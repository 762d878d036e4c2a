"""A network of several hubs lives through it: a removal, a renewal, new trustees, two versions of the rules.

Each hub judges by itself, from what it was told; in the end all of them see the same.
"""

import pytest

from hartig_node.board.belonging.people import State
from hartig_node.board.errors import BoardError
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.keys import recovery_hash
from node.board.belonging.belonging import ANA, BEN, CAM, network_of, next_rules, publish
from support.boards import Bench, meet, running_boards
from support.records import key


def seen(bench: Bench) -> list[tuple[bytes, Rank, State, bytes | None]]:
    """Whom a hub sees: key, rank, state, and who invited."""
    people = bench.board.people.everybody(also_former=True)
    return sorted((one.key, one.rank, one.state, one.invited_by) for one in people)


async def together(*benches: Bench) -> None:
    """Let all meet; then all see the same."""
    await meet(*benches)
    assert all(seen(bench) == seen(benches[0]) for bench in benches)


async def test_a_network_lives_through_it() -> None:
    async with running_boards(3) as (organiser, other, hub):
        network = network_of(organiser)
        for bench, place in ((organiser, 60), (other, 61)):
            given = network.grant(bench.key.public, rank="organiser", place=place, places=900, invites=50)
            await publish(organiser, given)
        await together(organiser, other, hub)

        # The third hub invited three, while nobody else was there; the organiser removes it, and keeps one.
        await publish(
            organiser, network.grant(hub.key.public, author=organiser.key, place=3, seq=2, places=50, invites=9)
        )
        await together(organiser, other, hub)
        for one in (ANA, BEN, CAM):
            await hub.board.changing.grant(one.public, invites=0)
        await together(organiser, other, hub)
        removal = await organiser.board.changing.remove(hub.key.public, [BEN.public])
        assert {one.key for one in removal.fell} == {ANA.public, CAM.public}
        await together(organiser, other, hub)
        assert hub.board.people.get(BEN.public).invited_by == organiser.key.public
        assert "removed" in [problem.code for problem in await hub.board.status.problems()]

        # Equals do not remove each other, whatever a hub is made to sign.
        for one, equal in ((organiser, other), (other, organiser)):
            with pytest.raises(BoardError, match="only a trustee can remove an organiser"):
                await one.board.changing.remove(equal.key.public)
            forced = network.revoke(equal.key.public, author=one.key)
            await publish(one, forced)
        await together(organiser, other)
        assert [organiser.board.people.get(one.key.public).state for one in (organiser, other)] == [State.STANDING] * 2

        # A year later it is renewed, by who gave it alone.
        for bench in (organiser, other):
            bench.time.advance(350 * DAY_MS / 1000)
        assert BEN.public in [one.key for one, _ in organiser.board.rules.ending()]
        assert (await organiser.board.changing.renew(BEN.public)).until_ms == organiser.board.people.get(
            organiser.key.public
        ).until_ms
        assert other.board.rules.ending() == []
        await together(organiser, other)


async def test_trustees_are_replaced_and_a_second_version_is_warned_about() -> None:
    async with running_boards(2) as (one, other):
        seat, first = one.founding.seats[0], one.founding.charter
        more = [(key(number).public, recovery_hash(key(number + 1).public)) for number in (200, 202)]
        three = [(seat.key.public, recovery_hash(seat.recovery.public)), *more]
        second = next_rules(one, first, [seat.key], seats=three, threshold=2)
        await publish(one, second)
        await together(one, other)
        assert other.board.rules.view()["threshold"] == 2

        # The first trustee goes; the others sign, one by recovery key, and what it gave is given again.
        third = next_rules(one, second, [key(200), key(203)], seats=more)
        network = network_of(one)
        again = [
            network.grant(bench.key.public, author=key(200), place=at, places=50, invites=9)
            for at, bench in enumerate((one, other))
        ]
        cards = [one.engine.hub.catalog.registers[bench.key.public, "place", 0] for bench in (one, other)]
        await publish(one, third, *again)
        assert [one.engine.hub.catalog.registers[bench.key.public, "place", 0] for bench in (one, other)] == cards
        await together(one, other)
        assert other.board.people.get(other.key.public).path[0] == key(200).public
        assert other.board.people.census.by_key[seat.key.public].state is State.OVER

        # Cut off from each other, both publish a fourth version; both are warned, and follow the same.
        for bench, name in ((one, "Valley"), (other, "Hill")):
            await publish(bench, next_rules(one, third, [key(200), key(202)], name=name))
            assert "rules_forked" not in [problem.code for problem in await bench.board.status.problems()]
        await together(one, other)
        for bench in (one, other):
            assert "rules_forked" in [problem.code for problem in await bench.board.status.problems()]
        assert one.board.rules.view() == other.board.rules.view()
