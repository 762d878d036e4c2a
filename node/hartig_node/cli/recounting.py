"""`hartig recount`: what waits until somebody has counted, after a restore, a copy or a new key; and the count.

This hub has ended those posts by itself, because nobody can tell any more what was promised from them.
"""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.dealwords import INDENT, in_unit, title_of
from hartig_node.cli.parsing import UsageError
from hartig_node.cli.session import Session
from hartig_node.cli.width import isolate
from hartig_node.cli.words import moment, short_id

LEVELS = ("plenty", "some", "low", "gone")
REASONS = {
    "restored": "this hub was restored from an older copy, or its disk was damaged",
    "forked": "two copies of this hub have written about it",
    "void": "this hub has a new key",
}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("post", nargs="?", help="what was counted: its id, or the first 8 digits (`hartig recount`)")
    parser.add_argument(
        "quantity",
        nargs="?",
        help="what is there now, or is still needed, for each date where there are several; of an open shelf how full "
        f"it is: {', '.join(LEVELS)}",
    )


def _run(session: Session, options: argparse.Namespace) -> int:
    if options.post is None:
        return _waiting(session)
    if options.quantity is None:
        raise UsageError("how much is there, or still needed?", f"for example: hartig recount {options.post[:8]} 12")
    is_level = options.quantity in LEVELS
    said = {"level": options.quantity} if is_level else {"quantity": options.quantity}
    new = session.node.deals.recount(options.post, **said)
    session.out.json({"post": new})
    if new is None:
        session.out.line("Nothing is left of it: it stays ended, and waits no more.")
    else:
        session.out.line(f"It is posted anew as {short_id(new)}: `hartig show {short_id(new)}`.")
    return exits.OK


def _waiting(session: Session) -> int:
    found = session.node.deals.recounts()
    session.out.json(found)
    if session.out.is_json:
        return exits.OK
    for one in found:
        session.out.lines(_lines(one))
    if not found:
        session.out.note("Nothing waits to be counted.")
    return exits.OK


def _lines(one: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was ended, how much there was by the last that is known, and what to do."""
    is_need, level = one.get("kind") == "need", one.get("level")
    was = "were still needed" if is_need else "were there"
    reason = str(one.get("reason"))
    much = f"an open shelf, {level}" if level else f"{_much(one)} {was}"
    yield f"{short_id(one)}  {one.get('kind')} “{isolate(title_of(one))}”: {much}"
    yield f"{INDENT}ended, because {REASONS.get(reason, reason)}"
    do = "ask how much is still needed" if is_need else "look how full it is" if level else "count what is there"
    yield f"{INDENT}{do}, then: `hartig recount {short_id(one)} {level or 'QUANTITY'}`"


def _much(one: Mapping[str, Any]) -> str:
    """Return how much there was; date by date where it has dates."""
    dates = one.get("dates") or ()
    if not dates:
        return in_unit(one.get("quantity"), one)
    return ", ".join(f"{in_unit(each.get('quantity'), one)} on {moment(each.get('date'))}" for each in dates)


RECOUNT = Recipe(
    _options,
    _run,
    "hartig recount 9a8b7c6d 12",
    "tell those who wait for it; what was promised before does not hold any more.",
    "Without an id: what waits. With 0 nothing is posted, and it waits no more.",
)
