"""How soon a hub is found and linked on a local network: real hubs in network namespaces, found by mDNS alone.

One hub runs. Another, which holds an invite without addresses, starts on the same cable; the time runs from when it
says that it is ready until both say that they have a link as members. For that they find each other, connect, greet,
admit, and connect again. Each run has a network of its own, whose losses come from its number. A share of loss is that
of the way between the two, for every packet in each direction. The seconds are those of real kernels, so the load of
the machine stands beside them: runnable programs a core, the middle of all runs. Needs what the lab needs: root, `ip`
and /dev/net/tun.
"""

import asyncio
import contextlib
import math
import os
import sys
from typing import Any

from bench.machine import middle
from lab.hosts import Lab
from lab.hubs import Neighbourhood
from lab.switching import Cable

LOSSES = ((0.0, 5), (0.3, 40))  # with how many runs each
_QUICK = ((0.0, 1),)


def rows(quick: bool = False) -> list[dict[str, Any]]:
    """One row for each share of packets that are lost."""
    with contextlib.redirect_stdout(sys.stderr):  # the lab says what it waits for
        return [asyncio.run(_row(loss, runs)) for loss, runs in (_QUICK if quick else LOSSES)]


async def _row(loss: float, runs: int) -> dict[str, Any]:
    figures, loads = [], []
    for seed in range(runs):
        figures.append(await _linked_s(loss, seed))
        loads.append(os.getloadavg()[0] / len(os.sched_getaffinity(0)))
    return {
        "loss": loss,
        "runs": runs,
        "median_s": middle(figures, 2),
        "p95_s": round(sorted(figures)[math.ceil(0.95 * runs) - 1], 2),
        "max_s": round(max(figures), 2),
        "load": middle(loads, 1),
    }


async def _linked_s(loss: float, seed: int) -> float:
    async with Lab(seed) as lab, Neighbourhood(lab) as hubs:
        ana, ben = (hubs.hub(host) for host in lab.add_hosts(2))
        await ana.found()
        await ana.start()
        await ben.join(await ana.invite())
        for host in lab.hosts.values():  # the way between them crosses two cables
            lab.set_cable(host, Cable(loss=1 - math.sqrt(1 - loss)))
        await ben.start()
        return await hubs.until(lambda: hubs.linked(ana, ben), f"a newcomer is linked, {loss:.0%} loss, run {seed}")
