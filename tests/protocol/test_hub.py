"""The core as a whole: events in, actions out, timers, publishing (design, section 2)."""

import gc
import sys

import pytest

from hartig_protocol import hub
from hartig_protocol.errors import LocalError
from hartig_protocol.events import (
    ArrivalsRead,
    CloseLink,
    Commit,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    Notice,
    PeerChanged,
    PrivateRow,
    PublishAnswered,
    RecordsPublished,
    TimePassed,
)
from hartig_protocol.limits import HELLO_TIMEOUT_MS, SESSIONS_MAX, SILENCE_MS_MAX, SWEEP_EVERY_MS
from hartig_protocol.records.record import Kind
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.messages import (
    Ack,
    Bye,
    Ping,
    Pong,
    Records,
)
from support.records import NOW_MS, seeded
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_an_unknown_event_is_our_own_bug(wire: Wire) -> None:
    with pytest.raises(LocalError, match="no such event"):
        wire.member(1).hub.handle("something", wire.now)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "event",
    [FrameReceived(9, b"x"), LinkClosed(9, ""), ArrivalsRead(9, 0, 0, ())],
    ids=lambda event: type(event).__name__,
)
def test_an_event_of_a_link_that_is_gone_does_nothing(wire: Wire, event: FrameReceived) -> None:
    assert wire.member(1).hub.handle(event, wire.now) == []


def test_actions_come_in_the_order_store_send_tell(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    actions = a.hub.handle(FrameReceived(puppet.link, pack(puppet.hello())), wire.now)
    order = [0 if isinstance(x, Commit) else 2 if isinstance(x, PeerChanged | PublishAnswered) else 1 for x in actions]
    assert order == sorted(order)
    assert set(order) == {0, 1, 2}


def test_a_published_record_is_answered_with_what_became_of_it(wire: Wire) -> None:
    a = wire.member(1)
    good, stale = wire.network.need(a.key, seq=2), wire.network.need(a.key)
    head, _, body = wire.network.need(a.key, place=1).wire
    wire.handle(a, RecordsPublished(5, (good.wire, stale.wire, (head, bytes(64), body), good.wire)))
    (answer,) = [told for told in wire.told_of(a, PublishAnswered) if told.ticket == 5]
    assert [refusal and refusal.code for refusal in answer.refusals] == [None, "superseded", "bad_signature", None]


def test_a_record_that_another_of_the_same_request_replaced_is_not_called_accepted(wire: Wire) -> None:
    a = wire.member(1)
    first, second = wire.network.need(a.key), wire.network.need(a.key, seq=2)
    assert [refusal and refusal.code for refusal in wire.publish(a, first, second)] == ["replaced", None]


def test_private_rows_are_stored_when_something_of_their_batch_is(wire: Wire) -> None:
    a = wire.member(1)
    row = PrivateRow("words", b"k", b"v")
    need = wire.network.need(a.key)
    wire.commits[a].clear()
    stranger = wire.network.need(wire.network.hub(9)).wire
    wire.handle(a, RecordsPublished(5, (stranger,), (row,)))
    assert [commit.private for commit in wire.commits[a]] == []
    wire.handle(a, RecordsPublished(6, (need.wire, stranger), (row,)))
    assert wire.commits[a][-1].private == [row]


def test_the_feed_says_what_was_added_changed_and_ended(wire: Wire) -> None:
    a = wire.member(1)
    need = wire.network.need(a.key)
    later = wire.network.revise(a.key, need)
    wire.publish(a, need)
    wire.publish(a, later)
    wire.publish(a, wire.network.revise(a.key, later, ends=True))
    wire.publish(a, wire.network.unknown(a.key, place=2), wire.network.revoke(wire.network.hub(8).public))
    names = [notice.name for commit in wire.commits[a] for notice in commit.notices]
    assert names == [
        *["network.added", "member.added", "card.added"],
        *["post.added", "post.changed", "post.ended", "removal.added", "record.added"],
    ]


def test_what_is_said_in_a_chain_is_told_as_a_change_of_its_deal(wire: Wire) -> None:
    a = wire.member(1)
    need = wire.network.need(a.key)
    said = wire.network.step(a.key, need, kind=Kind.STEP, facts={"verb": "count", "quantity": 1, "why": "needed"})
    wire.publish(a, need, said, wire.network.step(a.key, need, said))
    notices = [notice for commit in wire.commits[a] for notice in commit.notices][-3:]
    assert [notice.name for notice in notices] == ["post.added", "deal.changed", "record.added"]
    assert (notices[1].thread, notices[1].record, notices[1].kind) == (need.head.thread, said.id, Kind.STEP)


def test_neighbours_come_and_go_in_the_feed_once(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    link = wire.connect(a, b)
    wire.deliver()
    wire.cut(link)
    notices = [notice for commit in wire.commits[a] for notice in commit.notices if notice.peer == b.key.public]
    assert [notice.name for notice in notices if isinstance(notice, Notice) and "peer" in notice.name] == [
        "peer.connected",
        "peer.left",
    ]
    assert [change.state for change in wire.told_of(a, PeerChanged)] == ["open", "closed"]


# --- Time


def test_the_sweep_is_due_every_minute(wire: Wire) -> None:
    a = wire.member(1)
    assert a.hub.next_timer_ms() == SWEEP_EVERY_MS
    wire.pass_time(SWEEP_EVERY_MS)
    assert a.hub.next_timer_ms() == 2 * SWEEP_EVERY_MS
    assert a.hub.handle(TimePassed(), wire.now) == []


def test_who_does_not_greet_is_closed(wire: Wire) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    wire.pass_time(HELLO_TIMEOUT_MS - 1)
    assert puppet.closed is None
    wire.pass_time(1)
    assert puppet.closed is not None
    assert puppet.closed[0] == "no_greeting"


def test_silence_is_broken_by_pings_and_ends_the_link_at_last(wire: Wire) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    puppet.say(puppet.hello())
    puppet.heard.clear()
    wire.pass_time(SILENCE_MS_MAX)
    assert [type(message) for message in puppet.heard if type(message) is not Records] == [Ping, Ping, Bye]
    assert puppet.closed is not None
    assert puppet.closed[0] == "silent"


def test_a_ping_is_answered_and_an_answer_keeps_the_link(wire: Wire) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    puppet.say(puppet.hello(), Ping(7))
    assert puppet.all_heard(Pong) == [Pong(7)]
    for _ in range(8):
        wire.pass_time(SILENCE_MS_MAX // 2)
        puppet.say(Pong(0))
    assert puppet.closed is None


def test_the_number_of_links_is_bounded(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SESSIONS_MAX", 2)
    a = wire.member(1)
    puppets = [Puppet(wire, number, a) for number in (2, 3, 4)]
    assert [puppet.closed and puppet.closed[0] for puppet in puppets] == [None, None, "full"]
    assert SESSIONS_MAX == 64


def test_a_bad_frame_costs_its_link_and_no_other(wire: Wire) -> None:
    a = wire.member(1)
    good, bad = Puppet(wire, 2, a), Puppet(wire, 3, a)
    good.say(good.hello())
    bad.say(bad.hello())
    bad.send(b"\xc1")
    assert bad.closed is not None
    assert good.closed is None
    bad.say(Ack(1))
    assert wire.told_of(a, CloseLink)[-1].link == bad.link


def test_what_a_hub_is_can_be_read_in_one_line(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    wire.publish(a, wire.network.need(a.key))
    assert repr(a.hub) == f"<Hub {a.key.public.hex()[:8]} <Catalog 4 records through 4> 1 links>"
    assert repr(puppet.session) == f"<Session 1 greeting node {puppet.node.hex()[:8]} sent 0 unacked 0>"


def test_a_hub_that_starts_again_judges_by_todays_time(wire: Wire) -> None:
    a = wire.member(1)
    brief = wire.network.need(a.key, expires=NOW_MS + 2 * 3_600_000)
    wire.publish(a, brief)
    wire.set_clock(a, 60 * 24 * 3_600_000)
    wire.restart(a)
    assert brief.id not in a.hub.catalog.entries
    assert brief.id not in a.disk.numbers


def test_the_link_that_we_dialled_greets_at_once(wire: Wire) -> None:
    a = wire.member(1)
    actions = a.hub.handle(LinkOpened(5, seeded("peer", 32), True, seeded("n", 16)), wire.now)
    assert len(actions) == 1


def test_a_neighbour_that_lets_a_link_go_as_one_too_many_is_not_missed() -> None:
    wire = Wire()
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    puppet.say(puppet.hello())
    link = puppet.link
    puppet.say(Bye("crowded", "this hub has enough neighbours"))
    assert link not in a.hub.state.sessions
    assert link not in a.hub.state.overlay.redundant, "it went as a redundant one"


def test_a_frame_that_cannot_be_read_is_not_kept(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    frame = bytes(70_000)
    gc.disable()
    try:
        before = sys.getrefcount(frame)
        wire.handle(a, FrameReceived(puppet.link, frame))
        assert puppet.closed is not None
        assert sys.getrefcount(frame) == before
    finally:
        gc.enable()
