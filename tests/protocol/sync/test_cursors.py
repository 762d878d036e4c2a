"""Both directions of "complete through n", and their bounds (SPEC, part S)."""

import pytest

from hartig_protocol.events import Cursor, Told
from hartig_protocol.limits import TOLD_PER_PEER_MAX
from hartig_protocol.sync import cursors as module
from hartig_protocol.sync.cursors import Cursors
from support.records import seeded

P, E, C = seeded("peer", 32), seeded("epoch", 16), seeded("check", 16)


def nothing_held(_n: int) -> bytes | None:
    return None


def test_a_cursor_is_remembered_once() -> None:
    cursors = Cursors()
    cursor = Cursor(P, E, 5, C)
    assert cursors.ours(P) is None
    assert cursors.advance(cursor)
    assert not cursors.advance(cursor)
    assert cursors.ours(P) == (E, 5, C)
    assert repr(cursors) == "<Cursors of 1 peers>"


def test_what_was_told_confirms_a_cursor_of_this_epoch() -> None:
    cursors = Cursors(told=[Told(P, 5, C)])
    assert cursors.confirmed(P, E, (E, 5, C), nothing_held) == 5
    assert cursors.confirmed(P, E, (E, 6, C), nothing_held) == 0
    assert cursors.confirmed(P, E, (seeded("other", 16), 5, C), nothing_held) == 0
    assert cursors.confirmed(P, E, (E, 5, bytes(16)), nothing_held) == 0
    assert cursors.confirmed(P, E, None, nothing_held) == 0
    assert cursors.confirmed(P, E, (E, 9, C), lambda n: C if n == 9 else None) == 9


def test_only_the_last_tellings_are_remembered() -> None:
    cursors = Cursors()
    for n in range(TOLD_PER_PEER_MAX + 3):
        assert cursors.tell(Told(P, n, C))
    assert not cursors.tell(Told(P, TOLD_PER_PEER_MAX, C))
    assert cursors.confirmed(P, E, (E, 2, C), nothing_held) == 0
    assert cursors.confirmed(P, E, (E, 3, C), nothing_held) == 3


def test_the_number_of_peers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PEERS_KNOWN_MAX", 1)
    cursors = Cursors()
    assert cursors.advance(Cursor(P, E, 1, C))
    assert not cursors.advance(Cursor(seeded("more", 32), E, 1, C))
    assert cursors.advance(Cursor(P, E, 2, C))
    assert cursors.tell(Told(P, 1, C))
    assert not cursors.tell(Told(seeded("more", 32), 1, C))
