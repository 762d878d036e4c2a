"""How soon a hub that holds nothing has everything: a process that holds it all, and one that dials it.

The time runs from the dial. `first_s`: until the first need is durable at the newcomer, `all_s`: until all are.
`wire_bytes_per_record`: all frames of both sides.
"""

import asyncio
import time
from typing import Any

from bench.crowd import Crowd
from bench.machine import middle

RECORDS, ROUNDS, BATCH = 10_000, 5, 128
_QUICK = (200, 1)


def rows(quick: bool = False) -> list[dict[str, Any]]:
    """Measure, with a fresh newcomer each time."""
    records, rounds = _QUICK if quick else (RECORDS, ROUNDS)
    return [asyncio.run(_row(records, rounds))]


async def _row(records: int, rounds: int) -> dict[str, Any]:
    runs = []
    async with Crowd("hub", 1 + rounds) as crowd:
        proofs = len(crowd.world.proofs())
        await crowd.ask(1, do="prepare", count=records, first_place=0)
        await crowd.ask(1, do="publish", batch=BATCH)
        for newcomer in range(2, 2 + rounds):
            runs.append(await _one(crowd, newcomer, proofs, records))
            await crowd.ask(newcomer, do="cut")
    return {
        "records": records,
        "first_s": middle([first_s for first_s, _, _ in runs], 3),
        "all_s": middle([all_s for _, all_s, _ in runs], 3),
        "wire_bytes_per_record": middle([sent / records for _, _, sent in runs]),
    }


async def _one(crowd: Crowd, newcomer: int, proofs: int, records: int) -> tuple[float, float, float]:
    before = await crowd.all(1, newcomer, do="hold", records=proofs)
    begun_s = time.monotonic()
    await crowd.ask(newcomer, do="connect", to=[(1, crowd.ports[1])])
    first = await crowd.ask(newcomer, do="hold", records=proofs + 1)
    last = await crowd.ask(newcomer, do="hold", records=proofs + records)
    after = await crowd.all(1, newcomer, do="hold", records=proofs)
    sent = sum(one["bytes_out"] for one in after) - sum(one["bytes_out"] for one in before)
    return first["at_s"] - begun_s, last["at_s"] - begun_s, sent
