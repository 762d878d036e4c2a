"""The deals of a neighbour's own post, found by its pick-up word: what became of each, and what can be said of it.

Who needs something says here that it arrived (all of it, less, not fit for use), goes back, or is not needed any more.
To promise, decline and hand over is for the people at the hub that holds it. In: the form of `mine.py`. Out: deals to
show, and what came of an action in a sentence. A deal is touched only where it belongs to the post of the word.
"""

from hartig_node.board.deals.views import BookView, DealView
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import BoardError
from hartig_node.site.doors import BoardDoor
from hartig_node.site.forms import Typed, read_quantity
from hartig_node.site.words import N_
from hartig_protocol.values import value

ACTIONS = ("cancel", "arrived", "short", "bad", "give_back")
# In these states people have to meet, so each side's hub has told the other how to be reached.
_MEETING = frozenset({"promised", "handed_over", "crossed", "arrived", "lent"})
_SAID = {
    "cancel": N_("Done. The people who hold it read that you do not need it any more."),
    "give_back": N_("Done. The people who lent it count it when it is back."),
}
_ARRIVED = N_("Done. Thank you for saying how it arrived.")
_NOT_NOW = N_("This cannot be said any more. Look below at what stands now.")
_WHY_NOT = {
    "more_than_claimed": N_("So much was not asked for. Write how much of it came in good order."),
    "more_than_needed": N_("So much is not needed any more."),
    "claim_over": N_("This was said already. Look below at what stands now."),
}
BAD_AMOUNT = N_("This amount does not go here. Write a whole number, such as 5.")


@value
class ShownDeal:
    """A deal, and how to reach the other side where its hub has said it."""

    view: DealView
    contact: str | None


@value
class Said:
    """What came of an action: a sentence (before translation), and whether it was done."""

    sentence: str
    is_done: bool


async def book_of(board: BoardDoor, view: PostView) -> BookView | None:
    """Return the account of a post that is held; None where there is none any more."""
    try:
        return await board.deals.book_view(view.id)
    except BoardError as error:
        if error.code != "not_found":
            raise
        return None


def says_more(view: PostView) -> bool:
    """Tell whether the account of a post says more than stands beside it already: by dates, or why it has ended."""
    is_over = (view.progress or {}).get("state") == "ended"
    return view.state == "standing" and ("dates" in view.facts or is_over)


async def shown_deals(board: BoardDoor, view: PostView, book: BookView | None) -> list[ShownDeal]:
    """Return the deals of a post with how to reach the other side: only for whoever has its pick-up word."""
    if book is None or view.state == "ended":
        return []
    role = "receiving" if view.kind == "need" else "giving"
    return [
        ShownDeal(
            deal,
            await board.contacts.contact_of(bytes.fromhex(deal.id), role) if deal.state in _MEETING else None,
        )
        for deal in book.deals
    ]


async def act(board: BoardDoor, view: PostView, typed: Typed) -> Said:
    """Do with one deal of a need what a form asks; raises `BoardError` where it is no deal of this post."""
    action, claim = typed["do"], typed["deal"]
    deal = await board.deals.deal(claim)
    if deal.need.post != view.id:
        raise BoardError("not_found", "this is no deal of that post")
    quantity = None
    if action == "short":
        quantity, problem = read_quantity(typed["quantity"].strip())
        if problem:
            return Said(problem, is_done=False)
    try:
        await _say(board, action, claim, quantity)
    except BoardError as error:
        if error.code == "bad_request" and error.pointer == "/quantity":
            return Said(BAD_AMOUNT, is_done=False)
        if error.code not in ("not_allowed", "chain_ended"):
            raise
        return Said(_WHY_NOT.get(error.rule, _NOT_NOW), is_done=False)
    return Said(_SAID.get(action, _ARRIVED), is_done=True)


async def _say(board: BoardDoor, action: str, claim: str, quantity: str | None) -> None:
    match action:
        case "cancel":
            await board.deals.cancel(claim)
        case "give_back":
            await board.deals.give_back(claim)
        case "arrived":
            await board.deals.receive(claim, "ok")
        case "bad":
            await board.deals.receive(claim, "bad")
        case _:
            await board.deals.receive(claim, "short", quantity)
