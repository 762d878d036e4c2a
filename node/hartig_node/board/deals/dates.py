"""Which dates of a post somebody means, and which of them lie ahead.

In: RFC 3339 text, or nothing, and the account that it is for. Out: instants in ms, None where a post has no dates. A
date is one of the post's own, to the second, or one that its account knows from an earlier version of the post.
"""

from collections.abc import Sequence

from hartig_node.board.accounts.books import Book
from hartig_node.board.accounts.refusing import Rule, stopped
from hartig_node.board.errors import BoardError
from hartig_node.board.times import parse_rfc3339, rfc3339
from hartig_node.reckoning import Reading

_NAMED_MAX = 5  # dates that a hint names
_S_MS = 1_000


def dates_of(book: Book) -> list[int]:
    """Return all dates of a post, those of its account among them."""
    accounts = book.chain.accounts
    return sorted({*book.post.head.facts.get("dates", ()), *(date for date in accounts if date is not None)})


def dates_ahead(book: Book, reading: Reading) -> list[int]:
    """Return the dates of a post that lie ahead: all of them, while nobody knows the time."""
    return [date for date in book.post.head.facts.get("dates", ()) if not has_passed(date, reading)]


def has_passed(date: int, reading: Reading) -> bool:
    """Tell whether a date lies behind, as far as the time is known."""
    return reading.trusted and date <= reading.wall_ms


def the_date(book: Book, said: str | None, reading: Reading, pointer: str = "/date") -> int | None:
    """Return the date that is meant: the one said, else the only one that lies ahead. Raises `BoardError`."""
    known = dates_of(book)
    if said is not None:
        return _said(known, said, reading, pointer)
    if not known:
        return None
    ahead = dates_ahead(book, reading)
    if len(ahead) != 1:
        raise BoardError("bad_request", "this post has several dates", _which(ahead or known), pointer)
    return ahead[0]


def the_dates(book: Book, said: Sequence[str] | None, reading: Reading, pointer: str = "/dates") -> list[int | None]:
    """Return the dates that a count is for: those said, else all that lie ahead. What has passed stays as it is."""
    known = dates_of(book)
    if said is None:
        dates = dates_ahead(book, reading)
        if known and not dates:
            raise passed(book, reading, pointer)
        return [*dates] or [None]
    if not said:
        raise BoardError("bad_request", "no date is named", _which(known), pointer)
    named = sorted({_said(known, one, reading, f"{pointer}/{index}") for index, one in enumerate(said)})
    if any(has_passed(date, reading) for date in named):
        raise passed(book, reading, pointer)
    return [*named]


def passed(book: Book, reading: Reading, pointer: str = "/date") -> BoardError:
    """Say that a date is over, and which lie ahead."""
    ahead = dates_ahead(book, reading)
    hint = f"ahead lie {_listed(ahead)}" if ahead else "none of its dates lies ahead: give it new ones, or post it anew"
    return stopped(Rule.DATE_PASSED, "this date has passed, and stays as it was", hint, pointer)


def _said(known: Sequence[int], said: str, reading: Reading, pointer: str) -> int:
    try:
        moment = parse_rfc3339(said)
    except (TypeError, ValueError) as error:
        hint = "write it as 2026-11-22T18:00:00Z"
        raise BoardError("bad_request", f"{str(said)[:40]!r} is no time", hint, pointer) from error
    found = next((date for date in known if date // _S_MS == moment // _S_MS), None)
    if found is None:
        ahead = [date for date in known if not has_passed(date, reading)]
        hint = _which(ahead or known) if known else "it has no dates: leave the date out"
        raise BoardError("bad_request", "this is no date of this post", hint, pointer)
    return found


def _which(dates: Sequence[int]) -> str:
    return f"say for which: {_listed(dates)}"


def _listed(dates: Sequence[int]) -> str:
    named = ", ".join(rfc3339(date) for date in dates[:_NAMED_MAX])
    more = len(dates) - _NAMED_MAX
    return f"{named} and {more} more" if more > 0 else named
