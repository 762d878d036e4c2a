"""Addresses that a person typed into the settings: who answers there is asked, and only known hubs are dialled."""

from collections.abc import AsyncIterator

import pytest

from hartig_node.daemon.config import Config
from hartig_node.daemon.network import Network
from hartig_node.net.address_book import Source
from hartig_node.net.certificates import NodeIdentity
from hartig_node.net.dialing import DialError
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
    assert await network._try_one(f"{OTHER.hex()}@192.0.2.7:4300")
    assert sources(network) == [("192.0.2.7", 4300, Source.TYPED)]


async def test_a_known_hub_that_answers_at_a_bare_address_is_dialled_there(
    bench: Bench, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.engine.hub.state.nodes_of_hub[b"\x07" * 32] = frozenset({OTHER})
    answered_by(monkeypatch, OTHER)
    assert await network._try_one("192.0.2.7")
    assert sources(network) == [("192.0.2.7", 4279, Source.TYPED)]


async def test_a_stranger_at_a_typed_address_is_not_dialled(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    answered_by(monkeypatch, OTHER)
    assert not await network._try_one("192.0.2.7")
    assert sources(network) == []


async def test_an_address_where_nobody_answers_is_tried_again_later(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by(monkeypatch, None)
    assert not await network._try_one("192.0.2.7")
    assert sources(network) == []
