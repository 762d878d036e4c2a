"""What a greeting carries is looked at only as far as its speaker needs it, and is paid for (SPEC H4, H6)."""

import pytest

from hartig_protocol.limits import (
    GREETINGS_BURST_RECORDS,
    GREETINGS_RECORDS_PER_S,
    HELLO_RECORDS_MAX,
    INTAKE_COST,
)
from hartig_protocol.records.record import Head, Record, record_of
from hartig_protocol.sync import proving
from support.cores import Core
from support.records import NOW_MS, Network, charter, key
from support.talk import joined, opened
from support.wire import Puppet, Wire

BURST = GREETINGS_BURST_RECORDS * INTAKE_COST


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The kinds of what was verified."""
    kinds, usual = list[int](), proving.is_signed

    def is_signed(head: Head, head_bytes: bytes, signature: bytes) -> bool:
        kinds.append(head.kind)
        return usual(head, head_bytes, signature)

    monkeypatch.setattr(proving, "is_signed", is_signed)
    return kinds


def forged(record: Record) -> Record:
    return record_of(record.id, record.head, record.head_bytes, bytes(64), record.body_bytes)


def greeted(wire: Wire, core: Core, number: int, records: list[Record]) -> Puppet:
    puppet = Puppet(wire, number, core)
    puppet.say(puppet.hello(records))
    return puppet


def code(puppet: Puppet) -> str | None:
    return None if puppet.closed is None else puppet.closed[0]


def pools(core: Core) -> tuple[int, int]:
    """What was spent of the pool for members, and of that for greetings."""
    intake = core.hub.state.intake
    return 6_144 * INTAKE_COST - intake.pool.tokens, BURST - intake.greetings.tokens


def chain(network: Network, top: str, count: int) -> list[Record]:
    """Return grants from somebody down to somebody else, all well signed."""
    keys = [key(f"{top} {number}") for number in range(count)]
    return [
        network.grant(below.public, author=above, invites=count)
        for above, below in zip(keys, [*keys[1:], network.hub(9)], strict=True)
    ]


# --- What is looked at


def test_of_a_hub_that_is_known_nothing_is_looked_at(wire: Wire, checked: list[int]) -> None:
    a = wire.member(1)
    opened(wire, a)
    assert checked == [2, 32]
    spent = pools(a)
    assert (spent[0] > 0, spent[1]) == (True, 0), "who proves itself is paid for like all that comes"
    again = greeted(wire, a, 2, [wire.network.charter, *chain(wire.network, "x", 100)])
    assert (code(again), checked, pools(a)) == (None, [2, 32], spent)


def test_invented_grants_in_any_number_are_not_verified(wire: Wire, checked: list[int]) -> None:
    a = wire.member(1)
    stranger = greeted(wire, a, 9, [*chain(wire.network, "x", HELLO_RECORDS_MAX - 1), wire.network.card(key("x 0"))])
    assert (code(stranger), checked) == ("not_a_member", [])
    assert 0 < pools(a)[1] <= 5 * INTAKE_COST
    assert pools(a)[0] == 0


def test_a_path_that_begins_with_a_forged_grant_costs_one_look(wire: Wire, checked: list[int]) -> None:
    network = wire.network
    below = chain(network, "x", 20)
    first = forged(network.grant(key("x 0").public, place=5))
    stranger = greeted(wire, wire.member(1), 9, [network.charter, first, *below, network.card(network.hub(9))])
    assert (code(stranger), checked) == ("not_a_member", [2])


def test_a_path_is_looked_at_from_the_end_as_far_as_it_leads(wire: Wire, checked: list[int]) -> None:
    a, network, hub = wire.member(1), wire.network, wire.network.hub(9)
    stray = network.grant(key("stray").public, place=6)
    between = network.grant(key("between").public, place=7)
    path = [stray, between, network.grant(hub.public, author=key("between"), invites=1), network.card(hub)]
    assert code(greeted(wire, a, 9, path)) is None
    assert stray.id not in a.ids
    assert checked == [2, 2, 32]


@pytest.mark.parametrize("last", [b"junk", (b"", b"", b""), None])
def test_what_cannot_be_read_leads_nowhere(wire: Wire, last: object, checked: list[int]) -> None:
    a = wire.member(1)
    puppet = Puppet(wire, 9, a)
    hello = puppet.hello()
    object.__setattr__(hello, "records", (*hello.records, last))
    puppet.say(hello)
    assert (code(puppet), checked) == ("not_a_member", [])


def test_records_of_another_network_are_passed_over(wire: Wire, checked: list[int]) -> None:
    other, hub = Network(seed=9), wire.network.hub(9)
    stranger = greeted(wire, wire.member(1), 9, [other.charter, other.grant(hub.public), other.card(hub)])
    assert (code(stranger), checked) == ("not_a_member", [])


def test_a_card_of_somebody_else_is_not_taken(wire: Wire, checked: list[int]) -> None:
    a = wire.member(1)
    card = wire.network.card(wire.network.hub(3))
    stranger = greeted(wire, a, 9, [*wire.proofs(9)[:2], card])
    assert (code(stranger), checked) == ("wrong_card", [2])
    assert card.id not in a.ids


def test_of_a_hub_that_stands_and_has_a_new_node_only_the_card_is_verified(wire: Wire, checked: list[int]) -> None:
    a, hub = wire.member(1), wire.network.hub(2)
    wire.publish(a, *wire.proofs(2))
    puppet = Puppet(wire, 2, a, node=key("a new machine").public)
    newer = wire.network.card(hub, nodes=[puppet.node], seq=2, stamp=NOW_MS + 5)
    puppet.say(puppet.hello([*wire.proofs(2)[:2], newer]))
    assert (code(puppet), checked) == (None, [32])


# --- Charters


def test_a_charter_that_no_seat_has_signed_is_not_verified(wire: Wire, checked: list[int]) -> None:
    network = wire.network
    invented = [charter([key("x")], seed=seed, after=network.charter, signers=[key("x")]) for seed in range(60)]
    a = wire.member(1)
    stranger = greeted(wire, a, 9, [network.charter, *invented, *wire.proofs(9)[1:]])
    assert (code(stranger), checked) == (None, [2, 32])


def test_later_charters_come_with_a_hub_that_a_new_seat_has_granted(wire: Wire, checked: list[int]) -> None:
    network, heir, hub = wire.network, key("heir"), wire.network.hub(9)
    second = charter([network.seat, heir], after=network.charter, signers=[network.seat])
    third = charter([heir], after=second, signers=[heir, network.seat])
    a = wire.member(1)
    path = [network.charter, second, third, network.grant(hub.public, author=heir), network.card(hub)]
    assert code(greeted(wire, a, 9, path)) is None
    assert checked == [1, 1, 2, 32]
    assert {second.id, third.id} <= a.ids


def test_what_follows_a_charter_that_does_not_verify_is_not_looked_at(wire: Wire, checked: list[int]) -> None:
    network, heir = wire.network, key("heir")
    second = charter([heir], after=network.charter, signers=[network.seat])
    third = charter([heir], after=second, signers=[heir])
    hub = network.hub(9)
    path = [network.charter, forged(second), third, network.grant(hub.public, author=heir), network.card(hub)]
    assert code(greeted(wire, wire.member(1), 9, path)) == "not_a_member"
    assert checked == [1]


def test_a_hub_that_holds_nothing_yet_takes_the_first_charter_too(wire: Wire, checked: list[int]) -> None:
    a = wire.newcomer(3, wire.member(1))
    greeted(wire, a, 2, wire.proofs(2))
    assert wire.network.charter.id in a.ids
    assert checked == [1, 2, 32]


# --- What it costs


def test_strangers_cost_little_however_often_they_come_and_members_nothing(wire: Wire) -> None:
    a, network = wire.member(1), wire.network
    hub = network.hub(9)
    bad = [network.charter, forged(network.grant(hub.public, place=9)), network.card(hub)]
    opened(wire, a)
    members = pools(a)[0]
    codes = [code(greeted(wire, a, 9, bad)) for _ in range(GREETINGS_BURST_RECORDS)]
    assert (codes[0], codes[-1]) == ("not_a_member", "too_often")
    assert pools(a)[0] == members
    assert code(opened(wire, a)) is None, "who is known is greeted as ever"
    assert code(greeted(wire, a, 3, wire.proofs(3))) == "too_often"
    newcomer = Puppet(wire, 8, a)
    newcomer.say(joined(wire, newcomer, records=(wire.proofs(8)[1].wire,)))
    assert code(newcomer) == "too_often"
    asking = Puppet(wire, 8, a)
    asking.say(joined(wire, asking))
    assert code(asking) == "bad_invite", "who brings nothing is asked about as ever"
    wire.pass_time(2_000 // GREETINGS_RECORDS_PER_S + 1_000)
    assert code(greeted(wire, a, 3, wire.proofs(3))) is None


# --- Who comes after a key


def test_a_newcomer_may_come_after_a_key_that_was_granted_something(wire: Wire, checked: list[int]) -> None:
    """Its own revocation leads from it to the key before, which need not stand any more."""
    a, network = wire.member(1), wire.network
    old, new = network.hub(50), network.hub(51)
    kit = key(f"recovery of {old.public.hex()}")
    later = wire.now.wall_ms + 10_000
    wire.publish(a, network.grant(old.public, place=50, recovery_of=old, expires=later))
    handed = network.revoke(old.public, author=kit, successor=new.public, consenting=old)
    wire.pass_time(70_000)
    assert a.hub.catalog.authority.standing(old.public) is None
    puppet = Puppet(wire, 51, a)
    puppet.say(joined(wire, puppet, records=(handed.wire,)))
    assert checked == [3]
    assert handed.id in a.ids
    unknown = Puppet(wire, 52, a)
    removal = network.revoke(key("nobody").public, author=kit, successor=unknown.hub_key.public)
    unknown.say(joined(wire, unknown, records=(removal.wire, network.card(unknown.hub_key).wire)))
    assert checked == [3]
