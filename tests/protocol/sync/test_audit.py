"""The audit: it finds every difference, agrees on an hour, and always ends (SPEC, part F)."""

from typing import Any

import pytest

from hartig_protocol.catalog.fingerprint import fingerprint, next_hour_ms
from hartig_protocol.events import Commit, Now
from hartig_protocol.limits import (
    ASKED_PER_SESSION_MAX,
    AUDIT_EVERY_MS,
    AUDITS_PER_MINUTE_MAX,
    DAY_MS,
    HOUR_MS,
    IDS_LISTED_MAX,
    IDS_PER_FRAME_MAX,
    MINUTE_MS,
    RECORDS_PER_FRAME,
)
from hartig_protocol.records.record import Record
from hartig_protocol.sync import audit as audit_module
from hartig_protocol.sync import inbound
from hartig_protocol.sync.audit import LIST_AGAIN_MS_MIN, UNSETTLED_MS_MAX, agreed_hour_ms
from hartig_protocol.sync.messages import Ack, Audit, Equal, Ids, Pong, Records, Want
from support.cores import Core
from support.records import NOW_MS, seeded
from support.wire import Puppet, Wire

H = HOUR_MS


@pytest.fixture
def wire() -> Wire:
    return Wire()


def slip_in(core: Core, record: Record) -> None:
    """Let a core accept a record of which it tells nobody, as if a message had been lost."""
    commit = Commit()
    core.hub.catalog.take([record], Now(NOW_MS + H, 0), commit)
    core.apply(commit)
    for session in core.hub.state.open_sessions():
        session.out.sent = session.out.told = core.hub.catalog.last_n


def dialled(wire: Wire, core: Core) -> Puppet:
    """A puppet that the core has dialled, so that the core begins the audits."""
    puppet = Puppet(wire, 2, core, dials=False)
    puppet.say(puppet.hello(epoch=seeded("e", 16)))
    return puppet


def settle(puppet: Puppet) -> None:
    """Acknowledge all, and say that there is nothing more."""
    for message in puppet.all_heard(Records):
        puppet.say(Ack(message.number))
    puppet.say(Records(1, 0, (), 1, bytes(16), True))


def greeted(wire: Wire, core: Core) -> Puppet:
    puppet = Puppet(wire, 2, core)
    puppet.say(puppet.hello())
    return puppet


def hour(wire: Wire) -> int:
    return next_hour_ms(wire.now.wall_ms)


@pytest.mark.parametrize(
    ("mine", "mine_trusted", "theirs", "theirs_trusted", "agreed"),
    [
        (5 * H, True, 5 * H, True, 5 * H),
        (5 * H, True, 7 * H, False, 7 * H),
        (7 * H, True, 5 * H, True, 7 * H),
        (5 * H, True, 8 * H, False, 5 * H),
        (5 * H, False, 8 * H, True, 8 * H),
        (5 * H, True, 8 * H, True, 5 * H),
        (5 * H, False, 8 * H, False, 8 * H),
    ],
)
def test_both_sides_agree_on_the_hour(
    mine: int, mine_trusted: bool, theirs: int, theirs_trusted: bool, agreed: int
) -> None:
    assert agreed_hour_ms(mine, mine_trusted, theirs, theirs_trusted) == agreed
    assert agreed_hour_ms(theirs, theirs_trusted, mine, mine_trusted) == agreed


def test_equal_sets_are_proven_equal_in_one_round_trip(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    assert len(wire.said(a, Audit)) == len(wire.said(b, Equal)) == 1
    assert wire.said(a, Ids) == wire.said(b, Ids) == []
    assert a.hub.state.open_sessions()[0].audit.equal_at_ms == wire.now.wall_ms
    assert b.hub.state.open_sessions()[0].audit.equal_at_ms == wire.now.wall_ms


@pytest.mark.parametrize("who", ["dialler", "acceptor", "both"])
def test_a_difference_is_mended_within_one_audit(wire: Wire, who: str) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    if who != "acceptor":
        slip_in(a, wire.network.need(a.key))
    if who != "dialler":
        slip_in(b, wire.network.need(b.key))
    assert a.ids != b.ids
    wire.pass_time(AUDIT_EVERY_MS + UNSETTLED_MS_MAX)
    assert a.ids == b.ids


def test_a_long_list_comes_in_parts(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "IDS_PER_FRAME_MAX", 4)
    a, b = wire.member(1), wire.member(2)
    for place in range(9):
        wire.publish(a, wire.network.need(a.key, place=place, nonce=place))
    wire.connect(a, b)
    wire.deliver()
    slip_in(a, wire.network.need(a.key, place=10))
    wire.pass_time(AUDIT_EVERY_MS + UNSETTLED_MS_MAX)
    parts = wire.said(b, Ids)
    assert [len(part.ids) for part in parts] == [4, 4, 4, 2]
    assert [part.final for part in parts] == [False, False, False, True]
    assert a.ids == b.ids


def test_an_audit_goes_on_although_something_waits(wire: Wire) -> None:
    a = wire.member(1)
    puppet = dialled(wire, a)
    settle(puppet)
    puppet.heard.clear()
    wire.pass_time(AUDIT_EVERY_MS // 10)
    unproven = wire.network.need(wire.network.hub(77))
    for _ in range(12):
        puppet.say(Records(5, 0, (unproven.wire,), 3, bytes(16), True))
        wire.pass_time(30_000)
    assert len(puppet.all_heard(Audit)) >= 1


def test_the_other_sides_later_hour_is_taken(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.set_clock(b, H)
    wire.connect(a, b)
    wire.deliver()
    (asked,), (answered,) = wire.said(a, Audit), wire.said(b, Audit)
    assert answered.as_of == asked.as_of + H
    assert wire.said(a, Equal) == [Equal(answered.as_of)]


def test_a_hub_in_1970_uses_the_trusted_hour(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.set_clock(a, -NOW_MS, trusted=False)
    wire.connect(a, b)
    wire.deliver()
    assert wire.said(b, Audit)[0].as_of == hour(wire)
    assert wire.said(a, Equal) == [Equal(hour(wire))]


def test_what_still_waits_from_a_peer_with_the_same_set_may_go(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    stale = wire.network.step(puppet.hub_key, wire.network.need(puppet.hub_key))
    puppet.say(Records(1, 0, (stale.wire,), 4, bytes(16), True))
    assert len(a.hub.state.waiting) == 1
    ids, print_ = a.hub.state.audit_set.as_of(hour(wire))
    puppet.say(Audit(hour(wire), True, hour(wire), len(ids), print_))
    assert puppet.all_heard(Equal) == [Equal(hour(wire))]
    assert len(a.hub.state.waiting) == 0
    assert a.disk.cursors[puppet.hub_key.public].n == 4


# --- Peers that lie


@pytest.mark.parametrize(("count", "print_"), [(0, None), (None, bytes(16)), (2**53 - 1, bytes(16))])
def test_a_lie_about_count_or_fingerprint_gets_the_list_and_no_more(
    wire: Wire, count: int | None, print_: bytes | None
) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    ids, good = a.hub.state.audit_set.as_of(hour(wire))
    puppet.say(
        Audit(hour(wire), True, hour(wire), len(ids) if count is None else count, good if print_ is None else print_)
    )
    assert [list(part.ids) for part in puppet.all_heard(Ids)] == [ids]


def test_asking_for_the_list_again_and_again_costs_the_link(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    lie = Audit(hour(wire), True, hour(wire), 0, bytes(16))
    puppet.say(lie)
    for _ in range(3):
        wire.pass_time(LIST_AGAIN_MS_MIN // 3)
        puppet.say(Pong(0))
    puppet.say(lie)
    assert puppet.closed is None
    puppet.say(lie)
    assert puppet.closed is not None
    assert puppet.closed[0] == "too_often"


def test_audits_again_and_again_cost_the_link_though_the_sets_are_equal(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    ids, print_ = a.hub.state.audit_set.as_of(hour(wire))
    for _turn in range(AUDITS_PER_MINUTE_MAX):
        puppet.say(Audit(hour(wire), True, hour(wire), len(ids), print_))
    assert puppet.closed is None
    puppet.say(Audit(hour(wire), True, hour(wire), len(ids), print_))
    assert puppet.closed is not None
    assert puppet.closed[0] == "too_often"


def test_audits_are_welcome_again_after_a_minute(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    ids, print_ = a.hub.state.audit_set.as_of(hour(wire))
    for _minute in range(3):
        for _turn in range(AUDITS_PER_MINUTE_MAX):
            puppet.say(Audit(hour(wire), True, hour(wire), len(ids), print_))
        for _ in range(4):
            wire.pass_time(MINUTE_MS // 3)
            puppet.say(Pong(0))
    assert puppet.closed is None


@pytest.mark.parametrize("changes", [{"hour": 5}, {"as_of": 5}])
def test_an_audit_that_names_no_full_hour_costs_the_link(wire: Wire, changes: dict[str, int]) -> None:
    puppet = greeted(wire, wire.member(1))
    told = {"hour": hour(wire), "as_of": hour(wire), **changes}
    puppet.say(Audit(told["hour"], True, told["as_of"], 0, bytes(16)))
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def test_an_hour_that_does_not_follow_costs_the_link_at_the_second_time(wire: Wire) -> None:
    puppet = greeted(wire, wire.member(1))
    wrong = Audit(hour(wire), True, hour(wire) + 30 * DAY_MS // H * H, 0, bytes(16))
    puppet.say(wrong)
    assert [m.as_of for m in puppet.all_heard(Audit)] == [hour(wire)]
    puppet.say(wrong)
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def begun(wire: Wire) -> tuple[Core, Puppet, int]:
    """A core that has asked for an audit, and waits for the answer."""
    a = wire.member(1)
    puppet = dialled(wire, a)
    settle(puppet)
    (asked,) = puppet.all_heard(Audit)
    return a, puppet, asked.as_of


def test_a_list_is_compared_in_both_directions(wire: Wire) -> None:
    a, puppet, as_of = begun(wire)
    only_here = wire.network.need(a.key)
    wire.publish(a, only_here)
    settle(puppet)
    puppet.heard.clear()
    phantom = seeded("phantom", 32)
    ids = sorted((a.ids - {only_here.id}) | {phantom})
    puppet.say(Ids(as_of, tuple(ids), True))
    assert puppet.all_heard(Want) == [Want((phantom,))]
    assert [tuple(row) for m in puppet.all_heard(Records) for row in m.records] == [only_here.wire]


@pytest.mark.parametrize("bad", ["falls", "repeats", "falls over parts"])
def test_a_list_that_does_not_rise_costs_the_link(wire: Wire, bad: str) -> None:
    _, puppet, as_of = begun(wire)
    low, high = sorted([seeded("1", 32), seeded("2", 32)])
    parts = {"falls": [(high, low)], "repeats": [(low, low)], "falls over parts": [(high,), (low,)]}[bad]
    for part in parts:
        puppet.say(Ids(as_of, part, False))
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def test_an_endless_list_costs_the_link(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    assert IDS_LISTED_MAX >= IDS_PER_FRAME_MAX
    monkeypatch.setattr(audit_module, "IDS_LISTED_MAX", 10)
    _, puppet, as_of = begun(wire)
    puppet.say(Ids(as_of, tuple(sorted(seeded(i, 32) for i in range(11))), False))
    assert puppet.closed is not None
    assert puppet.closed[0] == "too_large"


def test_a_list_or_an_equal_that_nobody_asked_for_does_nothing(wire: Wire) -> None:
    a = wire.member(1)
    puppet = greeted(wire, a)
    puppet.heard.clear()
    puppet.say(Ids(hour(wire), (seeded("phantom", 32),), True), Equal(hour(wire)))
    assert puppet.heard == []
    assert puppet.session.audit.equal_at_ms is None


def test_phantom_ids_are_asked_for_within_bounds(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "ASKED_PER_SESSION_MAX", 300)
    assert ASKED_PER_SESSION_MAX == 65_536
    _, puppet, as_of = begun(wire)
    puppet.say(Ids(as_of, tuple(sorted(seeded(i, 32) for i in range(1000))), True))
    into = puppet.session.into
    assert len(into.asked) + len(into.wanted) == 300
    assert [len(m.ids) for m in puppet.all_heard(Want)] == [RECORDS_PER_FRAME]


def test_what_a_liar_never_sends_is_asked_again_only_by_the_next_audit(wire: Wire) -> None:
    _, puppet, as_of = begun(wire)
    phantom = seeded("phantom", 32)
    puppet.say(Ids(as_of, (phantom,), True))
    assert len(puppet.all_heard(Want)) == 1
    puppet.say(Records(9, 1, (), 0, bytes(16), True))
    for _ in range(11):
        wire.pass_time(30_000)
        puppet.say(Pong(0))
    assert len(puppet.all_heard(Want)) == 1
    puppet.say(Ids(puppet.all_heard(Audit)[-1].as_of, (phantom,), True))
    assert len(puppet.all_heard(Want)) == 2


def test_a_peer_that_never_answers_an_audit_holds_nothing_up(wire: Wire) -> None:
    a, puppet, _ = begun(wire)
    for _ in range(24):
        wire.pass_time(30_000)
        puppet.say(Pong(0))
    assert len(puppet.all_heard(Audit)) == 3
    wire.publish(a, wire.network.need(a.key))
    assert len(puppet.all_heard(Records)[-1].records) == 1


def test_the_fingerprint_names_the_hour_and_the_ids() -> None:
    ids = sorted(seeded(i, 32) for i in range(3))
    prints: list[Any] = [fingerprint(ids, H), fingerprint(ids, 2 * H), fingerprint(ids[:2], H), fingerprint([], H)]
    assert len(set(prints)) == 4
    assert next_hour_ms(H) == 2 * H
    assert next_hour_ms(H - 1) == H
