"""Vectors of part R: wire form, head, ids, bodies, threads, registers, standing order, audience."""

from typing import Any

from protocol.vector_parts.composing import HEAD_ORDER, NOW, Fields, Made, digest, pack, prefix, seal, vector
from protocol.vector_parts.world import (
    CARD_BODY,
    CHARTER,
    FIXED,
    HUB,
    NETWORK,
    OTHER_HUB,
    POST_BODY,
    PROOFS,
    RECOVERY,
    SEAT,
    STRANGER,
    card,
    card_fields,
    charter_fields,
    fields_of,
    grant_fields,
    nonce,
    post,
    post_fields,
    step,
    step_fields,
    version,
)

# Per head field: values of the wrong type or beyond the bounds (R2). Signed properly, so nothing else is wrong.
WRONG_FIELDS: dict[str, list[Any]] = {
    "version": [0, 2, None, True, "1"],
    "network": [b"", bytes(15), bytes(17), bytes(16), "0" * 16, None],
    "kind": [0, 256, -1, None, True, "16"],
    "author": [b"", bytes(31), bytes(32), b"\x01" + bytes(31), b"\xed" + b"\xff" * 30 + b"\x7f", None, "a" * 32],
    "thread": [b"", bytes(15), bytes(16), bytes(17), None, "a" * 16],
    "place": [-1, 2**31, None, True, b"1"],
    "subject": [bytes(33), b"", None, "a" * 16, bytes(15)],
    "fixed": [None, {}, [], [*FIXED, 1], FIXED * 3, [None] * 4, [True, "", "C62", 1], [[], "", "C62", 1]],
    "seq": [0, -1, None, True, "1"],
    "prev": [bytes(32), b"", 0, False],
    "stamp": [-1, None, True, "0"],
    "expires": [0, None, True, "0"],
    "audience": ["", "all", None, 1, True, b"", bytes(15), bytes(17), [], {}, ["hub"]],
    "facts": [None, [], 1, b""],
    "body_hash": [b"", bytes(31), bytes(33), 0, False, "a" * 32],
}


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [
        *_wire(),
        *_fields(),
        *_ids_and_signatures(),
        *_bodies(),
        *_threads(),
        *_registers(),
        *_chains_and_registers(),
        *_standing(),
        *_audience_and_newer(),
    ]


def good(rule: str, name: str, made: Made, **expect: Any) -> Fields:
    """A record that opens."""
    return vector(rule, name, "record", made.wire, expect={"id": made.id, "thread": made.thread} | expect)


def bad(rule: str, name: str, made: Made | tuple[Any, ...], error: str = "bad_field", **more: Any) -> Fields:
    """A record that does not."""
    wire = made.wire if isinstance(made, Made) else made
    return vector(rule, name, "record", wire, error=error, **more)


def held(
    rule: str,
    name: str,
    records: list[Made],
    given: Any,
    *,
    kept: Any = None,
    bodies: Any = None,
    error: Any = None,
    **more: Any,
) -> Fields:
    """A record offered to a hub that was offered `records` before.

    `kept` is all that is held in the end, `bodies` the records whose body is.
    """
    wire = given.wire if isinstance(given, Made) else given
    settings = {"network": NETWORK, "now": NOW, "trusted": True, "records": [made.wire for made in records]}
    wanted = {"kept": kept, "bodies": bodies}
    expect = {what: sorted(made.id.hex() for made in of) for what, of in wanted.items() if of is not None}
    if expect:
        settings["expect"] = expect
    return vector(rule, name, "catalog", wire, error=error, **(settings | more))


def _wire() -> list[Fields]:
    head, signature, body = post().wire
    shapes = {
        "two parts": (head, signature),
        "four parts": (head, signature, body, None),
        "no head": (None, signature, body),
        "no signature": (head, None, body),
    }
    return [
        good("R1", "head, signature, body", post()),
        vector("R1", "head, signature, nil", "record", post().without_body, expect={"id": post().id}),
        *(bad("R1", name, shape, "bad_record") for name, shape in shapes.items()),
    ]


def _fields() -> list[Fields]:
    made = [good("R2", "fifteen fields in order", post()), good("R2", "a later charter", version(CHARTER))]
    made.append(bad("R2", "a later charter without a network", version(CHARTER, network=bytes(16))))
    head = [post().fields[name] for name in HEAD_ORDER]
    for name, fields in {"a field short": head[:-1], "a field long": [*head, None]}.items():
        packed = pack(fields)
        made.append(bad("R2", name, (packed, HUB.sign(prefix("record signature") + packed), None), "bad_head"))
    for name, values in WRONG_FIELDS.items():
        for value in values:
            wrong = seal(post_fields() | {name: value}, [HUB], POST_BODY)
            made.append(bad("R2", f"{name} is {value!r:.40}", wrong))
    swapped = [*head[:11], head[10] + 1, head[10], *head[13:]]
    packed = pack(swapped)
    made.append(
        bad("R2", "audience and expires swapped", (packed, HUB.sign(prefix("record signature") + packed), None))
    )
    return made


def _ids_and_signatures() -> list[Fields]:
    made = post()
    head, signature, body = made.wire
    other = post(name=2).wire
    fields = {"function": "record_id", "arguments": [head]}
    return [
        vector("R3", "the hash of the head", "derive", made.id, **fields),
        vector(
            "R3",
            "not of head and signature",
            "derive",
            digest("record id", head, signature),
            error="different",
            **fields,
        ),
        good("R4", "signed by its author", made),
        bad("R4", "signed by somebody else", seal(post_fields(), [OTHER_HUB], POST_BODY), "bad_signature"),
        bad("R4", "with another record's signature", (head, other[1], body), "bad_signature"),
        bad("R4", "signed without the prefix", (head, HUB.sign(head), body), "bad_signature"),
        bad("R4", "signed twice", seal(post_fields(), [HUB, HUB], POST_BODY), "bad_signature"),
    ]


def _bodies() -> list[Fields]:
    head, signature, body = post().wire
    assert body is not None
    long_text = {"title": {"en": "a"}, "text": dict.fromkeys(("en", "fr", "es"), "a" * 8000)}
    register = post()
    return [
        good("R5", "the body that the head names", post()),
        vector("R5", "the body has gone", "record", (head, signature, None), expect={"id": post().id}),
        bad("R5", "another body", (head, signature, post(name=2, facts={}).wire[2][:-1] + b"x"), "bad_body"),
        bad(
            "R5",
            "hashed without the prefix",
            seal(post_fields() | {"body_hash": b"\1" * 32}, [HUB], POST_BODY),
            "bad_body",
        ),
        good("R6", "a map", post()),
        bad("R6", "a list", seal(post_fields(), [HUB], [1])),
        bad("R6", "bytes that are not msgpack", seal(post_fields(), [HUB], b"\xc1"), "not_msgpack"),
        bad("R6", "a body without a hash in the head", seal(fields_of(HUB, 99, body_hash=None), [HUB], {}), "bad_body"),
        bad("R6", "more than 16 KiB", seal(post_fields(), [HUB], long_text), "too_large"),
        good(
            "R6", "a step's body of 1,024 bytes", seal(step_fields(register, 1, None), [HUB], {"sealed": bytes(1013)})
        ),
        bad(
            "R6",
            "a step's body of 1,025 bytes",
            seal(step_fields(register, 1, None), [HUB], {"sealed": bytes(1014)}),
            "too_large",
        ),
    ]


def _threads() -> list[Fields]:
    first = post()
    later = post(seq=7, stamp=first.fields["stamp"] + 1, facts={"quantity": 3})
    made = [
        good("R7", "a first version", first),
        good("R7", "a later version has the same thread", later, thread=first.thread),
        good("R7", "an unknown kind proves its thread too", seal(fields_of(HUB, 99, fixed=["a", 1, b"b"]), [HUB])),
    ]
    changed = {
        "network": STRANGER.public[:16],
        "audience": "partners",
        "place": 2,
        "subject": nonce(2),
        "fixed": ["water", "d7mq", "LTR", 1],
    }
    made += [
        bad(
            "R7",
            f"another {name} under the first thread",
            seal(post_fields() | {"thread": first.thread, name: value}, [HUB], POST_BODY),
        )
        for name, value in changed.items()
    ]
    return [
        *made,
        bad(
            "R7",
            "another kind under the first thread",
            seal(post_fields(kind=17) | {"thread": first.thread}, [HUB], POST_BODY),
        ),
    ]


def _registers() -> list[Fields]:
    need, offer = post(), post(kind=17, name=2, expires=post().fields["expires"] + 1)
    private = post(name=3, audience="hub")
    beside = post(OTHER_HUB, name=4)
    return [
        held("R8", "audience hub fills registers of its own", [*PROOFS, need], private, kept=[*PROOFS, need, private]),
        held("R8", "two authors have their own registers", [*PROOFS, need], beside, kept=[*PROOFS, need, beside]),
        held("R8", "another thread takes the place", [*PROOFS, need], offer, kept=[*PROOFS, offer]),
        held(
            "R8",
            "the place is taken by what lasts longer",
            [*PROOFS, offer],
            need,
            kept=[*PROOFS, offer],
            error="superseded",
        ),
    ]


def _chains_and_registers() -> list[Fields]:
    register = post()
    first = step(register, 1, None)
    made = [
        good("R9", "a register", register),
        good("R9", "a first step", first),
        good("R9", "a second charter with a prev", version(CHARTER)),
        bad("R9", "a second charter without a prev", version(CHARTER, prev=None)),
        good("R9", "a second step", step(register, 2, first)),
        good("R9", "the last possible step", step(register, 4096, first)),
        bad("R9", "a register with a prev", post(prev=bytes(32))),
        bad("R9", "a register without a place", post(place=None)),
        bad("R9", "a register that never expires", post(expires=None)),
        bad("R9", "a step too many", step(register, 4097, first)),
        bad("R9", "a first step with a prev", step(register, 1, register)),
        bad("R9", "a grant with something fixed", seal(grant_fields(SEAT, HUB, 0) | {"fixed": ["a"]}, [SEAT])),
        bad("R9", "a card with something fixed", card(fixed=["a"])),
        bad("R9", "a second step without a prev", step(register, 2, None)),
    ]
    wrong = {"expires": register.fields["expires"], "place": None, "subject": b"a", "fixed": ["a"]}
    made += [
        bad("R9", f"a step with {name} {value!r}", step(register, 1, None, **{name: value}))
        for name, value in wrong.items()
    ]
    return made


def _standing() -> list[Fields]:
    base = post()
    longer = post(expires=base.fields["expires"] + 1)
    newer = post(seq=2)
    later_stamp = post(stamp=base.fields["stamp"] + 1)
    low, high = sorted((base, later_stamp), key=lambda made: made.id)
    return [
        held("R10", "a later expires", [*PROOFS, newer], longer, kept=[*PROOFS, longer]),
        held("R10", "a higher seq", [*PROOFS, base], newer, kept=[*PROOFS, newer]),
        held("R10", "a higher id", [*PROOFS, low], high, kept=[*PROOFS, high]),
        held(
            "R10",
            "an earlier expires with a higher seq",
            [*PROOFS, longer],
            newer,
            kept=[*PROOFS, longer],
            error="superseded",
        ),
        held("R10", "a lower seq", [*PROOFS, newer], base, kept=[*PROOFS, newer], error="superseded"),
        held("R10", "a lower id", [*PROOFS, high], low, kept=[*PROOFS, high], error="superseded"),
    ]


def _audience_and_newer() -> list[Fields]:
    newer = {"quantity": 3, "from_version_2": [1, {"a": b"b"}]}
    unknown, unknown_step = seal(fields_of(HUB, 99), [HUB]), step(post(), 1, None, kind=200)
    return [
        *(
            good("R11", f"audience {name!r:.20}", post(audience=name))
            for name in ("hub", "network", "partners", NETWORK)
        ),
        *(bad("R11", f"audience {name!r:.20}", post(audience=name)) for name in ("Hub", "public", bytes(15), 3)),
        held("R12", "an unknown register is kept", list(PROOFS), unknown, kept=[*PROOFS, unknown]),
        held("R12", "an unknown step is kept", [*PROOFS, post()], unknown_step, kept=[*PROOFS, post(), unknown_step]),
        good("R12", "a fact of a later version", post(facts=newer)),
        good("R12", "a body key of a later version", seal(post_fields(), [HUB], POST_BODY | {"zz": 1})),
        good("R12", "a card's body key of a later version", seal(card_fields(), [HUB], CARD_BODY | {"zz": 1})),
        bad("R12", "an unknown kind by the rules of a register", seal(fields_of(HUB, 99, place=None), [HUB])),
        bad("R12", "an unknown kind without a thread that commits", seal(fields_of(HUB, 99, thread=bytes(16)), [HUB])),
        good(
            "R12",
            "a charter with a fact of a later version",
            seal(charter_fields(facts=CHARTER.fields["facts"] | {"zz": 1}), [SEAT]),
        ),
        good("R12", "a card", card()),
        bad("R12", "what only the recovery key signed", seal(post_fields(), [RECOVERY], POST_BODY), "bad_signature"),
    ]
