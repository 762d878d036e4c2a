"""Who belongs, through the client: what is sent, short keys and names, and what comes back."""

from typing import Any

import pytest

from hartig_node.client import AmbiguousIdError, AnswerError, Node, NotFoundError
from node.client.fake_node import FakeNode

ANA, BEN = "ab12cd" + "0" * 58, "ab12ce" + "0" * 58
PEOPLE = {"items": [{"key": ANA, "name": "Ana's"}, {"key": BEN, "name": "Ben's"}], "next": None}
SAID: list[tuple[str, tuple[Any, ...], dict[str, Any], str, dict[str, Any]]] = [
    ("grant", (ANA.upper(),), {"rank": "member", "days": None}, "", {"key": ANA, "rank": "member"}),
    ("renew", (ANA,), {"days": 3}, f"/{ANA}/renew", {"days": 3}),
    ("end", (ANA,), {}, f"/{ANA}/end", {}),
    ("remove", (ANA,), {"keep": [BEN]}, f"/{ANA}/remove", {"keep": [BEN]}),
    (
        "remove",
        (ANA,),
        {"returns": [BEN], "preview": True},
        f"/{ANA}/remove",
        {"keep": [], "returns": [BEN], "preview": True},
    ),
    ("label", (ANA,), {"name": ""}, f"/{ANA}/label", {"name": ""}),
    ("remove", (ANA,), {"successor": BEN}, f"/{ANA}/remove", {"keep": [], "successor": BEN}),
]


@pytest.mark.parametrize(("method", "arguments", "named", "path", "body"), SAID)
def test_each_call_sends_what_the_api_takes_under_a_key(
    node: Node, fake: FakeNode, method: str, arguments: tuple[Any, ...], named: dict[str, Any], path: str,
    body: dict[str, Any],
) -> None:  # fmt: skip
    fake.plan(200, {"key": ANA})
    assert getattr(node.members, method)(*arguments, **named) == {"key": ANA}
    (request,) = fake.requests
    assert (request.method, request.path, request.value) == ("POST", f"/api/v1/members{path}", body)
    assert len(request.headers["Idempotency-Key"]) == 32
    assert repr(node.members) == f"<Members of {node!r}>"


@pytest.mark.parametrize(("who", "key"), [("AB12CD00", ANA), ("ben's", BEN), (BEN.upper(), BEN)])
def test_a_key_may_be_short_or_a_name(node: Node, fake: FakeNode, who: str, key: str) -> None:
    if len(who) < 64:
        fake.plan(200, PEOPLE)
    assert node.members.full_key(who) == key


def test_what_is_nobodys_or_several_peoples_is_said(node: Node, fake: FakeNode) -> None:
    for who, error in (("Cam", NotFoundError), ("ffffff", NotFoundError)):
        fake.plan(200, PEOPLE)
        with pytest.raises(error, match="nobody here"):
            node.members.full_key(who)
    fake.plan(200, {"items": [{"key": ANA, "name": "Twin"}, {"key": BEN, "name": "twin"}], "next": None})
    with pytest.raises(AmbiguousIdError, match="2 have this name"):
        node.members.full_key("Twin")


def test_of_one_name_it_is_the_one_who_belongs(node: Node, fake: FakeNode) -> None:
    """After a recovery the key before has the same name; four digits are enough, where no other begins so."""
    standing = {"key": BEN, "name": "Twin", "state": "standing"}
    fake.plan(200, {"items": [{"key": ANA, "name": "Twin", "state": "removed"}, standing], "next": None})
    assert node.members.full_key("Twin") == BEN
    both = [{"key": ANA, "name": "Twin", "state": "removed"}, {**standing, "state": "over"}]
    fake.plan(200, {"items": both, "next": None})
    with pytest.raises(AmbiguousIdError, match="none of them belongs any more"):
        node.members.full_key("Twin")
    fake.plan(200, {"items": [standing], "next": None})
    assert node.members.full_key("AB12") == BEN


def test_what_would_follow_is_asked_for_several_at_once(node: Node, fake: FakeNode) -> None:
    fake.plan(200, {"falls": []})
    assert node.members.without([ANA, BEN]) == {"falls": []}
    assert fake.requests[-1].path == "/api/v1/network/without"
    fake.plan(200, {"falls": []})
    node.members.without([], "ab")
    assert fake.requests[-1].query == {"record": "ab"}


def test_records_go_in_together(node: Node, fake: FakeNode) -> None:
    said = [{"id": "aa", "kind": 2, "refused": None}]
    fake.plan(201, {"records": said})
    assert node.members.publish([(b"\x01", b"\x02")]) == said
    assert fake.requests[-1].value == {"records": [{"head": "01", "signature": "02"}]}
    fake.plan(201, {"records": []})
    with pytest.raises(AnswerError, match="did not answer for all"):
        node.members.publish([(b"\x01", b"\x02")])
    fake.plan(200, [])
    with pytest.raises(AnswerError, match="expected form"):
        node.members.waiting()
