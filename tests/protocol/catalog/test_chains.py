"""The chain rule, tried in every order of a small scope (SPEC, part T)."""

from itertools import combinations, permutations

import pytest

from hartig_protocol.catalog.chains import Chain, Link

Step = tuple[bytes, int, bytes | None]

# Two branches at every height: a1 < b1, and on each of them two second steps, and thirds.
TREE: tuple[Step, ...] = (
    (b"a1", 1, None),
    (b"b1", 1, None),
    (b"a2", 2, b"a1"),
    (b"b2", 2, b"a1"),
    (b"c2", 2, b"a1"),
    (b"a3", 3, b"a2"),
    (b"b3", 3, b"b2"),
    (b"x2", 2, b"b1"),
)


def expected(steps: set[Step]) -> set[bytes]:
    """The rule, said as a function of the set: what stands below the lowest fork, and its two lowest ids."""
    kept: list[bytes] = []
    prev: bytes | None = None
    for seq in range(1, 5):
        here = sorted(step for step, at, before in steps if at == seq and before == prev)
        if len(here) != 1:
            return {*kept, *here[:2]}
        kept.append(here[0])
        prev = here[0]
    raise AssertionError("the tree is lower than that")


def fill(order: tuple[Step, ...]) -> Chain:
    """Offer steps again and again, as a neighbourhood does, until nothing changes."""
    chain = Chain()
    changed = True
    while changed:
        changed = False
        for step in order:
            if chain.place(*step) in (Link.EXTENDS, Link.FORKS):
                chain.add(*step)
                changed = True
    return chain


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_what_is_kept_does_not_depend_on_the_order(size: int) -> None:
    for steps in combinations(TREE, size):
        want = expected(set(steps))
        for order in permutations(steps):
            assert set(fill(order).kept) == want, order


def test_add_names_exactly_what_goes() -> None:
    for order in permutations(TREE, 4):
        chain = Chain()
        held: set[bytes] = set()
        for step in order:
            if chain.place(*step) in (Link.EXTENDS, Link.FORKS):
                gone = chain.add(*step)
                held = (held | {step[0]}) - set(gone)
                assert held == set(chain.kept), order


def test_a_known_step_changes_nothing() -> None:
    chain = fill(TREE[:1])
    assert chain.place(*TREE[0]) is Link.KNOWN
    forked = fill(TREE[:2])
    assert forked.place(*TREE[0]) is forked.place(*TREE[1]) is Link.KNOWN
    assert forked.place(b"c1", 1, None) is Link.BEYOND
    assert forked.place(b"0", 1, None) is Link.FORKS


def test_a_step_waits_for_the_one_before_but_not_above_a_fork() -> None:
    assert Chain().place(b"a2", 2, b"a1") is Link.WAITS
    assert fill(TREE[:2]).place(b"a3", 3, b"a2") is Link.BEYOND
    assert repr(fill(TREE[:2])) == "<Chain 0 steps, forked>"
    assert repr(fill(TREE[:1])) == "<Chain 1 steps>"
