"""The stream and its cursor, and what is asked for (SPEC, part S)."""

import pytest

from hartig_protocol.catalog.entry import Body
from hartig_protocol.events import ArrivalsRead, Commit, Cursor, ReadArrivals, ReadRecords
from hartig_protocol.limits import (
    ACK_AFTER_MS,
    ACK_AFTER_RECORDS,
    DAY_MS,
    RECORDS_PER_FRAME,
    SMALL_SET,
    THROUGH_AFTER_MS,
    TOLD_PER_PEER_MAX,
    WINDOW_RECORDS_MAX,
)
from hartig_protocol.sync import outbound
from hartig_protocol.sync.messages import ANSWER, Ack, Have, Hello, Pong, Records, Through, Want
from hartig_protocol.sync.outbound import SERVED_MAX
from support.cores import new_disk, published
from support.records import NOW_MS, seeded
from support.talk import CHECK, bodiless, cursors, live, meet, needs, opened, stream
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


# --- Live


def test_a_new_record_reaches_every_neighbour_at_once(wire: Wire) -> None:
    a, b, c = wire.member(1), wire.member(2), wire.member(3)
    meet(wire, a, b)
    meet(wire, a, c)
    wire.publish(a, *needs(wire, a, 3))
    wire.deliver()
    assert {need.id for need in needs(wire, a, 3)} <= b.ids & c.ids
    wire.pass_time(1_000)
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
    wire.pass_time(1_000)
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
    assert wire.said(a, Through)[-1].final
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
    assert sum(len(m.short) // 8 for m in wire.said(a, Have)) >= 20


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
    assert sum(len(m.short) // 8 for m in puppet.all_heard(Have)) == len(a.ids)


@pytest.mark.parametrize(("eager", "count"), [(True, SMALL_SET), (False, 0)])
def test_a_void_cursor_of_a_hub_that_is_not_new_waits_for_the_audit(wire: Wire, eager: bool, count: int) -> None:
    a = wire.member(1)
    wire.publish(a, *needs(wire, a, SMALL_SET))
    puppet = opened(wire, a, eager=eager, count=count)
    assert puppet.all_heard(Records) == puppet.all_heard(Have) == []
    assert puppet.all_heard(Through) == [Through(0, bytes(16), final=False)]


def test_a_newcomer_gets_the_newest_posts_first_and_nothing_twice(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "PREVIEW_RECORDS", 5)
    monkeypatch.setattr(outbound, "RECORDS_PER_FRAME", 16)
    a = wire.member(1)
    posts = needs(wire, a, 2 * SMALL_SET)
    wire.publish(a, *posts)
    puppet = opened(wire, a, 2, count=3)
    frames = [[tuple(row) for row in m.records] for m in puppet.all_heard(Records)]
    sent = [row for frame in frames for row in frame]
    assert len(sent) == len(set(sent)) == len(a.ids)
    assert frames[1] == [post.wire for post in posts[:-6:-1]]


def test_a_cursor_from_long_ago_of_a_peer_that_lacks_little_waits_for_the_audit(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "SHORT_PER_FRAME_MAX", 20)
    a = wire.member(1)
    wire.publish(a, *[proof for n in (10, 20, 30) for proof in wire.proofs(n)], *needs(wire, a, 30))
    at = {entry.n: entry for entry in a.hub.catalog.entries.values()}
    said = [opened(wire, a, n, cursor=(a.disk.epoch, n, at[n].running), count=99) for n in (10, 20, 30)]
    assert [puppet.session.out.held for puppet in said] == [True, False, False]
    assert [len(puppet.all_heard(Have)) for puppet in said] == [0, 1, 0]
    assert [sum(len(m.records) for m in puppet.all_heard(Records)) for puppet in said] == [0, 0, 9]


def test_who_catches_up_elsewhere_is_sent_names(wire: Wire) -> None:
    a = wire.member(1)
    (need,) = needs(wire, a, 1)
    wire.publish(a, need)
    puppet = opened(wire, a, eager=False)
    assert puppet.all_heard(Records) == []
    assert need.id[:8] in puppet.all_heard(Have)[0].short
    assert puppet.all_heard(Through)[-1].final


def test_a_cursor_is_confirmed_by_a_record_that_is_still_held(wire: Wire) -> None:
    """A peer that is cut off while we go on telling it is not sent everything again."""
    a = wire.member(1)
    wire.publish(a, *needs(wire, a, 3))
    at = {entry.n: entry for entry in a.hub.catalog.entries.values()}[5]
    for tick in range(TOLD_PER_PEER_MAX + 5):
        wire.publish(a, *needs(wire, a, 1, start=100 + tick))
    puppet = opened(wire, a, cursor=(a.disk.epoch, 5, at.running))
    assert sum(len(m.records) for m in puppet.all_heard(Records)) == a.hub.catalog.last_n - 5


def test_proofs_come_first_however_many_there_are(wire: Wire) -> None:
    a = wire.member(1)
    hubs = [wire.network.hub(100 + i) for i in range(RECORDS_PER_FRAME + 12)]
    given = [wire.network.grant(hub.public, place=100 + i, invites=0) for i, hub in enumerate(hubs)]
    wire.publish(a, *given, *[wire.network.need(hub) for hub in hubs])
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


def test_complete_through_is_committed_after_the_records(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    wire.commits[a].clear()
    need = wire.network.need(puppet.hub_key)
    puppet.say(stream(need, through=7))
    added, cursor = wire.commits[a]
    assert [record.id for _, record in added.added] == [need.id]
    assert cursor.cursors == [Cursor(puppet.hub_key.public, seeded("epoch 2 0", 16), 7, CHECK)]


def test_a_live_stream_is_complete_once_for_many_records(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.heard.clear()
    for need in needs(wire, a, 5):
        wire.publish(a, need)
    assert puppet.all_heard(Through) == []
    wire.pass_time(THROUGH_AFTER_MS)
    assert puppet.all_heard(Through) == [Through(a.hub.catalog.last_n, a.hub.catalog.running, final=True)]


def test_a_stream_that_waits_for_the_audit_moves_no_cursor(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(Through(0, bytes(16), final=False))
    assert cursors(wire, a) == []


# --- Acknowledging


def test_messages_are_acknowledged_together(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    for place in range(3):
        puppet.say(live(wire.network.need(puppet.hub_key, place=place)))
    assert puppet.all_heard(Ack) == []
    wire.pass_time(ACK_AFTER_MS)
    assert puppet.all_heard(Ack) == [Ack(3)]


def test_many_records_are_acknowledged_at_once(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    posts = [wire.network.need(puppet.hub_key, place=place, nonce=place) for place in range(ACK_AFTER_RECORDS)]
    puppet.say(live(*posts))
    assert puppet.all_heard(Ack) == [Ack(ACK_AFTER_RECORDS)]


def test_what_is_accepted_while_a_newcomer_catches_up_does_not_end_its_stream_of_records(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *needs(wire, a, 30))
    wire.reads_held = True
    puppet = opened(wire, a, count=0)
    wire.publish(a, *needs(wire, a, 1, start=30))
    wire.handle(a, ArrivalsRead(puppet.link, 0, a.hub.catalog.last_n - 1, ()))
    assert [type(action) for action in wire.told[a][-1:]] == [ReadArrivals]
    assert puppet.all_heard(Have) == []


def test_a_stream_by_name_passes_over_what_is_private(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, wire.network.need(a.key, audience="hub"))
    at = {entry.n: entry for entry in a.hub.catalog.entries.values()}
    wire.publish(a, *wire.proofs(2))
    puppet = opened(wire, a, eager=False, cursor=(a.disk.epoch, 3, at[3].running))
    wire.cut(puppet.link)
    wire.publish(a, wire.network.need(a.key, place=1, nonce=1, audience="hub"))
    last = a.hub.catalog.last_n
    again = opened(wire, a, eager=False, cursor=(a.disk.epoch, last - 1, a.hub.catalog.running_at(last - 1)))
    assert again.all_heard(Have) == []
    assert again.all_heard(Through)[-1].n == last


def test_a_record_that_goes_while_it_is_read_for_a_peer_is_not_sent(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.session.out.push.append(seeded("gone", 32))
    puppet.heard.clear()
    puppet.say(Ack(0))
    assert puppet.all_heard(Records) == []
    assert puppet.session.out.fetching is None


# --- Slow peers


def test_a_slow_peer_fills_its_window_and_nobody_elses(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "WINDOW_RECORDS_MAX", 40)
    monkeypatch.setattr(outbound, "RECORDS_PER_FRAME", 16)
    a, b = wire.member(1), wire.member(3)
    meet(wire, a, b)
    slow = opened(wire, a)
    for start in range(0, 100, 10):
        wire.publish(a, *needs(wire, a, 10, start=start))
        wire.deliver()
    assert slow.session.out.window_used <= 40 + 16
    wire.pass_time(5_000)
    assert a.ids == b.ids, "others are undisturbed"
    for _ in range(20):
        slow.say(Ack(slow.session.out.weight))
    assert slow.session.out.sent == a.hub.catalog.last_n, "what waited in its line is sent, or named"
    assert slow.session.out.window_used == 0
    sent = {row[0] for m in slow.all_heard(Records) for row in m.records}
    named = b"".join(m.short for m in slow.all_heard(Have))
    assert all(row.head in sent or row.id[:8] in named for row in a.disk.rows.values())
    assert WINDOW_RECORDS_MAX == 1_024


def test_while_the_store_is_read_new_records_wait_their_turn(wire: Wire) -> None:
    a = wire.member(1)
    wire.reads_held = True
    puppet = opened(wire, a, count=0)
    (need,) = needs(wire, a, 1)
    wire.publish(a, need)
    assert puppet.all_heard(Records) == []
    assert len(wire.told_of(a, ReadArrivals)) == 1
    wire.reads_held = False
    wire.handle(a, ArrivalsRead(puppet.link, 0, a.hub.catalog.last_n - 1, ()))
    wire.deliver()
    assert need.wire in [tuple(row) for m in puppet.all_heard(Records) for row in m.records]


@pytest.fixture
def _told_after_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "THROUGH_AFTER_RECORDS", 4)


@pytest.mark.usefixtures("_told_after_four")
def test_a_long_stream_says_in_the_middle_how_far_it_is(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *needs(wire, a, 5))
    wire.reads_held = True
    puppet = opened(wire, a, count=0)
    wire.handle(a, ArrivalsRead(puppet.link, 0, a.hub.catalog.last_n, ()))  # proofs: none
    wire.handle(a, ArrivalsRead(puppet.link, 0, 4, ()))
    assert [m.n for m in puppet.all_heard(Through)] == [4]


def test_a_short_stream_says_nothing_in_the_middle(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *needs(wire, a, 5))
    wire.reads_held = True
    puppet = opened(wire, a, count=0)
    wire.handle(a, ArrivalsRead(puppet.link, 0, a.hub.catalog.last_n, ()))  # proofs: none
    wire.handle(a, ArrivalsRead(puppet.link, 0, 4, ()))
    assert puppet.all_heard(Through) == []


@pytest.mark.usefixtures("_told_after_four")
def test_a_batch_that_ends_at_a_record_that_is_gone_is_not_told(wire: Wire) -> None:
    a = wire.member(1)
    posts = needs(wire, a, 5)
    wire.publish(a, *posts)
    wire.publish(a, wire.network.revise(a.key, posts[0]))  # arrival 4 is gone
    wire.reads_held = True
    puppet = opened(wire, a, count=0)
    wire.handle(a, ArrivalsRead(puppet.link, 0, a.hub.catalog.last_n, ()))
    wire.handle(a, ArrivalsRead(puppet.link, 0, 4, ()))
    assert puppet.all_heard(Through) == []


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
    assert sum(len(answer.ids) for answer in puppet.session.out.serve) <= SERVED_MAX
    assert len(wire.told_of(a, ReadRecords)) == 1


def test_questions_go_one_at_a_time(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    stripped = [wire.network.need(puppet.hub_key, place=p, nonce=p) for p in range(RECORDS_PER_FRAME + 20)]
    puppet.say(stream(*[bodiless(r) for r in stripped[:100]]), stream(*[bodiless(r) for r in stripped[100:]]))
    assert len(puppet.all_heard(Want)) == 1
    puppet.say(stream(*stripped[:100], why=ANSWER, final=False))
    assert len(puppet.all_heard(Want)) == 1
    puppet.say(stream(why=ANSWER))
    assert len(puppet.all_heard(Want)) == 2


def test_questions_without_end_cost_the_link(wire: Wire) -> None:
    a = wire.member(1)
    wire.reads_held = True
    puppet = opened(wire, a)
    for _ in range(SERVED_MAX + 2):
        if puppet.closed is None:
            puppet.say(Want(()))
    assert puppet.closed is not None
    assert puppet.closed[0] == "too_often"


def test_an_answer_that_nobody_asked_for_costs_the_link(wire: Wire) -> None:
    puppet = opened(wire, wire.member(1))
    puppet.say(stream(why=ANSWER))
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def test_who_never_answers_loses_the_link(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(stream(bodiless(wire.network.need(puppet.hub_key))))
    for _ in range(4):
        wire.pass_time(19_000)
        if puppet.closed is None:
            puppet.say(Pong(0))
    assert puppet.closed is not None
    assert puppet.closed[0] == "no_answer"


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


def test_an_acknowledgement_of_what_was_never_sent_costs_the_link(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    puppet.say(puppet.hello())
    puppet.say(Ack(2**53 - 1))
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"
