"""Words that were not meant for this hub: recorded, relayed, sent back, of another network, of another version.

A greeting carries no signature of its own. What binds it is that both ends of the channel are proven and named in it;
so whoever repeats one speaks with a node key that it does not name, or names a node that it does not reach.
"""

import pytest

from attack.ground import Member, Victim, join, live, new_key, new_node
from attack.hostile import Hostile, Node
from hartig_protocol.encoding import decode, encode
from hartig_protocol.records.invites import read_invite
from hartig_protocol.records.keys import PREFIX_JOIN
from hartig_protocol.sync.framing import pack
from hartig_protocol.sync.messages import BEHIND, Ack, Have, Hello, Join, Ping, Records, Want
from support.records import Network

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def thief() -> Node:
    return new_node()


async def test_a_member_is_greeted_so_that_the_refusals_below_mean_something(hub: Victim) -> None:
    async with await hub.greeted(hub.member()) as link:
        await link.settled()


# --- Replay


async def test_a_recorded_hello_is_worth_nothing_to_another_node(hub: Victim, thief: Node) -> None:
    recorded = pack(hub.hello(hub.member()))
    assert await hub.ending_of(thief, recorded) == "wrong_node"


async def test_a_recorded_hello_that_names_the_thiefs_node_is_not_on_the_hubs_card(hub: Victim, thief: Node) -> None:
    hello = hub.hello(hub.member(), own_node=thief.public)
    assert await hub.ending_of(thief, hello) == "wrong_card"


async def test_recorded_frames_of_a_whole_link_open_none_for_another_node(hub: Victim, thief: Node) -> None:
    member = hub.member()
    need = hub.need(member.key)
    recorded = [pack(one) for one in (hub.hello(member), Ping(7), live(need))]
    assert await hub.ending_of(thief, *recorded) == "wrong_node"
    assert not hub.holds(need)


async def test_a_recorded_join_proof_admits_no_other_node(hub: Victim, thief: Node) -> None:
    invite = hub.daemon.node.invite(uses=5)
    secret = read_invite(invite["link"]).secret
    newcomer, key = new_node(), new_key()
    recorded = join(hub, key, newcomer, secret)
    assert await hub.ending_of(thief, pack(recorded)) == "wrong_node"
    renamed = join(hub, key, thief, secret, proof=recorded.proof)
    assert await hub.ending_of(thief, renamed) == "bad_signature"
    assert hub.daemon.node.invites()[0]["uses_left"] == 5


async def test_a_recorded_join_proof_serves_no_other_key(hub: Victim, thief: Node) -> None:
    mine, theirs = new_key(), new_key()
    proof = join(hub, theirs, thief).proof
    assert await hub.ending_of(thief, join(hub, mine, thief, proof=proof)) == "bad_signature"


# --- Relay and reflection


async def test_a_greeting_meant_for_another_hub_is_refused_here(hub: Victim) -> None:
    member = hub.member()
    elsewhere = hub.hello(member, peer_node=new_node().public)
    assert await hub.ending_of(member.node, elsewhere) == "wrong_node"


async def test_a_join_meant_for_another_inviter_is_refused_here(hub: Victim) -> None:
    newcomer, key, other = new_node(), new_key(), Node(bytes([7]) * 32)
    proof = key.sign(PREFIX_JOIN + hub.network.id + newcomer.public + other.public)
    said = Join(1, 1, hub.network.id, newcomer.public, other.public, bytes(16), key.public, None, proof, ())
    assert await hub.ending_of(newcomer, said) == "wrong_node"
    here = join(hub, key, newcomer, proof=proof)
    assert await hub.ending_of(newcomer, here) == "bad_signature"


async def test_the_hubs_own_hello_sent_back_is_refused(hub: Victim) -> None:
    member = hub.member()
    async with await hub.greeted(member) as link:
        own = link.frames[0]
        assert isinstance(link.heard[0], Hello)
    assert await hub.ending_of(member.node, own) == "wrong_node"


async def test_the_hubs_own_proofs_in_a_hello_of_a_member_are_told_as_a_second_copy(hub: Victim) -> None:
    member = hub.member()
    async with await hub.greeted(member) as link:
        (own,) = [one for one in link.heard if isinstance(one, Hello)]
    disguised = hub.hello(member, hub=own.hub, records=own.records)
    assert await hub.ending_of(member.node, disguised) == "own_key"


# --- Another network


async def test_a_hello_of_another_network_is_refused(hub: Victim) -> None:
    member = hub.member()
    assert await hub.ending_of(member.node, hub.hello(member, network=Network(seed=9).id)) == "other_network"


async def test_proofs_of_another_network_prove_nothing_under_this_ones_name(hub: Victim) -> None:
    other, before = Network(seed=9), hub.count
    key, node = other.hub(1), new_node()
    proofs = (other.charter, other.grant(key.public), other.card(key, nodes=[node.public]))
    foreign = hub.hello(hub.member(), own_node=node.public, hub=key.public, records=tuple(one.wire for one in proofs))
    assert await hub.ending_of(node, foreign) == "not_a_member"
    assert hub.count == before


async def test_a_join_proof_of_another_network_is_refused(hub: Victim, thief: Node) -> None:
    key, other = new_key(), Network(seed=9)
    proof = key.sign(PREFIX_JOIN + other.id + thief.public + hub.node.public)
    assert await hub.ending_of(thief, join(hub, key, thief, proof=proof)) == "bad_signature"
    assert await hub.ending_of(thief, join(hub, key, thief, network=other.id)) == "other_network"


# --- Versions, and words out of turn


@pytest.mark.parametrize("versions", [(0, 0), (2, 2), (2**53 - 1, 2**53 - 1)])
async def test_whoever_offers_no_version_of_ours_gets_none(hub: Victim, versions: tuple[int, int]) -> None:
    member = hub.member()
    greeting = decode(pack(hub.hello(member)), 65536)
    greeting[1:3] = versions
    assert await hub.ending_of(member.node, encode(greeting)) == "version"


async def test_a_hello_without_its_last_fields_is_no_older_version(hub: Victim) -> None:
    member = hub.member()
    greeting = decode(pack(hub.hello(member)), 65536)
    assert await hub.ending_of(member.node, encode(greeting[:-1])) == "bad_message"


@pytest.mark.parametrize("early", [Ping(1), Want((bytes(32),)), Have(bytes(8), now=True), live()])
async def test_who_asks_before_the_greeting_is_told_nothing(hub: Victim, thief: Node, early: object) -> None:
    link = await hub.dial(thief)
    await link.say(early)
    assert await link.ending() in {"bad_message", "not_a_member"}
    assert len(link.heard) == 1, "only the farewell"


async def test_a_stranger_who_only_listens_hears_nothing_but_the_end(thief: Node, hub: Victim) -> None:
    link: Hostile = await hub.dial(thief)
    link.writer.write_eof() if link.writer.can_write_eof() else await link.send(b"\0\0\0\0")
    assert await link.ending() in {"", "link.empty_frame"}
    assert link.heard == []


async def test_a_second_greeting_ends_the_link(hub: Victim) -> None:
    member = hub.member()
    async with await hub.greeted(member) as link:
        await link.say(hub.hello(member))
        assert await link.ending() == "bad_message"


# --- Greetings that carry much


async def test_invented_grants_prove_nobody_and_a_member_is_greeted_as_ever(hub: Victim, thief: Node) -> None:
    keys = [new_key() for _ in range(160)]
    invented = [
        hub.network.grant(below.public, author=above, place=0, stamp=hub.now_ms)
        for above, below in zip(keys[1:], keys, strict=False)
    ]
    said = hub.hello(
        Member(keys[0], thief, (hub.network.charter, *reversed(invented), hub.card(keys[0], thief))),
    )
    before = hub.count
    for _ in range(5):
        assert await hub.ending_of(thief, said) == "not_a_member"
    assert hub.count == before
    async with await hub.greeted(hub.member()) as link:
        await link.settled()


async def test_whoever_claims_to_hold_much_has_its_rubbish_taken_in_no_faster(hub: Victim) -> None:
    member, other = hub.member(), hub.member()
    forged = [(one.head_bytes, bytes(64), one.body_bytes) for one in (hub.need(member.key) for _ in range(256))]
    async with await hub.dial(member.node) as link, await hub.greeted(other) as honest:
        await link.say(hub.hello(member, count=10**6))
        await link.hear_until(Hello)
        while hub.daemon.node.status()["intake"]["waiting"] == 0:
            await link.say(Records(BEHIND, tuple(forged), final=False))
        need = hub.need(other.key)
        await honest.say(live(need))
        await honest.hear_until(Ack)
        assert hub.holds(need)
