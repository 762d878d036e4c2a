"""Draws the table of deals for SPEC.md, and plays one deal with real chains to see what can become of it.

`test_deal` compares what is drawn here with what stands in SPEC.md. In the diagram stand only steps that are usual
where they are drawn, where both sides have heard of each other; what crosses, or comes unheard of, is in the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from hartig_protocol.exchange.deal import TABLE, DealState, Mark, marks_of, state_of
from hartig_protocol.exchange.judging import EndReason
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.step import Step
from support.steps import id_of, say, stands

Event = str
_ASKED, _PROMISED = DealState.ASKED, DealState.PROMISED
_LOST = {DealState.DECLINED, DealState.LAPSED, DealState.TAKEN_BACK}
# Where each event is usual. Events are verbs, with what tells them apart.
USUAL: dict[Event, set[DealState]] = {
    "promise": {_ASKED},
    "release declined": {_ASKED, _PROMISED},
    "release lapsed": {_PROMISED},
    "release cancelled": {_PROMISED},
    "handover": {_PROMISED, DealState.CANCELLED},
    "cancel": {_ASKED, _PROMISED, *_LOST, DealState.VOID},
    "receive ok": {DealState.HANDED_OVER, DealState.CROSSED},
    "receive short": {DealState.HANDED_OVER},
    "receive bad": {DealState.HANDED_OVER},
    "give_back": {DealState.LENT},
    "count given_back": {DealState.GIVEN_BACK},
    "an end": {_ASKED, _PROMISED},
}
_ENDS = frozenset({Mark.LOT_ENDED, Mark.NEED_ENDED})


_OPENED = (say("o", "count", quantity=9, why="opened"),)
_ASKS = (say("n", "count", quantity=9, why="needed"), say("a", "claim", lot="l", quantity=1, asks=1))
_IN_NEED = {"cancel", "receive", "give_back"}


@dataclass(frozen=True)
class Deal:
    """One claim of 1 on a lot of 9, by what was said in both chains, and which of them have ended."""

    is_loan: bool
    of_lot: tuple[Step, ...] = _OPENED
    of_need: tuple[Step, ...] = _ASKS
    ended: frozenset[Mark] = frozenset()

    @cached_property
    def lot(self) -> LotChain:
        """The chain of the lot."""
        return self._folded(LotChain(), self.of_lot, Mark.LOT_ENDED)

    @cached_property
    def need(self) -> NeedChain:
        """The chain of the need."""
        return self._folded(NeedChain(), self.of_need, Mark.NEED_ENDED)

    def _folded(self, chain: Any, steps: tuple[Step, ...], end: Mark) -> Any:
        stands(chain, *steps)
        if end in self.ended:
            chain.end(EndReason.WITHDRAWN)
        return chain

    @cached_property
    def marks(self) -> frozenset[Mark]:
        """What was said of the claim."""
        ended = self.need.ended is not None
        return marks_of(self.need.claims[id_of("a")], self.lot, need_ended=ended, is_loan=self.is_loan)

    def after(self, event: Event) -> "Deal | None":
        """The deal after one more event; None where its chain would not take that."""
        verb, _, word = event.partition(" ")
        if verb == "an":
            end = Mark.LOT_ENDED if word == "end of the offer" else Mark.NEED_ENDED
            return replace(self, ended=self.ended | {end})
        chain = self.need if verb in _IN_NEED else self.lot
        step = _step(verb, word, chain.seq + 1, self.lot.open_promise_of.get(id_of("a")))
        if chain.ended is not None or chain.judge(step) is not None:
            return None
        if verb in _IN_NEED:
            return replace(self, of_need=(*self.of_need, step))
        return replace(self, of_lot=(*self.of_lot, step))


@cache
def _step(verb: str, word: str, seq: int, promise: bytes | None) -> Step:
    name = f"{verb} {seq}"
    if verb == "handover":
        return say(name, verb, quantity=1, **({"claim": "a"} if promise is None else {"of": promise}))
    facts: dict[str, dict[str, Any]] = {
        "promise": {"claim": "a", "quantity": 1, "hold": 60},
        "release": {"of": "a", "why": word},
        "count": {"of": "a", "quantity": 1, "why": word},
        "cancel": {"of": "a"},
        "receive": {"of": "a", "how": word, "quantity": 0 if word == "bad" else 1},
        "give_back": {"of": "a", "quantity": 1},
    }
    return say(name, verb, **facts[verb])


@cache
def played(*, is_loan: bool) -> tuple[list[frozenset[Mark]], list[tuple[frozenset[Mark], Event, frozenset[Mark]]]]:
    """All sets of marks that chains bring about, the smallest number of steps first, and how each leads to others."""
    events = [event for event in USUAL if event != "an end"] + ["an end of the offer", "an end of the need"]
    start = Deal(is_loan)
    seen, queue, ways = {start.marks}, [start], []
    order = [start.marks]
    for deal in queue:  # grows while it is gone through
        for event in events:
            after = deal.after(event)
            if after is None:
                continue
            ways.append((deal.marks, event, after.marks))
            if after.marks not in seen:
                seen.add(after.marks)
                order.append(after.marks)
                queue.append(after)
    return order, ways


def table_text() -> str:
    """The rows of the table in SPEC.md."""
    rows = []
    for marks, state in TABLE:
        required = " and ".join(f"`{mark}`" for mark in Mark if mark in marks)
        rows.append(f"| {required or 'none of these'} | `{state}` |")
    return "\n".join(rows)


def diagram_text() -> str:
    """The diagram in SPEC.md."""
    arrows: dict[tuple[DealState, DealState], list[Event]] = {}
    for before, event, after in _usual_ways():
        labels = arrows.setdefault((state_of(before), state_of(after)), [])
        if event not in labels:
            labels.append(event)
    order = list(DealState)
    lines = [
        f"    {before} --> {after}: {', '.join(labels)}"
        for (before, after), labels in sorted(
            arrows.items(), key=lambda item: [order.index(state) for state in item[0]]
        )
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> asked: claim", *lines, "```"])


def _usual_ways() -> Iterator[tuple[frozenset[Mark], Event, frozenset[Mark]]]:
    for is_loan in (False, True):
        order, ways = played(is_loan=is_loan)
        first: dict[DealState, frozenset[Mark]] = {}
        for marks in sorted(order, key=len):  # of several sets the smallest, which says nothing beside its state
            first.setdefault(state_of(marks), marks)
        for before, way, after in ways:
            event = "an end" if way.startswith("an end") else way
            goes = state_of(before) is not state_of(after) and not (is_loan and not _is_about_loans(before, after))
            if goes and first[state_of(before)] == before and state_of(before) in USUAL[event]:
                yield before, event, after


def _is_about_loans(*sets: frozenset[Mark]) -> bool:
    return any(state_of(marks) in {DealState.LENT, DealState.GIVEN_BACK} for marks in sets)
