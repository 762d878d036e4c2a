"""`hartig partner`, before a whole board."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hartig_node.board.partners.crossing import Crossing
from hartig_node.board.partners.partners import Change
from hartig_node.cli import exits
from hartig_node.cli.partnerwords import COPIED
from hartig_node.glossary import words_used
from hartig_protocol.limits import DAY_MS
from node.board.belonging.belonging import ANA, become
from node.board.partners.abroad import Abroad, open_partner
from node.board.partners.test_partners import BLANKET, code_of
from node.board.partners.test_suggestions import flagged
from node.cli.conftest import Hartig
from node.cli.towns import Town, running_town
from support.records import NOW_MS, key

SHARE = ("--share", "offers")


@pytest.fixture
async def town(folder: Path, hartig: Hartig) -> AsyncIterator[Town]:
    async with running_town(folder, hartig) as town:
        yield town


@pytest.fixture
def abroad() -> Abroad:
    return Abroad()


async def test_nothing_is_agreed_before_a_yes_and_the_posts_that_would_cross_are_named(
    town: Town, abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    await become(town.bench, "organiser", gateway=True)
    await town.bench.board.posts.publish({**BLANKET, "audience": "partners"})
    code = code_of(abroad)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    status, out, err = await town.ask("partner", "propose", code, *SHARE, "--area", "u33", "--retention", "20")
    assert (status, out, "say --yes" in err) == (exits.USAGE, "", True)
    assert f"With the network {abroad.id.hex()}\nwe share offers: all categories, within u33; asks to keep it" in err
    assert "1 post would cross that does not now:" in err
    assert "household.bedding  Blanket" in err
    assert COPIED in err
    assert words_used(err) == []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert "nothing was done" in (await town.ask("partner", "propose", code, *SHARE)).err
    assert "There is no partner network" in (await town.ask("partner")).err
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    file = town.keys / "code.txt"
    file.write_text(code + "\n")
    status, out, _ = await town.ask("partner", "propose", file, *SHARE, "--until", "2027-03-01")
    assert (status, out.startswith("Our side stands. Nothing crosses before")) == (exits.OK, True)
    (agreement,) = await town.bench.board.partners.list()
    assert agreement.ours.expires_ms // DAY_MS - NOW_MS // DAY_MS == 98


async def test_partners_are_listed_with_what_both_share(town: Town, abroad: Abroad) -> None:
    await become(town.bench, "organiser", gateway=True)
    await town.ask("partner", "propose", code_of(abroad), *SHARE, "--categories", "food", "--yes")
    out = (await town.ask("partner")).out
    assert "has not answered yet" in out
    await open_partner(town.bench, abroad)
    out = (await town.ask("partner")).out
    assert out.startswith(f"Maple Street  {abroad.id.hex()[:8]}  agreed\n")
    assert "  we share    offers: " in out
    assert "  they share  offers: all categories, everywhere; asks to keep it 30 days at most; until 2027-03-03" in out
    assert "Hubs of ours that speak with partner networks: Test hub\n  Fewer than two" in out
    assert COPIED in out
    assert words_used(out) == []
    listed = json.loads((await town.ask("partner", "--json")).out)
    assert [one["state"] for one in listed["items"]] == ["agreed"]
    assert listed["proposals"] == listed["suggestions"] == []


async def test_every_post_that_crosses_or_stays_is_shown(town: Town, abroad: Abroad) -> None:
    await become(town.bench, "organiser", gateway=True)
    posts = town.bench.board.posts
    shared = await posts.publish({**BLANKET, "audience": "partners"})
    kept = await posts.publish(BLANKET)
    await open_partner(town.bench, abroad)
    await town.ask("partner", "propose", code_of(abroad), *SHARE, "--yes")
    out = (await town.ask("partner", "show", "maple street")).out
    assert "1 shared, with what was asked" in out
    assert "1 not shared: not meant for partner networks" in out
    assert f"  {shared.id[:8]}  offer  household.bedding  Blanket\n" in out
    assert (kept.id[:8] in out, words_used(out), COPIED in out) == (False, [], True)
    out = (await town.ask("partner", "show", abroad.id.hex()[:6], "--kept")).out
    assert f"  {kept.id[:8]}  offer  household.bedding  Blanket  (not shared: not meant for partner networks)" in out
    said = await town.ask("partner", "show", "Maple Street", "--both", "--limit", "1")
    assert "There are more" in said.err
    assert len(json.loads((await town.ask("partner", "show", "Maple Street", "--both", "--json")).out)["items"]) == 2
    assert (await town.ask("partner", "show", "Nobody")).code == exits.NOT_FOUND
    assert (await town.ask("partner", "show")).code == exits.USAGE


async def test_p16_every_command_says_that_what_is_shared_can_be_copied(town: Town, abroad: Abroad) -> None:
    await become(town.bench, "organiser", gateway=True)
    await open_partner(town.bench, abroad)
    other = Abroad(8)
    await town.bench.board.partners.proposals.pact_proposed(other.id, other.wires(town.bench.founding.network))
    for said in (
        ("--help",), ("code",), ("propose", code_of(abroad), *SHARE, "--yes"), (), ("accept", other.id.hex(), "--yes"),
        ("show", "Maple Street"), ("change", "Maple Street", "--days", "400", "--yes"),
        ("leave", "Maple Street", "--yes"),
    ):  # fmt: skip
        code, out, err = await town.ask("partner", *said)
        assert (code, COPIED in " ".join((out + err).split())) == (exits.OK, True), said


async def test_our_side_is_changed_and_left(town: Town, abroad: Abroad) -> None:
    await become(town.bench, "organiser", gateway=True)
    await town.bench.board.posts.publish({**BLANKET, "audience": "partners"})
    await open_partner(town.bench, abroad)
    await town.ask("partner", "propose", code_of(abroad), *SHARE, "--area", "u33", "--yes")
    code, out, err = await town.ask("partner", "change", "Maple Street", "--area", "9q", "--yes")
    assert (code, "Changed." in out, "1 post would go there" in err) == (exits.OK, True, True)
    code, out, err = await town.ask("partner", "change", "Maple Street", "--area", "all", "--yes", "--json")
    assert json.loads(out)["gained_count"] == 1
    assert (await town.ask("partner", "change", "Maple Street")).code == exits.USAGE
    assert (await town.ask("partner", "change", "Maple Street", "--share", "needs")).code == exits.USAGE
    code, _, err = await town.ask("partner", "change", "Maple Street", "--days", "3", "--yes")
    assert (code, "less time" in err) == (exits.REFUSED, True)
    code, out, err = await town.ask("partner", "leave", "Maple Street", "--yes")
    assert (code, "Left." in out, "goes at once" in err, "asked to let go" in err) == (exits.OK, True, True, True)
    assert words_used(out + err) == []


async def test_the_code_is_one_line_and_a_picture(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = await town.ask("partner", "code")
    assert (code, out.count("\n"), out.startswith("hartig-partner:")) == (exits.OK, 1, True)
    assert (COPIED in err, words_used(err)) == (True, [])
    assert "█" in (await town.ask("partner", "code", "--qr")).out
    await become(town.bench, "organiser")  # which does not speak
    code, _, err = await town.ask("partner", "code")
    assert (code, "hartig member renew KEY --partners" in err) == (exits.REFUSED, True)
    code, _, err = await town.ask("partner", "propose", "no such file", *SHARE)
    assert (code, "no code" in err) == (exits.USAGE, True)
    assert (await town.ask("partner", "propose", out)).code == exits.USAGE
    long = town.keys / "long"
    long.write_text("x" * 20_000)
    assert "too long" in (await town.ask("partner", "propose", long, *SHARE)).err


async def test_who_asks_is_accepted_or_refused(town: Town, abroad: Abroad) -> None:
    await become(town.bench, "organiser", gateway=True)
    for network in (abroad, other := Abroad(8)):
        await town.bench.board.partners.proposals.pact_proposed(network.id, network.wires(town.bench.founding.network))
    out = (await town.ask("partner")).out
    assert out.count("asks to be your partner network. It would share offers: all categories") == 2
    assert f"hartig partner accept {abroad.id.hex()[:8]}" in out
    shown = (await town.ask("partner", "show", other.id.hex()[:8])).out
    assert ("asks to be your partner network" in shown, COPIED in shown) == (True, True)
    assert "not shown any more" in (await town.ask("partner", "refuse", other.id.hex()[:8])).out
    code, out, err = await town.ask("partner", "accept", abroad.id.hex()[:8], "--area", "u33", "--yes")
    assert (code, "Agreed." in out, "within u33" in err) == (exits.OK, True, True)
    assert (await town.bench.board.partners.get(abroad.id)).ours.terms.areas == ("u33",)


async def test_what_they_suggest_is_taken_or_left(town: Town, abroad: Abroad) -> None:
    await become(town.bench, "organiser", gateway=True)
    await open_partner(town.bench, abroad)
    await town.ask("partner", "propose", code_of(abroad), *SHARE, "--yes")
    network, said = abroad.network, []
    for number, bad in enumerate((key("bad"), key("worse")), 20):
        said.append(network.revoke(bad.public))
        await abroad.take(network.grant(bad.public, place=number), said[-1])
    out = (await town.ask("partner")).out
    assert out.count("Maple Street has removed ") == 2
    assert "hidden at this hub" in (await town.ask("partner", "take", said[0].id.hex()[:8])).out
    assert "left as it is" in (await town.ask("partner", "pass", said[1].id.hex()[:8])).out
    assert "has removed" not in (await town.ask("partner")).out
    assert (await town.ask("partner", "take", "abcd1234")).code == exits.USAGE


async def test_flags_of_theirs_are_shown_with_why_and_hidden_flagged_or_left(town: Town, abroad: Abroad) -> None:
    await become(town.bench, "organiser", gateway=True)
    await open_partner(town.bench, abroad)
    await town.ask("partner", "propose", code_of(abroad), *SHARE, "--yes")
    posts = [abroad.network.offer(abroad.hub, place=30 + number, audience="partners") for number in range(2)]
    said = [
        flagged(abroad, one.head.thread, 40 + number, body={"text": {"en": "Bulging."}})
        for number, one in enumerate(posts)
    ]
    await abroad.take(*posts, *said)
    out = (await town.ask("partner")).out
    assert out.count("flags a post, ") == 2
    assert "as not safe: " in out
    assert "The post is hidden" in (await town.ask("partner", "take", said[0].id.hex()[:8])).out
    assert "for all our hubs to read" in (await town.ask("partner", "take", said[1].id.hex()[:8], "--flag")).out
    assert "flags a post" not in (await town.ask("partner")).out


async def test_who_gives_less_stands_beside_the_network_and_in_status(town: Town, abroad: Abroad) -> None:
    await become(town.bench, "organiser", gateway=True)
    await open_partner(town.bench, abroad)
    await town.ask("partner", "propose", code_of(abroad), *SHARE, "--yes")
    abroad.short = {abroad.hub.public: 2}
    shown = (await town.ask("partner", "show", abroad.id.hex())).out
    assert "did not give 2 entries that another hub of theirs gave" in shown
    status = (await town.ask("status")).out
    assert "Abroad hub of Maple Street did not give 2 entries" in status
    assert "of theirs here, 0 hubs of theirs connected" in status


# --- With a key outside the hub


async def test_a_trustees_key_agrees_changes_and_leaves(town: Town, abroad: Abroad) -> None:
    seat = ("--key", town.keys / "seat-1.key", "--yes")
    code, _, err = await town.ask("partner", "propose", code_of(abroad), *SHARE, "--yes")
    assert (code, "only an organiser or a trustee" in err) == (exits.REFUSED, True)
    code, _, err = await town.ask("partner", "propose", code_of(abroad), *SHARE, "--days", "100", *seat)
    assert (code, err.count("Always shared")) == (exits.OK, 1), err
    partners = town.bench.board.partners
    ours = (await partners.get(abroad.id)).ours
    assert (ours.author, ours.expires_ms) == (town.bench.founding.seats[0].key.public, NOW_MS + 100 * DAY_MS)
    who = abroad.id.hex()
    code, _, _ = await town.ask("partner", "change", who, "--share", "offers,notes", "--days", "200", *seat)
    assert code == exits.OK
    ours = (await partners.get(abroad.id)).ours
    assert (ours.terms.kinds, ours.expires_ms) == (("note", "offer"), NOW_MS + 200 * DAY_MS)
    code, _, err = await town.ask("partner", "leave", who, *seat)
    assert (code, await partners.list()) == (exits.OK, []), err
    await town.ask("partner", "propose", code_of(abroad), *SHARE, *seat)
    assert len(await partners.list()) == 1


async def test_a_key_that_may_not_agree_is_refused_before_anything_is_asked(town: Town, abroad: Abroad) -> None:
    await town.bench.board.changing.grant(ANA.public)
    ana = town.file_of(ANA, "ana.key")
    code, _, err = await town.ask("partner", "propose", code_of(abroad), *SHARE, "--key", ana)
    assert (code, "this key is that of a hub" in err) == (exits.REFUSED, True)


async def test_a_hub_that_answers_for_something_else_gets_nothing_signed(
    town: Town, abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat = ("--key", town.keys / "seat-1.key", "--yes")
    real = Change.as_json

    async def lied(**more: object) -> str:
        def as_json(change: Change, crossing: Crossing) -> dict[str, object]:
            said = real(change, crossing)
            return {**said, "terms": {**said["terms"], **more}} if "id" not in more else {**said, **more}

        monkeypatch.setattr(Change, "as_json", as_json)
        wishes = (*SHARE, "--area", "u33,U34", "--categories", "food", "--retention", "9")
        code, _, err = await town.ask("partner", "propose", code_of(abroad), *wishes, *seat)
        assert await town.bench.board.partners.list() == []
        return "" if code == exits.OK else err

    lies = ({"areas": []}, {"areas": ["u3"]}, {"categories": []}, {"kinds": ["note", "offer"]}, {"retention_days": 400})
    for lie in (*lies, {"id": "ab" * 16}):
        assert "the hub answers for other terms" in await lied(**lie), lie
    monkeypatch.setattr(Change, "as_json", real)
    wishes = (*SHARE, "--area", "u33,U34,u331", "--categories", "food,food.bread")
    assert (await town.ask("partner", "propose", code_of(abroad), *wishes, *seat)).code == exits.OK


# --- Who speaks, and posts for partners


async def test_a_hub_is_let_speak_with_partner_networks(town: Town) -> None:
    ana = ANA.public.hex()
    await town.ask("member", "add", ana, "--partners")
    assert "speaks    with partner networks" in (await town.ask("member", "show", ana)).out
    await town.ask("member", "renew", ana, "--no-partners")
    assert "speaks" not in (await town.ask("member", "show", ana)).out
    await town.ask("member", "renew", ana, "--partners")
    await town.ask("member", "renew", ana)
    assert town.bench.board.people.get(ANA.public).speaks
    seat = ("--key", town.keys / "seat-1.key")
    own = town.bench.key.public
    await town.ask("member", "organiser", *seat)
    assert town.bench.board.people.get(own).speaks  # as it was
    await town.ask("member", "renew", own.hex(), "--no-partners", *seat)
    assert not town.bench.board.people.get(own).speaks
    await town.ask("member", "organiser", ana, *seat)  # as it was, also by another hand
    assert town.bench.board.people.get(ANA.public).speaks


async def test_a_post_is_for_partners_or_for_one_of_them(town: Town, abroad: Abroad) -> None:
    await become(town.bench, "organiser", gateway=True)
    await open_partner(town.bench, abroad)
    await town.ask("partner", "propose", code_of(abroad), *SHARE, "--yes")
    offer = ("offer", "household.bedding", "Blanket", "--json", "--for")
    assert json.loads((await town.ask(*offer, "partners")).out)["audience"] == "partners"
    post = json.loads((await town.ask(*offer, "Maple Street")).out)
    assert post["audience"] == abroad.id.hex()
    assert (await town.ask(*offer, "Nobody")).code == exits.NOT_FOUND
    await abroad.take(abroad.network.offer(abroad.hub, place=3, audience="partners", title="Rice from afar"))
    out = (await town.ask("list", "--network", "Maple Street")).out
    assert ("(Maple Street) Rice from afar" in out, "Blanket" in out) == (True, False)
    out = (await town.ask("list", "--network", "ours")).out
    assert ("Rice from afar" in out, "Blanket" in out) == (False, True)
    found = json.loads((await town.ask("list", "--network", "Maple Street", "--json")).out)
    out = (await town.ask("show", found[0]["id"])).out
    assert f"partner network Maple Street ({abroad.id.hex()})" in out
