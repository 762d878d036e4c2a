"""`hartig deals`: what is asked, promised and under way, one line each; and one deal with all that is known of it."""

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from hartig_node.cli import exits
from hartig_node.cli.commands import Recipe
from hartig_node.cli.dealwords import (
    STATES,
    deal_lines,
    holder,
    how_much,
    in_unit,
    next_lines,
    side,
    state_word,
    title_of,
)
from hartig_node.cli.elsewhere import alternative_lines, alternatives
from hartig_node.cli.session import Session
from hartig_node.cli.tables import Column, table_lines
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import moment, short_id

LIMIT_DEFAULT = 50
_COLUMNS = (
    Column("id"),
    Column("what", 10),
    Column("state", 30, may_be_cut=True),
    Column("how much", 14, may_be_cut=True),
    Column("other hub", 20, may_be_cut=True),
    Column("for"),
)
_ROLES = {"giving": "we give", "receiving": "we need", "both": "both"}
# In these states people have to meet, or have just met: the hubs tell each other how to be reached.
_MEETING = frozenset({"promised", "handed_over", "crossed", "arrived", "lent"})
_NOTHING = (
    "Nothing is asked or under way. `hartig ask NEED OFFER` asks for something;\n"
    "`hartig deals --all` shows what is over, too."
)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="*", help="show these whole: ids of deals, or the first 8 digits")
    which = parser.add_argument_group("which")
    which.add_argument("--mine", choices=("giving", "receiving"), help="only where this hub gives, or receives")
    which.add_argument("--state", choices=tuple(one.replace("_", "-") for one in STATES), help="only these")
    which.add_argument("--over", action="store_true", help="what is over, instead of what is under way")
    which.add_argument("--all", action="store_true", help="under way or over, and however many")
    which.add_argument("--set-aside", action="store_true", help="what other hubs have set aside for this one, instead")


def _run(session: Session, options: argparse.Namespace) -> int:
    if options.id:
        return _show(session, options.id)
    if options.set_aside:
        return _set_aside(session)
    state = "over" if options.over else None if options.all else "open"
    if options.state:
        state = options.state.replace("-", "_")
    limit = None if options.all else LIMIT_DEFAULT + 1
    found = list(session.node.deals.list(role=options.mine, state=state, limit=limit))
    shown = found if options.all else found[:LIMIT_DEFAULT]
    session.out.json(shown)
    if session.out.is_json:
        return exits.OK
    if not shown:
        session.out.note(_NOTHING)
        return exits.OK
    session.out.lines(table_lines(_COLUMNS, [_row(deal) for deal in shown], session.out.columns))
    if len(found) > len(shown):
        session.out.note(f"These are {len(shown)}; there are more: --all shows them.")
    return exits.OK


def _row(deal: Mapping[str, Any]) -> list[str]:
    need, offer = deal.get("need") or {}, deal.get("lot") or {}
    role = str(deal.get("role", ""))
    other = {"giving": holder(need), "receiving": holder(offer) if offer.get("held", True) else "?"}.get(role, "-")
    return [
        short_id(deal), _ROLES.get(role, ""), state_word(deal), how_much(deal), other, title_of(need),
    ]  # fmt: skip


# --- One deal


def _show(session: Session, ids: Iterable[str]) -> int:
    deals = [session.node.deals.get(one) for one in ids]
    contacts = [_contact(session, deal) for deal in deals]
    others = [alternatives(session, deal) for deal in deals]
    said = [
        {**deal, "contact": contact, "alternatives": other}
        for deal, contact, other in zip(deals, contacts, others, strict=True)
    ]
    session.out.json(said[0] if len(said) == 1 else said)
    for index, (deal, contact, other) in enumerate(zip(deals, contacts, others, strict=True)):
        if index:
            session.out.line()
        session.out.lines(deal_lines(deal, session.out))
        if contact is not None:
            session.out.line(f"{' ' * 10}to reach them: {isolate(clean(contact))}")
        session.out.lines(next_lines(deal))
        session.out.lines(alternative_lines(deal, other))
    return exits.OK


def _contact(session: Session, deal: Mapping[str, Any]) -> str | None:
    """Return how to reach the other side, where there is something to say."""
    if deal.get("state") not in _MEETING or not deal.get("role"):
        return None
    return session.node.deals.contact(str(deal["id"]))


# --- What was set aside for this hub


def _set_aside(session: Session) -> int:
    found = list(session.node.deals.set_aside_for_us())
    session.out.json(found)
    if session.out.is_json:
        return exits.OK
    for one in found:
        session.out.lines(aside_lines(one))
    if not found:
        session.out.note("No hub has set anything aside for this one.")
    return exits.OK


def aside_lines(one: Mapping[str, Any]) -> Iterable[str]:
    """Yield what was set aside for this hub, and what to do with it."""
    date = f", on {moment(one['date'])}" if one.get("date") else ""
    yield f"{short_id(one)}  {in_unit(one.get('quantity'), one)}{date}, from {side(one.get('lot'))}"
    if accepted := one.get("accepted"):
        yield f"{' ' * 10}offered here as {str(accepted)[:8]}"
    else:
        yield f"{' ' * 10}`hartig accept {short_id(one)}` offers it here"


DEALS = Recipe(
    _options,
    _run,
    "hartig deals --mine giving",
    "`hartig deals ID` shows one whole, with how to reach the other side and what can be done now.",
    "Without options: what is asked, promised and under way.",
)
