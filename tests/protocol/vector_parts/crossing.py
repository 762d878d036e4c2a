"""Vectors of part X: pacts, which of them counts, what crosses, and how two networks speak."""

import base64
from typing import Any

from protocol.vector_parts.composing import DAY_MS, NOW, STAMP, Fields, Made, digest, pack, seal, signer, vector
from protocol.vector_parts.links import hello, session
from protocol.vector_parts.marks import flag
from protocol.vector_parts.records import bad, good, held
from protocol.vector_parts.sets import EPOCH
from protocol.vector_parts.world import (
    CARD_BODY,
    CHARTER,
    FIXED,
    HUB,
    HUB_GRANT,
    NETWORK,
    NODE,
    ORGANISER,
    ORGANISER_GRANT,
    OTHER_NODE,
    PACT_FACTS,
    PARTNER,
    PROOFS,
    SEAT,
    THIRD,
    card,
    card_fields,
    charter_fields,
    fields_of,
    grant,
    pact,
    pact_fields,
    post,
    step_fields,
)

PROVEN = [CHARTER, ORGANISER_GRANT]
OFFER, NEED = 17, 16


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [
        *_said(),
        *_authors(),
        *_counting(),
        *_crossing(),
        *_kept(),
        *_enclosed(),
        *_greetings(),
        *_strangers(),
        *_codes(),
    ]


def _said() -> list[Fields]:
    wrong: dict[str, Any] = {
        "about its own network": pact_fields(partner=NETWORK),
        "for its network": pact_fields(audience="network"),
        "for a third": pact_fields(audience=THIRD),
        "about a key": pact_fields(subject=HUB.public),
        "with something fixed": pact_fields(fixed=["x"]),
    }
    facts: dict[str, Any] = {
        "that shares nothing": {"kinds": []},
        "that shares needs": {"kinds": ["need"]},
        "that says a kind twice": {"kinds": ["offer", "offer"]},
        "with kinds in the wrong order": {"kinds": ["offer", "note"]},
        "without categories": {"categories": None},
        "with a category that is none": {"categories": ["Food"]},
        "with 49 categories": {"categories": [f"food.x{number:02}" for number in range(49)]},
        "with an area that is none": {"areas": ["aaa"]},
        "with an area of six characters": {"areas": ["d7mpqr"]},
        "with a number as an area": {"areas": [7]},
        "to be kept for no day": {"retention_days": 0},
        "to be kept for 401 days": {"retention_days": 401},
    }
    wrong |= {name: pact_fields(facts=PACT_FACTS | said) for name, said in facts.items()}
    many = {"kinds": ["note", "offer"], "categories": [f"food.x{number:02}" for number in range(48)], "areas": []}
    return [
        good("X1", "a pact", pact()),
        good("X1", "about all", pact(facts=PACT_FACTS | {"categories": [], "areas": []})),
        good("X1", "about much", pact(facts=PACT_FACTS | many)),
        good("X1", "one that ends", pact(facts={"ends": True})),
        *(bad("X1", f"a pact {name}", seal(fields, [ORGANISER])) for name, fields in wrong.items()),
        bad("X1", "a pact with a body", seal(pact_fields(), [ORGANISER], {"say": "hello"})),
    ]


def _authors() -> list[Fields]:
    by_seat, by_hub = pact(SEAT), pact(HUB)
    lasting = pact()
    return [
        held("X2", "by an organiser", PROVEN, lasting),
        held("X2", "by a seat", [CHARTER], by_seat),
        held("X2", "by a hub", [CHARTER, HUB_GRANT], by_hub, error="waits_proof"),
        held("X2", "in the last of its author's places", PROVEN, pact(place=49)),
        held("X2", "in a place beyond them", PROVEN, pact(place=50), error="waits_proof"),
        held("X2", "it falls with its author's rank", [*PROVEN, lasting], _lower(), kept=[CHARTER, _lower()]),
    ]


def _lower() -> Made:
    return grant(SEAT, ORGANISER, ORGANISER_GRANT.fields["place"], seq=2, rank="hub")


def _counting() -> list[Fields]:
    first, later = pact(), pact(seq=2, expires=STAMP + 61 * DAY_MS)
    ended = pact(seq=3, expires=STAMP + 62 * DAY_MS, facts={"ends": True})
    by_seat = pact(SEAT, place=2)
    over = pact(SEAT, place=2, seq=2, expires=STAMP + 5 * DAY_MS)
    return [
        _counts("X3", "the only one", [first], first),
        _counts("X3", "the later version", [first, later], later),
        _counts("X3", "not the earlier", [first, later], first, error="different"),
        _counts("X3", "one that ends", [first, ended], first, error="none"),
        _counts("X3", "a seat's before an organiser's that lasts longer", [by_seat, later], by_seat),
        _counts("X3", "a seat's that has expired", [over, later], over, error="none"),
        _counts("X3", "which a clock that is not trusted does not know", [over, later], over, trusted=False),
        _counts("X3", "one about a third network", [pact(partner=THIRD)], first, error="none"),
    ]


def _counts(rule: str, name: str, pacts: list[Made], made: Made, *, trusted: bool = True, **more: Any) -> Fields:
    settings = {"network": NETWORK, "partner": PARTNER, "now": NOW, "trusted": trusted}
    return vector(rule, name, "pact", made.id, records=[one.wire for one in [*PROVEN, *pacts]], **settings, **more)


def _crossing() -> list[Fields]:
    own_card, of_place = card(), card(subject=b"a place", facts={"type": "place"})
    yes: dict[str, Made] = {
        "a charter": CHARTER,
        "a grant": HUB_GRANT,
        "a hub's card": own_card,
        "the pact about it": pact(),
        "an offer for partners": post(kind=OFFER, audience="partners"),
        "an offer for that network": post(kind=OFFER, audience=PARTNER),
        "a category below": post(kind=OFFER, audience=PARTNER, fixed=["food.bread", *FIXED[1:]]),
        "a need for that network": post(kind=NEED, audience=PARTNER, fixed=["tools", "", *FIXED[2:]]),
        "a flag for partners": flag(audience="partners"),
        "a flag for that network": flag(audience=PARTNER),
        "a step for partners": _step(post(kind=OFFER, audience="partners")),
    }
    no: dict[str, Made] = {
        "a place's card": of_place,
        "a card for its hub": card(audience="hub"),
        "the pact about another": pact(partner=THIRD),
        "an offer for its network": post(kind=OFFER),
        "an offer for a third network": post(kind=OFFER, audience=THIRD),
        "another category": post(kind=OFFER, audience=PARTNER, fixed=["tools", *FIXED[1:]]),
        "a category that begins alike": post(kind=OFFER, audience=PARTNER, fixed=["foodstuff", *FIXED[1:]]),
        "another area": post(kind=OFFER, audience=PARTNER, fixed=["water", "u33d", *FIXED[2:]]),
        "a wider area": post(kind=OFFER, audience=PARTNER, fixed=["water", "d7", *FIXED[2:]]),
        "a need for partners": post(kind=NEED, audience="partners"),
        "a note, which is not shared": seal(fields_of(HUB, 33, audience=PARTNER), [HUB]),
        "a flag for its network": flag(),
        "a flag for a third network": flag(audience=THIRD),
        "an unknown kind": seal(fields_of(HUB, 35, audience=PARTNER), [HUB]),
        "a step for its network": _step(post(kind=OFFER)),
        "a step of an unknown kind": seal(step_fields(post(kind=OFFER, audience=PARTNER), 1, None), [HUB]),
    }
    notes = pact(facts=PACT_FACTS | {"kinds": ["note"], "categories": []})
    note, offer = seal(fields_of(HUB, 33, audience=PARTNER), [HUB]), post(kind=OFFER, audience="partners")
    return [
        *(_crosses("X4", name, made) for name, made in yes.items()),
        *(_crosses("X4", name, made, error="not_shared") for name, made in no.items()),
        _crosses("X4", "a note, which is", note, by=notes),
        _crosses("X4", "an offer, which is not", offer, by=notes, error="not_shared"),
        _crosses("X4", "an offer without an agreement", offer, by=None, error="not_shared"),
        _crosses("X4", "a need without an agreement", yes["a need for that network"], by=None, error="not_shared"),
        _crosses("X4", "a flag without an agreement", yes["a flag for partners"], by=None, error="not_shared"),
        _crosses("X4", "a card without an agreement", own_card, by=None),
    ]


def _crosses(rule: str, name: str, made: Made, *, by: Made | None = pact(), **more: Any) -> Fields:  # noqa: B008
    wire = None if by is None else by.wire
    return vector(rule, name, "crosses", made.wire, pact=wire, partner=PARTNER, network=NETWORK, **more)


def _step(register: Made, **changes: Any) -> Made:
    said = {"kind": 128, "facts": {"verb": "close"}} | changes
    return seal(step_fields(register, 1, None, **said), [HUB])


def _kept() -> list[Fields]:
    offer = post(kind=OFFER, audience="partners")
    boxed = {"kind": 128, "facts": {"verb": "contact", "of": bytes(32)}}
    for_us = boxed | {"facts": boxed["facts"] | {"to": PARTNER}}
    body = {"box": bytes(100)}
    ours = seal(step_fields(offer, 1, None, **for_us), [HUB], body)
    others = seal(step_fields(offer, 1, None, **boxed), [HUB], body)
    mark = digest("partition", digest("record id", b"one"), digest("record id", b"other"))
    derived = [EPOCH, digest("record id", b"one"), digest("record id", b"other")]
    epoch = digest("partition", EPOCH, mark)[:16]
    kept = [*PROOFS, offer]
    return [
        _keeps("X5", "what crosses", PROOFS, offer),
        _keeps("X5", "what does not", PROOFS, post(kind=OFFER), error="not_shared"),
        _keeps("X5", "without a pact of theirs", PROOFS, offer, by=None, error="not_shared"),
        _keeps("X5", "a contact for this network", kept, ours, bodies=[offer, ours]),
        _keeps(
            "X5",
            "one for this network without its body",
            kept,
            Made(ours.fields, ours.without_body),
            error="waits_body",
        ),
        _keeps("X5", "a contact for others, without its body", kept, Made(others.fields, others.without_body)),
        _keeps("X5", "a contact for others, whose body is left out", kept, others, bodies=[offer]),
        vector("X5", "an epoch", "derive", epoch, function="partition_epoch", arguments=derived),
        vector(
            "X5",
            "another agreement",
            "derive",
            epoch,
            function="partition_epoch",
            arguments=[*derived[:2], b""],
            error="different",
        ),
    ]


def _keeps(
    rule: str,
    name: str,
    records: list[Made],
    made: Made,
    *,
    by: Made | None = pact(),  # noqa: B008
    bodies: list[Made] | None = None,
    **more: Any,
) -> Fields:
    expect = {} if bodies is None else {"expect": {"bodies": sorted(one.id for one in bodies)}}
    settings = {"network": NETWORK, "partner": PARTNER, "now": NOW, "trusted": True}
    wires = [one.wire for one in records]
    return vector(
        rule, name, "catalog", made.wire, records=wires, pact=None if by is None else by.wire, selects=True,
        **(settings | expect | more),
    )  # fmt: skip


def _enclosed() -> list[Fields]:
    return [
        vector("X6", "a frame in another", "frame", pack([22, PARTNER, 7, pack([10, 1])])),
        vector("X6", "an empty one", "frame", pack([22, PARTNER, 0, b""])),
        vector("X6", "a turn below 0", "frame", pack([22, PARTNER, -1, b""]), error="bad_message"),
        vector("X6", "no frame", "frame", pack([22, PARTNER, 1, None]), error="bad_message"),
    ]


# --- A partner network of one hub, and ours, in which the hub under test speaks for it

SPEAKING = {"rank": "hub", "places": 50, "invites": 3, "gateway": True}
THEIR_SEAT, THEIR_HUB = signer("their seat"), signer("their hub")
THEIR_CHARTER = seal(
    charter_fields(
        facts=CHARTER.fields["facts"] | {"seats": [[THEIR_SEAT.public, bytes(32)]], "signers": [THEIR_SEAT.public]}
    ),
    [THEIR_SEAT],
)
THEIRS = THEIR_CHARTER.id[:16]
THEIR_GRANT = grant(THEIR_SEAT, THEIR_HUB, 0, network=THEIRS, **SPEAKING)
THEIR_PLAIN_GRANT = grant(THEIR_SEAT, THEIR_HUB, 0, network=THEIRS)
THEIR_CARD = seal(card_fields(THEIR_HUB, OTHER_NODE, network=THEIRS), [THEIR_HUB], CARD_BODY)
THEIR_PACT = pact(THEIR_SEAT, NETWORK, network=THEIRS)
OUR_GRANT = grant(SEAT, HUB, 0, **SPEAKING)
OUR_PACT = pact(SEAT, THEIRS)
AGREED = [CHARTER, OUR_GRANT, card(), OUR_PACT]


def abroad(records: list[Made] | None = None, says: Made | None = THEIR_PACT, **changes: Any) -> bytes:
    """The frame of the greeting of another network's hub to the hub under test."""
    path = [THEIR_CHARTER, THEIR_GRANT, THEIR_CARD] if records is None else records
    fields = {
        "lowest": 1,
        "highest": 1,
        "network": THEIRS,
        "other": NETWORK,
        "own_node": OTHER_NODE,
        "peer_node": NODE,
        "hub": THEIR_HUB.public,
        "records": [made.wire for made in path],
        "pact": None if says is None else says.wire,
    }
    return pack([23, *(fields | changes).values()])


def _speaks(rule: str, name: str, frames: list[bytes], records: list[Made] | None = None, **more: Any) -> Fields:
    return session(rule, name, frames, records=AGREED if records is None else records, federated=True, **more)


def _greetings() -> list[Fields]:
    plain = [THEIR_CHARTER, THEIR_PLAIN_GRANT, THEIR_CARD]
    organiser = grant(THEIR_SEAT, ORGANISER, 1, network=THEIRS, **(SPEAKING | {"rank": "organiser"}))
    proven, by = [THEIR_CHARTER, organiser, THEIR_GRANT, THEIR_CARD], pact(ORGANISER, NETWORK, network=THEIRS)
    return [
        _speaks("X7", "both have agreed", [abroad()], expect={"sends": [23, 22]}),
        _speaks("X7", "by an organiser of theirs", [abroad(proven, by)], expect={"sends": [23, 22]}),
        _speaks("X7", "by an organiser whom nothing proves", [abroad(says=by)], error="no_agreement"),
        _speaks("X7", "a hub that may not speak for its network", [abroad(plain)], error="not_a_gateway"),
        _speaks("X7", "a hub that nothing proves", [abroad([])], error="not_a_member"),
        _speaks("X7", "for a third network", [abroad(other=THIRD)], error="other_network"),
        _speaks("X7", "another node than that of the channel", [abroad(own_node=NODE)], error="wrong_node"),
        _speaks("X7", "a second greeting", [abroad(), abroad()], error="bad_message"),
        _speaks("X7", "a hello afterwards", [abroad(), hello()], error="bad_message"),
        _speaks("X7", "a version that is over", [abroad(lowest=2, highest=3)], error="version"),
    ]


def _strangers() -> list[Fields]:
    without = AGREED[:-1]
    silent = [CHARTER, grant(SEAT, HUB, 0), card(), OUR_PACT]
    return [
        _speaks("X8", "a proposal is kept", [abroad()], without, wants_proposed=True),
        _speaks("X8", "and the link ends", [abroad()], without, error="no_agreement"),
        _speaks("X8", "a greeting that proposes nothing", [abroad(says=None)], without, error="no_agreement"),
        _speaks(
            "X8",
            "a side that is about a third network",
            [abroad(says=pact(THEIR_SEAT, THIRD, network=THEIRS))],
            error="no_agreement",
        ),
        _speaks("X8", "without their side", [abroad(says=None)], error="no_agreement"),
        _speaks("X8", "to a hub that may not speak for its network", [abroad()], silent, error="not_a_gateway"),
    ]


def _codes() -> list[Fields]:
    fields: list[Any] = [PARTNER, "Río Verde", [[NODE, ["192.168.1.4:4279"]], [OTHER_NODE, []]]]
    good_code = _code([1, *fields])
    wrong: dict[str, str] = {
        "empty": "",
        "an invite": "hartig:" + good_code[15:],
        "a letter missing": good_code[:40] + good_code[41:],
        "a letter that base64 has not": good_code[:40] + "*" + good_code[41:],
        "far too long": "hartig-partner:" + "A" * 5_000,
        "without its check": _code([1, *fields], check=b""),
        "of a later version": _code([2, "more"]),
        "a field short": _code([1, *fields[:2]]),
        "a field long": _code([1, *fields, 0]),
        "no array": _code({}),
        "a network's id of 15 bytes": _code([1, bytes(15), *fields[1:]]),
        "a name of 241 bytes": _code([1, PARTNER, "n" * 241, []]),
        "five hubs": _code([1, PARTNER, "", [[NODE, []]] * 5]),
        "a hub with five addresses": _code([1, PARTNER, "", [[NODE, ["a:1"] * 5]]]),
        "a hub without a key": _code([1, PARTNER, "", [[bytes(32), []]]]),
    }

    def says(name: str, text: str, said: list[Any]) -> Fields:
        return vector("X9", name, "partner_code", text, expect={"fields": said, "code": _code([1, *said])})

    return [
        says("two hubs", good_code, fields),
        says("broken over lines by a mail program", f" {good_code[:30]}\n  {good_code[30:]}", fields),
        says("no hub and no name", _code([1, PARTNER, "", []]), [PARTNER, "", []]),
        *(vector("X9", name, "partner_code", text, error="bad_code") for name, text in wrong.items()),
    ]


def _code(fields: Any, check: bytes | None = None) -> str:
    data = pack(fields)
    data += digest("partner code", data)[:4] if check is None else check
    return "hartig-partner:" + base64.urlsafe_b64encode(data).rstrip(b"=").decode()
