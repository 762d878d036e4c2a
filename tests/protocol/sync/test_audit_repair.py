"""What follows when sets differ: symbols, lists and what is lacking, from honest peers and from liars (SPEC F8)."""

from types import SimpleNamespace
from typing import Any

import pytest

from hartig_protocol.catalog.entry import Body
from hartig_protocol.events import LinkClosed
from hartig_protocol.limits import (
    IDS_LISTED_MAX,
    IDS_PER_FRAME_MAX,
)
from hartig_protocol.sync import audit_jobs, repair
from hartig_protocol.sync.audit_work import work_for_link
from hartig_protocol.sync.messages import (
    ANSWER,
    Audit,
    Equal,
    Ids,
    Lack,
    List,
    More,
    Pong,
    Records,
    Sketch,
)
from hartig_protocol.sync.repair import FLIGHTS_MAX, LIST_AGAIN_MS_MIN
from hartig_protocol.sync.sketch import (
    FIRST_FLIGHT,
    SYMBOL_BYTES,
    TALLY_BYTES,
    first_flight,
    join_shorts,
    symbols_worth,
)
from hartig_protocol.sync.sketch_coding import Encoder
from hartig_protocol.sync.sketch_decoding import Decoder
from hartig_protocol.sync.state import Step
from support.auditing import (
    H,
    assert_closed,
    begun,
    coder,
    garbage,
    greeted,
    hour,
    listing,
    needs,
    phantoms,
    rows,
    settle,
    shorts,
    symbols,
    wrong,
)
from support.records import seeded
from support.wire import Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


# --- What the asked side sends


def test_what_the_asker_lacks_is_sent(wire: Wire) -> None:
    a = wire.member(1, need := wire.network.need(wire.network.hub(1)))
    puppet = greeted(wire, a)
    puppet.say(wrong(wire))
    card = wire.network.card(wire.network.hub(1))
    puppet.say(Lack(hour(wire), shorts(puppet, need.id, seeded("phantom", 32)), False))
    assert rows(puppet) == []
    puppet.say(Lack(hour(wire), shorts(puppet, card.id), True))
    assert {row[0] for row in rows(puppet)} == {need.wire[0], card.wire[0]}
    assert [(m.why, m.final) for m in puppet.all_heard(Records)] == [(ANSWER, True)]


@pytest.mark.parametrize("count", [0, 5, 2**53 - 1])
def test_a_lie_about_the_count_gets_a_bounded_sketch(wire: Wire, count: int) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    puppet.say(wrong(wire, count))
    (sketch,) = puppet.all_heard(Sketch)
    held = len(a.ids)
    assert (sketch.as_of, sketch.count, sketch.first) == (hour(wire), held, 0)
    assert len(sketch.symbols) == TALLY_BYTES + SYMBOL_BYTES * first_flight(count, held)
    assert sketch.symbols == symbols(puppet, a.ids, 0, first_flight(count, held))


def test_more_symbols_follow_those_that_were_sent(wire: Wire) -> None:
    a = wire.member(1, *needs(wire, 30))
    puppet = greeted(wire, a)
    puppet.say(wrong(wire, len(a.ids)), More(hour(wire), 20, b""))
    _, more = puppet.all_heard(Sketch)
    assert (more.first, more.symbols) == (FIRST_FLIGHT, symbols(puppet, a.ids, FIRST_FLIGHT, 20))


@pytest.mark.parametrize("upto", [0, FIRST_FLIGHT, 10**9])
def test_symbols_are_asked_for_upward_and_within_bounds(wire: Wire, upto: int) -> None:
    puppet = greeted(wire, wire.member(1))
    puppet.say(wrong(wire), More(hour(wire), upto, b""))
    assert_closed(puppet, "bad_message")


def test_symbols_asked_for_one_by_one_cost_the_link(wire: Wire) -> None:
    a = wire.member(1, *needs(wire, 60))
    assert symbols_worth(len(a.ids)) > FIRST_FLIGHT + FLIGHTS_MAX
    puppet = greeted(wire, a)
    puppet.say(wrong(wire, len(a.ids)))
    for upto in range(FIRST_FLIGHT + 1, FIRST_FLIGHT + FLIGHTS_MAX):
        puppet.say(More(hour(wire), upto, b""))
    assert puppet.closed is None
    puppet.say(More(hour(wire), FIRST_FLIGHT + FLIGHTS_MAX, b""))
    assert_closed(puppet, "too_often")


def test_the_list_comes_once_a_minute(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    puppet.say(wrong(wire), List(hour(wire)))
    assert [set(part.ids) for part in puppet.all_heard(Ids)] == [a.ids]
    for _ in range(3):
        wire.pass_time(LIST_AGAIN_MS_MIN // 3)
        puppet.say(Pong(0))
    puppet.say(wrong(wire), List(hour(wire)))
    assert puppet.closed is None
    puppet.say(List(hour(wire)))
    assert_closed(puppet, "too_often")


def test_lacking_more_than_there_is_costs_the_link(wire: Wire) -> None:
    puppet = greeted(wire, wire.member(1))
    puppet.say(wrong(wire), Lack(hour(wire), join_shorts(range(100)), True))
    assert_closed(puppet, "bad_message")


def test_what_nobody_was_asked_for_is_passed_over(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    other = hour(wire) + H
    puppet.say(
        Ids(hour(wire), (seeded("phantom", 32),), True),
        Equal(hour(wire)),
        Sketch(hour(wire), 5, 0, b"x"),
        More(hour(wire), 20, b""),
        List(hour(wire)),
        Lack(hour(wire), b"", True),
    )
    puppet.say(wrong(wire))
    puppet.say(
        Equal(hour(wire)), Sketch(hour(wire), 5, 0, b"x"), More(other, 20, b""), List(other), Lack(other, b"", True)
    )
    assert puppet.closed is None
    assert [type(message) for message in puppet.heard] == [Sketch]


def test_a_question_about_an_audit_that_is_over_ends_all_the_same(wire: Wire) -> None:
    puppet = greeted(wire, wire.member(1))
    puppet.say(Lack(hour(wire), bytes(6), False), Lack(hour(wire), bytes(6), True))
    assert puppet.all_heard(Records) == [Records(ANSWER, (), True)]


def test_asking_on_before_the_answer_costs_the_link(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    puppet.say(wrong(wire))
    assert puppet.session.audit.attempt is not None
    puppet.session.audit.attempt.working = True
    puppet.say(List(hour(wire)))
    assert_closed(puppet, "bad_message")


# --- What the asking side makes of the answers


def test_a_sketch_is_read_in_both_directions(wire: Wire) -> None:
    only_here = wire.network.need(wire.network.hub(1))
    a, puppet, as_of = begun(wire, only_here)
    phantom = seeded("phantom", 32)
    theirs = (a.ids - {only_here.id}) | {phantom}
    puppet.say(Sketch(as_of, len(theirs), 0, symbols(puppet, theirs, 0, FIRST_FLIGHT)))
    assert puppet.all_heard(Lack) == [Lack(as_of, shorts(puppet, phantom), True)]
    assert rows(puppet) == [only_here.wire]
    assert a.hub.state.feeding is not None
    assert puppet.session.into.has_asked("lack")
    puppet.say(Records(ANSWER, (), True))
    assert a.hub.state.feeding is None


def test_who_lacks_nothing_says_so_and_waits_for_no_answer(wire: Wire) -> None:
    only_here = wire.network.need(wire.network.hub(1))
    a, puppet, as_of = begun(wire, only_here)
    theirs = a.ids - {only_here.id}
    upto = first_flight(len(a.ids), len(theirs))
    puppet.say(Sketch(as_of, len(theirs), 0, symbols(puppet, theirs, 0, upto)))
    assert puppet.all_heard(Lack) == [Lack(as_of, b"", True)]
    assert rows(puppet) == [only_here.wire]
    assert a.hub.state.feeding is None
    assert not puppet.session.into.has_asked("lack")


def test_much_that_is_lacking_is_named_in_parts(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "LACKS_PER_FRAME_MAX", 2)
    a, puppet, as_of = begun(wire)
    theirs = a.ids | set(phantoms(5))
    upto = first_flight(len(a.ids), len(theirs))
    puppet.say(Sketch(as_of, len(theirs), 0, symbols(puppet, theirs, 0, upto)))
    assert [(len(lack.short), lack.final) for lack in puppet.all_heard(Lack)] == [(12, False), (12, False), (6, True)]


def test_what_has_come_meanwhile_or_lies_outside_is_not_asked_for(wire: Wire) -> None:
    a, puppet, as_of = begun(wire)
    late = wire.network.need(a.key)
    wire.publish(a, late)
    theirs = a.ids | {seeded("phantom", 32)}
    upto = first_flight(len(theirs) - 2, len(theirs))
    puppet.say(Sketch(as_of, len(theirs), 0, symbols(puppet, theirs, 0, upto)))
    assert puppet.all_heard(Lack) == [Lack(as_of, shorts(puppet, seeded("phantom", 32)), True)]


def test_what_is_to_be_sent_is_put_in_order_in_slices(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_jobs, "ORDERED_PER_SLICE", 3)
    a = wire.member(1, *needs(wire, 9))
    catalog, gone = a.hub.catalog, seeded("gone", 32)
    job, slices = audit_jobs.Ordering(catalog, [gone, *sorted(a.ids)]), 1
    while not job.step():
        slices += 1
    assert slices >= 2 * len(a.ids) // 3
    assert job.ids == [one for *_, one in catalog.ranked(a.ids)]
    assert set(job.ids) == a.ids


def test_what_an_audit_has_left_behind_ends_with_its_link(wire: Wire) -> None:
    a = wire.member(1)
    puppet, ends = greeted(wire, a), list[str]()
    session = puppet.session
    for _ in range(2):
        step = Step(wire.clock(a))
        job = audit_jobs.Ordering(a.hub.catalog, a.ids)
        work_for_link(a.hub.state, session, step, job, lambda _later: ends.append("end"))
        while a.hub.state.jobs:
            a.hub.state.continue_jobs(Step(wire.clock(a)))
        wire.handle(a, LinkClosed(puppet.link, "cut"))
    assert ends == ["end"]


def test_what_is_held_outside_the_set_is_gathered_in_slices(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_jobs, "IDS_PER_SLICE", 2)
    bare = wire.network.need(wire.network.hub(1), place=7, nonce=7)
    a = wire.member(1, *needs(wire, 3), bare)
    held = a.hub.catalog.entries
    early = a.hub.state.audit_set.snapshot(0)
    assert set(early.outside) == a.ids - {a.hub.catalog.charters.standing.id}  # charters are inside at any hour

    def get(one: bytes) -> Any:
        return SimpleNamespace(body=Body.GONE) if one == bare.id else held.get(one)

    monkeypatch.setattr(a.hub.catalog, "entries", SimpleNamespace(get=get))
    encoder = Encoder([], bytes(16))
    job, slices = audit_jobs.HeldOutside(a.hub.state, early, encoder), 1
    while not job.step():
        slices += 1
    assert slices > 3
    assert job.shorts == {encoder.short_of(one) for one in set(early.outside) - {bare.id}}


def test_symbols_may_come_in_several_frames(wire: Wire) -> None:
    a, puppet, as_of = begun(wire)
    theirs = a.ids | {seeded("phantom", 32)}
    joined = symbols(puppet, theirs, 0, first_flight(len(a.ids), len(theirs)))
    cut = TALLY_BYTES + 5 * SYMBOL_BYTES
    puppet.say(Sketch(as_of, len(theirs), 0, joined[:cut]))
    assert puppet.heard == []
    puppet.say(Sketch(as_of, len(theirs), 5, joined[cut:]))
    assert len(puppet.all_heard(Lack)) == 1


def test_more_symbols_are_asked_for_until_they_decode(wire: Wire) -> None:
    own = needs(wire, 150)
    a, puppet, as_of = begun(wire, *own)
    theirs = (a.ids - {one.id for one in own[:10]}) | set(phantoms(10))
    puppet.say(Sketch(as_of, len(theirs), 0, symbols(puppet, theirs, 0, FIRST_FLIGHT)))
    sent = FIRST_FLIGHT
    while len(puppet.all_heard(Lack)) == 0:
        upto = puppet.all_heard(More)[-1].upto
        puppet.say(Sketch(as_of, len(theirs), sent, symbols(puppet, theirs, sent, upto)))
        sent = upto
    assert {puppet.all_heard(Lack)[0].short[at : at + 6] for at in range(0, 60, 6)} == {
        shorts(puppet, one) for one in phantoms(10)
    }
    assert {row[0] for row in rows(puppet)} == {one.wire[0] for one in own[:10]}


@pytest.mark.parametrize(
    ("count", "first", "length"),
    [(9, 1, FIRST_FLIGHT), (9, 0, FIRST_FLIGHT + 20), (9, 0, 0)],
    ids=["not from the start", "more than asked for", "none"],
)
def test_symbols_that_do_not_follow_cost_the_link(wire: Wire, count: int, first: int, length: int) -> None:
    _, puppet, as_of = begun(wire)
    puppet.say(Sketch(as_of, count, first, bytes(TALLY_BYTES + length * SYMBOL_BYTES)))
    assert_closed(puppet, "bad_message")


def test_a_count_that_changes_costs_the_link(wire: Wire) -> None:
    a, puppet, as_of = begun(wire)
    puppet.say(Sketch(as_of, len(a.ids), 0, bytes(TALLY_BYTES + 5 * SYMBOL_BYTES)))
    assert puppet.closed is None
    puppet.say(Sketch(as_of, len(a.ids) + 1, 5, bytes(SYMBOL_BYTES)))
    assert_closed(puppet, "bad_message")


def test_symbols_that_do_not_decode_lead_to_the_list_and_symbols_after_that_cost_the_link(wire: Wire) -> None:
    a, puppet, as_of = begun(wire)
    garbage(puppet, as_of, len(a.ids))
    assert puppet.heard == [List(as_of)]
    puppet.say(Sketch(as_of, len(a.ids), FIRST_FLIGHT, bytes(SYMBOL_BYTES)))
    assert_closed(puppet, "bad_message")


def test_the_list_is_not_asked_for_again_before_the_peer_would_send_it(wire: Wire) -> None:
    a, puppet, as_of = listing(wire)
    puppet.say(Ids(as_of, tuple(sorted(a.ids)), True))
    begun_again: list[int] = []
    for _ in range(12):
        puppet.heard.clear()
        puppet.session.audit.due_ms = min(wire.now.steady_ms, puppet.session.audit.due_ms)
        settle(puppet)
        if puppet.all_heard(Audit):
            garbage(puppet, as_of, len(a.ids))
        if puppet.all_heard(List):
            break
        assert puppet.session.audit.attempt is None
        begun_again.append(puppet.session.audit.due_ms)
        wire.pass_time(10_000)
    assert len(set(begun_again)) == 1
    assert wire.now.steady_ms >= begun_again[0]


def test_endless_flights_end_in_the_list(wire: Wire) -> None:
    a, puppet, as_of = begun(wire, *needs(wire, 60))
    count = len(a.ids)
    puppet.session.audit.attempt.decoder = _Never(Encoder([], bytes(16)), count, count)  # type: ignore[union-attr]
    puppet.session.audit.attempt.symbols = 1  # type: ignore[union-attr]
    for sent in range(FLIGHTS_MAX):
        puppet.say(Sketch(as_of, count, sent, bytes(0 if sent else TALLY_BYTES) + bytes(SYMBOL_BYTES)))
        assert len(puppet.all_heard(More)) == min(sent + 1, FLIGHTS_MAX - 1)
    assert puppet.all_heard(List) == [List(as_of)]


class _Never(Decoder):
    is_done = False

    def likely(self) -> int:
        return self.received + 1

    def needed(self) -> int:
        return self.received + 1


def test_an_honest_looking_sketch_of_what_we_hold_leads_to_the_list(wire: Wire) -> None:
    a, puppet, as_of = begun(wire)
    own = sorted(a.ids)
    doubled = [*own, own[0]]
    upto = first_flight(len(own), len(doubled))
    puppet.say(Sketch(as_of, len(doubled), 0, symbols(puppet, doubled, 0, upto)))
    assert puppet.heard == [List(as_of)]


def test_a_short_id_that_only_we_hold_and_do_not_hold_leads_to_the_list(wire: Wire) -> None:
    a, puppet, as_of = begun(wire)
    mine = coder(puppet, a.ids)
    job = mine.extend(FIRST_FLIGHT)
    while not job.step():
        pass
    ghost = coder(puppet, [seeded("ghost", 32)])
    job = ghost.extend(FIRST_FLIGHT)
    while not job.step():
        pass
    count = len(a.ids)
    mine.symbols = [one - other for one, other in zip(mine.symbols, ghost.symbols, strict=True)]
    parts: list[bytes] = []
    job = mine.flight(0, FIRST_FLIGHT, parts)
    while not job.step():
        pass
    puppet.say(Sketch(as_of, count, 0, b"".join(parts)))
    assert puppet.heard == [List(as_of)]


def test_a_list_is_compared_in_both_directions(wire: Wire) -> None:
    only_here = wire.network.need(wire.network.hub(1))
    a, puppet, as_of = listing(wire, only_here)
    ids = sorted((a.ids - {only_here.id}) | set(phantoms(3)) | {bytes(32), b"\xff" * 32})
    puppet.say(Ids(as_of, tuple(ids[:3]), False), Ids(as_of, tuple(ids[3:]), True))
    lacking = [one for one in ids if one not in a.ids]
    assert puppet.all_heard(Lack) == [Lack(as_of, shorts(puppet, *lacking), True)]
    assert rows(puppet) == [only_here.wire]


def test_what_has_come_since_the_snapshot_is_not_asked_for_after_a_list(wire: Wire) -> None:
    a, puppet, as_of = listing(wire)
    wire.publish(a, wire.network.need(wire.network.hub(1)))
    phantom = seeded("phantom", 32)
    puppet.say(Ids(as_of, tuple(sorted({*a.ids, phantom})), True))
    assert puppet.all_heard(Lack) == [Lack(as_of, shorts(puppet, phantom), True)]


def test_a_record_whose_body_is_gone_here_counts_as_lacking() -> None:
    held = {b"1": SimpleNamespace(body=Body.GONE), b"2": SimpleNamespace(body=Body.HERE)}
    state: Any = SimpleNamespace(catalog=SimpleNamespace(entries=held))
    assert [repair._is_missing(state, one) for one in (b"1", b"2", b"3")] == [True, False, True]


@pytest.mark.parametrize("bad", ["falls", "repeats", "falls over parts"])
def test_a_list_that_does_not_rise_costs_the_link(wire: Wire, bad: str) -> None:
    _, puppet, as_of = listing(wire)
    low, high = sorted([seeded("1", 32), seeded("2", 32)])
    parts = {"falls": [(high, low)], "repeats": [(low, low)], "falls over parts": [(high,), (low,)]}[bad]
    for part in parts:
        puppet.say(Ids(as_of, part, False))
    assert_closed(puppet, "bad_message")


def test_an_endless_list_costs_the_link(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    assert IDS_LISTED_MAX >= IDS_PER_FRAME_MAX
    monkeypatch.setattr(repair, "IDS_LISTED_MAX", 10)
    _, puppet, as_of = listing(wire)
    puppet.say(Ids(as_of, tuple(phantoms(11)), False))
    assert_closed(puppet, "too_large")


def test_long_lists_are_made_and_compared_in_slices(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_jobs, "COMPARED_PER_SLICE", 5)
    monkeypatch.setattr(audit_jobs, "IDS_PER_SLICE", 3)
    seen: list[bytes] = []
    own, theirs = phantoms(40)[::2], sorted([*phantoms(40)[1::2], *(b"\xff" + one[1:] for one in phantoms(8))])
    encoder = Encoder([b"".join(own)], bytes(16))

    def is_missing(one: bytes) -> bool:
        seen.append(one)
        return True

    job, slices, done = audit_jobs.Comparing([b"".join(own)], theirs, encoder, is_missing), 0, False
    while not done:
        seen.clear()
        done = job.step()
        slices += 1
        assert len(seen) <= 3
    assert slices > 10
    assert job.missing_there == own
    assert bytes(job.lacking) == join_shorts([encoder.short_of(one) for one in theirs])
    frames = audit_jobs.Listing(H, [b""])
    assert frames.step()
    assert len(frames.frames) == 1
