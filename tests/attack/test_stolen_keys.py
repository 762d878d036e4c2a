"""Keys that were stolen: what a thief can do with each, what not, and what ends it.

A node key opens channels and signs nothing. A hub key signs, so it can name another node; the hub's recovery key, which
is not kept where the hub key is, or a trustee, ends that.
"""

import pytest

from attack.ground import Member, Victim, live, new_key, new_node
from hartig_protocol.records.keys import SigningKey, recovery_hash
from hartig_protocol.records.record import Record
from hartig_protocol.records.writing import recovery_of
from hartig_protocol.sync.messages import Bye, Records

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def robbed(hub: Victim) -> Member:
    return hub.member()


def by_kit(hub: Victim, robbed: Member, kit: SigningKey | None = None, to: SigningKey | None = None) -> Record:
    """What a recovery kit says to which the hub's key consented: its own, unless another is given."""
    return hub.network.revoke(
        robbed.key.public, author=kit or robbed.recovery, consenting=robbed.key, successor=to and to.public,
        stamp=hub.now_ms,
    )  # fmt: skip


def successor(hub: Victim, key: SigningKey, *proofs: Record) -> Member:
    """The hub that a kit names, behind a node of its own."""
    node = new_node()
    return Member(key, node, (hub.network.charter, *proofs, hub.card(key, node, place=0)))


# --- The node key alone


async def test_a_stolen_node_key_reads_what_members_read(hub: Victim, robbed: Member) -> None:
    secret_to_strangers = hub.need(robbed.key)
    await hub.bring(robbed, secret_to_strangers)
    async with await hub.greeted(robbed) as thief:  # the same node key, and what anybody may have recorded
        while secret_to_strangers.wire not in [tuple(one) for one in (await thief.hear_until(Records)).records]:
            pass


async def test_a_stolen_node_key_says_nothing_in_the_hubs_name(hub: Victim, robbed: Member) -> None:
    thief = new_key()
    forged = hub.need(thief)
    claimed = (forged.head_bytes.replace(thief.public, robbed.key.public), forged.signature, forged.body_bytes)
    card = hub.card(thief, robbed.node)
    async with await hub.greeted(robbed) as link:
        await link.settled()
        before = hub.count
        await link.say(live(claimed, forged, card, hub.grant(thief.public, author=thief)))
        await link.settled()
    assert hub.count == before


async def test_a_stolen_node_key_is_out_once_the_card_names_another(hub: Victim, robbed: Member) -> None:
    thief = await hub.greeted(robbed)
    new = new_node()
    moved = robbed.with_card(hub.card(robbed.key, new, seq=2), new)
    await hub.bring(moved)
    assert await hub.ending_of(robbed.node, hub.hello(robbed)) == "wrong_card"
    assert await thief.ending() == "wrong_card"
    async with await hub.greeted(moved) as link:
        await link.settled()


# --- The hub key


async def test_a_stolen_hub_key_can_take_the_hubs_name_until_its_recovery_key_ends_it(
    hub: Victim, robbed: Member
) -> None:
    await hub.bring(robbed, hub.need(robbed.key, place=1))
    thief = robbed.with_card(hub.card(robbed.key, taken := new_node(), seq=2), taken)
    lie = hub.need(robbed.key, place=2)
    await hub.bring(thief, lie)
    assert hub.holds(lie)
    assert await hub.ending_of(robbed.node, hub.hello(robbed)) == "wrong_card"
    link = await hub.greeted(thief)
    ended = by_kit(hub, robbed)
    await hub.bring(hub.member(), ended)
    assert hub.holds(ended)
    assert await link.ending() == "revoked"
    assert isinstance(link.heard[-1], Bye)
    assert await hub.ending_of(taken, hub.hello(thief)) == "revoked"
    assert not hub.holds(lie)
    later = hub.need(robbed.key, place=3)
    await hub.bring(hub.member(), later, hub.card(robbed.key, taken, seq=3))
    assert not hub.holds(later)


async def test_the_successor_that_the_recovery_key_names_goes_on_and_the_thief_names_none(
    hub: Victim, robbed: Member
) -> None:
    heir, own_heir = new_key(), new_key()
    removals = by_kit(hub, robbed, to=heir), by_kit(hub, robbed, new_key(), to=own_heir)
    good, bad = [
        successor(hub, key, robbed.proofs[1], one) for key, one in zip((heir, own_heir), removals, strict=True)
    ]
    assert await hub.ending_of(bad.node, hub.hello(bad)) == "not_a_member"
    need = hub.need(heir, place=1)
    await hub.bring(good, need)
    assert hub.holds(need)
    assert await hub.ending_of(robbed.node, hub.hello(robbed)) == "revoked"


async def test_no_recovery_key_but_the_hubs_own_ends_it(hub: Victim, robbed: Member) -> None:
    wrong = [new_key(), hub.member().recovery, robbed.key]
    tries = [hub.network.revoke(robbed.key.public, author=one, stamp=hub.now_ms) for one in wrong]
    await hub.bring(hub.member(), *tries)
    async with await hub.greeted(robbed) as link:
        await link.settled()


async def test_a_thief_of_the_hub_key_puts_no_recovery_key_of_its_own_in_place(hub: Victim, robbed: Member) -> None:
    own = hub.grant(robbed.key.public, author=robbed.key, place=0, recovery_of=robbed.key)
    await hub.bring(robbed, own)
    await hub.bring(hub.member(), by_kit(hub, robbed))
    assert await hub.ending_of(robbed.node, hub.hello(robbed)) == "revoked"


async def test_no_accomplice_keeps_a_stolen_hub_key_alive_by_granting_it_more(hub: Victim) -> None:
    accomplice, robbed = hub.member(), hub.member(places=10)
    robbed = robbed.with_card(hub.card(robbed.key, robbed.node, place=0), robbed.node)
    more = [hub.grant(robbed.key.public, author=accomplice.key, place=number, places=900) for number in range(2)]
    await hub.bring(accomplice, more[0])
    await hub.bring(robbed, beyond := hub.need(robbed.key, place=99))
    assert hub.holds(beyond)
    thief = await hub.greeted(robbed)
    heir = new_key()
    ended = by_kit(hub, robbed, to=heir)
    await hub.bring(hub.member(), ended)
    assert await thief.ending() == "revoked"
    assert not hub.holds(beyond)
    await hub.bring(accomplice, more[1], hub.card(robbed.key, robbed.node, place=0, seq=2))
    assert await hub.ending_of(robbed.node, hub.hello(robbed)) == "revoked"
    within, too_many = hub.need(heir, place=9), hub.need(heir, place=10)
    await hub.bring(successor(hub, heir, robbed.proofs[1], ended), within, too_many)
    assert (hub.holds(within), hub.holds(too_many)) == (True, False)  # it stands by what its own inviter gave


async def test_an_old_kit_ends_a_hub_key_and_the_new_kit_brings_back_what_it_had(hub: Victim, robbed: Member) -> None:
    kit, heir, own_heir = new_key(), new_key(), new_key()
    grant = hub.grant(
        robbed.key.public, place=robbed.proofs[1].head.place, seq=2,
        recovery=list(recovery_of(robbed.key, hub.network.id, recovery_hash(kit.public))),
    )  # fmt: skip
    await hub.bring(robbed, grant)
    by_old = by_kit(hub, robbed, to=own_heir)
    thief = successor(hub, own_heir, grant, by_old)
    assert await hub.ending_of(thief.node, hub.hello(thief)) == "not_a_member"
    await hub.bring(hub.member(), by_old)
    assert await hub.ending_of(robbed.node, hub.hello(robbed)) == "revoked"
    by_new = by_kit(hub, robbed, kit, to=heir)
    await hub.bring(successor(hub, heir, grant, by_new), need := hub.need(heir, place=1))
    assert all(map(hub.holds, (by_old, by_new, need)))
    assert await hub.ending_of(thief.node, hub.hello(thief)) == "not_a_member"


async def test_what_a_stolen_hub_key_granted_goes_with_it(hub: Victim, robbed: Member) -> None:
    friend, node = new_key(), new_node()
    granted = hub.grant(friend.public, author=robbed.key, place=0, invites=0)
    accomplice = Member(friend, node, (*robbed.proofs[:2], granted, hub.card(friend, node)))
    link = await hub.greeted(accomplice)
    await hub.bring(hub.member(), hub.network.revoke(robbed.key.public, stamp=hub.now_ms))
    assert await link.ending() == "not_a_member"
    assert await hub.ending_of(node, hub.hello(accomplice)) == "not_a_member"
