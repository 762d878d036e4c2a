"""Marks: a few words about one thing. `low`: an open shelf is nearly empty (D11); `flag`: look at this (D12).

In: the head or the body of a record of kind 34, whose frame `kinds` has checked. Out: nothing, or a `RecordError` that
names the field. Marks that say something else come with rules of their own in later versions; until then they are kept
and forwarded by the generic rules, as unknown kinds are. What partner networks may read is a flag of a post, and
nothing beside its reason: no count, and nobody who joins (X4).
"""

from typing import Any

from hartig_protocol.limits import (
    DAY_MS,
    FLAG_TEXT_BYTES_MAX,
    INTEGER_MAX,
    KEY_BYTES,
    LIFE_LOW_MS_MAX,
    PEOPLE_MAX,
    THREAD_ID_BYTES,
)
from hartig_protocol.records.fields import bytes_of, integer, need, one_of, texts
from hartig_protocol.records.keys import is_strict_key
from hartig_protocol.records.record import Head

LOW, FLAG = "low", "flag"
FLAG_REASONS = ("unsafe", "false", "spam", "rude", "private", "other")
_REASONS = frozenset(FLAG_REASONS)
_AT_HOME = frozenset({"hub", "network"})
_FACTS_ABROAD = frozenset({"what", "why", "ends", "approx"})


def check_mark(head: Head) -> None:
    """Check a mark whose meaning is known, and any that is meant for partner networks (SPEC D11, D12)."""
    what = head.facts.get("what")
    if head.audience not in _AT_HOME:
        need(what == FLAG, "facts.what", "is flag in a mark for partner networks")
        need(head.facts.keys() <= _FACTS_ABROAD, "facts", "a mark for partner networks says why, and nothing else")
        bytes_of("subject", head.subject, THREAD_ID_BYTES)
    if what in (LOW, FLAG):
        need(not head.fixed, "fixed", "must be empty for this mark")
        approx = head.facts.get("approx", True)
        need(approx is True, "facts.approx", "is true or left out")
        (_check_low if what == LOW else _check_flag)(head)


def _check_low(head: Head) -> None:
    facts = head.facts
    bytes_of("subject", head.subject, THREAD_ID_BYTES)
    need(head.body_hash is None, "body_hash", "this mark has no body")
    lasts_ms = (head.expires or 0) - head.stamp
    need(lasts_ms <= LIFE_LOW_MS_MAX, "expires", f"this mark lasts at most {LIFE_LOW_MS_MAX // DAY_MS} days")
    integer("facts.level_at", facts.get("level_at", 0), 0, INTEGER_MAX)
    integer("facts.count", facts.get("count", 1), 1, PEOPLE_MAX)


def _check_flag(head: Head) -> None:
    if len(head.subject) == KEY_BYTES:
        need(is_strict_key(head.subject), "subject", "is not a strict Ed25519 key")
    else:
        bytes_of("subject", head.subject, THREAD_ID_BYTES)
    if "why" in head.facts or not head.ends:
        one_of("facts.why", head.facts.get("why"), _REASONS)


def check_mark_body(head: Head, body: dict[str, Any]) -> None:
    """Check what people read of a mark whose meaning is known (SPEC D12)."""
    if head.facts.get("what") == FLAG:
        texts("body.text", body.get("text", {}), FLAG_TEXT_BYTES_MAX, at_least=0)
