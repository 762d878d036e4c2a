"""A mark that says that a shelf is nearly empty: each wrong field is named, and other marks are nobody's business."""

import pytest

from hartig_protocol.errors import RecordError
from hartig_protocol.records.opening import open_record
from protocol.vector_parts.composing import DAY_MS, STAMP, Made, seal
from protocol.vector_parts.marks import LOW_FACTS, WRONG_LOW, low, low_fields
from protocol.vector_parts.world import HUB

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
]


@pytest.mark.parametrize(("field", "made"), WRONG)
def test_a_wrong_field_is_refused_and_named(field: str, made: Made) -> None:
    with pytest.raises(RecordError) as raised:
        open_record(made.wire)
    assert raised.value.code == "bad_field"
    assert str(raised.value).startswith(field)


def test_what_was_made_wrong_is_right_otherwise() -> None:
    for made in (low(), low(facts={"what": "low", "approx": True}), low(facts={"what": "low"})):
        assert open_record(made.wire).id == made.id


def test_a_mark_that_says_something_else_is_not_judged_by_these_rules() -> None:
    made = seal(low_fields(facts={"what": "join", "count": 0}, fixed=["a"], subject=b""), [HUB], {"text": "a"})
    assert open_record(made.wire).head.facts["what"] == "join"
