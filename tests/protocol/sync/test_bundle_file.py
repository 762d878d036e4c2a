"""The bytes of bundles: what is written is read, and what is damaged costs no more than itself."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.encoding import encode
from hartig_protocol.errors import LocalError
from hartig_protocol.limits import BUNDLE_FRAME_BYTES_MAX, BUNDLE_HEADER_BYTES_MAX, BUNDLE_TRIES_MAX
from hartig_protocol.records.keys import PREFIX_BUNDLE_END, PREFIX_BUNDLE_HEADER
from hartig_protocol.records.record import Record, Wire
from hartig_protocol.sync.bundle_file import (
    MAGIC,
    BundleError,
    BundleHeader,
    BundleReader,
    BundleWriter,
    Ending,
)
from support.records import NOW_MS, Network, seeded

NETWORK = Network()
HUB = NETWORK.hub(1)
RECORDS = [*NETWORK.founding(), *(NETWORK.need(HUB, place=place, nonce=place) for place in range(3))]
HEADER = BundleHeader(NETWORK.id, HUB.public, seeded("epoch", 16), 6, seeded("check", 16), 6, NOW_MS, NETWORK.id)


def written(records: list[Record] = RECORDS, header: BundleHeader = HEADER) -> bytes:
    """Return a whole bundle."""
    writer, wires = BundleWriter(HUB, header), [record.wire for record in records]
    return writer.begin() + writer.proofs(wires[:2]) + writer.records(wires) + writer.end()


def frame(letter: bytes, payload: bytes) -> bytes:
    return b"\xc1HB" + letter + len(payload).to_bytes(4, "big") + payload


def sealed(prefix: bytes, fields: Any) -> bytes:
    said = fields if isinstance(fields, bytes) else encode(fields)
    return encode([said, HUB.sign(prefix + said)])


def read(data: bytes, piece: int = 1 << 20, network: bytes | None = NETWORK.id) -> tuple[BundleReader, list[Wire]]:
    """Read a bundle in pieces; return the reader and the records that it gave out."""
    reader = BundleReader(network)
    wires = [wire for start in range(0, len(data), piece) for wire in reader.feed(data[start : start + piece])]
    return reader, [*wires, *reader.finish()]


def frames_of(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each frame begins and ends."""
    at = len(MAGIC)
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        yield at, end
        at = end


BUNDLE = written()
FRAMES = list(frames_of(BUNDLE))
WIRES = [record.wire for record in RECORDS]


# --- What is written is read


@pytest.mark.parametrize("piece", [1, 7, 100, 4096, 1 << 20])
def test_a_bundle_is_read_in_pieces_of_any_size(piece: int) -> None:
    reader, wires = read(BUNDLE, piece)
    assert wires == WIRES
    assert (reader.header, reader.ending, reader.is_whole) == (HEADER, Ending.WHOLE, True)
    assert (reader.damages, reader.bytes_lost, reader.bytes_after, reader.gave_up) == (0, 0, 0, False)


def test_proofs_go_first_and_once() -> None:
    writer = BundleWriter(HUB, HEADER)
    late = NETWORK.revoke(NETWORK.hub(2).public)
    wires = [*WIRES, late.wire]
    data = writer.begin() + writer.proofs([WIRES[0], WIRES[1], late.wire]) + writer.records(wires) + writer.end()
    assert read(data)[1] == [WIRES[0], WIRES[1], late.wire, *WIRES[2:]]
    assert writer.count == len(wires)


def test_a_body_that_has_gone_stays_away() -> None:
    head, signature, _ = WIRES[-1]
    writer = BundleWriter(HUB, HEADER)
    assert read(writer.begin() + writer.records([(head, signature, None)]))[1] == [(head, signature, None)]


def test_an_empty_bundle_is_whole() -> None:
    reader, wires = read(written([]))
    assert (wires, reader.is_whole) == ([], True)


def test_people_and_tools_know_it_by_its_first_line() -> None:
    assert BUNDLE.startswith(b"Hartig bundle 1. To read it on a hub: hartig bundle read FILE\r\n")


def test_a_record_that_stays_at_its_hub_is_never_written() -> None:
    private = NETWORK.need(HUB, audience="hub", place=9)
    with pytest.raises(LocalError, match="never leaves its hub"):
        BundleWriter(HUB, HEADER).records([private.wire])
    with pytest.raises(LocalError, match="never leaves its hub"):
        BundleWriter(HUB, HEADER).proofs([private.wire])


def test_a_hub_signs_no_other_hubs_bundle() -> None:
    with pytest.raises(LocalError):
        BundleWriter(NETWORK.hub(2), HEADER)


def test_both_ends_say_where_they_stand() -> None:
    assert "through 6" in repr(BundleWriter(HUB, HEADER))
    assert "6 records, 0 bytes lost, end whole" in repr(read(BUNDLE)[0])


# --- What is no bundle of this network


def test_any_network_will_do_where_none_is_asked_for() -> None:
    assert read(BUNDLE, network=None)[0].is_whole


@pytest.mark.parametrize("piece", [1, 50, 1 << 20])
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_a_bundle"),
        (b"Har", "not_a_bundle"),
        (b"PK\x03\x04 something else", "not_a_bundle"),
        (MAGIC[:30], "damaged_bundle"),
        (MAGIC, "damaged_bundle"),
        (MAGIC.replace(b"\r\n", b"\n") + BUNDLE[len(MAGIC) :], "damaged_bundle"),
        (BUNDLE.replace(b"bundle 1", b"bundle 2", 1), "version"),
        (MAGIC + frame(b"r", b"\xc0"), "damaged_bundle"),
        (MAGIC + b"\xc1HBh\xff\xff\xff\xff", "damaged_bundle"),
        (MAGIC + frame(b"h", bytes(BUNDLE_HEADER_BYTES_MAX + 1)), "damaged_bundle"),
        (MAGIC + frame(b"h", b"\xc1"), "damaged_bundle"),
        (MAGIC + frame(b"h", encode([1, 2])), "damaged_bundle"),
        (MAGIC + frame(b"h", encode({})), "damaged_bundle"),
        (MAGIC + frame(b"h", encode([b"\xc1", bytes(64)])), "damaged_bundle"),
        (MAGIC + frame(b"h", encode([encode([1]), bytes(64)])), "damaged_bundle"),
        (MAGIC + frame(b"h", encode([encode([1, b"", 5]), bytes(64)])), "damaged_bundle"),
        (MAGIC + frame(b"h", encode([encode({}), bytes(64)])), "damaged_bundle"),
        (MAGIC + frame(b"h", sealed(PREFIX_BUNDLE_END, [1, *vars(HEADER).values()])), "damaged_bundle"),
        (MAGIC + frame(b"h", sealed(PREFIX_BUNDLE_HEADER, [1, b"", HUB.public])), "damaged_bundle"),
        (MAGIC + frame(b"h", sealed(PREFIX_BUNDLE_HEADER, [2, b"", HUB.public, "newer"])), "version"),
        (written(header=replace(HEADER, reader=bytes(16))), "other_network"),
    ],
)
def test_what_is_no_bundle_of_this_network_is_refused_at_once(data: bytes, code: str, piece: int) -> None:
    with pytest.raises(BundleError) as refused:
        read(data, piece)
    assert refused.value.code == code


@pytest.mark.parametrize("at", range(8))
@pytest.mark.parametrize("wrong", [None, -1, b"", True, "text"])
def test_a_header_with_a_wrong_field_is_refused(at: int, wrong: Any) -> None:
    fields = [1, *vars(HEADER).values()]
    fields[at] = wrong
    with pytest.raises(BundleError) as refused:
        read(MAGIC + frame(b"h", sealed(PREFIX_BUNDLE_HEADER, fields)), network=None)
    assert refused.value.code in {"damaged_bundle", "version"}


def test_the_refusal_names_both_networks() -> None:
    with pytest.raises(BundleError, match=f"00000000.*{NETWORK.id.hex()[:8]}"):
        read(written(header=replace(HEADER, reader=bytes(16))))


# --- What is damaged


@pytest.mark.wide
def test_each_byte_changed_costs_one_record_at_most_and_is_said() -> None:
    begin = FRAMES[0][1]
    for at in range(len(BUNDLE)):
        for bits in (0x01, 0x80, 0xFF):
            data = BUNDLE[:at] + bytes([BUNDLE[at] ^ bits]) + BUNDLE[at + 1 :]
            if at < begin:
                with pytest.raises(BundleError):
                    read(data)
                continue
            reader, wires = read(data)
            assert len([wire for wire in wires if wire in WIRES]) >= len(WIRES) - 1, at
            assert not reader.is_whole, at
            in_end = at >= FRAMES[-1][0]
            assert reader.ending is (Ending.MISSING if in_end else Ending.CHANGED), at
            assert set(WIRES) <= set(wires) or reader.bytes_lost or len(wires) == len(WIRES), at


def test_cut_off_anywhere_all_whole_records_before_are_read_and_the_rest_is_counted() -> None:
    for length in range(len(BUNDLE)):
        if length < FRAMES[0][1]:
            with pytest.raises(BundleError):
                read(BUNDLE[:length])
            continue
        reader, wires = read(BUNDLE[:length], 500)
        whole = [end for _, end in FRAMES[1:] if end <= length]
        assert wires == WIRES[: len(whole)], length
        assert reader.ending is Ending.MISSING, length
        assert reader.bytes_lost == length - (whole[-1] if whole else FRAMES[0][1]), length


@pytest.mark.parametrize("length", [0, 1, 20_000, BUNDLE_FRAME_BYTES_MAX, BUNDLE_FRAME_BYTES_MAX + 1, 2**32 - 1])
@pytest.mark.parametrize("piece", [64, 1 << 20])
def test_a_wrong_length_costs_its_own_record_alone(length: int, piece: int) -> None:
    at = FRAMES[2][0] + 4
    reader, wires = read(BUNDLE[:at] + length.to_bytes(4, "big") + BUNDLE[at + 4 :], piece)
    assert wires == [WIRES[0], *WIRES[2:]]
    assert (reader.damages, reader.bytes_lost) == (1, FRAMES[2][1] - FRAMES[2][0])
    assert reader.ending is Ending.CHANGED


def test_a_stretch_of_nothing_is_passed_over_and_counted() -> None:
    (_, first), (second, _) = FRAMES[1], FRAMES[3]
    reader, wires = read(BUNDLE[:first] + bytes(100_000) + BUNDLE[second:], 1000)
    assert wires == [WIRES[0], *WIRES[2:]]
    assert (reader.damages, reader.bytes_lost) == (1, 100_000)


def test_never_more_than_one_frame_is_held() -> None:
    reader = BundleReader()
    reader.feed(BUNDLE[: FRAMES[0][1]])
    for data in (b"\xc1HBr\x00\x00\x40\x00" * 9, bytes(7), b"\xc1HB" * 99, b"\xc1H" * 999):
        for _ in range(99):
            reader.feed(data)
            assert len(reader._buffer) <= BUNDLE_FRAME_BYTES_MAX + 8


def test_a_record_is_missing_although_its_neighbours_are_good() -> None:
    (start, end) = FRAMES[4]
    reader, wires = read(BUNDLE[:start] + BUNDLE[end:])
    assert wires == [*WIRES[:3], *WIRES[4:]]
    assert (reader.ending, reader.damages) == (Ending.CHANGED, 0)


def test_records_behind_a_wrong_end_are_read_too() -> None:
    end = BUNDLE[FRAMES[-1][0] :]
    at = FRAMES[3][0]
    reader, wires = read(BUNDLE[:at] + end + BUNDLE[at:])
    assert wires == WIRES
    assert (reader.ending, reader.bytes_lost) == (Ending.CHANGED, 0)


@pytest.mark.parametrize(
    "end",
    [
        b"\xc1",
        encode([1, bytes(64)]),
        sealed(PREFIX_BUNDLE_HEADER, [6, bytes(32)]),
        sealed(PREFIX_BUNDLE_END, [6]),
        encode([encode([6, bytes(32)]), bytes(64)]),
    ],
)
def test_an_end_that_the_hub_has_not_signed_is_none(end: bytes) -> None:
    reader, wires = read(BUNDLE[: FRAMES[-1][0]] + frame(b"e", end))
    assert wires == WIRES
    assert (reader.ending, reader.bytes_lost) == (Ending.MISSING, len(end) + 8)


def test_a_hub_that_signs_a_wrong_count_is_not_believed() -> None:
    writer = BundleWriter(HUB, HEADER)
    data = writer.begin() + writer.records(WIRES[2:])
    writer.count += 1
    assert read(data + writer.end())[0].ending is Ending.CHANGED


def test_what_stands_behind_the_end_is_not_looked_at() -> None:
    reader, wires = read(BUNDLE + BUNDLE + bytes(1000), 100)
    assert wires == WIRES
    assert (reader.is_whole, reader.bytes_after) == (True, len(BUNDLE) + 1000)


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", encode([b"", b""]), encode([b"", b"", 1]), encode([b"", 1, b""]), encode({}), encode(7)]
)
def test_what_has_not_the_shape_of_a_record_is_passed_over(payload: bytes) -> None:
    at = FRAMES[2][0]
    reader, wires = read(BUNDLE[:at] + frame(b"r", payload) + BUNDLE[at:])
    assert wires == WIRES
    assert reader.bytes_lost == len(payload) + 8


def test_after_too_many_bad_places_a_reader_gives_up_and_counts_the_rest() -> None:
    bad = b"\xc1HBx\x00\x00\x00\x00" * (BUNDLE_TRIES_MAX + 5)
    at = FRAMES[1][0]
    reader, wires = read(BUNDLE[:at] + bad + BUNDLE[at:], 9999)
    assert wires == []
    assert reader.gave_up
    assert reader.bytes_lost == len(bad) + len(BUNDLE) - at


@pytest.mark.wide
@settings(max_examples=150)
@given(st.data())
def test_whatever_comes_a_reader_ends_and_accounts_for_every_byte(data: st.DataObject) -> None:
    noise = st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b"\xc1HB", b"\xc1HBr\x00\x00\x00\x05", b"\xc1HBe\x00\x00", BUNDLE[FRAMES[-1][0] :]]),
        st.sampled_from([BUNDLE[start:end] for start, end in FRAMES]),
        st.builds(
            lambda start, length: BUNDLE[start : start + length], st.integers(0, len(BUNDLE)), st.integers(0, 99)
        ),
    )
    begin = BUNDLE[: FRAMES[0][1]]
    rest = b"".join(data.draw(st.lists(noise, max_size=12)))
    reader, wires = read(begin + rest, data.draw(st.integers(1, 300)))
    assert reader.count == len(wires)
    sizes = sum(8 + len(encode(list(wire))) for wire in wires)
    assert sizes + reader.bytes_lost + reader.bytes_after <= len(rest)
    assert read(begin + rest)[1] == wires, "pieces change nothing"


@settings(max_examples=150)
@given(st.binary(min_size=1, max_size=200), st.integers(0, FRAMES[0][1] - 1))
def test_a_wrong_beginning_is_refused_and_nothing_else_happens(data: bytes, kept: int) -> None:
    if not BUNDLE.startswith(BUNDLE[:kept] + data):
        with pytest.raises(BundleError):
            read(BUNDLE[:kept] + data)


def test_registers_can_be_written_before_the_steps_that_need_them() -> None:
    offer = NETWORK.offer(NETWORK.hub(1))
    step = NETWORK.step(NETWORK.hub(1), offer)
    wires, writer = [step.wire, offer.wire], BundleWriter(HUB, HEADER)
    data = writer.begin() + writer.records(wires, are_steps=False) + writer.records(wires, are_steps=True)
    assert read(data + writer.end())[1] == [offer.wire, step.wire]
