"""Floods one or several doors until its input ends, in a process of its own, so that it has a loop of its own.

    python flooder.py '[["idle, site", 8080], ...]'     -> {"begun": true}, and in the end {"attempts": ...}

Who calls: `flood`.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from attack.floods import FLOODS, flooding


async def _main(orders: list[tuple[str, int]]) -> None:
    async with AsyncExitStack() as stack:
        tolls = [await stack.enter_async_context(flooding(FLOODS[name], port)) for name, port in orders]
        print(json.dumps({"begun": True}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"attempts": sum(toll.attempts for toll in tolls)}), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(json.loads(sys.argv[1])))
