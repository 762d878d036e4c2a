"""Small neighbourhoods live through trouble and heal: the second half, for the other core."""

from simulation.living import live

PART = 1


def test_every_world_heals_and_loses_nothing(seeds: range) -> None:
    for seed in seeds:
        live(seed)
