"""Eighty sybils of one inviter flood twenty honest hubs: others hardly notice, and every honest record arrives."""

from collections.abc import Callable

from hartig_protocol.limits import INTAKE_RECORDS_PER_S, WINDOW_RECORDS_MAX
from simulation.sybils import HONEST, measure_flood

P99_MS_MAX = 10_000
OTHERS_P99_MS_MAX = 1_000
SPAN_MS = 2_000


def test_a_flood_from_one_inviters_subtree_delays_others_by_less_than_a_second(measured: Callable[[str], None]) -> None:
    notice = measure_flood(1_000, span_ms=SPAN_MS)
    measured(notice.line())
    assert notice.others.missing == notice.kin.missing == 0
    assert notice.others.p99_ms <= OTHERS_P99_MS_MAX
    assert max(notice.others.last_ms, notice.kin.p99_ms) <= P99_MS_MAX
    assert notice.taken_per_s <= INTAKE_RECORDS_PER_S + 2 * HONEST
    assert notice.waiting_max <= 40 * WINDOW_RECORDS_MAX
    assert notice.closed == 0
