"""The sketch: any two sets are told apart exactly, in slices, and what a liar sends ends (SPEC F5 to F8)."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal, localcontext
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.errors import MessageError
from hartig_protocol.limits import SYMBOL_BYTES_PER_FRAME_MAX
from hartig_protocol.sync import sketch_coding, sketch_decoding
from hartig_protocol.sync.sketch import (
    CHECK_MASK,
    COUNT_BITS,
    FIRST_FLIGHT,
    FIRST_FLIGHT_MAX,
    SKETCH_SYMBOLS_MAX,
    SYMBOL_BYTES,
    SYMBOLS_PER_FRAME_MAX,
    TALLY_BYTES,
    TALLY_LEVELS,
    density,
    first_flight,
    indices_below,
    item_of,
    join_shorts,
    pack_symbols,
    short_id,
    sketch_key,
    split_shorts,
    symbols_worth,
    tally_part,
    tally_place,
    unpack_symbols,
)
from hartig_protocol.sync.sketch_coding import IDS_PER_SLICE, Encoder, SlicedJob, sliced
from hartig_protocol.sync.sketch_decoding import ITEMS_PER_SLICE, Decoder
from support.records import seeded

KEY = bytes(range(16))


def ids(count: int, name: str = "") -> list[bytes]:
    return sorted(seeded(f"{name} {number}", 32) for number in range(count))


def encoder(own: Sequence[bytes], key: bytes = KEY) -> Encoder:
    return Encoder([b"".join(sorted(own))], key)


def run(job: SlicedJob) -> int:
    """Run a job to its end; return how many slices it took."""
    slices = 1
    while not job.step():
        slices += 1
    return slices


def flight(coder: Encoder, first: int, upto: int) -> bytes:
    parts: list[bytes] = []
    run(coder.flight(first, upto, parts))
    return b"".join(parts)


def shorts(own: Sequence[bytes]) -> set[int]:
    return {short_id(KEY, one) for one in own}


def reconciled(ours: Sequence[bytes], theirs: Sequence[bytes], their_key: bytes = KEY) -> Decoder:
    """Decode flight by flight, as an audit does, until it is done, broken or no longer worth it."""
    there = encoder(theirs, their_key)
    decoder = Decoder(encoder(ours), len(ours), len(theirs))
    upto = first_flight(len(ours), len(theirs))
    while True:
        decoder.add(flight(there, decoder.received, upto))
        run(decoder.decode())
        upto = decoder.needed()
        if decoder.is_done or decoder.is_broken or upto > symbols_worth(len(theirs) + 1000):
            return decoder


# --- Any two sets


@given(st.sets(st.integers(0, 90)), st.sets(st.integers(0, 90)))
def test_any_two_sets_are_told_apart_exactly(mine: set[int], other: set[int]) -> None:
    ours, theirs = ([seeded(number, 32) for number in sorted(one)] for one in (mine, other))
    decoder = reconciled(ours, theirs)
    assert decoder.is_done
    assert set(decoder.theirs) == shorts(theirs) - shorts(ours)
    assert set(decoder.ours) == shorts(ours) - shorts(theirs)


@pytest.mark.parametrize(("only_ours", "only_theirs"), [(0, 300), (300, 0), (170, 130), (1, 1)])
def test_differences_of_every_shape_cost_few_symbols(only_ours: int, only_theirs: int) -> None:
    both = ids(800, "both")
    ours, theirs = both + ids(only_ours, "ours"), both + ids(only_theirs, "theirs")
    decoder = reconciled(ours, theirs)
    assert decoder.is_done
    assert (len(decoder.ours), len(decoder.theirs)) == (only_ours, only_theirs)
    assert decoder.received <= max(FIRST_FLIGHT, 2.6 * (only_ours + only_theirs))


def test_the_order_of_ids_and_the_buckets_do_not_matter() -> None:
    own = ids(300)
    shuffled = own.copy()
    Random(1).shuffle(shuffled)
    whole = flight(encoder(own), 0, 40)
    assert flight(Encoder(shuffled, KEY), 0, 40) == whole
    assert flight(Encoder([b"".join(shuffled[:7]), b"", b"".join(shuffled[7:])], KEY), 0, 40) == whole


def test_the_first_symbols_do_not_depend_on_how_many_follow() -> None:
    own = ids(700)
    whole = flight(encoder(own), 0, 300)
    grown = encoder(own)
    in_parts = flight(grown, 0, 12) + flight(grown, 12, 13) + flight(grown, 13, 300)
    assert in_parts == whole
    assert flight(encoder(own), 0, 12) == whole[: TALLY_BYTES + 12 * SYMBOL_BYTES]


def test_under_another_key_nothing_is_the_same() -> None:
    own = ids(200)
    decoder = reconciled(own, own, their_key=bytes(16))
    assert not set(decoder.theirs) & shorts(own)
    assert not decoder.is_done or len(decoder.ours) == len(own)


def test_the_key_depends_on_both_nonces_and_who_dialled() -> None:
    assert len({sketch_key(a, b) for a in (b"1" * 16, b"2" * 16) for b in (b"1" * 16, b"2" * 16)}) == 4


def test_equal_sets_decode_to_nothing() -> None:
    own = ids(50)
    decoder = reconciled(own, own)
    assert (decoder.is_done, decoder.ours, decoder.theirs) == (True, {}, {})
    assert repr(decoder) == "<Decoder 16 symbols 0 theirs 0 ours>"


def test_an_empty_set_is_a_set() -> None:
    decoder = reconciled([], ids(30))
    assert set(decoder.theirs) == shorts(ids(30))
    assert repr(encoder([])) == "<Encoder 0 ids 0 symbols>"


# --- The arithmetic, as the SPEC gives it


def test_a_short_id_goes_to_the_first_symbol_and_to_ever_fewer() -> None:
    counts = [0] * 200
    for number in range(2000):
        places = indices_below(int.from_bytes(seeded(number, 6), "big"), 200)
        assert places[0] == 0
        assert places == sorted(set(places))
        for place in places:
            counts[place] += 1
    assert counts[0] == 2000
    for index in (1, 10, 100):
        assert abs(counts[index] - 2000 * density(index)) < 5 * (2000 * density(index)) ** 0.5


def test_places_are_the_same_on_every_machine() -> None:
    assert indices_below(0, 200) == [0, 1, 2, 3, 6, 11, 19, 44, 116, 122]
    assert indices_below(0x0123456789AB, 200) == [0, 1, 2, 5, 14, 21, 32, 50, 70, 197]
    assert indices_below(2**48 - 1, 10**6)[-3:] == [292290, 455366, 462326]


def test_doubles_give_the_places_that_exact_arithmetic_gives() -> None:
    with localcontext() as context:
        context.prec = 60
        for number in range(60):
            short = int.from_bytes(seeded(number, 6), "big")
            assert indices_below(short, 100_000) == exact_indices(short, 100_000)


def exact_indices(short: int, upto: int) -> list[int]:
    """The places of a short id in decimal arithmetic of 60 digits."""
    index, state, indices = 0, short << 16 | 1, []
    while index < upto:
        indices.append(index)
        state = state * 0xDA942042E4DD58B5 % 2**64
        drawn = Decimal(state >> 32) + Decimal("0.5")
        gap = (Decimal(index) + Decimal("1.5")) * (65536 / drawn.sqrt() - 1)
        index += int(gap.to_integral_value(ROUND_CEILING))
    return indices


def test_the_check_of_a_sum_is_not_the_sum_of_the_checks() -> None:
    pairs = [(int.from_bytes(seeded(n, 6), "big"), int.from_bytes(seeded(-n, 6), "big")) for n in range(1, 200)]
    for one, other in pairs:
        summed = item_of(one) + item_of(other)
        assert item_of(summed >> 24) & CHECK_MASK != summed & CHECK_MASK


def test_the_tally_counts_each_id_once() -> None:
    assert tally_place(0) == (TALLY_LEVELS - 1, 0)
    assert tally_place(1) == (0, 0)
    assert tally_place(0b11 << 46 | 0b1000) == (1, 48)
    assert tally_place(1 << 40) == (TALLY_LEVELS - 1, 0)
    assert sum(tally_part(level) for level in range(TALLY_LEVELS)) == 1


def test_symbols_travel_as_ten_bytes() -> None:
    symbols = [0, 1, (7 << 24 | 9) << COUNT_BITS | 258, (1 << 200) + 1]
    packed = pack_symbols(symbols)
    assert len(packed) == 4 * SYMBOL_BYTES
    assert packed[20:30] == bytes(5) + b"\x07" + b"\x00\x00\x09" + b"\x02"
    assert pack_symbols(list(unpack_symbols(packed))) == packed
    assert SYMBOLS_PER_FRAME_MAX * SYMBOL_BYTES + TALLY_BYTES <= SYMBOL_BYTES_PER_FRAME_MAX


def test_short_ids_travel_joined() -> None:
    joined = join_shorts([1, 2**48 - 1])
    assert joined == bytes(5) + b"\x01" + b"\xff" * 6
    assert list(split_shorts(joined)) == [1, 2**48 - 1]
    assert short_id(KEY, bytes(32)) == encoder([]).short_of(bytes(32)) < 2**48


def test_flights_grow_with_the_difference_of_counts_and_never_cost_more_than_part_of_a_list() -> None:
    assert first_flight(1000, 1000) == FIRST_FLIGHT
    assert first_flight(980, 1000) == first_flight(1020, 1000) == FIRST_FLIGHT // 2 + 30
    assert first_flight(0, 100) == symbols_worth(100) == 113
    assert first_flight(10**15, 3) == FIRST_FLIGHT
    assert first_flight(0, 10**15) == FIRST_FLIGHT_MAX
    assert symbols_worth(10**15) == SKETCH_SYMBOLS_MAX


def test_ids_are_found_by_their_short_ids() -> None:
    own = ids(300)
    coder = Encoder([b"".join(own[:100]), b"", b"".join(own[100:])], KEY)
    run(coder.extend(1))
    assert coder.find(shorts(own[95:105])) == own[95:105]
    assert coder.find({0: None}) == []
    assert len(coder) == 300


# --- In slices


def test_short_stretches_are_one_slice() -> None:
    parts: list[bytes] = []
    assert run(encoder(ids(20)).flight(0, 25, parts)) == 1
    decoder = Decoder(encoder([]), 0, 20)
    decoder.add(b"".join(parts))
    assert run(decoder.decode()) == 1
    assert run(encoder(ids(IDS_PER_SLICE)).flight(0, 25, [])) == 2


def test_no_slice_takes_more_than_its_share_of_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = Encoder._add

    def counted(self: Encoder, positions: Sequence[int], upto: int) -> None:
        seen.append(len(positions))
        real(self, positions, upto)

    monkeypatch.setattr(Encoder, "_add", counted)
    coder = encoder(ids(3 * IDS_PER_SLICE + 1))
    assert run(coder.extend(20)) >= 4
    assert len(seen) <= run(coder.extend(20_000)) + 5
    assert max(seen) <= IDS_PER_SLICE
    assert sum(seen) == 2 * (3 * IDS_PER_SLICE + 1)


def test_decoding_is_done_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [0]
    real = indices_below

    def counted(short: int, upto: int) -> list[int]:
        seen[0] += 1
        return real(short, upto)

    monkeypatch.setattr(sketch_decoding, "indices_below", counted)
    decoder = Decoder(encoder([]), 0, 1000)
    there = encoder(ids(1000))
    for upto in (1300, 1600):
        decoder.add(flight(there, decoder.received, upto))
        job, busiest, done = decoder.decode(), 0, False
        while not done:
            seen[0] = 0
            done = job.step()
            busiest = max(busiest, seen[0])
        assert 0 < busiest <= ITEMS_PER_SLICE
    assert decoder.is_done


def test_symbols_of_one_flight_come_by_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch_coding, "SYMBOLS_PER_FRAME_MAX", 10)
    parts: list[bytes] = []
    run(encoder(ids(20)).flight(0, 25, parts))
    assert [len(part) for part in parts] == [TALLY_BYTES + 100, 100, 50]


def test_lists_are_cut_over_buckets() -> None:
    own = ids(5)
    assert list(sliced([b"".join(own[:2]), b"", b"".join(own[2:])], 3)) == [own[:3], own[3:]]
    assert list(sliced([], 3)) == []


# --- What a liar sends


@pytest.mark.parametrize("joined", [b"", bytes(TALLY_BYTES), bytes(TALLY_BYTES + 1), bytes(TALLY_BYTES + 11), bytes(7)])
def test_what_is_no_whole_symbol_is_a_bad_message(joined: bytes) -> None:
    decoder = Decoder(encoder([]), 0, 0)
    with pytest.raises(MessageError, match="symbols"):
        decoder.add(joined)


def test_more_symbols_than_a_frame_holds_are_a_bad_message() -> None:
    with pytest.raises(MessageError, match="symbols"):
        list(unpack_symbols(bytes((SYMBOLS_PER_FRAME_MAX + 1) * SYMBOL_BYTES)))


@given(st.lists(st.binary(min_size=10, max_size=10), min_size=1, max_size=60), st.integers(0, 2**53))
def test_made_up_symbols_end_within_their_number(symbols: list[bytes], their_count: int) -> None:
    decoder = Decoder(encoder(ids(20)), 20, their_count)
    decoder.add(bytes(TALLY_BYTES) + b"".join(symbols))
    assert run(decoder.decode()) < 20
    assert len(decoder.theirs) + len(decoder.ours) <= len(symbols)
    assert decoder.needed() > len(symbols)


@given(st.integers(0, 2**40), st.integers(1, 255))
def test_one_changed_byte_is_never_believed(at: int, change: int) -> None:
    ours, theirs = ids(30, "both"), ids(30, "both") + ids(3)
    sent = bytearray(flight(encoder(theirs), 0, 60))
    sent[TALLY_BYTES + at % (len(sent) - TALLY_BYTES)] ^= change
    decoder = Decoder(encoder(ours), 30, 33)
    decoder.add(bytes(sent))
    run(decoder.decode())
    if decoder.is_done:
        assert set(decoder.theirs) == shorts(ids(3))
        assert not decoder.ours


def symbol(short: int, count: int = 1) -> int:
    return (item_of(short) << COUNT_BITS) + count


def test_an_item_that_decodes_twice_ends_the_sketch() -> None:
    short = next(n for n in range(1, 99) if indices_below(n, 2) == [0, 1])
    decoder = Decoder(encoder([]), 0, 2)
    decoder.add(bytes(TALLY_BYTES) + pack_symbols([2 * symbol(short), symbol(short)]))
    run(decoder.decode())
    assert decoder.is_broken
    assert not decoder.is_done


def test_an_item_in_a_place_where_it_does_not_belong_is_no_item() -> None:
    short = next(n for n in range(1, 99) if indices_below(n, 2) == [0])
    decoder = Decoder(encoder([]), 0, 1)
    decoder.add(bytes(TALLY_BYTES) + pack_symbols([symbol(short) + symbol(5), symbol(short)]))
    run(decoder.decode())
    assert not decoder.theirs
    assert not decoder.is_done
