"""The set as of an hour, kept up: the same as by the definition, whatever happens, in slices that stay small."""

from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.catalog import as_of
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.commit import Commit
from hartig_protocol.catalog.entry import Entry
from hartig_protocol.catalog.fingerprint import AuditSet, fingerprint, ids_as_of, next_hour_ms
from hartig_protocol.catalog.jobs import Job
from hartig_protocol.limits import BODY_KEPT_MS, DAY_MS, HOUR_MS, THREAD_KEPT_MS
from hartig_protocol.records.record import Record
from support.records import NOW_MS
from support.shelf import HUB, NETWORK, OTHER, PROOFS, Shelf, at, need

HOUR = next_hour_ms(NOW_MS)


def run(job: Job | None) -> int:
    """Run a job to its end; return how many slices it took."""
    slices = 0
    while job is not None:
        slices += 1
        if job.step():
            break
    return slices


def is_as_defined(shelf: Shelf, audit_set: AuditSet, hour_ms: int) -> None:
    """Compare a snapshot with the plain definition."""
    catalog = shelf.catalog
    want = ids_as_of(catalog, hour_ms)
    snapshot = audit_set.snapshot(hour_ms)
    shared = {entry.id for entry in catalog.entries.values() if not entry.is_private}
    assert snapshot.ids() == want
    assert snapshot.count == len(want)
    assert snapshot.fingerprint == fingerprint(want, hour_ms)
    assert list(snapshot.outside) == sorted(shared - set(want))
    assert (snapshot.n, snapshot.running, snapshot.hour_ms) == (catalog.last_n, catalog.running, hour_ms)
    assert all(one[0] << 4 | one[1] >> 4 == k for k, ids in enumerate(snapshot.buckets) for one in as_of.split_ids(ids))


def events() -> list[Record]:
    """Records that meet: versions, threads in one place, ends, steps, forks, grants that end soon, a revocation."""
    made: list[Record] = []
    for place in range(3):
        for hours in (3, 30):
            register = NETWORK.need(HUB, place=place, nonce=hours, expires=NOW_MS + hours * HOUR_MS)
            step = NETWORK.step(HUB, register, body=b"\x80")
            later = NETWORK.revise(HUB, register)
            ended = NETWORK.revise(HUB, later, ends=True)
            again = NETWORK.revise(HUB, ended, facts=register.head.facts, body=register.body_bytes)
            made += [register, step, NETWORK.step(HUB, register, step), later, ended, again]
            made.append(NETWORK.step(HUB, register, facts={"fork": 1}))
    made += [NETWORK.need(OTHER, place=place, stamp=NOW_MS + place * HOUR_MS) for place in range(4)]
    made += [NETWORK.unknown(OTHER, place=9), need(place=8, audience="hub")]
    fifth = NETWORK.hub(5)
    made.append(NETWORK.grant(fifth.public, place=5, expires=NOW_MS + 5 * HOUR_MS))
    made.append(NETWORK.grant(fifth.public, place=5, expires=NOW_MS + 50 * HOUR_MS, seq=2))
    made += [NETWORK.need(fifth, place=1), NETWORK.grant(NETWORK.hub(6).public, author=fifth, place=0)]
    made += [NETWORK.grant(OTHER.public, place=1, seq=2, places=places) for places in (2, 500)]
    made.append(NETWORK.revoke(OTHER.public))
    return made


EVENTS = events()
MOMENTS = [
    NOW_MS + HOUR_MS,
    NOW_MS + 6 * HOUR_MS,
    *(NOW_MS + hours * HOUR_MS + kept for hours in (3, 30) for kept in (BODY_KEPT_MS, THREAD_KEPT_MS)),
    NOW_MS + 20 * DAY_MS + BODY_KEPT_MS,
]


@pytest.mark.wide
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_what_is_kept_up_is_what_the_definition_says(seed: int, work: int) -> None:
    with patch("hartig_protocol.catalog.fingerprint.SLICE_WORK", 12):
        live(Random(seed), work)


def live(random: Random, work: int) -> None:
    """Take, sweep and refresh by good and bad clocks; look after each at another hour, often through a job."""
    shelf = Shelf()
    audit_set = AuditSet(shelf.catalog)
    for _ in range(14):
        now = at(random.choice(MOMENTS), trusted=random.random() < 0.7)
        match random.randrange(8):
            case 0:
                shelf.sweep(now)
            case 1:
                shelf.catalog.refresh(now, Commit())
            case 2 if random.random() < 0.3:
                shelf.take(EVENTS[-1], now=now)
            case 3:
                record = random.choice(EVENTS[:-1])
                shelf.take(record.without_body(), now=now)
            case _:
                shelf.take(*random.sample(EVENTS[:-1], 6), now=now)
        hour = next_hour_ms(random.choice(MOMENTS)) + random.randrange(-1, 2) * HOUR_MS
        if random.random() < 0.5:
            job = audit_set.job(hour)
            for _ in range(work):
                if job is None or job.step():
                    break
            shelf.take(random.choice(EVENTS[:-1]), now=now)
            run(job)
        is_as_defined(shelf, audit_set, hour)
        finds_what_is_shared(shelf)


def finds_what_is_shared(shelf: Shelf) -> None:
    catalog = shelf.catalog
    shared = [entry for entry in catalog.entries.values() if not entry.is_private]
    assert catalog.shared_count == len(shared)
    assert catalog.ids_after(0, 1_000) == [(entry.n, entry.id) for entry in shared]
    assert all(catalog.find_prefix(entry.id[:8]) == entry.id for entry in shared)
    posts = [entry.id for entry in shared if entry.kind in (16, 17) and not entry.ends]
    assert catalog.newest_posts(100) == posts[::-1]
    registers = {entry.register: entry for entry in catalog.entries.values() if entry.register and not entry.is_chain}
    assert dict(catalog.registers) == registers
    assert all(entry.prev == before(catalog, entry) for entry in catalog.entries.values())


def before(catalog: Catalog, entry: Entry) -> bytes | None:
    """The step before, as its chain says."""
    return catalog.chains[entry.thread].steps[entry.seq - 2] if entry.seq > 1 and entry.is_chain else None


# --- Snapshots


def test_ten_neighbours_who_ask_at_once_cost_one_computation() -> None:
    shelf = Shelf(need())
    audit_set = AuditSet(shelf.catalog)
    first = audit_set.snapshot(HOUR)
    assert audit_set.snapshot(HOUR) is first
    assert audit_set.as_of(HOUR) == (first.ids(), first.fingerprint)
    shelf.take(need(place=1))
    assert audit_set.snapshot(HOUR) != first
    assert repr(first) == f"<Snapshot {first.count} records as of {HOUR}, 0 outside, through {first.n}>"


def test_a_snapshot_does_not_change_when_the_catalog_does() -> None:
    shelf = Shelf(need())
    audit_set = AuditSet(shelf.catalog)
    before = audit_set.snapshot(HOUR)
    ids = before.ids()
    shelf.take(need(place=1), NETWORK.revoke(OTHER.public))
    audit_set.snapshot(HOUR)
    assert before.ids() == ids


def test_a_change_of_one_record_costs_one_bucket() -> None:
    shelf = Shelf(need(), need(place=1), need(place=2))
    audit_set = AuditSet(shelf.catalog)
    before = audit_set.snapshot(HOUR)
    added = need(place=3)
    shelf.take(added)
    after = audit_set.snapshot(HOUR)
    changed = [k for k in range(4096) if before.buckets[k] is not after.buckets[k]]
    assert changed == [added.id[0] << 4 | added.id[1] >> 4]


def test_another_hour_costs_only_what_is_due_between_the_two() -> None:
    early = need(place=1, stamp=HOUR)
    shelf = Shelf(need(), early, need(place=2, expires=HOUR + DAY_MS))
    audit_set = AuditSet(shelf.catalog)
    before = audit_set.snapshot(HOUR)
    assert before.outside == (early.id,)
    after = audit_set.snapshot(HOUR + HOUR_MS)
    changed = [k for k in range(4096) if before.buckets[k] is not after.buckets[k]]
    assert changed == [early.id[0] << 4 | early.id[1] >> 4]
    is_as_defined(shelf, audit_set, HOUR + HOUR_MS)
    for hour in (HOUR + 2 * DAY_MS, HOUR, HOUR + DAY_MS + THREAD_KEPT_MS, HOUR + HOUR_MS):
        is_as_defined(shelf, audit_set, hour)


# --- Jobs


def many(count: int) -> list[Record]:
    return [need(place=place, nonce=place) for place in range(count)]


def test_long_work_is_a_job_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_protocol.catalog.fingerprint.SLICE_WORK", 20)
    shelf = Shelf(*many(40))
    audit_set = AuditSet(shelf.catalog)
    job = audit_set.job(HOUR)
    assert job is not None
    assert not job.step()
    shelf.take(need(place=50), NETWORK.revoke(OTHER.public))
    assert run(job) > 5
    assert audit_set.job(HOUR) is None
    assert not audit_set._view(HOUR).stale(), "the job has caught up with what came meanwhile"
    is_as_defined(shelf, audit_set, HOUR)


def test_a_job_ends_however_much_comes_in_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hartig_protocol.catalog.fingerprint.SLICE_WORK", 20)
    records = many(40)
    shelf = Shelf(*records)
    audit_set = AuditSet(shelf.catalog)
    job = audit_set.job(HOUR)
    assert job is not None
    slices = 0
    while not job.step():
        slices += 1
        assert slices < 1_000
        for record in records:
            shelf.catalog.held.index.touch(record.id)
    is_as_defined(shelf, audit_set, HOUR)


def test_a_job_whose_hour_was_pushed_out_by_others_still_makes_its_snapshot_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hartig_protocol.catalog.fingerprint.SLICE_WORK", 20)
    shelf = Shelf(*many(40))
    audit_set = AuditSet(shelf.catalog)
    job = audit_set.job(HOUR)
    for hours in range(1, 4):
        audit_set.snapshot(HOUR + hours * DAY_MS)
    run(job)
    assert audit_set.job(HOUR) is None
    is_as_defined(shelf, audit_set, HOUR)


def test_an_hour_at_which_others_may_act_is_judged_anew() -> None:
    brief = NETWORK.grant(NETWORK.hub(5).public, place=5, expires=HOUR + HOUR_MS)
    post = NETWORK.need(NETWORK.hub(5))
    shelf = Shelf(brief, post)
    audit_set = AuditSet(shelf.catalog)
    assert post.id in audit_set.snapshot(HOUR).ids()
    assert audit_set.snapshot(HOUR + HOUR_MS).outside == (post.id,)
    late = HOUR + HOUR_MS + THREAD_KEPT_MS
    assert brief.id not in audit_set.snapshot(late).ids()
    assert {record.id for record in PROOFS[:1]} <= set(audit_set.snapshot(late).ids())
