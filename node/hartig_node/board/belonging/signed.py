"""Records about who belongs that were signed with keys outside this hub: trustees' seats, organisers' own keys.

In: their wire forms, all of one change. Out: what became of each. All that is accepted is one commit, so nobody ever
sees a removal without what was to stay. Called by the API.
"""

from collections.abc import Sequence
from typing import Any

from hartig_node.board.context import Context
from hartig_node.board.errors import BoardError
from hartig_protocol.errors import RecordError
from hartig_protocol.limits import RECORDS_PER_FRAME_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Record, Wire
from hartig_protocol.trust.authority import is_governance

RECORDS_MAX = RECORDS_PER_FRAME_MAX


async def publish_signed(context: Context, wires: Sequence[Wire]) -> list[dict[str, Any]]:
    """Publish records about who belongs, together; for each its id, kind, and why it was not taken.

    Raises `BoardError`, with nothing published, where one is not what it should be.
    """
    records = [_opened(wire, at) for at, wire in enumerate(wires)]
    refusals = await context.publish(records)
    return [
        {
            "id": record.id.hex(),
            "kind": record.head.kind,
            "refused": None if refusal is None else {"code": refusal.code, "detail": refusal.reason},
        }
        for record, refusal in zip(records, refusals, strict=True)
    ]


def _opened(wire: Wire, at: int) -> Record:
    try:
        record = open_record(wire)
    except RecordError as error:
        hint = "sign it again as the protocol says"
        raise BoardError("bad_record", f"{error} ({error.code})", hint, f"/records/{at}") from error
    if not is_governance(record.head.kind):
        hint = "send it alone; only what says who belongs comes together"
        raise BoardError("bad_record", f"a record of kind {record.head.kind} comes alone", hint, f"/records/{at}")
    return record
