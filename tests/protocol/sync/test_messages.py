"""One table of messages, both directions, whole and byte by byte; and whatever else a peer may send (SPEC, part M)."""

from contextlib import suppress
from dataclasses import fields

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.encoding import decode, encode
from hartig_protocol.errors import LocalError, MessageError
from hartig_protocol.events import FrameReceived
from hartig_protocol.limits import (
    FRAME_BYTES_MAX,
    HELLO_RECORDS_MAX,
    IDS_PER_FRAME_MAX,
    LACKS_PER_FRAME_MAX,
    PULLS_PER_FRAME_MAX,
    RECENT_AGES,
    RECORDS_PER_FRAME_MAX,
    SHORT_PER_FRAME_MAX,
    SKETCH_ID_BYTES,
    SYMBOL_BYTES_PER_FRAME_MAX,
    VERSION_HIGHEST,
    VERSION_LOWEST,
    WANTS_PER_FRAME_MAX,
)
from hartig_protocol.sync import framing
from hartig_protocol.sync.framing import TABLE, check_versions, pack, unpack
from hartig_protocol.sync.messages import (
    Abroad,
    Ack,
    Admit,
    Audit,
    Bye,
    Enclosed,
    Equal,
    Have,
    Hello,
    Ids,
    Join,
    Lack,
    List,
    Message,
    More,
    Ping,
    Pong,
    Prefer,
    Pull,
    Recent,
    Records,
    Sketch,
    Through,
    Want,
)
from support.records import Network, seeded
from support.wire import Puppet, Wire

K, N, C, S = seeded("key", 32), seeded("network", 16), seeded("check", 16), seeded("signature", 64)
WIRE = list(Network().charter.wire)

EXAMPLES: list[Message] = [
    Hello(1, 1, N, K, K, C, K, (WIRE,), C, (C, 5, C), K, 9, True, 3, True, False),
    Hello(1, 1, N, K, K, C, K, (), C, None, None, 0, False, 0, False, True),
    Join(1, 1, N, K, K, C, K, (K, S), S, ()),
    Join(1, 1, N, K, K, b"", K, None, S, (WIRE,)),
    Admit((WIRE, WIRE)),
    Records(0, (WIRE,), True),
    Ack(3),
    Want((K, K)),
    Audit(3_600_000, True, 3_600_000, 7, C),
    Equal(3_600_000),
    Ids(3_600_000, (K,), False),
    Ping(1),
    Pong(1),
    Bye("code", "reason"),
    Through(7, C, True),
    Have(bytes(24), False),
    Pull(bytes(16)),
    Prefer(bytes(8), False),
    Sketch(3_600_000, 7, 12, b"symbols"),
    More(3_600_000, 40, b""),
    More(3_600_000, 40, bytes(RECENT_AGES * SKETCH_ID_BYTES)),
    Recent(3_600_000, RECENT_AGES - 1, seeded("two short ids", 12), True),
    List(3_600_000),
    Lack(3_600_000, bytes(6), True),
    Enclosed(N, 7, b"a frame"),
    Enclosed(N, 0, b""),
    Abroad(1, 1, N, C, K, K, K, (WIRE, WIRE), None),
    Abroad(1, 1, N, C, K, K, K, (), tuple(WIRE)),
]
names = [type(message).__name__ for message in EXAMPLES]
WRONG = [-1, 1.5, True, None, b"", b"short", bytes(65), "text" * 100, [], [1], [[b"x"]] * 600, {}, {"a": 1}, 2**53 - 1]


def refused(frame: bytes) -> str:
    with pytest.raises(MessageError) as caught:
        unpack(frame)
    return caught.value.code


@pytest.mark.parametrize("message", EXAMPLES, ids=names)
def test_a_message_comes_out_as_it_went_in(message: Message) -> None:
    assert unpack(pack(message)) == message


def test_every_message_of_the_table_has_an_example() -> None:
    assert {type(message) for message in EXAMPLES} == {cls for cls, _ in TABLE.values()}
    assert all(len(fields(cls)) == len(checks) for cls, checks in TABLE.values())


@pytest.mark.parametrize("message", EXAMPLES, ids=names)
def test_every_field_wrong_in_turn_is_refused_or_fits_its_type(message: Message) -> None:
    items = decode(pack(message), FRAME_BYTES_MAX)
    for at in range(1, len(items)):
        refusals = 0
        for wrong in WRONG:
            try:
                frame = encode([*items[:at], wrong, *items[at + 1 :]])
            except LocalError:  # a value that we cannot even write
                continue
            try:
                assert type(getattr(unpack(frame), fields(message)[at - 1].name)) in (type(wrong), tuple)
            except MessageError:
                refusals += 1
        assert refusals >= 5, f"field {at}"


@pytest.mark.parametrize("message", EXAMPLES, ids=names)
def test_a_message_cut_short_or_with_more_behind_is_refused(message: Message) -> None:
    frame = pack(message)
    for end in range(len(frame)):
        refused(frame[:end])
    refused(frame + b"\x00")
    items = decode(frame, FRAME_BYTES_MAX)
    assert refused(encode(items[:-1])) == "bad_message"
    assert refused(encode([*items, 0])) == "bad_message"


@pytest.mark.parametrize("items", [[], 5, {}, "x", [0], [21], [True, 1], [None], ["1"], [2**40]], ids=repr)
def test_what_is_no_message_is_refused(items: object) -> None:
    assert refused(encode(items)) == "bad_message"


@pytest.mark.parametrize(
    "message",
    [
        Hello(1, 1, N, K, K, C, K, (WIRE,) * (HELLO_RECORDS_MAX + 1), C, None, None, 0, True, 0, True, True),
        Admit((None,) * (HELLO_RECORDS_MAX + 1)),
        Records(0, (None,) * (RECORDS_PER_FRAME_MAX + 1), True),
        Want((K,) * (WANTS_PER_FRAME_MAX + 1)),
        Ids(0, (K,) * (IDS_PER_FRAME_MAX + 1), True),
        Records(3, (), True),
        Bye("c", "水" * 81),
        Have(bytes(8 * SHORT_PER_FRAME_MAX + 8), False),
        Have(bytes(9), False),
        Pull(bytes(8 * PULLS_PER_FRAME_MAX + 8)),
        Prefer(bytes(7), True),
        Lack(0, bytes(6 * LACKS_PER_FRAME_MAX + 6), True),
        Lack(0, bytes(8), True),
        Sketch(0, 0, 0, bytes(SYMBOL_BYTES_PER_FRAME_MAX + 1)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_lists_texts_and_reasons_are_bounded(message: Message) -> None:
    assert refused(pack(message)) == "bad_message"


@pytest.mark.parametrize("item", [1.5, 2**53, -1, [], {"a": 1}, msgpack.ExtType(5, b"x")], ids=repr)
def test_what_is_not_strict_is_named_so_also_where_every_part_is_held_to_a_type(item: object) -> None:
    code = "bad_message" if item in (-1, [], {"a": 1}) else "not_strict"
    assert refused(msgpack.packb([framing.NUMBERS[Ack], item])) == code


def test_an_oversized_frame_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object, **_more: object) -> None:
        pytest.fail("an oversized frame was decoded")

    monkeypatch.setattr("hartig_protocol.encoding.msgpack.unpackb", never)
    assert refused(bytes(FRAME_BYTES_MAX + 1)) == "too_large"


def test_versions_meet_where_they_overlap() -> None:
    check_versions(VERSION_LOWEST, VERSION_HIGHEST + 5)
    check_versions(0, VERSION_HIGHEST)


@pytest.fixture(scope="module")
def puppet() -> Puppet:
    wire = Wire()
    one = Puppet(wire, 2, wire.member(1))
    one.say(one.hello())
    return one


mutations = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EXAMPLES), mutations, st.integers(0, 40))
def test_a_mutated_frame_is_a_message_or_a_message_error(
    message: Message, changes: list[tuple[int, int]], cut: int
) -> None:
    frame = bytearray(pack(message))
    for at, value in changes:
        frame[at % len(frame)] = value
    with suppress(MessageError):
        assert type(unpack(bytes(frame[: len(frame) - cut]))) in framing.NUMBERS


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_a_message_or_a_message_error(noise: bytes) -> None:
    with suppress(MessageError):
        assert type(unpack(noise)) in framing.NUMBERS


@pytest.mark.wide
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_nothing_that_a_member_sends_raises_in_the_core(data: st.DataObject) -> None:
    wire = Wire()
    puppet = Puppet(wire, 2, wire.member(1))
    puppet.say(puppet.hello())
    need = wire.network.need(puppet.hub_key)
    frame = bytearray(pack(data.draw(st.sampled_from([*EXAMPLES, Records(0, (need.wire,), True)]))))
    for at, value in data.draw(mutations):
        frame[at % len(frame)] = value
    wire.handle(puppet.core, FrameReceived(puppet.link, bytes(frame)))
    wire.deliver()
