"""Pacts: one side of an agreement with a partner network, what it may say, and a typed reading (SPEC, part X).

A pact is about one network, its subject, and meant for that network's eyes, too: its audience is the same id. Its head
says all; a body it has none.
"""

import re
from typing import Any

from hartig_protocol.limits import NETWORK_ID_BYTES, PACT_ITEMS_MAX
from hartig_protocol.records.fields import bytes_of, integer, listed, need
from hartig_protocol.records.governance import RETENTION_DAYS_MAX
from hartig_protocol.records.posts import CATEGORY_FORM
from hartig_protocol.records.record import Head
from hartig_protocol.values import value

PACT_KINDS = ("note", "offer")
_AREA_FORM = re.compile(r"[0-9b-hjkmnp-z]{1,5}")  # a geohash; a need's or an offer's has five characters


@value
class Pact:
    """What one side of an agreement says. `kinds`: of records that it shares; an empty list of others means: all."""

    id: bytes
    partner: bytes
    kinds: tuple[str, ...]
    categories: tuple[str, ...]
    areas: tuple[str, ...]
    retention_days: int
    expires_ms: int

    @classmethod
    def of(cls, record_id: bytes, head: Head) -> "Pact":
        """Read a checked head that does not end its thread."""
        facts = head.facts
        kinds, categories, areas = (tuple(facts[name]) for name in ("kinds", "categories", "areas"))
        return cls(record_id, head.subject, kinds, categories, areas, facts["retention_days"], head.expires or 0)


def check_pact(head: Head) -> None:
    """Check one side of an agreement; one that ends says nothing more."""
    bytes_of("subject", head.subject, NETWORK_ID_BYTES)
    need(head.subject != head.network, "subject", "a network has no agreement with itself")
    need(head.audience == head.subject, "audience", "an agreement is for the network that it is about")
    if head.ends:
        return
    facts = head.facts
    _check_sorted("kinds", facts.get("kinds"), 1)
    need(set(facts["kinds"]) <= set(PACT_KINDS), "facts.kinds", f"holds {' and '.join(PACT_KINDS)}")
    _check_sorted("categories", facts.get("categories"), 0, CATEGORY_FORM)
    _check_sorted("areas", facts.get("areas"), 0, _AREA_FORM)
    integer("facts.retention_days", facts.get("retention_days"), 1, RETENTION_DAYS_MAX)


def _check_sorted(name: str, items: Any, at_least: int, form: re.Pattern[str] | None = None) -> None:
    """Check for a sorted list of different texts."""
    field = f"facts.{name}"
    listed(field, items, PACT_ITEMS_MAX)
    need(all(type(one) is str for one in items), field, "holds text")
    need(len(items) >= at_least, field, "is empty")
    need(items == sorted(set(items)), field, "must be sorted, each once")
    need(form is None or all(form.fullmatch(one) for one in items), field, "holds what is none")
