"""The chain of a need: how much is needed, what was asked for, and what came of it (SPEC D7).

In: the steps on a need, by its author. Out: accounts by date, claims, and the rule that each invalid step breaks. Of
every account, at every moment: open claims + what arrived in good order <= the last count. A claim asks; only the chain
of the lot that it names can promise. To receive needs no promise: things may come before word of them.
"""

from enum import StrEnum
from typing import ClassVar, NamedTuple

from hartig_protocol.exchange import rules
from hartig_protocol.exchange.judging import JudgedChain, Verbs, remember_close, remember_contact
from hartig_protocol.exchange.rules import Broken
from hartig_protocol.exchange.step import Step
from hartig_protocol.limits import ACCOUNTS_MAX
from hartig_protocol.records.steps import How, Verb, Why


class NeedAccount(NamedTuple):
    """What became of a need for one date, in smallest parts; `count` is the last one."""

    count: int = 0  # type: ignore[assignment]  # the field, not the method of tuples
    open: int = 0
    received: int = 0

    @property
    def left(self) -> int:
        """What can still be asked for."""
        return self.count - self.open - self.received

    def plus(self, open: int = 0, received: int = 0) -> "NeedAccount":  # noqa: A002 - named as the field
        """Return the account with more, or less, of each."""
        return NeedAccount(self.count, self.open + open, self.received + received)


_NOTHING = NeedAccount()
_HOW = {how.value: how for how in How}


class ClaimState(StrEnum):
    """What became of a claim in its own chain; in a chain that has ended, an open one is void."""

    OPEN = "open"
    CANCELLED = "cancelled"
    RECEIVED = "received"


class Claim(NamedTuple):
    """What a need asks of one lot, by its step's id; its chain replaces it with every change.

    `quantity` is in smallest parts of the need, `asks` is the same in smallest parts of the lot; `received` (in good
    order) and `given_back` are of the need, too.
    """

    id: bytes
    lot: bytes
    quantity: int
    asks: int
    date: int | None
    lot_date: int | None
    stamp_ms: int
    state: ClaimState = ClaimState.OPEN
    how: How | None = None
    received: int = 0
    given_back: int = 0
    returns: tuple[bytes, ...] = ()  # the steps that gave back
    settled_ms: int | None = None  # the stamp of the first step that closed it

    def settled(self, state: ClaimState, how: How | None, received: int, settled_ms: int) -> "Claim":
        """Return the claim as it is when it is over."""
        first_ms = settled_ms if self.settled_ms is None else self.settled_ms
        asked = (self.id, self.lot, self.quantity, self.asks, self.date, self.lot_date, self.stamp_ms)
        return Claim(*asked, state, how, received, self.given_back, self.returns, first_ms)


class NeedChain(JudgedChain):
    """The state of one need after the steps that were applied."""

    _after_close = frozenset({Verb.GIVE_BACK})
    _not_opened = rules.NEED_NOT_OPENED
    _closed = rules.NEED_CLOSED
    _wrong_chain = rules.ONLY_FOR_STOCK

    def __init__(self, thread: bytes = b"") -> None:
        super().__init__(thread)
        self.accounts: dict[int | None, NeedAccount] = {}
        self.claims: dict[bytes, Claim] = {}
        self._open_claims = 0

    def __repr__(self) -> str:
        claims = self._open_claims
        return f"<NeedChain {self.thread.hex()[:8]} seq {self.seq}, {self.total.left} left, {claims} claims>"

    @property
    def total(self) -> NeedAccount:
        """The sum of all accounts, over all dates."""
        each = self.accounts.values()
        return NeedAccount(
            sum(account.count for account in each),
            sum(account.open for account in each),
            sum(account.received for account in each),
        )

    # --- Counting and asking

    def _may_count(self, step: Step) -> Broken | None:
        if step.facts["why"] != Why.NEEDED:
            return rules.ONLY_FOR_STOCK
        dates, quantity = step.dates, step.facts["quantity"]
        held = [self.accounts[date] for date in dates if date in self.accounts]
        taken = max((account.open + account.received for account in held), default=0)
        if quantity < taken:
            return rules.below_asked(taken)
        new = len(dates) - len(held)
        return rules.TOO_MANY_DATES if len(self.accounts) + new > ACCOUNTS_MAX else None

    def _count(self, step: Step) -> None:
        for date in step.dates:
            account = self.accounts.get(date, _NOTHING)
            self.accounts[date] = NeedAccount(step.facts["quantity"], account.open, account.received)

    def _may_claim(self, step: Step) -> Broken | None:
        account = self.accounts.get(step.date)
        if account is None:
            return rules.NEED_NOT_OPENED
        left = account.left
        return rules.more_than_needed(left) if step.facts["quantity"] > left else None

    def _claim(self, step: Step) -> None:
        facts, date = step.facts, step.date
        quantity = facts["quantity"]
        self.claims[step.id] = Claim(
            step.id, facts["lot"], quantity, facts["asks"], date, facts.get("lot_date"), step.stamp_ms
        )
        self.accounts[date] = self.accounts[date].plus(open=quantity)
        self._open_claims += 1

    # --- Ending a claim

    def _may_cancel(self, step: Step) -> Broken | None:
        claim = self.claims.get(step.facts["of"])
        if claim is None:
            return rules.NO_SUCH_CLAIM
        return None if claim.state is ClaimState.OPEN else rules.CLAIM_OVER

    def _cancel(self, step: Step) -> None:
        claim = self.claims[step.facts["of"]]
        self.claims[claim.id] = claim.settled(ClaimState.CANCELLED, None, 0, step.stamp_ms)
        self._settle(claim)

    def _may_receive(self, step: Step) -> Broken | None:
        claim, quantity = self.claims.get(step.facts["of"]), step.facts["quantity"]
        if claim is None:
            return rules.NO_SUCH_CLAIM
        if claim.state is ClaimState.RECEIVED:
            return rules.CLAIM_OVER
        if quantity > claim.quantity:
            return rules.more_than_claimed(claim.quantity)
        left = self.accounts[claim.date].left
        crossed = claim.state is ClaimState.CANCELLED
        return rules.more_than_needed(left) if crossed and quantity > left else None

    def _receive(self, step: Step) -> None:
        facts = step.facts
        claim, how, quantity = self.claims[facts["of"]], _HOW[facts["how"]], facts["quantity"]
        self.claims[claim.id] = claim.settled(ClaimState.RECEIVED, how, quantity, step.stamp_ms)
        if claim.state is ClaimState.OPEN:
            self._settle(claim)
        self.accounts[claim.date] = self.accounts[claim.date].plus(received=quantity)

    def _settle(self, claim: Claim) -> None:
        """A claim is over: what it asked for can be asked for again."""
        self.accounts[claim.date] = self.accounts[claim.date].plus(open=-claim.quantity)
        self._open_claims -= 1

    # --- Giving back, contact, close

    def _may_give_back(self, step: Step) -> Broken | None:
        claim = self.claims.get(step.facts["of"])
        if claim is None:
            return rules.NO_SUCH_CLAIM
        kept = claim.received - claim.given_back
        return rules.more_than_received(kept) if step.facts["quantity"] > kept else None

    def _give_back(self, step: Step) -> None:
        claim = self.claims[step.facts["of"]]
        given_back = claim.given_back + step.facts["quantity"]
        self.claims[claim.id] = claim._replace(given_back=given_back, returns=(*claim.returns, step.id))

    def _may_contact(self, step: Step) -> Broken | None:
        return None if step.facts["of"] in self.claims else rules.NO_SUCH_CLAIM

    def _may_close(self, _step: Step) -> Broken | None:
        return rules.still_asked(self._open_claims) if self._open_claims else None

    _verbs: ClassVar[Verbs] = {
        Verb.COUNT: (_may_count, _count),
        Verb.CLAIM: (_may_claim, _claim),
        Verb.CANCEL: (_may_cancel, _cancel),
        Verb.RECEIVE: (_may_receive, _receive),
        Verb.GIVE_BACK: (_may_give_back, _give_back),
        Verb.CONTACT: (_may_contact, remember_contact),
        Verb.CLOSE: (_may_close, remember_close),
    }
