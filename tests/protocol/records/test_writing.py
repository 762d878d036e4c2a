"""Heads of governance records are written in one place, and what is written can be read."""

import pytest

from hartig_protocol.errors import RecordError
from hartig_protocol.limits import HEAD_BYTES_MAX, LIFE_LONG_MS_MAX, SEATS_MAX
from hartig_protocol.records.governance import Charter, Defaults
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.opening import open_record, sign_record
from hartig_protocol.records.writing import charter_head, grant_head, pact_head, pact_times, recovery_of, revoke_head
from support.records import NOW_MS, Network, consented_recovery, key

NETWORK, LATER_MS = Network(), NOW_MS + 1_000
HUB, HEIR, KIT = NETWORK.hub(1), NETWORK.hub(2), key("kit")
COMMON = {"network": NETWORK.id, "author": NETWORK.seat.public, "stamp": NOW_MS, "expires": LATER_MS}
GIVEN = {**COMMON, "place": 3, "subject": HUB.public, "rank": "hub", "places": 5, "invites": 2}


def test_a_charter_of_twelve_seats_that_all_sign_fits_its_head() -> None:
    seats = [key(f"seat {number}") for number in range(SEATS_MAX)]
    languages = ("zh-Hant-ab"[:7],) * 8
    head = charter_head(
        name="é" * 120,
        seats=[(seat.public, recovery_hash(seat.public)) for seat in seats],
        threshold=SEATS_MAX,
        signers=[seat.public for seat in seats],
        defaults=Defaults(1_000_000, 100_000, 400, True, languages),
        nonce=bytes(16),
        stamp=2**53 - 1,
    )
    record = sign_record(head, None, seats)
    assert len(record.head_bytes) <= HEAD_BYTES_MAX
    assert len(Charter.of(open_record(record.wire).head).seats) == SEATS_MAX


def test_a_grant_says_what_was_given_and_no_more() -> None:
    recovery = recovery_of(HUB, NETWORK.id, recovery_hash(KIT.public))
    head = grant_head(**GIVEN, gateway=True, recovery=recovery, approx=True)
    record = sign_record(head, None, [NETWORK.seat])
    assert consented_recovery(record.head) == recovery_hash(KIT.public)
    assert record.head.facts["gateway"] is record.head.facts["approx"] is True
    assert grant_head(**GIVEN).facts == {"rank": "hub", "places": 5, "invites": 2}


def test_an_end_says_nothing_else() -> None:
    head = grant_head(**GIVEN, seq=2, ends=True, gateway=True, recovery=(bytes(32), bytes(64)))
    assert sign_record(head, None, [NETWORK.seat]).head.facts == {"ends": True}


def test_a_revocation_names_a_successor_and_how_that_is_recovered() -> None:
    recovery = recovery_of(HEIR, NETWORK.id, recovery_hash(KIT.public))
    head = revoke_head(**COMMON, subject=HUB.public, successor=HEIR.public, recovery=recovery)
    assert consented_recovery(sign_record(head, None, [NETWORK.seat]).head) == recovery_hash(KIT.public)
    assert revoke_head(**COMMON, subject=HUB.public).facts == {}


def test_a_revocation_by_a_recovery_key_carries_its_subjects_consent_and_has_a_thread_of_its_own() -> None:
    by_kit = {**COMMON, "author": KIT.public, "subject": HUB.public}
    consent = recovery_of(HUB, NETWORK.id, recovery_hash(KIT.public))[1]
    head, plain = revoke_head(**by_kit, consent=consent), revoke_head(**by_kit)
    assert (head.facts, head.fixed, plain.fixed) == ({"consent": consent}, ["consent"], [])
    assert head.thread != plain.thread
    assert sign_record(head, None, [KIT]).head == head
    with pytest.raises(RecordError, match="does not verify"):
        sign_record(revoke_head(**by_kit, consent=bytes(64)), None, [KIT])


def test_a_pact_is_for_the_eyes_of_its_partner_and_its_end_says_nothing_else() -> None:
    said = {"kinds": ["offer"], "categories": ["food"], "areas": [], "retention_days": 9}
    about = {**COMMON, "place": 4, "partner": b"p" * 16}
    head = sign_record(pact_head(**about, terms=said, approx=True), None, [NETWORK.seat]).head
    assert (head.facts, head.audience) == ({**said, "approx": True}, b"p" * 16)
    assert sign_record(pact_head(**about, seq=2), None, [NETWORK.seat]).head.facts == {"ends": True}


@pytest.mark.parametrize(
    ("until", "least", "approx", "times"),
    [
        (50, 0, False, (NOW_MS, NOW_MS + 50)),
        (50, 60, False, (NOW_MS, NOW_MS + 60)),  # no less than what it stands in for
        (LIFE_LONG_MS_MAX + 9, 0, False, (NOW_MS, NOW_MS + LIFE_LONG_MS_MAX)),
        (50, 0, True, (NOW_MS, NOW_MS + LIFE_LONG_MS_MAX)),
        (50, LIFE_LONG_MS_MAX + 9, False, (NOW_MS + 9, NOW_MS + LIFE_LONG_MS_MAX + 9)),
    ],
)
def test_a_pact_lasts_as_was_shown(until: int, least: int, approx: bool, times: tuple[int, int]) -> None:
    assert pact_times(NOW_MS, NOW_MS + until, NOW_MS + least, approx=approx) == times
