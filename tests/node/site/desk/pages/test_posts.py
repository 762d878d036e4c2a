"""A post at the desk: its account, and all that is said about it beside its deals."""

import pytest

from hartig_node.board.times import rfc3339
from hartig_node.site.desk.acting import STALE_AFTER_S
from hartig_protocol.limits import DAY_MS
from node.site.desk.pages.desks import BLANKETS, DeskBrowser, People
from support.records import NOW_MS

TICKET = "a ticket of more than twenty characters"


async def free(people: People, thread: str) -> str:
    return (await people.ours.board.deals.book_view(thread)).total.amounts["free"]


async def test_who_took_some_without_asking_is_written_down_once(desk: DeskBrowser, people: People) -> None:
    offer = await people.offer(people.ours)
    taken = {"do": "hand_out", "quantity": "3", "ticket": TICKET}
    page = await desk.do(f"/post/{offer.id}", **taken)
    assert "Done. Handed over: 3." in page.text
    await desk.do(f"/post/{offer.id}", **taken)
    assert await free(people, offer.id) == "17"
    page = await desk.refused(f"/post/{offer.id}", do="hand_out", quantity="18")
    assert page.text.count("At most 17 are free.") == 2  # first of all, and beside the button
    assert page.one("amount-out")["value"] == "18"
    assert page.one("problem-hand_out")
    assert "Write how much." in (await desk.refused(f"/post/{offer.id}", do="hand_out")).text


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"quantity": "15"}, "15"),
        ({"quantity": "0"}, "0"),
        ({"quantity": "2", "why": "found"}, "22"),
        ({"quantity": "5", "why": "restocked"}, "25"),
        ({"quantity": "1", "why": "lost"}, "19"),
    ],
)
async def test_what_is_here_is_counted(desk: DeskBrowser, people: People, fields: dict[str, str], left: str) -> None:
    offer = await people.offer(people.ours)
    await desk.do(f"/post/{offer.id}", do="count", quantity="20")
    assert "Done. It is counted." in (await desk.do(f"/post/{offer.id}", do="count", **fields)).text
    assert await free(people, offer.id) == left


async def test_what_cannot_be_counted_is_said(desk: DeskBrowser, people: People) -> None:
    offer = await people.offer(people.ours)
    path = f"/post/{offer.id}"
    await desk.do(path, do="count", quantity="20")
    assert "At most 20 are free." in (await desk.refused(path, do="count", quantity="21", why="lost")).text
    assert "Please choose one from the list." in (await desk.refused(path, do="count", quantity="1", why="x")).text


async def test_stock_is_set_aside_for_a_hub_chosen_by_its_name_and_comes_back(
    desk: DeskBrowser, people: People
) -> None:
    offer = await people.offer(people.ours)
    page = await desk.page(f"/post/{offer.id}")
    hubs = [one["value"] for one in page.all("option") if len(one["value"]) == 64]
    assert hubs == [people.theirs.key.public.hex()]
    page = await desk.do(f"/post/{offer.id}", do="set_aside", hub=hubs[0], quantity="5")
    assert "Done. Set aside: 5." in page.text
    assert "Test hub 2: 5" in " ".join(page.text.split())
    assert "Choose a hub" in (await desk.refused(f"/post/{offer.id}", do="set_aside", hub="x", quantity="5")).text


async def test_what_was_set_aside_for_us_is_taken_over_and_the_rest_given_back(
    desk: DeskBrowser, people: People
) -> None:
    offer = await people.offer(people.theirs)
    await people.theirs.board.deals.set_aside(offer.id, people.ours.key.public.hex(), 6)
    await people.meet()
    assert "Set aside for us (1)" in (await desk.page("/")).text
    (waiting,) = (await people.ours.board.deals.set_aside_for_us()).items
    path = f"/aside/{waiting.id}"
    assert "At most 6 were set aside." in (await desk.refused(path, quantity="7")).text
    assert "Wool blankets" in (await desk.page("/aside")).text
    page = await desk.do(path, quantity="5")
    assert "Done. It is ours to promise now." in page.text
    assert "Nothing is set aside for us" in (await desk.page("/aside")).text
    (ours,) = (await people.ours.board.deals.set_aside_for_us()).items
    post = f"/post/{ours.accepted}"
    assert "Done. Given back: 2." in (await desk.do(post, do="surrender", quantity="2")).text
    assert "All that was free is given back" in " ".join((await desk.do(post, do="surrender")).text.split())
    assert "Nothing of it is free now." in (await desk.refused(post, do="surrender")).text


async def test_a_need_asks_an_offer_that_fits(desk: DeskBrowser, people: People) -> None:
    offer, need = await people.offer(people.theirs, 5), await people.need(people.ours)
    page = await desk.page(f"/post/{need.id}")
    assert "Wool blankets" in page.text
    assert page.one("amount-1")["value"] == "5"
    stopped = await desk.refused(f"/post/{need.id}", do="ask", lot=offer.id, quantity="9")
    assert "At most 8 are still needed." in stopped.text
    assert stopped.one("amount-1")["value"] == "9"
    page = await desk.do(f"/post/{need.id}", do="ask", lot=offer.id, quantity="5")
    assert "Done. Asked: 5." in page.text
    assert "Asked. Nobody has promised it yet." in page.text
    assert "Nobody has it right now" in page.text


async def test_an_open_shelf_is_not_asked(desk: DeskBrowser, people: People) -> None:
    shelf = await people.ours.board.posts.publish({"kind": "offer", "level": "plenty", **BLANKETS})
    need = await people.need(people.ours)
    assert "An open shelf: nobody asks, just come." in (await desk.page(f"/post/{need.id}")).text
    page = await desk.do(f"/post/{shelf.id}", do="level", level="low")
    assert "Done. Everybody reads how full it is." in page.text
    assert "Nearly gone" in page.text
    await desk.refused(f"/post/{shelf.id}", do="level", level="bursting")
    assert "Nobody needs to ask." in (await desk.refused(f"/post/{need.id}", do="ask", lot=shelf.id)).text


async def test_an_offer_of_another_hub_is_asked_for_a_need_of_ours(desk: DeskBrowser, people: People) -> None:
    offer = await people.offer(people.theirs)
    assert "To ask for it we need a need of our own" in (await desk.page(f"/post/{offer.id}")).text
    need = await people.need(people.ours)
    page = await desk.page(f"/post/{offer.id}")
    assert page.one("need")
    stopped = await desk.refused(f"/post/{offer.id}", do="ask_for", need=need.id, quantity="9")
    assert "At most 8 are still needed." in stopped.text
    page = await desk.do(f"/post/{offer.id}", do="ask_for", need=need.id)
    assert "Done. Asked: 8." in page.text
    gone = await desk.post(f"/post/{offer.id}", {"do": "ask_for", "need": "7" * 32})
    assert gone.status == 404
    assert "This is not here." in gone.text


async def test_how_much_is_needed_changes(desk: DeskBrowser, people: People) -> None:
    need = await people.need(people.ours)
    await desk.do(f"/post/{need.id}", do="count", quantity="11")
    assert (await people.ours.board.posts.get(need.id)).progress["needed"] == "11"  # type: ignore[index]


async def test_a_part_of_a_group_need_stands_below_it_and_leads_up(desk: DeskBrowser, people: People) -> None:
    group = await people.need(people.ours, title="Blankets for all")
    page = await desk.page(f"/post/{group.id}")
    (link,) = [link for link in page.links() if "parent=" in link]
    form = await desk.page(link)
    assert next(one["value"] for one in form.all("option") if one["value"] == group.id and "selected" in one)
    part = await people.need(people.ours, title="Blankets for the gym", parent=group.id)
    assert "Blankets for the gym" in (await desk.page(f"/post/{group.id}")).text
    assert "A part of: Blankets for all" in " ".join((await desk.page(f"/post/{part.id}")).text.split())


async def test_how_people_reach_us_is_kept_and_told_only_here(desk: DeskBrowser, people: People) -> None:
    offer = await people.offer(people.ours)
    path = f"/post/{offer.id}"
    assert "It is told as soon as" in (await desk.do(path, do="contact", contact=" the green  door ")).text
    assert (await desk.page(path)).one("contact")["value"] == "the green door"
    stopped = await desk.refused(path, do="contact", contact="é" * 201)
    assert "A name and a number are enough." in stopped.text
    await desk.do(path, do="contact", contact="")
    assert (await desk.page(path)).one("contact")["value"] == ""


async def test_what_is_promised_is_taken_down_at_the_second_word(desk: DeskBrowser, people: People) -> None:
    deal = await people.asked_of_us()
    await desk.do(f"/deals/{deal.id}", do="promise")
    path = f"/post/{deal.lot.id}"
    for action in ("withdraw", "close"):
        page = await desk.refused(path, do=action)
        assert "Something of it is still promised." in page.text
    page = await desk.refused(path, do="withdraw")
    assert page.value("all_the_same") == "yes"
    page = await desk.do(path, do="withdraw", all_the_same="yes")
    assert "Done. It is taken down" in page.text
    assert "This was taken down already." in (await desk.refused(path, do="withdraw")).text


async def test_what_is_settled_is_ended_in_good_order_and_nothing_more_is_said_of_it(
    desk: DeskBrowser, people: People
) -> None:
    offer = await people.offer(people.ours)
    path = f"/post/{offer.id}"
    assert "Count it first." in (await desk.refused(path, do="close")).text
    await desk.do(path, do="count", quantity="20")
    page = await desk.do(path, do="close")
    assert "Done. It is ended in good order." in page.text
    assert "Put it up anew." in (await desk.refused(path, do="hand_out", quantity="1")).text


async def test_a_post_is_kept_up_for_as_long_as_was_chosen(desk: DeskBrowser, people: People) -> None:
    offer = await people.offer(people.ours)
    await desk.do(f"/post/{offer.id}", do="renew", days="90")
    assert "90 more days" in (await desk.page(f"/post/{offer.id}")).text
    await desk.do(f"/post/{offer.id}", do="renew", days="")
    await desk.refused(f"/post/{offer.id}", do="renew", days="1000")
    await desk.refused(f"/post/{offer.id}", do="burn")


async def test_a_post_of_another_hub_is_only_looked_at_hidden_or_flagged(desk: DeskBrowser, people: People) -> None:
    need = await people.need(people.theirs)
    page = await desk.page(f"/post/{need.id}")
    assert [one["value"] for one in page.all("button") if one.get("name") == "do"] == ["flag", "hide", "mute"]
    answer = await desk.post(f"/post/{need.id}", {"do": "withdraw"})
    assert answer.status == 403
    assert "Another hub put this up." in answer.text


async def test_dates_are_chosen_where_there_are_several(desk: DeskBrowser, people: People) -> None:
    dates = ["2027-01-04T18:00:00Z", "2027-01-05T18:00:00Z"]
    offer, need = await people.offer(people.ours, dates=dates), await people.need(people.ours, dates=dates)
    path = f"/post/{offer.id}"
    page = await desk.page(path)
    assert [one["value"] for one in page.all("option") if one["value"].startswith("2027")][:2] == dates
    assert "Choose for which date." in (await desk.refused(path, do="hand_out", quantity="1")).text
    await desk.do(path, do="hand_out", quantity="1", date=dates[1])
    await desk.do(path, do="count", quantity="9")  # all of them
    book = await people.ours.board.deals.book_view(offer.id)
    assert [one.amounts["free"] for one in book.accounts] == ["9", "9"]
    assert "Done. Asked: 8." in (await desk.do(f"/post/{need.id}", do="ask", lot=offer.id, date=dates[0])).text


async def test_our_posts_are_listed_by_kind(desk: DeskBrowser, people: People) -> None:
    for number in range(21):
        await people.ours.board.posts.publish({"kind": "offer", **BLANKETS, "title": f"Thing {number:02}"})
    page = await desk.page("/ours?kind=offer")
    (more,) = [link["href"] for link in page.all("a") if link.get("rel") == "next"]
    assert "Thing 20" in page.text
    assert "Thing 00" in (await desk.page(more)).text
    assert "We need nothing right now." in (await desk.page("/ours?kind=need&state=all")).text
    assert "What we have" in (await desk.page("/ours?kind=nothing")).text


async def test_all_that_is_on_the_board_is_found_from_the_desk(desk: DeskBrowser, people: People) -> None:
    await people.offer(people.theirs)
    page = await desk.page("/look?q=wool")
    assert "Wool blankets" in page.text
    assert not [link for link in page.links() if link.startswith("/?")]
    assert "/deals" in page.links()


async def test_what_was_handed_out_is_booked_to_the_date_that_is_said_also_one_that_has_just_passed(
    desk: DeskBrowser, people: People
) -> None:
    first_ms = NOW_MS + 60_000
    dates = [rfc3339(first_ms), rfc3339(first_ms + DAY_MS)]
    offer = await people.offer(people.ours, dates=dates)
    people.ours.time.advance(65)
    path = f"/post/{offer.id}"
    page = await desk.page(path)
    assert page.one("date-out")["name"] == "date"
    assert [one["value"] for one in page.all("option") if one["value"] in dates] == dates  # and of no other form
    await desk.do(path, do="hand_out", quantity="5", date=dates[0])
    book = await people.ours.board.deals.book_view(offer.id)
    assert [one.amounts["handed_over"] for one in book.accounts] == ["5", "0"]


async def test_the_one_date_of_a_post_needs_no_choice_also_when_it_has_just_passed(
    desk: DeskBrowser, people: People
) -> None:
    first_ms = NOW_MS + 60_000
    offer = await people.offer(people.ours, dates=[rfc3339(first_ms)])
    people.ours.time.advance(65)
    page = await desk.page(f"/post/{offer.id}")
    assert page.value("date") == rfc3339(first_ms)
    page = await desk.do(f"/post/{offer.id}", do="hand_out", quantity="5", date=page.value("date"))
    assert "Done. Handed over: 5." in page.text


async def test_a_date_that_the_post_no_longer_names_can_still_be_said(desk: DeskBrowser, people: People) -> None:
    dates = [rfc3339(NOW_MS + DAY_MS), rfc3339(NOW_MS + 2 * DAY_MS)]
    offer = await people.offer(people.ours, dates=dates)
    await desk.do(f"/post/{offer.id}", do="count", quantity="9")
    await people.ours.board.posts.revise(offer.id, {"dates": dates[1:]})
    page = await desk.page(f"/post/{offer.id}")
    assert [one["value"] for one in page.all("option") if one["value"] in dates] == dates


async def test_the_rest_is_given_back_also_for_a_date_that_has_just_passed(desk: DeskBrowser, people: People) -> None:
    first_ms = NOW_MS + 60_000
    said = rfc3339(first_ms)
    offer = await people.offer(people.theirs, dates=[said])
    await people.theirs.board.deals.set_aside(offer.id, people.ours.key.public.hex(), 6, said)
    await people.meet()
    (waiting,) = (await people.ours.board.deals.set_aside_for_us()).items
    path = f"/post/{(await people.ours.board.deals.accept(waiting.id)).post.id}"
    people.ours.time.advance(65)
    shown = [one["value"] for one in (await desk.page(path)).all("input") if one.get("name") == "date"]
    assert shown == [said, said]  # to hand out, and to give back
    page = await desk.do(path, do="surrender", quantity="2", date=said)
    assert "Done. Given back: 2." in page.text


async def test_a_form_that_is_found_again_later_is_not_said_to_be_done_anew(desk: DeskBrowser, people: People) -> None:
    offer = await people.offer(people.ours)
    taken = {"do": "hand_out", "quantity": "3", "ticket": TICKET}
    await desk.do(f"/post/{offer.id}", **taken)
    people.ours.time.advance(STALE_AFTER_S)
    assert "Done. Handed over: 3." in (await desk.do(f"/post/{offer.id}", **taken)).text  # an impatient thumb
    people.ours.time.advance(1)
    page = await desk.do(f"/post/{offer.id}", **taken)
    assert "This was sent before, and is counted once." in page.text
    assert "Done." not in page.text
    assert [one["class"] for one in page.all("p") if one.get("role") == "status"] == ["notice"]  # not a good one
    assert TICKET not in [one.get("value") for one in page.all("input")]  # what is sent from here is new
    assert await free(people, offer.id) == "17"
