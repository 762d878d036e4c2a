"""Links that lose, double and reorder frames: what nothing else in the worlds would show."""

from collections.abc import Callable

import pytest

from simulation.faults import look_at_no_check
from simulation.living import is_seen
from simulation.story import Story

SEEDS = range(12)
SEEDS_UNTIL_SEEN = 80


class Undisturbed(Story):
    """A story in which hubs publish, and links are lost as they are over TLS: whole."""

    def _happenings(self) -> list[Callable[[], None]]:
        return [*[self._publish] * 6, self._publish_step, self._lose_link, self._lose_link, self._hold_up_link]


class Mangled(Undisturbed):
    """The same, and links lose, double and reorder single frames."""

    def _happenings(self) -> list[Callable[[], None]]:
        return [*super()._happenings(), *[self._mangle_link] * 4]


@pytest.mark.parametrize("seed", SEEDS)
def test_complete_through_is_true_also_on_a_mangled_link(seed: int) -> None:
    assert not is_seen(Mangled(seed))


def test_a_hub_that_looks_at_no_check_is_found_by_mangled_links_alone() -> None:
    with look_at_no_check():
        assert not any(is_seen(Undisturbed(seed)) for seed in SEEDS)
        assert any(is_seen(Mangled(seed)) for seed in range(SEEDS_UNTIL_SEEN))
