"""Small neighbourhoods live through trouble and heal; `HARTIG_WORLDS=n` for more of them."""

from simulation.living import live


def test_every_world_heals_and_loses_nothing(seeds: range) -> None:
    for seed in seeds:
        live(seed)
