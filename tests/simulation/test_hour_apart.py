"""A neighbourhood is parted for an hour, both halves write on, and soon after it heals all hubs are equal."""

from collections.abc import Callable

import pytest

from simulation.spreading import measure_healing

EQUAL_MS_MAX = 5_000


@pytest.mark.parametrize("hubs", [6, 20])
def test_two_halves_with_a_thousand_divergent_records_are_equal_within_five_seconds(
    hubs: int, measured: Callable[[str], None]
) -> None:
    healing = measure_healing(hubs, 1_000)
    measured(healing.line())
    assert healing.equal_ms is not None
    assert healing.equal_ms <= EQUAL_MS_MAX
