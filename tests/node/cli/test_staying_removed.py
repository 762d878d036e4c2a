"""What a remover removed stays removed when the remover goes: by `hartig revoke`, `member end`, new rules."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hartig_node.board.belonging.people import State
from hartig_node.cli import exits
from hartig_node.glossary import words_used
from hartig_protocol.limits import RECORDS_PER_FRAME_MAX
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.writing import recovery_of
from node.board.belonging.belonging import ANA, BEN, CAM, DAN, become, invite, network_of, publish
from node.cli.conftest import Hartig
from node.cli.towns import Town, running_town
from support.records import key


@pytest.fixture
async def town(folder: Path, hartig: Hartig) -> AsyncIterator[Town]:
    async with running_town(folder, hartig, seats=3) as town:
        yield town


async def removed_by_ana(town: Town) -> None:
    """Ana, an organiser, has removed Ben and Cam, whom this hub had invited; Cam goes on as Dan."""
    network = network_of(town.bench)
    await invite(town.bench, None, ANA, rank="organiser")
    await invite(town.bench, town.bench.key, BEN, CAM)
    kit = recovery_of(DAN, network.id, recovery_hash(key(99).public))
    named = {"successor": DAN.public, "recovery": kit}
    await publish(town.bench, network.revoke(BEN.public, author=ANA))
    await publish(town.bench, network.revoke(CAM.public, author=ANA, **named))  # type: ignore[arg-type]


def states(town: Town, *keys: bytes) -> list[State]:
    return [town.bench.board.people.get(one).state for one in keys]


BOTH = (BEN.public, CAM.public)


async def test_who_an_organiser_removed_stays_removed_when_the_organiser_is(town: Town) -> None:
    await removed_by_ana(town)
    code, out, err = await town.ask("revoke", ANA.public.hex(), "--key", town.keys / "seat-2.key", "--yes")
    assert (code, "2 removals by it stay." in out) == (exits.OK, True), err
    assert (err.count("  stays removed: hub "), err.count("--return KEY"), "belong again:" in err) == (2, 1, False)
    assert words_used(out + err) == []
    assert states(town, ANA.public, *BOTH) == [State.REMOVED] * 3
    census, seat = town.bench.board.people.census, town.bench.founding.seats[1].key.public
    (cam,) = [one.head for one in census.revokes if (one.head.author, one.head.subject) == (seat, CAM.public)]
    assert cam.facts["successor"] == DAN.public
    assert bytes(cam.facts["recovery"][0]) == recovery_hash(key(99).public)


async def test_whoever_is_named_comes_back(town: Town) -> None:
    await removed_by_ana(town)
    said = ("revoke", ANA.public.hex(), "--key", town.keys / "seat-1.key", "--yes", "--return")
    code, _, err = await town.ask(*said, DAN.public.hex())
    assert (code, "was not removed by who leaves" in err) == (exits.USAGE, True)
    code, _, err = await town.ask(*said, BEN.public.hex(), "--return", BEN.public.hex()[:9])
    assert (code, "named twice" in err) == (exits.USAGE, True)
    code, out, err = await town.ask(*said, BEN.public.hex()[:8])
    assert ("1 removal by it stays." in out, f"Belongs again: hub {BEN.public.hex()[:8]}" in out) == (True, True)
    assert f"would belong again: hub {BEN.public.hex()[:8]}" in err
    assert states(town, *BOTH) == [State.STANDING, State.REMOVED]


async def test_all_come_back_where_a_rogue_organiser_had_removed_them(town: Town) -> None:
    await removed_by_ana(town)
    said = await town.ask(
        "revoke", ANA.public.hex(), "--key", town.keys / "seat-1.key", "--yes", "--return-all", "--json"
    )
    removal = json.loads(said.out)
    assert removal["stay_removed"] == []
    assert {one["key"] for one in removal["returned"]} == {one.hex() for one in BOTH}


async def test_a_removal_of_an_equal_is_not_made_to_count(town: Town) -> None:
    """Ana has said of Dan, an organiser as well, that he is removed: no organiser may, but a trustee might."""
    await removed_by_ana(town)
    await publish(town.bench, network_of(town.bench).grant(DAN.public, rank="organiser", place=40, invites=0))
    await publish(town.bench, network_of(town.bench).revoke(DAN.public, author=ANA))
    await town.ask("revoke", ANA.public.hex(), "--key", town.keys / "seat-1.key", "--yes")
    assert states(town, DAN.public, *BOTH) == [State.STANDING, State.REMOVED, State.REMOVED]


async def test_more_than_fit_into_one_go_stay_removed(town: Town) -> None:
    await removed_by_ana(town)
    some = [key(100 + number).public for number in range(RECORDS_PER_FRAME_MAX + 2)]
    await publish(town.bench, *(network_of(town.bench).revoke(one, author=ANA) for one in some))
    code, out, err = await town.ask("revoke", ANA.public.hex(), "--key", town.keys / "seat-1.key", "--yes")
    assert (code, f"{len(some) + 2} removals by it stay." in out) == (exits.OK, True), err
    assert "  and 240 more" in err
    assert set(states(town, ANA.public, *BOTH, *some)) == {State.REMOVED}


async def test_what_is_refused_is_refused_before_anybody_is_asked(town: Town) -> None:
    await invite(town.bench, town.bench.key, BEN)
    await invite(town.bench, None, ANA, CAM, rank="organiser")
    organiser = ("--key", town.file_of(CAM, "cam.key"))
    for words in ((BEN.public.hex(),), (ANA.public.hex(), *organiser)):
        code, _, err = await town.ask("revoke", *words, "--yes")
        assert (code in (exits.USAGE, exits.REFUSED), "would be removed" in err) == (True, False), err
    await become(town.bench, "organiser")
    await invite(town.bench, BEN, DAN, first=0, invites=0)
    town.bench.time.advance(400 * 24 * 3600)
    code, _, err = await town.ask("revoke", ANA.public.hex(), "--yes")
    assert (code, "would be removed" in err) == (exits.REFUSED, False)


async def test_who_ends_an_organisers_membership_takes_over_its_removals(town: Town) -> None:
    await removed_by_ana(town)
    seat = ("--key", town.keys / "seat-1.key")
    out = (await town.ask("member", "end", ANA.public.hex(), *seat)).out
    assert "Whom it had removed stays removed: 2 removals signed anew." in out
    assert words_used(out) == []
    assert states(town, ANA.public, *BOTH) == [State.OVER, State.REMOVED, State.REMOVED]


async def test_an_organiser_who_becomes_a_hub_leaves_them_removed(town: Town) -> None:
    await removed_by_ana(town)
    seat = ("--key", town.keys / "seat-1.key")
    said = await town.ask("member", "add", ANA.public.hex(), "--rank", "hub", "--invites", "0", *seat)
    assert (said.code, states(town, *BOTH)) == (exits.OK, [State.REMOVED] * 2), said.err


async def test_who_stays_an_organiser_by_another_needs_no_removal_anew(town: Town) -> None:
    """Dan, an organiser, takes back what he gave Ana, or changes it; a plain hub can, too."""
    await removed_by_ana(town)
    network, friend = network_of(town.bench), key(70)
    await publish(town.bench, network.grant(DAN.public, rank="organiser", place=40, invites=20))
    await invite(town.bench, town.bench.key, friend, first=40)
    await publish(town.bench, network.grant(ANA.public, author=DAN, place=3, places=50, invites=2))
    await publish(town.bench, network.grant(ANA.public, author=friend, place=3, places=50, invites=2))
    for name, who in (("dan.key", DAN), ("friend.key", friend)):
        signer = ("--key", town.file_of(who, name))
        said = await town.ask("member", "add", ANA.public.hex(), "--invites", "1", *signer)
        assert said.code == exits.OK, said.err
        said = await town.ask("member", "end", ANA.public.hex(), *signer)
        assert (said.code, "signed anew" in said.out) == (exits.OK, False), said.err
    assert {one.head.author for one in town.bench.board.people.census.revokes} == {ANA.public}
    assert states(town, ANA.public, *BOTH) == [State.STANDING, State.REMOVED, State.REMOVED]


# --- New rules


async def test_what_a_leaving_trustee_removed_stays_so_and_organisers_keep_their_word(town: Town) -> None:
    """The first trustee, who made Ana an organiser and removed Dan's friend, leaves."""
    await removed_by_ana(town)
    friend, people = key(70), town.bench.board.people
    await invite(town.bench, town.bench.key, friend, first=40)
    await publish(town.bench, network_of(town.bench).revoke(friend.public))
    file, second = town.keys / "rules.json", town.bench.founding.seats[1].key.public
    said = await town.ask("network", "draft", file, "--remove-trustee", "1")
    assert f"would not belong any more: hub {ANA.public.hex()[:8]}" not in said.err
    assert f"would not belong any more: organiser {ANA.public.hex()[:8]}" in said.err
    assert said.err.count("Would belong again, whom they or their organisers had removed:") == 0  # this hub falls, too
    assert "--key FILE of a trustee who stays" in said.err
    for number in (2, 3):
        await town.ask("network", "sign", file, "--key", town.keys / f"seat-{number}.key", "--yes")
    code, _, err = await town.ask("network", "publish", file)
    assert (code, "would not belong any more: Test hub" in err) == (exits.USAGE, True)
    code, _, err = await town.ask("network", "publish", file, "--key", town.keys / "seat-1.key")
    assert (code, "a trustee who leaves" in err) == (exits.USAGE, True)
    seat = ("--key", town.keys / "seat-2.key")
    code, _, err = await town.ask("network", "publish", file, *seat, "--return", BEN.public.hex())
    assert (code, "was not removed by who leaves" in err) == (exits.USAGE, True)  # Ana, who removed Ben, stays
    code, _, err = await town.ask("network", "publish", file, *seat)
    stays = f"Stays removed, whom trustees who leave had removed: hub {friend.public.hex()[:8]}"
    assert (code, stays in err, "say --yes" in err) == (exits.USAGE, True, True)
    code, out, err = await town.ask("network", "publish", file, *seat, "--yes")
    assert (code, "2 memberships and 1 removal." in out) == (exits.OK, True), out + err
    assert words_used(out + err) == []
    assert states(town, friend.public, *BOTH) == [State.REMOVED] * 3
    by = {one.head.subject: one.head.author for one in people.census.revokes}
    assert (by[friend.public], by[BEN.public]) == (second, ANA.public)


async def test_who_would_come_back_with_new_rules_is_said(town: Town) -> None:
    """The second trustee, who invited nobody and removed Ben and Cam, leaves."""
    network, second = network_of(town.bench), town.bench.founding.seats[1].key
    await invite(town.bench, town.bench.key, BEN, CAM)
    await publish(town.bench, *(network.revoke(one, author=second) for one in BOTH))
    file = town.keys / "rules.json"
    back = "Would belong again, whom they or their organisers had removed: hub "
    assert (await town.ask("network", "draft", file, "--remove-trustee", "2")).err.count(back) == 2
    for number in (1, 3):
        await town.ask("network", "sign", file, "--key", town.keys / f"seat-{number}.key", "--yes")
    code, _, err = await town.ask("network", "publish", file)
    assert (code, err.count(back), "say --yes" in err) == (exits.USAGE, 2, True)
    first = ("--key", town.keys / "seat-1.key", "--return", CAM.public.hex(), "--yes")
    code, out, err = await town.ask("network", "publish", file, *first)
    assert (code, "0 memberships and 1 removal." in out) == (exits.OK, True), err
    assert states(town, *BOTH) == [State.REMOVED, State.STANDING]


async def test_whom_two_leaving_trustees_had_let_in_gets_the_higher_rank_again(town: Town) -> None:
    """Ana, an organiser by the first trustee, is a hub by the second as well; both leave."""
    await removed_by_ana(town)
    second = town.bench.founding.seats[1].key
    grant = network_of(town.bench).grant(ANA.public, author=second, rank="hub", place=3, places=50, invites=5)
    await publish(town.bench, grant)
    file = town.keys / "rules.json"
    await town.ask("network", "draft", file, "--remove-trustee", "1", "--remove-trustee", "2", "--threshold", "1")
    for number in (1, 2):
        await town.ask("network", "sign", file, "--key", town.keys / f"seat-{number}.key", "--yes")
        await town.ask("network", "sign", file, "--key", town.keys / "seat-3.key", "--yes")
    code, out, err = await town.ask("network", "publish", file, "--key", town.keys / "seat-3.key", "--yes")
    assert code == exits.OK, out + err
    assert town.bench.board.people.get(ANA.public).rank is Rank.ORGANISER
    assert states(town, *BOTH) == [State.REMOVED] * 2


async def test_fewer_invites_than_a_trustee_has_used_are_refused(town: Town) -> None:
    await removed_by_ana(town)
    trustee = town.bench.founding.seats[0].key.public
    used = town.bench.board.people.census.invites_in_use(trustee)
    file = town.keys / "rules.json"
    code, _, err = await town.ask("network", "draft", file, "--invites", str(used - 1))
    assert (code, f"give at least {used}" in err, words_used(err)) == (exits.USAGE, True, [])
    code, out, err = await town.ask("network", "draft", file, "--invites", str(used))
    assert code == exits.OK, out + err
    for number in (1, 2):
        await town.ask("network", "sign", file, "--key", town.keys / f"seat-{number}.key", "--yes")
    code, out, err = await town.ask("network", "publish", file)
    assert code == exits.OK, out + err
    assert states(town, ANA.public, *BOTH) == [State.STANDING, State.REMOVED, State.REMOVED]
