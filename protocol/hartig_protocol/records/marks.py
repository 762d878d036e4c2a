"""Marks: a few words about one thing, without a text. `low` says that an open shelf is nearly empty (SPEC D11).

In: the head of a record of kind 34, whose frame `kinds` has checked. Out: nothing, or a `RecordError` that names the
field. Marks that say something else come with rules of their own in later versions; until then they are kept and
forwarded by the generic rules, as unknown kinds are.
"""

from hartig_protocol.limits import DAY_MS, INTEGER_MAX, LIFE_LOW_MS_MAX, PEOPLE_MAX, THREAD_ID_BYTES
from hartig_protocol.records.fields import bytes_of, integer, need
from hartig_protocol.records.record import Head

LOW = "low"


def check_mark(head: Head) -> None:
    """Check the facts of a mark whose meaning is known."""
    if head.facts.get("what") == LOW:
        _check_low(head)


def _check_low(head: Head) -> None:
    facts = head.facts
    bytes_of("subject", head.subject, THREAD_ID_BYTES)
    need(not head.fixed, "fixed", "must be empty for this mark")
    need(head.body_hash is None, "body_hash", "this mark has no body")
    lasts_ms = (head.expires or 0) - head.stamp
    need(lasts_ms <= LIFE_LOW_MS_MAX, "expires", f"this mark lasts at most {LIFE_LOW_MS_MAX // DAY_MS} days")
    integer("facts.level_at", facts.get("level_at", 0), 0, INTEGER_MAX)
    integer("facts.count", facts.get("count", 1), 1, PEOPLE_MAX)
    need("approx" not in facts or facts["approx"] is True, "facts.approx", "is true or left out")
