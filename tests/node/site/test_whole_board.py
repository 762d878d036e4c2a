"""The pages in front of the real board, engine and core: what a neighbour does in a day."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hartig_node.site.app import make_site
from hartig_node.site.doors import BoardDoor
from node.site.fakes import Browser
from node.site.reading import read
from support.boards import Bench, running_board

NEED = {"title": "Mantas para el frío", "category": "household.bedding", "language": "es"}
OFFER = {"category": "household.bedding", "title": "Wool blankets"}


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_board() as running:
        yield running


@pytest.fixture
async def neighbour(bench: Bench) -> AsyncIterator[Browser]:
    board: BoardDoor = bench.board
    async with TestClient(TestServer(make_site(board, bench.engine.clock.now))) as client:
        yield Browser(client)


async def post_and_read_word(neighbour: Browser, path: str, fields: dict[str, str]) -> str:
    answer = await neighbour.post(path, fields)
    assert answer.status == 201, answer.text
    page = read(answer.text)
    return page.text.split("Your pick-up word")[1].split()[0]


async def test_post_find_keep_up_take_down(neighbour: Browser, bench: Bench) -> None:
    word = await post_and_read_word(neighbour, "/need", {**NEED, "quantity": "3", "urgency": "high", "days": "3"})
    assert "Mantas para el frío" in (await neighbour.get("/?q=frio")).text
    assert "Mantas" not in (await neighbour.get("/?q=arroz")).text
    spelt = word.upper().replace("-", "  ")
    assert "Mantas para el frío" in (await neighbour.post("/mine", {"word": spelt})).text
    bench.time.advance(2 * 24 * 3600)
    assert "24 more hours" in (await neighbour.get("/")).text
    assert "It stays up for longer" in (await neighbour.post("/mine", {"word": word, "do": "renew"})).text
    assert "14 more days" in (await neighbour.get("/")).text
    taken_down = await neighbour.post("/mine", {"word": word, "do": "withdraw"})
    assert "It is taken down" in read(taken_down.text).text
    assert "Mantas" not in (await neighbour.get("/")).text


async def test_an_offer_on_a_shelf_and_a_sensitive_need(neighbour: Browser, bench: Bench) -> None:
    await post_and_read_word(neighbour, "/offer", {**NEED, "level": "plenty", "mode": "give"})
    await post_and_read_word(neighbour, "/need", {**NEED, "category": "health.crisis", "urgency": "urgent"})
    text = read((await neighbour.get("/")).text).text
    assert "Plenty there" in text
    assert "Very urgent" in text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"quantity": "2.5", "unit": "H87"}, "This amount does not go with that unit."),
        ({"quantity": "0.0001", "unit": "KGM"}, "Write only a number here"),
    ],
)
async def test_what_the_board_refuses_is_said_in_the_form(
    neighbour: Browser, fields: dict[str, str], sentence: str
) -> None:
    answer = await neighbour.post("/need", {**NEED, **fields})
    assert answer.status == 422
    assert sentence in read(answer.text).text


async def test_the_longest_that_a_form_takes_the_board_takes_too(neighbour: Browser) -> None:
    longest = {"title": "𝕳" * 120, "text": "𝕳" * 2048, "category": "household.bedding", "language": "zh"}
    await post_and_read_word(neighbour, "/need", {**longest, "quantity": "999999999.999", "unit": "KGM", "days": "90"})


async def test_pages_of_a_long_board_follow_each_other(neighbour: Browser, bench: Bench) -> None:
    drafts = [
        {"kind": "offer", "category": "tools", "title": f"Thing {number:02}", "level": "some"} for number in range(45)
    ]
    await bench.board.posts.publish_many(drafts, dry_run=False)
    for show in ("offers", "shelves"):
        address, seen = f"/?show={show}", []
        while address:
            page = read((await neighbour.get(address)).text)
            seen += [line.strip() for line in page.text.splitlines() if line.strip().startswith("Thing ")]
            address = next((link["href"] for link in page.all("a") if link.get("rel") == "next"), "")
        assert sorted(seen) == [f"Thing {number:02}" for number in range(45)]


async def test_a_hub_without_a_network_says_so(bench: Bench) -> None:
    async with running_board(founded=False, seed=2) as lonely:
        client = TestClient(TestServer(make_site(lonely.board, lonely.engine.clock.now)))
        async with client:
            answer = await Browser(client).post("/need", NEED)
    assert answer.status == 409
    assert "does not belong to a network yet" in read(answer.text).text


async def test_a_need_is_met_and_the_neighbour_says_so(neighbour: Browser, bench: Bench) -> None:
    word = await post_and_read_word(neighbour, "/need", {**NEED, "quantity": "8"})
    offer = await bench.board.posts.publish({"kind": "offer", "quantity": 20, "contact": "the blue door", **OFFER})
    need = await bench.board.posts.find_by_word(word)
    deal = await bench.board.deals.ask(need.id, offer.id)
    await bench.board.deals.promise(deal.id, 6)
    page = read((await neighbour.post("/mine", {"word": word})).text)
    for said in ("Asked: 8", "Promised: 6", "How to reach them:", "the blue door"):
        assert said in page.text
    assert "Still free: 14" in read((await neighbour.get("/")).text).text
    short = {"word": word, "deal": deal.id, "do": "short", "quantity": "9"}
    refused = await neighbour.post("/mine", short)
    assert refused.status == 409
    assert "So much was not asked for." in refused.text
    halves = await neighbour.post("/mine", {**short, "quantity": "2.5"})
    assert "Write a whole number" in halves.text
    assert "Arrived, but not all of it" in (await neighbour.post("/mine", {**short, "quantity": "5"})).text
    assert "Still needed: 3" in read((await neighbour.get("/")).text).text
    rest = await bench.board.deals.ask(need.id, offer.id)
    arrived = await neighbour.post("/mine", {"word": word, "deal": rest.id, "do": "arrived"})
    assert "All of it has arrived." in read(arrived.text).text
    assert "All there" in read((await neighbour.get("/")).text).text
    for claim in ("x", "7" * 64):
        assert (await neighbour.post("/mine", {**short, "deal": claim})).status in (400, 404)


async def test_an_offer_that_is_promised_is_taken_down_at_the_second_word(neighbour: Browser, bench: Bench) -> None:
    word = await post_and_read_word(neighbour, "/offer", {**NEED, "quantity": "8"})
    offer = await bench.board.posts.find_by_word(word)
    need = await bench.board.posts.publish({"kind": "need", "quantity": 8, **OFFER})
    await bench.board.deals.promise((await bench.board.deals.ask(need.id, offer.id)).id)
    kept = await neighbour.post("/mine", {"word": word, "do": "withdraw"})
    assert "Something of it is promised." in kept.text
    assert "All promised" in (await neighbour.get("/")).text
    done = await neighbour.post("/mine", {"word": word, "do": "withdraw", "all_the_same": "yes"})
    assert "It is taken down" in done.text
