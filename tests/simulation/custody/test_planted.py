"""Each wrong rule promises twice: the search finds how, and finds nothing in the same scope with the real rules."""

from collections.abc import Callable

import pytest

from simulation.custody.rules import PLANTED
from simulation.custody.scopes import planted, stage
from simulation.custody.search import search, unrolled


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_rule_is_seen_to_promise_twice(name: str, measured: Callable[[str], None]) -> None:
    found = search(planted(name))
    assert "are promised, and" in found.wrong
    measured(f"custody, planted: {name}\n{found}")
    real = search(stage(name), len(unrolled(found.trace)))
    assert not real.wrong, str(real)
