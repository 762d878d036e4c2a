"""The chain of a need: how much may be asked for, by its own steps alone (SPEC D3 and D7)."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.exchange.need import ClaimState, NeedAccount, NeedChain
from hartig_protocol.exchange.rules import Rule
from hartig_protocol.exchange.step import Step
from hartig_protocol.limits import ACCOUNTS_MAX, DATES_MAX
from hartig_protocol.records.steps import How
from support.records import NOW_MS
from support.steps import id_of, need_steps, rule_of, say, stands, state_of_chain, thread_of, told

COUNT = say("n", "count", quantity=10, why="needed")
DATED = say("n", "count", quantity=10, why="needed", dates=[1, 2])
CLAIM = say("a", "claim", lot="l", quantity=4, asks=2)
CANCEL = say("x", "cancel", of="a")
RECEIVED = say("r", "receive", of="a", how="ok", quantity=4)
CLOSE = say("z", "close")


def needed(quantity: int, **more: Any) -> Step:
    return say("needed", "count", quantity=quantity, why="needed", **more)


def claim(quantity: int, **more: Any) -> Step:
    return say("claimed", "claim", lot="m", quantity=quantity, asks=1, **more)


def receive(quantity: int, how: str = "ok", of: str = "a") -> Step:
    return say("received", "receive", of=of, how=how, quantity=quantity)


def give_back(quantity: int, of: str = "a") -> Step:
    return say("given back", "give_back", of=of, quantity=quantity)


# What was said before, what is said then, and the rule that this breaks (None: it stands).
CASES: list[tuple[str, list[Step], Step, Rule | None]] = [
    ("asked before a first count", [], CLAIM, Rule.NOT_OPENED),
    ("asked for a date without a count", [DATED], CLAIM, Rule.NOT_OPENED),
    ("asked for a date", [DATED], claim(10, date=2), None),
    ("more than that date needs", [DATED], claim(11, date=2), Rule.MORE_THAN_NEEDED),
    ("as much as is needed", [COUNT, CLAIM], claim(6), None),
    ("more than is needed", [COUNT, CLAIM], claim(7), Rule.MORE_THAN_NEEDED),
    ("asked again after a cancel", [COUNT, CLAIM, CANCEL], claim(10), None),
    ("what has arrived is not asked for again", [COUNT, CLAIM, RECEIVED], claim(7), Rule.MORE_THAN_NEEDED),
    ("what came short is asked for again", [COUNT, CLAIM, receive(1, "short")], claim(9), None),
    ("a later count replaces", [COUNT, CLAIM], needed(4), None),
    ("a later count below what is asked for", [COUNT, CLAIM], needed(3), Rule.BELOW_ASKED),
    ("a later count below what has arrived", [COUNT, CLAIM, RECEIVED], needed(3), Rule.BELOW_ASKED),
    ("a later count of two dates, one of them too low",
     [DATED, claim(4, date=2)], needed(3, dates=[1, 2]), Rule.BELOW_ASKED),
    ("nothing needed any more", [COUNT], needed(0), None),
    ("a lot's count", [COUNT], say("c", "count", quantity=1, why="opened"), Rule.WRONG_CHAIN),
    ("a lot's verb", [COUNT], say("c", "promise", claim="a", quantity=1, hold=1), Rule.WRONG_CHAIN),
    ("cancelled", [COUNT, CLAIM], CANCEL, None),
    ("cancelled twice", [COUNT, CLAIM, CANCEL], say("y", "cancel", of="a"), Rule.CLAIM_OVER),
    ("cancelled after it arrived", [COUNT, CLAIM, RECEIVED], CANCEL, Rule.CLAIM_OVER),
    ("a cancel of nothing", [COUNT], CANCEL, Rule.NO_SUCH_CLAIM),
    ("arrived", [COUNT, CLAIM], RECEIVED, None),
    ("arrived, and none of it good", [COUNT, CLAIM], receive(0, "bad"), None),
    ("more arrived than was asked for", [COUNT, CLAIM], receive(5), Rule.MORE_THAN_CLAIMED),
    ("arrived twice", [COUNT, CLAIM, RECEIVED], receive(1), Rule.CLAIM_OVER),
    ("arrived though nobody asked", [COUNT], receive(1), Rule.NO_SUCH_CLAIM),
    ("arrived though cancelled", [COUNT, CLAIM, CANCEL], receive(4), None),
    ("arrived though cancelled and asked for elsewhere",
     [COUNT, CLAIM, CANCEL, claim(7)], receive(4), Rule.MORE_THAN_NEEDED),
    ("arrived though cancelled, and part of it fits",
     [COUNT, CLAIM, CANCEL, claim(7)], receive(3, "short"), None),
    ("given back", [COUNT, CLAIM, RECEIVED], give_back(4), None),
    ("given back in parts", [COUNT, CLAIM, RECEIVED, say("g", "give_back", of="a", quantity=3)], give_back(1), None),
    ("more given back than arrived", [COUNT, CLAIM, RECEIVED], give_back(5), Rule.MORE_THAN_RECEIVED),
    ("given back before it arrived", [COUNT, CLAIM], give_back(1), Rule.MORE_THAN_RECEIVED),
    ("a return of nothing", [COUNT], give_back(1), Rule.NO_SUCH_CLAIM),
    ("given back after the close", [COUNT, CLAIM, RECEIVED, CLOSE], give_back(4), None),
    ("contact about a claim", [COUNT, CLAIM], say("k", "contact", of="a"), None),
    ("contact about nothing", [COUNT], say("k", "contact", of="a"), Rule.NO_SUCH_CLAIM),
    ("closed with a claim open", [COUNT, CLAIM], CLOSE, Rule.STILL_ASKED),
    ("closed with none", [COUNT, CLAIM, CANCEL], CLOSE, None),
    ("asked after the close", [COUNT, CLOSE], CLAIM, Rule.CLOSED),
    ("arrived after the close", [COUNT, CLAIM, CANCEL, CLOSE], receive(1), Rule.CLOSED),
    ("an unknown verb", [COUNT], say("u", "barter"), Rule.NEWER),
    ("anything after an unknown verb", [COUNT, say("u", "barter")], CLAIM, Rule.NEWER),
]  # fmt: skip


@pytest.mark.parametrize(("before", "step", "rule"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_step_stands_or_breaks_one_rule(before: list[Step], step: Step, rule: Rule | None) -> None:
    need = NeedChain()
    stands(need, *(one for one in before if one.verb != "barter"))
    told(need, *(one for one in before if one.verb == "barter"))
    assert rule_of(need.judge(step)) == rule
    assert [rule_of(broken) for broken in told(need, step)] == [rule]


def test_a_claim_remembers_what_became_of_it() -> None:
    need = NeedChain()
    stands(need, COUNT, say("a", "claim", lot="l", quantity=4, asks=2, lot_date=7), receive(3, "short"), give_back(1))
    made = need.claims[id_of("a")]
    assert (made.lot, made.quantity, made.asks, made.date, made.lot_date) == (thread_of("l"), 4, 2, None, 7)
    assert (made.state, made.how, made.received, made.given_back) == (ClaimState.RECEIVED, How.SHORT, 3, 1)
    assert made.returns == (id_of("given back"),)
    assert need.accounts[None] == NeedAccount(count=10, open=0, received=3)


def test_a_claim_is_settled_by_the_first_step_that_closes_it() -> None:
    need = NeedChain()
    stands(need, COUNT, CLAIM, say("x", "cancel", of="a", stamp_ms=NOW_MS + 1), receive(4))
    made = need.claims[id_of("a")]
    assert (made.state, made.settled_ms) == (ClaimState.RECEIVED, NOW_MS + 1)


def test_each_date_has_an_account_and_a_later_count_may_bring_others() -> None:
    need = NeedChain()
    stands(need, DATED, needed(3, dates=[2, 3]))
    assert {date: account.count for date, account in need.accounts.items()} == {1: 10, 2: 3, 3: 3}
    assert need.total == NeedAccount(count=16)


def test_a_chain_has_room_for_so_many_dates_and_no_more() -> None:
    need = NeedChain()
    for start in range(0, ACCOUNTS_MAX, DATES_MAX):
        told(need, needed(1, dates=list(range(start, start + DATES_MAX))))
    held = len(need.accounts)
    assert held == ACCOUNTS_MAX // DATES_MAX * DATES_MAX
    stands(need, needed(2, dates=[*range(held - 20, held)]))
    assert [rule_of(broken) for broken in told(need, needed(2, dates=[*range(held - 2, held + 40)]))] == [Rule.TOO_MUCH]


def test_a_chain_says_what_it_is() -> None:
    need = NeedChain(bytes(16))
    stands(need, COUNT, CLAIM)
    assert repr(need) == "<NeedChain 00000000 seq 2, 6 left, 1 claims>"


# --- Whatever is said, in whatever order


def sound(need: NeedChain) -> None:
    """No account is negative, and each is the sum of its claims."""
    for date, account in need.accounts.items():
        mine = [one for one in need.claims.values() if one.date == date]
        assert min(account.left, account.open, account.received) >= 0
        assert account.open == sum(one.quantity for one in mine if one.state is ClaimState.OPEN)
        assert account.received == sum(one.received for one in mine)
    for one in need.claims.values():
        assert 0 <= one.given_back <= one.received <= one.quantity


@given(need_steps)
def test_never_is_more_asked_for_than_is_needed(steps: list[Step]) -> None:
    need = NeedChain()
    for step in steps:
        need.apply(step)
        sound(need)


@given(need_steps)
def test_to_judge_is_to_apply_without_changing_anything(steps: list[Step]) -> None:
    need = NeedChain()
    for step in steps:
        before = copy.deepcopy(vars(need))
        verdict = need.judge(step)
        assert vars(need) == before
        assert need.apply(step) == verdict
        assert need.broken.get(step.id) == verdict


@given(need_steps)
def test_a_step_that_is_skipped_changes_nothing(steps: list[Step]) -> None:
    need = NeedChain()
    for step in steps:
        before = state_of_chain(need)
        broken = need.apply(step)
        if rule_of(broken) is Rule.NEWER:
            before["stopped"] = before["stopped"] or step.id
        if broken is not None:
            assert state_of_chain(need) == before


@given(need_steps, st.data())
def test_later_steps_are_judged_as_if_the_skipped_had_never_been_said(steps: list[Step], data: st.DataObject) -> None:
    whole, lean = NeedChain(), NeedChain()
    verdicts = [(step, whole.apply(step)) for step in steps]
    for step, broken in verdicts:
        if broken is None or broken.rule is Rule.NEWER or data.draw(st.booleans()):
            lean.apply(step)
    assert state_of_chain(lean) == state_of_chain(whole)
