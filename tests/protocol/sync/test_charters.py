"""Charters on their way: what a hello carries, what waits for them, what is told of a fork (SPEC G9, H4)."""

from itertools import chain

import pytest

from hartig_protocol.records.record import Record
from hartig_protocol.sync import greeting
from hartig_protocol.sync.messages import ANSWER, LIVE, Records, Want
from support.cores import Core
from support.records import charter
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


def versions(wire: Wire, count: int) -> list[Record]:
    """Charters that follow the first one, the best first."""
    made = (charter([wire.network.seat], after=wire.network.charter, seed=seed) for seed in range(count))
    return sorted(made, key=lambda record: record.id)


def told(wire: Wire, core: Core) -> list[str]:
    """What the feed says about the network."""
    names = (notice.name for commit in wire.commits[core] for notice in commit.notices)
    return [name for name in names if name.startswith("network")]


def test_where_all_charters_do_not_fit_a_frame_the_first_are_left_out() -> None:
    wires = [(bytes(2_000), bytes(64), None)] * 130
    kept = greeting.fitting([*wires, (b"card", b"signature", b"body")])
    assert kept[-1] == (b"card", b"signature", b"body")
    assert len(kept) == 126
    assert greeting.fitting(wires[:3]) == tuple(wires[:3])


def test_a_hello_brings_all_charters_that_stand(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    second = versions(wire, 1)[0]
    third = charter([wire.network.seat], after=second)
    wire.publish(a, second, third)
    wire.connect(a, b)
    wire.deliver()
    assert b.hub.catalog.charters.path == (wire.network.charter, second, third)
    assert told(wire, b) == ["network.added", "network.changed", "network.changed"]


def test_a_fork_is_told_on_every_hub(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    low, high = versions(wire, 2)
    wire.publish(a, low)
    wire.publish(b, high)
    wire.connect(a, b)
    wire.deliver()
    for core in (a, b):
        assert told(wire, core) == ["network.added", "network.changed", "network.forked"]
        assert core.hub.catalog.charters.path[1:] == (low,)
        assert core.hub.catalog.charters.rivals == (high,)


def test_what_follows_a_charter_that_lost_stops_waiting_when_that_one_comes(wire: Wire) -> None:
    made = versions(wire, 3)
    follower = charter([wire.network.seat], after=made[2])
    a = wire.member(1)
    wire.publish(a, *made[:2])
    puppet = Puppet(wire, 2, a)
    puppet.say(puppet.hello())
    puppet.say(Records(LIVE, (follower.wire,), final=False))
    wanted = chain.from_iterable(want.ids for want in puppet.all_heard(Want))
    assert made[2].id in wanted
    assert len(a.hub.state.waiting) == 1
    puppet.say(Records(ANSWER, (made[2].wire,), final=True))
    assert len(a.hub.state.waiting) == 0
