"""Who is next where more waits than can be dealt with: turn by turn down the tree of grants."""

from collections import Counter, deque

from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.commit import Commit, Now
from hartig_protocol.sync.fairness import NOBODYS, FairQueue, branch_of
from support.records import NOW_MS, Network

KEYS = [bytes([65 + index]) for index in range(4)]
BRANCHES = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3).map(tuple)


def filled(*branches: tuple[bytes, ...]) -> FairQueue[tuple[tuple[bytes, ...], int]]:
    """A queue of (branch, number), the numbers rising."""
    queue: FairQueue[tuple[tuple[bytes, ...], int]] = FairQueue()
    for number, branch in enumerate(branches):
        queue.push(branch, (branch, number))
    return queue


def test_a_branch_of_many_gets_one_turn_in_each_round() -> None:
    flood = [(b"seat", b"x", bytes([index])) for index in range(40)]
    queue = filled(*flood, *flood, (b"seat", b"a"), (b"seat", b"a"), (b"seat", b"b", b"c"))
    served = [queue.pop()[0][:2] for _ in range(6)]
    assert served == [(b"seat", one) for one in (b"x", b"a", b"b", b"x", b"a", b"x")]


def test_a_key_takes_turns_with_those_that_it_has_invited() -> None:
    queue = filled((b"x", b"s"), (b"x", b"s"), (b"x",), (b"x",))
    assert [queue.pop()[0] for _ in range(4)] == [(b"x", b"s"), (b"x",), (b"x", b"s"), (b"x",)]


def test_of_one_branch_the_oldest_comes_first_unless_the_newest_is_to() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in (1, 2):
        queue.push((b"a",), number)
    for number in (3, 4):
        queue.push((b"a",), number, newest_first=True)
    assert [queue.pop() for _ in range(4)] == [4, 3, 1, 2]


def test_the_heaviest_branch_gives_up_what_it_would_be_served_last() -> None:
    queue = filled((b"a",), (b"x", b"s"), (b"x", b"s"), (b"x", b"t"))
    assert [queue.pop_heaviest() for _ in range(2)] == [((b"x", b"s"), 2), ((b"x", b"s"), 1)]
    assert len(queue) == 2


def test_a_branch_can_be_let_go_whole() -> None:
    queue = filled((b"a", b"b"), (b"a", b"c"), (b"a", b"c", b"d"), (b"e",))
    assert queue.drop((b"a", b"x")) == 0
    assert queue.drop((b"a", b"c")) == 2
    assert queue.drop((b"a",)) == 1
    assert [item[0] for item in queue] == [(b"e",)]
    assert queue.drop((b"a",)) == 0
    assert repr(queue) == "<FairQueue 1 items>"


def test_a_branch_can_be_asked_for_more_of_its_own() -> None:
    queue = filled((b"a",), (b"a",), (b"a", b"c"), (b"a",))
    assert queue.pop_own((b"a",), 2) == [((b"a",), 0), ((b"a",), 1)]
    assert queue.pop_own((b"x",), 2) == []
    assert queue.pop_own((b"a",), 9) == [((b"a",), 3)]
    assert queue.pop_own((b"a",), 9) == []
    assert [queue.pop() for _ in range(len(queue))] == [((b"a", b"c"), 2)]


@given(st.lists(BRANCHES, max_size=40))
def test_all_that_waits_is_served_once_and_in_its_branch_in_order(branches: list[tuple[bytes, ...]]) -> None:
    queue = filled(*branches)
    served = [queue.pop() for _ in range(len(queue))]
    assert len(queue) == 0
    assert Counter(number for _, number in served) == Counter(range(len(branches)))
    for branch in set(branches):
        numbers = [number for one, number in served if one == branch]
        assert numbers == sorted(numbers)


@given(st.lists(BRANCHES, min_size=1, max_size=60))
def test_nobody_that_waits_is_passed_over_twice_by_the_same_sibling(branches: list[tuple[bytes, ...]]) -> None:
    for at in {branch[:depth] for branch in branches for depth in range(len(branch))}:
        queue = filled(*branches)
        waiting = Counter(_child(branch, at) for branch in branches if branch[: len(at)] == at)
        passed: dict[bytes, Counter[bytes]] = {child: Counter() for child in waiting}
        served = (_child(branch, at) for branch, _ in _all(queue) if branch[: len(at)] == at)
        for child in served:
            waiting[child] -= 1
            passed[child].clear()
            for other in waiting:
                passed[other][child] += other != child and waiting[other] > 0
                assert passed[other][child] <= 1


def _all(queue: FairQueue[tuple[tuple[bytes, ...], int]]) -> list[tuple[tuple[bytes, ...], int]]:
    return [queue.pop() for _ in range(len(queue))]


def _child(branch: tuple[bytes, ...], at: tuple[bytes, ...]) -> bytes:
    return branch[len(at)] if len(branch) > len(at) else b""


@given(st.lists(st.tuples(st.booleans(), BRANCHES), max_size=60))
def test_it_never_rests_while_something_waits(moves: list[tuple[bool, tuple[bytes, ...]]]) -> None:
    queue, model = FairQueue[int](), deque[int]()
    for number, (is_push, branch) in enumerate(moves):
        if is_push or not model:
            queue.push(branch, number)
            model.append(number)
        else:
            model.remove(queue.pop())
        assert len(queue) == len(model)
        assert sorted(queue) == sorted(model)


def test_the_branch_of_a_key_leads_down_from_its_seat() -> None:
    network = Network()
    hub, member = network.hub(1), network.hub(2)
    grants = [network.grant(hub.public, place=1), network.grant(member.public, author=hub, rank="member")]
    catalog = Catalog(network.id)
    catalog.take([network.charter], Now(NOW_MS, 0), Commit())
    catalog.take(grants, Now(NOW_MS, 0), Commit())
    assert branch_of(catalog, member.public) == (network.seat.public, hub.public, member.public)
    assert branch_of(catalog, network.seat.public) == (network.seat.public,)
    assert branch_of(catalog, network.hub(9).public) == NOBODYS
