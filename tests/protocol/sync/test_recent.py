"""What is recent: ages, sums and short lists, between honest hubs and from liars (SPEC F9)."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from hartig_protocol.limits import AUDIT_EVERY_MS, DAY_MS, RECENT_AGES, SKETCH_ID_BYTES
from hartig_protocol.records.record import Record
from hartig_protocol.sync import recent
from hartig_protocol.sync.audit import UNSETTLED_MS_MAX
from hartig_protocol.sync.framing import unpack
from hartig_protocol.sync.messages import Audit, Lack, More, Recent, Sketch
from hartig_protocol.sync.recent import Ages, RecentComparing, RecentListing, age_of, recent_max
from hartig_protocol.sync.sketch import FIRST_FLIGHT, SYMBOL_BYTES, join_shorts, split_shorts
from hartig_protocol.sync.sketch_coding import Encoder, SlicedJob
from support.auditing import (
    H,
    assert_closed,
    begun,
    coder,
    greeted,
    hour,
    needs,
    phantoms,
    rows,
    settle,
    shorts,
    slip_in,
    symbols,
    wrong,
)
from support.cores import Core
from support.records import NOW_MS, seeded
from support.wire import Puppet, Wire

T = 1_000 * H
OLD_MS = 30 * DAY_MS


@pytest.fixture
def wire() -> Wire:
    return Wire()


def run(job: SlicedJob) -> int:
    slices = 1
    while not job.step():
        slices += 1
    return slices


def old(wire: Wire, count: int, start: int = 0, number: int = 1) -> list[Record]:
    """Needs that were written long ago."""
    need, hub, stamp = wire.network.need, wire.network.hub(number), NOW_MS - OLD_MS
    return [need(hub, place=n, nonce=n, stamp=stamp, expires=stamp + 60 * DAY_MS) for n in range(start, start + count)]


def late(wire: Wire, count: int, start: int = 500) -> list[Record]:
    """Needs that were written just now."""
    return needs(wire, count, start)


def aged(stamps: Mapping[bytes, int | None]) -> tuple[Encoder, Ages]:
    """An encoder of these ids that has made its symbols, and their ages."""
    encoder = Encoder([b"".join(sorted(stamps))], bytes(16))
    run(encoder.extend(1))
    ages = Ages(encoder, T, stamps.get)
    run(ages)
    return encoder, ages


def ids(count: int, name: str = "") -> list[bytes]:
    return sorted(seeded(f"{name} {number}", 32) for number in range(count))


# --- Ages and sums


@pytest.mark.parametrize(
    ("before_ms", "age"),
    [
        (-H, 0),
        (-1, 0),
        (0, 0),
        (1, 0),
        (H, 0),
        (H + 1, 1),
        (2 * H, 1),
        (2 * H + 1, 2),
        (2**11 * H, 11),
        (2**11 * H + 1, RECENT_AGES),
        (T, 10),
    ],
)
def test_an_age_is_twice_the_one_before(before_ms: int, age: int) -> None:
    assert age_of(2**11 * T - before_ms, 2**11 * T) == age


def test_for_each_age_the_sum_is_of_what_is_older() -> None:
    one, two, three, gone = ids(4)
    encoder, ages = aged({one: T - 1, two: T - 3 * H, three: T - 900 * H, gone: None})
    short = {record_id: encoder.short_of(record_id) for record_id in (one, two, three, gone)}
    older = ages.older()
    assert len(older) == RECENT_AGES
    assert older[0] == sum(short[record_id] for record_id in (two, three, gone)) % 2**48
    assert older[1] == older[0]
    assert older[2] == (short[three] + short[gone]) % 2**48
    assert older[11] == short[gone]
    assert [ages.count(age) for age in (0, 1, 2, 9, 10, 11)] == [1, 1, 2, 2, 3, 3]


def test_the_least_age_beyond_which_all_is_equal_is_found() -> None:
    both = dict.fromkeys(ids(5), T - 50 * H)
    _, ours = aged({**both, seeded("ours", 32): T - 3 * H})
    _, theirs = aged({**both, seeded("theirs", 32): T - 1})
    _, others = aged({**both, seeded("others", 32): None})
    assert ours.where_equal(join_shorts(theirs.older())) == 2
    assert theirs.where_equal(join_shorts(theirs.older())) == 0
    assert ours.where_equal(join_shorts(others.older())) is None


def test_a_list_may_not_be_longer_than_symbols() -> None:
    for count in (1, 7, 100):
        assert recent_max(count) * SKETCH_ID_BYTES <= count * SYMBOL_BYTES < (recent_max(count) + 1) * SKETCH_ID_BYTES


def test_long_sets_are_aged_listed_and_compared_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "AGED_PER_SLICE", 7)
    monkeypatch.setattr(recent, "AGES_READ_PER_SLICE", 9)
    young, aside = ids(30, "young"), ids(30, "aside")
    encoder, ages = aged(dict.fromkeys(aside, T - 90 * H) | dict.fromkeys(young, T - H))
    assert run(Ages(encoder, T, lambda _: None)) > 60 // 7
    listing = RecentListing(0, ages, 0)
    assert run(listing) > 60 // 9
    comparing = RecentComparing(ages, 0, [encoder.short_of(one) for one in [*young[4:], seeded("phantom", 32)]])
    assert run(comparing) > 60 // 9
    assert comparing.missing_there == young[:4]
    assert list(comparing.lacking) == [encoder.short_of(seeded("phantom", 32))]


@pytest.mark.parametrize(
    ("count", "parts"), [(0, [0]), (3, [3]), (4, [4]), (5, [4, 1]), (8, [4, 4]), (13, [4, 4, 4, 1])]
)
def test_a_long_list_comes_in_parts(monkeypatch: pytest.MonkeyPatch, count: int, parts: list[int]) -> None:
    monkeypatch.setattr(recent, "LACKS_PER_FRAME_MAX", 4)
    monkeypatch.setattr(recent, "AGES_READ_PER_SLICE", 6)
    encoder, ages = aged(dict.fromkeys(ids(count), T - 1) | dict.fromkeys(ids(5, "old"), 0))
    listing = RecentListing(H, ages, 3)
    run(listing)
    said: list[Any] = [unpack(frame) for frame in listing.frames]
    assert [len(one.short) // SKETCH_ID_BYTES for one in said] == parts
    assert [one.final for one in said] == [False] * (len(parts) - 1) + [True]
    assert {one.age for one in said} == {3}
    assert set(split_shorts(b"".join(one.short for one in said))) == {encoder.short_of(one) for one in ids(count)}


# --- Between hubs


@pytest.mark.parametrize("written", [(70, 70), (170, 0), (0, 170)])
def test_what_hubs_wrote_while_they_were_apart_costs_a_short_list(wire: Wire, written: tuple[int, int]) -> None:
    a, b = wire.member(1, *old(wire, 300)), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    wire.forget_said()
    for core, count in zip((a, b), written, strict=True):
        slip_in(core, *needs(wire, count, 300, core.number))
    wire.pass_time(AUDIT_EVERY_MS + UNSETTLED_MS_MAX)
    assert a.ids == b.ids
    listed = sum(len(message.short) for message in wire.said(b, Recent)) // SKETCH_ID_BYTES
    assert written[1] <= listed <= written[1] + 12  # and what is young of what both hold
    assert len(wire.said(b, Sketch)) == len(wire.said(a, More)) == 1
    assert len(wire.said(b, Recent)) == 1


def test_many_differences_of_all_times_cost_symbols(wire: Wire) -> None:
    a, b = wire.member(1, *old(wire, 450)), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    for core in (a, b):
        slip_in(core, *old(wire, 35, 450, core.number))
    wire.pass_time(AUDIT_EVERY_MS + UNSETTLED_MS_MAX)
    assert a.ids == b.ids
    assert wire.said(b, Recent) == []
    assert [len(more.older) for more in wire.said(a, More)][:1] == [RECENT_AGES * SKETCH_ID_BYTES]


# --- What the asked side sends


def test_what_is_recent_is_listed_where_all_else_is_equal(wire: Wire) -> None:
    common, new = old(wire, 60), late(wire, 12)
    puppet = greeted(wire, a := wire.member(1, *common, *new))
    older = sums_without(puppet, a, new)
    puppet.say(wrong(wire, len(a.ids)), More(hour(wire), FIRST_FLIGHT + 12, older))
    (listed,) = puppet.all_heard(Recent)
    assert set(split_shorts(listed.short)) >= set(split_shorts(shorts(puppet, *(one.id for one in new))))
    assert listed.final
    assert len(puppet.all_heard(Sketch)) == 1
    puppet.say(Lack(hour(wire), shorts(puppet, new[3].id), True))
    assert rows(puppet) == [new[3].wire]


def sums_without(puppet: Puppet, core: Core, left_out: Iterable[Record]) -> bytes:
    """The sums of a puppet that holds what a core holds, but for some."""
    lacking = {record.id for record in left_out}
    stamps = {one: core.hub.state.audit_set.stamp_of(one) for one in core.ids - lacking}
    encoder = coder(puppet, stamps)
    run(encoder.extend(1))
    ages = Ages(encoder, hour(puppet.wire), stamps.get)
    run(ages)
    return join_shorts(ages.older())


@pytest.mark.parametrize("case", ["longer than symbols", "something older differs"])
def test_symbols_come_where_a_list_will_not_do(wire: Wire, case: str) -> None:
    common, new = old(wire, 30), late(wire, 12)
    puppet = greeted(wire, a := wire.member(1, *common, *new))
    is_long = case == "longer than symbols"
    older = sums_without(puppet, a, new if is_long else [common[0]])
    puppet.say(wrong(wire, len(a.ids)), More(hour(wire), FIRST_FLIGHT + (4 if is_long else 20), older))
    assert puppet.all_heard(Recent) == []
    assert len(puppet.all_heard(Sketch)) == 2


def test_sums_of_nothing_that_is_held_cost_symbols(wire: Wire) -> None:
    puppet = greeted(wire, wire.member(1, *old(wire, 30)))
    puppet.say(wrong(wire, 30), More(hour(wire), 25, seeded("sums", RECENT_AGES * SKETCH_ID_BYTES)))
    assert [message.first for message in puppet.all_heard(Sketch)] == [0, FIRST_FLIGHT]


# --- What the asking side makes of it


def offered(wire: Wire) -> tuple[Core, Puppet, int, list[Record], set[bytes]]:
    """A core that has said what is older: it holds 60 late needs that a puppet lacks, and lacks 60 of the puppet's."""
    new = late(wire, 60)
    a, puppet, as_of = begun(wire, *old(wire, 160), *new)
    theirs = (a.ids - {record.id for record in new}) | set(phantoms(60))
    puppet.say(Sketch(as_of, len(theirs), 0, symbols(puppet, theirs, 0, FIRST_FLIGHT)))
    (more,) = puppet.all_heard(More)
    assert more.older == sums_without(puppet, a, [])
    puppet.heard.clear()
    return a, puppet, as_of, new, theirs


def young(puppet: Puppet, new: Iterable[Record], age: int) -> list[bytes]:
    """What a puppet holds too of what is young: cards and grants, but no needs."""
    core, lacking = puppet.core, {record.id for record in new}
    stamps = {one: core.hub.state.audit_set.stamp_of(one) for one in core.ids - lacking}
    return [one for one, stamp in stamps.items() if stamp is not None and age_of(stamp, hour(puppet.wire)) <= age]


def test_a_list_of_what_is_recent_is_compared_in_both_directions(wire: Wire) -> None:
    a, puppet, as_of, new, _ = offered(wire)
    listed = shorts(puppet, *young(puppet, new, 3), *phantoms(60))
    puppet.say(Recent(as_of, 3, listed[:60], False))
    assert puppet.heard == []
    puppet.say(Recent(as_of, 3, listed[60:], True))
    (lack,) = puppet.all_heard(Lack)
    assert set(split_shorts(lack.short)) == set(split_shorts(shorts(puppet, *phantoms(60))))
    assert {row[0] for row in rows(puppet)} == {record.wire[0] for record in new}
    assert a.hub.state.open_sessions()[0].audit.attempt is None


def test_an_empty_list_says_that_all_that_is_recent_is_lacking_there(wire: Wire) -> None:
    _, puppet, as_of, new, _ = offered(wire)
    puppet.say(Recent(as_of, 2, b"", True))
    assert puppet.all_heard(Lack) == [Lack(as_of, b"", True)]
    assert {row[0] for row in rows(puppet)} >= {record.wire[0] for record in new}


def test_what_is_older_is_said_once(wire: Wire) -> None:
    _, puppet, as_of, _, theirs = offered(wire)
    attempt = puppet.session.audit.attempt
    assert attempt is not None
    garbage = b"\xa5" * SYMBOL_BYTES * (attempt.symbols - FIRST_FLIGHT)
    puppet.say(Sketch(as_of, len(theirs), FIRST_FLIGHT, garbage))
    assert [message.older for message in puppet.all_heard(More)] in ([], [b""])


def lies(puppet: Puppet, as_of: int, theirs: set[bytes]) -> dict[str, list[Any]]:
    two = shorts(puppet, *phantoms(2))
    half = symbols(puppet, theirs, FIRST_FLIGHT, FIRST_FLIGHT + 9)
    return {
        "of two ages": [Recent(as_of, 3, two, False), Recent(as_of, 4, b"", True)],
        "an id twice": [Recent(as_of, 3, two + two[:6], True)],
        "an id twice in two parts": [Recent(as_of, 3, two, False), Recent(as_of, 3, two[:6], True)],
        "longer than symbols": [Recent(as_of, 3, join_shorts(range(1_000)), False)],
        "after symbols": [Sketch(as_of, len(theirs), FIRST_FLIGHT, half), Recent(as_of, 3, two, True)],
        "before symbols": [Recent(as_of, 3, two, False), Sketch(as_of, len(theirs), FIRST_FLIGHT, half)],
    }


@pytest.mark.parametrize(
    "lie",
    [
        "of two ages",
        "an id twice",
        "an id twice in two parts",
        "longer than symbols",
        "after symbols",
        "before symbols",
    ],
)
def test_a_list_that_does_not_follow_costs_the_link(wire: Wire, lie: str) -> None:
    _, puppet, as_of, _, theirs = offered(wire)
    puppet.say(*lies(puppet, as_of, theirs)[lie])
    assert_closed(puppet, "bad_message")


def test_a_list_that_nobody_asked_for_costs_the_link_and_one_of_no_audit_is_passed_over(wire: Wire) -> None:
    _, puppet, as_of = begun(wire)
    puppet.say(Recent(as_of + H, 3, b"", True))
    assert puppet.closed is None
    puppet.say(Recent(as_of, 3, b"", True))
    assert_closed(puppet, "bad_message")


def test_a_liar_who_hides_an_older_difference_is_found_by_the_next_audit(wire: Wire) -> None:
    a, puppet, as_of, _, _ = offered(wire)
    puppet.say(Recent(as_of, 0, b"", True))
    settle(puppet)
    puppet.heard.clear()
    puppet.session.audit.due_ms = wire.now.steady_ms
    settle(puppet)
    (asked,) = puppet.all_heard(Audit)
    assert asked.count == len(a.ids)
