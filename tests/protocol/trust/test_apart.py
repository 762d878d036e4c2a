"""Hubs that lived apart, by clocks that were trusted or not, and then exchange what they hold, come to rest equal."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.catalog.commit import Commit, Now
from hartig_protocol.catalog.fingerprint import ids_as_of, next_hour_ms
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.record import Record
from protocol.trust.societies import societies
from protocol.trust.test_model import ROUNDS_MAX, Holder, few, many, randoms
from support.records import NOW_MS

days = st.sampled_from([20, 31, 36, 45, 46, 48, 55, 66, 70])  # what a society says is due between the 30th and the 65th


def live(hub: Holder, records: list[Record], last_day: int, random: Random) -> None:
    """Hear some of it on a few days, in any order and a few at a time; what waited is gone with the link."""
    for day in sorted(random.sample(range(last_day + 1), random.randint(1, 3))):
        hub.now = Now(NOW_MS + day * DAY_MS, 0, trusted=random.random() < 0.7)
        hub.waiting.clear()
        heard = random.sample(records, random.randint(0, len(records)))
        for at in range(0, len(heard), 4):
            hub.take(heard[at : at + 4])
        hub.catalog.sweep(hub.now, Commit())
    hub.now = Now(NOW_MS + last_day * DAY_MS, 0)
    hub.waiting.clear()


def check_that_they_come_to_rest_equal(records: list[Record], last_day: int, random: Random) -> None:
    hubs = Holder(NOW_MS), Holder(NOW_MS)
    for hub in hubs:
        live(hub, records, last_day, random)
    made = {record.id: record for record in records}
    for _ in range(ROUNDS_MAX):
        before = [hub.ids for hub in hubs]
        for hub, other in (hubs, hubs[::-1]):
            for record_id in random.sample(other.ids, len(other.ids)):  # one by one: each may be the last of a frame
                hub.take([made[record_id]])
            hub.catalog.sweep(hub.now, Commit())
        if before == [hub.ids for hub in hubs]:
            break
    assert hubs[0].ids == hubs[1].ids
    assert hubs[0].catalog.authority == hubs[1].catalog.authority
    hour_ms = next_hour_ms(hubs[0].now.wall_ms)
    assert ids_as_of(hubs[0].catalog, hour_ms) == ids_as_of(hubs[1].catalog, hour_ms)


@few
@given(societies, days, randoms)
def test_who_lived_apart_comes_to_rest_equal(records: list[Record], last_day: int, random: Random) -> None:
    check_that_they_come_to_rest_equal(records, last_day, random)


@pytest.mark.wide
@many
@given(societies, days, randoms)
def test_none_of_a_thousand_who_lived_apart_differs(records: list[Record], last_day: int, random: Random) -> None:
    check_that_they_come_to_rest_equal(records, last_day, random)
