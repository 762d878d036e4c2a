"""Runs the vectors of deals: a step on a chain, the state of a deal, fair shares. `running` calls these.

In: a vector. Out: the rule that its last step breaks (or None), and the accounts afterwards.
"""

from typing import Any

from hartig_protocol.exchange.chains import EndReason, fold
from hartig_protocol.exchange.deal import Mark, state_of
from hartig_protocol.exchange.lot import LotChain, PromiseState
from hartig_protocol.exchange.need import ClaimState, NeedChain
from hartig_protocol.exchange.sharing import fair_shares
from hartig_protocol.exchange.step import Step
from hartig_protocol.records.opening import open_record
from protocol.vector_parts.desk import Seen, Vector, unhexed


def chain(vector: Vector) -> Seen:
    """Tell a chain its steps and then the one that is judged; one that no longer stands since the end is `void`."""
    steps = [Step.of(open_record(wire)) for wire in [*unhexed(vector["steps"]), unhexed(vector["input"])]]
    ended = vector.get("ended")
    told = fold(vector["kind"], steps, None if ended is None else EndReason(ended))
    broken = told.broken.get(steps[-1].id)
    error = None if broken is None else broken.rule.value
    if error is None and told.ended is not None and _is_open(told, steps[-1].id):
        error = "void"
    return error, {"accounts": _accounts(told)}


def _is_open(told: LotChain | NeedChain, step: bytes) -> bool:
    if isinstance(told, LotChain):
        return step in told.promises and told.promises[step].state is PromiseState.OPEN
    return step in told.claims and told.claims[step].state is ClaimState.OPEN


def _accounts(told: LotChain | NeedChain) -> list[list[Any]]:
    """Each account by its date: of a lot its five numbers, of a need its three."""
    if isinstance(told, NeedChain):
        return [[date, one.count, one.open, one.received] for date, one in told.accounts.items()]
    return [
        [date, one.counted, one.promised, one.allotted, one.handed_over, one.surrendered]
        for date, one in told.accounts.items()
    ]


def deal(vector: Vector) -> Seen:
    """Look up the state of a set of marks."""
    state = state_of(frozenset(map(Mark, vector["marks"])))
    return None if state == vector["input"] else "different", {}


def shares(total: int, *asked: tuple[bytes, int]) -> list[list[Any]]:
    """Return the fair share of each claim, by id."""
    return [[claim, share] for claim, share in sorted(fair_shares(total, dict(asked)).items())]
