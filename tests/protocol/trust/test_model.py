"""The package and a slow model of SPEC.md agree on who stands; and no order of arrival makes a difference."""

import os
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.catalog.catalog import Catalog
from hartig_protocol.catalog.commit import Commit, Now
from hartig_protocol.catalog.verdict import Outcome, Verdict
from hartig_protocol.records.governance import Charter
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.trust.authority import Authority, authority_of
from hartig_protocol.trust.charters import charters_of
from protocol.trust.societies import NETWORK, PEOPLE, moments, societies, thefts
from protocol.trust.standing_model import Stand, charter_path, who_stands
from support.records import NOW_MS

randoms = st.randoms(use_true_random=False)
ROUNDS_MAX = 40
MANY = 5_000 if os.environ.get("HARTIG_DEEP") == "1" else 250
few, many = settings(max_examples=60, deadline=None), settings(max_examples=MANY, deadline=None)


class Holder:
    """A catalog, and what waits; whatever came is tried again until nothing changes."""

    def __init__(self, at_ms: int | None) -> None:
        self.catalog = Catalog(NETWORK.id)
        self.now = Now(NOW_MS, 0, trusted=at_ms is not None)
        self.waiting: dict[bytes, Record] = {}

    def take(self, records: Iterable[Record]) -> dict[bytes, Verdict]:
        offered, verdicts = {record.id: record for record in records}, {}
        for _ in range(ROUNDS_MAX):
            commit = Commit()
            judged = self.catalog.take(offered.values(), self.now, commit)
            verdicts |= {record.id: verdict for record, verdict in judged}
            for record, verdict in judged:
                self.waiting.pop(record.id, None)
                if verdict.outcome is Outcome.WAITS:
                    self.waiting[record.id] = record
            if not commit or not self.waiting:
                return verdicts
            offered = dict(self.waiting)
        raise AssertionError("what waits never comes to rest")

    def take_until_quiet(self, records: list[Record]) -> dict[bytes, Verdict]:
        """What an audit does: offer all of it, again and again, until nothing changes."""
        for _ in range(ROUNDS_MAX):
            before = self.ids
            verdicts = self.take(records)
            if self.ids == before:
                return verdicts
        raise AssertionError("it never comes to rest")

    @property
    def ids(self) -> list[bytes]:
        return sorted(self.catalog.entries)


def by_package(records: list[Record], at_ms: int | None) -> Authority:
    standing = charters_of(NETWORK.id, [one for one in records if one.head.kind == Kind.CHARTER]).standing
    ruled = [one for one in records if one.head.kind in (Kind.GRANT, Kind.REVOKE)]
    return authority_of(standing and Charter.of(standing.head), ruled, at_ms)


def in_words(authority: Authority) -> dict[bytes, Stand]:
    return {
        key: Stand(int(one.rank), one.places, one.invites, one.until_ms, one.depth, one.via, one.handed)
        for key, one in authority.standings.items()
    }


def check_against_the_model(records: list[Record], at_ms: int | None) -> None:
    authority = by_package(records, at_ms)
    standing, proven, void = who_stands(records, at_ms)
    assert in_words(authority) == standing
    assert authority.proven == proven
    assert set(authority.revoked) == void


def check_order(records: list[Record], at_ms: int | None, random: Random) -> None:
    first, second = Holder(at_ms), Holder(at_ms)
    whole = first.take_until_quiet(records)
    mixed = [*records, *random.sample(records, len(records) // 2)]
    random.shuffle(mixed)
    while mixed:
        count = random.randint(1, 4)
        second.take(mixed[:count])
        del mixed[:count]
    assert second.take_until_quiet(records) == whole
    assert second.ids == first.ids
    assert second.catalog.authority == first.catalog.authority
    _, proven, _ = who_stands(records, at_ms)
    path, rivals = charter_path([one for one in records if one.head.kind == Kind.CHARTER])
    assert [record.id for record in first.catalog.charters.path] == [record.id for record in path]
    kept = {one for one in first.catalog.governance if one not in {record.id for record in (*path, *rivals)}}
    assert kept <= proven
    registers = {one.head.thread if one.head.kind == Kind.REVOKE else (one.head.author, one.head.place)
                 for one in records if one.id in proven}  # fmt: skip
    assert len(kept) == len(registers)


def check_proven_alone(records: list[Record], at_ms: int | None) -> None:
    whole = by_package(records, at_ms)
    charters = charters_of(NETWORK.id, [one for one in records if one.head.kind == Kind.CHARTER])
    proven = by_package([one for one in records if one.id in whole.proven or one.id in charters.kept], at_ms)
    assert proven == whole


def check_two_halves(records: list[Record], at_ms: int | None, random: Random) -> None:
    """Two hubs that heard different parts give each other what they hold until nothing changes."""
    hubs = Holder(at_ms), Holder(at_ms)
    parts = [random.sample(records, random.randint(0, len(records))) for _ in hubs]
    for hub, part in zip(hubs, parts, strict=True):
        for record in part:
            hub.take([record])
    made = {record.id: record for record in records}
    quiet = False
    while not quiet:
        before = [hub.ids for hub in hubs]
        for hub, other in (hubs, hubs[::-1]):
            hub.take([made[one] for one in other.ids])
        quiet = before == [hub.ids for hub in hubs]
    assert hubs[0].ids == hubs[1].ids
    assert hubs[0].catalog.authority == hubs[1].catalog.authority


@few
@given(societies, moments)
def test_the_model_and_the_package_agree(records: list[Record], at_ms: int | None) -> None:
    check_against_the_model(records, at_ms)


@few
@given(societies, moments, randoms)
def test_what_is_kept_does_not_depend_on_order(records: list[Record], at_ms: int | None, random: Random) -> None:
    check_order(records, at_ms, random)


@few
@given(societies, moments, randoms)
def test_two_hubs_that_have_exchanged_hold_the_same(records: list[Record], at_ms: int | None, random: Random) -> None:
    check_two_halves(records, at_ms, random)


@few
@given(societies, moments)
def test_what_is_not_proven_or_kept_has_no_influence(records: list[Record], at_ms: int | None) -> None:
    check_proven_alone(records, at_ms)


@few
@given(thefts, moments, randoms)
def test_whoever_helps_a_thief_the_key_is_void_and_its_kit_alone_hands_on(
    records: list[Record], at_ms: int | None, random: Random
) -> None:
    check_against_the_model(records, at_ms)
    check_order(records, at_ms, random)
    check_two_halves(records, at_ms, random)
    check_proven_alone(records, at_ms)
    standings = by_package(records, at_ms).standings
    by_kits = [one for one in records if one.head.fixed and one.head.subject == PEOPLE[5].public]
    assert not by_kits or PEOPLE[5].public not in standings
    givers = {one.id: PEOPLE.index(author) for one in records for author in PEOPLE if author.public == one.head.author}
    handed = {(PEOPLE[heir].public, giver) for heir, giver in ((6, 3), (7, 4))}  # by whom the thief is helped, it is
    assert {(key, givers[one.grant or b""]) for key, one in standings.items() if one.via} <= handed


@pytest.mark.wide
@many
@given(societies, moments, randoms)
def test_none_of_it_fails_in_a_thousand_societies(records: list[Record], at_ms: int | None, random: Random) -> None:
    check_against_the_model(records, at_ms)
    check_order(records, at_ms, random)
    check_two_halves(records, at_ms, random)
