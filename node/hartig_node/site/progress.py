"""How far a post has come and what became of its deals, as neighbours read it.

In: `PostView.progress`, the account of a post (`BookView`), deals (`DealView`). Out: sentences in the language of a
`Tongue`, plain text. What is nought is left out, and a post of which nothing was asked yet says nothing more than it
did. Who calls: the templates, through `rendering.py`.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from hartig_node.board.deals.views import BookView, DealView
from hartig_node.board.drafts.views import PostView
from hartig_node.site.words import N_, Tongue

NEED_STATES = {
    "open": N_("Nothing of it is promised yet."),
    "partly_promised": N_("A part of it is promised, or has arrived."),
    "promised": N_("All of it is promised, or has arrived."),
    "met": N_("All of it has arrived."),
    "ended": N_("Nothing more can be asked for it."),
}
OFFER_STATES = {
    "available": N_("There is some."),
    "partly_promised": N_("A part of it is promised."),
    "all_promised": N_("All of it is promised."),
    "gone": N_("All of it is gone."),
    "ended": N_("Nothing more can be promised of it."),
}
_BADGES = {
    "met": N_("All there"),
    "gone": N_("All gone"),
    "promised": N_("All promised"),
    "all_promised": N_("All promised"),
    "ended": N_("Over"),
}
_AMOUNTS = {
    "needed": N_("Needed: %(amount)s"),
    "asked": N_("Asked: %(amount)s"),
    "free": N_("Free: %(amount)s"),
    "promised": N_("Promised: %(amount)s"),
    "set_aside": N_("Set aside for other hubs: %(amount)s"),
    "handed_over": N_("Handed over: %(amount)s"),
    "received": N_("Arrived: %(amount)s"),
    "given_up": N_("Given back to the hub it came from: %(amount)s"),
}
_ALWAYS = frozenset({"needed", "free"})
_STILL_FREE, _STILL_NEEDED = N_("Still free: %(amount)s"), N_("Still needed: %(amount)s")
DEAL_STATES = {
    "asked": N_("Asked. Nobody has promised it yet."),
    "promised": N_("Promised"),
    "handed_over": N_("Handed over"),
    "arrived": N_("Arrived"),
    "arrived_short": N_("Arrived, but not all of it"),
    "arrived_bad": N_("Arrived, but not fit for use"),
    "lent": N_("Arrived, to be given back"),
    "given_back": N_("Given back"),
    "returned": N_("Given back, and counted there"),
    "declined": N_("Nothing will come from there"),
    "taken_back": N_("The promise was taken back"),
    "lapsed": N_("Nobody came for it in time"),
    "cancelled": N_("Not needed any more"),
    "crossed": N_("Handed over, although it was not needed any more"),
    "void": N_("Nothing came of it"),
}
_COUNT_ANEW = N_("The people there count what there is, and put it up again.")
_ASK_ANEW = N_("Whoever needs it puts it up again, with how much is still needed.")
_ENDS = {
    "forked": N_(
        "Two copies of the hub that holds this have written about it, and what they say does not fit together."
    ),
    "restored": N_("The hub that holds this was set up again from an older copy, so what was promised is not certain."),
    "closed": N_("The people who hold it have ended it in good order."),
}


def is_done(view: PostView) -> bool:
    """Tell whether nobody need do anything more about a post."""
    return _state(view) in ("met", "gone", "ended")


def badge(tongue: Tongue, view: PostView) -> str:
    """Return what the board says beside a post that need not be looked at; else nothing. A shelf has its level."""
    if view.state != "standing" or "level" in view.facts:
        return ""
    said = _BADGES.get(_state(view))
    return tongue.say(said) if said else ""


def still(tongue: Tongue, view: PostView) -> str:
    """Return how much is left, where that is another amount than the post says."""
    said = view.progress or {}
    if badge(tongue, view):
        return ""
    if "counted" in said and said["free"] != said["counted"]:
        return _amount(tongue, _STILL_FREE, said["free"], view.unit)
    left = Decimal(said.get("needed", "0")) - _number(said, "received") - _number(said, "promised")
    if "received" in said and left > 0 and left != Decimal(said.get("needed", "0")):
        return _amount(tongue, _STILL_NEEDED, f"{left.normalize():f}", view.unit)
    return ""


def progress_lines(tongue: Tongue, view: PostView) -> list[str]:
    """Return how far a post has come: a sentence, then the amounts; nothing where nothing has happened yet."""
    said = view.progress or {}
    amounts = {name: said[name] for name in _AMOUNTS if name in said}
    is_new = _state(view) in ("", "open", "available") and not any(
        amount != "0" for name, amount in amounts.items() if name not in _ALWAYS
    )
    if is_new or view.state != "standing" or "level" in view.facts:
        return []
    states = NEED_STATES if view.kind == "need" else OFFER_STATES
    return [tongue.say(states[_state(view)]), *amount_lines(tongue, amounts, view.unit)]


def standing_lines(tongue: Tongue, view: PostView) -> list[str]:
    """Return the amounts of an own post in a list; an open shelf has its level instead."""
    if view.state != "standing" or "level" in view.facts:
        return []
    return amount_lines(tongue, view.progress or {}, view.unit)


def amount_lines(tongue: Tongue, amounts: Mapping[str, str], unit: str) -> list[str]:
    """Return the amounts of an account, or of one date of it."""
    return [
        _amount(tongue, sentence, amounts[name], unit)
        for name, sentence in _AMOUNTS.items()
        if name in amounts and (name in _ALWAYS or amounts[name] != "0")
    ]


def date_lines(tongue: Tongue, book: BookView | None) -> list[tuple[str, str]]:
    """Return the amounts of a post date by date, where it has dates: when, and how far it has come for that."""
    if book is None:
        return []
    unit = book.post.unit or ""
    return [
        (tongue.moment(account.date_ms), " · ".join(amount_lines(tongue, account.amounts, unit)))
        for account in book.accounts
        if account.date_ms is not None
    ]


def end_lines(tongue: Tongue, book: BookView | None) -> list[str]:
    """Return why nothing more can be said about a post that still stands, and what people do then."""
    if book is None or book.ended is None or book.ended.reason not in _ENDS:
        return []
    return [tongue.say(_ENDS[book.ended.reason]), tongue.say(_ASK_ANEW if book.kind == "need" else _COUNT_ANEW)]


def deal_lines(tongue: Tongue, deal: DealView) -> Iterator[str]:
    """Yield the amounts of a deal, each in the unit of the side that has said it."""
    need_unit, offer_unit = deal.need.unit or "", deal.lot.unit or ""
    yield _amount(tongue, _AMOUNTS["asked"], deal.quantity, need_unit)
    for name, amount, unit in (
        ("promised", deal.promised, offer_unit),
        ("handed_over", deal.handed_over, offer_unit),
        ("received", deal.received, need_unit),
    ):
        if amount is not None and offer_unit:
            yield _amount(tongue, _AMOUNTS[name], amount, unit)


def _amount(tongue: Tongue, sentence: str, amount: str, unit: str) -> str:
    return tongue.say(sentence) % {"amount": tongue.amount(amount, unit)}


def _number(said: Mapping[str, str], name: str) -> Decimal:
    return Decimal(said.get(name, "0"))


def _state(view: PostView) -> str:
    return str((view.progress or {}).get("state", ""))
