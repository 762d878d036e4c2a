"""What each kind may say: one table from kind to its rules (SPEC, parts R, G, N, C and D).

In: a decoded head or body. Out: nothing, or a `RecordError` that names the field. Fields that a newer version may
add to the facts or the body of a known kind are ignored here and kept as they are.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hartig_protocol.limits import (
    FIXED_ITEMS_MAX,
    INTEGER_MAX,
    KEY_BYTES,
    KIND_MAX,
    LIFE_LONG_MS_MAX,
    LIFE_MS_MAX,
    LIFE_REVOKE_MS_MAX,
    NETWORK_ID_BYTES,
    PLACE_MAX,
    RECORD_ID_BYTES,
    STEPS_MAX,
    SUBJECT_BYTES_MAX,
    THREAD_ID_BYTES,
    VERSION_HIGHEST,
    VERSION_LOWEST,
)
from hartig_protocol.records import governance, marks, pacts, posts, steps
from hartig_protocol.records.fields import bytes_of, integer, need
from hartig_protocol.records.keys import is_strict_key
from hartig_protocol.records.record import NO_KEY, NO_NETWORK, Head, Kind, committed_thread_id

AUDIENCES = frozenset({"hub", "network", "partners"})
WITHOUT_PLACE = frozenset({Kind.CHARTER, Kind.REVOKE})

LIFE_MS: Mapping[int, int] = {
    Kind.GRANT: LIFE_LONG_MS_MAX,
    Kind.CARD: LIFE_LONG_MS_MAX,
    Kind.PACT: LIFE_LONG_MS_MAX,
    Kind.REVOKE: LIFE_REVOKE_MS_MAX,
}

_FACTS: Mapping[int, Callable[[Head], None]] = {
    Kind.CHARTER: governance.check_charter,
    Kind.GRANT: governance.check_grant,
    Kind.REVOKE: governance.check_revoke,
    Kind.PACT: pacts.check_pact,
    Kind.CARD: governance.check_card,
    Kind.NEED: posts.check_post,
    Kind.OFFER: posts.check_post,
    Kind.MARK: marks.check_mark,
    Kind.STEP: steps.check_step_facts,
}
_BODIES: Mapping[int, Callable[[Any], None]] = {
    Kind.CARD: governance.check_card_body,
    Kind.NEED: posts.check_post_body,
    Kind.OFFER: posts.check_post_body,
}
_BODIES_BY_HEAD: Mapping[int, Callable[[Head, Any], None]] = {
    Kind.MARK: marks.check_mark_body,
    Kind.STEP: steps.check_step_body,
}
_FIXED_TYPES = frozenset({str, int, bytes})
_NEVER_BODY = frozenset({Kind.CHARTER, Kind.GRANT, Kind.REVOKE, Kind.PACT})
_ALWAYS_BODY = frozenset({Kind.NEED, Kind.OFFER, Kind.CARD})


def life_ms_max(kind: int) -> int:
    """Return how long after its stamp a record of this kind may last, in ms (SPEC L1)."""
    return LIFE_MS.get(kind, LIFE_MS_MAX)


def check_head(head: Head) -> None:
    """Check every field of a head that can be judged alone; raise `RecordError` that names the field."""
    _check_frame(head)
    if head.is_chain:
        _check_step(head)
    else:
        _check_register(head)
    check_facts = _FACTS.get(head.kind)
    if check_facts is not None:
        check_facts(head)
    need(head.kind not in _NEVER_BODY or head.body_hash is None, "body_hash", "this kind has no body")
    if head.kind in _ALWAYS_BODY:
        need(
            head.ends == (head.body_hash is None),
            "body_hash",
            "a version has a body unless it ends its thread",
        )


def check_body(head: Head, body: Any) -> None:
    """Check a decoded body against the rules of its kind."""
    need(type(body) is dict, "body", "must be a map")
    check = _BODIES.get(head.kind)
    if check is not None:
        check(body)
    elif head.kind in _BODIES_BY_HEAD:
        _BODIES_BY_HEAD[head.kind](head, body)


def _check_frame(head: Head) -> None:
    """Check what every head has, whatever its kind."""
    integer("version", head.version, VERSION_LOWEST, VERSION_HIGHEST)
    bytes_of("network", head.network, NETWORK_ID_BYTES)
    integer("kind", head.kind, 1, KIND_MAX)
    bytes_of("author", head.author, KEY_BYTES)
    bytes_of("thread", head.thread, THREAD_ID_BYTES)
    if head.place is not None:
        integer("place", head.place, 0, PLACE_MAX)
    need(
        type(head.subject) is bytes and len(head.subject) <= SUBJECT_BYTES_MAX,
        "subject",
        "too long or no bytes",
    )
    need(type(head.fixed) is list and len(head.fixed) <= FIXED_ITEMS_MAX, "fixed", "must be a short list")
    need(_FIXED_TYPES.issuperset(map(type, head.fixed)), "fixed", "holds text, integers and bytes")
    integer("seq", head.seq, 1, INTEGER_MAX)
    integer("stamp", head.stamp, 0, INTEGER_MAX)
    if type(head.audience) is bytes:
        bytes_of("audience", head.audience, NETWORK_ID_BYTES)
    else:
        known = type(head.audience) is str and head.audience in AUDIENCES
        need(known, "audience", "must be hub, network, partners or a network id")
    need(type(head.facts) is dict, "facts", "must be a map")
    if head.body_hash is not None:
        bytes_of("body_hash", head.body_hash, RECORD_ID_BYTES)
    is_charter = head.kind == Kind.CHARTER
    need((head.author == NO_KEY) == is_charter, "author", "only a charter has no author, and it has none")
    need(is_charter or is_strict_key(head.author), "author", "is not a strict Ed25519 key")
    is_first = is_charter and head.seq == 1
    need((head.network == NO_NETWORK) == is_first, "network", "only a first charter has no network id")


def _check_register(head: Head) -> None:
    need(head.prev is None or head.kind == Kind.CHARTER, "prev", "a register has none")
    need((head.place is None) == (head.kind in WITHOUT_PLACE), "place", "missing, or one too many")
    if head.kind == Kind.CHARTER:
        need(head.expires is None, "expires", "a charter has none")
    else:
        integer("expires", head.expires, head.stamp + 1, head.stamp + life_ms_max(head.kind))
    need("ends" not in head.facts or head.facts["ends"] is True, "facts.ends", "is true or left out")
    need(
        not (head.ends and head.body_hash is not None),
        "body_hash",
        "a version that ends its thread has no body",
    )
    may_be_fixed = head.kind not in (Kind.CHARTER, Kind.GRANT, Kind.PACT, Kind.CARD)
    need(may_be_fixed or not head.fixed, "fixed", "must be empty for this kind")
    need(head.thread == committed_thread_id(head), "thread", "does not commit to the fixed fields of this head")


def _check_step(head: Head) -> None:
    need(head.expires is None, "expires", "a step has none")
    need(head.place is not None, "place", "a step repeats the place of its register")
    need(not head.subject, "subject", "a step has none")
    need(not head.fixed, "fixed", "a step has none")
    need(head.seq <= STEPS_MAX, "seq", f"a chain has at most {STEPS_MAX} steps; open a new lot by count")
    if head.seq == 1:
        need(head.prev is None, "prev", "the first step has none")
    else:
        bytes_of("prev", head.prev, RECORD_ID_BYTES)
