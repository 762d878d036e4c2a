"""The check of a link: a frame that was lost, doubled, changed or came out of turn moves no cursor (SPEC M5)."""

from typing import Any
from zlib import crc32

import pytest

from hartig_protocol.events import CloseLink, FrameReceived, FramesReceived, SendFrame
from hartig_protocol.limits import HOUR_MS
from hartig_protocol.sync.framing import TABLE, pack, unpack
from hartig_protocol.sync.messages import (
    ANSWER,
    Audit,
    Bye,
    Checked,
    Equal,
    Lack,
    Message,
    Ping,
    Pong,
    Pull,
    Through,
    Want,
)
from support.auditing import assert_closed
from support.cores import Core
from support.records import seeded
from support.talk import CHECK, cursors, have, live, meet, needs, opened, stream
from support.wire import Puppet, Wire

HOUR = HOUR_MS
CHECKED: list[Message] = [
    Want((seeded("id", 32),)),
    Audit(HOUR, True, HOUR, 7, CHECK),
    Equal(HOUR),
    Through(9, CHECK, final=True),
    Pull(bytes(8)),
    Lack(HOUR, b"", final=True),
]
each_checked = pytest.mark.parametrize("message", CHECKED, ids=lambda message: type(message).__name__)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def arrive(puppet: Puppet, *frames: bytes) -> None:
    """Let frames come as they are, whatever was said before."""
    for frame in frames:
        puppet.wire.handle(puppet.core, FrameReceived(puppet.link, frame))
    puppet.wire.deliver()


def sent_on(wire: Wire, core: Core, link: int) -> list[bytes]:
    return [frame for sender, at, frame in wire.sent if (sender, at) == (core, link)]


def checks_are_right(frames: list[bytes]) -> bool:
    said = 0
    for frame in frames:
        if getattr(unpack(frame), "said", said) != said:
            return False
        said = crc32(frame, said)
    return True


# --- What we say


def test_the_messages_with_a_check_are_those_of_the_table() -> None:
    with_check = {cls for cls, _ in TABLE.values() if hasattr(cls, "said")}
    assert with_check == {type(message) for message in CHECKED}
    assert all(isinstance(message, Checked) for message in CHECKED)


@each_checked
def test_a_check_travels_and_says_nothing_new(message: Any) -> None:
    items = [getattr(message, name) for name in type(message).__dataclass_fields__ if name != "said"]
    other = type(message)(*items, said=2**32 - 1)
    assert other == message
    assert unpack(pack(other)).said == 2**32 - 1  # type: ignore[union-attr]


def test_two_hubs_say_right_checks_while_they_meet_publish_and_audit(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.publish(a, *needs(wire, a, 30))
    link = meet(wire, a, b)
    wire.publish(b, *needs(wire, b, 5))
    wire.pass_time(400_000)
    for core in (a, b):
        frames = sent_on(wire, core, link)
        assert {Through, Audit if core is a else Equal} <= {type(unpack(frame)) for frame in frames}
        assert checks_are_right(frames)


def test_a_frame_that_goes_to_several_counts_on_the_link_of_each(wire: Wire) -> None:
    a = wire.member(1)
    one, other = opened(wire, a, 2), opened(wire, a, 3)
    other.say(Ping(1))  # so that the two links differ
    wire.publish(a, *needs(wire, a, 2))
    wire.pass_time(2_000)
    frames = [sent_on(wire, a, puppet.link) for puppet in (one, other)]
    assert len(set(frames[0]) & set(frames[1])) > 0
    assert all(checks_are_right(part) and type(unpack(part[-1])) is Through for part in frames)


# --- What we hear


@each_checked
def test_a_lost_frame_ends_the_link_at_the_next_check(wire: Wire, message: Message) -> None:
    puppet = opened(wire, wire.member(1))
    puppet.framed(Pong(0))  # never comes
    puppet.say(message)
    assert_closed(puppet, "broken_stream")
    assert isinstance(puppet.heard[-1], Bye)


def test_a_doubled_frame_ends_the_link_at_the_next_check(wire: Wire) -> None:
    puppet = opened(wire, wire.member(1))
    frame = puppet.framed(Ping(1))
    arrive(puppet, frame, frame)
    puppet.say(Through(9, CHECK, final=True))
    assert_closed(puppet, "broken_stream")


def test_a_doubled_question_ends_the_link_at_once(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    frame = puppet.framed(Want((a.hub.state.catalog.newest_of[a.key.public],)))
    arrive(puppet, frame, frame)
    assert_closed(puppet, "broken_stream")


def test_what_came_too_late_for_its_check_ends_the_link(wire: Wire) -> None:
    puppet = opened(wire, wire.member(1))
    record = puppet.framed(live(wire.network.need(puppet.hub_key)))
    through = puppet.framed(Through(9, CHECK, final=True))
    arrive(puppet, through, record)
    assert_closed(puppet, "broken_stream")
    assert cursors(wire, puppet.core) == []


def test_what_came_before_counts_and_the_cursor_stays(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    lost, kept = (wire.network.need(puppet.hub_key, place=place, nonce=place) for place in (1, 2))
    puppet.framed(live(lost))
    frames = tuple(puppet.framed(one) for one in (live(kept), Through(9, CHECK, final=True), live(lost)))
    actions = a.hub.handle(FramesReceived(puppet.link, frames), wire.now)
    assert [action.code for action in actions if isinstance(action, CloseLink)] == ["broken_stream"]
    assert [type(unpack(action.frame)) for action in actions if isinstance(action, SendFrame)] == [Bye]
    assert kept.id in a.hub.catalog.entries
    assert lost.id not in a.hub.catalog.entries
    assert a.hub.state.cursors.ours(puppet.hub_key.public) is None


def test_a_new_link_begins_anew_and_brings_what_was_lost(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    link = meet(wire, a, b)
    (need,) = needs(wire, a, 1)
    wire.publish(a, need)
    wire.queue.popleft()  # the record, on its way to b
    wire.pass_time(10_000)
    assert need.id not in b.ids
    assert [action.code for action in wire.told_of(b, CloseLink)] == ["broken_stream"]
    assert (b, link) not in wire.ends
    meet(wire, a, b)
    assert need.id in b.ids


# --- What was named, and left out of the answer


def test_what_an_answer_has_left_out_is_missing_until_the_next_complete_through(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(stream(through=1))
    puppet.say(have(wire.network.need(puppet.hub_key)), stream(through=7))
    wire.pass_time(1_000)
    assert len(puppet.all_heard(Pull)) == 1
    puppet.say(stream(why=ANSWER))
    assert [cursor.n for cursor in cursors(wire, a)] == [1]
    puppet.say(stream(through=8))
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 8]


def test_an_answer_that_was_lost_moves_no_cursor(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(stream(through=1))
    need = wire.network.need(puppet.hub_key)
    puppet.say(have(need), stream(through=7))
    wire.pass_time(1_000)
    puppet.framed(stream(need, why=ANSWER, final=False)[0])  # the first part, which never comes
    puppet.say(stream(why=ANSWER), stream(through=8))
    assert_closed(puppet, "broken_stream")
    assert [cursor.n for cursor in cursors(wire, a)] == [1]
