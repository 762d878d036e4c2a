"""Commits that wait together become fewer, and mean the same."""

from hartig_node.grouping import grouped
from hartig_node.store.rows import Change
from hartig_protocol.catalog.commit import Cursor, Notice, PrivateRow, Told
from hartig_protocol.events import Commit
from hartig_protocol.limits import TOLD_PER_PEER_MAX
from support.records import NOW_MS, Network
from support.shelf import NOON, Shelf

NETWORK = Network()
HUB = NETWORK.hub(1)


def _adding(shelf: Shelf, place: int) -> Commit:
    shelf.take(NETWORK.need(HUB, place=place, nonce=place), now=NOON)
    return shelf.commit


def test_commits_that_only_add_become_one_in_their_order() -> None:
    shelf = Shelf()
    commits = [_adding(shelf, place) for place in range(3)]
    for n, commit in enumerate(commits):
        commit.notices.append(Notice("post.added", NOW_MS + n))
        commit.private.append(PrivateRow("space", b"key", bytes([n])))
        commit.cursors.append(Cursor(b"peer", b"epoch", n, b"check"))
    (one,) = grouped(commits)
    assert [entry.id for entry, _ in one.added] == [entry.id for commit in commits for entry, _ in commit.added]
    assert [notice.at_ms for notice in one.notices] == [NOW_MS, NOW_MS + 1, NOW_MS + 2]
    assert [row.value for row in one.private] == [b"\x00", b"\x01", b"\x02"]
    assert [cursor.n for cursor in Change.of(one).cursors] == [2]


def test_a_commit_in_which_a_body_comes_or_goes_stays_alone_and_in_its_place() -> None:
    bodies = Commit(bodies_removed=[b"id"])
    first, second, third = (Commit(removed=[bytes([n])]) for n in range(3))
    out = grouped([first, second, bodies, third])
    assert [commit.removed for commit in out] == [[b"\x00", b"\x01"], [], [b"\x02"]]
    assert out[1] is bodies


def test_the_commits_that_came_in_are_not_changed() -> None:
    first, second = Commit(removed=[b"a"]), Commit(removed=[b"b"])
    grouped([first, second])
    assert (first.removed, second.removed) == ([b"a"], [b"b"])


def test_nothing_becomes_nothing() -> None:
    assert grouped([]) == []


def test_of_what_a_peer_was_told_only_what_is_kept_is_written() -> None:
    told = [Told(peer, n, bytes(16)) for n in range(TOLD_PER_PEER_MAX + 5) for peer in (b"a", b"b")]
    kept = Change.of(Commit(told=told)).told
    assert {one.n for one in kept if one.peer == b"a"} == set(range(5, TOLD_PER_PEER_MAX + 5))
    assert len(kept) == 2 * TOLD_PER_PEER_MAX
