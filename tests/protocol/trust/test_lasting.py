"""What is kept longer than its own life: the work list agrees with the rule as it is said (SPEC L7), and is quick."""

from collections.abc import Collection
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hartig_protocol.limits import DAY_MS, THREAD_KEPT_MS
from hartig_protocol.records.record import Kind, Record
from hartig_protocol.trust import lasting
from hartig_protocol.trust.lasting import due_governance

NOW_MS = 10_000 * DAY_MS
KEYS = tuple(bytes([number]) * 32 for number in range(1, 7))


def made(number: int, kind: Kind, author: bytes, subject: bytes, *, is_over: bool, **facts: object) -> Record:
    """As much of a record as is read; a hundred thousand real ones would take minutes to sign."""
    fixed = ["consent"] if facts.pop("consented", False) else []
    expires = NOW_MS - THREAD_KEPT_MS + (0 if is_over else 1)
    head = SimpleNamespace(kind=kind, author=author, subject=subject, fixed=fixed, facts=facts, expires=expires)
    return cast("Record", SimpleNamespace(id=number.to_bytes(4, "big"), head=head))


def as_it_is_said(records: Collection[Record]) -> set[bytes]:
    """Again and again until nothing more goes."""
    kept = {record.id: record for record in records}
    over = {one.id for one in records if (one.head.expires or 0) + THREAD_KEPT_MS <= NOW_MS}
    while True:
        revokes = [one for one in kept.values() if one.head.kind == Kind.REVOKE]
        pairs = [(one.head.subject, one.head.facts["successor"]) for one in revokes if one.head.facts.get("successor")]
        of_grants = {one.head.author for one in revokes} | {
            one.head.subject for one in revokes if one.head.fixed and one.id not in over
        }
        of_revokes = {one.head.subject for one in kept.values() if one.head.kind == Kind.GRANT}
        for _ in KEYS:
            of_grants |= {before for before, after in pairs if after in of_grants}
            of_revokes |= {after for before, after in pairs if before in of_revokes}
        keeping = {Kind.GRANT: of_grants, Kind.REVOKE: of_revokes}
        going = [
            one for one in kept if one in over and kept[one].head.subject not in keeping[Kind(kept[one].head.kind)]
        ]
        if not going:
            return over - kept.keys()
        for record_id in going:
            del kept[record_id]


def _is_kept(record: Record, keeping: dict[Kind, set[bytes]]) -> bool:
    return record.head.subject in keeping[Kind(record.head.kind)]


_key = st.sampled_from(KEYS)
Said = tuple[Kind, bytes, bytes, bool, dict[str, object]]
_grant = st.tuples(st.just(Kind.GRANT), _key, _key, st.booleans(), st.just({}))
_facts = st.fixed_dictionaries({"successor": st.sampled_from([None, *KEYS]), "consented": st.booleans()})
_revoke = st.tuples(st.just(Kind.REVOKE), _key, _key, st.sampled_from([True, True, True, False]), _facts)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(_grant, _revoke, _revoke), max_size=16))
def test_what_goes_is_what_goes_one_round_after_the_other(
    said: list[Said],
) -> None:
    records = [
        made(number, kind, author, subject, is_over=is_over, **facts)
        for number, (kind, author, subject, is_over, facts) in enumerate(said)
    ]
    assert due_governance(records, NOW_MS) == as_it_is_said(records)


def fall(links: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a chain fall in which each is kept by the next; return how often a key was asked for anew."""
    keys = [number.to_bytes(32, "big") for number in range(1, links + 2)]
    records = []
    for number, (one, other) in enumerate(pairwise(keys)):
        records.append(made(2 * number, Kind.GRANT, b"seat", one, is_over=True))
        records.append(made(2 * number + 1, Kind.REVOKE, other, one, is_over=True, consented=True))
    asked = list[int]()
    following = lasting._Line.following

    def counted(line: lasting._Line, *args: object) -> set[bytes]:
        reached: set[bytes] = following(line, *args)  # type: ignore[arg-type]
        asked.append(len(reached))
        return reached

    monkeypatch.setattr(lasting._Line, "following", counted)
    assert len(due_governance(records, NOW_MS)) == 2 * links
    monkeypatch.undo()
    return sum(asked)


def test_a_chain_that_falls_link_by_link_costs_twice_as_much_when_it_is_twice_as_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert fall(800, monkeypatch) == 2 * fall(400, monkeypatch)
