"""What waits, and bad records: neither ends a sync, neither is counted as known (SPEC, part W)."""

import pytest

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.verdict import Verdict
from hartig_protocol.events import Commit, Now
from hartig_protocol.limits import DAY_MS, RECORDS_PER_FRAME, SWEEP_EVERY_MS, WAITING_PER_PEER_MAX
from hartig_protocol.records.record import Record
from hartig_protocol.sync.messages import ANSWER, BEHIND, Ack, Records, Through, Want
from support.records import NOW_MS, Network, key
from support.talk import CHECK, bodiless, cursors, opened, stream
from support.wire import Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


# --- What waits


def test_complete_through_waits_until_nothing_is_set_aside(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    need = wire.network.need(puppet.hub_key)
    puppet.say(stream(bodiless(need)))
    assert cursors(wire, a) == []
    puppet.say(stream(need, why=ANSWER))
    assert [cursor.n for cursor in cursors(wire, a)] == [10]


def test_a_record_without_its_body_is_asked_for_and_never_counted_as_known(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    need = wire.network.need(puppet.hub_key)
    puppet.say(stream(bodiless(need)))
    assert puppet.all_heard(Want) == [Want((need.id,))]
    assert need.id not in a.hub.catalog.entries
    puppet.say(stream(bodiless(need), why=ANSWER))
    assert puppet.all_heard(Want) == [Want((need.id,))], "each id is asked for once"


def test_any_peer_can_complete_what_waits(wire: Wire) -> None:
    a = wire.member(1)
    one, other = opened(wire, a, 2), opened(wire, a, 3)
    need = wire.network.need(one.hub_key)
    one.say(stream(bodiless(need), through=4))
    other.say(stream(need, through=6))
    assert need.id in a.ids
    assert len(a.hub.state.waiting) == 0
    assert {(cursor.peer, cursor.n) for cursor in cursors(wire, a)} == {
        (one.hub_key.public, 4),
        (other.hub_key.public, 6),
    }


def test_what_waits_from_two_peers_holds_both_cursors(wire: Wire) -> None:
    a = wire.member(1)
    one, other = opened(wire, a, 2), opened(wire, a, 3)
    far = wire.network.hub(50)
    need = wire.network.need(far)
    one.say(stream(need))
    other.say(stream(need))
    wire.publish(a, wire.network.grant(wire.network.hub(51).public, place=51))  # tried again, and still no proof
    assert cursors(wire, a) == []
    assert a.hub.state.waiting.count(one.hub_key.public) == a.hub.state.waiting.count(other.hub_key.public) == 1
    wire.publish(a, wire.network.grant(far.public, place=50))
    assert need.id in a.ids
    assert len(cursors(wire, a)) == 2


def test_what_is_tried_again_by_the_clock_still_holds_every_cursor(wire: Wire) -> None:
    a = wire.member(1)
    one, other = opened(wire, a, 2), opened(wire, a, 3)
    first, second = wire.network.need(wire.network.hub(50)), wire.network.need(wire.network.hub(51))
    one.say(stream(first))
    other.say(stream(second))
    for _ in range(3):
        wire.pass_time(30_000)
        one.say(Ack(0))
        other.say(Ack(0))
    assert cursors(wire, a) == []


def test_steps_wait_for_the_step_before_and_for_their_register(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    need = wire.network.need(puppet.hub_key)
    one = wire.network.step(puppet.hub_key, need)
    two = wire.network.step(puppet.hub_key, need, one)
    puppet.say(stream(two))
    assert puppet.all_heard(Want) == []
    puppet.say(stream(need))
    assert puppet.all_heard(Want) == [Want((one.id,))]
    puppet.say(stream(one))
    assert {need.id, one.id, two.id} <= a.ids


def test_a_missing_step_is_asked_for(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    need = wire.network.need(puppet.hub_key)
    one = wire.network.step(puppet.hub_key, need)
    puppet.say(stream(need, wire.network.step(puppet.hub_key, need, one)))
    assert puppet.all_heard(Want) == [Want((one.id,))]


def test_the_waiting_place_is_bounded_and_a_spill_holds_the_cursor(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    far = wire.network.hub(50)
    unproven = [wire.network.need(far, place=place, nonce=place) for place in range(WAITING_PER_PEER_MAX + 10)]
    puppet.say(stream(*unproven[:200]), stream(*unproven[200:]))
    assert a.hub.state.waiting.count(puppet.hub_key.public) == WAITING_PER_PEER_MAX
    wire.publish(a, wire.network.grant(far.public, place=50))
    wire.deliver()
    assert cursors(wire, a) == []
    assert len(a.hub.state.waiting) == 0


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records the catalog was asked about, each time."""
    counts, usual = list[int](), Catalog.take

    def take(catalog: Catalog, records: list[Record], now: Now, commit: Commit) -> list[tuple[Record, Verdict]]:
        counts.append(len(records))
        return usual(catalog, records, now, commit)

    monkeypatch.setattr(Catalog, "take", take)
    return counts


def test_a_change_of_authority_tries_only_what_waits_for_those_whom_it_concerns(wire: Wire, tried: list[int]) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    far = wire.network.hub(50)
    puppet.say(stream(*(wire.network.need(far, place=place, nonce=place) for place in range(200))))
    grants = [wire.network.grant(wire.network.hub(60 + n).public, author=far, place=n, invites=0) for n in range(20)]
    puppet.say(stream(*grants))
    tried.clear()
    wire.publish(a, wire.network.grant(wire.network.hub(51).public, place=51))
    wire.deliver()
    assert tried == [1]
    wire.publish(a, wire.network.grant(far.public, place=50, invites=40))
    wire.deliver()
    assert max(tried) <= RECORDS_PER_FRAME
    assert {grant.id for grant in grants} <= a.ids
    assert len(a.hub.state.waiting) == 0


def test_what_the_clock_may_have_completed_is_tried_a_few_at_a_time(wire: Wire, tried: list[int]) -> None:
    a = wire.member(1)
    puppets = [opened(wire, a, number) for number in (2, 3)]
    for puppet in puppets:
        far = wire.network.hub(50 + puppet.number)
        puppet.say(stream(*(wire.network.need(far, place=place, nonce=place) for place in range(100))))
    tried.clear()
    for _ in range(3):
        wire.pass_time(SWEEP_EVERY_MS // 2)
        for puppet in puppets:
            puppet.say(Ack(0))
    assert max(tried) <= RECORDS_PER_FRAME
    assert sum(tried) >= 200
    assert len(a.hub.state.waiting) == 200


def test_a_recovery_key_s_revocation_is_tried_when_its_subject_is_granted_anew(wire: Wire) -> None:
    a = wire.member(1)
    puppet, hub = opened(wire, a), wire.network.hub(50)
    kit = key(f"recovery of {hub.public.hex()}")
    handed = wire.network.revoke(hub.public, author=kit, consenting=hub)
    puppet.say(stream(handed))
    assert handed.id not in a.ids
    wire.publish(a, wire.network.grant(hub.public, place=50, recovery_of=hub))
    assert handed.id in a.ids


def test_what_a_peer_sent_is_forgotten_when_it_leaves(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    puppet.say(stream(wire.network.need(wire.network.hub(50))))
    wire.cut(puppet.link)
    assert len(a.hub.state.waiting) == 0


def test_steps_of_a_thread_that_was_superseded_hold_nothing_up(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    hub = puppet.hub_key
    newer = wire.network.need(hub, nonce="newer", expires=NOW_MS + 20 * DAY_MS)
    older = wire.network.need(hub, nonce="older")
    puppet.say(stream(newer, through=1))
    step = wire.network.step(hub, older)
    puppet.say(stream(step, through=2))
    assert [cursor.n for cursor in cursors(wire, a)] == [1]
    puppet.say(stream(older, through=3))
    puppet.say(stream(wire.network.step(hub, older, step), through=4))
    assert [cursor.n for cursor in cursors(wire, a)] == [1, 2, 3, 4]


def test_old_threads_are_remembered_within_bounds(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    hub = puppet.hub_key
    puppet.say(stream(*[wire.network.need(hub, place=p, expires=NOW_MS + 20 * DAY_MS) for p in range(150)]))
    for half in (0, 150):
        old = [wire.network.need(hub, place=p % 150, nonce=f"old {p}") for p in range(half, half + 150)]
        puppet.say(stream(*old))
    assert len(puppet.session.into.old_threads) == 256


# --- Bad records


def test_one_bad_record_never_ends_a_sync(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    good = wire.network.need(puppet.hub_key)
    head, signature, body = wire.network.need(puppet.hub_key, place=1).wire
    bad = [
        (head, bytes(64), body),
        (head, signature, b"\x80"),
        (head[:-1], signature, body),
        [head, signature],
        "no record",
        [1, 2, 3],
        [head, signature, 7],
        None,
    ]
    puppet.say(Records(BEHIND, (*bad, good.wire), False), Through(9, CHECK, True))
    assert good.id in a.ids
    assert puppet.session.into.refused == len(bad)
    assert [cursor.n for cursor in cursors(wire, a)] == [9]
    assert puppet.closed is None


def test_a_record_of_another_network_passes_and_holds_nothing_up(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    other = Network(seed=5)
    puppet.say(stream(other.need(puppet.hub_key), other.charter, other.grant(puppet.hub_key.public)))
    assert [cursor.n for cursor in cursors(wire, a)] == [10]
    assert puppet.session.into.refused == 3
