"""Vectors of D1 and D2: what a step may look like. Facts, right and wrong, which the tests of steps use too."""

from typing import Any

from protocol.vector_parts.composing import STAMP, Fields, Made, digest, seal, vector
from protocol.vector_parts.governance import LEFT_OUT, changed, says
from protocol.vector_parts.records import bad, good
from protocol.vector_parts.world import HUB, OTHER_HUB, post, step_fields

OFFER = post(kind=17)
CLAIM_ID, OTHER_ID = digest("nonce", b"claim"), digest("nonce", b"other claim")
MOST = 10**12
BOX = {"box": bytes(range(49))}
Said = dict[str, Any]


def said(verb: str, **facts: Any) -> Said:
    """The facts of a step."""
    return {"verb": verb, **facts}


def opened(quantity: int, **more: Any) -> Said:
    """The first count of a lot."""
    return said("count", quantity=quantity, why="opened", **more)


def needed(quantity: int, **more: Any) -> Said:
    """A count of a need."""
    return said("count", quantity=quantity, why="needed", **more)


def promised(quantity: int, claim: bytes = CLAIM_ID, **more: Any) -> Said:
    """A promise that holds for two days."""
    return said("promise", claim=claim, quantity=quantity, hold=2_880, **more)


def claimed(quantity: int, **more: Any) -> Said:
    """A claim on the offer."""
    return said("claim", lot=OFFER.thread, quantity=quantity, asks=quantity, **more)


_ID, _DATE = [None, bytes(31), bytes(33), "a" * 32], [None, -1, "now", [STAMP]]
_SOME: list[Any] = [LEFT_OUT, None, 0, -1, MOST + 1, True, "1"]
_ALL: dict[str, tuple[Said, dict[str, list[Any]]]] = {
    "count": (
        said("count", quantity=5, why="given_back", of=CLAIM_ID, date=STAMP),
        {
            "quantity": _SOME,
            "why": [LEFT_OUT, None, "stolen", "declined"],
            "of": _ID,
            "date": _DATE,
            "dates": [[STAMP]],
        },
    ),
    "promise": (
        promised(3, date=STAMP),
        {"claim": [LEFT_OUT, *_ID], "quantity": _SOME, "hold": [LEFT_OUT, None, 0, 20_161, "48h"], "date": _DATE},
    ),
    "allot": (
        said("allot", hub=OTHER_HUB.public, quantity=3, date=STAMP),
        {"hub": [LEFT_OUT, None, bytes(32), OTHER_HUB.public[:31], "a" * 32], "quantity": _SOME, "date": _DATE},
    ),
    "release": (said("release", of=CLAIM_ID, why="lapsed"), {"of": [LEFT_OUT, *_ID], "why": [LEFT_OUT, None, "lost"]}),
    "handover": (
        said("handover", quantity=3, claim=CLAIM_ID, date=STAMP),
        {"quantity": _SOME, "claim": _ID, "date": _DATE, "of": _ID},
    ),
    "surrender": (said("surrender", quantity=3, date=STAMP), {"quantity": _SOME, "date": _DATE}),
    "claim": (
        claimed(4, date=STAMP, lot_date=STAMP),
        {
            "lot": [LEFT_OUT, None, bytes(15), bytes(32)],
            "quantity": _SOME,
            "asks": _SOME,
            "date": _DATE,
            "lot_date": _DATE,
        },
    ),
    "cancel": (said("cancel", of=CLAIM_ID), {"of": [LEFT_OUT, *_ID]}),
    "receive": (
        said("receive", of=CLAIM_ID, how="short", quantity=0),
        {"of": [LEFT_OUT, *_ID], "how": [LEFT_OUT, None, "late"], "quantity": [LEFT_OUT, None, -1, MOST + 1, "1"]},
    ),
    "give_back": (said("give_back", of=CLAIM_ID, quantity=3), {"of": [LEFT_OUT, *_ID], "quantity": _SOME}),
    "contact": (said("contact", of=CLAIM_ID), {"of": [LEFT_OUT, *_ID]}),
    "close": (said("close"), {}),
}
GOOD_FACTS: dict[str, list[Said]] = {
    verb: [facts] for verb, (facts, _) in _ALL.items()
} | {
    "counts": [
        opened(0),
        opened(MOST, date=0),
        opened(7, dates=list(range(52))),
        needed(0, dates=[STAMP]),
        *(said("count", quantity=1, why=why) for why in ("found", "restocked", "given_back")),
        said("count", quantity=1, why="surrendered", of=CLAIM_ID),
        said("count", quantity=-MOST, why="lost"),
    ],
    "without what may be left out": [
        promised(1) | {"hold": 20_160},
        promised(MOST) | {"hold": 1},
        said("handover", quantity=1),
        said("handover", quantity=1, of=CLAIM_ID),
        claimed(1),
        said("receive", of=CLAIM_ID, how="bad", quantity=0),
    ],
    "verbs that are not known": [said("barter", quantity=None), said("a"), said("_" * 16)],
}  # fmt: skip
WRONG_FACTS: dict[str, list[tuple[str, Said]]] = {
    verb: [(name, changed(facts, name, value)) for name, values in wrong.items() for value in values]
    for verb, (facts, wrong) in _ALL.items()
    if wrong
} | {
    "verbs": [("verb", {"verb": value}) for value in (None, "", "a" * 17, "Count", "give-back", "verb1", b"count", 1)]
    + [("verb", {})],
    "counts": [
        ("quantity", opened(-1)),
        ("quantity", needed(-1)),
        ("quantity", said("count", quantity=0, why="found")),
        ("quantity", said("count", quantity=0, why="lost")),
        ("quantity", said("count", quantity=1, why="lost")),
        ("quantity", said("count", quantity=-MOST - 1, why="lost")),
        ("of", said("count", quantity=1, why="surrendered")),
        ("dates", opened(1, dates=[])),
        ("dates", opened(1, dates=[2, 2])),
        ("dates", opened(1, dates=[2, 1])),
        ("dates", opened(1, dates=list(range(53)))),
        ("dates", opened(1, dates=5)),
        ("dates", opened(1, dates=[1], date=2)),
        ("dates", said("count", quantity=1, why="found", dates=[1])),
    ],
    "handovers": [
        ("claim", said("handover", quantity=1, of=CLAIM_ID, claim=OTHER_ID)),
        ("date", said("handover", quantity=1, of=CLAIM_ID, date=STAMP)),
    ],
}


def body_for(facts: Said) -> dict[str, Any] | None:
    """What a step with these facts has as a body."""
    return BOX if facts.get("verb") == "contact" else None


def _alone(facts: Said, body: Any = None) -> Made:
    return seal(step_fields(OFFER, 1, None, kind=128, facts=facts), [HUB], body)


def vectors() -> list[Fields]:
    """All vectors of these rules."""
    made = [
        good(
            "D1",
            f"{verb}: {', '.join(sorted(facts.keys() - {'verb'})) or 'nothing more'}",
            _alone(facts, body_for(facts)),
        )
        for verb, each in GOOD_FACTS.items()
        for facts in each
    ]
    made += [
        bad("D1", f"{verb}: {says(fact, facts.get(fact, LEFT_OUT))}", _alone(facts, body_for(facts)))
        for verb, each in WRONG_FACTS.items()
        for fact, facts in each
    ]
    contact = said("contact", of=CLAIM_ID)
    return [
        *made,
        good("D2", "a contact and its box", _alone(contact, BOX)),
        good("D2", "the longest box", _alone(contact, {"box": bytes(960)})),
        vector("D2", "a contact whose box is gone", "record", _alone(contact, BOX).without_body),
        good("D2", "a body for a verb that is not known", _alone(said("barter"), {"any": 1})),
        bad("D2", "a contact without a body", _alone(contact)),
        bad("D2", "a promise with a body", _alone(promised(1), BOX)),
        bad("D2", "a close with a body", _alone(said("close"), BOX)),
        *(
            bad("D2", f"a box that is {value!r:.20}", _alone(contact, {"box": value}))
            for value in (None, bytes(48), bytes(961), "a" * 49)
        ),
    ]
