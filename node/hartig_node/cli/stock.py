"""`hartig count`, `low`, `set-aside`, `accept`, `return-rest`, `close`: how much there is, whose it is to promise."""

import argparse
import re
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.accounts import answer_account, low_words
from hartig_node.cli.commands import Recipe
from hartig_node.cli.dealwords import title_of
from hartig_node.cli.drafting import add_draft_options, draft_from
from hartig_node.cli.saying import add_date, add_quantity, date_of
from hartig_node.cli.session import Session
from hartig_node.cli.words import short_id
from hartig_node.client.errors import AmbiguousIdError, NotFoundError

_REASONS = {
    "opened": "the first count of all",
    "found": "more was found",
    "restocked": "more has come in",
    "lost": "some is broken, spoilt or gone",
}
_ID = re.compile(r"[0-9a-f]{64}")
_DIGITS_MIN = 6


def _post(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    parser.add_argument(name, help=f"{what}: its id, or the first 8 digits of it")


# --- Counting


def _count_options(parser: argparse.ArgumentParser) -> None:
    _post(parser, "post", "an offer or a need of this hub")
    parser.add_argument("quantity", help="what is there now, promised or not; of a need, how much is needed")
    reasons = ", ".join(f"{name} ({what})" for name, what in _REASONS.items())
    parser.add_argument("--why", choices=tuple(_REASONS), help=f"instead, what came or went: {reasons}")
    parser.add_argument("--date", action="append", metavar="TIME", help="for this date alone; may be repeated")


def _count(session: Session, options: argparse.Namespace) -> int:
    dates = [str(date_of(one)) for one in options.date] if options.date else None
    return answer_account(session, session.node.deals.count(options.post, options.quantity, options.why, dates))


def _close(session: Session, options: argparse.Namespace) -> int:
    return answer_account(session, session.node.deals.close(options.post))


def _low(session: Session, options: argparse.Namespace) -> int:
    shelf = session.node.deals.low(options.post)
    session.out.json(shelf)
    session.out.line(f"{title_of(shelf)} {short_id(shelf)}: {low_words(shelf)}.")
    return exits.OK


# --- Setting aside


def _set_aside_options(parser: argparse.ArgumentParser) -> None:
    _post(parser, "offer", "an offer of this hub")
    parser.add_argument("hub", help="for which hub: its name, or its id or the first 8 digits of it (`hartig peers`)")
    parser.add_argument("quantity", help="how much")
    add_date(parser)


def _set_aside(session: Session, options: argparse.Namespace) -> int:
    hub = hub_id(session, options.hub)
    date = date_of(options.date)
    return answer_account(session, session.node.deals.set_aside(options.offer, hub, options.quantity, date=date))


def hub_id(session: Session, text: str) -> str:
    """Return the id of the hub that a name, an id or its first digits stand for, among those that are known here."""
    if _ID.fullmatch(text.lower()):
        return text.lower()
    wanted = text.casefold()
    known = {str(peer["hub"]): str(peer.get("name") or "") for peer in session.node.peers() if peer.get("hub")}
    found = [hub for hub, name in known.items() if name.casefold() == wanted]
    if not found and len(wanted) >= _DIGITS_MIN:
        found = [hub for hub in known if hub.startswith(wanted)]
    if not found:
        raise NotFoundError(404, _problem(f"no hub is known here as {text[:60]!r}", "`hartig peers` shows the hubs"))
    if len(found) > 1:
        raise AmbiguousIdError(f"{len(found)} hubs are known as {text[:60]!r}", "give the digits of its id")
    return found[0]


def _accept_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", help="what was set aside: its id, or the first 8 digits (`hartig deals --set-aside`)")
    parser.add_argument("--title", metavar="TITLE", help="in a few words, in --language (else as it was)")
    add_draft_options(parser)


def _accept(session: Session, options: argparse.Namespace) -> int:
    accepted = session.node.deals.accept(_aside_id(session, options.id), draft_from(options))
    answer_account(session, accepted)
    session.out.line(f"It is offered here now: `hartig show {str(accepted.get('id'))[:8]}`.")
    return exits.OK


def _aside_id(session: Session, text: str) -> str:
    """Return the whole id of something that was set aside for this hub."""
    text = text.lower()
    if _ID.fullmatch(text):
        return text
    found = [str(one["id"]) for one in session.node.deals.set_aside_for_us() if str(one.get("id")).startswith(text)]
    if not found or len(text) < _DIGITS_MIN:
        detail = f"nothing set aside for this hub has an id that begins with {text[:40]!r}"
        raise NotFoundError(404, _problem(detail, "`hartig deals --set-aside` shows the ids"))
    if len(found) > 1:
        raise AmbiguousIdError(f"{len(found)} ids begin with {text}", "give more digits")
    return found[0]


def _problem(detail: str, hint: str) -> dict[str, Any]:
    return {"code": "not_found", "detail": detail, "hint": hint}


def _return_options(parser: argparse.ArgumentParser) -> None:
    _post(parser, "offer", "an offer made from what was set aside for this hub")
    add_quantity(parser, "how much (else all that is free)")
    add_date(parser)


def _return_rest(session: Session, options: argparse.Namespace) -> int:
    date = date_of(options.date)
    return answer_account(session, session.node.deals.surrender(options.offer, options.quantity, date=date))


COUNT = Recipe(
    _count_options,
    _count,
    "hartig count 9a8b7c6d 24",
    "`hartig show 9a8b7c6d`; what is free can be promised.",
    "Count what stands there: what was found or lost since the last time follows from it.",
)
LOW = Recipe(
    lambda parser: _post(parser, "post", "an open shelf of any hub"),
    _low,
    "hartig low 9a8b7c6d",
    "all hubs read it; it is over when the hub of the shelf says anew how much is there.",
    "Nobody is named. Who says it twice within five minutes has said it once.",
)
SET_ASIDE = Recipe(
    _set_aside_options,
    _set_aside,
    "hartig set-aside 9a8b7c6d 'Strike kitchen' 10",
    "that hub offers it with `hartig accept`, and promises from it also while it is cut off.",
    "What is set aside is gone from here, until that hub returns the rest.",
)
ACCEPT = Recipe(
    _accept_options,
    _accept,
    "hartig accept 5e6f7a8b --contact 'Ask at the kitchen door'",
    "`hartig deals --mine giving` shows who asks; `hartig return-rest` gives back what is left.",
    "What is not said here is as the offer has it from which it was set aside.",
)
RETURN_REST = Recipe(
    _return_options,
    _return_rest,
    "hartig return-rest 9a8b7c6d",
    "the hub that had set it aside counts it by itself.",
)
CLOSE = Recipe(
    lambda parser: _post(parser, "post", "a need or an offer of this hub"),
    _close,
    "hartig close 1f2e3d4c",
    "`hartig withdraw` takes the post down; post anew for more.",
    "For the end of a good day: nothing more is promised or asked, and what was said stays to be read.",
)
