"""Addresses that a person typed into the settings: who answers there is asked, and only known hubs are dialled."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from hartig_node.daemon.config import Config
from hartig_node.daemon.network import PROBE_FIRST_S_MAX, PROBES_AT_ONCE_MAX, Network
from hartig_node.net.address_book import Source
from hartig_node.net.backoff import DIAL_S_MAX
from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.dialing import DialError
from hartig_node.peers import Peer
from hartig_node.tasks import Tasks
from support.boards import Bench, node_id_of, running_board

OTHER = node_id_of(9)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_board() as running:
        yield running


@pytest.fixture
async def network(bench: Bench) -> AsyncIterator[Network]:
    tasks = Tasks()
    yield Network(bench.engine, NodeIdentity.from_seed(bytes(range(32))), Config(), bytes(8), None, tasks)
    await tasks.close()


def answered_by(monkeypatch: pytest.MonkeyPatch, node: bytes | None) -> None:
    async def probe(*_arguments: object) -> bytes:
        if node is None:
            raise DialError("dial.timeout", "no answer within 5 s")
        return node

    monkeypatch.setattr("hartig_node.daemon.network.probe", probe)


def sources(network: Network) -> list[tuple[str, int, Source]]:
    return [(one.host, one.port, one.source) for one in network.book.candidates(OTHER)]


async def test_an_address_with_a_node_id_is_tried_as_it_stands(network: Network) -> None:
    assert await network._try_one(f"{OTHER.hex()}@192.0.2.7:4300", 5.0)
    assert sources(network) == [("192.0.2.7", 4300, Source.TYPED)]


async def test_a_known_hub_that_answers_at_a_bare_address_is_dialled_there(
    bench: Bench, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.engine.hub.state.nodes_of_hub[b"\x07" * 32] = frozenset({OTHER})
    answered_by(monkeypatch, OTHER)
    assert await network._try_one("192.0.2.7", 5.0)
    assert sources(network) == [("192.0.2.7", 4279, Source.TYPED)]


async def test_a_stranger_at_a_typed_address_is_not_dialled(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    answered_by(monkeypatch, OTHER)
    assert not await network._try_one("192.0.2.7", 5.0)
    assert sources(network) == []


async def test_an_address_where_nobody_answers_is_tried_again_later(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by(monkeypatch, None)
    assert not await network._try_one("192.0.2.7", 5.0)
    assert sources(network) == []


class Typed:
    """Hosts at typed addresses: those that are dead let a probe hang until the test ends it."""

    def __init__(self, alive: dict[str, bytes]) -> None:
        self.alive, self.probed = alive, list[tuple[str, float]]()
        self.hung = asyncio.Event()

    async def probe(self, _identity: NodeIdentity, host: str, _port: int, patience_s: float) -> bytes:
        self.probed.append((host, patience_s))
        if host not in self.alive:
            await self.hung.wait()
            raise DialError("dial.timeout", "no answer")
        return self.alive[host]


async def turns() -> None:
    for _turn in range(50):
        await asyncio.sleep(0)


@pytest.fixture
def typed(network: Network, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """63 dead addresses and a living one, the last that is tried."""
    hosts = [f"192.0.2.{number}" for number in range(100, 100 + 63)]
    living = "192.0.2.99"
    network.config = replace(network.config, peers=tuple(f"{host}:4279" for host in [*hosts, living]))
    typed = Typed({living: OTHER})
    monkeypatch.setattr("hartig_node.daemon.network.probe", typed.probe)
    monkeypatch.setattr(network.engine.hub.state, "hub_of", lambda node: node if node == OTHER else None)
    return typed


async def test_of_many_typed_addresses_each_is_tried_on_its_own(network: Network, typed: Typed) -> None:
    network._try_typed()
    await turns()
    assert len(typed.probed) == PROBES_AT_ONCE_MAX
    typed.hung.set()  # the first lose their short patience
    typed.hung = asyncio.Event()
    await turns()
    assert sources(network) == [("192.0.2.99", 4279, Source.TYPED)]
    assert {one for _, one in typed.probed[:64]} == {PROBE_FIRST_S_MAX}
    assert {one for _, one in typed.probed[64:]} <= {DIAL_S_MAX}
    assert [host for host, _ in typed.probed].count("192.0.2.99") == 1, "it is known now"


async def test_a_node_that_says_it_has_let_us_in_rests_unless_it_just_did(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(network.dialer, "excuse", lambda _node, rest_s: rests.append(rest_s))
    ended = Peer(OTHER, state="closed", code="admitted")
    network._peer_changed(ended)
    network._joins = True
    for _ in range(2):
        network._peer_changed(ended)
    assert rests == [1, 0, 1]
