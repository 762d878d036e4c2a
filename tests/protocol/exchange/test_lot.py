"""The chain of a lot: what may be promised, by its own steps alone (SPEC D3 to D6)."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.exchange.lot import Account, Allotment, LotChain, PromiseState, Surrender
from hartig_protocol.exchange.rules import Rule
from hartig_protocol.exchange.step import Step
from hartig_protocol.limits import ACCOUNTS_MAX, DATES_MAX, QUANTITY_MAX
from hartig_protocol.records.steps import Why
from support.records import NOW_MS, key
from support.steps import id_of, lot_steps, rule_of, say, stands, state_of_chain, told

OPEN = say("o", "count", quantity=10, why="opened")
DATED = say("o", "count", quantity=10, why="opened", dates=[1, 2])
PROMISE = say("p", "promise", claim="a", quantity=4, hold=60)
OTHER = say("q", "promise", claim="b", quantity=6, hold=60)
KEPT = say("h", "handover", of="p", quantity=4)
LAPSE = say("r", "release", of="p", why="lapsed")
CLOSE = say("x", "close")
BACK = say("b", "count", quantity=2, why="given_back", of="a")


def counted(quantity: int, why: str, **more: Any) -> Step:
    return say("counted", "count", quantity=quantity, why=why, **more)


def promise(claim: str, quantity: int, **more: Any) -> Step:
    return say("promised", "promise", claim=claim, quantity=quantity, hold=1, **more)


def release(of: str, why: str) -> Step:
    return say("released", "release", of=of, why=why)


def handover(quantity: int, **more: Any) -> Step:
    return say("handed over", "handover", quantity=quantity, **more)


# What was said before, what is said then, and the rule that this breaks (None: it stands).
CASES: list[tuple[str, list[Step], Step, Rule | None]] = [
    ("nothing stands before a first count", [], PROMISE, Rule.NOT_OPENED),
    ("a close before a first count", [], CLOSE, Rule.NOT_OPENED),
    ("a decline before a first count", [], release("a", "declined"), Rule.NOT_OPENED),
    ("found before a first count", [], counted(1, "found"), Rule.NOT_OPENED),
    ("a promise for a date without a count", [DATED], PROMISE, Rule.NOT_OPENED),
    ("a second first count", [OPEN], counted(1, "opened"), Rule.OPENED_ALREADY),
    ("one date of two again", [DATED], counted(1, "opened", date=2), Rule.OPENED_ALREADY),
    ("a date more", [DATED], counted(1, "opened", date=3), None),
    ("a promise from what is free", [OPEN, PROMISE], OTHER, None),
    ("a promise of more than is free", [OPEN, PROMISE], promise("b", 7), Rule.NOT_FREE),
    ("a promise for one date", [DATED], promise("a", 10, date=2), None),
    ("what another date has free", [DATED], promise("a", 11, date=2), Rule.NOT_FREE),
    ("a claim promised twice at once", [OPEN, PROMISE], promise("a", 1), Rule.PROMISED_ALREADY),
    ("a claim promised again after a release", [OPEN, PROMISE, LAPSE], promise("a", 9), None),
    ("a claim promised again after a handover", [OPEN, PROMISE, KEPT], promise("a", 6), None),
    ("stock set aside", [OPEN, PROMISE], say("s", "allot", hub="hub", quantity=6), None),
    ("more set aside than is free", [OPEN, PROMISE], say("s", "allot", hub="hub", quantity=7), Rule.NOT_FREE),
    ("stock given back to the hub above", [OPEN, PROMISE], say("s", "surrender", quantity=6), None),
    ("more given back than is free", [OPEN, PROMISE], say("s", "surrender", quantity=7), Rule.NOT_FREE),
    ("lost from what is free", [OPEN, PROMISE], counted(-6, "lost"), None),
    ("lost from what is promised", [OPEN, PROMISE], counted(-7, "lost"), Rule.NOT_FREE),
    ("found", [OPEN], counted(1, "found"), None),
    ("more than can be counted", [OPEN], counted(QUANTITY_MAX - 9, "found"), Rule.TOO_MUCH),
    ("as much as can be counted", [OPEN], counted(QUANTITY_MAX - 10, "found"), None),
    ("given back, without saying which", [OPEN], counted(1, "given_back"), None),
    ("given back twice", [OPEN, BACK], counted(1, "given_back", of="a"), Rule.COUNTED_ALREADY),
    ("given back and surrendered in one", [OPEN, BACK], counted(1, "surrendered", of="a"), Rule.COUNTED_ALREADY),
    ("found, of what was given back", [OPEN, BACK], counted(1, "found", of="a"), None),
    ("a need's count", [OPEN], counted(1, "needed"), Rule.WRONG_CHAIN),
    ("a need's verb", [OPEN], say("c", "cancel", of="a"), Rule.WRONG_CHAIN),
    ("released by the promise", [OPEN, PROMISE], release("p", "cancelled"), None),
    ("released by the claim", [OPEN, PROMISE], release("a", "lapsed"), None),
    ("released twice", [OPEN, PROMISE, LAPSE], release("p", "lapsed"), Rule.PROMISE_OVER),
    ("a kept promise released", [OPEN, PROMISE, KEPT], release("p", "lapsed"), Rule.PROMISE_OVER),
    ("a claim whose promise was kept, released", [OPEN, PROMISE, KEPT], release("a", "lapsed"), Rule.PROMISE_OVER),
    ("a claim whose promise lapsed, released", [OPEN, PROMISE, LAPSE], release("a", "lapsed"), Rule.PROMISE_OVER),
    ("a claim declined after its promise lapsed", [OPEN, PROMISE, LAPSE], release("a", "declined"), None),
    ("a claim that was never promised, declined", [OPEN], release("a", "declined"), None),
    ("a claim that was never promised, lapsed", [OPEN], release("a", "lapsed"), Rule.NO_SUCH_PROMISE),
    ("a promise kept", [OPEN, PROMISE], KEPT, None),
    ("a promise kept in part", [OPEN, PROMISE], handover(1, of="p"), None),
    ("more handed over than promised", [OPEN, PROMISE], handover(5, of="p"), Rule.MORE_THAN_PROMISED),
    ("a promise kept twice", [OPEN, PROMISE, KEPT], handover(1, of="p"), Rule.PROMISE_OVER),
    ("a released promise kept", [OPEN, PROMISE, LAPSE], KEPT, Rule.PROMISE_OVER),
    ("a promise of nobody kept", [OPEN], KEPT, Rule.NO_SUCH_PROMISE),
    ("handed over without promise", [OPEN, PROMISE], handover(6), None),
    ("handed over without promise, more than is free", [OPEN, PROMISE], handover(7), Rule.NOT_FREE),
    ("handed over for a claim that has a promise", [OPEN, PROMISE], handover(1, claim="a"), Rule.PROMISED_ALREADY),
    ("handed over for a claim that has none", [OPEN, PROMISE], handover(1, claim="b"), None),
    ("handed over for a date without a count", [OPEN], handover(1, date=1), Rule.NOT_OPENED),
    ("contact about a promise", [OPEN, PROMISE], say("k", "contact", of="p"), None),
    ("contact about a kept promise", [OPEN, PROMISE, KEPT], say("k", "contact", of="p"), None),
    ("contact about a claim", [OPEN, PROMISE], say("k", "contact", of="a"), Rule.NO_SUCH_PROMISE),
    ("closed with a promise open", [OPEN, PROMISE], CLOSE, Rule.STILL_PROMISED),
    ("closed with none", [OPEN, PROMISE, KEPT], CLOSE, None),
    ("closed twice", [OPEN, CLOSE], say("y", "close"), Rule.CLOSED),
    ("found after the close", [OPEN, CLOSE], counted(1, "found"), Rule.CLOSED),
    ("an unknown verb", [OPEN], say("u", "barter", what=1), Rule.NEWER),
    ("anything after an unknown verb", [OPEN, say("u", "barter")], PROMISE, Rule.NEWER),
    ("an unknown verb before a first count", [], say("u", "barter"), Rule.NEWER),
]  # fmt: skip


@pytest.mark.parametrize(("before", "step", "rule"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_step_stands_or_breaks_one_rule(before: list[Step], step: Step, rule: Rule | None) -> None:
    lot = LotChain()
    told(lot, *before)
    assert rule_of(lot.judge(step)) == rule
    assert [rule_of(broken) for broken in told(lot, step)] == [rule]


def test_every_rule_of_a_lot_is_among_the_cases() -> None:
    of_needs = {
        Rule.BELOW_ASKED,
        Rule.MORE_THAN_NEEDED,
        Rule.NO_SUCH_CLAIM,
        Rule.CLAIM_OVER,
        Rule.MORE_THAN_CLAIMED,
        Rule.MORE_THAN_RECEIVED,
        Rule.STILL_ASKED,
    }
    assert {rule for *_, rule in CASES if rule is not None} == set(Rule) - of_needs


def test_what_was_promised_moves_to_what_was_handed_over_and_the_rest_is_free() -> None:
    lot = LotChain()
    stands(lot, OPEN, PROMISE, OTHER)
    assert lot.accounts[None] == Account(counted=10, promised=10)
    stands(lot, say("h", "handover", of="p", quantity=3), say("s", "allot", hub="hub", quantity=1))
    assert lot.accounts[None] == Account(counted=10, promised=6, handed_over=3, allotted=1)
    assert lot.accounts[None].free == 0
    assert lot.handed_over_to == {id_of("a"): 3}


def test_a_promise_remembers_how_it_ended() -> None:
    lot = LotChain()
    stands(lot, OPEN, PROMISE, OTHER, say("r", "release", of="p", why="cancelled", stamp_ms=NOW_MS + 5))
    ended, open_ = lot.promises[id_of("p")], lot.promises[id_of("q")]
    assert (ended.state, ended.why, ended.settled_ms) == (PromiseState.RELEASED, Why.CANCELLED, NOW_MS + 5)
    assert (open_.state, open_.why, open_.settled_ms) == (PromiseState.OPEN, None, None)
    assert lot.declined == {id_of("a"): Why.CANCELLED}
    assert lot.open_promise_of == {id_of("b"): id_of("q")}
    stands(lot, say("h", "handover", of="q", quantity=6, stamp_ms=NOW_MS + 9))
    kept = lot.promises[id_of("q")]
    assert (kept.state, kept.why, kept.settled_ms) == (PromiseState.HANDED_OVER, None, NOW_MS + 9)
    assert open_.state is PromiseState.OPEN  # what was looked at before is as it was


def test_a_promise_made_again_takes_back_that_it_was_declined() -> None:
    lot = LotChain()
    stands(lot, OPEN, say("r", "release", of="a", why="declined"), PROMISE)
    assert lot.declined == {}
    assert lot.open_promise_of == {id_of("a"): id_of("p")}


def test_the_last_promise_of_a_claim_is_known_also_when_it_is_over() -> None:
    lot = LotChain()
    stands(lot, OPEN, PROMISE, LAPSE)
    assert (lot.open_promise_of, lot.last_promise_of) == ({}, {id_of("a"): id_of("p")})
    stands(lot, promise("a", 1), say("h", "handover", of="promised", quantity=1), handover(1, claim="b"))
    assert lot.last_promise_of == {id_of("a"): id_of("promised")}


def test_a_release_of_a_promise_means_that_promise_even_if_a_claim_has_its_id() -> None:
    lot = LotChain()
    stands(lot, OPEN, PROMISE, say("q", "promise", claim="p", quantity=1, hold=1), LAPSE)
    assert lot.open_promise_of == {id_of("p"): id_of("q")}


def test_what_is_set_aside_or_given_back_is_remembered_by_its_step() -> None:
    lot = LotChain()
    stands(lot, DATED, say("s", "allot", hub="hub", quantity=3, date=1), say("t", "surrender", quantity=2, date=2))
    assert lot.allotments == {id_of("s"): Allotment(id_of("s"), key("hub").public, 3, 1)}
    assert lot.surrenders == {id_of("t"): Surrender(id_of("t"), 2, 2)}
    assert lot.total == Account(counted=20, allotted=3, surrendered=2)


def test_a_surrender_is_counted_once_and_gives_stock_back() -> None:
    lot = LotChain()
    back = say("c", "count", quantity=2, why="surrendered", of="theirs")
    stands(lot, OPEN, say("s", "allot", hub="hub", quantity=10), back)
    assert lot.accounts[None].free == 2
    assert lot.counted_back == {id_of("theirs")}
    assert rule_of(lot.judge(back)) is Rule.COUNTED_ALREADY


def test_the_last_contact_of_a_promise_is_the_one() -> None:
    lot = LotChain()
    stands(lot, OPEN, PROMISE, say("k", "contact", of="p"), say("l", "contact", of="p"))
    assert lot.contacts == {id_of("p"): id_of("l")}


def test_a_chain_has_room_for_so_many_dates_and_no_more() -> None:
    lot = LotChain()
    for start in range(0, ACCOUNTS_MAX - DATES_MAX, DATES_MAX):
        dates = list(range(start, start + DATES_MAX))
        stands(lot, say(start, "count", quantity=1, why="opened", dates=dates))
    left = ACCOUNTS_MAX - len(lot.accounts)
    stands(lot, say("last", "count", quantity=1, why="opened", dates=list(range(10**6, 10**6 + left))))
    assert [rule_of(broken) for broken in told(lot, OPEN)] == [Rule.TOO_MUCH]


def test_a_chain_says_what_it_is() -> None:
    lot = LotChain(bytes(16))
    stands(lot, OPEN, PROMISE)
    assert repr(lot) == "<LotChain 00000000 seq 2, 6 free, 1 promises>"


# --- Whatever is said, in whatever order


def sound(lot: LotChain) -> None:
    """No account is negative, nothing appears or disappears, and the accounts are the sums of what they hold."""
    for date, account in lot.accounts.items():
        parts = (account.free, account.promised, account.allotted, account.handed_over, account.surrendered)
        assert min(parts) >= 0
        assert account.counted == sum(parts)
        assert account.promised == sum(
            promise.quantity
            for promise in lot.promises.values()
            if promise.state is PromiseState.OPEN and promise.date == date
        )
        assert account.allotted == sum(one.quantity for one in lot.allotments.values() if one.date == date)
        assert account.surrendered == sum(one.quantity for one in lot.surrenders.values() if one.date == date)
    open_promises = {promise.id for promise in lot.promises.values() if promise.state is PromiseState.OPEN}
    assert set(lot.open_promise_of.values()) == open_promises
    assert len(lot.open_promise_of) == len(open_promises)


@given(lot_steps)
def test_no_account_is_ever_negative_and_nothing_is_lost(steps: list[Step]) -> None:
    lot = LotChain()
    for step in steps:
        lot.apply(step)
        sound(lot)


@given(lot_steps)
def test_to_judge_is_to_apply_without_changing_anything(steps: list[Step]) -> None:
    lot = LotChain()
    for step in steps:
        before = copy.deepcopy(vars(lot))
        verdict = lot.judge(step)
        assert vars(lot) == before
        assert lot.apply(step) == verdict
        assert lot.broken.get(step.id) == verdict


@given(lot_steps)
def test_a_step_that_is_skipped_changes_nothing(steps: list[Step]) -> None:
    lot = LotChain()
    for step in steps:
        before = state_of_chain(lot)
        broken = lot.apply(step)
        if rule_of(broken) is Rule.NEWER:
            before["stopped"] = before["stopped"] or step.id
        if broken is not None:
            assert state_of_chain(lot) == before


@given(lot_steps, st.data())
def test_later_steps_are_judged_as_if_the_skipped_had_never_been_said(steps: list[Step], data: st.DataObject) -> None:
    whole, lean = LotChain(), LotChain()
    verdicts = [(step, whole.apply(step)) for step in steps]
    kept = [
        step for step, broken in verdicts if broken is None or data.draw(st.booleans()) or broken.rule is Rule.NEWER
    ]
    for step in kept:
        lean.apply(step)
    assert state_of_chain(lean) == state_of_chain(whole)


@given(lot_steps)
def test_what_was_handed_over_never_comes_back_by_itself(steps: list[Step]) -> None:
    lot, before = LotChain(), 0
    for step in steps:
        lot.apply(step)
        handed_over = lot.total.handed_over
        assert handed_over >= before
        before = handed_over
