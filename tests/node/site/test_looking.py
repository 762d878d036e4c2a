"""The board page and the page of one post."""

from dataclasses import replace
from itertools import chain

import pytest

from hartig_node.board.fetching import Fetching
from hartig_node.board.posts.posts import ListQuery
from hartig_node.site.listing import PAGE_POSTS, Wish, read_wish, sections
from hartig_protocol.limits import DAY_MS, HOUR_MS
from node.site.fakes import START_MS, BoardInMemory, Browser, TurnedClock
from node.site.reading import read


def offer(title: str, **more: object) -> dict[str, object]:
    return {"kind": "offer", "category": "food.dry", "title": title, **more}


async def test_the_first_page_has_the_search_shelves_offers_and_needs(browser: Browser, board: BoardInMemory) -> None:
    board.fill()
    page = read((await browser.get("/")).text)
    assert page.one("q")["type"] == "search"
    assert [page.one(f"h-{name}") is not None for name in ("shelves", "offers", "needs")]
    assert "Plenty there" in page.text
    assert "held by Old Mill house" in " ".join(page.text.split())


async def test_an_empty_board_invites_to_begin(browser: Browser) -> None:
    page = read((await browser.get("/")).text)
    assert "Somebody has to begin" in page.text
    assert {"/need", "/offer"} <= set(page.links())


async def test_a_search_that_finds_nothing_leads_to_the_form_with_what_was_typed(browser: Browser) -> None:
    page = read((await browser.get("/?q=wool+socks&category=clothing")).text)
    assert "/need?title=wool+socks&category=clothing" in page.links()
    form = read((await browser.get("/need?title=wool+socks&category=clothing")).text)
    assert form.one("title")["value"] == "wool socks"
    assert next(one["value"] for one in form.all("option") if "selected" in one) == "clothing"


async def test_a_search_looks_in_both_lists_and_under_the_category(browser: Browser, board: BoardInMemory) -> None:
    board.posts.add(offer("Red beans"))
    board.posts.add({**offer("Beans for the pot"), "kind": "need"})
    board.posts.add(offer("Beans in tins", level="low"))
    board.posts.add(offer("Rice"))
    page = read((await browser.get("/?q=beans&category=food")).text)
    for title in ("Red beans", "Beans for the pot", "Beans in tins"):
        assert title in page.text
    assert "Rice" not in page.text
    assert "You look for “beans”. Only: Food." in " ".join(page.text.split())


async def titles_page_by_page(browser: Browser, address: str) -> list[list[str]]:
    pages: list[list[str]] = []
    while address:
        page = read((await browser.get(address)).text)
        pages.append([line.strip() for line in page.text.splitlines() if line.strip().startswith("Thing ")])
        address = next((link["href"] for link in page.all("a") if link.get("rel") == "next"), "")
    return pages


async def test_pages_follow_each_other_without_loss_or_repetition(browser: Browser, board: BoardInMemory) -> None:
    for number in range(2 * PAGE_POSTS + 3):
        board.posts.add(offer(f"Thing {number:03}"))
    pages = await titles_page_by_page(browser, "/?show=offers")
    assert [len(titles) for titles in pages] == [PAGE_POSTS, PAGE_POSTS, 3]
    assert list(chain.from_iterable(pages)) == [f"Thing {number:03}" for number in reversed(range(2 * PAGE_POSTS + 3))]


async def test_shelves_come_fullest_first_over_all_pages(browser: Browser, board: BoardInMemory) -> None:
    levels = {"gone": 3, "low": PAGE_POSTS + 2, "some": 5, "plenty": PAGE_POSTS}
    for level, count in levels.items():
        for number in range(count):
            board.posts.add(offer(f"Thing {level} {number:02}", level=level))
    listed = list(chain.from_iterable(await titles_page_by_page(browser, "/?show=shelves")))
    assert [title.split()[1] for title in listed] == [
        level for level in ("plenty", "some", "low", "gone") for _one in range(levels[level])
    ]
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("address", ["/?show=offers&cursor=zz", "/?show=shelves&cursor=zz.1"])
async def test_a_page_that_is_gone_says_where_to_start_again(browser: Browser, address: str) -> None:
    answer = await browser.get(address)
    assert answer.status == 400
    assert "start again from the first page" in read(answer.text).text


async def test_a_taste_does_not_show_a_shelf_twice(board: BoardInMemory) -> None:
    board.posts.add(offer("Bread", level="plenty"))
    board.posts.add(offer("Jam"))
    found = await sections(board.posts, Wish())
    assert [[view.title["en"] for view in section.posts] for section in found] == [["Bread"], ["Jam"], []]


async def test_what_stands_on_a_shelf_is_not_said_to_be_missing(browser: Browser, board: BoardInMemory) -> None:
    board.posts.add(offer("Bread", level="low"))
    text = read((await browser.get("/?q=bread")).text).text
    assert "Nearly gone" in text
    assert "Not here yet" not in text
    assert "Not here yet" in read((await browser.get("/?q=cake")).text).text


async def test_what_cannot_be_meant_is_left_out_of_a_wish() -> None:
    assert read_wish({"show": "x", "category": "y", "q": " a \x00 b ", "lang": "es"}) == Wish(q="a b")
    assert len(read_wish({"q": "é" * 5000}).q) == 200


async def test_no_list_asks_for_more_than_the_board_gives(board: BoardInMemory) -> None:
    asked: list[ListQuery] = []
    listed = board.posts.list

    async def watched(query: ListQuery) -> object:
        asked.append(query)
        return await listed(query)

    board.posts.list = watched  # type: ignore[assignment, method-assign]
    for show in ("", "offers", "needs", "shelves"):
        await sections(board.posts, Wish(show=show))
    assert all(1 <= query.limit <= 200 for query in asked)


async def test_a_post_says_all_that_is_known_about_it(browser: Browser, board: BoardInMemory) -> None:
    board.posts.add(
        {
            "kind": "need", "category": "food.cooked", "title": {"en": "Supper", "ar": "عشاء"},
            "text": {"en": "For Friday.", "ar": "ليوم الجمعة."}, "quantity": "2.5", "unit": "KGM", "urgency": "urgent",
            "people": 8, "reach_km": 3, "rule": "fair", "mode": "in-place", "requires": ["diet.halal"],
            "avoids": ["allergen.nuts"], "unknown": ["allergen.milk"], "source": "the market", "days": 5,
            "window": {"from": "2026-11-23T12:00:00Z", "to": "2026-11-23T15:00:00Z"},
            "dates": ["2026-11-24T12:00:00Z"], "best_before": "2026-11-25T12:00:00Z", "audience": "partners",
        }
    )  # fmt: skip
    page = read((await browser.get(f"/post/{1:032x}")).text)
    text = " ".join(page.text.split())
    for part in (
        "Supper", "For Friday.", "2.5\u00a0kg".replace("\u00a0", " "), "Very urgent", "Cooked meals", "To use there",
        "For how many people 8", "3 km", "Shared out evenly", "It must have Halal", "It must not have Nuts",
        "Nobody knows about Milk", "Monday 23 November", "Tuesday 24 November", "Wednesday 25 November",
        "5 more days", "Held by Riverside free store (this hub)", "its partner networks", "the market", "عشاء",
    ):  # fmt: skip
        assert part in text, part
    assert {"lang": "ar"} in page.all("details")


async def test_a_post_of_one_partner_network_says_so(browser: Browser, board: BoardInMemory) -> None:
    board.posts.add(offer("Jam"), audience="ab" * 16, author_name="", is_mine=False)
    text = read((await browser.get(f"/post/{1:032x}")).text).text
    assert "One partner network only." in text
    assert "a hub of this network" in text


async def test_what_is_over_says_so_and_no_longer_how_to_get_it(browser: Browser, board: BoardInMemory) -> None:
    view = board.posts.add(offer("Jam"))
    for state, sentence in (("ended", "This was taken down."), ("expired", "Its time is over.")):
        board.posts.held[0] = replace(view, state=state)
        answer = await browser.get(f"/post/{view.id}")
        assert answer.status == 410
        assert sentence in answer.text
        assert "How do I get it?" not in answer.text


@pytest.mark.parametrize("path", [f"/post/{99:032x}", "/post/nonsense", "/post/" + "A" * 32, "/admin", "/style.css/"])
async def test_what_is_not_here_is_a_friendly_404(browser: Browser, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status == 404
    assert "This is not here." in read(answer.text).text


async def test_time_left_is_told_by_a_trusted_clock_alone(
    browser: Browser, board: BoardInMemory, clock: TurnedClock
) -> None:
    board.posts.add(offer("Jam", days=2))
    for passed_ms, told in ((0, "2 more days"), (DAY_MS, "24 more hours"), (DAY_MS + 23 * HOUR_MS, "1 more hour")):
        clock.wall_ms = board.posts.held[0].published_ms + passed_ms
        assert told in (await browser.get("/")).text
    clock.wall_ms += HOUR_MS - 1
    assert "less than an hour" in (await browser.get("/")).text
    assert "does not know the time" not in (await browser.get("/")).text
    clock.trusted = False
    page = (await browser.get("/")).text
    assert "less than an hour" not in page
    assert "This hub does not know the time: dates are about right" in page


async def test_a_post_whose_hub_did_not_know_the_time_shows_no_time_left(
    browser: Browser, board: BoardInMemory
) -> None:
    board.posts.add(offer("Jam", days=2), approx=True)
    assert "more days" not in (await browser.get("/")).text


async def test_neighbours_see_how_far_fetching_has_come_and_that_it_has_ended(
    browser: Browser, board: BoardInMemory
) -> None:
    assert "progress" not in (await browser.get("/")).text
    board.fetched = Fetching(bytes(32), "Garden", 3200, 10_000, None, is_connected=True)
    answer = await browser.get("/")
    assert "Fetching what the other hubs have: 3,200 of 10,000." in read(answer.text).text
    assert '<progress value="3200" max="10000"' in answer.text
    text = read((await browser.get("/", **{"Accept-Language": "es"})).text).text
    assert "Trayendo lo que tienen los otros centros: 3\u202f200 de 10\u202f000." in text
    board.fetched = Fetching(None, None, 10_000, 10_000, START_MS, is_connected=True)
    assert "All there since " in read((await browser.get("/")).text).text
    assert "Todo está aquí desde el " in read((await browser.get("/", **{"Accept-Language": "es"})).text).text


@pytest.mark.parametrize(("connected", "trusted"), [(False, True), (True, False)])
async def test_nothing_is_said_of_the_others_where_nobody_can_know(
    browser: Browser, board: BoardInMemory, clock: TurnedClock, connected: bool, trusted: bool
) -> None:
    board.fetched = Fetching(None, None, 10, 10, START_MS, is_connected=connected)
    clock.trusted = trusted
    assert "All there" not in read((await browser.get("/")).text).text
