"""Vectors of D11, D12: a shelf is nearly empty, and flags. (D1 and D2: `steps`; D3 to D10: `deals`.)"""

from collections.abc import Callable
from typing import Any

from protocol.vector_parts.composing import DAY_MS, STAMP, Fields, Made, seal
from protocol.vector_parts.governance import LEFT_OUT, changed, says
from protocol.vector_parts.records import bad, good
from protocol.vector_parts.world import HUB, MEMBER, OTHER_HUB, PARTNER, fields_of, post

SHELF = post(kind=17, facts={"level": "some", "level_at": STAMP})
LOW_FACTS: dict[str, Any] = {"what": "low", "level_at": STAMP, "count": 3}
WRONG_LOW: dict[str, list[Any]] = {
    "level_at": [None, -1, True, "now"],
    "count": [None, 0, 1_000_001, True, "3"],
    "approx": [None, False, 1],
}


REASONS = ("unsafe", "false", "spam", "rude", "private", "other")
FLAG_FACTS: dict[str, Any] = {"what": "flag", "why": "unsafe"}
FLAG_BODY: dict[str, Any] = {"text": {"en": "The tins are bulging."}}
WRONG_FLAG: dict[str, list[Any]] = {
    "why": [LEFT_OUT, None, "", "Unsafe", "ugly", True, 1, b"unsafe", ["unsafe"]],
    "approx": [None, False, 1],
}
WRONG_TEXTS: list[Any] = [
    None,
    "a",
    {"en": ""},
    {"en": "a" * 481},
    {"en": 1},
    {"EN": "a"},
    {f"a{letter}": "a" for letter in "bcdefghij"},
]


def low_fields(**changes: Any) -> Fields:
    """The fields of such a mark that lasts as long as one may."""
    usual: Fields = {"subject": SHELF.thread, "facts": LOW_FACTS, "expires": STAMP + 7 * DAY_MS}
    return fields_of(HUB, 34, **(usual | changes))


def low(**changes: Any) -> Made:
    """A signed one."""
    return seal(low_fields(**changes), [HUB])


def flag_fields(**changes: Any) -> Fields:
    """The fields of a flag that lasts as long as one may."""
    usual: Fields = {"subject": SHELF.thread, "facts": FLAG_FACTS, "expires": STAMP + 90 * DAY_MS}
    return fields_of(OTHER_HUB, 34, **(usual | changes))


def flag(body: Any = FLAG_BODY, **changes: Any) -> Made:
    """A signed one."""
    return seal(flag_fields(**changes), [OTHER_HUB], body)


# What partner networks may not read, for whichever audience of theirs.
WRONG_ABROAD: dict[str, Callable[[str | bytes], Made]] = {
    "a shelf that is nearly empty": lambda audience: low(audience=audience),
    "another mark": lambda audience: low(audience=audience, facts={"what": "me-too"}),
    "a mark that says nothing": lambda audience: low(audience=audience, facts={}),
    "how many people": lambda audience: flag(audience=audience, facts=FLAG_FACTS | {"count": 3}),
    "a flag of a hub": lambda audience: flag(audience=audience, subject=HUB.public),
}


def vectors() -> list[Fields]:
    """All vectors of these rules."""
    return [*_low(), *_flag()]


def _low() -> list[Fields]:
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


def _flag() -> list[Fields]:
    ended = FLAG_FACTS | {"ends": True}
    made = [
        *(good("D12", f"of a post: {why}", flag(facts=FLAG_FACTS | {"why": why})) for why in REASONS),
        good("D12", "of a hub", flag(subject=HUB.public)),
        good("D12", "by a member", seal(flag_fields() | {"author": MEMBER.public}, [MEMBER], FLAG_BODY)),
        good("D12", "without a body", flag(None)),
        good("D12", "nothing in its body", flag({})),
        good("D12", "no text", flag({"text": {}})),
        good("D12", "as long as a text may be", flag({"text": {"en": "a" * 480, "ht": "b"}})),
        good("D12", "a body of a later version", flag(FLAG_BODY | {"zz": 1})),
        good("D12", "a fact of a later version", flag(facts=FLAG_FACTS | {"zz": b"z"})),
        good("D12", "dates that are about right only", flag(facts=FLAG_FACTS | {"approx": True})),
        good("D12", "taken back", flag(None, facts=ended)),
        good("D12", "taken back, without a reason", flag(None, facts={"what": "flag", "ends": True})),
        bad("D12", "taken back, with a wrong reason", flag(None, facts=ended | {"why": "ugly"})),
        bad("D12", "for more than 90 days", flag(expires=STAMP + 90 * DAY_MS + 1)),
        bad("D12", "of nothing", flag(subject=b"")),
        bad("D12", "of neither a post nor a key", flag(subject=bytes(20))),
        bad("D12", "of a key that is not strict", flag(subject=b"\x01" + bytes(31))),
        bad("D12", "with fixed fields", flag(fixed=["water"])),
    ]
    for audience, whom in (("partners", "partner networks"), (PARTNER, "one of them")):
        made += [
            good("D12", f"for {whom}", flag(audience=audience)),
            good("D12", f"taken back for {whom}", flag(None, facts=ended, audience=audience)),
            *(bad("D12", f"{name} for {whom}", one(audience)) for name, one in WRONG_ABROAD.items()),
        ]
    for name, values in WRONG_FLAG.items():
        made += [bad("D12", says(name, value), flag(facts=changed(FLAG_FACTS, name, value))) for value in values]
    return made + [bad("D12", says("text", value), flag({"text": value})) for value in WRONG_TEXTS]
