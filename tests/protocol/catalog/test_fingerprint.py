"""The set as of an hour, and what waits (SPEC, parts F and W)."""

from hartig_protocol.catalog.fingerprint import AuditSet, ids_as_of
from hartig_protocol.limits import BODY_KEPT_MS, DAY_MS, HOUR_MS, THREAD_KEPT_MS
from support.records import NOW_MS
from support.shelf import HUB, NETWORK, Shelf, at, need

# --- The fingerprint


def test_what_is_inside_is_judged_by_the_hour_and_not_by_this_hubs_clock() -> None:
    hour = NOW_MS // HOUR_MS * HOUR_MS + 2 * HOUR_MS
    inside = need(place=1, stamp=hour - 1)
    outside = need(place=2, stamp=hour)
    private = need(place=3, audience="hub")
    due = need(place=4, stamp=hour - 50 * DAY_MS, expires=hour - THREAD_KEPT_MS)
    step = NETWORK.step(HUB, due)
    shelf = Shelf(inside, outside, private, due, step, now=at(NOW_MS, trusted=False))
    listed = set(ids_as_of(shelf.catalog, hour))
    assert inside.id in listed
    assert not {outside.id, private.id, due.id, step.id} & listed


def test_a_record_whose_body_went_too_early_is_outside() -> None:
    record = need()
    shelf = Shelf(record)
    shelf.sweep(at((record.head.expires or 0) + BODY_KEPT_MS))
    hour = NOW_MS // HOUR_MS * HOUR_MS + HOUR_MS
    assert record.id not in ids_as_of(shelf.catalog, hour)
    assert record.id in ids_as_of(shelf.catalog, (record.head.expires or 0) + BODY_KEPT_MS + HOUR_MS)


def test_records_whose_grant_will_have_ended_by_the_hour_are_outside() -> None:
    hour = NOW_MS // HOUR_MS * HOUR_MS + 2 * HOUR_MS
    brief = NETWORK.grant(NETWORK.hub(5).public, place=5, expires=hour)
    post = NETWORK.need(NETWORK.hub(5))
    shelf = Shelf(brief, post)
    listed = ids_as_of(shelf.catalog, hour)
    assert brief.id in listed
    assert post.id not in listed


def test_what_loses_its_proof_by_what_is_due_by_the_hour_is_outside() -> None:
    """A hub whose clock is not trusted keeps it, and names the same set all the same."""
    hour = NOW_MS // HOUR_MS * HOUR_MS + 2 * HOUR_MS
    over = {"stamp": hour - 90 * DAY_MS, "expires": hour - THREAD_KEPT_MS}
    giver, organiser, victim = NETWORK.hub(5), NETWORK.hub(6), NETWORK.hub(7)
    due = NETWORK.grant(giver.public, place=5, **over)
    given = NETWORK.grant(organiser.public, author=giver, place=0, rank="member")
    kept = NETWORK.grant(organiser.public, place=6, rank="organiser", **over)
    held = [NETWORK.grant(victim.public, place=7), NETWORK.revoke(victim.public, author=organiser), kept]
    untrusted, trusted = Shelf(due, given, *held, now=at(NOW_MS, trusted=False)), Shelf(due, given, *held)
    for shelf in (untrusted, trusted):
        shelf.sweep(at(hour, trusted=shelf is trusted))
    assert {due.id, given.id} <= untrusted.ids - trusted.ids
    assert ids_as_of(untrusted.catalog, hour) == ids_as_of(trusted.catalog, hour)
    assert {one.id for one in held} <= set(ids_as_of(trusted.catalog, hour))
    assert AuditSet(untrusted.catalog).snapshot(hour).ids() == ids_as_of(trusted.catalog, hour)


# --- The waiting place
