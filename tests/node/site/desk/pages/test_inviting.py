"""Organisers make invites, with a picture to scan, and let in hubs whose words they have compared."""

from hartig_node.site.desk.inviting import CHOOSE
from hartig_protocol.events import AskAdmission
from hartig_protocol.records.invites import read_invite
from node.board.belonging.belonging import ANA
from node.site.desk.pages.desks import DeskBrowser
from support.boards import Bench, node_id_of
from support.records import key

WISHES = {"do": "invite", "uses": "2", "days": "3", "label": "Kitchen", "address": "hub.example:4279"}


async def test_an_invite_is_shown_once_as_a_link_and_a_picture(desk: DeskBrowser, ours: Bench) -> None:
    answer = await desk.post("/invites", WISHES)
    assert answer.status == 303
    address = answer.headers["Location"]
    shown = await desk.get(address)
    assert "<svg" in shown.text
    page = await desk.page(address)
    link = next(word for word in page.text.split() if word.startswith("hartig:"))
    assert read_invite(link).addresses == ("hub.example:4279",)
    assert "Good for 2 hubs" in page.text
    (view,) = await ours.board.invites.list()
    assert (view.uses, view.label) == (2, "Kitchen")
    listed = await desk.page("/invites")
    assert link not in listed.text
    assert (await desk.get("/invited/" + "x" * 16)).status == 404
    ended = await desk.do("/invites", do="end", id=view.id)
    assert "worth nothing any more" in ended.text
    assert await ours.board.invites.list() == []


async def test_what_cannot_be_chosen_makes_no_invite(desk: DeskBrowser, ours: Bench) -> None:
    page = await desk.refused("/invites", **{**WISHES, "uses": "1000000"})
    assert CHOOSE in page.text
    assert page.one("label")["value"] == "Kitchen"
    assert "We did not understand this" in (await desk.refused("/invites", do="dance")).text
    assert await ours.board.invites.list() == []


async def test_a_hub_whose_words_agree_is_let_in_and_one_whose_words_differ_is_not(
    desk: DeskBrowser, ours: Bench
) -> None:
    opened = await desk.do("/invites", do="open")
    assert "Nobody asks yet" in opened.text
    asking = ours.board.invites.asking
    for number, hub in ((7, ANA), (8, key("another"))):
        assert asking.hears(AskAdmission(number, node_id_of(number), hub.public, b"", None))
    page = await desk.page("/invites")
    latest, first = await asking.list()
    assert latest.words in page.text
    assert "in a few seconds" in (await desk.do("/invites", do="let_in", id=first.id)).text
    assert "turned away" in (await desk.do("/invites", do="turn_away", id=latest.id)).text
    (left,) = await asking.list()
    assert (left.id, left.let_in) == (first.id, True)
    shut = await desk.do("/invites", do="shut")
    assert "Nobody else is let in" in shut.text
    assert asking.open_ms == 0
