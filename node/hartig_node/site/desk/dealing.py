"""One deal as the desk shows it, and all that can be done with it.

In: a `DealView`, and what a form asks. Out: `ShownDeal`, with how to reach the other side and the amount that each
field begins with; or a `Notice` of what was done. What may be done is the board's to say (`what_next`). Who calls:
`deals.py`, `posts.py`.
"""

from collections.abc import Mapping
from decimal import Decimal

from aiohttp import web

from hartig_node.board.deals.views import BookView, DealView
from hartig_node.board.errors import BoardError
from hartig_node.site.desk.acting import desk_of, read_amount
from hartig_node.site.desk.doors import DeskDoor
from hartig_node.site.desk.notices import Notice
from hartig_node.site.forms import Typed
from hartig_node.site.words import N_
from hartig_protocol.values import value

GIVING, RECEIVING = "giving", "receiving"
GIVING_ACTIONS = ("promise", "hand_over", "decline", "release", "returned")
RECEIVING_ACTIONS = ("arrived", "short", "bad", "give_back", "cancel")
WITH_AMOUNT = frozenset({"promise", "hand_over", "returned", "give_back", "short"})
_HOW = {"arrived": "ok", "short": "short", "bad": "bad"}
_DONE = {
    "promise": N_("Done. Promised: %(amount)s."),
    "hand_over": N_("Done. Handed over: %(amount)s."),
    "decline": N_("Done. They read that nothing will come from us."),
    "release": N_("Done. The promise is taken back, and what it held is free again."),
    "returned": N_("Done. What came back is counted."),
    "arrived": N_("Done. Arrived in good order: %(amount)s."),
    "short": N_("Done. Arrived in good order: %(amount)s."),
    "bad": N_("Done. It is written down as not fit for use."),
    "give_back": N_("Done. The people who lent it count it when it is back."),
    "cancel": N_("Done. The people who hold it read that it is not needed any more."),
}


@value
class ShownDeal:
    """A deal, how to reach each other side of it where that has been said, and the amounts that fields begin with.

    `free` is what we have of it, where it can be promised.
    """

    view: DealView
    reach_needing: str | None
    reach_giving: str | None
    amounts: Mapping[str, str]
    free: str = ""

    @property
    def can(self) -> frozenset[str]:
        """What can be done, by the names of the forms."""
        return can(self.view)


def can(deal: DealView) -> frozenset[str]:
    """Return what can be done with a deal, by the names of the forms: it arrives in three ways."""
    return frozenset(deal.what_next) | (frozenset(_HOW) if "receive" in deal.what_next else frozenset())


async def shown(board: DeskDoor, deal: DealView, book: BookView | None = None) -> ShownDeal:
    """Return a deal with all that its people need; `book` is the account of its offer, where the caller has it."""
    if book is None and "promise" in deal.what_next:
        book = await board.deals.book_view(deal.lot.id)
    free = _free(deal, book) if "promise" in deal.what_next else ""
    claim, are_meeting = bytes.fromhex(deal.id), deal.is_open or deal.state == "arrived"
    asks_giver, asks_receiver = are_meeting and deal.lot.is_mine, are_meeting and deal.need.is_mine
    return ShownDeal(
        deal,
        await board.contacts.contact_of(claim, GIVING) if asks_giver else None,
        await board.contacts.contact_of(claim, RECEIVING) if asks_receiver else None,
        _amounts(deal, free),
        free,
    )


def _free(deal: DealView, book: BookView | None) -> str:
    """Return what is free for the date that was asked; before the first count what the offer says, where it does."""
    if book is None or book.post.id != deal.lot.id:
        return ""
    account = next((one for one in book.accounts if one.date_ms == deal.lot_date_ms), None)
    if account is not None:
        return account.amounts.get("free", "")
    return str(book.progress.get("free", "")) if deal.lot_date_ms is None else ""


def _amounts(deal: DealView, free: str) -> dict[str, str]:
    """Return what each field begins with, as exact decimal text; nothing where only people can know."""
    left = Decimal(deal.asks or 0) - Decimal(deal.handed_over or 0)
    promise = _text(min(left, Decimal(free)) if free else left)
    is_promised = "release" in deal.what_next and deal.promised is not None
    amounts = {
        "promise": promise,
        "hand_over": str(deal.promised) if is_promised else promise,
        "returned": deal.handed_over or "",
        "give_back": _text(Decimal(deal.received or 0) - Decimal(deal.given_back or 0)),
    }
    return {name: amount for name, amount in amounts.items() if amount}


def _text(amount: Decimal) -> str:
    return f"{amount.normalize():f}" if amount > 0 else ""


def unit_of(deal: DealView, action: str) -> str:
    """Return in which unit an action counts: who gives, in the offer's; who needs, in the need's."""
    side = deal.need if action in RECEIVING_ACTIONS else deal.lot
    return side.unit or ""


async def act(request: web.Request, claim: str, typed: Typed) -> Notice:
    """Do with a deal what a form asks; raises `BoardError` or `TypedError`."""
    action = typed["do"]
    if action not in _DONE:
        raise BoardError("bad_request", "this is nothing that can be done with a deal")
    amount = read_amount(request, typed, is_needed=action == "short") if action in WITH_AMOUNT else None
    done = await _say(desk_of(request), claim, action, amount)
    said = {"promise": done.promised, "hand_over": done.handed_over, "arrived": done.received, "short": done.received}
    return Notice(_DONE[action], said.get(action) or "", unit_of(done, action))


async def _say(board: DeskDoor, claim: str, action: str, amount: str | None) -> DealView:
    deals = board.deals
    match action:
        case "promise":
            return await deals.promise(claim, amount)
        case "hand_over":
            done = await deals.hand_over(claim, amount)
            assert isinstance(done, DealView)
            return done
        case "decline":
            return await deals.decline(claim)
        case "release":
            return await deals.release(claim)
        case "returned":
            return await deals.returned(claim, amount)
        case "give_back":
            return await deals.give_back(claim, amount)
        case "cancel":
            return await deals.cancel(claim)
        case _:
            return await deals.receive(claim, _HOW[action], amount)
