"""Records that nobody may have written: of another network, forged, by keys that sign all, or without their body.

All come over a link of a member in good standing, which stays open: a bad record costs itself alone.
"""

import secrets
from collections.abc import Sequence
from typing import Any

import pytest

from attack.forged_keys import MADE_UP, NEUTRAL
from attack.ground import Member, Victim, live, new_key
from hartig_protocol.encoding import encode
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Record
from hartig_protocol.sync.messages import ANSWER, BEHIND, Hello, Records, Through, Want
from support.records import Network, charter, head, post_body

pytestmark = pytest.mark.end_to_end

HONEST_PLACE = 500  # where it can take nobody's place, and so hide that a lie was taken
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture
def liar(hub: Victim) -> Member:
    return hub.member()


async def assert_refused(hub: Victim, liar: Member, *wires: Record | Sequence[Any]) -> None:
    """The hub takes none of these, and an honest record after them."""
    honest = hub.need(liar.key, place=HONEST_PLACE)
    async with await hub.greeted(liar) as link:
        await link.settled()
        before = hub.count
        await link.say(live(*wires, honest))
        await link.settled()
    assert hub.holds(honest)
    assert hub.count == before + 1


# --- Another network


async def test_records_of_another_network_are_refused_whoever_signs_them(hub: Victim, liar: Member) -> None:
    other = Network(seed=9)
    stranger = other.hub(1)
    foreign = [
        other.charter,
        other.grant(liar.key.public, stamp=hub.now_ms),
        other.card(stranger, stamp=hub.now_ms),
        other.need(liar.key, stamp=hub.now_ms),
        other.revoke(hub.key.public, stamp=hub.now_ms),
    ]
    await assert_refused(hub, liar, *foreign)


async def test_a_trustee_of_another_network_grants_and_removes_nobody_here(hub: Victim, liar: Member) -> None:
    trustee, friend = Network(seed=9, seat=new_key()).seat, new_key()
    forged = [
        hub.grant(friend.public, author=trustee),
        hub.network.revoke(hub.key.public, author=trustee, stamp=hub.now_ms),
        hub.need(friend),
    ]
    await assert_refused(hub, liar, *forged)
    assert hub.daemon.node.status()["state"] == "member"


# --- Forged


def forged_by(record: Record, key: SigningKey) -> Sequence[Any]:
    """The same record, with the signature of a key that is not its author's."""
    return (record.head_bytes, key.sign(b"hartig/1 record signature\0" + record.head_bytes), record.body_bytes)


async def test_what_names_a_trustee_as_its_author_and_is_signed_by_another_is_refused(
    hub: Victim, liar: Member
) -> None:
    friend = new_key()
    governing = [hub.grant(friend.public), hub.network.revoke(hub.key.public, stamp=hub.now_ms)]
    await assert_refused(hub, liar, *[forged_by(one, liar.key) for one in governing], hub.need(friend))
    assert hub.daemon.node.status()["state"] == "member"


async def test_a_charter_with_seats_of_the_liars_own_is_no_charter_of_this_network(hub: Victim, liar: Member) -> None:
    own = charter([liar.key], name="Taken over")
    resigned = (hub.network.charter.head_bytes, own.signature, None)
    await assert_refused(hub, liar, own, resigned, forged_by(hub.network.charter, liar.key))
    assert hub.daemon.node.status()["network"]["name"] == "Valley"


async def test_a_hub_removes_nobody_and_makes_no_organiser(hub: Victim, liar: Member) -> None:
    equal, friend = hub.member(), new_key()
    await hub.bring(equal, equal.proofs[1])
    grasped = [
        hub.network.revoke(hub.key.public, author=liar.key, stamp=hub.now_ms),
        hub.network.revoke(equal.key.public, author=liar.key, stamp=hub.now_ms),
        hub.grant(friend.public, author=liar.key, place=0, rank="organiser"),
        hub.need(friend),
    ]
    await assert_refused(hub, liar, *grasped)
    async with await hub.greeted(equal) as link:
        await link.settled()


async def test_nobody_grants_itself_more(hub: Victim, liar: Member) -> None:
    await hub.bring(liar, hub.grant(liar.key.public, author=liar.key, place=0, places=1_000_000))
    await assert_refused(hub, liar, hub.need(liar.key, place=999_999))


async def test_what_says_that_it_never_leaves_its_hub_is_not_taken(hub: Victim, liar: Member) -> None:
    await assert_refused(hub, liar, hub.need(liar.key, audience="hub"))


# --- Keys and signatures that fit everything


def signed_by_nobody(hub: Victim, author: bytes) -> Sequence[Any]:
    """A need by a key under which the made-up signature fits whatever was said."""
    body = post_body("Water")
    said = head(
        hub.network.id, 16, author, place=0, subject=secrets.token_bytes(16), fixed=["food", "dr5rs", "C62", 1],
        stamp=hub.now_ms, expires=hub.now_ms + 86_400_000, body=body,
    )  # fmt: skip
    return (encode(said.as_list()), MADE_UP, body)


@pytest.mark.parametrize("key_hex", NEUTRAL)
async def test_keys_of_small_order_say_and_get_nothing(hub: Victim, liar: Member, key_hex: str) -> None:
    weak = bytes.fromhex(key_hex)
    granted = wire_of_grant(hub, weak)
    await assert_refused(hub, liar, granted, signed_by_nobody(hub, weak))


def wire_of_grant(hub: Victim, subject: bytes) -> Sequence[Any]:
    """A grant that the trustee did sign, for a key that no honest tool grants anything."""
    facts = {"rank": "hub", "places": 10, "invites": 0}
    said = head(
        hub.network.id, 2, hub.network.seat.public, place=90, subject=subject, facts=facts,
        stamp=hub.now_ms, expires=hub.now_ms + 86_400_000,
    )  # fmt: skip
    head_bytes = encode(said.as_list())
    return (head_bytes, hub.network.seat.sign(b"hartig/1 record signature\0" + head_bytes), None)


async def test_a_signature_has_one_form(hub: Victim, liar: Member) -> None:
    need = hub.need(liar.key)
    r, s = need.signature[:32], int.from_bytes(need.signature[32:], "little")
    same_s = (s + GROUP_ORDER).to_bytes(32, "little")
    others = [r + same_s, MADE_UP, bytes(64), need.signature[:63], need.signature + b"\0"]
    await assert_refused(hub, liar, *[(need.head_bytes, other, need.body_bytes) for other in others])
    assert not hub.holds(need)


# --- Bodies taken away


async def test_a_head_without_its_body_is_never_known_and_the_body_mends_it(hub: Victim, liar: Member) -> None:
    author = hub.member()
    need = hub.need(author.key)
    async with await hub.greeted(liar) as link:
        await link.settled()
        before = hub.count
        stripped = [one.wire for one in author.proofs[1:]] + [need.without_body().wire]
        await link.say(Records(BEHIND, tuple(stripped), final=False), Through(1_000, bytes(16), final=True))
        wanted = await link.hear_until(Want)
        await link.say(Records(ANSWER, (need.without_body().wire,), final=True))
        await link.settled()
    assert need.id in wanted.ids
    assert not hub.holds(need)
    assert hub.count == before + 2, "grant and card alone"
    async with await hub.greeted(liar) as again:
        (hello,) = [one for one in again.heard if isinstance(one, Hello)]
        assert hello.cursor is None or hello.cursor[1] != 1_000
    await hub.bring(author, need)
    assert hub.holds(need)


async def test_a_body_that_is_not_the_authors_is_refused(hub: Victim, liar: Member) -> None:
    author = hub.member()
    need = hub.need(author.key)
    swapped = (need.head_bytes, need.signature, post_body("Poison"))
    await hub.bring(author)
    await assert_refused(hub, liar, swapped)
    assert not hub.holds(need)
    await hub.bring(author, need)
    assert hub.holds(need)
