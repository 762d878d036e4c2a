"""Marks that a shelf is nearly empty, and flags: each wrong field is named; other marks are nobody's business."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hartig_protocol.errors import RecordError
from hartig_protocol.records.marks import FLAG_REASONS
from hartig_protocol.records.opening import open_record
from protocol.vector_parts.composing import DAY_MS, STAMP, Made, seal
from protocol.vector_parts.governance import changed
from protocol.vector_parts.marks import (
    FLAG_BODY,
    FLAG_FACTS,
    LOW_FACTS,
    REASONS,
    SHELF,
    WRONG_ABROAD,
    WRONG_FLAG,
    WRONG_LOW,
    WRONG_TEXTS,
    flag,
    flag_fields,
    low,
    low_fields,
)
from protocol.vector_parts.world import HUB, OTHER_HUB, PARTNER

WRONG: list[tuple[str, Made]] = [
    *(
        (f"facts.{name}", low(facts=LOW_FACTS | {name: value}))
        for name, values in WRONG_LOW.items()
        for value in values
    ),
    ("subject", low(subject=HUB.public)),
    ("fixed", low(fixed=["water"])),
    ("body_hash", seal(low_fields(), [HUB], {"text": "a"})),
    ("expires", low(expires=STAMP + 7 * DAY_MS + 1)),
    *(
        (f"facts.{name}", flag(facts=changed(FLAG_FACTS, name, value)))
        for name, values in WRONG_FLAG.items()
        for value in values
    ),
    *(("body.text", flag({"text": value})) for value in WRONG_TEXTS),
    *(("subject", flag(subject=value)) for value in (b"", bytes(20), bytes(32))),
    ("fixed", flag(fixed=["water"])),
    ("expires", flag(expires=STAMP + 90 * DAY_MS + 1)),
    ("facts.why", flag(None, facts={"what": "flag", "ends": True, "why": "ugly"})),
]


@pytest.mark.parametrize(("field", "made"), WRONG)
def test_a_wrong_field_is_refused_and_named(field: str, made: Made) -> None:
    with pytest.raises(RecordError) as raised:
        open_record(made.wire)
    assert raised.value.code == "bad_field"
    assert str(raised.value).startswith(field)


@pytest.mark.parametrize("audience", ["partners", PARTNER])
@pytest.mark.parametrize("name", WRONG_ABROAD)
def test_partner_networks_read_flags_of_posts_and_nothing_else(name: str, audience: str | bytes) -> None:
    with pytest.raises(RecordError, match=r"facts|subject"):
        open_record(WRONG_ABROAD[name](audience).wire)
    open_record(flag(audience=audience).wire)


def test_what_was_made_wrong_is_right_otherwise() -> None:
    lows = (low(), low(facts={"what": "low", "approx": True}), low(facts={"what": "low"}))
    flags = (flag(), flag(subject=HUB.public), flag(None), flag(None, facts={"what": "flag", "ends": True}))
    for made in (*lows, *flags):
        assert open_record(made.wire).id == made.id


def test_a_mark_that_says_something_else_is_not_judged_by_these_rules() -> None:
    for what in ("join", ["flag"], None):
        facts = {"what": what, "count": 0, "why": "ugly"}
        made = seal(low_fields(facts=facts, fixed=["a"], subject=b""), [HUB], {"text": "a"})
        assert open_record(made.wire).head.facts["what"] == what


def test_the_reasons_are_those_of_the_code() -> None:
    assert FLAG_REASONS == REASONS


VALUES = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.text("a", max_size=3), st.binary(max_size=3))
TAGS = st.sampled_from(["en", "ht", "zh-Hant", "EN", "e", "", "12"])
TEXTS = st.dictionaries(TAGS, st.one_of(st.text(max_size=500), VALUES), max_size=9)
SUBJECTS = st.sampled_from([SHELF.thread, HUB.public, OTHER_HUB.public, b"", bytes(16), bytes(32), bytes(31)])


def _is_text(text: object) -> bool:
    return isinstance(text, dict) and all(
        tag in {"en", "ht", "zh-Hant"} and isinstance(said, str) and 1 <= len(said.encode()) <= 480
        for tag, said in text.items()
    )


@given(
    why=st.one_of(st.sampled_from(REASONS), VALUES),
    ends=st.booleans(),
    subject=SUBJECTS,
    text=st.one_of(TEXTS, VALUES),
    days=st.sampled_from([1, 90, 91]),
)
def test_a_flag_opens_exactly_when_all_that_it_says_is_known(
    why: object, ends: bool, subject: bytes, text: object, days: int
) -> None:
    facts = {**FLAG_FACTS, "why": why} | ({"ends": True} if ends else {})
    fields = flag_fields(facts=facts, subject=subject, expires=STAMP + days * DAY_MS)
    made = seal(fields, [OTHER_HUB], None if ends else FLAG_BODY | {"text": text})
    is_right = (
        why in REASONS
        and subject in (SHELF.thread, HUB.public, OTHER_HUB.public, bytes(16))
        and days <= 90
        and (ends or _is_text(text))
    )
    if is_right:
        assert open_record(made.wire).id == made.id
        return
    with pytest.raises(RecordError) as raised:
        open_record(made.wire)
    assert raised.value.code == "bad_field"
