"""How long governance records are kept: longer than their own life where others rest on them (SPEC, part L).

In: the grants and revocations that are held, in any order, and a moment. Out: the ids of those that are due to go.
Called by the catalog when it judges and sweeps, and by the fingerprint, so that all three agree.
"""

from collections.abc import Iterable

from hartig_protocol.records.record import Kind, Record, thread_due


def due_governance(records: Iterable[Record], at_ms: int) -> set[bytes]:
    """Return the ids of the grants and revocations that are due to go at `at_ms`.

    A grant is kept while its key's revocations are, a revocation while any grant of its subject is.
    """
    kept = {record.id: record for record in records if record.head.kind != Kind.CHARTER}
    over = {record_id for record_id, record in kept.items() if (thread_due(record.head.expires) or 0) <= at_ms}
    gone: set[bytes] = set()
    while over:
        held = [record.head for record in kept.values()]
        revokers = {head.author for head in held if head.kind == Kind.REVOKE}
        granted = {head.subject for head in held if head.kind == Kind.GRANT}
        going = {
            record_id
            for record_id in over
            if kept[record_id].head.subject not in (revokers if kept[record_id].head.kind == Kind.GRANT else granted)
        }
        if not going:
            break
        for record_id in going:
            del kept[record_id]
        over -= going
        gone |= going
    return gone
