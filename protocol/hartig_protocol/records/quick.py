"""The quick way to open a need or an offer: it says "well formed", or nothing (SPEC, parts R and N).

In: the bytes of a head, or of a body. Out: the head or None; whether this is the body of a post. Called by `opening`,
which reads again, the careful way (`record.read_head`, `kinds`, `posts`), whatever is not taken here. So no error is
made here, and the one duty is to take nothing that the careful way would refuse. `test_quick` holds both to that, and
to agree on every post whose facts and body have known names alone. What hubs hold is posts for the most part; all
other kinds go the careful way, and so does a post with a name that stands in neither table at the end.

Why nothing here walks the value for strictness (part E): `decode_untyped` leaves only the shortest encoding without
repeated keys. Every field, fact and item below is held to one type and to bounds; all text of a head comes from closed
lists or has an ASCII form; and the keys of each map are known or have such a form, and are seen to rise.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from hartig_protocol.encoding import decode_untyped
from hartig_protocol.limits import (
    AREA_CHARACTERS_MAX,
    ATTRIBUTE_BYTES_MAX,
    ATTRIBUTES_MAX,
    BODY_BYTES_MAX,
    CATEGORY_BYTES_MAX,
    DATES_MAX,
    HEAD_BYTES_MAX,
    INTEGER_MAX,
    LANGUAGE_BYTES_MAX,
    LANGUAGES_MAX,
    NETWORK_ID_BYTES,
    NONCE_BYTES,
    PEOPLE_MAX,
    PLACE_MAX,
    QUANTITY_MAX,
    REACH_KM_MAX,
    RECORD_ID_BYTES,
    REPEATS_BYTES_MAX,
    SOURCE_BYTES_MAX,
    TEXT_BYTES_MAX,
    THREAD_ID_BYTES,
    TITLE_BYTES_MAX,
    UNIT_CHARACTERS_MAX,
    VERSION_HIGHEST,
    VERSION_LOWEST,
)
from hartig_protocol.records.categories import is_sensitive
from hartig_protocol.records.fields import LANGUAGE_FORM
from hartig_protocol.records.keys import is_strict_key
from hartig_protocol.records.kinds import AUDIENCES, life_ms_max
from hartig_protocol.records.posts import (
    AREA_FORM,
    ATTRIBUTE_FORM,
    ATTRIBUTE_LISTS,
    CATEGORY_FORM,
    LEVELS,
    MODES,
    RULES,
    UNIT_FORM,
    URGENCIES,
)
from hartig_protocol.records.record import HEAD_FIELDS, NO_NETWORK, Head, Kind, committed_thread_id, head_of_fields

_OFFER = int(Kind.OFFER)
POSTS = frozenset({int(Kind.NEED), _OFFER})
FORMS_REMEMBERED_MAX = 1_024  # of codes of bounded length, and of language tags; a town uses far fewer

# An offer of stock that was set aside names the step that did so.
_SUBJECT_BYTES = {int(Kind.NEED): (NONCE_BYTES,), _OFFER: (NONCE_BYTES, RECORD_ID_BYTES)}

Check = Callable[[Any], bool]


def head_of_post(head_bytes: bytes) -> Head | None:
    """Return the head if these bytes are that of a well-formed need or offer, and None if the careful way must look."""
    fields = decode_untyped(head_bytes) if len(head_bytes) <= HEAD_BYTES_MAX else None
    if type(fields) is not list or len(fields) != len(HEAD_FIELDS):
        return None
    head = head_of_fields(fields)
    return head if _is_post(head) else None


def is_body_of_post(body_bytes: bytes) -> bool:
    """Tell whether this is a well-formed body of a need or an offer; if not, the careful way must look."""
    body = decode_untyped(body_bytes) if len(body_bytes) <= BODY_BYTES_MAX else None
    return type(body) is dict and "title" in body and _holds(body, _BODY)


def _is_post(head: Head) -> bool:
    """Tell whether `check_head` would let a post with these facts pass, if it knows them all."""
    return (
        (type(head.version) is int and VERSION_LOWEST <= head.version <= VERSION_HIGHEST)
        and (type(head.network) is bytes and len(head.network) == NETWORK_ID_BYTES and head.network != NO_NETWORK)
        and (type(head.kind) is int and head.kind in POSTS)
        and (type(head.author) is bytes and is_strict_key(head.author))
        and (type(head.place) is int and 0 <= head.place <= PLACE_MAX)
        and (type(head.subject) is bytes and len(head.subject) in _SUBJECT_BYTES[head.kind])
        and (type(head.seq) is int and 1 <= head.seq <= INTEGER_MAX)
        and head.prev is None
        and (type(head.stamp) is int and type(head.expires) is int)
        and (0 <= head.stamp < head.expires <= INTEGER_MAX and head.expires <= head.stamp + life_ms_max(head.kind))
        and _is_audience(head.audience)
        and (type(head.fixed) is list and _are_fixed(head.fixed, head.audience))
        and (type(head.facts) is dict and _are_facts(head.facts, head.kind))
        and _has_body_or_ends(head)
        and head.thread == committed_thread_id(head)
    )


def _has_body_or_ends(head: Head) -> bool:
    if head.body_hash is None:
        return "ends" in head.facts
    return type(head.body_hash) is bytes and len(head.body_hash) == RECORD_ID_BYTES and "ends" not in head.facts


def _is_audience(audience: Any) -> bool:
    if type(audience) is bytes:
        return len(audience) == NETWORK_ID_BYTES
    return type(audience) is str and audience in AUDIENCES


def _are_fixed(fixed: list[Any], audience: str | bytes) -> bool:
    if len(fixed) != 4:
        return False
    category, area, unit, smallest_part = fixed
    return (
        (type(category) is str and len(category) <= CATEGORY_BYTES_MAX)
        and (type(area) is str and len(area) <= AREA_CHARACTERS_MAX)
        and (type(unit) is str and len(unit) <= UNIT_CHARACTERS_MAX)
        and _have_forms(category, area, unit)
        and (type(smallest_part) is int and 1 <= smallest_part <= QUANTITY_MAX)
        and (audience == "hub" or not is_sensitive(category))
    )


@lru_cache(maxsize=FORMS_REMEMBERED_MAX)
def _have_forms(category: str, area: str, unit: str) -> bool:
    """Judge the texts that a post shares with many others; their lengths are bounded, so what is kept is, too."""
    return all((CATEGORY_FORM.fullmatch(category), AREA_FORM.fullmatch(area), UNIT_FORM.fullmatch(unit)))


def _are_facts(facts: dict[Any, Any], kind: int) -> bool:
    return (
        _holds(facts, _FACTS)
        and ("level" not in facts or (kind == _OFFER and "quantity" not in facts))
        and ("level_at" not in facts or "level" in facts)
        and ("closes" in facts) == (facts.get("rule") == "fair")
    )


def _holds(values: dict[Any, Any], checks: Mapping[str, Check]) -> bool:
    """Tell whether every name is known, in its order, and every value passes the check of its name."""
    for name, value in values.items():
        check = checks.get(name)
        if check is None or not check(value):
            return False
    return _rises(values)


def _rises(values: dict[str, Any]) -> bool:
    return len(values) < 2 or list(values) == sorted(values)


def _is_true(value: Any) -> bool:
    return value is True


def _is_thread(value: Any) -> bool:
    return type(value) is bytes and len(value) == THREAD_ID_BYTES


def _is_window(value: Any) -> bool:
    return type(value) is list and [*map(type, value)] == [int, int] and 0 <= value[0] <= value[1] <= INTEGER_MAX


def _are_dates(value: Any) -> bool:
    if type(value) is not list or not 1 <= len(value) <= DATES_MAX or set(map(type, value)) != {int}:
        return False
    return value[0] >= 0 and value[-1] <= INTEGER_MAX and value == sorted(set(value))


def _are_attributes(value: Any) -> bool:
    if type(value) is not list or len(value) > ATTRIBUTES_MAX:
        return False
    return all(map(_is_attribute, value)) and len(set(value)) == len(value)


def _is_attribute(value: Any) -> bool:
    return type(value) is str and len(value) <= ATTRIBUTE_BYTES_MAX and ATTRIBUTE_FORM.fullmatch(value) is not None


@lru_cache(maxsize=FORMS_REMEMBERED_MAX)
def _is_language(tag: str) -> bool:
    return LANGUAGE_FORM.fullmatch(tag) is not None


def _integer(lowest: int, highest: int) -> Check:
    return lambda value: type(value) is int and lowest <= value <= highest


def _one_of(codes: frozenset[str]) -> Check:
    return lambda value: type(value) is str and value in codes


def _text(bytes_max: int) -> Check:
    return lambda value: type(value) is str and 1 <= len(value.encode()) <= bytes_max


def _texts(bytes_max: int, *, at_least: int) -> Check:
    def check(value: Any) -> bool:
        if type(value) is not dict or not at_least <= len(value) <= LANGUAGES_MAX:
            return False
        for tag, text in value.items():
            if type(tag) is not str or len(tag) > LANGUAGE_BYTES_MAX or not _is_language(tag):
                return False
            if type(text) is not str or not 1 <= len(text.encode()) <= bytes_max:
                return False
        return _rises(value)

    return check


_FACTS: Mapping[str, Check] = {
    "approx": _is_true,
    "best_before": _integer(0, INTEGER_MAX),
    "closes": _integer(0, INTEGER_MAX),
    "dates": _are_dates,
    "ends": _is_true,
    "level": _one_of(LEVELS),
    "level_at": _integer(0, INTEGER_MAX),
    "mode": _one_of(MODES),
    "parent": _is_thread,
    "people": _integer(1, PEOPLE_MAX),
    "quantity": _integer(1, QUANTITY_MAX),
    "reach": _integer(0, REACH_KM_MAX),
    "rule": _one_of(RULES),
    "urgency": _one_of(URGENCIES),
    "window": _is_window,
}
_BODY: Mapping[str, Check] = {
    "title": _texts(TITLE_BYTES_MAX, at_least=1),
    "text": _texts(TEXT_BYTES_MAX, at_least=0),
    "source": _text(SOURCE_BYTES_MAX),
    "repeats": _text(REPEATS_BYTES_MAX),
    **dict.fromkeys(ATTRIBUTE_LISTS, _are_attributes),
}
