"""Invites that were guessed, used up, expired, copied: no answer tells which, and none opens more than it is worth."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from attack.forged_keys import MADE_UP, NEUTRAL
from attack.ground import Victim, join, new_key, new_node
from attack.hostile import Node
from hartig_protocol.records.invites import read_invite
from hartig_protocol.sync.messages import Admit, Bye

pytestmark = pytest.mark.end_to_end

INSTANT_DAYS = 1e-9  # no whole millisecond: over when it is made


def secret_of(hub: Victim, **wishes: object) -> bytes:
    """The secret of a new invite."""
    return read_invite(hub.daemon.node.invite(**wishes)["link"]).secret


async def answer_to(hub: Victim, secret: bytes, node: Node | None = None) -> tuple[Bye | Admit, bytes]:
    """What a newcomer with this secret is told first, as a message and as the bytes of its frame."""
    node = node or new_node()
    async with await hub.dial(node) as link:
        await link.say(join(hub, new_key(), node, secret))
        message = await link.hear()
        assert isinstance(message, Bye | Admit)
        return message, link.frames[-1]


async def test_a_good_invite_opens_the_door_so_that_the_refusals_below_mean_something(hub: Victim) -> None:
    message, _ = await answer_to(hub, secret_of(hub))
    assert isinstance(message, Admit)


async def test_unknown_used_up_expired_and_withdrawn_are_told_in_the_same_bytes(hub: Victim) -> None:
    used, withdrawn = secret_of(hub), hub.daemon.node.invite()
    await answer_to(hub, used)
    hub.daemon.node.revoke_invite(withdrawn["id"])
    expired, unknown = secret_of(hub, days=INSTANT_DAYS), secrets.token_bytes(16)
    # The expired one first: the next commit clears it away, and then it is unknown.
    dead = [expired, unknown, bytes(16), used, read_invite(withdrawn["link"]).secret]
    answers = {(await answer_to(hub, one))[1] for one in dead}
    assert len(answers) == 1


async def test_after_three_guesses_a_node_is_told_nothing_more_not_even_of_a_good_one(hub: Victim) -> None:
    guesser, good = new_node(), secret_of(hub)
    told = [(await answer_to(hub, secrets.token_bytes(16), guesser))[0] for _ in range(4)]
    told.append((await answer_to(hub, good, guesser))[0])
    assert [one.code for one in told if isinstance(one, Bye)] == ["bad_invite"] * 3 + ["too_many"] * 2
    message, _ = await answer_to(hub, good)  # and nobody else is kept out
    assert isinstance(message, Admit)


async def test_a_wrong_guess_uses_up_nothing_and_closes_its_link(hub: Victim) -> None:
    good = hub.daemon.node.invite(uses=3)
    before = hub.count
    secret = bytearray(read_invite(good["link"]).secret)
    secret[-1] ^= 1
    node = new_node()
    link = await hub.dial(node)
    await link.say(join(hub, new_key(), node, bytes(secret)))
    assert await link.ending() == "bad_invite"
    (left,) = [one["uses_left"] for one in hub.daemon.node.invites() if one["id"] == good["id"]]
    assert (left, hub.count) == (3, before)


async def test_of_many_at_once_with_one_invite_for_one_one_gets_in(hub: Victim) -> None:
    secret = secret_of(hub)
    answers = await asyncio.gather(*[answer_to(hub, secret) for _ in range(6)])
    assert sum(isinstance(message, Admit) for message, _ in answers) == 1


async def test_an_invite_is_worth_nothing_in_another_network(hub: Victim) -> None:
    node, secret = new_node(), secret_of(hub)
    assert await hub.ending_of(node, join(hub, new_key(), node, secret, network=bytes(16))) == "other_network"


@pytest.mark.parametrize("key_hex", NEUTRAL)
async def test_a_key_whose_proof_nobody_signed_is_not_admitted(hub: Victim, key_hex: str) -> None:
    weak, node, before = bytes.fromhex(key_hex), new_node(), hub.count
    said = replace(join(hub, new_key(), node, secret_of(hub)), hub=weak, proof=MADE_UP)
    assert await hub.ending_of(node, said) == "bad_signature"
    assert hub.count == before


async def test_a_key_that_was_removed_is_not_invited_back(hub: Victim) -> None:
    removed = hub.member()
    await hub.bring(hub.member(), removed.proofs[1], hub.network.revoke(removed.key.public, stamp=hub.now_ms))
    said = join(hub, removed.key, removed.node, secret := secret_of(hub))
    assert await hub.ending_of(removed.node, said) == "revoked"
    message, _ = await answer_to(hub, secret)
    assert isinstance(message, Admit)
