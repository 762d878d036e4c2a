"""Records from ahead of a trusted clock: refused, and brought by the audit once their time has come (SPEC L5)."""

from hartig_protocol.limits import (
    AUDIT_EVERY_MS,
    DAY_MS,
    HOUR_MS,
    LIFE_MS_MAX,
    MINUTE_MS,
    SWEEP_EVERY_MS,
    THREAD_KEPT_MS,
)
from support.wire import Wire


def test_a_record_from_eleven_minutes_ahead_is_refused_and_the_next_audit_brings_it() -> None:
    wire = Wire()
    a, b = wire.member(1), wire.member(2)
    wire.set_clock(a, ahead_ms=11 * MINUTE_MS)
    wire.connect(a, b)
    wire.pass_time(MINUTE_MS)
    need = wire.network.need(a.key, stamp=wire.clock(a).wall_ms)
    assert wire.publish(a, need) == (None,)
    wire.pass_time(1_000)
    assert need.id in a.ids
    assert need.id not in b.ids, "early"
    wire.pass_time(2 * AUDIT_EVERY_MS + HOUR_MS)  # what is stamped after the hour is outside an audit until it is over
    assert need.id in b.ids
    assert a.ids == b.ids


def test_a_record_from_nine_minutes_ahead_is_taken_at_once() -> None:
    wire = Wire()
    a, b = wire.member(1), wire.member(2)
    wire.set_clock(a, ahead_ms=9 * MINUTE_MS)
    wire.connect(a, b)
    wire.pass_time(MINUTE_MS)
    need = wire.network.need(a.key, stamp=wire.clock(a).wall_ms)
    wire.publish(a, need)
    wire.pass_time(1_000)
    assert need.id in b.ids


def test_a_hub_that_does_not_know_the_time_takes_a_record_from_years_ahead_and_expires_nothing() -> None:
    wire = Wire()
    a, b = wire.member(1), wire.member(2)
    wire.set_clock(a, trusted=False)
    wire.set_clock(b, ahead_ms=-1_000 * DAY_MS, trusted=False)
    wire.connect(a, b)
    need = wire.network.need(a.key, stamp=wire.clock(a).wall_ms)
    wire.publish(a, need)
    wire.pass_time(1_000)
    assert need.id in b.ids
    wire.set_clock(b, ahead_ms=LIFE_MS_MAX + THREAD_KEPT_MS + DAY_MS, trusted=False)
    wire.pass_time(2 * SWEEP_EVERY_MS)
    assert need.id in b.ids
