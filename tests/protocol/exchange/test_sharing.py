"""Fair shares: equal, never more than was asked, and all of it given (SPEC D10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.exchange.sharing import fair_shares

CASES: list[tuple[str, int, dict[bytes, int], dict[bytes, int]]] = [
    ("nobody asks", 10, {}, {}),
    ("enough for all", 10, {b"a": 3, b"b": 4}, {b"a": 3, b"b": 4}),
    ("equal parts", 10, {b"a": 9, b"b": 8}, {b"a": 5, b"b": 5}),
    ("who asks for little gets all of it", 10, {b"a": 9, b"b": 2, b"c": 9}, {b"a": 4, b"b": 2, b"c": 4}),
    ("the rest goes to the lowest ids", 11, {b"c": 9, b"b": 9, b"a": 9}, {b"a": 4, b"b": 4, b"c": 3}),
    ("the rest goes only to those who lack it", 6, {b"a": 1, b"b": 9, b"c": 9}, {b"a": 1, b"b": 3, b"c": 2}),
    ("less than there are hands", 2, {b"a": 1, b"b": 1, b"c": 1}, {b"a": 1, b"b": 1, b"c": 0}),
    ("nothing there", 0, {b"a": 1}, {b"a": 0}),
]


@pytest.mark.parametrize(("total", "asked", "shares"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_shares_are_equal(total: int, asked: dict[bytes, int], shares: dict[bytes, int]) -> None:
    assert fair_shares(total, asked) == shares


@given(st.integers(0, 200), st.dictionaries(st.binary(min_size=1, max_size=2), st.integers(1, 60), max_size=12))
def test_all_is_given_and_those_who_lack_differ_by_one_part_at_most(total: int, asked: dict[bytes, int]) -> None:
    shares = fair_shares(total, asked)
    assert shares.keys() == asked.keys()
    assert sum(shares.values()) == min(total, sum(asked.values()))
    assert all(0 <= shares[claim] <= asked[claim] for claim in asked)
    lacking = [shares[claim] for claim in asked if shares[claim] < asked[claim]]
    satisfied = [shares[claim] for claim in asked if shares[claim] == asked[claim]]
    if lacking:
        assert max(lacking) - min(lacking) <= 1
        assert max(satisfied, default=0) <= min(lacking) + 1
    assert shares == fair_shares(total, dict(reversed(asked.items())))
