"""Which nodes speak for a hub follows from the cards that are held, and from nothing else."""

from hartig_protocol.limits import HUB_CARDS_MAX, ORIGINS_MAX
from hartig_protocol.sync import spreading
from support.records import key
from support.talk import live
from support.wire import Puppet, Wire


def test_a_hub_that_lets_in_one_after_the_other_leaves_nothing_behind() -> None:
    wire = Wire()
    hub = wire.member(1)
    giver = Puppet(wire, 2, hub)
    giver.say(giver.hello())
    network, state = wire.network, hub.hub.state
    for seq in range(1, 21):
        guest = key(f"throwaway {seq}")
        grant = network.grant(guest.public, author=giver.hub_key, place=0, seq=seq, places=1, invites=0)
        giver.say(live(grant, network.card(guest, place=0)))
        wire.pass_time(1_000)
    last = key("throwaway 20").public
    assert set(state.nodes_of_hub) == {hub.key.public, giver.hub_key.public, last}
    assert len(state._card_places) == len(state._hub_cards) == 3


def test_of_many_cards_those_in_the_lowest_places_count_also_when_one_of_them_ends() -> None:
    wire = Wire()
    hub, other = wire.member(1), wire.network.hub(2)
    nodes = [key(f"node {place}").public for place in range(HUB_CARDS_MAX + 1)]
    cards = [wire.network.card(other, nodes=[node], place=place) for place, node in enumerate(nodes)]
    wire.publish(hub, wire.network.grant(other.public, place=2), *cards)
    assert hub.hub.state.nodes_of_hub[other.public] == set(nodes[:HUB_CARDS_MAX])
    wire.publish(hub, wire.network.revise(other, cards[0], ends=True))
    expected = set(nodes[1:])
    assert hub.hub.state.nodes_of_hub[other.public] == expected
    wire.restart(hub)
    assert hub.hub.state.nodes_of_hub[other.public] == expected


def test_a_hub_that_lost_its_proof_names_no_node_before_and_after_a_restart() -> None:
    wire = Wire()
    hub, other = wire.member(1), wire.network.hub(2)
    grant = wire.network.grant(other.public, place=2)
    wire.publish(hub, grant, wire.network.card(other))
    assert other.public in hub.hub.state.nodes_of_hub
    wire.publish(hub, wire.network.grant(other.public, place=2, seq=2, ends=True))
    assert other.public not in hub.hub.state.nodes_of_hub
    wire.restart(hub)
    assert other.public not in hub.hub.state.nodes_of_hub
    wire.publish(hub, wire.network.grant(other.public, place=2, seq=3), wire.network.card(other))
    assert other.public in hub.hub.state.nodes_of_hub


def test_only_so_many_origins_are_remembered() -> None:
    wire = Wire()
    hub = wire.member(1)
    peer = Puppet(wire, 2, hub)
    peer.say(peer.hello())
    state = hub.hub.state
    state.parents = {number.to_bytes(8, "big"): 7 for number in range(ORIGINS_MAX)}
    spreading.came_first(state, peer.session, [peer.hub_key.public])
    assert len(state.parents) == ORIGINS_MAX
    assert state.parents[peer.hub_key.public[:8]] == peer.link
