from typing import Any

import pytest

from hartig_node.board.belonging.allowed import RULES
from hartig_node.board.belonging.changing import MEMBER_PLACES_DEFAULT
from hartig_node.board.belonging.own import DAYS_MAX
from hartig_node.board.belonging.people import State
from hartig_node.board.errors import BoardError
from hartig_node.glossary import words_used
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.writing import recovery_of, revoke_head
from node.board.belonging.belonging import ANA, BEN, CAM, DAN, become, invite, network_of, publish
from support.boards import Bench, meet, running_board, running_boards
from support.records import NOW_MS, consented_recovery, key


async def refused(doing: Any, rule: str) -> BoardError:
    """Expect that the network's rules do not allow it, in people's words."""
    with pytest.raises(BoardError) as caught:
        await doing
    error = caught.value
    assert error.rule == rule
    assert rule in RULES
    assert error.title == "The rules of this network do not allow this"
    assert error.hint
    assert words_used(f"{error.title} {error.detail} {error.hint}") == []
    return error


# --- Granting


async def test_a_hub_lets_a_hub_and_a_member_belong(bench: Bench) -> None:
    changing = bench.board.changing
    hub = await changing.grant(ANA.public, days=10)
    assert (hub.rank, hub.state, hub.invited_by, hub.invites) == (Rank.HUB, State.STANDING, bench.key.public, 20)
    assert hub.until_ms == NOW_MS + 10 * DAY_MS
    member = await changing.grant(BEN.public, "member")
    assert (member.rank, member.places, member.invites) == (Rank.MEMBER, MEMBER_PLACES_DEFAULT, 0)
    assert member.until_ms == NOW_MS + DAYS_MAX * DAY_MS


async def test_to_grant_again_is_to_change_it_in_its_place(bench: Bench) -> None:
    changing, census = bench.board.changing, lambda: bench.board.people.census
    await changing.grant(ANA.public, invites=3)
    left = census().invites_left(bench.key.public)
    changed = await changing.grant(ANA.public, places=7)
    assert (changed.places, changed.invites) == (7, 3)
    assert census().invites_left(bench.key.public) == left
    assert len(census().given_by(bench.key.public)) == 1


async def test_nobody_gives_more_than_they_have(bench: Bench) -> None:
    changing = bench.board.changing
    own = bench.board.people.get(bench.key.public)
    assert (await refused(changing.grant(ANA.public, "organiser"), "rank")).allowed == "member, hub"
    assert (await refused(changing.grant(ANA.public, places=own.places + 1), "places")).allowed == str(own.places)
    assert (await refused(changing.grant(ANA.public, invites=own.invites), "invites")).allowed == str(own.invites - 1)
    await changing.grant(ANA.public, invites=own.invites - 1)
    with pytest.raises(BoardError, match="used up"):
        await changing.grant(BEN.public)
    with pytest.raises(BoardError, match="up to 400"):
        await changing.grant(ANA.public, days=401)
    with pytest.raises(BoardError, match="let in and remove nobody"):
        async with running_board(seed=2, founded=False) as stranger:
            await stranger.board.changing.grant(ANA.public)


async def test_a_key_that_was_removed_is_not_let_in_again(bench: Bench) -> None:
    await publish(bench, network_of(bench).revoke(ANA.public))
    await refused(bench.board.changing.grant(ANA.public), "removed")


async def test_a_member_invites_nobody(bench: Bench) -> None:
    network = network_of(bench)
    given = network.grant(bench.key.public, rank="member", place=0, seq=9, expires=NOW_MS + 400 * DAY_MS)
    await publish(bench, given)
    await refused(bench.board.changing.grant(ANA.public), "rank")


# --- Renewing and taking back


async def test_renewing_goes_on_in_the_same_place(bench: Bench) -> None:
    changing = bench.board.changing
    before = await changing.grant(ANA.public, days=10)
    bench.time.advance(5 * DAY_MS / 1000)
    after = await changing.renew(ANA.public, 30)
    assert after.until_ms == NOW_MS + 35 * DAY_MS
    (grant,) = bench.board.people.census.given_by(bench.key.public)
    assert (grant.head.seq, grant.head.place, after.grant) == (2, 0, grant.id)
    assert before.grant not in bench.engine.hub.catalog.governance
    assert after.places == before.places


async def test_what_was_taken_back_may_be_given_again(bench: Bench) -> None:
    changing = bench.board.changing
    await changing.grant(ANA.public)
    assert (await changing.end(ANA.public)).state is State.OVER
    error = await refused(changing.end(ANA.public), "inviter")
    assert "Test hub" in error.hint
    assert (await changing.grant(ANA.public)).state is State.STANDING


async def test_only_who_invited_renews(bench: Bench) -> None:
    await invite(bench, bench.key, ANA)
    await invite(bench, ANA, BEN, first=0)
    bench.board.context.hub_names[ANA.public] = "Ana's kitchen"
    error = await refused(bench.board.changing.renew(BEN.public), "inviter")
    assert "ask Ana's kitchen" in error.hint
    await refused(bench.board.changing.end(bench.founding.seats[0].key.public), "trustees")
    with pytest.raises(BoardError, match="nobody"):
        await bench.board.changing.renew(DAN.public)


# --- Removing


async def test_an_organiser_removes_a_hub_and_keeps_one_that_it_invited(bench: Bench) -> None:
    await become(bench, "organiser")
    await invite(bench, None, ANA)
    await invite(bench, ANA, BEN, CAM, first=0, invites=8)
    await invite(bench, BEN, DAN, first=0, invites=0)
    commits = bench.engine.hub.catalog.last_n
    removal = await bench.board.changing.remove(ANA.public, [BEN.public])
    assert (removal.removed, removal.kept) == ((ANA.public,), (BEN.public,))
    assert [one.key for one in removal.fell] == [CAM.public]
    assert removal.as_json()["fell"][0]["key"] == CAM.public.hex()
    people = bench.board.people
    assert people.get(ANA.public).state is State.REMOVED
    kept = people.get(BEN.public)
    assert (kept.invited_by, kept.places, kept.invites) == (bench.key.public, 50, 8)
    assert people.get(DAN.public).path[-3:] == (bench.key.public, BEN.public, DAN.public)
    assert bench.engine.hub.catalog.last_n == commits + 2
    again = await bench.board.changing.remove(ANA.public)
    assert again.fell == ()


async def test_what_is_kept_is_bounded_by_what_the_remover_has(bench: Bench) -> None:
    await become(bench, "organiser", places=30, invites=8)
    await invite(bench, None, ANA)
    await invite(bench, ANA, BEN, CAM, first=0, invites=8)
    await bench.board.changing.remove(ANA.public, [BEN.public, CAM.public])
    people = bench.board.people
    assert (people.get(BEN.public).places, people.get(BEN.public).invites) == (30, 3)
    assert people.get(CAM.public).invites == 3
    await invite(bench, None, ANA, DAN)  # Ana is gone for good, and what the seat says of it counts for nothing
    assert people.get(ANA.public).state is State.REMOVED
    await invite(bench, DAN, key(70), first=0, invites=0)
    error = await refused(bench.board.changing.remove(DAN.public, [key(70).public]), "invites")
    assert error.allowed == "0"
    assert people.get(DAN.public).state is State.STANDING
    await refused(bench.board.changing.remove(DAN.public, [CAM.public]), "keep")


async def test_a_hub_removes_nobody_and_is_told_who_can(bench: Bench) -> None:
    await invite(bench, bench.key, ANA)
    error = await refused(bench.board.changing.remove(ANA.public), "rank")
    assert error.detail == "only an organiser can remove a hub; this hub is a hub"
    assert error.hint.startswith("ask trustee ")
    assert error.hint.endswith("or sign with an organiser's key: `hartig revoke KEY --key FILE`")


async def test_equals_cannot_remove_each_other(bench: Bench) -> None:
    await become(bench, "organiser")
    await invite(bench, None, ANA, rank="organiser")
    error = await refused(bench.board.changing.remove(ANA.public), "equals")
    assert "only a trustee can remove an organiser; this hub is an organiser" in error.detail
    await refused(bench.board.changing.remove(bench.key.public), "own")
    await refused(bench.board.changing.remove(bench.founding.seats[0].key.public), "trustees")


async def test_a_successor_goes_on_with_a_new_membership(bench: Bench) -> None:
    await become(bench, "organiser")
    await invite(bench, None, ANA)
    removal = await bench.board.changing.remove(ANA.public, successor=BEN.public)
    assert removal.removed == (ANA.public,)
    after = bench.board.people.get(BEN.public)
    assert (after.state, after.places, after.invites, after.invited_by) == (State.STANDING, 50, 20, bench.key.public)
    assert bench.board.people.get(ANA.public).successor == BEN.public


async def test_who_came_by_a_recovery_kit_is_removed_with_the_key_before(bench: Bench) -> None:
    await become(bench, "organiser")
    network, kit = network_of(bench), key(f"recovery of {ANA.public.hex()}")
    await publish(bench, network.grant(ANA.public, place=20, places=50, invites=5, recovery_of=ANA))
    await publish(bench, network.revoke(ANA.public, author=kit, successor=BEN.public, consenting=ANA))
    people = bench.board.people
    assert (people.get(BEN.public).state, people.get(BEN.public).places) == (State.STANDING, 50)
    assert people.get(ANA.public).successor == BEN.public
    for number in range(80, 84):  # each lasts longer than the one before, so that it is the one that is kept
        lie = network.revoke(ANA.public, author=key(number), successor=CAM.public, consenting=ANA, seq=number)
        await publish(bench, lie)
        assert people.get(ANA.public).successor == BEN.public  # a thief's own kit hands nothing on
    assert people.details(people.get(BEN.public))["replaces"] == [ANA.public.hex()]
    removal = await bench.board.changing.remove(BEN.public)
    assert removal.removed == (BEN.public, ANA.public)
    assert people.get(BEN.public).state is State.REMOVED


async def test_a_membership_is_renewed_for_who_came_after(bench: Bench) -> None:
    changing, kit = bench.board.changing, key(f"recovery of {ANA.public.hex()}")
    network = network_of(bench)
    await publish(bench, network.grant(ANA.public, author=bench.key, place=3, invites=5, recovery_of=ANA))
    await publish(bench, network.revoke(ANA.public, author=kit, successor=BEN.public, consenting=ANA))
    assert (await changing.renew(BEN.public)).until_ms == NOW_MS + DAYS_MAX * DAY_MS
    (grant,) = bench.board.people.census.given_by(bench.key.public)
    assert (grant.head.subject, grant.head.seq) == (ANA.public, 2)


async def test_who_is_kept_keeps_its_recovery_kit(bench: Bench) -> None:
    """Ana, whom Dan invited, goes on as Ben by her recovery kit, and Ben as Cam; then Dan is removed."""
    await become(bench, "organiser")
    await invite(bench, None, DAN)
    network, kits = network_of(bench), [key(f"recovery of {one.public.hex()}") for one in (ANA, BEN, CAM)]
    await publish(bench, network.grant(ANA.public, author=DAN, place=0, invites=2, recovery_of=ANA))
    for at, (before, after) in enumerate(((ANA, BEN), (BEN, CAM))):
        hash_ = recovery_hash(kits[at + 1].public)
        head = revoke_head(
            network=network.id,
            author=kits[at].public,
            subject=before.public,
            stamp=NOW_MS,
            expires=NOW_MS + 400 * DAY_MS,
            successor=after.public,
            recovery=recovery_of(after, network.id, hash_),
            consent=recovery_of(before, network.id, recovery_hash(kits[at].public))[1],
        )
        await publish(bench, sign_record(head, None, [kits[at]]))
    people = bench.board.people
    assert people.get(CAM.public).state is State.STANDING
    (brief,) = people.details(people.get(DAN.public))["invited"]
    assert (brief["key"], brief["recovery"] is None) == (CAM.public.hex(), False)
    await bench.board.changing.remove(DAN.public, [CAM.public])
    (grant,) = people.census.given_by(bench.key.public)
    assert (grant.head.subject, consented_recovery(grant.head)) == (CAM.public, recovery_hash(kits[2].public))


async def test_what_a_successor_stands_by_is_not_taken_back_under_the_old_key(bench: Bench) -> None:
    network, kit = network_of(bench), key(f"recovery of {ANA.public.hex()}")
    await publish(
        bench, network.grant(ANA.public, author=bench.key, place=5, invites=2, recovery_of=ANA),
        network.revoke(ANA.public, author=kit, successor=BEN.public, consenting=ANA),
    )  # fmt: skip
    assert bench.board.people.get(BEN.public).state is State.STANDING
    await refused(bench.board.changing.end(ANA.public), "removed")
    assert (await bench.board.changing.end(BEN.public)).state is not State.STANDING


# --- Several hubs


async def test_a_removal_reaches_everybody_and_is_judged_alike() -> None:
    async with running_boards(3) as (first, second, third):
        await become(first, "organiser")
        await meet(first, second, third)
        removal = await first.board.changing.remove(second.key.public)
        assert removal.removed == (second.key.public,)
        await meet(first, second, third)
        for bench in (first, second, third):
            assert bench.board.people.get(second.key.public).state is State.REMOVED
        (problem,) = [one for one in await second.board.status.problems() if one.code == "removed"]
        assert "removed from the network" in problem.what
        await refused(third.board.changing.remove(first.key.public), "rank")


# --- Whom a removal must not take along


async def test_who_is_kept_gets_first_what_those_whom_it_let_in_need(bench: Bench) -> None:
    await become(bench, "organiser", invites=22)
    await invite(bench, None, ANA, invites=60)
    await invite(bench, ANA, BEN, CAM, first=0)
    await invite(bench, CAM, DAN, key(71), first=3, invites=8)
    await invite(bench, key(71), key(72), first=2, invites=0)
    people = bench.board.people
    (_, cam) = people.details(people.get(ANA.public))["invited"]
    assert cam["invites_needed"] == 13  # 9 for Dan, 1 for the other, and numbers up to 2 for its own
    removal = await bench.board.changing.remove(ANA.public, [BEN.public, CAM.public])
    assert removal.fell == ()
    assert {people.get(one.public).state for one in (BEN, CAM, DAN, key(71), key(72))} == {State.STANDING}
    assert (people.get(BEN.public).invites, people.get(CAM.public).invites) == (3, 17)


async def test_nobody_is_removed_where_those_to_stay_need_more_than_there_is(bench: Bench) -> None:
    await become(bench, "organiser", invites=10)
    await invite(bench, None, ANA, invites=60)
    await invite(bench, ANA, BEN, first=0)
    await invite(bench, BEN, CAM, DAN, first=0, invites=9)
    error = await refused(bench.board.changing.remove(ANA.public, [BEN.public]), "invites")
    assert error.allowed == "10"
    assert bench.board.people.get(ANA.public).state is State.STANDING


async def test_who_is_kept_belongs_for_no_longer_than_before(bench: Bench) -> None:
    await become(bench, "organiser")
    network, until_ms = network_of(bench), NOW_MS + 3 * DAY_MS
    await publish(bench, network.grant(ANA.public, place=10, places=50, invites=20, expires=until_ms))
    await publish(bench, network.grant(BEN.public, author=ANA, place=0, places=5, invites=0, expires=until_ms - 1))
    await bench.board.changing.remove(ANA.public, [BEN.public], CAM.public)
    people = bench.board.people
    assert (people.get(BEN.public).until_ms, people.get(CAM.public).until_ms) == (until_ms - 1, until_ms)


async def test_who_cannot_stay_or_go_on_is_refused(bench: Bench) -> None:
    await become(bench, "organiser")
    await invite(bench, None, ANA)
    await invite(bench, ANA, BEN, CAM, first=0, invites=0)
    changing, seat = bench.board.changing, bench.founding.seats[0].key.public
    await changing.remove(BEN.public)
    for keep, successor in (([BEN.public], None), ([], BEN.public)):
        error = await refused(changing.remove(ANA.public, keep, successor), "removed")
        assert error.pointer == ("/keep" if keep else "/successor")
    twice = ([CAM.public] * 3, None), ([CAM.public], CAM.public)
    for keep, successor in (*twice, ([], ANA.public), ([], bench.key.public), ([], seat)):
        with pytest.raises(BoardError) as caught:
            await changing.remove(ANA.public, keep, successor)
        assert caught.value.code == "bad_request"
        assert words_used(f"{caught.value.detail} {caught.value.hint}") == []
    for change in (changing.renew, changing.end):
        await refused(change(BEN.public), "removed")
    await invite(bench, bench.key, DAN, invites=0)
    await changing.remove(DAN.public)
    await refused(changing.renew(DAN.public), "removed")
    left = bench.board.rules.belonging()["invites_left"]
    assert (await changing.end(DAN.public)).state is State.REMOVED
    assert bench.board.rules.belonging()["invites_left"] == left + 1
    await refused(changing.end(DAN.public), "removed")
    assert bench.board.people.get(ANA.public).state is State.STANDING
    bench.time.advance(399 * DAY_MS / 1000)
    await refused(changing.remove(ANA.public, [CAM.public]), "over")
    await refused(changing.remove(ANA.public, [], key(70).public), "over")


async def test_a_removal_is_published_whole_or_not_at_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await become(bench, "organiser")
    await invite(bench, None, ANA)
    await invite(bench, ANA, BEN, first=0, invites=0)
    monkeypatch.setattr(bench.board.context.pen, "free_place", lambda *_: 9_000)
    with pytest.raises(BoardError, match="waits_proof"):
        await bench.board.changing.remove(ANA.public, [BEN.public])
    people = bench.board.people
    assert (people.get(ANA.public).state, people.get(BEN.public).state) == (State.STANDING, State.STANDING)


# --- Recovery keys are named by every membership of the same key


async def test_every_next_membership_names_the_recovery_key(bench: Bench) -> None:
    changing, network = bench.board.changing, network_of(bench)
    await become(bench, "organiser")
    hash_ = recovery_hash(key(f"recovery of {ANA.public.hex()}").public)
    await invite(bench, None, DAN)
    await publish(bench, network.grant(ANA.public, author=DAN, place=0, invites=0, recovery_of=ANA))

    def named() -> list[bytes | None]:
        given = bench.board.people.census.given_by(bench.key.public)
        return [consented_recovery(one.head) for one in given if one.head.subject == ANA.public]

    await changing.grant(ANA.public, invites=1)  # what another said of it
    assert named() == [hash_]
    await changing.grant(ANA.public, invites=2)
    await changing.renew(ANA.public)
    assert named() == [hash_]
    await changing.remove(DAN.public, [ANA.public])
    assert named() == [hash_, hash_]
    await invite(bench, None, BEN)
    await changing.remove(BEN.public, successor=ANA.public)
    assert named() == [hash_] * 3
