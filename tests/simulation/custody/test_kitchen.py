"""The strike kitchen in virtual time: at the end exactly 10,000 portions are handed over or left, none twice."""

from collections import Counter
from collections.abc import Callable

import pytest

from hartig_protocol.limits import STEPS_MAX
from simulation.custody.kitchen import CUT_OFF, NEEDS, PORTIONS, Kitchen
from simulation.remembered import remembered
from support.steps import state_of_chain


@pytest.fixture(scope="module")
def kitchen() -> Kitchen:
    with remembered():
        kitchen = Kitchen(seed=1)
        kitchen.run()
    return kitchen


def test_ten_thousand_portions_are_handed_over_or_left_and_none_twice(
    kitchen: Kitchen, measured: Callable[[str], None]
) -> None:
    handed_over, left = kitchen.handed_over(), kitchen.left()
    promises = [promise for lot in kitchen.lots for promise in lot.chain.promises.values()]
    measured(f"kitchen: {handed_over} portions handed over, {left} left, {len(promises)} promises to {NEEDS} needs")
    assert handed_over + left == PORTIONS
    assert 0 < left < PORTIONS / 2
    for lot in kitchen.lots:
        assert not lot.chain.broken
        assert lot.last is not None
        assert lot.last.head.seq <= STEPS_MAX
    given: Counter[bytes] = Counter()
    for lot in kitchen.lots:
        given.update(lot.chain.handed_over_to)
    asks = {asked.claim: asked.asks for waiting in kitchen.waiting.values() for asked in waiting}
    assert all(given[claim] <= asks[claim] for claim in given)
    assert sum(given.values()) == handed_over


def test_all_hubs_say_the_same_at_the_end_and_those_that_were_cut_off_promised_meanwhile(kitchen: Kitchen) -> None:
    meanwhile = [
        promise for lot in kitchen.lots[1:] for promise in lot.chain.promises if kitchen.promised_at[promise] in CUT_OFF
    ]
    assert meanwhile
    first, *others = [core.hub.catalog for core in kitchen.near.cores]
    assert all(set(other.entries) == set(first.entries) for other in others)
    assert not kitchen.ended()
    for post in kitchen.near.posts:
        for catalog in (first, *others):
            assert state_of_chain(kitchen.near.chain(catalog, post)) == state_of_chain(post.chain)
