"""Needs and offers: one schema for both (SPEC, part N).

What the mesh matches on stands in the head; what people read, and anything about diet or access, stands in the body.
"""

import re
from typing import Any

from hartig_protocol.limits import (
    AREA_CHARACTERS_MAX,
    ATTRIBUTE_BYTES_MAX,
    ATTRIBUTES_MAX,
    CATEGORY_BYTES_MAX,
    DATES_MAX,
    INTEGER_MAX,
    NONCE_BYTES,
    PEOPLE_MAX,
    QUANTITY_MAX,
    REACH_KM_MAX,
    RECORD_ID_BYTES,
    REPEATS_BYTES_MAX,
    SOURCE_BYTES_MAX,
    TEXT_BYTES_MAX,
    THREAD_ID_BYTES,
    TITLE_BYTES_MAX,
    UNIT_CHARACTERS_MAX,
)
from hartig_protocol.records.categories import is_sensitive
from hartig_protocol.records.fields import bytes_of, integer, listed, need, one_of, refuse, text, texts
from hartig_protocol.records.record import Head, Kind

MODES = frozenset({"give", "lend", "in-place", "do", "ride", "fund-record"})
URGENCIES = frozenset({"low", "normal", "high", "urgent"})
RULES = frozenset({"open", "first", "fair", "ask"})
LEVELS = frozenset({"plenty", "some", "low", "gone"})
ATTRIBUTE_LISTS = ("requires", "avoids", "satisfies", "contains", "unknown")

# Shape alone is a rule of validity: which codes exist may differ between versions of the lists.
CATEGORY_FORM = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*")
ATTRIBUTE_FORM = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*")
AREA_FORM = re.compile(r"[0-9b-hjkmnp-z]*")  # the geohash alphabet
UNIT_FORM = re.compile(r"[A-Z0-9]+")


def check_post(head: Head) -> None:
    """Check the fixed fields and the facts of a need or an offer."""
    if head.kind == Kind.NEED or len(head.subject) != RECORD_ID_BYTES:  # else the step that set the stock aside
        bytes_of("subject", head.subject, NONCE_BYTES)
    need(len(head.fixed) == 4, "fixed", "holds category, area, unit and smallest part")
    category, area, unit, smallest_part = head.fixed
    _shape("fixed.category", category, CATEGORY_FORM, CATEGORY_BYTES_MAX)
    if type(area) is not str or len(area) > AREA_CHARACTERS_MAX or AREA_FORM.fullmatch(area) is None:
        refuse("fixed.area", f"must be a geohash of at most {AREA_CHARACTERS_MAX} characters")
    _shape("fixed.unit", unit, UNIT_FORM, UNIT_CHARACTERS_MAX)
    integer("fixed.smallest_part", smallest_part, 1, QUANTITY_MAX)
    if head.audience != "hub" and is_sensitive(category):
        refuse("audience", f"{category} is a sensitive category: it may be seen by its own hub alone")
    _check_facts(head)


def _shape(field: str, value: Any, pattern: re.Pattern[str], bytes_max: int) -> None:
    if type(value) is not str or len(value) > bytes_max or pattern.fullmatch(value) is None:
        refuse(field, f"{value!r:.40} is not a code of the right form")


def _check_facts(head: Head) -> None:
    facts = head.facts
    one_of("facts.mode", facts.get("mode", "give"), MODES)
    one_of("facts.urgency", facts.get("urgency", "normal"), URGENCIES)
    one_of("facts.rule", facts.get("rule", "ask"), RULES)
    need(("closes" in facts) == (facts.get("rule") == "fair"), "facts.closes", "is for the rule fair, which needs it")
    integer("facts.closes", facts.get("closes", 0), 0, INTEGER_MAX)
    integer("facts.quantity", facts.get("quantity", 1), 1, QUANTITY_MAX)
    integer("facts.people", facts.get("people", 1), 1, PEOPLE_MAX)
    integer("facts.reach", facts.get("reach", 0), 0, REACH_KM_MAX)
    integer("facts.best_before", facts.get("best_before", 0), 0, INTEGER_MAX)
    need("approx" not in facts or facts["approx"] is True, "facts.approx", "is true or left out")
    if "level" in facts:
        need(head.kind == Kind.OFFER, "facts.level", "only an open shelf, which is an offer, has a level")
        need("quantity" not in facts, "facts.level", "an open shelf has a level and no quantity")
        one_of("facts.level", facts["level"], LEVELS)
    need("level" in facts or "level_at" not in facts, "facts.level_at", "is for an open shelf, which has a level")
    integer("facts.level_at", facts.get("level_at", 0), 0, INTEGER_MAX)
    if "parent" in facts:
        bytes_of("facts.parent", facts["parent"], THREAD_ID_BYTES)
    if "window" in facts:
        _check_window(facts["window"])
    if "dates" in facts:
        check_dates("facts.dates", facts["dates"])


def _check_window(window: Any) -> None:
    need(type(window) is list and len(window) == 2, "facts.window", "must be a list of start and end")
    integer("facts.window[0]", window[0], 0, INTEGER_MAX)
    integer("facts.window[1]", window[1], window[0], INTEGER_MAX)


def check_dates(field: str, dates: Any) -> None:
    """Check for rising instants (SPEC N3)."""
    listed(field, dates, DATES_MAX)
    need(bool(dates), field, "must not be empty")
    earliest = 0
    for index, instant in enumerate(dates):
        integer(f"{field}[{index}]", instant, earliest, INTEGER_MAX)
        earliest = instant + 1


def check_post_body(body: dict[str, Any]) -> None:
    """Check what people read of a need or an offer."""
    texts("body.title", body.get("title"), TITLE_BYTES_MAX, at_least=1)
    texts("body.text", body.get("text", {}), TEXT_BYTES_MAX, at_least=0)
    for name in ATTRIBUTE_LISTS:
        codes = body.get(name, [])
        if codes == []:
            continue
        listed(f"body.{name}", codes, ATTRIBUTES_MAX)
        for index, code in enumerate(codes):
            _shape(f"body.{name}[{index}]", code, ATTRIBUTE_FORM, ATTRIBUTE_BYTES_MAX)
        need(len(set(codes)) == len(codes), f"body.{name}", "names a code twice")
    if "source" in body:
        text("body.source", body["source"], SOURCE_BYTES_MAX)
    if "repeats" in body:
        text("body.repeats", body["repeats"], REPEATS_BYTES_MAX)
