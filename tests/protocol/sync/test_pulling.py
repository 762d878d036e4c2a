"""What peers name and we lack: waited for, pulled, given up (SPEC S7, S8)."""

import pytest

from hartig_protocol.limits import PULLS_PER_FRAME_MAX, SHORT_BYTES
from hartig_protocol.records.record import Record
from hartig_protocol.sync import pulling
from hartig_protocol.sync.messages import ANSWER, Have, Prefer, Pull, Records
from support.records import seeded
from support.talk import bodiless, cursors, have, live, needs, opened, stream
from support.wire import Puppet, Wire

WAIT_MS = 300


@pytest.fixture
def wire() -> Wire:
    return Wire()


def quiet(puppet: Puppet) -> Puppet:
    """A peer with which all has been said."""
    puppet.say(stream(through=1))
    puppet.heard.clear()
    return puppet


def names(*records: Record) -> bytes:
    return b"".join(record.id[:8] for record in records)


def test_what_is_named_and_does_not_come_is_pulled(wire: Wire) -> None:
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    need = wire.network.need(puppet.hub_key)
    puppet.say(have(need))
    assert puppet.all_heard(Pull) == []
    wire.pass_time(WAIT_MS)
    assert puppet.all_heard(Pull) == [Pull(names(need))]
    puppet.say(stream(need, why=ANSWER))
    assert need.id in a.ids


def test_what_is_named_and_comes_is_not_pulled(wire: Wire) -> None:
    a = wire.member(1)
    one, other = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    need = wire.network.need(one.hub_key)
    other.say(have(need))
    one.say(live(need))
    wire.pass_time(WAIT_MS)
    assert other.all_heard(Pull) == one.all_heard(Pull) == []
    assert a.hub.state.missing == {}


def test_what_is_held_already_is_not_pulled(wire: Wire) -> None:
    a = wire.member(1)
    (need,) = needs(wire, a, 1)
    wire.publish(a, need)
    puppet = quiet(opened(wire, a))
    puppet.say(have(need))
    assert a.hub.state.missing == {}


def test_what_was_refused_lately_is_not_pulled(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "REFUSED_LATELY_MAX", 1)
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    old = [wire.network.need(puppet.hub_key, place=place, nonce=place) for place in (1, 2)]
    newer = [wire.network.revise(puppet.hub_key, one) for one in old]
    puppet.say(live(*newer))
    puppet.say(live(*old))
    assert list(a.hub.state.refused_lately) == [old[1].id[:8]]
    puppet.say(have(old[1]))
    assert a.hub.state.missing == {}


def test_a_name_holds_the_cursor_until_the_record_is_here(wire: Wire) -> None:
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    need = wire.network.need(puppet.hub_key)
    puppet.say(have(need), stream(through=7))
    assert [cursor.n for cursor in cursors(wire, a)] == [1]
    wire.pass_time(WAIT_MS)
    puppet.say(stream(need, why=ANSWER))
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 7]


def test_a_name_holds_the_cursor_while_its_record_waits_for_its_body(wire: Wire) -> None:
    a = wire.member(1)
    stripper, namer = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    need = wire.network.need(stripper.hub_key)
    stripper.say(live(bodiless(need)))
    namer.say(have(need), stream(through=9))
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 1]
    wire.pass_time(WAIT_MS)
    assert namer.all_heard(Pull) == [Pull(names(need))]
    namer.say(stream(need, why=ANSWER))
    assert need.id in a.ids
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 1, 9]


def test_names_of_what_does_not_exist_cost_one_question(wire: Wire) -> None:
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    puppet.say(Have(seeded("nothing", 8), now=False), stream(through=7))
    wire.pass_time(WAIT_MS)
    assert len(puppet.all_heard(Pull)) == 1
    puppet.say(stream(why=ANSWER), stream(through=8))
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 8]
    wire.pass_time(15_000)
    assert len(puppet.all_heard(Pull)) == 1


def test_when_one_does_not_answer_the_next_is_asked(wire: Wire) -> None:
    a = wire.member(1)
    one, other = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    need = wire.network.need(one.hub_key)
    one.say(have(need))
    other.say(have(need))
    wire.pass_time(WAIT_MS)
    assert (len(one.all_heard(Pull)), len(other.all_heard(Pull))) == (1, 0)
    wire.pass_time(6_000)
    assert (len(one.all_heard(Pull)), len(other.all_heard(Pull))) == (1, 1)
    other.say(stream(need, why=ANSWER))
    assert need.id in a.ids


def test_when_one_holds_it_no_more_the_next_is_asked_at_once(wire: Wire) -> None:
    a = wire.member(1)
    one, other = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    need = wire.network.need(one.hub_key)
    one.say(have(need))
    other.say(have(need))
    wire.pass_time(WAIT_MS)
    one.say(stream(why=ANSWER))
    assert other.all_heard(Pull) == [Pull(names(need))]


def test_when_a_link_ends_another_is_asked(wire: Wire) -> None:
    a = wire.member(1)
    one, other = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    need = wire.network.need(one.hub_key)
    one.say(have(need))
    other.say(have(need))
    wire.cut(one.link)
    wire.pass_time(WAIT_MS)
    assert other.all_heard(Pull) == [Pull(names(need))]


def test_what_nobody_sends_is_given_up_and_holds_the_cursors(wire: Wire) -> None:
    a = wire.member(1)
    silent, gone = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    name = Have(seeded("nothing", 8), now=False)
    silent.say(name)
    gone.say(name)
    wire.pass_time(WAIT_MS)
    wire.cut(gone.link)
    wire.pass_time(6_000)
    silent.say(stream(through=7))
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 1], "it was asked and has not answered"
    wire.cut(silent.link)
    wire.pass_time(6_000)
    assert a.hub.state.missing == {}


def test_many_names_are_pulled_in_bounded_questions(wire: Wire) -> None:
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    puppet.say(Have(b"".join(seeded(f"{i}", 8) for i in range(3 * PULLS_PER_FRAME_MAX)), now=False))
    wire.pass_time(WAIT_MS)
    assert [len(pull.short) // 8 for pull in puppet.all_heard(Pull)] == [PULLS_PER_FRAME_MAX] * 2
    puppet.say(stream(why=ANSWER))
    assert len(puppet.all_heard(Pull)) == 3


def test_names_are_bounded_for_each_peer(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "NAMED_PER_SESSION_MAX", 3)
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    puppet.say(Have(b"".join(seeded(f"{i}", 8) for i in range(5)), now=False))
    assert len(a.hub.state.missing) == 3
    assert puppet.session.into.spilled


def test_who_had_to_be_asked_is_asked_for_the_next_at_once(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(a, *wire.proofs(9))
    puppet = quiet(opened(wire, a))
    need = wire.network.need(wire.network.hub(9))
    puppet.say(have(need))
    wire.pass_time(WAIT_MS)
    puppet.say(stream(need, why=ANSWER))
    assert puppet.all_heard(Prefer) == [Prefer(wire.network.hub(9).public[:8], eager=True)]


def test_a_pull_is_answered_with_what_is_held(wire: Wire) -> None:
    a = wire.member(1)
    (need,) = needs(wire, a, 1)
    private = wire.network.need(a.key, place=9, audience="hub")
    wire.publish(a, need, private)
    puppet = quiet(opened(wire, a))
    puppet.say(Pull(names(need, private) + seeded("nothing", 8)))
    (answer,) = puppet.all_heard(Records)
    assert (answer.why, answer.final, [tuple(row) for row in answer.records]) == (ANSWER, True, [need.wire])


def test_a_pull_of_nothing_costs_the_link(wire: Wire) -> None:
    puppet = opened(wire, wire.member(1))
    puppet.say(Pull(b""))
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def test_what_comes_beside_it_does_not_end_the_wait_for_what_was_named(wire: Wire) -> None:
    puppet = opened(wire, wire.member(1))
    lacking = wire.network.need(puppet.hub_key, place=1, nonce=1).id[:SHORT_BYTES]
    puppet.say(Have(lacking, now=False))
    puppet.say(live(wire.network.need(puppet.hub_key, place=2, nonce=2)))
    assert set(puppet.core.hub.state.missing) == {lacking}


def test_what_was_parked_for_a_link_that_ends_is_given_up(wire: Wire) -> None:
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    puppet.say(Have(b"".join(seeded(f"{i}", 8) for i in range(3 * PULLS_PER_FRAME_MAX)), now=False))
    wire.pass_time(WAIT_MS)
    missing = a.hub.state.missing
    assert sum(one.due_ms == pulling.PARKED_MS for one in missing.values()) == PULLS_PER_FRAME_MAX
    wire.cut(puppet.link)
    assert len(missing) == 2 * PULLS_PER_FRAME_MAX
    wire.pass_time(pulling.ANSWER_WAIT_MS)
    assert not missing


def test_a_name_that_is_due_costs_no_look_at_others(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    a = wire.member(1)
    other, puppet = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    other.say(Have(b"".join(seeded(f"{i}", 8) for i in range(2_000)), now=False))
    wire.pass_time(WAIT_MS)
    looks: list[int] = []
    pull = pulling.pull

    def counted(state: object, step: object, names: list[bytes], *, urgent: bool = False) -> None:
        looks.append(len(names))
        pull(state, step, names, urgent=urgent)  # type: ignore[arg-type]

    monkeypatch.setattr(pulling, "pull", counted)
    puppet.say(Have(seeded("one more", 8), now=False))
    wire.pass_time(WAIT_MS)
    puppet.say(stream(why=ANSWER))
    assert looks == [1, 1]


def test_notes_of_when_to_look_at_a_name_do_not_pile_up(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "PULLS_PER_FRAME_MAX", 4)
    monkeypatch.setattr(pulling, "NAMED_PER_SESSION_MAX", 8)
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    state = a.hub.state
    for number in range(40):
        puppet.say(Have(seeded(f"{number}", 8), now=False))
        wire.pass_time(WAIT_MS)
        puppet.say(stream(why=ANSWER))
        assert len(state.missing_due) <= pulling.DUE_A_NAME_MAX * max(1, len(state.missing)) + 4
    puppet.say(Have(b"".join(seeded(f"more {i}", 8) for i in range(8)), now=False))
    for _ in range(20):
        for short, missing in state.missing.items():
            pulling._due(state, short, missing, missing.due_ms + 1)
    assert len(state.missing_due) <= pulling.DUE_A_NAME_MAX * 8 + 4
    assert pulling.next_due_ms(state) == min(one.due_ms for one in state.missing.values())
