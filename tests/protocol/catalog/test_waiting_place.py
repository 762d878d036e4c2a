"""What waits can be looked at, is found by what it lacks, and is taken out a few at a time."""

from hartig_protocol.catalog.waiting import WaitingPlace
from hartig_protocol.limits import HOUR_MS, WAITING_PER_PEER_MAX
from support.records import NOW_MS, Network, key
from support.shelf import HUB, NETWORK, need

PEER, OTHER = bytes(32), bytes([1]) * 32


def test_what_waits_is_shown_in_the_order_in_which_it_came_and_goes_on_waiting() -> None:
    place, network = WaitingPlace(), Network()
    records = [network.grant(key(number).public, place=number) for number in (3, 1, 2)]
    for record in records:
        assert place.add(PEER, record, ("proof", record.head.author))
    assert [record for record, _ in place.held(PEER)] == records
    assert place.held(PEER)[0][1] == ("proof", network.seat.public)
    assert (place.held(OTHER), place.count(PEER)) == ([], 3)


def test_what_is_ready_goes_on_waiting_until_it_is_taken_out() -> None:
    place, posts = WaitingPlace(), [need(place=number) for number in range(3)]
    for peer in (OTHER, PEER):
        for post in posts:
            assert place.add(peer, post, ("proof", HUB.public))
    place.wake([("proof", b"somebody"), ("body", posts[0].id)])
    assert not place.is_ready
    place.wake([("proof", HUB.public)])
    assert (place.is_ready, len(place)) == (True, 6)
    assert place.take_ready(4) == [(OTHER, posts[0]), (OTHER, posts[1]), (OTHER, posts[2]), (PEER, posts[0])]
    assert place.count(PEER) == 2
    place.forget_peer(PEER)
    assert (place.is_ready, place.take_ready(4), len(place)) == (False, [], 0)


def test_what_is_set_aside_again_waits_for_what_it_lacks_now() -> None:
    place, post = WaitingPlace(), need()
    assert place.add(PEER, post, ("proof", HUB.public))
    place.wake_all()
    assert place.add(PEER, post, ("body", post.id))
    place.wake([("proof", HUB.public)])
    assert (place.is_ready, place.count(PEER)) == (False, 1)
    place.wake([("body", post.id)])
    assert place.take_ready(1) == [(PEER, post)]


def test_a_grant_or_a_revocation_may_be_proven_by_whom_it_is_about() -> None:
    place = WaitingPlace()
    grant = NETWORK.grant(key("guest").public, author=HUB)
    assert place.add(PEER, grant, ("proof", HUB.public))
    place.wake([("proof", key("guest").public)])
    assert place.take_ready(9) == [(PEER, grant)]
    place.wake([("proof", HUB.public)])
    assert not place.is_ready


def test_neighbours_are_kept_apart() -> None:
    place, one, two = WaitingPlace(), need(), need(place=1)
    step = NETWORK.step(HUB, one)
    assert place.add(b"p", one, ("proof", b""))
    assert place.add(b"q", one, ("proof", b""))
    assert place.add(b"q", step, ("record", b"x"))
    assert place.add(b"r", two, ("body", two.id))
    assert (len(place), place.count(b"q"), place.peers()) == (4, 2, [b"p", b"q", b"r"])
    place.forget_thread(one.head.thread)
    assert place.count(b"q") == 1
    place.forget_peer(b"q")
    assert (place.peers(), place.ids(b"p")) == ([b"p", b"r"], {one.id})
    assert repr(place) == "<WaitingPlace 2 records>"


def test_what_an_audit_has_looked_at_is_let_go() -> None:
    place, one = WaitingPlace(), need()
    assert place.add(PEER, one, ("proof", b""))
    place.forget_as_of(PEER, NOW_MS, place.ids(PEER))
    place.forget_as_of(PEER, NOW_MS + HOUR_MS, frozenset())
    assert place.count(PEER) == 1
    place.forget_as_of(PEER, NOW_MS + HOUR_MS, place.ids(PEER))
    assert place.count(PEER) == 0


def test_the_room_of_a_neighbour_is_bounded() -> None:
    place = WaitingPlace()
    for number in range(WAITING_PER_PEER_MAX):
        assert place.add(PEER, need(place=number), ("proof", b""))
    assert not place.add(PEER, need(place=number + 1), ("proof", b""))
    assert place.add(PEER, need(), ("body", b"")), "it waits already"
    assert place.count(PEER) == WAITING_PER_PEER_MAX
