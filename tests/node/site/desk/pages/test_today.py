"""The first page of the desk: what waits, the most urgent first; and what to do on an empty hub."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from hartig_node.board.deals.views import DealPage, DealView
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.board.posts.posts import ListQuery
from hartig_node.site.desk.overview import LOOKED_AT_MAX, SHOWN_MAX, Section, deals_waiting, free_of
from hartig_protocol.events import OwnRecordClaimed
from hartig_protocol.records.record import Kind
from node.site.desk.pages.desks import DeskBrowser, People
from node.site.fakes import START_MS, deal_of, side


async def test_an_empty_hub_says_what_to_do_first(desk: DeskBrowser) -> None:
    page = await desk.page("/")
    assert "Nothing is here yet. How to begin:" in page.text
    assert {"/offer", "/need", "/look"} <= set(page.links())
    assert "phone at the desk" in page.text


async def test_what_is_asked_of_us_is_promised_and_handed_over_from_the_first_page(
    desk: DeskBrowser, people: People
) -> None:
    deal = await people.asked_of_us(contact="the red door")
    text = (await desk.page("/")).text
    for said in ("Asked of us 1", "Asked of us (1)", "Test hub 2", "Cold", "Asked: 8", "What we have (1)"):
        assert said in " ".join(text.split()), said
    page = await desk.do(f"/deals/{deal.id}", do="promise", back="today")
    assert "Done. Promised: 8." in page.text
    assert "Promised by us, to hand over (1)" in page.text
    page = await desk.do(f"/deals/{deal.id}", do="hand_over", back="today")
    assert "Done. Handed over: 8." in page.text
    assert "Nothing waits. Everything" in page.text


async def test_what_has_ended_is_counted_and_put_up_again(desk: DeskBrowser, people: People) -> None:
    board = people.ours.board
    await board.keeper.load()
    offers = [await people.offer(people.ours, title=title) for title in ("Stools", "Ladders")]
    need = await people.need(people.ours)
    for post in (*offers, need):
        await board.deals.count(post.id, 7)
    await board.membership.own_record_claimed(OwnRecordClaimed(b"\x01" * 32, Kind.NEED, 7, b"\x02" * 32))
    await board.keeper.look()
    assert "Has ended: count, and put up again (3)" in (await desk.page("/")).text
    page = await desk.page("/recounts")
    for said in ("Stools", "Ladders", "Cold", "there was: 7", "there was still needed: 7", "an older copy"):
        assert said in page.text
    stools, ladders = (f"/recounts/{post.id}" for post in offers)
    stopped = await desk.refused(stools, quantity="some")
    assert "Write only a number" in stopped.text
    assert "some" in [one.get("value") for one in stopped.all("input")]
    page = await desk.do(stools, quantity="5")
    assert "Done. It is up again, with what was counted." in page.text
    assert "Stools" in page.text
    assert "Done. Nothing of it is left" in (await desk.do(ladders, quantity="0")).text
    await desk.do(f"/recounts/{need.id}", quantity="6")
    assert "Nothing waits to be counted." in (await desk.page("/recounts")).text
    assert (await desk.post(f"/recounts/{'7' * 32}", {"quantity": "1"})).status == 404


async def test_of_an_open_shelf_that_has_ended_it_is_said_how_full_it_is(desk: DeskBrowser, people: People) -> None:
    board = people.ours.board
    await board.keeper.load()
    draft = {"kind": "offer", "category": "food.bread", "title": "Bread shelf", "level": "plenty"}
    shelf = await board.posts.publish(draft)
    await board.membership.own_record_claimed(OwnRecordClaimed(b"\x01" * 32, Kind.NEED, 7, b"\x02" * 32))
    await board.keeper.look()
    page = await desk.page("/recounts")
    assert "How full is it now?" in page.text
    assert "As far as we know" not in page.text
    assert "Done. It is up again" in (await desk.do(f"/recounts/{shelf.id}", level="low")).text
    (view,) = (await board.posts.list(ListQuery(kind="offer"))).items
    assert view.facts["level"] == "low"


@dataclass
class _Deals:
    items: list[DealView]

    async def deals(self, role: str, _state: str, limit: int, cursor: str | None) -> DealPage:
        start = int(cursor or 0)
        more = str(start + limit) if start + limit < len(self.items) else None
        return DealPage(self.items[start : start + limit] if role == "giving" else [], more)


@dataclass
class _Board:
    deals: _Deals
    posts: Any = None


async def waiting(deals: list[DealView]) -> Section:
    """Return what is asked of us, where these are our deals."""
    return (await deals_waiting(cast("Any", _Board(_Deals(deals)))))[0]


@dataclass
class _Post:
    id: str = "1" * 32


def asked(number: int, urgency: str | None = None, date_ms: int | None = None, asked_ms: int = START_MS) -> DealView:
    view = deal_of(cast("PostView", _Post()), "asked", id=f"{number:064x}", date_ms=date_ms, asked_ms=asked_ms)
    return replace(view, need=side(view.need.id, f"Need {number}", urgency=urgency))


async def test_the_most_urgent_stands_first_then_the_soonest_then_what_waited_longest() -> None:
    deals = [
        asked(1, asked_ms=START_MS + 2),
        asked(2, asked_ms=START_MS + 1),
        asked(3, date_ms=START_MS + 5),
        asked(4, "urgent", asked_ms=START_MS + 9),
        asked(5, "low"),
    ]
    assert [deal.id[-1] for deal in (await waiting(deals)).items] == ["4", "3", "2", "1", "5"]


async def test_a_page_shows_twenty_and_says_how_many_there_are_as_far_as_it_looked() -> None:
    few = await waiting([asked(number) for number in range(30)])
    assert (len(few.items), few.total, few.is_more) == (SHOWN_MAX, 30, False)
    many = await waiting([asked(number) for number in range(LOOKED_AT_MAX + 300)])
    assert (len(many.items), many.total, many.is_more) == (SHOWN_MAX, LOOKED_AT_MAX, True)


class _NoPosts:
    async def get(self, thread: str) -> PostView:
        if thread == "2" * 32:
            raise BoardError("not_found", "it is gone")
        if thread == "3" * 32:
            raise BoardError("disk_full", "full")
        return cast("PostView", _Said())


@dataclass
class _Said:
    progress: dict[str, str] = field(default_factory=lambda: {"free": "3"})


async def test_an_offer_that_is_gone_meanwhile_does_not_stop_the_page() -> None:
    board = cast("Any", _Board(_Deals([]), _NoPosts()))
    deals = [replace(asked(number), lot=side(str(number) * 32, "Bread")) for number in (1, 2)]
    assert await free_of(board, Section("asked", deals, 2)) == {"1" * 32: "3"}
    with pytest.raises(BoardError):
        await free_of(board, Section("asked", [replace(deals[0], lot=side("3" * 32, "Bread"))], 1))
