"""Random societies: sets of charters, grants, revocations and posts of a few people who contradict each other.

All records are real and signed; each is made once, so that examples are cheap.
"""

from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

from hartig_protocol.limits import DAY_MS
from hartig_protocol.records.keys import SigningKey, recovery_hash
from hartig_protocol.records.opening import sign_record
from hartig_protocol.records.record import Record, committed_thread_id
from hartig_protocol.records.writing import grant_head, recovery_of, revoke_head
from support.records import NOW_MS, Network, charter, key, seat_recovery

FIRST_SEATS = (key("seat 0"), key("seat 1"), key("seat 2"))
NETWORK = Network()
NETWORK.charter = FIRST = charter(FIRST_SEATS, threshold=2)
PEOPLE = (*FIRST_SEATS, *(NETWORK.hub(number) for number in range(1, 6)))
RANKS = ("member", "hub", "organiser")


@cache
def kit(person: int, number: int) -> SigningKey:
    """One of the recovery keys of a person."""
    return key(f"kit {number} of {person}")


def named_kit(person: int, number: int | None) -> tuple[bytes, bytes] | None:
    """What a grant or a revocation says of it."""
    hash_ = None if number is None else recovery_hash(kit(person, number).public)
    return hash_ and recovery_of(PEOPLE[person], NETWORK.id, hash_)


@cache
def version(path: tuple[int, ...]) -> Record:
    """A charter that follows another; each number of the path says who signs and who has a seat next."""
    if not path:
        return FIRST
    before = version(path[:-1])
    a, b, c = FIRST_SEATS
    signers = [[a, b], [b, c], [a, b, c], [a, seat_recovery(b)], [a], [a, PEOPLE[3]], [a, seat_recovery(a)]][path[-1]]
    seats = [a, b, c] if path[-1] % 3 else [a, b, PEOPLE[3]]
    return charter(seats, threshold=2, signers=signers, seed=sum(path), after=before)


@cache
def wrong_number(path: tuple[int, ...]) -> Record:
    """A version that leaves out a number."""
    made = version(path)
    head = replace(made.head, seq=made.head.seq + 1)
    signers = [one for one in (*PEOPLE, *map(seat_recovery, FIRST_SEATS)) if one.public in head.facts["signers"]]
    return sign_record(replace(head, thread=committed_thread_id(head)), None, signers)


@cache
def grant(giver: int, taker: int, rank: int, place: int, invites: int, named: int | None, days: int) -> Record:
    """A grant; one that lasts for no time at all takes back what stood there."""
    head = grant_head(
        network=NETWORK.id,
        author=PEOPLE[giver].public,
        place=place,
        subject=PEOPLE[taker].public,
        rank=RANKS[rank],
        places=2 + invites,
        invites=invites,
        stamp=NOW_MS - 20 * DAY_MS,
        expires=NOW_MS + (days or 9) * DAY_MS,
        recovery=named_kit(taker, named),
        ends=not days,
    )
    return sign_record(head, None, [PEOPLE[giver]])


def _revoke(
    author: SigningKey, subject: int, successor: int | None, named: int | None, seq: int, *, consented: bool = False
) -> Record:
    consent = recovery_of(PEOPLE[subject], NETWORK.id, recovery_hash(author.public))[1]
    head = revoke_head(
        network=NETWORK.id,
        author=author.public,
        subject=PEOPLE[subject].public,
        stamp=NOW_MS - 400 * DAY_MS if seq == 2 else NOW_MS,  # backdated before all that it voids
        expires=NOW_MS + 30 * DAY_MS,
        seq=seq,
        successor=None if successor is None else PEOPLE[successor].public,
        recovery=None if successor is None else named_kit(successor, named),
        consent=consent if consented else None,
    )
    return sign_record(head, None, [author])


@cache
def removal(by: int, subject: int, successor: int | None, seq: int, consented: bool) -> Record:
    """A revocation by somebody, to whom a thief of the subject's key may have given its consent."""
    return _revoke(PEOPLE[by], subject, successor, None, seq, consented=consented)


@cache
def recovery(
    subject: int, number: int, successor: int | None, named: int | None, seq: int, consented: bool = True
) -> Record:
    """A revocation by one of the subject's recovery keys: that of today, an old one, a thief's own."""
    return _revoke(kit(subject, number), subject, successor, named, seq, consented=consented)


@cache
def need(author: int, place: int) -> Record:
    """A post, by which it is seen who may write."""
    return NETWORK.need(PEOPLE[author], place=place)


_seat, _person = st.integers(0, 2), st.integers(3, 7)
_anybody, _small = st.integers(0, 7), st.integers(0, 3)
_kit, _maybe = st.sampled_from([0, 0, 0, 1, 2]), st.sampled_from([None, 3, 4, 5, 6, 7])
_named, _seq = st.sampled_from([None, 0, 0, 0, 1]), st.integers(1, 2)
_days = st.sampled_from([9, 9, 9, 12, -5, 0])
_sound = st.builds(grant, _seat, _person, st.integers(1, 2), _small, st.integers(2, 6), _named, st.just(9))
_below = st.builds(grant, _person, _person, st.integers(0, 1), _small, st.integers(0, 2), _named, _days)
_any = st.builds(grant, _anybody, _person, st.integers(0, 2), _small, _small, _named, _days)
_rarely = st.sampled_from([False, False, False, True])
_removal = st.builds(removal, st.integers(0, 5), _person, _maybe, _seq, _rarely)
_recovery = st.builds(recovery, _person, _kit, _maybe, _named, _seq, st.sampled_from([True, True, False]))
_handed = st.builds(recovery, _person, st.just(0), _person, st.just(0), st.just(1))
_numbers = st.sampled_from([0, 0, 1, 1, 2, 2, 3, 4, 5, 6])


def _rivals(path: list[int], others: list[tuple[int, int]], is_wrong: bool) -> list[Record]:
    """The charters down to the end of a path, and some beside it."""
    found = [version(tuple(path[:length])) for length in range(1, len(path) + 1)]
    found += [version((*path[:length], number)) for length, number in others]
    return [*found, *([wrong_number(tuple(path))] if path and is_wrong else [])]


_charters = st.builds(
    _rivals,
    st.lists(_numbers, max_size=3),
    st.lists(st.tuples(st.integers(0, 3), _numbers), max_size=3),
    st.booleans(),
)


def _mixed(*parts: list[Record]) -> list[Record]:
    return list({one.id: one for part in ([FIRST], *parts) for one in part}.values())


societies = st.builds(
    _mixed,
    _charters,
    st.lists(_sound, min_size=3, max_size=7),
    st.lists(st.one_of(_below, _below, _any), min_size=1, max_size=6),
    st.lists(st.one_of(_removal, _recovery, _recovery, _handed, _handed), max_size=6),
    st.lists(st.builds(need, _person, st.integers(0, 5)), max_size=4),
)
moments = st.sampled_from([None, NOW_MS])

# Person 5's key is in a thief's hands. Person 3 let it in and names its kit 0; person 4 helps the thief; kit 1 is an
# old one, kit 2 the thief's own, and the thief consents to itself, too. The kit names person 6, the thief person 7.
_AROUND = (
    grant(0, 3, 1, 0, 6, None, 9),
    grant(1, 4, 1, 0, 20, None, 9),
    grant(3, 5, 1, 0, 1, 0, 9),
    *(
        grant(4, 5, 1, place, 5 + place, named, days)
        for place, named, days in ((0, None, 12), (1, 1, -5), (2, None, 9))
    ),
    grant(4, 5, 1, 3, 0, None, 0),
    recovery(5, 0, 6, 0, 1),
    recovery(5, 0, 6, 0, 2, consented=False),
    recovery(5, 1, 7, 0, 2),
    recovery(5, 2, 7, 0, 1),
    removal(5, 5, 7, 1, consented=True),
    recovery(6, 1, 7, None, 1),
)
thefts = st.lists(st.sampled_from(_AROUND), min_size=5, unique_by=lambda one: one.id).map(_mixed)
