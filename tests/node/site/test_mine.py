"""A post found again by its pick-up word."""

import pytest

from hartig_node.site.mine import WORDS_PER_ADDRESS_MAX, WORDS_WINDOW_S
from node.site.fakes import BoardInMemory, Browser, TurnedClock
from node.site.reading import read

WORD = "maple-otter-river-10"


@pytest.fixture(autouse=True)
async def post(board: BoardInMemory) -> None:
    await board.posts.publish_for_neighbour({"kind": "need", "category": "food.dry", "title": "Rice", "days": 3})


async def test_the_word_shows_the_post_and_what_can_be_done(browser: Browser) -> None:
    answer = await browser.post("/mine", {"word": f"  {WORD} "})
    page = read(answer.text)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "Rice" in page.text
    assert {one["value"] for one in page.all("button")} == {"renew", "withdraw"}
    assert not [link for link in page.links() if WORD in link]  # a word never stands in an address
    assert all(form["method"] == "post" for form in page.all("form"))


async def test_a_post_is_kept_up(browser: Browser, board: BoardInMemory) -> None:
    before_ms = board.posts.held[0].expires_ms
    answer = await browser.post("/mine", {"word": WORD, "do": "renew"})
    assert "It stays up for longer." in read(answer.text).text
    assert board.posts.held[0].expires_ms > before_ms


async def test_a_post_is_taken_down_once(browser: Browser, board: BoardInMemory) -> None:
    page = read((await browser.post("/mine", {"word": WORD, "do": "withdraw"})).text)
    assert "It is taken down" in page.text
    assert page.all("button") == []
    assert board.posts.held[0].state == "ended"
    again = await browser.post("/mine", {"word": WORD, "do": "withdraw"})
    assert again.status == 409
    assert "This was taken down already." in read(again.text).text


@pytest.mark.parametrize(("word", "status"), [("", 422), ("\u202e \x00", 422), ("oak-oak-oak-11", 404)])
async def test_a_word_that_is_none_is_asked_for_again(browser: Browser, word: str, status: int) -> None:
    answer = await browser.post("/mine", {"word": word})
    page = read(answer.text)
    assert answer.status == status
    assert page.one("word")["aria-invalid"] == "true"
    assert "three words and a number" in page.text


async def test_an_action_that_is_none_only_shows_the_post(browser: Browser, board: BoardInMemory) -> None:
    assert (await browser.post("/mine", {"word": WORD, "do": "delete"})).status == 200
    assert board.posts.held[0].state == "standing"


async def test_the_word_does_not_work_in_an_address(browser: Browser) -> None:
    assert "Rice" not in (await browser.get(f"/mine?word={WORD}")).text


@pytest.mark.parametrize("action", ["", "renew", "withdraw"])
async def test_ten_tries_a_minute_whatever_is_asked(
    browser: Browser, board: BoardInMemory, clock: TurnedClock, action: str
) -> None:
    for number in range(WORDS_PER_ADDRESS_MAX):
        assert (await browser.post("/mine", {"word": f"oak-oak-oak-{number}", "do": action})).status == 404
    refused = await browser.post("/mine", {"word": WORD, "do": action})
    assert refused.status == 429
    assert refused.headers["Retry-After"] == "61"
    assert "Please wait 1 minute and try again." in read(refused.text).text
    assert board.posts.held[0].state == "standing"
    clock.pass_s(WORDS_WINDOW_S)
    assert (await browser.post("/mine", {"word": WORD})).status == 200
