"""What a step may look like; whether its chain allows it is another question (SPEC D1 and D2)."""

import re
from pathlib import Path
from typing import Any

import pytest

from hartig_protocol.errors import RecordError
from hartig_protocol.limits import (
    CONTACT_BOX_BYTES_MAX,
    CONTACT_BOX_BYTES_MIN,
    DATES_MAX,
    HOLD_MIN_MAX,
    STEP_BODY_BYTES_MAX,
    VERB_BYTES_MAX,
)
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind
from hartig_protocol.records.steps import Verb
from protocol.vector_parts import steps
from protocol.vector_parts.composing import seal
from protocol.vector_parts.world import HUB, post, step_fields

OFFER = post(kind=17)
SPEC = (Path(__file__).resolve().parents[3] / "protocol" / "SPEC.md").read_text(encoding="utf-8")


def _opened(facts: dict[str, Any], body: Any = None, kind: int = 128) -> Any:
    return open_record(seal(step_fields(OFFER, 1, None, kind=kind, facts=facts), [HUB], body).wire)


@pytest.mark.parametrize("name", steps.GOOD_FACTS)
def test_every_verb_can_be_said(name: str) -> None:
    for facts in steps.GOOD_FACTS[name]:
        assert _opened(facts, steps.body_for(facts)).head.facts == facts


@pytest.mark.parametrize("name", steps.WRONG_FACTS)
def test_a_wrong_fact_is_refused_and_named(name: str) -> None:
    for fact, facts in steps.WRONG_FACTS[name]:
        with pytest.raises(RecordError) as raised:
            _opened(facts, steps.body_for(facts))
        assert raised.value.code == "bad_field"
        assert str(raised.value).startswith(f"facts.{fact}"), facts


def test_a_verb_that_is_not_known_may_have_any_facts_and_any_body() -> None:
    facts = {"verb": "barter", "quantity": "a lot", "of": [None]}
    assert _opened(facts).head.facts == facts
    assert _opened(facts, {"box": 1}).body == {"box": 1}


def test_facts_that_are_not_known_are_kept() -> None:
    facts = {"verb": "close", "why": "tired", "dates": "all"}
    assert _opened(facts).head.facts == facts


def test_kinds_above_have_no_verb() -> None:
    assert _opened({"verb": 5}, {"any": 1}, kind=129).head.kind == 129
    assert Kind.STEP == 128


@pytest.mark.parametrize("facts", [{"verb": "close"}, {"verb": "cancel", "of": bytes(32)}])
def test_only_a_contact_has_a_body(facts: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match=r"^body_hash: a contact has a body"):
        _opened(facts, {"box": bytes(49)})
    with pytest.raises(RecordError, match=r"^body_hash: a contact has a body"):
        _opened({"verb": "contact", "of": bytes(32)})


@pytest.mark.parametrize("box", [None, "a" * 49, bytes(48), bytes(CONTACT_BOX_BYTES_MAX + 1), [bytes(49)]])
def test_a_box_that_cannot_have_been_sealed_is_refused(box: Any) -> None:
    with pytest.raises(RecordError, match=r"^body\.box: "):
        _opened({"verb": "contact", "of": bytes(32)}, {"box": box})


def test_the_largest_box_fits_a_body_with_room_to_spare() -> None:
    opened = _opened({"verb": "contact", "of": bytes(32)}, {"box": bytes(CONTACT_BOX_BYTES_MAX), "more": "x" * 40})
    assert len(opened.body_bytes) <= STEP_BODY_BYTES_MAX


def _numbers(first: str, last: str) -> set[int]:
    section = SPEC[SPEC.index(f"**{first}** ") : SPEC.index(f"**{last}** ")]
    return {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d|\d", section)}


def test_the_bounds_and_verbs_of_the_spec_are_those_of_the_code() -> None:
    assert {VERB_BYTES_MAX, HOLD_MIN_MAX, DATES_MAX} <= _numbers("D1", "D2")
    assert {CONTACT_BOX_BYTES_MIN, CONTACT_BOX_BYTES_MAX} <= _numbers("D2", "D3")
    section = SPEC[SPEC.index("**D1** ") : SPEC.index("**D2** ")]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == set(Verb)
