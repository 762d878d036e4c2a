"""What follows when a remover does not belong any more, and this hub's own key where it is a trustee's."""

import pytest

from hartig_node.board.belonging import own
from hartig_node.board.belonging.people import State
from hartig_node.board.errors import BoardError
from hartig_protocol.events import TimePassed
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.records.writing import recovery_of
from node.board.belonging.belonging import ANA, BEN, CAM, DAN, invite, network_of, next_rules, publish
from node.board.belonging.test_changing import refused
from support.boards import Bench
from support.records import NOW_MS, key


async def removed(bench: Bench, *keys: bytes) -> None:
    """Ana, an organiser, removes some."""
    await publish(bench, *(network_of(bench).revoke(one, author=ANA) for one in keys))


async def trustees(bench: Bench) -> None:
    """This hub is a trustee's."""
    seat = bench.founding.seats[0].key
    seats = [(seat.public, bytes(32)), (bench.key.public, bytes(range(32)))]
    await publish(bench, next_rules(bench, bench.founding.charter, [seat], seats))


async def town(bench: Bench) -> None:
    """This hub is a trustee's; Ana, an organiser, has removed Ben, whom this hub had invited."""
    await trustees(bench)
    await invite(bench, None, ANA, rank="organiser")
    await invite(bench, bench.key, BEN)
    await removed(bench, BEN.public)


def falling(bench: Bench) -> list[bytes]:
    return [one.head.subject for one in bench.board.people.without({ANA.public}).removals]


async def test_a_removal_falls_with_who_made_it_unless_another_stands_by_it(bench: Bench) -> None:
    await town(bench)
    people = bench.board.people
    assert falling(bench) == [BEN.public]
    assert [one.key for one in people.without({ANA.public}).returns] == [BEN.public]
    (said,) = people.without_json({ANA.public})["removals"]
    assert (said["by"], said["rank"], said["would_return"]) == (ANA.public.hex(), "hub", True)
    assert people.details(people.get(ANA.public))["removals_made"] == 1
    await publish(bench, network_of(bench).revoke(BEN.public))
    assert falling(bench) == []


async def test_only_what_voids_somebody_is_taken_over(bench: Bench) -> None:
    """Not what Ana said of an equal or of a trustee; but of a key that nobody here let in, after all others."""
    await town(bench)
    seat, unknown, over = bench.founding.seats[0].key.public, key(50).public, key(51)
    await publish(bench, network_of(bench).grant(DAN.public, rank="organiser", place=30))
    await publish(bench, network_of(bench).grant(over.public, author=bench.key, place=40, expires=NOW_MS + DAY_MS))
    await removed(bench, unknown, DAN.public, seat, over.public)
    bench.time.advance(2 * 86_400)
    bench.engine.handle(TimePassed())
    assert falling(bench) == [BEN.public, over.public, unknown]


async def test_an_equal_whose_membership_is_over_can_be_let_in_again(bench: Bench) -> None:
    """Of Dan, an organiser until yesterday, Ana had said that he is removed: nobody can make that count later."""
    await town(bench)
    network = network_of(bench)
    await publish(bench, network.grant(DAN.public, rank="organiser", place=30, expires=NOW_MS + DAY_MS))
    await removed(bench, DAN.public)
    bench.time.advance(2 * 86_400)
    bench.engine.handle(TimePassed())
    assert falling(bench) == [BEN.public]
    await bench.board.changing.remove(ANA.public)
    await publish(bench, network.grant(DAN.public, rank="organiser", place=31))
    assert bench.board.people.get(DAN.public).state is State.STANDING


async def test_whom_a_recovery_key_voided_is_no_removal_to_take_over(bench: Bench) -> None:
    await town(bench)
    kit = key(f"recovery of {CAM.public.hex()}")
    network = network_of(bench)
    await publish(bench, network.grant(CAM.public, place=20, invites=0, recovery_of=CAM))
    await publish(bench, network.revoke(CAM.public, author=kit, successor=DAN.public, consenting=CAM))
    assert falling(bench) == [BEN.public]
    await removed(bench, CAM.public, DAN.public)  # else the kit could name another
    assert {*falling(bench)} == {BEN.public, CAM.public, DAN.public}


async def test_what_is_removed_stays_so_by_this_hubs_word(bench: Bench) -> None:
    await town(bench)
    would = await bench.board.changing.remove(ANA.public, preview=True)
    assert (would.removed, would.stay_removed, would.returned) == ((ANA.public,), (BEN.public,), ())
    assert bench.board.people.get(ANA.public).state is State.STANDING
    assert await bench.board.changing.remove(ANA.public) == would
    assert [bench.board.people.get(one.public).state for one in (ANA, BEN)] == [State.REMOVED] * 2


async def test_whoever_is_named_returns(bench: Bench) -> None:
    await town(bench)
    changing = bench.board.changing
    error = await refused(changing.remove(ANA.public, returns=[CAM.public]), "keep")
    assert error.pointer == "/returns"
    with pytest.raises(BoardError, match="named twice"):
        await changing.remove(ANA.public, returns=[BEN.public] * 2)
    removal = await changing.remove(ANA.public, returns=[BEN.public])
    assert ([one.key for one in removal.returned], removal.stay_removed) == ([BEN.public], ())
    assert removal.as_json()["returned"][0]["key"] == BEN.public.hex()
    assert bench.board.people.get(BEN.public).state is State.STANDING


async def test_who_takes_a_membership_back_takes_over_its_removals(bench: Bench) -> None:
    await town(bench)
    await publish(bench, network_of(bench).grant(DAN.public, author=bench.key, rank="organiser", place=60, invites=0))
    await publish(bench, network_of(bench).revoke(CAM.public, author=DAN))
    await bench.board.changing.end(DAN.public)
    assert bench.board.people.get(DAN.public).state is State.OVER
    assert bench.board.people.get(CAM.public).state is State.REMOVED


async def test_where_one_may_remove_no_more_those_come_first_whom_somebody_let_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town(bench)
    await removed(bench, *(key(50 + number).public for number in range(4)))
    monkeypatch.setattr(own, "REVOKES_MAX", 3)
    removal = await bench.board.changing.remove(ANA.public)
    assert (removal.stay_removed[0], len(removal.stay_removed)) == (BEN.public, 2)  # the third is Ana's own


async def test_a_successor_that_was_named_goes_on_being_named(bench: Bench) -> None:
    await town(bench)
    kit = recovery_of(DAN, bench.founding.network, recovery_hash(key(9).public))
    again = network_of(bench).revoke(BEN.public, author=ANA, seq=2, successor=DAN.public, recovery=kit)
    await publish(bench, again)
    await bench.board.changing.remove(ANA.public)
    assert bench.board.people.get(BEN.public).successor == DAN.public
    (by_us,) = [one for one in bench.board.people.census.revokes if one.head.subject == BEN.public]
    assert (by_us.head.author, bytes(by_us.head.facts["recovery"][1])) == (bench.key.public, kit[1])


async def test_an_expired_organiser_who_is_still_a_hub_leaves_them_removed(bench: Bench) -> None:
    """Her removals count also after that membership ended (SPEC A8), by the rank that she had."""
    network = network_of(bench)
    await trustees(bench)
    await publish(bench, network.grant(ANA.public, rank="organiser", place=10, expires=NOW_MS + DAY_MS))
    await publish(bench, network.grant(ANA.public, author=bench.key, place=6, invites=5))
    await invite(bench, bench.key, BEN, first=7)
    await removed(bench, BEN.public)
    bench.time.advance(2 * 86_400)
    bench.engine.handle(TimePassed())
    assert bench.board.people.get(ANA.public).rank is Rank.HUB
    assert (await bench.board.changing.remove(ANA.public)).stay_removed == (BEN.public,)
    assert bench.board.people.get(BEN.public).state is State.REMOVED


async def test_who_goes_on_by_a_kit_alone_is_among_those_who_return(bench: Bench) -> None:
    """Nobody here let Dan in: he stands by Cam's kit, once Ana's removal of Cam does not count."""
    await town(bench)
    network, kit = network_of(bench), key(f"recovery of {CAM.public.hex()}")
    await publish(bench, network.grant(CAM.public, place=20, invites=0, recovery_of=CAM))
    await publish(bench, network.revoke(CAM.public, author=kit, successor=DAN.public, consenting=CAM))
    await publish(bench, network.revoke(BEN.public))
    await removed(bench, CAM.public)
    without = bench.board.people.without_json({ANA.public})
    assert [(one["key"], one["state"]) for one in without["returns"]] == [(DAN.public.hex(), "over")]
    assert [(one["key"], one["would_return"]) for one in without["removals"]] == [(CAM.public.hex(), True)]
    removal = await bench.board.changing.remove(ANA.public, returns=[CAM.public])
    assert [one.key for one in removal.returned] == [DAN.public]


async def test_who_takes_back_one_membership_of_two_invents_no_removal(bench: Bench) -> None:
    """Ana stays an organiser by a trustee; this trustee's hub takes back what it gave itself."""
    await town(bench)
    await publish(bench, network_of(bench).grant(ANA.public, author=bench.key, place=9, invites=5))
    await bench.board.changing.end(ANA.public)
    assert bench.board.people.get(ANA.public).rank is Rank.ORGANISER
    assert {one.head.author for one in bench.board.people.census.revokes} == {ANA.public}


async def test_a_hub_takes_back_its_invite_of_somebody_who_became_an_organiser(bench: Bench) -> None:
    await invite(bench, bench.key, ANA, BEN)
    await invite(bench, None, ANA, rank="organiser")
    await removed(bench, BEN.public)
    assert (await bench.board.changing.end(ANA.public)).rank is Rank.ORGANISER
    assert bench.board.people.get(BEN.public).state is State.REMOVED


async def test_an_organiser_who_is_made_a_hub_leaves_them_removed(bench: Bench) -> None:
    await town(bench)
    await publish(bench, network_of(bench).grant(DAN.public, author=bench.key, rank="organiser", place=60, invites=5))
    await invite(bench, bench.key, CAM, first=7)
    await publish(bench, network_of(bench).revoke(CAM.public, author=DAN))
    assert (await bench.board.changing.grant(DAN.public, places=10)).rank is Rank.HUB
    assert bench.board.people.get(CAM.public).state is State.REMOVED
