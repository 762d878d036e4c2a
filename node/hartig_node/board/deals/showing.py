"""From books and deals to what people and programs are shown, and what they can do next.

In: a deal or a book of the ledger. Out: `DealView`, `BookView`. What can be done is read off both chains as they stand
here: it is what the use cases would not refuse, so that a page offers nothing that then fails.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from hartig_node.board.accounts.books import Book, Deal, lot_chain
from hartig_node.board.accounts.kin import is_child_abroad
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.accounts.progress import Progressing, lot_amounts
from hartig_node.board.accounts.refusing import hint_of
from hartig_node.board.context import Context
from hartig_node.board.deals.children import ChildNeeds
from hartig_node.board.deals.views import (
    AccountView,
    BookView,
    BrokenView,
    DealView,
    EndView,
    SetAsideView,
    SideView,
)
from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.drafts.views import KIND_NAMES, quantity_text
from hartig_node.board.ending import has_ended, way_on
from hartig_protocol.exchange.deal import Mark
from hartig_protocol.exchange.lot import Allotment, LotChain
from hartig_protocol.exchange.need import ClaimState, NeedAccount, NeedChain
from hartig_protocol.limits import RECORD_ID_BYTES, STEPS_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Head, Kind
from hartig_protocol.records.steps import Verb

DEALS_SHOWN_MAX = 200
FULL_FROM = 4_000  # of 4,096: what was begun can still be settled, and nothing new is begun
SPACE_ACCEPTED = "accepted"  # private rows: what was set aside for this hub -> the offer made from it
CLOSED = "closed"


class Showing:
    """Makes the views of deals and accounts."""

    def __init__(self, context: Context, ledger: Ledger, progressing: Progressing, children: ChildNeeds) -> None:
        self._context, self._ledger, self._progressing, self._children = context, ledger, progressing, children

    # --- Deals

    async def deal(self, deal: Deal) -> DealView:
        """Return what became of a claim, as people see it."""
        claim, lot, promise = deal.claim, deal.lot, deal.promise
        need_head = deal.need.post.head
        lot_head = None if lot is None else lot.post.head
        chain = lot_chain(lot)
        handed_over = None if chain is None else chain.handed_over_to.get(claim.id)
        is_promised = chain is not None and claim.id in chain.open_promise_of
        return DealView(
            id=claim.id.hex(),
            state=deal.state.value,
            need=await self.side(deal.need),
            lot=SideView(claim.lot.hex(), is_held=False) if lot is None else await self.side(lot),
            quantity=_text(claim.quantity, need_head),
            asks=_text_or_none(claim.asks, lot_head),
            promised=_text_or_none(None if promise is None else promise.quantity, lot_head),
            handed_over=_text_or_none(handed_over, lot_head),
            how=None if claim.how is None else claim.how.value,
            received=None if claim.how is None else _text(claim.received, need_head),
            given_back=_text(claim.given_back, need_head) if claim.given_back else None,
            date_ms=claim.date,
            lot_date_ms=claim.lot_date,
            asked_ms=claim.stamp_ms,
            promised_ms=None if promise is None else promise.stamp_ms,
            hold_min=promise.hold_min if promise is not None and is_promised else None,
            is_loan=Mark.IS_LOAN in deal.marks,
            marks=tuple(sorted(mark.value for mark in deal.marks)),
            what_next=tuple(what_next(deal)),
        )

    async def side(self, book: Book) -> SideView:
        """Return a post as one side of a deal; of a partner network's it says which."""
        record = book.post
        head, own = record.head, self._context.pen.network
        is_abroad = head.network != own
        names = await self._context.cards.names(head.network) if is_abroad else self._context.names()
        reason = book.chain.ended
        title = (record.body or {}).get("title", {})
        return SideView(
            id=head.thread.hex(),
            title={tag: clean_text(text) for tag, text in title.items()},
            category=head.fixed[0],
            hub=head.author.hex(),
            hub_name=names.get(head.author, ""),
            is_mine=book.is_mine,
            unit=head.fixed[2],
            smallest_part=head.fixed[3],
            urgency=head.facts.get("urgency"),
            ended=reason.value if reason is not None else CLOSED if book.chain.is_closed else None,
            network=head.network.hex() if is_abroad else None,
            network_name=self._context.network_name(head.network) if is_abroad else None,
            part_of=head.facts["parent"].hex() if book.is_mine and is_child_abroad(head) else None,
        )

    # --- Accounts

    async def book(self, book: Book) -> BookView:
        """Return the account of a post, with its deals."""
        deals = [*await self._ledger.deals_of(book.thread), *await self._deals_abroad(book)]
        views = [await self.deal(deal) for deal in deals]
        views.sort(key=lambda view: not view.is_open)  # stable: else in the order in which they were asked
        chain, head = book.chain, book.post.head
        return BookView(
            post=await self.side(book),
            kind=KIND_NAMES[Kind(head.kind)],
            progress=(await self._progressing.of_book(book)).as_json(),
            is_opened=chain.is_opened,
            total=AccountView(None, _amounts(head, chain.total)),
            accounts=_accounts(head, chain),
            set_aside=[await self.set_aside(one, book) for one in _allotments(chain)],
            deals=views[:DEALS_SHOWN_MAX],
            deals_total=len(views),
            broken=[BrokenView(one.hex(), broken.rule.value, hint_of(broken, head)) for one, broken in _broken(chain)],
            ended=_end(book),
            written=chain.seq,
            room=STEPS_MAX - chain.seq,
            note=_note(book),
            source=await self.source(book),
            parts=await self._parts(head),
        )

    async def _parts(self, head: Head) -> list[dict[str, Any]]:
        if head.kind != Kind.NEED:
            return []
        books = await self._progressing.parts_of(head)
        return [
            {**(await self.side(book)).as_json(), "progress": (await self._progressing.of_book(book)).as_json()}
            for book in books
            if not is_child_abroad(book.post.head)
        ]

    async def _deals_abroad(self, book: Book) -> list[Deal]:
        """Return what partner networks were asked for a need: people see it as asked for the need itself."""
        if book.kind != Kind.NEED:
            return []
        children = await self._children.of(book.post.head)
        return [deal for child in children for deal in await self._ledger.deals_of(child.thread)]

    # --- What was set aside

    async def set_aside(self, allotment: Allotment, lot: Book, accepted: bytes | None = None) -> SetAsideView:
        """Return stock that an offer has set aside for a hub."""
        head = lot.post.head
        return SetAsideView(
            id=allotment.id.hex(),
            lot=await self.side(lot),
            hub=allotment.hub.hex(),
            hub_name=self._context.names().get(allotment.hub, ""),
            is_for_us=allotment.hub == self._context.pen.key.public,
            quantity=_text(allotment.quantity, head),
            unit=head.fixed[2],
            date_ms=allotment.date,
            accepted=None if accepted is None else accepted.hex(),
        )

    async def source(self, book: Book) -> SetAsideView | None:
        """Return from what an offer was made that another hub had set aside; None for any other post."""
        found = await self.allotment_of(book)
        return None if found is None else await self.set_aside(*found, accepted=book.thread)

    async def allotment_of(self, book: Book) -> tuple[Allotment, Book] | None:
        """Return what an offer's subject names, with the offer that set it aside, where both are here and fit."""
        subject = book.post.head.subject
        if book.kind != Kind.OFFER or len(subject) != RECORD_ID_BYTES:
            return None
        found = await self.allotment(subject)
        return found if found is not None and found[0].hub == book.post.head.author else None

    async def allotment(self, allotment_id: bytes) -> tuple[Allotment, Book] | None:
        """Return what was set aside by this id, with the offer that it was taken from."""
        stored = await self._context.store.read_record(allotment_id)
        head = None if stored is None else open_record(stored.wire, verify_signature=False).head
        if head is None or head.kind != Kind.STEP or head.facts["verb"] != Verb.ALLOT:
            return None
        lot = await self._ledger.book(head.thread)
        chain = lot_chain(lot)
        if lot is None or chain is None or allotment_id not in chain.allotments:
            return None
        return chain.allotments[allotment_id], lot


# --- What can be done


def what_next(deal: Deal) -> Iterator[str]:
    """Yield what this hub can do with a deal now: first as the one who holds it, then as the one who needs it."""
    lot, need = deal.lot, deal.need
    chain = lot_chain(lot)
    if lot is not None and chain is not None and lot.is_mine:
        yield from _giving(deal, chain)
    if need.is_mine and isinstance(need.chain, NeedChain):
        yield from _receiving(deal, need.chain)


def _giving(deal: Deal, lot: LotChain) -> Iterator[str]:
    if lot.is_over or lot.stopped is not None:
        return
    claim = deal.claim
    if claim.id in lot.open_promise_of:
        yield from ("hand_over", "release")
    elif waits(deal):
        if free_for(deal) and still_asked(deal, lot):
            if lot.seq < FULL_FROM:
                yield "promise"
            yield "hand_over"
        if is_countable(deal) and claim.id not in lot.declined and claim.id not in lot.handed_over_to:
            yield "decline"
    if Mark.IS_LOAN in deal.marks and claim.id in lot.handed_over_to and Mark.COUNTED_BACK not in deal.marks:
        yield "returned"


def _receiving(deal: Deal, need: NeedChain) -> Iterator[str]:
    if need.ended is not None or need.stopped is not None:
        return
    claim = deal.claim
    if not need.is_closed:
        if claim.state is not ClaimState.RECEIVED:
            yield "receive"
        if claim.state is ClaimState.OPEN:
            yield "cancel"
    if Mark.IS_LOAN in deal.marks and claim.received > claim.given_back:
        yield "give_back"


def waits(deal: Deal) -> bool:
    """Tell whether somebody still waits for what was asked."""
    return deal.claim.state is ClaimState.OPEN and not deal.need.chain.is_over


def still_asked(deal: Deal, lot: LotChain) -> int:
    """Return how much of what was asked was not handed over yet, in the offer's smallest parts."""
    return max(0, deal.claim.asks - lot.handed_over_to.get(deal.id, 0))


def is_countable(deal: Deal) -> bool:
    """Tell whether the offer's account is open, or its post says enough to open it."""
    return deal.lot is not None and (deal.lot.chain.is_opened or free_in(deal.lot, deal.claim.lot_date) is not None)


def free_for(deal: Deal) -> int:
    """Return what is free of the offer for the date that was asked, in its smallest parts."""
    return 0 if deal.lot is None else free_in(deal.lot, deal.claim.lot_date) or 0


def free_in(lot: Book, date: int | None) -> int | None:
    """Return what is free for a date, in smallest parts: before the first count what the offer says, if it does."""
    chain, facts = lot.chain, lot.post.head.facts
    assert isinstance(chain, LotChain)
    account = chain.accounts.get(date)
    if account is not None:
        return account.free
    is_its_own = date is None or date in facts.get("dates", ())
    return facts.get("quantity") if is_its_own else None


# --- Lines of accounts


def _accounts(head: Head, chain: LotChain | NeedChain) -> list[AccountView]:
    by_date = sorted(chain.accounts.items(), key=lambda item: -1 if item[0] is None else item[0])
    return [AccountView(date, _amounts(head, account)) for date, account in by_date]


def _amounts(head: Head, account: Any) -> dict[str, str]:
    if not isinstance(account, NeedAccount):
        return lot_amounts(head, account)
    amounts = {
        "needed": account.count,
        "left": account.left,
        "asked": account.open,
        "received": account.received,
    }
    return {name: _text(amount, head) for name, amount in amounts.items()}


def _allotments(chain: LotChain | NeedChain) -> Sequence[Allotment]:
    return list(chain.allotments.values()) if isinstance(chain, LotChain) else ()


def _broken(chain: LotChain | NeedChain) -> list[tuple[bytes, Any]]:
    return list(chain.broken.items())


def _end(book: Book) -> EndView | None:
    reason = book.chain.ended
    if reason is not None:
        said = has_ended(reason, book.kind)
        return EndView(reason.value, said.detail, said.hint)
    if book.chain.is_closed:
        return EndView(CLOSED, "this was ended in good order", way_on(book.kind))
    return None


def _note(book: Book) -> str | None:
    if book.chain.stopped is not None:
        return "something a newer version wrote stands here: go on with that version"
    if book.chain.seq >= FULL_FROM and _end(book) is None:
        return f"nearly as much was said about this post as fits: {way_on(book.kind)}"
    return None


def _text(parts: int, head: Head) -> str:
    return quantity_text(parts, head.fixed[3]) or "0"


def _text_or_none(parts: int | None, head: Head | None) -> str | None:
    return None if parts is None or head is None else _text(parts, head)
