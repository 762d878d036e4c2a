"""`hartig flag`, `hide`, `mute`: what they ask of the hub, and what people read."""

import json
from collections.abc import Callable

import pytest

from hartig_node.cli import exits
from hartig_node.cli.moderating import REASONS
from hartig_node.glossary import words_used
from hartig_protocol.records.marks import FLAG_REASONS
from node.cli.conftest import Hartig
from node.cli.fake_deals import KITCHEN, OFFER, DealingNode
from node.client.fake_node import NOW, post

FLAG = {"id": OFFER, "about": "post", "why": "unsafe", "hub": KITCHEN, "hub_name": "Strike kitchen", "mine": False,
        "at": NOW, "expires_at": NOW, "text": {"en": "Mould."}, "title": {"en": "Blankets"}}  # fmt: skip
HIDDEN = {"id": OFFER, "why": "hidden", "at": NOW, "by": "phone", "note": "sold", "title": {"en": "Blankets"}}
MUTED = {"id": KITCHEN, "why": "muted", "at": NOW, "name": "Strike kitchen"}


@pytest.fixture
def hub(fake: DealingNode) -> DealingNode:
    fake.posts.append(post(OFFER, "Blankets", mine=False))
    fake.peers.append({"hub": KITCHEN, "name": "Strike kitchen"})
    return fake


def said(hub: DealingNode) -> tuple[str, str, object]:
    last = hub.requests[-1]
    return (last.method, last.path.removeprefix("/api/v1"), last.value)


@pytest.mark.parametrize(
    ("arguments", "asked", "answer"),
    [
        (["flag", OFFER, "--why", "unsafe", "--text", "Mould."],
         ("POST", "/flags", {"id": OFFER, "why": "unsafe", "text": "Mould."}), "Flagged: not safe."),
        (["flag", KITCHEN, "--why", "spam"], ("POST", "/flags", {"id": KITCHEN, "why": "spam"}), "advertising"),
        (["flag", OFFER, "--undo"], ("DELETE", f"/flags/{OFFER}", None), "It is taken back."),
        (["hide", OFFER, "--note", "sold"], ("POST", "/hidden", {"id": OFFER, "note": "sold"}), "hidden at this hub"),
        (["hide", OFFER, "--undo"], ("DELETE", f"/hidden/{OFFER}", None), "shown again"),
        (["mute", "strike kitchen"], ("POST", "/muted", {"id": KITCHEN}), "hidden at this hub"),
        (["mute", KITCHEN, "--undo"], ("DELETE", f"/muted/{KITCHEN}", None), "shown again"),
    ],
)  # fmt: skip
def test_what_is_said_reaches_the_hub(
    hartig: Hartig, hub: DealingNode, arguments: list[str], asked: tuple[str, str, object], answer: str
) -> None:
    plan = 204 if "--undo" in arguments else 201
    if arguments[1] not in (OFFER, KITCHEN):
        hub.plan(200, {"items": hub.peers, "next": None})
    hub.plan(plan, b"" if plan == 204 else {"id": OFFER})
    result = hartig(*arguments)
    assert result.code == exits.OK, result.err
    assert said(hub) == asked
    assert answer in result.out
    assert words_used(result.out) == []


@pytest.mark.parametrize(("text", "subject"), [(OFFER[:8], OFFER), ("Strike kitchen", KITCHEN), ("eeeeeeee", KITCHEN)])
def test_a_post_or_a_hub_is_meant_by_its_first_digits_or_its_name(
    hartig: Hartig, hub: DealingNode, text: str, subject: str
) -> None:
    assert hartig("flag", text, "--why", "other").code == exits.NOT_FOUND  # the fake has no such route
    assert said(hub) == ("POST", "/flags", {"id": subject, "why": "other"})


@pytest.mark.parametrize(
    ("command", "item", "line"),
    [
        ("flag", FLAG, "9a8b7c6d  Blankets: not safe, says Strike kitchen, 22 Nov 12:00: Mould."),
        ("flag", {**FLAG, "mine": True, "text": {}}, "9a8b7c6d  Blankets: not safe, says this hub, 22 Nov 12:00"),
        ("hide", HIDDEN, "9a8b7c6d  Blankets: since 22 Nov 12:00, phone, sold"),
        ("hide", {"id": OFFER, "at": NOW}, "9a8b7c6d  (not held any more): since 22 Nov 12:00"),
        ("mute", MUTED, "eeeeeeee  Strike kitchen: since 22 Nov 12:00"),
    ],
)
def test_lists(hartig: Hartig, hub: DealingNode, command: str, item: object, line: str) -> None:
    hub.plan(200, {"items": [item], "next": None})
    assert hartig(command, "--list").out == f"{line}\n"
    hub.plan(200, {"items": [item], "next": None})
    assert json.loads(hartig(command, "--list", "--json").out) == [item]
    hub.plan(200, {"items": [], "next": None})
    result = hartig(command, "--list")
    assert (result.code, result.out) == (exits.OK, "")
    assert words_used(result.err) == []


def test_the_flags_of_one_post_or_of_this_hub_alone(hartig: Hartig, hub: DealingNode) -> None:
    for arguments, query in (((OFFER,), {"about": OFFER}), (("--mine",), {"mine": "true"})):
        hub.plan(200, {"items": [], "next": None})
        hartig("flag", "--list", *arguments)
        assert {name: text for name, text in hub.requests[-1].query.items() if name != "limit"} == query


@pytest.mark.parametrize("arguments", [("flag",), ("flag", OFFER), ("hide",), ("mute",), ("hide", "--undo")])
def test_what_is_left_out_is_asked_for(hartig: Hartig, hub: DealingNode, arguments: tuple[str, ...]) -> None:
    assert hartig(*arguments).code == exits.USAGE
    assert not [one for one in hub.requests if one.method != "GET"]


def test_lists_of_posts_leave_hidden_ones_out_unless_asked(hartig: Hartig, hub: DealingNode) -> None:
    hartig("list")
    assert "hidden" not in hub.requests[-1].query
    hub.posts[0] |= {"hidden": HIDDEN, "flags": {"count": 1, "first": [FLAG]}}
    out = hartig("search", "blankets", "--hidden").out
    assert hub.requests[-1].query["hidden"] == "true"
    assert "(hidden) (flagged) Blankets" in out
    shown = hartig("show", OFFER).out
    assert "not safe, says Strike kitchen" in shown
    assert "yes, phone, sold" in shown


def test_the_reasons_are_those_of_the_protocol() -> None:
    assert tuple(REASONS) == FLAG_REASONS


def test_help_and_lines_use_peoples_words(hartig: Hartig) -> None:
    helped: Callable[[str], str] = lambda name: hartig("help", name).out  # noqa: E731
    assert [words_used(helped(name)) for name in ("flag", "hide", "mute")] == [[], [], []]
