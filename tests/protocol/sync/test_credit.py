"""What comes beyond the tokens: only what lets the set grow, and from nobody's subtree too much (SPEC S6)."""

import pytest

from hartig_protocol.limits import (
    FEED_SILENCE_MS,
    HOUR_MS,
    INTAKE_BURST_RECORDS,
    INTAKE_CATCH_UP_RECORDS,
    INTAKE_COST,
    INTAKE_WASTE_RECORDS,
    INTAKE_WASTERS,
)
from hartig_protocol.records.record import Record
from hartig_protocol.sync import credit as crediting
from hartig_protocol.sync.credit import Credit
from hartig_protocol.sync.intake import Intake
from hartig_protocol.sync.messages import BEHIND, Records
from support.records import NOW_MS
from support.talk import live, opened, stream
from support.wire import Puppet, Wire

SEAT, ONE, OTHER, THIRD = b"seat", b"one", b"other", b"third"
ALL = INTAKE_CATCH_UP_RECORDS * INTAKE_COST


@pytest.fixture
def wire() -> Wire:
    return Wire()


def posts(wire: Wire, number: int, count: int, start: int = 0) -> list[Record]:
    key = wire.network.hub(number)
    return [wire.network.need(key, place=start + i, nonce=start + i) for i in range(count)]


def emptied(puppet: Puppet) -> None:
    """Let the hub have taken in all that it has tokens for."""
    pool = puppet.core.hub.state.intake.pool
    pool.refill(puppet.wire.now.steady_ms)
    pool.tokens = 0


def feeder(wire: Wire, number: int = 2) -> Puppet:
    """A peer that says that it holds very much, at a hub that has no tokens left."""
    core = wire.cores[0] if wire.cores else wire.member(1)
    puppet = opened(wire, core, number, count=10**6)
    emptied(puppet)
    return puppet


def waiting(puppet: Puppet) -> int:
    return len(puppet.core.hub.state.intake.queue)


# --- The allowance


def test_credit_pays_for_what_is_held_beyond_what_ever_was() -> None:
    credit = Credit()
    assert credit.allows((SEAT, ONE), 1_000, 0)
    assert credit.pay((SEAT, ONE), 64_000, 64, 1_064) == 64_000
    assert credit.pay((SEAT, ONE), 64_000, 64, 1_080) == 16_000
    assert credit.pay((SEAT, ONE), 64_000, 64, 1_080) == 0
    assert credit.pay((SEAT, ONE), 0, 0, 900) == 0
    assert credit.allows((SEAT, ONE), 1_100, 0), "others have brought something, too"
    assert credit.pay((SEAT, ONE), 64_000, 64, 1_101) == 1_000
    assert credit.left == ALL - 81_000


def test_a_subtree_has_no_more_than_it_leaves_for_others() -> None:
    credit = Credit()
    assert credit.allows((SEAT, ONE), 0, 0)
    credit.pay((SEAT, ONE), ALL // 2, 1, 1)
    assert not credit.allows((SEAT, ONE), 1, 0)
    assert not credit.allows((SEAT, ONE, THIRD), 1, 0)
    assert credit.allows((SEAT, OTHER), 1, 0)
    credit.pay((SEAT, OTHER), ALL // 4, 1, 2)
    assert not credit.allows((SEAT, OTHER), 2, 0)
    assert credit.allows((SEAT,), 2, HOUR_MS - 1), "a seat that feeds pays for itself"
    assert credit.allows((SEAT, ONE), 2, HOUR_MS)
    assert credit.left == ALL


def test_whoever_overdraws_the_tokens_has_no_more_credit_nor_has_a_subtree_where_several_do() -> None:
    intake = Intake()
    sybils = [(SEAT, ONE, b"sybil %d" % number) for number in range(INTAKE_WASTERS)]
    assert intake.credit.allows(sybils[0], 0, 0)
    intake.spend(sybils[0], INTAKE_BURST_RECORDS * INTAKE_COST, 1, 0)
    assert intake.credit.allows(sybils[0], 0, 0), "there were tokens for it"
    for sybil in sybils:
        assert intake.credit.allows(sybil, 0, 0)
        assert intake.credit.allows((SEAT, ONE), 0, 0)
        intake.spend(sybil, INTAKE_WASTE_RECORDS * INTAKE_COST, 1, 0)
        assert not intake.credit.allows(sybil, 0, 0)
    assert not intake.credit.allows((SEAT, ONE), 0, 0)
    assert not intake.credit.allows((SEAT, ONE, THIRD), 0, 0)
    assert intake.credit.allows((SEAT, OTHER), 0, 0)


def test_one_subtree_alone_ends_the_credit_of_nobody_beside_it() -> None:
    credit, above = Credit(), (SEAT, b"founder")
    assert credit.allows(above, 0, 0)
    for guest in ((), (b"first",), (b"second",), (b"third",)):
        credit.wasted((*above, ONE, *guest), 9 * INTAKE_WASTE_RECORDS * INTAKE_COST)
    assert not credit.allows((*above, ONE), 0, 0)
    assert credit.allows((*above, OTHER), 0, 0)
    assert credit.allows(above, 0, 0)


# --- Who feeds a hub


def test_what_a_newcomer_lacks_does_not_wait(wire: Wire) -> None:
    puppet = feeder(wire)
    a = puppet.core
    puppet.say(stream(*posts(wire, 2, 100), final=False))
    assert len(a.ids) > 100


def test_whoever_feeds_a_newcomer_goes_on_at_full_speed_after_a_silence(wire: Wire) -> None:
    puppet = feeder(wire)
    a = puppet.core
    puppet.say(stream(*posts(wire, 2, 10), final=False))
    wire.pass_time(FEED_SILENCE_MS + 1)
    assert a.hub.state.feeding is None
    emptied(puppet)
    puppet.say(live(*posts(wire, 2, 5, 10)))  # what is new to everybody feeds nobody
    assert (a.hub.state.feeding, len(a.hub.state.intake.queue)) == (None, 5)
    puppet.say(stream(*posts(wire, 2, 100, 20), final=False))
    assert a.hub.state.feeding is not None
    assert len(a.ids) > 110
    other = opened(wire, a, 3)
    other.say(stream(*posts(wire, 3, 10, 200), final=False))
    assert a.hub.state.feeding.link == puppet.link


def test_of_two_that_feed_a_hub_the_second_goes_on_when_the_first_has_died(wire: Wire) -> None:
    first, second = feeder(wire), feeder(wire, 3)
    a = first.core
    first.say(stream(*posts(wire, 2, 200), final=False))
    wire.cut(first.link)
    second.say(stream(*posts(wire, 2, 200), *posts(wire, 2, 40, 200), final=False))
    second.say(stream(*posts(wire, 2, 200, 240), final=False))
    assert waiting(second) == 0
    assert len(a.ids) >= 440


def test_what_does_not_verify_is_paid_for_with_tokens_whatever_a_peer_says_to_hold(wire: Wire) -> None:
    puppet = feeder(wire)
    forged = [(post.head_bytes, bytes(64), post.body_bytes) for post in posts(wire, 2, 1_000)]
    for at in range(0, 1_000, 50):
        puppet.say(Records(BEHIND, tuple(forged[at : at + 50]), final=False))
    assert waiting(puppet) >= 1_000 - INTAKE_WASTE_RECORDS - 50
    assert not opened(wire, puppet.core, 3).session.into.held, "others may have credit"


def test_new_versions_in_the_same_places_do_not_come_on_credit_for_ever(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crediting, "INTAKE_WASTE_RECORDS", 60)
    puppet = feeder(wire)
    hub = puppet.hub_key
    for version in range(1, 9):
        newer = [
            wire.network.need(hub, place=place, nonce=place, seq=version, expires=NOW_MS + 10**8 + version)
            for place in range(20)
        ]
        puppet.say(stream(*newer, final=False))
    assert waiting(puppet) == 4 * 20, "one is growth, three are waste"


def test_where_several_of_an_inviter_have_wasted_none_of_them_has_credit_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crediting, "INTAKE_WASTE_RECORDS", 60)
    monkeypatch.setattr(crediting, "INTAKE_WASTERS", 2)
    a = wire.member(1)
    wire.publish(a, *wire.proofs(3))
    for index, number in enumerate((51, 52, 53)):
        puppet = Puppet(wire, number, a)
        grant = wire.network.grant(puppet.hub_key.public, author=wire.network.hub(3), place=index, invites=0)
        puppet.say(puppet.hello([*wire.proofs(3)[:2], grant, wire.network.card(puppet.hub_key)], count=10**6))
        emptied(puppet)
        forged = tuple((one.head_bytes, bytes(64), one.body_bytes) for one in posts(wire, 4, 80))
        puppet.say(Records(BEHIND, forged, final=False))
        assert waiting(puppet) == (80 if index == 2 else 0)
        wire.cut(puppet.link)
    honest = feeder(wire, 4)
    honest.say(stream(*posts(wire, 4, 20), final=False))
    assert waiting(honest) == 0
    wire.cut(honest.link)
    kindred = feeder(wire, 3)
    kindred.say(stream(*posts(wire, 3, 20), final=False))
    assert waiting(kindred) == 20
