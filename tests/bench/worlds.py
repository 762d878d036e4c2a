"""Small neighbourhoods that live through trouble, as many as one check looks at: `rows(quick)` for `run`.

In: the seeds of `tests/simulation/test_worlds.py`, on two processes. Out: seconds, beside how many signatures a second
the same machine verifies in the same minute (PyNaCl, one process, the median of before and after), and the seconds that
follow for a machine which verifies 10,400: machines differ, and one that is shared differs from minute to minute.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from typing import Any

from bench import bare
from simulation.living import live
from simulation.remembered import remembered
from support.records import Network

WORLDS, QUICK = 2_000, 8
PROCESSES = 2
CASE = 20  # seeds that share what was remembered, as in the test
VERIFY_PER_S_NOMINAL = 10_400
VERIFIED = 2_000


def rows(quick: bool) -> list[dict[str, Any]]:
    """Live through all of them once."""
    count = QUICK if quick else WORLDS
    cases = [range(at, min(at + CASE, count)) for at in range(0, count, CASE)]
    rates = [_verify_per_s()]
    began = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        cpu_s = sum(pool.map(_live, cases))
    seconds = time.perf_counter() - began
    rates.append(_verify_per_s())
    rate = median(rates)
    return [
        {
            "worlds": count,
            "seconds": round(seconds, 1),
            "cpu_s": round(cpu_s, 1),
            "raw_verify_per_s": round(rate),
            "seconds_at_10400": round(seconds * rate / VERIFY_PER_S_NOMINAL, 1),
        }
    ]


def _live(seeds: range) -> float:
    began = time.process_time()
    with remembered():
        for seed in seeds:
            live(seed)
    return time.process_time() - began


def _verify_per_s() -> float:
    network = Network()
    author = network.hub(1)
    records = [network.need(author, place=place) for place in range(VERIFIED)]
    return median(len(records) / bare.raw_verify_s(records) for _ in range(5))
