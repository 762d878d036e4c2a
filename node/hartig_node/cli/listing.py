"""`hartig list` and `hartig search`: posts as a table that fits the terminal."""

import argparse
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.accounts import badge, still
from hartig_node.cli.commands import Recipe
from hartig_node.cli.recurring import how_often
from hartig_node.cli.session import Session
from hartig_node.cli.tables import Column, table_lines
from hartig_node.cli.words import how_many, in_language, language, moment, short_id

LIMIT_DEFAULT = 50
COLUMNS_FROM = {"held by": 100, "category": 72}  # below these widths the title needs the room more
_COLUMNS = (
    Column("id"),
    Column("what", 5),
    Column("category", 20, may_be_cut=True),
    Column("how much", 14, may_be_cut=True),
    Column("until"),
    Column("held by", 20, may_be_cut=True),
    Column("title"),
)


def _filters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which")
    group.add_argument("--kind", choices=("need", "offer"), help="only what is needed, or only what is offered")
    group.add_argument("--category", metavar="CODE", help="this category and those below it (`hartig help categories`)")
    group.add_argument("--mine", action="store_true", help="only posts of this hub")
    group.add_argument("--author", metavar="HUB", help="only posts of the hub with this id")
    group.add_argument("--urgency", metavar="HOW", help="low, normal, high or urgent")
    group.add_argument("--level", metavar="LEVEL", help="open shelves that are plenty, some, low or gone")
    group.add_argument("--mode", metavar="MODE", help="give, lend, in-place, do, ride or fund-record")
    group.add_argument("--area", metavar="GEOHASH", help="only posts of this area")
    group.add_argument("--network", metavar="NAME", help="only posts of this partner network, or `ours`")
    group.add_argument("--ended", action="store_true", help="also what has ended")
    group.add_argument("--hidden", action="store_true", help="also what this hub hides (`hartig hide`, `mute`)")
    group.add_argument("--limit", type=_limit, metavar="NUMBER", help=f"how many at most (default {LIMIT_DEFAULT})")
    group.add_argument("--all", action="store_true", help="all of them, however many")


def _limit(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _list(session: Session, options: argparse.Namespace) -> int:
    return _show(session, options, None)


def _search_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="+", help="all of them must be there, in title, text or category")
    _filters(parser)


def _search(session: Session, options: argparse.Namespace) -> int:
    return _show(session, options, " ".join(options.words))


def _show(session: Session, options: argparse.Namespace, words: str | None) -> int:
    limit = None if options.all else options.limit or LIMIT_DEFAULT
    posts, more = _fetch(session, {**_wanted(options, words), "network": _network(session, options.network)}, limit)
    out = session.out
    out.json(posts)
    if not out.is_json:
        _table(session, posts)
        if not posts:
            out.note(_nothing(options, words))
    if more:
        out.note(f"The newest {how_many(len(posts), 'post')}; there are more: --all shows them.")
    return exits.OK


def _network(session: Session, named: str | None) -> str | None:
    if named == "ours":
        return str(session.node.status()["network"]["id"])
    return None if named is None else session.node.partners.full_id(named)


def _fetch(session: Session, wanted: dict[str, Any], limit: int | None) -> tuple[list[dict[str, Any]], bool]:
    """Return the posts, and whether there are more than were asked for."""
    if limit is None:
        return list(session.node.posts(**wanted)), False
    posts = list(session.node.posts(limit=limit + 1, **wanted))
    return posts[:limit], len(posts) > limit


def _wanted(options: argparse.Namespace, words: str | None) -> dict[str, Any]:
    return {
        "kind": options.kind,
        "category": options.category,
        "author": "me" if options.mine else options.author,
        "urgency": options.urgency,
        "level": options.level,
        "mode": options.mode,
        "area": options.area,
        "state": "all" if options.ended else None,
        "hidden": "true" if options.hidden else None,
        "q": words,
    }


def _table(session: Session, posts: list[dict[str, Any]]) -> None:
    if not posts:
        return
    columns = session.out.columns
    shown = [index for index, column in enumerate(_COLUMNS) if _has_room(column, columns)]
    rows = [[cells[index] for index in shown] for cells in map(_row, posts)]
    head, *lines = table_lines([_COLUMNS[index] for index in shown], rows, columns)
    session.out.line(session.out.paint(head, "dim"))
    session.out.lines(lines)


def _has_room(column: Column, columns: int | None) -> bool:
    """Whether a column is shown on a terminal of this width: `hartig show` says what the narrow ones leave out."""
    return columns is None or column.head not in COLUMNS_FROM or columns >= COLUMNS_FROM[column.head]


def _row(post: dict[str, Any]) -> list[str]:
    wanted = language()
    until = _until(post) if post.get("state") == "standing" else "over"
    held_by = "this hub" if post.get("mine") else str(post.get("author_name") or str(post.get("author", ""))[:8])
    abroad = f"({post.get('network_name') or post['network'][:8]}) " if "network" in post else ""
    title = in_language(post.get("title"), wanted) or "(its words are gone)"
    often = f" ({how_often(post)})" if post.get("repeats") else ""
    how_far = f"({badge(post)}) " if badge(post) else ""
    seen = f"(hidden) {flagged(post)}" if "hidden" in post else flagged(post)
    urgency = "! " if post.get("urgency") in {"high", "urgent"} else ""
    return [
        short_id(post),
        str(post.get("kind", "")),
        str(post.get("category", "")),
        still(post),
        until,
        held_by,
        abroad + seen + how_far + urgency + title + often,
    ]


def flagged(post: dict[str, Any]) -> str:
    """Return what stands before the title of a post that somebody has flagged."""
    return "(flagged) " if "flags" in post else ""


def _until(post: dict[str, Any]) -> str:
    """Return the day until which a post stands, with the time where it is for a day or two; or when it is next."""
    if "next_date" in post:
        return f"next {moment(post['next_date'])}"
    published, expires = str(post.get("published_at", ""))[:10], str(post.get("expires_at", ""))[:10]
    said = moment(post.get("expires_at"))
    is_soon = published[:8] == expires[:8] and expires[8:].isdecimal() and int(expires[8:]) - int(published[8:]) <= 2
    return said if is_soon else said[:6]


def _nothing(options: argparse.Namespace, words: str | None) -> str:
    if words:
        return (
            f"Nothing was found for {words[:60]!r}. Fewer or shorter words find more; --ended looks at old posts too."
        )
    if options.mine:
        return "This hub has posted nothing yet: `hartig need` and `hartig offer` do."
    return "Nothing here yet. `hartig need` and `hartig offer` post something; `hartig peers` shows other hubs."


LIST = Recipe(
    _filters,
    _list,
    "hartig list --kind need --category food",
    "`hartig show ID` with the digits in front; `hartig search WORDS` looks into the texts.",
    "A ! before a title means: urgent, or nearly. 14 of 20 says how much is still free, or still needed;\n"
    "(met), (gone), (all promised) and (over) say that there is nothing to do; of what is (flagged)\n"
    "`hartig show` says why. Posts of partner networks come last, each with the name of its network.",
)
SEARCH = Recipe(
    _search_options,
    _search,
    "hartig search blankets --kind offer",
    "`hartig show ID` with the digits in front.",
    "Accents and capitals do not matter; words are found within words.",
)
