"""Taking in at the desk: what is typed becomes a post and a pick-up word, or stands there again with what is wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from hartig_node.board.posts.posts import ListQuery
from hartig_node.site.desk import takingforms
from hartig_node.site.desk.acting import STALE_AFTER_S
from hartig_node.site.desk.notices import KEPT_MAX, KEPT_S, Shelf
from hartig_node.site.forms import FIELDS_MAX, Typed
from node.site.desk.pages.desks import DeskBrowser, People
from support.records import NOW_MS

NEED = {"title": "Cold feet", "category": "clothing", "language": "en", "unit": "PR"}
TICKET = "a ticket of more than twenty characters"


def local(days: float) -> str:
    """Return a time so many days from the board's now, as a browser sends it: on the wall of the hub."""
    moment = datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(days=days)
    return moment.astimezone().replace(tzinfo=None).isoformat("T", "minutes")


async def test_a_need_is_taken_in_and_its_word_stands_on_a_slip(desk: DeskBrowser, people: People) -> None:
    form = {**NEED, "quantity": "4", "contact": "the shelter", "people": "6", "audience": "hub", "ticket": TICKET}
    first, again = await desk.post("/need", form), await desk.post("/need", form)
    assert first.status == 303
    assert first.headers["Location"] == again.headers["Location"]
    page = await desk.page(first.headers["Location"])
    word = page.text.split("for whoever this is for")[1].split()[0]
    assert word not in first.headers["Location"]
    view = await people.ours.board.posts.find_by_word(word)
    assert (view.title, view.quantity, view.unit, view.audience) == ({"en": "Cold feet"}, "4", "PR", "hub")
    assert view.facts["people"] == 6
    assert await people.ours.board.contacts.texts.of(bytes.fromhex(view.id)) == "the shelter"
    assert f"/post/{view.id}" in page.links()
    assert "Cold feet" in (await desk.page("/")).text


async def test_a_word_is_not_shown_for_ever(desk: DeskBrowser, people: People) -> None:
    address = (await desk.post("/need", NEED)).headers["Location"]
    people.ours.time.advance(KEPT_S + 1)
    assert (await desk.get(address)).status == 404


async def test_an_offer_says_how_it_is_shared_and_when(desk: DeskBrowser, people: People) -> None:
    offer = {**NEED, "quantity": "4", "rule": "fair", "closes": local(2), "date1": local(3), "date3": local(5)}
    await desk.do("/offer", **offer)
    (view,) = (await people.ours.board.posts.list(_ours())).items
    assert view.facts["rule"] == "fair"
    assert len(view.facts["dates"]) == 2
    assert view.facts["closes"] < view.facts["dates"][0]


def _ours() -> ListQuery:
    return ListQuery(author="me")


async def test_what_is_every_week_repeats(desk: DeskBrowser, people: People) -> None:
    await desk.do("/offer", **NEED, on_TU="yes", on_FR="yes", time="18:00", until=local(30)[:10])
    (view,) = (await people.ours.board.posts.list(_ours())).items
    assert view.repeats is not None
    assert str(view.repeats.rule) == "FREQ=WEEKLY;BYDAY=TU,FR"
    assert 6 <= len(view.facts["dates"]) <= 10


async def test_a_shelf_needs_no_rule(desk: DeskBrowser, people: People) -> None:
    await desk.do("/offer", **NEED, level="some", rule="fair")
    (view,) = (await people.ours.board.posts.list(_ours())).items
    assert (view.facts["level"], view.facts.get("rule")) == ("some", None)


@pytest.mark.parametrize(
    ("kind", "typed", "field", "problem"),
    [
        ("need", {"title": ""}, "title", "Say in a few words what it is."),
        ("need", {"contact": "é" * 201}, "contact", "A name and a number are enough."),
        ("need", {"people": "some"}, "people", takingforms.BAD_PEOPLE),
        ("need", {"people": "0"}, "people", takingforms.BAD_PEOPLE),
        ("need", {"audience": "all"}, "audience", "Please choose one from the list."),
        ("need", {"parent": "x"}, "parent", "Please choose one from the list."),
        ("need", {"date1": "soon"}, "date1", takingforms.BAD_MOMENT),
        ("need", {"date2": "2020-01-01T12:00"}, "date2", takingforms.OVER_ALREADY),
        ("need", {"on_MO": "yes"}, "time", takingforms.NEEDS_TIME),
        ("need", {"on_MO": "yes", "time": "late"}, "time", takingforms.BAD_TIME),
        ("need", {"on_MO": "yes", "time": "18:00", "until": "x"}, "until", takingforms.BAD_DAY),
        ("need", {"time": "18:00"}, "on", takingforms.NEEDS_DAY),
        ("need", {"on_MO": "yes", "time": "18:00", "date1": "2027-01-01T12:00"}, "on", takingforms.ONE_OR_THE_OTHER),
        ("offer", {"rule": "best"}, "rule", "Please choose one from the list."),
        ("offer", {"closes": "2027-01-01T12:00"}, "closes", takingforms.ONLY_WHEN_SHARED),
        ("offer", {"rule": "fair", "closes": "x"}, "closes", takingforms.BAD_MOMENT),
        ("offer", {"quantity": "2.5"}, "quantity", "This amount does not go with that unit."),
    ],
)
async def test_what_is_not_right_is_said_and_all_that_was_typed_stands_there(
    desk: DeskBrowser, people: People, kind: str, typed: dict[str, str], field: str, problem: str
) -> None:
    await people.need(people.ours)  # so that there is something to be a part of
    sent = {**NEED, "text": "Warm ones, please", "contact": "the shelter", **typed}
    page = await desk.refused(f"/{kind}", **sent)
    assert problem in page.text
    assert page.one(f"problem-{field}")
    assert "Warm ones, please" in page.text
    if "contact" not in typed:
        assert page.one("contact")["value"] == "the shelter"
    for name, text in typed.items():
        if name.startswith("date") or name in ("time", "until", "closes", "people"):
            assert page.one(name)["value"] == text


async def test_a_hub_that_cannot_post_says_so_and_keeps_what_was_typed(desk: DeskBrowser, people: People) -> None:
    people.ours.board.context.pen.stopped = "a copy is in use"
    page = await desk.refused("/need", **NEED)
    assert "This hub cannot put anything up right now." in page.text
    assert page.one("title")["value"] == "Cold feet"


@pytest.mark.parametrize("path", ["/need", "/offer"])
async def test_the_longest_form_fits(desk: DeskBrowser, path: str) -> None:
    page = await desk.page(path)
    fields = [*page.all("input"), *page.all("select"), *page.all("textarea")]
    assert len({field["name"] for field in fields}) <= FIELDS_MAX - 4  # a form may grow a little


def test_while_nobody_knows_the_time_no_date_is_over() -> None:
    typed = Typed({**NEED, "date1": "1990-01-01T12:00", "mode": "give", "days": ""})
    assert takingforms.check("need", typed, 0).problems == {}


def test_a_shelf_of_notices_is_bounded_in_number_and_time() -> None:
    shelf: Shelf[int] = Shelf()
    keys = [shelf.put(number, 0.0) for number in range(KEPT_MAX + 1)]
    assert shelf.get(keys[0], 0.0) is None
    assert shelf.get(keys[-1], KEPT_S) == KEPT_MAX
    assert shelf.get(keys[-1], KEPT_S + 1) is None
    shelf.put(0, KEPT_S + 1)
    assert repr(shelf) == "<Shelf of 1>"


async def test_a_form_that_is_found_again_later_puts_nothing_up_and_says_so(desk: DeskBrowser, people: People) -> None:
    first = await desk.do("/need", **NEED, ticket=TICKET)
    assert "sent before" not in first.text
    people.ours.time.advance(STALE_AFTER_S + 1)
    again = await desk.do("/need", **NEED, ticket=TICKET)
    assert "This was sent before, and is up once." in again.text
    assert (await people.ours.board.posts.list(ListQuery(kind="need", author="me"))).items[1:] == []


def test_what_is_over_is_let_go_of_also_when_nothing_new_comes() -> None:
    shelf: Shelf[str] = Shelf()
    key, later = shelf.put("word", 0.0), shelf.put("other", 1.0)
    assert shelf.get(later, KEPT_S + 1.0) == "other"
    assert repr(shelf) == "<Shelf of 1>"
    assert shelf.get(key, 0.0) is None
