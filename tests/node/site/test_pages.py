"""Every page, in both languages: well formed, labelled, strict, in people's words, light."""

import gzip

import pytest

from hartig_node.board.errors import ERRORS, BoardError
from hartig_node.glossary import words_used
from hartig_node.site import guard
from hartig_node.site.app import make_site
from hartig_node.site.rendering import static_file
from node.site.fakes import Answer, BoardInMemory, Browser
from node.site.reading import read

GOOD_NEED = {"title": "Wool blanket", "category": "household.bedding", "language": "en", "urgency": "high"}
FIRST_LOAD_BYTES_MAX = 20_000
# Words of the inside that the glossary allows elsewhere but that no neighbour should meet.
MORE_INNER_WORDS = ("record", "node", "hash", "cursor", "draft", "server", "nodo", "registro")


async def every_page(browser: Browser, board: BoardInMemory) -> dict[str, Answer]:
    """Fetch each page in each of its states."""
    board.fill()
    pages = {path: await browser.get(path) for path in ("/", "/need", "/offer", "/mine", "/nowhere")}
    for show in ("offers", "needs", "shelves"):
        pages[show] = await browser.get(f"/?show={show}")
    pages["searched"] = await browser.get("/?q=nothing-like-it&category=food.bread")
    for view in board.posts.held:
        pages[view.id] = await browser.get(f"/post/{view.id}")
    pages["bad need"] = await browser.post("/need", {"quantity": "many", "mode": "x", "days": "x"})
    pages["bad offer"] = await browser.post("/offer", {"level": "some", "quantity": "3", "language": "en"})
    pages["posted"] = await browser.post("/need", GOOD_NEED)
    pages["stays here"] = await browser.post("/need", {**GOOD_NEED, "category": "legal"})
    word = {"word": "maple-otter-river-10"}
    pages["found"] = await browser.post("/mine", word)
    pages["renewed"] = await browser.post("/mine", {**word, "do": "renew"})
    pages["withdrawn"] = await browser.post("/mine", {**word, "do": "withdraw"})
    pages["over"] = await browser.get(f"/post/{board.posts.words['maple-otter-river-10']}")
    pages["no word"] = await browser.post("/mine", {"word": ""})
    pages["unknown word"] = await browser.post("/mine", {"word": "oak-oak-oak-99"})
    for code in ERRORS:
        board.posts.fails_with = BoardError(code, "detail for programs")
        pages[code] = await browser.get("/")
        board.posts.fails_with = BoardError(code, "detail for programs")
        pages[f"{code} in a form"] = await browser.post("/need", {**GOOD_NEED, "title": code})
    for _try in range(10):
        pages["too often"] = await browser.post("/mine", {"word": "oak-oak-oak-99"})
    return pages


@pytest.mark.parametrize("language", ["en", "es"])
async def test_every_page_is_well_formed_and_in_peoples_words(
    browser: Browser, board: BoardInMemory, language: str
) -> None:
    browser.headers["Accept-Language"] = language
    pages = await every_page(browser, board)
    assert pages["too often"].status == 429
    for name, answer in pages.items():
        page = read(answer.text)
        assert page.all("html")[0]["lang"] == language, name
        assert words_used(page.text) == [], name
        assert [word for word in MORE_INNER_WORDS if word in page.text.casefold().split()] == [], name
        assert "detail for programs" not in answer.text
        assert "{{" not in answer.text
        assert answer.headers["Content-Security-Policy"] == guard.HEADERS["Content-Security-Policy"], name
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "hartig"


async def test_the_first_load_is_light(browser: Browser, board: BoardInMemory) -> None:
    for _copy in range(4):
        board.fill()
    weights = [len(static_file("style.css")) + len(static_file("icon.svg"))]
    for path in ("/", "/?show=offers", "/need", "/offer"):
        answer = await browser.get(path, **{"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        weights.append(len(gzip.compress(answer.text.encode(), 6)))
    assert weights[0] + max(weights[1:]) <= FIRST_LOAD_BYTES_MAX, weights


async def test_the_style_is_kept_for_ever_under_the_address_that_pages_name(browser: Browser) -> None:
    page = read((await browser.get("/")).text)
    (style,) = [link["href"] for link in page.all("link") if link["rel"] == "stylesheet"]
    named = await browser.get(style)
    assert (named.status, named.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert named.headers["Content-Type"] == "text/css; charset=utf-8"
    assert (await browser.get("/style.css?v=old")).headers["Cache-Control"] == "no-cache"
    (icon,) = [link["href"] for link in page.all("link") if link["rel"] == "icon"]
    assert (await browser.get(icon)).headers["Content-Type"].startswith("image/svg+xml")


async def test_there_is_no_route_but_those_of_neighbours(board: BoardInMemory) -> None:
    site = make_site(board, board.posts.clock)
    routes = {(route.method, route.resource.canonical) for route in site.router.routes() if route.resource}
    assert routes == {
        *(("GET", path) for path in ("/", "/post/{id}", "/need", "/offer", "/mine", "/{name}")),
        *(("HEAD", path) for path in ("/", "/post/{id}", "/need", "/offer", "/mine", "/{name}")),
        *(("POST", path) for path in ("/need", "/offer", "/mine")),
    }


async def test_a_page_of_another_method_says_which_one_it_has(browser: Browser) -> None:
    answer = await browser.post("/", {})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
    read(answer.text)


async def test_our_own_mistake_is_a_500_with_all_headers_and_no_details(
    browser: Browser, board: BoardInMemory, caplog: pytest.LogCaptureFixture
) -> None:
    board.posts.held = None  # type: ignore[assignment]
    answer = await browser.get("/")
    assert answer.status == 500
    assert "NoneType" not in answer.text
    assert answer.headers["Content-Security-Policy"] == guard.HEADERS["Content-Security-Policy"]
    assert "NoneType" in caplog.text
