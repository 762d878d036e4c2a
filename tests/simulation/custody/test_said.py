"""Names in the small model are as good as ids: what differs in anything has another."""

from hartig_protocol.records.record import Kind
from simulation.custody.said import EMPTY, sign, step_of, thread_of
from simulation.custody.state import claim_facts


def test_claims_on_two_lots_that_read_alike_are_two_claims() -> None:
    need = thread_of(Kind.NEED, "c")
    lots = [
        thread_of(Kind.OFFER, "b", number=1, subject=b"set aside", place="b"),
        thread_of(Kind.OFFER, "b", number=1, place="b"),
        thread_of(Kind.OFFER, "b", era=1, number=1, place="b"),
    ]
    assert len({repr(lot) for lot in lots}) == 1
    claims = [sign(EMPTY, need, "", "claim", claim_facts(lot, 1)) for lot in lots]
    assert [step_of(claim).facts["lot"] for claim in claims] == lots
