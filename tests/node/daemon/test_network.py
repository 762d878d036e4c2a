"""What the network does with the core's choice of links, and what it tells the core of the nodes."""

from collections.abc import AsyncIterator

import pytest

from hartig_node.daemon.config import Config
from hartig_node.daemon.network import REST_S, Network, network_tag
from hartig_node.net.address_book import Source
from hartig_node.net.announcements import Found, Lost
from hartig_node.net.certificates import NodeIdentity
from hartig_node.peers import Peer
from hartig_node.tasks import Tasks
from hartig_protocol.events import Event, NodeHeard, NodeUnreachable
from support.boards import Bench, node_id_of, running_board

A, B = node_id_of(8), node_id_of(9)
TAG = network_tag(bytes(16))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_board() as running:
        yield running


@pytest.fixture
def told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the core is told of nodes."""
    events: list[Event] = []
    handle = bench.engine.handle

    def listen(event: Event) -> None:
        if isinstance(event, NodeHeard | NodeUnreachable):
            events.append(event)
        handle(event)

    monkeypatch.setattr(bench.engine, "handle", listen)
    return events


@pytest.fixture
async def network(bench: Bench, told: list[Event]) -> AsyncIterator[Network]:
    tasks = Tasks()
    yield Network(bench.engine, NodeIdentity.from_seed(bytes(range(32))), Config(), TAG, None, tasks)
    await tasks.close()


def test_the_tag_tells_networks_apart_and_names_none() -> None:
    assert network_tag(bytes(16)) != network_tag(b"\x01" * 16)
    assert len(network_tag(bytes(16))) == 8


async def test_the_core_says_who_is_dialled_and_nobody_else_is(network: Network) -> None:
    network.want_only((A, B))
    assert set(network.dialer.states()) == {A, B}
    network.want_only((B,))
    assert set(network.dialer.states()) == {B}
    network.engine.hub.state.overlay.wanted = (A,)
    network.refresh()
    assert set(network.dialer.states()) == {A}


async def test_a_node_that_answers_nowhere_is_told_to_the_core(network: Network, told: list[Event]) -> None:
    network.want_only((A,))
    while not told:
        await network.tasks.start(_nothing(), "a moment")
    assert told == [NodeUnreachable(A)]
    assert network._missing() == [A]
    network.want_only(())
    assert network._missing() == [A]


async def _nothing() -> None:
    pass


async def test_an_announcement_of_this_network_is_a_hint_and_one_of_another_is_none(
    network: Network, told: list[Event]
) -> None:
    network._heard(Found(A, TAG, (("192.0.2.1", 4279),)))
    network._heard(Found(B, bytes(8), (("192.0.2.2", 4279),)))
    network._heard(Lost(A))
    assert told == [NodeHeard(A)]
    assert network.book.candidates(B)


async def test_a_new_address_is_a_hint_only_of_a_node_that_could_not_be_reached(
    network: Network, told: list[Event]
) -> None:
    network._not_reached(A)
    for node in (A, B):
        network._add(node, ["192.0.2.1:4279", "not an address:"], Source.CARD)
    assert told == [NodeUnreachable(A), NodeHeard(A)]


async def test_in_another_place_all_that_could_not_be_reached_may_be_near(network: Network, told: list[Event]) -> None:
    network._not_reached(B)
    network._not_reached(A)
    told.clear()
    network._addresses_changed(frozenset({"192.0.2.9"}))
    network._addresses_changed(frozenset({"192.0.2.8"}))
    assert told == [NodeHeard(node) for node in sorted((A, B))]


async def test_a_node_with_a_link_is_missing_no_more(network: Network) -> None:
    network._not_reached(A)
    network._peer_changed(Peer(A, state="open"))
    assert network._missing() == []


@pytest.mark.parametrize(("code", "rest_s"), [*REST_S.items(), ("silent", None)])
async def test_crowded_doubled_and_admitted_are_no_failures(network: Network, code: str, rest_s: float | None) -> None:
    network.want_only((A,))
    network.dialer._wanted[A].failures = 3
    network._peer_changed(Peer(A, state="refused", code=code))
    wanted = network.dialer._wanted[A]
    assert (wanted.failures, wanted.rest_s) == ((3, None) if rest_s is None else (0, rest_s))
