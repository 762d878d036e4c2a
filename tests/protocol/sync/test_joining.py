"""Newcomers with an invite, and two links to one node (SPEC, part H)."""

import pytest

from hartig_protocol.events import (
    Admitted,
    AskAdmission,
    CloseLink,
    NewcomerAdmitted,
    NewcomerRefused,
    PrivateRow,
)
from hartig_protocol.sync.greeting import join_proof
from hartig_protocol.sync.messages import Admit, Bye
from hartig_protocol.sync.state import Joining
from support.cores import Core, new_disk
from support.records import key, seeded
from support.talk import joined
from support.wire import Puppet, Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


# --- Joining


def test_a_newcomer_joins_with_an_invite_and_greets_again_as_a_member(wire: Wire) -> None:
    a = wire.member(1)
    c = wire.newcomer(3, a)
    wire.connect(c, a)
    wire.deliver()
    assert c.hub.state.is_member
    assert wire.told_of(c, Admitted) == [Admitted()]
    assert wire.told_of(c, CloseLink)[-1].code == "admitted"
    wire.publish(c, wire.network.card(c.key, place=7))
    wire.connect(c, a)
    wire.deliver()
    assert c.ids == a.ids


def test_a_newcomer_whose_answer_was_lost_is_let_in_without_a_second_invite(wire: Wire) -> None:
    a = wire.member(1)
    c = wire.newcomer(3, a)
    link = wire.connect(c, a)
    wire.deliver(2)  # the join, and the node's answer; the admission is under way
    wire.cut(link)
    assert not c.hub.state.is_member
    a.secrets.clear()
    wire.connect(c, a)
    wire.deliver()
    assert c.hub.state.is_member


def test_a_key_that_was_revoked_is_told_so_and_uses_no_invite_up(wire: Wire) -> None:
    a = wire.member(1)
    wire.publish(
        a, wire.network.grant(wire.network.hub(9).public, place=9), wire.network.revoke(wire.network.hub(9).public)
    )
    puppet = Puppet(wire, 9, a)
    puppet.say(joined(wire, puppet))
    assert puppet.closed is not None
    assert puppet.closed[0] == "revoked"
    assert wire.told_of(a, AskAdmission) == []


def test_a_wrong_invite_is_refused_with_a_reason(wire: Wire) -> None:
    a = wire.member(1)
    c = wire.newcomer(3, a, secret=seeded("guessed", 16))
    wire.connect(c, a)
    wire.deliver()
    assert not c.hub.state.is_member
    assert wire.told_of(a, CloseLink)[-1].code == "bad_invite"


def test_a_newcomer_asks_nobody_but_its_inviter(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    c = wire.newcomer(3, a)
    wire.connect(c, b)
    assert wire.said(c) == [Bye("not_a_member", "this hub belongs to no network yet")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"proof": bytes(64)}, "bad_signature"),
        ({"network": bytes(16)}, "other_network"),
        ({"peer_node": key("x").public}, "wrong_node"),
    ],
)
def test_a_wrong_join_closes_the_link(wire: Wire, changes: dict[str, object], code: str) -> None:
    puppet = Puppet(wire, 3, wire.member(1))
    puppet.say(joined(wire, puppet, **changes))
    assert puppet.closed is not None
    assert puppet.closed[0] == code


def test_a_second_join_closes_the_link(wire: Wire) -> None:
    wire.reads_held = True
    puppet = Puppet(wire, 3, wire.member(1))
    puppet.say(joined(wire, puppet), joined(wire, puppet))
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"
    assert len(wire.told_of(puppet.core, AskAdmission)) == 1


def test_a_hello_after_a_join_closes_the_link(wire: Wire) -> None:
    wire.reads_held = True
    puppet = Puppet(wire, 3, wire.member(1))
    puppet.say(joined(wire, puppet), puppet.hello())
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def test_a_second_machine_of_one_hub_is_no_new_neighbour(wire: Wire) -> None:
    a = wire.member(1)
    old, new = Puppet(wire, 2, a), Puppet(wire, 2, a)
    new.node = key("new machine").public
    a.hub.state.sessions[new.link].peer_node = new.node
    card = wire.network.card(old.hub_key, nodes=[old.node, new.node], seq=2)
    proofs = [wire.network.charter, wire.network.grant(old.hub_key.public, place=2), card]
    old.say(old.hello(proofs))
    new.say(new.hello(proofs))
    assert len(a.hub.state.open_sessions()) == 2
    names = [notice.name for commit in wire.commits[a] for notice in commit.notices]
    assert names.count("peer.connected") == 1


def test_a_join_from_the_side_that_was_dialled_closes_the_link(wire: Wire) -> None:
    puppet = Puppet(wire, 3, wire.member(1), dials=False)
    puppet.say(joined(wire, puppet))
    assert puppet.closed is not None


def test_an_admission_that_nobody_asked_for_closes_the_link(wire: Wire) -> None:
    puppet = Puppet(wire, 2, wire.member(1), dials=False)
    puppet.say(Admit(()))
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_message"


def test_an_admission_that_proves_nothing_is_refused(wire: Wire) -> None:
    a = wire.member(1)
    c = wire.newcomer(3, a)
    puppet = Puppet(wire, 1, c, dials=False)
    puppet.say(Admit((wire.network.charter.wire,)))
    assert puppet.closed is not None
    assert puppet.closed[0] == "bad_admission"


def test_an_inviter_without_invites_left_says_so(wire: Wire) -> None:
    wire.reads_held = True
    a = wire.add(Core(wire.network, 1, new_disk(1)))
    wire.publish(a, wire.network.charter, wire.network.grant(a.key.public, invites=0), wire.network.card(a.key))
    puppet = Puppet(wire, 3, a)
    puppet.say(joined(wire, puppet))
    grant = wire.network.grant(puppet.hub_key.public, author=a.key)
    signed, used = PrivateRow("signed", grant.id, b""), PrivateRow("invite", b"i", None)
    before = len(wire.commits[a])
    wire.handle(a, NewcomerAdmitted(puppet.link, grant.wire, (signed,), (used,)))
    assert puppet.closed is not None
    assert puppet.closed[0] == "no_invites"
    kept = [row for commit in wire.commits[a][before:] for row in commit.private]
    assert kept == ([signed] if grant.id in a.ids else [])  # what is signed and held is known; no invite is used


def test_a_newcomer_that_was_removed_before_the_answer_uses_no_invite(wire: Wire) -> None:
    wire.reads_held = True
    a = wire.member(1)
    puppet = Puppet(wire, 3, a)
    puppet.say(joined(wire, puppet))
    wire.publish(a, wire.network.grant(puppet.hub_key.public, place=9), wire.network.revoke(puppet.hub_key.public))
    grant = wire.network.grant(puppet.hub_key.public, author=a.key)
    signed, used = PrivateRow("signed", grant.id, b""), PrivateRow("invite", b"i", None)
    wire.handle(a, NewcomerAdmitted(puppet.link, grant.wire, (signed,), (used,)))
    assert grant.id in a.ids
    assert wire.commits[a][-1].private == [signed]
    assert puppet.closed is not None
    assert puppet.closed[0] == "revoked"


def test_a_newcomer_that_left_before_the_answer_is_admitted_all_the_same(wire: Wire) -> None:
    a = wire.member(1)
    grant = wire.network.grant(wire.network.hub(3).public, author=a.key)
    rows = PrivateRow("signed", grant.id, b""), PrivateRow("invite", b"i", None)
    wire.handle(a, NewcomerAdmitted(99, grant.wire, rows[:1], rows[1:]))
    assert grant.id in a.ids
    assert wire.commits[a][-1].private == list(rows)


def test_a_refusal_for_a_link_that_is_gone_does_nothing(wire: Wire) -> None:
    a = wire.member(1)
    assert a.hub.handle(NewcomerRefused(99, "no", "no"), wire.now) == []


# --- Without an invite


def test_a_hub_cut_off_from_all_others_admits_and_any_third_member_judges_the_newcomer_at_once(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    c = wire.newcomer(3, a)
    wire.connect(c, a)
    wire.deliver()
    wire.publish(c, wire.network.card(c.key, place=7))
    assert b.hub.catalog.authority.standing(c.key.public) is None  # it has not met a since, nor anybody who has
    wire.forget_said()
    link = wire.connect(c, b)
    wire.deliver(1)  # the hello alone
    assert b.hub.state.sessions[link].is_open
    assert b.hub.catalog.authority.standing(c.key.public) is not None


def test_a_newcomer_that_can_prove_its_key_joins_at_any_node(wire: Wire) -> None:
    a = wire.member(1)
    grant = wire.network.grant(wire.network.hub(3).public, author=a.key, place=0)
    c = wire.add(Core(wire.network, 3, new_disk(3), invite=Joining(records=(grant.wire,))))
    b = wire.member(2)
    wire.publish(b, wire.network.grant(a.key.public, place=1))
    wire.connect(c, b)
    wire.deliver()
    assert c.hub.state.is_member
    assert c.hub.state.joining is None
    assert wire.told_of(b, AskAdmission) == []


def test_what_a_newcomer_brings_beside_governance_is_passed_over(wire: Wire) -> None:
    puppet = Puppet(wire, 3, wire.member(1))
    grant, card = wire.network.grant(puppet.hub_key.public, place=3), wire.network.card(puppet.hub_key)
    puppet.say(joined(wire, puppet, secret=b"", records=(grant.wire, card.wire)))
    assert isinstance(puppet.heard[0], Admit)
    assert (grant.id in puppet.core.ids, card.id in puppet.core.ids) == (True, False)


@pytest.mark.parametrize("shows", [True, False])
def test_who_does_not_know_the_network_is_never_admitted_but_may_see_its_charter(wire: Wire, shows: bool) -> None:
    wire.reads_held = True
    puppet = Puppet(wire, 3, wire.member(1))
    proof = puppet.hub_key.sign(join_proof(bytes(16), puppet.node, puppet.core.node))
    puppet.say(joined(wire, puppet, network=bytes(16), secret=b"", proof=proof))
    (asked,) = wire.told_of(puppet.core, AskAdmission)
    assert not asked.names_network
    wire.handle(puppet.core, NewcomerRefused(puppet.link, "not_admitted_yet", "say", shows_network=shows))
    seen = [one.records for one in puppet.heard if isinstance(one, Admit)]
    assert seen == ([(list(wire.network.charter.wire),)] if shows else [])
    assert puppet.closed == ("not_admitted_yet", "say")


# --- Two links to one node


def test_of_two_links_the_one_that_the_lower_node_dialled_stays(wire: Wire) -> None:
    a, b = sorted([wire.member(1), wire.member(2)], key=lambda core: core.node)
    wire.connect(a, b)
    wire.connect(b, a)
    wire.deliver()
    for core in (a, b):
        (session,) = core.hub.state.open_sessions()
        assert session.opened_by_us == (core is a)
    assert {action.code for action in wire.told_of(a, CloseLink) + wire.told_of(b, CloseLink)} == {"doubled"}


@pytest.mark.parametrize("first", [0, 1])
def test_doubled_links_end_in_one_whoever_came_first(wire: Wire, first: int) -> None:
    pair = [wire.member(1), wire.member(2)]
    wire.connect(pair[first], pair[1 - first])
    wire.deliver()
    wire.connect(pair[1 - first], pair[first])
    wire.deliver()
    assert [len(core.hub.state.open_sessions()) for core in pair] == [1, 1]
    wire.publish(pair[0], wire.network.need(pair[0].key))
    wire.deliver()
    assert pair[0].ids == pair[1].ids


def test_a_new_link_from_the_same_side_replaces_the_old_one(wire: Wire) -> None:
    a, b = wire.member(1), wire.member(2)
    wire.connect(a, b)
    wire.deliver()
    newer = wire.connect(a, b)
    wire.deliver()
    assert list(a.hub.state.sessions) == list(b.hub.state.sessions) == [newer]


def test_a_goodbye_ends_the_link_on_both_sides(wire: Wire) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 2, a)
    puppet.say(puppet.hello(), Bye("leaving", "good night"))
    assert puppet.closed == ("leaving", "good night")
    assert a.hub.state.sessions == {}
