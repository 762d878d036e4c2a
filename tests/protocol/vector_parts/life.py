"""Vectors of part L: how long records live, what `ends` does, and what a clock may decide."""

from protocol.vector_parts.composing import DAY_MS, NOW, STAMP, Fields, Made, digest, seal, signer
from protocol.vector_parts.records import bad, good, held
from protocol.vector_parts.steps import BOX, CLAIM_ID, OFFER, Said, opened, promised, said
from protocol.vector_parts.world import (
    CHARTER,
    HUB,
    MEMBER,
    OTHER_HUB,
    PROOFS,
    RECOVERY,
    SEAT,
    STRANGER,
    by_kit,
    card,
    charter_fields,
    consent,
    fields_of,
    grant,
    grant_fields,
    handed,
    pact,
    post,
    post_fields,
    revoke,
    step,
    step_fields,
)

MINUTE_MS = 60_000
LIFE_DAYS = {2: 400, 3: 435, 4: 400, 16: 90, 17: 90, 32: 400, 33: 90, 34: 90, 99: 90}


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [*_lives(), *_due(), *_ends(), *_clocks(), *_kept_longer(), *_contacts()]


def _of_kind(kind: int, expires: int) -> Made:
    life = {"expires": expires}
    if kind == 2:
        return seal(grant_fields(SEAT, HUB, 0) | life, [SEAT])
    if kind == 3:
        return revoke(SEAT, HUB, **life)
    if kind == 32:
        return card(**life)
    if kind == 4:
        return pact(**life)
    if kind in (16, 17):
        return post(kind=kind, **life)
    return seal(fields_of(HUB, kind, **life), [HUB])


def sealed_step(register: Made) -> Made:
    """A first step with a body."""
    return seal(step_fields(register, 1, None), [HUB], {"sealed": b"x"})


def without_body(made: Made) -> Made:
    """The same record when its body has gone."""
    return Made(made.fields, made.without_body)


def _lives() -> list[Fields]:
    made = [good("L1", "a charter has none", CHARTER)]
    for kind, days in LIFE_DAYS.items():
        made += [
            good("L1", f"kind {kind} for {days} days", _of_kind(kind, STAMP + days * DAY_MS)),
            bad("L1", f"kind {kind} for {days} days and a millisecond", _of_kind(kind, STAMP + days * DAY_MS + 1)),
            bad("L1", f"kind {kind} that expires at its stamp", _of_kind(kind, STAMP)),
        ]
    return [*made, bad("L1", "a charter that expires", seal(charter_fields(expires=STAMP + 1), [SEAT]))]


def _due() -> list[Fields]:
    made = post(expires=STAMP + DAY_MS)
    proofs = list(PROOFS)
    body_due, thread_due = STAMP + 8 * DAY_MS, STAMP + 36 * DAY_MS
    first, sealed = step(made, 1, None), sealed_step(made)
    return [
        held("L2", "without its body when that is due", proofs, made.without_body, kept=[*proofs, made], now=body_due),
        held("L2", "with its body when that is due", proofs, made, kept=[*proofs, made], now=body_due),
        held(
            "L2",
            "without its body before",
            proofs,
            made.without_body,
            now=body_due - 1,
            kept=proofs,
            error="waits_body",
        ),
        held(
            "L2",
            "a step's body goes with its register's",
            [*proofs, made],
            sealed,
            sweep_at=body_due,
            kept=[*proofs, made, sealed],
            bodies=[],
        ),
        held(
            "L2",
            "neither goes before",
            [*proofs, made],
            sealed,
            sweep_at=body_due - 1,
            kept=[*proofs, made, sealed],
            bodies=[made, sealed],
        ),
        held(
            "L2",
            "a step without its body when that is due",
            [*proofs, made],
            without_body(sealed),
            now=body_due,
            kept=[*proofs, made, sealed],
        ),
        held("L3", "a millisecond before it is due", proofs, made, now=thread_due - 1, kept=[*proofs, made]),
        held("L3", "when it is due", proofs, made, now=thread_due, kept=proofs, error="expired"),
        held("L3", "held until it is due", proofs, made, sweep_at=thread_due, kept=proofs, error="gone"),
        held("L3", "its steps go with it", [*proofs, made], first, sweep_at=thread_due, kept=proofs, error="gone"),
    ]


def _ends() -> list[Fields]:
    first = post()
    ended = seal(post_fields(seq=2, facts={"ends": True}), [HUB])
    hasty = seal(post_fields(seq=2, facts={"ends": True}, expires=first.fields["expires"] - 1), [HUB])
    revived = post(seq=3)
    sealed = sealed_step(first)
    proofs = list(PROOFS)
    made = [
        good("L4", "an end has no body", ended),
        held("L4", "an end supersedes", [*proofs, first], ended, kept=[*proofs, ended]),
        held("L4", "what has ended stays so", [*proofs, ended], first, kept=[*proofs, ended], error="superseded"),
        held(
            "L4",
            "an end with an earlier expires is void",
            [*proofs, first],
            hasty,
            kept=[*proofs, first],
            error="superseded",
        ),
        held("L4", "a step without its body, on a thread that ended", [*proofs, ended], sealed.without_body),
        held(
            "L4",
            "the bodies of its steps go too",
            [*proofs, first, sealed],
            ended,
            kept=[*proofs, ended, sealed],
            bodies=[],
        ),
        held("L4", "and those that come later", [*proofs, ended], sealed, kept=[*proofs, ended, sealed], bodies=[]),
        held("L4", "a later version takes it up again", [*proofs, ended], revived, kept=[*proofs, revived]),
        held("L4", "before that", [*proofs, first], sealed.without_body, error="waits_body"),
        bad("L4", "an end with a body", post(facts={"ends": True})),
        bad("L4", "neither an end nor a body", seal(post_fields(), [HUB])),
        bad("L4", "an unknown kind's end with a body", seal(fields_of(HUB, 99, facts={"ends": True}), [HUB], {})),
        bad("L4", "a revocation that ends", revoke(SEAT, HUB, facts={"ends": True})),
        bad("L4", "a charter that ends", seal(charter_fields(facts=CHARTER.fields["facts"] | {"ends": True}), [SEAT])),
    ]
    for value in (False, None, 1, 0, "true"):
        made.append(bad("L4", f"ends is {value!r}", post(facts={"ends": value})))
        made.append(bad("L4", f"ends is {value!r}, without a body", seal(post_fields(facts={"ends": value}), [HUB])))
    return made


def _clocks() -> list[Fields]:
    ahead = NOW + 10 * MINUTE_MS
    proofs = list(PROOFS)
    fast = post(stamp=ahead + 1, expires=ahead + DAY_MS)
    old = post(expires=STAMP + 1)
    late = seal(charter_fields(stamp=ahead + 1), [SEAT])
    doubtful = {"trusted": False, "now": STAMP + 300 * DAY_MS}
    return [
        held("L5", "ten minutes ahead", proofs, post(stamp=ahead, expires=ahead + DAY_MS)),
        held("L5", "a charter's stamp is not looked at", [], late, kept=[late], network=late.id[:16]),
        held("L5", "ten minutes and a millisecond ahead", proofs, fast, kept=proofs, error="early"),
        held("L5", "held, by a clock that went back", proofs, fast, now=ahead, sweep_at=NOW, kept=proofs, error="gone"),
        held(
            "L6", "far ahead of a clock that is not trusted", proofs, fast, trusted=False, now=0, kept=[*proofs, fast]
        ),
        held("L6", "long due by a clock that is not trusted", proofs, old, **doubtful, kept=[*proofs, old]),
        held(
            "L6",
            "nothing held goes by such a clock",
            proofs,
            old,
            sweep_at=STAMP + 500 * DAY_MS,
            **doubtful,
            kept=[*proofs, old],
        ),
        held(
            "L6", "nor is a body given up by it", proofs, old.without_body, **doubtful, kept=proofs, error="waits_body"
        ),
    ]


def _kept_longer() -> list[Fields]:
    """An organiser's grant runs out; it revoked a hub that still has a grant."""
    organiser = grant(SEAT, OTHER_HUB, 5, rank="organiser", days=40)
    victim = grant(SEAT, HUB, 0, days=400)
    second = grant(SEAT, STRANGER, 6, rank="organiser", days=40)
    removal = revoke(OTHER_HUB, HUB)
    after = STAMP + 80 * DAY_MS
    later = STAMP + 470 * DAY_MS
    pair = [CHARTER, organiser, victim]
    named = grant(SEAT, OTHER_HUB, 7, rank="organiser", days=40, recovery=consent(OTHER_HUB))
    by_successor = revoke(STRANGER, HUB)
    lost, kit = grant(SEAT, HUB, 0, days=40), by_kit(RECOVERY, HUB)
    second_kit = signer("second recovery")
    second_hash = digest("recovery key", second_kit.public)
    short_life = {"expires": STAMP + 200 * DAY_MS}
    long = grant(SEAT, OTHER_HUB, 7, recovery=consent(OTHER_HUB))
    first_heir = handed(RECOVERY, OTHER_HUB, STRANGER, consent(STRANGER, second_hash), **short_life)
    second_heir = handed(second_kit, STRANGER, MEMBER, **short_life)
    return [
        held(
            "L7",
            "a grant that proves a revocation",
            [CHARTER, victim, removal],
            organiser,
            sweep_at=after,
            kept=[*pair, removal],
        ),
        held(
            "L7",
            "a revocation while a grant of its subject is held",
            pair,
            removal,
            sweep_at=after,
            kept=[*pair, removal],
        ),
        held(
            "L7",
            "two organisers who revoked each other",
            [*pair, second, revoke(STRANGER, OTHER_HUB)],
            revoke(OTHER_HUB, STRANGER),
            sweep_at=STAMP + 900 * DAY_MS,
            kept=[CHARTER, organiser, second, revoke(STRANGER, OTHER_HUB), revoke(OTHER_HUB, STRANGER)],
        ),
        held(
            "L7",
            "a grant of a key whose successor's revocation is held",
            [CHARTER, victim, named, handed(RECOVERY, OTHER_HUB, STRANGER), by_successor],
            named,
            sweep_at=after,
            kept=[CHARTER, victim, named, handed(RECOVERY, OTHER_HUB, STRANGER), by_successor],
        ),
        held(
            "L7",
            "a revocation of a successor, while a grant of the first key is held",
            [CHARTER, long, first_heir],
            second_heir,
            sweep_at=STAMP + 250 * DAY_MS,
            kept=[CHARTER, long, first_heir, second_heir],
        ),
        held(
            "L7",
            "a grant of a key that its kit revoked",
            [CHARTER, lost],
            kit,
            sweep_at=after,
            kept=[CHARTER, lost, kit],
        ),
        held("L7", "until that is due", [CHARTER, lost], kit, sweep_at=later, kept=[CHARTER], error="gone"),
        held(
            "L7",
            "what comes too late and proves nothing, when it is looked at",
            [CHARTER, victim],
            organiser,
            now=after,
            sweep_at=after,
            kept=[CHARTER, victim],
            error="gone",
        ),
        held(
            "L7",
            "a grant that proves nothing",
            [CHARTER, victim],
            organiser,
            sweep_at=after,
            kept=[CHARTER, victim],
            error="gone",
        ),
        held(
            "L7",
            "a revocation when no grant of its subject is left",
            [CHARTER],
            revoke(SEAT, STRANGER),
            sweep_at=later,
            kept=[CHARTER],
            error="gone",
        ),
    ]


def _say(register: Made, facts: Said, *chain: Made) -> Made:
    """The next step of a chain, a minute after the one before."""
    fields = step_fields(register, len(chain) + 1, chain[-1] if chain else None, kind=128, facts=facts)
    fields["stamp"] += len(chain) * MINUTE_MS
    return seal(fields, [HUB], BOX if facts["verb"] == "contact" else None)


def _ended(name: str, before: list[Made], contact: Made, *ends: Made) -> list[Fields]:
    """A contact after what ends its claim or promise, when its body is due and a millisecond before."""
    due = ends[0].fields["stamp"] + 2 * DAY_MS
    known = [*before, contact, *ends]
    return [
        held("L8", f"after {name}", known[:-1], ends[-1], sweep_at=due, kept=known, bodies=[before[-3]]),
        held("L8", f"before that, after {name}", known[:-1], ends[-1], sweep_at=due - 1, bodies=[before[-3], contact]),
    ]


def _contacts() -> list[Fields]:
    lot = [*PROOFS, OFFER, count := _say(OFFER, opened(9)), promise := _say(OFFER, promised(3), count)]
    contact = _say(OFFER, said("contact", of=promise.id), count, promise)
    chain = (count, promise, contact)
    handover = _say(OFFER, said("handover", of=promise.id, quantity=3), *chain)
    need = post()
    first = _say(need, said("count", quantity=9, why="needed"))
    claim = _say(need, said("claim", lot=OFFER.thread, quantity=3, asks=3), first)
    asked, called = [*PROOFS, need, first, claim], _say(need, said("contact", of=claim.id), first, claim)
    cancel = _say(need, said("cancel", of=claim.id), first, claim, called)
    receive = _say(need, said("receive", of=claim.id, how="ok", quantity=3), first, claim, called, cancel)
    rivals = [_say(OFFER, said("count", quantity=one, why="found"), *chain) for one in (1, 2)]
    far = _say(OFFER, said("handover", of=promise.id, quantity=3), *chain, rivals[0])
    due = handover.fields["stamp"] + 2 * DAY_MS
    return [
        *_ended("a handover", lot, contact, handover),
        *_ended("a release", lot, contact, _say(OFFER, said("release", of=promise.id, why="lapsed"), *chain)),
        *_ended(
            "a release that names the claim",
            lot,
            contact,
            _say(OFFER, said("release", of=CLAIM_ID, why="cancelled"), *chain),
        ),
        *_ended("a cancel", asked, called, cancel),
        *_ended("a cancel, then a receive", asked, called, cancel, receive),
        *_ended("a fork", lot, contact, *rivals),
        held("L8", "without its body, before what ends it", lot, contact.without_body, now=due, error="waits_body"),
        held("L8", "without its body, after what ends it came", [*lot, handover], contact.without_body, now=due),
        held("L8", "and after that waits for another", [*lot, far], contact.without_body, now=due + MINUTE_MS),
        held(
            "L8",
            "a millisecond before it is due",
            [*lot, handover],
            contact.without_body,
            now=due - 1,
            kept=lot,
            error="waits_body",
        ),
        held("L8", "after two that fork came", [*lot, *rivals], contact.without_body, now=due),
        held("L8", "its body comes when it is due", [*lot, handover, without_body(contact)], contact, now=due,
             error="body_due"),
    ]  # fmt: skip
