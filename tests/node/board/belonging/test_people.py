from dataclasses import asdict

import pytest

from hartig_node.board.belonging.people import State, key_of
from hartig_node.board.errors import BoardError
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.governance import Rank
from node.board.belonging.belonging import ANA, BEN, CAM, DAN, become, invite, network_of, publish
from support.boards import Bench
from support.records import NOW_MS, key


async def town(bench: Bench) -> None:
    """Ana was invited by this hub, and invited Ben and Cam; Ben invited Dan."""
    await become(bench, "organiser")
    await invite(bench, bench.key, ANA)
    await invite(bench, ANA, BEN, CAM, first=0, invites=8)
    await invite(bench, BEN, DAN, first=0, invites=0)


async def test_everybody_stands_below_who_invited(bench: Bench) -> None:
    await town(bench)
    seat = bench.founding.seats[0].key.public
    listed = {one.key: one for one in bench.board.people.everybody()}
    assert list(listed)[:3] == [seat, bench.key.public, ANA.public]
    assert set(listed) == {seat, bench.key.public, *(one.public for one in (ANA, BEN, CAM, DAN))}
    assert list(listed).index(DAN.public) == list(listed).index(BEN.public) + 1
    assert listed[DAN.public].path == (seat, bench.key.public, ANA.public, BEN.public, DAN.public)
    assert (listed[seat].rank, listed[seat].until_ms, listed[seat].invited_by) == (Rank.SEAT, None, None)
    own = listed[bench.key.public]
    assert (own.rank, own.name, own.is_us, own.invited_by) == (Rank.ORGANISER, "Test hub", True, seat)
    assert str(own) == "Test hub"
    assert str(listed[ANA.public]) == f"hub {ANA.public.hex()[:8]}"


async def test_who_was_removed_or_is_over_is_listed_on_request(bench: Bench) -> None:
    await town(bench)
    network = network_of(bench)
    await publish(bench, network.revoke(BEN.public, successor=key(77).public))
    await publish(
        bench, network.grant(CAM.public, author=ANA, place=1, seq=2, expires=NOW_MS + 399 * DAY_MS, ends=True)
    )
    assert not {BEN.public, CAM.public, DAN.public} & {one.key for one in bench.board.people.everybody()}
    former = {one.key: one for one in bench.board.people.everybody(also_former=True)}
    assert (former[BEN.public].state, former[BEN.public].successor) == (State.REMOVED, key(77).public)
    assert (former[CAM.public].state, former[CAM.public].rank) == (State.OVER, Rank.MEMBER)
    assert former[CAM.public].path[-2:] == (ANA.public, CAM.public)
    assert DAN.public not in former  # nothing proves any more that it was ever invited
    with pytest.raises(BoardError, match="nobody with the key"):
        bench.board.people.get(DAN.public)


async def test_one_is_shown_with_whom_it_invited_and_what_rests_on_it(bench: Bench) -> None:
    await town(bench)
    people = bench.board.people
    details = people.details(people.get(ANA.public))
    assert [one["key"] for one in details["invited"]] == [BEN.public.hex(), CAM.public.hex()]
    assert [one["number"] for one in details["invited"]] == [0, 1]
    assert {one["key"] for one in details["rests_on_it"]} == {one.public.hex() for one in (BEN, CAM, DAN)}
    assert details["rests_on_it_count"] == 3
    assert details["invites_left"] == 2  # Ben and Cam and eight more each are 18 of 20
    assert details["until"].startswith("2027-")
    await invite(bench, None, CAM)
    assert {one.key for one in people.falling_without(ANA.public)} == {BEN.public, DAN.public}


async def test_invites_that_are_left_follow_from_what_was_given(bench: Bench) -> None:
    await become(bench, "organiser", invites=30)
    census = bench.board.people.census
    assert census.invites_left(bench.key.public) == 30
    await invite(bench, bench.key, ANA)
    census = bench.board.people.census
    assert (census.invites_left(bench.key.public), census.invites_left(bench.key.public, without=5)) == (9, 30)
    assert census.invites_left(key(99).public) == 0


async def test_pages_follow_each_other(bench: Bench) -> None:
    await town(bench)
    people = bench.board.people
    first, cursor = people.page(4, None, also_former=False)
    second, last = people.page(4, cursor, also_former=False)
    assert (len(first), len(second), last) == (4, 2, None)
    assert [*first, *second] == people.everybody()
    with pytest.raises(BoardError, match="not in the list"):
        people.page(4, "00", also_former=False)


async def test_the_census_is_made_anew_only_when_something_changed(bench: Bench) -> None:
    people = bench.board.people
    before = people.census
    assert people.census is before
    bench.board.context.hub_names[ANA.public] = "Ana"
    assert people.census is not before
    await invite(bench, bench.key, ANA)
    assert people.get(ANA.public).name == "Ana"
    assert asdict(people.get(ANA.public))["state"] == "standing"


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "00" * 32, None, 7])
def test_what_is_no_key_is_refused(text: object) -> None:
    with pytest.raises(BoardError) as caught:
        key_of(text)
    assert (caught.value.code, caught.value.pointer) == ("bad_request", "/key")
