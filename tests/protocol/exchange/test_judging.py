"""What lots and needs have in common: how a chain ends, and the order in which it is judged (SPEC D3 and D8)."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.exchange.judging import EndReason, JudgedChain
from hartig_protocol.exchange.lot import LotChain, PromiseState
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.rules import Rule
from hartig_protocol.exchange.step import Step
from support.records import NOW_MS
from support.steps import id_of, lot_steps, need_steps, rule_of, say, stands, told

OPENED = say("o", "count", quantity=10, why="opened")
PROMISE = say("p", "promise", claim="a", quantity=4, hold=60)
BOTH: list[tuple[type[JudgedChain], Step]] = [
    (LotChain, OPENED),
    (NeedChain, say("n", "count", quantity=10, why="needed")),
]


@pytest.mark.parametrize(("chain_type", "opened"), BOTH)
def test_a_skipped_step_has_its_number_all_the_same(chain_type: type[JudgedChain], opened: Step) -> None:
    chain = chain_type()
    told(chain, opened, say("wrong", "contact", of="nothing"), say("x", "close"))
    assert (chain.seq, list(chain.broken), chain.is_closed) == (3, [id_of("wrong")], True)


@pytest.mark.parametrize(("chain_type", "opened"), BOTH)
def test_a_skipped_step_opens_nothing_that_was_closed(chain_type: type[JudgedChain], opened: Step) -> None:
    chain = chain_type()
    told(chain, opened, say("x", "close"), say("y", "close"), say("z", "close"))
    assert [rule_of(broken) for broken in chain.broken.values()] == [Rule.CLOSED] * 2
    assert chain.is_closed


@pytest.mark.parametrize(("chain_type", "opened"), BOTH)
def test_from_an_unknown_verb_on_nothing_is_judged(chain_type: type[JudgedChain], opened: Step) -> None:
    chain = chain_type()
    told(chain, opened, say("u", "barter"), say("v", "lend_out"), say("x", "close"))
    assert chain.stopped == id_of("u")
    assert [rule_of(broken) for broken in chain.broken.values()] == [Rule.NEWER] * 3
    assert not chain.is_closed


@pytest.mark.parametrize(("chain_type", "opened"), BOTH)
def test_a_step_of_another_kind_stops_a_chain(chain_type: type[JudgedChain], opened: Step) -> None:
    chain = chain_type()
    told(chain, opened)
    assert rule_of(chain.apply(Step(id_of("k"), 2, "", {"close": 1}, NOW_MS))) is Rule.NEWER
    assert chain.stopped == id_of("k")


def test_of_several_reasons_the_same_is_kept_whatever_came_first() -> None:
    for reasons in permutations(EndReason, 3):
        chain = LotChain()
        for reason in reasons:
            chain.end(reason)
        assert chain.ended is min(reasons, key=list(EndReason).index)


def test_steps_that_come_after_the_end_count_all_the_same() -> None:
    early, late = LotChain(), LotChain()
    stands(early, OPENED, PROMISE)
    early.end(EndReason.WITHDRAWN)
    stands(late, OPENED)
    late.end(EndReason.WITHDRAWN)
    stands(late, PROMISE)
    assert vars(early) == vars(late)
    assert early.promises[id_of("p")].state is PromiseState.OPEN  # void, because the chain has ended


def test_a_chain_is_over_when_it_was_closed_or_has_ended() -> None:
    chain = LotChain()
    stands(chain, OPENED)
    assert not chain.is_over
    stands(chain, say("x", "close"))
    assert chain.is_over
    ended = NeedChain()
    ended.end(EndReason.VOID)
    assert ended.is_over
    assert not ended.is_closed


def _is_a_copy(chain_type: type[JudgedChain], steps: list[Step], cut: int) -> None:
    """A chain and its copy go on apart: each comes to what it was told, whichever goes first."""
    chain, before, whole = chain_type(bytes(16)), chain_type(bytes(16)), chain_type(bytes(16))
    told(chain, *steps[:cut])
    told(before, *steps[:cut])
    told(whole, *steps)
    twin = chain.copied()
    assert type(twin) is chain_type
    assert vars(twin) == vars(chain)
    told(twin, *steps[cut:])
    twin.end(EndReason.EXPIRED)
    assert vars(chain) == vars(before)
    ahead = chain.copied()
    told(chain, *steps[cut:])
    assert vars(chain) == vars(whole)
    assert vars(ahead) == vars(before)


@given(lot_steps, st.integers(0, 19))
def test_a_copy_of_a_lot_and_the_lot_know_nothing_of_each_other(steps: list[Step], cut: int) -> None:
    _is_a_copy(LotChain, steps, cut)


@given(need_steps, st.integers(0, 19))
def test_a_copy_of_a_need_and_the_need_know_nothing_of_each_other(steps: list[Step], cut: int) -> None:
    _is_a_copy(NeedChain, steps, cut)
