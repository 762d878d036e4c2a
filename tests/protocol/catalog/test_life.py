"""Life in virtual time: what goes when, and what an untrusted clock may not do (SPEC, part L)."""

from hartig_protocol.catalog.entry import Body
from hartig_protocol.catalog.fingerprint import ids_as_of
from hartig_protocol.limits import BODY_KEPT_MS, DAY_MS, HOUR_MS, MINUTE_MS, STAMP_AHEAD_MS_MAX, THREAD_KEPT_MS
from support.records import NOW_MS
from support.shelf import HUB, NETWORK, NOON, UNTRUSTED, Shelf, at, need

# --- Life, in virtual time


def test_bodies_go_seven_days_and_threads_thirty_five_after_they_expire() -> None:
    record = need()
    step = NETWORK.step(HUB, record, body=b"\x80")
    expires = record.head.expires or 0
    shelf = Shelf(record, step)
    assert not shelf.sweep(at(expires + BODY_KEPT_MS - 1))
    assert set(shelf.sweep(at(expires + BODY_KEPT_MS)).bodies_removed) == {record.id, step.id}
    assert not shelf.sweep(at(expires + THREAD_KEPT_MS - 1))
    assert set(shelf.sweep(at(expires + THREAD_KEPT_MS)).removed) >= {record.id, step.id}
    assert shelf.take(record, now=at(expires + THREAD_KEPT_MS)) == ["expired"]


def test_a_body_that_is_due_is_not_waited_for_nor_taken_back() -> None:
    record = need()
    step = NETWORK.step(HUB, record, body=b"\x80")
    late = at((record.head.expires or 0) + BODY_KEPT_MS)
    shelf = Shelf()
    assert shelf.take(record.without_body(), step.without_body(), now=late) == ["ACCEPTED"] * 2
    assert shelf.take(record, step, now=late) == ["body_due"] * 2
    assert shelf.take(record, step) == ["body_back"] * 2
    assert [body.id for body in shelf.commit.bodies_added] == [record.id, step.id]
    assert shelf.take(record) == ["KNOWN"]


def test_an_untrusted_clock_expires_nothing_and_refuses_nothing_early() -> None:
    shelf = Shelf(need())
    assert not shelf.sweep(UNTRUSTED)
    old = at(0, trusted=False)
    assert shelf.take(need(place=4), now=old) == ["ACCEPTED"]


def test_a_trusted_clock_refuses_what_is_stamped_far_ahead() -> None:
    edge = NOON.wall_ms + STAMP_AHEAD_MS_MAX
    assert Shelf().take(need(stamp=edge)) == ["ACCEPTED"]
    ahead = need(stamp=edge + 1)
    shelf = Shelf()
    assert shelf.take(ahead) == ["early"]
    assert shelf.take(ahead, now=at(NOON.wall_ms + MINUTE_MS)) == ["ACCEPTED"]


def test_a_version_that_ends_drops_the_bodies_of_the_thread_at_once() -> None:
    record = need()
    step = NETWORK.step(HUB, record, body=b"\x80")
    ended = NETWORK.revise(HUB, record, ends=True)
    shelf = Shelf(record, step, NETWORK.step(HUB, record, step))
    assert shelf.take(ended) == ["ACCEPTED"]
    assert shelf.commit.removed == [record.id]
    assert shelf.commit.bodies_removed == [step.id]
    assert shelf.take(step) == ["body_due"]
    assert step.id in ids_as_of(shelf.catalog, NOON.wall_ms + HOUR_MS)
    later = NETWORK.step(HUB, record, NETWORK.step(HUB, record, step), body=b"\x81\xa1a\x01")
    assert shelf.take(later) == ["ACCEPTED"]
    assert shelf.catalog.entries[later.id].body is Body.GONE
    assert shelf.take(NETWORK.step(HUB, record, later, body=b"\x80").without_body()) == ["ACCEPTED"]


def test_what_is_dead_does_not_come_back() -> None:
    dies_first, dies_last = need(expires=NOW_MS + DAY_MS), need(nonce=1, expires=NOW_MS + 2 * DAY_MS)
    shelf = Shelf(dies_first, dies_last)
    over = at(NOW_MS + 2 * DAY_MS + THREAD_KEPT_MS)
    shelf.sweep(over)
    assert shelf.take(dies_first, now=over) == ["expired"]


def test_an_old_grant_is_accepted_as_long_as_its_keys_revocations_are_kept() -> None:
    long_ago = NOW_MS - 100 * DAY_MS
    organiser, victim = NETWORK.hub(5), NETWORK.hub(6)
    old = NETWORK.grant(organiser.public, place=5, rank="organiser", stamp=long_ago, expires=long_ago + DAY_MS)
    idle = NETWORK.grant(NETWORK.hub(7).public, place=8, stamp=long_ago, expires=long_ago + DAY_MS)
    revoke = NETWORK.revoke(victim.public, author=organiser)
    granted = NETWORK.grant(victim.public, place=6)
    shelf = Shelf()
    assert shelf.take(old, revoke, granted, idle) == ["ACCEPTED", "ACCEPTED", "ACCEPTED", "expired"]
    assert shelf.catalog.authority.standing(victim.public) is None
    shelf.sweep(NOON)
    assert old.id in shelf.ids
    assert {old.id, revoke.id} <= set(ids_as_of(shelf.catalog, NOON.wall_ms + HOUR_MS))


def test_a_grant_that_ended_long_ago_is_swept_with_all_that_rested_on_it() -> None:
    brief = NETWORK.grant(NETWORK.hub(5).public, place=5, expires=NOW_MS + 2 * HOUR_MS)
    post = NETWORK.need(NETWORK.hub(5))
    shelf = Shelf(brief, post)
    assert shelf.sweep(at(NOW_MS + 2 * HOUR_MS)).removed == [post.id]
    assert shelf.sweep(at(NOW_MS + 2 * HOUR_MS + THREAD_KEPT_MS)).removed[-1] == brief.id or brief.id not in shelf.ids
