"""Lists of needs and offers: filters -> SQL, newest arrival first, by keyset.

In: a `PostFilter` on a connection inside a read transaction. Out: a `PostPage`. Called by `sqlite` on the reading
thread.

SQLite has no statistics to choose by, so the choice of index is made here: the first filter of `_driver` leads, and
every other one stands behind a unary plus, which keeps the planner from using its index. An equality on an indexed
column gives rows in the order of arrival, so no list is ever sorted, and none is ranked.
"""

import sqlite3
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice
from typing import Any

from hartig_node.ports import PostFilter, PostPage, StoredPost
from hartig_node.searching import TRIGRAM_CHARACTERS, has_terms, wanted_terms
from hartig_node.store.facts import family_of
from hartig_node.store.indexing import stored_text
from hartig_protocol.limits import AREA_CHARACTERS_MAX

_TRIGRAMS_PER_TERM_MAX = 8  # enough to leave few candidates; each hit is checked against the text anyway
_N_ABOVE_ALL = 2**63 - 1

# What most posts say is not in these indexes; SQLite uses them only for a query that says so word for word.
_PARTIAL = {"urgency": "p.urgency <> 'normal'", "mode": "p.mode <> 'give'"}


@dataclass
class Clauses:
    """The parts of one SELECT over `posts p`, with their values."""

    driver: str = "n"  # the column whose index leads
    author_leads: bool = False  # then `records r` comes first, by its index of authors
    joins: list[str] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    @property
    def order(self) -> str:
        """The column that rows fall by: that of the leading table."""
        return "r.n" if self.author_leads else "p.n"

    @property
    def tables(self) -> str:
        """The tables, in the order in which they are to be looked at."""
        leading = ["records r", "posts p"] if self.author_leads else ["posts p"]
        return " CROSS JOIN ".join([*leading, *self.joins])

    def add(self, column: str, comparison: str, *values: Any) -> None:
        """Add a condition; only the leading column may use its index."""
        plus = "" if column == self.driver else "+"
        self.where.append(f"{plus}p.{column} {comparison}")
        self.values.extend(values)


def list_posts(connection: sqlite3.Connection, wanted: PostFilter, after: int | None, count_max: int) -> PostPage:
    """Return one page; raises `sqlite3.DatabaseError` where the search index is damaged."""
    terms = wanted_terms(wanted.terms)
    above = _N_ABOVE_ALL if after is None else after
    return _page(connection, _numbers(connection, wanted, terms, above, count_max + 1), count_max)


def _page(connection: sqlite3.Connection, numbers: list[int], count_max: int) -> PostPage:
    """Read the records of a list that is one longer than the page if there is more."""
    page = numbers[:count_max]
    posts = [StoredPost(n, _wire(connection, n)) for n in page]
    return PostPage(posts, page[-1] if page and len(numbers) > count_max else None)


def _wire(connection: sqlite3.Connection, n: int) -> tuple[bytes, bytes, bytes | None]:
    row: tuple[bytes, bytes, bytes | None] = connection.execute(
        "SELECT head, signature, body FROM records WHERE n = ?", (n,)
    ).fetchone()
    return row


def _numbers(
    connection: sqlite3.Connection, wanted: PostFilter, terms: tuple[str, ...], above: int, count_max: int
) -> list[int]:
    """Return arrival numbers below `above`, falling."""
    if not terms:
        return _by_filters(connection, wanted, (), above, count_max)
    indexed = _indexed(connection, wanted, terms, above, count_max)
    waiting = _unindexed(connection, wanted, terms, above, count_max)
    return list(islice(merge(indexed, waiting, reverse=True), count_max))


def _by_filters(
    connection: sqlite3.Connection, wanted: PostFilter, terms: tuple[str, ...], above: int, count_max: int
) -> list[int]:
    """Walk the index that leads; `terms` are looked for in the texts of what passes the filters."""
    driver = _driver(wanted)
    parts = ("itself", "below") if driver == "category" else ("whole",)
    found = []
    for part in parts:
        clauses = _filtered(wanted, driver, part)
        _check_terms(clauses, terms)
        found.append(_run(connection, clauses, above, count_max))
    return list(islice(merge(*found, reverse=True), count_max))


def _run(connection: sqlite3.Connection, clauses: Clauses, above: int, count_max: int) -> list[int]:
    order = clauses.order
    where = " AND ".join([*clauses.where, f"{order} < ?"])
    sql = f"SELECT p.n FROM {clauses.tables} WHERE {where} ORDER BY {order} DESC LIMIT ?"  # noqa: S608 - values are bound
    return [n for (n,) in connection.execute(sql, (*clauses.values, above, count_max))]


# --- Filters


def _driver(wanted: PostFilter) -> str:
    """Choose the index that leads: what leaves the fewest posts in most neighbourhoods comes first."""
    if wanted.author is not None:
        return "author"
    if wanted.category is not None:
        return "category" if "." in wanted.category else "family"
    if wanted.level is not None:
        return "level"
    if wanted.urgency is not None and wanted.urgency != "normal":
        return "urgency"
    if wanted.mode is not None and wanted.mode != "give":
        return "mode"
    if wanted.area is not None and len(wanted.area) == AREA_CHARACTERS_MAX:
        return "area"
    return "n"


def _filtered(wanted: PostFilter, driver: str, part: str = "whole") -> Clauses:
    clauses = Clauses(driver, author_leads=driver == "author")
    if wanted.author is not None:
        if not clauses.author_leads:
            clauses.joins.append("records r")
        clauses.where += ["p.n = r.n", "r.kind IN (16, 17)", "substr(r.author, 1, 8) = ?", "r.author = ?"]
        clauses.values += [wanted.author[:8], wanted.author]
    _leave_out(clauses, wanted)
    if wanted.category is not None:
        _by_category(clauses, wanted.category, part)
    if wanted.area:
        _by_area(clauses, wanted.area)
    for column in ("kind", "urgency", "level", "mode"):
        value = getattr(wanted, column)
        if value is not None:
            clauses.add(column, "= ?", value)
    if driver in _PARTIAL:
        clauses.where.append(_PARTIAL[driver])
    if wanted.standing:
        clauses.add("ends", "= 0")
        clauses.add("expires", "> ?", wanted.now_ms)
    return clauses


def _leave_out(clauses: Clauses, wanted: PostFilter) -> None:
    """Ask of each post that is left by its record, so this costs nothing where nothing is hidden."""
    spaces = {"thread": wanted.unless_thread_in, "author": wanted.unless_author_in}
    for column, space in spaces.items():
        if space is None:
            continue
        if wanted.author is None and "records r" not in clauses.joins:
            clauses.joins.append("records r")
            clauses.where.append("r.n = p.n")
        clauses.where.append(f"NOT EXISTS (SELECT 1 FROM private h WHERE h.space = ? AND h.key = r.{column})")  # noqa: S608
        clauses.values.append(space)


def _by_category(clauses: Clauses, category: str, part: str) -> None:
    """The code itself, what is under it, or the whole of both; `/` is the character after the dot."""
    if category == family_of(category):
        clauses.add("family", "= ?", category)
    elif part == "itself":
        clauses.add("category", "= ?", category)
    elif part == "below":
        clauses.add("category", ">= ?", f"{category}.")
        clauses.add("category", "< ?", f"{category}/")
    else:
        clauses.where.append("(+p.category = ? OR (+p.category >= ? AND +p.category < ?))")
        clauses.values += [category, f"{category}.", f"{category}/"]


def _by_area(clauses: Clauses, area: str) -> None:
    if len(area) >= AREA_CHARACTERS_MAX:
        clauses.add("area", "= ?", area)
        return
    clauses.where.append("substr(p.area, 1, ?) = ?")
    clauses.values += [len(area), area]


# --- Terms


def _indexed(
    connection: sqlite3.Connection, wanted: PostFilter, terms: tuple[str, ...], above: int, count_max: int
) -> list[int]:
    """Search what is indexed: by trigrams where a term has any; every hit is checked against the text."""
    match = _match(terms)
    if match is None:
        return _by_filters(connection, wanted, terms, above, count_max)
    clauses = _filtered(wanted, "rowid of search")
    _check_terms(clauses, terms)
    where = " AND ".join(["search MATCH ?", "s.rowid < ?", "p.n = s.rowid", *clauses.where])
    sql = (
        f"SELECT p.n FROM search s CROSS JOIN {clauses.tables} "  # noqa: S608 - values are bound
        f"WHERE {where} ORDER BY s.rowid DESC LIMIT ?"
    )
    return [n for (n,) in connection.execute(sql, (match, above, *clauses.values, count_max))]


def _check_terms(clauses: Clauses, terms: tuple[str, ...]) -> None:
    if terms:
        clauses.joins.append("texts t")
        clauses.where.append("t.n = p.n")
    for term in terms:
        clauses.where.append("instr(t.text, ?) > 0")
        clauses.values.append(term)


def _match(terms: tuple[str, ...]) -> str | None:
    """Return the question to the trigram index; None where every term is too short for it."""
    pieces = [piece for term in terms for piece in _trigrams(term)]
    return " AND ".join(f'"{_quoted(piece)}"' for piece in dict.fromkeys(pieces)) or None


def _trigrams(term: str) -> list[str]:
    """Return up to eight trigrams spread over a term."""
    count = len(term) - TRIGRAM_CHARACTERS + 1
    if count <= 0:
        return []
    chosen = min(count, _TRIGRAMS_PER_TERM_MAX)
    starts = {round(index * (count - 1) / max(1, chosen - 1)) for index in range(chosen)}
    return [term[start : start + TRIGRAM_CHARACTERS] for start in sorted(starts)]


def _quoted(piece: str) -> str:
    return piece.replace('"', '""')


def _unindexed(
    connection: sqlite3.Connection, wanted: PostFilter, terms: tuple[str, ...], above: int, count_max: int
) -> list[int]:
    """Scan what is not indexed yet."""
    clauses = _filtered(wanted, "rowid of unindexed")
    where = " AND ".join(["u.n < ?", "p.n = u.n", "b.n = u.n", *clauses.where])
    sql = (
        f"SELECT u.n, b.body FROM unindexed u CROSS JOIN {clauses.tables} CROSS JOIN records b "  # noqa: S608
        f"WHERE {where} ORDER BY u.n DESC"
    )
    return _matching(connection, sql, (above, *clauses.values), terms, count_max)


def scan_posts(connection: sqlite3.Connection, wanted: PostFilter, after: int | None, count_max: int) -> PostPage:
    """Return the same page as `list_posts` without the search index: for as long as that is damaged."""
    above = _N_ABOVE_ALL if after is None else after
    clauses = _filtered(wanted, "n")
    where = " AND ".join([*clauses.where, "b.n = p.n", "p.n < ?"])
    sql = f"SELECT p.n, b.body FROM {clauses.tables} CROSS JOIN records b WHERE {where} ORDER BY p.n DESC"  # noqa: S608
    numbers = _matching(connection, sql, (*clauses.values, above), wanted_terms(wanted.terms), count_max + 1)
    return _page(connection, numbers, count_max)


def _matching(
    connection: sqlite3.Connection, sql: str, values: tuple[Any, ...], terms: tuple[str, ...], count_max: int
) -> list[int]:
    rows = connection.execute(sql, values)
    found = list(islice((n for n, body in rows if has_terms(stored_text(body), terms)), count_max))
    rows.close()
    return found
