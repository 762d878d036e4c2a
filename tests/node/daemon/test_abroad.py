"""Links with hubs of partner networks: who is dialled, where, and that our own neighbours lose nothing by it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hartig_node.board.partners.code import Speaker
from hartig_node.daemon.abroad import Abroad
from hartig_node.daemon.config import Config
from hartig_node.daemon.network import Network, network_tag
from hartig_node.net.address_book import Candidate, Source
from hartig_node.net.announcements import Found
from hartig_node.net.certificates import NodeIdentity
from hartig_node.ports import StoreError
from hartig_node.store.memory import MemoryStore
from hartig_node.tasks import Tasks
from hartig_protocol.events import Commit, Event, GatewaysWanted, LinksWanted, PartnerNamed
from node.store.arrivals import Arrivals
from support.boards import Bench, node_id_of, running_board
from support.records import Network as Records

A, B, C = (node_id_of(seed) for seed in (8, 9, 10))
PARTNER = Records(seed=7)
HUB = PARTNER.hub(1)
ONE, OTHER = PARTNER.id, bytes(16)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_board() as running:
        yield running


@asynccontextmanager
async def networking(bench: Bench) -> AsyncIterator[Network]:
    tasks = Tasks()
    identity = NodeIdentity.from_seed(bytes(range(32)))
    network = Network(bench.engine, identity, Config(), network_tag(bytes(16)), None, tasks)
    bench.engine.on_links_wanted, bench.engine.on_gateways_wanted = network.want_only, network.refresh
    yield network
    await tasks.close()


@pytest.fixture
async def network(bench: Bench) -> AsyncIterator[Network]:
    async with networking(bench) as made:
        yield made


def wants(network: Network, *nodes: bytes) -> None:
    """Have the core want links with these nodes of partner networks."""
    network.engine._tell(GatewaysWanted(nodes))


def places(network: Network, node: bytes) -> list[tuple[str, Source]]:
    """Where a node would be dialled."""
    return [(one.host, one.source) for one in network.book.candidates(node)]


async def holding(network: Network, *commits: Commit, name: bytes = ONE) -> MemoryStore:
    """Open a partition that holds this."""
    store = MemoryStore()
    for commit in commits:
        await store.commit(commit)
    network.engine.stores[name] = store
    for opened in network.engine.partners.on_opened:
        opened(name, await store.load())
    return store


async def test_hubs_of_partner_networks_are_dialled_beside_our_own(network: Network) -> None:
    network.engine.hub.state.overlay.wanted = (A,)
    wants(network, B)
    assert set(network.dialer.states()) == {A, B}
    network.engine._tell(LinksWanted((C,)))
    assert set(network.dialer.states()) == {B, C}
    network.engine.hub.state.overlay.wanted = (C,)
    wants(network)
    assert set(network.dialer.states()) == {C}


async def test_a_hub_of_our_own_that_a_partner_names_is_left_to_our_own_core(network: Network) -> None:
    network.engine.hub.state.hub_seen_at[A] = b"h" * 32
    wants(network, A, B)
    assert set(network.dialer.states()) == {B}


async def test_where_they_are_is_said_by_their_cards(network: Network) -> None:
    cards = [
        PARTNER.card(HUB, nodes=[A], addresses=["192.0.2.1:4279"]),
        PARTNER.card(PARTNER.hub(2), nodes=[B], addresses=["192.0.2.2:4279"]),
    ]
    await holding(network, Arrivals().commit(*PARTNER.founding(1)[:2], *cards, PARTNER.need(HUB)))
    assert len(network.book) == 0
    wants(network, A)
    assert places(network, A) == [("192.0.2.1", Source.CARD)]
    assert places(network, B) == []
    wants(network, A, B)
    assert places(network, B) == [("192.0.2.2", Source.CARD)]


async def test_a_new_card_brings_a_new_address(network: Network) -> None:
    wants(network, A)
    await holding(network, name=OTHER)
    store = await holding(network)
    card = PARTNER.card(HUB, nodes=[A], addresses=["192.0.2.1:4279", "no address:"])
    await store.commit(Arrivals().commit(card))
    await network.abroad.card_changed(card.id)
    assert places(network, A) == [("192.0.2.1", Source.CARD)]
    assert "1 nodes of 2 networks" in repr(network.abroad)


async def test_a_card_in_a_partition_that_is_going_is_passed_over(network: Network) -> None:
    card = PARTNER.card(HUB, nodes=[A], addresses=["192.0.2.1:4279"])
    store = await holding(network, Arrivals().commit(card))
    await (await holding(network, name=OTHER)).close()
    with pytest.raises(StoreError):
        await network.engine.stores[OTHER].load()
    for left in network.engine.partners.on_left:
        left(ONE)
    wants(network, A)
    await network.abroad.card_changed(card.id)
    await network.abroad.card_changed(b"x" * 32)
    assert (await store.load()).last_n == 1
    assert places(network, A) == []


async def test_a_network_of_a_thousand_hubs_does_not_push_our_own_out_of_the_book(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hartig_node.daemon.abroad.PEERS_KNOWN_MAX", 3)
    network.book.add(C, "192.0.2.9", 1, Source.CARD)
    cards = [
        PARTNER.card(PARTNER.hub(number), nodes=[node_id_of(100 + number)], addresses=["192.0.2.1:4279"])
        for number in range(1, 8)
    ]
    await holding(network, Arrivals().commit(*cards))
    assert len(network.book) == 1
    assert "3 nodes of 1 networks" in repr(network.abroad)


async def test_whom_people_have_named_is_dialled_where_they_said(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Event] = []
    monkeypatch.setattr(network.engine, "handle", heard.append)
    network.abroad.named(ONE, [Speaker(A, ("192.0.2.1:4279",)), Speaker(B, ("192.0.2.2:4279",))])
    assert heard == [PartnerNamed(ONE, (A, B))]
    assert places(network, A) == []
    wants(network, A)
    assert places(network, A) == [("192.0.2.1", Source.PARTNER)]
    network.abroad.named(ONE, [Speaker(A, ("192.0.2.3:4279",))])
    assert places(network, A) == [("192.0.2.3", Source.PARTNER), ("192.0.2.1", Source.PARTNER)]


async def test_an_announcement_of_another_network_counts_for_those_who_are_wanted(network: Network) -> None:
    wants(network, A)
    network._heard(Found(A, bytes(8), (("192.0.2.1", 4279),)))
    network._heard(Found(B, bytes(8), (("192.0.2.2", 4279),)))
    assert set(network.dialer.states()) == {A}
    assert places(network, A) == [("192.0.2.1", Source.MDNS)]
    assert network._missing() == [A]


async def test_the_door_keeps_room_for_those_who_are_awaited(network: Network) -> None:
    network.engine.hub.state.overlay.wanted = (C,)
    wants(network, A)
    for node, host in ((A, "192.0.2.1"), (B, "192.0.2.2"), (C, "192.0.2.3")):
        network.book.add(node, host, 4279, Source.MDNS)
    assert [network._is_awaited_at(f"192.0.2.{number}") for number in range(1, 5)] == [True, False, True, False]


async def test_at_a_typed_address_a_hub_of_a_partner_network_is_known(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answers(*_arguments: object) -> bytes:
        return A

    monkeypatch.setattr("hartig_node.daemon.network.probe", answers)
    assert not await network._try_one("192.0.2.1:4279", 1.0)
    wants(network, A)
    assert await network._try_one("192.0.2.1:4279", 1.0)
    assert places(network, A) == [("192.0.2.1", Source.TYPED)]


async def test_what_stands_in_no_network_is_asked_for_nothing(bench: Bench) -> None:
    added: list[Candidate] = []
    abroad = Abroad(bench.engine, lambda *one: added.append(one))  # type: ignore[arg-type]
    abroad.look()
    assert list(abroad.wanted) == []
    assert added == []
