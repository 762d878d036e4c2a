"""At the desk: posts of other hubs are hidden, their hubs muted, both flagged; one page lists all, and undoes each."""

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hartig_node.glossary import words_used
from hartig_node.site.app import make_site
from node.site.desk.pages.desks import DeskBrowser, People
from node.site.desk.pages.test_pages import MORE_INNER_WORDS
from node.site.fakes import Browser
from node.site.reading import Page, read

TICKET = {"ticket": "a ticket of more than twenty characters"}


def buttons(page: Page) -> set[str]:
    return {one["value"] for one in page.all("button") if one.get("name") == "do"}


def words(page: Page) -> str:
    return " ".join(page.text.split())


async def test_a_post_is_hidden_and_shown_again(desk: DeskBrowser, people: People) -> None:
    offer = await people.offer(people.theirs)
    path = f"/post/{offer.id}"
    assert {"hide", "mute", "flag"} <= buttons(await desk.page(path))
    page = await desk.do(path, do="hide", note="Not given but sold")
    assert "Done. It is hidden here." in page.text
    assert "nobody sees it on our pages" in page.text
    assert "Not given but sold" in page.text
    assert ({"show"} <= buttons(page), {"hide", "mute"} & buttons(page)) == (True, set())
    assert "Wool blankets" not in (await desk.page("/look")).text
    (hidden,) = (await people.ours.board.hiding.page("hidden"))[0]
    assert hidden.who == "phone at the desk"
    page = await desk.page("/hidden")
    assert "Wool blankets" in page.text
    assert "phone at the desk: Not given but sold" in words(page)
    page = await desk.do("/hidden", do="show", id=offer.id)
    assert "Done. It is shown here again." in page.text
    assert "No post is hidden here." in page.text
    assert "Wool blankets" in (await desk.page("/look")).text
    assert "This is not here." in (await desk.post("/hidden", {"do": "show", "id": offer.id})).text


async def test_a_hub_is_muted_from_its_post_and_its_deals_stay_at_the_desk(desk: DeskBrowser, people: People) -> None:
    deal = await people.asked_of_us()
    page = await desk.do(f"/post/{deal.need.id}", do="mute", note="x")
    assert "Its hub is muted" in page.text
    assert "unmute" in buttons(page)
    await people.need(people.theirs, title="Another one")
    assert "Another one" not in (await desk.page("/look")).text
    assert "Cold" in (await desk.page("/")).text
    assert "Done. Promised: 8." in (await desk.do(f"/deals/{deal.id}", do="promise")).text
    page = await desk.page("/hidden")
    assert "Test hub 2" in page.text
    await desk.do(f"/post/{deal.need.id}", do="unmute")
    assert "Another one" in (await desk.page("/look")).text


async def test_a_post_and_its_hub_are_flagged_for_all_to_read(desk: DeskBrowser, people: People) -> None:
    offer = await people.offer(people.theirs)
    path = f"/post/{offer.id}"
    flag = {"do": "flag", "about": "post", "why": "unsafe", "text": "They smell of mould.", **TICKET}
    page = await desk.do(path, **flag)
    assert "Done. All hubs read that it is flagged" in page.text
    assert "this hub: This is not safe." in words(page)
    assert "take_back" in buttons(page)
    page = await desk.do(path, do="flag", about="hub", why="spam")
    assert "this hub (about the hub that holds it): This is advertising." in words(page)
    await people.meet()
    theirs = (await people.theirs.board.posts.get(offer.id)).flags
    assert theirs is not None
    assert theirs["count"] == 2
    page = await desk.page("/hidden")
    assert "They smell of mould." in page.text
    assert "Flagged" in (await desk.page("/look")).text
    await desk.do("/hidden", do="take_back", id=people.theirs.key.public.hex())
    page = await desk.do(path, do="take_back", about="post")
    assert "Done. The flag is taken back." in page.text
    assert "Look at it twice" not in page.text
    assert "Nothing is flagged." in (await desk.page("/hidden")).text


async def test_what_cannot_be_said_is_said_beside_its_form(desk: DeskBrowser, people: People) -> None:
    offer, own = await people.offer(people.theirs), await people.offer(people.ours)
    path = f"/post/{offer.id}"
    for wrong in ({"why": "ugly", "about": "post"}, {"why": "spam", "about": "all"}, {"why": "spam"}):
        page = await desk.refused(path, do="flag", text="kept", **wrong)
        assert "Please choose one from the list." in page.text
        assert page.one("text-flag")["value"] == "kept"
    for action, name in (("flag", "text"), ("hide", "note"), ("mute", "note")):
        page = await desk.refused(path, do=action, why="spam", about="post", **{name: "é" * 241})
        assert "A sentence or two are enough." in page.text
    assert not {"hide", "mute", "flag"} & buttons(await desk.page(f"/post/{own.id}"))
    assert (await desk.post(f"/post/{own.id}", {"do": "hide"})).status == 400
    assert (await desk.post("/hidden", {"do": "withdraw", "id": own.id})).status == 400


async def test_lists_of_what_is_hidden_go_on_on_further_pages(desk: DeskBrowser, people: People) -> None:
    for number in range(21):
        offer = await people.theirs.board.posts.publish(
            {"kind": "offer", "category": "food", "title": f"Thing {number}", "quantity": 1}
        )
        await people.meet()
        await people.ours.board.hiding.hide(offer.id)
    first = await desk.page("/hidden")
    (following,) = [link for link in first.links() if "posts=" in link]
    second = await desk.page(following.partition("#")[0])
    things = [page.text.count("Thing ") for page in (first, second)]
    assert things == [20, 1]


@pytest.mark.parametrize("language", ["en", "es"])
async def test_the_pages_are_well_formed_and_in_peoples_words(desk: DeskBrowser, people: People, language: str) -> None:
    desk.headers["Accept-Language"] = language
    offers = [await people.offer(people.theirs, title=title) for title in ("One", "Two")]
    paths = [f"/post/{offer.id}" for offer in offers]
    pages = [await desk.page(path) for path in ("/hidden", *paths)]
    pages.append(await desk.refused(paths[0], do="flag", why="x"))
    for about, why in (("post", "private"), ("hub", "other")):
        pages.append(await desk.do(paths[0], do="flag", about=about, why=why, text="So it is"))
    pages.append(await desk.do(paths[0], do="hide", note="Here"))
    pages.append(await desk.do(paths[1], do="mute"))
    pages += [await desk.page(path) for path in ("/hidden", *paths, "/look")]
    pages.append(await desk.do("/hidden", do="show", id=offers[0].id))
    for page in pages:
        assert page.all("html")[0]["lang"] == language
        assert words_used(page.text) == []
        assert [word for word in MORE_INNER_WORDS if word in page.text.casefold().split()] == []
        assert "%(" not in page.text


async def test_neighbours_are_told_that_it_is_hidden_here_and_read_what_is_flagged(people: People) -> None:
    one, other = await people.offer(people.theirs, title="One"), await people.offer(people.theirs, title="Other")
    board = people.ours.board
    await board.flags.flag(other.id, "private", "Her name stands in it")
    await board.hiding.hide(one.id, "a note for the desk alone", "somebody")
    async with TestClient(TestServer(make_site(board, people.ours.engine.clock.now))) as client:
        neighbour = Browser(client)
        assert "One" not in read((await neighbour.get("/")).text).text
        answer = await neighbour.get(f"/post/{one.id}")
        assert answer.status == 404
        assert "do not show this here" in read(answer.text).text
        assert "a note for the desk" not in answer.text
        assert "somebody" not in answer.text
        text = words(read((await neighbour.get(f"/post/{other.id}")).text))
        assert "Look at it twice. this hub: This says too much about a person." in text
        assert "Her name" not in text
        await board.hiding.show(one.id)
        assert (await neighbour.get(f"/post/{one.id}")).status == 200
