"""Every page of the desk, in every language: well formed, labelled, strict, in people's words, for paired devices."""

import pytest

from hartig_node.glossary import words_used
from hartig_node.site import guard
from hartig_node.site.desk.app import ROUTES
from node.site.desk.pages.desks import BLANKETS, DeskBrowser, People
from node.site.fakes import Answer
from node.site.reading import read

# Words of the inside that the glossary allows elsewhere but that nobody at a desk should meet.
MORE_INNER_WORDS = ("record", "node", "hash", "cursor", "draft", "server", "claim", "chain", "allotment", "account's",
                    "nodo", "registro", "admin", "client", "beneficiary")  # fmt: skip


async def every_page(desk: DeskBrowser, people: People) -> dict[str, Answer]:
    """Fetch each page in many of its states."""
    pages = {"empty": await desk.get("/")}
    theirs, ours = await people.asked_of_us(urgency="urgent"), await people.asked_by_us(mode="lend")
    dates = ["2027-01-04T18:00:00Z", "2027-01-05T18:00:00Z"]
    dated = await people.offer(people.ours, dates=dates, unit="KGM", category="food.dry")
    shelf = await people.ours.board.posts.publish({"kind": "offer", "level": "low", **BLANKETS})
    aside = await people.offer(people.theirs)
    await people.theirs.board.deals.set_aside(aside.id, people.ours.key.public.hex(), 6)
    await people.theirs.board.deals.promise(ours.id)
    await people.meet()
    for path in (
        "/", "/need", "/offer", "/deals", "/deals?state=over", "/ours", "/ours?kind=need", "/aside", "/recounts",
        "/look", "/look?q=nothing-like-it", "/nowhere", "/people", "/people?state=all", "/waiting", "/invites",
    ):  # fmt: skip
        pages[path] = await desk.get(path)
    for post in (theirs.need, theirs.lot, ours.need, ours.lot, dated, shelf, aside):
        pages[f"post {post.id}"] = await desk.get(f"/post/{post.id}")
    for bench in (people.ours, people.theirs):
        pages[f"hub {bench.key!r}"] = await desk.get(f"/people/{bench.key.public.hex()}")
        for action in ("renew", "end", "remove", "x"):
            sent = {"do": action}
            pages[f"{action} {bench.key!r}"] = await desk.post(f"/people/{bench.key.public.hex()}", sent)
    pages["bad key"] = await desk.post("/people", {"key": "x"})
    pages["bad invite"] = await desk.post("/invites", {"do": "invite"})
    invited = await desk.post("/invites", {"do": "invite", "uses": "1", "days": "7"})
    pages["invited"] = await desk.get(invited.headers["Location"])
    for deal in (theirs, ours):
        pages[f"deal {deal.id}"] = await desk.get(f"/deals/{deal.id}")
        for action in ("promise", "hand_over", "short", "returned", "give_back"):
            pages[f"{deal.id} {action}"] = await desk.post(f"/deals/{deal.id}", {"do": action, "quantity": "x"})
    for action in ("hand_out", "count", "set_aside", "surrender", "ask", "contact", "withdraw", "close", "x"):
        sent = {"do": action, "quantity": "100", "lot": aside.id}
        pages[f"{action} of ours"] = await desk.post(f"/post/{theirs.lot.id}", sent)
        pages[f"{action} of a dated one"] = await desk.post(f"/post/{dated.id}", sent)
    pages["bad need"] = await desk.post("/need", {"quantity": "many", "people": "x", "date1": "x", "time": "x"})
    pages["bad offer"] = await desk.post("/offer", {"rule": "x", "closes": "x", "on_MO": "yes", "audience": "x"})
    taken = await desk.post("/need", {"title": "Help", "category": "legal", "language": "en"})
    pages["taken"] = await desk.get(taken.headers["Location"])
    return pages


@pytest.mark.parametrize("language", ["en", "es"])
async def test_every_page_is_well_formed_and_in_peoples_words(desk: DeskBrowser, people: People, language: str) -> None:
    desk.headers["Accept-Language"] = language
    for name, answer in (await every_page(desk, people)).items():
        if answer.status == 303:
            continue
        page = read(answer.text)
        assert page.all("html")[0]["lang"] == language, name
        assert words_used(page.text) == [], name
        assert [word for word in MORE_INNER_WORDS if word in page.text.casefold().split()] == [], name
        assert "{{" not in answer.text
        assert "%(" not in answer.text, name
        assert answer.headers["Content-Security-Policy"] == guard.HEADERS["Content-Security-Policy"], name
        assert [one for one in page.all("form") if one["method"] == "get" and "/mine" in one["action"]] == []
        assert not [link for link in page.links() if link.startswith("/mine")], name


async def test_pages_are_kept_nowhere_and_are_for_paired_devices_alone(desk: DeskBrowser, people: People) -> None:
    deal = await people.asked_of_us()
    paths = ("/", "/need", "/deals", f"/deals/{deal.id}", f"/post/{deal.lot.id}", "/ours", "/aside", "/recounts")
    for path in paths:
        assert (await desk.get(path)).headers["Cache-Control"] == "no-store", path
    desk.headers["Cookie"] = ""
    for path in (*paths, "/look"):
        assert (await desk.get(path)).headers["Location"] == "/pair", path


async def test_whatever_changes_something_is_a_form_of_this_page(desk: DeskBrowser, people: People) -> None:
    deal = await people.asked_of_us()
    answer = await desk.post(f"/deals/{deal.id}", {"do": "promise"}, Origin="https://evil.example")
    assert answer.status == 403
    assert (await people.ours.board.deals.deal(deal.id)).state == "asked"
    changing = {route.path for route in ROUTES if route.method == "POST"}
    assert {path.partition("{")[0] for path in changing} == {
        "/need", "/offer", "/post/", "/deals/", "/aside/", "/recounts/", "/people", "/people/", "/invites", "/hidden",
        "/partners", "/partners/",
    }  # fmt: skip


async def test_a_page_of_another_method_says_which_one_it_has(desk: DeskBrowser) -> None:
    answer = await desk.post("/look", {})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
