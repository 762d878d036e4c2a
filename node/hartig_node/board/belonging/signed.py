"""Records about who belongs that were signed with keys outside this hub: trustees' seats, organisers' own keys.

In: their wire forms, all of one change. Out: their ids. They are taken in one commit or not at all, so nobody ever sees
a removal without what was to stay. Called by the API, and `changing`.
"""

from collections.abc import Sequence
from typing import Any

from hartig_node.board.context import Context, refused
from hartig_node.board.errors import BoardError
from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.commit import Commit
from hartig_protocol.errors import RecordError
from hartig_protocol.events import PrivateRow
from hartig_protocol.limits import RECORDS_PER_FRAME_MAX
from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Record, Wire
from hartig_protocol.trust.authority import is_governance

RECORDS_MAX = RECORDS_PER_FRAME_MAX


async def publish_signed(context: Context, wires: Sequence[Wire]) -> list[dict[str, Any]]:
    """Publish records about who belongs, together; for each its id and kind.

    Raises `BoardError`, with nothing published, where one is not what it should be or would not count.
    """
    records = [_opened(wire, at) for at, wire in enumerate(wires)]
    await publish_whole(context, records)
    return [{"id": record.id.hex(), "kind": record.head.kind, "refused": None} for record in records]


async def publish_whole(
    context: Context, records: Sequence[Record], private: Sequence[PrivateRow] = (), *, preview: bool = False
) -> Catalog:
    """Publish governance records all together, unless it is for a preview; return who belongs then.

    Raises `BoardError` with nothing published where one would not count.
    """
    copy = _judge(context, records)  # nothing else is handed in between this and `publish`
    for refusal in () if preview else await context.publish(records, private):
        if refusal is not None:
            raise refused(refusal)
    return copy


def _judge(context: Context, records: Sequence[Record]) -> Catalog:
    """Try records on a copy of who belongs."""
    held, now = context.pen.catalog, context.clock.now()
    copy = Catalog(held.network)
    copy.load([held.entries[one] for one in held.governance], held.governance.values(), held.last_n, held.running)
    copy.refresh(now, Commit())
    verdicts = {record.id: verdict for record, verdict in copy.take(records, now, Commit())}
    for at, record in enumerate(records):
        if record.id not in copy.entries:
            verdict = verdicts[record.id]
            reason = f"{verdict.reason or 'another that came with it takes its place'} ({verdict.code or 'replaced'})"
            hint = "nothing was published: all of one change counts, or nothing of it"
            raise BoardError("refused", reason, hint, f"/records/{at}")
    return copy


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
