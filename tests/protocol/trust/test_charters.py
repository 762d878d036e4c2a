"""Which charter stands is a function of the set of charters (SPEC G9)."""

import itertools

from hartig_protocol.limits import CHARTERS_MAX
from hartig_protocol.trust.charters import Charters, charters_of
from support.records import charter, key, seat_recovery

A, B, C = (key(f"seat {number}") for number in range(3))
FIRST = charter([A, B, C], threshold=2)
NETWORK = FIRST.id[:16]


def test_without_a_charter_none_stands() -> None:
    assert charters_of(NETWORK, []) == Charters()
    assert (Charters().standing, Charters().version) == (None, 0)


def test_more_seats_win_then_the_lower_id_in_any_order() -> None:
    two = sorted((charter([A, B], signers=[A, B], seed=seed, after=FIRST) for seed in (1, 2)), key=lambda one: one.id)
    three = charter([A, C], signers=[A, seat_recovery(B), C], after=FIRST)
    both_keys_of_one = charter([C], signers=[A, seat_recovery(A), B], seed=3, after=FIRST)
    for order in itertools.permutations([FIRST, *two, three, both_keys_of_one]):
        found = charters_of(NETWORK, order)
        assert found.path == (FIRST, three)
        assert found.rivals == (min((*two, both_keys_of_one), key=lambda one: one.id),)
        assert found.version == 2
        assert set(found.kept) == {record.id for record in (*found.path, *found.rivals)}


def test_a_path_goes_on_to_the_last_version_that_there_can_be() -> None:
    path = [FIRST]
    while len(path) < CHARTERS_MAX:
        path.append(charter([A, B, C], threshold=2, signers=[A, B], after=path[-1]))
    assert charters_of(NETWORK, reversed(path)).path == tuple(path)
