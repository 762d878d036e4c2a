"""From the steps of one thread to its state: the one place that knows which kind of record has which chain.

In: the steps that stand, by rising seq, and why the chain has ended, if it has. Out: a `LotChain` or a `NeedChain`. To
fold is to apply one by one, so a hub that keeps a chain applies what comes, and folds anew when steps go (a fork).
"""

from collections.abc import Iterable

from hartig_protocol.errors import LocalError
from hartig_protocol.exchange.judging import EndReason
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.step import Step
from hartig_protocol.records.record import Kind

__all__ = ["EndReason", "fold"]

_CHAINS: dict[int, type[LotChain] | type[NeedChain]] = {Kind.OFFER: LotChain, Kind.NEED: NeedChain}


def fold(
    kind: int, steps: Iterable[Step], ended: EndReason | None = None, *, thread: bytes = b""
) -> LotChain | NeedChain:
    """Return the state after these steps on an offer or a need (`kind`); `ended` is judged after all of them.

    Raises `LocalError` for another kind: its steps have no state.
    """
    chain_type = _CHAINS.get(kind)
    if chain_type is None:
        raise LocalError(f"records of kind {kind} have no chain that is judged")
    chain = chain_type(thread)
    for step in steps:
        chain.apply(step)
    if ended is not None:
        chain.end(ended)
    return chain
