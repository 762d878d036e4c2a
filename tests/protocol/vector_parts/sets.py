"""Vectors of parts T, W, S1, S2 and F1 to F3: chains, waiting, running hashes, cursors, fingerprints, hours."""

from typing import Any

from protocol.vector_parts.composing import DAY_MS, HOUR_MS, NOW, STAMP, Fields, Made, digest, seal, vector
from protocol.vector_parts.life import sealed_step, without_body
from protocol.vector_parts.records import held
from protocol.vector_parts.world import (
    CARD_BODY,
    CHARTER,
    HUB,
    HUB_GRANT,
    NETWORK,
    ORGANISER,
    ORGANISER_GRANT,
    OTHER_GRANT,
    OTHER_HUB,
    POST_BODY,
    PROOFS,
    SEAT,
    STRANGER,
    card_fields,
    charter_fields,
    grant,
    pact,
    post,
    post_fields,
    revoke,
    step,
)

EPOCH, OTHER_EPOCH = bytes(range(16)), bytes(range(1, 17))
NEED = post()
FIRST = step(NEED, 1, None)
LOW, MIDDLE, HIGH = sorted((step(NEED, 2, FIRST, word) for word in ("a", "b", "c")), key=lambda made: made.id)
THIRD = step(NEED, 3, LOW)
SEALED = sealed_step(NEED)
BASE = [*PROOFS, NEED, FIRST]


def vectors() -> list[Fields]:
    """All vectors of these parts."""
    return [*_chains(), *_registers(), *_judged(), *_waiting(), *_streams(), *_audited(), *_hours()]


def _chains() -> list[Fields]:
    proofs = [*PROOFS, NEED]
    lost = step(NEED, 2, THIRD)
    other_first = step(NEED, 1, None, "again")
    firsts = sorted((FIRST, other_first), key=lambda made: made.id)
    return [
        held("T1", "a first step", proofs, FIRST, kept=[*proofs, FIRST]),
        held("T1", "a second step", BASE, LOW, kept=[*BASE, LOW]),
        held("T1", "a third step before the second", BASE, THIRD, kept=BASE, error="waits_record"),
        held("T1", "a second step that names another first", BASE, lost, kept=BASE, error="forked"),
        held("T3", "a fork keeps both", [*BASE, LOW], HIGH, kept=[*BASE, LOW, HIGH]),
        held("T3", "what stood above a fork goes", [*BASE, LOW, THIRD], HIGH, kept=[*BASE, LOW, HIGH]),
        held("T3", "a third with a lower id comes in", [*BASE, MIDDLE, HIGH], LOW, kept=[*BASE, LOW, MIDDLE]),
        held("T3", "two firsts leave nothing standing", [*BASE, LOW], other_first, kept=[*proofs, *firsts]),
        held("T3", "a third with a higher id", [*BASE, LOW, MIDDLE], HIGH, kept=[*BASE, LOW, MIDDLE], error="forked"),
        held(
            "T3",
            "a step high above a fork, whose prev is not held",
            [*BASE, LOW, HIGH],
            step(NEED, 4, THIRD),
            kept=[*BASE, LOW, HIGH],
            error="forked",
        ),
        held("T3", "a step above a fork", [*BASE, LOW, HIGH], THIRD, kept=[*BASE, LOW, HIGH], error="forked"),
    ]


def _registers() -> list[Fields]:
    longer = post(name=2, expires=NEED.fields["expires"] + 1)
    renewed = post(seq=2)
    card = seal(card_fields(), [HUB], CARD_BODY)
    agreed = [CHARTER, ORGANISER_GRANT, pact()]
    on_pact = step(pact(), 1, None, author=ORGANISER)
    posted = post(author=ORGANISER, expires=STAMP + 59 * DAY_MS)
    promised = [CHARTER, ORGANISER_GRANT, posted, step(posted, 1, None, author=ORGANISER)]
    proofs = list(PROOFS)
    return [
        held("T2", "on its register", [*proofs, NEED], FIRST, kept=BASE),
        held("T2", "on a later version of it", [*proofs, renewed], FIRST, kept=[*proofs, renewed, FIRST]),
        held(
            "T2",
            "another thread stands there",
            [*proofs, longer],
            FIRST,
            kept=[*proofs, longer],
            error="waits_register",
        ),
        held("T2", "another audience", [*proofs, NEED], step(NEED, 1, None, audience="partners"), error="bad_step"),
        held("T2", "on a card", [*proofs, card], step(card, 1, None), kept=[*proofs, card], error="bad_step"),
        held("T2", "on a pact", agreed, on_pact, kept=agreed, error="bad_step"),
        held("T2", "another author", [*proofs, NEED], step(NEED, 1, None, author=OTHER_HUB), error="waits_register"),
        held("T4", "a later version keeps its steps", BASE, renewed, kept=[*proofs, renewed, FIRST]),
        held("T4", "another thread takes the place", [*BASE, LOW], longer, kept=[*proofs, longer]),
        held("T4", "a pact takes the place", promised, pact(), kept=agreed),
        held(
            "T4", "a step of the thread that went", [*BASE, longer], LOW, kept=[*proofs, longer], error="waits_register"
        ),
    ]


def _judged() -> list[Fields]:
    proofs = list(PROOFS)
    foreign = seal(post_fields(network=STRANGER.public[:16]), [HUB], POST_BODY)
    body_due = NEED.fields["expires"] + 7 * DAY_MS
    removed = [*proofs, revoke(SEAT, HUB)]
    return [
        held("W1", "accepted", proofs, NEED, kept=[*proofs, NEED]),
        held("W1", "known", [*proofs, NEED], NEED, kept=[*proofs, NEED]),
        held("W1", "of another network", proofs, foreign, kept=proofs, error="other_network"),
        held(
            "W1",
            "a body after its time",
            [*proofs, without_body(NEED)],
            NEED,
            now=body_due,
            kept=[*proofs, NEED],
            error="body_due",
        ),
        held(
            "W1",
            "a body that went too early is taken back",
            [*proofs, _ended(NEED), without_body(SEALED), post(seq=3)],
            SEALED,
            kept=[*proofs, post(seq=3), SEALED],
            bodies=[post(seq=3), SEALED],
        ),
        held("W1", "revoked before missing a body", removed, NEED.without_body, error="revoked"),
        held(
            "W1",
            "early before missing a proof",
            [CHARTER],
            post(stamp=NOW + DAY_MS, expires=NOW + 2 * DAY_MS),
            error="early",
        ),
        held("W1", "superseded before missing a body", [*proofs, post(seq=2)], NEED.without_body, error="superseded"),
        held("W1", "a grant that is replaced", [*proofs, grant(SEAT, HUB, 0, seq=2)], HUB_GRANT, error="superseded"),
    ]


def _ended(made: Made) -> Made:
    return seal(post_fields(seq=made.fields["seq"] + 1, facts={"ends": True}), [HUB])


def _waiting() -> list[Fields]:
    proofs = list(PROOFS)
    given_later = grant(HUB, STRANGER, 0, invites=0)
    return [
        held("W2", "with proof, register, predecessor and body", [*BASE], LOW, kept=[*BASE, LOW]),
        held("W2", "without its proof", [CHARTER], NEED, kept=[CHARTER], error="waits_proof"),
        held("W2", "a grant without its giver's", [CHARTER], given_later, kept=[CHARTER], error="waits_proof"),
        held("W2", "without its register", proofs, FIRST, kept=proofs, error="waits_register"),
        held("W2", "without its predecessor", [*proofs, NEED], LOW, kept=[*proofs, NEED], error="waits_record"),
        held("W2", "without its body", proofs, NEED.without_body, kept=proofs, error="waits_body"),
        held(
            "W2",
            "a step without its body",
            [*proofs, NEED],
            without_body(SEALED),
            kept=[*proofs, NEED],
            error="waits_body",
        ),
        held("W3", "completed by its proof", [CHARTER, NEED], HUB_GRANT, kept=[CHARTER, NEED, HUB_GRANT]),
        held("W3", "completed by its register", [*proofs, LOW, FIRST], NEED, kept=[*BASE, LOW]),
        held("W3", "completed by its predecessor", [*proofs, NEED, LOW, THIRD], FIRST, kept=[*BASE, LOW, THIRD]),
        held(
            "W3",
            "completed from the charter downward",
            [NEED, given_later, HUB_GRANT],
            CHARTER,
            kept=[CHARTER, HUB_GRANT, given_later, NEED],
        ),
        held("W3", "not completed by something else", [*proofs, LOW], post(OTHER_HUB), kept=[*proofs, post(OTHER_HUB)]),
        held(
            "W3",
            "its proof never comes",
            [CHARTER, OTHER_GRANT],
            NEED,
            kept=[CHARTER, OTHER_GRANT],
            error="waits_proof",
        ),
        vector("W4", "the 256th", "waiting", NEED.wire, already=255),
        vector("W4", "the 257th", "waiting", NEED.wire, error="full", already=256),
        vector("W4", "one that waits already", "waiting", NEED.wire, already=256, among=True),
    ]


def _streams() -> list[Fields]:
    zero = bytes(16)
    one = digest("arrivals", zero, CHARTER.id)[:16]
    two = digest("arrivals", one, HUB_GRANT.id)[:16]
    running = {"function": "running_hash", "arguments": [CHARTER.id, HUB_GRANT.id]}
    other_way = digest("arrivals", digest("arrivals", zero, HUB_GRANT.id)[:16], CHARTER.id)[:16]
    many = [[n, bytes([n]) * 16] for n in range(1, 34)]
    ours = {"epoch": EPOCH}
    cursor = [EPOCH, 2, two]
    return [
        vector("S1", "two arrivals", "derive", two, **running),
        vector("S1", "the other way round", "derive", other_way, error="different", **running),
        vector("S1", "nothing has arrived", "derive", zero, function="running_hash", arguments=[]),
        vector("S2", "as it was told", "cursor", cursor, told=[[1, one], [2, two]], expect={"after": 2}, **ours),
        vector("S2", "nothing yet", "cursor", [EPOCH, 0, zero], told=[], expect={"after": 0}, **ours),
        vector("S2", "no cursor", "cursor", None, told=[[2, two]], error="void", **ours),
        vector("S2", "of another epoch", "cursor", [OTHER_EPOCH, 2, two], told=[[2, two]], error="void", **ours),
        vector("S2", "with another check", "cursor", [EPOCH, 2, one], told=[[2, two]], error="void", **ours),
        vector("S2", "a number that was not told", "cursor", [EPOCH, 3, two], told=[[2, two]], error="void", **ours),
        vector("S2", "nothing yet, with a check", "cursor", [EPOCH, 0, two], told=[], error="void", **ours),
        vector("S2", "the oldest of 32", "cursor", [EPOCH, 2, many[1][1]], told=many, expect={"after": 2}, **ours),
        vector(
            "S2",
            "a record that is still held took that number",
            "cursor",
            cursor,
            told=[],
            arrivals=[[2, two]],
            expect={"after": 2},
            **ours,
        ),
        vector(
            "S2",
            "another record took that number",
            "cursor",
            cursor,
            told=[],
            arrivals=[[2, other_way]],
            error="void",
            **ours,
        ),
        vector("S2", "one older", "cursor", [EPOCH, 1, many[0][1]], told=many, error="void", **ours),
    ]


def _inside(name: str, records: list[Made], given: Made, hour: int, *, error: str | None = None, **more: Any) -> Fields:
    settings = {"network": NETWORK, "now": hour if given.fields["stamp"] >= NOW else NOW, "hour": hour}
    wires = [made.wire for made in records]
    return vector("F1", name, "audit_set", given.wire, error=error, **(settings | more), records=wires)


def _audited() -> list[Fields]:
    hour = (NOW // HOUR_MS + 1) * HOUR_MS
    proofs = list(PROOFS)
    fresh, later = post(stamp=hour, expires=hour + DAY_MS), seal(charter_fields(stamp=hour), [SEAT])
    thread_due = NEED.fields["expires"] + 35 * DAY_MS
    short = grant(SEAT, HUB, 0, days=11)
    grant_due, body_due = STAMP + 46 * DAY_MS, NEED.fields["expires"] + 7 * DAY_MS
    organiser, victim = grant(SEAT, OTHER_HUB, 5, rank="organiser", days=11), grant(SEAT, STRANGER, 6)
    removal = revoke(OTHER_HUB, STRANGER)
    return [
        _inside("a need", proofs, NEED, hour),
        _inside("a charter", [], CHARTER, hour),
        _inside("a charter stamped later", [], later, hour, network=later.id[:16]),
        _inside("stamped a millisecond before", proofs, post(stamp=hour - 1, expires=hour + DAY_MS), hour),
        _inside("stamped at the hour", proofs, fresh, hour, error="outside"),
        _inside("for its own hub alone", proofs, post(audience="hub"), hour, error="outside"),
        _inside("a millisecond before it is due", proofs, NEED, thread_due - 1),
        _inside("due at the hour", proofs, NEED, thread_due, error="outside"),
        _inside("a step whose register is due", [*proofs, NEED], FIRST, thread_due, error="outside"),
        _inside("a step", [*proofs, NEED], FIRST, hour),
        _inside("its author stands at the hour", [CHARTER, short], NEED, STAMP + 11 * DAY_MS - 1),
        _inside("its author's grant ends at the hour", [CHARTER, short], NEED, STAMP + 11 * DAY_MS, error="outside"),
        _inside("the grant itself stays", [CHARTER], short, STAMP + 11 * DAY_MS),
        _inside("a grant that is due at the hour", [CHARTER], short, grant_due, error="outside"),
        _inside("the same, while its revocation is held", [CHARTER, victim, removal], organiser, grant_due),
        _inside("its body gone when that is due", proofs, without_body(NEED), body_due, now=body_due),
        _inside(
            "its body gone, by then too early", proofs, without_body(NEED), body_due - 1, now=body_due, error="outside"
        ),
        *_fingerprints(hour),
    ]


def _fingerprints(hour: int) -> list[Fields]:
    """Ids in two buckets and in one, the hour, and no id at all."""
    apart = sorted([CHARTER.id, HUB_GRANT.id])
    beside = [apart[0], apart[0][:31] + bytes([apart[0][31] ^ 1])]
    beside.sort()
    as_bytes = hour.to_bytes(8, "big")

    def case(name: str, ids: list[bytes], value: bytes, **more: Any) -> Fields:
        settings = {"function": "fingerprint", "arguments": [as_bytes, *ids]}
        return vector("F2", name, "derive", value[:16], **settings, **more)

    flat = digest("fingerprint", as_bytes, *apart)
    return [
        case("two ids in two buckets", apart, print_of(as_bytes, apart)),
        case("two ids in one bucket", beside, print_of(as_bytes, beside)),
        case("in falling order within a bucket", beside, print_of(as_bytes, beside[::-1]), error="different"),
        case("as of another hour", apart, print_of(bytes(8), apart), error="different"),
        case("without buckets", apart, flat, error="different"),
        case("no ids", [], digest("fingerprint", as_bytes, bytes(4096 * 16))),
        case("no ids and no digests", [], digest("fingerprint", as_bytes), error="different"),
    ]


def print_of(as_bytes: bytes, ids: list[bytes]) -> bytes:
    """The hash over all buckets' digests, said plainly."""
    digests = []
    for bucket in range(4096):
        inside = [one for one in ids if int.from_bytes(one[:2], "big") >> 4 == bucket]
        digests.append(digest("bucket", *inside)[:16] if inside else bytes(16))
    return digest("fingerprint", as_bytes, *digests)


def _hours() -> list[Fields]:
    """Both sides' hours, who is trusted, and the hour that follows."""
    table: list[tuple[Any, ...]] = [
        (5, True, 5, True, 5),
        (5, True, 6, True, 6),
        (5, False, 6, False, 6),
        (5, True, 7, False, 7),
        (5, True, 8, True, 5),
        (5, True, 8, False, 5),
        (5, False, 8, True, 8),
        (5, False, 8, False, 8),
        (8, True, 5, False, 8),
    ]
    made = []
    for mine, mine_trusted, theirs, theirs_trusted, agreed in table:
        hours = {
            "mine": mine * HOUR_MS,
            "mine_trusted": mine_trusted,
            "theirs": theirs * HOUR_MS,
            "theirs_trusted": theirs_trusted,
        }
        name = f"{mine}{' trusted' if mine_trusted else ''}, {theirs}{' trusted' if theirs_trusted else ''}"
        made.append(vector("F3", name, "hour", agreed * HOUR_MS, **hours))
        if mine != theirs:
            other = mine + theirs - agreed
            made.append(vector("F3", f"{name}: not {other}", "hour", other * HOUR_MS, error="different", **hours))
    return made
