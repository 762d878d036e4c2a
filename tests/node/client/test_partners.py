"""Partner networks, through the client: what is sent, short ids and names, and what comes back."""

from typing import Any

import pytest

from hartig_node.client import AmbiguousIdError, AnswerError, Node, NotFoundError
from node.client.fake_node import FakeNode

OST, WEST = "ab12cd" + "0" * 26, "ab12ce" + "0" * 26
NONE = {"items": [], "next": None}
BOTH = {"items": [{"id": OST, "name": "Ost"}, {"id": WEST, "name": None}], "next": None, "speakers": []}
SAID: list[tuple[str, tuple[Any, ...], dict[str, Any], str, dict[str, Any]]] = [
    ("propose", ("CODE",), {"kinds": ["offer"], "days": None}, "", {"code": "CODE", "kinds": ["offer"]}),
    ("accept", (OST.upper(),), {"preview": True}, f"/{OST}/accept", {"preview": True}),
    ("change", (OST,), {"areas": []}, f"/{OST}/change", {"areas": []}),
    ("leave", (OST,), {}, f"/{OST}/leave", {}),
    ("take", ("aa" * 32,), {}, f"/suggestions/{'aa' * 32}/take", {}),
    ("pass_over", ("aa" * 32,), {}, f"/suggestions/{'aa' * 32}/leave", {}),
]


@pytest.mark.parametrize(("method", "arguments", "named", "path", "body"), SAID)
def test_each_call_sends_what_the_api_takes_under_a_key(
    node: Node, fake: FakeNode, method: str, arguments: tuple[Any, ...], named: dict[str, Any], path: str,
    body: dict[str, Any],
) -> None:  # fmt: skip
    fake.plan(200, {"id": OST})
    getattr(node.partners, method)(*arguments, **named)
    (request,) = fake.requests
    assert (request.method, request.path, request.value) == ("POST", f"/api/v1/partners{path}", body)
    assert len(request.headers["Idempotency-Key"]) == 32
    assert repr(node.partners) == f"<Partners of {node!r}>"


@pytest.mark.parametrize(("who", "network"), [("AB12CD", OST), ("ost", OST), ("ab12ce00", WEST)])
def test_a_network_may_be_named_by_few_digits_or_its_name(node: Node, fake: FakeNode, who: str, network: str) -> None:
    fake.plan(200, NONE)
    fake.plan(200, BOTH)
    assert node.partners.full_id(who) == network


def test_who_asks_to_be_one_can_be_named_too(node: Node, fake: FakeNode) -> None:
    fake.plan(200, {"items": [{"id": WEST, "name": "West"}], "next": None})
    fake.plan(200, NONE)
    fake.plan(200, b"")
    node.partners.dismiss("west")
    assert (fake.requests[-1].method, fake.requests[-1].path) == ("DELETE", f"/api/v1/partners/proposals/{WEST}")


def test_what_is_nobodys_or_of_several_is_said(node: Node, fake: FakeNode) -> None:
    for who, error in (("Nord", NotFoundError), ("ab12", AmbiguousIdError)):
        fake.plan(200, NONE)
        fake.plan(200, BOTH)
        with pytest.raises(error):
            node.partners.full_id(who)


def test_what_there_is_is_read(node: Node, fake: FakeNode) -> None:
    for value in (BOTH, {"id": OST}, {"code": "CODE"}, NONE, NONE):
        fake.plan(200, value)
    partners = node.partners
    assert partners.overview() == BOTH
    assert (partners.get(OST), partners.code()) == ({"id": OST}, {"code": "CODE"})
    assert (partners.proposals(), partners.suggestions()) == ([], [])
    fake.plan(200, {"items": [{"id": "1"}], "next": None})
    assert list(partners.shared(OST, "kept")) == [{"id": "1"}]
    assert fake.requests[-1].query["state"] == "kept"
    for value in ([], {"items": 5}):
        fake.plan(200, value)
        with pytest.raises(AnswerError, match="expected form"):
            partners.proposals()
