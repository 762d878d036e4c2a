from dataclasses import replace

from hartig_node.board.belonging.people import REMINDED_MS
from hartig_node.board.belonging.rules import ENDING_SHOWN_MAX
from hartig_node.board.belonging.waiting import FIRST_SHOWN, waiting_json
from hartig_node.glossary import words_used
from hartig_protocol.events import TimePassed
from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.governance import Charter
from node.board.belonging.belonging import ANA, BEN, CAM, DAN, become, invite, network_of, next_rules, publish
from support.boards import Bench, running_board
from support.records import NOW_MS, key


def advance(bench: Bench, days: float) -> None:
    bench.time.advance(days * DAY_MS / 1000)


async def codes(bench: Bench) -> list[str]:
    return [problem.code for problem in await bench.board.status.problems()]


async def test_the_rules_are_shown_as_they_stand(bench: Bench) -> None:
    view = bench.board.rules.view()
    seat = bench.founding.seats[0].key.public
    assert (view["id"], view["version"], view["name"]) == (bench.founding.network.hex(), 1, "Test")
    assert ([one["key"] for one in view["trustees"]], view["threshold"], view["others"]) == ([seat.hex()], 1, [])
    assert view["defaults"]["open"] is False
    assert view["record"] == bench.founding.charter.id.hex()


async def test_new_rules_count_at_once(bench: Bench) -> None:
    seat = bench.founding.seats[0]
    defaults = replace(Charter.of(bench.founding.charter.head).defaults, open=True)
    await publish(bench, next_rules(bench, bench.founding.charter, [seat.recovery], name="Valley", defaults=defaults))
    view = bench.board.rules.view()
    assert (view["version"], view["name"], view["defaults"]["open"]) == (2, "Valley", True)
    assert view["signers"] == [seat.recovery.public.hex()]
    assert bench.board.rules.belonging()["rules_version"] == 2


async def test_trustees_are_warned_of_two_versions(bench: Bench) -> None:
    seat = bench.founding.seats[0].key
    one, other = (next_rules(bench, bench.founding.charter, [seat], name=name) for name in ("Valley", "Hill"))
    await publish(bench, max(one, other, key=lambda rules: rules.id))
    assert "rules_forked" not in await codes(bench)
    await publish(bench, min(one, other, key=lambda rules: rules.id))
    view = bench.board.rules.view()
    assert {view["name"], view["others"][0]["name"]} == {"Valley", "Hill"}
    assert (view["others"][0]["signed_by"], view["others"][0]["version"]) == (1, 2)
    assert view["others"][0]["replaces"] == bench.founding.charter.id.hex()
    (problem,) = [one for one in await bench.board.status.problems() if one.code == "rules_forked"]
    assert words_used(problem.what + problem.hint) == []


async def test_own_belonging_is_told_and_its_end_is_announced(bench: Bench) -> None:
    own = (await bench.board.status.report())["belonging"]
    seat = bench.founding.seats[0].key.public
    assert (own["rank"], own["invited_by"], own["ending"], own["ending_count"]) == ("hub", seat.hex(), [], 0)
    assert own["until"].startswith("2027-12")
    advance(bench, 400 - REMINDED_MS / DAY_MS - 1)
    assert "membership_ends" not in await codes(bench)
    advance(bench, 1)
    (problem,) = [one for one in await bench.board.status.problems() if one.code == "membership_ends"]
    assert "ends on 2027-12" in problem.what
    assert "ask trustee" in problem.hint
    advance(bench, 60)
    bench.engine.handle(TimePassed())
    assert "membership_over" in await codes(bench)
    own = bench.board.rules.belonging()
    assert (own["rank"], own["until"], own["invites_left"]) == (None, None, 0)


async def test_what_this_hub_gave_and_ends_soon_is_listed(bench: Bench) -> None:
    changing = bench.board.changing
    await changing.grant(ANA.public, days=50)
    await changing.grant(BEN.public, days=40)
    await changing.grant(CAM.public, days=61)
    assert [one.key for one, _ in bench.board.rules.ending()] == [BEN.public, ANA.public]
    belonging = bench.board.rules.belonging()
    assert [one["key"] for one in belonging["ending"]] == [BEN.public.hex(), ANA.public.hex()]
    assert belonging["ending_count"] == 2 <= ENDING_SHOWN_MAX
    (problem,) = [one for one in await bench.board.status.problems() if one.code == "memberships_end"]
    assert "and 1 more" in problem.what
    await changing.renew(ANA.public)
    await changing.end(BEN.public)
    assert bench.board.rules.ending() == []
    assert "memberships_end" not in await codes(bench)


async def test_without_the_time_nothing_is_announced() -> None:
    async with running_board(trusted=False) as bench:
        await invite(bench, bench.key, ANA)
        advance(bench, 350)
        assert not {"membership_ends", "memberships_end"} & set(await codes(bench))


async def test_a_hub_without_a_network_has_no_rules() -> None:
    async with running_board(founded=False) as bench:
        assert bench.board.rules.view()["version"] == 0
        assert bench.board.rules.belonging()["rank"] is None
        assert bench.board.rules.problems() == []


async def test_what_waits_is_shown_by_neighbour(bench: Bench) -> None:
    await become(bench, "organiser")
    network, place = network_of(bench), bench.engine.hub.state.waiting
    assert waiting_json(bench.board.context) == {"count": 0, "neighbours": []}
    bench.board.context.hub_names[ANA.public] = "Ana"
    for number in range(FIRST_SHOWN + 2):
        record = network.grant(key(100 + number).public, author=BEN, place=number)
        assert place.add(ANA.public, record, ("proof", BEN.public))
    (neighbour,) = waiting_json(bench.board.context)["neighbours"]
    assert (neighbour["name"], neighbour["count"], neighbour["for"]) == ("Ana", 12, {"proof": 12})
    assert len(neighbour["first"]) == FIRST_SHOWN
    assert (neighbour["first"][0]["waits_for"], neighbour["first"][0]["of"]) == ("proof", BEN.public.hex())


async def test_who_goes_on_by_a_recovery_kit_is_reminded_of_as_well(bench: Bench) -> None:
    network, kit = network_of(bench), key(f"recovery of {CAM.public.hex()}")
    soon = NOW_MS + 30 * DAY_MS
    await publish(
        bench, network.grant(CAM.public, author=bench.key, place=20, invites=0, recovery_of=CAM, expires=soon)
    )
    await publish(bench, network.revoke(CAM.public, author=kit, successor=DAN.public, consenting=CAM))
    assert [(one.key, until) for one, until in bench.board.rules.ending()] == [(DAN.public, soon)]
