"""How far a post has come, and the deals of a neighbour's own post: what is read, and what can be said."""

from dataclasses import replace
from typing import Any

import pytest

from hartig_node.board.deals.views import AccountView, EndView
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.glossary import words_used
from hartig_node.site import progress
from hartig_node.site.dealing import BAD_AMOUNT
from hartig_protocol.exchange.deal import DealState
from hartig_protocol.exchange.summary import LotState, NeedState
from node.site.fakes import START_MS, BoardInMemory, Browser, book_of, deal_of
from node.site.reading import read

WORD = "maple-otter-river-10"
BLANKETS = {"category": "household.bedding", "title": "Blankets", "quantity": 8}


@pytest.fixture
async def need(board: BoardInMemory) -> PostView:
    view, _word = await board.posts.publish_for_neighbour({"kind": "need", **BLANKETS})
    board.deals.books[view.id] = book_of(view, deals=[deal_of(view)])
    return view


def test_every_state_has_words() -> None:
    assert set(progress.NEED_STATES) == {state.value for state in NeedState}
    assert set(progress.OFFER_STATES) == {state.value for state in LotState}
    assert set(progress.DEAL_STATES) == {state.value for state in DealState}


# --- How far a post has come


@pytest.mark.parametrize(
    ("kind", "said", "lines", "card"),
    [
        ("need", {"state": "open", "needed": "8"}, [], ""),
        ("need", {"state": "open", "needed": "8", "asked": "8"}, ["Needed: 8", "Asked: 8"], ""),
        (
            "need",
            {"state": "partly_promised", "needed": "8", "asked": "6", "promised": "4.5", "received": "1"},
            ["A part of it is promised, or has arrived.", "Promised: 4.5", "Arrived: 1"],
            "Still needed: 2.5",
        ),
        ("need", {"state": "promised", "needed": "8", "promised": "8", "received": "0"}, ["Needed: 8"], "All promised"),
        ("need", {"state": "met", "needed": "8", "received": "8"}, ["All of it has arrived."], "All there"),
        ("offer", {"state": "available", "counted": "8", "free": "8", "promised": "0"}, [], ""),
        (
            "offer",
            {"state": "partly_promised", "counted": "8", "free": "3", "promised": "4", "handed_over": "1"},
            ["A part of it is promised.", "Free: 3", "Promised: 4", "Handed over: 1"],
            "Still free: 3",
        ),
        ("offer", {"state": "gone", "counted": "8", "free": "0", "handed_over": "8"}, ["Free: 0"], "All gone"),
        (
            "offer",
            {"state": "ended", "counted": "8", "free": "3", "set_aside": "5"},
            ["Set aside for other hubs: 5", "Nothing more can be promised of it."],
            "Over",
        ),
    ],
)
async def test_a_post_says_how_far_it_has_come(
    browser: Browser, board: BoardInMemory, kind: str, said: dict[str, str], lines: list[str], card: str
) -> None:
    view = board.posts.add({"kind": kind, **BLANKETS}, progress=said)
    text = read((await browser.get(f"/post/{view.id}")).text).text
    assert ("How far it has come" in text) == bool(lines)
    for line in lines:
        assert line in text
    assert ": 0" not in text.replace("Free: 0", "")
    asks_for_help = "Can you help?" in text or "How do I get it?" in text
    assert asks_for_help == (said["state"] not in ("met", "gone", "ended"))
    board_text = read((await browser.get("/")).text).text
    marks = [one for one in ("All there", "All gone", "All promised", "Over", "Still") if one in board_text]
    assert marks == (["Still"] if card.startswith("Still") else [card] if card else [])
    assert card in board_text
    assert ("How many: 8" in board_text) == (not marks or marks == ["Still"])


async def test_a_shelf_says_how_full_it_is_and_nothing_else(browser: Browser, board: BoardInMemory) -> None:
    shelf = {"kind": "offer", "category": "food.bread", "title": "Bread shelf", "level": "gone"}
    view = board.posts.add(shelf, progress={"state": "gone"})
    assert "All gone" not in (await browser.get("/?show=shelves")).text
    assert "How far" not in (await browser.get(f"/post/{view.id}")).text


async def test_a_post_with_dates_says_it_date_by_date(browser: Browser, board: BoardInMemory) -> None:
    draft = {"kind": "offer", **BLANKETS, "dates": ["2026-11-23T12:00:00Z"]}
    view = board.posts.add(draft, progress={"state": "available", "free": "8", "counted": "8"})
    (date,) = view.facts["dates"]
    accounts = [AccountView(None, {"free": "9"}), AccountView(date, {"free": "3", "promised": "5", "set_aside": "0"})]
    board.deals.books[view.id] = book_of(view, accounts=accounts)
    text = read((await browser.get(f"/post/{view.id}")).text).text
    assert "Date by date" in text
    assert ": Free: 3 · Promised: 5" in text
    assert "Free: 9" not in text


@pytest.mark.parametrize(
    ("kind", "reason", "what_to_do"),
    [
        ("offer", "forked", "The people there count what there is, and put it up again."),
        ("need", "restored", "Whoever needs it puts it up again, with how much is still needed."),
        ("offer", "closed", "The people there count"),
        ("offer", "void", ""),
    ],
)
async def test_a_post_that_ended_early_says_why_and_what_to_do(
    browser: Browser, board: BoardInMemory, kind: str, reason: str, what_to_do: str
) -> None:
    view = board.posts.add({"kind": kind, **BLANKETS}, progress={"state": "ended"})
    board.deals.books[view.id] = book_of(view, ended=EndView(reason, "for programs", "for programs"))
    page = read((await browser.get(f"/post/{view.id}")).text)
    assert what_to_do in page.text
    assert "for programs" not in page.text
    assert ([one for one in page.all("p") if one.get("class") == "notice"] == []) == (not what_to_do)


# --- The deals of an own post


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("state", list(progress.DEAL_STATES))
async def test_every_deal_is_shown_in_peoples_words(
    browser: Browser, board: BoardInMemory, need: PostView, state: str, language: str
) -> None:
    browser.headers["Accept-Language"] = language
    deals = [
        deal_of(need, state, what_next=("receive", "cancel", "give_back"), handed_over="6", date_ms=START_MS),
        deal_of(need, state, lot=replace(deal_of(need).lot, is_held=False, unit=None), what_next=()),
    ]
    board.deals.books[need.id] = book_of(need, deals=deals)
    answer = await browser.post("/mine", {"word": WORD})
    page = read(answer.text)
    assert words_used(page.text) == []
    if language == "en":
        assert page.text.count(progress.DEAL_STATES[state]) >= 2
        for part in ("Wool blankets", "Strike kitchen", "Asked: 8", "Handed over: 6", "is not here now"):
            assert part in page.text
    assert not [link for link in page.links() if deals[0].id in link]


async def test_how_to_reach_the_other_side_is_for_the_holder_of_the_word(
    browser: Browser, board: BoardInMemory, need: PostView
) -> None:
    board.contacts.told = "Ring at the blue door"
    assert "Ring at the blue door" in (await browser.post("/mine", {"word": WORD})).text
    assert board.contacts.asked == ["receiving"]
    assert "blue door" not in (await browser.get(f"/post/{need.id}")).text
    board.deals.books[need.id] = book_of(need, deals=[deal_of(need, "asked")])
    assert "blue door" not in (await browser.post("/mine", {"word": WORD})).text


async def test_whoever_offers_reads_who_asks_and_leaves_the_rest_to_the_desk(
    browser: Browser, board: BoardInMemory, need: PostView
) -> None:
    offer, word = await board.posts.publish_for_neighbour({"kind": "offer", **BLANKETS})
    board.deals.books[offer.id] = book_of(offer, deals=[deal_of(need, what_next=("hand_over", "release"))])
    page = read((await browser.post("/mine", {"word": word})).text)
    assert "Who asks for it" in page.text
    assert "Blankets for 8" in page.text
    assert {one["value"] for one in page.all("button")} == {"renew", "withdraw"}
    assert board.contacts.asked == ["giving"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"do": "cancel"}, ("cancel",)),
        ({"do": "arrived"}, ("receive", "ok", None)),
        ({"do": "short", "quantity": " 2,5 "}, ("receive", "short", "2.5")),
        ({"do": "bad"}, ("receive", "bad", None)),
        ({"do": "give_back"}, ("give back",)),
    ],
)
async def test_what_became_of_it_is_said_with_a_form(
    browser: Browser, board: BoardInMemory, need: PostView, fields: dict[str, str], said: tuple[Any, ...]
) -> None:
    answer = await browser.post("/mine", {"word": WORD, "deal": deal_of(need).id, **fields})
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "Done." in read(answer.text).text
    assert board.deals.said == [said]


async def test_the_forms_say_what_the_page_promises(browser: Browser, need: PostView) -> None:
    page = read((await browser.post("/mine", {"word": WORD})).text)
    values = [one["value"] for one in page.all("button")]
    assert values == ["arrived", "short", "bad", "cancel", "renew", "withdraw"]
    assert {one["value"] for one in page.all("input") if one.get("name") == "deal"} == {deal_of(need).id}
    assert all(form["method"] == "post" and form["action"] == "/mine" for form in page.all("form"))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BoardError("not_allowed", "x", "at most 8", rule="more_than_claimed"), "So much was not asked for."),
        (BoardError("not_allowed", "x", rule="claim_over"), "This was said already."),
        (BoardError("not_allowed", "x", rule="newer"), "This cannot be said any more."),
        (BoardError("chain_ended", "x"), "This cannot be said any more."),
        (BoardError("bad_request", "x", pointer="/quantity"), BAD_AMOUNT),
    ],
)
async def test_what_cannot_be_said_is_explained_beside_what_stands(
    browser: Browser, board: BoardInMemory, need: PostView, error: BoardError, sentence: str
) -> None:
    board.deals.fails_with = error
    answer = await browser.post("/mine", {"word": WORD, "deal": deal_of(need).id, "do": "short", "quantity": "9"})
    assert answer.status == 409
    text = read(answer.text).text
    assert sentence in text
    assert "Strike kitchen" in text


@pytest.mark.parametrize("quantity", ["", "many", "0", "1.500"])
async def test_a_number_that_is_none_says_nothing_to_the_board(
    browser: Browser, board: BoardInMemory, need: PostView, quantity: str
) -> None:
    fields = {"word": WORD, "deal": deal_of(need).id, "do": "short", "quantity": quantity}
    assert (await browser.post("/mine", fields)).status == 409
    assert board.deals.said == []


async def test_a_word_reaches_the_deals_of_its_own_post_alone(
    browser: Browser, board: BoardInMemory, need: PostView
) -> None:
    other, _word = await board.posts.publish_for_neighbour({"kind": "need", **BLANKETS})
    theirs = deal_of(other, "handed_over")
    board.deals.books[other.id] = book_of(other, deals=[theirs])
    for claim in (theirs.id, "7" * 64, "x", ""):
        assert (await browser.post("/mine", {"word": WORD, "deal": claim, "do": "cancel"})).status == 404
    assert board.deals.said == []
    own = deal_of(need).id
    assert (await browser.post("/mine", {"word": "oak-oak-oak-11", "deal": own, "do": "cancel"})).status == 404
    foreign = await browser.post(
        "/mine", {"word": WORD, "deal": own, "do": "cancel"}, Origin="http://elsewhere.example"
    )
    assert foreign.status == 403
    assert board.deals.said == []


async def test_other_faults_of_the_board_are_told_as_everywhere(
    browser: Browser, board: BoardInMemory, need: PostView
) -> None:
    board.deals.fails_with = BoardError("disk_full", "x")
    answer = await browser.post("/mine", {"word": WORD, "deal": deal_of(need).id, "do": "cancel"})
    assert answer.status == 507


async def test_what_is_promised_is_taken_down_only_at_the_second_word(browser: Browser, board: BoardInMemory) -> None:
    _offer, word = await board.posts.publish_for_neighbour({"kind": "offer", **BLANKETS})
    board.posts.is_promised = True
    answer = await browser.post("/mine", {"word": word, "do": "withdraw"})
    page = read(answer.text)
    assert answer.status == 409
    assert "Something of it is promised." in page.text
    assert page.value("all_the_same") == "yes"
    assert board.posts.held[0].state == "standing"
    done = await browser.post("/mine", {"word": word, "do": "withdraw", "all_the_same": "yes"})
    assert "It is taken down" in read(done.text).text


async def test_a_post_that_was_taken_down_shows_no_deals(
    browser: Browser, board: BoardInMemory, need: PostView
) -> None:
    page = read((await browser.post("/mine", {"word": WORD, "do": "withdraw"})).text)
    assert page.all("button") == []
    assert "What was asked" not in page.text
