"""What agreements between networks cost: `rows(quick)` for `run`.

In: nothing but real cores in one process (`simulation.federation`), twenty networks of ten hubs in a ring and a star,
two hubs of each pair linked with each other. Each hub shares five records with partners, and as many at home. Bytes and
records are those that hubs are sent, by network; the star's middle has nineteen agreements, all others one or two. Time
is virtual: frames take none, so it is that of timers.
"""

from typing import Any

from simulation.federation import Country, mean, ring, star

USUAL, QUICK = (20, 10), (4, 3)
SHARED = 10


def rows(quick: bool) -> list[dict[str, Any]]:
    """Measure each shape once, and for each a few networks beside many: what a hub hears is to be the same."""
    networks, hubs = QUICK if quick else USUAL
    return [
        _row(name, shape, count, hubs)
        for name, shape in (("ring", ring), ("star", star))
        for count in (max(3, networks // 2), networks)
    ]


def _row(name: str, shape: Any, networks: int, hubs: int) -> dict[str, Any]:
    country = Country.of(shape(networks), networks, hubs)
    country.wire.forget_said()
    country.share(SHARED)
    equal_ms = country.until_equal()
    heard = country.bytes_heard()
    edge = country.hubs[-1]
    foreign = [len(country.held(hub, of)) for hub in edge for of in country.partners_of(networks - 1)]
    return {
        "shape": name,
        "networks": networks,
        "hubs": hubs,
        "bytes_per_hub": round(mean(heard[hub] for hub in edge)),
        "bytes_per_hub_middle": round(mean(heard[hub] for hub in country.hubs[0])),
        "records_per_hub": round(mean(foreign)),
        "equal_s": None if equal_ms is None else equal_ms / 1000,
    }
