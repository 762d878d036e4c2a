"""The terms of one side of an agreement: which posts it shares, and how long it asks the partner to keep them.

In: what people and programs ask for, or a record. Out: `Terms`, the facts that say so, and what the node API gives.
Nothing is shared that is not said here. Who calls: `saying`, `proposals`, `partners`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hartig_node.board.errors import BoardError
from hartig_protocol.errors import RecordError
from hartig_protocol.limits import AREA_CHARACTERS_MAX, PACT_ITEMS_MAX
from hartig_protocol.records import categories
from hartig_protocol.records.governance import RETENTION_DAYS_MAX
from hartig_protocol.records.pacts import PACT_KINDS, Pact
from hartig_protocol.records.posts import AREA_FORM
from hartig_protocol.values import value

KINDS = PACT_KINDS  # what can be shared; a need is asked for abroad by a need of its own, for that partner alone


@value
class Terms:
    """What one side shares, and asks. No categories mean all that may leave a hub, no areas everywhere."""

    kinds: tuple[str, ...]
    categories: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    retention_days: int = 90

    @property
    def facts(self) -> dict[str, Any]:
        """What the record says."""
        return {
            "kinds": list(self.kinds),
            "categories": list(self.categories),
            "areas": list(self.areas),
            "retention_days": self.retention_days,
        }

    def as_json(self) -> dict[str, Any]:
        """The terms as the node API gives them."""
        return self.facts

    def as_pact(self, partner: bytes, expires_ms: int) -> Pact:
        """The terms as the core judges by them, before anybody has signed them."""
        return Pact(b"", partner, self.kinds, self.categories, self.areas, self.retention_days, expires_ms)


def terms_of(pact: Pact) -> Terms:
    """Read the terms of what stands."""
    return Terms(pact.kinds, pact.categories, pact.areas, pact.retention_days)


def changed(before: Terms | None, wishes: Mapping[str, Any]) -> Terms:
    """Return terms with what is wished for in place of what there was; raises `BoardError`.

    `wishes` may hold `kinds`, `categories`, `areas` (lists of texts) and `retention_days`.
    """
    facts = {} if before is None else before.facts
    facts |= {name: wish for name, wish in wishes.items() if wish is not None}
    kinds = _kinds(facts.get("kinds"))
    retention_days = facts.get("retention_days")
    if type(retention_days) is not int or not 1 <= retention_days <= RETENTION_DAYS_MAX:
        hint = f"say 1 to {RETENTION_DAYS_MAX} days"
        raise BoardError("bad_request", "for how long may the partner keep it?", hint, "/retention_days")
    codes = _codes("categories", facts.get("categories", ()), _category)
    areas = _codes("areas", facts.get("areas", ()), _area)
    return Terms(kinds, _without_covered(codes, "."), _without_covered(areas, ""), retention_days)


def _kinds(kinds: Sequence[str] | None) -> tuple[str, ...]:
    if not kinds or set(kinds) - set(KINDS):
        hint = f"name at least one of {', '.join(KINDS)}: nothing else is shared"
        raise BoardError("bad_request", "what is to be shared?", hint, "/kinds")
    return tuple(sorted(set(kinds)))


def _codes(name: str, codes: Sequence[str], read: Any) -> list[str]:
    if len(codes) > PACT_ITEMS_MAX:
        raise BoardError("bad_request", f"{len(codes)} {name} are too many", f"name up to {PACT_ITEMS_MAX}", f"/{name}")
    return sorted({read(code, f"/{name}/{at}") for at, code in enumerate(codes)})


def _category(code: str, pointer: str) -> str:
    try:
        parsed = categories.parse(code)
    except RecordError as error:
        raise BoardError("bad_request", str(error), "`hartig help categories` lists them", pointer) from error
    if categories.is_sensitive(parsed):
        detail = f"{parsed} is a sensitive category: it never leaves the hub that holds it"
        raise BoardError("bad_request", detail, "leave it out", pointer)
    return parsed


def _area(text: str, pointer: str) -> str:
    area = text.lower()
    if not 1 <= len(area) <= AREA_CHARACTERS_MAX or AREA_FORM.fullmatch(area) is None:
        hint = f"the beginning of a geohash, 1 to {AREA_CHARACTERS_MAX} characters, such as u33d"
        raise BoardError("bad_request", f"{text[:20]!r} is no area", hint, pointer)
    return area


def _without_covered(codes: Sequence[str], below: str) -> tuple[str, ...]:
    """Leave out what lies within another of them: a rising list has the wider one before it."""
    kept: list[str] = []
    for code in codes:
        if not any(code.startswith(one + below) for one in kept):
            kept.append(code)
    return tuple(kept)
