"""How far a need is covered, and what is left of an offer: what stands beside a post wherever it is shown.

In: a post, its book where it has an account, the books that its claims name, and the parts of a group need; of an open
shelf what hubs say of it. Out: `Progress`. A post without an account is shown by what it says, and nothing is read for
it. Sums over the parts of a group are exact: they are fractions until they are shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any

from hartig_node.board.accounts.books import Book, lot_chain
from hartig_node.board.accounts.kin import Kin, is_child_abroad
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.accounts.lows import Low, LowMarks, lows_json
from hartig_node.board.accounts.quantities import parts_ratio
from hartig_node.board.context import Context
from hartig_node.board.drafts.views import PostView, quantity_text
from hartig_node.board.errors import BoardError
from hartig_node.board.marks import Marks
from hartig_protocol.events import Commit
from hartig_protocol.exchange.lot import Account, LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.summary import LotState, NeedState, lot_state, need_state, promised_quantity
from hartig_protocol.records.record import Head, Kind, Record
from hartig_protocol.values import value

_GROUPS_DEEP_MAX = 4  # parts of parts of parts: no real group needs more, and a circle ends


@value
class Progress:
    """A state word, and the amounts behind it as decimal text in the post's unit, over all dates."""

    state: str
    amounts: Mapping[str, str]
    parts: int = 0  # of a group need
    lows: Sequence[Low] = ()  # of an open shelf: what hubs say of it

    def as_json(self) -> dict[str, Any]:
        """The progress as the node API gives it."""
        parts = {"parts": self.parts} if self.parts else {}
        return {"state": self.state, **self.amounts, **parts, **({"low": lows_json(self.lows)} if self.lows else {})}


@value
class _Covered:
    """What became of a need, in its own smallest parts; `needed` is None where nobody said how much."""

    needed: Fraction | None
    received: Fraction
    promised: Fraction
    is_over: bool
    asked: Fraction = Fraction(0)

    def state(self) -> NeedState:
        """Return how far it is covered, as `need_state` has it for one need alone."""
        if self.needed is not None and self.received >= self.needed and (self.received or self.needed == 0):
            return NeedState.MET
        if self.is_over:
            return NeedState.ENDED
        covered = self.received + self.promised
        if self.needed is not None and covered >= self.needed:
            return NeedState.PROMISED
        return NeedState.PARTLY_PROMISED if covered else NeedState.OPEN


class Progressing:
    """Says how far posts have come."""

    def __init__(self, context: Context, ledger: Ledger, marks: Marks) -> None:
        self._context, self._ledger, self._marks = context, ledger, marks
        self.kin, self.lows = Kin(context), LowMarks(context, marks)

    def committed(self, commit: Commit) -> None:
        """Take what has become durable."""
        self.kin.committed(commit)
        self._marks.committed(commit)

    async def of_post(self, record: Record, view: PostView) -> Progress:
        """Return how far a post has come that was just read, as `view`."""
        head = record.head
        if head.kind == Kind.OFFER:
            book = await self._book(head.thread)
            return await self._of_offer(head, book, is_over=view.state != "standing")
        return await self.of_need(head, is_over=view.state != "standing")

    async def of_book(self, book: Book) -> Progress:
        """Return how far the post of a book has come."""
        is_over = book.chain.is_over
        if book.kind == Kind.OFFER:
            return await self._of_offer(book.post.head, book, is_over=is_over)
        return await self.of_need(book.post.head, is_over=is_over)

    async def _of_offer(self, head: Head, book: Book | None, *, is_over: bool) -> Progress:
        progress = offer_progress(head, book, is_over=is_over)
        return progress if is_over else replace(progress, lows=await self.lows.of(head))

    async def of_need(self, head: Head, *, is_over: bool) -> Progress:
        """Return how far a need has come, with its parts if it is a group."""
        parts = await self.parts_of(head)
        book = await self._book(head.thread)
        if book is None and not parts:
            return _need_without_account(head, is_over=is_over)
        if not parts and book is not None:
            return await self._alone(head, book)
        covered = await self._covered(head, book, parts, 1, is_over=is_over)
        shown = [part for part in parts if not is_child_abroad(part.post.head)]
        return Progress(covered.state().value, _need_amounts(head, covered), len(shown))

    async def parts_of(self, head: Head) -> Sequence[Book]:
        """Return the parts of a group need that are held."""
        threads = await self.kin.parts_of(head.author, head.thread)
        books = [await self._ledger.book(thread) for thread in threads]
        return [
            book
            for book in books
            if book is not None and book.kind == Kind.NEED and book.post.head.facts.get("parent") == head.thread
        ]

    async def _book(self, thread: bytes) -> Book | None:
        """Return the book of a post that has an account; nothing is read for those that have none."""
        return await self._ledger.book(thread) if self._ledger.shelves.has_account(thread) else None

    async def _alone(self, head: Head, book: Book) -> Progress:
        chain = book.chain
        assert isinstance(chain, NeedChain)
        lots = await self._lots(chain)
        state = need_state(chain, lots)
        return Progress(state.value, _need_amounts(head, _own(head, chain, lots)))

    async def _lots(self, chain: NeedChain) -> dict[bytes, LotChain | None]:
        return {
            lot: lot_chain(await self._ledger.book(lot)) for lot in {claim.lot: None for claim in chain.claims.values()}
        }

    # --- Groups

    async def _covered(
        self, head: Head, book: Book | None, parts: Sequence[Book], depth: int, *, is_over: bool
    ) -> _Covered:
        """Return what became of a need and all its parts, in its own smallest parts."""
        own = _said(head, is_over=is_over)
        if book is not None and isinstance(book.chain, NeedChain):
            own = _own(head, book.chain, await self._lots(book.chain))
        others = [await self._part(part, head, depth) for part in parts]
        fitting = [one for one in others if one is not None]
        needed = own.needed
        if needed is None and fitting:
            needed = sum((one.needed or Fraction(0) for one in fitting), Fraction(0))
        return replace(
            own,
            needed=needed,
            received=sum((one.received for one in fitting), own.received),
            promised=sum((one.promised for one in fitting), own.promised),
            asked=sum((one.asked for one in fitting), own.asked),
        )

    async def _part(self, part: Book, parent: Head, depth: int) -> _Covered | None:
        """Return what became of a part, in its parent's smallest parts; None where it measures something else."""
        try:
            ratio = parts_ratio(part.post.head, parent)
        except BoardError:
            return None
        parts = await self.parts_of(part.post.head) if depth < _GROUPS_DEEP_MAX else ()
        covered = await self._covered(part.post.head, part, parts, depth + 1, is_over=part.chain.is_over)
        return replace(
            covered,
            needed=None if covered.needed is None else covered.needed * ratio,
            received=covered.received * ratio,
            promised=covered.promised * ratio,
            asked=covered.asked * ratio,
        )


def _said(head: Head, *, is_over: bool) -> _Covered:
    quantity = head.facts.get("quantity")
    needed = None if quantity is None else Fraction(quantity * max(1, len(head.facts.get("dates", ()))))
    return _Covered(needed, Fraction(0), Fraction(0), is_over)


def _own(head: Head, chain: NeedChain, lots: Mapping[bytes, LotChain | None]) -> _Covered:
    said = _said(head, is_over=chain.is_over)
    if not chain.is_opened:
        return said
    total = chain.total
    promised = Fraction(0 if chain.is_over else promised_quantity(chain, lots))
    return _Covered(Fraction(total.count), Fraction(total.received), promised, chain.is_over, Fraction(total.open))


def _need_amounts(head: Head, covered: _Covered) -> dict[str, str]:
    amounts = {"asked": covered.asked, "promised": covered.promised, "received": covered.received}
    if covered.needed is not None:
        amounts = {"needed": covered.needed, **amounts}
    return {name: _text(floor(amount), head) for name, amount in amounts.items()}


def _need_without_account(head: Head, *, is_over: bool) -> Progress:
    said = _said(head, is_over=is_over)
    state = NeedState.ENDED if is_over else NeedState.OPEN
    return Progress(state.value, {} if said.needed is None else {"needed": _text(floor(said.needed), head)})


def offer_progress(head: Head, book: Book | None, *, is_over: bool) -> Progress:
    """Return what is left of an offer; of one without an account what it says."""
    chain = lot_chain(book)
    if chain is not None and chain.is_opened:
        state = LotState.ENDED if is_over else lot_state(chain)
        return Progress(state.value, lot_amounts(head, chain.total))
    if is_over:
        return Progress(LotState.ENDED.value, {})
    if head.facts.get("level") == "gone":
        return Progress(LotState.GONE.value, {})
    said = _said(head, is_over=False).needed
    return Progress(LotState.AVAILABLE.value, {} if said is None else {"free": _text(floor(said), head)})


def lot_amounts(head: Head, account: Account) -> dict[str, str]:
    """Return what became of stock, by name, as decimal text."""
    amounts = {
        "counted": account.counted,
        "free": account.free,
        "promised": account.promised,
        "set_aside": account.allotted,
        "handed_over": account.handed_over,
        "given_up": account.surrendered,
    }
    return {name: _text(amount, head) for name, amount in amounts.items()}


def _text(parts: int, head: Head) -> str:
    return quantity_text(parts, head.fixed[3]) or "0"
