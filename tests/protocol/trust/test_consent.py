"""What recovery keys say counts by their subjects' consent, whoever grants what (SPEC, parts A and L)."""

from hartig_protocol.limits import DAY_MS, THREAD_KEPT_MS
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.keys import recovery_hash
from hartig_protocol.trust.lasting import due_governance
from protocol.trust.test_authority import NETWORK, SEAT, A, B, C, D, judged, rank_of, recovery_key
from support.records import NOW_MS


def test_a_keys_own_recovery_key_revokes_it() -> None:
    grant = NETWORK.grant(A.public, recovery_of=A)
    revoke = NETWORK.revoke(A.public, author=recovery_key(A), consenting=A)
    authority = judged(revoke, grant)
    assert rank_of(authority, A) is None
    assert revoke.id in authority.proven
    assert A.public in authority.revoked
    assert rank_of(judged(revoke, grant, at_ms=NOW_MS), A) is None


def test_a_recovery_key_to_which_the_key_did_not_consent_counts_for_nothing() -> None:
    revoke = NETWORK.revoke(A.public, author=recovery_key(A))
    authority = judged(NETWORK.grant(A.public, recovery_of=A), revoke)
    assert rank_of(authority, A) is Rank.HUB
    assert revoke.id not in authority.proven


def test_whoever_grants_it_more_does_not_keep_a_revoked_key_alive() -> None:
    inviter = NETWORK.grant(A.public, place=0, places=50)
    accomplice = NETWORK.grant(B.public, place=1, places=900)
    named = NETWORK.grant(C.public, author=A, place=0, places=10, recovery_of=C)
    more = NETWORK.grant(C.public, author=B, place=0, places=900)
    revoke = NETWORK.revoke(C.public, author=recovery_key(C), consenting=C, successor=D.public)
    authority = judged(inviter, accomplice, named, more, revoke)
    heir = authority.standing(D.public)
    assert rank_of(authority, C) is None
    assert heir is not None
    assert (heir.grant, heir.places, heir.via) == (named.id, 10, (revoke.id,))


def test_what_another_kit_says_voids_and_hands_nothing_on() -> None:
    """An old kit, or one that a thief of the key made for itself."""
    grant = NETWORK.grant(A.public, recovery_of=A)
    old = NETWORK.revoke(A.public, author=recovery_key(B), consenting=A, successor=B.public, seq=9)
    new = NETWORK.revoke(A.public, author=recovery_key(A), consenting=A, successor=C.public)
    authority = judged(grant, old)
    assert rank_of(authority, A) is rank_of(authority, B) is None
    authority = judged(grant, old, new)
    assert [rank_of(authority, who) for who in (A, B, C)] == [None, None, Rank.HUB]
    assert {old.id, new.id} <= authority.proven


def test_of_the_kits_that_no_grant_names_the_one_that_lasts_longest_counts() -> None:
    grant = NETWORK.grant(A.public, recovery_of=A)
    kits = [
        NETWORK.revoke(A.public, author=recovery_key(who), consenting=A, seq=n) for n, who in ((1, B), (3, C), (2, D))
    ]
    named = NETWORK.revoke(A.public, author=recovery_key(A), consenting=A)
    assert judged(grant, *kits).proven == {grant.id, kits[1].id}
    assert judged(grant, *kits, named).proven == {grant.id, kits[1].id, named.id}


def test_a_consented_revocation_counts_where_a_grant_leads_to_its_subject_alone() -> None:
    revoke = NETWORK.revoke(A.public, author=recovery_key(A), consenting=A)
    ended = NETWORK.grant(A.public, ends=True)
    assert judged(revoke) == judged()
    assert judged(revoke, NETWORK.grant(A.public, author=B)) == judged()
    assert judged(revoke, ended).proven == {revoke.id, ended.id}


def test_no_recovery_key_voids_a_seat() -> None:
    revoke = NETWORK.revoke(SEAT.public, author=recovery_key(SEAT), consenting=SEAT)
    authority = judged(NETWORK.grant(SEAT.public), revoke)
    assert rank_of(authority, SEAT) is Rank.SEAT
    assert revoke.id not in authority.proven


def test_no_version_without_consent_takes_the_place_of_one_with_it() -> None:
    grant = NETWORK.grant(A.public, rank="organiser", recovery_of=A)
    own = {"author": B, "successor": B.public}
    named = NETWORK.grant(A.public, rank="organiser", recovery=[recovery_hash(B.public), bytes(64)])
    revoke, later = NETWORK.revoke(A.public, **own, consenting=A), NETWORK.revoke(A.public, **own, seq=9)
    assert revoke.head.thread != later.head.thread
    assert rank_of(judged(grant, revoke, later), A) is None
    authority = judged(named, revoke, later)
    assert rank_of(authority, B) is Rank.ORGANISER
    assert {revoke.id, later.id} <= authority.proven


# --- Keeping


def test_a_grant_is_kept_while_its_keys_revocations_are() -> None:
    old = NETWORK.grant(A.public, rank="organiser", stamp=NOW_MS - 90 * DAY_MS, expires=NOW_MS - 50 * DAY_MS)
    idle = NETWORK.grant(B.public, place=1, stamp=NOW_MS - 90 * DAY_MS, expires=NOW_MS - 50 * DAY_MS)
    revoke = NETWORK.revoke(C.public, author=A)
    assert due_governance([NETWORK.charter, old, idle, revoke], NOW_MS) == {idle.id}


def test_a_revocation_is_kept_while_any_grant_of_its_key_is() -> None:
    over = {"stamp": NOW_MS - 200 * DAY_MS, "expires": NOW_MS - 40 * DAY_MS}
    kept, gone = NETWORK.revoke(A.public, **over), NETWORK.revoke(B.public, **over)
    assert due_governance([NETWORK.grant(A.public), kept, gone], NOW_MS) == {gone.id}


def test_a_grant_is_kept_as_long_as_a_recovery_key_voids_its_key_or_one_that_came_after() -> None:
    over = {"stamp": NOW_MS - 90 * DAY_MS, "expires": NOW_MS - 50 * DAY_MS}
    grant, other = NETWORK.grant(A.public, **over), NETWORK.grant(D.public, place=1, **over)
    lost = NETWORK.revoke(A.public, author=recovery_key(A), consenting=A, successor=B.public, **over)
    lost_again = NETWORK.revoke(B.public, author=recovery_key(B), consenting=B)
    by_seat = NETWORK.revoke(D.public)
    assert due_governance([grant, lost, lost_again, other, by_seat], NOW_MS) == {other.id}
    last_ms = (lost_again.head.expires or 0) + THREAD_KEPT_MS
    assert due_governance([grant, lost, lost_again], last_ms - 1) == set()
    assert due_governance([grant, lost, lost_again], last_ms) == {grant.id, lost.id, lost_again.id}


def test_what_only_kept_each_other_up_goes_in_one_sweep() -> None:
    over = {"stamp": NOW_MS - 200 * DAY_MS, "expires": NOW_MS - 40 * DAY_MS}
    organiser = NETWORK.grant(A.public, rank="organiser", **over)
    revoke = NETWORK.revoke(B.public, author=A, **over)
    victim = NETWORK.grant(B.public, place=1, **over)
    assert due_governance([organiser, revoke, victim], NOW_MS) == {organiser.id, revoke.id, victim.id}
