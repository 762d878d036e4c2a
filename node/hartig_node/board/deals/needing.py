"""What those say who need something: they ask, cancel, receive, give back.

In: ids and quantities as people write them. Out: the deal as it stands, after what was said is durable. All is said in
the account of an own need, under its lock; the offer that is asked is looked at and never written. An offer of a
partner network is asked through a child of the need (`children`). Who calls: `deals`.
"""

from collections.abc import Sequence
from typing import Any

from hartig_node.board.accounts.books import Book, Deal, deal_of, lot_chain
from hartig_node.board.accounts.quantities import asked_parts, covering_parts, read_parts
from hartig_node.board.accounts.refusing import Rule, is_broken, stopped
from hartig_node.board.context import thread_of
from hartig_node.board.deals.children import ChildNeeds
from hartig_node.board.deals.dates import dates_of, has_passed, passed, the_date
from hartig_node.board.deals.desk import Desk, Facts, count_facts, dated, need_of
from hartig_node.board.deals.showing import free_in
from hartig_node.board.deals.views import DealView
from hartig_node.board.errors import BoardError
from hartig_protocol.exchange import rules
from hartig_protocol.exchange.deal import DealState, Mark
from hartig_protocol.exchange.need import Claim, ClaimState
from hartig_protocol.records.record import Kind
from hartig_protocol.records.steps import How, Verb, Why

Dates = tuple[int | None, int | None]  # of the need, and of the offer

_STANDING = frozenset({DealState.ASKED, DealState.PROMISED, DealState.HANDED_OVER})


class Needing:
    """The use cases of those who need."""

    def __init__(self, desk: Desk, children: ChildNeeds) -> None:
        self._desk, self._children = desk, children

    # --- Asking

    async def ask(self, need: str, lot: str, quantity: Any, date: str | None, lot_date: str | None) -> DealView:
        """Ask an offer; see `Deals.ask`.

        What was asked before of the same offer, for the same dates, and came to nothing is cancelled with it.
        """
        thread, asked_thread = thread_of(need), thread_of(lot)
        async with self._desk.ledger.writing(thread):
            book = await self._desk.own(thread, Kind.NEED)
            if book.chain.is_closed:
                raise is_broken(rules.NEED_CLOSED, book.post.head)
            asked = await self._asked(asked_thread, book)
            dates = self._dates(book, asked, date, lot_date)
            parts = None if quantity is None else read_parts(quantity, book.post.head)
            if asked.post.head.network in (book.post.head.network, book.post.head.audience):
                said = await self._ask(book, asked, dates, parts)
            else:
                said = await self._ask_abroad(book, asked, dates, parts)
        return await self._desk.shown(await self._desk.deal_by(said))

    async def _ask(self, need: Book, asked: Book, dates: Dates, parts: int | None) -> bytes:
        """Say in a need's own account what is asked, unless it is said already; return its id."""
        before = _before(need, asked, dates)
        if (standing := _the_same(before, parts)) is not None:
            return standing.id
        self._desk.check_room(need)
        over = _over(before)
        parts = await self._bounded(need, asked, dates, over, parts)
        said = [*self._desk.opening(need, dates[0]), *_cancels(over), _claim(need, asked, dates, parts)]
        return (await self._desk.write(need.post.head, said))[-1].id

    async def _ask_abroad(self, need: Book, asked: Book, dates: Dates, parts: int | None) -> bytes:
        """Ask an offer of a partner network through a child of the need, made for that where there is none."""
        network, (date, _) = asked.post.head.network, dates
        child = await self._children.standing(need.post.head, network, date)
        before = [] if child is None else _before(child, asked, dates)
        if (standing := _the_same(before, parts)) is not None:
            return standing.id
        over = _over(before)
        parts = await self._bounded(need, asked, dates, over, parts)
        _claim(need, asked, dates, parts)  # units that do not fit are refused before anything is made
        thread = await self._children.make(need, network, date, parts) if child is None else child.thread
        async with self._desk.ledger.writing(thread):
            child = await self._desk.own(thread, Kind.NEED)
            self._desk.check_room(child)
            freed = sum(deal.claim.quantity for deal in over)
            said = [*_cancels(over), *_recounted(child, date, parts, freed), _claim(child, asked, dates, parts)]
            return (await self._desk.write(child.post.head, said))[-1].id

    async def _asked(self, thread: bytes, need: Book) -> Book:
        """Return the offer that is to be asked; raises `BoardError` where nobody can ask it."""
        book = await self._desk.ledger.book(thread)
        if book is None:
            hint = "it may be over, or not have arrived yet"
            raise BoardError("not_found", "no such offer is held here", hint, "/lot")
        head = book.post.head
        if book.kind != Kind.OFFER:
            raise BoardError("bad_request", "this is a need", "name an offer to ask", "/lot")
        if "level" in head.facts:
            hint = "nobody needs to ask: just come"
            raise stopped(Rule.OPEN_SHELF, "from an open shelf people take what they need", hint, "/lot")
        if book.chain.is_over:
            raise stopped(Rule.OVER, "this offer is over", "look for another offer", "/lot")
        if need.post.head.audience == "hub" and not book.is_mine:
            hint = "ask the people there yourself, or ask an offer that this hub holds"
            raise stopped(Rule.STAYS_HERE, "this need never leaves this hub, so no other hub reads it", hint, "/lot")
        return book

    def _dates(self, need: Book, lot: Book, said: str | None, lot_said: str | None) -> Dates:
        """Return for which dates is asked: that of the offer is the need's own, where it has the same."""
        reading = self._desk.reading
        date = the_date(need, said, reading)
        if lot_said is None and date is not None and date in dates_of(lot):
            lot_date: int | None = date
        else:
            lot_date = the_date(lot, lot_said, reading, "/lot_date")
        if date is not None and has_passed(date, reading):
            raise passed(need, reading)
        if lot_date is not None and has_passed(lot_date, reading):
            raise passed(lot, reading, "/lot_date")
        return date, lot_date

    async def _bounded(self, need: Book, lot: Book, dates: Dates, over: Sequence[Deal], parts: int | None) -> int:
        """Return what to ask for, in the need's parts: never more than is still needed, here and abroad.

        By default it is what is still needed, at most what is free there.
        """
        date, lot_date = dates
        head = need.post.head
        left = await self._left(need, date, sum(deal.claim.quantity for deal in over))
        if parts is not None:
            if left is not None and parts > left:
                raise is_broken(rules.more_than_needed(left), head)
            return parts
        if left is None:
            raise is_broken(rules.NEED_NOT_OPENED, head)
        if left == 0:
            raise is_broken(rules.more_than_needed(0), head)
        free = free_in(lot, lot_date)
        if free is None:
            return left
        if free == 0:
            hint = "none are free there now: look for another offer, or say how much to ask for all the same"
            raise BoardError("not_allowed", "all of it is promised or gone", hint, "/quantity", rules.Rule.NOT_FREE)
        return min(left, covering_parts(free, lot.post.head, head))

    async def _left(self, need: Book, date: int | None, freed: int) -> int | None:
        """Return what nobody was asked for yet; None where nobody has said how much is needed."""
        head, account = need.post.head, need_of(need).accounts.get(date)
        needed: int | None = head.facts.get("quantity") if account is None else account.left
        if needed is None:
            return None
        return max(0, needed + freed - await self._children.asked(head, date))

    # --- What becomes of it

    async def cancel(self, claim: str) -> DealView:
        """Cancel what was asked."""
        asked = await self._desk.deal(claim)
        async with self._desk.ledger.writing(asked.need.thread):
            deal, need = await self._desk.receiving(asked)
            if deal.claim.state is not ClaimState.CANCELLED:
                await self._desk.write(need.post.head, [{"verb": Verb.CANCEL.value, "of": deal.id}])
        return await self._desk.shown(asked)

    async def receive(self, claim: str, how: str, quantity: Any) -> DealView:
        """Say how it arrived."""
        asked = await self._desk.deal(claim)
        async with self._desk.ledger.writing(asked.need.thread):
            deal, need = await self._desk.receiving(asked)
            head = need.post.head
            arrived = _arrived(how)
            parts = None if quantity is None else read_parts(quantity, head, may_be_none=True)
            if not _is_received(deal.claim, arrived, parts):
                good = _came_good(deal, arrived) if parts is None else parts
                said = {"verb": Verb.RECEIVE.value, "of": deal.id, "how": arrived.value, "quantity": good}
                await self._desk.write(head, [said])
        return await self._desk.shown(asked)

    async def give_back(self, claim: str, quantity: Any) -> DealView:
        """Say that what was lent goes back."""
        asked = await self._desk.deal(claim)
        async with self._desk.ledger.writing(asked.need.thread):
            deal, need = await self._desk.receiving(asked)
            if Mark.IS_LOAN not in deal.marks:
                hint = "it need not come back: to pass it on, offer it"
                raise stopped(Rule.NOT_LENT, "this was given, not lent", hint)
            head, kept = need.post.head, deal.claim.received - deal.claim.given_back
            if not (quantity is None and kept == 0 and deal.claim.given_back):
                parts = kept if quantity is None else read_parts(quantity, head)
                if parts == 0:
                    raise is_broken(rules.more_than_received(0), head)
                said = {"verb": Verb.GIVE_BACK.value, "of": deal.id, "quantity": parts}
                await self._desk.write(head, [said])
        return await self._desk.shown(asked)


def _before(need: Book, asked: Book, dates: Dates) -> Sequence[Deal]:
    """Return the deals in which a need asks an offer for these dates, as far as they are open."""
    return [deal_of(claim, need, asked) for claim in _open_claims(need, asked.thread, dates)]


def _over(deals: Sequence[Deal]) -> Sequence[Deal]:
    return [deal for deal in deals if deal.state not in _STANDING]


def _cancels(deals: Sequence[Deal]) -> list[Facts]:
    return [{"verb": Verb.CANCEL.value, "of": deal.id} for deal in deals]


def _claim(need: Book, asked: Book, dates: Dates, parts: int) -> Facts:
    date, lot_date = dates
    asks = asked_parts(parts, need.post.head, asked.post.head)
    facts: Facts = {"verb": Verb.CLAIM.value, "lot": asked.thread, "quantity": parts, "asks": asks}
    return dated(dated(facts, date), lot_date, "lot_date")


def _recounted(child: Book, date: int | None, parts: int, freed: int) -> list[Facts]:
    """Return the count with which a child needs just what is asked, and so much more; nothing where it does."""
    account = need_of(child).accounts.get(date)
    needed = parts if account is None else account.count - account.left + parts - freed
    return [] if account is not None and needed == account.count else [count_facts(needed, Why.NEEDED, [date])]


def _open_claims(need: Book, lot: bytes, dates: Dates) -> list[Claim]:
    return [
        claim
        for claim in need_of(need).claims.values()
        if claim.state is ClaimState.OPEN and claim.lot == lot and (claim.date, claim.lot_date) == dates
    ]


def _the_same(deals: Sequence[Deal], quantity: int | None) -> Deal | None:
    """Return the deal that asks just this already."""
    return next(
        (deal for deal in deals if deal.state in _STANDING and quantity in (None, deal.claim.quantity)),
        None,
    )


def _arrived(how: str) -> How:
    try:
        return How(how)
    except ValueError as error:
        hint = "say ok, short or bad"
        raise BoardError("bad_request", f"{str(how)[:20]!r} is no way to arrive", hint, "/how") from error


def _is_received(claim: Claim, how: How, quantity: int | None) -> bool:
    return claim.state is ClaimState.RECEIVED and claim.how is how and quantity in (None, claim.received)


def _came_good(deal: Deal, how: How) -> int:
    """Return how much came in good order, where nobody says: all that was handed over or promised; of bad, nothing."""
    claim, lot = deal.claim, lot_chain(deal.lot)
    if how is How.BAD:
        return 0
    if how is How.SHORT:
        raise BoardError("bad_request", "how much came in good order?", "say how much is good", "/quantity")
    if lot is None:
        return claim.quantity
    covered = lot.handed_over_to.get(claim.id, 0)
    promise = deal.promise
    if not covered and promise is not None and claim.id in lot.open_promise_of:
        covered = promise.quantity
    return max(1, claim.quantity * min(covered, claim.asks) // claim.asks) if covered else claim.quantity
