"""The list of other hubs: what is said of why one is not connected."""

from hartig_protocol.events import PeerChanged
from support.boards import Bench, running_boards

NODE = b"n" * 32


def seen(bench: Bench, state: str, code: str, reason: str) -> tuple[object, object]:
    bench.engine.peers.changed(PeerChanged(1, NODE, None, state, code, reason))
    (peer,) = bench.board.status.peers()
    return peer["state"], peer["reason"]


async def test_a_link_that_ends_because_its_hub_was_let_in_is_no_trouble(bench: Bench) -> None:
    assert seen(bench, "closed", "admitted", "admitted; greeting again as a member") == ("closed", None)
    assert seen(bench, "refused", "not_a_member", "it does not belong") == ("refused", "it does not belong")
    bench.board.status.dial_errors = lambda: {NODE: "no answer in 5 s"}
    assert seen(bench, "closed", "admitted", "admitted; greeting again as a member") == ("closed", "no answer in 5 s")


async def test_a_link_to_a_partner_network_does_not_hide_that_no_hub_of_ours_can_be_reached() -> None:
    async with running_boards(2) as (bench, other):

        async def codes() -> set[str]:
            return {problem.code for problem in await bench.board.status.problems()}

        bench.engine.peers.changed(PeerChanged(1, NODE, b"h" * 32, "open"))
        assert "alone" in await codes()
        bench.engine.peers.changed(PeerChanged(2, b"m" * 32, other.key.public, "open"))
        assert "alone" not in await codes()
