"""How records spread in a virtual network of 12 to 1,000 hubs: `rows(quick)` for `run`.

In: nothing but real cores in one process (`simulation.village`). Out: exact copies, hops and virtual milliseconds, the
same on every machine. `copies_per_hub` is warm: from the fourth record of an origin hub on; `copies_cold` is the first.
"""

from simulation.spreading import PUBLISHERS_MAX, TURNS, Spread, measure_spread

# Hubs -> how many publish, and how often each: a thousand hubs handle a million messages even so.
USUAL = {12: (12, TURNS), 20: (PUBLISHERS_MAX, TURNS), 100: (PUBLISHERS_MAX, TURNS), 1_000: (8, 6)}
QUICK = {12: (2, 4)}


def rows(quick: bool) -> list[dict[str, float]]:
    """Measure each size once."""
    sizes = QUICK if quick else USUAL
    return [_row(measure_spread(size, publishers_max=most, turns=turns)) for size, (most, turns) in sizes.items()]


def _row(spread: Spread) -> dict[str, float]:
    return {
        "hubs": spread.hubs,
        "publishers": spread.publishers,
        "copies_per_hub": round(spread.warm.copies, 3),
        "copies_cold": round(spread.cold.copies, 3),
        "hops_max": max(spread.cold.hops, spread.warm.hops),
        "durable_p50_ms": spread.every.p50_ms,
        "durable_p99_ms": spread.every.p99_ms,
        "bytes_per_copy": round(spread.bytes_per_copy),
        "control_per_copy": round(spread.control_all, 2),
        "links_per_hub": round(spread.links, 1),
    }
