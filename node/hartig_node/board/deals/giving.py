"""What those say who hold something: they promise, decline, take back, hand over, and count what comes back.

In: ids and quantities as people write them. Out: the deal as it stands, after what was said is durable. All is said in
the account of an own offer, under its lock; the need is looked at and never written (design, section 5: authority
follows custody). Who calls: `deals`.
"""

from collections.abc import Sequence
from typing import Any

from hartig_node.board.accounts.books import Deal
from hartig_node.board.accounts.quantities import asked_parts, read_parts
from hartig_node.board.accounts.refusing import Rule, is_broken, stopped, too_much
from hartig_node.board.context import thread_of
from hartig_node.board.deals.dates import the_date
from hartig_node.board.deals.desk import Desk, Facts, count_facts, dated, hold_min_of
from hartig_node.board.deals.showing import free_for, still_asked, waits
from hartig_node.board.deals.views import BookView, DealView
from hartig_node.board.errors import BoardError
from hartig_protocol.exchange import rules
from hartig_protocol.exchange.deal import Mark
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Head, Kind
from hartig_protocol.records.steps import RELEASES, Verb, Why


class Giving:
    """The use cases of those who hold something."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # --- Promising

    async def promise(self, claim: str, quantity: Any) -> DealView:
        """Promise what was asked; see `Deals.promise`."""
        asked = await self._desk.deal(claim)
        async with self._desk.ledger.writing(asked.claim.lot):
            deal, lot, chain = await self._desk.giving(asked)
            head = lot.post.head
            parts = None if quantity is None else read_parts(quantity, head)
            if not _is_promised(deal, chain, parts):
                self._check_waits(deal)
                self._desk.check_room(lot)
                opening = self._desk.opening(lot, deal.claim.lot_date)
                parts = self._default(deal, chain, head) if parts is None else parts
                await self._desk.write(head, [*opening, _promise(deal, head, parts)])
        return await self._desk.shown(asked)

    def _default(self, deal: Deal, lot: LotChain, head: Head) -> int:
        """Return what was asked and not handed over yet, at most what is free; raises `BoardError` where none is."""
        free, asked = free_for(deal), still_asked(deal, lot)
        if not lot.is_opened and not free:
            raise is_broken(rules.STOCK_NOT_OPENED, head)
        if not free:
            raise is_broken(rules.not_free(0), head)
        return min(free, asked)  # who was handed all that was asked is answered before

    def _check_waits(self, deal: Deal) -> None:
        """Refuse to begin anything for somebody who waits no more."""
        if not waits(deal):
            detail = "it was cancelled or has arrived, or the need is over: nobody waits for it"
            raise stopped(Rule.OVER, detail, "look what else is asked of this offer")

    async def decline(self, claim: str) -> DealView:
        """Say that nothing will be promised."""
        asked = await self._desk.deal(claim)
        async with self._desk.ledger.writing(asked.claim.lot):
            deal, lot, chain = await self._desk.giving(asked)
            if deal.id in chain.open_promise_of:
                raise is_broken(rules.PROMISED_ALREADY, lot.post.head)
            if deal.id in chain.handed_over_to:
                raise is_broken(rules.PROMISE_OVER, lot.post.head)
            if deal.id not in chain.declined:
                self._check_waits(deal)
                said = [*self._desk.opening(lot, deal.claim.lot_date), _release(deal.id, Why.DECLINED)]
                await self._desk.write(lot.post.head, said)
        return await self._desk.shown(asked)

    async def release(self, claim: str, why: str) -> DealView:
        """Take a promise back."""
        if why not in RELEASES:
            hint = f"say {', '.join(sorted(RELEASES))}"
            raise BoardError("bad_request", f"{str(why)[:20]!r} is no reason", hint, "/why")
        asked = await self._desk.deal(claim)
        async with self._desk.ledger.writing(asked.claim.lot):
            deal, lot, chain = await self._desk.giving(asked)
            promise = chain.open_promise_of.get(deal.id)
            if promise is not None:
                await self._desk.write(lot.post.head, [_release(promise, Why(why))])
            elif deal.id in chain.handed_over_to:
                raise is_broken(rules.PROMISE_OVER, lot.post.head)
            elif deal.id not in chain.declined:
                raise is_broken(rules.NO_SUCH_PROMISE, lot.post.head)
        return await self._desk.shown(asked)

    # --- Handing over

    async def hand_over(self, claim: str, quantity: Any) -> DealView:
        """Say that it was handed over; also what was cancelled meanwhile, because it has gone."""
        asked = await self._desk.deal(claim)
        async with self._desk.ledger.writing(asked.claim.lot):
            deal, lot, chain = await self._desk.giving(asked)
            head = lot.post.head
            parts = None if quantity is None else read_parts(quantity, head)
            promise = chain.promises.get(chain.open_promise_of.get(deal.id, b""))
            if promise is not None:
                said: Facts = {"of": promise.id, "quantity": promise.quantity if parts is None else parts}
                await self._desk.write(head, [{"verb": Verb.HANDOVER.value, **said}])
            elif not _is_handed_over(deal, chain, parts):
                self._check_waits(deal)
                parts = self._default(deal, chain, head) if parts is None else parts
                opening = self._desk.opening(lot, deal.claim.lot_date)
                said = {"verb": Verb.HANDOVER.value, "claim": deal.id, "quantity": parts}
                await self._desk.write(head, [*opening, dated(said, deal.claim.lot_date)])
        return await self._desk.shown(asked)

    async def hand_out(self, lot: str, quantity: Any, date: str | None) -> BookView:
        """Say that somebody took some of what is free, without having asked here."""
        if quantity is None:
            raise BoardError("bad_request", "how much was handed over?", "say how much", "/quantity")
        thread = thread_of(lot)
        async with self._desk.ledger.writing(thread):
            book = await self._desk.own(thread, Kind.OFFER)
            for_date = the_date(book, date, self._desk.reading)
            said: Facts = {"verb": Verb.HANDOVER.value, "quantity": read_parts(quantity, book.post.head)}
            opening = self._desk.opening(book, for_date)
            await self._desk.write(book.post.head, [*opening, dated(said, for_date)])
        return await self._desk.book_view(thread)

    # --- Loans

    async def returned(self, claim: str, quantity: Any) -> DealView:
        """Count what was lent and came back; see `Deals.returned`."""
        asked = await self._desk.deal(claim)
        async with self._desk.ledger.writing(asked.claim.lot):
            deal, lot, chain = await self._desk.giving(asked)
            if Mark.IS_LOAN not in deal.marks:
                raise stopped(Rule.NOT_LENT, "this was given, not lent", "count it as found, or restocked")
            parts = None if quantity is None else read_parts(quantity, lot.post.head)
            back, tip = await self._came_back(deal, chain)
            away = chain.handed_over_to.get(deal.id, 0) - back
            if not (parts is None and back and away <= 0):
                said = await self._back(deal, chain, away, parts, tip)
                await self._desk.write(lot.post.head, said)
        return await self._desk.shown(asked)

    async def _back(self, deal: Deal, lot: LotChain, away: int, parts: int | None, tip: bytes) -> list[Facts]:
        """Return the counts of what came back: against what was said to go back, the oldest first; else on its own.

        Only the count that says that all is back names the deal itself; others name what was said before, so that
        each is counted once. What went back in parts may round up to more than was away: then the last count that there
        is room for stands for the rest, too.
        """
        assert deal.lot is not None
        going = {one: await self._share(deal, one) for one in deal.claim.returns if one not in lot.counted_back}
        if parts is None:
            parts = min(away, sum(going.values())) if going else away
        if not 0 < parts <= away:
            hint = f"at most {away} are still away: count as found what is there beyond it"
            detail = "more would come back than was handed over"
            raise too_much(Rule.MORE_THAN_AWAY, detail, hint, away, deal.lot.post.head)
        counts: dict[bytes, int] = {}
        left = parts
        for one, share in going.items():
            counts[one] = min(left, share)
            left -= counts[one]
        if left:
            counts[deal.id if parts == away else tip] = left
        elif parts == away and 0 in counts.values():
            last = [one for one, count in counts.items() if count][-1]
            counts[deal.id] = counts.pop(last)
        date = deal.claim.lot_date
        return [count_facts(count, Why.GIVEN_BACK, [date], of) for of, count in counts.items() if count]

    async def _share(self, deal: Deal, give_back: bytes) -> int:
        """Return how much was given back by one word of the need's, in the offer's smallest parts."""
        assert deal.lot is not None
        (head,) = await self._heads([give_back])
        return asked_parts(head.facts["quantity"], deal.need.post.head, deal.lot.post.head)

    async def _heads(self, ids: Sequence[bytes]) -> list[Head]:
        stored = [await self._desk.context.store.read_record(one) for one in ids]
        return [open_record(one.wire, verify_signature=False).head for one in stored if one is not None]

    async def _came_back(self, deal: Deal, lot: LotChain) -> tuple[int, bytes]:
        """Return how much of a loan was counted back, and the id that a further count can name.

        Counts name the deal, what was said to go back, or, one after the other, the handover and the count before. Only
        the offer's own account is read: in other accounts anybody may name these ids, as often as they like.
        """
        names = {deal.id, *deal.claim.returns, *(one.id for one in lot.promises.values() if one.claim == deal.id)}
        total, tip = 0, deal.id
        for record in await self._desk.steps_of(lot):
            facts = record.head.facts
            is_back = facts.get("why") == Why.GIVEN_BACK
            if facts.get("of", facts.get("claim")) not in names or not (is_back or facts["verb"] == Verb.HANDOVER):
                continue
            total += facts["quantity"] if is_back else 0
            tip = record.id
            names.add(tip)
        return total, tip


def _promise(deal: Deal, lot: Head, quantity: int) -> Facts:
    facts: Facts = {"verb": Verb.PROMISE.value, "claim": deal.id, "quantity": quantity, "hold": hold_min_of(lot)}
    return dated(facts, deal.claim.lot_date)


def _release(of: bytes, why: Why) -> Facts:
    return {"verb": Verb.RELEASE.value, "of": of, "why": why.value}


def _is_promised(deal: Deal, lot: LotChain, quantity: int | None) -> bool:
    promise = lot.promises.get(lot.open_promise_of.get(deal.id, b""))
    if promise is not None:
        return quantity in (None, promise.quantity)
    return quantity is None and deal.id in lot.handed_over_to and not still_asked(deal, lot)


def _is_handed_over(deal: Deal, lot: LotChain, quantity: int | None) -> bool:
    """Tell whether this was said already: all that was asked, or just this much, has gone."""
    gone = lot.handed_over_to.get(deal.id)
    return gone is not None and quantity in (None, gone)
