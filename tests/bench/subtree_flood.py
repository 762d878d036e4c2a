"""What a flood of valid records from one inviter's subtree costs a hub and its neighbours: `rows(quick)` for `run`.

One process holds a hub with all of it on, a neighbour that relays the flood and what others say, and one to which the
hub forwards. The flood is signed before; its hubs were all invited by one. The pool is empty at the beginning, as after
the flood has gone on for a while. `hub_share` is the processor time of the hub's core and of its store over the time
that went by, `process_share` that of everything, both neighbours and TLS on all ends included. A delay is from the
relay's sending until the other neighbour has it.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.puppets import Puppet, frames_of, greeted
from bench.world import HUBS_OF_A_MESH, PLACES, BenchHub, World, running_hub
from hartig_node.tasks import Tasks
from hartig_protocol.events import Event
from hartig_protocol.limits import WINDOW_RECORDS_MAX
from hartig_protocol.records.record import Record

SYBILS, VERSIONS_PLACES = 8, 50
INVITER, OTHER = 5, 6
TICK_S, OTHERS_EVERY = 0.02, 5  # ticks
USUAL = ((0, 10.0), (1_000, 20.0))
QUICK = ((1_000, 0.5),)


def rows(quick: bool = False) -> list[dict[str, Any]]:
    """One row without a flood, and one with it."""
    return [_row(per_s, span_s) for per_s, span_s in (QUICK if quick else USUAL)]


def _row(per_s: int, span_s: float) -> dict[str, Any]:
    world = World(hubs=HUBS_OF_A_MESH + 1)
    ticks = round(span_s / TICK_S)
    flood = frames_of(_versions(world, round(per_s * TICK_S) * ticks), max(1, round(per_s * TICK_S)))
    others = world.records(ticks // OTHERS_EVERY, author=OTHER)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(world, per_s, flood, others, ticks, Path(folder)))


def _versions(world: World, count: int) -> list[Record]:
    """New versions in the places of all sybils in turn."""
    made = []
    for index in range(count):
        turn, author = divmod(index, SYBILS)
        version, place = divmod(turn, VERSIONS_PLACES)
        key, stamp = world.key(100 + author), world.now_ms
        expires = stamp + 10**8 + version
        made.append(world.network.need(key, place=place, nonce=place, seq=1 + version, stamp=stamp, expires=expires))
    return made


async def _measured(
    world: World, per_s: int, flood: Sequence[bytes], others: Sequence[Record], ticks: int, folder: Path
) -> dict[str, Any]:
    async with running_hub(world, 2, folder) as hub:
        inviter = world.key(INVITER)
        await hub.publish(
            [
                world.network.grant(
                    world.key(100 + index).public,
                    author=inviter,
                    place=index,
                    places=PLACES,
                    invites=0,
                    stamp=world.now_ms,
                )
                for index in range(SYBILS)
            ]
        )
        tasks = Tasks()
        relay, receiver = await greeted(world, 1, hub, tasks), await greeted(world, 3, hub, tasks)
        sent_s = dict[bytes, float]()
        delays_s = list[float]()
        heads = {record.head_bytes for record in others}

        def note(wires: Sequence[Any]) -> None:
            delays_s.extend(time.perf_counter() - sent_s[wire[0]] for wire in wires if wire[0] in heads)

        receiver.on_records = note
        _empty(hub)
        core_s = _count_core(hub)
        taken, begun = hub.engine.hub.catalog.last_n, (time.process_time(), time.thread_time(), time.perf_counter())
        offered = await _flooded(relay, flood, others, ticks, sent_s)
        all_s, main_s, took_s = (
            time.process_time() - begun[0],
            time.thread_time() - begun[1],
            time.perf_counter() - begun[2],
        )
        hub_s = sum(core_s) + all_s - main_s
        taken = hub.engine.hub.catalog.last_n - taken
        await receiver.until(lambda: len(delays_s) >= len(others))
        await tasks.close()
        for puppet in (relay, receiver):
            puppet.link.abort("measured")
    delays_s.sort()
    return {
        "offered_per_s": per_s,
        "sent_per_s": round(offered / took_s),
        "accepted_per_s": round(taken / took_s),
        "hub_share": round(hub_s / took_s, 3),
        "process_share": round(all_s / took_s, 3),
        "others_p50_ms": round(1_000 * delays_s[len(delays_s) // 2]),
        "others_p99_ms": round(1_000 * delays_s[len(delays_s) * 99 // 100]),
    }


def _empty(hub: BenchHub) -> None:
    pool = hub.engine.hub.state.intake.pool
    pool.refill(hub.engine.clock.now().steady_ms)
    pool.tokens = 0


def _count_core(hub: BenchHub) -> list[float]:
    """From now on note the processor seconds of each event that the core deals with."""
    spent_s, usual = list[float](), hub.engine.handle

    def counted(event: Event) -> None:
        begun_s = time.thread_time()
        usual(event)
        spent_s.append(time.thread_time() - begun_s)

    hub.engine.handle = counted  # type: ignore[method-assign]
    return spent_s


async def _flooded(
    relay: Puppet, flood: Sequence[bytes], others: Sequence[Record], ticks: int, sent_s: dict[bytes, float]
) -> int:
    """Send what the window allows, and one record of others every few ticks; return how many were of the flood."""
    loop, begun_s = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    each = len(flood) and round(1_000 * TICK_S)
    before, sent = relay.dealt_with, 0
    for tick in range(ticks):
        await asyncio.sleep(max(0.0, begun_s + tick * TICK_S - loop.time()))
        if tick < len(flood) and sent - (relay.dealt_with - before) < WINDOW_RECORDS_MAX:
            await relay.send_one(flood[tick])
            sent += each
        if tick % OTHERS_EVERY == 0 and tick // OTHERS_EVERY < len(others):
            record = others[tick // OTHERS_EVERY]
            sent_s[record.head_bytes] = time.perf_counter()
            await relay.send_one(frames_of([record], 1)[0])
    return sent
