"""A step is what a record of a chain says, without what only the mesh needs."""

from hartig_protocol.exchange.judging import KNOWN_VERBS
from hartig_protocol.exchange.step import Step
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


def test_a_step_is_about_one_date_or_several_or_none() -> None:
    assert say("o", "count", quantity=1, why="opened").date is None
    assert say("o", "count", quantity=1, why="opened").dates == (None,)
    assert say("o", "count", quantity=1, why="opened", date=5).dates == (5,)
    assert say("o", "count", quantity=1, why="opened", dates=[5, 6]).dates == [5, 6]
