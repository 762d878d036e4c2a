"""How soon two halves of a neighbourhood are equal after an hour apart, in a virtual network: `rows(quick)` for `run`.

In: nothing but real cores in one process (`simulation.village`). Out: virtual seconds, the same on every machine;
computing costs no virtual time, so a bench of real hubs stands beside it.
"""

from simulation.spreading import measure_healing

USUAL = ((6, 1_000), (20, 1_000), (20, 10_000))
QUICK = ((6, 1_000),)


def rows(quick: bool) -> list[dict[str, float | None]]:
    """Measure each size once; `equal_s` is None where they were not equal within ten minutes."""
    return [_row(hubs, divergent) for hubs, divergent in (QUICK if quick else USUAL)]


def _row(hubs: int, divergent: int) -> dict[str, float | None]:
    healing = measure_healing(hubs, divergent)
    equal_s = None if healing.equal_ms is None else healing.equal_ms / 1000
    return {
        "hubs": hubs,
        "divergent": divergent,
        "equal_s": equal_s,
        "bytes_per_record": round(healing.bytes_per_record),
    }
