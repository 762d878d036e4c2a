"""What a node writes by itself: promises by rule, lapses, cancels, and what to end after a restore."""

from collections.abc import Mapping
from typing import Any

import pytest

from hartig_protocol.exchange.judging import EndReason
from hartig_protocol.exchange.lot import LotChain
from hartig_protocol.exchange.need import NeedChain
from hartig_protocol.exchange.step import Step
from hartig_protocol.exchange.steward import Anew, Asked, Draft, after_restore, answers, given_up, lapsed
from hartig_protocol.limits import STEPS_MAX
from hartig_protocol.records.steps import Verb
from support.records import NOW_MS
from support.steps import id_of, say, stands, thread_of, told

HOLD_MIN = 2880
OPEN = say("o", "count", quantity=10, why="opened")
COUNT = say("n", "count", quantity=10, why="needed")
CLAIM = say("a", "claim", lot="l", quantity=4, asks=4)


def lot_of(*steps: Step) -> LotChain:
    lot = LotChain(thread_of("l"))
    stands(lot, *steps)
    return lot


def need_of(*steps: Step) -> NeedChain:
    need = NeedChain(thread_of("n"))
    stands(need, *steps)
    return need


def asked(claim: str, asks: int, arrival: int = 1, date: int | None = None) -> Asked:
    return Asked(id_of(claim), asks, date, arrival)


def promise(claim: str, quantity: int, **more: Any) -> Step:
    return say(f"promise {claim}", "promise", claim=claim, quantity=quantity, hold=HOLD_MIN, **more)


def promised(drafts: list[Draft], *claims: str) -> list[int]:
    """The quantities of these promises, which must be all that was drafted."""
    assert {draft.thread for draft in drafts} <= {thread_of("l")}
    assert {draft.verb for draft in drafts} <= {Verb.PROMISE}
    assert [draft.facts["claim"] for draft in drafts] == [id_of(claim) for claim in claims]
    return [draft.facts["quantity"] for draft in drafts]


# --- Answers


def answered(
    lot: LotChain, rule: str, *waiting: Asked, closes_ms: int | None = None, now_ms: int = NOW_MS
) -> list[Draft]:
    return answers(lot, rule, closes_ms, waiting, now_ms, HOLD_MIN)


def test_first_answers_in_the_order_of_arrival_with_what_is_free() -> None:
    drafts = answered(lot_of(OPEN), "first", asked("c", 3, 9), asked("b", 8, 5), asked("a", 1, 2))
    assert promised(drafts, "a", "b", "c") == [1, 8, 1]
    assert drafts[0].facts == {"claim": id_of("a"), "quantity": 1, "hold": HOLD_MIN}


def test_first_answers_nobody_when_nothing_is_free() -> None:
    lot = lot_of(OPEN, say("h", "handover", quantity=10))
    assert answered(lot, "first", asked("a", 1)) == []
    assert answered(lot_of(OPEN), "first", asked("a", 10), asked("b", 1, 2))[1:] == []


def test_each_date_is_answered_from_its_own_stock() -> None:
    lot = lot_of(say("o", "count", quantity=2, why="opened", dates=[1, 2]))
    waiting = [asked("a", 2, 1, date=1), asked("b", 2, 2, date=2), asked("c", 2, 3, date=3), asked("d", 2, 4)]
    drafts = answered(lot, "first", *waiting)
    assert promised(drafts, "a", "b") == [2, 2]
    assert [draft.facts["date"] for draft in drafts] == [1, 2]
    shared = answered(lot, "fair", *waiting, asked("e", 1, 5, date=2), closes_ms=NOW_MS)
    assert promised(shared, "a", "b", "e") == [2, 1, 1]


@pytest.mark.parametrize("rule", ["ask", "open"])
def test_ask_and_open_wait_for_a_person(rule: str) -> None:
    assert answered(lot_of(OPEN), rule, asked("a", 1)) == []


def test_fair_shares_when_it_closes_and_once() -> None:
    waiting = [asked("b", 9, 1), asked("a", 9, 2)]
    assert answered(lot_of(OPEN), "fair", *waiting, closes_ms=NOW_MS + 1) == []
    assert answered(lot_of(OPEN), "fair", *waiting) == []
    assert promised(answered(lot_of(OPEN), "fair", *waiting, closes_ms=NOW_MS), "b", "a") == [5, 5]
    early = lot_of(OPEN, promise("c", 2, stamp_ms=NOW_MS - 1))
    assert promised(answered(early, "fair", *waiting, closes_ms=NOW_MS), "b", "a") == [4, 4]
    done = lot_of(OPEN, promise("c", 2, stamp_ms=NOW_MS))
    assert answered(done, "fair", *waiting, closes_ms=NOW_MS) == []


def test_a_share_of_nothing_is_no_promise() -> None:
    lot = lot_of(say("o", "count", quantity=1, why="opened"))
    low, high = sorted(["a", "b"], key=id_of)
    drafts = answered(lot, "fair", asked(high, 1, 1), asked(low, 1, 2), closes_ms=NOW_MS)
    assert promised(drafts, low) == [1]


def test_a_claim_is_answered_once() -> None:
    lot = lot_of(
        OPEN,
        promise("open", 1),
        say("d", "release", of="declined", why="declined"),
        promise("lapsed", 1),
        say("r", "release", of="lapsed", why="lapsed"),
        say("h", "handover", quantity=1, claim="handed over"),
    )
    waiting = [asked(claim, 1) for claim in ("open", "declined", "lapsed", "handed over", "new")]
    assert promised(answered(lot, "first", *waiting), "new") == [1]


def test_what_is_drafted_stands_in_its_chain() -> None:
    for rule in ("first", "fair"):
        lot = lot_of(OPEN)
        for number, draft in enumerate(answered(lot, rule, asked("a", 9), asked("b", 9, 2), closes_ms=NOW_MS)):
            assert draft.head_facts == {"verb": "promise", **draft.facts}
            stands(lot, say(f"drafted {number}", **draft.head_facts))
        assert lot.total.free == 0


def over(lot: LotChain) -> list[LotChain]:
    """The same lot, closed, ended, and gone on with by a newer version."""
    closed, ended, newer = LotChain(), LotChain(), LotChain()
    stands(closed, OPEN, say("x", "close"))
    stands(ended, OPEN, promise("p", 1))
    ended.end(EndReason.FORKED)
    told(newer, OPEN, promise("p", 1), say("u", "barter"))
    return [closed, ended, newer]


def test_nothing_is_written_in_a_chain_that_is_over_or_newer() -> None:
    for lot in over(lot_of(OPEN)):
        assert answered(lot, "first", asked("a", 1)) == []
        assert lapsed(lot, {id_of("promise p"): HOLD_MIN}) == []


def test_a_chain_that_is_nearly_full_promises_only_what_it_can_settle() -> None:
    lot = lot_of(OPEN)
    waiting = [asked(f"c{number}", 1, number) for number in range(5)]
    lot.seq = STEPS_MAX - 10
    assert len(answered(lot, "first", *waiting)) == 3
    lot.seq = STEPS_MAX - 3
    assert answered(lot, "first", *waiting) == []
    held = lot_of(OPEN, promise("a", 1))
    held.seq = STEPS_MAX - 5
    assert answered(held, "first", *waiting) == []
    assert len(lapsed(held, {id_of("promise a"): HOLD_MIN})) == 1
    held.seq = STEPS_MAX
    assert lapsed(held, {id_of("promise a"): HOLD_MIN}) == []


# --- Lapses and cancels


def test_a_hold_ends_with_the_minutes_it_was_powered_for() -> None:
    lot = lot_of(OPEN, promise("a", 1), promise("b", 1), promise("c", 1), say("r", "release", of="c", why="cancelled"))
    powered = {id_of("promise a"): HOLD_MIN, id_of("promise b"): HOLD_MIN - 1, id_of("promise c"): HOLD_MIN}
    assert lapsed(lot, powered) == [
        Draft(thread_of("l"), Verb.RELEASE, {"of": id_of("promise a"), "why": "lapsed"}),
    ]
    assert lapsed(lot, {}) == []


ENDED = LotChain()
ENDED.end(EndReason.WITHDRAWN)
HANDED = lot_of(OPEN, say("h", "handover", quantity=4, claim="a"))
HANDED.end(EndReason.FORKED)
CHANGED_MIND = lot_of(
    OPEN,
    promise("a", 4),
    say("r", "release", of="a", why="declined"),
    say("q", "promise", claim="a", quantity=1, hold=1),
)
# The lot that the claim names, for how long it has waited, and whether it is given up.
WAITS: list[tuple[str, LotChain | None, int, bool]] = [
    ("not here, and short", None, 1, False),
    ("not here, and long", None, HOLD_MIN, True),
    ("no answer yet", lot_of(OPEN), HOLD_MIN - 1, False),
    ("no answer", lot_of(OPEN), HOLD_MIN, True),
    ("promised", lot_of(OPEN, promise("a", 1)), HOLD_MIN, False),
    ("promised again", CHANGED_MIND, HOLD_MIN, False),
    ("declined", lot_of(OPEN, say("r", "release", of="a", why="declined")), 0, True),
    ("lapsed", lot_of(OPEN, promise("a", 1), say("r", "release", of="a", why="lapsed")), 0, True),
    ("taken back", lot_of(OPEN, promise("a", 1), say("r", "release", of="a", why="cancelled")), 0, True),
    ("ended", ENDED, 0, True),
    ("closed", lot_of(OPEN, say("x", "close")), 0, True),
    ("handed over, and ended since", HANDED, HOLD_MIN, False),
]  # fmt: skip


@pytest.mark.parametrize(("lot", "waited", "given"), [case[1:] for case in WAITS], ids=[case[0] for case in WAITS])
def test_a_claim_is_given_up_when_nothing_will_come_of_it(lot: LotChain | None, waited: int, given: bool) -> None:
    lots: Mapping[bytes, LotChain | None] = {thread_of("l"): lot}
    drafts = given_up(need_of(COUNT, CLAIM), {id_of("a"): waited}, HOLD_MIN, lots)
    assert drafts == ([Draft(thread_of("n"), Verb.CANCEL, {"of": id_of("a")})] if given else [])


def test_a_claim_that_is_settled_is_not_given_up() -> None:
    need = need_of(COUNT, CLAIM, say("r", "receive", of="a", how="ok", quantity=4))
    assert given_up(need, {id_of("a"): HOLD_MIN}, HOLD_MIN, {}) == []


def test_a_need_that_is_over_cancels_nothing() -> None:
    need = need_of(COUNT, CLAIM)
    need.end(EndReason.RESTORED)
    assert given_up(need, {id_of("a"): HOLD_MIN}, HOLD_MIN, {}) == []


# --- After a restore


def test_after_a_restore_every_thread_with_steps_ends_and_is_counted_anew() -> None:
    lot = lot_of(OPEN, promise("a", 3), say("h", "handover", quantity=2), say("s", "allot", hub="hub", quantity=1))
    need = need_of(COUNT, CLAIM, say("r", "receive", of="a", how="short", quantity=3))
    closed, ended = lot_of(OPEN, say("x", "close")), lot_of(OPEN)
    ended.end(EndReason.WITHDRAWN)
    chains = {b"d": closed, b"a": lot, b"b": need, b"e": ended, b"c": NeedChain()}
    assert after_restore(chains) == [Anew(b"a", {None: 7}), Anew(b"b", {None: 7}), Anew(b"d", {})]


def test_after_a_restore_an_offer_without_steps_is_ended_too_for_it_may_have_promised_since_the_backup() -> None:
    assert after_restore({b"a": LotChain()}) == [Anew(b"a", {})]
