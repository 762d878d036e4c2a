"""How records spread in neighbourhoods of 12, 20 and 100 hubs: copies, hops, bytes and time to durable."""

from collections.abc import Callable

import pytest

from simulation.spreading import HEADING, measure_spread

COPIES_WARM_MAX = 1.05
COPIES_COLD_MAX = 4.0


@pytest.mark.parametrize(("hubs", "hops_max", "durable_p99_ms_max"), [(12, 1, 250), (20, 4, 250), (100, 6, 500)])
def test_records_reach_all_hubs_soon_in_few_copies_over_few_hops(
    hubs: int, hops_max: int, durable_p99_ms_max: int, measured: Callable[[str], None]
) -> None:
    spread = measure_spread(hubs)
    measured(f"{HEADING}\n{spread.line()}" if hubs == 12 else spread.line())
    assert spread.every.missing == 0
    assert spread.warm.copies <= COPIES_WARM_MAX
    assert spread.cold.copies <= COPIES_COLD_MAX
    assert max(spread.cold.hops, spread.warm.hops) <= hops_max
    assert spread.every.p99_ms <= durable_p99_ms_max
