"""`hartig recount`, and what else there is where a deal came to nothing."""

import json
from typing import Any

import pytest

from hartig_node.cli import exits
from hartig_node.cli.dealwords import CAME_TO_NOTHING
from hartig_node.cli.recounting import LEVELS, REASONS
from hartig_node.glossary import words_used
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.exchange.deal import DealState
from hartig_protocol.records import posts
from node.cli.conftest import Hartig
from node.cli.fake_deals import DEAL, NEED, OFFER, DealingNode, deal, side
from node.client.fake_node import NOW, post, problem

LATER = "2026-11-23T12:00:00Z"


def ended(post_id: str, kind: str, reason: str, **more: Any) -> dict[str, Any]:
    title = {"en": "Blankets"}
    return {"id": post_id, "kind": kind, "title": title, "reason": reason, "quantity": "10", "unit": "H87", **more}


def other(number: int, **more: Any) -> dict[str, Any]:
    return post(f"{number:08d}" + "0" * 24, f"Rugs {number}", kind="offer", mine=False, author_name="Store", **more)


def test_what_waits_is_listed_in_peoples_words(hartig: Hartig, fake: DealingNode) -> None:
    dates = [{"date": NOW, "quantity": "4"}, {"date": LATER, "quantity": "6"}]
    fake.recounts = [ended(OFFER, "offer", "restored", dates=dates), ended(NEED, "need", "void", dates=[])]
    out = hartig("recount").out
    assert out.splitlines() == [
        "9a8b7c6d  offer “Blankets”: 4 on 22 Nov 12:00, 6 on 23 Nov 12:00 were there",
        "          ended, because this hub was restored from an older copy, or its disk was damaged",
        "          count what is there, then: `hartig recount 9a8b7c6d QUANTITY`",
        "1f2e3d4c  need “Blankets”: 10 were still needed",
        "          ended, because this hub has a new key",
        "          ask how much is still needed, then: `hartig recount 1f2e3d4c QUANTITY`",
    ]
    assert words_used(" ".join((out, *REASONS.values()))) == []
    assert json.loads(hartig("recount", "--json").out) == fake.recounts
    fake.recounts = []
    assert "Nothing waits to be counted." in hartig("recount").err


def test_every_reason_is_one_and_every_state_too() -> None:
    assert set(REASONS) < {reason.value for reason in EndReason}
    assert {state.value for state in DealState} > CAME_TO_NOTHING


def test_a_count_begins_it_anew(hartig: Hartig, fake: DealingNode) -> None:
    fake.recounts = [ended(OFFER, "offer", "forked")]
    fake.begun = post(NEED, "Blankets", kind="offer")
    assert hartig("recount", OFFER[:8], "7").out == "It is posted anew as 1f2e3d4c: `hartig show 1f2e3d4c`.\n"
    assert fake.said() == (f"/recounts/{OFFER}", {"quantity": "7"})
    assert json.loads(hartig("recount", OFFER, "7", "--json").out)["post"]["id"] == NEED
    fake.begun = None
    assert "waits no more" in hartig("recount", OFFER, "0").out
    assert json.loads(hartig("recount", OFFER, "0", "--json").out) == {"post": None}


def test_of_an_open_shelf_it_is_said_how_full_it_is(hartig: Hartig, fake: DealingNode) -> None:
    fake.recounts = [ended(OFFER, "offer", "restored", level="some", dates=[])]
    assert hartig("recount").out.splitlines() == [
        "9a8b7c6d  offer “Blankets”: an open shelf, some",
        "          ended, because this hub was restored from an older copy, or its disk was damaged",
        "          look how full it is, then: `hartig recount 9a8b7c6d some`",
    ]
    fake.begun = post(NEED, "Blankets", kind="offer")
    assert hartig("recount", OFFER[:8], "low").code == exits.OK
    assert fake.said() == (f"/recounts/{OFFER}", {"level": "low"})
    assert set(LEVELS) == set(posts.LEVELS)


def test_a_count_needs_a_quantity_and_a_post_that_waits(hartig: Hartig, fake: DealingNode) -> None:
    code, _, err = hartig("recount", OFFER)
    assert (code, "hartig recount 9a8b7c6d 12" in err) == (exits.USAGE, True)
    assert fake.requests == []
    assert hartig("recount", "77777777", "3").code == exits.NOT_FOUND


@pytest.mark.parametrize("state", sorted(CAME_TO_NOTHING))
def test_where_nothing_came_of_it_up_to_three_others_are_shown(hartig: Hartig, fake: DealingNode, state: str) -> None:
    fake.deals = [deal(state, open=False, what_next=[], role="receiving", need=side(NEED, "Blankets for 8", mine=True))]
    progress = {"state": "partly_promised", "counted": "20", "free": "14"}
    shelf = other(2, level="some")
    fake.alternatives = [other(1, quantity="20", progress=progress), shelf, other(3), other(4)]
    out = hartig("deals", DEAL).out
    assert out.splitlines()[-4:] == [
        "          there is also “Rugs 1” 00000001, held by Store: 14 of 20",
        "          there is also “Rugs 2” 00000002, held by Store: an open shelf (some), just come",
        "          there is also “Rugs 3” 00000003, held by Store",
        "          `hartig ask 1f2e3d4c OFFER` asks for one of them",
    ]
    assert words_used(out) == []
    assert len(json.loads(hartig("deals", DEAL, "--json").out)["alternatives"]) == 4
    fake.alternatives = [shelf]
    assert "hartig ask" not in hartig("deals", DEAL).out


@pytest.mark.parametrize(
    "facts",
    [
        deal("promised", need=side(NEED, "x", mine=True)),
        deal("declined"),
        deal("void", need=side(NEED, "x", mine=True, ended="withdrawn")),
        deal("lapsed", need={"id": NEED, "held": False, "mine": True}),
    ],
)
def test_others_are_not_looked_for_where_nobody_here_could_ask(
    hartig: Hartig, fake: DealingNode, facts: dict[str, Any]
) -> None:
    fake.deals, fake.alternatives = [facts], [other(1)]
    assert "there is also" not in hartig("deals", DEAL).out
    assert not [request for request in fake.requests if request.path.endswith("/alternatives")]


def test_others_are_shown_where_this_hub_gave_up_what_was_declined(hartig: Hartig, fake: DealingNode) -> None:
    ours = side(NEED, "Blankets for 8", mine=True)
    fake.deals = [deal("cancelled", open=False, what_next=[], need=ours, marks=["asked", "cancelled", "declined"])]
    fake.alternatives = [other(1)]
    assert "there is also “Rugs 1”" in hartig("deals", DEAL).out


def test_a_need_that_went_meanwhile_is_no_failure(hartig: Hartig, fake: DealingNode) -> None:
    fake.deals = [deal("declined", need=side(NEED, "x", mine=True))]
    result = hartig("deals", DEAL)
    assert (result.code, result.err) == (exits.OK, "")


def test_status_names_the_command_beside_its_advice(hartig: Hartig, fake: DealingNode) -> None:
    advice = problem(200, "count_anew", "x", what="1 offer was ended", severity="warning", hint="count what is there")
    fake.status["problems"] = [advice]
    assert "  do: count what is there\n  `hartig recount` shows what waits" in hartig("status").out
