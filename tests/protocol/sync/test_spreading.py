"""How what is new gets to every hub: at once or by name, and who asks whom for which (SPEC, part S)."""

import itertools

import pytest

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.limits import (
    ANNOUNCE_AFTER_MS,
    ANNOUNCE_LATER_MS,
    MESH_ANNOUNCE_AFTER_MS,
    MESH_ANNOUNCE_LATER_MS,
    ORIGINS_MAX,
    PULL_WAIT_MS_MAX,
)
from hartig_protocol.sync import overlay, spreading
from hartig_protocol.sync.messages import ANSWER, Have, Prefer, Pull, Records
from support.cores import Core
from support.records import seeded
from support.talk import have, live, meet, needs, opened, stream
from support.wire import Puppet, Wire

NAMED_MS = MESH_ANNOUNCE_AFTER_MS + MESH_ANNOUNCE_LATER_MS


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def village(monkeypatch: pytest.MonkeyPatch) -> None:
    """More hubs than are linked with all."""
    monkeypatch.setattr(overlay, "is_mesh", lambda _state: False)


def sent_to(puppet: Puppet) -> list[tuple[bytes, ...]]:
    return [tuple(row) for message in puppet.all_heard(Records) for row in message.records]


def quiet(puppet: Puppet) -> Puppet:
    """A peer with which all has been said."""
    puppet.say(stream(through=1))
    puppet.wire.pass_time(NAMED_MS)
    for one in puppet.wire.puppets:
        one.heard.clear()
    return puppet


def preferred(puppet: Puppet) -> list[tuple[bytes, bool]]:
    return [(message.origins, message.eager) for message in puppet.all_heard(Prefer)]


# --- All linked with all


def test_own_records_go_to_everybody_at_once(wire: Wire) -> None:
    a = wire.member(1)
    others = [quiet(opened(wire, a, number)) for number in (2, 3)]
    (need,) = needs(wire, a, 1)
    wire.publish(a, need)
    assert [sent_to(other) for other in others] == [[need.wire]] * 2


def test_records_of_others_are_only_named(wire: Wire) -> None:
    a = wire.member(1)
    origin, other = opened(wire, a, 2), quiet(opened(wire, a, 3))
    need = wire.network.need(origin.hub_key)
    origin.say(live(need))
    assert other.heard == []
    wire.pass_time(NAMED_MS)
    assert other.all_heard(Have) == [have(need)]
    assert sent_to(other) == []


def test_what_a_peer_names_first_is_not_named_to_it(wire: Wire) -> None:
    a = wire.member(1)
    origin, other = opened(wire, a, 2), quiet(opened(wire, a, 3))
    one, two = (wire.network.need(origin.hub_key, place=place) for place in (1, 2))
    origin.say(live(one, two))
    other.say(have(one), live(two))
    wire.pass_time(NAMED_MS)
    assert other.all_heard(Have) == []


def test_what_was_caught_up_is_named_too(wire: Wire, village: None) -> None:
    a = wire.member(1)
    origin, other = opened(wire, a, 2), quiet(opened(wire, a, 3))
    need = wire.network.need(origin.hub_key)
    origin.say(stream(need))
    wire.pass_time(NAMED_MS)
    assert other.all_heard(Have) == [have(need)]
    assert sent_to(other) == []


def test_names_are_sent_in_bounded_batches(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "ANNOUNCED_MAX", 8)
    a = wire.member(1)
    origin, other = opened(wire, a, 2), quiet(opened(wire, a, 3))
    posts = [wire.network.need(origin.hub_key, place=place, nonce=place) for place in range(10)]
    for post in posts:
        origin.say(live(post))
    assert [len(message.short) // 8 for message in other.all_heard(Have)] == [4, 4]
    wire.pass_time(NAMED_MS)
    assert [len(message.short) // 8 for message in other.all_heard(Have)] == [4, 4, 2]


def test_a_step_that_waited_goes_to_who_did_not_send_it(wire: Wire) -> None:
    a = wire.member(1)
    one, other = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    need = wire.network.need(one.hub_key)
    step = wire.network.step(one.hub_key, need)
    other.say(live(step))
    one.say(live(need))
    wire.pass_time(NAMED_MS)
    assert one.all_heard(Have) == [have(step)]


def test_names_wait_longer_where_the_origin_has_a_link_with_each(wire: Wire) -> None:
    a = wire.member(1)
    origin, other = opened(wire, a, 2), quiet(opened(wire, a, 3))
    origin.say(live(wire.network.need(origin.hub_key)))
    wire.pass_time(NAMED_MS - 1)
    assert other.all_heard(Have) == []


def test_a_name_that_waits_to_be_sent_is_heard_as_that_of_a_record_that_is_held(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = wire.member(1)
    origin, other = opened(wire, a, 2), quiet(opened(wire, a, 3))
    need = wire.network.need(origin.hub_key)
    origin.say(live(need))
    monkeypatch.setattr(Catalog, "find_prefix", lambda _catalog, short: pytest.fail(f"looked for {short.hex()}"))
    other.say(have(need))
    wire.pass_time(PULL_WAIT_MS_MAX)
    assert other.all_heard(Pull) == other.all_heard(Have) == []


# --- More hubs than can be linked with all


def test_names_go_soon_where_they_may_be_the_only_way(wire: Wire, village: None) -> None:
    a = wire.member(1)
    origin, other = opened(wire, a, 2), quiet(opened(wire, a, 3))
    need = wire.network.need(origin.hub_key)
    origin.say(stream(need))
    wire.pass_time(ANNOUNCE_AFTER_MS + ANNOUNCE_LATER_MS)
    assert other.all_heard(Have) == [have(need)]


def test_an_origin_of_which_a_peer_has_not_spoken_is_named_at_once(wire: Wire, village: None) -> None:
    a = wire.member(1)
    one, other = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    need = wire.network.need(one.hub_key)
    one.say(live(need))
    assert other.all_heard(Have) == [Have(need.id[:8], now=True)]
    assert one.all_heard(Have) == sent_to(other) == []


def test_what_is_named_at_once_is_pulled_at_once_and_then_sent(wire: Wire, village: None) -> None:
    a = wire.member(1)
    wire.publish(a, *wire.proofs(9))
    first, second = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    hub = wire.network.hub(9)
    need = wire.network.need(hub)
    first.say(Have(need.id[:8], now=True))
    second.say(Have(need.id[:8], now=True))
    assert (first.all_heard(Pull), second.all_heard(Pull)) == ([Pull(need.id[:8])], [])
    first.say(stream(need, why=ANSWER))
    assert preferred(first) == [(hub.public[:8], True)]
    assert preferred(second) == [(hub.public[:8], False)]


def test_who_names_at_once_what_came_elsewhere_is_asked_for_names(wire: Wire, village: None) -> None:
    a = wire.member(1)
    wire.publish(a, *wire.proofs(9))
    first, second = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    hub = wire.network.hub(9)
    need = wire.network.need(hub)
    first.say(live(need))
    second.say(Have(need.id[:8], now=True))
    first.say(Have(need.id[:8], now=True))
    assert preferred(second) == [(hub.public[:8], False)]
    assert preferred(first) == []


def test_who_sends_what_came_already_is_asked_for_names(wire: Wire, village: None) -> None:
    a = wire.member(1)
    wire.publish(a, wire.network.grant(wire.network.hub(9).public, place=9))
    first, second = (quiet(opened(wire, a, number)) for number in (2, 3))
    hub = wire.network.hub(9)
    one, two = (wire.network.need(hub, place=place) for place in (1, 2))
    first.say(live(one))
    second.say(live(one))
    assert preferred(second) == [(hub.public[:8], False)]
    first.say(live(two))
    second.say(live(two))
    assert preferred(first) == []
    assert preferred(second) == [(hub.public[:8], False)], "asked once"


def test_a_link_that_brings_what_it_brought_itself_is_left_alone(wire: Wire, village: None) -> None:
    a = wire.member(1)
    wire.publish(a, wire.network.grant(wire.network.hub(9).public, place=9))
    puppet = quiet(opened(wire, a))
    need = wire.network.need(wire.network.hub(9))
    puppet.say(live(need), live(need))
    assert preferred(puppet) == []


def test_the_origin_itself_is_rather_heard_than_another(wire: Wire, village: None) -> None:
    a = wire.member(1)
    wire.publish(a, *wire.proofs(3))
    relay, origin = quiet(opened(wire, a, 2)), quiet(opened(wire, a, 3))
    need = wire.network.need(origin.hub_key)
    relay.say(live(need))
    origin.say(live(need))
    assert preferred(relay) == [(origin.hub_key.public[:8], False)]
    assert preferred(origin) == []


def test_a_peer_that_wants_names_gets_names_and_may_change_its_mind(wire: Wire, village: None) -> None:
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    one, two = needs(wire, a, 2)
    puppet.say(Prefer(a.key.public[:8], eager=False))
    wire.publish(a, one)
    wire.pass_time(NAMED_MS)
    assert (sent_to(puppet), puppet.all_heard(Have)) == ([], [have(one)])
    puppet.say(Prefer(a.key.public[:8], eager=True))
    wire.publish(a, two)
    assert sent_to(puppet) == [two.wire]


def test_preferences_are_bounded(wire: Wire) -> None:
    a = wire.member(1)
    puppet = opened(wire, a)
    for half in range(2):
        origins = b"".join(seeded(f"{half} {i}", 8) for i in range(ORIGINS_MAX))
        puppet.say(Prefer(origins, eager=False))
    assert len(puppet.session.out.preferences) == ORIGINS_MAX


def test_when_a_link_ends_the_others_are_asked_for_what_it_brought(wire: Wire, village: None) -> None:
    a = wire.member(1)
    wire.publish(a, *wire.proofs(9))
    first, second = (quiet(opened(wire, a, number)) for number in (2, 3))
    hub = wire.network.hub(9)
    need = wire.network.need(hub, place=1)
    first.say(live(need))
    second.say(live(need))
    second.heard.clear()
    wire.cut(first.link)
    assert preferred(second) == [(hub.public[:8], True)]


# --- Origins


def test_a_members_records_originate_in_the_hub_above_it(wire: Wire) -> None:
    a = wire.member(1)
    member = wire.network.hub(70)
    wire.publish(a, wire.network.grant(member.public, author=a.key, rank="member", place=3, invites=0))
    state = a.hub.state
    assert spreading.origin_of(state, member.public) == a.key.public[:8]
    assert spreading.origin_of(state, a.key.public) == a.key.public[:8]
    assert spreading.origin_of(state, wire.network.hub(71).public) is None
    assert spreading.origin_of(state, wire.network.seat.public) is None


def test_governance_is_sent_at_once_by_whom_it_was_published(wire: Wire) -> None:
    a = wire.member(1)
    puppet = quiet(opened(wire, a))
    grant = wire.network.grant(wire.network.hub(60).public, place=60)
    wire.publish(a, grant)
    assert sent_to(puppet) == [grant.wire]


def test_hubs_far_apart_get_everything_though_each_only_names_it(wire: Wire) -> None:
    line: list[Core] = [wire.member(number) for number in range(1, 6)]
    for one, other in itertools.pairwise(line):
        meet(wire, one, other)
    wire.pass_time(2_000)
    wire.publish(line[0], *needs(wire, line[0], 3))
    wire.pass_time(5_000)
    assert all(core.ids == line[0].ids for core in line)
