"""Asking, promising, handing over, receiving, counting, setting aside: what the node is told, and what people read."""

import json
from typing import Any

import pytest

from hartig_node.board.accounts.refusing import Rule as NodeRule
from hartig_node.board.deals.views import ACTIONS
from hartig_node.cli import accounts, dealwords, exits
from hartig_node.cli.rulewords import RULES, why_not
from hartig_node.glossary import words_used
from hartig_protocol.exchange.deal import DealState
from hartig_protocol.exchange.rules import Rule
from hartig_protocol.exchange.summary import LotState, NeedState
from node.cli.conftest import Hartig
from node.cli.fake_deals import ASIDE, DEAL, KITCHEN, NEED, OFFER, DealingNode, book, deal, side
from node.client.fake_node import NOW, post, problem

SHORT = DEAL[:8]


@pytest.fixture
def posts(fake: DealingNode) -> None:
    fake.posts = [post(NEED, "Blankets for 8"), post(OFFER, "Wool blankets", kind="offer")]
    fake.deals = [deal()]
    fake.book = book()


def test_every_state_action_and_rule_has_words() -> None:
    assert set(dealwords.STATES) == {state.value for state in DealState}
    assert set(dealwords._COMMANDS) == set(ACTIONS)
    assert set(RULES) == {rule.value for rule in Rule}
    states = {state.value for state in (*NeedState, *LotState)}
    assert states == {*accounts.STATES, "partly_promised"}
    for rule in NodeRule:
        assert why_not(rule.value, "the detail") == "the detail"


@pytest.mark.usefixtures("posts")
@pytest.mark.parametrize(
    ("arguments", "path", "said"),
    [
        (["ask", NEED[:8], OFFER[:8]], f"/needs/{NEED}/claims", {"lot": OFFER}),
        (
            ["ask", NEED, OFFER, "2.5", "--date", "2026-11-24T18:00", "--offer-date", "2026-11-25T18:00"],
            f"/needs/{NEED}/claims",
            {
                "lot": OFFER,
                "quantity": "2.5",
                "date": "2026-11-24T18:00:00+00:00",
                "lot_date": "2026-11-25T18:00:00+00:00",
            },
        ),
        (["cancel", SHORT], f"/deals/{DEAL}/cancel", {}),
        (["receive", SHORT], f"/deals/{DEAL}/receive", {"how": "ok"}),
        (["receive", SHORT, "5", "--short"], f"/deals/{DEAL}/receive", {"how": "short", "quantity": "5"}),
        (["receive", DEAL, "--bad"], f"/deals/{DEAL}/receive", {"how": "bad"}),
        (["give-back", SHORT, "2"], f"/deals/{DEAL}/give-back", {"quantity": "2"}),
        (["promise", SHORT], f"/deals/{DEAL}/promise", {}),
        (["promise", SHORT, "6"], f"/deals/{DEAL}/promise", {"quantity": "6"}),
        (["decline", SHORT], f"/deals/{DEAL}/decline", {}),
        (["release", SHORT], f"/deals/{DEAL}/release", {}),
        (["release", SHORT, "--not-fetched"], f"/deals/{DEAL}/release", {"why": "lapsed"}),
        (["hand-over", SHORT, "5"], f"/deals/{DEAL}/hand-over", {"quantity": "5"}),
        (["hand-over", DEAL], f"/deals/{DEAL}/hand-over", {}),
        (["hand-over", OFFER[:8], "3"], f"/offers/{OFFER}/handovers", {"quantity": "3"}),
        (["hand-over", OFFER, "3"], f"/offers/{OFFER}/handovers", {"quantity": "3"}),
        (["returned", SHORT], f"/deals/{DEAL}/returned", {}),
        (["count", OFFER[:8], "24"], f"/posts/{OFFER}/counts", {"quantity": "24"}),
        (
            ["count", OFFER, "2", "--why", "lost", "--date", "2026-11-24T18:00+01:00"],
            f"/posts/{OFFER}/counts",
            {"quantity": "2", "why": "lost", "dates": ["2026-11-24T18:00:00+01:00"]},
        ),
        (["set-aside", OFFER, KITCHEN, "4"], f"/offers/{OFFER}/allotments", {"hub": KITCHEN, "quantity": "4"}),
        (["return-rest", OFFER], f"/offers/{OFFER}/surrenders", {}),
        (["low", OFFER[:8]], f"/posts/{OFFER}/low", {}),
        (["close", OFFER[:8]], f"/posts/{OFFER}/close", {}),
    ],
)
def test_what_is_said_reaches_the_node(
    hartig: Hartig, fake: DealingNode, arguments: list[str], path: str, said: dict[str, Any]
) -> None:
    result = hartig(*arguments)
    assert (result.code, result.err) == (exits.OK, "")
    assert fake.said() == (path, said)
    assert len(fake.requests[-1].headers["Idempotency-Key"]) >= 16  # an answer that gets lost is asked for again
    assert json.loads(hartig(*arguments, "--json").out)["id"] in (DEAL, OFFER)


@pytest.mark.usefixtures("posts")
def test_an_answer_says_what_stands_and_what_can_be_done(hartig: Hartig, fake: DealingNode) -> None:
    fake.deals = [deal("promised", promised="6", hold_minutes=2880, what_next=["hand_over", "release"])]
    lines = hartig("promise", SHORT, "6").out.splitlines()
    assert lines == [
        f"{SHORT}  promised: 6 of 8",
        "          for “Blankets for 8” 1f2e3d4c, held by Strike kitchen",
        "          from “Wool blankets” 9a8b7c6d, held by this hub",
        "          held for 2 days while that hub is on",
        f"          `hartig hand-over {SHORT}` when it leaves",
        f"          `hartig release {SHORT}` to take the promise back",
    ]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (deal(), "asked: 8"),
        (deal("promised", promised="8"), "promised: 8"),
        (deal("handed_over", handed_over="6"), "handed over: 6 of 8"),
        (deal("crossed", handed_over="8"), "handed over although cancelled: 8"),
        (deal("arrived_short", received="5"), "arrived in part: 5 of 8"),
        (deal("arrived_bad", received="0"), "arrived, not fit for use: 0 of 8"),
        (deal("returned", received="8", given_back="8"), "is back: 8"),
        (deal("given_back", given_back="2"), "given back: 2"),
        (deal("declined"), "declined: 8"),
        (deal("cancelled"), "cancelled: 8"),
        (deal("cancelled", marks=["asked", "cancelled", "declined"]), "cancelled (declined): 8"),
        (deal("cancelled", marks=["asked", "cancelled", "lapsed", "lot_ended"]), "cancelled (not fetched in time): 8"),
        (deal("cancelled", marks=["asked", "cancelled", "lot_ended"]), "cancelled (the offer is over): 8"),
        (deal("arrived", received="2", need=side(NEED, "Rice", unit="KGM")), "arrived: 2 of 8 kilogram"),
        (deal("something_newer"), "something newer: 8"),
        ({"id": DEAL}, ""),
    ],
)
def test_a_state_is_said_with_its_amounts(facts: dict[str, Any], said: str) -> None:
    assert dealwords.state_of(facts) == said


@pytest.mark.usefixtures("posts")
def test_dates_and_what_is_not_here_are_said(hartig: Hartig, fake: DealingNode) -> None:
    fake.deals = [deal(date=NOW, lot_date="2026-11-23T12:00:00Z", lot={"id": OFFER, "held": False})]
    out = hartig("deals", DEAL).out
    assert "from 9a8b7c6d (not here now)" in out
    assert "on 22 Nov 12:00, from what there is on 23 Nov 12:00" in out
    fake.deals = [deal(date=NOW, lot_date=NOW, need=side(NEED, "x", ended="withdrawn"))]
    out = hartig("deals", DEAL).out
    assert "on 22 Nov 12:00\n" in out
    assert "held by hub eeeeeeee (it has ended)" in out


@pytest.mark.usefixtures("posts")
def test_what_is_under_way_is_listed(hartig: Hartig, fake: DealingNode) -> None:
    fake.deals = [deal(), deal("arrived", open=False, role="both"), deal("asked", role="receiving")]
    lines = hartig("deals").out.splitlines()
    assert len(lines) == 3
    assert lines[1].split("  ")[0] == SHORT
    for part in ("we give", "asked", "8", "Strike kitchen", "Blankets for 8"):
        assert part in lines[1]
    assert fake.requests[-1].query == {"state": "open", "limit": "51"}
    assert len(hartig("deals", "--all").out.splitlines()) == 4
    assert len(hartig("deals", "--over").out.splitlines()) == 2
    hartig("deals", "--mine", "giving", "--state", "handed-over")
    assert fake.requests[-1].query == {"role": "giving", "state": "handed_over", "limit": "51"}
    assert len(json.loads(hartig("deals", "--json").out)) == 2
    fake.deals = [deal()] * 51
    code, out, err = hartig("deals")
    assert (code, len(out.splitlines())) == (exits.OK, 51)
    assert "--all shows them" in err
    fake.deals = []
    assert "hartig ask" in hartig("deals").err


@pytest.mark.usefixtures("posts")
def test_one_deal_is_shown_with_how_to_reach_the_other_side(hartig: Hartig, fake: DealingNode) -> None:
    fake.contact = "Ring at the \x1b[31mblue door"
    assert "to reach them" not in hartig("deals", SHORT).out  # nothing is promised yet, so nobody is asked
    fake.deals = [deal("promised", promised="8")]
    assert "to reach them: Ring at the [31mblue door\n" in hartig("deals", SHORT).out
    assert json.loads(hartig("deals", SHORT, "--json").out)["contact"] == fake.contact
    both = hartig("deals", SHORT, DEAL, "--json").out
    assert len(json.loads(both)) == 2
    assert hartig("deals", SHORT, DEAL).out.count("promised: 8") == 2


@pytest.mark.usefixtures("posts")
def test_what_was_set_aside_is_listed_and_offered(hartig: Hartig, fake: DealingNode) -> None:
    assert "No hub has set anything aside" in hartig("deals", "--set-aside").err
    aside = {"id": ASIDE, "lot": side(OFFER, "Wool blankets", hub_name="Store"), "quantity": "4", "unit": "H87"}
    fake.set_aside = [{**aside, "date": NOW}, {**aside, "id": "9" * 64, "accepted": NEED}]
    out = hartig("deals", "--set-aside").out
    assert "5e6f7a8b  4, on 22 Nov 12:00, from “Wool blankets” 9a8b7c6d, held by Store" in out
    assert "`hartig accept 5e6f7a8b` offers it here" in out
    assert "offered here as 1f2e3d4c" in out
    assert "It is offered here now: `hartig show 9a8b7c6d`." in hartig("accept", "5e6f7a8b", "--contact", "x").out
    assert fake.said() == (f"/allotments/{ASIDE}/accept", {"contact": "x"})
    assert hartig("accept", ASIDE).code == exits.OK
    assert hartig("accept", "77777777").code == exits.NOT_FOUND
    fake.set_aside += [{**aside, "id": ASIDE[:-1] + "1"}]
    assert hartig("accept", "5e6f7a8b").code == exits.USAGE


@pytest.mark.usefixtures("posts")
def test_a_hub_is_found_by_its_name_or_its_first_digits(hartig: Hartig, fake: DealingNode) -> None:
    fake.peers = [{"hub": KITCHEN, "name": "Strike kitchen"}, {"hub": None, "name": None}]
    for named in ("strike KITCHEN", "eeeeee"):
        assert hartig("set-aside", OFFER, named, "4").code == exits.OK
        assert fake.said()[1]["hub"] == KITCHEN
    for unknown in ("eeee", "kitchens"):
        code, _, err = hartig("set-aside", OFFER, unknown, "4")
        assert code == exits.NOT_FOUND
        assert f"hartig: no hub is known here as '{unknown}'\n        `hartig peers` shows the hubs" in err
    fake.peers += [{"hub": "ed" * 32, "name": "Strike Kitchen"}]
    assert "give the digits of its id" in hartig("set-aside", OFFER, "strike kitchen", "4").err


@pytest.mark.usefixtures("posts")
@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["receive", SHORT, "--short"], exits.USAGE, f"hartig receive {SHORT} 5 --short"),
        (["receive", SHORT, "--short", "--bad"], exits.USAGE, "not allowed with"),
        (["hand-over", OFFER], exits.USAGE, f"hartig hand-over {OFFER[:8]} 2"),
        (["hand-over", "7" * 8, "1"], exits.NOT_FOUND, "no post has an id"),
        (["hand-over", "7" * 40, "1"], exits.NOT_FOUND, "no deal has an id"),
        (["promise", "7" * 8], exits.NOT_FOUND, "`hartig deals` shows the ids"),
        (["promise", "six"], exits.USAGE, "is no id of a deal"),
        (["ask", NEED, OFFER, "--date", "soon"], exits.USAGE, "2026-11-24T18:00"),
        (["count", OFFER, "4", "--why", "stolen"], exits.USAGE, "invalid choice"),
    ],
)
def test_what_is_not_right_says_what_to_write(hartig: Hartig, arguments: list[str], code: int, hint: str) -> None:
    result = hartig(*arguments)
    assert (result.code, result.out) == (code, "")
    assert hint in result.err


@pytest.mark.usefixtures("posts")
@pytest.mark.parametrize(
    ("rule", "detail", "said"),
    [
        ("not_free", "what was said about this post before does not allow it", "so much is not free"),
        ("still_promised", "promised from this post: “x”", "something is still promised from it: promised from this"),
        ("open_shelf", "from an open shelf people take what they need", "from an open shelf people take"),
        ("a_new_one", "", "This cannot be done now: \n"),
    ],
)
def test_a_refusal_says_which_rule_stops_it_and_what_would_be_allowed(
    hartig: Hartig, fake: DealingNode, rule: str, detail: str, said: str
) -> None:
    refusal = problem(409, "not_allowed", detail, hint="at most 3 are free", rule=rule)
    if not detail:
        said = "Title of not_allowed"
    fake.plan(409, refusal)
    code, out, err = hartig("promise", DEAL)
    assert (code, out) == (exits.REFUSED, "")
    assert said in err
    assert "\n        at most 3 are free" in err
    fake.plan(409, refusal)
    assert json.loads(hartig("promise", DEAL, "--json").err)["error"]["rule"] == rule


# --- Posts


def test_a_list_says_what_is_left_and_what_need_not_be_looked_at(hartig: Hartig, fake: DealingNode) -> None:
    def one(number: int, progress: dict[str, Any], **more: Any) -> dict[str, Any]:
        return post(f"{number:032x}", "Thing", quantity="20", progress=progress, **more)

    stock = {"counted": "20", "free": "14"}
    fake.posts = [
        one(1, {"state": "partly_promised", **stock}, kind="offer"),
        one(2, {"state": "available", "counted": "20", "free": "20"}, kind="offer"),
        one(3, {"state": "gone", "counted": "20", "free": "0"}, kind="offer"),
        one(4, {"state": "partly_promised", "needed": "20", "asked": "9", "promised": "2.5", "received": "1"}),
        one(5, {"state": "met", "needed": "20", "received": "20"}),
        one(6, {"state": "open", "needed": "20"}),
        one(7, {"state": "promised", "needed": "20", "promised": "20", "received": "0"}, urgency="urgent"),
        one(8, {"state": "ended", **stock}, kind="offer"),
    ]
    rows = [line.split(maxsplit=3)[3] for line in hartig("list").out.splitlines()[1:]]
    assert [row.partition("  ")[0] for row in rows] == [
        "14 of 20", "20", "0 of 20", "16.5 of 20", "0 of 20", "20", "0 of 20", "14 of 20",
    ]  # fmt: skip
    assert [row.rpartition("  ")[2] for row in rows] == [
        "Thing", "Thing", "(gone) Thing", "Thing", "(met) Thing", "Thing", "(all promised) ! Thing", "(over) Thing",
    ]  # fmt: skip


def test_a_post_is_shown_with_how_far_it_has_come_and_its_deals(
    hartig: Hartig, fake: DealingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    progress = {"state": "partly_promised", "counted": "20", "free": "10", "promised": "6", "set_aside": "4"}
    fake.posts = [post(OFFER, "Wool blankets", kind="offer", quantity="20", progress=progress)]
    fake.book = book(
        accounts=[{"date": NOW, "counted": "20", "free": "10", "promised": "6"}],
        set_aside=[{"hub": KITCHEN, "hub_name": "Strike kitchen", "quantity": "4", "date": NOW}],
        source={"lot": side(NEED, "All blankets", hub_name="Store")},
        broken=[{"record": "7" * 64, "rule": "not_free", "hint": "at most 3 are free"}],
        ended={"reason": "forked", "detail": "two copies wrote", "hint": "count what is there"},
        note="nearly full",
        deals=[deal()] * 21,
        deals_total=25,
    )
    out = hartig("show", OFFER).out
    for label, said in (
        ("how far", "a part of it is promised: 20 counted, 10 free, 6 promised, 4 set aside for hubs"),
        ("22 Nov 12:00", "20 counted, 10 free, 6 promised"),
        ("set aside", "4 for Strike kitchen, on 22 Nov 12:00"),
        ("set aside by", "“All blankets” 1f2e3d4c, held by Store"),
        ("does not count", "what 77777777 says: at most 3 are free"),
        ("why it is over", "two copies wrote: count what is there"),
        ("note", "nearly full"),
    ):
        assert f"\n{label:<16}{said}\n" in out, label
    assert out.count("asked: 8") == 20
    assert "5 more: `hartig deals --all`" in out
    assert json.loads(hartig("show", OFFER, "--json").out)["progress"] == progress


def test_an_open_shelf_is_shown_with_its_level_and_who_says_that_it_is_nearly_empty(
    hartig: Hartig, fake: DealingNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    low = {"hubs": 2, "neighbours": 5, "last_at": NOW}
    shelf = post(OFFER, "Shelf", kind="offer", level="some", level_at=NOW, progress={"state": "available", "low": low})
    fake.posts = [shelf]
    out = hartig("show", OFFER).out
    assert "open shelf      some, said at 22 Nov 12:00: who comes takes" in out
    assert "the shelf       said to be nearly empty by 2 hubs (5 times), last at 22 Nov 12:00" in out
    assert words_used(out) == []
    said = "Shelf 9a8b7c6d: said to be nearly empty by 2 hubs (5 times), last at 22 Nov 12:00.\n"
    assert hartig("low", OFFER).out == said
    low.update(hubs=1, neighbours=1)
    assert "by 1 hub, last at" in hartig("low", OFFER).out


def test_a_need_is_shown_with_what_there_is_for_it(hartig: Hartig, fake: DealingNode) -> None:
    fake.posts = [post(NEED, "Blankets", mine=True, progress={"state": "open", "needed": "8"})]
    shelf = post(ASIDE[:32], "Free rail", kind="offer", mine=True, level="some")
    free = {"state": "available", "counted": "20", "free": "14"}
    fake.alternatives = [post(OFFER, "Wool blankets", kind="offer", mine=True, quantity="20", progress=free), shelf]
    out = hartig("show", NEED).out
    assert out.splitlines()[-4:] == [
        "What there is for it:",
        "  “Wool blankets” 9a8b7c6d, held by this hub: 14 of 20",
        "  “Free rail” 5e6f7a8b, held by this hub: an open shelf (some), just come",
        "  `hartig ask 1f2e3d4c OFFER` asks for one of them",
    ]
    assert words_used(out) == []
    for elsewhere in ({"mine": False}, {"progress": {"state": "promised"}}, {"state": "expired"}, {"kind": "offer"}):
        fake.posts = [fake.posts[0] | {"mine": True, "progress": {"state": "open"}, "kind": "need"} | elsewhere]
        assert "What there is for it" not in hartig("show", NEED).out


def test_a_group_is_shown_with_its_parts(hartig: Hartig, fake: DealingNode) -> None:
    fake.posts = [post(NEED, "Blankets", progress={"state": "partly_promised", "needed": "8", "received": "2"})]
    part = {**side(OFFER, "For four"), "progress": {"state": "met"}}
    fake.book = book(kind="need", progress={"state": "met", "parts": 1}, parts=[part], accounts=[])
    fake.posts[0]["progress"]["parts"] = 1
    out = hartig("show", NEED).out
    assert "how far         a part of it is promised, or has arrived: 8 needed, 2 arrived" in out
    assert "(in 1 part)" in out
    assert "a part          For four 9a8b7c6d: met: all of it has arrived" in out


def test_a_post_without_an_account_is_shown_all_the_same(hartig: Hartig, fake: DealingNode) -> None:
    fake.posts = [post(NEED, "Blankets")]
    out = hartig("show", NEED).out
    assert "Blankets" in out
    assert "how far" not in out


def test_deals_are_seen_as_they_change(hartig: Hartig, fake: DealingNode) -> None:
    fake.posts = [post(OFFER, "Wool blankets", kind="offer")]
    data = json.dumps({"at": NOW, "thread": OFFER, "record": "1" * 64})
    stream = f"id: 4\nevent: deal.changed\ndata: {data}\n\n".encode()
    fake.plan(200, stream, {"Content-Type": "text/event-stream"})
    assert "give and take  9a8b7c6d  Wool blankets" in hartig("watch", "--count", "1").out


def test_what_is_promised_is_withdrawn_only_where_that_is_said(hartig: Hartig, fake: DealingNode) -> None:
    fake.posts = [post(OFFER, "Wool blankets", kind="offer")]
    hint = "hand over or release what is promised first"
    fake.plan(409, problem(409, "not_allowed", "promised from this post: “x”", hint=hint, rule="still_promised"))
    code, _, err = hartig("withdraw", OFFER)
    assert (code, fake.requests[-1].query) == (exits.REFUSED, {})
    assert hint in err
    assert "hartig withdraw --even-if-promised" in err
    assert hartig("withdraw", OFFER, "--even-if-promised").code == exits.OK
    assert fake.requests[-1].query == {"force": "true"}
