"""The list of other hubs: what is said of why one is not connected."""

from hartig_protocol.events import PeerChanged
from support.boards import Bench

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
