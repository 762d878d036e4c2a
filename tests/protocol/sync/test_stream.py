"""The stream and its cursor, live forwarding, what waits, what is asked for (SPEC, parts S and W)."""

from typing import Any

import pytest

from hartig_protocol.catalog.entry import Body
from hartig_protocol.events import ArrivalsRead, Commit, Cursor, ReadArrivals, ReadRecords
from hartig_protocol.limits import (
    DAY_MS,
    RECORDS_PER_FRAME,
    TOLD_PER_PEER_MAX,
    WAITING_PER_PEER_MAX,
    WINDOW_RECORDS_MAX,
)
from hartig_protocol.records.record import Record
from hartig_protocol.sync.messages import ANSWER, PUSH, STREAM, Ack, Hello, Records, Want
from hartig_protocol.sync.outbound import SERVED_MAX
from support.cores import Core, new_disk, published
from support.records import NOW_MS, seeded
from support.wire import Puppet, Wire

CHECK = seeded("check", 16)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def needs(wire: Wire, core: Core, count: int, start: int = 0) -> list[Record]:
    return [wire.network.need(core.key, place=start + i, nonce=start + i) for i in range(count)]


def meet(wire: Wire, a: Core, b: Core) -> int:
    link = wire.connect(a, b)
    wire.deliver()
    return link


def opened(wire: Wire, core: Core, number: int = 2, **hello: Any) -> Puppet:
    puppet = Puppet(wire, number, core)
    puppet.say(puppet.hello(**hello))
    return puppet


def stream(*records: Record, number: int = 1, through: int = 10, why: int = STREAM, final: bool = True) -> Records:
    return Records(number, why, tuple(record.wire for record in records), through, CHECK, final)


def cursors(wire: Wire, core: Core) -> list[Cursor]:
    return [cursor for commit in wire.commits[core] for cursor in commit.cursors]


def bodiless(record: Record) -> Record:
    return record.without_body()


# --- Live


def test_a_new_record_reaches_every_neighbour_at_once(wire: Wire) -> None:
    a, b, c = wire.member(1), wire.member(2), wire.member(3)
    meet(wire, a, b)
    meet(wire, a, c)
    wire.publish(a, *needs(wire, a, 3))
    wire.deliver()
    assert a.ids == b.ids == c.ids


def test_a_known_record_is_not_sent_again(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    meet(wire, a, b)
    (need,) = needs(wire, a, 1)
    wire.publish(a, need)
    wire.deliver()
    wire.forget_said()
    wire.publish(a, need)
    wire.publish(b, need)
    wire.deliver()
    assert [m for core in (a, b) for m in wire.said(core, Records) if m.records] == []


def test_a_record_is_not_sent_back_to_its_source(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    meet(wire, a, b)
    wire.forget_said()
    wire.publish(a, *needs(wire, a, 1))
    wire.deliver()
    assert [m for m in wire.said(b, Records) if m.records] == []


def test_a_record_goes_on_to_third_hubs(wire: Wire) -> None:
    a, b, c = wire.member(1), wire.member(2), wire.member(3)
    meet(wire, a, b)
    meet(wire, b, c)
    wire.publish(a, *needs(wire, a, 1))
    wire.deliver()
    assert a.ids == c.ids


def test_what_is_for_this_hub_alone_is_in_no_frame(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    private = wire.network.need(a.key, place=50, title="PRIVATE words", audience="hub")
    wire.publish(a, private)
    meet(wire, a, b)
    wire.publish(a, wire.network.revise(a.key, private))
    wire.pass_time(400_000)
    assert private.id not in b.hub.catalog.entries
    assert not any(b"PRIVATE" in frame for _, _, frame in wire.sent)


def test_a_private_record_that_a_peer_sends_is_refused(wire: Wire) -> None:
    puppet = opened(wire, wire.member(1))
    puppet.say(stream(wire.network.need(puppet.hub_key, audience="hub")))
    assert puppet.session.into.refused == 1


def test_nothing_is_sent_before_it_is_durable(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    meet(wire, a, b)
    actions = a.hub.handle(published(needs(wire, a, 1)), wire.now)
    kinds = [type(action).__name__ for action in actions]
    assert kinds == ["Commit", "SendFrame", "PublishAnswered"]


# --- Catching up


def test_a_newcomer_gets_everything_in_frames_of_bounded_size(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *needs(wire, a, 300))
    b = wire.member(2)
    meet(wire, a, b)
    assert a.ids == b.ids
    assert max(len(m.records) for m in wire.said(a, Records)) <= RECORDS_PER_FRAME


def test_after_an_absence_only_what_is_new_is_sent(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.publish(a, *needs(wire, a, 50))
    link = meet(wire, a, b)
    wire.cut(link)
    wire.publish(a, *needs(wire, a, 2, start=50))
    wire.forget_said()
    meet(wire, a, b)
    assert sum(len(m.records) for m in wire.said(a, Records)) == 2
    assert a.ids == b.ids


def test_a_cursor_survives_a_restart_of_both(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.publish(a, *needs(wire, a, 50))
    meet(wire, a, b)
    wire.restart(a)
    wire.restart(b)
    wire.forget_said()
    meet(wire, b, a)
    assert wire.said(b, Hello)[0].cursor is not None
    assert [m for m in wire.said(a, Records) if m.records] == []


def test_a_cursor_of_another_epoch_is_void(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.publish(a, *needs(wire, a, 20))
    link = meet(wire, a, b)
    wire.cut(link)
    a.disk.epoch = seeded("another epoch", 16)
    wire.restart(a)
    wire.forget_said()
    meet(wire, a, b)
    assert sum(len(m.records) for m in wire.said(a, Records) if m.why == STREAM) >= 20


@pytest.mark.parametrize(
    "cursor",
    [
        (seeded("other epoch", 16), 3, bytes(16)),
        (seeded("epoch 1 0", 16), 3, seeded("wrong", 16)),
        (seeded("epoch 1 0", 16), 99, bytes(16)),
    ],
    ids=["epoch", "check", "beyond"],
)
def test_a_cursor_that_is_not_confirmed_starts_from_nothing(wire: Wire, cursor: tuple[bytes, int, bytes]) -> None:
    a = wire.member(1)
    puppet = opened(wire, a, cursor=cursor)
    sent = sum(len(m.records) for m in puppet.all_heard(Records) if m.why == STREAM)
    assert sent == len(a.ids)


def test_a_cursor_is_confirmed_by_a_record_that_is_still_held(wire: Wire) -> None:
    """A peer that is cut off while we go on telling it is not sent everything again."""
    a = wire.member(1)
    wire.publish(a, *needs(wire, a, 3))
    at = {entry.n: entry for entry in a.hub.catalog.entries.values()}[5]
    for tick in range(TOLD_PER_PEER_MAX + 5):
        wire.publish(a, *needs(wire, a, 1, start=100 + tick))
    puppet = opened(wire, a, cursor=(a.disk.epoch, 5, at.running))
    sent = [m for m in puppet.all_heard(Records) if m.why == STREAM]
    assert sum(len(m.records) for m in sent) == TOLD_PER_PEER_MAX + 6 + 2 - 1 + 0


def test_proofs_come_first_however_many_there_are(wire: Wire) -> None:
    a = wire.member(1)
    hubs = [wire.network.hub(100 + i) for i in range(200)]
    for number, hub in enumerate(hubs):
        records = [wire.network.grant(hub.public, place=100 + number, invites=0), wire.network.need(hub)]
        wire.publish(a, *records)
    renewed = [
        wire.network.grant(hub.public, place=100 + number, invites=0, seq=2, stamp=NOW_MS + DAY_MS // 48)
        for number, hub in enumerate(hubs)
    ]
    wire.publish(a, *renewed)
    b = wire.member(2)
    meet(wire, b, a)
    assert a.ids == b.ids
    assert len(b.hub.state.waiting) == 0
    assert cursors(wire, b)[-1].n == a.hub.catalog.last_n


def test_complete_through_is_committed_with_the_records(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    wire.commits[a].clear()
    need = wire.network.need(puppet.hub_key)
    puppet.say(stream(need, through=7))
    (commit,) = [commit for commit in wire.commits[a] if commit.cursors]
    assert [record.id for _, record in commit.added] == [need.id]
    assert commit.cursors == [Cursor(puppet.hub_key.public, seeded("epoch 2 0", 16), 7, CHECK)]


# --- What waits


def test_complete_through_waits_until_nothing_is_set_aside(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    need = wire.network.need(puppet.hub_key)
    puppet.say(stream(bodiless(need)))
    assert cursors(wire, a) == []
    puppet.say(stream(need, number=2, why=ANSWER))
    assert [cursor.n for cursor in cursors(wire, a)] == [10]


def test_a_record_without_its_body_is_asked_for_and_never_counted_as_known(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    need = wire.network.need(puppet.hub_key)
    puppet.say(stream(bodiless(need)))
    assert puppet.all_heard(Want) == [Want((need.id,))]
    assert need.id not in a.hub.catalog.entries
    puppet.say(stream(bodiless(need), number=2, why=ANSWER))
    assert puppet.all_heard(Want) == [Want((need.id,))], "each id is asked for once"


def test_any_peer_can_complete_what_waits(wire: Wire) -> None:
    a = wire.member(1)
    one, other = opened(wire, a, 2), opened(wire, a, 3)
    need = wire.network.need(one.hub_key)
    one.say(stream(bodiless(need), through=4))
    other.say(stream(need, through=6))
    assert need.id in a.ids
    assert len(a.hub.state.waiting) == 0
    assert {(cursor.peer, cursor.n) for cursor in cursors(wire, a)} == {
        (one.hub_key.public, 4),
        (other.hub_key.public, 6),
    }


def test_what_waits_from_two_peers_holds_both_cursors(wire: Wire) -> None:
    a = wire.member(1)
    one, other = opened(wire, a, 2), opened(wire, a, 3)
    far = wire.network.hub(50)
    need = wire.network.need(far)
    one.say(stream(need))
    other.say(stream(need))
    wire.publish(a, wire.network.grant(wire.network.hub(51).public, place=51))  # tried again, and still no proof
    assert cursors(wire, a) == []
    assert a.hub.state.waiting.count(one.hub_key.public) == a.hub.state.waiting.count(other.hub_key.public) == 1
    wire.publish(a, wire.network.grant(far.public, place=50))
    assert need.id in a.ids
    assert len(cursors(wire, a)) == 2


def test_what_is_tried_again_by_the_clock_still_holds_every_cursor(wire: Wire) -> None:
    a = wire.member(1)
    one, other = opened(wire, a, 2), opened(wire, a, 3)
    first, second = wire.network.need(wire.network.hub(50)), wire.network.need(wire.network.hub(51))
    one.say(stream(first))
    other.say(stream(second))
    for _ in range(3):
        wire.pass_time(30_000)
        one.say(Ack(0))
        other.say(Ack(0))
    assert cursors(wire, a) == []


def test_steps_wait_for_the_step_before_and_for_their_register(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    need = wire.network.need(puppet.hub_key)
    one = wire.network.step(puppet.hub_key, need)
    two = wire.network.step(puppet.hub_key, need, one)
    puppet.say(stream(two))
    puppet.say(stream(need, number=2))
    assert puppet.all_heard(Want) == []
    puppet.say(stream(one, number=3))
    assert {need.id, one.id, two.id} <= a.ids


def test_a_missing_step_is_asked_for(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    need = wire.network.need(puppet.hub_key)
    one = wire.network.step(puppet.hub_key, need)
    puppet.say(stream(need, wire.network.step(puppet.hub_key, need, one)))
    assert puppet.all_heard(Want) == [Want((one.id,))]


def test_the_waiting_place_is_bounded_and_a_spill_holds_the_cursor(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    far = wire.network.hub(50)
    unproven = [wire.network.need(far, place=place, nonce=place) for place in range(WAITING_PER_PEER_MAX + 10)]
    puppet.say(stream(*unproven[:200]), stream(*unproven[200:], number=2))
    assert a.hub.state.waiting.count(puppet.hub_key.public) == WAITING_PER_PEER_MAX
    wire.publish(a, wire.network.grant(far.public, place=50))
    assert cursors(wire, a) == []
    assert len(a.hub.state.waiting) == 0


def test_what_a_peer_sent_is_forgotten_when_it_leaves(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(stream(wire.network.need(wire.network.hub(50))))
    wire.cut(puppet.link)
    assert len(a.hub.state.waiting) == 0


def test_steps_of_a_thread_that_was_superseded_hold_nothing_up(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    hub = puppet.hub_key
    newer = wire.network.need(hub, nonce="newer", expires=NOW_MS + 20 * DAY_MS)
    older = wire.network.need(hub, nonce="older")
    puppet.say(stream(newer, through=1))
    step = wire.network.step(hub, older)
    puppet.say(stream(step, number=2, through=2))
    assert [cursor.n for cursor in cursors(wire, a)] == [1]
    puppet.say(stream(older, number=3, through=3))
    puppet.say(stream(wire.network.step(hub, older, step), number=4, through=4))
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 3, 4]


def test_old_threads_are_remembered_within_bounds(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    hub = puppet.hub_key
    puppet.say(stream(*[wire.network.need(hub, place=p, expires=NOW_MS + 20 * DAY_MS) for p in range(150)]))
    for half in (0, 150):
        old = [wire.network.need(hub, place=p % 150, nonce=f"old {p}") for p in range(half, half + 150)]
        puppet.say(stream(*old, number=2 + half))
    assert len(puppet.session.into.old_threads) == 256


# --- Bad records


def test_one_bad_record_never_ends_a_sync(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    good = wire.network.need(puppet.hub_key)
    head, signature, body = wire.network.need(puppet.hub_key, place=1).wire
    bad = [
        (head, bytes(64), body),
        (head, signature, b"\x80"),
        (head[:-1], signature, body),
        [head, signature],
        "no record",
        [1, 2, 3],
        [head, signature, 7],
        None,
    ]
    puppet.say(Records(1, STREAM, (*bad, good.wire), 9, CHECK, True))
    assert good.id in a.ids
    assert puppet.session.into.refused == len(bad)
    assert [cursor.n for cursor in cursors(wire, a)] == [9]
    assert puppet.closed is None


def test_a_record_of_another_network_passes_and_holds_nothing_up(wire: Wire) -> None:
    from support.records import Network

    a = wire.member(1)
    puppet = opened(wire, a)
    other = Network(seed=5)
    puppet.say(stream(other.need(puppet.hub_key), other.charter, other.grant(puppet.hub_key.public)))
    assert [cursor.n for cursor in cursors(wire, a)] == [10]
    assert puppet.session.into.refused == 3


# --- Slow peers


def test_a_slow_peer_fills_its_window_and_nobody_elses(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(3)
    meet(wire, a, b)
    slow = opened(wire, a)
    for start in range(0, 1500, 100):
        wire.publish(a, *needs(wire, a, 100, start=start)[: 1000 - start if start < 1000 else 0] or needs(wire, a, 1))
    many = [wire.network.offer(a.key, place=i, nonce=f"o{i}", expires=NOW_MS + 30 * DAY_MS) for i in range(900)]
    for start in range(0, 900, 100):
        wire.publish(a, *many[start : start + 100])
        wire.deliver()
    assert slow.session.out.window_used <= WINDOW_RECORDS_MAX + 2 * RECORDS_PER_FRAME
    assert a.ids == b.ids, "others are undisturbed"
    for _ in range(100):
        heard = slow.all_heard(Records)
        slow.say(Ack(heard[-1].number))
        if slow.session.out.sent == a.hub.catalog.last_n:
            break
    assert slow.session.out.sent == a.hub.catalog.last_n, "the stream goes on from the store"
    assert len(slow.session.out.unacked) <= 12


def test_while_the_store_is_read_new_records_wait_their_turn(wire: Wire) -> None:
    a = wire.member(1)
    wire.reads_held = True
    puppet = opened(wire, a)
    (need,) = needs(wire, a, 1)
    wire.publish(a, need)
    assert puppet.all_heard(Records) == []
    assert len(wire.told_of(a, ReadArrivals)) == 1
    wire.reads_held = False
    wire.handle(a, ArrivalsRead(puppet.link, 0, a.hub.catalog.last_n - 1, ()))
    wire.deliver()
    assert need.wire in [tuple(row) for m in puppet.all_heard(Records) for row in m.records]


def test_a_batch_that_ends_between_known_numbers_is_not_told(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *needs(wire, a, 5))
    wire.reads_held = True
    puppet = opened(wire, a)
    wire.handle(a, ArrivalsRead(puppet.link, 0, a.hub.catalog.last_n, ()))  # proofs: none
    wire.handle(a, ArrivalsRead(puppet.link, 0, 4, ()))
    assert [m.why for m in puppet.all_heard(Records)] == [PUSH]


# --- Asking


def test_a_peer_gets_what_it_asks_for_once_it_is_there(wire: Wire) -> None:
    a = wire.member(1)
    (need,) = needs(wire, a, 1)
    wire.publish(a, need)
    puppet = opened(wire, a)
    puppet.heard.clear()
    puppet.say(Want((need.id, seeded("nothing", 32))))
    (answer,) = puppet.all_heard(Records)
    assert (answer.why, answer.final, [tuple(row) for row in answer.records]) == (ANSWER, True, [need.wire])


def test_a_private_record_is_not_given_to_who_asks(wire: Wire) -> None:
    a = wire.member(1)
    private = wire.network.need(a.key, audience="hub")
    wire.publish(a, private)
    puppet = opened(wire, a)
    puppet.heard.clear()
    puppet.say(Want((private.id,)))
    assert puppet.all_heard(Records)[0].records == ()


def test_who_asks_for_too_much_is_served_within_bounds(wire: Wire) -> None:
    a = wire.member(1)
    wire.reads_held = True
    puppet = opened(wire, a)
    for round_ in range(40):
        puppet.say(Want(tuple(seeded(f"{round_} {i}", 32) for i in range(512))))
    assert len(puppet.session.out.serve) <= SERVED_MAX
    assert len(wire.told_of(a, ReadRecords)) == 1


def test_questions_go_one_at_a_time(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    stripped = [wire.network.need(puppet.hub_key, place=p, nonce=p) for p in range(RECORDS_PER_FRAME + 20)]
    puppet.say(stream(*[bodiless(r) for r in stripped[:100]]), stream(*[bodiless(r) for r in stripped[100:]], number=2))
    assert len(puppet.all_heard(Want)) == 1
    puppet.say(stream(*stripped[:100], number=3, why=ANSWER, final=False))
    assert len(puppet.all_heard(Want)) == 1
    puppet.say(stream(number=4, why=ANSWER))
    assert len(puppet.all_heard(Want)) == 2


# --- Bodies that went too early


def test_a_body_that_went_too_early_is_taken_back(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    (need,) = needs(wire, a, 1)
    wire.publish(a, need)
    meet(wire, a, b)
    wire.set_clock(b, 25 * DAY_MS)  # a clock that is trusted, and wrong
    wire.pass_time(61_000)
    assert b.hub.catalog.entries[need.id].body is Body.GONE
    wire.set_clock(b)
    wire.pass_time(11 * 60_000)
    assert b.hub.catalog.entries[need.id].body is Body.HERE
    assert need.wire in [row.wire for row in b.disk.rows.values()]
    assert any(isinstance(commit, Commit) and commit.bodies_added for commit in wire.commits[b])


def test_a_hub_with_an_empty_disk_starts_anew(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.publish(a, *needs(wire, a, 10))
    meet(wire, a, b)
    b.disk = new_disk(2, life=1)
    wire.restart(b)
    wire.publish(b, *wire.proofs(2))
    meet(wire, b, a)
    assert a.ids == b.ids
