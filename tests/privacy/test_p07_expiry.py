"""P7: everything expires (need 14 days, offer 30, cooked food in hours), people see it coming, and one tap renews."""

from typing import Any

import pytest

from hartig_node.board.drafts.drafts import read_draft
from hartig_protocol.errors import RecordError
from hartig_protocol.limits import DAY_MS, HOUR_MS, LIFE_MS_MAX
from hartig_protocol.records.record import Kind
from node.site.fakes import BoardInMemory, Browser
from node.site.reading import read
from support.boards import running_board
from support.records import NOW_MS, Network


@pytest.mark.parametrize(
    ("kind", "category", "life_ms"),
    [
        ("need", "household.bedding", 14 * DAY_MS),
        ("offer", "household.bedding", 30 * DAY_MS),
        ("offer", "food.cooked", 12 * HOUR_MS),
        ("need", "food.cooked", 12 * HOUR_MS),
        ("offer", "food.bread", 3 * DAY_MS),
    ],
)
async def test_p07_what_says_nothing_of_how_long_ends_by_itself(kind: str, category: str, life_ms: int) -> None:
    draft = {"kind": kind, "category": category, "title": "Soup"}
    assert read_draft(draft).life_ms == life_ms
    async with running_board() as bench:
        view = await bench.board.posts.publish(draft)
        assert view.expires_ms - NOW_MS == life_ms
        bench.time.advance(life_ms / 1000 + 1)
        assert (await bench.board.posts.get(view.id)).state == "expired"


@pytest.mark.parametrize("kind", [Kind.NEED, Kind.OFFER])
@pytest.mark.parametrize("fields", [{"expires": NOW_MS + LIFE_MS_MAX + 1}, {"expires": NOW_MS + 400 * DAY_MS}])
def test_p07_nothing_that_lasts_longer_is_a_record(kind: Kind, fields: dict[str, Any]) -> None:
    network = Network()
    with pytest.raises(RecordError):
        network.post(network.hub(1), kind, **fields)


async def test_p07_people_read_how_long_it_stays_and_one_tap_renews(browser: Browser, board: BoardInMemory) -> None:
    form = {"title": "Wool blanket", "category": "household.bedding", "language": "en"}
    made = read((await browser.post("/need", form)).text)
    word = next(line for line in made.text.split() if line.startswith("maple-"))
    page = read((await browser.post("/mine", {"word": word})).text)
    assert "days" in page.text
    buttons = [one for one in page.all("button") if one.get("value") == "renew"]
    assert len(buttons) == 1
    assert "Keep it up for longer" in page.text
    renewed = await browser.post("/mine", {"word": word, "do": "renew"})
    assert renewed.status == 200
