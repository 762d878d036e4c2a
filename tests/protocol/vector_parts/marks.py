"""Vectors of D11: marks that say of an open shelf that it is nearly empty. (D1 and D2: `steps`; D3 to D10: `deals`.)"""

from typing import Any

from protocol.vector_parts.composing import DAY_MS, STAMP, Fields, Made, seal
from protocol.vector_parts.governance import changed, says
from protocol.vector_parts.records import bad, good
from protocol.vector_parts.world import HUB, fields_of, post

SHELF = post(kind=17, facts={"level": "some", "level_at": STAMP})
LOW_FACTS: dict[str, Any] = {"what": "low", "level_at": STAMP, "count": 3}
WRONG_LOW: dict[str, list[Any]] = {
    "level_at": [None, -1, True, "now"],
    "count": [None, 0, 1_000_001, True, "3"],
    "approx": [None, False, 1],
}


def low_fields(**changes: Any) -> Fields:
    """The fields of such a mark that lasts as long as one may."""
    usual: Fields = {"subject": SHELF.thread, "facts": LOW_FACTS, "expires": STAMP + 7 * DAY_MS}
    return fields_of(HUB, 34, **(usual | changes))


def low(**changes: Any) -> Made:
    """A signed one."""
    return seal(low_fields(**changes), [HUB])


def vectors() -> list[Fields]:
    """All vectors of this rule."""
    made = [
        good("D11", "three people said so", low()),
        good("D11", "nothing but that", low(facts={"what": "low"})),
        good("D11", "dates that are about right only", low(facts=LOW_FACTS | {"approx": True})),
        good("D11", "a fact of a later version", low(facts=LOW_FACTS | {"zz": b"z"})),
        good("D11", "for its own hub", low(audience="hub")),
        good("D11", "an end", low(facts={"ends": True})),
        good(
            "D11", "another mark has no rules yet", low(facts={"what": "me-too", "count": 0}, fixed=["a"], subject=b"")
        ),
        good("D11", "another mark lasts longer", low(facts={"what": "join"}, expires=STAMP + 90 * DAY_MS)),
        good("D11", "another mark has a body", seal(low_fields(facts={"what": "join"}), [HUB], {"text": "a"})),
        bad("D11", "for more than 7 days", low(expires=STAMP + 7 * DAY_MS + 1)),
        bad("D11", "of a key", low(subject=HUB.public)),
        bad("D11", "of nothing", low(subject=b"")),
        bad("D11", "with fixed fields", low(fixed=["water"])),
        bad("D11", "with a body", seal(low_fields(), [HUB], {"text": "a"})),
    ]
    for name, values in WRONG_LOW.items():
        made += [bad("D11", says(name, value), low(facts=changed(LOW_FACTS, name, value))) for value in values]
    return made
