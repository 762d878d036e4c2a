"""How much is kept: bounds for one asker, bounds for all, and what is over."""

import pytest

from hartig_node.api import kept_index
from hartig_node.api.kept_index import KeptIndex


def row(asker: str, number: int) -> bytes:
    return asker.encode().ljust(8) + number.to_bytes(24, "big")


def test_of_one_asker_the_newest_rows_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_index, "ROWS_MAX", 3)
    index = KeptIndex()
    gone = [index.put(row("a", number), number, 10, 0) for number in range(5)]
    assert gone == [[], [], [], [row("a", 0)], [row("a", 1)]]
    assert index.put(row("b", 0), 9, 10, 0) == []
    assert (len(index), index.size) == (4, 40)


def test_of_one_asker_so_many_bytes_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_index, "BYTES_MAX", 100)
    index = KeptIndex()
    assert index.put(row("a", 0), 0, 60, 0) == []
    assert index.put(row("a", 1), 1, 40, 0) == []
    assert index.put(row("a", 2), 2, 41, 0) == [row("a", 0)]
    assert index.size == 81


def test_of_all_together_who_has_most_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_index, "ALL_BYTES_MAX", 100)
    index = KeptIndex()
    index.put(row("a", 0), 0, 50, 0)
    index.put(row("a", 1), 1, 20, 0)
    assert index.put(row("b", 0), 2, 40, 0) == [row("a", 0)]
    assert index.put(row("b", 1), 3, 45, 0) == [row("b", 0)]
    assert index.size == 65


def test_a_row_that_is_written_again_counts_once_and_is_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_index, "ROWS_MAX", 2)
    index = KeptIndex()
    for number in (0, 1, 0):
        index.put(row("a", number), number, 10 + number, 0)
    assert index.size == 21
    assert index.put(row("a", 2), 5, 10, 0) == [row("a", 1)]


def test_what_is_over_goes_and_what_is_taken_out_is_gone() -> None:
    index = KeptIndex()
    index.put(row("a", 0), 100, 10, 0)
    index.put(row("a", 1), 200, 10, 0)
    assert index.put(row("a", 2), 300, 10, 150) == [row("a", 0)]
    assert index.put(row("a", 1), 0, 0, 150) == []
    assert index.put(row("a", 9), 0, 0, 150) == []
    assert index.put(row("a", 2), 0, 0, 150) == []
    assert (len(index), index.size, repr(index)) == (0, 0, "<KeptIndex 0 rows of 0 askers, 0 bytes>")
