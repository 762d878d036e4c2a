"""What may wait unopened: for one link, for one hub with all its nodes, and in all; and answers that wait (SPEC S6)."""

import pytest

from hartig_protocol.events import FramesReceived
from hartig_protocol.limits import (
    INTAKE_HELD_MAX,
    INTAKE_LINK_MAX,
    NODES_MAX,
    RECORDS_PER_FRAME_MAX,
    WEIGHT_BYTES,
)
from hartig_protocol.records.record import Record
from hartig_protocol.sync import receiving
from hartig_protocol.sync.intake import weight_of
from hartig_protocol.sync.messages import ANSWER, LIVE, Have, Pull, Records, Through
from support.records import key
from support.talk import have, live, opened, stream
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


def posts(wire: Wire, number: int, count: int, start: int = 0) -> list[Record]:
    hub = wire.network.hub(number)
    return [wire.network.need(hub, place=start + i, nonce=start + i) for i in range(count)]


def emptied(puppet: Puppet) -> Puppet:
    """Let the hub have taken in all that it has tokens for."""
    pool = puppet.core.hub.state.intake.pool
    pool.refill(puppet.wire.now.steady_ms)
    pool.tokens = 0
    return puppet


# --- Bounds


def test_whoever_sends_more_than_its_window_allows_is_let_go(wire: Wire) -> None:
    a = wire.member(1)
    puppet = emptied(opened(wire, a))
    frame = live(*posts(wire, 2, RECORDS_PER_FRAME_MAX))
    for _ in range(INTAKE_LINK_MAX // RECORDS_PER_FRAME_MAX):
        puppet.say(frame)
    assert puppet.closed is None
    assert puppet.session.into.held == INTAKE_LINK_MAX
    puppet.say(frame)
    assert puppet.closed is not None
    assert puppet.closed[0] == "too_often"
    assert len(a.hub.state.intake.queue) == 0
    assert a.hub.state.intake.due_ms is None


def test_frames_that_came_together_are_bounded_one_by_one(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "INTAKE_LINK_MAX", 20)
    a = wire.member(1)
    puppet = emptied(opened(wire, a))
    held: list[int] = []
    usual = receiving._hold_records
    monkeypatch.setattr(receiving, "_hold_records", lambda *given: (usual(*given), held.append(1)))
    frames = [puppet.framed(live(*posts(wire, 2, 8, 8 * turn))) for turn in range(9)]
    wire.handle(a, FramesReceived(puppet.link, tuple(frames)))
    assert puppet.closed is not None
    assert len(held) == 3


def test_a_record_that_waits_never_has_more_bytes_than_it_counts_for() -> None:
    for count in (0, 1, 1_023, 1_024, 18_000):
        wire_form = (bytes(count), bytes(64), None)
        assert sum(len(part) for part in wire_form[:2]) < weight_of(wire_form) * WEIGHT_BYTES


def test_empty_parts_of_an_answer_do_not_pile_up_behind_one_that_waits(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "INTAKE_LINK_MAX", 20)
    puppet = opened(wire, wire.member(1))
    puppet.say(Through(1, bytes(16), final=True), Have(have(*posts(wire, 2, 1)).short, now=True))
    emptied(puppet)
    puppet.say(Records(ANSWER, (posts(wire, 2, 1)[0].wire,), final=False))
    for _ in range(30):
        if puppet.closed is None:
            puppet.say(Records(ANSWER, (), final=False))
    assert puppet.closed is not None
    assert puppet.closed[0] == "too_often"


def test_where_too_much_waits_in_all_the_heaviest_link_of_the_heaviest_branch_ends(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "INTAKE_HELD_MAX", 100)
    a = wire.member(1)
    wire.publish(a, *wire.proofs(3))
    honest = emptied(opened(wire, a, 4))
    honest.say(live(*posts(wire, 4, 45)))
    sybils = []
    for index, number in enumerate((51, 52, 53)):
        puppet = Puppet(wire, number, a)
        grant = wire.network.grant(puppet.hub_key.public, author=wire.network.hub(3), place=index, invites=0)
        puppet.say(puppet.hello([*wire.proofs(3)[:2], grant, wire.network.card(puppet.hub_key)]))
        assert puppet.closed is None
        sybils.append(emptied(puppet))
    for puppet, count in zip(sybils, (20, 26, 8), strict=True):
        puppet.say(live(*posts(wire, puppet.number, count)))
        emptied(puppet)
    puppet.say(live(*posts(wire, 53, 8, 8)))
    assert [one.closed is None for one in (honest, *sybils)] == [True, True, False, True]


def test_the_nodes_of_one_hub_cannot_fill_all_the_room(wire: Wire) -> None:
    a, hub = wire.member(1), wire.network.hub(2)
    nodes = [key(f"node {number} of two").public for number in range(NODES_MAX)]
    wire.publish(a, *wire.proofs(2)[:2], wire.network.card(hub, nodes=nodes))
    frame = live(*posts(wire, 2, RECORDS_PER_FRAME_MAX))
    for node in nodes:
        puppet = Puppet(wire, 2, a, node=node)
        puppet.say(puppet.hello([]))
        emptied(puppet)
        for _ in range(INTAKE_LINK_MAX // RECORDS_PER_FRAME_MAX):
            puppet.say(frame)
        assert puppet.closed is None
    held = sum(one.into.held for one in a.hub.state.open_sessions())
    assert held == NODES_MAX * INTAKE_LINK_MAX < INTAKE_HELD_MAX // 2
    assert sum(len(item.what[0]) + len(item.what[2]) for item in a.hub.state.intake.queue) < held * WEIGHT_BYTES


# --- Answers


def test_an_answer_on_credit_does_not_overtake_the_parts_that_wait(wire: Wire) -> None:
    """Else the last part would end a question that is over, at a time when no link can be blamed."""
    a = wire.member(1)
    records = posts(wire, 2, 3)
    puppet = opened(wire, a, count=10**6)
    puppet.say(Through(1, bytes(16), final=True))
    wire.pass_time(6_000)
    puppet.say(Have(have(records[0]).short, now=True))
    assert len(puppet.all_heard(Pull)) == 1
    emptied(puppet)
    puppet.say(Records(ANSWER, (records[0].wire,), final=True))
    assert puppet.session.into.held == 1
    puppet.say(stream(records[1], final=False))
    puppet.say(Records(ANSWER, (records[2].wire,), final=True))
    wire.pass_time(1_000)
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def test_what_waits_behind_others_of_its_link_is_no_answer(wire: Wire) -> None:
    puppet = emptied(opened(wire, wire.member(1)))
    puppet.say(Records(LIVE, (posts(wire, 2, 1)[0].wire,), final=False))
    puppet.core.hub.state.intake.pool.tokens = 10**6
    puppet.say(live(*posts(wire, 2, 1, 1)))
    assert puppet.session.into.held == 2
