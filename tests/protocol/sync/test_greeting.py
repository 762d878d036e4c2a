"""Greetings: who is let in, who is not, and what a stranger learns (SPEC, part H)."""

import pytest

from hartig_protocol.encoding import encode
from hartig_protocol.events import (
    CloseLink,
    OwnRecordClaimed,
    TimePassed,
)
from hartig_protocol.limits import DAY_MS
from hartig_protocol.sync import overlay
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.messages import (
    ANSWER,
    Ack,
    Admit,
    Bye,
    Equal,
    Hello,
    Message,
    Ping,
    Pong,
    Records,
    Want,
)
from hartig_protocol.sync.state import Phase, shortened
from support.cores import Core, new_disk
from support.records import NOW_MS, key, seeded
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_the_side_that_dials_speaks_first(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.connect(a, b)
    assert [type(m) for m in wire.said(a)] == [Hello]
    assert wire.said(b) == []


def test_two_members_greet_and_hold_the_same(wire: Wire) -> None:
    a = wire.member(1, wire.network.need(wire.network.hub(1)))
    b = wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    assert a.ids == b.ids
    assert len(a.ids) == 6


def test_a_hello_carries_its_proofs_so_that_anyone_can_judge(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    puppet.say(puppet.hello())
    assert puppet.session.phase is Phase.OPEN
    assert type(puppet.heard[0]) is Hello


def test_a_stranger_learns_nothing_but_why_it_is_refused(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    assert puppet.heard == []
    puppet.say(puppet.hello(records=[wire.network.charter]))
    assert [type(m) for m in puppet.heard] == [Bye]
    assert puppet.closed is not None
    assert puppet.closed[0] == "not_a_member"


@pytest.mark.parametrize(
    "message",
    [Ping(1), Pong(1), Want(()), Ack(1), Equal(0), Records(0, (), True), Admit(())],
    ids=lambda message: type(message).__name__,
)
def test_nothing_may_be_said_before_the_greeting(wire: Wire, message: Message) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    puppet.say(message)
    assert [type(m) for m in puppet.heard] == [Bye]
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"network": bytes(16)}, "other_network"),
        ({"own_node": key("somebody").public}, "wrong_node"),
        ({"peer_node": key("somebody").public}, "wrong_node"),
        ({"lowest": 2, "highest": 3}, "version"),
        ({"lowest": 0, "highest": 0}, "version"),
        ({"hub": key("nobody").public}, "not_a_member"),
    ],
)
def test_a_wrong_hello_closes_the_link(wire: Wire, changes: dict[str, object], code: str) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    puppet.say(puppet.hello(**changes))
    assert puppet.closed is not None
    assert puppet.closed[0] == code


@pytest.mark.parametrize(("lowest", "highest", "older"), [(2, 3, "1 to 1"), (0, 0, "0 to 0")])
def test_both_sides_read_the_same_words_on_who_must_upgrade(wire: Wire, lowest: int, highest: int, older: str) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    puppet.say(puppet.hello(lowest=lowest, highest=highest))
    (bye,) = puppet.heard
    assert isinstance(bye, Bye)
    assert f"the one with {older} must be upgraded" in bye.reason
    assert puppet.closed == ("version", bye.reason)


def test_a_newer_hello_of_another_length_still_says_who_must_upgrade(wire: Wire) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    puppet.send(encode([1, 5, 9, "what", "ever", "follows"]))
    assert puppet.closed is not None
    assert puppet.closed[0] == "version"


def test_a_card_must_name_the_node_that_speaks(wire: Wire) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    hub = puppet.hub_key
    card = wire.network.card(hub, nodes=[key("another node").public])
    puppet.say(puppet.hello([wire.network.charter, wire.network.grant(hub.public, place=2), card]))
    assert puppet.closed is not None
    assert puppet.closed[0] == "wrong_card"


def test_another_hub_that_claims_a_node_does_not_lock_its_owner_out(wire: Wire) -> None:
    a = wire.member(1)
    victim = Puppet(wire, 2, a)
    thief = wire.network.hub(3)
    claim = wire.network.card(thief, nodes=[victim.node])
    wire.publish(a, wire.network.grant(thief.public, place=3), claim)
    victim.say(victim.hello())
    assert victim.session.phase is Phase.OPEN


def test_a_node_that_two_hubs_name_belongs_to_the_one_it_spoke_for(wire: Wire) -> None:
    a = wire.member(1)
    victim = Puppet(wire, 2, a)
    assert a.hub.state.hub_of(victim.node) is None
    victim.say(victim.hello())
    wire.publish(a, wire.network.grant(wire.network.hub(3).public, place=3))
    wire.publish(a, wire.network.card(wire.network.hub(3), nodes=[victim.node]))
    assert a.hub.state.hub_of(victim.node) == victim.hub_key.public
    wire.publish(a, wire.network.card(victim.hub_key, nodes=[key("new machine").public], seq=2, stamp=NOW_MS + 5))
    assert a.hub.state.hub_of(victim.node) == wire.network.hub(3).public


def test_a_card_that_has_ended_names_no_node(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    puppet.say(puppet.hello())
    assert a.hub.state.hub_of(puppet.node) == puppet.hub_key.public
    ended = wire.network.revise(puppet.hub_key, wire.network.card(puppet.hub_key), ends=True)
    wire.publish(a, ended)
    assert ended.id in a.ids
    assert a.hub.state.hub_of(puppet.node) is None
    assert puppet.hub_key.public not in a.hub.state.nodes_of_hub
    again = Puppet(wire, 2, a)
    again.say(again.hello())
    assert again.closed is not None
    assert again.closed[0] == "wrong_card"


def test_another_thing_in_the_place_of_a_card_ends_it_too(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    card = wire.network.card(puppet.hub_key)
    later = wire.network.need(puppet.hub_key, place=card.head.place, expires=NOW_MS + 80 * DAY_MS)
    own = [wire.network.charter, wire.network.grant(puppet.hub_key.public, place=2)]
    wire.publish(a, *own, wire.network.card(puppet.hub_key, expires=NOW_MS + 70 * DAY_MS))
    assert a.hub.state.hub_of(puppet.node) == puppet.hub_key.public
    wire.publish(a, later)
    assert a.hub.state.hub_of(puppet.node) is None


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_cards_of_a_hub_both_name_its_nodes_whichever_came_first(wire: Wire, order: int) -> None:
    a = wire.member(1)
    hub, other = wire.network.hub(2), key("another node").public
    cards = [wire.network.card(hub, nodes=[node], place=place) for node, place in ((key("one").public, 4), (other, 5))]
    wire.publish(a, wire.network.grant(hub.public, place=2), *cards[::order])
    assert a.hub.state.nodes_of_hub[hub.public] == {key("one").public, other}
    wire.publish(a, wire.network.need(hub, place=6), wire.network.need(hub, place=4, audience="hub"))
    assert a.hub.state.hub_of(other) == hub.public
    wire.publish(a, wire.network.revise(hub, cards[1], ends=True))
    assert a.hub.state.nodes_of_hub[hub.public] == {key("one").public}


def test_a_hub_greets_with_the_card_that_it_has_not_ended(wire: Wire) -> None:
    a = wire.member(1)
    own = wire.network.card(a.key)
    second = wire.network.card(a.key, nodes=[a.node], place=5)
    wire.publish(a, second)
    assert a.hub.state.card == second.wire
    wire.publish(a, wire.network.revise(a.key, second, ends=True))
    assert a.hub.state.card == own.wire
    wire.publish(a, wire.network.revise(a.key, own, ends=True))
    assert a.hub.state.card is None


def test_a_revoked_hub_is_told_so(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    wire.publish(a, wire.network.revoke(puppet.hub_key.public))
    puppet.say(puppet.hello())
    assert puppet.closed is not None
    assert puppet.closed[0] == "revoked"


def test_the_link_of_a_hub_that_is_revoked_ends_at_once(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    wire.publish(a, wire.network.revoke(b.key.public))
    assert wire.told_of(a, CloseLink)[-1].code == "revoked"
    assert a.hub.state.open_sessions() == []


def test_the_link_of_a_node_that_its_hubs_card_no_longer_names_ends_at_once(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    wire.publish(b, wire.network.card(b.key, seq=2, nodes=[b.node, key("a new node").public]))
    wire.deliver()
    assert len(a.hub.state.open_sessions()) == 1
    wire.publish(a, wire.network.card(b.key, seq=3, nodes=[key("a new node").public]))
    assert wire.told_of(a, CloseLink)[-1].code == "wrong_card"
    assert a.hub.state.open_sessions() == []


def test_the_link_of_a_hub_whose_grant_ends_is_closed_by_the_sweep(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    grant = wire.network.grant(puppet.hub_key.public, place=2, stamp=NOW_MS, expires=wire.now.wall_ms + 30_000)
    puppet.say(puppet.hello([wire.network.charter, grant, wire.network.card(puppet.hub_key)]))
    assert puppet.closed is None
    wire.pass_time(40_000)
    puppet.say(Pong(0))
    wire.pass_time(21_000)
    assert puppet.closed is not None
    assert puppet.closed[0] == "not_a_member"


def test_a_member_key_that_is_no_hub_cannot_open_a_session(wire: Wire) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    grant = wire.network.grant(puppet.hub_key.public, place=2, rank="member")
    puppet.say(puppet.hello([wire.network.charter, grant]))
    assert puppet.closed is not None
    assert puppet.closed[0] == "not_a_member"


def test_a_copy_of_the_same_hub_is_refused(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 1, a)
    puppet.say(puppet.hello(own_node=puppet.node))
    assert puppet.closed is not None
    assert puppet.closed[0] == "own_key"


def test_a_second_greeting_closes_the_link(wire: Wire) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    puppet.say(puppet.hello(), puppet.hello())
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def test_a_stranger_sets_nothing_aside_in_a_members_name(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    stranger = Puppet(wire, 9, a)
    unproven = wire.network.need(wire.network.hub(8))
    stranger.say(stranger.hello([unproven], hub=b.key.public))
    assert len(a.hub.state.waiting) == 0
    assert stranger.closed is not None
    assert stranger.closed[0] == "wrong_card"


def test_a_hello_says_the_newest_record_of_yours_that_i_hold(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    need = wire.network.need(b.key)
    wire.publish(b, need)
    wire.deliver()
    wire.cut(1)
    wire.forget_said()
    wire.connect(a, b)
    assert wire.said(a, Hello)[0].newest == need.id


def test_a_record_of_ours_that_we_do_not_hold_is_claimed_to_the_node(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    lost = wire.network.need(a.key, place=7)
    puppet.say(puppet.hello(newest=lost.id))
    assert wire.told_of(a, OwnRecordClaimed) == []
    assert Want((lost.id,)) in puppet.heard
    puppet.say(Records(ANSWER, (lost.wire,), final=True))
    assert wire.told_of(a, OwnRecordClaimed) == [OwnRecordClaimed(lost.id, lost.head.kind, 1, puppet.hub_key.public)]


def test_a_claim_that_is_never_shown_costs_one_question(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    puppet.say(puppet.hello(newest=seeded("lost", 32)))
    puppet.say(Records(ANSWER, (), final=True))
    assert wire.told_of(a, OwnRecordClaimed) == []


def test_a_long_reason_in_any_script_still_fits_its_message() -> None:
    assert len(pack(Bye("x", shortened("水" * 500)))) < 300
    assert shortened("plain") == "plain"


def test_a_card_for_this_hub_alone_is_never_in_a_hello(wire: Wire) -> None:
    a = wire.member(1)
    secret = wire.network.card(a.key, name="PRIVATE", audience="hub", place=1)
    wire.publish(a, secret)
    puppet = Puppet(wire, 2, a)
    puppet.say(puppet.hello())
    assert not any(b"PRIVATE" in frame for _, _, frame in wire.sent)


def test_a_path_of_any_depth_fits_a_hello(wire: Wire) -> None:
    network, giver = wire.network, wire.network.seat
    records = [network.charter]
    for depth in range(40):
        granted = network.hub(100 + depth)
        records.append(network.grant(granted.public, author=giver, invites=500 - depth, place=0))
        giver = granted
    a = wire.member(1)
    wire.publish(a, *records)
    deep = [network.hub(100 + depth).public for depth in range(40)]
    standing = [key for key in deep if a.hub.catalog.authority.standing(key) is not None]
    assert standing == deep[:32]
    assert len(a.hub.catalog.path_of(deep[31])) == 33


def test_a_grant_past_its_day_does_not_open_a_session(wire: Wire) -> None:
    puppet = Puppet(wire, 2, wire.member(1))
    stale = wire.network.grant(puppet.hub_key.public, place=2, stamp=NOW_MS - 30 * DAY_MS, expires=NOW_MS - 10 * DAY_MS)
    puppet.say(puppet.hello([wire.network.charter, stale, wire.network.card(puppet.hub_key)]))
    assert puppet.closed is not None
    assert puppet.closed[0] == "not_a_member"


def test_a_hub_whose_card_is_not_made_yet_greets_without_one(wire: Wire) -> None:
    a, c = wire.member(1), wire.add(Core(wire.network, 3, new_disk(3)))
    wire.publish(c, *wire.proofs(3)[:2])
    wire.connect(c, a)
    wire.deliver()
    assert len(wire.said(c, Hello)[0].records) == 2
    assert wire.told_of(a, CloseLink)[-1].code == "wrong_card"


def test_a_greeting_has_its_time(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    wire.handle(a, TimePassed())
    assert puppet.closed is None
    puppet.say(puppet.hello())
    assert puppet.session.is_open


def test_a_member_that_is_one_too_many_is_told_so(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "admit", lambda _state, _session, alone: None if alone else overlay.CROWDED)
    a = wire.member(1)
    one, lonely = Puppet(wire, 2, a), Puppet(wire, 3, a)
    one.say(one.hello(alone=False))
    lonely.say(lonely.hello(alone=True))
    assert one.closed == overlay.CROWDED
    assert lonely.closed is None
