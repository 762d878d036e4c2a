"""The deals of a node through the client: what is sent, short ids, keys, and what comes back."""

import re
from typing import Any

import pytest

from hartig_node.api.app import make_app
from hartig_node.api.door import loopback_door
from hartig_node.api.endpoints import ENDPOINTS
from hartig_node.client import AmbiguousIdError, AnswerError, ClientError, Node, NotFoundError, ProblemError
from node.api.fake_board import FakeBoard
from node.client.fake_node import FakeNode, problem

MODULES = ("routes_deals", "routes_recounts")
NEED, OFFER, DEAL, HUB = "1" * 32, "2" * 32, "3" * 64, "4" * 64
SAID: list[tuple[str, tuple[Any, ...], dict[str, Any], str, dict[str, Any]]] = [
    ("ask", (NEED, OFFER), {}, f"/needs/{NEED}/claims", {"lot": OFFER}),
    ("ask", (NEED, OFFER, 3), {"date": "d", "lot_date": "e"}, f"/needs/{NEED}/claims",
     {"lot": OFFER, "quantity": 3, "date": "d", "lot_date": "e"}),
    ("cancel", (DEAL,), {}, f"/deals/{DEAL}/cancel", {}),
    ("receive", (DEAL,), {}, f"/deals/{DEAL}/receive", {"how": "ok"}),
    ("receive", (DEAL, "short", "2.5"), {}, f"/deals/{DEAL}/receive", {"how": "short", "quantity": "2.5"}),
    ("give_back", (DEAL,), {}, f"/deals/{DEAL}/give-back", {}),
    ("promise", (DEAL, 2), {}, f"/deals/{DEAL}/promise", {"quantity": 2}),
    ("decline", (DEAL,), {}, f"/deals/{DEAL}/decline", {}),
    ("release", (DEAL, "cancelled"), {}, f"/deals/{DEAL}/release", {"why": "cancelled"}),
    ("hand_over", (DEAL,), {}, f"/deals/{DEAL}/hand-over", {}),
    ("returned", (DEAL, 1), {}, f"/deals/{DEAL}/returned", {"quantity": 1}),
    ("hand_out", (OFFER, 4), {"date": "d"}, f"/offers/{OFFER}/handovers", {"quantity": 4, "date": "d"}),
    ("count", (OFFER, 4, "lost", ["d"]), {}, f"/posts/{OFFER}/counts", {"quantity": 4, "why": "lost", "dates": ["d"]}),
    ("low", (OFFER,), {}, f"/posts/{OFFER}/low", {}),
    ("close", (NEED,), {}, f"/posts/{NEED}/close", {}),
    ("set_aside", (OFFER, HUB, 5), {}, f"/offers/{OFFER}/allotments", {"hub": HUB, "quantity": 5}),
    ("surrender", (OFFER,), {}, f"/offers/{OFFER}/surrenders", {}),
    ("accept", (DEAL, {"title": "Rest"}), {}, f"/allotments/{DEAL}/accept", {"title": "Rest"}),
    ("recount", (OFFER, "7"), {}, f"/recounts/{OFFER}", {"quantity": "7"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "arguments", "named", "path", "body"), SAID)
def test_each_call_sends_what_the_api_takes_under_a_key(
    node: Node, fake: FakeNode, method: str, arguments: tuple[Any, ...], named: dict[str, Any], path: str,
    body: dict[str, Any],
) -> None:  # fmt: skip
    for _ in range(2):
        fake.plan(200, {"id": DEAL})
        assert getattr(node.deals, method)(*arguments, **named) == {"id": DEAL}
    first, second = fake.requests
    assert (first.method, first.path, first.value) == ("POST", f"/api/v1{path}", body)
    assert len(first.headers["Idempotency-Key"]) == 32
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    fake.plan(200, {"id": DEAL})
    getattr(node.deals, method)(*arguments, **named, key="mine")
    assert fake.requests[-1].headers["Idempotency-Key"] == "mine"


async def test_every_call_has_a_route_and_every_route_a_call() -> None:
    app = make_app(FakeBoard(), loopback_door())
    routes = {one.path for one in app[ENDPOINTS].values() if one.handler.__module__.endswith(MODULES)}
    posts = {one.path for one in app[ENDPOINTS].values() if one.method == "POST"} & routes
    called = {re.sub(r"/([1-4])\1{31,63}(?=/|$)", "/{id}", f"/api/v1{path}") for _method, _, _, path, _ in SAID}
    assert called == posts


def test_what_is_known_is_read(node: Node, fake: FakeNode) -> None:
    answers: list[dict[str, Any]] = [{"id": DEAL}, {"contact": "Rosa"}, {"contact": None}, {"total": {}}]
    for value in answers:
        fake.plan(200, value)
    assert node.deals.get(DEAL) == {"id": DEAL}
    assert node.deals.contact(DEAL, role="giving") == "Rosa"
    assert node.deals.contact(DEAL) is None
    assert node.deals.book(OFFER) == {"total": {}}
    assert [request.path for request in fake.requests] == [
        f"/api/v1/deals/{DEAL}", f"/api/v1/deals/{DEAL}/contact", f"/api/v1/deals/{DEAL}/contact",
        f"/api/v1/posts/{OFFER}/book",
    ]  # fmt: skip
    assert fake.requests[1].query == {"role": "giving"}


def test_what_waits_and_what_else_there_is_is_read(node: Node, fake: FakeNode) -> None:
    for page in ([{"id": OFFER}], [{"id": NEED}]):
        fake.plan(200, {"items": page, "next": None})
    assert node.deals.alternatives(NEED) == [{"id": OFFER}]
    assert node.deals.recounts() == [{"id": NEED}]
    assert [request.path for request in fake.requests] == [f"/api/v1/needs/{NEED}/alternatives", "/api/v1/recounts"]
    fake.plan(200, {"found": []})
    with pytest.raises(AnswerError):
        node.deals.recounts()


def test_a_recount_takes_a_short_id_and_says_when_nothing_is_left(node: Node, fake: FakeNode) -> None:
    waiting = {"items": [{"id": NEED}, {"id": "5" * 31 + "6"}, {"id": "5" * 32}], "next": None}
    fake.plan(200, waiting)
    fake.plan(200, {"post": None})
    assert node.deals.recount("11111111", 0) is None
    assert fake.requests[-1].path == f"/api/v1/recounts/{NEED}"
    fake.plan(200, waiting)
    with pytest.raises(AmbiguousIdError, match="2 posts"):
        node.deals.recount("55555555", 1)
    for unknown in ("77777777", "1"):
        fake.plan(200, waiting)
        with pytest.raises(NotFoundError):
            node.deals.recount(unknown, 1)


def test_lists_are_read_page_by_page(node: Node, fake: FakeNode) -> None:
    fake.plan(200, {"items": [{"id": "a"}], "next": "n"})
    fake.plan(200, {"items": [{"id": "b"}], "next": None})
    assert [deal["id"] for deal in node.deals.list(role="giving", state="open")] == ["a", "b"]
    assert fake.requests[1].query == {"role": "giving", "state": "open", "limit": "200", "cursor": "n"}
    fake.plan(200, {"items": [{"id": "a"}, {"id": "b"}], "next": "n"})
    assert len(list(node.deals.list(limit=1))) == 1
    fake.plan(200, {"items": [{"id": "c"}], "next": None})
    assert list(node.deals.set_aside_for_us()) == [{"id": "c"}]
    fake.plan(200, {"items": [{"id": "c"}, {"id": "d"}], "next": "n"})
    assert list(node.deals.set_aside_for_us(limit=1)) == [{"id": "c"}]


def test_short_ids_stand_for_whole_ones(node: Node, fake: FakeNode) -> None:
    deals = {"items": [{"id": DEAL}, {"id": "3" * 63 + "4"}, {"id": "5" * 64}], "next": None}
    fake.plan(200, deals)
    assert node.deals.full_id("55555555") == "5" * 64
    assert node.deals.full_id(DEAL.upper()) == DEAL
    fake.plan(200, deals)
    with pytest.raises(AmbiguousIdError, match="2 deals"):
        node.deals.cancel("33333333")
    fake.plan(200, deals)
    with pytest.raises(NotFoundError):
        node.deals.cancel("77777777")
    with pytest.raises(ClientError, match="no id of a deal"):
        node.deals.cancel("deal 7")


def test_a_refusal_names_the_rule_and_what_would_be_allowed(node: Node, fake: FakeNode) -> None:
    fake.plan(409, problem(409, "not_allowed", "too much", hint="at most 3 are free", rule="not_free"))
    with pytest.raises(ProblemError) as caught:
        node.deals.promise(DEAL, 5)
    assert (caught.value.rule, caught.value.hint) == ("not_free", "at most 3 are free")
    assert caught.value.as_json()["rule"] == "not_free"


def test_a_connection_that_broke_off_is_opened_again_and_the_key_stays(node: Node, fake: FakeNode) -> None:
    fake.plan(200, {"id": DEAL})
    node.deals.get(DEAL)
    fake.plan(0, b"")
    fake.plan(200, {"id": DEAL})
    node.deals.promise(DEAL)
    _first, lost, again = fake.requests
    assert lost.headers["Idempotency-Key"] == again.headers["Idempotency-Key"]
    assert lost.value == again.value


def test_a_post_is_published_once_under_a_key(node: Node, fake: FakeNode) -> None:
    fake.plan(201, {"id": NEED})
    assert node.publish({"kind": "need"}, key="k") == {"id": NEED}
    assert fake.requests[0].headers["Idempotency-Key"] == "k"


def test_an_offer_is_withdrawn_by_force(node: Node, fake: FakeNode) -> None:
    fake.plan(200, {"id": OFFER})
    node.withdraw(OFFER, force=True)
    assert (fake.requests[0].method, fake.requests[0].query) == ("DELETE", {"force": "true"})


def test_an_answer_of_another_form_is_an_error(node: Node, fake: FakeNode) -> None:
    fake.plan(200, [])
    with pytest.raises(AnswerError):
        node.deals.get(DEAL)
    assert repr(node.deals).startswith("<Deals of <Node at ")
