"""Two in five hubs end at once: the others are served within a second, and copies are few again soon."""

from collections.abc import Callable

import pytest

from simulation.spreading import measure_loss

SERVED_MS_MAX = 1_000
COPIES_WARM_MAX = 1.05
RECORDS_UNTIL_WARM = 5


@pytest.mark.parametrize(
    ("hubs", "silent"),
    [(20, False), (20, True), (100, True)],
    ids=["20 processes end", "20 lose power", "100 lose power"],
)
def test_survivors_are_served_within_a_second_and_copies_are_few_again(
    hubs: int, silent: bool, measured: Callable[[str], None]
) -> None:
    loss = measure_loss(hubs, silent=silent)
    measured(loss.line())
    assert loss.reachable >= loss.survivors * 0.9
    assert loss.missing == 0
    assert loss.served_ms <= SERVED_MS_MAX
    assert loss.copies[RECORDS_UNTIL_WARM] <= COPIES_WARM_MAX
