"""The two forms: what is right is published, what is not is said next to the field, with all that was typed kept."""

import asyncio

import pytest

from hartig_node.board.errors import BoardError
from hartig_node.site import forms
from hartig_node.site.posting import POSTS_PER_ADDRESS_MAX, POSTS_WINDOW_S
from node.site.fakes import BoardInMemory, Browser, TurnedClock
from node.site.reading import read

NEED = {"title": "Wool blanket", "category": "household.bedding", "language": "en"}
OFFER = {**NEED, "title": "Plum jam", "category": "food.dry"}


async def test_a_need_in_few_words_gets_a_pick_up_word(browser: Browser, board: BoardInMemory) -> None:
    answer = await browser.post("/need", NEED)
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert "maple-otter-river-10" in read(answer.text).text
    assert board.posts.drafts == [{"kind": "need", "category": "household.bedding", "title": {"en": "Wool blanket"}}]


async def test_everything_that_was_chosen_reaches_the_board(browser: Browser, board: BoardInMemory) -> None:
    await browser.post(
        "/need",
        {**NEED, "text": "Warm,\r\nplease", "quantity": "2,5", "unit": "KGM", "urgency": "urgent", "mode": "lend",
         "days": "0.5", "language": "es", "level": "plenty", "contact": " Ana,  back\tdoor "},
    )  # fmt: skip
    assert board.posts.drafts == [
        {"kind": "need", "category": "household.bedding", "title": {"es": "Wool blanket"},
         "text": {"es": "Warm,\nplease"}, "quantity": "2.5", "unit": "KGM", "urgency": "urgent", "mode": "lend",
         "days": 0.5, "contact": "Ana, back door"},
    ]  # fmt: skip


async def test_an_open_shelf_has_a_level_and_no_number(browser: Browser, board: BoardInMemory) -> None:
    assert (await browser.post("/offer", {**OFFER, "level": "some", "unit": "H87", "urgency": "urgent"})).status == 201
    assert board.posts.drafts == [
        {"kind": "offer", "category": "food.dry", "title": {"en": "Plum jam"}, "level": "some"}
    ]


@pytest.mark.parametrize("kind", ["need", "offer"])
@pytest.mark.parametrize(
    ("typed", "field", "problem"),
    [
        ({"title": ""}, "title", forms.NEEDS_TITLE),
        ({"title": " \u202e\x00 \n"}, "title", forms.NEEDS_TITLE),
        ({"title": "x" * 121}, "title", forms.LONG_TITLE),
        ({"category": ""}, "category", forms.NEEDS_CATEGORY),
        ({"category": "spaceships"}, "category", forms.NEEDS_CATEGORY),
        ({"text": "é" * 4097}, "text", forms.LONG_TEXT),
        ({"contact": "é" * 201}, "contact", forms.LONG_CONTACT),
        ({"quantity": "many"}, "quantity", forms.BAD_QUANTITY),
        ({"quantity": "-1"}, "quantity", forms.BAD_QUANTITY),
        ({"quantity": "0"}, "quantity", forms.BAD_QUANTITY),
        ({"quantity": "0,00"}, "quantity", forms.BAD_QUANTITY),
        ({"quantity": "1e9"}, "quantity", forms.BAD_QUANTITY),
        ({"quantity": "9" * 10}, "quantity", forms.BAD_QUANTITY),
        ({"quantity": "1.500"}, "quantity", forms.THOUSANDS),
        ({"quantity": "1,500,000"}, "quantity", forms.THOUSANDS),
        ({"quantity": "2", "unit": "XXX"}, "unit", forms.BAD_CHOICE),
        ({"mode": "fund-record"}, "mode", forms.BAD_CHOICE),
        ({"days": "100000"}, "days", forms.BAD_CHOICE),
        ({"language": "xx"}, "language", forms.BAD_CHOICE),
        ({"language": ""}, "language", forms.BAD_CHOICE),
    ],
)
async def test_what_is_not_right_is_said_next_to_the_field(
    browser: Browser, board: BoardInMemory, kind: str, typed: dict[str, str], field: str, problem: str
) -> None:
    answer = await browser.post(f"/{kind}", {**NEED, **typed})
    page = read(answer.text)
    assert (answer.status, board.posts.drafts) == (422, [])
    assert problem in page.text
    assert page.one(field)["aria-invalid"] == "true"
    assert f"problem-{field}" in page.one(field)["aria-describedby"]
    assert page.one(f"problem-{field}")["class"] == "problem"
    assert page.all("title")
    assert "Not yet:" in page.text
    if "title" not in typed:
        assert page.one("title")["value"] == "Wool blanket"  # what was typed is kept


@pytest.mark.parametrize(
    ("kind", "typed", "field", "problem"),
    [
        ("need", {"urgency": "x"}, "urgency", forms.BAD_CHOICE),
        ("offer", {"level": "gone"}, "level", forms.BAD_CHOICE),
        ("offer", {"level": "some", "quantity": "4"}, "quantity", forms.LEVEL_AND_QUANTITY),
    ],
)
async def test_fields_of_one_form_alone(
    browser: Browser, board: BoardInMemory, kind: str, typed: dict[str, str], field: str, problem: str
) -> None:
    answer = await browser.post(f"/{kind}", {**NEED, **typed})
    page = read(answer.text)
    assert (answer.status, board.posts.drafts) == (422, [])
    assert problem in page.text
    assert f"problem-{field}" in page.one(field)["aria-describedby"]


@pytest.mark.parametrize(("typed", "number"), [("2.5", "2.5"), ("٢٫٥", "2.5"), (" 7 ", "7"), ("0,125", "0.125")])
def test_numbers_are_read_as_people_write_them(typed: str, number: str) -> None:
    checked = forms.check_post("need", forms.Typed({**NEED, "quantity": typed, "unit": "KGM"}))
    assert (checked.draft["quantity"], checked.problems) == (number, {})


async def test_all_problems_are_listed_at_once_and_lead_to_their_fields(browser: Browser) -> None:
    page = read((await browser.post("/offer", {"quantity": "x", "language": "en"})).text)
    assert [link for link in page.links() if link.startswith("#") and link != "#main"] == [
        "#category", "#title", "#quantity",
    ]  # fmt: skip
    assert "autofocus" in page.one("category")


async def test_what_the_board_alone_can_tell_stands_next_to_the_field_too(
    browser: Browser, board: BoardInMemory
) -> None:
    answer = await browser.post("/need", {**NEED, "quantity": "2.5", "unit": "H87"})
    assert (answer.status, board.posts.held) == (422, [])
    assert forms.WHOLE_QUANTITY in read(answer.text).text
    board.posts.fails_with = BoardError("bad_draft", "head: too long")
    answer = await browser.post("/need", NEED)
    assert answer.status == 422
    assert "Something in it is not right." in read(answer.text).text
    assert 'value="Wool blanket"' in answer.text


@pytest.mark.parametrize("code", ["no_room", "not_admitted", "stopped_signing", "disk_full", "refused"])
async def test_a_hub_that_cannot_post_says_so_and_keeps_what_was_typed(
    browser: Browser, board: BoardInMemory, code: str
) -> None:
    board.posts.fails_with = error = BoardError(code, "for programs")
    answer = await browser.post("/need", NEED)
    assert answer.status == error.status
    assert read(answer.text).one("title")["value"] == "Wool blanket"


async def test_a_sensitive_post_stays_here_and_says_so(browser: Browser, board: BoardInMemory) -> None:
    form = read((await browser.get("/need")).text)
    assert "Legal help (any kind) — stays here" in form.text
    answer = await browser.post("/need", {**NEED, "category": "legal.immigration"})
    assert "This stays at this hub" in answer.text
    assert board.posts.held[0].audience == "hub"


async def test_a_form_sent_twice_is_posted_once_even_at_the_same_time(browser: Browser, board: BoardInMemory) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        started.set()
        await go_on.wait()

    board.posts.before_publishing = wait
    ticket = read((await browser.get("/need")).text).value("ticket")
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        first = group.create_task(browser.post("/need", {**NEED, "ticket": ticket}))
        await started.wait()
        second = group.create_task(browser.post("/need", {**NEED, "ticket": ticket}))
        go_on.set()
    third = await browser.post("/need", {**NEED, "ticket": ticket})
    assert first.result().text == second.result().text == third.text
    assert len(board.posts.drafts) == 1


async def test_a_changed_text_or_another_form_is_a_new_post(browser: Browser, board: BoardInMemory) -> None:
    ticket = read((await browser.get("/need")).text).value("ticket")
    other = read((await browser.get("/need")).text).value("ticket")
    assert ticket != other
    for fields in ({"ticket": ticket}, {"ticket": ticket, "text": "two"}, {"ticket": other}):
        await browser.post("/need", {**NEED, **fields})
    await browser.post("/offer", {**NEED, "ticket": ticket})
    assert len(board.posts.drafts) == 4


async def test_without_a_ticket_of_ours_nobody_sees_anothers_word(browser: Browser, board: BoardInMemory) -> None:
    for ticket in ("", "", "x", "x"):
        await browser.post("/need", {**NEED, "ticket": ticket})
    assert len(board.posts.drafts) == 4


async def test_twenty_posts_an_hour_then_a_pause(browser: Browser, board: BoardInMemory, clock: TurnedClock) -> None:
    for number in range(POSTS_PER_ADDRESS_MAX):
        assert (await browser.post("/need", {**NEED, "title": f"No. {number}"})).status == 201
    refused = await browser.post("/need", NEED)
    assert (refused.status, refused.headers["Retry-After"]) == (429, str(int(POSTS_WINDOW_S) + 1))
    assert "Please wait 60 minutes" in read(refused.text).text
    assert (await browser.post("/need", {})).status == 422  # a form that is not right costs nothing
    clock.pass_s(POSTS_WINDOW_S)
    assert (await browser.post("/need", NEED)).status == 201
    assert len(board.posts.drafts) == POSTS_PER_ADDRESS_MAX + 1
