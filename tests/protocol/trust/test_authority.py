"""Authority is a function of the set: rank by rank, bounded, and the same in any order (SPEC, part A)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.limits import DAY_MS, GRANTS_DEEP_MAX, REVOKES_MAX
from hartig_protocol.records.governance import Charter, Rank
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Record
from hartig_protocol.trust import authority as authority_module
from hartig_protocol.trust.authority import Authority, authority_of
from support.records import NOW_MS, Network, key

NETWORK = Network()
CHARTER = Charter.of(NETWORK.charter.head)
A, B, C, D = (NETWORK.hub(number) for number in range(1, 5))
SEAT = NETWORK.seat


def judged(*records: Record, at_ms: int | None = None) -> Authority:
    return authority_of(CHARTER, records, at_ms)


def rank_of(authority: Authority, who: SigningKey) -> Rank | None:
    standing = authority.standing(who.public)
    return standing and standing.rank


@cache
def recovery_key(who: SigningKey) -> SigningKey:
    return key(f"recovery of {who.public.hex()}")


def test_without_a_charter_nobody_stands() -> None:
    assert authority_of(None, [NETWORK.grant(A.public)], None) == Authority()


def test_seats_stand_by_the_charter_alone() -> None:
    standing = judged().standing(SEAT.public)
    assert standing is not None
    assert (standing.rank, standing.places, standing.invites, standing.grant) == (Rank.SEAT, 20_000, 1_000, None)


def test_a_hub_may_grant_hubs_and_members_and_no_organiser() -> None:
    first = NETWORK.grant(A.public)
    hub = NETWORK.grant(B.public, author=A, place=0, invites=1)
    member = NETWORK.grant(C.public, author=A, place=1, rank="member")
    organiser = NETWORK.grant(D.public, author=A, place=2, rank="organiser")
    authority = judged(organiser, member, hub, first)
    assert [rank_of(authority, who) for who in (B, C, D)] == [Rank.HUB, Rank.MEMBER, None]
    assert organiser.id not in authority.proven


def test_a_member_grants_nobody() -> None:
    authority = judged(NETWORK.grant(A.public, rank="member"), NETWORK.grant(B.public, author=A))
    assert rank_of(authority, B) is None


def test_a_grant_never_gives_more_places_than_its_author_has() -> None:
    authority = judged(NETWORK.grant(A.public, places=50), NETWORK.grant(B.public, author=A, places=900))
    standing = authority.standing(B.public)
    assert standing is not None
    assert standing.places == 50


def test_invites_are_used_in_the_order_of_their_numbers_and_clipped_to_what_is_left() -> None:
    first = NETWORK.grant(A.public, invites=6)
    granted = [NETWORK.grant(who.public, author=A, place=n, invites=3) for n, who in enumerate((B, C, D))]
    authority = judged(first, *reversed(granted))
    invites = [standing and standing.invites for standing in (authority.standing(who.public) for who in (B, C, D))]
    assert invites == [3, 1, None]
    assert granted[2].id not in authority.proven


def test_an_invite_number_beyond_the_invites_is_not_proven_even_to_end_it() -> None:
    beyond = NETWORK.grant(B.public, author=A, place=10)
    ended = NETWORK.grant(C.public, author=A, place=11, ends=True)
    authority = judged(NETWORK.grant(A.public, invites=10), beyond, ended)
    assert not {beyond.id, ended.id} & authority.proven


def test_an_ended_grant_is_proven_uses_no_invite_and_lets_nobody_act() -> None:
    ended = NETWORK.grant(B.public, author=A, place=0, ends=True)
    authority = judged(NETWORK.grant(A.public, invites=1), ended)
    assert ended.id in authority.proven
    assert rank_of(authority, B) is None


def test_of_two_versions_in_one_invite_number_the_highest_stands() -> None:
    low, high = NETWORK.grant(A.public, places=5), NETWORK.grant(A.public, places=9, seq=2)
    standing = judged(high, low).standing(A.public)
    assert standing is not None
    assert standing.grant == high.id


def test_a_version_that_may_not_be_given_displaces_nothing() -> None:
    good = NETWORK.grant(B.public, author=A, place=0)
    bad = NETWORK.grant(B.public, author=A, place=0, rank="organiser", seq=5, expires=NOW_MS + 399 * DAY_MS)
    authority = judged(NETWORK.grant(A.public), good, bad)
    assert rank_of(authority, B) is Rank.HUB
    assert good.id in authority.proven
    assert bad.id not in authority.proven


def test_several_grants_for_one_key_highest_rank_most_places_most_invites() -> None:
    few = NETWORK.grant(A.public, place=0, places=10, invites=100)
    many = NETWORK.grant(A.public, place=1, places=20, invites=1)
    standing = judged(few, many).standing(A.public)
    assert standing is not None
    assert standing.grant == many.id


def test_nobody_may_grant_deeper_than_a_hello_can_carry() -> None:
    giver, records = SEAT, []
    hubs = [NETWORK.hub(100 + depth) for depth in range(GRANTS_DEEP_MAX + 3)]
    for depth, hub in enumerate(hubs):
        records.append(NETWORK.grant(hub.public, author=giver, invites=900 - depth))
        giver = hub
    authority = judged(*records)
    assert [rank_of(authority, hub) is not None for hub in hubs] == [True] * GRANTS_DEEP_MAX + [False] * 3


# --- Who may write


def test_who_may_write_what_where() -> None:
    authority = judged(NETWORK.grant(A.public, places=10), NETWORK.grant(B.public, place=1, rank="member", places=10))
    assert authority.may_write(A.public, 16, 9)
    assert not authority.may_write(A.public, 16, 10)
    assert not authority.may_write(A.public, 16, None)
    assert not authority.may_write(B.public, 16, 0)
    assert authority.may_write(B.public, 33, 0)
    assert authority.may_write(B.public, 34, 0)
    assert not authority.may_write(C.public, 33, 0)


# --- Time


def test_a_grant_past_its_day_lets_nobody_act_and_still_proves_revocations() -> None:
    grant = NETWORK.grant(A.public, rank="organiser", stamp=NOW_MS - 20 * DAY_MS, expires=NOW_MS - DAY_MS)
    victim = NETWORK.grant(B.public, place=1)
    revoke = NETWORK.revoke(B.public, author=A)
    authority = judged(grant, victim, revoke, at_ms=NOW_MS)
    assert rank_of(authority, A) is None
    assert {grant.id, revoke.id} <= authority.proven
    assert rank_of(authority, B) is None


def test_without_a_trusted_clock_no_grant_ends() -> None:
    grant = NETWORK.grant(A.public, stamp=NOW_MS - 20 * DAY_MS, expires=NOW_MS - DAY_MS)
    assert rank_of(judged(grant, at_ms=None), A) is Rank.HUB


def test_a_standing_lasts_as_long_as_the_shortest_grant_on_its_path() -> None:
    authority = judged(
        NETWORK.grant(A.public, expires=NOW_MS + DAY_MS), NETWORK.grant(B.public, author=A, expires=NOW_MS + 9 * DAY_MS)
    )
    standing = authority.standing(B.public)
    assert standing is not None
    assert standing.until_ms == NOW_MS + DAY_MS


# --- Revocations


def test_a_revocation_voids_a_key_and_all_that_it_granted() -> None:
    below = NETWORK.grant(B.public, author=A)
    authority = judged(NETWORK.grant(A.public), below, NETWORK.revoke(A.public))
    assert rank_of(authority, A) is rank_of(authority, B) is None
    assert below.id not in authority.proven
    assert A.public in authority.revoked


def test_equals_cannot_remove_each_other() -> None:
    organisers = [NETWORK.grant(A.public, rank="organiser"), NETWORK.grant(B.public, place=1, rank="organiser")]
    each_other = [NETWORK.revoke(A.public, author=B), NETWORK.revoke(B.public, author=A)]
    authority = judged(*organisers, *each_other)
    assert rank_of(authority, A) is rank_of(authority, B) is Rank.ORGANISER


def test_a_hub_cannot_revoke() -> None:
    revoke = NETWORK.revoke(B.public, author=A)
    authority = judged(NETWORK.grant(A.public), NETWORK.grant(B.public, place=1), revoke)
    assert rank_of(authority, B) is Rank.HUB
    assert revoke.id not in authority.proven


def test_a_revocation_outlives_a_new_grant_of_lower_rank() -> None:
    again = NETWORK.grant(A.public, place=5, stamp=NOW_MS + DAY_MS)
    assert rank_of(judged(NETWORK.grant(A.public), NETWORK.revoke(A.public), again), A) is None


def test_a_seat_is_removed_by_no_revocation() -> None:
    assert rank_of(judged(NETWORK.revoke(SEAT.public)), SEAT) is Rank.SEAT


def test_removals_of_keys_that_nobody_let_in_push_no_other_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has stolen an organiser's key can write as many as they like, which last longer."""
    monkeypatch.setattr(authority_module, "REVOKES_MAX", 2)
    lost = NETWORK.grant(B.public, place=1, recovery_of=B)
    handed = NETWORK.revoke(B.public, author=recovery_key(B), consenting=B, successor=C.public)
    removals = [NETWORK.revoke(who.public, expires=NOW_MS + DAY_MS) for who in (A, C)]
    invented = [NETWORK.revoke(NETWORK.hub(n).public, expires=NOW_MS + n * DAY_MS) for n in range(50, 55)]
    authority = judged(NETWORK.grant(A.public), lost, handed, *removals, *invented)
    assert authority.proven.issuperset(one.id for one in removals)
    assert [rank_of(authority, who) for who in (A, B, C)] == [None] * 3


def test_the_revocations_of_one_author_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert REVOKES_MAX == 4_096
    monkeypatch.setattr(authority_module, "REVOKES_MAX", 2)
    revokes = [NETWORK.revoke(NETWORK.hub(n).public, expires=NOW_MS + n * DAY_MS) for n in range(50, 55)]
    proven = judged(*revokes).proven
    assert [revoke.id in proven for revoke in revokes] == [False, False, False, True, True]


def test_of_two_versions_of_a_revocation_the_higher_counts() -> None:
    first, second = NETWORK.revoke(A.public), NETWORK.revoke(A.public, seq=2)
    for order in ((first, second), (second, first)):
        proven = judged(*order).proven
        assert second.id in proven
        assert first.id not in proven


def test_what_had_no_invite_left_stands_no_more_when_another_has_expired() -> None:
    giver = NETWORK.grant(A.public, invites=2)
    over = NETWORK.grant(B.public, author=A, invites=1, stamp=NOW_MS - 30 * DAY_MS, expires=NOW_MS - DAY_MS)
    beyond = NETWORK.grant(C.public, author=A, place=1, invites=0)
    authority = judged(giver, over, beyond, at_ms=NOW_MS)
    assert beyond.id not in authority.proven
    assert rank_of(authority, C) is None


# --- Properties


@dataclass(frozen=True)
class Words:
    """What a small society says, as numbers."""

    grants: Sequence[tuple[int, int, int, int, int, bool]]
    revokes: Sequence[tuple[int, int]]
    recoveries: Sequence[int]


PEOPLE = (SEAT, A, B, C, D)
RANKS = ("member", "hub", "organiser")


@cache
def grant_of(giver: int, taker: int, rank: int, place: int, invites: int, with_recovery: bool, late: bool) -> Record:
    who = PEOPLE[taker]
    return NETWORK.grant(
        who.public,
        author=PEOPLE[giver],
        rank=RANKS[rank],
        place=place,
        invites=invites,
        places=10 + place,
        recovery_of=who if with_recovery else None,
        stamp=NOW_MS - 30 * DAY_MS,
        expires=NOW_MS + (DAY_MS if not late else -DAY_MS),
        ends=rank == 0 and late,
    )


@cache
def revoke_of(by: int, whom: int) -> Record:
    return NETWORK.revoke(PEOPLE[whom].public, author=PEOPLE[by])


@cache
def recovery_of(whom: int) -> Record:
    return NETWORK.revoke(PEOPLE[whom].public, author=recovery_key(PEOPLE[whom]), consenting=PEOPLE[whom])


person = st.integers(0, 4)
grants = st.builds(
    grant_of, person, person, st.integers(0, 2), st.integers(0, 3), st.integers(0, 4), st.booleans(), st.booleans()
)
revokes = st.builds(revoke_of, person, person)
recoveries = st.builds(recovery_of, st.integers(1, 4))
societies = st.lists(st.one_of(grants, grants, grants, revokes, recoveries), max_size=14, unique_by=lambda r: r.id)
moments = st.sampled_from([None, NOW_MS])


@settings(max_examples=150, deadline=None)
@given(societies, moments, st.randoms(use_true_random=False))
def test_the_verdict_does_not_depend_on_order(records: list[Record], at_ms: int | None, random: object) -> None:
    first = judged(*records, at_ms=at_ms)
    shuffled = records[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judged(*shuffled, at_ms=at_ms) == first


@settings(max_examples=150, deadline=None)
@given(societies)
def test_where_no_grant_has_expired_one_run_says_what_two_would(records: list[Record]) -> None:
    once = judged(*records, at_ms=NOW_MS)
    with patch.object(authority_module, "_some_expired", return_value=True):
        assert judged(*records, at_ms=NOW_MS) == once


@settings(max_examples=150, deadline=None)
@given(societies, moments)
def test_what_is_not_proven_has_no_influence(records: list[Record], at_ms: int | None) -> None:
    whole = judged(*records, at_ms=at_ms)
    proven = judged(*[record for record in records if record.id in whole.proven], at_ms=at_ms)
    assert proven.standings == whole.standings
    assert proven.proven == whole.proven


@settings(max_examples=100, deadline=None)
@given(societies)
def test_nobody_stands_above_who_granted_it(records: list[Record]) -> None:
    authority = judged(*records)
    by_id = {record.id: record for record in records}
    for standing in authority.standings.values():
        if standing.grant is None:
            continue
        giver = authority.standing(by_id[standing.grant].head.author)
        assert giver is not None
        assert standing.rank <= giver.rank
        assert standing.places <= giver.places
        assert standing.invites < giver.invites
        assert standing.depth == giver.depth + 1


def test_five_thousand_grants_are_settled_in_one_pass_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost is counted, not timed: how often a grant is looked at."""
    looks = 0
    right = authority_module._may_give

    def counted(giver: object, grant: Record) -> bool:
        nonlocal looks
        looks += 1
        return right(giver, grant)  # type: ignore[arg-type]

    monkeypatch.setattr(authority_module, "_may_give", counted)
    template = NETWORK.grant(A.public)
    records = []
    for number in range(5_000):
        head = replace(template.head, place=number % 1_000, subject=number.to_bytes(32, "big"), seq=1 + number // 1_000)
        records.append(Record(head, b"", b"", None, number.to_bytes(32, "big")))
    authority = judged(*records)
    assert len(authority.standings) > 50
    assert looks <= 2 * len(records)
