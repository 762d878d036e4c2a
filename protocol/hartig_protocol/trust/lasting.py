"""How long governance records are kept: longer than their own life where others rest on them (SPEC, part L).

In: the grants and revocations that are held, in any order, and a moment. Out: the ids of those that are due to go.
Called by the catalog when it judges and sweeps, and by the fingerprint, so that all three agree.
"""

from collections.abc import Collection, Iterable

from hartig_protocol.records.record import Kind, Record, thread_due


def due_governance(records: Iterable[Record], at_ms: int) -> set[bytes]:
    """Return the ids of the grants and revocations that are due to go at `at_ms`.

    A grant is kept while a revocation by its key is, or by one that came after that key, and until one with consent of
    such a key is due; a revocation while a grant of its subject is, or of one that its subject came after (SPEC L7).
    """
    kept = {record.id: record for record in records if record.head.kind != Kind.CHARTER}
    over = {record_id for record_id, record in kept.items() if (thread_due(record.head.expires) or 0) <= at_ms}
    gone: set[bytes] = set()
    while over:
        keeping = _keeping(kept.values(), over)
        going = {one for one in over if kept[one].head.subject not in keeping[kept[one].head.kind]}
        if not going:
            break
        for record_id in going:
            del kept[record_id]
        over -= going
        gone |= going
    return gone


def _keeping(held: Collection[Record], over: set[bytes]) -> dict[int, set[bytes]]:
    """Return for grants and for revocations the keys about which those are kept although they are due."""
    revokes = [record.head for record in held if record.head.kind == Kind.REVOKE]
    pairs = [(head.subject, head.facts["successor"]) for head in revokes if head.facts.get("successor")]
    granted = {record.head.subject for record in held if record.head.kind == Kind.GRANT}
    voided = {record.head.subject for record in held if record.head.fixed and record.id not in over}
    return {
        Kind.GRANT: _line({head.author for head in revokes} | voided, [(after, before) for before, after in pairs]),
        Kind.REVOKE: _line(granted, pairs),
    }


def _line(keys: set[bytes], pairs: list[tuple[bytes, bytes]]) -> set[bytes]:
    """Return these keys and all that follow from them by pairs."""
    following: dict[bytes, list[bytes]] = {}
    for one, other in pairs:
        following.setdefault(one, []).append(other)
    found, todo = set(keys), sorted(keys & following.keys())
    while todo:
        news = [key for key in following.get(todo.pop(), ()) if key not in found]
        found.update(news)
        todo += news
    return found
