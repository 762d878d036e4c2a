"""Organisers see partner networks, and change what is shared with them after they have seen what that would do."""

import pytest

from hartig_node.board.belonging.people import State
from hartig_node.glossary import words_used
from hartig_node.site.desk.partnerforms import _POINTED, KEPT
from hartig_node.site.languages import LANGUAGES, translations
from hartig_node.site.words import Tongue
from node.board.belonging.belonging import ANA, become, publish
from node.board.partners.abroad import Abroad, open_partner, pact
from node.board.partners.test_partners import BLANKET, OFFERS, code_of
from node.board.partners.test_suggestions import flagged, their_post
from node.site.desk.pages.desks import DeskBrowser
from node.site.reading import Page, read
from support.boards import Bench
from support.records import key

COPIED = "What is shared can be copied. How long the partner keeps it is asked, not assured."
TERMS = {"share-offer": "1", "areas": "u33", "retention": "20", "days": "365"}


@pytest.fixture
def abroad() -> Abroad:
    return Abroad()


@pytest.fixture
async def organiser(ours: Bench) -> Bench:
    await become(ours, "organiser", gateway=True)
    return ours


def sent_by(page: Page) -> dict[str, str]:
    """Return the fields of the form that does what a page has shown."""
    fields = {one["name"]: one.get("value", "") for one in page.all("input") if one.get("type") == "hidden"}
    (button,) = [one for one in page.all("button") if one.get("name") == "do"]
    return {**fields, "do": button["value"]}


async def tried(desk: DeskBrowser, path: str, **fields: str) -> Page:
    """Send a form, and read the page that says what it would do."""
    answer = await desk.post(path, fields)
    assert answer.status == 200, answer.text
    return read(answer.text)


async def test_a_network_is_asked_after_its_people_saw_what_would_cross(
    desk: DeskBrowser, organiser: Bench, abroad: Abroad
) -> None:
    post = await organiser.board.posts.publish({**BLANKET, "audience": "partners"})
    assert "There is no partner network yet" in (await desk.page("/partners")).text
    page = await tried(desk, "/partners", do="propose", code=code_of(abroad), **TERMS)
    assert (COPIED in page.text, f"/post/{post.id}" in page.links()) == (True, True)
    assert "Would cross, and does not now (1)" in page.text
    assert "Offers: all categories; within u33; to be kept for 20 days at most; until" in " ".join(page.text.split())
    assert await organiser.board.partners.list() == []
    done = await desk.do("/partners", **sent_by(page))
    assert "Nothing crosses before" in done.text
    (agreement,) = await organiser.board.partners.list()
    assert agreement.ours.terms.areas == ("u33",)
    assert words_used(done.text + page.text) == []


async def test_what_changed_meanwhile_is_shown_again(desk: DeskBrowser, organiser: Bench, abroad: Abroad) -> None:
    page = await tried(desk, "/partners", do="propose", code=code_of(abroad), **TERMS)
    await organiser.board.posts.publish({**BLANKET, "audience": "partners"})
    again = await tried(desk, "/partners", **sent_by(page))
    assert "Would cross, and does not now (1)" in again.text
    assert await organiser.board.partners.list() == []
    await desk.do("/partners", **sent_by(again))
    assert len(await organiser.board.partners.list()) == 1


async def test_a_network_is_shown_with_what_it_gets_and_what_not(
    desk: DeskBrowser, organiser: Bench, abroad: Abroad
) -> None:
    posts = organiser.board.posts
    shared, kept = await posts.publish({**BLANKET, "audience": "partners"}), await posts.publish(BLANKET)
    await open_partner(organiser, abroad)
    await organiser.board.partners.propose(code_of(abroad), OFFERS, None)
    path = f"/partners/{abroad.id.hex()}"
    listed = await desk.page("/partners")
    assert (path in listed.links(), "Agreed" in listed.text, COPIED in listed.text) == (True, True, True)
    assert "Two or more should" in listed.text
    page = await desk.page(path)
    assert (f"/post/{shared.id}" in page.links(), f"/post/{kept.id}" in page.links()) == (True, False)
    assert ("They share" in page.text, COPIED in page.text, words_used(page.text)) == (True, True, [])
    page = await desk.page(f"{path}?state=kept")
    assert KEPT["audience"] in page.text
    assert f"/post/{kept.id}" in page.links()


async def test_our_side_is_changed_and_left(desk: DeskBrowser, organiser: Bench, abroad: Abroad) -> None:
    await organiser.board.posts.publish({**BLANKET, "audience": "partners"})
    await open_partner(organiser, abroad)
    await organiser.board.partners.propose(code_of(abroad), {**OFFERS, "categories": ["household"]}, None)
    path = f"/partners/{abroad.id.hex()}"
    boxes = [one["name"] for one in (await desk.page(path)).all("input") if "checked" in one]
    assert boxes == ["share-offer", "category-household"]
    narrower = {**TERMS, "days": "", "category-food": "1"}
    page = await tried(desk, path, do="change", **narrower)
    assert "Would go there (1)" in page.text
    done = await desk.do(path, **sent_by(page))
    assert "follow as soon as" in done.text
    assert (await organiser.board.partners.get(abroad.id)).ours.terms.categories == ("food",)
    page = await tried(desk, path, do="leave")
    assert "Nothing of ours crosses any more" in page.text
    assert "Nothing crosses any more" in (await desk.do(path, **sent_by(page))).text
    assert await organiser.board.partners.list() == []
    assert (await desk.get(path)).status == 404


async def test_who_asks_is_looked_at_and_answered(desk: DeskBrowser, organiser: Bench, abroad: Abroad) -> None:
    for network in (abroad, other := Abroad(8)):
        await organiser.board.partners.proposals.pact_proposed(network.id, network.wires(organiser.founding.network))
    listed = await desk.page("/partners")
    assert listed.text.count("asks to be our partner network") == 2
    assert "not shown any more" in (await desk.do("/partners", do="refuse", id=other.id.hex())).text
    path = f"/partners/{abroad.id.hex()}"
    page = await desk.page(path)
    assert [one["value"] for one in page.all("button") if one.get("name") == "do"] == ["accept"]
    page = await tried(desk, path, do="accept", **{**TERMS, "days": ""})
    await desk.do(path, **sent_by(page))
    assert (await organiser.board.partners.get(abroad.id)).ours.terms.retention_days == 20


async def test_what_is_suggested_is_taken_or_left(desk: DeskBrowser, organiser: Bench, abroad: Abroad) -> None:
    await open_partner(organiser, abroad)
    await organiser.board.partners.propose(code_of(abroad), OFFERS, None)
    network, bad = abroad.network, [key("bad"), key("worse")]
    said = [network.revoke(one.public) for one in bad]
    for number, one in enumerate(bad):
        await abroad.take(network.grant(one.public, place=20 + number), said[number])
    assert (await desk.page("/partners")).text.count("Removed by the partner network Maple Street") == 2
    assert "is hidden here" in (await desk.do("/partners", do="take", id=said[0].id.hex())).text
    (muted,), _ = await organiser.board.hiding.page("muted")
    assert (muted.subject, muted.who) == (bad[0].public, "phone at the desk")
    left = await desk.do("/partners", do="pass", id=said[1].id.hex())
    assert ("left as it is" in left.text, "Removed by" in left.text) == (True, False)
    for fields in ({"do": "take", "id": "zz"}, {"do": "dance", "id": ""}):
        await desk.refused("/partners", **fields)
    post = await their_post(abroad)
    await abroad.take(flag := flagged(abroad, post.head.thread, 31, body={"text": {"en": "Bulging."}}))
    abroad.short = {abroad.hub.public: 2}
    page = await desk.page("/partners")
    assert "Flagged by the partner network Maple Street" in page.text
    assert ("This is not safe." in page.text, "Bulging." in page.text) == (True, True)
    assert "The hub Abroad hub gives less than another hub of theirs gave: 2 entries are missing." in page.text
    assert "it is flagged" in (await desk.do("/partners", do="flag", id=flag.id.hex())).text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"code": "hartig-partner:AA"}, "/code"),
        ({"share-offer": ""}, "/kinds"),
        ({"category-gold": "1"}, "/categories"),
        ({"areas": "ail"}, "/areas"),
        ({"retention": "many"}, "/retention_days"),
        ({"retention": "0"}, "/retention_days"),
        ({"days": "7"}, "/days"),
    ],
)
async def test_what_is_not_right_is_said_beside_the_button(
    desk: DeskBrowser, organiser: Bench, abroad: Abroad, fields: dict[str, str], sentence: str
) -> None:
    typed = {"code": code_of(abroad), **TERMS, **fields}
    page = await desk.refused("/partners", do="propose", **{name: text for name, text in typed.items() if text})
    assert _POINTED[sentence] in page.text


async def test_a_hub_that_may_not_agree_reads_who_may(desk: DeskBrowser, ours: Bench, abroad: Abroad) -> None:
    page = await desk.page("/partners")
    assert not [one for one in page.all("button") if one.get("value") == "propose"]
    assert "this hub is no organiser" in page.text
    stopped = await desk.refused("/partners", do="propose", code=code_of(abroad), **TERMS)
    assert "Ask an organiser, or a trustee" in stopped.text
    assert await ours.board.partners.list() == []


async def test_an_organisers_word_does_not_go_before_a_trustees(
    desk: DeskBrowser, organiser: Bench, abroad: Abroad
) -> None:
    await publish(organiser, pact(organiser.founding.network, abroad.id, organiser.founding.seats[0].key))
    stopped = await desk.refused(f"/partners/{abroad.id.hex()}", do="leave")
    assert "Ask an organiser, or a trustee" in stopped.text


async def test_the_code_is_shown_as_text_and_as_a_picture(desk: DeskBrowser, organiser: Bench) -> None:
    page = await desk.page("/partners/code")
    assert (await organiser.board.partners.code()).text in page.text
    assert page.all("svg")
    await become(organiser, "organiser", seq=2)
    assert (await desk.get("/partners/code")).status == 409


async def test_a_hub_is_let_speak_on_its_page(desk: DeskBrowser, ours: Bench) -> None:
    await ours.board.changing.grant(ANA.public)
    path = f"/people/{ANA.public.hex()}"
    assert "speaks with partner networks from now on" in (await desk.do(path, do="speak")).text
    assert ours.board.people.get(ANA.public).speaks
    assert "It speaks with them" in (await desk.page(path)).text
    assert "does not speak" in (await desk.do(path, do="hush")).text
    person = ours.board.people.get(ANA.public)
    assert (person.speaks, person.state) == (False, State.STANDING)


async def test_a_post_is_taken_in_for_partner_networks_too(desk: DeskBrowser, organiser: Bench, abroad: Abroad) -> None:
    def offered(page: Page) -> bool:
        return "partners" in [one.get("value") for one in page.all("option")]

    assert not offered(await desk.page("/offer"))
    await organiser.board.partners.propose(code_of(abroad), OFFERS, None)
    page = await desk.page("/offer")
    assert offered(page)
    fields = {"title": "Blanket", "category": "household.bedding", "language": "en", "unit": "H87", "mode": "give"}
    await desk.do("/offer", audience="partners", rule="ask", **fields)
    sharing = organiser.board.partners
    (entry,) = (await sharing.crossing(abroad.id).page(sharing.own_pact(abroad.id), "shared", None, 5)).items
    assert entry[0].head.audience == "partners"


async def test_a_foreign_post_names_its_network(desk: DeskBrowser, ours: Bench, abroad: Abroad) -> None:
    await open_partner(ours, abroad)
    await abroad.take(made := abroad.network.offer(abroad.hub, place=3, audience="partners", title="Rice"))
    assert "Abroad hub, partner network Maple Street" in (await desk.page("/look")).text
    page = await desk.page(f"/post/{made.head.thread.hex()}")
    assert "partner network Maple Street" in page.text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_p16_every_page_says_that_what_is_shared_can_be_copied_in_the_readers_language(
    desk: DeskBrowser, organiser: Bench, abroad: Abroad, language: str
) -> None:
    await open_partner(organiser, abroad)
    await organiser.board.partners.proposals.pact_proposed(
        (other := Abroad(8)).id, other.wires(organiser.founding.network)
    )
    await organiser.board.posts.publish({**BLANKET, "audience": "partners"})
    desk.headers["Accept-Language"] = language
    tries = [await tried(desk, "/partners", do="propose", code=code_of(abroad), **TERMS)]
    await organiser.board.partners.propose(code_of(abroad), OFFERS, None)
    tries.append(await tried(desk, f"/partners/{abroad.id.hex()}", do="leave"))
    paths = ("/partners", "/partners/code", f"/partners/{abroad.id.hex()}?state=kept", f"/partners/{other.id.hex()}")
    for page in (*tries, *[await desk.page(path) for path in paths]):
        assert page.all("html")[0]["lang"] == language
        assert words_used(page.text) == []
        assert "%(" not in page.text
        assert Tongue(language, translations(language)).say(COPIED) in page.text
