"""What a hub does by itself with its own offers: promises where the offer's rule does, and ends what nobody fetched.

In: the id of an own offer of which something may have changed. Out: steps in its account, and in how many ms it is to
be looked at again. All is judged and written under the offer's lock, so what people say at the same time comes before
or after, never between. What to write is decided in `exchange.steward`, which is pure; here is what only a hub knows:
what was asked in which order, and for how long it was powered on.

`first` and `fair` promise by themselves, so there a promise that was cancelled on the other side, or whose need was
withdrawn, is taken back by itself, too. Where a person promised, a person takes back, or hands over what crossed; a
hold that is over ends everywhere. What the other side says has arrived is not on the shelf any more: such a promise
waits for a person to say that it was handed over, and does not lapse.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hartig_node.board.accounts.books import Book
from hartig_node.board.accounts.ledger import Ledger
from hartig_node.board.accounts.shelves import Arrivals
from hartig_node.board.context import Context
from hartig_node.board.deals.dates import dates_ahead, has_passed
from hartig_node.board.deals.desk import count_facts, hold_min_of
from hartig_node.board.keeping.holds import Holds
from hartig_node.reckoning import Reading
from hartig_protocol.exchange.chains import EndReason
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import Claim, ClaimState, NeedChain
from hartig_protocol.exchange.steward import Asked, Draft, answers, lapsed
from hartig_protocol.limits import MINUTE_MS, STEPS_MAX
from hartig_protocol.records.record import Head
from hartig_protocol.records.steps import Verb, Why

FIRST, FAIR = "first", "fair"
WAITING_MAX = STEPS_MAX  # no offer can promise to as many
ANSWERED_AT_ONCE = 64  # promises in one commit, about 10 ms of signing; an offer that shares does so in one
RETURN_MS = 10 * MINUTE_MS  # after a start, for what was asked of others meanwhile to come before it is shared


@dataclass
class _Waiting:
    """What was asked of one offer and is not answered, as far as arrivals were read; `read` counts them."""

    after: Arrivals = field(default_factory=dict)
    read: int = 0
    asked: dict[bytes, tuple[Asked, bytes]] = field(default_factory=dict)  # by claim; and the need


class LotKeeping:
    """Looks after own offers. `needs_of` says for which needs something is promised, by offer."""

    def __init__(self, context: Context, ledger: Ledger, holds: Holds, is_over: Callable[[bytes], bool]) -> None:
        self._context, self._ledger, self._holds, self._is_over = context, ledger, holds, is_over
        self._waiting: dict[bytes, _Waiting] = {}
        self._need_of: dict[bytes, bytes] = {}  # by claim with an open promise
        self.needs_of: dict[bytes, frozenset[bytes]] = {}
        self._began = context.clock.now()

    def left(self) -> None:
        """Read anew what is asked: a partner network's set has gone, or begins anew."""
        self._waiting.clear()

    def forget(self, thread: bytes) -> None:
        """Drop what is remembered of an offer."""
        self._waiting.pop(thread, None)
        self.needs_of.pop(thread, None)

    async def look(self, thread: bytes) -> int | None:
        """Do what is due in an own offer; return in how many ms more will be, None where only something new can."""
        async with self._ledger.writing(thread):
            book = await self._ledger.level_book(thread)
            self._keep(_lot(book))
            await self._release(book)
            due = await self._answer(await self._ledger.level_book(thread))
            book = await self._ledger.level_book(thread)
            lot = _lot(book)
            self._keep(lot)
            await self._learn_needs(book, lot)
            return _soonest([due, *(self._left_ms(lot, one) for one in lot.open_promise_of.values())])

    def _keep(self, lot: LotChain) -> None:
        self._holds.keep(lot.thread, frozenset(lot.open_promise_of.values()))

    def _left_ms(self, lot: LotChain, promise: bytes) -> int | None:
        """Return how much of a hold is left; None where it is over and only a person can go on."""
        return self._holds.left_ms(promise, lot.promises[promise].hold_min) or None

    async def _write(self, book: Book, drafts: Sequence[Draft], opening: Sequence[dict[str, Any]] = ()) -> None:
        said = [(facts, None) for facts in (*opening, *(draft.head_facts for draft in drafts))]
        if drafts:
            await self._ledger.write_all(book.thread, said)

    # --- Ending promises

    async def _release(self, book: Book) -> None:
        """Release what nobody fetched in time, and, where the hub promises by itself, what was cancelled."""
        lot, minutes = _lot(book), self._holds.minutes(book.thread)
        over = {one for one, passed in minutes.items() if passed >= lot.promises[one].hold_min}
        for promise in over:
            claim = await self._claim(lot.promises[promise].claim)
            if claim is not None and claim.state is ClaimState.RECEIVED:
                del minutes[promise]
        drafts = lapsed(lot, minutes)
        if _rule(book) in (FIRST, FAIR):
            released = {draft.facts["of"] for draft in drafts}
            drafts += [draft for draft in await self._cancelled(lot) if draft.facts["of"] not in released]
        await self._write(book, drafts[: STEPS_MAX - lot.seq])

    async def _cancelled(self, lot: LotChain) -> list[Draft]:
        drafts = []
        needs: dict[bytes, NeedChain | None] = {}  # many may be promised to one
        for claim_id, promise in list(lot.open_promise_of.items()):
            need = await self._need(claim_id)
            if need is not None and need not in needs:
                needs[need] = await self._need_chain(need)
            chain = None if need is None else needs[need]
            if chain is not None and _is_given_up(chain, claim_id):
                drafts.append(Draft(lot.thread, Verb.RELEASE, {"of": promise, "why": Why.CANCELLED.value}))
        return drafts

    async def _claim(self, claim_id: bytes) -> Claim | None:
        """Return what the need says of a claim, if it is here."""
        need = await self._need(claim_id)
        chain = None if need is None else await self._need_chain(need)
        return None if chain is None else chain.claims.get(claim_id)

    async def _need_chain(self, need: bytes) -> NeedChain | None:
        book = await self._ledger.book(need)
        chain = None if book is None else book.chain
        return chain if isinstance(chain, NeedChain) else None

    async def _need(self, claim_id: bytes) -> bytes | None:
        """Return the need that a claim is for, if the claim is here."""
        if claim_id not in self._need_of:
            record = await self._ledger.shelves.record(claim_id)
            if record is None:
                return None
            self._need_of[claim_id] = record.head.thread
        return self._need_of[claim_id]

    async def _learn_needs(self, book: Book, lot: LotChain) -> None:
        """Learn for which needs something is promised: what is said there wakes this offer."""
        before = self.needs_of.get(lot.thread, frozenset())
        asked = await self._ledger.asked(book)
        needs = [asked.get(claim) or await self._need(claim) for claim in list(lot.open_promise_of)]
        self.needs_of[lot.thread] = frozenset(need for need in needs if need is not None)
        if before - self.needs_of[lot.thread]:
            promised = frozenset[bytes]().union(*self.needs_of.values())
            self._need_of = {claim: need for claim, need in self._need_of.items() if need in promised}

    # --- Answering

    async def _answer(self, book: Book) -> int | None:
        """Promise what the rule of an offer promises by itself; return in how many ms there is more to do."""
        facts = book.post.head.facts
        rule, closes_ms = _rule(book), facts.get("closes", 0)
        if rule not in (FIRST, FAIR) or self._is_over(book.thread):
            self._waiting.pop(book.thread, None)
            return None
        if rule == FAIR and (left_ms := self._closes_in_ms(closes_ms)):
            return left_ms
        # All that waits is looked at where there is something to give, not for each one more who asks in vain.
        waiting = [] if _is_used_up(book) else await self._still_waiting(book)
        if not waiting:
            return None
        book = await self._ledger.level_book(book.thread)
        await self._open(book, waiting)
        book = await self._ledger.level_book(book.thread)
        now_ms = self._context.clock.reading().wall_ms
        drafts = answers(_lot(book), rule, closes_ms, waiting, now_ms, hold_min_of(book.post.head))
        now = drafts[:ANSWERED_AT_ONCE] if rule == FIRST else drafts
        await self._write(book, now)
        return 1 if len(now) < len(drafts) else None

    def _closes_in_ms(self, closes_ms: int) -> int:
        """Return in how many ms it is to be shared.

        Where people could ask until some time before this start, what they asked others then has a while to come.
        """
        clock = self._context.clock
        left_ms = closes_ms - clock.reading().wall_ms
        if closes_ms < self._began.wall_ms:
            left_ms = self._began.steady_ms + RETURN_MS - clock.now().steady_ms
        return max(0, left_ms)

    async def _open(self, book: Book, waiting: Sequence[Asked]) -> None:
        """Open the account of an offer by what it says, where something is asked of it before anybody has counted."""
        facts, accounts = book.post.head.facts, book.chain.accounts
        asked_for = {asked.lot_date for asked in waiting} - set(accounts)
        dates: list[int | None] = [None]
        if "dates" in facts:
            dates = [date for date in dates_ahead(book, self._context.clock.reading()) if date not in accounts]
        if "quantity" in facts and asked_for.intersection(dates):
            await self._ledger.write(book.thread, count_facts(facts["quantity"], Why.OPENED, dates))

    async def _still_waiting(self, book: Book) -> list[Asked]:
        """Return what was asked of an offer and still waits for an answer, in the order of arrival."""
        waiting = self._waiting.setdefault(book.thread, _Waiting())
        await self._read_on(book.post.head, waiting)
        reading, asked = self._context.clock.reading(), []
        for claim_id, (one, need) in list(waiting.asked.items()):
            chain = await self._need_chain(need)
            claim = None if chain is None else chain.claims.get(claim_id)
            if claim is None or claim.state is not ClaimState.OPEN or _is_answered(_lot(book), claim_id):
                del waiting.asked[claim_id]
            elif chain is not None and not chain.is_over and not _has_passed(one, reading):
                asked.append(one)  # else it waits: a need that has expired may be renewed
        return asked

    async def _read_on(self, lot: Head, waiting: _Waiting) -> None:
        if len(waiting.asked) >= WAITING_MAX:
            return
        async for one in self._ledger.shelves.claims_since(lot, waiting.after):
            facts = one.head.facts
            waiting.read += 1
            asked = Asked(one.id, facts["asks"], facts.get("lot_date"), waiting.read)
            waiting.asked[one.id] = (asked, one.head.thread)
            if len(waiting.asked) >= WAITING_MAX:
                return


def _lot(book: Book) -> LotChain:
    chain = book.chain
    assert isinstance(chain, LotChain)
    return chain


def _is_given_up(need: NeedChain, claim_id: bytes) -> bool:
    """Tell whether nobody waits any more for what a need has asked: it was cancelled, or the need withdrawn."""
    claim = need.claims.get(claim_id)
    is_withdrawn = need.ended is EndReason.WITHDRAWN and claim is not None and claim.state is ClaimState.OPEN
    return is_withdrawn or (claim is not None and claim.state is ClaimState.CANCELLED)


def _is_used_up(book: Book) -> bool:
    """Tell whether nothing of an offer is free, on none of its dates, as far as anybody has counted."""
    lot = _lot(book)
    is_counted = lot.is_opened and all(date in lot.accounts for date in book.post.head.facts.get("dates", ()))
    return is_counted and not any(account.free for account in lot.accounts.values())


def _is_answered(lot: LotChain, claim: bytes) -> bool:
    return claim in lot.open_promise_of or claim in lot.declined or claim in lot.handed_over_to


def _has_passed(asked: Asked, reading: Reading) -> bool:
    return asked.lot_date is not None and has_passed(asked.lot_date, reading)


def _rule(book: Book) -> str:
    """Return the rule of an offer; of an open shelf, from which nobody asks anything, `open`."""
    head: Head = book.post.head
    return "open" if "level" in head.facts else head.facts.get("rule", "ask")


def _soonest(dues: Sequence[int | None]) -> int | None:
    return min((due for due in dues if due is not None), default=None)
