"""How quickly what one hub says is held by all: eight hubs as processes, every one with a link to every other.

All links have stood for a while: every hub has published something, greetings and first audits are over. The time runs
from the moment at which the first hub begins to publish records that are signed already until the last hub has made
the last of them durable. The bare loops beside it are told the same records by the same pipes, in a star: the one that
publishes sends each of the others everything. `wire_bytes_per_record_hub`: all frames that any hub sent meanwhile, by
the records that the seven others took in. `rss_mib` is the median of the processes at the end; they have the engine,
the store and the peers' door, but no doors for people. `cpu_us_per_record` is what all processes together used of the
processors for one record, `cpu_us_publisher` the part of the one that published: with more hubs than cores these
decide, and they are steadier than the time.
"""

import asyncio
import time
from typing import Any

from bench.crowd import Crowd
from bench.machine import middle

HUBS, RECORDS, ROUNDS, BATCH = 8, 1_000, 5, 64
_QUICK = (2, 64, 1)


def rows(quick: bool = False) -> list[dict[str, Any]]:
    """Measure hubs and bare loops in turn."""
    hubs, records, rounds = _QUICK if quick else (HUBS, RECORDS, ROUNDS)
    return [asyncio.run(_row(hubs, records, rounds))]


async def _row(hubs: int, records: int, rounds: int) -> dict[str, Any]:
    ours, bares = [], []
    for _ in range(rounds):
        bares.append(await _bare(hubs, records))
        ours.append(await _ours(hubs, records))
    pairs = list(zip(bares, ours, strict=True))
    return {
        "hubs": hubs,
        "records": records,
        "records_per_s": middle([records / one["took_s"] for one in ours]),
        "bare_per_s": middle([records / one["took_s"] for one in bares]),
        "ratio_to_bare": middle([bare["took_s"] / one["took_s"] for bare, one in pairs], 3),
        "cpu_us_per_record": middle([one["cpu_s"] / records * 1e6 for one in ours]),
        "cpu_us_publisher": middle([one["publisher_cpu_s"] / records * 1e6 for one in ours]),
        "bare_cpu_us_per_record": middle([one["cpu_s"] / records * 1e6 for one in bares]),
        "bare_cpu_us_publisher": middle([one["publisher_cpu_s"] / records * 1e6 for one in bares]),
        "wire_bytes_per_record_hub": middle([one["bytes"] / records / (hubs - 1) for one in ours]),
        "rss_mib": middle([one["rss_mib"] for one in ours], 1),
    }


async def _ours(hubs: int, records: int) -> dict[str, float]:
    async with Crowd("hub", hubs) as crowd:
        await crowd.connect_all()
        held = len(crowd.world.proofs()) + hubs
        await crowd.all(do="prepare", count=1, first_place=records)
        await crowd.all(do="publish", batch=1)
        await crowd.all(do="hold", records=held)
        await crowd.all(do="settle")
        return await _spread(crowd, held, records)


async def _bare(hubs: int, records: int) -> dict[str, float]:
    async with Crowd("bare", hubs) as crowd:
        await crowd.ask(1, do="connect", to=[(number, crowd.ports[number]) for number in range(2, hubs + 1)])
        return await _spread(crowd, 0, records)


async def _spread(crowd: Crowd, held: int, records: int) -> dict[str, float]:
    """Let the first publish, and measure until all hold all."""
    await crowd.ask(1, do="prepare", count=records, first_place=0)
    everybody, receivers = range(1, crowd.count + 1), range(2, crowd.count + 1)
    before = await crowd.all(*everybody, do="hold", records=held)
    begun_s = time.monotonic()
    publishing = crowd.ask(1, do="publish", batch=BATCH)
    others = crowd.all(*receivers, do="hold", records=held + records)
    _, answers = await asyncio.gather(publishing, others)
    after = await crowd.all(*everybody, do="hold", records=held + records)
    used_s = [late["cpu_s"] - early["cpu_s"] for early, late in zip(before, after, strict=True)]
    return {
        "took_s": max(one["at_s"] for one in answers) - begun_s,
        "cpu_s": sum(used_s),
        "publisher_cpu_s": used_s[0],
        "bytes": sum(one["bytes_out"] for one in after) - sum(one["bytes_out"] for one in before),
        "rss_mib": middle([one["rss_mib"] for one in after], 1),
    }
