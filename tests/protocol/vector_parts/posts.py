"""Vectors of part N: needs and offers."""

from typing import Any

from protocol.vector_parts.composing import STAMP, Fields, seal
from protocol.vector_parts.governance import LEFT_OUT, changed, says
from protocol.vector_parts.records import bad, good
from protocol.vector_parts.world import HUB, NEED_FACTS, POST_BODY, post, post_fields

SENSITIVE = (
    "health.crisis",
    "health.gender",
    "health.harm-reduction",
    "health.hiv",
    "health.prescription",
    "health.reproductive",
    "legal",
    "legal.arrest",
    "legal.immigration",
    "safety",
    "safety.refuge",
)
OPEN_CATEGORIES = ("health", "water", "legalities", "food.cooked")

WRONG_FIXED: dict[int, list[Any]] = {
    0: ["", "Water", "a" * 33, "food.", ".food", "food..cooked", "1food", "food cooked", 1, b"water"],
    1: ["d7mpxy", "ABC", "ail", "d 7", 1, b"d7"],
    2: ["", "ltr", "LTRS", "L-R", 1, b"LTR"],
    3: [0, -1, 10**12 + 1, "1", b"1"],
}
WRONG_FACTS: dict[str, list[Any]] = {
    "mode": [None, "sell", "Give", 1, ["give"]],
    "urgency": [None, "panic", 3],
    "rule": [None, "lottery", True],
    "quantity": [None, 0, 10**12 + 1, True, "20"],
    "people": [None, 0, 1_000_001],
    "reach": [None, -1, 20_001],
    "best_before": [None, -1, "2026"],
    "parent": [None, bytes(15), bytes(17), "a" * 16],
    "approx": [None, False, 1, "true"],
    "closes": [None, STAMP, "soon"],  # without the rule that closes
}
WRONG_TIMES: dict[str, list[Any]] = {
    "window": [None, [], [STAMP], [STAMP, STAMP - 1], [STAMP, STAMP, STAMP], [None, STAMP], [STAMP, None], STAMP],
    "dates": [None, [], [STAMP, STAMP], [STAMP + 1, STAMP], list(range(53)), [-1], ["now"], STAMP],
}
WRONG_TEXTS: dict[str, list[Any]] = {
    "title": [
        LEFT_OUT,
        None,
        {},
        "Water",
        {"en": ""},
        {"en": "a" * 481},
        {"EN": "a"},
        {"en": 1},
        {"en": b"a"},
        {f"a{letter}": "a" for letter in "abcdefghi"},
    ],
    "text": [None, {"en": ""}, {"en": "a" * 8193}, {"english": "a"}, []],
    "source": [None, "", "a" * 241, b"a", 1],
    "repeats": [None, "", "a" * 641, b"a", 1, {"rule": "FREQ=DAILY"}],
}
REPEATS = "DTSTART;TZID=America/Santiago:20261124T180000\nRRULE:FREQ=WEEKLY;BYDAY=TU,FR;COUNT=10"
ATTRIBUTE_LISTS = ("requires", "avoids", "satisfies", "contains", "unknown")
WRONG_CODES: list[Any] = [None, {}, "diet.vegan", ["Diet"], ["a" * 33], [1], [b"a"], ["a", "a"], [[]]]


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [*_fixed(), *_facts(), *_levels(), *_bodies(), *_attributes(), *_sensitive()]


def _fixed_with(index: int, value: Any) -> list[Any]:
    fixed: list[Any] = ["water", "d7mp", "LTR", 1]
    fixed[index] = value
    return fixed


def _fixed() -> list[Fields]:
    made = [
        good("N1", "a need", post()),
        good("N1", "an offer", post(kind=17)),
        good("N1", "no area", post(fixed=_fixed_with(1, ""))),
        good("N1", "a category that no list has", post(fixed=_fixed_with(0, "food.x-tamales.2"))),
        good("N1", "an offer of what a step set aside", post(kind=17, subject=bytes(32))),
        bad("N1", "a need of what a step set aside", post(subject=bytes(32))),
        good("N1", "the finest part", post(fixed=["water", "d7mpx", "C62", 10**12])),
        bad("N1", "a subject that is no nonce", post(subject=bytes(15))),
        bad("N1", "a subject that is neither nonce nor id", post(kind=17, subject=bytes(31))),
        bad("N1", "three fixed fields", post(fixed=["water", "", "C62"])),
    ]
    for index, values in WRONG_FIXED.items():
        name = ("category", "area", "unit", "smallest part")[index]
        made += [bad("N1", says(name, value), post(fixed=_fixed_with(index, value))) for value in values]
    return made


def _facts() -> list[Fields]:
    made = [
        good("N2", "every fact", post(facts=NEED_FACTS)),
        good("N2", "no fact", post(facts={})),
        good("N2", "a fair offer and when it closes", post(kind=17, facts={"rule": "fair", "closes": STAMP})),
        bad("N2", "a fair offer that never closes", post(kind=17, facts={"rule": "fair"})),
        bad("N2", "a time to close without a rule", post(kind=17, facts={"closes": STAMP})),
        *(
            bad("N2", says("closes", value), post(facts={"rule": "fair", "closes": value}))
            for value in (None, -1, "soon", True)
        ),
        good("N2", "dates that are about right only", post(facts=NEED_FACTS | {"approx": True})),
        good("N3", "one instant", post(facts={"window": [STAMP, STAMP], "dates": [STAMP]})),
        good("N3", "52 dates", post(facts={"dates": list(range(52))})),
    ]
    for rule, table in (("N2", WRONG_FACTS), ("N3", WRONG_TIMES)):
        for name, values in table.items():
            made += [bad(rule, says(name, value), post(facts=NEED_FACTS | {name: value})) for value in values]
    return made


def _levels() -> list[Fields]:
    return [
        *(
            good("N4", f"an offer with level {level}", post(kind=17, facts={"level": level}))
            for level in ("plenty", "some", "low", "gone")
        ),
        bad("N4", "a need with a level", post(facts={"level": "some"})),
        bad("N4", "a level and a quantity", post(kind=17, facts={"level": "some", "quantity": 1})),
        *(bad("N4", says("level", value), post(kind=17, facts={"level": value})) for value in (None, "many", 1)),
        good("N4", "when the level was said", post(kind=17, facts={"level": "some", "level_at": STAMP})),
        bad("N4", "when a level was said that is not", post(kind=17, facts={"level_at": STAMP})),
        *(
            bad("N4", says("level_at", value), post(kind=17, facts={"level": "some", "level_at": value}))
            for value in (None, -1, True, "now")
        ),
    ]


def _bodies() -> list[Fields]:
    made = [
        good("N5", "title, text, source", post()),
        good(
            "N5",
            "a title alone, in a script of three bytes a character",
            seal(post_fields(), [HUB], {"title": {"zh": "水" * 160}}),
        ),
        good("N5", "a rule of repetition", seal(post_fields(), [HUB], POST_BODY | {"repeats": REPEATS})),
        good("N5", "a rule that nobody can read", seal(post_fields(), [HUB], POST_BODY | {"repeats": "a" * 640})),
        bad("N5", "no body", seal(post_fields(), [HUB])),
    ]
    for name, values in WRONG_TEXTS.items():
        made += [
            bad("N5", says(name, value), seal(post_fields(), [HUB], changed(POST_BODY, name, value)))
            for value in values
        ]
    return made


def _attributes() -> list[Fields]:
    many = [f"a.{number}" for number in range(32)]
    made = [
        good("N6", f"32 codes in {name}", seal(post_fields(), [HUB], POST_BODY | {name: many}))
        for name in ATTRIBUTE_LISTS
    ]
    made += [
        bad("N6", f"33 codes in {name}", seal(post_fields(), [HUB], POST_BODY | {name: [*many, "b"]}))
        for name in ATTRIBUTE_LISTS
    ]
    for value in WRONG_CODES:
        made.append(bad("N6", says("requires", value), seal(post_fields(), [HUB], POST_BODY | {"requires": value})))
    return made


def _sensitive() -> list[Fields]:
    made = []
    for code in (*SENSITIVE, "legal.x-court", "health.hiv.x-test"):
        made.append(good("N7", f"{code} for its own hub", post(fixed=_fixed_with(0, code), audience="hub")))
        made += [
            bad("N7", f"{code} for {audience!r:.12}", post(fixed=_fixed_with(0, code), audience=audience))
            for audience in ("network", "partners", bytes(16))
        ]
    made += [good("N7", f"{code} is not sensitive", post(fixed=_fixed_with(0, code))) for code in OPEN_CATEGORIES]
    return made
