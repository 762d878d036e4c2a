"""Whatever is said about deals in whatever order: it is done or refused, never a mistake of the hub, and it adds up."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_node.api.app import make_app
from hartig_node.api.door import loopback_door
from hartig_node.api.idempotency import HEADER
from support.boards import running_board

V1 = "/api/v1"
DATE = "2026-11-24T12:00:00Z"
WATER = {"category": "water.drinking", "title": "Water"}
POSTS: list[tuple[str, dict[str, Any]]] = [
    ("offers", {"quantity": 20, "unit": "LTR"}),
    ("offers", {"quantity": "2.5", "unit": "LTR", "mode": "lend", "rule": "first"}),
    ("offers", {"quantity": 4, "dates": [DATE]}),
    ("offers", {"level": "low"}),
    ("needs", {"quantity": 8, "unit": "LTR"}),
    ("needs", {"quantity": 3000, "unit": "MLT"}),
    ("needs", {"dates": [DATE, "2026-11-25T12:00:00Z"], "quantity": 2}),
    ("needs", {}),
]
OFFERS, NEEDS = 4, 4
ON_DEALS = ("cancel", "receive", "give-back", "promise", "decline", "release", "hand-over", "returned")
BAD_QUANTITIES = ["0.5", 0, -1, 10**12, 10**13, 1e300, "NaN", "Infinity", "1e9999", ""]
QUANTITIES = st.sampled_from([None, None, 1, 2, 5]) | st.sampled_from([None, 1, 3, *BAD_QUANTITIES])
SMALL = st.integers(0, 7)

on_deal = st.tuples(
    st.sampled_from(ON_DEALS), SMALL, QUANTITIES, st.sampled_from([None, "ok", "short", "bad", "lapsed", "cancelled"])
)
asking = st.tuples(st.just("claims"), SMALL, SMALL, QUANTITIES, st.sampled_from([None, DATE, "noon"]))
counting = st.tuples(
    st.just("counts"), SMALL, QUANTITIES,
    st.sampled_from([None, "opened", "found", "restocked", "lost", "needed", "given_back", "surrendered"]),
)  # fmt: skip
on_post = st.tuples(
    st.sampled_from(["handovers", "handovers", "surrenders", "close", "withdraw", "renew"]), SMALL, QUANTITIES
)
moves = st.lists(on_deal | on_deal | on_deal | asking | counting | on_post, min_size=12, max_size=30)


class Talk:
    """One client and what it knows: posts, and deals that were begun."""

    def __init__(self, client: "TestClient[Any, Any]", headers: dict[str, str]) -> None:
        self._client, self._headers = client, headers
        self.posts: list[str] = []
        self.deals: list[str] = []
        self._said = 0

    async def say(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask; every other POST has a key, and comes twice."""
        self._said += 1
        headers = {**self._headers, **({HEADER: f"key-{self._said}"} if self._said % 2 else {})}
        said = None if body is None else {name: value for name, value in body.items() if value is not None}
        answers = []
        for _ in range(2 if HEADER in headers and method == "POST" else 1):
            async with self._client.request(method, V1 + path, json=said, headers=headers) as response:
                data = await response.json(content_type=None)
                assert response.status < 500, (method, path, said, data)
                if response.status >= 400:
                    assert response.content_type == "application/problem+json"
                    assert data["code"] not in {"outcome_unknown", "idempotency_key_reused"}, data
                answers.append((response.status, data))
        assert answers[0] == answers[-1]
        return answers[0][1]

    async def move(self, name: str, first: int, *more: Any) -> None:
        if name in ON_DEALS:
            quantity, word = more
            body = {"quantity": quantity} if name not in {"cancel", "decline", "release"} else {}
            body |= {"how": word} if name == "receive" else {"why": word} if name == "release" else {}
            await self.say("POST", f"/deals/{self.deals[first % len(self.deals)]}/{name}", body)
        elif name == "claims":
            second, quantity, date = more
            await self.ask(first, second, quantity, date)
        else:
            await self._on_post(name, self.posts[first % len(self.posts)], more)

    async def ask(self, need: int, offer: int, quantity: Any = None, date: str | None = None) -> None:
        body = {"lot": self.posts[offer], "quantity": quantity, "date": date}
        begun = await self.say("POST", f"/needs/{self.posts[OFFERS + need % NEEDS]}/claims", body)
        if "marks" in begun and begun["id"] not in self.deals:
            self.deals.append(begun["id"])

    async def _on_post(self, name: str, post: str, more: tuple[Any, ...]) -> None:
        if name == "counts":
            await self.say("POST", f"/posts/{post}/counts", {"quantity": more[0], "why": more[1]})
        elif name == "withdraw":
            await self.say("DELETE", f"/posts/{post}?force={str(more[0] == 1).lower()}")
        elif name in {"close", "renew"}:
            await self.say("POST", f"/posts/{post}/{name}", {})
        else:
            await self.say("POST", f"/offers/{post}/{name}", {"quantity": more[0]})

    async def check_sums(self) -> None:
        """No offer has given more than was counted, and the list of deals agrees with the accounts."""
        listed: list[str] = []
        for role in ("receiving", "giving"):
            listed += [deal["id"] for deal in (await self.say("GET", f"/deals?role={role}&limit=200"))["items"]]
        assert set(listed) <= set(self.deals)
        for post in self.posts[:OFFERS]:
            total = (await self.say("GET", f"/posts/{post}/book"))["total"]
            amounts = {name: Decimal(amount) for name, amount in total.items()}
            spent = sum(amounts[name] for name in ("promised", "set_aside", "handed_over", "given_up"))
            assert amounts["free"] >= 0
            assert amounts["counted"] == amounts["free"] + spent


async def talk_it_through(said: list[tuple[Any, ...]]) -> None:
    async with running_board() as bench:
        _view, secret = await bench.board.tokens.add("test", ["write"], None)
        app = make_app(bench.board, loopback_door())
        async with TestClient(TestServer(app, host="127.0.0.1")) as client:
            talk = Talk(client, {"Authorization": f"Bearer {secret}"})
            for plural, more in POSTS:
                talk.posts.append((await talk.say("POST", f"/{plural}", {**WATER, **more}))["id"])
            for need, offer in ((0, 0), (1, 1), (1, 0), (2, 2)):
                await talk.ask(need, offer, 1, DATE if need == 2 else None)
            for name, *rest in said:
                await talk.move(name, *rest)
            await talk.check_sums()


@pytest.mark.wide
@settings(max_examples=settings().max_examples // 2)
@given(moves)
def test_no_order_of_words_makes_the_hub_fail_or_promise_what_is_not_there(said: list[tuple[Any, ...]]) -> None:
    asyncio.run(talk_it_through(said))
