"""From records to state: the same whatever came first (SPEC D3, D8; rule 1 of the design)."""

import tracemalloc
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.encoding import encode
from hartig_protocol.errors import LocalError
from hartig_protocol.exchange.chains import EndReason, fold
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.step import Step
from hartig_protocol.limits import STEPS_MAX
from hartig_protocol.records.record import Kind, Record
from support.records import NOW_MS
from support.shelf import HUB, NETWORK, Shelf
from support.steps import lot_steps, need_steps, say

MEBIBYTE = 2**20
CONTACT_BODY = encode({"box": bytes(49)})


def test_an_offer_has_a_lot_and_a_need_has_claims_and_nothing_else_is_judged() -> None:
    assert type(fold(Kind.OFFER, [])) is LotChain
    assert type(fold(Kind.NEED, [])) is NeedChain
    with pytest.raises(LocalError, match="kind 32"):
        fold(Kind.CARD, [])


def test_a_chain_may_be_told_its_thread_and_why_it_has_ended() -> None:
    chain = fold(Kind.NEED, [], EndReason.FORKED, thread=bytes(16))
    assert (chain.thread, chain.ended) == (bytes(16), EndReason.FORKED)


@given(lot_steps, st.integers(0, 19))
def test_to_fold_a_lot_is_to_apply_its_steps_one_by_one(steps: list[Step], cut: int) -> None:
    _folds(Kind.OFFER, steps, cut)


@given(need_steps, st.integers(0, 19))
def test_to_fold_a_need_is_to_apply_its_steps_one_by_one(steps: list[Step], cut: int) -> None:
    _folds(Kind.NEED, steps, cut)


def _folds(kind: Kind, steps: list[Step], cut: int) -> None:
    grown = fold(kind, steps[:cut], EndReason.EXPIRED)
    for step in steps[cut:]:
        grown.apply(step)
    assert vars(grown) == vars(fold(kind, steps, EndReason.EXPIRED))


# --- Records, in any order


def _records(register: Record, steps: list[Step]) -> list[Record]:
    """The same steps as records of a chain; what names a step by its id in `steps` names the record's."""
    made: list[Record] = []
    ids: dict[bytes, bytes] = {}
    for step in steps:
        facts = {name: ids.get(value, value) if name == "of" else value for name, value in step.facts.items()}
        body = CONTACT_BODY if step.verb == "contact" else None
        before = made[-1] if made else None
        made.append(NETWORK.step(HUB, register, before, kind=Kind.STEP, facts=facts, body=body))
        ids[step.id] = made[-1].id
    return made


def _state(records: list[Record], register: Record) -> dict[str, object]:
    """Offer these records again and again, as a neighbourhood does; fold what stands."""
    shelf, before = Shelf(), set[bytes]()
    while before != shelf.ids:
        before = shelf.ids
        shelf.take(*records)
    by_id = {record.id: record for record in records}
    chain = shelf.catalog.chains.get(register.head.thread)
    steps = [Step.of(by_id[step]) for step in chain.steps] if chain else []
    ended = EndReason.FORKED if chain and chain.fork else None
    return vars(fold(register.head.kind, steps, ended))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([Kind.OFFER, Kind.NEED]), st.data(), st.integers(0, 2**32), st.booleans())
def test_the_state_does_not_depend_on_the_order_of_arrival(
    kind: Kind, data: st.DataObject, seed: int, forks: bool
) -> None:
    register = NETWORK.post(HUB, kind)
    steps = data.draw(lot_steps if kind is Kind.OFFER else need_steps)
    records = _records(register, steps)
    if forks:  # the last step is said once more, differently
        before = records[-2] if len(records) > 1 else None
        records.append(NETWORK.step(HUB, register, before, kind=Kind.STEP, facts={"verb": "close"}))
    shuffled = [register, *records]
    Random(seed).shuffle(shuffled)
    assert _state(shuffled, register) == _state([register, *records], register)


# --- What a full chain costs


def _promises(number: int) -> Step:
    return say(number, "promise", seq=number + 1, claim=f"c{number}", quantity=10**6 + number, hold=2880)


def _claims(number: int) -> Step:
    return say(number, "claim", seq=number + 1, lot=f"l{number}", quantity=10**6 + number, asks=10**6 + number)


def _broken(number: int) -> Step:
    return say(number, "promise", seq=number + 1, claim=f"c{number}", quantity=10**12, hold=2880)


FULL = [
    (Kind.OFFER, say(0, "count", quantity=10**12, why="opened"), _promises),
    (Kind.NEED, say(0, "count", quantity=10**12, why="needed"), _claims),
    (Kind.OFFER, say(0, "count", quantity=10**11, why="opened"), _broken),
]


def _fresh(steps: list[Step]) -> list[Step]:
    """The same steps from objects of their own, as records bring them; else a chain would seem to weigh nothing."""
    return [
        Step(
            bytes(bytearray(step.id)),
            step.seq,
            step.verb,
            {name: bytes(bytearray(value)) if type(value) is bytes else value for name, value in step.facts.items()},
            NOW_MS + step.seq,
        )
        for step in steps
    ]


@pytest.mark.parametrize(("kind", "first", "one"), FULL, ids=["promises", "claims", "broken"])
def test_a_full_chain_stays_below_two_megabytes(kind: Kind, first: Step, one: Callable[[int], Step]) -> None:
    steps = [first, *map(one, range(1, STEPS_MAX))]
    tracemalloc.start()
    try:
        fresh = _fresh(steps)
        chain = fold(kind, fresh)
        del fresh
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert chain.seq == STEPS_MAX
    assert held <= 2 * MEBIBYTE
