"""Registers, chains and life: what is accepted, what stands, what goes, in any order (SPEC, parts R, T, L and W)."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.verdict import Outcome
from hartig_protocol.events import Commit
from hartig_protocol.limits import DAY_MS, HOUR_MS, MINUTE_MS
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Record
from support.records import NOW_MS, Network, seeded
from support.shelf import HUB, NETWORK, NOON, OTHER, PROOFS, Shelf, need
from support.wire import Wire

# --- Registers


def test_of_all_in_a_place_the_highest_expires_seq_and_id_stands() -> None:
    low, high = need(expires=NOW_MS + DAY_MS), need(nonce=1, expires=NOW_MS + 2 * DAY_MS)
    for order in ((low, high), (high, low)):
        shelf = Shelf()
        shelf.take(order[0])
        shelf.take(order[1])
        assert high.id in shelf.ids
        assert low.id not in shelf.ids
    assert Shelf(high).take(low) == ["superseded"]


def test_what_stands_of_a_thread_is_its_newest_version_and_nothing_of_a_thread_that_gave_way() -> None:
    low, high = need(expires=NOW_MS + DAY_MS), need(nonce=1, expires=NOW_MS + 2 * DAY_MS)
    ended = NETWORK.revise(HUB, high, ends=True)
    shelf = Shelf(low)
    assert shelf.catalog.standing_of(low.head) == (low.head.seq, low.head.expires, False)
    assert shelf.catalog.standing_of(high.head) is None
    shelf.take(high, ended)
    assert shelf.catalog.standing_of(low.head) is None
    assert shelf.catalog.standing_of(high.head) == (ended.head.seq, ended.head.expires, True)
    assert Shelf().catalog.standing_of(low.head) is None


def test_seq_and_then_id_decide_where_expires_is_the_same() -> None:
    first, second = need(seq=1), need(seq=2)
    assert Shelf(second).take(first) == ["superseded"]
    twins = sorted([need(seq=1), need(seq=1, nonce=5)], key=lambda record: record.id)
    assert Shelf(twins[1]).take(twins[0]) == ["superseded"]
    assert Shelf(twins[0]).take(twins[1]) == ["ACCEPTED"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 3), st.integers(1, 3)), max_size=10),
    st.integers(0, 2**32),
    st.lists(st.integers(0, 12), max_size=4),
)
def test_the_kept_set_is_independent_of_order_duplicates_and_splits(
    fields: list[tuple[int, int, int, int]], seed: int, splits: list[int]
) -> None:
    records = [need(place=p, nonce=n, seq=s, expires=NOW_MS + e * DAY_MS) for p, n, s, e in fields]
    whole = Shelf(*records)
    shuffled = records + records[:3]
    Random(seed).shuffle(shuffled)
    apart = Shelf()
    cuts = [0, *sorted(splits), len(shuffled)]
    for start, end in pairwise(cuts):
        apart.take(*shuffled[start:end])
    assert apart.ids == whole.ids
    standing = {entry.id for entry in apart.catalog.registers.values()}
    assert standing <= apart.ids


def test_a_place_of_this_hub_alone_is_another_register() -> None:
    shared, private = need(), need(audience="hub")
    assert Shelf(shared).take(private) == ["ACCEPTED"]


def test_a_known_record_is_known() -> None:
    assert Shelf(need()).take(need()) == ["KNOWN"]


def test_a_place_beyond_the_grant_waits_for_a_better_one() -> None:
    beyond = need(place=1_000)
    shelf = Shelf()
    assert shelf.take(beyond) == ["waits_proof"]
    shelf.take(NETWORK.grant(HUB.public, place=7, places=2_000))
    assert shelf.take(beyond) == ["ACCEPTED"]


def test_what_loses_its_proof_goes_at_once_and_comes_back_with_a_new_number() -> None:
    wide = NETWORK.grant(HUB.public, place=7, places=2_000)
    beyond = need(place=1_500)
    shelf = Shelf(wide, beyond)
    number = shelf.catalog.entries[beyond.id].n
    shelf.take(NETWORK.grant(HUB.public, place=7, places=1_100, seq=2))
    assert beyond.id in shelf.commit.removed
    shelf.take(NETWORK.grant(HUB.public, place=7, places=2_000, seq=3))
    assert shelf.take(beyond) == ["ACCEPTED"]
    assert shelf.catalog.entries[beyond.id].n > number


def test_records_of_a_revoked_key_are_refused_and_those_held_go() -> None:
    held, step = need(), NETWORK.step(HUB, need())
    shelf = Shelf(held, step)
    shelf.take(NETWORK.revoke(HUB.public))
    assert {held.id, step.id} <= set(shelf.commit.removed)
    assert shelf.take(need(place=3)) == ["revoked"]


def test_what_a_revoked_key_granted_goes_with_all_that_rested_on_it() -> None:
    below = NETWORK.hub(9)
    grant, post = NETWORK.grant(below.public, author=HUB), NETWORK.need(below)
    step = NETWORK.step(below, post)
    newer = NETWORK.revise(below, post)
    shelf = Shelf(grant, post, step, newer)
    shelf.take(NETWORK.revoke(HUB.public))
    assert {grant.id, newer.id, step.id} <= set(shelf.commit.removed)
    assert len(shelf.commit.removed) == len(set(shelf.commit.removed))
    assert not {grant.id, newer.id, step.id} & shelf.ids


def test_another_networks_records_are_refused() -> None:
    other = Network(seed=3)
    assert Shelf().take(other.charter, other.grant(HUB.public), other.need(HUB)) == ["other_network"] * 3


# --- Unknown kinds


def test_unknown_kinds_are_kept_by_the_generic_rules() -> None:
    register = NETWORK.unknown(HUB, place=3)
    one = NETWORK.step(HUB, register)
    fork = NETWORK.step(HUB, register, facts={"another": 1})
    assert Shelf().take(register, one, fork) == ["ACCEPTED"] * 3
    assert Shelf().take(one) == ["waits_register"]


def test_steps_go_with_their_register_and_follow_the_chain_rule() -> None:
    register = need()
    one = NETWORK.step(HUB, register)
    two, twin = NETWORK.step(HUB, register, one), NETWORK.step(HUB, register, one, facts={"another": 1})
    three = NETWORK.step(HUB, register, two)
    shelf = Shelf(register, one, two, three)
    assert shelf.take(twin) == ["ACCEPTED"]
    assert three.id in shelf.commit.removed
    assert shelf.take(three) == ["forked"]
    assert shelf.take(NETWORK.revise(HUB, register)) == ["ACCEPTED"]
    assert {one.id, two.id, twin.id} <= shelf.ids
    shelf.take(need(nonce="another thread", expires=NOW_MS + 20 * DAY_MS))
    assert not {one.id, two.id, twin.id} & shelf.ids


def test_a_step_that_does_not_fit_its_thread_is_refused() -> None:
    card = next(record for record in PROOFS if record.head.kind == 32)
    register = need()
    other_audience = NETWORK.step(HUB, NETWORK.need(HUB, audience="partners", place=register.head.place))
    wrong = sign_record(replace(other_audience.head, thread=register.head.thread), None, [HUB])
    assert Shelf(register).take(wrong) == ["bad_step"]
    assert Shelf().take(NETWORK.step(HUB, card)) == ["bad_step"]


def test_a_step_without_its_body_waits() -> None:
    register = need()
    step = NETWORK.step(HUB, register, body=b"\x80")
    assert Shelf(register).take(step.without_body()) == ["waits_body"]


# --- Starting again


def test_a_catalog_loaded_from_its_rows_is_the_same() -> None:
    record = need()
    one = NETWORK.step(HUB, record)
    fork = NETWORK.step(HUB, record, facts={"x": 1})
    shelf = Shelf(record, one, fork, need(place=1, nonce=1))
    again = Catalog(NETWORK.id)
    held = shelf.catalog
    entries: list = list(held.entries.values())
    Random(1).shuffle(entries)
    again.load(entries, [r for r in PROOFS if r.id in held.entries], held.last_n, held.running)
    again.refresh(NOON, Commit())
    assert again.registers.keys() == held.registers.keys()
    assert again.newest_of == held.newest_of
    assert {thread: chain.kept for thread, chain in again.chains.items()} == {
        thread: chain.kept for thread, chain in held.chains.items()
    }
    assert repr(again) == repr(held) == f"<Catalog {len(entries)} records through {held.last_n}>"
    assert again.running_at(held.last_n) == held.running
    assert again.running_at(10_000) is None


# --- Equal sets, whatever came first


def society(seed: int) -> list[Record]:
    """Some records about which hubs could come to differ."""
    random = Random(seed)
    records: list[Record] = []
    for _ in range(12):
        hub = random.choice([HUB, OTHER])
        place, nonce = random.randrange(3), random.randrange(4)
        expires = NOW_MS + random.randint(2, 5) * DAY_MS
        register = NETWORK.need(hub, place=place, nonce=nonce, expires=expires, seq=random.randint(1, 2))
        one = NETWORK.step(hub, register, facts={"branch": random.randrange(2)})
        two = NETWORK.step(hub, register, one, facts={"branch": random.randrange(2)})
        records += random.sample([register, one, two], random.randint(1, 3))
    records.append(NETWORK.grant(OTHER.public, place=2, seq=2, places=random.choice([2, 1000]), stamp=NOW_MS + 1))
    if random.random() < 0.2:
        records.append(NETWORK.revoke(OTHER.public))
    return list({record.id: record for record in records}.values())


@pytest.mark.wide
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 3), st.randoms(use_true_random=False))
def test_hubs_that_have_exchanged_until_quiet_hold_equal_sets(seed: int, hubs: int, random: Random) -> None:
    wire = Wire(NETWORK)
    cores = [wire.member(number) for number in range(11, 11 + hubs)]
    for core in cores:
        wire.publish(core, *PROOFS[1:])
    records = society(seed)
    for record in records:
        wire.publish(random.choice(cores), record)
    random.shuffle(records)
    for record in records:
        wire.publish(random.choice(cores), record)
    for one, other in pairwise(cores):
        wire.connect(*random.sample([one, other], 2))
        wire.deliver(random.randint(0, 30))
    wire.pass_time(12 * MINUTE_MS)
    sets = [core.ids for core in cores]
    assert all(held == sets[0] for held in sets)
    prints = {core.hub.state.audit_set.as_of(wire.now.wall_ms // HOUR_MS * HOUR_MS + HOUR_MS)[1] for core in cores}
    assert len(prints) == 1


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_name(outcome: Outcome) -> None:
    assert outcome.name.isupper()


def test_the_newest_of_an_author_is_what_came_last() -> None:
    shelf = Shelf(need(), need(place=1, nonce=1))
    assert shelf.catalog.newest_of[HUB.public] == need(place=1, nonce=1).id
    shelf.take(NETWORK.revoke(HUB.public))
    assert HUB.public not in shelf.catalog.newest_of


def ids_of(records: Iterable[Record]) -> list[bytes]:
    return [record.id for record in records]


def test_the_path_of_a_key_begins_with_the_charter() -> None:
    catalog = Shelf().catalog
    assert ids_of(catalog.path_of(HUB.public)) == ids_of(PROOFS[:2])
    assert ids_of(catalog.path_of(seeded("nobody", 32))) == ids_of(PROOFS[:1])
