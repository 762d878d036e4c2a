"""What waits can be looked at without being taken out."""

from hartig_protocol.catalog.waiting import WaitingPlace
from support.records import Network, key

PEER, OTHER = bytes(32), bytes([1]) * 32


def test_what_waits_is_shown_in_the_order_in_which_it_came_and_goes_on_waiting() -> None:
    place, network = WaitingPlace(), Network()
    records = [network.grant(key(number).public, place=number) for number in (3, 1, 2)]
    for record in records:
        assert place.add(PEER, record, ("proof", record.head.author))
    assert [record for record, _ in place.held(PEER)] == records
    assert place.held(PEER)[0][1] == ("proof", network.seat.public)
    assert (place.held(OTHER), place.count(PEER)) == ([], 3)
