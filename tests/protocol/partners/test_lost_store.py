"""A store of a partner network's records that fails is opened anew, empty: everything in it comes again."""

import pytest

from hartig_node.store.memory import MemoryStore
from hartig_node.store.memory_disk import MemoryDisk
from hartig_protocol.events import Commit, Event, Inside, PartitionOpened, PeerChanged
from hartig_protocol.partners.cores import Cores
from support.cores import finish
from support.federated import Federated, Towns
from support.records import seeded


def opened_anew(core: Federated, partner: bytes) -> Event:
    """Lose what a hub holds of a partner network, and open an empty store."""
    disk = core.disks[partner] = MemoryDisk(epoch=seeded("another life", 16))
    return PartitionOpened(partner, finish(MemoryStore(disk).load()))


def test_what_was_lost_comes_again_from_hubs_of_both_networks() -> None:
    towns = Towns("a", "b")
    a, b1, b2 = towns.hub("a", 1), towns.hub("b", 1), towns.hub("b", 2)
    towns.wire.connect(b1, b2)
    towns.agree(a, b1)
    towns.wire.connect(a, b1)
    towns.wire.pass_time(5_000)
    offers = [a.network.offer(a.key, place=place, audience="partners") for place in (1, 2)]
    towns.wire.publish(a, offers[0])
    towns.wire.pass_time(5_000)
    for hub in (b1, b2):
        towns.wire.handle(hub, opened_anew(hub, a.network.id))
        assert hub.disks[a.network.id].rows == {}
        towns.wire.pass_time(60_000)
        if hub is b1:
            ended = [one for one in towns.wire.told[b1] if isinstance(one, PeerChanged) and one.state == "closed"]
            assert ended[-1].code == "not_ready"
            towns.wire.connect(a, b1)
        towns.wire.publish(a, offers[1])
        towns.wire.pass_time(60_000)
        assert {offer.id for offer in offers} <= towns.held(hub, "a")


def test_the_new_store_is_told_apart_from_the_lost_one_before_anything_is_agreed() -> None:
    towns = Towns("a", "b")
    b = towns.hub("b", 1)
    other = towns.networks["a"].id
    towns.wire.publish(b, towns.pact("b", "a"))
    towns.wire.deliver()
    partner = towns.partner(b, "a")
    assert partner.theirs is not None
    before = partner.theirs.state.epoch
    towns.wire.handle(b, opened_anew(b, other))
    assert partner.theirs.state.epoch == partner.epoch(partner.mark) != before


def test_nothing_of_the_lost_core_is_written_into_the_new_store(monkeypatch: pytest.MonkeyPatch) -> None:
    towns = Towns("a", "b")
    b = towns.hub("b", 1)
    other = towns.networks["a"].id
    towns.wire.publish(b, towns.pact("b", "a"))
    towns.wire.deliver()
    late = Inside(other, Commit(removed=[bytes(32)]))
    monkeypatch.setattr(Cores, "end_all", lambda *_: [late])
    assert late not in b.federation._agreements.opened(opened_anew(b, other), towns.wire.now)


def test_a_store_that_nobody_has_asked_for_is_passed_over() -> None:
    towns = Towns("a", "b")
    a = towns.hub("a", 1)
    nobody = bytes(16)
    assert a.hub.handle(opened_anew(a, nobody), towns.wire.now) == []
