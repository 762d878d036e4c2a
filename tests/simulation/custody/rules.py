"""The rules that the model plays by: the real ones, and each of the wrong ones that the search must see fail.

In: nothing. Out: `REAL`, and `PLANTED` by name. A planted rule changes one decision and nothing else: the chain's
judgement is replaced by a subclass of the real chain, or the way a hub goes on after a restore, or who may promise.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from hartig_protocol.exchange import rules
from hartig_protocol.exchange.chains import fold
from hartig_protocol.exchange.judging import EndReason, Verbs
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.rules import Broken
from hartig_protocol.exchange.step import Step
from hartig_protocol.records.record import Kind
from hartig_protocol.records.steps import Verb
from simulation.custody.said import Fold


@dataclass(frozen=True, eq=False)
class Rules:
    """What decides. `after_restore`: "end" all chains, or go on with them after "sync" or "hold"."""

    fold: Fold = fold
    after_restore: str = "end"
    anybody_promises: bool = False
    allotments_lapse: bool = False
    accepts_once: bool = True
    revises: bool = False


class LapsingLot(LotChain):
    """Planted: what was set aside for a hub is free again by a release, as after a hold."""

    def _may_release(self, step: Step) -> Broken | None:
        return None if step.facts["of"] in self.allotments else super()._may_release(step)

    def _release(self, step: Step) -> None:
        allotment = self.allotments.pop(step.facts["of"], None)
        if allotment is None:
            super()._release(step)
        else:
            account = self.accounts[allotment.date]
            self.accounts[allotment.date] = account.plus(allotted=-allotment.quantity)

    _verbs: ClassVar[Verbs] = {**LotChain._verbs, Verb.RELEASE: (_may_release, _release)}


class RevisedLot(LotChain):
    """Planted: how much there is stands in the offer, which people revise to what they see; no count limits steps."""

    def _may_leave(self, step: Step) -> Broken | None:
        return None

    def _may_promise(self, step: Step) -> Broken | None:
        return rules.PROMISED_ALREADY if step.facts["claim"] in self.open_promise_of else None

    _verbs: ClassVar[Verbs] = {
        **LotChain._verbs,
        Verb.PROMISE: (_may_promise, LotChain._verbs[Verb.PROMISE][1]),
        Verb.ALLOT: (_may_leave, LotChain._verbs[Verb.ALLOT][1]),
    }


class TwiceCountedLot(LotChain):
    """Planted: what was given back is counted whenever somebody counts it."""

    def _may_count(self, step: Step) -> Broken | None:
        broken = super()._may_count(step)
        return None if broken is rules.COUNTED_ALREADY else broken

    _verbs: ClassVar[Verbs] = {**LotChain._verbs, Verb.COUNT: (_may_count, LotChain._verbs[Verb.COUNT][1])}


def _fold_with(lot_type: type[LotChain]) -> Fold:
    def planted(
        kind: int, steps: Iterable[Step], ended: EndReason | None = None, *, thread: Any = b""
    ) -> LotChain | NeedChain:
        if kind != Kind.OFFER:
            return fold(kind, steps, ended, thread=thread)
        chain = lot_type(thread)
        for step in steps:
            chain.apply(step)
        if ended is not None:
            chain.end(ended)
        return chain

    return planted


REAL = Rules()
PLANTED = {
    "any hub that sees stock may promise": replace(REAL, anybody_promises=True),
    "sync first, then promise after restore": replace(REAL, after_restore="sync"),
    "wait out the hold, then promise after restore": replace(REAL, after_restore="hold"),
    "an allotment that lapses with a hold": replace(REAL, fold=_fold_with(LapsingLot), allotments_lapse=True),
    "two child lots from one allotment": replace(REAL, accepts_once=False),
    "what was given back is counted twice": replace(REAL, fold=_fold_with(TwiceCountedLot)),
    "quantity taken from a revised offer": replace(REAL, fold=_fold_with(RevisedLot), revises=True),
}
