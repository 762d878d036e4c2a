"""Steps: what is said, one after the other, in the chain of a need or an offer (SPEC, part D).

In: the head or the body of a record of kind 128, whose frame `kinds` has checked. Out: nothing, or a `RecordError` that
names the field. Shapes alone: whether the chain allows a step is judged in `exchange`, from the chain's own steps.

A verb that this version does not know is kept with whatever facts and body it has; so are unknown facts of known verbs.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from hartig_protocol.limits import (
    CONTACT_BOX_BYTES_MAX,
    CONTACT_BOX_BYTES_MIN,
    HOLD_MIN_MAX,
    INTEGER_MAX,
    NETWORK_ID_BYTES,
    QUANTITY_MAX,
    RECORD_ID_BYTES,
    THREAD_ID_BYTES,
    VERB_BYTES_MAX,
)
from hartig_protocol.records.fields import bytes_of, integer, need, one_of, refuse
from hartig_protocol.records.keys import is_strict_key
from hartig_protocol.records.posts import check_dates
from hartig_protocol.records.record import Head


class Verb(StrEnum):
    """What a step does."""

    COUNT = "count"
    PROMISE = "promise"
    ALLOT = "allot"
    RELEASE = "release"
    HANDOVER = "handover"
    SURRENDER = "surrender"
    CLAIM = "claim"
    CANCEL = "cancel"
    RECEIVE = "receive"
    GIVE_BACK = "give_back"
    CONTACT = "contact"
    CLOSE = "close"


class Why(StrEnum):
    """Why something is counted, or released."""

    OPENED = "opened"
    FOUND = "found"
    RESTOCKED = "restocked"
    GIVEN_BACK = "given_back"
    SURRENDERED = "surrendered"
    LOST = "lost"
    NEEDED = "needed"
    DECLINED = "declined"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


class How(StrEnum):
    """How something arrived."""

    OK = "ok"
    SHORT = "short"
    BAD = "bad"


RELEASES = frozenset({Why.DECLINED, Why.LAPSED, Why.CANCELLED})
COUNTS = frozenset(Why) - RELEASES
OPENINGS = frozenset({Why.OPENED, Why.NEEDED})  # they may be 0, and may say several dates at once

_VERB = re.compile(r"[a-z_]+")
_Check = Callable[[str, Any], None]


def check_step_facts(head: Head) -> None:
    """Check the verb of a step, and the facts of a verb that is known (SPEC D1, D2)."""
    facts = head.facts
    verb = facts.get("verb")
    if type(verb) is not str or len(verb) > VERB_BYTES_MAX or _VERB.fullmatch(verb) is None:
        refuse("facts.verb", f"must be 1 to {VERB_BYTES_MAX} of a-z and _")
    shape = _SHAPES.get(verb)
    if shape is None:
        return
    required, optional = shape
    for name, check in required.items():
        check(f"facts.{name}", facts.get(name))
    for name, check in optional.items():
        if name in facts:
            check(f"facts.{name}", facts[name])
    if verb == Verb.COUNT:
        _check_count(facts)
    elif verb == Verb.HANDOVER:
        alone = "of" not in facts
        need(alone or "claim" not in facts, "facts.claim", "the promise says it")
        need(alone or "date" not in facts, "facts.date", "the promise says it")
    if (verb == Verb.CONTACT) != (head.body_hash is not None):
        refuse("body_hash", "a contact has a body, and no other step that is known")


def check_step_body(head: Head, body: dict[str, Any]) -> None:
    """Check the body of a step: what is sealed to the people of a deal (SPEC D2)."""
    if head.facts["verb"] == Verb.CONTACT:
        box = body.get("box")
        fits = type(box) is bytes and CONTACT_BOX_BYTES_MIN <= len(box) <= CONTACT_BOX_BYTES_MAX
        need(fits, "body.box", f"must be {CONTACT_BOX_BYTES_MIN} to {CONTACT_BOX_BYTES_MAX} bytes")


def _check_count(facts: dict[str, Any]) -> None:
    quantity, why = facts["quantity"], facts["why"]
    if why in OPENINGS:
        need(quantity >= 0, "facts.quantity", "must not be negative")
    elif why == Why.LOST:
        need(quantity < 0, "facts.quantity", "what is lost is negative")
    else:
        need(quantity > 0, "facts.quantity", "must be at least 1")
    need(why != Why.SURRENDERED or "of" in facts, "facts.of", "which surrender is counted must be said")
    need("dates" not in facts or why in OPENINGS, "facts.dates", "only a first count may name several")
    need("dates" not in facts or "date" not in facts, "facts.dates", "either one date or several")


def _strict_key(field: str, value: Any) -> None:
    need(type(value) is bytes and is_strict_key(value), field, "is not a strict Ed25519 key")


_id: _Check = partial(bytes_of, length=RECORD_ID_BYTES)
_thread: _Check = partial(bytes_of, length=THREAD_ID_BYTES)
_network: _Check = partial(bytes_of, length=NETWORK_ID_BYTES)
_date: _Check = partial(integer, lowest=0, highest=INTEGER_MAX)
_some: _Check = partial(integer, lowest=1, highest=QUANTITY_MAX)
_some_or_none: _Check = partial(integer, lowest=0, highest=QUANTITY_MAX)
_change: _Check = partial(integer, lowest=-QUANTITY_MAX, highest=QUANTITY_MAX)
_hold: _Check = partial(integer, lowest=1, highest=HOLD_MIN_MAX)
_why_counted: _Check = partial(one_of, allowed=COUNTS)
_why_released: _Check = partial(one_of, allowed=RELEASES)
_how: _Check = partial(one_of, allowed=frozenset(How))

# Of each verb: the facts that it must have, and those that it may have.
_SHAPES: Mapping[str, tuple[Mapping[str, _Check], Mapping[str, _Check]]] = {
    Verb.COUNT: ({"quantity": _change, "why": _why_counted}, {"of": _id, "date": _date, "dates": check_dates}),
    Verb.PROMISE: ({"claim": _id, "quantity": _some, "hold": _hold}, {"date": _date}),
    Verb.ALLOT: ({"hub": _strict_key, "quantity": _some}, {"date": _date}),
    Verb.RELEASE: ({"of": _id, "why": _why_released}, {}),
    Verb.HANDOVER: ({"quantity": _some}, {"of": _id, "claim": _id, "date": _date}),
    Verb.SURRENDER: ({"quantity": _some}, {"date": _date}),
    Verb.CLAIM: ({"lot": _thread, "quantity": _some, "asks": _some}, {"date": _date, "lot_date": _date}),
    Verb.CANCEL: ({"of": _id}, {}),
    Verb.RECEIVE: ({"of": _id, "how": _how, "quantity": _some_or_none}, {}),
    Verb.GIVE_BACK: ({"of": _id, "quantity": _some}, {}),
    Verb.CONTACT: ({"of": _id}, {"to": _network}),
    Verb.CLOSE: ({}, {}),
}
