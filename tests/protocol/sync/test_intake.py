"""What a hub takes in before any signature is checked: a pool of tokens, turns, and senders that wait (SPEC S6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.limits import (
    HOUR_MS,
    INTAKE_BURST_RECORDS,
    INTAKE_COST,
    INTAKE_COST_NAME,
    INTAKE_GRANTS_A_RECORD,
    INTAKE_RECORDS_PER_S,
    INTAKE_TICK_MS,
    LINE_MAX,
    PRESSED_WAIT_MS,
    RECORDS_PER_FRAME,
    THROUGH_AFTER_MS,
)
from hartig_protocol.records import opening
from hartig_protocol.records.record import Head, Record
from hartig_protocol.sync import outbound, spreading
from hartig_protocol.sync.intake import Intake, author_claimed, weight_of, weight_of_names
from hartig_protocol.sync.messages import ANSWER, BEHIND, LIVE, Ack, Have, Prefer, Pull, Records, Through, Want
from support.cores import Core
from support.records import key, seeded
from support.talk import cursors, have, live, meet, needs, opened, stream
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


def emptied(core: Core, wire: Wire) -> None:
    """Let a core have taken in all that it has tokens for."""
    pool = core.hub.state.intake.pool
    pool.refill(wire.now.steady_ms)
    pool.tokens = 0


def posts(wire: Wire, number: int, count: int, start: int = 0) -> list[Record]:
    hub = wire.network.hub(number)
    return [wire.network.need(hub, place=start + i, nonce=start + i) for i in range(count)]


def invited(wire: Wire, inviter: int, *numbers: int) -> list[Record]:
    return [
        wire.network.grant(wire.network.hub(number).public, author=wire.network.hub(inviter), place=index, invites=0)
        for index, number in enumerate(numbers)
    ]


# --- The pool


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 300)), max_size=40))
def test_no_more_is_taken_in_than_the_burst_and_the_rate_allow(moves: list[tuple[int, int]]) -> None:
    pool, now_ms, taken = Intake().pool, 0, 0
    for span_ms, count in moves:
        now_ms += span_ms
        pool.refill(now_ms)
        assert pool.tokens <= INTAKE_BURST_RECORDS * INTAKE_COST
        if pool.tokens > 0:
            pool.spend(count * INTAKE_COST)
            taken += count
    assert taken <= INTAKE_BURST_RECORDS + now_ms * INTAKE_RECORDS_PER_S / 1_000 + 300


# --- What a record says of itself


def test_the_author_of_every_kind_is_read_without_opening(wire: Wire) -> None:
    hub = wire.network.hub(1)
    need = wire.network.need(hub)
    for record in (*wire.proofs(1), need, wire.network.step(hub, need), wire.network.revoke(hub.public)):
        assert author_claimed(record.wire) == record.head.author


@pytest.mark.parametrize(
    "wire_form",
    [None, b"", (b"", b""), ("x", b"", b""), (b"", 1, b""), (b"", b"", "x"), (b"", b"", None), (bytes(90), b"", None)],
)
def test_what_cannot_be_a_record_has_no_author(wire_form: object) -> None:
    assert author_claimed(wire_form) is None
    assert weight_of(wire_form) == 1


def test_a_head_that_is_cut_has_no_author(wire: Wire) -> None:
    head, signature, body = wire.network.need(wire.network.hub(1)).wire
    assert author_claimed((head[:50], signature, body)) is None


def test_big_records_and_many_names_count_for_more() -> None:
    assert weight_of((bytes(300), bytes(64), bytes(2_000))) == 3
    assert [weight_of_names(bytes(8 * count)) for count in (1, 16, 4_096)] == [1, 2, 257]


# --- Waiting for a turn


def test_while_there_are_tokens_records_are_taken_at_once(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(live(*posts(wire, 2, 3)))
    assert len(a.ids) == 8
    assert a.hub.state.intake.due_ms is None


def test_without_tokens_no_signature_is_checked_and_nothing_is_acknowledged(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    emptied(a, wire)
    records, usual = posts(wire, 2, 30), opening.is_signed
    checked: list[bytes] = []

    def is_signed(head: Head, head_bytes: bytes, signature: bytes) -> bool:
        checked.append(head_bytes)
        return usual(head, head_bytes, signature)

    monkeypatch.setattr(opening, "is_signed", is_signed)
    puppet.say(live(*records))
    assert checked == []
    assert puppet.all_heard(Ack) == []
    wire.pass_time(INTAKE_TICK_MS)
    due = -(-INTAKE_RECORDS_PER_S * INTAKE_TICK_MS // 1_000)
    assert len(checked) == due
    assert puppet.all_heard(Ack)[-1] == Ack(due)
    wire.pass_time(1_000)
    assert {record.id for record in records} <= a.ids
    assert a.hub.state.intake.due_ms is None
    assert puppet.session.into.held == 0


def test_others_have_their_turn_before_the_flood_of_one_inviters_subtree(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *wire.proofs(3), *wire.proofs(4), *invited(wire, 3, 51, 52))
    relay = opened(wire, a)
    emptied(a, wire)
    flood = [post for number in (51, 52) for post in posts(wire, number, 100)]
    relay.say(live(*flood))
    (other,) = posts(wire, 4, 1)
    relay.say(live(other))
    wire.pass_time(INTAKE_TICK_MS)
    assert other.id in a.ids
    assert a.hub.state.intake.authors()[wire.network.hub(51).public] > 80


def test_who_lies_about_authors_takes_turns_from_its_own_link_alone(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *wire.proofs(3), *wire.proofs(4))
    liar, honest = opened(wire, a), opened(wire, a, 3)
    emptied(a, wire)
    forged = [(post.head_bytes, bytes(64), post.body_bytes) for post in posts(wire, 4, 200, start=10)]
    liar.say(Records(LIVE, tuple(forged), final=False))
    (said,) = posts(wire, 4, 1)
    honest.say(live(said))
    wire.pass_time(INTAKE_TICK_MS)
    assert said.id in a.ids
    wire.pass_time(2_000)
    assert liar.session.into.refused == 200


def test_what_cannot_be_a_record_is_refused_at_once_and_counts_as_dealt_with(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    emptied(a, wire)
    puppet.say(Records(LIVE, (b"nonsense",), final=False), Records(BEHIND, (), final=False))
    assert (puppet.session.into.refused, puppet.session.into.weight, puppet.session.into.held) == (1, 2, 0)


def test_what_waits_goes_with_its_link_and_others_stay(wire: Wire) -> None:
    a = wire.member(1)
    gone, stays = opened(wire, a), opened(wire, a, 3)
    emptied(a, wire)
    gone.say(live(*posts(wire, 2, 5)))
    stays.say(live(*posts(wire, 3, 5)))
    wire.cut(gone.link)
    assert len(a.hub.state.intake.queue) == 5
    assert a.hub.state.intake.due_ms is not None


def test_the_cursor_rests_while_something_of_the_link_waits(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    emptied(a, wire)
    puppet.say(stream(*posts(wire, 2, 40)))
    assert cursors(wire, a) == []
    wire.pass_time(1_000)
    assert [cursor.n for cursor in cursors(wire, a)] == [10]


# --- Answers and names


def asked(wire: Wire, a: Core, records: list[Record]) -> Puppet:
    """A puppet that has named records, and was asked for them."""
    puppet = opened(wire, a)
    puppet.say(Through(1, bytes(16), final=True))
    puppet.say(Have(have(*records).short, now=True))
    assert len(puppet.all_heard(Pull)) == 1
    return puppet


def test_an_answer_is_over_when_all_its_parts_were_dealt_with(wire: Wire) -> None:
    a = wire.member(1)
    records = posts(wire, 2, 40)
    puppet = asked(wire, a, records)
    emptied(a, wire)
    puppet.say(Records(ANSWER, tuple(record.wire for record in records[:30]), final=False))
    puppet.say(Records(ANSWER, (*(record.wire for record in records[30:]), b"nonsense"), final=False))
    puppet.say(Records(ANSWER, (), final=True))
    assert len(puppet.session.into.questions) == 1
    wire.pass_time(INTAKE_TICK_MS)
    assert len(puppet.session.into.questions) == 1
    wire.pass_time(1_000)
    assert not puppet.session.into.questions
    assert not puppet.session.into.parts
    assert not puppet.session.into.named


def test_an_answer_that_nobody_asked_for_is_none_of_ours_also_while_others_wait(wire: Wire) -> None:
    a = wire.member(1)
    puppet = asked(wire, a, posts(wire, 2, 1))
    emptied(a, wire)
    answer = Records(ANSWER, (posts(wire, 2, 1)[0].wire,), final=True)
    puppet.say(answer)
    assert puppet.closed is None
    puppet.say(answer)
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def test_names_wait_their_turn_too(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    emptied(a, wire)
    puppet.say(Have(have(*posts(wire, 2, 3)).short, now=True))
    assert puppet.all_heard(Pull) == []
    assert a.hub.state.intake.authors() == {}
    wire.pass_time(INTAKE_TICK_MS)
    assert len(puppet.all_heard(Pull)) == 1


def test_names_of_a_link_take_one_turn_together_as_far_as_a_record_costs(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    emptied(a, wire)
    for start in range(0, 200, 2):
        puppet.say(Have(have(*posts(wire, 2, 2, start)).short, now=True))
    pool = a.hub.state.intake.pool
    pool.refill(wire.now.steady_ms)
    pool.tokens = -INTAKE_COST * INTAKE_RECORDS_PER_S * INTAKE_TICK_MS // 1_000 + 1  # for one turn
    wire.pass_time(INTAKE_TICK_MS)
    assert len(a.hub.state.intake.queue) == 100 - -(-INTAKE_COST // (2 * INTAKE_COST_NAME))
    assert puppet.session.into.held == len(a.hub.state.intake.queue)


def test_while_records_wait_what_is_named_is_pulled_later_and_little_at_a_time(wire: Wire) -> None:
    a = wire.member(1)
    flooder, namer = opened(wire, a), opened(wire, a, 3)
    for puppet in (flooder, namer):
        puppet.say(Through(1, bytes(16), final=True))
    emptied(a, wire)
    flooder.say(live(*posts(wire, 2, 250)))
    flooder.say(live(*posts(wire, 2, 250, start=250)))
    namer.say(have(*posts(wire, 3, 100)))
    wire.pass_time(2 * INTAKE_TICK_MS)
    namer.say(Have(have(*posts(wire, 3, 1, start=200)).short, now=True))
    wire.pass_time(4 * INTAKE_TICK_MS)
    assert [len(pull.short) // 8 for pull in namer.all_heard(Pull)] == [1]
    a.hub.state.intake.pool.tokens = -(10**6)
    wire.pass_time(PRESSED_WAIT_MS)
    assert len(a.hub.state.intake.queue) > 0
    assert [len(pull.short) // 8 for pull in namer.all_heard(Pull)] == [1], "one question is open"


def test_what_makes_a_hub_go_through_all_that_is_granted_costs_as_much_more(wire: Wire) -> None:
    a = wire.member(1)
    a.hub.state.catalog.governance |= {seeded(number, 32): wire.network.charter for number in range(200)}
    puppet = opened(wire, a)
    before = a.hub.state.intake.pool.tokens
    puppet.say(live(*invited(wire, 9, 10)))
    held = len(a.hub.state.catalog.governance)
    assert before - a.hub.state.intake.pool.tokens == INTAKE_COST + INTAKE_COST * held // INTAKE_GRANTS_A_RECORD


def test_what_is_void_before_authority_is_computed_costs_no_more_than_a_record(wire: Wire) -> None:
    a = wire.member(1)
    grants = wire.proofs(3)
    wire.publish(a, *grants, wire.network.grant(wire.network.hub(3).public, place=3, seq=2))
    puppet = opened(wire, a)
    a.hub.state.catalog.governance |= {seeded(number, 32): wire.network.charter for number in range(200)}
    old = wire.network.grant(wire.network.hub(3).public, place=3, invites=1)
    before = a.hub.state.intake.pool.tokens
    puppet.say(live(old))
    assert before - a.hub.state.intake.pool.tokens == INTAKE_COST


def test_a_neighbour_whose_void_grants_cost_much_waits_itself_and_others_do_not(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *wire.proofs(3))
    a.hub.state.catalog.governance |= {seeded(number, 32): wire.network.charter for number in range(600)}
    flooder, honest = opened(wire, a), opened(wire, a, 3)
    emptied(a, wire)
    nobody = key("nobody")
    flood = [wire.network.grant(key(f"x{number}").public, author=nobody, place=number) for number in range(100)]
    flooder.say(live(*flood))
    honest.say(live(*posts(wire, 3, 200)))
    wire.pass_time(2_000)
    assert sum(entry.author == wire.network.hub(3).public for entry in a.hub.catalog.entries.values()) > 150
    assert a.hub.state.intake.owed[wire.network.hub(2).public] > 0
    before = len(a.hub.state.intake.queue)
    flooder.say(live(*posts(wire, 2, 1)))
    assert len(a.hub.state.intake.queue) == before + 1


def test_only_so_many_neighbours_owe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_protocol.sync.intake.PEERS_KNOWN_MAX", 1)
    intake = Intake()
    intake.pool.tokens = 500
    for peer in (b"one", b"one", b"other"):
        intake.owe(peer, 1_000)
    assert intake.pool.tokens == 0
    assert intake.owed == {b"one": 1_500}
    assert not intake.takes(1_000, b"one")
    assert intake.takes(1_000, b"other")
    assert intake.takes(HOUR_MS, b"one"), "nobody has waited for long"


# --- Those who send


def eager(wire: Wire, core: Core, *numbers: int) -> Puppet:
    """A slow peer that wants these hubs' records at once."""
    puppet = opened(wire, core, 9)
    puppet.say(Prefer(b"".join(wire.network.hub(number).public[:8] for number in numbers), eager=True))
    return puppet


def heard_ids(puppet: Puppet) -> list[bytes]:
    return [row[0] for message in puppet.all_heard(Records) for row in message.records]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "WINDOW_RECORDS_MAX", 8)


@pytest.mark.usefixtures("narrow")
def test_behind_a_full_window_each_subtree_has_its_turn_and_only_what_stands_is_sent(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *wire.proofs(3), *invited(wire, 3, 51, 52))
    slow = eager(wire, a, 1, 3, 51, 52)
    wire.pass_time(5_000)
    slow.say(Ack(slow.session.out.weight))
    flood = [post for number in (51, 52) for post in posts(wire, number, 10)]
    for post in flood:
        wire.publish(a, post)
    own = posts(wire, 1, 1)[0]
    wire.publish(a, own)
    newer = wire.network.revise(wire.network.hub(52), flood[-1])
    wire.publish(a, newer)
    slow.heard.clear()
    slow.say(Ack(slow.session.out.acked + 4))
    ids = heard_ids(slow)
    assert own.head_bytes in ids[:2]
    assert newer.head_bytes in ids
    assert flood[-1].head_bytes not in ids
    wire.pass_time(THROUGH_AFTER_MS)
    assert slow.all_heard(Through) == [], "something waits"
    for _ in range(20):
        slow.say(Ack(slow.session.out.weight))
    wire.pass_time(THROUGH_AFTER_MS)
    assert slow.all_heard(Through)[-1].n == a.hub.catalog.last_n
    assert {post.head_bytes for post in (*flood[10:-1], newer)} <= set(heard_ids(slow))


@pytest.mark.usefixtures("narrow")
def test_what_the_line_has_no_room_for_is_named_and_after_that_the_stream_goes_on_by_name(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "LINE_MAX", 4)
    monkeypatch.setattr(spreading, "ANNOUNCED_MAX", 6)
    a = wire.member(1)
    slow = eager(wire, a, 1)
    for post in posts(wire, 1, 16):
        wire.publish(a, post)
    out = slow.session.out
    assert len(out.line) == 4
    assert out.named
    for post in posts(wire, 1, 16, start=20):
        wire.publish(a, post)
    assert len(out.line) == 0
    assert out.by_name
    for _ in range(30):
        slow.say(Ack(out.weight))
    wire.pass_time(THROUGH_AFTER_MS)
    names = b"".join(message.short for message in slow.all_heard(Have))
    sent = set(heard_ids(slow))
    assert all(row.head in sent or row.id[:8] in names for row in a.disk.rows.values())
    assert slow.all_heard(Through)[-1].n == a.hub.catalog.last_n
    assert LINE_MAX == 4_096


@pytest.mark.usefixtures("narrow")
def test_a_stream_by_name_alone_falls_behind_where_names_pile_up(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "ANNOUNCED_MAX", 4)
    a, b = wire.member(1), wire.member(3)
    slow = opened(wire, a, 9)
    slow.say(Prefer(wire.network.hub(3).public[:8], eager=False))
    meet(wire, a, b)
    slow.session.out.weight += 100
    for start in range(0, 9, 3):
        wire.publish(b, *needs(wire, b, 3, start=start))
        wire.deliver()
    assert slow.session.out.by_name
    assert not slow.session.out.line


def test_what_all_was_superseded_while_it_waited_is_not_asked_of_the_store(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    out = puppet.session.out
    out.line.push((b"x",), seeded("gone", 32))
    puppet.say(Ack(0))
    assert out.fetching is None
    assert not out.line
    assert RECORDS_PER_FRAME > 1
    assert puppet.all_heard(Want) == []
