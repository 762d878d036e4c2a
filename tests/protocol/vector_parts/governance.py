"""Vectors of parts G and C: charters, grants, revocations, cards."""

from typing import Any

from protocol.vector_parts.composing import Fields, Made, Signer, digest, seal, signer, vector
from protocol.vector_parts.records import bad, good, held
from protocol.vector_parts.world import (
    CARD_BODY,
    CARD_FACTS,
    CHARTER,
    DEFAULTS,
    HUB,
    NETWORK,
    NODE,
    RECOVERY,
    RECOVERY_HASH,
    SEAT,
    SECOND_SEAT,
    STRANGER,
    by_kit,
    card,
    card_fields,
    charter_fields,
    consent,
    grant,
    grant_fields,
    handed,
    revoke,
    revoke_fields,
    version,
)

SMALL_ORDER_KEY = b"\x01" + bytes(31)
SEATS = CHARTER.fields["facts"]["seats"]
LEFT_OUT = object()
TOO_MANY_SEATS = SEATS[:1] + [[signer(f"seat {number}").public, bytes(32)] for number in range(12)]

WRONG_CHARTER: dict[str, list[Any]] = {
    "name": [LEFT_OUT, None, b"", bytes(241), "Nord", b"\xff"],
    "seats": [
        LEFT_OUT,
        None,
        [],
        TOO_MANY_SEATS,
        [SEATS[0], SEATS[0]],
        [SEATS[0][0]],
        [[SEATS[0][0]]],
        [[SMALL_ORDER_KEY, bytes(32)]],
        [[bytes(31), bytes(32)]],
        [[SEATS[0][0], bytes(31)]],
        [[SEATS[0][0], None]],
    ],
    "threshold": [LEFT_OUT, None, 0, 3, True, "1"],
    "defaults": [LEFT_OUT, None, []],
}
WRONG_DEFAULTS: dict[str, list[Any]] = {
    "places": [LEFT_OUT, 0, 1_000_001, None, True],
    "invites": [LEFT_OUT, 0, 100_001, None],
    "retention_days": [LEFT_OUT, 0, 401, None],
    "open": [LEFT_OUT, None, 1, "no"],
    "languages": [LEFT_OUT, None, ["en"] * 9, ["EN"], ["english"], [1], ["e"], ["en-"], ["en-Latn-419"]],
}
WRONG_GRANT: dict[str, list[Any]] = {
    "rank": [LEFT_OUT, None, "seat", "Hub", 2, ["hub"]],
    "places": [LEFT_OUT, None, -1, 1_000_001, True],
    "invites": [LEFT_OUT, None, -1, 100_001],
    "gateway": [None, 1, "yes"],
    "approx": [None, False, 1, "true"],
    "recovery": [b"", [], [bytes(32)], [bytes(31), bytes(64)], [bytes(32), bytes(63)], [bytes(32), bytes(64), None]],
}
WRONG_CARD: dict[str, list[Any]] = {
    "type": [LEFT_OUT, None, "Hub", "person", 1],
    "nodes": [None, [NODE] * 5, [bytes(31)], [SMALL_ORDER_KEY], NODE],
    "addresses": [None, ["a:1"] * 9, [""], ["a" * 81], [b"a"], "a:1"],
    "box": [None, bytes(31), "a" * 32],
    "approx": [None, False, 1, "true"],
    "languages": [None, ["en"] * 9, ["EN"], "en"],
}
WRONG_CARD_BODY: dict[str, list[Any]] = {
    "name": [LEFT_OUT, None, "", "a" * 241, b"Hub"],
    "about": [None, {"en": ""}, {"EN": "a"}, {"en": 1}, {"en": "a" * 8193}, "text"],
    "hours": [None, [], {"en": ""}, {"en": b"a"}],
}


def changed(facts: Fields, name: str, value: Any) -> Fields:
    """Facts with one of them changed or left out."""
    if value is LEFT_OUT:
        return {key: item for key, item in facts.items() if key != name}
    return facts | {name: value}


def says(name: str, value: Any) -> str:
    """What a vector is called whose field `name` is wrong."""
    return f"{name} is left out" if value is LEFT_OUT else f"{name} is {value!r:.50}"


def vectors() -> list[Fields]:
    """All vectors of these parts."""
    return [*_charter(), *_signing(), *_following(), *_charter_facts(), *_grant(), *_revoke(), *_recovery(), *_card()]


def _charter() -> list[Fields]:
    first: dict[str, list[Any]] = {
        "author": [SEAT.public],
        "network": [NETWORK],
        "place": [0],
        "prev": [bytes(32)],
        "expires": [CHARTER.fields["stamp"] + 1],
        "seq": [2],
        "fixed": [["a"]],
        "audience": ["hub", "partners", bytes(16)],
        "subject": [b"", bytes(15), SEAT.public],
        "body_hash": [bytes(32)],
    }
    later: dict[str, list[Any]] = {
        "author": [SEAT.public],
        "network": [bytes(16)],
        "place": [0],
        "prev": [None, bytes(31)],
        "expires": [CHARTER.fields["stamp"] + 1],
        "seq": [1, 65],
        "audience": ["hub"],
        "subject": [b""],
    }
    made = [
        good("G1", "a first charter", CHARTER),
        good("G1", "a second one", version(CHARTER)),
        good("G1", "the last that a network can have", version(CHARTER, seq=64)),
    ]
    for name, values in first.items():
        made += [bad("G1", says(name, value), seal(charter_fields(**{name: value}), [SEAT])) for value in values]
    for name, values in later.items():
        made += [
            bad("G1", f"in a second one {says(name, value)}", version(CHARTER, **{name: value})) for value in values
        ]
    return made


def _with_facts(*signers: Signer, **facts: Any) -> Made:
    return seal(charter_fields(facts=CHARTER.fields["facts"] | facts), signers)


def _in_order(*signers: Signer) -> list[Signer]:
    return sorted(signers, key=lambda one: one.public)


def _keys(*signers: Signer) -> list[bytes]:
    return [one.public for one in _in_order(*signers)]


def _signing() -> list[Fields]:
    low, high = _in_order(SEAT, SECOND_SEAT)
    both = {"threshold": 2, "signers": _keys(SEAT, SECOND_SEAT)}
    network_id = {"function": "network_id", "arguments": list(CHARTER.wire[:1])}
    by_recovery = {"signers": _keys(RECOVERY)}
    twice = {"threshold": 2, "signers": _keys(SEAT, RECOVERY)}
    once = twice | {"threshold": 1}
    inside_out = _in_order(SEAT, RECOVERY)
    wrong = ([], [high.public, low.public], [low.public] * 2, [0], [bytes(31)], [SMALL_ORDER_KEY], [True], None, 0)
    return [
        good("G2", "one of two seats, threshold one", CHARTER),
        good("G2", "the second seat alone", _with_facts(SECOND_SEAT, signers=_keys(SECOND_SEAT))),
        good("G2", "both seats, threshold two", _with_facts(low, high, **both)),
        good("G2", "the recovery key of a seat signs", _with_facts(RECOVERY, **by_recovery)),
        good("G2", "a seat and its recovery key, threshold one", _with_facts(*inside_out, **once)),
        good("G2", "a later one, by anybody at all", version(CHARTER, STRANGER)),
        bad("G2", "signatures in the wrong order", _with_facts(high, low, **both), "bad_signature"),
        bad("G2", "a signature short", _with_facts(low, **both), "bad_signature"),
        bad("G2", "a signature long", _with_facts(SEAT, SECOND_SEAT), "bad_signature"),
        bad("G2", "one seat twice", _with_facts(SEAT, SEAT, **both), "bad_signature"),
        bad("G2", "somebody else signs", _with_facts(STRANGER), "bad_signature"),
        bad("G2", "a first one, by a stranger", _with_facts(STRANGER, signers=_keys(STRANGER))),
        bad(
            "G2",
            "a first one, by a stranger as well",
            _with_facts(*_in_order(SEAT, STRANGER), signers=_keys(SEAT, STRANGER)),
        ),
        bad("G2", "a seat and its recovery key count once", _with_facts(*inside_out, **twice)),
        bad("G2", "fewer signers than the threshold", _with_facts(SEAT, threshold=2)),
        *(bad("G2", says("signers", value), _with_facts(SEAT, signers=value)) for value in wrong),
        vector("G3", "the first half of the charter's id", "derive", CHARTER.id[:16], **network_id),
        vector("G3", "not the second half", "derive", CHARTER.id[16:], error="different", **network_id),
        held("G3", "the charter of this network", [], CHARTER, kept=[CHARTER]),
        held(
            "G3",
            "the charter of another network",
            [CHARTER],
            _with_facts(SECOND_SEAT, signers=_keys(SECOND_SEAT)),
            kept=[CHARTER],
            error="other_network",
        ),
    ]


def _following() -> list[Fields]:
    """Rule G9: which charter stands, and which are kept."""
    second, third = version(CHARTER), version(version(CHARTER))
    low, high = sorted((version(CHARTER, name=name) for name in "ab"), key=lambda one: one.id)
    worse = sorted((version(CHARTER, name=name) for name in "abcdefgh"), key=lambda one: one.id)
    both = version(CHARTER, SEAT, SECOND_SEAT, name="both")
    twice = version(CHARTER, SEAT, RECOVERY, name="twice")
    strict = _with_facts(*_in_order(SEAT, SECOND_SEAT), threshold=2, signers=_keys(SEAT, SECOND_SEAT))
    theirs = {"network": strict.id[:16]}
    new_seats = {"seats": [[STRANGER.public, bytes(32)]], "threshold": 1}
    handed_over = version(CHARTER, facts=new_seats)
    by_new, by_old = version(handed_over, STRANGER), version(handed_over, SEAT)
    return [
        held("G9", "a second version", [CHARTER], second, kept=[CHARTER, second]),
        held("G9", "a third", [CHARTER, second], third, kept=[CHARTER, second, third]),
        held("G9", "by the recovery key of a seat", [CHARTER], version(CHARTER, RECOVERY)),
        held("G9", "one whose predecessor has not come", [CHARTER], third, kept=[CHARTER], error="waits_record"),
        held("G9", "of two the one with the lower id stands", [CHARTER, high], low, kept=[CHARTER, low, high]),
        held(
            "G9", "what follows it stands", [CHARTER, high, low], version(low), kept=[CHARTER, low, high, version(low)]
        ),
        held(
            "G9",
            "what follows the other goes",
            [CHARTER, high, version(high)],
            low,
            kept=[CHARTER, low, high],
        ),
        held(
            "G9",
            "or does not come",
            [CHARTER, high, low],
            version(high),
            kept=[CHARTER, low, high],
            error="bad_charter",
        ),
        held("G9", "the one that more seats sign", [CHARTER, worse[0]], both, kept=[CHARTER, both, worse[0]]),
        held("G9", "both keys of a seat count once", [CHARTER, both], twice, kept=[CHARTER, both, twice]),
        held("G9", "of three the best two", [CHARTER, *worse[1:3]], worse[0], kept=[CHARTER, *worse[:2]]),
        held("G9", "not the third", [CHARTER, *worse[:2]], worse[2], kept=[CHARTER, *worse[:2]], error="superseded"),
        held("G9", "by a stranger", [CHARTER], version(CHARTER, STRANGER), kept=[CHARTER], error="bad_charter"),
        held(
            "G9", "by a stranger, too", [CHARTER], version(CHARTER, SEAT, STRANGER), kept=[CHARTER], error="bad_charter"
        ),
        held(
            "G9",
            "by fewer seats than the one before asks for",
            [strict],
            version(strict, SEAT, facts={"threshold": 1}, **theirs),
            kept=[strict],
            error="bad_charter",
            **theirs,
        ),
        held("G9", "by as many", [strict], version(strict, SEAT, SECOND_SEAT, **theirs), **theirs),
        held(
            "G9", "by the seats of the one before", [CHARTER, handed_over], by_new, kept=[CHARTER, handed_over, by_new]
        ),
        held(
            "G9",
            "by seats that it has no more",
            [CHARTER, handed_over],
            by_old,
            kept=[CHARTER, handed_over],
            error="bad_charter",
        ),
        held("G9", "a number left out", [CHARTER], version(CHARTER, seq=3), kept=[CHARTER], error="bad_charter"),
        held("G9", "of another network", [CHARTER], version(CHARTER, network=bytes(15) + b"n"), error="other_network"),
    ]


def _charter_facts() -> list[Fields]:
    facts = CHARTER.fields["facts"]
    full = DEFAULTS | {
        "places": 1_000_000,
        "invites": 100_000,
        "retention_days": 400,
        "open": True,
        "languages": ["zh-Hant"],
    }
    made = [
        good("G4", "a name beyond ASCII", CHARTER),
        good("G4", "the largest defaults", _with_facts(SEAT, defaults=full, name=bytes(b"a" * 240))),
    ]
    for name, values in WRONG_CHARTER.items():
        made += [
            bad("G4", says(name, value), seal(charter_fields(facts=changed(facts, name, value)), [SEAT]))
            for value in values
        ]
    for name, values in WRONG_DEFAULTS.items():
        made += [
            bad("G4", says(f"defaults.{name}", value), _with_facts(SEAT, defaults=changed(DEFAULTS, name, value)))
            for value in values
        ]
    return made


def _grant() -> list[Fields]:
    facts = {"rank": "hub", "places": 50, "invites": 3, "gateway": True, "recovery": consent(HUB)}
    fields = grant_fields(SEAT, HUB, 0) | {"facts": facts}
    made = [
        good("G5", "every fact", seal(fields, [SEAT])),
        good("G5", "no places, no invites", grant(SEAT, HUB, 0, rank="member", places=0, invites=0)),
        good("G5", "dates that are about right only", grant(SEAT, HUB, 0, approx=True)),
        good("G5", "recovery nil", grant(SEAT, HUB, 0, recovery=None)),
        good("G5", "an end that says nothing else", seal(fields | {"facts": {"ends": True}}, [SEAT])),
        bad("G5", "an end with a wrong recovery", seal(fields | {"facts": {"ends": True, "recovery": 5}}, [SEAT])),
        bad("G5", "an end with a wrong rank", seal(fields | {"facts": {"ends": True, "rank": "seat"}}, [SEAT])),
        bad("G5", "a grant with a body", seal(fields, [SEAT], {})),
    ]
    for name, values in WRONG_GRANT.items():
        made += [
            bad("G5", says(name, value), seal(fields | {"facts": changed(facts, name, value)}, [SEAT]))
            for value in values
        ]
    heads = {
        "audience": ["hub", "partners"],
        "subject": [b"", bytes(31), SMALL_ORDER_KEY],
        "place": [None],
        "fixed": [["a"]],
    }
    for name, wrong in heads.items():
        made += [bad("G5", says(name, value), seal(fields | {name: value}, [SEAT])) for value in wrong]
    return made


def _revoke() -> list[Fields]:
    fields = revoke_fields(SEAT, HUB)
    made = [
        good("G6", "a revocation", revoke(SEAT, HUB)),
        good("G6", "with a successor", revoke(SEAT, HUB, facts={"successor": STRANGER.public})),
        good("G6", "successor nil", revoke(SEAT, HUB, facts={"successor": None})),
        good("G6", "with the successor's recovery key", handed(RECOVERY, HUB, STRANGER, consent(STRANGER))),
        good("G6", "the successor's recovery nil", revoke(SEAT, HUB, facts={"recovery": None})),
        good("G6", "with its subject's consent", by_kit(RECOVERY, HUB)),
        good("G6", "consent nil", revoke(SEAT, HUB, facts={"consent": None})),
        bad("G6", "with a consent and nothing fixed", by_kit(RECOVERY, HUB, fixed=[])),
        bad("G6", "with something else fixed", by_kit(RECOVERY, HUB, fixed=["consent", "consent"])),
        bad("G6", "a revocation with a body", seal(fields, [SEAT], {})),
    ]
    wrong: dict[str, list[Any]] = {
        "audience": ["hub", "partners"],
        "subject": [b"", bytes(31)],
        "place": [0],
        "fixed": [["a"], ["consent"]],
        "facts": [
            {"ends": True},
            {"consent": bytes(63)},
            {"consent": "a" * 64},
            {"successor": b""},
            {"successor": SMALL_ORDER_KEY},
            {"successor": "a" * 32},
            {"recovery": consent(STRANGER)},
            *({"successor": STRANGER.public, "recovery": it} for it in ([], [bytes(32)])),
        ],
    }
    for name, values in wrong.items():
        made += [bad("G6", says(name, value), seal(fields | {name: value}, [SEAT])) for value in values]
    return made


def _recovery() -> list[Fields]:
    """The recovery key of a hub revokes it, if the hub itself consented."""
    named = grant(SEAT, HUB, 0, recovery=consent(HUB))
    forced = grant(SEAT, HUB, 0, recovery=[RECOVERY_HASH, SEAT.sign(b"not the hub's")])
    removal = by_kit(RECOVERY, HUB)
    of_another = consent(HUB, digest("recovery key", STRANGER.public))[1]
    hashed = {"function": "recovery_hash", "arguments": [RECOVERY.public]}
    return [
        vector("G7", "the hash under its prefix", "derive", RECOVERY_HASH, **hashed),
        vector("G7", "a plain hash", "derive", digest("body", RECOVERY.public), error="different", **hashed),
        held("G8", "with the hub's own signature", [CHARTER, named], removal, kept=[CHARTER, named, removal]),
        held("G8", "a grant without consent is still a grant", [CHARTER], forced, kept=[CHARTER, forced]),
        bad(
            "G8", "signed by another", by_kit(RECOVERY, HUB, {"consent": SEAT.sign(b"not the hub's")}), "bad_signature"
        ),
        bad("G8", "for another recovery key", by_kit(RECOVERY, HUB, {"consent": of_another}), "bad_signature"),
    ]


def _card() -> list[Fields]:
    fields = card_fields()
    place = card_fields(subject=b"the school", facts={"type": "place"})
    made = [
        good("C1", "a hub's card with everything", card()),
        good("C1", "dates that are about right only", card(facts=CARD_FACTS | {"approx": True})),
        good("C1", "a place", seal(place, [HUB], CARD_BODY)),
        good("C1", "an end that says nothing else", seal(fields | {"facts": {"ends": True}}, [HUB])),
        bad("C1", "no subject", seal(place | {"subject": b""}, [HUB], CARD_BODY)),
        bad(
            "C1", "an end with wrong nodes", seal(fields | {"facts": {"ends": True, "type": "hub", "nodes": 5}}, [HUB])
        ),
        good("C2", "about its author, with a node", card()),
        bad("C2", "about another key", card(subject=STRANGER.public)),
        bad("C2", "without a node", card(facts=CARD_FACTS | {"nodes": []})),
        bad("C2", "nodes left out", card(facts={"type": "hub"})),
        good("C3", "a name alone", seal(fields, [HUB], {"name": "Hub"})),
        bad("C3", "no body", seal(fields, [HUB])),
        bad("C3", "an end with a body", card(facts={"ends": True})),
    ]
    for name, values in WRONG_CARD.items():
        made += [bad("C1", says(name, value), card(facts=changed(CARD_FACTS, name, value))) for value in values]
    for name, values in WRONG_CARD_BODY.items():
        made += [bad("C3", says(name, value), seal(fields, [HUB], changed(CARD_BODY, name, value))) for value in values]
    return made
