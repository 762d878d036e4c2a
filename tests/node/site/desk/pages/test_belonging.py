"""Organisers see who belongs, let others in, renew, take back and remove, and read what is not theirs to do."""

import pytest

from hartig_node.board.belonging.allowed import RULES, not_allowed
from hartig_node.board.belonging.people import State
from hartig_node.glossary import words_used
from hartig_node.site.desk import belonging
from hartig_node.site.desk.belonging import KEEP, RANKS, STATES, WAITS_FOR
from hartig_node.site.desk.troubles import MEMBERSHIP, trouble
from hartig_node.site.forms import Typed
from hartig_node.site.languages import LANGUAGES, translations
from hartig_node.site.words import Tongue
from hartig_protocol.records.governance import Rank
from node.board.belonging.belonging import ANA, BEN, CAM, become, invite
from node.site.desk.pages.desks import DeskBrowser
from node.site.reading import Page
from support.boards import Bench
from support.records import Network, key


def shown_with(page: Page) -> str:
    """Return what a page sends along of those whom it lists."""
    (field,) = [one for one in page.all("input") if one.get("name") == "listed"]
    return field["value"]


def test_every_rule_and_every_rank_has_words() -> None:
    assert set(MEMBERSHIP) == RULES
    assert set(RANKS) == set(Rank)
    assert set(STATES) == set(State) - {State.STANDING}
    for language in LANGUAGES:
        tongue = Tongue(language, translations(language))
        for rule in RULES:
            said = trouble(not_allowed(rule, "for programs", "a hint", allowed="3"), "add", Typed({})).text(tongue)
            assert "%" not in said
            assert language != "en" or words_used(said) == []


async def test_a_person_is_let_in_by_key_renewed_and_taken_back(desk: DeskBrowser, ours: Bench) -> None:
    shown = ANA.public.hex()
    page = await desk.do("/people", key=f" {shown[:32].upper()} {shown[32:]}", rank="member", ticket="t" * 22)
    assert "It belongs from now on" in page.text
    assert ours.board.people.get(ANA.public).rank is Rank.MEMBER
    listed = await desk.page("/people")
    assert f"/people/{shown}" in listed.links()
    renewed = await desk.do(f"/people/{shown}", do="renew")
    assert "lasts longer now" in renewed.text
    ended = await desk.do(f"/people/{shown}", do="end")
    assert "does not belong any more" in ended.text
    assert f"/people/{shown}" not in (await desk.page("/people")).links()
    assert f"/people/{shown}" in (await desk.page("/people?state=all")).links()


async def test_what_is_no_key_is_said_beside_the_field(desk: DeskBrowser) -> None:
    page = await desk.refused("/people", key="my key", rank="hub")
    assert "64 letters and digits" in page.text
    assert page.one("key")["value"] == "my key"


async def test_an_organiser_removes_a_hub_and_keeps_one_of_those_it_let_in(desk: DeskBrowser, ours: Bench) -> None:
    await become(ours, "organiser")
    await invite(ours, None, ANA)
    await invite(ours, ANA, BEN, CAM, invites=0)
    page = await desk.page(f"/people/{ANA.public.hex()}")
    boxes = [one["name"] for one in page.all("input") if one.get("type") == "checkbox"]
    assert boxes == [f"{KEEP}{one}" for one in sorted([BEN.public.hex(), CAM.public.hex()])]
    listed = shown_with(page)
    chosen = {f"{KEEP}{BEN.public.hex()}": "1", "listed": listed}
    done = await desk.do(f"/people/{ANA.public.hex()}", do="remove", **chosen)
    assert f"do not belong any more (1): {CAM.public.hex()[:8]}." in done.text
    people = ours.board.people
    assert people.get(ANA.public).state is State.REMOVED
    assert people.get(BEN.public).invited_by == ours.key.public
    assert CAM.public not in {one.key for one in people.everybody()}


async def test_a_hub_has_no_button_to_remove_another_and_reads_who_may(desk: DeskBrowser, ours: Bench) -> None:
    await invite(ours, None, ANA)
    page = await desk.page(f"/people/{ANA.public.hex()}")
    assert not [one for one in page.all("button") if one.get("value") in ("remove", "renew", "end")]
    assert "an organiser removes hubs" in page.text
    listed = belonging._listed(ours.board.people.falling_without(ANA.public))
    stopped = await desk.refused(f"/people/{ANA.public.hex()}", do="remove", listed=listed)
    assert MEMBERSHIP["rank"] in stopped.text


async def test_who_has_let_in_more_than_a_form_holds_is_removed_elsewhere(
    desk: DeskBrowser, ours: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await become(ours, "organiser")
    await invite(ours, None, ANA)
    await invite(ours, ANA, BEN, CAM, invites=0)
    monkeypatch.setattr(belonging, "BOXES_MAX", 1)
    page = await desk.page(f"/people/{ANA.public.hex()}")
    assert "with the command line" in page.text
    assert not [one for one in page.all("button") if one.get("value") == "remove"]


async def test_what_has_no_button_does_nothing(desk: DeskBrowser, ours: Bench) -> None:
    page = await desk.refused(f"/people/{ours.key.public.hex()}", do="dance")
    assert "We did not understand this" in page.text
    answer = await desk.get(f"/people/{key('nobody').public.hex()}")
    assert answer.status == 404


async def test_what_waits_is_shown_by_neighbour(desk: DeskBrowser, ours: Bench) -> None:
    assert "Nothing waits" in (await desk.page("/waiting")).text
    stranger = Network(seat=ours.founding.seats[0].key)
    stranger.charter = ours.founding.charter
    need = stranger.need(author=key("stranger"))
    ours.engine.hub.state.waiting.add(ANA.public, need, ("proof", need.head.author))
    page = await desk.page("/waiting")
    assert WAITS_FOR["proof"] in page.text
    assert "What waits (1)" in (await desk.page("/people")).text


async def test_who_was_let_in_while_a_page_was_read_does_not_fall_unseen(desk: DeskBrowser, ours: Bench) -> None:
    await become(ours, "organiser")
    await invite(ours, None, ANA)
    await invite(ours, ANA, BEN, first=0, invites=0)
    path, kept = f"/people/{ANA.public.hex()}", {f"{KEEP}{BEN.public.hex()}": "1"}
    listed = shown_with(await desk.page(path))
    await invite(ours, ANA, CAM, first=1, invites=0)
    stopped = await desk.refused(path, do="remove", listed=listed, **kept)
    assert MEMBERSHIP["keep"] in stopped.text
    assert ours.board.people.get(ANA.public).state is State.STANDING
    assert f"{KEEP}{CAM.public.hex()}" in [one.get("name") for one in stopped.all("input")]
    done = await desk.do(path, do="remove", listed=shown_with(stopped), **kept)
    assert "removed from the network" in done.text


async def test_a_field_that_names_no_key_is_refused(desk: DeskBrowser, ours: Bench) -> None:
    await become(ours, "organiser")
    await invite(ours, None, ANA)
    await desk.refused(f"/people/{ANA.public.hex()}", do="remove", **{f"{KEEP}zz": "1"})
    assert ours.board.people.get(ANA.public).state is State.STANDING


def test_a_notice_names_some_of_many_who_fell(ours: Bench) -> None:
    one = ours.board.people.get(ours.key.public)
    notice = belonging.Fallen(belonging.REMOVED, fell=(one,) * 21)
    assert notice.text(Tongue("en", translations("en"))).endswith("(21): " + ", ".join(["Test hub"] * 20) + " ….")
