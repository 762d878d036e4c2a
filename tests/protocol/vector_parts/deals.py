"""Vectors of D3 to D10: what a chain allows, the state of a deal, fair shares. (D1 and D2: `steps`.)"""

from collections.abc import Callable
from typing import Any

from protocol.vector_parts.composing import Fields, Made, seal, vector
from protocol.vector_parts.steps import (
    CLAIM_ID,
    MOST,
    OFFER,
    OTHER_ID,
    Said,
    body_for,
    claimed,
    needed,
    opened,
    promised,
    said,
)
from protocol.vector_parts.world import HUB, OTHER_HUB, post, step_fields

NEED = post(kind=16)
_Name = str


def _told(register: Made, *steps: tuple[_Name, Said]) -> list[Made]:
    """A chain of records; facts that name a step here by its name get its id."""
    made: dict[_Name, Made] = {}
    before: Made | None = None
    for seq, (name, facts) in enumerate(steps, 1):
        meant = dict(facts)
        if meant.get("of") in made:
            meant["of"] = made[meant["of"]].id
        before = seal(step_fields(register, seq, before, kind=128, facts=meant), [HUB], body_for(facts))
        made[name] = before
    return list(made.values())


def _chain(
    register: Made,
    rule: str,
    name: str,
    *facts: Said,
    error: str | None = None,
    accounts: Any = None,
    at: list[int] | None = None,
    ended: str | None = None,
) -> Fields:
    """The last of these steps is judged. Each is named by its verb, a second one of a kind by verb and number.

    Afterwards the chain has these accounts, or one `at` these numbers.
    """
    names: list[str] = []
    for one in facts:
        count = sum(taken.rstrip("0123456789") == one["verb"] for taken in names)
        names.append(one["verb"] + (str(count + 1) if count else ""))
    *steps, last = _told(register, *zip(names, facts, strict=True))
    more: Fields = {"kind": register.fields["kind"], "steps": [step.wire for step in steps]}
    if ended is not None:
        more["ended"] = ended
    if at is not None:
        accounts = [[None, *at]]
    if accounts is not None:
        more["expect"] = {"accounts": accounts}
    return vector(rule, name, "chain", last.wire, error=error, **more)


def _lot(rule: str, name: str, *facts: Said, **more: Any) -> Fields:
    return _chain(OFFER, rule, name, *facts, **more)


def _need(rule: str, name: str, *facts: Said, **more: Any) -> Fields:
    return _chain(NEED, rule, name, *facts, **more)


HELD = (opened(10), promised(4))
ASKED = (needed(9), claimed(4))
ALLOT = said("allot", hub=OTHER_HUB.public, quantity=10)
RETURN = said("give_back", of="claim", quantity=4)
KEEP = said("handover", of="promise", quantity=4)
LAPSE = said("release", of="promise", why="lapsed")
CONTACT = said("contact", of="promise")
CLOSE = said("close")
FOUND = said("count", quantity=1, why="found")
BACK = said("count", quantity=2, why="given_back", of=CLAIM_ID)
CANCEL = said("cancel", of="claim")


def lost(quantity: int) -> Said:
    """A count of what is gone."""
    return said("count", quantity=-quantity, why="lost")


def _release(why: str) -> Said:
    return said("release", of=CLAIM_ID, why=why)


def _hand(quantity: int, **more: Any) -> Said:
    return said("handover", quantity=quantity, **more)


def _many(count: Callable[..., Said]) -> list[Said]:
    """Counts of 1,040 dates, 52 at once."""
    return [count(1, dates=[*range(at, at + 52)]) for at in range(0, 1_040, 52)]


def _received(quantity: int, how: str = "ok", of: Any = "claim") -> Said:
    return said("receive", of=of, how=how, quantity=quantity)


def _judging() -> list[Fields]:
    beyond = said("promise", claim=OTHER_ID, quantity=11, hold=1)
    return [
        _lot("D3", "a first count", opened(10), at=[10, 0, 0, 0, 0]),
        _lot("D3", "what is invalid is skipped", opened(10), beyond, promised(10), at=[10, 10, 0, 0, 0]),
        _lot("D3", "a promise before a first count", promised(1), error="not_opened", accounts=[]),
        _lot("D3", "a close before a first count", CLOSE, error="not_opened"),
        _need("D3", "a claim before a first count", claimed(1), error="not_opened"),
        _lot("D3", "found on a date without a first count", opened(1), FOUND | {"date": 5}, error="not_opened"),
        _lot("D3", "a verb of needs on a lot", opened(1), said("cancel", of=CLAIM_ID), error="wrong_chain"),
        _lot("D3", "a count of needs on a lot", opened(1), needed(1), error="wrong_chain"),
        _need("D3", "a verb of lots on a need", needed(1), promised(1), error="wrong_chain"),
        _need("D3", "a count of lots on a need", needed(1), opened(1), error="wrong_chain"),
        _lot("D3", "a verb that is not known", opened(1), said("barter"), error="newer"),
        _lot(
            "D3",
            "whatever comes after it",
            opened(9),
            said("barter"),
            promised(1),
            error="newer",
            at=[9, 0, 0, 0, 0],
        ),
    ]


def _stock() -> list[Fields]:
    two = opened(10, dates=[5, 6])
    return [
        _lot("D4", "two dates at once", two, accounts=[[5, 10, 0, 0, 0, 0], [6, 10, 0, 0, 0, 0]]),
        _lot("D4", "another date later", two, opened(1, date=7)),
        _lot("D4", "opened twice", opened(1), opened(1), error="opened_already"),
        _lot("D4", "one date of two opened twice", two, opened(1, dates=[6, 7]), error="opened_already"),
        _lot("D4", "set aside", opened(10), ALLOT, at=[10, 0, 10, 0, 0]),
        _lot("D4", "more set aside than is free", opened(10), promised(1), ALLOT, error="not_free"),
        _lot("D4", "surrendered", opened(10), said("surrender", quantity=10), at=[10, 0, 0, 0, 10]),
        _lot("D4", "more surrendered than is free", opened(10), said("surrender", quantity=11), error="not_free"),
        _lot("D4", "lost", *HELD, lost(6), at=[4, 4, 0, 0, 0]),
        _lot("D4", "lost, of what is promised", *HELD, lost(7), error="not_free"),
        _lot("D4", "counted once, when given back", opened(10), BACK, at=[12, 0, 0, 0, 0]),
        _lot("D4", "counted twice", opened(10), BACK, BACK, error="counted_already"),
        _lot("D4", "as much as can be counted", opened(MOST - 1), FOUND),
        _lot("D4", "more than can be counted", opened(MOST), FOUND, error="too_much"),
        _lot("D4", "more dates than a chain has room for", *_many(opened), error="too_much"),
    ]  # fmt: skip


def _promises() -> list[Fields]:
    again = promised(1)
    return [
        _lot("D5", "a promise", opened(10), promised(10), at=[10, 10, 0, 0, 0]),
        _lot("D5", "more than is free", *HELD, promised(7, OTHER_ID), error="not_free"),
        _lot("D5", "more than its date has", opened(4, dates=[5, 6]), promised(5, date=5), error="not_free"),
        _lot("D5", "twice at once", *HELD, again, error="promised_already"),
        _lot("D5", "again after a release", *HELD, LAPSE, promised(10)),
        _lot("D5", "again after a handover", *HELD, KEEP, promised(6)),
        _lot("D5", "a handover, and the rest is free", *HELD, KEEP | {"quantity": 1}, at=[10, 0, 0, 1, 0]),
        _lot("D5", "more than was promised", *HELD, KEEP | {"quantity": 5}, error="more_than_promised"),
        _lot("D5", "a handover of a promise that is over", *HELD, LAPSE, KEEP, error="promise_over"),
        _lot("D5", "a handover of nothing", opened(10), _hand(1, of=CLAIM_ID), error="no_such_promise"),
        _lot("D5", "a handover from free stock", *HELD, _hand(6)),
        _lot("D5", "a handover of more than is free", *HELD, _hand(7), error="not_free"),
        _lot("D5", "a handover beside the promise", *HELD, _hand(1, claim=CLAIM_ID), error="promised_already"),
        _lot("D5", "a release", *HELD, LAPSE, at=[10, 0, 0, 0, 0]),
        _lot("D5", "a release by the claim", *HELD, _release("cancelled"), at=[10, 0, 0, 0, 0]),
        _lot("D5", "a release of a promise that is over", *HELD, KEEP, LAPSE, error="promise_over"),
        _lot("D5", "a claim whose promise is over, lapsed", *HELD, KEEP, _release("lapsed"), error="promise_over"),
        _lot("D5", "a claim that was never promised, declined", opened(10), _release("declined")),
        _lot("D5", "a claim that was never promised, lapsed", opened(10), _release("lapsed"), error="no_such_promise"),
    ]  # fmt: skip


def _contacts_and_closes() -> list[Fields]:
    return [
        _lot("D6", "contact about a promise", *HELD, CONTACT),
        _lot("D6", "contact about a promise that is over", *HELD, KEEP, CONTACT),
        _lot("D6", "contact about a claim of others", opened(9), said("contact", of=CLAIM_ID), error="no_such_promise"),
        _need("D6", "contact about a claim", *ASKED, said("contact", of="claim")),
        _need("D6", "contact about no claim", needed(9), said("contact", of=CLAIM_ID), error="no_such_claim"),
        _lot("D6", "closed", *HELD, KEEP, CLOSE),
        _lot("D6", "closed with a promise open", *HELD, CLOSE, error="still_promised"),
        _need("D6", "closed with a claim open", *ASKED, CLOSE, error="still_asked"),
        _lot("D6", "closed twice", opened(9), CLOSE, CLOSE, error="closed"),
        _lot("D6", "found after the close", opened(9), CLOSE, FOUND, error="closed"),
        _need("D6", "arrived after the close", *ASKED, CANCEL, CLOSE, _received(1), error="closed"),
        _need("D6", "given back after the close", *ASKED, _received(4), CLOSE, RETURN),
    ]  # fmt: skip


def _needs() -> list[Fields]:
    return [
        _need("D7", "two dates at once", needed(9, dates=[5, 6]), accounts=[[5, 9, 0, 0], [6, 9, 0, 0]]),
        _need("D7", "a later count replaces", *ASKED, needed(4), at=[4, 4, 0]),
        _need("D7", "a later count below what is asked for", *ASKED, needed(3), error="below_asked"),
        _need("D7", "a later count below what arrived", *ASKED, _received(4), needed(3), error="below_asked"),
        _need("D7", "more dates than a chain has room for", *_many(needed), error="too_much"),
        _need("D7", "two claims", *ASKED, claimed(5), at=[9, 9, 0]),
        _need("D7", "more than is needed", *ASKED, claimed(6), error="more_than_needed"),
        _need("D7", "cancelled", *ASKED, CANCEL, at=[9, 0, 0]),
        _need("D7", "cancelled twice", *ASKED, CANCEL, CANCEL, error="claim_over"),
        _need("D7", "a cancel of nothing", needed(9), said("cancel", of=CLAIM_ID), error="no_such_claim"),
        _need("D7", "arrived", *ASKED, _received(4), at=[9, 0, 4]),
        _need("D7", "arrived short", *ASKED, _received(1, "short"), at=[9, 0, 1]),
        _need("D7", "arrived, and nothing good", *ASKED, _received(0, "bad"), at=[9, 0, 0]),
        _need("D7", "more arrived than asked for", *ASKED, _received(5), error="more_than_claimed"),
        _need("D7", "arrived twice", *ASKED, _received(4), _received(4), error="claim_over"),
        _need("D7", "arrived of nothing", needed(9), _received(1, of=CLAIM_ID), error="no_such_claim"),
        _need("D7", "arrived though cancelled", *ASKED, CANCEL, _received(4), at=[9, 0, 4]),
        _need("D7", "cancelled, asked, arrived", *ASKED, CANCEL, claimed(6), _received(4), error="more_than_needed"),
        _need("D7", "given back", *ASKED, _received(4), RETURN),
        _need("D7", "more given back than arrived", *ASKED, _received(3), RETURN, error="more_than_received"),
        _need("D7", "a return of nothing", needed(9), RETURN | {"of": CLAIM_ID}, error="no_such_claim"),
    ]  # fmt: skip


def _ends() -> list[Fields]:
    return [
        _lot("D8", "a promise on a chain that was withdrawn", *HELD, ended="withdrawn", error="void"),
        _lot("D8", "a promise on a chain that forked above", *HELD, ended="forked", error="void"),
        _need("D8", "a claim on a chain that has expired", *ASKED, ended="expired", error="void"),
        _lot("D8", "what was handed over stays", *HELD, KEEP, ended="restored", at=[10, 0, 0, 4, 0]),
        _need("D8", "what arrived stays", *ASKED, _received(4), ended="void", at=[9, 0, 4]),
    ]  # fmt: skip


# --- Deals

_STATES: list[tuple[list[str], str]] = [
    ([], "void"),
    (["asked"], "asked"),
    (["asked", "promised"], "promised"),
    (["asked", "declined"], "declined"),
    (["asked", "lapsed"], "lapsed"),
    (["asked", "taken_back"], "taken_back"),
    (["asked", "handed_over"], "handed_over"),
    (["asked", "cancelled"], "cancelled"),
    (["asked", "cancelled", "promised"], "cancelled"),
    (["asked", "cancelled", "handed_over"], "crossed"),
    (["asked", "cancelled", "received"], "arrived"),
    (["asked", "received"], "arrived"),
    (["asked", "promised", "received", "lot_ended"], "arrived"),
    (["asked", "received_short"], "arrived_short"),
    (["asked", "received_bad", "is_loan"], "arrived_bad"),
    (["asked", "received", "is_loan"], "lent"),
    (["asked", "received_short", "is_loan", "lot_ended", "need_ended"], "lent"),
    (["asked", "received", "is_loan", "given_back"], "given_back"),
    (["asked", "received", "is_loan", "given_back", "counted_back"], "returned"),
    (["asked", "handed_over", "is_loan", "counted_back"], "returned"),
    (["asked", "promised", "lot_ended"], "void"),
    (["asked", "promised", "need_ended"], "void"),
    (["asked", "lot_ended"], "void"),
    (["asked", "need_ended"], "void"),
    (["asked", "declined", "lot_ended"], "declined"),
    (["asked", "handed_over", "lot_ended", "need_ended"], "handed_over"),
]
_WRONG_STATES = [
    (["asked", "cancelled", "handed_over"], "cancelled"),
    (["asked", "promised", "lot_ended"], "promised"),
    (["asked", "cancelled", "promised"], "promised"),
]
_SHARED: list[tuple[str, int, dict[bytes, int], dict[bytes, int]]] = [
    ("enough for all", 10, {b"\1": 3, b"\2": 4}, {b"\1": 3, b"\2": 4}),
    ("equal parts", 10, {b"\1": 9, b"\2": 8}, {b"\1": 5, b"\2": 5}),
    ("who asks for little gets it", 10, {b"\1": 9, b"\2": 2, b"\3": 9}, {b"\1": 4, b"\2": 2, b"\3": 4}),
    ("the rest, one each, to the lowest", 6, {b"\1": 1, b"\2": 9, b"\3": 9}, {b"\1": 1, b"\2": 3, b"\3": 2}),
    ("fewer parts than claims", 2, {b"\1": 1, b"\2": 1, b"\3": 1}, {b"\1": 1, b"\2": 1, b"\3": 0}),
]


def _deals() -> list[Fields]:
    made = [vector("D9", " ".join(marks) or "nothing", "deal", state, marks=marks) for marks, state in _STATES]
    return made + [
        vector("D9", f"{' '.join(marks)} is not {state}", "deal", state, error="different", marks=marks)
        for marks, state in _WRONG_STATES
    ]


def _shares() -> list[Fields]:
    def share(name: str, total: int, asked: dict[bytes, int], gets: dict[bytes, int], error: str | None) -> Fields:
        given = [total, *([claim, asks] for claim, asks in asked.items())]
        result = [[claim, part] for claim, part in gets.items()]
        return vector("D10", name, "derive", result, error=error, function="fair_shares", arguments=given)

    wrong = share("the rest to the highest", 5, {b"\1": 9, b"\2": 9}, {b"\1": 2, b"\2": 3}, "different")
    return [*(share(*one, None) for one in _SHARED), wrong]


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [
        *_judging(),
        *_stock(),
        *_promises(),
        *_contacts_and_closes(),
        *_needs(),
        *_ends(),
        *_deals(),
        *_shares(),
    ]
