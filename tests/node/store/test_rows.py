"""The feed lines of a commit are items like any others, made when they are read."""

from hartig_node.ports import FeedItem
from hartig_node.store.rows import FeedLines
from hartig_protocol.events import Notice

NOTICES = [Notice("post.added", 5, b"t", b"r", 16, b"p"), Notice("peer.left", 6, peer=b"q"), Notice("a", 7)]
ITEMS = [
    FeedItem(9, "post.added", 5, b"t", b"r", 16, b"p"),
    FeedItem(10, "peer.left", 6, b"", b"", 0, b"q"),
    FeedItem(11, "a", 7, b"", b"", 0, b""),
]


def test_lines_are_read_as_items_from_either_end() -> None:
    lines = FeedLines(9, NOTICES)
    assert list(lines) == ITEMS
    assert lines[-1] == ITEMS[-1]
    assert lines[-1:] == ITEMS[-1:]
    assert lines[::2] == ITEMS[::2]
    assert FeedLines(9, ())[-1:] == []


def test_rows_are_what_the_table_keeps() -> None:
    assert FeedLines(9, NOTICES).rows()[0] == (9, "post.added", 5, b"t", b"r", 16, b"p")
