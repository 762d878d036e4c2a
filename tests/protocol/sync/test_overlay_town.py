"""Whole towns that choose their neighbours (SPEC, part O): in one piece, with few links, few hops and few dials."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.limits import LINKS_AIM, LINKS_FEW, LINKS_FULL, LINKS_LOW, LINKS_VISITED_MAX, MESH_HUBS_MAX
from hartig_protocol.sync import overlay
from support.town import Town

HOUR_MS = 3_600_000


def half_and_half(town: Town) -> dict[int, int]:
    return {number: number % 2 for number in range(len(town.states))}


def is_served(town: Town) -> bool:
    return town.is_one() and town.degrees()[0] >= min(LINKS_FEW, len(town.up) - 1)


@pytest.mark.parametrize("count", [2, 5, MESH_HUBS_MAX])
def test_up_to_twelve_hubs_are_a_full_mesh(count: int) -> None:
    town = Town(count)
    town.start()
    town.run_until(lambda: town.degrees() == [count - 1] * count, 10_000)


@pytest.mark.wide
@pytest.mark.parametrize(("count", "hops"), [(13, 3), (20, 4), (100, 6), (1_000, 9)])
def test_more_hubs_keep_few_links_and_are_one_piece(count: int, hops: int) -> None:
    town = Town(count)
    town.start()
    town.run_until(lambda: is_served(town), 10_000, 200)
    town.run(5_000)
    floods = [town.flood(origin) for origin in range(0, count, 1 + count // 5)]
    assert max(most for most, _ in floods) <= hops
    assert sum(town.degrees()) <= LINKS_AIM * count + 2  # both ends of one that asked to be taken in
    assert town.dials <= 6 * count
    before = town.dials
    town.kill(number for number in range(count) if number % 5 in {1, 3})
    town.run_until(town.is_one, 1_000)
    town.run_until(lambda: is_served(town), 30_000, 200)
    assert town.degrees()[-1] <= 2 * LINKS_AIM
    assert town.dials - before <= 6 * len(town.up)


def test_links_and_dials_stay_bounded_under_traffic_and_in_silence() -> None:
    for talks in (True, False):
        town = Town(20, seed=3)
        town.start()
        town.run(10_000)
        before = town.dials
        for number in range(120):
            town.run(30_000)
            if talks:
                town.flood(number % 20)
            assert town.is_one()
        assert town.degrees()[-1] <= LINKS_VISITED_MAX + 3
        assert town.dials - before <= 30 * 20
        assert (sum(town.degrees()) <= (LINKS_AIM + 1) * 20) is talks or not talks


@pytest.mark.wide
def test_halves_that_were_apart_are_one_within_seconds_of_hearing_each_other() -> None:
    town = Town(20)
    town.start()
    town.run(10_000)
    town.part(half_and_half(town))
    town.run(HOUR_MS)
    assert len(town.parts()) == 2
    assert min(town.degrees()) >= LINKS_FEW
    town.part({})
    for one in range(20):
        for other in range(one % 2, 20, 2):
            town.after(town.random.randrange(1_000), town.act, one, overlay.heard, town.states[other].node_id)
    for one in range(20):
        for other in range(1 - one % 2, 20, 2):
            town.after(town.random.randrange(1_000), town.act, one, overlay.heard, town.states[other].node_id)
    assert town.run_until(town.is_one, 2_000) <= 2_000


@pytest.mark.wide
def test_halves_that_were_apart_find_each_other_without_any_hint() -> None:
    town = Town(20)
    town.start()
    town.run(10_000)
    town.part(half_and_half(town))
    town.run(HOUR_MS)
    town.part({})
    town.run_until(town.is_one, 30_000)


@pytest.mark.wide
def test_the_only_bridge_between_two_places_is_never_let_go() -> None:
    town = Town(26)
    town.part(half_and_half(town), (0, 1))
    town.start([0, 1], 0)
    town.run(1_000)
    town.start(range(2, 26))
    town.run(20_000)
    assert town.is_one()
    for number in range(120):
        town.run(10_000)
        town.flood(number % 26)
        assert town.is_one()


@pytest.mark.wide
def test_a_bridge_that_restarts_is_taken_back() -> None:
    town = Town(26)
    town.part(half_and_half(town), (0, 1))
    town.start([0, 1], 0)
    town.run(1_000)
    town.start(range(2, 26))
    town.run(20_000)
    town.kill([0])
    town.start([0])
    town.run_until(town.is_one, 120_000)


@pytest.mark.wide
@pytest.mark.parametrize("count", [20, LINKS_FULL + 3])
def test_a_hub_that_is_the_only_one_in_reach_locks_nobody_out(count: int) -> None:
    town = Town(count)
    town.dead_ms = 25_000
    town.part({number: number for number in range(count)}, *[(0, number) for number in range(1, count)])
    town.start()
    served: set[int] = set()
    while served != set(range(1, count)):
        town.run(5_000)
        assert town.at_ms < 600_000
        served |= {number for number in range(1, count) if town.links(number)}
    assert town.links(0) <= LINKS_FULL + 1
    assert town.closed <= count


def test_the_thirteenth_hub_ends_no_link_at_once_and_the_mesh_comes_back_when_it_goes() -> None:
    town = Town(13)
    town.know(range(12))
    town.start(range(12))
    town.run(10_000)
    town.know(range(13))
    town.start([12])
    town.run(10_000)
    assert town.closed == 0
    assert town.degrees()[0] >= LINKS_FEW
    for number in range(60):
        town.run(10_000)
        town.flood(number % 13)
        assert town.is_one()
    assert town.degrees()[-1] <= LINKS_AIM + 2
    town.kill([12])
    town.know(range(12))
    town.run_until(lambda: town.degrees() == [11] * 12, 10_000)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 19), max_size=8)), max_size=8))
def test_after_any_comings_and_goings_all_who_are_there_hang_together(
    seed: int, moves: list[tuple[bool, set[int]]]
) -> None:
    town = Town(20, seed)
    town.start(range(10))
    for comes, numbers in moves:
        town.run(700)
        if comes:
            town.start(sorted(numbers - town.up))
        else:
            town.kill(sorted(numbers & town.up - {0}))
    town.run(30_000)
    town.run_until(lambda: is_served(town), 60_000)
    assert town.degrees()[-1] <= 19
    assert LINKS_LOW <= LINKS_AIM


def test_the_same_seed_makes_the_same_town() -> None:
    towns = [Town(20, seed=7) for _ in range(2)]
    for town in towns:
        town.start()
        town.run(60_000)
        town.kill([3, 4])
        town.run(60_000)
    assert repr(towns[0]) == repr(towns[1])
    assert towns[0].ends == towns[1].ends
