"""Links that are dead although nothing has said so are ended; all others are left alone."""

from dataclasses import dataclass, field

import pytest

from hartig_node.daemon.open_links import TOGETHER_S, OpenLinks

ANA, BEN = b"a" * 32, b"b" * 32


@dataclass(eq=False)
class PaperLink:
    peer_node_id: bytes
    local_address: str = "192.0.2.1"
    aborted: list[str] = field(default_factory=list)

    def abort(self, reason: str) -> None:
        self.aborted.append(reason)


class World:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.links = OpenLinks(lambda: self.now_s)

    def open(self, node: bytes, *, by_us: bool, address: str = "192.0.2.1") -> PaperLink:
        link = PaperLink(node, address)
        self.links.opened(link, by_us=by_us)
        return link


@pytest.mark.parametrize("old_by_us", [True, False])
def test_a_hub_that_opens_a_link_has_lost_its_older_one(old_by_us: bool) -> None:
    world = World()
    old, other = world.open(ANA, by_us=old_by_us), world.open(BEN, by_us=old_by_us)
    world.now_s += TOGETHER_S
    new = world.open(ANA, by_us=False)
    assert len(old.aborted) == 1
    assert new.aborted == other.aborted == []


def test_links_opened_together_are_left_to_the_core() -> None:
    world = World()
    old = world.open(ANA, by_us=True)
    world.now_s += TOGETHER_S - 0.1
    world.open(ANA, by_us=False)
    assert old.aborted == []


def test_a_link_that_we_open_ends_no_other() -> None:
    world = World()
    old = world.open(ANA, by_us=False)
    world.now_s += TOGETHER_S
    world.open(ANA, by_us=True)
    assert old.aborted == []


def test_links_on_a_lost_address_end() -> None:
    world = World()
    lost, kept = world.open(ANA, by_us=True), world.open(ANA, by_us=True, address="192.0.2.2")
    scoped = world.open(BEN, by_us=False, address="fe80::1%eth0")
    world.links.addresses_are(frozenset({"192.0.2.2", "fe80::1"}))
    assert len(lost.aborted) == 1
    assert kept.aborted == scoped.aborted == []


def test_a_link_that_ended_is_forgotten() -> None:
    world = World()
    link = world.open(ANA, by_us=True)
    world.links.ended(link)
    world.links.addresses_are(frozenset())
    assert link.aborted == []
    assert len(world.links) == 0
