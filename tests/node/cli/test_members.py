"""`hartig member` and `hartig revoke`, before a whole board."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hartig_node.board.belonging.people import State
from hartig_node.cli import exits
from hartig_node.glossary import words_used
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.writing import recovery_of
from node.board.belonging.belonging import ANA, BEN, CAM, DAN, become, invite, network_of, publish
from node.cli.conftest import Hartig
from node.cli.towns import Town, running_town
from support.records import NOW_MS, consented_recovery, key


@pytest.fixture
async def town(folder: Path, hartig: Hartig) -> AsyncIterator[Town]:
    async with running_town(folder, hartig) as town:
        yield town


async def test_everybody_is_listed_below_who_invited(town: Town) -> None:
    await invite(town.bench, town.bench.key, ANA)
    out = (await town.ask("member")).out
    lines = out.splitlines()
    assert lines[0].split() == ["who", "rank", "until", "key"]
    assert lines[1].startswith("trustee ")
    assert lines[2].startswith("  Test hub (this hub)")
    assert lines[3].startswith(f"    hub {ANA.public.hex()[:8]}")
    assert "  no end  " in lines[1]
    assert ANA.public.hex()[:8] in lines[3].split()
    assert ANA.public.hex()[:9] not in out
    assert words_used(out) == []
    listed = json.loads((await town.ask("member", "list", "--json")).out)
    assert [one["rank"] for one in listed] == ["trustee", "hub", "hub"]


async def test_this_hub_lets_others_belong_and_takes_it_back(town: Town) -> None:
    ana = ANA.public.hex()
    code, out, _ = await town.ask("member", "add", ana, "--rank", "member", "--days", "10")
    assert (code, "belongs now, until 2026-12-0" in out) == (exits.OK, True)
    assert "until 2027-" in (await town.ask("member", "renew", ana[:8])).out
    out = (await town.ask("member", "show", ana[:8])).out
    assert "member, until 2027-" in out
    assert words_used(out) == []
    assert "is taken back." in (await town.ask("member", "end", ana[:8])).out
    assert "not any more" in (await town.ask("member", "list", "--all")).out
    assert "invited" in (await town.ask("member", "show", "Test hub")).out


async def test_somebody_is_known_by_four_digits_or_by_a_name(town: Town) -> None:
    """Of several of one name it is the one who belongs: after a recovery both keys have it."""
    names, kit = town.bench.board.context.hub_names, key(f"recovery of {ANA.public.hex()}")
    network, seat = network_of(town.bench), town.bench.founding.seats[0].key.public.hex()
    await publish(town.bench, network.grant(ANA.public, place=20, places=50, invites=5, recovery_of=ANA))
    assert f"key       {ANA.public.hex()}" in (await town.ask("member", "show", ANA.public.hex()[:4])).out
    assert "trustee, as long as the rules name it" in (await town.ask("member", "show", seat[:8])).out
    await publish(town.bench, network.revoke(ANA.public, author=kit, successor=BEN.public, consenting=ANA))
    names.update({ANA.public: "Kitchen", BEN.public: "Kitchen"})
    assert f"key       {BEN.public.hex()}" in (await town.ask("member", "show", "kitchen")).out
    code, out, _ = await town.ask("member", "organiser", "Kitchen", "--key", town.keys / "seat-1.key", "--invites", "1")
    assert (code, "Kitchen is an organiser now, until" in out) == (exits.OK, True)
    await town.ask("revoke", "Kitchen", "--key", town.keys / "seat-1.key", "--yes")
    code, _, err = await town.ask("member", "show", "Kitchen")
    assert (code, "2 have this name" in err, "none of them belongs any more" in err) == (exits.USAGE, True, True)


async def test_people_without_a_card_have_a_name_on_this_hub(town: Town) -> None:
    await town.ask("member", "add", ANA.public.hex(), "--rank", "member")
    code, out, _ = await town.ask("member", "label", ANA.public.hex()[:8], "Rosa, night desk")
    assert (code, out) == (exits.OK, f"{ANA.public.hex()[:8]} is called Rosa, night desk on this hub.\n")
    assert "Rosa, night desk" in (await town.ask("member")).out
    assert "member, until" in (await town.ask("member", "show", "rosa, night desk")).out
    assert "has no name" in (await town.ask("member", "label", "Rosa, night desk", "")).out
    assert "Rosa" not in (await town.ask("member")).out
    assert (await town.ask("member", "label", ANA.public.hex()[:8])).code == exits.USAGE
    code, _, err = await town.ask("member", "label", "Test hub", "Ours")
    assert (code, "has a name of its own: Test hub" in err) == (exits.REFUSED, True)
    code, _, err = await town.ask("member", "add", BEN.public.hex(), "Ben")
    assert (code, "hartig member label" in err) == (exits.USAGE, True)


async def test_what_cannot_be_is_said_with_what_can(town: Town) -> None:
    code, _, err = await town.ask("member", "add", "kitchen")
    assert (code, "no key of 64 digits" in err) == (exits.USAGE, True)
    assert (await town.ask("member", "add")).code == exits.USAGE
    assert (await town.ask("member", "organiser")).code == exits.USAGE
    code, _, err = await town.ask("member", "show", "nobody")
    assert (code, "`hartig member list --all`" in err) == (exits.NOT_FOUND, True)
    code, _, err = await town.ask("member", "add", ANA.public.hex(), "--invites", "5000")
    assert (code, "this hub can invite" in err, words_used(err)) == (exits.REFUSED, True, [])


async def test_those_that_end_soon_are_renewed_at_once(town: Town) -> None:
    changing = town.bench.board.changing
    await changing.grant(ANA.public, days=30)
    await changing.grant(BEN.public, days=200)
    out = (await town.ask("member", "renew", "--all")).out
    assert out == f"hub {ANA.public.hex()[:8]} belongs until 2027-12-28.\n"
    assert "No membership" in (await town.ask("member", "renew", "--all")).out
    assert "No membership" in (await town.ask("member", "renew", "--all", "--key", town.keys / "seat-1.key")).out


# --- With a key outside the hub


async def test_a_trustee_makes_this_hub_an_organiser_and_lets_it_be_one_again(town: Town) -> None:
    seat, own = town.keys / "seat-1.key", town.bench.key.public
    code, out, err = await town.ask("member", "organiser", "--key", seat)
    assert (code, out, err) == (exits.OK, "Test hub is an organiser now, until 2027-12-28.\n", "")
    person = town.bench.board.people.get(own)
    assert (person.rank, person.invites) == (Rank.ORGANISER, 200)
    assert len(town.bench.board.people.census.given_by(person.path[0])) == 1  # the next version of what there was
    assert (await town.ask("member", "organiser", ANA.public.hex(), "--key", seat, "--invites", "3")).code == exits.OK
    assert town.bench.board.people.get(ANA.public).rank is Rank.ORGANISER


async def test_an_organisers_own_key_lets_belong_renews_and_takes_back(town: Town) -> None:
    await invite(town.bench, None, ANA, rank="organiser")
    ana, ben = town.file_of(ANA, "ana.key", "four words or five"), BEN.public.hex()
    words = town.keys / "words"
    words.write_text("four words or five\n")
    sealed = ("--key", ana, "--passphrase-file", words)
    code, out, err = await town.ask("member", "add", ben, "--days", "30", *sealed)
    assert (code, err) == (exits.OK, ""), out
    person = town.bench.board.people.get(BEN.public)
    assert (person.invited_by, person.invites, person.places) == (ANA.public, 19, 50)
    assert "until 2027-11-23" in (await town.ask("member", "renew", "--all", *sealed)).out
    assert (await town.ask("member", "renew", ben, "--days", "30", *sealed)).code == exits.OK
    await town.ask("member", "end", ben, *sealed)
    assert town.bench.board.people.get(BEN.public).state is State.OVER
    code, _, err = await town.ask("member", "renew", ben, *sealed)
    assert (code, "did not give that membership" in err) == (exits.USAGE, True)
    code, _, err = await town.ask("member", "add", ben, "--key", ana)
    assert (code, "passphrase" in err) == (exits.USAGE, True)


async def test_a_key_that_belongs_to_nobody_signs_nothing(town: Town) -> None:
    code, _, err = await town.ask("member", "add", ANA.public.hex(), "--key", town.file_of(key(99), "other.key"))
    assert (code, "belongs to nobody" in err) == (exits.USAGE, True)
    code, _, err = await town.ask("member", "add", ANA.public.hex(), "--key", town.keys / "missing.key")
    assert (code, "cannot be read" in err) == (exits.USAGE, True)


# --- Removing


async def grow(town: Town) -> None:
    """Ana, who is a hub, has invited Ben and Cam, and Ben Dan."""
    await invite(town.bench, None, ANA)
    await invite(town.bench, ANA, BEN, CAM, first=0, invites=8)
    await invite(town.bench, BEN, DAN, first=0, invites=0)


async def test_a_hub_is_told_who_can_remove(town: Town) -> None:
    await grow(town)
    code, _, err = await town.ask("revoke", ANA.public.hex()[:10], "--yes")
    assert code == exits.REFUSED
    assert "only an organiser can remove a hub; this hub is a hub" in err
    assert "hartig revoke KEY --key FILE" in err
    assert words_used(err.replace("hartig revoke", "")) == []


async def test_nothing_is_removed_without_a_yes(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await become(town.bench, "organiser")
    await grow(town)
    ana = ANA.public.hex()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    code, _, err = await town.ask("revoke", ana)
    assert (code, "say --yes" in err) == (exits.USAGE, True)
    assert err.count("would not belong any more") == 3
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert "nothing was done" in (await town.ask("revoke", ana, "--keep", BEN.public.hex())).err
    assert town.bench.board.people.get(ANA.public).state is State.STANDING
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    code, out, err = await town.ask("revoke", ana, "--keep", BEN.public.hex())
    assert (code, err.count("would not belong any more")) == (exits.OK, 1)
    assert "Given anew: 1 membership" in out
    people = town.bench.board.people
    assert people.get(BEN.public).invited_by == town.bench.key.public
    assert people.get(DAN.public).state is State.STANDING
    code, _, err = await town.ask("revoke", BEN.public.hex(), "--keep", CAM.public.hex(), "--yes")
    assert (code, "was not invited by" in err) == (exits.USAGE, True)


async def test_a_trustees_key_removes_and_keeps_all(town: Town) -> None:
    await grow(town)
    seat = town.keys / "seat-1.key"
    said = await town.ask("revoke", ANA.public.hex(), "--keep-all", "--key", seat, "--yes", "--json")
    assert json.loads(said.out) == {
        "removed": [ANA.public.hex()],
        "kept": [BEN.public.hex(), CAM.public.hex()],
        "stay_removed": [],
        "fell": [],
        "returned": [],
    }
    people = town.bench.board.people
    assert people.get(ANA.public).state is State.REMOVED
    assert people.get(CAM.public).invited_by == town.bench.founding.seats[0].key.public
    assert people.get(CAM.public).until_ms == NOW_MS + 365 * DAY_MS  # as before


async def test_a_preview_counts_also_whom_it_does_not_name(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await grow(town)
    monkeypatch.setattr("hartig_node.board.belonging.looking.FALLING_SHOWN_MAX", 1)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    seat = town.keys / "seat-1.key"
    code, _, err = await town.ask("revoke", ANA.public.hex(), "--key", seat)
    assert (code, err.count("would not belong any more"), "  and 2 more\n" in err) == (exits.USAGE, 1, True)
    said = await town.ask("revoke", ANA.public.hex(), "--key", seat, "--yes", "--json")
    assert len(json.loads(said.out)["fell"]) == 3


async def test_a_successor_goes_on_in_place_of_who_is_removed(town: Town) -> None:
    await grow(town)
    seat = town.keys / "seat-1.key"
    await town.ask("revoke", ANA.public.hex(), "--successor", key(70).public.hex(), "--key", seat, "--yes")
    people = town.bench.board.people
    assert (people.get(key(70).public).state, people.get(key(70).public).invites) == (State.STANDING, 20)
    assert people.get(ANA.public).successor == key(70).public
    assert "goes on as" in (await town.ask("member", "show", ANA.public.hex())).out


async def test_a_successor_can_be_recovered_again_where_its_recovery_key_is_named(town: Town) -> None:
    await grow(town)
    seat, new, network = town.keys / "seat-1.key", key(70), town.bench.founding.network
    hash_, consent = recovery_of(new, network, recovery_hash(key(71).public))
    said = ("revoke", ANA.public.hex(), "--successor", new.public.hex(), "--yes", "--recovery")
    assert "needs --successor and --key" in (await town.ask(*said, f"{hash_.hex()}:{consent.hex()}")).err
    for wrong in ("x:y", f"{hash_.hex()}:{consent.hex()[2:]}"):
        assert "copy all of it" in (await town.ask(*said, wrong, "--key", seat)).err
    await town.ask(*said, f"{hash_.hex()}:{consent.hex()}", "--key", seat)
    heads = [one.head for one in town.bench.board.context.pen.catalog.governance.values()]
    (grant,) = [head for head in heads if head.subject == new.public]
    assert consented_recovery(grant) == hash_


async def test_a_successor_is_a_whole_key(town: Town) -> None:
    await grow(town)
    code, _, err = await town.ask("revoke", ANA.public.hex(), "--successor", "abc", "--yes")
    assert (code, "no key of 64 digits" in err) == (exits.USAGE, True)


async def test_a_removal_with_a_key_takes_the_key_before_with_it(town: Town) -> None:
    network, kit = network_of(town.bench), key(f"recovery of {ANA.public.hex()}")
    await publish(town.bench, network.grant(ANA.public, place=20, places=50, invites=5, recovery_of=ANA))
    await publish(town.bench, network.revoke(ANA.public, author=kit, successor=BEN.public, consenting=ANA))
    said = await town.ask("revoke", BEN.public.hex(), "--key", town.keys / "seat-1.key", "--yes", "--json")
    assert json.loads(said.out)["removed"] == [BEN.public.hex(), ANA.public.hex()]


async def test_who_came_by_a_kit_keeps_it_when_given_anew_with_a_key(town: Town) -> None:
    """Ana, whom Dan invited, goes on as Ben without a new kit; then Dan is removed."""
    network, kit = network_of(town.bench), key(f"recovery of {ANA.public.hex()}")
    await invite(town.bench, None, DAN)
    await publish(town.bench, network.grant(ANA.public, author=DAN, place=0, invites=2, recovery_of=ANA))
    await publish(town.bench, network.revoke(ANA.public, author=kit, successor=BEN.public, consenting=ANA))
    await town.ask("revoke", DAN.public.hex(), "--keep-all", "--key", town.keys / "seat-1.key", "--yes")
    seat = town.bench.founding.seats[0].key.public
    (grant,) = [one for one in town.bench.board.people.census.given_by(seat) if one.head.subject == BEN.public]
    assert "recovery" not in grant.head.facts  # what Ana had named is no word of Ben's
    assert town.bench.board.people.get(BEN.public).invited_by == seat


async def test_a_hub_without_the_time_has_memberships_marked_so(folder: Path, hartig: Hartig) -> None:
    async with running_town(folder, hartig, trusted=False) as town:
        code, _, err = await town.ask(
            "member", "add", ANA.public.hex(), "--days", "3", "--key", town.keys / "seat-1.key"
        )
        assert (code, err) == (exits.OK, "")
        person = town.bench.board.people.get(ANA.public)
        assert person.grant is not None
        head = town.bench.engine.hub.catalog.governance[person.grant].head
        assert (head.facts["approx"], head.expires) == (True, head.stamp + 400 * DAY_MS)


async def test_a_key_invites_no_more_than_it_may(town: Town) -> None:
    await invite(town.bench, None, ANA, rank="organiser", invites=1)
    ana = town.file_of(ANA, "ana.key")
    code, _, err = await town.ask("member", "add", BEN.public.hex(), "--invites", "1", "--key", ana)
    assert (code, "this key can invite 1 more" in err) == (exits.USAGE, True)
    assert (await town.ask("member", "add", BEN.public.hex(), "--key", ana)).code == exits.OK
    code, _, err = await town.ask("member", "add", CAM.public.hex(), "--key", ana)
    assert (code, "this key can invite 0 more" in err) == (exits.USAGE, True)


async def test_a_key_removes_only_who_stands_below_it(town: Town) -> None:
    await invite(town.bench, None, ANA, BEN, rank="organiser")
    ana = town.file_of(ANA, "ana.key")
    code, _, err = await town.ask("revoke", BEN.public.hex(), "--key", ana, "--yes")
    assert (code, "only a trustee can remove this organiser" in err) == (exits.USAGE, True)
    trustee = town.bench.founding.seats[0].key.public.hex()
    code, _, err = await town.ask("revoke", trustee, "--key", ana, "--yes")
    assert "hartig network draft --remove-trustee" in err


async def test_a_key_gives_first_what_those_need_who_were_let_in(town: Town) -> None:
    await invite(town.bench, None, ANA, invites=60)
    network = network_of(town.bench)
    await publish(town.bench, network.grant(key(60).public, rank="organiser", place=30, places=50, invites=22))
    await invite(town.bench, ANA, BEN, CAM, first=0)
    await invite(town.bench, CAM, DAN, key(71), first=0, invites=0)
    said = ("revoke", ANA.public.hex(), "--keep-all", "--yes", "--key", town.file_of(key(60), "org.key"))
    await town.ask(*said)
    people = town.bench.board.people
    assert {people.get(one.public).state for one in (BEN, CAM, DAN, key(71))} == {State.STANDING}
    assert (people.get(BEN.public).invites, people.get(CAM.public).invites) == (9, 11)


async def test_who_fell_is_named(town: Town) -> None:
    await become(town.bench, "organiser")
    await grow(town)
    cam = f"Does not belong any more: hub {CAM.public.hex()[:8]} {CAM.public.hex()[:8]}"
    out = (await town.ask("revoke", ANA.public.hex(), "--keep", BEN.public.hex(), "--yes")).out
    assert [line for line in out.splitlines() if line.startswith("Does not")] == [cam]


async def test_a_key_refuses_who_cannot_stay_or_go_on(town: Town) -> None:
    await grow(town)
    seat, ana, cam = ("--yes", "--key", town.keys / "seat-1.key"), ANA.public.hex(), CAM.public.hex()
    await publish(town.bench, network_of(town.bench).revoke(CAM.public))
    trustee = town.bench.founding.seats[0].key.public.hex()
    for more, said in (
        (("--keep", cam), "was not invited by"),
        (("--keep", BEN.public.hex(), "--keep", BEN.public.hex()[:9]), "named twice"),
        (("--keep", BEN.public.hex(), "--successor", BEN.public.hex()), "was not invited by"),
        (("--successor", cam), "was removed from the network"),
        (("--successor", ana), "name a new key"),
        (("--successor", trustee), "name a new key"),
    ):
        code, _, err = await town.ask("revoke", ana, *more, *seat)
        assert (code, said in err) == (exits.USAGE, True), err
    await publish(town.bench, network_of(town.bench).revoke(ANA.public))
    for action in ("renew", "end"):
        code, _, err = await town.ask("member", action, ana, *seat[1:])
        assert (code, "removed from the network" in err) == (exits.USAGE, True)
        assert (await town.ask("member", action, ana)).code == exits.REFUSED


async def test_a_key_carries_recovery_keys_over(town: Town) -> None:
    """Given by a hub with a kit, made an organiser by a trustee, renewed; then recovered, and renewed again."""
    network, seat = network_of(town.bench), ("--key", town.keys / "seat-1.key")
    kit = key(f"recovery of {ANA.public.hex()}")
    await publish(town.bench, network.grant(ANA.public, author=town.bench.key, place=3, invites=0, recovery_of=ANA))
    for words in (("organiser", "--invites", "3"), ("renew",)):
        assert (await town.ask("member", words[0], ANA.public.hex(), *words[1:], *seat)).code == exits.OK
        census = town.bench.board.people.census
        given = [one.head for one in census.given_by(network.seat.public) if one.head.subject == ANA.public]
        assert [consented_recovery(head) for head in given] == [recovery_hash(kit.public)]
    await publish(town.bench, network.revoke(ANA.public, author=kit, successor=BEN.public, consenting=ANA))
    assert (await town.ask("member", "renew", BEN.public.hex(), *seat)).code == exits.OK
    person = town.bench.board.people.get(BEN.public)
    assert (person.state, person.rank) == (State.STANDING, Rank.ORGANISER)
    assert town.bench.board.people.census.predecessors_of(BEN.public) == [ANA.public]
