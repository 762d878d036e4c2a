"""What a hub is told that belonged once: who removed it or took its place, and what to do; never to found a network."""

from hartig_node.board.belonging.people import State
from hartig_node.doctor import Problem
from hartig_node.glossary import words_used
from hartig_protocol.events import TimePassed
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.writing import recovery_of
from node.board.belonging.belonging import ANA, become, invite, network_of, publish
from support.boards import Bench, running_board
from support.records import key

KIT, NEW = key("kit of the hub"), key("new key of the hub")


async def only_problem(bench: Bench) -> Problem:
    """The one thing that such a hub is told of its belonging."""
    said = [one for one in await bench.board.status.problems() if one.code in ("removed", "membership_over")]
    assert "no_network" not in [one.code for one in await bench.board.status.problems()]
    assert (await bench.board.status.ready())[0] is False
    (problem,) = said
    assert words_used(problem.what + problem.hint) == []
    return problem


async def test_a_removed_hub_reads_who_removed_it(bench: Bench) -> None:
    await invite(bench, None, ANA, rank="organiser")
    bench.board.context.hub_names[ANA.public] = "Ana"
    await publish(bench, network_of(bench).revoke(bench.key.public, author=ANA))
    problem = await only_problem(bench)
    assert problem.what == "this hub was removed from the network by Ana"
    assert "ask Ana why" in problem.hint
    assert (await bench.board.status.report())["state"] == State.REMOVED


async def test_a_hub_whose_key_was_replaced_reads_by_what(bench: Bench) -> None:
    recovery = recovery_of(bench.key, bench.founding.network, recovery_hash(KIT.public))
    network = network_of(bench)
    await publish(
        bench, network.grant(bench.key.public, place=1, places=900, recovery=recovery),
        network.revoke(bench.key.public, author=KIT, successor=NEW.public, consenting=bench.key),
    )  # fmt: skip
    problem = await only_problem(bench)
    assert f"somebody with its recovery kit has put {NEW.public.hex()[:8]} in its place" in problem.what
    assert "If none of you did that" in problem.hint


async def test_a_hub_whose_membership_is_over_is_not_told_to_found_a_network(bench: Bench) -> None:
    await become(bench, "hub")
    bench.time.advance(401 * 86_400)
    bench.engine.handle(TimePassed())
    assert (await only_problem(bench)).code == "membership_over"
    assert (await bench.board.status.report())["state"] == State.OVER


async def test_a_hub_that_never_belonged_is() -> None:
    async with running_board(founded=False) as bench:
        assert "no_network" in [one.code for one in await bench.board.status.problems()]
        assert (await bench.board.status.report())["state"] == "no_network"
