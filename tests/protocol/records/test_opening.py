"""Signing and opening: nothing but what was signed opens, and nothing ever raises anything but `RecordError`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.catalog.entry import Entry, register_of_head
from hartig_protocol.encoding import encode
from hartig_protocol.errors import LocalError, RecordError
from hartig_protocol.records.governance import Charter, is_consented, signing_seats
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.opening import open_record, open_records, sign_record
from hartig_protocol.records.record import Kind, Record, body_hash
from protocol.vector_parts.composing import HEAD_ORDER, Made, pack, seal
from protocol.vector_parts.world import (
    CHARTER,
    HUB,
    NEED_FACTS,
    OTHER_HUB,
    POST_BODY,
    SEAT,
    card,
    consent,
    grant,
    post,
    post_fields,
    revoke,
    step,
)
from support.records import Network

SAMPLES: dict[str, Made] = {
    "charter": CHARTER,
    "grant": grant(SEAT, HUB, 0, recovery=consent(HUB)),
    "revoke": revoke(SEAT, HUB),
    "card": card(),
    "need": post(facts=NEED_FACTS),
    "offer": post(kind=17, facts={"level": "some"}),
    "step": step(post(), 1, None),
    "ended grant": grant(SEAT, HUB, 0, ends=True),
    "ended card": seal(card().fields | {"facts": {"ends": True}, "body_hash": None}, [HUB]),
}
HUB_KEY = SigningKey(HUB.seed)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.binary(max_size=40)
    | st.text(max_size=9)
)
hashable = st.none() | st.booleans() | st.integers(-9, 9) | st.binary(max_size=3) | st.text(max_size=3)
garbage = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hashable, inner, max_size=4), max_leaves=12
)


def _open_or_refuse(wire: Any, *, verify_signature: bool = True) -> Record | None:
    try:
        return open_record(wire, verify_signature=verify_signature)
    except RecordError as error:
        refusal = error
    assert refusal.code
    assert str(refusal)
    return None


@settings(deadline=None)
@given(garbage)
def test_garbage_in_place_of_a_record_is_refused(wire: Any) -> None:
    assert _open_or_refuse(wire) is None


@settings(deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=70), st.none() | st.binary(max_size=300))
def test_random_bytes_are_refused(head: bytes, signature: bytes, body: bytes | None) -> None:
    assert _open_or_refuse([head, signature, body]) is None


@settings(deadline=None)
@given(garbage, garbage)
def test_random_msgpack_as_head_and_body_is_refused(head: Any, body: Any) -> None:
    assert _open_or_refuse([_packed(head), bytes(64), _packed(body)], verify_signature=False) is None


def _packed(value: Any) -> bytes:
    return bytes(msgpack.packb(value, use_bin_type=True))


@pytest.mark.wide
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_what_opens_can_be_read_by_whoever_comes_after(name: str, data: st.DataObject) -> None:
    """A field, a fact or a body key replaced by anything: refused, or safe for every reader of its fields."""
    made = SAMPLES[name]
    fields = dict(made.fields)
    if data.draw(st.booleans()) and fields["facts"]:
        fact = data.draw(st.sampled_from(sorted(fields["facts"])))
        fields["facts"] = fields["facts"] | {fact: data.draw(garbage)}
    else:
        fields[data.draw(st.sampled_from(HEAD_ORDER))] = data.draw(garbage)
    head = _packed([fields[field] for field in HEAD_ORDER])
    record = _open_or_refuse([head, bytes(64), made.wire[2]], verify_signature=False)
    if record is not None:
        _read_all(record)


def _read_all(record: Record) -> None:
    head = record.head
    assert Entry.of(record, 1, bytes(16)).order
    register_of_head(head)
    if head.kind == Kind.CHARTER:
        assert Charter.of(head).seats
        assert all(type(key) is bytes for key in head.facts["signers"])
        signing_seats(open_record(CHARTER.wire).head, head)
    if head.kind == Kind.REVOKE:
        is_consented(head)
    if head.kind == Kind.CARD:
        assert all(type(node) is bytes for node in head.facts.get("nodes", ()))


@pytest.mark.wide
@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["title", "text", "requires", "source", "name", "about", "hours"]), garbage))
def test_a_body_of_garbage_is_refused_or_read(body: dict[str, Any]) -> None:
    for fields in (post_fields(), card().fields):
        made = seal({name: value for name, value in fields.items() if name != "body_hash"}, [HUB], _packed(body))
        record = _open_or_refuse(made.wire)
        assert record is None or record.body == body


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_what_was_signed_opens_to_the_same(name: str) -> None:
    made = SAMPLES[name]
    record = open_record(made.wire)
    keys = [SigningKey(SEAT.seed)] if name in {"charter", "grant", "revoke", "ended grant"} else [HUB_KEY]
    again = sign_record(record.head, record.body_bytes, keys)
    assert again == record
    assert again.wire == made.wire
    assert again.id == made.id


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_changed_bit_anywhere_is_refused(name: str) -> None:
    head, signature, body = SAMPLES[name].wire
    for part, data in enumerate((head, signature, body or b"")):
        for at in range(len(data)):
            changed = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
            wire = [head, signature, body]
            wire[part] = changed
            with pytest.raises(RecordError):
                open_record(wire)


@pytest.mark.parametrize("name", ["card", "need", "offer"])
def test_a_body_can_go_and_the_head_still_verifies(name: str) -> None:
    record = open_record(SAMPLES[name].wire)
    bare = open_record(record.without_body().wire)
    assert bare == record.without_body()
    assert (bare.id, bare.lacks_body, bare.body) == (record.id, True, None)
    assert not record.lacks_body


def test_a_wire_form_may_be_a_list_or_a_tuple() -> None:
    wire = post().wire
    assert open_record(list(wire)) == open_record(wire)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (None, "bad_record"),
        ([], "bad_record"),
        ([b"", b""], "bad_record"),
        ({0: b"", 1: b"", 2: b""}, "bad_record"),
        ([b"", "signature", None], "bad_record"),
        (["head", b"", None], "bad_record"),
        ([b"", b"", "body"], "bad_record"),
        ([b"", b"", None], "not_msgpack"),
        ([b"\x90", b"", None], "bad_head"),
        ([b"\x80", b"", None], "bad_head"),
        ([bytes(2049), b"", None], "too_large"),
        ([post().wire[0], b"", None], "bad_signature"),
        ([post().wire[0], post().wire[1], b"\x80"], "bad_body"),
    ],
)
def test_each_kind_of_damage_has_its_code(wire: Any, code: str) -> None:
    with pytest.raises(RecordError) as raised:
        open_record(wire)
    assert raised.value.code == code


def test_what_our_own_store_holds_is_not_verified_again() -> None:
    head, _, body = post().wire
    assert open_record((head, bytes(64), body), verify_signature=False).id == post().id


def test_half_a_character_is_our_own_mistake_and_cannot_be_signed() -> None:
    with pytest.raises(LocalError, match="no valid UTF-8"):
        encode({"title": {"en": "\ud800"}})


def test_a_map_key_that_is_a_thousand_lists_deep_is_refused_without_being_shown() -> None:
    """Its repr alone would exhaust the stack of a daemon that is already some frames deep."""
    body = b"\x81" + b"\x91" * 1000 + b"\xc0\xc0"
    made = seal({name: value for name, value in post_fields().items() if name != "body_hash"}, [HUB], body)
    with pytest.raises(RecordError, match="map key of type list") as raised:
        open_record(made.wire)
    assert raised.value.code == "not_strict"


def test_nothing_malformed_can_be_signed() -> None:
    head = open_record(post().wire).head
    with pytest.raises(RecordError, match=r"^seq: "):
        sign_record(replace(head, seq=0), post().wire[2], [HUB_KEY])


def test_nothing_can_be_signed_with_somebody_elses_key() -> None:
    record = open_record(post().wire)
    with pytest.raises(RecordError, match="does not verify"):
        sign_record(record.head, record.body_bytes, [SigningKey(OTHER_HUB.seed)])


def test_a_record_is_signed_together_with_its_body() -> None:
    with pytest.raises(LocalError, match="together with its body"):
        sign_record(open_record(post().wire).head, None, [HUB_KEY])


def test_a_head_may_name_its_kind_by_the_enumeration() -> None:
    record = open_record(post().wire)
    assert sign_record(replace(record.head, kind=Kind.NEED), record.body_bytes, [HUB_KEY]).id == record.id


def test_a_draft_is_signed_from_its_parts() -> None:
    body = encode(POST_BODY)
    head = replace(open_record(post().wire).head, body_hash=body_hash(body), seq=2)
    assert sign_record(head, body, [HUB_KEY]).body == POST_BODY


def _with_seats(count: int) -> Callable[[], Made]:
    return lambda: seal(
        CHARTER.fields | {"facts": CHARTER.fields["facts"] | {"seats": [[SEAT.public, bytes(32)]] * count}}, [SEAT]
    )


def test_a_charter_with_thirteen_seats_is_refused_before_its_keys_are_looked_at() -> None:
    with pytest.raises(RecordError, match=r"^facts\.seats: must be a list of at most 12"):
        open_record(_with_seats(13)().wire)


def test_a_head_of_two_kilobytes_opens_and_one_byte_more_does_not() -> None:
    def padded(count: int) -> Made:
        return seal(post_fields(facts={"zz": bytes(count)}), [HUB], POST_BODY)

    spare = 2048 - len(padded(300).wire[0])
    assert len(open_record(padded(300 + spare).wire).head_bytes) == 2048
    with pytest.raises(RecordError) as raised:
        open_record(padded(301 + spare).wire)
    assert raised.value.code == "too_large"
    assert pack([]) == b"\x90"


def test_of_many_the_good_ones_are_opened_in_their_order_and_the_bad_ones_counted() -> None:
    network = Network()
    first, second = (network.need(network.hub(1), place=place) for place in (5, 6))
    forged = (first.head_bytes, second.signature, first.body_bytes)
    wires = [(second.id, second.wire), (None, 7), (first.id, forged), (first.id, list(first.wire))]
    assert open_records(wires) == ([second, first], 2)
