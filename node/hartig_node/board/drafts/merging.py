"""From a record back to the draft that would make it, and JSON merge patch (RFC 7396) on drafts."""

from typing import Any

from hartig_node.board.drafts.views import KIND_NAMES, quantity_text
from hartig_node.board.repeats.repeating import read_text
from hartig_node.board.times import rfc3339
from hartig_protocol.records.record import Kind, Record


def draft_of(record: Record) -> dict[str, Any]:
    """Return the draft that says what a need or an offer says, without its lifetime.

    One that repeats says how, and not its dates: they are made anew for what lies ahead.
    """
    head, body = record.head, dict(record.body or {})
    series = read_text(body.pop("repeats", None))
    category, area, unit, smallest_part = head.fixed
    facts = dict(head.facts)
    draft: dict[str, Any] = {
        "kind": KIND_NAMES[Kind(head.kind)],
        "category": category,
        "area": area,
        "unit": unit,
        "smallest_part": smallest_part,
        "audience": head.audience if isinstance(head.audience, str) else head.audience.hex(),
        **body,
    }
    for name in ("mode", "urgency", "rule", "level", "people"):
        if name in facts:
            draft[name] = facts[name]
    if "quantity" in facts:
        draft["quantity"] = quantity_text(facts["quantity"], smallest_part)
    if "reach" in facts:
        draft["reach_km"] = facts["reach"]
    for name in ("closes", "best_before"):
        if name in facts:
            draft[name] = rfc3339(facts[name])
    if "window" in facts:
        draft["window"] = {"from": rfc3339(facts["window"][0]), "to": rfc3339(facts["window"][1])}
    if series is not None:
        draft["repeats"] = series.as_draft()
    elif "dates" in facts:
        draft["dates"] = [rfc3339(moment) for moment in facts["dates"]]
    if "parent" in facts:
        draft["parent"] = facts["parent"].hex()
    return draft


def merged(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch: null removes, objects merge, everything else replaces (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
