"""Vectors of part A: who stands, as a function of the set of governance records."""

from typing import Any

from protocol.vector_parts.composing import DAY_MS, NOW, STAMP, Fields, Made, Signer, digest, seal, signer, vector
from protocol.vector_parts.records import held
from protocol.vector_parts.world import (
    CHARTER,
    DEFAULTS,
    HUB,
    HUB_GRANT,
    MEMBER,
    MEMBER_GRANT,
    ORGANISER,
    ORGANISER_GRANT,
    OTHER_HUB,
    RECOVERY,
    SEAT,
    SECOND_SEAT,
    STRANGER,
    by_kit,
    charter_fields,
    consent,
    fields_of,
    grant,
    grant_fields,
    handed,
    post,
    revoke,
    version,
)

WIDE_FACTS = CHARTER.fields["facts"] | {"defaults": DEFAULTS | {"invites": 1000}}
WIDE = seal(charter_fields(facts=WIDE_FACTS), [SEAT])
RANKS = {"member": 1, "hub": 2, "organiser": 3, "seat": 4}


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [
        *_seats(),
        *_ranks(),
        *_invites(),
        *_best(),
        *_revoked(),
        *_recovered(),
        *_handed_on(),
        *_writing(),
        *_expired(),
    ]


def _stands(
    rule: str,
    name: str,
    records: list[Made],
    who: Signer,
    *,
    charter: Made = CHARTER,
    error: str | None = None,
    **more: Any,
) -> Fields:
    """Whether `who` stands by these records; `expect` may say with what."""
    wires = [made.wire for made in [charter, *records]]
    settings = {"network": charter.id[:16], "now": NOW, "trusted": True, "records": wires}
    return vector(rule, name, "authority", who.public, error=error, **(settings | more))


def _falls(rule: str, name: str, records: list[Made], who: Signer, **more: Any) -> Fields:
    return _stands(rule, name, records, who, error="no_standing", **more)


def _seats() -> list[Fields]:
    by_defaults = {"rank": RANKS["seat"], "places": 100, "invites": 10}
    others = {"seats": [[STRANGER.public, bytes(32)]], "defaults": DEFAULTS | {"places": 7}}
    ousting = version(CHARTER, facts=others)
    return [
        _stands("A1", "a seat", [], SEAT, expect=by_defaults),
        _stands("A1", "a seat that did not sign", [], SECOND_SEAT, expect=by_defaults),
        _stands("A1", "a seat that another seat revoked", [revoke(SECOND_SEAT, SEAT)], SEAT, expect=by_defaults),
        _stands("A1", "a seat that its recovery key revoked", [by_kit(RECOVERY, SEAT)], SEAT, expect=by_defaults),
        _falls("A1", "the key of nobody", [], STRANGER),
        _stands("A1", "a seat of the second charter", [ousting], STRANGER, expect=by_defaults | {"places": 7}),
        _falls("A1", "a seat that the second charter does not name", [ousting], SEAT),
        _falls("A1", "a hub that such a seat let in", [ousting, HUB_GRANT], HUB),
        held("A1", "its grants lose their proof", [CHARTER, HUB_GRANT, post()], ousting, kept=[CHARTER, ousting]),
        held("A1", "and do not come any more", [CHARTER, ousting], HUB_GRANT, error="waits_proof"),
    ]


def _ranks() -> list[Fields]:
    made = []
    may = {
        "seat": ("member", "hub", "organiser"),
        "organiser": ("member", "hub"),
        "hub": ("member", "hub"),
        "member": (),
    }
    givers = {"seat": SEAT, "organiser": ORGANISER, "hub": HUB, "member": MEMBER}
    above = {
        "seat": [],
        "organiser": [ORGANISER_GRANT],
        "hub": [HUB_GRANT],
        "member": [grant(SEAT, MEMBER, 3, rank="member", invites=3)],
    }
    for giver, allowed in may.items():
        for rank in ("member", "hub", "organiser"):
            given = grant(givers[giver], STRANGER, 2 if giver != "seat" else 9, rank=rank, invites=0)
            if rank in allowed:
                made.append(
                    _stands(
                        "A2", f"{giver} grants {rank}", [*above[giver], given], STRANGER, expect={"rank": RANKS[rank]}
                    )
                )
            else:
                made.append(_falls("A2", f"{giver} grants {rank}", [*above[giver], given], STRANGER))
    return made


def _invites() -> list[Fields]:
    """The hub has three invites."""
    greedy = grant(HUB, OTHER_HUB, 0, invites=99, places=99)
    second = grant(HUB, STRANGER, 1, invites=0)
    singles = [grant(HUB, who, place, invites=0) for place, who in enumerate((OTHER_HUB, MEMBER, STRANGER))]
    below, above_rank = grant(HUB, STRANGER, 0), grant(HUB, MEMBER, 0, seq=2, rank="organiser")
    ended = grant(HUB, OTHER_HUB, 0, seq=2, ends=True, invites=99)
    deep = _one_below_the_other(33)
    return [
        _stands("A3", "the third of three", [HUB_GRANT, *singles], STRANGER, expect={"invites": 0, "places": 50}),
        _stands(
            "A3", "invites and places are clipped", [HUB_GRANT, greedy], OTHER_HUB, expect={"invites": 2, "places": 50}
        ),
        _falls("A3", "none left after a greedy one", [HUB_GRANT, greedy, second], STRANGER),
        _stands("A3", "the greedy one has ended", [HUB_GRANT, greedy, second, ended], STRANGER),
        _falls("A3", "a number beyond the invites", [HUB_GRANT, grant(HUB, STRANGER, 3, invites=0)], STRANGER),
        _falls("A3", "by a key with no invites", [grant(SEAT, HUB, 0, invites=0), grant(HUB, STRANGER, 0)], STRANGER),
        _falls("A3", "a grant that was replaced", [grant(SEAT, STRANGER, 4), grant(SEAT, HUB, 4, seq=2)], STRANGER),
        _stands("A3", "what may not be given displaces nothing", [HUB_GRANT, below, above_rank], STRANGER),
        _falls(
            "A3", "what ends displaces all", [HUB_GRANT, below, grant(HUB, STRANGER, 0, seq=2, ends=True)], STRANGER
        ),
        _falls("A3", "the giver does not stand", [grant(HUB, STRANGER, 0)], STRANGER),
        _stands("A3", "the 32nd grant below a seat", deep[:32], signer("deep 31"), charter=WIDE, expect={"invites": 0}),
        _falls("A3", "the 33rd", deep, signer("deep 32"), charter=WIDE),
        _falls("A3", "two that grant each other", [grant(HUB, STRANGER, 0), grant(STRANGER, HUB, 0)], STRANGER),
    ]


def _one_below_the_other(count: int) -> list[Made]:
    """Grants of a seat with invites enough, each by the key that the one before let in."""
    keys = [signer(f"deep {number}") for number in range(count)]
    pairs = zip([SEAT, *keys[:-1]], keys, strict=True)
    here = {"network": WIDE.id[:16]}
    return [seal(grant_fields(giver, to, 0, invites=999) | here, [giver]) for giver, to in pairs]


def _best() -> list[Fields]:
    low = grant(SEAT, STRANGER, 4, rank="member", places=90, invites=0)
    many_places = grant(SEAT, STRANGER, 5, places=80, invites=0)
    many_invites = grant(SEAT, STRANGER, 6, places=10, invites=3)
    longer = grant(SEAT, STRANGER, 7, places=80, invites=0, days=350)
    return [
        _stands("A4", "the highest rank first", [low, many_invites], STRANGER, expect={"rank": 2, "places": 10}),
        _stands("A4", "then most places", [many_places, many_invites], STRANGER, expect={"places": 80, "invites": 0}),
        _stands(
            "A4", "then the latest expires", [many_places, longer], STRANGER, expect={"until": STAMP + 350 * DAY_MS}
        ),
        _stands(
            "A4",
            "no later than its giver",
            [grant(SEAT, HUB, 0, days=20), grant(HUB, STRANGER, 0, invites=0)],
            STRANGER,
            expect={"until": STAMP + 20 * DAY_MS},
        ),
        _falls(
            "A4",
            "nor after its giver's end",
            [grant(SEAT, HUB, 0, days=9), grant(HUB, STRANGER, 0, invites=0)],
            STRANGER,
        ),
    ]


def _revoked() -> list[Fields]:
    second = grant(SEAT, STRANGER, 5, rank="organiser")
    by_hub = grant(HUB, STRANGER, 0, invites=0)
    organisers = [ORGANISER_GRANT, second]
    return [
        _stands("A5", "before it is revoked", [HUB_GRANT], HUB),
        _falls("A5", "a hub, by a seat", [HUB_GRANT, revoke(SEAT, HUB)], HUB),
        _falls("A5", "a hub, by an organiser", [HUB_GRANT, ORGANISER_GRANT, revoke(ORGANISER, HUB)], HUB),
        _falls("A5", "an organiser, by a seat", [ORGANISER_GRANT, revoke(SEAT, ORGANISER)], ORGANISER),
        _falls("A5", "one that the revoked hub let in", [HUB_GRANT, by_hub, revoke(SEAT, HUB)], STRANGER),
        _falls(
            "A5", "also by a grant that is newer", [HUB_GRANT, revoke(SEAT, HUB), grant(SEAT, HUB, 8, days=400)], HUB
        ),
        _stands("A5", "an organiser, by an equal", [*organisers, revoke(ORGANISER, STRANGER)], STRANGER),
        _stands("A5", "a hub, by a hub", [HUB_GRANT, grant(SEAT, OTHER_HUB, 1), revoke(OTHER_HUB, HUB)], HUB),
        _stands(
            "A5",
            "by an organiser that was revoked itself",
            [HUB_GRANT, ORGANISER_GRANT, revoke(ORGANISER, HUB), revoke(SEAT, ORGANISER)],
            HUB,
        ),
        _stands(
            "A5", "made organiser again by a seat", [ORGANISER_GRANT, revoke(ORGANISER, STRANGER), second], STRANGER
        ),
    ]


def _recovered() -> list[Fields]:
    named = grant(SEAT, HUB, 0, recovery=consent(HUB))
    organiser = grant(SEAT, ORGANISER, 2, rank="organiser", recovery=consent(ORGANISER))
    foreign = grant(STRANGER, HUB, 0, recovery=consent(HUB))
    many_places = grant(SEAT, HUB, 4, rank="organiser", places=99)
    voided = by_kit(RECOVERY, HUB)
    recovered = [CHARTER, named, voided]
    low, high = by_kit(STRANGER, HUB), by_kit(MEMBER, HUB, seq=2)
    ended, both = grant(SEAT, HUB, 0, ends=True), [CHARTER, named, ORGANISER_FOR_STRANGER]
    return [
        _falls("A6", "by its own recovery key", [named, voided], HUB),
        _falls("A6", "whoever gives it more, and names none", [named, many_places, voided], HUB),
        _falls("A6", "where no grant names the recovery key", [HUB_GRANT, voided], HUB),
        _falls("A6", "by an old kit", [named, low], HUB),
        _falls("A6", "an organiser, by its own recovery key", [organiser, by_kit(RECOVERY, ORGANISER)], ORGANISER),
        _falls("A6", "after a grant has expired", [grant(SEAT, HUB, 0, days=5), HUB_GRANT_AGAIN, voided], HUB),
        _stands("A6", "without the key's consent", [named, revoke(RECOVERY, HUB)], HUB),
        held("A6", "a need of a key that its recovery key revoked", recovered, post(), kept=recovered, error="revoked"),
        held("A6", "by a grant that has ended", [CHARTER, ended], voided, kept=[CHARTER, ended, voided]),
        held("A6", "when no grant leads to the key", [CHARTER], voided, kept=[CHARTER], error="waits_proof"),
        held("A6", "nor a proven one", [CHARTER, foreign], voided, kept=[CHARTER], error="waits_proof"),
        held("A6", "a seat's", [CHARTER], by_kit(RECOVERY, SEAT), kept=[CHARTER], error="waits_proof"),
        held("A8", "beside the named one", recovered, low, kept=[*recovered, low]),
        held("A8", "the highest of the others", [*recovered, low], high, kept=[*recovered, high]),
        held("A8", "none that is lower", [*recovered, high], low, kept=[*recovered, high], error="superseded"),
        held(
            "A8",
            "with consent and without",
            [*both, low],
            revoke(STRANGER, HUB),
            kept=[*both, low, revoke(STRANGER, HUB)],
        ),
    ]


def _handed_on() -> list[Fields]:
    """Rule A9: who comes after a key that was lost."""
    named = grant(SEAT, HUB, 0, places=40, recovery=consent(HUB))
    to_other = handed(RECOVERY, HUB, OTHER_HUB)
    second_kit = signer("second recovery")
    second_hash = digest("recovery key", second_kit.public)
    chained = handed(RECOVERY, HUB, OTHER_HUB, consent(OTHER_HUB, second_hash))
    next_one = handed(second_kit, OTHER_HUB, STRANGER)
    as_given = {"rank": 2, "places": 40, "invites": 3, "until": STAMP + 300 * DAY_MS}
    organiser = grant(SEAT, ORGANISER, 2, rank="organiser", recovery=consent(ORGANISER))
    by_organiser = handed(RECOVERY, ORGANISER, OTHER_HUB)
    below = grant(HUB, MEMBER, 0, invites=0)
    by_successor = grant(OTHER_HUB, MEMBER, 0, invites=0)
    unnamed = grant(SEAT, HUB, 5, places=90)
    better = grant(SEAT, OTHER_HUB, 6, places=60)
    ended = grant(SEAT, HUB, 0, days=5, recovery=consent(HUB))
    unsaid = handed(RECOVERY, HUB, OTHER_HUB, [second_hash, bytes(64)])
    by_seat = {"successor": OTHER_HUB.public}
    old = handed(second_kit, HUB, STRANGER, seq=2)
    most = grant(SEAT, HUB, 4, rank="organiser", places=99)
    by_both = [ORGANISER_GRANT, revoke(ORGANISER, HUB)]
    path = [CHARTER, named, to_other]
    return [
        _stands("A9", "the successor stands by the same grant", [named, to_other], OTHER_HUB, expect=as_given),
        _falls("A9", "and the key itself no more", [named, to_other], HUB),
        _falls("A9", "what it let in has no proof", [named, to_other, below], MEMBER),
        _stands("A9", "what the successor lets in has", [named, to_other, by_successor], MEMBER),
        _falls("A9", "a successor that a seat names", [named, revoke(SEAT, HUB, facts=by_seat)], OTHER_HUB),
        _falls("A9", "one that an old kit names", [named, old], STRANGER),
        _stands("A9", "one that the kit names beside it", [named, old, to_other], OTHER_HUB, expect=as_given),
        _stands("A9", "one whom another grant gives less", [named, most, to_other], OTHER_HUB, expect=as_given),
        _falls("A9", "when a seat voided the key, too", [named, to_other, revoke(SEAT, HUB)], OTHER_HUB),
        _falls("A9", "when an organiser did", [named, to_other, *by_both], OTHER_HUB),
        _falls("A9", "when a seat voided the successor", [named, to_other, revoke(SEAT, OTHER_HUB)], OTHER_HUB),
        _stands("A9", "an organiser", [organiser, by_organiser], OTHER_HUB, expect={"rank": 3}),
        _falls(
            "A9",
            "whose revocations count",
            [organiser, by_organiser, grant(SEAT, STRANGER, 5), revoke(OTHER_HUB, STRANGER)],
            STRANGER,
        ),
        _stands("A9", "one who comes after the successor", [named, chained, next_one], STRANGER, expect=as_given),
        _falls("A9", "who is then void", [named, chained, next_one], OTHER_HUB),
        _stands("A9", "by the hash alone", [named, unsaid, next_one], STRANGER, expect=as_given),
        _falls("A9", "not by a kit that the first does not name", [named, to_other, next_one], STRANGER),
        _falls("A9", "when a seat voided the first", [named, chained, next_one, revoke(SEAT, HUB)], STRANGER),
        _falls("A9", "in a circle", [named, chained, handed(second_kit, OTHER_HUB, HUB)], HUB),
        _stands("A9", "by no grant without the recovery key", [named, to_other, unnamed], OTHER_HUB, expect=as_given),
        _stands("A9", "one who stands better", [named, to_other, better], OTHER_HUB, expect={"places": 60}),
        _falls("A9", "after the grant's end", [ended, to_other], OTHER_HUB),
        _stands("A9", "the 16th after the key", *_line(16)),
        _falls("A9", "the 17th", *_line(17)),
        held("A9", "its need", path, post(OTHER_HUB), kept=[*path, post(OTHER_HUB)]),
        held("A9", "its predecessor's", path, post(), kept=path, error="revoked"),
    ]


def _line(count: int) -> tuple[list[Made], Signer]:
    """A hub that was replaced so many times, and its last key."""
    keys = [HUB, *(signer(f"heir {number}") for number in range(count))]
    kits = [signer(f"kit {number}") for number in range(count + 1)]
    hashes = [digest("recovery key", kit.public) for kit in kits]
    records = [grant(SEAT, HUB, 0, recovery=consent(HUB, hashes[0]))]
    for number in range(count):
        heir = keys[number + 1]
        records.append(handed(kits[number], keys[number], heir, consent(heir, hashes[number + 1])))
    return records, keys[-1]


HUB_GRANT_AGAIN = grant(SEAT, HUB, 7)
MEMBER_WITH_INVITES = grant(SEAT, MEMBER, 3, rank="member", invites=3)
ORGANISER_FOR_STRANGER = grant(SEAT, STRANGER, 4, rank="organiser")


def _writing() -> list[Fields]:
    base = [CHARTER, HUB_GRANT, MEMBER_GRANT]
    last, beyond = post(place=49), post(place=50)
    note = seal(fields_of(MEMBER, 33, place=2), [MEMBER])
    unknown = seal(fields_of(MEMBER, 99, place=2), [MEMBER])
    return [
        held("A7", "the last place", base, last, kept=[*base, last]),
        held("A7", "a member's note", base, note, kept=[*base, note]),
        held("A7", "a place beyond the grant", base, beyond, kept=base, error="waits_proof"),
        held("A7", "a member's need", base, post(MEMBER), kept=base, error="waits_proof"),
        held("A7", "a member's record of an unknown kind", base, unknown, kept=base, error="waits_proof"),
        held("A7", "a stranger's need", base, post(STRANGER), kept=base, error="waits_proof"),
        held("A7", "a revoked hub's need", [*base, revoke(SEAT, HUB)], post(), error="revoked"),
        held(
            "A7",
            "a need written before its hub was revoked",
            [*base, post()],
            revoke(SEAT, HUB),
            kept=[*base, revoke(SEAT, HUB)],
        ),
    ]


def _expired() -> list[Fields]:
    short = grant(SEAT, HUB, 0, days=10)
    past = grant(SEAT, ORGANISER, 2, rank="organiser", days=5)
    removal = revoke(ORGANISER, STRANGER)
    victim = grant(SEAT, STRANGER, 3)
    proofs = [CHARTER, HUB_GRANT]
    below, ended = grant(HUB, STRANGER, 2, invites=0), grant(HUB, STRANGER, 2, seq=2, ends=True)
    beyond = grant(HUB, STRANGER, 3, ends=True)
    by_member = grant(MEMBER, STRANGER, 0, ends=True)
    greedy, second = grant(HUB, OTHER_HUB, 0, invites=9, days=5), grant(HUB, STRANGER, 1, invites=0)
    return [
        _stands("A8", "a millisecond before it expires", [short], HUB, now=STAMP + 10 * DAY_MS - 1),
        _falls("A8", "when it expires", [short], HUB, now=STAMP + 10 * DAY_MS),
        _stands(
            "A8", "an expired grant by a clock that is not trusted", [short], HUB, now=NOW + 99 * DAY_MS, trusted=False
        ),
        _falls(
            "A8",
            "an expired organiser's revocation still counts",
            [past, removal, victim],
            STRANGER,
            expect={"proven": sorted(made.id.hex() for made in (past, removal, victim))},
        ),
        _falls("A8", "a grant that had no invite left before another expired", [HUB_GRANT, greedy, second], STRANGER),
        _falls("A8", "an expired organiser does not stand", [past, removal, victim], ORGANISER),
        held("A8", "an end within its author's invites", [*proofs, below], ended, kept=[*proofs, ended]),
        held("A8", "an end beyond its author's invites", proofs, beyond, kept=proofs, error="waits_proof"),
        held("A8", "an end by a member", [*proofs, MEMBER_WITH_INVITES], by_member, error="waits_proof"),
        held("A8", "a hub's revocation", [*proofs, victim], revoke(HUB, STRANGER), error="waits_proof"),
    ]
