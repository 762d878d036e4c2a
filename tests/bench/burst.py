"""The strike kitchen: one offer of 10,000 portions, 500 needs that together want more, and one real hub.

`hartig run` on this machine, over its HTTP API: for each need somebody asks, the desk promises, hands over, and what
came is said; one promise in ten is taken back. So many clients do this at once, and nobody waits for anybody else. Then
the account is compared with the sum over all deals: `over_promised` is what was promised or handed over beyond what was
counted, by either of the two, and `handed_over` and `left` are all there is.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from end_to_end.daemons import Daemon

Json = dict[str, Any]

PORTIONS, NEEDS, CLIENTS = 10_000, 500, 16
_QUICK = (100, 8, 4)
PORTIONS_OF_NEED = (5, 45)  # 25 each on average: a quarter more than there is
TAKEN_BACK_EVERY = 10
BATCH, PAGE = 100, 200
API = "http://localhost/api/v1"
MEAL = {"category": "food.cooked", "unit": "H87", "days": 0.5}
_GONE = "not_free"


def rows(quick: bool = False) -> list[Json]:
    """Run the kitchen once for each rule by which an offer may promise."""
    sizes = _QUICK if quick else (PORTIONS, NEEDS, CLIENTS)
    return [_row(rule, *sizes) for rule in ("ask", "first")]


def _row(rule: str, portions: int, needs: int, clients: int) -> Json:
    with tempfile.TemporaryDirectory(prefix="hartig-bench-") as name, Daemon(Path(name) / "kitchen") as daemon:
        daemon.command("init", "--name", "Kitchen")
        daemon.launch()
        daemon.wait_ready()
        return asyncio.run(_measure(daemon.folder / "run" / "api.sock", rule, portions, needs, clients))


async def _measure(socket: Path, rule: str, portions: int, needs: int, clients: int) -> Json:
    connector = aiohttp.UnixConnector(str(socket), limit=clients)
    async with aiohttp.ClientSession(connector=connector) as session:
        kitchen = Kitchen(session, rule)
        await kitchen.open(portions, needs)
        begun_s = time.monotonic()
        await kitchen.serve(clients)
        seconds = time.monotonic() - begun_s
        return {"rule": rule, "portions": portions, "needs": needs, **await kitchen.result(seconds)}


class Kitchen:
    """The desk of one kitchen, and the people who come."""

    def __init__(self, session: aiohttp.ClientSession, rule: str) -> None:
        self._session, self._rule = session, rule
        self._random = Random(7)  # the same crowd each time
        self._offer = ""
        self._needs: list[str] = []
        self._asked, self._requests = 0, 0

    async def open(self, portions: int, needs: int) -> None:
        """Post the offer, count it, and take in the needs."""
        offer = {**MEAL, "title": "Rice and beans", "quantity": portions, "rule": self._rule}
        self._offer = (await self._said("POST", "/offers", offer))["id"]
        await self._said("POST", f"/posts/{self._offer}/counts", {"quantity": portions})
        few, many = (size * portions * NEEDS // (needs * PORTIONS) for size in PORTIONS_OF_NEED)
        wanted = [self._random.randint(few, many) for _ in range(needs)]
        for start in range(0, needs, BATCH):
            drafts = [
                {**MEAL, "kind": "need", "title": f"Meals, table {number}", "quantity": quantity}
                for number, quantity in enumerate(wanted[start : start + BATCH], start)
            ]
            answer = await self._said("POST", "/posts/batch", {"drafts": drafts})
            self._needs += [result["post"]["id"] for result in answer["results"]]

    async def serve(self, clients: int) -> None:
        """Let all come at once, as many at a time as there are clients."""
        waiting, self._requests = list(enumerate(self._needs)), 0
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._client(waiting))

    async def _client(self, waiting: list[tuple[int, str]]) -> None:
        while waiting:
            number, need = waiting.pop()
            await self._serve(number, need)

    async def _serve(self, number: int, need: str) -> None:
        deal = await self._ask("POST", f"/needs/{need}/claims", {"lot": self._offer})
        if deal is None:
            return
        self._asked += 1
        path = f"/deals/{deal['id']}"
        if self._rule == "ask" and await self._ask("POST", f"{path}/promise", {}) is None:
            return
        if number % TAKEN_BACK_EVERY == 0:
            await self._ask("POST", f"{path}/release", {}, _GONE, "no_such_promise")
        elif await self._ask("POST", f"{path}/hand-over", {}, _GONE) is not None:
            await self._said("POST", f"{path}/receive", {"how": "ok"})

    async def _ask(self, method: str, path: str, body: Json, *refusals: str) -> Json | None:
        """Say something that may be refused because nothing is left."""
        status, data = await self._send(method, path, body)
        if status < 400:
            return data
        if data.get("rule") not in (_GONE, *refusals):
            raise RuntimeError(f"{path}: {data}")
        return None

    async def _said(self, method: str, path: str, body: Json | None = None) -> Json:
        status, data = await self._send(method, path, body)
        if status >= 400:
            raise RuntimeError(f"{path}: {data}")
        return data

    async def _send(self, method: str, path: str, body: Json | None) -> tuple[int, Json]:
        self._requests += 1
        async with self._session.request(method, API + path, json=body) as response:
            data: Json = await response.json(content_type=None)
            return response.status, data

    # --- Afterwards

    async def result(self, seconds: float) -> Json:
        """Compare the account with all deals."""
        requests = self._requests
        total = (await self._said("GET", f"/posts/{self._offer}/book"))["total"]
        deals = await self._deals()
        counted, handed_over = int(total["counted"]), int(total["handed_over"])
        left = int(total["free"]) + int(total["promised"])
        spent = max(handed_over + int(total["promised"]), _sum(deals, "handed_over") + _still_promised(deals))
        return {
            "claims": self._asked,
            "handed_over": handed_over,
            "left": left,
            "over_promised": max(0, spent - counted) + abs(counted - handed_over - left),
            "seconds": round(seconds, 2),
            "requests_per_s": round(requests / seconds),
        }

    async def _deals(self) -> Sequence[Json]:
        deals: list[Json] = []
        cursor = ""
        while True:
            page = await self._said("GET", f"/deals?role=giving&limit={PAGE}{cursor}")
            deals += page["items"]
            if page["next"] is None:
                return deals
            cursor = f"&cursor={page['next']}"


def _sum(deals: Sequence[Json], name: str) -> int:
    return sum(int(deal.get(name, 0)) for deal in deals)


def _still_promised(deals: Sequence[Json]) -> int:
    return _sum([deal for deal in deals if deal["state"] == "promised"], "promised")
