"""Lists of posts: what is asked for, and the page that answers.

In: filters as people and programs write them. Out: what the store looks for, and cursors. Who calls: `posts`.
"""

import re

from hartig_node.board.drafts.views import KIND_NAMES, PostView
from hartig_node.board.errors import BoardError
from hartig_node.ports import PostFilter
from hartig_node.searching import terms
from hartig_protocol.values import value

LIMIT_MAX = 200
_AMONG_FOREIGN = re.compile(r"p([0-9a-f]{32}\.(\d{1,15})?)?")
_KINDS = {name: int(kind) for kind, name in KIND_NAMES.items()}


@value
class ListQuery:
    """Which posts are wanted; see `node/API.md` for each field."""

    kind: str | None = None
    category: str | None = None
    author: str | None = None
    area: str | None = None
    urgency: str | None = None
    level: str | None = None
    mode: str | None = None
    state: str = "standing"
    q: str | None = None
    hidden: bool = False  # also what this hub hides, and posts of hubs that it mutes
    network: str | None = None  # the id of a network: its posts alone, ours or a partner's
    cursor: str | None = None
    limit: int = 50


@value
class ListPage:
    """One page; `cursor` continues it."""

    items: list[PostView]
    cursor: str | None


def filter_of(query: ListQuery, own_hub: bytes, now_ms: int) -> PostFilter:
    """Return what the store is to look for; raises `BoardError` where a filter makes no sense."""
    if query.kind is not None and query.kind not in _KINDS:
        raise BoardError("bad_request", f"there is no kind {query.kind!r}", "kind is need or offer", "/kind")
    if query.state not in ("standing", "all"):
        raise BoardError("bad_request", f"there is no state {query.state!r}", "state is standing or all", "/state")
    return PostFilter(
        now_ms=now_ms,
        kind=None if query.kind is None else _KINDS[query.kind],
        category=query.category,
        author=_author(query.author, own_hub),
        area=query.area,
        urgency=query.urgency,
        level=query.level,
        mode=query.mode,
        standing=query.state == "standing",
        terms=terms(query.q or ""),
    )


def _author(author: str | None, own_hub: bytes) -> bytes | None:
    if author is None:
        return None
    if author == "me":
        return own_hub
    try:
        key = bytes.fromhex(author)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise BoardError("bad_request", "author is the id of a hub, or me", "", "/author")
    return key


def place_of(query: ListQuery) -> int | str | None:
    """Return where a page begins; raises `BoardError` for a cursor or a limit that is none.

    A text is a cursor among the posts of partner networks.
    """
    if not 1 <= query.limit <= LIMIT_MAX:
        hint = f"limit is from 1 to {LIMIT_MAX}"
        raise BoardError("bad_request", f"limit {query.limit} is out of range", hint, "/limit")
    if query.cursor is None:
        return None
    if _AMONG_FOREIGN.fullmatch(query.cursor):
        return query.cursor
    found = re.fullmatch(r"n(\d{1,15})", query.cursor)
    if found is None:
        raise BoardError("bad_cursor", "this cursor was not made by this hub", "begin without a cursor", "/cursor")
    return int(found[1])


def cursor_of(after: int) -> str:
    """Return the cursor that goes on after this arrival number."""
    return f"n{after}"
