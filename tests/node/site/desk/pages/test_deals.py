"""Deals at the desk: everything that either side can say, and what is read where a rule stops it."""

import pytest

from hartig_node.board.deals.views import DealView
from hartig_node.site.desk import dealing
from node.site.desk.pages.desks import BLANKETS, DeskBrowser, People
from node.site.reading import Page

TICKET = "a ticket of more than twenty characters"


def forms(page: Page) -> set[str]:
    """Return what the buttons of a page can do."""
    return {one["value"] for one in page.all("button") if one.get("name") == "do"}


async def test_what_was_asked_of_us_is_promised_taken_back_promised_and_handed_over(
    desk: DeskBrowser, people: People
) -> None:
    deal = await people.asked_of_us(contact="the red door")
    path = f"/deals/{deal.id}"
    page = await desk.page(path)
    assert forms(page) == {"promise", "hand_over", "decline"}
    assert page.one(f"promise-{deal.id[:12]}")["value"] == "8"
    assert "red door" not in page.text
    assert "Done. Promised: 5." in (await desk.do(path, do="promise", quantity="5")).text
    await people.meet()
    assert "taken back" in (await desk.do(path, do="release")).text
    assert "Done. Promised: 8." in (await desk.do(path, do="promise")).text
    await people.theirs.board.contacts.bring(bytes.fromhex(deal.id))
    await people.meet()
    page = await desk.page(path)
    assert "How to reach those who need it: the red door" in " ".join(page.text.split())
    assert forms(page) == {"hand_over", "release"}
    assert "Done. Handed over: 8." in (await desk.do(path, do="hand_over", quantity="8", as_shown="8")).text
    await people.theirs.board.deals.receive(deal.id)
    await people.meet()
    assert "There is nothing to do here now." in (await desk.page(path)).text


async def test_what_cannot_be_given_is_declined(desk: DeskBrowser, people: People) -> None:
    deal = await people.asked_of_us()
    page = await desk.do(f"/deals/{deal.id}", do="decline")
    assert "Done. They read that nothing will come from us." in page.text
    assert "Nothing will come from there" in page.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"do": "promise", "quantity": "21"}, "At most 20 are free."),
        ({"do": "promise", "quantity": "2,5"}, "Write a whole number, such as 5."),
        ({"do": "promise", "quantity": "many"}, "Write only a number"),
        ({"do": "release"}, "Nothing is promised here any more."),
        ({"do": "burn"}, "We did not understand this."),
    ],
)
async def test_what_stops_it_is_said_beside_the_button_and_nothing_typed_is_lost(
    desk: DeskBrowser, people: People, fields: dict[str, str], said: str
) -> None:
    deal = await people.asked_of_us()
    page = await desk.refused(f"/deals/{deal.id}", **fields)
    assert said in page.text
    if "quantity" in fields:
        field = page.one(f"promise-{deal.id[:12]}")
        assert field["value"] == fields["quantity"]
        assert field["aria-describedby"] == page.one("problem-promise")["id"]
    assert (await people.ours.board.deals.deal(deal.id)).state == "asked"


async def promised_to_us(people: People, **offer: str) -> DealView:
    deal = await people.asked_by_us(contact="the blue door", **offer)
    await people.theirs.board.deals.promise(deal.id)
    await people.theirs.board.contacts.bring(bytes.fromhex(deal.id))
    await people.meet()
    return deal


async def test_what_is_on_its_way_to_us_arrives(desk: DeskBrowser, people: People) -> None:
    deal = await promised_to_us(people)
    page = await desk.page("/")
    assert "On its way to us (1)" in page.text
    assert {"arrived", "short", "bad"} <= forms(page)
    page = await desk.page(f"/deals/{deal.id}")
    assert "the blue door" in page.text
    assert forms(page) == {"arrived", "short", "bad", "cancel"}
    page = await desk.do(f"/deals/{deal.id}", do="arrived", back="today")
    assert "Done. Arrived in good order: 8." in page.text
    assert "On its way to us (1)" not in page.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"do": "short", "quantity": "5"}, "Arrived in good order: 5."),
        ({"do": "bad"}, "not fit for use"),
        ({"do": "cancel"}, "The people who hold it read that it is not needed any more."),
    ],
)
async def test_what_came_otherwise_is_said_so(
    desk: DeskBrowser, people: People, fields: dict[str, str], said: str
) -> None:
    deal = await promised_to_us(people)
    assert said in (await desk.do(f"/deals/{deal.id}", **fields)).text


async def test_more_than_was_asked_for_cannot_arrive(desk: DeskBrowser, people: People) -> None:
    deal = await promised_to_us(people)
    page = await desk.refused(f"/deals/{deal.id}", do="short", quantity="9")
    assert "At most 8 were asked for." in page.text
    assert page.one(f"short-{deal.id[:12]}")["value"] == "9"
    assert "Write how much." in (await desk.refused(f"/deals/{deal.id}", do="short")).text


async def test_what_was_lent_to_us_goes_back_in_parts_each_once(desk: DeskBrowser, people: People) -> None:
    deal = await promised_to_us(people, mode="lend")
    path = f"/deals/{deal.id}"
    await desk.do(path, do="arrived")
    assert "Lent (1)" in (await desk.page("/")).text
    part = {"do": "give_back", "quantity": "3", "ticket": TICKET}
    first, again = await desk.post(path, part), await desk.post(path, part)
    assert first.headers["Location"] == again.headers["Location"]
    assert (await people.ours.board.deals.deal(deal.id)).given_back == "3"
    page = await desk.page(path)
    assert page.one(f"give_back-{deal.id[:12]}")["value"] == "5"
    await desk.do(path, do="give_back")
    assert "Lent (1)" not in (await desk.page("/")).text


async def test_what_we_lent_is_counted_when_it_is_back(desk: DeskBrowser, people: People) -> None:
    offer, need = await people.offer(people.ours, mode="lend"), await people.need(people.theirs)
    deal = await people.theirs.board.deals.ask(need.id, offer.id)
    await people.meet()
    path = f"/deals/{deal.id}"
    await desk.do(path, do="promise")
    await desk.do(path, do="hand_over")
    await people.meet()
    await people.theirs.board.deals.receive(deal.id)
    await people.meet()
    page = await desk.page("/")
    assert "Lent (1)" in page.text
    assert "returned" in forms(page)
    assert "At most 8 are still away." in (await desk.refused(path, do="returned", quantity="9")).text
    assert "Done. What came back is counted." in (await desk.do(path, do="returned", back="today")).text


async def test_a_form_leads_back_to_where_it_came_from_and_nowhere_else(desk: DeskBrowser, people: People) -> None:
    deal = await people.asked_of_us()
    for back, path in (
        ("today", "/"), (deal.lot.id, f"/post/{deal.lot.id}"), ("//evil.example", f"/deals/{deal.id}"),
    ):  # fmt: skip
        answer = await desk.post(f"/deals/{deal.id}", {"do": "promise", "back": back})
        assert answer.headers["Location"].partition("?")[0] == path


async def test_the_list_shows_what_was_chosen_page_by_page(desk: DeskBrowser, people: People) -> None:
    offer = await people.offer(people.ours)
    board = people.ours.board
    for number in range(21):
        need = await board.posts.publish({"kind": "need", **BLANKETS, "title": f"Need {number:02}", "quantity": 1})
        await board.deals.ask(need.id, offer.id, 1)
    seen: list[str] = []
    address = "/deals?side=giving"
    while address:
        page = await desk.page(address)
        seen += [line.strip() for line in page.text.splitlines() if line.strip().startswith("Need ")]
        address = next((link["href"] for link in page.all("a") if link.get("rel") == "next"), "")
    assert {f"Need {number:02}" for number in range(21)} == set(seen)
    assert "nothing of this kind" in (await desk.page("/deals?state=arrived")).text
    assert "Need " in (await desk.page("/deals?side=nobody&state=nothing")).text


@pytest.mark.parametrize("path", ["/deals?cursor=x", "/deals/" + "0" * 64, "/deals/xyz"])
async def test_what_is_not_here_is_said_in_a_page(desk: DeskBrowser, path: str) -> None:
    answer = await desk.get(path)
    assert answer.status in (400, 404)
    assert "That did not work" in answer.text


def test_everything_that_has_a_form_says_what_was_done() -> None:
    assert set(dealing._DONE) == {*dealing.GIVING_ACTIONS, *dealing.RECEIVING_ACTIONS}
