"""Deals in people's words: what became of one, and what can be done with it now.

In: a deal as `node/API.md` has it. Out: lines. A deal has two sides: the need for which something was asked, and the
offer that was asked for it. Called by every command that asks, gives or takes, and by `showing`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from hartig_node.cli.output import Output
from hartig_node.cli.width import clean, isolate
from hartig_node.cli.words import SHORT_ID_CHARACTERS, amount, duration, in_language, language, moment, short_id

STATES = {
    "asked": "asked",
    "promised": "promised",
    "handed_over": "handed over",
    "arrived": "arrived",
    "arrived_short": "arrived in part",
    "arrived_bad": "arrived, not fit for use",
    "lent": "lent",
    "given_back": "given back",
    "returned": "is back",
    "declined": "declined",
    "taken_back": "promise taken back",
    "lapsed": "not fetched in time",
    "cancelled": "cancelled",
    "crossed": "handed over although cancelled",
    "void": "came to nothing",
}
CAME_TO_NOTHING = frozenset({"declined", "void", "lapsed", "taken_back"})
# The hub of a need gives up by itself what nothing will come of; why is what the other side had said.
_WHY_GIVEN_UP = {"declined": "declined", "lapsed": "not fetched in time", "lot_ended": "the offer is over"}
# What can be done, as the API names it -> the command, and when people call for it.
_COMMANDS = {
    "promise": ("promise", "to say yes"),
    "decline": ("decline", "to say no"),
    "hand_over": ("hand-over", "when it leaves"),
    "release": ("release", "to take the promise back"),
    "returned": ("returned", "when it is back here"),
    "receive": ("receive", "when it has arrived"),
    "cancel": ("cancel", "if it is not needed any more"),
    "give_back": ("give-back", "when it goes back"),
}
_MORE = {"promise": "to promise more", "hand_over": "when more of it leaves"}  # once something has left
INDENT = " " * (SHORT_ID_CHARACTERS + 2)


def deal_lines(deal: Mapping[str, Any], out: Output) -> Iterator[str]:
    """Yield what became of a deal: its id and state, for what and from what, and what can be done now."""
    yield f"{out.paint(short_id(deal), 'bold')}  {state_of(deal)}"
    yield f"{INDENT}for {side(deal.get('need'))}"
    yield f"{INDENT}from {side(deal.get('lot'))}"
    if dates := _dates(deal):
        yield f"{INDENT}on {dates}"
    if deal.get("state") == "promised" and (minutes := deal.get("hold_minutes")):
        yield f"{INDENT}held for {duration(minutes * 60)} while that hub is on"


def next_lines(deal: Mapping[str, Any]) -> Iterator[str]:
    """Yield the commands that go on with a deal."""
    for action in deal.get("what_next") or ():
        if action in _COMMANDS:
            command, when = _COMMANDS[action]
            when = _MORE.get(action, when) if deal.get("handed_over") else when
            yield f"{INDENT}`hartig {command} {short_id(deal)}` {when}"


def came_to_nothing(deal: Mapping[str, Any]) -> bool:
    """Whether nothing will come of a deal, and the other side has said so."""
    return deal.get("state") in CAME_TO_NOTHING or bool(_why_cancelled(deal))


def _why_cancelled(deal: Mapping[str, Any]) -> str:
    """Return what the other side said of a deal that was cancelled; empty where it said nothing."""
    marks = deal.get("marks") or () if deal.get("state") == "cancelled" else ()
    return next((why for mark, why in _WHY_GIVEN_UP.items() if mark in marks), "")


def state_word(deal: Mapping[str, Any]) -> str:
    """Return what became of a deal in a word, and why where it was given up."""
    state = str(deal.get("state", ""))
    said, why = STATES.get(state, state.replace("_", " ")), _why_cancelled(deal)
    return f"{said} ({why})" if why else said


def state_of(deal: Mapping[str, Any]) -> str:
    """Return what became of a deal, with the amounts behind it: `promised: 6 of 8`."""
    said = state_word(deal)
    much = how_much(deal)
    return f"{said}: {much}" if much else said


def how_much(deal: Mapping[str, Any]) -> str:
    """Return the amounts that go with what became of a deal, in the unit of the side that has said it."""
    state = deal.get("state")
    if state in ("promised", "handed_over", "crossed"):
        given = deal.get("handed_over" if state != "promised" else "promised")
        return _of(given, deal.get("asks"), deal.get("lot"))
    if state in ("arrived", "arrived_short", "arrived_bad", "lent"):
        return _of(deal.get("received"), deal.get("quantity"), deal.get("need"))
    if state in ("given_back", "returned"):
        return _of(deal.get("given_back"), deal.get("received"), deal.get("need"))
    return in_unit(deal.get("quantity"), deal.get("need"))


def _of(part: Any, whole: Any, post: Any) -> str:
    if part is None or part == whole:
        return in_unit(whole if part is None else part, post)
    return in_unit(f"{part} of {whole}", post) if whole is not None else in_unit(part, post)


def in_unit(quantity: Any, post: Any) -> str:
    """Return a quantity in the unit of a post; empty where nothing was said."""
    if quantity is None:
        return ""
    return amount({"quantity": quantity, "unit": (post or {}).get("unit", "H87")}, language())


def side(post: Any) -> str:
    """Return one side of a deal: title, id, and who holds it."""
    post = post or {}
    if not post.get("held", True):
        return f"{short_id(post)} (not here now)"
    held_by = clean(holder(post))
    ended = " (it has ended)" if post.get("ended") else ""
    known_as = {"id": post.get("part_of") or post["id"]}  # not that which asks a partner network for it
    return f"“{isolate(title_of(post))}” {short_id(known_as)}, held by {isolate(held_by)}{ended}"


def title_of(post: Mapping[str, Any]) -> str:
    """Return the title of a post in the language of this terminal."""
    return clean(in_language(post.get("title"), language())) or "(its words are gone)"


def holder(post: Mapping[str, Any]) -> str:
    """Return who holds a side of a deal."""
    if post.get("mine"):
        return "this hub"
    hub = str(post.get("hub_name") or f"hub {str(post.get('hub', '?'))[:8]}")
    network = post.get("network")
    return hub if network is None else f"{hub}, partner network {post.get('network_name') or network[:8]}"


def _dates(deal: Mapping[str, Any]) -> str:
    """Return for when it was asked; the offer's date only where it is another."""
    date, other = deal.get("date"), deal.get("lot_date")
    if date is None and other is None:
        return ""
    if date is None or other is None or date == other:
        return moment(date or other)
    return f"{moment(date)}, from what there is on {moment(other)}"
