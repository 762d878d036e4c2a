"""How soon two halves of a neighbourhood are equal after they were apart: real hubs as processes, on real time.

All are linked and equal; the links between the halves are cut; each half writes its part of what makes them differ and
is equal within itself; then the links between them are dialled again, and the time runs until every hub has made all
of it durable. How long they were apart changes nothing for the hubs: sessions begin anew. `heal_virtual` measures the
same with more hubs, where computing costs nothing.
"""

import asyncio
import time
from typing import Any

from bench.crowd import Crowd
from bench.machine import middle

HUBS, ROUNDS, BATCH = 6, 5, 64
SIZES = ((1_000, ROUNDS), (10_000, 1))  # the large one takes long, and its figure is far from its goal's edge
_QUICK = (2, ((40, 1),))


def rows(quick: bool = False) -> list[dict[str, Any]]:
    """One row for each number of records by which the halves differ."""
    hubs, sizes = _QUICK if quick else (HUBS, SIZES)
    return [asyncio.run(_row(hubs, divergent, rounds)) for divergent, rounds in sizes]


async def _row(hubs: int, divergent: int, rounds: int) -> dict[str, Any]:
    figures = [await _equal_s(hubs, divergent) for _ in range(rounds)]
    return {"hubs": hubs, "divergent": divergent, "equal_s": middle(figures, 3)}


async def _equal_s(hubs: int, divergent: int) -> float:
    left, right = range(1, hubs // 2 + 1), range(hubs // 2 + 1, hubs + 1)
    async with Crowd("hub", hubs) as crowd:
        proofs, part = len(crowd.world.proofs()), divergent // 2
        await crowd.connect_all()
        await crowd.all(do="hold", records=proofs)
        await crowd.all(*right, do="cut")  # of two hubs the one with the higher number has dialled
        await asyncio.gather(crowd.connect_all(*left), crowd.connect_all(*right))
        writers = (left[0], right[0])
        await asyncio.gather(*(crowd.ask(one, do="prepare", count=part, first_place=0) for one in writers))
        await crowd.all(*writers, do="publish", batch=BATCH)
        await crowd.all(do="hold", records=proofs + part)
        begun_s = time.monotonic()
        for number in right:
            await crowd.ask(number, do="connect", to=[(one, crowd.ports[one]) for one in left])
        answers = await crowd.all(do="hold", records=proofs + 2 * part)
        return max(float(one["at_s"]) for one in answers) - begun_s
