"""Life in virtual time: what goes when, and what an untrusted clock may not do (SPEC, part L)."""

from itertools import permutations

from hartig_protocol.catalog.entry import Body
from hartig_protocol.catalog.fingerprint import ids_as_of
from hartig_protocol.events import Commit
from hartig_protocol.limits import BODY_KEPT_MS, DAY_MS, HOUR_MS, MINUTE_MS, STAMP_AHEAD_MS_MAX, THREAD_KEPT_MS
from support.records import NOW_MS, charter, key
from support.shelf import HUB, NETWORK, NOON, OTHER, UNTRUSTED, Shelf, at, need

STRANGER = key("stranger")

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


def test_what_came_from_the_future_goes_when_the_clock_is_trusted_and_what_it_hid_is_taken_back() -> None:
    far = NOON.wall_ms + STAMP_AHEAD_MS_MAX + 1
    first, other = need(place=1), need(place=2)
    hiding = NETWORK.revise(HUB, first, stamp=far, expires=far + 80 * DAY_MS)
    step = NETWORK.step(HUB, hiding, stamp=far)
    early_step = NETWORK.step(HUB, other, NETWORK.step(HUB, other), stamp=far)
    grant = NETWORK.grant(STRANGER.public, place=9, stamp=far, expires=far + DAY_MS)
    own = NETWORK.need(OTHER, stamp=far, expires=far + DAY_MS)
    charter_later = charter([NETWORK.seat], after=NETWORK.charter, stamp=far)
    shelf = Shelf(first, other, NETWORK.step(HUB, other))
    came = (hiding, step, early_step, grant, own, charter_later)
    assert shelf.take(*came, now=UNTRUSTED) == ["ACCEPTED"] * 6
    shelf.catalog.sweep(UNTRUSTED, Commit(), OTHER.public)
    assert {one.id for one in came} <= shelf.ids
    shelf.catalog.sweep(NOON, Commit(), OTHER.public)
    assert {one.id for one in came} & shelf.ids == {own.id, charter_later.id}
    assert other.id in shelf.ids
    assert shelf.take(first, NETWORK.step(HUB, other)) == ["ACCEPTED"] * 2
    assert not shelf.sweep(at(far))


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


def test_an_old_grant_waits_for_its_keys_revocation_to_come_behind_it() -> None:
    """One may be the last of a frame, the other the first of the next."""
    long_ago = NOW_MS - 100 * DAY_MS
    organiser, victim = NETWORK.hub(5), NETWORK.hub(6)
    old = NETWORK.grant(organiser.public, place=5, rank="organiser", stamp=long_ago, expires=long_ago + DAY_MS)
    revoke = NETWORK.revoke(victim.public, author=organiser)
    granted = NETWORK.grant(victim.public, place=6)
    for order in permutations((old, revoke, granted)):
        shelf = Shelf()
        for record in (*order, *order):  # what waits for its proof is offered again
            shelf.take(record)
        shelf.sweep(NOON)
        assert {old.id, revoke.id, granted.id} <= shelf.ids
        assert shelf.catalog.authority.standing(victim.public) is None


def test_old_grants_cost_one_look_at_who_may_act_however_many_come() -> None:
    """Of a key with one invite: each version is due to go, and none is kept."""
    long_ago, looks = NOW_MS - 300 * DAY_MS, list[int]()
    giver = NETWORK.hub(5)
    shelf = Shelf(NETWORK.grant(giver.public, place=5, invites=1))
    versions = [
        NETWORK.grant(key("nobody").public, author=giver, place=0, seq=seq, stamp=long_ago, expires=long_ago + DAY_MS)
        for seq in range(1, 65)
    ]
    look = shelf.catalog._authority
    shelf.catalog._authority = lambda *said: (looks.append(1), look(*said))[1]  # type: ignore[method-assign]
    shelf.take(*versions)
    assert sum(looks) <= 3
    shelf.sweep(NOON)
    assert shelf.ids.isdisjoint(one.id for one in versions)


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
    assert shelf.take(old, revoke, granted, idle) == ["ACCEPTED"] * 4
    assert shelf.catalog.authority.standing(victim.public) is None
    shelf.sweep(NOON)
    assert {old.id, idle.id} & shelf.ids == {old.id}
    assert {old.id, revoke.id} <= set(ids_as_of(shelf.catalog, NOON.wall_ms + HOUR_MS))


def test_a_grant_that_ended_long_ago_is_swept_with_all_that_rested_on_it() -> None:
    brief = NETWORK.grant(NETWORK.hub(5).public, place=5, expires=NOW_MS + 2 * HOUR_MS)
    post = NETWORK.need(NETWORK.hub(5))
    shelf = Shelf(brief, post)
    assert shelf.sweep(at(NOW_MS + 2 * HOUR_MS)).removed == [post.id]
    assert shelf.sweep(at(NOW_MS + 2 * HOUR_MS + THREAD_KEPT_MS)).removed[-1] == brief.id or brief.id not in shelf.ids
