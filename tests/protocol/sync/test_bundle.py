"""Bundles in the core: their records are judged like any others, and the cursor moves only if nothing is lacking."""

from collections.abc import Sequence
from typing import Any

import pytest

from hartig_protocol.events import BundleEnded, CarriedAnswered, Cursor, OwnRecordClaimed, RecordsCarried, Refusal
from hartig_protocol.limits import CARRIED_WAITING_MAX, WAITING_PER_PEER_MAX
from hartig_protocol.records.record import Record, record_id
from hartig_protocol.sync.bundle import new_header
from hartig_protocol.sync.bundle_file import BundleReader, BundleWriter
from hartig_protocol.sync.messages import Records
from support.cores import Core
from support.records import seeded
from support.talk import bodiless, cursors, needs, opened
from support.wire import Wire

EPOCH, CHECK = seeded("epoch of a bundle", 16), seeded("check", 16)


def carried(wire: Wire, core: Core, records: Sequence[Record | Any], number: int = 2) -> CarriedAnswered:
    """Hand records out of a bundle of a hub to a core."""
    wires = tuple(one.wire if isinstance(one, Record) else one for one in records)
    wire.handle(core, RecordsCarried(7, wires, wire.network.hub(number).public))
    answer: CarriedAnswered = wire.told_of(core, CarriedAnswered)[-1]
    assert (answer.ticket, len(answer.refusals)) == (7, len(records))
    return answer


def ended(wire: Wire, core: Core, number: int = 2, epoch: bytes = EPOCH, n: int = 10) -> CarriedAnswered:
    wire.handle(core, BundleEnded(8, wire.network.hub(number).public, epoch, n, CHECK))
    answer: CarriedAnswered = wire.told_of(core, CarriedAnswered)[-1]
    assert (answer.ticket, answer.refusals) == (8, ())
    return answer


def codes(answer: CarriedAnswered) -> list[str | None]:
    return [refusal and refusal.code for refusal in answer.refusals]


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def a(wire: Wire) -> Core:
    return wire.member(1)


def test_a_hub_far_away_takes_over_all_that_another_may_share(wire: Wire, a: Core) -> None:
    b = wire.member(2, *wire.proofs(1))
    private = wire.network.need(b.key, place=70, audience="hub")
    assert wire.publish(b, *needs(wire, b, 5), private) == (None,) * 6
    header = new_header(b.hub.state, wire.clock(b))
    assert (header.n, header.count, header.check) == (b.hub.catalog.last_n, len(b.ids), b.hub.catalog.running)
    assert (header.stamp, header.epoch, header.hub) == (wire.now.wall_ms, b.disk.epoch, b.key.public)
    rows = [row for n, row in sorted((entry.n, entry.id) for entry in b.hub.catalog.entries.values())]
    records = [record.wire for record in [*wire.proofs(2), *wire.proofs(1)[1:], *needs(wire, b, 5)]]
    assert {private.id, *b.ids} == set(rows)
    writer = BundleWriter(b.key, header)
    data = writer.begin() + writer.proofs(records) + writer.records(records) + writer.end()
    reader = BundleReader(a.network.id)
    assert codes(carried(wire, a, reader.feed(data))) == [None] * len(records)
    assert reader.is_whole
    assert a.ids == b.ids
    assert wire.commits[a][-1].added, "it is stored before it is told"


def test_a_record_of_a_revoked_key_is_void_by_bundle_too(wire: Wire, a: Core) -> None:
    wire.publish(a, *wire.proofs(3)[1:], wire.network.revoke(wire.network.hub(3).public))
    before = a.ids
    stolen = wire.network.need(wire.network.hub(3), place=1)
    assert codes(carried(wire, a, [*wire.proofs(3)[1:], stolen])) == [None, "revoked", "revoked"]
    assert a.ids == before
    assert stolen.id not in a.ids


def test_what_is_wrong_is_refused_and_said_and_the_rest_is_taken(wire: Wire, a: Core) -> None:
    good, other, third = needs(wire, a, 3, start=10)
    tampered = (other.wire[0], bytes(64), other.wire[2])
    private = wire.network.need(a.key, place=71, audience="hub")
    answer = carried(wire, a, [good, tampered, private, (b"\xc1", b"", None), third])
    assert codes(answer) == [None, "bad_signature", "private", "not_msgpack", None]
    assert {good.id, third.id} <= a.ids
    assert private.id not in a.hub.catalog.entries


def test_what_is_held_already_is_not_verified_again_but_a_body_that_has_gone_is(wire: Wire, a: Core) -> None:
    b = wire.member(2)
    (held,) = needs(wire, b, 1)
    carried(wire, a, [*wire.proofs(2), held])
    assert codes(carried(wire, a, [(held.wire[0], bytes(64), held.wire[2])])) == [None]


def test_a_bundle_that_promises_nothing_moves_no_cursor(wire: Wire, a: Core) -> None:
    carried(wire, a, wire.proofs(2))
    assert ended(wire, a, n=0).waiting == 0
    assert not cursors(wire, a)
    ended(wire, a, n=1)
    assert cursors(wire, a)


def test_what_lacks_its_proof_waits_under_the_hub_that_wrote_the_bundle(wire: Wire, a: Core) -> None:
    c = wire.network.hub(3)
    early = [wire.network.need(c, place=place, nonce=place) for place in range(3)]
    carried(wire, a, wire.proofs(2))
    answer = carried(wire, a, early)
    assert (codes(answer), answer.waiting) == ([None] * 3, 3)
    assert ended(wire, a).waiting == 3
    assert not cursors(wire, a)
    assert codes(carried(wire, a, wire.proofs(3))) == [None] * 3
    assert {record.id for record in early} <= a.ids
    assert ended(wire, a).waiting == 0
    assert cursors(wire, a) == [Cursor(wire.network.hub(2).public, EPOCH, 10, CHECK)]


def test_a_record_without_its_body_waits_too(wire: Wire, a: Core) -> None:
    (record,) = needs(wire, a, 1, start=20)
    assert carried(wire, a, [bodiless(record)]).waiting == 1
    assert carried(wire, a, [record]).waiting == 0
    assert record.id in a.ids


def test_beyond_the_room_of_its_hub_nothing_more_waits_and_it_is_said(wire: Wire, a: Core) -> None:
    c = wire.network.hub(3)
    many = [wire.network.need(c, place=place, nonce=place) for place in range(WAITING_PER_PEER_MAX + 2)]
    carried(wire, a, many[:200])
    answer = carried(wire, a, many[200:])
    assert codes(answer) == [None] * (WAITING_PER_PEER_MAX - 200) + ["no_room"] * 2
    assert answer.waiting == WAITING_PER_PEER_MAX


def test_bundles_of_ever_new_hubs_fill_the_memory_no_further(wire: Wire, a: Core) -> None:
    (record, another) = (wire.network.need(wire.network.hub(3), place=place) for place in (0, 1))
    waiting = a.hub.state.waiting
    for number in range(CARRIED_WAITING_MAX):
        waiting.add(number.to_bytes(32, "big"), another, ("proof", b""))
    assert codes(carried(wire, a, [record])) == ["no_room"]
    assert len(waiting) == CARRIED_WAITING_MAX


def test_a_whole_bundle_moves_the_cursor_of_its_hub_forward_alone(wire: Wire, a: Core) -> None:
    carried(wire, a, wire.proofs(2))
    hub = wire.network.hub(2).public
    ended(wire, a, n=10)
    ended(wire, a, n=10)
    ended(wire, a, n=9)
    assert cursors(wire, a) == [Cursor(hub, EPOCH, 10, CHECK)]
    assert a.hub.state.cursors.ours(hub) == (EPOCH, 10, CHECK)
    ended(wire, a, n=11)
    later = seeded("another life", 16)
    ended(wire, a, epoch=later, n=3)
    assert a.hub.state.cursors.ours(hub) == (later, 3, CHECK)


@pytest.mark.parametrize("number", [1, 3])
def test_no_cursor_moves_for_a_stranger_or_for_this_hub_itself(wire: Wire, a: Core, number: int) -> None:
    ended(wire, a, number=number)
    assert not cursors(wire, a)


def test_no_cursor_moves_against_what_the_hub_says_on_a_link(wire: Wire, a: Core) -> None:
    puppet = opened(wire, a)
    ended(wire, a)
    assert not cursors(wire, a)
    ended(wire, a, epoch=puppet.session.peer_epoch)
    assert [cursor.n for cursor in cursors(wire, a)] == [10]


def test_at_the_next_meeting_nothing_of_the_bundle_is_sent_again(wire: Wire, a: Core) -> None:
    b = wire.member(2, *wire.proofs(1))
    wire.publish(b, *needs(wire, b, 5))
    header = new_header(b.hub.state, wire.clock(b))
    carried(wire, a, [*wire.proofs(2), *needs(wire, b, 5)])
    wire.handle(a, BundleEnded(9, header.hub, header.epoch, header.n, header.check))
    (later,) = needs(wire, b, 1, start=50)
    wire.publish(b, later)
    wire.connect(a, b)
    wire.deliver()
    sent = {record_id(row[0]) for message in wire.said(b, Records) for row in message.records}
    assert sent == {later.id}
    assert a.ids == b.ids


def test_a_record_of_our_own_that_is_not_here_is_shown_to_the_node(wire: Wire, a: Core) -> None:
    (lost,) = needs(wire, a, 1, start=30)
    carried(wire, a, [*wire.proofs(1), lost])
    (claimed,) = wire.told_of(a, OwnRecordClaimed)
    assert claimed == OwnRecordClaimed(lost.id, lost.head.kind, lost.head.seq, wire.network.hub(2).public)
    carried(wire, a, [lost])
    assert len(wire.told_of(a, OwnRecordClaimed)) == 1


def test_a_refusal_says_why(wire: Wire, a: Core) -> None:
    record = wire.network.need(a.key, place=40)
    later = wire.network.revise(a.key, record)
    (refusal,) = carried(wire, a, [later, record]).refusals[1:]
    assert isinstance(refusal, Refusal)
    assert refusal.code == "superseded"
    assert refusal.reason


def test_steps_of_an_older_thread_do_not_wait_and_hold_up_no_bundle(wire: Wire, a: Core) -> None:
    hub = wire.network.hub(3)
    old = wire.network.offer(hub, place=5, nonce="one")
    steps = [wire.network.step(hub, old)]
    steps.append(wire.network.step(hub, old, steps[0]))
    newer = wire.network.offer(hub, place=5, nonce="two", expires=(old.head.expires or 0) + 1)
    wire.publish(a, *wire.proofs(2), *wire.proofs(3), newer)
    carried(wire, a, [steps[0]])
    assert a.hub.state.waiting
    carried(wire, a, [old, steps[1]])
    assert not a.hub.state.waiting
    assert ended(wire, a).waiting == 0
    assert len(cursors(wire, a)) == 1


def test_a_bundle_whose_old_thread_stands_again_moves_no_cursor(wire: Wire, a: Core) -> None:
    wire.publish(a, *wire.proofs(2))
    a.hub.state.carried.old_threads.append((lot := wire.network.offer(wire.network.hub(2), place=5)).head.thread)
    wire.publish(a, lot)
    ended(wire, a)
    assert not cursors(wire, a)


def test_what_waits_through_two_bundles_of_a_hub_is_let_go(wire: Wire, a: Core) -> None:
    carried(wire, a, wire.proofs(2))
    carried(wire, a, [wire.network.need(wire.network.hub(3))])
    assert ended(wire, a).waiting == 1
    assert ended(wire, a).waiting == 1
    assert not a.hub.state.waiting
    assert not cursors(wire, a)
    assert ended(wire, a).waiting == 0
    assert len(cursors(wire, a)) == 1
