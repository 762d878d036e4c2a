"""Frames that come together: as if each had come alone, with the work of many records done once."""

from collections.abc import Sequence

import pytest

from hartig_protocol import hub
from hartig_protocol.events import (
    CloseLink,
    Commit,
    FrameReceived,
    FramesReceived,
    PublishAnswered,
    RecordsPublished,
    SendFrame,
)
from hartig_protocol.limits import ACK_AFTER_RECORDS, CHECK_BYTES, RECORDS_PER_FRAME_MAX
from hartig_protocol.records.record import Record
from hartig_protocol.sync import receiving
from hartig_protocol.sync.framing import pack, unpack
from hartig_protocol.sync.messages import (
    BEHIND,
    LIVE,
    Ack,
    Bye,
    Message,
    Ping,
    Pong,
    Records,
    Through,
)
from support.talk import live, opened
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


def together(wire: Wire, puppet: Puppet, *said: Message | bytes) -> list[object]:
    """Let a hub have these frames at once; return the actions that follow."""
    frames = tuple(puppet.framed(one) for one in said)
    return list(puppet.core.hub.handle(FramesReceived(puppet.link, frames), wire.now))


def sent(actions: Sequence[object]) -> list[Message]:
    return [unpack(action.frame) for action in actions if isinstance(action, SendFrame)]


def needs(wire: Wire, puppet: Puppet, count: int) -> list[Record]:
    return [wire.network.need(puppet.hub_key, place=place, nonce=place) for place in range(count)]


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """How many records each of the messages had that were dealt with together, for each such time."""
    seen: list[list[int]] = []
    usual = receiving.several_received

    def noted(state: object, session: object, step: object, messages: Sequence[Records]) -> None:
        seen.append([len(message.records) for message in messages])
        usual(state, session, step, messages)  # type: ignore[arg-type]

    monkeypatch.setattr(receiving, "several_received", noted)
    return seen


def test_records_that_come_together_are_dealt_with_once(wire: Wire, weights: list[list[int]]) -> None:
    puppet = opened(wire, wire.member(1))
    records = needs(wire, puppet, ACK_AFTER_RECORDS)
    before = puppet.session.into.weight
    actions = together(wire, puppet, *(live(record) for record in records))
    (commit,) = [action for action in actions if isinstance(action, Commit)]
    assert [record.id for _, record in commit.added] == [record.id for record in records]
    assert weights == [[1] * ACK_AFTER_RECORDS]
    assert Ack(before + ACK_AFTER_RECORDS) in sent(actions)


def test_the_outcome_is_that_of_frames_that_come_alone(wire: Wire) -> None:
    alone, at_once = opened(wire, wire.member(1)), opened(wire, wire.member(3), 4)
    first = wire.network.need(alone.hub_key, place=1)
    body_less = (first.head_bytes, first.signature, None)
    said = [
        live(first, wire.network.revise(alone.hub_key, first)),
        Records(LIVE, ((*wire.network.need(alone.hub_key, place=2).wire[:2], None),), False),
        Records(LIVE, (wire.network.need(alone.hub_key, place=2).wire,), False),
        Records(BEHIND, (body_less, b"nonsense"), False),
        live(first),
    ]
    for core in (alone.core, at_once.core):
        wire.publish(core, *wire.proofs(2))
    for message in said:
        alone.core.hub.handle(FrameReceived(alone.link, pack(message)), wire.now)
    together(wire, at_once, *said)
    of_author = [
        {one.id for one in core.hub.catalog.entries.values() if one.author == alone.hub_key.public}
        for core in (alone.core, at_once.core)
    ]
    assert of_author[0] == of_author[1]
    assert alone.session.into.refused == at_once.session.into.refused
    assert alone.session.into.weight == at_once.session.into.weight


def test_other_messages_keep_their_place(wire: Wire, weights: list[list[int]]) -> None:
    puppet = opened(wire, wire.member(1))
    a, b, c, d = needs(wire, puppet, 4)
    through = Through(4, bytes(CHECK_BYTES), final=False)
    behind = Records(BEHIND, (d.wire,), False)
    actions = together(wire, puppet, live(a), live(b), Ping(7), through, live(c), behind)
    assert weights == [[1, 1], [1], [1]]
    assert Pong(7) in sent(actions)
    assert [cursor.n for action in actions if isinstance(action, Commit) for cursor in action.cursors] == [4]


def test_no_more_are_dealt_with_at_once_than_one_message_may_hold(wire: Wire, weights: list[list[int]]) -> None:
    puppet = opened(wire, wire.member(1))
    one = wire.network.need(puppet.hub_key).wire
    half = Records(LIVE, (one,) * (RECORDS_PER_FRAME_MAX // 2), False)
    together(wire, puppet, half, half, live())
    assert weights == [[RECORDS_PER_FRAME_MAX // 2] * 2 + [0]]
    weights.clear()
    together(wire, puppet, half, half, half)
    assert weights == [[RECORDS_PER_FRAME_MAX // 2] * 2, [RECORDS_PER_FRAME_MAX // 2]]


def test_what_came_before_a_bad_frame_counts_and_the_link_ends(wire: Wire) -> None:
    puppet = opened(wire, wire.member(1))
    good, late = needs(wire, puppet, 2)
    actions = together(wire, puppet, live(good), b"\xc1", live(late))
    assert good.id in puppet.core.hub.catalog.entries
    assert late.id not in puppet.core.hub.catalog.entries
    assert [action.code for action in actions if isinstance(action, CloseLink)] == ["not_msgpack"]


@pytest.mark.parametrize("behind", [b"\xc1", pack(Ping(1))], ids=["a bad frame", "a good frame"])
def test_nothing_counts_behind_a_farewell(wire: Wire, behind: bytes) -> None:
    puppet = opened(wire, wire.member(1))
    actions = together(wire, puppet, Bye("bye", "we stop"), behind)
    assert [action.code for action in actions if isinstance(action, CloseLink)] == ["bye"]
    assert sent(actions) == []


def test_a_hub_that_has_just_been_removed_is_not_listened_to(wire: Wire) -> None:
    puppet = opened(wire, wire.member(1))
    removed = wire.network.revoke(puppet.hub_key.public)
    actions = together(wire, puppet, live(removed), Ping(7), live(wire.network.need(puppet.hub_key)))
    assert Pong not in {type(message) for message in sent(actions)}
    assert [action.code for action in actions if isinstance(action, CloseLink)] == ["revoked"]


def test_a_published_record_that_was_opened_already_is_not_opened_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = wire.member(1)
    record = wire.network.need(a.key)
    monkeypatch.setattr(hub, "open_record", lambda _wire: pytest.fail("opened again"))
    actions = a.hub.handle(RecordsPublished(9, (record,)), wire.now)
    assert [action.refusals for action in actions if isinstance(action, PublishAnswered)] == [(None,)]
