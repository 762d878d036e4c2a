"""A step is what a record of a chain says, without what only the mesh needs."""

import pytest

from hartig_protocol.encoding import encode
from hartig_protocol.errors import RecordError
from hartig_protocol.exchange.judging import KNOWN_VERBS
from hartig_protocol.exchange.step import Step, head_of_stored_step
from hartig_protocol.records.record import Kind
from support.records import Network
from support.steps import say

NETWORK = Network()
HUB = NETWORK.hub(1)
OFFER = NETWORK.offer(HUB)


def test_a_step_repeats_what_its_record_says() -> None:
    record = NETWORK.step(HUB, OFFER, kind=Kind.STEP, facts={"verb": "count", "quantity": 3, "why": "opened"})
    step = Step.of(record)
    assert (step.id, step.seq, step.verb, step.stamp_ms) == (record.id, 1, "count", record.head.stamp)
    assert step.facts == record.head.facts


def test_a_step_of_another_kind_has_no_verb_that_is_known() -> None:
    assert Step.of(NETWORK.step(HUB, OFFER, kind=129, facts={"verb": "count"})).verb not in KNOWN_VERBS
    assert Step.of(NETWORK.step(HUB, OFFER, kind=200)).verb not in KNOWN_VERBS


def test_a_step_of_the_store_is_read_as_it_was_when_it_came() -> None:
    count = NETWORK.step(HUB, OFFER, kind=Kind.STEP, facts={"verb": "count", "quantity": 3, "why": "opened"})
    newer = NETWORK.step(HUB, OFFER, kind=200)
    for record in (count, newer):
        head = head_of_stored_step(record.head_bytes)
        assert head == record.head
        assert Step.of_head(record.id, head) == Step.of(record)


def test_what_is_no_step_is_left_to_whoever_reads_all_records() -> None:
    other = [*OFFER.head.as_list()]
    other[2] = None
    for head_bytes in (OFFER.head_bytes, b"\x00", b"", encode([1]), encode(other)):
        assert head_of_stored_step(head_bytes) is None


def test_a_step_whose_verb_only_a_newer_version_knew_is_checked_by_that() -> None:
    fields = NETWORK.step(HUB, OFFER, kind=Kind.STEP, facts={"verb": "barter", "of": 5}).head.as_list()
    fields[13] = {"of": 5, "verb": "cancel"}
    with pytest.raises(RecordError, match=r"facts\.of"):
        head_of_stored_step(encode(fields))


def test_a_step_is_about_one_date_or_several_or_none() -> None:
    assert say("o", "count", quantity=1, why="opened").date is None
    assert say("o", "count", quantity=1, why="opened").dates == (None,)
    assert say("o", "count", quantity=1, why="opened", date=5).dates == (5,)
    assert say("o", "count", quantity=1, why="opened", dates=[5, 6]).dates == [5, 6]
