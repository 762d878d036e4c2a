"""How far a post has come, written out for people: what is counted, promised, handed over, and its deals.

In: the account of a post (`book` in `node/API.md`), or the `progress` that stands beside every post. Out: lines and
labelled facts. Called by `showing`, `listing`, and the commands that count.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.dealwords import INDENT, deal_lines, in_unit, next_lines, side, title_of
from hartig_node.cli.output import Output
from hartig_node.cli.session import Session
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import amount, how_many, language, moment, short_id

STATES = {
    "open": "nothing is promised yet",
    "promised": "all of it is promised, or has arrived",
    "met": "met: all of it has arrived",
    "available": "there is some",
    "all_promised": "all of it is promised",
    "gone": "all of it is gone",
    "ended": "over",
}
_PARTLY = {"need": "a part of it is promised, or has arrived", "offer": "a part of it is promised"}
# What stands before a title in a list; whatever else a post may be can be asked for, or is still needed.
BADGES = {"met": "met", "gone": "gone", "promised": "all promised", "all_promised": "all promised", "ended": "over"}
_AMOUNTS = {
    "needed": "needed",
    "left": "not asked for yet",
    "asked": "asked",
    "received": "arrived",
    "counted": "counted",
    "free": "free",
    "promised": "promised",
    "set_aside": "set aside for hubs",
    "handed_over": "handed over",
    "given_up": "given back to the hub it came from",
}
_ALWAYS = frozenset({"needed", "free"})  # the others are said where there is something to say
DEALS_SHOWN = 20  # a screen; `hartig deals` lists the others


def badge(post: Mapping[str, Any]) -> str:
    """Return what a list says of a post that need not be looked at: `met`, `gone`; else nothing."""
    if post.get("state") != "standing":
        return ""
    return BADGES.get(str((post.get("progress") or {}).get("state")), "")


def still(post: Mapping[str, Any]) -> str:
    """Return how much is still free of an offer, or still needed, in all: `14 of 20`; else what the post says."""
    progress = post.get("progress") or {}
    whole = progress.get("counted") or progress.get("needed")
    if whole is None or ("received" not in progress and "counted" not in progress):
        return amount(post, language())
    left = progress.get("free") or _difference(whole, progress.get("received"), progress.get("promised"))
    return in_unit(whole if left == whole else f"{left} of {whole}", post)


def _difference(whole: str, *taken: str | None) -> str:
    from decimal import Decimal

    left = Decimal(whole) - sum(Decimal(one) for one in taken if one)
    return f"{max(left, Decimal(0)).normalize():f}"


def state_word(post: Mapping[str, Any], progress: Mapping[str, Any]) -> str:
    """Return how far a post has come, in a word or a few."""
    state = str(progress.get("state"))
    return _PARTLY.get(str(post.get("kind")), state) if state == "partly_promised" else STATES.get(state, state)


def amounts(line: Mapping[str, Any], post: Mapping[str, Any]) -> str:
    """Return a line of an account: `14 free, 6 promised`."""
    said = [
        f"{in_unit(line[name], post)} {word}"
        for name, word in _AMOUNTS.items()
        if name in line and (name in _ALWAYS or line[name] != "0")
    ]
    return ", ".join(said)


def progress_facts(post: Mapping[str, Any], book: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how far a post has come, with labels: in a word, in all, and date by date."""
    progress = post.get("progress") or book.get("progress") or {}
    if not progress:
        return
    much = amounts(progress, post)
    said = state_word(book or post, progress)
    parts = progress.get("parts")
    of_parts = f" (in {how_many(parts, 'part')})" if parts else ""
    yield "how far", f"{said}: {much}{of_parts}" if much else said + of_parts
    if low := low_words({"progress": progress}):
        yield "the shelf", low
    for line in book.get("accounts") or ():
        if date := line.get("date"):
            yield moment(date), amounts(line, post)
    for part in book.get("parts") or ():
        said = state_word({"kind": "need"}, part.get("progress") or {})
        yield "a part", f"{title_of(part)} {short_id(part)}: {said}"


def low_words(post: Mapping[str, Any]) -> str:
    """Return what hubs say of an open shelf: `said to be nearly empty by 2 hubs, last at ...`; or nothing."""
    low = (post.get("progress") or {}).get("low")
    if not low:
        return ""
    said = f"said to be nearly empty by {how_many(low.get('hubs', 1), 'hub')}"
    neighbours = low.get("neighbours", 1)
    people = f" ({how_many(neighbours, 'time')})" if neighbours > low.get("hubs", 1) else ""
    return f"{said}{people}, last at {moment(low.get('last_at'))}"


def _ending_facts(book: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    ended = book.get("ended")
    if isinstance(ended, dict):
        yield "why it is over", f"{ended.get('detail', '')}: {ended.get('hint', '')}"
    if note := book.get("note"):
        yield "note", str(note)
    for broken in book.get("broken") or ():
        yield "does not count", f"what {str(broken.get('record'))[:8]} says: {broken.get('hint', '')}"


def book_facts(book: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what else an account says, with labels: where it comes from, for whom it is set aside, what is wrong."""
    if source := book.get("source"):
        yield "set aside by", side(source.get("lot"))
    for one in book.get("set_aside") or ():
        hub = clean(str(one.get("hub_name") or f"hub {str(one.get('hub'))[:8]}"))
        date = f", on {moment(one['date'])}" if one.get("date") else ""
        yield "set aside", f"{in_unit(one.get('quantity'), one)} for {isolate(hub)}{date}"
    yield from _ending_facts(book)


def book_deals(book: Mapping[str, Any], out: Output) -> Iterator[str]:
    """Yield the deals of a post, those under way first."""
    deals = book.get("deals") or []
    for deal in deals[:DEALS_SHOWN]:
        yield ""
        yield from deal_lines(deal, out)
        yield from next_lines(deal)
    total = int(book.get("deals_total") or len(deals))
    if total > DEALS_SHOWN:
        yield ""
        yield f"{total - DEALS_SHOWN:,} more: `hartig deals --all`"


def answer_account(session: Session, book: Mapping[str, Any]) -> int:
    """Show an account after something was said in it."""
    session.out.json(book)
    session.out.line(f"{session.out.paint(short_id(book), 'bold')}  {isolate(title_of(book))}")
    for label, value in (*progress_facts({"unit": book.get("unit")}, book), *book_facts(book)):
        session.out.line(f"{INDENT}{label}: {value}")
    return exits.OK
