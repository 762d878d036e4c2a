"""The chain of a lot: what is there, and whom it is promised to (SPEC D4, D5 and D6).

In: the steps on an offer, by its author (design, section 5: authority follows custody). Out: accounts by date,
promises, allotments, surrenders, and the rule that each invalid step breaks. Of every account, at every moment:

    counted = free + promised + allotted + handed over + surrendered, and none of them is negative.

A count is the only way in; it says what is physically there. What leaves is taken from what is free, or, when a promise
is kept, from what is promised. What comes back (a loan, a surrender) is counted, once.
"""

from enum import StrEnum
from typing import ClassVar, NamedTuple

from hartig_protocol.exchange import rules
from hartig_protocol.exchange.judging import JudgedChain, Verbs, remember_close, remember_contact
from hartig_protocol.exchange.rules import Broken
from hartig_protocol.exchange.step import Step
from hartig_protocol.limits import ACCOUNTS_MAX, QUANTITY_MAX
from hartig_protocol.records.steps import RELEASES, Verb, Why

_COUNTED_ONCE = frozenset({Why.GIVEN_BACK, Why.SURRENDERED})
_RELEASED = {why.value: why for why in RELEASES}


class Account(NamedTuple):
    """What became of the stock for one date, in smallest parts; `counted` is the sum of all counts."""

    counted: int = 0
    promised: int = 0
    allotted: int = 0
    handed_over: int = 0
    surrendered: int = 0

    @property
    def free(self) -> int:
        """What can still be promised."""
        return self.counted - self.promised - self.allotted - self.handed_over - self.surrendered

    def plus(
        self, counted: int = 0, promised: int = 0, allotted: int = 0, handed_over: int = 0, surrendered: int = 0
    ) -> "Account":
        """Return the account with more, or less, of each."""
        return Account(
            self.counted + counted,
            self.promised + promised,
            self.allotted + allotted,
            self.handed_over + handed_over,
            self.surrendered + surrendered,
        )


class PromiseState(StrEnum):
    """What became of a promise; in a chain that has ended, an open one is void."""

    OPEN = "open"
    RELEASED = "released"
    HANDED_OVER = "handed_over"


class Promise(NamedTuple):
    """A promise by its step's id; its chain replaces it when it is over. `hold_min` counts powered-on minutes."""

    id: bytes
    claim: bytes
    quantity: int
    hold_min: int
    date: int | None
    stamp_ms: int
    state: PromiseState = PromiseState.OPEN
    why: Why | None = None  # of a release
    settled_ms: int | None = None  # the stamp of the step that closed it

    def settled(self, state: PromiseState, why: Why | None, settled_ms: int) -> "Promise":
        """Return the promise as it is when it is over."""
        return Promise(
            self.id, self.claim, self.quantity, self.hold_min, self.date, self.stamp_ms, state, why, settled_ms
        )


class Allotment(NamedTuple):
    """Stock set aside for a hub, which promises from it in a chain of its own."""

    id: bytes
    hub: bytes
    quantity: int
    date: int | None


class Surrender(NamedTuple):
    """Stock given back to the hub that had set it aside."""

    id: bytes
    quantity: int
    date: int | None


class LotChain(JudgedChain):
    """The state of one lot after the steps that were applied."""

    _not_opened = rules.STOCK_NOT_OPENED
    _closed = rules.STOCK_CLOSED
    _wrong_chain = rules.ONLY_FOR_NEEDS

    def __init__(self, thread: bytes = b"") -> None:
        super().__init__(thread)
        self.accounts: dict[int | None, Account] = {}
        self.promises: dict[bytes, Promise] = {}
        self.open_promise_of: dict[bytes, bytes] = {}  # by claim
        self.last_promise_of: dict[bytes, bytes] = {}  # by claim, over or not
        self.declined: dict[bytes, Why] = {}  # by claim, why nothing is promised for it any more
        self.handed_over_to: dict[bytes, int] = {}  # by claim
        self.allotments: dict[bytes, Allotment] = {}
        self.surrenders: dict[bytes, Surrender] = {}
        self.counted_back: set[bytes] = set()  # ids of what came back and was counted

    def __repr__(self) -> str:
        promises = len(self.open_promise_of)
        return f"<LotChain {self.thread.hex()[:8]} seq {self.seq}, {self.total.free} free, {promises} promises>"

    @property
    def total(self) -> Account:
        """The sum of all accounts, over all dates."""
        each = self.accounts.values()
        return Account(
            sum(account.counted for account in each),
            sum(account.promised for account in each),
            sum(account.allotted for account in each),
            sum(account.handed_over for account in each),
            sum(account.surrendered for account in each),
        )

    # --- Counting

    def _may_count(self, step: Step) -> Broken | None:
        facts = step.facts
        why, quantity = facts["why"], facts["quantity"]
        if why == Why.NEEDED:
            return rules.ONLY_FOR_NEEDS
        if why == Why.OPENED:
            return self._may_open(step)
        account = self.accounts.get(step.date)
        if account is None:
            return rules.STOCK_NOT_OPENED
        if why in _COUNTED_ONCE and facts.get("of") in self.counted_back:
            return rules.COUNTED_ALREADY
        if account.free + quantity < 0:
            return rules.not_free(account.free)
        return rules.too_much(account.counted) if account.counted + quantity > QUANTITY_MAX else None

    def _may_open(self, step: Step) -> Broken | None:
        dates = step.dates
        if any(date in self.accounts for date in dates):
            return rules.OPENED_ALREADY
        return rules.TOO_MANY_DATES if len(self.accounts) + len(dates) > ACCOUNTS_MAX else None

    def _count(self, step: Step) -> None:
        facts = step.facts
        if facts["why"] == Why.OPENED:
            for date in step.dates:
                self.accounts[date] = Account(facts["quantity"])
            return
        self.accounts[step.date] = self.accounts[step.date].plus(facts["quantity"])
        if facts["why"] in _COUNTED_ONCE and "of" in facts:
            self.counted_back.add(facts["of"])

    # --- Leaving

    def _may_leave(self, step: Step) -> Broken | None:
        account = self.accounts.get(step.date)
        if account is None:
            return rules.STOCK_NOT_OPENED
        free = account.free
        return rules.not_free(free) if step.facts["quantity"] > free else None

    def _may_promise(self, step: Step) -> Broken | None:
        if step.facts["claim"] in self.open_promise_of:
            return rules.PROMISED_ALREADY
        return self._may_leave(step)

    def _promise(self, step: Step) -> None:
        facts, date = step.facts, step.date
        claim, quantity = facts["claim"], facts["quantity"]
        self.promises[step.id] = Promise(step.id, claim, quantity, facts["hold"], date, step.stamp_ms)
        self.open_promise_of[claim] = self.last_promise_of[claim] = step.id
        self.declined.pop(claim, None)
        self.accounts[date] = self.accounts[date].plus(promised=quantity)

    def _allot(self, step: Step) -> None:
        facts, account = step.facts, self.accounts[step.date]
        self.allotments[step.id] = Allotment(step.id, facts["hub"], facts["quantity"], step.date)
        self.accounts[step.date] = account.plus(allotted=facts["quantity"])

    def _surrender(self, step: Step) -> None:
        quantity, account = step.facts["quantity"], self.accounts[step.date]
        self.surrenders[step.id] = Surrender(step.id, quantity, step.date)
        self.accounts[step.date] = account.plus(surrendered=quantity)

    # --- Ending a promise

    def _may_release(self, step: Step) -> Broken | None:
        of = step.facts["of"]
        promise = self.promises.get(of)
        if promise is not None:
            return None if promise.state is PromiseState.OPEN else rules.PROMISE_OVER
        if of in self.open_promise_of or step.facts["why"] == Why.DECLINED:
            return None
        is_over = of in self.declined or of in self.handed_over_to
        return rules.PROMISE_OVER if is_over else rules.NO_SUCH_PROMISE

    def _release(self, step: Step) -> None:
        claim, why = step.facts["of"], _RELEASED[step.facts["why"]]
        promise = self.promises.get(claim) or self.promises.get(self.open_promise_of.get(claim, b""))
        if promise is not None:
            claim = promise.claim
            self._settle(promise.settled(PromiseState.RELEASED, why, step.stamp_ms))
        self.declined[claim] = why

    def _may_hand_over(self, step: Step) -> Broken | None:
        facts = step.facts
        if "of" not in facts:
            return rules.PROMISED_ALREADY if facts.get("claim") in self.open_promise_of else self._may_leave(step)
        promise = self.promises.get(facts["of"])
        if promise is None:
            return rules.NO_SUCH_PROMISE
        if promise.state is not PromiseState.OPEN:
            return rules.PROMISE_OVER
        too_many = facts["quantity"] > promise.quantity
        return rules.more_than_promised(promise.quantity) if too_many else None

    def _hand_over(self, step: Step) -> None:
        facts, date = step.facts, step.date
        claim = facts.get("claim")
        if "of" in facts:
            promise = self.promises[facts["of"]]
            claim, date = promise.claim, promise.date
            self._settle(promise.settled(PromiseState.HANDED_OVER, None, step.stamp_ms))
        if claim is not None:
            self.handed_over_to[claim] = self.handed_over_to.get(claim, 0) + facts["quantity"]
        self.accounts[date] = self.accounts[date].plus(handed_over=facts["quantity"])

    def _settle(self, promise: Promise) -> None:
        """A promise is over: what it held is free."""
        self.promises[promise.id] = promise
        del self.open_promise_of[promise.claim]
        self.accounts[promise.date] = self.accounts[promise.date].plus(promised=-promise.quantity)

    # --- Contact, close

    def _may_contact(self, step: Step) -> Broken | None:
        return None if step.facts["of"] in self.promises else rules.NO_SUCH_PROMISE

    def _may_close(self, _step: Step) -> Broken | None:
        promised = len(self.open_promise_of)
        return rules.still_promised(promised) if promised else None

    _verbs: ClassVar[Verbs] = {
        Verb.COUNT: (_may_count, _count),
        Verb.PROMISE: (_may_promise, _promise),
        Verb.ALLOT: (_may_leave, _allot),
        Verb.RELEASE: (_may_release, _release),
        Verb.HANDOVER: (_may_hand_over, _hand_over),
        Verb.SURRENDER: (_may_leave, _surrender),
        Verb.CONTACT: (_may_contact, remember_contact),
        Verb.CLOSE: (_may_close, remember_close),
    }
